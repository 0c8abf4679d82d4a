"""Courses: what happened to each subject after the infusion, as an endpoint of best response saw it."""

from correlates.schema.table import TEXT, TEXTS, WHOLE, Column, Table

COURSES = Table(
    name="courses",
    row="endpoint, subject and event",
    key=(),
    columns=(
        Column(name="endpoint", dtype=TEXT, nullable=False, meaning="the endpoint of best response"),
        Column(name="subject_id", dtype=TEXT, nullable=False, meaning="the subject"),
        Column(
            name="event",
            dtype=TEXT,
            nullable=False,
            meaning="response, new_therapy, transplant, death or last_contact",
        ),
        Column(
            name="day",
            dtype=WHOLE,
            unit="day",
            meaning="day relative to the infusion; of an incomplete date the first it may be",
        ),
        Column(name="response", dtype=TEXT, meaning="of a response: the category"),
        Column(name="detail", dtype=TEXT, meaning="in words: incomplete date, visit, what the last contact was"),
        Column(name="source_ids", dtype=TEXTS, nullable=False, meaning="source_id of the rows used"),
    ),
)
