"""Measurements: subject x analyte x time, with the uncertainty and the limits of the assay."""

from correlates.schema.table import NUMBER, TEXT, TEXTS, WHOLE, Column, Table
from correlates.terms import Censoring, Status

MEASUREMENTS = Table(
    name="measurements",
    row="sample and analyte of an assay",
    key=("measurement_id",),
    columns=(
        Column(name="measurement_id", dtype=TEXT, nullable=False, meaning="assay/analyte/sample_id: content-derived"),
        Column(name="assay", dtype=TEXT, nullable=False, meaning="name of the assay in the plan"),
        Column(name="analyte", dtype=TEXT, nullable=False, meaning="target or analyte"),
        Column(name="sample_id", dtype=TEXT, nullable=False, meaning="the sample"),
        Column(name="subject_id", dtype=TEXT, meaning="the subject; null when the sample is not in the manifest"),
        Column(name="study_day", dtype=NUMBER, unit="day", meaning="actual day relative to the infusion"),
        Column(name="nominal_day", dtype=NUMBER, unit="day", meaning="planned day relative to the infusion"),
        Column(name="matrix", dtype=TEXT, meaning="blood, serum ..."),
        Column(
            name="value",
            dtype=NUMBER,
            meaning="the value; where censoring is left or right, the limit it is censored at",
        ),
        Column(name="unit", dtype=TEXT, nullable=False, meaning="unit of value, estimate, lower, upper, lloq and uloq"),
        Column(
            name="censoring",
            dtype=TEXT,
            terms=Censoring,
            meaning="none, left (at most value) or right (at least value); null when value is",
        ),
        Column(
            name="estimate",
            dtype=NUMBER,
            meaning="point estimate even where it lies outside the limits; null when there is none",
        ),
        Column(name="lower", dtype=NUMBER, meaning="lower end of the 95 % interval of the estimate"),
        Column(name="upper", dtype=NUMBER, meaning="upper end of the 95 % interval of the estimate"),
        Column(name="lloq", dtype=NUMBER, meaning="lower limit of quantification of this sample, in unit"),
        Column(name="uloq", dtype=NUMBER, meaning="upper limit of quantification of this sample, in unit"),
        Column(name="method", dtype=TEXT, nullable=False, meaning="code of the quantification"),
        Column(name="n_replicates", dtype=WHOLE, minimum=0, meaning="replicate wells used"),
        Column(
            name="cv",
            dtype=NUMBER,
            unit="%",
            meaning="coefficient of variation of the replicates, on the scale of value",
        ),
        Column(
            name="status", dtype=TEXT, nullable=False, terms=Status, meaning="reported, or excluded by a declared rule"
        ),
        Column(name="reason", dtype=TEXT, meaning="why the value is null or excluded (a term of Reason)"),
        Column(name="detail", dtype=TEXT, meaning="the rule and the figures behind reason, in words"),
        Column(name="curve_id", dtype=TEXT, meaning="the calibration used"),
        Column(
            name="chain",
            dtype=TEXT,
            meaning="the unit chain as JSON: a list of {factor, value, unit, se, source} applied in order",
        ),
        Column(name="source_ids", dtype=TEXTS, nullable=False, meaning="well_id of every well used"),
    ),
)
