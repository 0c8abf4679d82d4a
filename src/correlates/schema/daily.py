"""Daily observations: what was recorded of a subject day by day."""

from correlates.schema.table import NUMBER, TEXT, WHOLE, Column, Table

DAILY = Table(
    name="daily",
    row="subject, source, item, day and row of the file",
    key=("subject_id", "source", "item", "day", "source_id"),
    columns=(
        Column(name="subject_id", dtype=TEXT, nullable=False, meaning="the subject"),
        Column(name="source", dtype=TEXT, nullable=False, meaning="source of the plan; empty where none was named"),
        Column(name="item", dtype=TEXT, nullable=False, meaning="what was recorded, as the plan names it"),
        Column(name="day", dtype=WHOLE, nullable=False, unit="day", meaning="day relative to the infusion"),
        Column(name="value", dtype=NUMBER, meaning="the record, when it is a number"),
        Column(name="text", dtype=TEXT, meaning="the record as written; null where the cell is blank or NA"),
        Column(name="source_id", dtype=TEXT, nullable=False, meaning="file_id/row: where it stands"),
    ),
)
