"""Quantitative PCR against a standard curve on each plate: from Cq to the reported unit, with limits and intervals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from correlates import units
from correlates.errors import PlanError, Problem
from correlates.quantify import chain as unit_chain
from correlates.quantify import controls, detection, reference, replicates, reruns, standards
from correlates.quantify.amplification import cycles_from_points
from correlates.quantify.record import Quantified, Quantifier, conform_inputs, positive_settings, quantified
from correlates.quantify.rules import figure, gather
from correlates.quantify.samples_join import SAMPLE_COLUMNS, analyte_wells, with_samples
from correlates.quantify.settings import Qpcr
from correlates.schema import MEASUREMENTS
from correlates.stats import calibration
from correlates.terms import AssayKind, Censoring, Reason, Role, SignalKind, Status

METHOD = "qpcr_standard_curve"
PER_CELL = "qpcr_reference"
_HIGHEST_EXPONENT = 300.0
_LN10 = calibration.LN10

Floats = NDArray[np.float64]


def quantify_qpcr(
    name: str,
    wells: pl.DataFrame,
    samples: pl.DataFrame,
    product: pl.DataFrame,
    settings: Qpcr,
    files: Mapping[str, str],
) -> Quantified:
    """Quantify samples by the standard curve of their plate.

    Parameters
    ----------
    name
        Name of the assay.
    wells, samples, product
        The tables of these names.
    settings
        The rules.
    files
        Path by file_id: which of several plates is the last goes by path, then plate.

    Raises
    ------
    InputError
        A table that deviates from its declaration, two names of one analyte in one well, or (``reruns: refuse``) a sample
        on several accepted plates.
    PlanError
        A unit chain that cannot be, a reference that is not among the targets, nominal controls that cannot be.
    """
    wells, samples, product = conform_inputs(wells, samples, product)
    ceiling = None if settings.uloq == "highest_standard" else settings.uloq
    positive_settings(lloq=settings.lloq, uloq=ceiling, confidence=settings.confidence)
    _check_reference(settings)
    detection.check_rules(settings)
    controls.check_controls(settings)
    chain = unit_chain.checked(settings.chain, settings.quantity if settings.reference is None else "copies/cell")
    if settings.cq == "second_derivative":
        wells = cycles_from_points(wells)
    chosen, notices = analyte_wells(wells, settings.targets, SignalKind.CQ, name)
    chosen = standards.usable(controls.declared(chosen, settings), settings.curve_levels)
    lines = standards.fit(chosen, name)
    points = standards.points(chosen, lines)
    accepted, plate_checks = standards.accept(lines, points, settings, name)
    accepted, control_checks = _controls(chosen, accepted, settings, name)

    unknowns = chosen.filter((pl.col("role") == Role.UNKNOWN.value) & pl.col("sample_id").is_not_null())
    line_columns = ("curve", *standards.KEY, "curve_id", "fit", "slope", "intercept", "invertible", "why", "df")
    sets = replicates.reduce(unknowns.join(accepted.select(line_columns), on=standards.KEY), settings)
    sets = sets.join(
        accepted.select(*line_columns, "accepted", "failed", "highest_used"), on="curve", maintain_order="left"
    )
    members = (
        sets.select("sample_id")
        .unique()
        .sort("sample_id")
        .join(samples.select("sample_id", "subject_id"), on="sample_id", how="left", maintain_order="left")
    )
    factors = unit_chain.resolve(chain, members, samples, product)
    sets = sets.join(factors, on="sample_id", how="left", maintain_order="left")
    if settings.reference is not None:  # the uncertainty of the chain enters once, with the target
        of_reference = pl.col("analyte") == settings.reference.target
        sets = sets.with_columns(
            relative_variance=pl.when(of_reference).then(0.0).otherwise(pl.col("relative_variance"))
        )
    sets, covariance = _predict(sets, lines, settings)
    sets = replicates.judge(sets.with_columns(quantity=10.0 ** pl.col("x")), settings)
    judged = replicates.checks(sets, settings, name)
    curves, curve_points = standards.as_tables(accepted, points, covariance, settings, name)

    rows, rerun_checks = reruns.one_per_sample(_per_cell(sets, settings), settings, name, files)
    rows, stranger_checks = with_samples(rows, samples, name)
    measurements = _measurements(rows, chain, settings, name)
    return quantified(
        measurements=measurements,
        curves=curves,
        curve_points=curve_points,
        checks=gather(
            (
                notices,
                plate_checks,
                control_checks,
                detection.checks(detection.limits(chosen, settings, name), settings, name),
                judged,
                rerun_checks,
                stranger_checks,
                unit_chain.notices(chain, name),
            )
        ),
    )


def _check_reference(settings: Qpcr) -> None:
    reference.check_reference(settings.reference, settings.targets)
    if settings.reference is not None and not replicates.counts_copies(settings):
        raise PlanError(
            Problem(
                code="reference-not-in-copies",
                what="A reference counts cells by copies, and the standards are not in copies",
                found=settings.quantity,
                expected="copies/reaction",
                do="Declare the copies of the standards, or leave the reference out",
            )
        )


def _controls(
    wells: pl.DataFrame, accepted: pl.DataFrame, settings: Qpcr, assay: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Judge the quality controls; plates that fail by them are no longer accepted."""
    line_columns = ("curve", *standards.KEY, "slope", "intercept", "invertible")
    mine = wells.filter(pl.col("role") == Role.QC.value).join(accepted.select(line_columns), on=standards.KEY)
    sets = replicates.reduce(mine, settings).join(
        accepted.select("curve", *standards.KEY, "slope", "invertible"), on="curve", maintain_order="left"
    )
    sets = sets.with_columns(
        quantity=pl.when(pl.col("invertible") & pl.col("mean_quantity").is_finite()).then("mean_quantity")
    )
    limits = replicates.spread_limits(sets, settings, settings.control_rules.max_cv)
    failed, checks = controls.judge(sets.with_columns(*limits), settings, assay, settings.quantity)
    marked = accepted.join(
        failed.with_columns(controls_failed=pl.lit(value=True)), on=standards.KEY, how="left", maintain_order="left"
    )
    bad = pl.col("controls_failed").fill_null(value=False)
    named = pl.when(pl.col("failed") == "").then(pl.lit("controls")).otherwise(pl.format("{}, controls", "failed"))
    return marked.with_columns(
        accepted=pl.col("accepted") & ~bad, failed=pl.when(bad).then(named).otherwise("failed")
    ).drop("controls_failed"), checks


def _per_cell(sets: pl.DataFrame, settings: Qpcr) -> pl.DataFrame:
    """Put the reference of the same plate and sample beside each target.

    Adds ``shift`` (log10 of what the quantity is multiplied with: 0, or minus that of the cells), ``no_cells`` (why there
    are none, in words), ``cells_cv`` (percent), ``reference_curve``; ``x_lower``, ``x_upper`` and ``se`` then hold the
    uncertainty of both curves, and a plate is accepted if both curves are.
    """
    if settings.reference is None:
        none = pl.lit(None, dtype=pl.String)
        number = pl.lit(None, dtype=pl.Float64)
        return sets.with_columns(shift=pl.lit(0.0), no_cells=none, cells_cv=number, reference_curve=none)
    target = settings.reference.target
    taken = (
        *("x", "x_lower", "x_upper", "se", "se_df", "quantity", "highest_used", "n_detected", "n_undetected"),
        *("invertible", "accepted", "failed", "replicates_failed", "curve_id", "source_ids"),
    )
    rows = reference.beside(sets, settings.reference, (*controls.PLATE, "sample_id"), taken)
    ceiling = pl.col("reference_highest_used") if settings.uloq == "highest_standard" else pl.lit(float(settings.uloq))
    amount = pl.col("reference_quantity")
    seen = pl.col("reference_n_detected")
    no_cells = (
        pl.when(seen.is_null())
        .then(pl.lit(f"reference {target} was not measured on the plate"))
        .when(~pl.col("reference_invertible"))
        .then(pl.lit(f"reference {target} has no standard curve"))
        .when(amount.is_null())
        .then(pl.format("reference {}: a Cq in {} wells gives no quantity", pl.lit(target), seen))
        .when(amount < settings.lloq)
        .then(pl.format("reference {} is below the lower limit: {}", pl.lit(target), figure(amount)))
        .when(amount > ceiling)
        .then(pl.format("reference {} is above the upper limit: {}", pl.lit(target), figure(amount)))
    )
    lower, upper = reference.widened("x", "x_lower", "x_upper", "reference_x", "reference_x_lower", "reference_x_upper")
    own, other = pl.col("se") ** 2, pl.col("reference_se") ** 2
    both_df = (own + other) ** 2 / (own**2 / pl.col("se_df") + other**2 / pl.col("reference_se_df"))

    def joined(column: str) -> pl.Expr:
        """Rules that failed, those of the reference named."""
        of_reference = pl.when(pl.col(f"reference_{column}") != "").then(
            pl.format("{} of {}", f"reference_{column}", pl.lit(target))
        )
        parts = pl.concat_list(pl.when(pl.col(column) != "").then(pl.col(column)), of_reference)
        return parts.list.drop_nulls().list.join(", ")

    return rows.with_columns(
        no_cells=no_cells,
        shift=pl.when(no_cells.is_null()).then(
            float(np.log10(settings.reference.copies_per_cell)) - pl.col("reference_x")
        ),
        cells_cv=100.0 * _LN10 * pl.col("reference_se"),
        reference_curve=pl.col("reference_curve_id"),
        x_lower=lower,
        x_upper=upper,
        se=(own + other).sqrt(),
        se_df=both_df,
        accepted=pl.col("accepted") & pl.col("reference_accepted").fill_null(value=True),
        failed=joined("failed"),
        replicates_failed=joined("replicates_failed").replace("", None),
        source_ids=pl.concat_list("source_ids", pl.col("reference_source_ids").fill_null([])).list.sort(),
    )


def _predict(sets: pl.DataFrame, lines: standards.Lines, settings: Qpcr) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Log10 quantity and interval of every set of replicates, and the covariance of every line.

    Adds ``x`` (log10 quantity; undetermined wells count as no copies where the detected ones lie below the lower limit),
    ``x_lower``, ``x_upper`` (chain included), ``se`` (without the chain) and ``se_df``. The variance of a well is the
    plate's technical variance plus the Poisson sampling of the copies in it.
    """
    counted = replicates.counts_copies(settings)
    fits = lines.fits

    def sampling(x: Floats, slope: Floats) -> Floats:
        """Variance of Cq from the sampling of molecules; none where the standards are not counted in copies."""
        if not counted:
            return np.zeros_like(x)
        return replicates.sampling_variance(10.0 ** np.clip(x, -_HIGHEST_EXPONENT, _HIGHEST_EXPONENT), slope)

    levels = (
        lines.used.group_by("fit", "x")
        .agg(pl.col("signal").mean(), var_cq=pl.col("signal").var(), wells=pl.len().cast(pl.Int64))
        .sort("fit", "x")
    )
    level_fit, level_x, level_n = (levels[c].to_numpy() for c in ("fit", "x", "wells"))
    several = level_n >= 2
    usable = sets["invertible"] & (sets["n_detected"] >= 1)
    at = sets.with_row_index("row").filter(usable)
    fit = at["fit"].to_numpy()
    slope, intercept = fits.slope[fit], fits.intercept[fit]
    x = (at["mean_cq"].to_numpy() - intercept) / slope
    n = at["n_detected"].to_numpy()
    spread = at["var_cq"].fill_null(0.0).to_numpy()
    whole = (n >= 2) & (at["n_undetected"].to_numpy() == 0)

    at_levels = sampling(level_x, fits.slope[level_fit])
    technical = calibration.technical_variance(
        np.concatenate((levels["var_cq"].fill_null(0.0).to_numpy()[several], spread[whole])),
        np.concatenate((level_n[several], n[whole])) - 1,
        np.concatenate((at_levels[several], sampling(x, slope)[whole])),
        np.concatenate((level_fit[several], fit[whole])),
        fallback=fits.residual_sd**2,
        fallback_df=fits.df,
    )
    line = calibration.line_covariance(
        fits,
        level_x,
        levels["signal"].to_numpy(),
        level_n,
        technical.variance[level_fit] + at_levels,
        level_fit,
    )

    well = technical.variance[fit] + sampling(x, slope)
    uncertainty = technical.uncertainty[fit]
    stands_out = np.zeros(len(x), dtype=np.bool_)
    stands_out[whole] = ~technical.pooled[several.sum() :]
    own = np.maximum(well, spread)
    uncertainty = np.where(stands_out, 2.0 * own**2 / np.maximum(n - 1, 1), uncertainty)
    measured = np.where(stands_out, own, well) / n
    of_line = line.var_intercept[fit] + 2.0 * x * line.covariance[fit] + x * x * line.var_slope[fit]
    per_level = line.unit_var_intercept[fit] + 2.0 * x * line.unit_covariance[fit] + x * x * line.unit_var_slope[fit]
    chain_variance = (slope / _LN10) ** 2 * at["relative_variance"].to_numpy()
    total = measured + of_line + chain_variance
    df = 2.0 * total**2 / (uncertainty / n**2 + per_level**2 * line.level_uncertainty[fit])
    quantile = calibration.student_quantile(settings.confidence, np.maximum(df, 1.0))
    predicted = calibration.invert_line(
        at["mean_cq"].to_numpy(),
        measured + chain_variance,
        intercept=intercept,
        slope=slope,
        var_intercept=line.var_intercept[fit],
        covariance=line.covariance[fit],
        var_slope=line.var_slope[fit],
        quantile=quantile,
    )
    by_delta = settings.interval == "delta"
    missed = at["n_undetected"].to_numpy()
    shift = np.where((missed > 0) & (x < np.log10(settings.lloq)), np.log10(n / np.maximum(n + missed, 1)), 0.0)
    found = pl.DataFrame(
        {
            "row": at["row"],
            "x": x + shift,
            "x_lower": (predicted.delta_lower if by_delta else predicted.fieller_lower) + shift,
            "x_upper": (predicted.delta_upper if by_delta else predicted.fieller_upper) + shift,
            "se": np.sqrt(measured + of_line) / np.abs(slope),
            "se_df": np.maximum(df, 1.0),
        }
    ).with_columns(
        pl.when(pl.col(c).is_between(-_HIGHEST_EXPONENT, _HIGHEST_EXPONENT)).then(pl.col(c)).alias(c)
        for c in ("x", "x_lower", "x_upper")
    )
    covariance = pl.DataFrame(
        {
            "fit": np.arange(len(fits.n), dtype=np.int64),
            "var_intercept": line.var_intercept,
            "covariance": line.covariance,
            "var_slope": line.var_slope,
            "level_sd": np.sqrt(line.level_variance),
            "technical_sd": np.sqrt(technical.variance),
        }
    )
    return sets.with_row_index("row").join(found, on="row", how="left", maintain_order="left").drop("row"), covariance


def _measurements(rows: pl.DataFrame, chain: unit_chain.Chain, settings: Qpcr, assay: str) -> pl.DataFrame:
    """Limits, censoring, reasons and the chain: the table of measurements."""
    ceiling = pl.col("highest_used") if settings.uloq == "highest_standard" else pl.lit(float(settings.uloq))
    wells = pl.col("n_detected") + pl.col("n_undetected")
    undetected = (pl.col("n_detected") == 0) & (pl.col("n_undetected") > 0)
    reason = (
        pl.when(~pl.col("invertible"))
        .then(pl.lit(Reason.NO_CURVE.value))
        .when(wells == 0)
        .then(pl.lit(Reason.SIGNAL_MISSING.value))
        .when(pl.col("no_cells").is_not_null())
        .then(pl.lit(Reason.DENOMINATOR_NOT_POSITIVE.value))
        .when(pl.col("multiplier").is_null())
        .then(pl.lit(Reason.FACTOR_MISSING.value))
        .when(~undetected & pl.col("x").is_null())
        .then(pl.lit(Reason.OUTSIDE_CURVE.value))
    )
    excluded = (
        pl.when(~pl.col("accepted") & (settings.on_failure == "exclude"))
        .then(pl.lit(Reason.PLATE_FAILED.value))
        .when(pl.col("replicates_failed").is_not_null() & (settings.replicates.on_failure == "exclude"))
        .then(pl.lit(Reason.SAMPLE_FAILED.value))
    )
    frame = rows.with_columns(null_reason=reason, exclusion=excluded, ceiling=ceiling).with_columns(
        limit=pl.when(pl.col("null_reason").is_not_null())
        .then(None)
        .when(undetected | (pl.col("quantity") < settings.lloq))
        .then(pl.lit(Censoring.LEFT.value))
        .when(pl.col("quantity") > pl.col("ceiling"))
        .then(pl.lit(Censoring.RIGHT.value))
        .otherwise(pl.lit(Censoring.NONE.value))
    )
    in_reaction = (
        pl.when(pl.col("limit") == Censoring.LEFT.value)
        .then(pl.lit(settings.lloq))
        .when(pl.col("limit") == Censoring.RIGHT.value)
        .then(pl.col("ceiling"))
        .when(pl.col("limit") == Censoring.NONE.value)
        .then(pl.col("quantity"))
    )
    begin = pl.col("quantity").fill_null(pl.lit(settings.lloq))
    per_cell = 10.0 ** pl.col("shift")
    first = [
        unit_chain.entry(
            factor=pl.when(pl.col("quantity").is_null())
            .then(pl.lit("lower limit of quantification"))
            .otherwise(pl.lit("quantity of the standard curve")),
            operation="start",
            value=begin,
            unit=units.unit(settings.quantity).symbol,
            cv=pl.when(pl.col("quantity").is_not_null()).then(100.0 * _LN10 * pl.col("se")),
            source=pl.coalesce(pl.col("curve_id"), pl.lit("mean of the accepted plates")),
            quantity=begin,
        )
    ]
    if settings.reference is not None:
        first.append(
            reference.entry(
                settings.reference,
                "reaction",
                cells=1.0 / per_cell,
                cv=pl.col("cells_cv"),
                source=pl.coalesce(pl.col("reference_curve"), pl.lit("not measured")),
                quantity=begin * per_cell,
            )
        )
    detail = pl.concat_list(
        pl.when(pl.col("null_reason") == Reason.NO_CURVE.value).then(
            pl.coalesce(pl.col("why"), pl.lit("the slope is not negative"))
        ),
        pl.col("no_cells"),
        pl.when(pl.col("missing").is_not_null()).then("missing"),
        pl.when(~pl.col("accepted")).then(pl.format("plate rules not met: {}", "failed")),
        pl.when(pl.col("replicates_failed").is_not_null()).then(
            pl.format("sample rules not met: {}", "replicates_failed")
        ),
        pl.when(pl.col("n_undetected") > 0).then(pl.format("no Cq in {} of {} wells", "n_undetected", wells)),
        pl.when(pl.col("combined")).then(pl.format("mean of {}", "named")),
        pl.when(pl.col("x").is_not_null() & pl.col("x_upper").is_null()).then(
            pl.lit("the interval has no bound: the slope of the curve could be zero")
        ),
        pl.lit(None, dtype=pl.String),
    )
    multiplier = pl.col("multiplier") * per_cell
    counted = pl.when(undetected | ((pl.col("n_undetected") > 0) & (pl.col("limit") == Censoring.LEFT.value)))
    return frame.select(
        pl.concat_str(pl.lit(assay), "analyte", "sample_id", separator="/").alias("measurement_id"),
        pl.lit(assay).alias("assay"),
        "analyte",
        "sample_id",
        *SAMPLE_COLUMNS,
        value=in_reaction * multiplier,
        unit=pl.lit(chain.unit),
        censoring=pl.col("limit"),
        estimate=pl.when(pl.col("null_reason").is_null()).then(pl.col("quantity") * multiplier),
        lower=pl.when(pl.col("null_reason").is_null()).then(10.0 ** pl.col("x_lower") * multiplier),
        upper=pl.when(pl.col("null_reason").is_null()).then(10.0 ** pl.col("x_upper") * multiplier),
        lloq=pl.lit(settings.lloq) * multiplier,
        uloq=pl.col("ceiling") * multiplier,
        method=pl.lit(METHOD if settings.reference is None else PER_CELL),
        n_replicates=counted.then(wells).otherwise(pl.col("n_detected")),
        cv=pl.col("cv"),
        status=pl.when(pl.col("exclusion").is_not_null())
        .then(pl.lit(Status.EXCLUDED.value))
        .otherwise(pl.lit(Status.REPORTED.value)),
        reason=pl.coalesce("null_reason", "exclusion"),
        detail=detail.list.drop_nulls().list.join("; ").replace("", None),
        curve_id=pl.col("curve_id"),
        chain=unit_chain.trace(chain, first, begin * per_cell),
        source_ids=pl.col("source_ids"),
    ).select(MEASUREMENTS.names)


QPCR = Quantifier(
    code=AssayKind.QPCR,
    label="Quantitative PCR by standard curve",
    needs=(SignalKind.CQ,),
    methods={
        METHOD: "log10 quantity = (mean Cq - intercept)/slope of the plate's standard curve",
        PER_CELL: "quantity of the target over cells by the reference target, each by its curve on the same plate",
    },
    function=quantify_qpcr,
    formula="quantity = 10^((mean Cq - intercept)/slope)",
    citation="Bustin et al., Clin Chem 2009;55:611 (MIQE); Fieller, J R Stat Soc B 1954;16:175",
)
