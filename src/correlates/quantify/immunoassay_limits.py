"""Limits of quantification of every plate and analyte, by the declared rule; and standards whose signal turns back."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from correlates.quantify.settings import CalibrationLimits, Immunoassay
from correlates.stats import quantification_limits
from correlates.stats.logistic_curve import LogisticCurves
from correlates.terms import Role

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
HOOK = 10.0
"""Percent by which the signal must fall from one level to a higher one ..."""
HOOK_SE = 3.0
"""... and standard errors of that difference, to be more than noise of a plateau."""


def find_limits(
    wells: pl.DataFrame, points: pl.DataFrame, table: pl.DataFrame, fits: LogisticCurves, settings: Immunoassay
) -> pl.DataFrame:
    """Limits of each curve by the rule of the settings, and how many standard levels lie within them.

    Parameters
    ----------
    wells
        Wells of the assay with ``curve`` and ``usable``; how many wells most samples have is what ``cv_profile`` predicts for.
    points
        Standards with ``used``, ``nominal``, ``signal``, ``back_calculated`` and ``recovery``.
    table
        One row per curve in the order of ``fits``: ``rising``.
    fits, settings
        The curves and the rules.

    Returns
    -------
    polars.DataFrame
        In the order of ``table``: ``lowest``, ``highest`` (null where there is none), ``good_levels``, ``share_met``, ``wells_each``
        (of a sample), ``peak`` and ``drop`` (see :func:`turning`), ``capped`` (whether the peak is the upper limit).
    """
    rules = settings.limits
    n = table.height
    levels = _levels(points, rules)
    inner, end, read, nominal = _matrices(levels, n)
    each = _wells_each(wells, n)
    turn = turning(points, n)
    rising = table["rising"].to_numpy()
    with np.errstate(invalid="ignore"):
        least = np.where(rising, np.nanmin(np.where(np.isnan(nominal), np.inf, nominal), axis=1), np.nan)
        most = np.where(rising, np.nanmax(np.where(np.isnan(nominal), -np.inf, nominal), axis=1), np.nan)
    if rules.rule == "recovery":
        first, last, good = range_of(inner, end, rules.share)
        rows = np.arange(n)
        low = np.where(rising & (first >= 0), nominal[rows, np.maximum(first, 0)], np.nan)
        high = np.where(rising & (last >= 0), nominal[rows, np.maximum(last, 0)], np.nan)
    elif rules.rule == "cv_profile":
        low, high = quantification_limits.cv_limits(fits, least, most, each, rules.cv)
    else:
        low, high = quantification_limits.asymptote_limits(fits, least, most, settings.confidence)
    peak = turn["peak"].fill_null(float("inf")).to_numpy()
    capped = peak < high
    high = np.where(capped, peak, high)
    low, high = np.where(low < high, low, np.nan), np.where(low < high, high, np.nan)
    with np.errstate(invalid="ignore"):
        within = (nominal >= low[:, None] * (1 - 1e-9)) & (nominal <= high[:, None] * (1 + 1e-9))
    if rules.rule != "recovery":
        good = (within & inner).sum(axis=1)
        precise_only = (within & read).sum(axis=1) < 2  # a curve may be precise and wrong: then it has no range
        low, high = np.where(precise_only, np.nan, low), np.where(precise_only, np.nan, high)
    elif capped.any():
        good = np.where(capped, (within & end).sum(axis=1), good)
    share = np.where(within.any(axis=1), good / np.maximum(within.sum(axis=1), 1), 0.0)
    return pl.DataFrame(
        {
            "lowest": pl.Series(low).fill_nan(None),
            "highest": pl.Series(high).fill_nan(None),
            "good_levels": pl.Series(np.where(rising, good, 0)).cast(pl.Int64),
            "share_met": pl.Series(share),
            "wells_each": pl.Series(each),
            "peak": turn["peak"],
            "drop": turn["drop"],
            "capped": pl.Series(capped & np.isfinite(high)),
        }
    )


def in_words(settings: Immunoassay) -> str:
    """The rule of the limits as a requirement."""
    rules = settings.limits
    if rules.rule == "recovery":
        return (
            f"recovery: the widest run of levels with mean recovery {rules.recovery[0]:g} to {rules.recovery[1]:g} % "
            f"({rules.recovery_at_limits[0]:g} to {rules.recovery_at_limits[1]:g} % at the ends) and CV of at most {rules.cv:g} %"
        )
    if rules.rule == "cv_profile":
        return f"cv_profile: predicted CV of the concentration at most {rules.cv:g} %, between the standards"
    return (
        f"asymptote_interval: signal beyond the {100 * settings.confidence:g} % limits of both asymptotes, "
        "between the standards"
    )


def _levels(points: pl.DataFrame, limits: CalibrationLimits) -> pl.DataFrame:
    """One row per curve and standard level: whether it meets the rules within the range and at its ends, and whether it is read right."""
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
            read=pl.col("whole") & recovery.is_between(low_end, high_end).fill_null(value=False),
        )
        .sort("curve", "nominal")
    )


def _matrices(levels: pl.DataFrame, n: int) -> tuple[Bools, Bools, Bools, Floats]:
    """``inner``, ``end``, ``read`` and the nominal quantity, curves by levels in ascending order; padded with false and NaN."""
    curve = levels["curve"].to_numpy()
    place = levels.select(pl.int_range(pl.len()).over("curve")).to_series().to_numpy()
    most = int(place.max()) + 1 if place.size else 1
    flags = np.zeros((3, n, most), dtype=np.bool_)
    for flag, name in zip(flags, ("inner", "end", "read"), strict=True):
        flag[curve, place] = levels[name].to_numpy()
    nominal = np.full((n, most), np.nan)
    nominal[curve, place] = levels["nominal"].to_numpy()
    return flags[0], flags[1], flags[2], nominal


def _wells_each(wells: pl.DataFrame, n: int) -> Floats:
    """Wells that most samples of a curve have (the fewer, where two numbers are as frequent); 1 without samples."""
    counts = (
        wells.filter((pl.col("role") == Role.UNKNOWN.value) & pl.col("usable"))
        .group_by("curve", "sample_id", "dilution")
        .agg(wells=pl.len().cast(pl.Float64))
        .group_by("curve")
        .agg(pl.col("wells").mode().min())
    )
    each = np.ones(n)
    each[counts["curve"].to_numpy()] = counts["wells"].to_numpy()
    return each


def turning(points: pl.DataFrame, n: int) -> pl.DataFrame:
    """Where the signal of the standards falls as their concentration rises: the hook (prozone) effect, or series that run backwards.

    Returns
    -------
    polars.DataFrame
        One row per curve: ``drop``, by how many percent the mean signal of a level lies below that of the highest level before it
        (0 where none does; null without two levels), and ``peak``, the nominal quantity of that highest level where the drop is more
        than 10 % and more than three standard errors of the difference (from the spread of the replicates of all levels); else null.
    """
    levels = (
        points.filter("used")
        .group_by("curve", "nominal")
        .agg(pl.col("signal").mean(), spread=pl.col("signal").var() / pl.col("signal").mean() ** 2, m=pl.len())
        .sort("curve", "nominal")
    )
    noise = (
        levels.group_by("curve")
        .agg(
            relative=(
                (pl.col("spread") * (pl.col("m") - 1)).sum()
                / pl.col("m").filter(pl.col("spread").is_not_null()).sub(1).sum()
            ).sqrt()
        )
        .with_columns(pl.col("relative").fill_nan(0.0).fill_null(0.0))
    )
    highest = pl.col("signal").cum_max().over("curve")
    turned = (
        levels.with_columns(drop=100.0 * (1.0 - pl.col("signal") / highest), before=highest)
        .sort("curve", "drop", "nominal")
        .group_by("curve", maintain_order=True)
        .agg(
            levels=pl.len(),
            drop=pl.col("drop").last(),
            before=pl.col("before").last(),
            m=pl.col("m").last(),
        )
        .join(levels.select("curve", before="signal", peak="nominal"), on=["curve", "before"], how="left")
        .unique("curve", keep="first", maintain_order=True)
        .join(noise, on="curve")
        .with_columns(
            peak=pl.when(
                (pl.col("drop") > HOOK)
                & (pl.col("drop") > 100.0 * HOOK_SE * pl.col("relative") * (2.0 / pl.col("m")).sqrt())
                & (pl.col("before") > 0)
            ).then("peak"),
            drop=pl.when((pl.col("levels") > 1) & (pl.col("before") > 0)).then("drop"),
        )
    )
    return (
        pl.DataFrame({"curve": pl.int_range(n, eager=True)})
        .join(turned.select("curve", "drop", "peak"), on="curve", how="left", maintain_order="left")
        .select("drop", "peak")
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
