"""Parameters: subject x parameter."""

from correlates.schema.table import NUMBER, TEXT, TEXTS, Column, Table
from correlates.terms import Censoring, Timing

PARAMETERS = Table(
    name="parameters",
    row="subject and parameter",
    key=("subject_id", "code"),
    columns=(
        Column(name="subject_id", dtype=TEXT, nullable=False, meaning="the subject"),
        Column(
            name="code",
            dtype=TEXT,
            nullable=False,
            meaning="name of the parameter in the plan; PEAK.IL6 for a family over analytes",
        ),
        Column(
            name="kind", dtype=TEXT, nullable=False, meaning="code of the record that computed it (cmax, auc, spd ...)"
        ),
        Column(name="label", dtype=TEXT, nullable=False, meaning="label for people"),
        Column(
            name="value",
            dtype=NUMBER,
            meaning="the value; where censoring is left or right, the limit it is censored at",
        ),
        Column(name="category", dtype=TEXT, meaning="the value of a categorical parameter (then value is null)"),
        Column(name="unit", dtype=TEXT, meaning="unit of value"),
        Column(name="censoring", dtype=TEXT, terms=Censoring, meaning="none, left or right; null when value is"),
        Column(name="reason", dtype=TEXT, meaning="why there is no value (a term of Reason)"),
        Column(name="timing", dtype=TEXT, nullable=False, terms=Timing, meaning="when it is measured"),
        Column(
            name="known_on_day",
            dtype=NUMBER,
            unit="day",
            meaning="first day relative to the infusion on which the value is known; null when unknown",
        ),
        Column(
            name="day",
            dtype=NUMBER,
            unit="day",
            meaning="actual day of the sample that gave the value (of the peak, say)",
        ),
        Column(name="nominal_day", dtype=NUMBER, unit="day", meaning="planned day of that sample"),
        Column(name="rule", dtype=TEXT, nullable=False, meaning="settings in force, as JSON"),
        Column(
            name="source_ids",
            dtype=TEXTS,
            nullable=False,
            meaning="measurement_id, source_id or code@subject of what it was computed from",
        ),
    ),
)
