"""Times to an event with the kind of event or the reason of censoring: OS, PFS, EFS, DOR, relapse against death without it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

import polars as pl

from correlates.endpoints.checks import Check, check
from correlates.endpoints.history import Assessment, Event, History, day_zero, days_of, histories
from correlates.endpoints.record import Derived, Finding, Given
from correlates.endpoints.settings import Endpoint
from correlates.endpoints.time_settings import Antigen, Effect, Rules, TimeToEvent, in_force
from correlates.endpoints.words import folded, is_progression
from correlates.errors import DerivationError, Problem, unknown
from correlates.terms import OutcomeKind, Reason, Response

DEATH, PROGRESSION, RELAPSE = "death", "progression", "relapse"
DEATH_WITHOUT = "death without progression"
NEW_THERAPY, TRANSPLANT = "new anticancer therapy", "stem-cell transplant"
_NEVER = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What is known of one subject beside the history."""

    baseline: bool
    """Whether there is a lesion or an assessment on or before day 0."""
    cut: int | None
    """Day of the data cut."""
    unassessed: Event | None
    """Progression that a disposition event tells of."""
    antigen: str | None
    """Antigen status at relapse: retained, low, lost, or None."""


def derive_time_to_event(name: str, spec: Endpoint, given: Given) -> Derived:
    """Time to an event of every subject: see :func:`time_to_event`.

    Raises
    ------
    DerivationError
        A rule that neither the plan nor a preset gives, missed visits without a schedule, an antigen status nobody recorded, a data
        cut that is no date; several evaluators or criteria and none chosen.
    """
    assert isinstance(spec, TimeToEvent)
    rules = _checked(name, spec, given)
    tables = given.tables
    if spec.measure == "os":  # whose assessments does not matter: they are contacts
        either = tables["assessments"].with_columns(evaluator=pl.lit(None, pl.String), criteria=pl.lit(None, pl.String))
        tables = {**tables, "assessments": either}
    whose = (None, None) if spec.measure == "os" else (spec.evaluator, spec.criteria)
    courses, criteria, checks = histories(given.subjects, tables, evaluator=whose[0], criteria=whose[1], endpoint=name)
    facts = _facts(spec, given)
    lesions_read = not given.tables["lesions"].is_empty()
    if rules.without_baseline == "censor" and not lesions_read and spec.measure != "os":
        checks.append(_no_lesions(name))
        rules = replace(rules, without_baseline="ignore")
    findings = {}
    for subject, course in courses.items():
        fact = facts[subject]
        findings[subject] = replace(_sure(course, fact, spec, rules), scale=None if spec.measure == "os" else criteria)
        checks += _unknown_antigen(name, subject, findings[subject], spec)
    return Derived(kind=OutcomeKind.TIME, findings=findings, classes=causes(spec), checks=tuple(checks))


def causes(spec: TimeToEvent) -> tuple[str, ...]:
    """The kinds of event an endpoint can have, the one it is named after first."""
    if spec.measure == "os":
        return (DEATH,)
    first = RELAPSE if spec.measure == "relapse" else PROGRESSION
    of = [first]
    if spec.antigen is not None:
        of = [f"{first}, {spec.antigen.antigen} {status}" for status in (*_STATUS, "not known")]
    rules = in_force(spec)
    more = []
    if isinstance(rules, Rules):
        more = [
            w for w, effect in ((NEW_THERAPY, rules.new_therapy), (TRANSPLANT, rules.transplant)) if effect == "event"
        ]
    return (*of, *more, DEATH_WITHOUT)


_STATUS = ("retained", "low", "lost")


def time_to_event(course: History, fact: _Subject, spec: TimeToEvent, rules: Rules) -> Finding:
    """Time, event and reason of censoring of one subject whose days are all known.

    In this order:

    1. the start: the infusion; for ``dor`` the first CR or PR before progression and before what censors (none: ``no-response``);
    2. what follows the data cut is left out;
    3. the first event: progression (it goes before another event of the same day), death, and what the rules make an event;
    4. without a lesion or assessment at baseline, where the rule asks for one: censored at the start;
    5. new therapy or transplant that censors, before the event: censored at the last evaluable assessment on or before it;
    6. an event after the declared number of scheduled assessments missed in a row: censored at the last assessment before them;
    7. the event; without one censored at the last evaluable assessment (``os``: the last day known alive), at the start where
       there is none.

    Source: see :data:`correlates.endpoints.time_settings.PRESETS`.
    """
    end = _NEVER if fact.cut is None else fact.cut
    if end < 0:
        return Finding(reason=Reason.NOT_TREATED, detail=f"infused after the data cut (day {end})")
    if spec.measure == "os":
        return _survival(course, fact, end)
    death = _by(course.death, end)
    assessed = [a for a in course.assessments if a.response is not Response.NE and (a.day or 0) <= end]
    if death is not None:
        assessed = [a for a in assessed if (a.day or 0) <= death]
    stops = [
        (day, words, reason)
        for event, effect, words, reason in _others(course, rules)
        if effect == "censor" and (day := _by(event, end)) is not None
    ]
    stop = min(stops, default=None)
    progressed = next((a for a in assessed if a.response is Response.PD), None)
    start, begin = 0, ""
    if spec.measure == "dor":
        first = _first_response(assessed, stop)
        if first is None:
            ids = tuple(i for a in assessed for i in a.source_ids)
            return Finding(reason=Reason.NO_RESPONSE, detail="no CR or PR that counts", source_ids=ids)
        start, begin = first.day or 0, f"{first}; "
    events = _events(course, fact, spec, rules, progressed, death, end)
    event = min(events, key=lambda e: e[0], default=None)
    evaluable = [a for a in assessed if (a.day or 0) >= start]
    ids = tuple(i for a in evaluable for i in a.source_ids)
    if not fact.baseline and rules.without_baseline == "censor":
        return _censored(start, start, Reason.CENSORED_NO_ASSESSMENT, "no lesion or assessment at baseline", ids)
    if stop is not None and (event is None or stop[0] < event[0]):
        day, words, reason = stop
        before = [a for a in evaluable if (a.day or 0) <= day]
        return _at_last(before, start, reason, f"{begin}{words} on day {day}", ids)
    if event is not None:
        day, cause, words, source = event
        before = [a for a in evaluable if (a.day or 0) < day]
        missed = _missed(spec, before[-1].day or 0 if before else 0, day)
        if rules.missed_visits and missed >= rules.missed_visits:
            text = f"{begin}{words} on day {day} after {missed} missed assessments"
            return _at_last(before, start, Reason.CENSORED_MISSED_VISITS, text, ids)
        return Finding(
            time=float(day - start),
            event=True,
            category=cause,
            day=float(day),
            known_on_day=float(day),
            detail=f"{begin}{words} on day {day}",
            source_ids=tuple(dict.fromkeys((*ids, *source))),
        )
    cut = fact.cut is not None and _beyond(course, fact.cut)
    return _at_last(evaluable, start, Reason.CENSORED_DATA_CUT if cut else Reason.ONGOING, f"{begin}no event", ids)


def _events(
    course: History,
    fact: _Subject,
    spec: TimeToEvent,
    rules: Rules,
    progressed: Assessment | None,
    death: int | None,
    end: int,
) -> list[tuple[int, str, str, tuple[str, ...]]]:
    """Day, cause, words and rows of each event there may be, in the order in which those of one day go."""
    name = RELAPSE if spec.measure == "relapse" else PROGRESSION
    cause = name if spec.antigen is None else f"{name}, {spec.antigen.antigen} {fact.antigen or 'not known'}"
    found: list[tuple[int, str, str, tuple[str, ...]]] = []
    if progressed is not None:
        found.append((progressed.day or 0, cause, PROGRESSION, progressed.source_ids))
    if spec.unassessed_progression == "event" and (day := _by(fact.unassessed, end)) is not None:
        assert fact.unassessed is not None
        found.append((day, cause, "progression recorded without assessment", (fact.unassessed.source_id,)))
    if death is not None and course.death is not None:
        found.append((death, DEATH_WITHOUT, DEATH, (course.death.source_id,)))
    for event, effect, words, _ in _others(course, rules):
        if effect == "event" and event is not None and (day := _by(event, end)) is not None:
            found.append((day, words, words, (event.source_id,)))
    return found


def _others(course: History, rules: Rules) -> tuple[tuple[Event | None, Effect, str, Reason], ...]:
    return (
        (course.new_therapy, rules.new_therapy, NEW_THERAPY, Reason.CENSORED_NEW_THERAPY),
        (course.transplant, rules.transplant, TRANSPLANT, Reason.CENSORED_TRANSPLANT),
    )


def _survival(course: History, fact: _Subject, end: int) -> Finding:
    death = _by(course.death, end)
    if death is not None and course.death is not None:
        return Finding(
            time=float(death),
            event=True,
            category=DEATH,
            day=float(death),
            known_on_day=float(death),
            detail=f"death on day {death}",
            source_ids=(course.death.source_id,),
        )
    seen = [(day, what) for day, what in course.contacts if 0 <= day <= end and what != DEATH]
    cut = fact.cut is not None and _beyond(course, fact.cut)
    if cut and fact.cut is not None:
        return _censored(fact.cut, 0, Reason.CENSORED_DATA_CUT, f"alive after the data cut (day {fact.cut})", ())
    day, what = seen[-1] if seen else (0, "infusion")
    return _censored(day, 0, Reason.ONGOING, f"last seen on day {day} ({what})", ())


def _beyond(course: History, cut: int) -> bool:
    """Whether anything shows the subject after the cut, who then was followed to it."""
    return any(day > cut for day, _ in course.contacts)


def _first_response(assessed: list[Assessment], stop: tuple[int, str, Reason] | None) -> Assessment | None:
    for assessment in assessed:
        if assessment.response is Response.PD or (stop is not None and (assessment.day or 0) > stop[0]):
            return None
        if assessment.response.responds:
            return assessment
    return None


def _missed(spec: TimeToEvent, last: int, day: int) -> int:
    """Scheduled assessments that lie, with their windows, wholly between the last assessment and the event."""
    return sum(last < v - spec.visit_window and v + spec.visit_window < day for v in spec.visits)


def _at_last(assessed: list[Assessment], start: int, reason: Reason, text: str, ids: tuple[str, ...]) -> Finding:
    if not assessed:
        told = Reason.CENSORED_NO_ASSESSMENT if reason in (Reason.ONGOING, Reason.CENSORED_DATA_CUT) else reason
        return _censored(start, start, told, f"{text}; no evaluable assessment before", ids)
    return _censored(assessed[-1].day or 0, start, reason, f"{text}; last assessment {assessed[-1]}", ids)


def _censored(day: int, start: int, reason: Reason, text: str, ids: tuple[str, ...]) -> Finding:
    return Finding(
        time=float(day - start),
        event=False,
        reason=reason,
        day=float(day),
        known_on_day=float(day),
        detail=text,
        source_ids=ids,
    )


def _by(event: Event | None, end: int) -> int | None:
    return None if event is None or event.earliest > end else event.earliest


def _sure(course: History, fact: _Subject, spec: TimeToEvent, rules: Rules) -> Finding:
    """The time, where neither an incomplete date nor a contradiction can change it; else undetermined."""
    if course.reason is not None:
        return Finding(reason=course.reason, detail=course.reason.label)
    dated = course.exact and (fact.unassessed is None or fact.unassessed.exact)
    if dated and course.conflict is None:
        return time_to_event(course, fact, spec, rules)
    found = []
    for best, early, late in product(
        (False,) if course.conflict is None else (True, False),
        *((False,) if dated else (False, True) for _ in range(2)),
    ):
        moved = fact.unassessed
        if moved is not None:
            day = moved.latest if late else moved.earliest
            moved = replace(moved, earliest=day, latest=day)
        placed = course.placed(assessments_late=early, events_late=late, best=best)
        found.append(time_to_event(placed, replace(fact, unassessed=moved), spec, rules))
    if len({(f.time, f.event, f.category, f.reason) for f in found}) == 1:
        return found[-1]
    ids = tuple(dict.fromkeys(i for f in found for i in f.source_ids))
    told = sorted({_said(f) for f in found})
    if dated and course.conflict is not None:
        return Finding(
            reason=Reason.DUPLICATED,
            detail=f"contradicting assessments: {course.conflict}: {' or '.join(told)}",
            source_ids=ids,
        )
    return Finding(
        reason=Reason.PARTIAL_DATE, detail=f"depends on an incomplete date: {' or '.join(told)}", source_ids=ids
    )


def _said(found: Finding) -> str:
    if found.time is None:
        return found.reason.label.lower() if found.reason else "undetermined"
    return f"{found.category if found.event else 'censored'} after {found.time:g} days"


def _checked(name: str, spec: TimeToEvent, given: Given) -> Rules:
    rules = in_force(spec)
    problems: list[Problem] = []
    if not isinstance(rules, Rules):
        problems.append(
            Problem(
                code="missing-rule",
                what=f"Endpoint {name!r}: neither the plan nor a preset gives {', '.join(rules)}",
                expected="rules: fda_2018 or ema_2012, or every rule",
                do="Set rules of the endpoint",
            )
        )
    elif rules.missed_visits and spec.measure != "os" and not spec.visits:
        problems.append(
            Problem(
                code="no-schedule",
                what=f"Endpoint {name!r}: missed visits are counted, and the scheduled assessments are not given",
                expected="visits: days of the scheduled assessments",
                do="Set visits, or missed_visits: 0",
            )
        )
    if spec.data_cut is not None and day_zero(spec.data_cut) is None:
        problems.append(
            Problem(
                code="data-cut",
                what=f"Endpoint {name!r}: the data cut is no date",
                found=spec.data_cut,
                expected="a date in ISO 8601 (2021-03-05)",
            )
        )
    if spec.antigen is not None:
        known = given.tables["characteristics"]["name"].unique(maintain_order=True).to_list()
        if spec.antigen.name not in known:
            problems.append(
                unknown(f"characteristic of endpoint {name!r}", spec.antigen.name, known, code="unknown-characteristic")
            )
    if problems or not isinstance(rules, Rules):
        raise DerivationError(problems)
    return rules


def _facts(spec: TimeToEvent, given: Given) -> dict[str, _Subject]:
    lesions, assessed = given.tables["lesions"], given.tables["assessments"]
    early = pl.col("day") <= 0
    baseline = {*lesions.filter(early)["subject_id"], *assessed.filter(early)["subject_id"]}
    cut = None if spec.data_cut is None else day_zero(spec.data_cut)
    said = [e for e in given.tables["disposition"]["event"].unique() if is_progression(e)]
    rows: dict[str, list[Mapping[str, object]]] = {}
    for row in given.tables["disposition"].filter(pl.col("event").is_in(said)).iter_rows(named=True):
        rows.setdefault(row["subject_id"], []).append(row)
    status = _antigens(spec.antigen, given)
    facts = {}
    for subject, infusion in given.subjects.items():
        zero = None if infusion is None else day_zero(infusion)
        facts[subject] = _Subject(
            baseline=subject in baseline,
            cut=None if cut is None or zero is None else (cut - zero).days,
            unassessed=None if zero is None else _first(rows.get(subject, []), zero),
            antigen=status.get(subject),
        )
    return facts


def _first(rows: list[Mapping[str, object]], zero: datetime.date) -> Event | None:
    spans = [(span, str(row["source_id"])) for row in rows if (span := days_of(row, zero))[1] > 0]
    if not spans:
        return None
    (low, high), source = min(spans)
    return Event(earliest=max(low, 1), latest=high, source_id=source)


def _antigens(rule: Antigen | None, given: Given) -> dict[str, str]:
    if rule is None:
        return {}
    words = {folded(w): status for status in _STATUS for w in getattr(rule, status)}
    rows = given.tables["characteristics"].filter(pl.col("name") == rule.name)
    found = {}
    for subject, text in rows.select("subject_id", "category").iter_rows():
        if (status := words.get(folded(text))) is not None:
            found[subject] = status
    return found


def _unknown_antigen(name: str, subject: str, found: Finding, spec: TimeToEvent) -> list[Check]:
    if spec.antigen is None or not found.event or not (found.category or "").endswith("not known"):
        return []
    return [
        check(
            scope="subject",
            item=subject,
            target=name,
            rule="antigen-not-known",
            found=f"progression on day {found.day:g}, no status of {spec.antigen.antigen} that is known",
            required="retained, low or lost, in a word of the rule",
            action="a subtype of its own",
            source_ids=found.source_ids,
        )
    ]


def _no_lesions(name: str) -> Check:
    return check(
        scope="source",
        item="lesions",
        target=name,
        rule="no-lesions",
        found="no lesions were read",
        required="baseline lesions, to tell who has none",
        action="nobody is censored for want of a baseline",
    )
