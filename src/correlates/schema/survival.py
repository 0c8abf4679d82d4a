"""Survival curves: what the survival figures draw."""

from correlates.schema.table import NUMBER, TEXT, WHOLE, Column, Table

SURVIVAL = Table(
    name="survival",
    row="analysis, endpoint, group, cause, kind and day",
    key=("analysis_id", "endpoint", "population", "group", "cause", "kind", "day"),
    columns=(
        Column(name="analysis_id", dtype=TEXT, nullable=False, meaning="name of the analysis in the plan"),
        Column(name="endpoint", dtype=TEXT, nullable=False, meaning="the time endpoint"),
        Column(name="population", dtype=TEXT, nullable=False, meaning="name of the population"),
        Column(name="group", dtype=TEXT, nullable=False, meaning="the group; empty text for everybody"),
        Column(name="place", dtype=WHOLE, nullable=False, meaning="place of the group in its order, from 0"),
        Column(
            name="cause",
            dtype=TEXT,
            nullable=False,
            meaning="kind of event of a cumulative incidence; empty text for the survival of any event",
        ),
        Column(
            name="kind",
            dtype=TEXT,
            nullable=False,
            meaning="step (the curve from this day on), censored (subjects censored on this day) or at_risk (at a day of the axis)",
        ),
        Column(
            name="day",
            dtype=NUMBER,
            nullable=False,
            unit="day",
            meaning="days from the start (the infusion, or the landmark)",
        ),
        Column(name="estimate", dtype=NUMBER, meaning="survival, or cumulative incidence"),
        Column(name="lower", dtype=NUMBER, meaning="lower limit; null where there is none"),
        Column(name="upper", dtype=NUMBER, meaning="upper limit; null where there is none"),
        Column(name="n_risk", dtype=WHOLE, meaning="subjects at risk at the day"),
        Column(name="n_event", dtype=WHOLE, meaning="events on the day (of the cause, where there is one)"),
        Column(name="n_censored", dtype=WHOLE, meaning="subjects censored on the day"),
    ),
)
