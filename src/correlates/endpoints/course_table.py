"""The courses of the subjects as a table: every response, therapy, death and the last contact, day by day."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from correlates.endpoints.history import Event, History, histories
from correlates.endpoints.record import Given
from correlates.endpoints.settings import BestResponse
from correlates.schema.courses import COURSES
from correlates.schema.table import conform


def course_table(specs: Mapping[str, object], given: Mapping[str, Given]) -> pl.DataFrame:
    """``COURSES`` of the endpoints of best response, treated subjects only.

    Parameters
    ----------
    specs
        Endpoints by name; those that are no best response are passed over.
    given
        What each is derived from.
    """
    rows: list[dict[str, object]] = []
    for name, spec in specs.items():
        if not isinstance(spec, BestResponse):
            continue
        tables = given[name]
        courses, _, _ = histories(
            tables.subjects, tables.tables, evaluator=spec.evaluator, criteria=spec.criteria, endpoint=name
        )
        rows += [{"endpoint": name, **row} for course in courses.values() for row in _of(course)]
    return conform(COURSES.frame(rows), COURSES)


def _of(course: History) -> list[dict[str, object]]:
    if course.reason is not None:
        return []
    subject = course.subject_id
    rows: list[dict[str, object]] = [
        {
            "subject_id": subject,
            "event": "response",
            "day": a.earliest,
            "response": a.response.value,
            "detail": a.visit if a.day is not None else f"incomplete date, {a.visit}",
            "source_ids": list(a.source_ids),
        }
        for a in course.assessments
    ]
    events: tuple[tuple[str, Event | None], ...] = (
        ("new_therapy", course.new_therapy),
        ("transplant", course.transplant),
        ("death", course.death),
    )
    rows += [
        {
            "subject_id": subject,
            "event": what,
            "day": event.earliest,
            "detail": None if event.exact else "incomplete date",
            "source_ids": [event.source_id],
        }
        for what, event in events
        if event is not None
    ]
    if course.contacts:
        day, seen = course.contacts[-1]
        rows.append({"subject_id": subject, "event": "last_contact", "day": day, "detail": seen, "source_ids": []})
    return rows
