"""Calibration curves of an immunoassay: one per file, plate and analyte; all fitted together, judged by their standards."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from correlates.quantify.expected import check_expected
from correlates.quantify.immunoassay_controls import judge
from correlates.quantify.immunoassay_limits import HOOK, find_limits, in_words
from correlates.quantify.rules import check_rows, figure, gather
from correlates.quantify.settings import Immunoassay
from correlates.schema import CURVE_POINTS, CURVES
from correlates.stats import logistic_curve
from correlates.stats.logistic_curve import LogisticCurves
from correlates.stats.variance_function import FEWEST, HIGHEST, LOWEST, fit_with_variance_function
from correlates.terms import Flag, Role

KEY = ("file_id", "plate", "analyte")
PLATE = pl.format("{}/{}", "file_id", "plate")
_NAMES = ("A", "B", "C", "D", "G")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Curves and what the standards say of them.

    Attributes
    ----------
    table
        One row per curve, in the order of the fits: ``curve``, the key, ``curve_id``, ``fitted``, ``accepted``, ``failed``
        (the rules that failed, in words), ``why`` (why there is no curve), ``lowest``, ``highest``, ``lloq``, ``uloq``.
    fits
        The fitted curves.
    curves, curve_points, checks
        The tables of these names.
    """

    table: pl.DataFrame
    fits: LogisticCurves
    curves: pl.DataFrame
    curve_points: pl.DataFrame
    checks: pl.DataFrame


def prepare(wells: pl.DataFrame, settings: Immunoassay, assay: str) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Number the curves, say which wells can be used, and subtract the background where that is asked for.

    Returns
    -------
    tuple
        The wells with ``curve``, ``usable`` (a signal that the operator did not omit) and ``few`` (beads); one row per curve;
        and the checks.
    """
    table = (
        wells.select(KEY)
        .unique()
        .sort(KEY)
        .with_row_index("curve")
        .with_columns(
            curve=pl.col("curve").cast(pl.Int64),
            curve_id=pl.concat_str(pl.lit(assay), *KEY, separator="/"),
        )
    )
    omitted = (pl.col("flag") == Flag.OMITTED.value).fill_null(value=False)
    wells = wells.join(table.select("curve", *KEY), on=KEY, how="left", maintain_order="left").with_columns(
        usable=pl.col("signal").is_not_null() & ~omitted,
        few=(pl.col("count") < settings.min_beads).fill_null(value=False),
    )
    checks = [_bead_checks(wells, table, settings, assay)]
    if settings.background == "subtract_blank":
        blanks = (
            wells.filter((pl.col("role") == Role.BLANK.value) & pl.col("usable") & ~pl.col("few"))
            .group_by("curve")
            .agg(background=pl.col("signal").mean(), blank_ids=pl.col("well_id").sort())
        )
        wells = (
            wells.join(blanks.select("curve", "background"), on="curve", how="left", maintain_order="left")
            .with_columns(signal=pl.col("signal") - pl.col("background").fill_null(0.0))
            .drop("background")
        )
        checks.append(
            check_rows(
                table.join(blanks, on="curve", how="left", maintain_order="left").with_columns(
                    pl.col("blank_ids").fill_null([])
                ),
                assay=assay,
                scope="plate",
                rule="background",
                item=PLATE,
                target=pl.col("analyte"),
                passed=pl.col("background").is_not_null(),
                found=pl.coalesce(pl.format("mean blank {}", figure(pl.col("background"))), pl.lit("no blank")),
                value=pl.col("background"),
                required="a blank on the plate, subtracted",
                action="kept",
                sources=pl.col("blank_ids"),
            )
        )
    return wells, table, gather(checks)


def _bead_checks(wells: pl.DataFrame, table: pl.DataFrame, settings: Immunoassay, assay: str) -> pl.DataFrame:
    counted = (
        wells.filter(pl.col("count").is_not_null() & pl.col("usable"))
        .group_by("curve")
        .agg(
            pl.len(), n_few=pl.col("few").sum(), least=pl.col("count").min(), ids=pl.col("well_id").filter("few").sort()
        )
    )
    return check_rows(
        table.join(counted, on="curve", maintain_order="left"),
        assay=assay,
        scope="plate",
        rule="bead_count",
        item=PLATE,
        target=pl.col("analyte"),
        passed=pl.col("n_few") == 0,
        found=pl.format("{} of {} wells below, the lowest with {}", "n_few", "len", "least"),
        value=pl.col("least"),
        required=f"at least {settings.min_beads} beads in every well",
        action="excluded",
        sources=pl.col("ids"),
    )


def calibrate(wells: pl.DataFrame, table: pl.DataFrame, settings: Immunoassay, assay: str) -> Calibration:
    """Fit every curve and apply the acceptance rules.

    ``wells`` and ``table`` are those of :func:`prepare`.
    """
    assert settings.curve != "factory"
    standards, expected_checks = _standards(wells, settings, assay)
    used = standards.filter("used").sort("curve", "nominal", "signal", "well_id")
    fits, variance_checks = _fit(used, table, settings, assay)
    points = _points(wells, standards, fits).sort("curve", "well_id")
    table = _judged(wells, table, used, points, fits, settings)
    table, control_checks = judge(
        wells, table, lambda curve, signal: read_off(fits, curve, signal)["quantity"], settings, assay
    )
    return Calibration(
        table=table,
        fits=fits,
        curves=_curves(table, fits, settings, assay),
        curve_points=points.join(table.select("curve", "curve_id"), on="curve", maintain_order="left").select(
            CURVE_POINTS.names
        ),
        checks=gather(
            (
                expected_checks,
                variance_checks,
                _plate_checks(table, settings, assay),
                control_checks,
            )
        ),
    )


def _standards(wells: pl.DataFrame, settings: Immunoassay, assay: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Standard wells with ``used`` and, where they are not, ``reason``; typed-in concentrations checked."""
    standards = wells.filter(pl.col("role") == Role.STANDARD.value)
    wrong, checks = check_expected(standards.filter(pl.col("nominal") > 0), settings.standards, assay)
    on = ["curve", "sample_id", "nominal"]
    standards = standards.join(wrong, on=on, how="left", maintain_order="left", nulls_equal=True)
    impossible = pl.col("should_be").is_not_null()
    told = pl.format(
        "expected concentration {} cannot be true: the other levels say {}",
        pl.col("nominal").round_sig_figs(6),
        pl.col("should_be").round_sig_figs(4),
    )
    positive = pl.lit(settings.weight == "none") | (pl.col("signal") > 0)
    reason = (
        pl.when(pl.col("signal").is_null())
        .then(pl.lit("no signal in the file"))
        .when(~pl.col("usable"))
        .then(pl.lit("omitted in the instrument's software"))
        .when(pl.col("nominal").is_null())
        .then(pl.lit("no expected concentration in the file"))
        .when(pl.col("nominal") <= 0)
        .then(pl.lit("a zero standard is no part of the fit"))
        .when(pl.col("few"))
        .then(pl.format("{} beads", "count"))
        .when(impossible & (settings.standards.on_impossible == "exclude"))
        .then(told)
        .when(~positive)
        .then(pl.lit(f"a signal of 0 or below has no weight {settings.weight}"))
    )
    standards = standards.with_columns(reason=reason)
    if settings.standards.on_impossible == "correct":
        standards = standards.with_columns(nominal=pl.coalesce("should_be", "nominal"))
    return standards.with_columns(used=pl.col("reason").is_null()).drop("should_be"), checks


def _fit(
    used: pl.DataFrame, table: pl.DataFrame, settings: Immunoassay, assay: str
) -> tuple[LogisticCurves, pl.DataFrame]:
    """All curves in one batch: points side by side, padded to the curve with most."""
    n = table.height
    curve = used["curve"].to_numpy()
    place = used.select(pl.int_range(pl.len()).over("curve")).to_series().to_numpy()
    longest = int(place.max()) + 1 if place.size else 1
    dose, signal = np.ones((n, longest)), np.zeros((n, longest))
    present = np.zeros((n, longest), dtype=np.bool_)
    dose[curve, place], signal[curve, place] = used["nominal"].to_numpy(), used["signal"].to_numpy()
    present[curve, place] = True
    assert settings.curve != "factory"
    if settings.weight != "variance_function":
        fits = logistic_curve.fit_logistic(dose, signal, present, model=settings.curve, weight=settings.weight)
        return fits, gather(())
    analytes = table.select("analyte").unique().sort("analyte").with_row_index("group")
    group = table.join(analytes, on="analyte", how="left", maintain_order="left")["group"].to_numpy()
    found = fit_with_variance_function(dose, signal, present, group, model=settings.curve)
    told = analytes.with_columns(
        theta=pl.Series(found.theta),
        se=pl.Series(found.se).fill_nan(None),
        plates=pl.Series(found.n_curves),
        df=pl.Series(found.df),
        estimated=pl.Series(found.estimated),
        at_bound=pl.Series(found.at_bound),
    )
    return found.curves, check_rows(
        told,
        assay=assay,
        scope="source",
        rule="variance_function",
        item=pl.lit(assay),
        target=pl.col("analyte"),
        passed=pl.col("estimated") & ~pl.col("at_bound"),
        found=pl.when("estimated")
        .then(
            pl.format(
                "variance of the signal goes with fitted^{}{}, {} plates, {} degrees of freedom",
                figure(pl.col("theta"), 3),
                pl.when(pl.col("se").is_not_null())
                .then(pl.format(" (SE {})", figure(pl.col("se"), 2)))
                .otherwise(pl.lit("")),
                "plates",
                "df",
            )
        )
        .otherwise(pl.format("not estimated from {} degrees of freedom; 2 is taken (weight 1/y2)", "df")),
        value=pl.col("theta"),
        required=f"an exponent between {LOWEST:g} and {HIGHEST:g} from at least {FEWEST} residual degrees of freedom",
        action="kept",
    )


def read_off(fits: LogisticCurves, curve: pl.Series, signal: pl.Series) -> pl.DataFrame:
    """Quantity at each signal: ``quantity`` (null where the curve cannot be inverted) and ``side`` (null without a curve)."""
    parameters = fits.parameters[curve.to_numpy()]
    y = signal.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    dose, side = logistic_curve.inverse(parameters, y)
    known = np.isfinite(y) & np.isfinite(parameters).all(axis=1)
    return pl.DataFrame({"quantity": pl.Series(dose).fill_nan(None), "side": pl.Series(side)}).with_columns(
        pl.when(pl.lit(pl.Series(known))).then(pl.all())
    )


def _points(wells: pl.DataFrame, standards: pl.DataFrame, fits: LogisticCurves) -> pl.DataFrame:
    """Standards and controls with what the curve says of them."""
    controls = wells.filter(pl.col("role") == Role.QC.value).with_columns(
        used=pl.lit(value=False), reason=pl.lit("a control, never part of the fit")
    )
    columns = ["curve", "well_id", "sample_id", "role", "nominal", "signal", "usable", "few", "used", "reason"]
    points = pl.concat([standards.select(columns), controls.select(columns)])
    back = read_off(fits, points["curve"], points["signal"])
    nominal = points["nominal"].fill_null(float("nan")).to_numpy()
    with np.errstate(invalid="ignore"):
        fitted = logistic_curve.response(
            fits.parameters[points["curve"].to_numpy()], np.where(nominal > 0, nominal, np.nan)
        )
    return points.with_columns(
        back_calculated=back["quantity"],
        fitted=pl.Series(fitted).fill_nan(None),
    ).with_columns(recovery=pl.when(pl.col("nominal") > 0).then(100.0 * pl.col("back_calculated") / pl.col("nominal")))


def _judged(
    wells: pl.DataFrame,
    table: pl.DataFrame,
    used: pl.DataFrame,
    points: pl.DataFrame,
    fits: LogisticCurves,
    settings: Immunoassay,
) -> pl.DataFrame:
    """Add to each curve its limits and whether every rule holds."""
    fitted = np.isfinite(fits.parameters).all(axis=1) & fits.converged
    a, b, _, d, _ = fits.parameters.T
    with np.errstate(invalid="ignore"):
        rising = fitted & (np.where(b > 0, d - a, a - d) > 0)
    counts = used.group_by("curve").agg(
        n_wells=pl.len().cast(pl.Int64),
        n_levels=pl.col("nominal").n_unique().cast(pl.Int64),
        least=pl.col("nominal").min(),
        most=pl.col("nominal").max(),
        standard_ids=pl.col("well_id").sort(),
    )
    table = table.join(counts, on="curve", how="left", maintain_order="left").with_columns(
        pl.col("n_wells", "n_levels").fill_null(0),
        pl.col("standard_ids").fill_null([]),
        fitted=pl.Series(fitted),
        rising=pl.Series(rising),
        free=pl.Series(fits.n_parameters),
        flat=pl.Series(np.isnan(fits.parameters[:, 0])),
    )
    table = table.hstack(find_limits(wells, points, table, fits, settings)).with_columns(
        lloq=pl.col("analyte").replace_strict(settings.lloq, default=pl.col("lowest"), return_dtype=pl.Float64),
        uloq=pl.col("analyte").replace_strict(settings.uloq, default=pl.col("highest"), return_dtype=pl.Float64),
        ok_curve=pl.col("fitted"),
        ok_rising=pl.col("rising"),
        ok_levels=(pl.col("good_levels") >= settings.limits.levels) & (pl.col("share_met") >= settings.limits.share),
    )
    rules = ("curve", "rising", "levels")
    why = (
        pl.when(pl.col("n_wells") == 0)
        .then(pl.lit("no standard well that can be used"))
        .when(pl.col("n_levels") < pl.col("free"))
        .then(pl.format("{} standard levels for {} parameters", "n_levels", "free"))
        .when("flat")
        .then(pl.lit("all standards have one signal"))
        .otherwise(pl.lit("the fit did not converge"))
    )
    return table.with_columns(
        accepted=pl.all_horizontal([f"ok_{rule}" for rule in rules]),
        failed=pl.concat_list([pl.when(~pl.col(f"ok_{rule}")).then(pl.lit(rule)) for rule in rules])
        .list.drop_nulls()
        .list.join(", "),
        why=pl.when(~pl.col("fitted")).then(why),
    )


def _plate_checks(table: pl.DataFrame, settings: Immunoassay, assay: str) -> pl.DataFrame:
    limits = settings.limits
    action = "excluded" if settings.on_failure == "exclude" else "flagged"
    model = settings.curve if settings.curve != "auto" else "4PL or 5PL"
    told = (
        (
            "curve",
            pl.coalesce("why", pl.format("{}PL on {} wells of {} levels", "free", "n_wells", "n_levels")),
            pl.col("n_levels"),
            f"a {model} that converges",
        ),
        (
            "rising",
            pl.when("rising")
            .then(pl.lit("rising"))
            .when("fitted")
            .then(pl.lit("falling"))
            .otherwise(pl.lit("no curve")),
            None,
            "signal that rises with concentration",
        ),
        (
            "levels",
            pl.format("{} of {} levels", "good_levels", "n_levels"),
            pl.col("good_levels"),
            f"at least {limits.levels} levels with mean recovery {limits.recovery[0]:g} to {limits.recovery[1]:g} % "
            f"({limits.recovery_at_limits[0]:g} to {limits.recovery_at_limits[1]:g} % at the ends) and CV of at most {limits.cv:g} %, "
            f"{100 * limits.share:g} % of the levels between them",
        ),
    )
    rows = [
        check_rows(
            table,
            assay=assay,
            scope="plate",
            rule=rule,
            item=PLATE,
            target=pl.col("analyte"),
            passed=pl.col(f"ok_{rule}"),
            found=found,
            value=value,
            required=required,
            action=action,
            sources=pl.col("standard_ids"),
        )
        for rule, found, value, required in told
    ]
    fitted = table.filter("fitted")
    rows.append(
        check_rows(
            fitted,
            assay=assay,
            scope="plate",
            rule="limits",
            item=PLATE,
            target=pl.col("analyte"),
            passed=pl.col("lowest").is_not_null(),
            found=pl.when(pl.col("lowest").is_null())
            .then(pl.lit("none"))
            .otherwise(
                pl.format(
                    "{} to {}{}{}",
                    figure(pl.col("lowest")),
                    figure(pl.col("highest")),
                    pl.when(pl.lit(limits.rule == "cv_profile"))
                    .then(pl.format(", mean of {} wells", pl.col("wells_each").cast(pl.Int64)))
                    .otherwise(pl.lit("")),
                    pl.when("capped")
                    .then(pl.lit(", the upper one where the standards turn back"))
                    .otherwise(pl.lit("")),
                )
            ),
            value=pl.col("lowest"),
            required=in_words(settings),
            action=action,
            sources=pl.col("standard_ids"),
        )
    )
    turning = table.filter(pl.col("drop").is_not_null() & (pl.col("rising") | ~pl.col("fitted")))
    rows.append(
        check_rows(
            turning,
            assay=assay,
            scope="plate",
            rule="hook",
            item=PLATE,
            target=pl.col("analyte"),
            passed=pl.col("peak").is_null(),
            found=pl.when(pl.col("peak").is_null())
            .then(pl.format("largest fall {} %", figure(pl.col("drop"), 3)))
            .otherwise(pl.format("falls by {} % above {}", figure(pl.col("drop"), 3), figure(pl.col("peak")))),
            value=pl.col("drop"),
            required=f"no fall of the standards' mean signal by more than {HOOK:g} % and its noise; the ULOQ is at most where it begins",
            action="flagged",
            sources=pl.col("standard_ids"),
        )
    )
    declared = table.filter(pl.col("analyte").is_in([*settings.lloq, *settings.uloq]) & (pl.col("n_wells") > 0))
    rows.append(
        check_rows(
            declared,
            assay=assay,
            scope="plate",
            rule="declared_limits",
            item=PLATE,
            target=pl.col("analyte"),
            passed=(
                (pl.col("lloq") >= pl.col("least")).fill_null(value=True)
                & (pl.col("uloq") <= pl.col("most")).fill_null(value=True)
            ),
            found=pl.format("standards from {} to {}", figure(pl.col("least")), figure(pl.col("most"))),
            required=pl.format(
                "to hold the declared limits {} to {}",
                figure(pl.col("lloq")).fill_null("none"),
                figure(pl.col("uloq")).fill_null("none"),
            ),
            action="kept",
            sources=pl.col("standard_ids"),
        )
    )
    return gather(rows)


def _curves(table: pl.DataFrame, fits: LogisticCurves, settings: Immunoassay, assay: str) -> pl.DataFrame:
    covariance = fits.covariance
    parameters: list[str | None] = []
    matrices: list[str | None] = []
    for i, k in enumerate(fits.n_parameters.tolist()):
        good = bool(np.isfinite(fits.parameters[i]).all())
        sure = good and bool(np.isfinite(covariance[i]).all())
        parameters.append(
            json.dumps(
                dict(zip(_NAMES[:k], fits.parameters[i].tolist(), strict=False))
                | ({"theta": float(fits.power[i])} if settings.weight == "variance_function" else {})
            )
            if good
            else None
        )
        matrices.append(json.dumps(covariance[i, :k, :k].tolist()) if sure else None)
    some = np.isfinite(fits.parameters).all(axis=1)
    return table.with_columns(
        assay=pl.lit(assay),
        target=pl.col("analyte"),
        model=pl.format("{}PL", "free"),
        parameters=pl.Series(parameters, dtype=pl.String),
        covariance=pl.Series(matrices, dtype=pl.String),
        residual_sd=pl.Series(fits.sigma).fill_nan(None),
        df=pl.Series(np.where(some, fits.df, np.nan)).fill_nan(None),
        slope=pl.lit(None, dtype=pl.Float64),
        intercept=pl.lit(None, dtype=pl.Float64),
        r_squared=pl.Series(fits.r_squared).fill_nan(None),
        efficiency=pl.lit(None, dtype=pl.Float64),
        unit=pl.lit(settings.unit),
        source_ids=pl.col("standard_ids"),
    ).select(CURVES.names)
