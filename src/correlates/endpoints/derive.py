"""All endpoints of a plan, one row per subject and endpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import polars as pl

from correlates.endpoints.assessed import as_assessments, criteria_of
from correlates.endpoints.checks import unique
from correlates.endpoints.classes import derive_class_is, derive_recorded
from correlates.endpoints.course_table import course_table
from correlates.endpoints.record import Derived, EndpointKind, Given
from correlates.endpoints.response import derive_best_response, derive_durability, derive_time_to_response
from correlates.endpoints.sensitivity import sensitivity
from correlates.endpoints.settings import (
    AtLeast,
    BestResponse,
    ClassIs,
    DurableClass,
    Endpoint,
    MaxGrade,
    Recorded,
    ResponseTime,
)
from correlates.endpoints.time_kinds import TIMES
from correlates.endpoints.time_settings import Rules, TimeToEvent, in_force
from correlates.endpoints.toxicity import derive_at_least, derive_max_grade
from correlates.endpoints.toxicity_kinds import TOXICITIES
from correlates.endpoints.toxicity_settings import Duration, Onset
from correlates.errors import DerivationError, Problem, unknown
from correlates.schema.checks import CHECKS
from correlates.schema.clinical import CLINICAL
from correlates.schema.exclusions import EXCLUSIONS
from correlates.schema.outcomes import OUTCOMES
from correlates.schema.table import conform
from correlates.schema.toxicity import TOXICITY

_COURSE = ("subjects", "assessments", "disposition", "exposure", "lesions", "labs", "adverse_events")

ENDPOINTS: tuple[EndpointKind, ...] = (
    EndpointKind(
        code="best_response",
        label="Best overall response",
        settings=BestResponse,
        needs=_COURSE,
        function=derive_best_response,
        formula="best of CR > PR > SD > PD among evaluable assessments after infusion, up to and including the first "
        "progression and before new anticancer therapy",
        citation="Cheson 2014, J Clin Oncol 32:3059; Eisenhauer 2009, Eur J Cancer 45:228",
        page="methods/response.md",
    ),
    EndpointKind(
        code="durability",
        label="Durability of response",
        settings=DurableClass,
        needs=_COURSE,
        function=derive_durability,
        formula="durable: CR or PR, ongoing at the landmark; relapsed: CR or PR, then progression; nonresponder: no better "
        "than the declared best responses",
        citation="Locke 2020, Blood Adv 4:4898",
        page="methods/durability.md",
    ),
    EndpointKind(
        code="time_to_response",
        label="Time to response",
        settings=ResponseTime,
        needs=_COURSE,
        function=derive_time_to_response,
        formula="days from the infusion to the first assessment with the declared response or a better one, before progression "
        "and new anticancer therapy",
        citation="Cheson 2014, J Clin Oncol 32:3059; Eisenhauer 2009, Eur J Cancer 45:228",
        page="methods/response.md",
    ),
    EndpointKind(
        code="class_is",
        label="Class among those declared",
        settings=ClassIs,
        needs=(),
        function=derive_class_is,
        formula="yes where the class of another endpoint is among those declared",
        citation="",
        page="methods/durability.md",
    ),
    EndpointKind(
        code="max_grade",
        label="Maximum toxicity grade",
        settings=MaxGrade,
        needs=("subjects", "adverse_events"),
        function=derive_max_grade,
        formula="maximum grade of the events of a category or of terms with onset in the window; 0 without one",
        citation="Lee 2014, Blood 124:188; Lee 2019, Biol Blood Marrow Transplant 25:625; CTCAE 4.03 and 5.0 (NCI)",
        page="methods/toxicity_grades.md",
    ),
    EndpointKind(
        code="at_least",
        label="Toxicity of at least a grade",
        settings=AtLeast,
        needs=(),
        function=derive_at_least,
        formula="yes where the maximum grade is at least the declared grade",
        citation="",
        page="methods/toxicity_grades.md",
    ),
    EndpointKind(
        code="recorded",
        label="Outcome as recorded",
        settings=Recorded,
        needs=("characteristics",),
        function=derive_recorded,
        formula="the value of a column of a table source",
        citation="",
        page="methods/response.md",
    ),
    *TIMES,
    *TOXICITIES,
)
"""The kinds of endpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Outcomes of all subjects.

    Attributes
    ----------
    outcomes
        ``OUTCOMES``: one row per subject and endpoint, endpoints in the order of the plan.
    checks
        ``CHECKS``: what was found on the way.
    exclusions
        ``EXCLUSIONS``: one row per subject without an outcome of an endpoint (the scope), and why.
    sensitivity
        ``SENSITIVITY``: counts of the durable classes under each setting.
    courses
        ``COURSES``: what happened to each subject, as the endpoints of best response saw it.
    toxicity
        ``TOXICITY``: the course of the grades that the grade endpoints are maxima of.
    """

    outcomes: pl.DataFrame
    checks: pl.DataFrame
    exclusions: pl.DataFrame
    sensitivity: pl.DataFrame
    courses: pl.DataFrame
    toxicity: pl.DataFrame


def derive(
    specs: Mapping[str, Endpoint], tables: Mapping[str, pl.DataFrame], responses: pl.DataFrame | None = None
) -> Outcomes:
    """Derive the endpoints of a plan.

    Parameters
    ----------
    specs
        Settings by name of the endpoint.
    tables
        Clinical tables by name with days filled (see :func:`~correlates.endpoints.days.study_days`); an absent table is
        empty. The subjects are those of ``subjects``, or where that is absent those of ``characteristics``.

    responses
        ``RESPONSES``: derived from lesions (see :func:`~correlates.endpoints.assessed.responses`), for the endpoints that
        ask for them.

    Returns
    -------
    Outcomes
        A subject whose outcome cannot be determined has a row with the reason.

    Raises
    ------
    DerivationError
        Every endpoint that cannot be derived: it names an endpoint, evaluator, criteria, column or class that does not
        exist, endpoints that name each other in a circle, or one of the wrong kind.
    """
    given = {table.name: tables.get(table.name, table.empty()) for table in CLINICAL}
    subjects = dict(given["subjects"].select("subject_id", "infusion_date").iter_rows())
    if "subjects" not in tables:
        subjects = dict.fromkeys(given["characteristics"]["subject_id"].unique(maintain_order=True))
    done: dict[str, Derived] = {}
    problems: list[Problem] = []
    seen_by: dict[str, Given] = {}
    for name in _order(specs):
        spec = specs[name]
        if _of(spec) is not None and _of(spec) not in done:
            continue  # what it is made of has failed, and says so
        try:
            seen = _assessed(name, spec, given, responses)
            seen_by[name] = Given(subjects=subjects, tables=seen, done=done)
            done[name] = kind_of(spec).function(name, spec, seen_by[name])
        except DerivationError as error:
            problems += error.problems
    if problems:
        raise DerivationError(problems)
    rows = [row for name in specs for row in _rows(name, specs[name], done[name])]
    excluded = [
        {"subject_id": r["subject_id"], "scope": r["endpoint"], "reason": r["reason"], "detail": r["detail"]}
        for r in rows
        if r["reason"] is not None and r["time"] is None  # a censored time is an outcome
    ]
    return Outcomes(
        outcomes=conform(OUTCOMES.frame(rows), OUTCOMES),
        checks=CHECKS.frame(unique([c for d in done.values() for c in d.checks])),
        exclusions=conform(EXCLUSIONS.frame(excluded), EXCLUSIONS),
        sensitivity=sensitivity(specs, seen_by),
        courses=course_table(specs, seen_by),
        toxicity=conform(TOXICITY.frame([row for name in specs for row in _spells(name, done[name])]), TOXICITY),
    )


def _assessed(
    name: str, spec: Endpoint, given: Mapping[str, pl.DataFrame], responses: pl.DataFrame | None
) -> Mapping[str, pl.DataFrame]:
    """The clinical tables, derived responses in the place of the recorded ones where the endpoint asks for them.

    Raises
    ------
    DerivationError
        The criteria of the endpoint are not derived from lesions, or nothing was derived by them.
    """
    if getattr(spec, "assessments", "recorded") != "lesions" or getattr(spec, "measure", "") == "os":
        return given
    criteria = criteria_of(getattr(spec, "criteria", None))
    mine = None if criteria is None or responses is None else as_assessments(responses, criteria)
    if mine is None or mine.is_empty():
        named = getattr(spec, "criteria", None)
        raise DerivationError(
            Problem(
                code="no-derived-responses",
                what=f"Endpoint {name!r}: no response could be derived from lesions",
                found="no criteria"
                if named is None
                else f"criteria {named}" + ("" if criteria else ", which are not derived from lesions"),
                expected="criteria lugano_2014, cheson_2007 or recist_1_1, and lesions at baseline and after the infusion",
                do="Set criteria, or assessments: recorded",
            )
        )
    return {**given, "assessments": mine}


def kind_of(spec: Endpoint) -> EndpointKind:
    """The record of the kind that settings belong to."""
    return next(kind for kind in ENDPOINTS if kind.settings is type(spec))


def _of(spec: Endpoint) -> str | None:
    return spec.of if isinstance(spec, ClassIs | AtLeast | Onset | Duration) else None


def _order(specs: Mapping[str, Endpoint]) -> list[str]:
    """Names so that what an endpoint is made of comes before it.

    Raises
    ------
    DerivationError
        A name nobody defines, or a circle.
    """
    problems = [
        unknown(f"endpoint (`of` of {name!r})", of, list(specs), code="unknown-endpoint")
        for name, spec in specs.items()
        if (of := _of(spec)) is not None and of not in specs
    ]
    ordered: list[str] = []
    if not problems:
        waiting = list(specs)
        while waiting:
            ready = [n for n in waiting if (of := _of(specs[n])) is None or of in ordered]
            if not ready:
                problems.append(
                    Problem(
                        code="circular",
                        what="Endpoints are made of each other in a circle",
                        found=" -> ".join([*waiting, waiting[0]]),
                        expected="an endpoint that is derived from the clinical tables at the end of each chain",
                        do="Correct `of` of one of them",
                    )
                )
                break
            ordered += ready
            waiting = [n for n in waiting if n not in ready]
    if problems:
        raise DerivationError(problems)
    return ordered


def _spells(name: str, derived: Derived) -> list[dict[str, object]]:
    return [
        {
            "subject_id": subject,
            "endpoint": name,
            "scale": derived.findings[subject].scale,
            "day": spell.first,
            "end_day": spell.last,
            "grade": spell.least,
            "most": spell.most,
            "daily": spell.daily,
            "source_ids": list(spell.source_ids),
        }
        for subject, spells in (derived.courses or {}).items()
        for spell in spells
    ]


def _rule(spec: Endpoint) -> dict[str, object]:
    """The settings in force; of a time to event those too that its preset fills in."""
    stated = asdict(spec)
    if isinstance(spec, TimeToEvent) and isinstance(rules := in_force(spec), Rules):
        stated["in_force"] = asdict(rules)
    return stated


def _rows(name: str, spec: Endpoint, derived: Derived) -> list[dict[str, object]]:
    rule = json.dumps(_rule(spec), sort_keys=True, ensure_ascii=False)
    return [
        {
            "subject_id": subject,
            "endpoint": name,
            "kind": derived.kind.value,
            "category": found.category,
            "event": found.event,
            "grade": found.grade,
            "scale": found.scale,
            "time": found.time,
            "day": None if found.day is None else float(found.day),
            "known_on_day": None if found.known_on_day is None else float(found.known_on_day),
            "reason": None if found.reason is None else found.reason.value,
            "detail": found.detail,
            "rule": rule,
            "source_ids": list(dict.fromkeys(found.source_ids)),
        }
        for subject, found in derived.findings.items()
    ]
