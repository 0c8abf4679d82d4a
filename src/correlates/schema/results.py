"""Results: an analysis results dataset, one row per statistic."""

from correlates.schema.table import FLAG, NUMBER, TEXT, TEXTS, WHOLE, Column, Table

RESULTS = Table(
    name="results",
    row="statistic of an analysis",
    key=("result_id", "stat_name", "level"),
    columns=(
        Column(
            name="result_id",
            dtype=TEXT,
            nullable=False,
            meaning="content-derived id of analysis x biomarker x endpoint x population x method: what --result takes",
        ),
        Column(name="analysis_id", dtype=TEXT, nullable=False, meaning="name of the analysis in the plan"),
        Column(name="family", dtype=TEXT, meaning="multiplicity family; null when none is declared"),
        Column(name="biomarker", dtype=TEXT, nullable=False, meaning="code of the parameter"),
        Column(name="biomarker_group", dtype=TEXT, meaning="group of the biomarker in the plan"),
        Column(name="endpoint", dtype=TEXT, nullable=False, meaning="name of the endpoint"),
        Column(name="population", dtype=TEXT, nullable=False, meaning="name of the population"),
        Column(name="method", dtype=TEXT, nullable=False, meaning="code of the method"),
        Column(name="stat_name", dtype=TEXT, nullable=False, meaning="code of the statistic, unique within the method"),
        Column(name="stat_label", dtype=TEXT, nullable=False, meaning="label of the statistic"),
        Column(
            name="level",
            dtype=TEXT,
            nullable=False,
            meaning="group, pair or stratum the statistic is of; empty text for the whole",
        ),
        Column(name="value", dtype=NUMBER, meaning="the number; null with error or a notice saying why"),
        Column(name="text", dtype=TEXT, meaning="a statistic that is a word (the variant of the test used)"),
        Column(name="unit", dtype=TEXT, meaning="unit of value"),
        Column(name="n", dtype=WHOLE, meaning="subjects analysed"),
        Column(name="n_censored", dtype=WHOLE, meaning="of them with a censored biomarker"),
        Column(name="n_missing", dtype=WHOLE, meaning="subjects of the population without biomarker or endpoint"),
        Column(
            name="prespecified",
            dtype=FLAG,
            nullable=False,
            meaning="whether biomarker and analysis were declared prespecified",
        ),
        Column(name="settings", dtype=TEXT, nullable=False, meaning="settings in force, as JSON"),
        Column(name="notices", dtype=TEXTS, nullable=False, meaning="what a reader must know (codes of notices)"),
        Column(name="error", dtype=TEXT, meaning="why the method gave nothing (a term of Reason)"),
    ),
)
