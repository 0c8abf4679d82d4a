"""Outcomes: subject x endpoint."""

from correlates.schema.table import FLAG, NUMBER, TEXT, TEXTS, WHOLE, Column, Table
from correlates.terms import OutcomeKind

OUTCOMES = Table(
    name="outcomes",
    row="subject and endpoint",
    key=("subject_id", "endpoint"),
    columns=(
        Column(name="subject_id", dtype=TEXT, nullable=False, meaning="the subject"),
        Column(name="endpoint", dtype=TEXT, nullable=False, meaning="name of the endpoint in the plan"),
        Column(name="kind", dtype=TEXT, nullable=False, terms=OutcomeKind, meaning="binary, class, grade or time"),
        Column(
            name="category",
            dtype=TEXT,
            meaning="class or best response; of a time with several kinds of event, the kind; undetermined outcomes have none and a reason",
        ),
        Column(name="event", dtype=FLAG, meaning="binary: whether it happened; time: event (true) or censored (false)"),
        Column(name="grade", dtype=WHOLE, minimum=0, meaning="maximum toxicity grade; 0 when there was none"),
        Column(name="scale", dtype=TEXT, meaning="grading scale or response criteria"),
        Column(name="time", dtype=NUMBER, unit="day", minimum=0, meaning="time from the infusion"),
        Column(
            name="day",
            dtype=NUMBER,
            unit="day",
            meaning="day of the deciding observation (onset of the grade, date of relapse)",
        ),
        Column(name="known_on_day", dtype=NUMBER, unit="day", meaning="day on which the outcome is known"),
        Column(name="reason", dtype=TEXT, meaning="why it is undetermined or censored (a term of Reason)"),
        Column(name="detail", dtype=TEXT, meaning="the rule applied to this subject and its figures, in words"),
        Column(name="rule", dtype=TEXT, nullable=False, meaning="settings in force, as JSON"),
        Column(name="source_ids", dtype=TEXTS, nullable=False, meaning="source_id of the rows used"),
    ),
)
