"""Small clinical tables for the tests of endpoints."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from correlates.endpoints import study_days
from correlates.endpoints.settings import Infusion
from correlates.schema.clinical import (
    ADVERSE_EVENTS,
    ASSESSMENTS,
    CHARACTERISTICS,
    DISPOSITION,
    EXPOSURE,
    LABS,
    LESIONS,
    SUBJECTS,
)

ZERO = datetime.date(2020, 1, 1)


def date(day: int | str | None) -> str | None:
    """The date of a day after the infusion; a text (an incomplete date) is kept."""
    return (ZERO + datetime.timedelta(days=day)).isoformat() if isinstance(day, int) else day


def tables(
    *,
    subjects: Sequence[str] = ("P",),
    treated: bool = True,
    responses: Sequence[tuple[Any, ...]] = (),
    events: Sequence[tuple[str, int | str | None]] = (),
    adverse: Sequence[Mapping[str, Any]] = (),
    death: int | str | None = None,
    contact: int | str | None = None,
    labs: Sequence[int] = (),
) -> dict[str, pl.DataFrame]:
    """Tables as a reader gives them, of one subject P unless a row says otherwise.

    ``responses`` are (day, response[, visit[, evaluator[, criteria]]]).
    """
    people = [
        {
            "subject_id": s,
            "source_id": f"dm/{s}",
            "death_date": date(death),
            "last_contact_date": date(contact),
        }
        for s in subjects
    ]
    given = [
        {"subject_id": s, "treatment": "CAR T", "category": "STUDY", "date": date(0), "source_id": f"ex/{s}"}
        for s in (subjects if treated else ())
    ]
    assessed = [
        {
            "subject_id": "P",
            "test": "OVRLRESP",
            "date": date(row[0]),
            "response": row[1],
            "visit": row[2] if len(row) > 2 else None,
            "evaluator": row[3] if len(row) > 3 else None,
            "criteria": row[4] if len(row) > 4 else None,
            "source_id": f"rs/{i}",
        }
        for i, row in enumerate(responses)
    ]
    happened = [{"subject_id": "P", "event": "INFORMED CONSENT OBTAINED", "date": date(-30), "source_id": "ds/consent"}]
    happened += [
        {"subject_id": "P", "event": what, "date": date(day), "source_id": f"ds/{i}"}
        for i, (what, day) in enumerate(events)
    ]
    reacted = [
        {"subject_id": "P", "term": "Nausea", "category": "OTHER", "grade": 1, "source_id": "ae/x", "date": date(2)}
    ]
    reacted += [
        {"subject_id": "P", "source_id": f"ae/{i}", **{k: date(v) if k.endswith("date") else v for k, v in row.items()}}
        for i, row in enumerate(adverse)
    ]
    drawn = [{"subject_id": "P", "test": "CRP", "date": date(d), "source_id": f"lb/{d}"} for d in labs]
    return {
        "subjects": SUBJECTS.frame(people),
        "characteristics": CHARACTERISTICS.empty(),
        "exposure": EXPOSURE.frame(given),
        "lesions": LESIONS.empty(),
        "assessments": ASSESSMENTS.frame(assessed),
        "adverse_events": ADVERSE_EVENTS.frame(reacted),
        "labs": LABS.frame(drawn),
        "disposition": DISPOSITION.frame(happened),
    }


def dated(**given: Any) -> dict[str, pl.DataFrame]:
    """Tables with their days."""
    return dict(study_days(tables(**given), Infusion()).tables)
