"""Lesions as each evaluation found them: diameters in mm, what stands in where none was measured, and why there is nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from correlates import units
from correlates.endpoints.settings import Lesions
from correlates.endpoints.words import folded
from correlates.errors import InputError
from correlates.terms import Reason

LONG, ACROSS, VOLUME = "LDIAM", "LPERP", "MTV"
_STATE = "TUMSTATE"
_READ = (LONG, ACROSS, VOLUME, _STATE)
TOO_SMALL = ("TOO SMALL TO MEASURE", "TSTM", "TOO SMALL", "BELOW MEASURABLE LIMIT")
ABSENT = (
    "ABSENT",
    "DISAPPEARED",
    "RESOLVED",
    "COMPLETELY RESOLVED",
    "NOT VISIBLE",
    "NO LONGER VISIBLE",
    "NOT SEEN",
    "GONE",
)
MERGED = ("MERGED", "COALESCED", "CONFLUENT")
SPLIT = ("SPLIT", "FRAGMENTED")
PROGRESSED = ("UNEQUIVOCAL PROGRESSION", "PROGRESSED", "PROGRESSION", "INCREASED", "WORSENED")
UNCERTAIN = ("EQUIVOCAL", "UNCERTAIN", "POSSIBLE")
NOT_EVALUABLE = ("NE", "NOT EVALUABLE", "UNEVALUABLE", "NOT MEASURABLE", "NOT ASSESSED", "NOT DONE", "ND", "UNKNOWN")
_PRESENT = ("PRESENT", "UNEQUIVOCAL", "UNCHANGED", "STABLE", "DECREASED", "TARGET", "NON-TARGET")
_BELOW = re.compile(r"^<\s*=?\s*\d+(\.\d+)?\s*(MM|CM)?$")
_FRAGMENT = re.compile(r"^(?P<parent>.+?)(?:[._-](?:\d+|[A-Za-z])|(?<=\d)[A-Za-z])$")


@dataclass(slots=True, kw_only=True)
class Lesion:
    """What one evaluation says of one lesion.

    ``diameters`` holds the longest (LDIAM) and the longest perpendicular diameter (LPERP), mm; ``volume`` the metabolic
    volume, mL. ``problem`` is why the lesion has no size.
    """

    name: str
    kind: str
    location: str
    diameters: dict[str, float] = field(default_factory=dict)
    volume: float | None = None
    too_small: set[str] = field(default_factory=set)
    absent: bool = False
    merged: bool = False
    split: bool = False
    progressed: bool = False
    uncertain: bool = False
    problem: tuple[Reason, str] | None = None
    pieces: tuple[Lesion, ...] = ()
    """Fragments it split into; its size is the sum of theirs."""
    source_ids: list[str] = field(default_factory=list)

    @property
    def nodal(self) -> bool:
        """Whether it is a lymph node, by its site."""
        return "NODE" in self.location or "NODAL" in self.location.replace("EXTRANODAL", "")

    @property
    def gone(self) -> bool:
        """Whether it is no longer there: absent, or measured as zero."""
        if self.pieces:
            return all(piece.gone for piece in self.pieces)
        sizes = list(self.diameters.values())
        return (self.absent and not any(sizes)) or (bool(sizes) and not any(sizes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One evaluation of a subject: the days of its images, and its lesions by name."""

    days: tuple[int, ...]
    visit: str | None
    lesions: Mapping[str, Lesion]
    source_ids: tuple[str, ...]
    imputed: str | None = None
    """Part of its date that was imputed (D, M), where its day rests on that."""

    @property
    def day(self) -> int:
        """Day of the evaluation: that of the last image."""
        return self.days[-1]

    def of(self, kind: str) -> dict[str, Lesion]:
        """Lesions of one kind (TARGET, NON-TARGET, NEW)."""
        return {name: lesion for name, lesion in self.lesions.items() if lesion.kind == kind}


def courses(lesions: pl.DataFrame) -> dict[tuple[str, str], tuple[Evaluation, ...]]:
    """Evaluations by subject and evaluator (empty text where the file names none), in order of their days.

    Rows without a day do not enter. Images of one visit on several days are one evaluation, dated by the last; where a
    visit's name is used for several evaluations (UNSCHEDULED), each day is its own.
    """
    dated = lesions.filter(pl.col("day").is_not_null())
    keyed = dated.with_columns(pl.col("evaluator").fill_null("")).sort(
        "subject_id", "evaluator", "day", maintain_order=True
    )
    return {
        (str(subject), str(evaluator)): tuple(_evaluations(group.to_dicts()))
        for (subject, evaluator), group in keyed.group_by("subject_id", "evaluator", maintain_order=True)
    }


def meaning(text: str | None) -> str | None:
    """What a text in place of a diameter means: absent, too small, merged, split, not evaluable, present, progressed, uncertain; None for a word nobody knows.

    Examples
    --------
    >>> meaning("Too small to measure"), meaning("<5"), meaning("NOT EVALUABLE"), meaning("see comment")
    ('too small', 'too small', 'not evaluable', None)
    """
    word = folded(text)
    if not word:
        return "not recorded"
    if word in TOO_SMALL or _BELOW.match(word):
        return "too small"
    for words, what in (
        (ABSENT, "absent"),
        (NOT_EVALUABLE, "not evaluable"),
        (PROGRESSED, "progressed"),
        (UNCERTAIN, "uncertain"),
        (_PRESENT, "present"),
    ):
        if word in words:
            return what
    head = word.split(" ")[0]
    for begins, what in ((MERGED, "merged"), (SPLIT, "split")):
        if head in begins:
            return what
    return None


def area(lesion: Lesion, rules: Lesions) -> tuple[float | None, str]:
    """Product of the diameters, mm2, and the rule that stood in for one; null with its ``problem`` where there is none."""
    if lesion.pieces:
        return _summed(lesion, [area(piece, rules) for piece in lesion.pieces])
    if lesion.problem is not None:
        return None, ""
    if lesion.gone or lesion.merged:
        return 0.0, _stood_in(lesion, "0 mm2")
    small = rules.too_small_mm
    if lesion.too_small and not lesion.diameters:
        return small**2, f"{lesion.name} too small to measure: {small:g} x {small:g} mm"
    long, across = lesion.diameters.get(LONG), lesion.diameters.get(ACROSS)
    if long is not None and across is not None:
        return long * across, ""
    one = long if long is not None else across
    if one is None:
        return None, ""
    if lesion.too_small:
        return one * small, f"{lesion.name}: one diameter too small to measure: {small:g} mm"
    if rules.one_diameter == "missing":
        return None, f"{lesion.name}: one diameter"
    return one * one, f"{lesion.name}: one diameter, taken as circular"


def diameter(lesion: Lesion, rules: Lesions) -> tuple[float | None, str]:
    """The diameter that RECIST 1.1 sums, mm: the short axis of a lymph node, the longest diameter of any other lesion."""
    if lesion.pieces:
        return _summed(lesion, [diameter(piece, rules) for piece in lesion.pieces])
    if lesion.problem is not None:
        return None, ""
    if lesion.gone or lesion.merged:
        return 0.0, _stood_in(lesion, "0 mm")
    wanted = ACROSS if lesion.nodal else LONG
    if wanted in lesion.diameters:
        return lesion.diameters[wanted], ""
    if lesion.too_small:
        return rules.too_small_mm, f"{lesion.name} too small to measure: {rules.too_small_mm:g} mm"
    return None, f"{lesion.name}: no {'short axis' if lesion.nodal else 'longest diameter'}"


def _stood_in(lesion: Lesion, what: str) -> str:
    if lesion.merged:
        return f"{lesion.name} merged with another: {what}"
    return f"{lesion.name} absent: {what}" if lesion.absent else ""


def _summed(lesion: Lesion, sizes: Sequence[tuple[float | None, str]]) -> tuple[float | None, str]:
    notes = [note for _, note in sizes if note]
    known = [size for size, _ in sizes if size is not None]
    words = "; ".join([f"{lesion.name} split: the sum of {', '.join(p.name for p in lesion.pieces)}", *notes])
    return (sum(known) if len(known) == len(sizes) else None), words


def why(lesion: Lesion, note: str) -> tuple[Reason, str]:
    """Why a lesion has no size: what was written, else what is missing."""
    found = [lesion.problem, *(piece.problem for piece in lesion.pieces)]
    first = next((problem for problem in found if problem is not None), None)
    return first or (Reason.NOT_RECORDED, note or f"{lesion.name} has no diameter")


# ---- one evaluation ------------------------------------------------------------------------------------------------


def _evaluations(records: Sequence[dict[str, object]]) -> list[Evaluation]:
    """Records by evaluation: those of a visit, or of a day where no visit is named or the visit names several."""
    groups: dict[tuple[str, object], list[dict[str, object]]] = {}
    for row in records:
        visit = _text(row["visit"])
        groups.setdefault(("visit", visit) if visit else ("day", row["day"]), []).append(row)
    by_day: dict[int, tuple[set[int], list[dict[str, object]]]] = {}
    for (kind, _), rows in groups.items():
        seen = {(r["lesion_id"], r["measure"], r["day"]) for r in rows}
        repeated = len({(lesion, measure) for lesion, measure, _ in seen}) < len(seen)
        parts = (
            [[r for r in rows if r["day"] == d] for d in sorted({_day(r) for r in rows})]
            if repeated and kind == "visit"
            else [rows]
        )
        for part in parts:
            days = {_day(r) for r in part}
            known = by_day.setdefault(max(days), (set(), []))
            known[0].update(days)
            known[1].extend(part)
    found: list[Evaluation] = []
    earlier: set[str] = set()
    for _, (days, rows) in sorted(by_day.items()):
        found.append(_evaluation(sorted(days), rows, earlier))
        earlier |= set(found[-1].lesions)
    return found


def _evaluation(days: Sequence[int], rows: Sequence[dict[str, object]], earlier: set[str]) -> Evaluation:
    visits = dict.fromkeys(str(r["visit"]) for r in rows if r["visit"] is not None)
    return Evaluation(
        days=tuple(days),
        visit=", ".join(visits) or None,
        lesions=_fragments(_read(rows), earlier),
        source_ids=tuple(str(r["source_id"]) for r in rows),
        imputed=next((_text(r["day_imputed"]) for r in rows if r["day_imputed"] is not None), None),
    )


def _read(rows: Iterable[dict[str, object]]) -> dict[str, Lesion]:
    read: dict[str, Lesion] = {}
    for row in rows:
        name, measure = str(row["lesion_id"]), folded(_text(row["measure"]))
        if measure not in _READ:
            continue
        lesion = read.setdefault(
            name, Lesion(name=name, kind=_kind(_text(row["kind"])), location=folded(_text(row["location"])))
        )
        lesion.source_ids.append(str(row["source_id"]))
        said = meaning(_text(row["text"])) if row["value"] is None or _worded(row) else None
        if said == "too small" and measure != _STATE:
            lesion.too_small.add(measure)
        elif said == "too small":
            lesion.too_small |= {LONG, ACROSS}
        elif said in {"absent", "merged", "split", "progressed", "uncertain"}:
            setattr(lesion, said, True)
        elif measure == _STATE:
            if said == "not evaluable":
                lesion.problem = lesion.problem or (Reason.LESION_NOT_EVALUABLE, f"{name}: not evaluable")
        elif row["value"] is None:
            words = folded(_text(row["text"])).lower() or "not recorded"
            lesion.problem = lesion.problem or (Reason.LESION_NOT_EVALUABLE, f"{name} {measure}: {words}")
        else:
            _add(lesion, measure, float(str(row["value"])), _text(row["unit"]))
    return read


def _worded(row: Mapping[str, object]) -> bool:
    """Whether a text stands beside a number (TOO SMALL TO MEASURE beside 5, as CDISC's RECIST 1.1 supplement has it)."""
    return meaning(_text(row["text"])) in {"too small", "absent", "merged", "split"}


def _kind(text: str | None) -> str:
    """TARGET, NON-TARGET or NEW; the word as written where it is none of them."""
    word = folded(text).replace("NONTARGET", "NON-TARGET").replace("NON TARGET", "NON-TARGET")
    if word.startswith("NEW"):
        return "NEW"
    if word.startswith("NON-TARGET"):
        return "NON-TARGET"
    return "TARGET" if word.startswith("TARGET") else word


def _add(lesion: Lesion, measure: str, value: float, unit: str | None) -> None:
    target = "mL" if measure == VOLUME else "mm"
    try:
        factor = 1.0 if value == 0 and unit is None else units.factor(unit or "", target)
    except InputError:
        what = "volume" if measure == VOLUME else "length"
        lesion.problem = lesion.problem or (
            Reason.NOT_RECORDED,
            f"{lesion.name} {measure}: unit {unit!r} is no {what}",
        )
        return
    size = value * factor
    if measure == VOLUME:
        known = lesion.volume if lesion.volume is not None else size
        lesion.volume = size
    else:
        known = lesion.diameters.setdefault(measure, size)
    if known != size:
        lesion.problem = (Reason.DUPLICATED, f"{lesion.name} {measure}: {known:g} and {size:g} {target}")


def _fragments(read: dict[str, Lesion], earlier: set[str]) -> dict[str, Lesion]:
    """Fragments of a lesion that split (T01.1 and T01.2, or T01a and T01b, of T01) as one lesion of their summed sizes.

    Only where the evaluation says that the lesion split, or has two fragments and more in the place of a lesion that an
    earlier evaluation had whole.
    """
    parents: dict[str, list[str]] = {}
    for name in read:
        match = _FRAGMENT.match(name)
        if match and name not in earlier:
            parents.setdefault(match["parent"], []).append(name)
    whole = dict(read)
    for parent, parts in parents.items():
        own = read.get(parent)
        said = own is not None and own.split and not own.diameters
        instead = own is None and parent in earlier and len(parts) > 1
        if not said and not instead:
            continue
        pieces = [whole.pop(part) for part in parts]
        known = own or pieces[0]
        whole[parent] = Lesion(
            name=parent,
            kind=known.kind,
            location=known.location,
            pieces=tuple(pieces),
            source_ids=[*(own.source_ids if own else ()), *(i for piece in pieces for i in piece.source_ids)],
        )
    return whole


def _day(row: Mapping[str, object]) -> int:
    return int(str(row["day"]))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
