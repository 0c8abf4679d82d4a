"""Tumour burden: the sum of the products of diameters (SPD) of the target lesions.

``SPD = sum over up to six target lesions of longest diameter x longest perpendicular diameter`` in mm2 (Cheson 2014,
J Clin Oncol 32:3059; Cheson 2007, J Clin Oncol 25:579). See docs/methods/tumour_burden.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import polars as pl

from correlates import units
from correlates.endpoints.words import folded
from correlates.errors import InputError
from correlates.schema.burden import BURDEN
from correlates.schema.table import conform
from correlates.terms import Reason

LARGEST = 6
"""Target lesions that count: up to six, the largest at baseline."""
TOO_SMALL_MM = 5.0
"""Diameter of a lesion that is seen but too small to measure (RECIST 1.1; CDISC's RECIST 1.1 supplement)."""

_TOO_SMALL = ("TOO SMALL TO MEASURE", "TSTM", "TOO SMALL")
_ABSENT = ("ABSENT", "DISAPPEARED", "RESOLVED", "NOT VISIBLE", "NO LONGER VISIBLE", "NOT SEEN")
_LONG, _ACROSS = "LDIAM", "LPERP"


@dataclass(slots=True, kw_only=True)
class _Lesion:
    """What one evaluation says of one target lesion: diameters in mm, or why there are none."""

    diameters: dict[str, float] = field(default_factory=dict)
    too_small: set[str] = field(default_factory=set)
    absent: bool = False
    problem: tuple[Reason, str] | None = None
    source_ids: list[str] = field(default_factory=list)


def burden(lesions: pl.DataFrame) -> pl.DataFrame:
    """Tumour burden of each subject at each evaluation.

    Parameters
    ----------
    lesions
        ``schema.LESIONS`` with ``day`` filled. Rows without a day (incomplete dates) do not enter.

    Returns
    -------
    polars.DataFrame
        ``schema.BURDEN``: one row per subject, day and evaluator. ``spd`` in mm2.

    Undefined when
        No target lesion is recorded (``not-measurable``); a target lesion was not evaluable or is missing at a later
        evaluation (``lesion-not-evaluable``); two different values stand for one diameter (``duplicated``); a diameter
        has no unit of length (``not-recorded``). The sum over fewer lesions would look like shrinkage: it is not given.

    Notes
    -----
    Centimetres are converted. A lesion with one diameter is taken as circular; a diameter too small to measure is 5 mm;
    a lesion that is gone is 0 mm2; each is said in ``detail``. With more than six target lesions the six largest at
    baseline count throughout. Images of one visit on several days are one evaluation, dated by the last.
    """
    dated = lesions.filter(pl.col("day").is_not_null())
    rows: list[dict[str, object]] = []
    keyed = dated.with_columns(pl.col("evaluator").fill_null("")).sort(
        "subject_id", "evaluator", "day", maintain_order=True
    )
    for (subject, evaluator), group in keyed.group_by("subject_id", "evaluator", maintain_order=True):
        rows += _course(str(subject), str(evaluator), group.to_dicts())
    frame = BURDEN.frame(rows).sort("subject_id", "evaluator", "day")
    return conform(frame, BURDEN)


def _course(subject: str, evaluator: str, records: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """The evaluations of one subject by one evaluator, in order."""
    evaluations = [(days, _read(_targets(rows)), rows) for days, rows in _evaluations(records)]
    first = next((read for _, read, _ in evaluations if read), {})
    areas = {name: area for name, lesion in first.items() if (area := _area(name, lesion)[0]) is not None}
    kept = sorted(areas, key=lambda name: (-areas[name], name))[:LARGEST]
    counted = [name for name in first if name in kept or name not in areas]
    dropped = [name for name in first if name not in counted]
    out: list[dict[str, object]] = []
    for days, read, rows in evaluations:
        base = {"subject_id": subject, "evaluator": evaluator, "day": days[-1]}
        when = "" if len(days) == 1 else f"measured on days {days[0]} to {days[-1]}"
        if not first:
            ids = [str(r["source_id"]) for r in rows]
            out.append(
                {**base, "reason": Reason.NOT_MEASURABLE, "detail": "no target lesion recorded", "source_ids": ids}
            )
            continue
        out.append({**base, **_sum(counted, dropped, read, when)})
    return out


def _sum(counted: Sequence[str], dropped: Sequence[str], read: dict[str, _Lesion], when: str) -> dict[str, object]:
    notes = [when] if when else []
    if dropped:
        notes.append(f"{len(counted)} largest of {len(counted) + len(dropped)} target lesions at baseline")
    extra = [name for name in read if name not in counted and name not in dropped]
    if extra:
        notes.append(f"not a target at baseline, not counted: {', '.join(extra)}")
    total, measured = 0.0, 0
    reasons: list[tuple[Reason, str]] = []
    ids: list[str] = []
    for name in counted:
        lesion = read.get(name)
        if lesion is None:
            reasons.append((Reason.LESION_NOT_EVALUABLE, f"{name} is not recorded"))
            continue
        ids += lesion.source_ids
        area, note = _area(name, lesion)
        if area is None:
            reasons.append(lesion.problem or (Reason.NOT_RECORDED, f"{name} has no diameter"))
            continue
        total += area
        measured += 1
        notes += [note] if note else []
    words = [text for _, text in reasons] + notes
    return {
        "spd": None if reasons else total,
        "n_lesions": measured,
        "reason": reasons[0][0].value if reasons else None,
        "detail": "; ".join(words) or None,
        "source_ids": ids,
    }


def _area(name: str, lesion: _Lesion) -> tuple[float | None, str]:
    """Product of the diameters of one lesion, mm2, and the rule that stood in for a diameter."""
    if lesion.problem is not None:
        return None, ""
    if lesion.absent and not any(lesion.diameters.values()):
        return 0.0, f"{name} absent: 0 mm2"
    if lesion.too_small and not lesion.diameters:
        return TOO_SMALL_MM**2, f"{name} too small to measure: {TOO_SMALL_MM:g} x {TOO_SMALL_MM:g} mm"
    long, across = lesion.diameters.get(_LONG), lesion.diameters.get(_ACROSS)
    if long is not None and across is not None:
        return long * across, ""
    one = long if long is not None else across
    if one is None:
        return None, ""
    if lesion.too_small:
        return one * TOO_SMALL_MM, f"{name}: one diameter too small to measure: {TOO_SMALL_MM:g} mm"
    return one * one, f"{name}: one diameter, taken as circular"


def _targets(rows: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    return [r for r in rows if folded(_text(r["kind"])) == "TARGET"]


def _read(rows: Sequence[dict[str, object]]) -> dict[str, _Lesion]:
    """What an evaluation says of each target lesion."""
    read: dict[str, _Lesion] = {}
    for row in rows:
        name, measure = str(row["lesion_id"]), folded(_text(row["measure"]))
        word = folded(_text(row["text"]))
        if measure not in {_LONG, _ACROSS, "TUMSTATE"}:
            continue
        lesion = read.setdefault(name, _Lesion())
        lesion.source_ids.append(str(row["source_id"]))
        if word in _TOO_SMALL:
            lesion.too_small.add(measure)
        elif measure == "TUMSTATE" or word in _ABSENT:
            lesion.absent = lesion.absent or word in _ABSENT
        elif row["value"] is None:
            said = f"{name} {measure}: {word.lower() or 'not recorded'}"
            lesion.problem = lesion.problem or (Reason.LESION_NOT_EVALUABLE, said)
        else:
            _add(lesion, name, measure, float(str(row["value"])), _text(row["unit"]))
    return read


def _add(lesion: _Lesion, name: str, measure: str, value: float, unit: str | None) -> None:
    try:
        factor = 1.0 if value == 0 and unit is None else units.factor(unit or "", "mm")
    except InputError:
        lesion.problem = lesion.problem or (Reason.NOT_RECORDED, f"{name} {measure}: unit {unit!r} is no length")
        return
    diameter = value * factor
    known = lesion.diameters.setdefault(measure, diameter)
    if known != diameter:
        lesion.problem = (Reason.DUPLICATED, f"{name} {measure}: {known:g} and {diameter:g} mm")


def _evaluations(records: Sequence[dict[str, object]]) -> list[tuple[list[int], list[dict[str, object]]]]:
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
    return [(sorted(days), rows) for _, (days, rows) in sorted(by_day.items())]


def _day(row: dict[str, object]) -> int:
    return int(str(row["day"]))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
