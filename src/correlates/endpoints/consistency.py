"""Dates of one subject that contradict each other. Nothing is corrected: each is named with its rows."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from correlates.endpoints.checks import Check, check
from correlates.endpoints.words import is_death, is_progression, response
from correlates.terms import Response

_ACTIVITY = ("exposure", "lesions", "assessments", "adverse_events", "labs")
_ONE_VISIT = 14  # days: images of one visit lie within; a name used for longer is no visit
_WORDS = {
    "exposure": "administration",
    "lesions": "lesion measurement",
    "assessments": "response assessment",
    "adverse_events": "adverse event",
    "labs": "laboratory sample",
}


def contradictions(tables: Mapping[str, pl.DataFrame]) -> list[Check]:
    """Checks, none of them passed, for each subject whose dates cannot all be right.

    Found are: records after death or after the end of participation, a death before the infusion, two dates of death,
    visits out of order, progression recorded before the infusion or as disposition without being assessed, adverse
    events that end before they begin.
    """
    return [
        *_after(tables, "death_day", "death", "after-death"),
        *_after(tables, "last_contact_day", "the end of participation", "after-last-contact"),
        *_deaths(tables),
        *_visits_reversed(tables["assessments"], "assessments"),
        *_visits_reversed(tables["lesions"], "lesions"),
        *_progression_before(tables["assessments"]),
        *_progression_elsewhere(tables["disposition"], tables["assessments"]),
        *_ends_before(tables["adverse_events"]),
    ]


def _after(tables: Mapping[str, pl.DataFrame], end: str, word: str, rule: str) -> list[Check]:
    ends = tables["subjects"].select("subject_id", pl.col(end).alias("end"))
    checks = []
    for name in _ACTIVITY:
        late = tables[name].join(ends, on="subject_id", how="inner").filter(pl.col("day") > pl.col("end"))
        per = late.group_by("subject_id", maintain_order=True).agg(
            pl.col("day").max(), pl.col("end").first(), "source_id"
        )
        checks += [
            check(
                scope="subject",
                item=subject,
                target=name,
                rule=rule,
                found=f"{_WORDS[name]} on day {day}, {word} on day {last}",
                value=float(day - last),
                required=f"nothing after {word}",
                action="kept",
                source_ids=ids,
            )
            for subject, day, last, ids in per.iter_rows()
        ]
    return checks


def _deaths(tables: Mapping[str, pl.DataFrame]) -> list[Check]:
    checks = []
    recorded: dict[str, tuple[int, str]] = {}
    for subject, event, day, row in tables["disposition"].select("subject_id", "event", "day", "source_id").iter_rows():
        if day is not None and is_death(event):
            recorded.setdefault(subject, (day, row))
    columns = ("subject_id", "death_day", "last_contact_day", "source_id")
    for subject, death, contact, row in tables["subjects"].select(columns).iter_rows():
        other = recorded.get(subject)
        found = []
        if death is not None and other is not None and other[0] != death:
            found.append(
                ("death-dates-differ", f"death on day {death} (DM) and on day {other[0]} (DS)", "one date of death")
            )
        if death is not None and death < 0:
            found.append(("death-before-infusion", f"death on day {death}", "a death after the infusion"))
        if death is not None and contact is not None and contact > death:
            found.append(
                (
                    "contact-after-death",
                    f"participation ends on day {contact}, death on day {death}",
                    "no contact after death",
                )
            )
        checks += [
            check(
                scope="subject",
                item=subject,
                rule=rule,
                found=text,
                required=required,
                action="kept",
                source_ids=[row] if other is None else [row, other[1]],
            )
            for rule, text, required in found
        ]
    return checks


def _visits_reversed(frame: pl.DataFrame, name: str) -> list[Check]:
    """Named visits out of the order in which most subjects have them (unscheduled ones have no order)."""
    rows = frame.filter(
        pl.col("visit").is_not_null()
        & pl.col("day").is_not_null()
        & ~pl.col("visit").str.to_lowercase().str.contains("unsch")
    )
    if rows.is_empty():
        return []
    visits = rows.group_by("subject_id", "visit", maintain_order=True).agg(
        pl.col("day").min().alias("first"), pl.col("day").max().alias("last"), pl.col("source_id")
    )
    visits = visits.filter(pl.col("last") - pl.col("first") <= _ONE_VISIT)
    order = visits.group_by("visit", maintain_order=True).agg(pl.col("first").median().alias("usual"))
    sequence = visits.join(order, on="visit").sort("subject_id", "usual", "first")
    reversed_ = sequence.with_columns(
        before=pl.col("last").shift(1).over("subject_id"),
        before_visit=pl.col("visit").shift(1).over("subject_id"),
        before_usual=pl.col("usual").shift(1).over("subject_id"),
    ).filter((pl.col("before") > pl.col("first")) & (pl.col("before_usual") < pl.col("usual")))
    return [
        check(
            scope="subject",
            item=row["subject_id"],
            target=name,
            rule="visits-reversed",
            found=f"{row['before_visit']} on day {row['before']}, {row['visit']} on day {row['first']}",
            value=float(row["before"] - row["first"]),
            required=f"{row['before_visit']} before {row['visit']}, as in most subjects",
            action="kept",
            source_ids=row["source_id"],
        )
        for row in reversed_.iter_rows(named=True)
    ]


def _progression_before(assessments: pl.DataFrame) -> list[Check]:
    words = [w for w in assessments["response"].drop_nulls().unique() if response(w) is Response.PD]
    early = assessments.filter(pl.col("response").is_in(words) & (pl.col("day") <= 0))
    return [
        check(
            scope="subject",
            item=subject,
            target="assessments",
            rule="progression-before-infusion",
            found=f"progression recorded on day {day}",
            value=float(day),
            required="response assessments after the infusion",
            action="kept: it does not count",
            source_ids=[row],
        )
        for subject, day, row in early.select("subject_id", "day", "source_id").iter_rows()
    ]


def _progression_elsewhere(disposition: pl.DataFrame, assessments: pl.DataFrame) -> list[Check]:
    """Progression that ended treatment or study and that no response assessment shows: a response looks ongoing."""
    words = [w for w in assessments["response"].drop_nulls().unique() if response(w) is Response.PD]
    shown = assessments.filter(pl.col("response").is_in(words) & (pl.col("day") > 0).fill_null(value=True))[
        "subject_id"
    ]
    said = [w for w in disposition["event"].unique() if is_progression(w)]
    alone = disposition.filter(
        pl.col("event").is_in(said)
        & ~pl.col("subject_id").is_in(shown.to_list())
        & (pl.col("day") > 0).fill_null(value=True)
    )
    return [
        check(
            scope="subject",
            item=subject,
            target="disposition",
            rule="progression-not-assessed",
            found=f"{event} on {'an unknown day' if day is None else f'day {day}'}, no assessment of progression",
            value=None if day is None else float(day),
            required="a response assessment of progression",
            action="kept: only response assessments make a progression",
            source_ids=[row],
        )
        for subject, event, day, row in alone.select("subject_id", "event", "day", "source_id").iter_rows()
    ]


def _ends_before(events: pl.DataFrame) -> list[Check]:
    wrong = events.filter(pl.col("end_day") < pl.col("day"))
    return [
        check(
            scope="subject",
            item=subject,
            target="adverse_events",
            rule="end-before-start",
            found=f"{term} from day {start} to day {end}",
            required="an end on or after the start",
            action="kept",
            source_ids=[row],
        )
        for subject, term, start, end, row in wrong.select(
            "subject_id", "term", "day", "end_day", "source_id"
        ).iter_rows()
    ]
