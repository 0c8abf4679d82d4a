"""Curves: one calibration per plate and target, with everything needed to judge it."""

from correlates.schema.table import FLAG, NUMBER, TEXT, TEXTS, WHOLE, Column, Table

CURVES = Table(
    name="curves",
    row="plate and target",
    key=("curve_id",),
    columns=(
        Column(name="curve_id", dtype=TEXT, nullable=False, meaning="assay/file_id/plate/target: content-derived"),
        Column(name="assay", dtype=TEXT, nullable=False, meaning="name of the assay in the plan"),
        Column(name="file_id", dtype=TEXT, nullable=False, meaning="the file"),
        Column(name="plate", dtype=TEXT, nullable=False, meaning="the plate"),
        Column(name="target", dtype=TEXT, nullable=False, meaning="target or analyte"),
        Column(name="model", dtype=TEXT, nullable=False, meaning="linear (Cq on log10 quantity), 4PL or 5PL"),
        Column(name="parameters", dtype=TEXT, meaning="fitted parameters by name, as JSON"),
        Column(name="covariance", dtype=TEXT, meaning="covariance of the parameters, as JSON rows"),
        Column(name="residual_sd", dtype=NUMBER, meaning="residual standard deviation on the scale of the fit"),
        Column(name="df", dtype=NUMBER, meaning="residual degrees of freedom"),
        Column(name="n_levels", dtype=WHOLE, meaning="standard levels used"),
        Column(name="n_wells", dtype=WHOLE, meaning="standard wells used"),
        Column(name="slope", dtype=NUMBER, unit="Cq per log10", meaning="qPCR: slope"),
        Column(name="intercept", dtype=NUMBER, unit="Cq", meaning="qPCR: intercept"),
        Column(name="r_squared", dtype=NUMBER, meaning="coefficient of determination"),
        Column(name="efficiency", dtype=NUMBER, unit="ratio", meaning="qPCR: 10^(-1/slope) - 1"),
        Column(name="lowest", dtype=NUMBER, meaning="lowest quantity within the declared accuracy"),
        Column(name="highest", dtype=NUMBER, meaning="highest quantity within the declared accuracy"),
        Column(name="unit", dtype=TEXT, meaning="unit of the quantities"),
        Column(name="accepted", dtype=FLAG, nullable=False, meaning="whether every acceptance rule holds"),
        Column(name="source_ids", dtype=TEXTS, nullable=False, meaning="well_id of the standards used"),
    ),
)

CURVE_POINTS = Table(
    name="curve_points",
    row="standard or control well of a curve",
    key=("curve_id", "well_id"),
    columns=(
        Column(name="curve_id", dtype=TEXT, nullable=False, meaning="the calibration"),
        Column(name="well_id", dtype=TEXT, nullable=False, meaning="the well"),
        Column(name="role", dtype=TEXT, nullable=False, meaning="standard, qc or ntc"),
        Column(name="nominal", dtype=NUMBER, meaning="nominal quantity used in the fit"),
        Column(name="signal", dtype=NUMBER, meaning="observed signal"),
        Column(name="fitted", dtype=NUMBER, meaning="signal of the curve at nominal"),
        Column(name="back_calculated", dtype=NUMBER, meaning="quantity of the curve at signal"),
        Column(name="recovery", dtype=NUMBER, unit="%", meaning="100 x back_calculated / nominal"),
        Column(name="used", dtype=FLAG, nullable=False, meaning="whether the fit used it"),
        Column(name="reason", dtype=TEXT, meaning="why it was not used, in words"),
    ),
)
