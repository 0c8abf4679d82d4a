"""Multivariable models: one row per statistic, and one row per subject and model."""

from correlates.schema.table import FLAG, NUMBER, TEXT, TEXTS, WHOLE, Column, Table

MODELS = Table(
    name="models",
    row="statistic of a multivariable model",
    key=("model_id", "part", "term", "stat_name", "level"),
    columns=(
        Column(
            name="model_id",
            dtype=TEXT,
            nullable=False,
            meaning="content-derived id of analysis x endpoint x population x method",
        ),
        Column(name="analysis_id", dtype=TEXT, nullable=False, meaning="name of the analysis in the plan"),
        Column(name="endpoint", dtype=TEXT, nullable=False, meaning="name of the endpoint"),
        Column(name="population", dtype=TEXT, nullable=False, meaning="name of the population"),
        Column(name="method", dtype=TEXT, nullable=False, meaning="code of the kind of model"),
        Column(
            name="part",
            dtype=TEXT,
            nullable=False,
            meaning="what the statistic is of: model, term, variable, threshold, added, performance, calibration, decision, candidate, correlation",
        ),
        Column(
            name="term",
            dtype=TEXT,
            nullable=False,
            meaning="column of the model, covariate, candidate, or measure of performance; empty text for the model",
        ),
        Column(name="stat_name", dtype=TEXT, nullable=False, meaning="code of the statistic"),
        Column(name="stat_label", dtype=TEXT, nullable=False, meaning="label of the statistic"),
        Column(
            name="level", dtype=TEXT, nullable=False, meaning="point of a curve, or other term; empty text for none"
        ),
        Column(name="value", dtype=NUMBER, meaning="the number; null with error or a notice saying why"),
        Column(name="text", dtype=TEXT, meaning="a statistic that is a word, or the model as JSON"),
        Column(name="n", dtype=WHOLE, nullable=False, meaning="subjects analysed"),
        Column(name="prespecified", dtype=FLAG, nullable=False, meaning="whether all its covariates were declared so"),
        Column(name="settings", dtype=TEXT, nullable=False, meaning="settings in force, as JSON"),
        Column(name="notices", dtype=TEXTS, nullable=False, meaning="what a reader must know (codes of notices)"),
        Column(name="error", dtype=TEXT, meaning="why there is no model (a term of Reason)"),
    ),
)

PREDICTIONS = Table(
    name="predictions",
    row="subject of a multivariable model",
    key=("model_id", "subject_id"),
    columns=(
        Column(name="model_id", dtype=TEXT, nullable=False, meaning="the model"),
        Column(name="analysis_id", dtype=TEXT, nullable=False, meaning="name of the analysis in the plan"),
        Column(name="subject_id", dtype=TEXT, nullable=False, meaning="the subject"),
        Column(name="observed", dtype=FLAG, meaning="whether the event was observed; null for a grade or class"),
        Column(name="observed_class", dtype=TEXT, meaning="the grade or class observed, for an ordinal endpoint"),
        Column(name="time", dtype=NUMBER, meaning="time of the event or censoring, for a time to event", unit="day"),
        Column(
            name="linear_predictor",
            dtype=NUMBER,
            meaning="log odds, log odds of a higher grade, or log hazard ratio, by the model",
        ),
        Column(
            name="probability",
            dtype=NUMBER,
            meaning="probability of the event by the model, of a time to event by the declared horizon; null without either",
        ),
        Column(
            name="likeliest_class",
            dtype=TEXT,
            meaning="the grade or class with the largest probability by the model, for an ordinal endpoint",
        ),
        Column(
            name="class_probabilities",
            dtype=TEXT,
            meaning="probability of each grade or class by the model, as JSON, for an ordinal endpoint",
        ),
        Column(
            name="left_out_predictor",
            dtype=NUMBER,
            meaning="mean over the repeats of cross-validation of the predictor by models that did not see the subject",
        ),
        Column(
            name="left_out_probability",
            dtype=NUMBER,
            meaning="the same of the probability",
        ),
    ),
)
