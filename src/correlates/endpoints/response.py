"""Best overall response, and the class of durable response made of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product

from correlates.endpoints.history import Assessment, Event, History, histories
from correlates.endpoints.record import Derived, Finding, Given
from correlates.endpoints.settings import BestResponse, DurableClass, Endpoint, ResponseTime
from correlates.endpoints.words import categories
from correlates.terms import Durability, OutcomeKind, Reason, Response

RANK = tuple(r for r in Response if r is not Response.NE)
"""Responses, best first."""


def derive_best_response(name: str, spec: Endpoint, given: Given) -> Derived:
    """Best overall response of every subject: see :func:`best_response`."""
    assert isinstance(spec, BestResponse)
    courses, criteria, checks = histories(
        given.subjects, given.tables, evaluator=spec.evaluator, criteria=spec.criteria, endpoint=name
    )
    findings = {s: replace(_sure(c, lambda h: best_response(h, spec)), scale=criteria) for s, c in courses.items()}
    words = tuple(r.value for r in categories(criteria or spec.criteria))
    return Derived(kind=OutcomeKind.CLASS, findings=findings, classes=words, checks=tuple(checks))


def derive_durability(name: str, spec: Endpoint, given: Given) -> Derived:
    """Class of durable response of every subject: see :func:`durability`."""
    assert isinstance(spec, DurableClass)
    courses, criteria, checks = histories(
        given.subjects, given.tables, evaluator=spec.evaluator, criteria=spec.criteria, endpoint=name
    )
    findings = {s: replace(_sure(c, lambda h: durability(h, spec)), scale=criteria) for s, c in courses.items()}
    words = tuple(d.value for d in Durability if d is not Durability.UNDETERMINED)
    return Derived(kind=OutcomeKind.CLASS, findings=findings, classes=words, checks=tuple(checks))


def durable_classes(name: str, specs: Sequence[DurableClass], given: Given) -> list[dict[str, str]]:
    """The class of every treated subject under each of some rules that differ in nothing but how a course is classed.

    ``undetermined`` stands for every reason without a class.
    """
    first = specs[0]
    courses, _, _ = histories(
        given.subjects, given.tables, evaluator=first.evaluator, criteria=first.criteria, endpoint=name
    )
    treated = {s: c for s, c in courses.items() if c.reason is not Reason.NOT_TREATED}

    def classed(spec: DurableClass) -> dict[str, str]:
        found = {s: _sure(c, lambda h: durability(h, spec)).category for s, c in treated.items()}
        return {s: category or Durability.UNDETERMINED.value for s, category in found.items()}

    return [classed(spec) for spec in specs]


def derive_time_to_response(name: str, spec: Endpoint, given: Given) -> Derived:
    """Days to the first response of every subject: see :func:`time_to_response`."""
    assert isinstance(spec, ResponseTime)
    courses, criteria, checks = histories(
        given.subjects, given.tables, evaluator=spec.evaluator, criteria=spec.criteria, endpoint=name
    )
    findings = {s: replace(_sure(c, lambda h: time_to_response(h, spec)), scale=criteria) for s, c in courses.items()}
    return Derived(kind=OutcomeKind.TIME, findings=findings, checks=tuple(checks))


def _sure(course: History, rule: Callable[[History], Finding]) -> Finding:
    """The outcome, where neither an incomplete date nor a contradiction can change it; else undetermined."""
    if course.reason is not None:
        return Finding(reason=course.reason, detail=course.reason.label)
    if course.exact and course.conflict is None:
        found_ = rule(course)
        words = f"; imputed: {', '.join(course.imputed)}" if course.imputed else ""
        return replace(found_, detail=f"{found_.detail}{words}")
    found = [
        rule(course.placed(assessments_late=a, events_late=e, best=b))
        for b in ((False,) if course.conflict is None else (True, False))
        for a, e in product(*((False,) if course.exact else (False, True) for _ in range(2)))
    ]
    classes = dict.fromkeys(_told(f) or (f.reason.label.lower() if f.reason else "") for f in found)
    if len(classes) == 1:
        days, known = {f.day for f in found}, [f.known_on_day for f in found if f.known_on_day is not None]
        same = [] if course.exact else ["wherever the incomplete dates lie"]
        same += [] if course.conflict is None else [f"whichever of {course.conflict} holds"]
        return replace(
            found[-1],
            day=found[-1].day if len(days) == 1 else None,
            known_on_day=max(known, default=None),
            detail=f"{found[-1].detail}; the same {' and '.join(same)}",
        )
    if course.conflict is not None:
        ids = tuple(i for a in course.assessments for i in a.source_ids)
        return Finding(reason=Reason.DUPLICATED, detail=f"contradicting assessments: {course.conflict}", source_ids=ids)
    return Finding(
        reason=Reason.PARTIAL_DATE,
        detail=f"depends on an incomplete date: {' or '.join(classes)}",
        source_ids=found[-1].source_ids,
    )


def _told(found: Finding) -> str | None:
    """What an outcome says, as words: its class, or its time."""
    if found.time is None:
        return found.category
    return f"{'event' if found.event else 'censored'} on day {found.time:g}"


def best_response(course: History, rule: BestResponse) -> Finding:
    """Best overall response: the best of the evaluable assessments that count.

    They are those after the infusion (day 1 and later), up to and including the first progression, and, with
    ``until_new_therapy``, up to and including the day on which new anticancer therapy or a transplant starts. Stable
    disease before ``stable_from`` does not count. A response among ``confirm`` counts as such only where a later one, at
    least as good, confirms it (:func:`confirmation`); else it counts as stable disease (RECIST 1.1, Table 3).

    Undefined when
        No evaluable assessment counts (``no-assessment``).
    """
    stop = _earliest(course.new_therapy, course.transplant) if rule.until_new_therapy else None
    seen = counted(course, stop)
    confirmed = {a: confirmation(course, seen, a, rule) for a in seen if a.response in rule.confirm}
    counts = {a: Response.SD if a in confirmed and confirmed[a] is None else a.response for a in seen}
    candidates = [a for a in seen if counts[a] is not Response.SD or (a.day or 0) >= rule.stable_from]
    if not candidates:
        return _nothing(course, stop, early=len(seen))
    best = min(candidates, key=lambda a: RANK.index(counts[a]))
    last = seen[-1]
    by = confirmed.get(best)
    # a complete response cannot be bettered: it is known when it is reached, any other best only at the end
    known = (by or best) if counts[best] is _best_possible(course) else last
    said = "" if best not in confirmed else f", confirmed on day {by.day}" if by else ", not confirmed: counts as SD"
    return Finding(
        category=counts[best].value,
        day=best.day,
        known_on_day=known.day,
        detail=f"{best}{said}" + _best_of(seen, best) + _stopped(course, stop),
        source_ids=tuple(i for a in seen for i in a.source_ids),
    )


def confirmation(
    course: History, seen: tuple[Assessment, ...], first: Assessment, rule: BestResponse
) -> Assessment | None:
    """The assessment that confirms a response: at least as good, ``confirm_after`` days later or more.

    Between the two lie only responses as good, and at most ``confirm_across`` assessments that were not evaluable.
    Null where there is none. Source: RECIST 1.1, section 4.6 and Table 3.
    """
    for later in seen:
        if (later.day or 0) <= (first.day or 0):
            continue
        if RANK.index(later.response) > RANK.index(first.response):
            return None
        between = [a for a in course.assessments if (first.day or 0) < (a.day or 0) < (later.day or 0)]
        if sum(a.response is Response.NE for a in between) > rule.confirm_across:
            return None
        if (later.day or 0) - (first.day or 0) >= rule.confirm_after:
            return later
    return None


def _best_possible(course: History) -> Response:
    """CR; sCR where the course has categories of IMWG."""
    imwg = any(a.response in (Response.SCR, Response.VGPR, Response.MR) for a in course.assessments)
    return Response.SCR if imwg else Response.CR


def time_to_response(course: History, rule: ResponseTime) -> Finding:
    """Days from the infusion to the first assessment that reaches ``reach``.

    Undefined when
        No evaluable assessment counts (``no-assessment``); with ``among: responders``, there is no response (``no-response``).
        With ``among: all`` a subject without response is censored at the last assessment that counts.
    """
    stop = _earliest(course.new_therapy, course.transplant) if rule.until_new_therapy else None
    seen = counted(course, stop)
    if not seen:
        return _nothing(course, stop)
    ids = tuple(i for a in seen for i in a.source_ids)
    reached = [a for a in seen if RANK.index(a.response) <= RANK.index(rule.reach)]
    if reached:
        first = reached[0]
        day = float(first.day or 0)
        return Finding(time=day, event=True, day=day, known_on_day=day, detail=f"first {first}", source_ids=ids)
    last = seen[-1]
    detail = f"no response of {rule.reach.value} or better in {len(seen)} assessments, the last {last}"
    if rule.among == "responders":
        return Finding(reason=Reason.NO_RESPONSE, detail=detail, source_ids=ids)
    day = float(last.day or 0)
    return Finding(
        time=day, event=False, known_on_day=day, reason=Reason.NO_RESPONSE, detail=f"{detail}: censored", source_ids=ids
    )


def counted(course: History, stop: int | None) -> tuple[Assessment, ...]:
    """The assessments that count: evaluable, not after ``stop``, up to and including the first progression."""
    seen: list[Assessment] = []
    for assessment in course.assessments:
        if assessment.response is Response.NE or (stop is not None and (assessment.day or 0) > stop):
            continue
        seen.append(assessment)
        if assessment.response is Response.PD:
            break
    return tuple(seen)


def durability(course: History, rule: DurableClass) -> Finding:
    """Class of durable response.

    With ``best`` the best response among the assessments that count, in this order:

    1. no evaluable assessment: undetermined (``no-assessment``);
    2. ``best`` among ``nonresponder_best``: nonresponder; another best that is no response: undetermined
       (``not-classed``);
    3. the first of progression, death, new anticancer therapy and transplant after the response, on or before the
       landmark: progression makes *relapsed* (it goes before another event of the same day); the others are
       undetermined, or what the settings say;
    4. none of them on or before the landmark, and the subject followed to the landmark: *durable*; with ``any_time`` a
       later progression still makes *relapsed*;
    5. not followed to the landmark: undetermined (``follow-up-too-short``).

    Source: Locke et al. 2020, Blood Adv 4:4898 (ongoing response at least one year after infusion; relapse after CR or
    PR; nonresponder). What the paper leaves open is a setting: see docs/methods/durability.md.
    """
    transplant = None if rule.transplant_in_response == "ongoing" else course.transplant
    new_therapy = None if rule.new_therapy_in_response == "ongoing" else course.new_therapy
    stop = _earliest(new_therapy, transplant)
    seen = counted(course, stop)
    if not seen:
        return _nothing(course, stop)
    ids = tuple(i for a in seen for i in a.source_ids)
    best = min(seen, key=lambda a: RANK.index(a.response))
    if best.response in rule.nonresponder_best:
        last = seen[-1]
        return Finding(
            category=Durability.NONRESPONDER.value,
            day=last.day,
            known_on_day=last.day,
            detail=f"best response {best}{_best_of(seen, best)}{_stopped(course, stop)}: nonresponder",
            source_ids=ids,
        )
    if not best.response.responds:
        words = ", ".join(r.value for r in rule.nonresponder_best)
        return Finding(
            reason=Reason.NOT_CLASSED,
            detail=f"best response {best}; only {words} makes a nonresponder",
            source_ids=ids,
        )
    return _after_response(replace(course, new_therapy=new_therapy, transplant=transplant), rule, seen, best)


def _after_response(course: History, rule: DurableClass, seen: tuple[Assessment, ...], best: Assessment) -> Finding:
    ids = tuple(i for a in seen for i in a.source_ids)
    last, landmark = seen[-1], rule.landmark
    response = next(a for a in seen if a.response.responds)
    begin = f"{best}" if best.day == response.day else f"{response}, {best}"
    progression = last if last.response is Response.PD else None
    others: list[tuple[int, str, str, Reason, Event]] = [
        (event.earliest, words, setting, reason, event)
        for event, words, setting, reason in (
            (course.new_therapy, "new anticancer therapy", rule.new_therapy_in_response, Reason.NEW_THERAPY),
            (course.transplant, "stem-cell transplant", rule.transplant_in_response, Reason.TRANSPLANT),
            (course.death, "death", rule.death_in_response, Reason.DIED_IN_RESPONSE),
        )
        if event is not None
    ]
    other = min(others, key=lambda o: o[0], default=None)
    if progression is not None and (other is None or (progression.day or 0) <= other[0]):
        return _progressed(rule, begin, progression, ids)
    if other is not None and other[0] <= landmark:
        day, words, setting, reason, event = other
        text = f"{begin}, {words} in response on day {day}, without progression"
        ids = (*ids, event.source_id)
        if setting == "relapsed":
            return Finding(
                category=Durability.RELAPSED.value,
                day=day,
                known_on_day=day,
                detail=f"{text}: counted as relapsed",
                source_ids=ids,
            )
        return Finding(reason=reason, detail=text, source_ids=ids)
    evidence = _evidence(course, rule, seen)
    if evidence is None:
        shown = f"last response assessment {last}" if rule.follow_up_by == "assessment" else _last_seen(course)
        until = f"day {landmark - rule.window}" if rule.window else f"the landmark, day {landmark}"
        text = f"{begin}, no progression; {shown}, before {until}"
        if rule.follow_up_too_short != "undetermined":
            seen_last = course.contacts[-1][0] if rule.follow_up_by == "contact" and course.contacts else last.day
            return Finding(
                category=rule.follow_up_too_short,
                day=seen_last,
                known_on_day=seen_last,
                detail=f"{text}: counted as {rule.follow_up_too_short}",
                source_ids=ids,
            )
        return Finding(reason=Reason.FOLLOW_UP_TOO_SHORT, detail=text, source_ids=ids)
    day, words = evidence
    later = f"; {other[1]} on day {other[0]}, after the landmark" if other is not None else ""
    return Finding(
        category=Durability.DURABLE.value,
        day=day,
        known_on_day=day,
        detail=f"{begin}, no progression; {words}{later}: in response at day {landmark}",
        source_ids=ids,
    )


def _progressed(rule: DurableClass, begin: str, progression: Assessment, ids: tuple[str, ...]) -> Finding:
    day, landmark = progression.day or 0, rule.landmark
    visit = f" ({progression.visit})" if progression.visit else ""
    text = f"{begin}, progression on day {day}{visit}"
    if day <= landmark or rule.relapse == "any_time":
        when = f"by day {landmark}" if day <= landmark else f"after day {landmark} (any time counts)"
        return Finding(
            category=Durability.RELAPSED.value,
            day=day,
            known_on_day=day,
            detail=f"{text}: relapsed {when}",
            source_ids=ids,
        )
    return Finding(
        category=Durability.DURABLE.value,
        day=day,
        known_on_day=day,
        detail=f"{text}, after the landmark: in response at day {landmark}",
        source_ids=ids,
    )


def _evidence(course: History, rule: DurableClass, seen: tuple[Assessment, ...]) -> tuple[int, str] | None:
    """What shows that the subject was followed to the landmark: the day, and in words."""
    needed = rule.landmark - rule.window
    hit = next((a for a in seen if (a.day or 0) >= needed), None)
    if hit is not None:
        return hit.day or 0, f"assessed on day {hit.day} ({hit.response.value})"
    if rule.follow_up_by == "assessment":
        return None
    last = seen[-1]
    seen_on = next(((day, what) for day, what in course.contacts if day >= needed), None)
    if seen_on is None:
        return None
    day, what = seen_on
    return day, f"last assessed on day {last.day} ({last.response.value}), seen on day {day} ({what})"


def _last_seen(course: History) -> str:
    return "last seen on day {} ({})".format(*course.contacts[-1]) if course.contacts else "no contact recorded"


def _nothing(course: History, stop: int | None, early: int = 0) -> Finding:
    notes = [f"{early} of stable disease too early to count"] if early else []
    unevaluable = sum(a.response is Response.NE for a in course.assessments)
    if unevaluable:
        notes.append(f"{unevaluable} not evaluable")
    if course.before:
        notes.append(f"{course.before} on or before the day of infusion")
    if stop is not None:
        notes.append(f"new therapy or transplant on day {stop}")
    if course.death is not None:
        notes.append(f"death on day {course.death.earliest}")
    detail = "no evaluable assessment" + (f": {', '.join(notes)}" if notes else "")
    ids = tuple(i for a in course.assessments for i in a.source_ids)
    return Finding(reason=Reason.NO_ASSESSMENT, detail=detail, source_ids=ids)


def _earliest(*events: Event | None) -> int | None:
    return min((e.earliest for e in events if e is not None), default=None)


def _best_of(seen: tuple[Assessment, ...], best: Assessment) -> str:
    last = seen[-1]
    if last.response is Response.PD and last is not best:
        return f", progression on day {last.day}"
    return "" if len(seen) == 1 else f", the best of {len(seen)} assessments"


def _stopped(course: History, stop: int | None) -> str:
    after = [
        a for a in course.assessments if stop is not None and (a.day or 0) > stop and a.response is not Response.NE
    ]
    return f"; {len(after)} after new therapy or transplant on day {stop} do not count" if after else ""
