"""Share of subjects with detectable cells over time."""

from correlates.schema.table import FLAG, NUMBER, TEXT, WHOLE, Column, Table

_KEYS = (
    Column(name="analysis_id", dtype=TEXT, nullable=False, meaning="name of the analysis in the plan"),
    Column(name="assay", dtype=TEXT, nullable=False, meaning="name of the assay"),
    Column(name="analyte", dtype=TEXT, nullable=False, meaning="the analyte"),
    Column(name="group", dtype=TEXT, nullable=False, meaning="class of the endpoint; empty text for all subjects"),
)

PERSISTENCE = Table(
    name="persistence",
    row="analysis, group and interval that may hold the loss of detection",
    key=("analysis_id", "group", "lower"),
    columns=(
        *_KEYS,
        Column(name="n", dtype=WHOLE, nullable=False, meaning="subjects with a sample after the infusion"),
        Column(name="n_lost", dtype=WHOLE, nullable=False, meaning="of them with detection seen to be lost"),
        Column(name="n_never", dtype=WHOLE, nullable=False, meaning="of them without any detection"),
        Column(name="n_still", dtype=WHOLE, nullable=False, meaning="of them with detection in the last sample"),
        Column(name="lower", dtype=NUMBER, unit="day", nullable=False, meaning="detection is lost after this day"),
        Column(name="upper", dtype=NUMBER, unit="day", meaning="and by this day; null where it may never be"),
        Column(name="mass", dtype=NUMBER, nullable=False, meaning="estimated share that loses it in the interval"),
        Column(name="before", dtype=NUMBER, nullable=False, meaning="share with detection up to lower"),
        Column(
            name="after", dtype=NUMBER, meaning="share with detection from upper on; null where it may never be lost"
        ),
        Column(name="after_lower", dtype=NUMBER, meaning="limit of confidence of after"),
        Column(name="after_upper", dtype=NUMBER, meaning="limit of confidence of after"),
        Column(name="converged", dtype=FLAG, nullable=False, meaning="whether the estimate is the maximum"),
    ),
)

PERSISTENCE_AT = Table(
    name="persistence_at",
    row="analysis, group and day",
    key=("analysis_id", "group", "day"),
    columns=(
        *_KEYS,
        Column(name="day", dtype=NUMBER, unit="day", nullable=False, meaning="the day asked for"),
        Column(name="n", dtype=WHOLE, nullable=False, meaning="subjects with a sample after the infusion"),
        Column(name="n_followed", dtype=WHOLE, nullable=False, meaning="of them with a sample on that day or later"),
        Column(
            name="low", dtype=NUMBER, meaning="least share with detection; null beyond the last sample of the group"
        ),
        Column(name="high", dtype=NUMBER, meaning="largest share with detection"),
        Column(name="lower", dtype=NUMBER, meaning="lower limit of confidence of low"),
        Column(name="upper", dtype=NUMBER, meaning="upper limit of confidence of high"),
    ),
)
