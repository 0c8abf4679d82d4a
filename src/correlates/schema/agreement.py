"""Agreement: how far two assays of the same samples agree, one row per statistic."""

from correlates.schema.table import NUMBER, TEXT, TEXTS, WHOLE, Column, Table

AGREEMENT = Table(
    name="agreement",
    row="statistic of a pair of assays and an analyte",
    key=("analysis_id", "analyte", "method", "stat_name", "level"),
    columns=(
        Column(name="analysis_id", dtype=TEXT, nullable=False, meaning="name of the analysis in the plan"),
        Column(name="first", dtype=TEXT, nullable=False, meaning="the assay on the x axis"),
        Column(name="second", dtype=TEXT, nullable=False, meaning="the assay on the y axis"),
        Column(name="analyte", dtype=TEXT, nullable=False, meaning="the analyte both measure"),
        Column(name="unit", dtype=TEXT, nullable=False, meaning="unit of both"),
        Column(
            name="method",
            dtype=TEXT,
            nullable=False,
            meaning="pairs, bland_altman, bland_altman_ratio, concordance, deming, weighted_deming, passing_bablok or equivariant_passing_bablok",
        ),
        Column(name="stat_name", dtype=TEXT, nullable=False, meaning="code of the statistic"),
        Column(name="stat_label", dtype=TEXT, nullable=False, meaning="label of the statistic"),
        Column(
            name="level",
            dtype=TEXT,
            nullable=False,
            meaning="kind of pair, or decision point; empty text for the whole",
        ),
        Column(name="value", dtype=NUMBER, meaning="the number; null with a reason"),
        Column(
            name="lower", dtype=NUMBER, meaning="lower limit of its interval; null where it has none or is unbounded"
        ),
        Column(
            name="upper", dtype=NUMBER, meaning="upper limit of its interval; null where it has none or is unbounded"
        ),
        Column(name="n", dtype=WHOLE, nullable=False, meaning="pairs quantified by both, which the statistic is of"),
        Column(name="cautions", dtype=TEXTS, nullable=False, meaning="what speaks against it (codes)"),
        Column(name="reason", dtype=TEXT, meaning="why there is no number"),
    ),
)
