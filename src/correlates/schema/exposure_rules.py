"""Sensitivity of exposure parameters to the rules they are made by."""

from correlates.schema.table import FLAG, NUMBER, TEXT, WHOLE, Column, Table
from correlates.terms import Censoring

_VARIANT = (
    Column(name="analysis_id", dtype=TEXT, nullable=False, meaning="name of the analysis in the plan"),
    Column(name="parameter", dtype=TEXT, nullable=False, meaning="code of the parameter"),
    Column(name="variant", dtype=WHOLE, nullable=False, meaning="number of the variant; 0 is the declared one"),
)

EXPOSURE_RULES = Table(
    name="exposure_rules",
    row="analysis, parameter, variant of its rules and endpoint",
    key=("analysis_id", "parameter", "variant", "endpoint"),
    columns=(
        *_VARIANT,
        Column(name="declared", dtype=FLAG, nullable=False, meaning="whether the plan makes the parameter this way"),
        Column(name="rule", dtype=TEXT, nullable=False, meaning="trapezoid rule of the area"),
        Column(
            name="before", dtype=TEXT, nullable=False, meaning="values below the limit before the first quantifiable"
        ),
        Column(name="between", dtype=TEXT, nullable=False, meaning="values below the limit between quantifiable ones"),
        Column(name="after", dtype=TEXT, nullable=False, meaning="values below the limit after the last quantifiable"),
        Column(name="at_start", dtype=TEXT, nullable=False, meaning="what stands before the first sample"),
        Column(name="at_end", dtype=TEXT, nullable=False, meaning="what stands after the last sample"),
        Column(name="n", dtype=WHOLE, nullable=False, meaning="subjects with a value"),
        Column(name="n_lost", dtype=WHOLE, nullable=False, meaning="subjects with a value as declared and none here"),
        Column(name="n_gained", dtype=WHOLE, nullable=False, meaning="subjects with a value here and none as declared"),
        Column(name="median", dtype=NUMBER, meaning="median of the values"),
        Column(name="unit", dtype=TEXT, meaning="unit of median"),
        Column(
            name="median_difference",
            dtype=NUMBER,
            meaning="median over subjects of the size of value / declared value - 1",
        ),
        Column(name="largest_difference", dtype=NUMBER, meaning="the largest of them"),
        Column(name="largest_subject", dtype=TEXT, meaning="the subject it is of"),
        Column(name="endpoint", dtype=TEXT, nullable=False, meaning="endpoint of the association; empty without one"),
        Column(name="population", dtype=TEXT, nullable=False, meaning="population of the association"),
        Column(name="method", dtype=TEXT, nullable=False, meaning="method of the association"),
        Column(name="n_analysed", dtype=WHOLE, meaning="subjects in the association"),
        Column(name="p", dtype=NUMBER, meaning="P value of the association, not adjusted"),
        Column(name="estimate", dtype=NUMBER, meaning="effect: AUC of the rank-sum test, or odds ratio"),
        Column(name="error", dtype=TEXT, meaning="why the method gave nothing (a term of Reason)"),
    ),
)

EXPOSURE_RULES_VALUES = Table(
    name="exposure_rules_values",
    row="analysis, parameter, variant of its rules and subject",
    key=("analysis_id", "parameter", "variant", "subject_id"),
    columns=(
        *_VARIANT,
        Column(name="subject_id", dtype=TEXT, nullable=False, meaning="the subject"),
        Column(name="value", dtype=NUMBER, meaning="the value under this variant"),
        Column(name="unit", dtype=TEXT, meaning="unit of value"),
        Column(name="censoring", dtype=TEXT, terms=Censoring, meaning="none, left or right; null when value is"),
        Column(name="reason", dtype=TEXT, meaning="why there is no value (a term of Reason)"),
        Column(
            name="difference",
            dtype=NUMBER,
            meaning="value / declared value - 1; null where either is missing or their censoring differs",
        ),
    ),
)
