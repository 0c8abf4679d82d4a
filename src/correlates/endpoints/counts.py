"""Blood counts after the infusion: ICAHT from neutrophil counts, and prolonged cytopenia.

Source: Rejeski et al., Blood 2023;142:865-877 (EHA/EBMT consensus; doi:10.1182/blood.2023020578). What the consensus leaves open (days
without a count, short recoveries, patients who never recover) follows Liang et al., Bone Marrow Transplant 2024 (automated grading).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from correlates.endpoints.checks import Check, check
from correlates.endpoints.history import day_zero
from correlates.endpoints.record import Derived, Finding, Given, Spell
from correlates.endpoints.settings import Endpoint
from correlates.endpoints.toxicity_settings import Cytopenia, Icaht
from correlates.endpoints.words import is_new_therapy, response
from correlates.errors import InputError
from correlates.terms import OutcomeKind, Reason, Response, Scale
from correlates.units import factor

LOW, VERY_LOW = 500.0, 100.0
"""Neutrophils per microlitre at or below which early ICAHT counts the days."""
_LATE = ((100.0, 4), (500.0, 3), (1000.0, 2), (1500.0, 1))
_EARLY_END = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """The lowest count of a day, in the declared unit, and its row."""

    day: int
    value: float
    source_id: str


def derive_icaht(name: str, spec: Endpoint, given: Given) -> Derived:
    """Grade of haematotoxicity from neutrophil counts.

    Notes
    -----
    Early (days 0 to 30), by the longest period at or below 500/uL: up to 6 days 1, 7 to 13 days 2, 14 days and more 3, never above
    500/uL 4; at or below 100/uL for 7 days 3, for 14 days 4. Late (day 31 to ``until``), by the lowest count: 1500 1, 1000 2, 500 3,
    100 4, where at least ``times`` days lie at or below 1500.

    Undefined when
        Not treated; no count of the phase in a unit that converts (``no-sample``); early: a gap longer than ``max_gap`` leaves days
        unknown and the grade depends on them (``window-not-covered``, with the bounds).
    """
    assert isinstance(spec, Icaht)
    counts, checks = _counts(name, spec.test, spec.unit, given)
    ends = _ends(given) if spec.end_at_relapse else {}
    findings, courses = {}, {}
    for subject, infusion in given.subjects.items():
        if infusion is None or day_zero(infusion) is None:
            reason = Reason.NOT_TREATED if infusion is None else Reason.PARTIAL_DATE
            findings[subject] = Finding(reason=reason, detail=reason.label, scale=Scale.ICAHT_2023.value)
            continue
        stop = ends.get(subject, 10**6)
        mine = [c for c in counts.get(subject, []) if c.day <= stop]
        findings[subject] = _early(mine, spec) if spec.phase == "early" else _late(mine, spec)
        found = findings[subject]
        if found.grade is not None:
            day = None if found.day is None else int(found.day)
            spell = Spell(
                first=day, last=None, least=found.grade, most=found.grade, source_ids=found.source_ids, daily=False
            )
            courses[subject] = (spell,) if found.grade else ()
    window = (0, _EARLY_END) if spec.phase == "early" else (_EARLY_END + 1, spec.until)
    return Derived(kind=OutcomeKind.GRADE, findings=findings, checks=tuple(checks), courses=courses, window=window)


def _early(counts: Sequence[Count], spec: Icaht) -> Finding:
    mine = [c for c in counts if 0 <= c.day <= _EARLY_END]
    scale = Scale.ICAHT_2023.value
    if not mine:
        return Finding(reason=Reason.NO_SAMPLE, detail="no neutrophil count on days 0 to 30", scale=scale)
    ids = tuple(c.source_id for c in mine)
    daily = filled({c.day: c.value for c in mine}, spec.max_gap)
    least, first, why = _graded(daily, spec, unknown_low=False)
    most, _, _ = _graded(daily, spec, unknown_low=True)
    if most > least:
        days = [d for d in range(mine[0].day, mine[-1].day + 1) if d not in daily]
        detail = f"no count for more than {spec.max_gap} days around day {days[0]}: grade {least} to {most}"
        return Finding(
            reason=Reason.WINDOW_NOT_COVERED, detail=detail, scale=scale, bounds=(least, most), source_ids=ids
        )
    return Finding(
        grade=least,
        scale=scale,
        day=None if first is None else float(first),
        known_on_day=float(_EARLY_END),
        detail=f"{why}; {len(mine)} counts on days {mine[0].day} to {mine[-1].day}",
        source_ids=ids,
    )


def _graded(daily: Mapping[int, float], spec: Icaht, *, unknown_low: bool) -> tuple[int, int | None, str]:
    """Grade, first day of the period that makes it, and why; days without a count low or not."""
    start, end = min(daily), max(daily)
    whole = range(start, end + 1)

    def runs(limit: float) -> list[tuple[int, int]]:
        return periods([daily[d] <= limit if d in daily else unknown_low for d in whole], start, spec.recovery)

    low, very = runs(LOW), runs(VERY_LOW)
    if not low:
        return 0, None, f"never at or below {LOW:g}/uL"
    longest = max(low, key=lambda r: (r[1] - r[0], -r[0]))
    days = longest[1] - longest[0] + 1
    deep = max((b - a + 1 for a, b in very), default=0)
    never = next((r for r in low if r[0] <= spec.never_recovered_from and r[1] == end), None)
    grade = max(1 if days < 7 else 2 if days < 14 else 3, 4 if deep >= 14 else 3 if deep >= 7 else 0)
    why = f"{days} days at or below {LOW:g}/uL, {deep} at or below {VERY_LOW:g}/uL"
    if never is not None:
        return 4, never[0], f"at or below {LOW:g}/uL from day {never[0]} to the last count on day {end}"
    return grade, longest[0], why


def filled(counts: Mapping[int, float], max_gap: int) -> dict[int, float]:
    """Counts of every day, gaps of up to ``max_gap`` days without one filled by linear interpolation; longer ones stay empty.

    Examples
    --------
    >>> filled({0: 100.0, 2: 300.0, 20: 5.0}, 7)
    {0: 100.0, 1: 200.0, 2: 300.0, 20: 5.0}
    """
    days = sorted(counts)
    whole = {}
    for one, two in zip(days, [*days[1:], None], strict=True):
        whole[one] = counts[one]
        if two is not None and two - one - 1 <= max_gap:
            step = (counts[two] - counts[one]) / (two - one)
            whole |= {d: counts[one] + step * (d - one) for d in range(one + 1, two)}
    return whole


def periods(low: Sequence[bool], start: int, recovery: int) -> list[tuple[int, int]]:
    """First and last day of each period of low counts; a recovery of fewer than ``recovery`` days does not end one.

    Examples
    --------
    >>> periods([True, False, False, True, False, False, False, True], 0, 3)
    [(0, 3), (7, 7)]
    """
    found: list[tuple[int, int]] = []
    for place, is_low in enumerate(low):
        if not is_low:
            continue
        day = start + place
        if found and day - found[-1][1] - 1 < recovery:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def _late(counts: Sequence[Count], spec: Icaht) -> Finding:
    mine = [c for c in counts if _EARLY_END < c.day <= spec.until]
    scale = Scale.ICAHT_2023.value
    if not mine:
        return Finding(reason=Reason.NO_SAMPLE, detail=f"no neutrophil count on days 31 to {spec.until}", scale=scale)
    ids = tuple(c.source_id for c in mine)
    low = [c for c in mine if c.value <= _LATE[-1][0]]
    nadir = min(mine, key=lambda c: (c.value, c.day))
    grade = next((g for limit, g in _LATE if nadir.value <= limit), 0)
    transient = len(low) < spec.times and not (len(mine) == 1 and spec.single == "grade")
    if transient and grade:
        detail = f"lowest {nadir.value:g}/uL on day {nadir.day}, at or below 1500/uL on {len(low)} day: transient"
        return Finding(grade=0, scale=scale, known_on_day=float(spec.until), detail=detail, source_ids=ids)
    return Finding(
        grade=grade,
        scale=scale,
        day=float(nadir.day) if grade else None,
        known_on_day=float(spec.until),
        detail=f"lowest {nadir.value:g}/uL on day {nadir.day}; {len(mine)} counts",
        source_ids=ids,
    )


def derive_cytopenia(name: str, spec: Endpoint, given: Given) -> Derived:
    """Whether the count nearest to the day is below the limit.

    Undefined when
        Not treated; no count within the window around the day in a unit that converts (``no-sample``).
    """
    assert isinstance(spec, Cytopenia)
    counts, checks = _counts(name, spec.test, spec.unit, given)
    findings = {}
    for subject, infusion in given.subjects.items():
        if infusion is None or day_zero(infusion) is None:
            reason = Reason.NOT_TREATED if infusion is None else Reason.PARTIAL_DATE
            findings[subject] = Finding(reason=reason, detail=reason.label)
            continue
        near = [c for c in counts.get(subject, []) if abs(c.day - spec.day) <= spec.window]
        if not near:
            span = f"days {spec.day - spec.window} to {spec.day + spec.window}"
            findings[subject] = Finding(reason=Reason.NO_SAMPLE, detail=f"no {spec.test} on {span}")
            continue
        nearest = min(near, key=lambda c: (abs(c.day - spec.day), -c.day))
        findings[subject] = Finding(
            event=nearest.value < spec.below,
            day=float(nearest.day),
            known_on_day=float(nearest.day),
            detail=f"{spec.test} {nearest.value:g} {spec.unit} on day {nearest.day}",
            source_ids=(nearest.source_id,),
        )
    return Derived(kind=OutcomeKind.BINARY, findings=findings, checks=tuple(checks))


def _counts(name: str, test: str, unit: str, given: Given) -> tuple[dict[str, list[Count]], list[Check]]:
    """The lowest count of each day by subject, in the declared unit; what could not be converted is named."""
    rows = given.tables["labs"].filter(
        (pl.col("test").str.to_uppercase() == test.upper())
        & pl.col("day").is_not_null()
        & pl.col("value").is_not_null()
    )
    checks: list[Check] = []
    found: dict[str, dict[int, Count]] = {}
    for (said,), part in rows.group_by("unit", maintain_order=True):
        try:
            by = factor(str(said or ""), unit)
        except InputError as error:
            checks.append(
                check(
                    scope="source",
                    item="labs",
                    target=name,
                    rule="unit",
                    found=f"{part.height} results of {test} in {said or 'no unit'}: {error.problems[0].what}",
                    value=float(part.height),
                    required=f"a unit that converts to {unit}",
                    action="left out",
                    source_ids=part["source_id"].to_list(),
                )
            )
            continue
        for subject, day, value, origin in part.select("subject_id", "day", "value", "source_id").iter_rows():
            days = found.setdefault(subject, {})
            count = Count(day=day, value=value * by, source_id=origin)
            if day not in days or count.value < days[day].value:
                days[day] = count
    if rows.is_empty():
        known = [str(t) for t in given.tables["labs"]["test"].unique(maintain_order=True)][:20]
        checks.append(
            check(
                scope="source",
                item="labs",
                target=name,
                rule="no-test",
                found=f"tests {', '.join(known)}" if known else "no laboratory results",
                required=f"results of {test}",
                action="undetermined",
            )
        )
    return {subject: [days[d] for d in sorted(days)] for subject, days in found.items()}, checks


def _ends(given: Given) -> dict[str, int]:
    """The first day of progression or new anticancer therapy of each subject."""
    assessed, happened = given.tables["assessments"], given.tables["disposition"]
    words = [w for w in assessed["response"].drop_nulls().unique() if response(w) is Response.PD]
    events = [e for e in happened["event"].unique() if is_new_therapy(e)]
    days = pl.concat(
        [
            assessed.filter(pl.col("response").is_in(words)).select("subject_id", "day"),
            happened.filter(pl.col("event").is_in(events)).select("subject_id", "day"),
        ]
    ).filter(pl.col("day") > 0)
    return dict(days.group_by("subject_id").agg(pl.col("day").min()).iter_rows())
