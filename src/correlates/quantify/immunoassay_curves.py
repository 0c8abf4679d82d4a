"""Calibration curves of an immunoassay: one per file, plate and analyte; all fitted together, judged by their standards."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from correlates.quantify.expected import check_expected
from correlates.quantify.rules import check_rows, figure, gather
from correlates.quantify.settings import CalibrationLimits, Immunoassay
from correlates.schema import CURVE_POINTS, CURVES
from correlates.stats import logistic_curve
from correlates.stats.logistic_curve import LogisticCurves
from correlates.terms import Flag, Role

KEY = ("file_id", "plate", "analyte")
PLATE = pl.format("{}/{}", "file_id", "plate")
_NAMES = ("A", "B", "C", "D", "G")
_LOW, _HIGH = r"(?i)control range\s*-\s*low", r"(?i)control range\s*-\s*high"

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
    fits = _fit(used, table.height, settings)
    points = _points(wells, standards, fits)
    table = _judged(table, used, points, fits, settings)
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
                _plate_checks(table, settings, assay),
                _control_checks(wells, table, fits, settings, assay),
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


def _fit(used: pl.DataFrame, n: int, settings: Immunoassay) -> LogisticCurves:
    """All curves in one batch: points side by side, padded to the curve with most."""
    curve = used["curve"].to_numpy()
    place = used.select(pl.int_range(pl.len()).over("curve")).to_series().to_numpy()
    longest = int(place.max()) + 1 if place.size else 1
    dose, signal = np.ones((n, longest)), np.zeros((n, longest))
    present = np.zeros((n, longest), dtype=np.bool_)
    dose[curve, place], signal[curve, place] = used["nominal"].to_numpy(), used["signal"].to_numpy()
    present[curve, place] = True
    assert settings.curve != "factory"
    return logistic_curve.fit_logistic(dose, signal, present, model=settings.curve, weight=settings.weight)


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


def _levels(points: pl.DataFrame, limits: CalibrationLimits) -> pl.DataFrame:
    """One row per curve and standard level: whether it meets the rules within the range and at its ends."""
    recovery = pl.col("recovery")
    low, high = limits.recovery
    low_end, high_end = limits.recovery_at_limits
    return (
        points.filter("used")
        .group_by("curve", "nominal")
        .agg(
            recovery=recovery.mean(),
            cv=100.0 * pl.col("back_calculated").std() / pl.col("back_calculated").mean(),
            whole=recovery.is_not_null().all(),
        )
        .with_columns(fine=pl.col("whole") & (pl.col("cv").fill_null(0.0) <= limits.cv))
        .with_columns(
            inner=pl.col("fine") & recovery.is_between(low, high).fill_null(value=False),
            end=pl.col("fine") & recovery.is_between(low_end, high_end).fill_null(value=False),
        )
        .sort("curve", "nominal")
    )


def range_of(inner: NDArray[np.bool_], end: NDArray[np.bool_], share: float) -> tuple[NDArray[np.int64], ...]:
    """The widest run of levels that is fit for quantification.

    Parameters
    ----------
    inner, end
        (n, levels) whether a level meets the rule within the range, and the wider one of its ends. Levels ascend; curves with fewer
        are padded with false.
    share
        Smallest share of the levels of the run that must meet their rule.

    Returns
    -------
    tuple
        First and last level of the run, -1 where there is none, and the number of its levels that meet their rule; each (n,). Of runs
        of one length the one with more levels within, then the lower one, is taken.
    """
    n, m = inner.shape
    first, last, good = np.full(n, -1), np.full(n, -1), np.zeros(n, dtype=np.int64)
    total = np.concatenate([np.zeros((n, 1), dtype=np.int64), np.cumsum(inner, axis=1)], axis=1)
    for length in range(m, 1, -1):
        for i in range(m - length + 1):
            j = i + length - 1
            meets = 2 + total[:, j] - total[:, i + 1]
            fits = end[:, i] & end[:, j] & (meets >= share * length)
            open_ = (first < 0) | ((last - first + 1 == length) & (meets > good))
            take = fits & open_
            first, last, good = np.where(take, i, first), np.where(take, j, last), np.where(take, meets, good)
    return first.astype(np.int64), last.astype(np.int64), good


def _judged(
    table: pl.DataFrame, used: pl.DataFrame, points: pl.DataFrame, fits: LogisticCurves, settings: Immunoassay
) -> pl.DataFrame:
    """Add to each curve its limits and whether every rule holds."""
    levels = _levels(points, settings.limits)
    n = table.height
    curve = levels["curve"].to_numpy()
    place = levels.select(pl.int_range(pl.len()).over("curve")).to_series().to_numpy()
    most = int(place.max()) + 1 if place.size else 1
    inner, end = np.zeros((n, most), dtype=np.bool_), np.zeros((n, most), dtype=np.bool_)
    nominal = np.full((n, most), np.nan)
    inner[curve, place], end[curve, place] = levels["inner"].to_numpy(), levels["end"].to_numpy()
    nominal[curve, place] = levels["nominal"].to_numpy()
    first, last, good = range_of(inner, end, settings.limits.share)
    rows = np.arange(n)
    lowest = np.where(first >= 0, nominal[rows, np.maximum(first, 0)], np.nan)
    highest = np.where(last >= 0, nominal[rows, np.maximum(last, 0)], np.nan)

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
    table = (
        table.join(counts, on="curve", how="left", maintain_order="left")
        .with_columns(
            pl.col("n_wells", "n_levels").fill_null(0),
            pl.col("standard_ids").fill_null([]),
            fitted=pl.Series(fitted),
            rising=pl.Series(rising),
            good_levels=pl.Series(np.where(fitted, good, 0)),
            lowest=pl.Series(np.where(rising, lowest, np.nan)).fill_nan(None),
            highest=pl.Series(np.where(rising, highest, np.nan)).fill_nan(None),
            free=pl.Series(fits.n_parameters),
            flat=pl.Series(np.isnan(fits.parameters[:, 0])),
        )
        .with_columns(
            lloq=pl.col("analyte").replace_strict(settings.lloq, default=pl.col("lowest"), return_dtype=pl.Float64),
            uloq=pl.col("analyte").replace_strict(settings.uloq, default=pl.col("highest"), return_dtype=pl.Float64),
            ok_curve=pl.col("fitted"),
            ok_rising=pl.col("rising"),
            ok_levels=pl.col("good_levels") >= settings.limits.levels,
        )
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


def _control_checks(
    wells: pl.DataFrame, table: pl.DataFrame, fits: LogisticCurves, settings: Immunoassay, assay: str
) -> pl.DataFrame:
    """Controls against their range: that of the file, or the allowed recovery of the nominal concentration."""
    controls = wells.filter((pl.col("role") == Role.QC.value) & pl.col("usable"))
    if controls.height == 0:
        return gather(())
    low, high = settings.limits.recovery
    means = (
        controls.with_columns(low=_extra(controls, _LOW), high=_extra(controls, _HIGH))
        .group_by("curve", "sample_id")
        .agg(
            pl.col("signal").mean(),
            pl.col("nominal").mean(),
            pl.col("dilution").first().fill_null(1.0),
            pl.col("low", "high").mean(),
            pl.col("well_id").sort(),
        )
        .sort("curve", "sample_id", nulls_last=True)
    )
    means = (
        means.with_columns(quantity=read_off(fits, means["curve"], means["signal"])["quantity"])
        .with_columns(
            pl.col("quantity") * pl.col("dilution"), printed=pl.col("low").is_not_null() & pl.col("high").is_not_null()
        )
        .with_columns(
            low=pl.when("printed").then("low").otherwise(pl.col("nominal") * low / 100.0),
            high=pl.when("printed").then("high").otherwise(pl.col("nominal") * high / 100.0),
        )
        .filter(pl.col("low").is_not_null())
        .join(table, on="curve", maintain_order="left")
    )
    return check_rows(
        means,
        assay=assay,
        scope="standard",
        rule="control",
        item=pl.format("{}/{}/{}", "file_id", "plate", pl.col("sample_id").fill_null("control")),
        target=pl.col("analyte"),
        passed=pl.col("quantity").is_between("low", "high").fill_null(value=False),
        found=figure(pl.col("quantity")).fill_null("outside the curve"),
        value=pl.col("quantity"),
        required=pl.format(
            "{} to {}{}",
            figure(pl.col("low")),
            figure(pl.col("high")),
            pl.when("printed")
            .then(pl.lit(" (the file's range)"))
            .otherwise(pl.lit(f" ({low:g} to {high:g} % of nominal)")),
        ),
        action="flagged",
        sources=pl.col("well_id"),
    )


def _extra(wells: pl.DataFrame, pattern: str) -> pl.Series:
    """A number of the extras by the pattern of its name; null where there is none or it is no number."""
    wanted = re.compile(pattern)
    values: list[str | None] = []
    for text in wells["extras"]:
        found = next((v for k, v in json.loads(text).items() if wanted.fullmatch(k.strip())), None)
        values.append(None if found is None else str(found))
    return pl.Series(values, dtype=pl.String).cast(pl.Float64, strict=False)


def _curves(table: pl.DataFrame, fits: LogisticCurves, settings: Immunoassay, assay: str) -> pl.DataFrame:
    covariance = fits.covariance
    parameters: list[str | None] = []
    matrices: list[str | None] = []
    for i, k in enumerate(fits.n_parameters.tolist()):
        good = bool(np.isfinite(fits.parameters[i]).all())
        sure = good and bool(np.isfinite(covariance[i]).all())
        parameters.append(
            json.dumps(dict(zip(_NAMES[:k], fits.parameters[i].tolist(), strict=False))) if good else None
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
