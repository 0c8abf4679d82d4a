"""Daily records to a grade per day and a maximum: recorded grades, CRS and ICANS from their components."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

import polars as pl

from correlates.endpoints.checks import Check, check
from correlates.endpoints.grading import FEVER, Graded, Neurologic, Signs, astct_crs, astct_icans, lee_crs
from correlates.endpoints.record import Derived, Finding, Given, Spell
from correlates.endpoints.settings import Endpoint
from correlates.endpoints.toxicity_settings import CrsGrade, DailyGrade, IcansGrade
from correlates.endpoints.words import flag, number, spoken
from correlates.errors import DerivationError, unknown
from correlates.schema.daily import DAILY
from correlates.terms import Arousal, Oedema, OutcomeKind, Oxygen, Pressors, Reason, Scale, Seizure

MOST = 5
"""The highest grade of every scale: death."""
_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The grade of one subject on one day, and the rows it was made of."""

    day: int
    graded: Graded
    source_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """A record of one item on one day."""

    text: str | None
    source_id: str


_Signs = TypeVar("_Signs", Signs, Neurologic)
_Cells = Mapping[str, Sequence[_Cell]]
"""Records of one subject on one day, by item."""


def derive_daily_grade(name: str, spec: Endpoint, given: Given) -> Derived:
    """Maximum of a grade that was recorded day by day.

    Undefined when
        The subject has no daily record in the window, or none with a grade (``not-recorded``); a record is no grade from 0 to 5 and
        the others are below 5 (``not-recorded``, with the bounds).
    """
    assert isinstance(spec, DailyGrade)
    days = _by_day(name, spec.source, (spec.item,), given)
    return _maximum(name, spec.scale, spec.window, given, {s: _recorded(per, spec.item) for s, per in days.items()})


def derive_crs_grade(name: str, spec: Endpoint, given: Given) -> Derived:
    """Maximum grade of cytokine release syndrome from its components.

    A day without any component takes the recorded grade, where there is one; a day without either was not assessed. With
    ASTCT 2019 a day needs fever to be CRS, until antipyretic or anticytokine therapy was given in CRS; from then on hypotension and
    hypoxia count without it for as long as the CRS lasts.

    Undefined when
        As for :func:`derive_daily_grade`; or a component of a day is blank and the maximum depends on it.
    """
    assert isinstance(spec, CrsGrade)
    parts: dict[str, Callable[[str], object]] = {
        "fever": _is_fever,
        "pressors": partial(spoken, Pressors),
        "vasopressin": flag,
        "oxygen": partial(spoken, Oxygen),
        "fio2": _share,
        "organ": _grade,
        "transaminases": _grade,
        "fatal": flag,
    }
    if spec.scale is Scale.ASTCT_2019:
        parts = {k: v for k, v in parts.items() if k not in ("fio2", "organ", "transaminases")}
    named = {part: item for part in parts if (item := getattr(spec, part)) is not None}
    items = (*named.values(), *([spec.recorded] if spec.recorded else []), *spec.therapy)
    days = _by_day(name, spec.source, items, given)
    read = _Reader(name=name, named=named, parts=parts, recorded=spec.recorded, absent=spec.missing == "absent")
    found: dict[str, list[Day]] = {}
    checks: list[Check] = []
    for subject, per in days.items():
        found[subject], more = _crs_course(subject, per, spec, read)
        checks += more
    return _maximum(name, spec.scale, spec.window, given, found, checks)


def derive_icans_grade(name: str, spec: Endpoint, given: Given) -> Derived:
    """Maximum grade of ICANS from its components; rules of days as for :func:`derive_crs_grade`, without the one on fever."""
    assert isinstance(spec, IcansGrade)
    parts: dict[str, Callable[[str], object]] = {
        "ice": _ice,
        "arousal": partial(spoken, Arousal),
        "seizure": partial(spoken, Seizure),
        "weakness": flag,
        "oedema": partial(spoken, Oedema),
        "fatal": flag,
    }
    named = {part: item for part in parts if (item := getattr(spec, part)) is not None}
    items = (*named.values(), *([spec.recorded] if spec.recorded else []))
    days = _by_day(name, spec.source, items, given)
    read = _Reader(name=name, named=named, parts=parts, recorded=spec.recorded, absent=spec.missing == "absent")
    found: dict[str, list[Day]] = {}
    checks: list[Check] = []
    for subject, per in days.items():
        mine = []
        for day, cells in per.items():
            values, ids, more = read.components(subject, day, cells)
            checks += more
            derived = None if values is None else astct_icans(replace(_quiet(Neurologic()), **values))
            whole, more = read.with_recorded(subject, day, cells, derived, ids)
            checks += more
            mine += [whole] if whole is not None else []
        found[subject] = mine
    return _maximum(name, spec.scale, spec.window, given, found, checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """How the cells of a day become signs; ``absent``: a blank component counts as not there."""

    name: str
    named: Mapping[str, str]
    parts: Mapping[str, Callable[[str], object]]
    recorded: str | None
    absent: bool

    def components(
        self, subject: str, day: int, cells: _Cells
    ) -> tuple[dict[str, Any] | None, tuple[str, ...], list[Check]]:
        """Signs of the day, null where blank; None for all of them where no component was recorded."""
        values: dict[str, Any] = {}
        ids: list[str] = []
        checks: list[Check] = []
        for part, item in self.named.items():
            told: list[Any] = []
            for cell in cells.get(item, ()):
                if cell.text is None:
                    continue
                value = self.parts[part](cell.text)
                ids.append(cell.source_id)
                if value is None:
                    checks.append(_strange(self.name, subject, day, item, cell))
                else:
                    told.append(value)
            values[part] = (min if part == "ice" else max)(told, key=_severity) if told else None
        if all(v is None for v in values.values()) and not checks:
            return None, (), []
        if self.absent:
            values = {part: value for part, value in values.items() if value is not None}
        elif values.get("fatal", False) is None:
            values["fatal"] = False
        return values, tuple(ids), checks

    def with_recorded(
        self, subject: str, day: int, cells: _Cells, derived: Graded | None, ids: tuple[str, ...]
    ) -> tuple[Day | None, list[Check]]:
        """The day's grade: from the components, else as recorded; a check where the two contradict each other."""
        recorded = _recorded({day: cells}, self.recorded) if self.recorded else []
        if derived is None:
            return (recorded[0] if recorded else None), []
        checks: list[Check] = []
        if recorded and not derived.least <= recorded[0].graded.least <= derived.most:
            told = f"{derived.least}" if derived.grade is not None else f"{derived.least} to {derived.most}"
            checks.append(
                check(
                    scope="subject",
                    item=subject,
                    target=self.name,
                    rule="grade-differs",
                    found=f"day {day}: recorded {recorded[0].graded.least}, by its components {told} ({derived.because})",
                    value=float(recorded[0].graded.least),
                    required="the recorded grade that the components give",
                    action="the components decide",
                    source_ids=[*ids, *recorded[0].source_ids],
                )
            )
        return Day(day=day, graded=derived, source_ids=ids), checks


def _crs_course(
    subject: str, per: Mapping[int, _Cells], spec: CrsGrade, read: _Reader
) -> tuple[list[Day], list[Check]]:
    found: list[Day] = []
    checks: list[Check] = []
    begun = treated = False
    for day, cells in sorted(per.items()):
        values, ids, more = read.components(subject, day, cells)
        checks += more
        derived = None
        if values is not None:
            signs = replace(_quiet(Signs()), **values)
            if spec.scale is Scale.LEE_2014:
                derived = lee_crs(signs, noninvasive=spec.noninvasive)
            else:
                derived = astct_crs(signs, fever_needed=not (begun and treated))
        whole, more = read.with_recorded(subject, day, cells, derived, ids)
        checks += more
        if whole is None:
            continue
        found.append(whole)
        begun = whole.graded.most > 0 and (begun or whole.graded.least > 0)
        given = any(flag(c.text or "") for item in spec.therapy for c in cells.get(item, ()))
        treated = begun and (treated or given)
    return found, checks


def _quiet(signs: _Signs) -> _Signs:
    """Signs in which what was not collected is not there; the components that were collected are filled in later."""
    none: dict[str, Any] = {
        "pressors": Pressors.NONE,
        "oxygen": Oxygen.NONE,
        "fever": False,
        "ice": 10,
        "arousal": Arousal.ALERT,
    }
    there = {f.name for f in fields(signs)} & set(none)
    return replace(signs, **{part: none[part] for part in there})


def _recorded(per: Mapping[int, _Cells], item: str) -> list[Day]:
    """Grades as recorded; a cell that is no grade leaves the day open from the known to the highest."""
    found = []
    for day, cells in sorted(per.items()):
        told = [c for c in cells.get(item, ()) if c.text is not None]
        if not told:
            continue
        grades = [_grade(c.text or "") for c in told]
        known = [g for g in grades if g is not None]
        least = max(known, default=0)
        clear = len(known) == len(grades)
        words = (
            "recorded"
            if clear
            else f"{next(c.text for c, g in zip(told, grades, strict=True) if g is None)!r} is no grade"
        )
        graded = Graded(least=least, most=least if clear else MOST, because=words)
        found.append(Day(day=day, graded=graded, source_ids=tuple(c.source_id for c in told)))
    return found


def _maximum(
    name: str,
    scale: Scale,
    window: tuple[int, int],
    given: Given,
    days: Mapping[str, Sequence[Day]],
    checks: Sequence[Check] = (),
) -> Derived:
    """Maximum over the days of the window, and the course it is taken from."""
    told = [*checks]
    findings, courses = {}, {}
    exposed = any(date is not None for date in given.subjects.values())
    deaths = dict(given.tables["subjects"].select("subject_id", "death_day").iter_rows())
    for subject, infusion in given.subjects.items():
        if exposed and infusion is None:
            findings[subject] = Finding(reason=Reason.NOT_TREATED, detail=Reason.NOT_TREATED.label, scale=scale.value)
            continue
        mine = [d for d in days.get(subject, ()) if window[0] <= d.day <= window[1]]
        findings[subject], courses[subject] = _of_subject(mine, scale, window)
        told += _unknown_grades(name, subject, mine)
        told += _uncovered(name, subject, mine, window, deaths.get(subject))
    return Derived(kind=OutcomeKind.GRADE, findings=findings, checks=tuple(told), courses=courses, window=window)


def _of_subject(days: Sequence[Day], scale: Scale, window: tuple[int, int]) -> tuple[Finding, tuple[Spell, ...]]:
    if not days:
        detail = f"no record on days {window[0]} to {window[1]}"
        return Finding(reason=Reason.NOT_RECORDED, detail=detail, scale=scale.value), ()
    spells = tuple(
        Spell(first=d.day, last=d.day, least=d.graded.least, most=d.graded.most, source_ids=d.source_ids, daily=True)
        for d in days
    )
    low, high = max(d.graded.least for d in days), max(d.graded.most for d in days)
    ids = tuple(dict.fromkeys(i for d in days if d.graded.most for i in d.source_ids)) or days[-1].source_ids
    if high > low:
        open_ = next(d for d in days if d.graded.most > low)
        detail = f"day {open_.day}: grade {open_.graded.least} to {open_.graded.most} ({open_.graded.because})"
        return Finding(
            reason=Reason.NOT_RECORDED, detail=detail, scale=scale.value, bounds=(low, high), source_ids=ids
        ), spells
    ended = float(days[-1].day)
    if low == 0:
        return Finding(
            grade=0,
            scale=scale.value,
            known_on_day=ended,
            detail=f"grade 0 on {len(days)} days to day {ended:g}",
            source_ids=ids,
        ), spells
    first = next(d for d in days if d.graded.least == low)
    lasted = sum(d.graded.least > 0 for d in days)
    return Finding(
        grade=low,
        scale=scale.value,
        day=float(first.day),
        known_on_day=float(first.day) if low == MOST else ended,
        detail=f"grade {low} from day {first.day} ({first.graded.because}); {lasted} of {len(days)} days above 0",
        source_ids=ids,
    ), spells


def _unknown_grades(name: str, subject: str, days: Sequence[Day]) -> list[Check]:
    open_ = [d for d in days if d.graded.grade is None]
    if not open_:
        return []
    told = "; ".join(f"day {d.day}: {d.graded.because}" for d in open_[:_SHOWN])
    more = f" and {len(open_) - _SHOWN} more days" if len(open_) > _SHOWN else ""
    return [
        check(
            scope="subject",
            item=subject,
            target=name,
            rule="grade",
            found=told + more,
            value=float(len(open_)),
            required="a grade from 0 to 5, or every component of one",
            action="open where the maximum depends on it",
            source_ids=[i for d in open_ for i in d.source_ids],
        )
    ]


def _uncovered(
    name: str, subject: str, days: Sequence[Day], window: tuple[int, int], death: float | None
) -> list[Check]:
    if not days or days[-1].day >= window[1] or death is not None:
        return []
    return [
        check(
            scope="subject",
            item=subject,
            target=name,
            rule="toxicity-window-not-covered",
            found=f"last graded on day {days[-1].day}",
            value=float(days[-1].day),
            required=f"grades to day {window[1]}",
            action="kept",
        )
    ]


def _by_day(name: str, source: str, items: Sequence[str], given: Given) -> dict[str, dict[int, _Cells]]:
    """Records of a source: subject, day, item. A row for every day of the file, whatever it holds.

    Raises
    ------
    DerivationError
        An item that the source does not have.
    """
    rows = given.tables.get("daily", DAILY.empty()).filter(pl.col("source") == source)
    known = rows["item"].unique(maintain_order=True).to_list()
    absent = [item for item in items if item not in known]
    if absent:
        raise DerivationError(
            unknown(f"item of daily source {source!r} (endpoint {name!r})", item, known, code="unknown-item")
            for item in absent
        )
    found: dict[str, dict[int, dict[str, list[_Cell]]]] = {}
    for subject, day, item, text, origin in rows.select("subject_id", "day", "item", "text", "source_id").iter_rows():
        cells = found.setdefault(subject, {}).setdefault(day, {}).setdefault(item, [])
        cells.append(_Cell(text=text, source_id=origin))
    return {subject: dict(sorted(days.items())) for subject, days in found.items()}


def _strange(name: str, subject: str, day: int, item: str, cell: _Cell) -> Check:
    return check(
        scope="subject",
        item=subject,
        target=name,
        rule="unknown-word",
        found=f"{item} on day {day}: {cell.text!r}",
        required="a word or number of the item",
        action="taken as not recorded",
        source_ids=[cell.source_id],
    )


def _grade(text: str) -> int | None:
    value = number(text)
    return int(value) if value is not None and value in range(MOST + 1) else None


def _ice(text: str) -> int | None:
    value = number(text)
    return int(value) if value is not None and value in range(11) else None


def _is_fever(text: str) -> bool | None:
    """Whether there was fever: yes or no, or a temperature in degrees C (30 to 45)."""
    value = number(text)
    if value is not None and 30 <= value <= 45:
        return value >= FEVER
    return flag(text)


def _share(text: str) -> float | None:
    value = number(text.strip().removesuffix("%"))
    if value is None:
        return None
    value = value / 100 if value > 1 else value
    return value if 0.2 <= value <= 1 else None


def _severity(value: Any) -> float:
    """A component as a number, to take the worst of one day."""
    if isinstance(value, StrEnum):
        return float(list(type(value)).index(value))
    return float(value)
