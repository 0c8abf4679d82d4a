"""Onset and duration of a toxicity, from the course of its grades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from correlates.endpoints.checks import Check, check
from correlates.endpoints.record import Derived, Finding, Given, Spell
from correlates.endpoints.settings import Endpoint
from correlates.endpoints.toxicity_settings import Duration, Onset
from correlates.errors import DerivationError, Problem
from correlates.terms import OutcomeKind, Reason

ONSET, DEATH, RESOLVED = "onset", "death", "resolved"


def derive_onset(name: str, spec: Endpoint, given: Given) -> Derived:
    """Days from the infusion to the first day of at least the grade.

    A subject without it is censored at the last day that counts: the end of the window, the last day graded, or the end of
    participation, the first of them. Death before it is a competing event.

    Undefined when
        The first day of the grade is not known; the subject has no grade at all (the reason of the grade endpoint).
    """
    assert isinstance(spec, Onset)
    source = _graded(name, spec.of, given)
    ends = _ends(given)
    findings = {}
    for subject, grade in source.findings.items():
        spells = (source.courses or {}).get(subject)
        if spells is None or (not spells and grade.grade is None):
            findings[subject] = _as_grade(grade)
            continue
        findings[subject] = _onset(spec, source, grade, spells, *ends.get(subject, (None, None)))
    return Derived(kind=OutcomeKind.TIME, findings=findings, classes=(ONSET, DEATH))


def _onset(
    spec: Onset, source: Derived, grade: Finding, spells: Sequence[Spell], death: float | None, contact: float | None
) -> Finding:
    ids = tuple(dict.fromkeys(i for s in spells for i in s.source_ids))
    reaching = [s for s in spells if s.least >= spec.grade]
    perhaps = [s for s in spells if s.most >= spec.grade > s.least]
    starts = [s.first for s in reaching if s.first is not None]
    first = min(starts, default=None)
    undated = any(s.first is None for s in reaching)
    if undated or any(s.first is None or first is None or s.first < first for s in perhaps):
        reason = Reason.PARTIAL_DATE if undated else Reason.NOT_RECORDED
        detail = "the first day of the grade is not known" if undated else "an open grade may have reached it before"
        return Finding(reason=reason, detail=detail, scale=grade.scale, source_ids=ids)
    if first is not None:
        mine = tuple(i for s in reaching if s.first == first for i in s.source_ids)
        return Finding(
            time=float(first),
            event=True,
            category=ONSET,
            day=float(first),
            known_on_day=float(first),
            scale=grade.scale,
            detail=f"grade {spec.grade} or higher from day {first}",
            source_ids=mine,
        )
    if grade.grade is None:
        return _as_grade(grade)
    last = _last(source, spells)
    if death is not None and 0 <= death <= last:
        return Finding(
            time=float(death),
            event=True,
            category=DEATH,
            day=float(death),
            known_on_day=float(death),
            scale=grade.scale,
            detail=f"died on day {death:g} without grade {spec.grade}",
            source_ids=ids,
        )
    end = max(0.0, min(last, last if contact is None else contact))
    return Finding(
        time=end,
        event=False,
        reason=Reason.ONGOING,
        known_on_day=end,
        scale=grade.scale,
        detail=f"no grade {spec.grade} to day {end:g}",
        source_ids=ids,
    )


def derive_duration(name: str, spec: Endpoint, given: Given) -> Derived:
    """Days with at least the grade, both ends counted: day 3 to day 7 is five days.

    ``time`` counts from the onset, ``day`` is the last day. Where the toxicity had not resolved when it was last seen (no end date,
    or the last day graded) the duration is censored; death is a competing event.

    Undefined when
        The subject did not have it (``not-affected``); its first day or the grade is not known.
    """
    assert isinstance(spec, Duration)
    source = _graded(name, spec.of, given)
    ends = _ends(given)
    findings: dict[str, Finding] = {}
    checks: list[Check] = []
    for subject, grade in source.findings.items():
        spells = (source.courses or {}).get(subject)
        if spells is None or (not spells and grade.grade is None):
            findings[subject] = _as_grade(grade)
            continue
        findings[subject], more = _duration(name, subject, spec, grade, spells, *ends.get(subject, (None, None)))
        checks += more
    return Derived(kind=OutcomeKind.TIME, findings=findings, classes=(RESOLVED, DEATH), checks=tuple(checks))


def _duration(
    name: str,
    subject: str,
    spec: Duration,
    grade: Finding,
    spells: Sequence[Spell],
    death: float | None,
    contact: float | None,
) -> tuple[Finding, list[Check]]:
    mine = [s for s in spells if s.least >= spec.grade]
    ids = tuple(dict.fromkeys(i for s in mine for i in s.source_ids))
    if any(s.most >= spec.grade > s.least for s in spells):
        detail = "an open grade may have reached it"
        return Finding(reason=Reason.NOT_RECORDED, detail=detail, scale=grade.scale, source_ids=ids), []
    if not mine:
        if grade.grade is None:
            return _as_grade(grade), []
        return Finding(reason=Reason.NOT_AFFECTED, detail=f"no grade {spec.grade}", scale=grade.scale), []
    if any(s.first is None for s in mine):
        return Finding(
            reason=Reason.PARTIAL_DATE, detail="its first day is not known", scale=grade.scale, source_ids=ids
        ), []
    checks = [
        check(
            scope="subject",
            item=subject,
            target=name,
            rule="end-before-start",
            found=f"from day {s.first} to day {s.last}",
            required="an end on or after the start",
            action="taken as without an end",
            source_ids=s.source_ids,
        )
        for s in mine
        if s.first is not None and s.last is not None and s.last < s.first
    ]
    spans = [(s.first or 0, s.last if s.last is not None and s.last >= (s.first or 0) else None) for s in mine]
    first = min(start for start, _ in spans)
    ended = [end for _, end in spans if end is not None]
    open_ = any(end is None for _, end in spans)
    follow = [d for d in (death, contact) if d is not None and d >= first]
    seen = max([*ended, *(start for start, _ in spans), *([min(follow)] if open_ and follow else [])])
    last = float(seen)
    still = open_ or _daily_ongoing(spells, last)
    died = death is not None and death <= last and still
    whole = {day for start, end in spans for day in range(start, int(last if end is None else end) + 1)}
    days = float(len(whole)) if spec.count == "days" else last - first + 1
    state = "died with it" if died else "not resolved when last seen" if still else "resolved"
    return Finding(
        time=days,
        event=died or not still,
        category=DEATH if died else None if still else RESOLVED,
        reason=Reason.ONGOING if still and not died else None,
        day=last,
        known_on_day=last,
        scale=grade.scale,
        detail=f"grade {spec.grade} or higher from day {first} to day {last:g}, {state}",
        source_ids=ids,
    ), checks


def _daily_ongoing(spells: Sequence[Spell], last: float) -> bool:
    """Whether daily grades end with the toxicity: no later day shows that it was over. Events with dates say so themselves."""
    graded = [s for s in spells if s.daily]
    return bool(graded) and max(s.last or 0 for s in graded) <= last


def _last(source: Derived, spells: Sequence[Spell]) -> float:
    daily = [s.last for s in spells if s.daily and s.last is not None]
    end = float(source.window[1]) if source.window is not None else 0.0
    return min(end, float(max(daily))) if daily else end


def _graded(name: str, of: str, given: Given) -> Derived:
    source = given.done[of]
    if source.kind is not OutcomeKind.GRADE or source.courses is None:
        raise DerivationError(
            Problem(
                code="wrong-kind",
                what=f"Endpoint {name!r} needs an endpoint of grades with their days",
                found=f"{of!r} is of kind {source.kind.value}",
                expected="an endpoint derived by max_grade, daily_grade, crs_grade or icans_grade",
                do="Name a grade endpoint in `of`",
            )
        )
    return source


def _as_grade(grade: Finding) -> Finding:
    return Finding(
        reason=grade.reason or Reason.NOT_RECORDED,
        detail=grade.detail,
        scale=grade.scale,
        source_ids=grade.source_ids,
    )


def _ends(given: Given) -> Mapping[str, tuple[float | None, float | None]]:
    rows = given.tables["subjects"].select("subject_id", "death_day", "last_contact_day")
    return {s: (death, contact) for s, death, contact in rows.iter_rows()}
