"""The course of toxicities: on which days a subject had which grade."""

from correlates.schema.table import FLAG, NUMBER, TEXT, TEXTS, WHOLE, Column, Table

TOXICITY = Table(
    name="toxicity",
    row="endpoint, subject and spell",
    key=(),
    columns=(
        Column(name="subject_id", dtype=TEXT, nullable=False, meaning="the subject"),
        Column(name="endpoint", dtype=TEXT, nullable=False, meaning="the grade endpoint"),
        Column(name="scale", dtype=TEXT, meaning="grading scale"),
        Column(name="day", dtype=NUMBER, unit="day", meaning="first day; null where it is not known"),
        Column(name="end_day", dtype=NUMBER, unit="day", meaning="last day; null where no end was recorded"),
        Column(
            name="grade", dtype=WHOLE, minimum=0, meaning="the grade, 0 included; the least it may be where it is open"
        ),
        Column(name="most", dtype=WHOLE, minimum=0, meaning="the most it may be"),
        Column(
            name="daily", dtype=FLAG, nullable=False, meaning="graded day by day (true), or an event with dates (false)"
        ),
        Column(name="source_ids", dtype=TEXTS, nullable=False, meaning="source_id of the rows used"),
    ),
)
