"""Toxicity: the maximum grade of the events that count, and whether it reaches a grade."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

import polars as pl

from correlates.endpoints.checks import Check, check
from correlates.endpoints.days import DAY_ZERO
from correlates.endpoints.history import day_zero, days_of
from correlates.endpoints.record import Derived, Finding, Given, Spell
from correlates.endpoints.settings import AtLeast, Endpoint, MaxGrade
from correlates.endpoints.words import folded, scale
from correlates.errors import DerivationError, Problem
from correlates.terms import OutcomeKind, Reason

MOST = 5
"""The highest grade of every scale: death."""
_GRADES = range(MOST + 1)
_Row = Mapping[str, object]


def derive_max_grade(name: str, spec: Endpoint, given: Given) -> Derived:
    """Maximum toxicity grade of every subject.

    The events that count are those whose category is ``category`` or whose preferred term is among ``terms`` (all
    events where neither is set), with onset in the window. A treated subject without such an event has grade 0.

    Undefined when
        No adverse events were read at all (``not-recorded``). An event that counts is graded on another scale (``scale-mixed``); has no grade, or none from 0 to 5
        (``not-recorded``); or has a grade above the others and an onset that may lie inside the window or outside it
        (``partial-date``). An incomplete date all of whose days are inside, or all outside, is as good as a whole one.
    """
    assert isinstance(spec, MaxGrade)
    events = given.tables["adverse_events"]
    if events.is_empty():
        return _nothing_read(name, spec, given)
    rows: dict[str, list[_Row]] = {}
    for row in events.filter(_counts(spec)).iter_rows(named=True):
        rows.setdefault(row["subject_id"], []).append(row)
    ends = dict(given.tables["subjects"].select("subject_id", "last_contact_day").iter_rows())
    died = dict(given.tables["subjects"].select("subject_id", "death_day").iter_rows())
    checks: list[Check] = _unmatched(name, spec, events)
    findings, courses = {}, {}
    for subject, infusion in given.subjects.items():
        mine = rows.get(subject, [])
        zero = None if infusion is None else day_zero(infusion)
        finding, more = _of_subject(subject, infusion, zero, mine, spec)
        if zero is not None and finding.reason is not Reason.SCALE_MIXED:
            courses[subject] = _course(mine, zero, spec)
        checks += more
        end = ends.get(subject)
        if finding.grade is not None and died.get(subject) is None and end is not None and end < spec.window[1]:
            checks.append(
                check(
                    scope="subject",
                    item=subject,
                    target=name,
                    rule="toxicity-window-not-covered",
                    found=f"end of participation on day {end}",
                    value=float(end),
                    required=f"followed to day {spec.window[1]}",
                    action="kept",
                )
            )
        findings[subject] = finding
    return Derived(kind=OutcomeKind.GRADE, findings=findings, checks=tuple(checks), courses=courses, window=spec.window)


def _course(rows: Sequence[_Row], zero: datetime.date, spec: MaxGrade) -> tuple[Spell, ...]:
    """The events that may have begun in the window, with the days they lasted and the bounds of their grades."""
    spells = []
    for row in rows:
        first, final = days_of(row, zero)
        if first > spec.window[1] or final < spec.window[0]:
            continue
        graded = _is_grade(row["grade"])
        inside = spec.window[0] <= first and final <= spec.window[1]
        spells.append(
            Spell(
                first=first if first == final else None,
                last=None if row["end_day"] is None else int(str(row["end_day"])),
                least=_grade(row) if graded and inside else 0,
                most=_grade(row) if graded else MOST,
                source_ids=(str(row["source_id"]),),
                daily=False,
            )
        )
    return tuple(spells)


def _nothing_read(name: str, spec: MaxGrade, given: Given) -> Derived:
    """Without a single adverse event in the sources nobody's grade is 0: none is known."""
    detail = "no adverse events were read"
    finding = Finding(reason=Reason.NOT_RECORDED, detail=detail, scale=spec.scale.value)
    found = check(
        scope="source",
        item="adverse_events",
        target=name,
        rule="no-event-counts",
        found=detail,
        required="the adverse events of the study (AE)",
        action="undetermined",
    )
    return Derived(kind=OutcomeKind.GRADE, findings=dict.fromkeys(given.subjects, finding), checks=(found,))


def _counts(spec: MaxGrade) -> pl.Expr:
    if spec.category is None and not spec.terms:
        return pl.lit(value=True)
    wanted = [folded(t) for t in spec.terms]
    by_term = pl.col("term").str.strip_chars().str.to_uppercase().is_in(wanted)
    if spec.category is None:
        return by_term
    return by_term | (pl.col("category").str.strip_chars().str.to_uppercase() == folded(spec.category)).fill_null(
        value=False
    )


def _unmatched(name: str, spec: MaxGrade, events: pl.DataFrame) -> list[Check]:
    """A check that is not passed where not one event of the file counts: the category may be misspelt."""
    if not events.filter(_counts(spec)).is_empty():
        return []
    known = sorted(str(c) for c in events["category"].drop_nulls().unique())[:20]
    return [
        check(
            scope="source",
            item="adverse_events",
            target=name,
            rule="no-event-counts",
            found=f"categories {', '.join(known)}" if known else "no categories",
            required=f"an event of category {spec.category!r}"
            + (f" or of {', '.join(spec.terms)}" if spec.terms else ""),
            action="grade 0 for all treated subjects",
        )
    ]


def _of_subject(
    subject: str, infusion: str | None, zero: datetime.date | None, rows: Sequence[_Row], spec: MaxGrade
) -> tuple[Finding, list[Check]]:
    if zero is None and infusion != DAY_ZERO:
        reason = Reason.NOT_TREATED if infusion is None else Reason.PARTIAL_DATE
        return Finding(reason=reason, detail=reason.label, scale=spec.scale.value), []
    low, high = spec.window
    spans = [(r, days_of(r, zero)) for r in rows]
    inside = [r for r, (first, final) in spans if low <= first and final <= high]
    undated = [
        r for r, (first, final) in spans if first <= high and low <= final and not (low <= first and final <= high)
    ]
    window = f"days {low} to {high}"
    foreign = [r for r in (*inside, *undated) if r["scale"] is not None and scale(str(r["scale"])) is not spec.scale]
    if foreign:
        return _foreign(subject, foreign, spec)
    ungraded = [r for r in (*inside, *undated) if not _is_grade(r["grade"])]
    highest = max((r for r in inside if _is_grade(r["grade"])), key=_order, default=None)
    top = 0 if highest is None else _grade(highest)
    ids = tuple(str(r["source_id"]) for r in (*inside, *undated))
    if ungraded and top < MOST:
        first = ungraded[0]
        said = first["grade_text"] if first["grade"] is None else first["grade"]
        text = f"{first['term']} has grade {said!r}" if said is not None else f"{first['term']} has no grade"
        words = [f"{r['term']}: {r['grade_text'] if r['grade'] is None else r['grade']}" for r in ungraded]
        return Finding(
            reason=Reason.NOT_RECORDED, detail=text, scale=spec.scale.value, bounds=(top, MOST), source_ids=ids
        ), [
            check(
                scope="subject",
                item=subject,
                target="adverse_events",
                rule="grade",
                found="; ".join(words).replace(": None", " without a grade"),
                value=float(len(ungraded)),
                required="a grade from 1 to 5",
                action="undetermined",
                source_ids=[str(r["source_id"]) for r in ungraded],
            )
        ]
    above = [r for r in undated if _is_grade(r["grade"]) and _grade(r) > top]
    if above:
        text = f"{above[0]['term']} of grade {above[0]['grade']} began on {above[0]['date'] or 'an unknown date'}"
        bounds = (top, max(_grade(r) for r in above))
        return Finding(
            reason=Reason.PARTIAL_DATE, detail=text, scale=spec.scale.value, bounds=bounds, source_ids=ids
        ), []
    if highest is None:
        counted = "no such event" if not rows else "no event with onset"
        return Finding(
            grade=0, scale=spec.scale.value, known_on_day=float(high), detail=f"{counted} in {window}", source_ids=ids
        ), []
    day = None if highest["day"] is None else float(str(highest["day"]))
    onset = f"in {highest['date']}" if day is None else f"from day {day:g}"
    return Finding(
        grade=top,
        scale=spec.scale.value,
        day=day,
        known_on_day=day if top == MOST and day is not None else float(high),
        detail=f"{highest['term']} grade {top} {onset}; {len(inside)} event{'s' if len(inside) != 1 else ''} in {window}",
        source_ids=ids,
    ), []


def _foreign(subject: str, rows: Sequence[_Row], spec: MaxGrade) -> tuple[Finding, list[Check]]:
    named = ", ".join(dict.fromkeys(str(r["scale"]) for r in rows))
    ids = tuple(str(r["source_id"]) for r in rows)
    found = f"graded on {named}; declared {spec.scale.value}"
    return Finding(reason=Reason.SCALE_MIXED, detail=found, scale=spec.scale.value, source_ids=ids), [
        check(
            scope="subject",
            item=subject,
            target="adverse_events",
            rule="scale",
            found=found,
            value=float(len(rows)),
            required=f"grades of {spec.scale.value}: scales are not interchangeable",
            action="undetermined",
            source_ids=ids,
        )
    ]


def _is_grade(value: object) -> bool:
    return value in _GRADES


def _grade(row: _Row) -> int:
    return int(str(row["grade"]))


def _order(row: _Row) -> tuple[int, bool, int]:
    """Highest grade first, then a known onset, then the earliest."""
    return _grade(row), row["day"] is not None, -int(str(row["day"] or 0))


def derive_at_least(name: str, spec: Endpoint, given: Given) -> Derived:
    """Whether the maximum grade is at least a grade.

    Undefined when
        The maximum is not known and may lie on either side of the grade. A grade 3 beside an event without a grade is at
        least 3, whatever the other was.
    """
    assert isinstance(spec, AtLeast)
    source = given.done[spec.of]
    if source.kind is not OutcomeKind.GRADE:
        raise DerivationError(
            Problem(
                code="wrong-kind",
                what=f"Endpoint {name!r} needs an endpoint of grades",
                found=f"{spec.of!r} is of kind {source.kind.value}",
                expected="an endpoint derived by max_grade",
                do="Name a grade endpoint in `of`",
            )
        )
    findings = {}
    for subject, grade in source.findings.items():
        bounds = grade.bounds if grade.grade is None else (grade.grade, grade.grade)
        if bounds is None or bounds[0] < spec.grade <= bounds[1]:
            findings[subject] = Finding(
                reason=grade.reason, detail=grade.detail, scale=grade.scale, source_ids=grade.source_ids
            )
            continue
        event = bounds[0] >= spec.grade
        onset = grade.day if event else None
        findings[subject] = Finding(
            event=event,
            scale=grade.scale,
            day=onset,
            known_on_day=grade.known_on_day if onset is None else onset,
            detail=f"{grade.detail}: {'at least' if event else 'below'} grade {spec.grade}",
            source_ids=grade.source_ids,
        )
    return Derived(kind=OutcomeKind.BINARY, findings=findings)
