"""The straight calibration line (Cq on log10 quantity): fit, technical variance, and prediction of the quantity from Cq.

Everything is batched: observations of all curves stand in flat arrays, and ``group`` says which curve each belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

LN10 = float(np.log(10.0))
_VARIANCE_FLOOR = 1e-6  # (0.001 Cq)^2: the resolution to which instruments print a Cq
_OUTLYING = 0.999  # a replicate variance above this quantile of its expectation is not pooled
_ROUNDS = 20  # of the reweighting; it contracts quickly, see docs
_ROUNDS_SHARED = 60  # of scoring


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFits:
    """Least-squares lines y = intercept + slope x, one per curve; every array has one element per curve.

    Attributes
    ----------
    n, df
        Observations, and residual degrees of freedom (n - 2).
    mean_x, mean_y, sxx
        Means, and the sum of squared deviations of x.
    slope, intercept, r_squared, residual_sd
        Of ordinary least squares. ``r_squared`` is 0 where y is constant (nothing is explained).
    var_intercept, covariance, var_slope
        Ordinary least-squares covariance of (intercept, slope).
    """

    n: Ints
    df: Ints
    mean_x: Floats
    mean_y: Floats
    sxx: Floats
    slope: Floats
    intercept: Floats
    r_squared: Floats
    residual_sd: Floats
    var_intercept: Floats
    covariance: Floats
    var_slope: Floats


def fit_lines(x: Floats, y: Floats, group: Ints, n_groups: int) -> LineFits:
    """Fit a straight line to each group by ordinary least squares.

    Parameters
    ----------
    x, y
        Shape (n,): log10 quantity and Cq.
    group
        Shape (n,): number of the curve of each observation, 0 to n_groups - 1.
    n_groups
        How many curves there are.

    Raises
    ------
    ValueError
        A group has fewer than three observations or a single x: no line with a residual can be fitted.

    Notes
    -----
    slope = Sxy/Sxx, intercept = mean(y) - slope mean(x), s2 = RSS/(n - 2), Var(slope) = s2/Sxx,
    Var(intercept) = s2 (1/n + mean(x)^2/Sxx), Cov = -s2 mean(x)/Sxx (Draper & Smith, Applied Regression Analysis, ch. 1).
    """

    def total(values: Floats) -> Floats:
        return _sums(group, values, n_groups)

    n = np.bincount(group, minlength=n_groups).astype(np.int64)
    if (n < 3).any():
        raise ValueError("a line needs at least three observations in every group")
    mean_x, mean_y = total(x) / n, total(y) / n
    dx, dy = x - mean_x[group], y - mean_y[group]
    sxx, sxy, syy = total(dx * dx), total(dx * dy), total(dy * dy)
    ordered = x[np.argsort(group, kind="stable")]
    spread = np.maximum.reduceat(ordered, _starts(n)) - np.minimum.reduceat(ordered, _starts(n))
    if (spread <= 0).any():
        raise ValueError("a line needs at least two values of x in every group")
    slope = sxy / sxx
    intercept = mean_y - slope * mean_x
    residual = dy - slope[group] * dx
    rss = total(residual * residual)
    df = n - 2
    variance = rss / df
    constant = syy <= 0
    return LineFits(
        n=n,
        df=df,
        mean_x=mean_x,
        mean_y=mean_y,
        sxx=sxx,
        slope=slope,
        intercept=intercept,
        r_squared=np.where(constant, 0.0, 1.0 - rss / np.where(constant, 1.0, syy)),
        residual_sd=np.sqrt(variance),
        var_intercept=variance * (1.0 / n + mean_x**2 / sxx),
        covariance=-variance * mean_x / sxx,
        var_slope=variance / sxx,
    )


def _sums(group: Ints, values: NDArray[Any], n_groups: int) -> Floats:
    return np.bincount(group, weights=values, minlength=n_groups).astype(np.float64)


def _starts(n: Ints) -> Ints:
    return np.asarray(np.cumsum(n) - n, dtype=np.int64)


def efficiency(slope: Floats) -> Floats:
    """Amplification efficiency 10^(-1/slope) - 1 as a ratio (1 is doubling each cycle).

    Raises
    ------
    ValueError
        A slope is zero or positive: more template would not give an earlier Cq.
    """
    if (slope >= 0).any():
        raise ValueError("the efficiency is defined for negative slopes only")
    return np.expm1(-LN10 / slope)


@dataclass(frozen=True, slots=True, kw_only=True)
class TechnicalVariance:
    """Variance of one well's Cq beyond the sampling of molecules, one element per curve.

    ``variance`` is the estimate, ``uncertainty`` the variance of that estimate, ``pooled`` (one element per set of
    replicates) whether the set was pooled or stood out.
    """

    variance: Floats
    uncertainty: Floats
    pooled: Flags


def technical_variance(
    variance: Floats, df: Ints, sampling: Floats, group: Ints, *, fallback: Floats, fallback_df: Ints
) -> TechnicalVariance:
    """Pool the variance among replicate wells of each curve's plate, less what the sampling of molecules explains.

    Parameters
    ----------
    variance, df
        Shape (k,): variance of Cq within each set of replicates, and its degrees of freedom (wells - 1, at least 1).
    sampling
        Shape (k,): variance of Cq expected in that set from the Poisson sampling of its copies.
    group
        Shape (k,): number of the curve of each set.
    fallback, fallback_df
        Shape (curves,): the curve's residual variance and its df, used where a plate has no replicates.

    Notes
    -----
    Solves sum df (s2 - sampling - v) / (v + sampling)^2 = 0 for v by reweighting (the maximum-likelihood weights of a
    gamma variance), v >= 1e-6. Sets whose s2 exceeds the 99.9 % quantile of (v + sampling) chi2(df)/df are left out, so
    that one failed sample does not widen every interval of its plate.
    """
    n_groups = len(fallback)
    none = np.bincount(group, minlength=n_groups) == 0
    centre = 2.0 * special.gammaincinv(df / 2.0, 0.5) / df
    estimate = np.maximum(_group_medians(variance / centre, group, n_groups), _VARIANCE_FLOOR)
    ceiling = 2.0 * special.gammaincinv(df / 2.0, _OUTLYING) / df
    keep = np.ones(len(variance), dtype=np.bool_)
    information = np.zeros(n_groups)
    for _ in range(_ROUNDS):
        expected = estimate[group] + sampling
        keep = variance <= expected * ceiling
        weight = np.where(keep, df / expected**2, 0.0)
        information = _sums(group, weight, n_groups)
        score = _sums(group, weight * (variance - sampling), n_groups)
        known = information > 0
        moved = np.where(known, score / np.where(known, information, 1.0), estimate)
        estimate = np.maximum(moved, _VARIANCE_FLOOR)
    known = information > 0
    return TechnicalVariance(
        variance=np.where(none | ~known, np.maximum(fallback, _VARIANCE_FLOOR), estimate),
        uncertainty=np.where(
            none | ~known, 2.0 * fallback**2 / np.maximum(fallback_df, 1), 2.0 / np.where(known, information, 1.0)
        ),
        pooled=keep,
    )


def _group_medians(values: Floats, group: Ints, n_groups: int) -> Floats:
    """Lower median of each group; 0 for a group without values."""
    order = np.lexsort((values, group))
    count = np.bincount(group, minlength=n_groups)
    starts = _starts(count)
    medians = np.zeros(n_groups)
    filled = count > 0
    medians[filled] = values[order][(starts + (count - 1) // 2)[filled]]
    return medians


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCovariance:
    """Covariance of (intercept, slope) when the standards vary by level and by well, one element per curve.

    Attributes
    ----------
    var_intercept, covariance, var_slope
        Of the least-squares line.
    level_variance
        Variance that the wells of a level share (pipetting of the dilution series): what the level means scatter about the
        line beyond the variance of their wells; 0 where they do not, or where there are two levels.
    level_uncertainty
        Variance of that estimate; 0 where it is 0.
    unit_var_intercept, unit_covariance, unit_var_slope
        By how much each element of the covariance grows with ``level_variance``.
    """

    var_intercept: Floats
    covariance: Floats
    var_slope: Floats
    level_variance: Floats
    level_uncertainty: Floats
    unit_var_intercept: Floats
    unit_covariance: Floats
    unit_var_slope: Floats


def line_covariance(
    fits: LineFits, x: Floats, mean_y: Floats, wells: Ints, variance: Floats, group: Ints
) -> LineCovariance:
    """Covariance of the least-squares line from the variance of its levels, which need not be a common one.

    Parameters
    ----------
    fits
        What :func:`fit_lines` gave for all wells.
    x, mean_y, wells
        Shape (levels,): log10 quantity, mean Cq and number of wells of each level.
    variance
        Shape (levels,): variance of one well of the level, positive.
    group
        Shape (levels,): number of the curve of each level.

    Notes
    -----
    The variance of a level's mean is variance/wells + v, v >= 0 by :func:`_level_variance`. The covariance is
    (X'X)^-1 X'VX (X'X)^-1. With one common variance of wells and v = 0 it is the ordinary one.
    """
    n_groups = len(fits.n)
    dx = x - fits.mean_x[group]

    def spread(of_mean: Floats) -> tuple[Floats, Floats, Floats]:
        """Covariance of the line for given variances of the means of its levels."""
        weight = wells**2 * of_mean
        at_centre = _sums(group, weight, n_groups) / fits.n**2
        crossed = _sums(group, weight * dx, n_groups) / (fits.n * fits.sxx)
        of_slope = _sums(group, weight * dx * dx, n_groups) / fits.sxx**2
        return (
            at_centre - 2.0 * fits.mean_x * crossed + fits.mean_x**2 * of_slope,
            crossed - fits.mean_x * of_slope,
            of_slope,
        )

    within = variance / wells
    unit = spread(np.ones_like(within))
    shared, uncertainty = _level_variance(x, mean_y, within, group, n_groups)
    whole = [own + shared * per_unit for own, per_unit in zip(spread(within), unit, strict=True)]
    return LineCovariance(
        var_intercept=whole[0],
        covariance=whole[1],
        var_slope=whole[2],
        level_variance=shared,
        level_uncertainty=uncertainty,
        unit_var_intercept=unit[0],
        unit_covariance=unit[1],
        unit_var_slope=unit[2],
    )


def _level_variance(x: Floats, mean_y: Floats, within: Floats, group: Ints, n_groups: int) -> tuple[Floats, Floats]:
    """Variance v >= 0 of the level means about a line beyond ``within``, by restricted likelihood, and its own variance.

    The means have the variances within + v. The score y'PPy - tr P is brought to zero, from v = 0, by steps of it over
    tr PP; 2/tr PP is the variance of v (P = W - WX (X'WX)^-1 X'W, W the inverse variances; Harville, J Am Stat Assoc
    1977;72:320). A level that few molecules make uncertain so weighs little. 0 with fewer than three levels.
    """
    shared = np.zeros(n_groups)
    information = np.ones(n_groups)
    several = np.bincount(group, minlength=n_groups) >= 3
    for round_ in range(_ROUNDS_SHARED + 1):
        w = 1.0 / (within + shared[group])
        s0 = _sums(group, w, n_groups)
        dx = x - (_sums(group, w * x, n_groups) / s0)[group]
        dy = mean_y - (_sums(group, w * mean_y, n_groups) / s0)[group]
        s2 = _sums(group, w * dx * dx, n_groups)
        pulled = w * (dy - (_sums(group, w * dx * dy, n_groups) / s2)[group] * dx)
        m0, m1, m2 = (_sums(group, w**2 * dx**power, n_groups) for power in (0, 1, 2))
        trace = s0 - m0 / s0 - m2 / s2
        information = (
            m0
            - 2.0 * (_sums(group, w**3, n_groups) / s0 + _sums(group, w**3 * dx * dx, n_groups) / s2)
            + (m0 / s0) ** 2
            + 2.0 * m1**2 / (s0 * s2)
            + (m2 / s2) ** 2
        )
        if round_ < _ROUNDS_SHARED:
            step = (_sums(group, pulled * pulled, n_groups) - trace) / np.where(several, information, 1.0)
            shared = np.where(several, np.maximum(shared + step, 0.0), 0.0)
    return shared, np.where(shared > 0, 2.0 / np.where(several, information, 1.0), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class InversePrediction:
    """Quantity (on the x scale) predicted from an observed mean y; every array has the shape of y.

    Attributes
    ----------
    x, se
        Estimate and its delta-method standard error.
    delta_lower, delta_upper
        x -/+ quantile x se.
    fieller_lower, fieller_upper
        Fieller's interval; -inf and inf where it is not bounded.
    g
        quantile^2 Var(slope)/slope^2: how far the slope is from zero. Fieller's interval is bounded only for g < 1.
    bounded
        Whether Fieller's interval is bounded.
    """

    x: Floats
    se: Floats
    delta_lower: Floats
    delta_upper: Floats
    fieller_lower: Floats
    fieller_upper: Floats
    g: Floats
    bounded: Flags


def invert_line(
    y: Floats,
    variance: Floats,
    *,
    intercept: Floats,
    slope: Floats,
    var_intercept: Floats,
    covariance: Floats,
    var_slope: Floats,
    quantile: Floats,
) -> InversePrediction:
    """Predict x from the mean y of some wells, with the uncertainty of the wells and of the line.

    Parameters
    ----------
    y, variance
        Shape (k,): observed mean and its variance (one well's variance divided by the number of wells).
    intercept, slope, var_intercept, covariance, var_slope
        Shape (k,): the line each is read from.
    quantile
        Shape (k,): Student quantile of the two-sided interval.

    Raises
    ------
    ValueError
        A slope is zero.

    Notes
    -----
    Fieller: all x with (y - a - b x)^2 <= t^2 [variance + Var(a) + 2 x Cov(a, b) + x^2 Var(b)] (Fieller, J R Stat Soc B
    1954;16:175). With a common residual variance s2 and m wells this is the classical calibration interval
    (Draper & Smith, section 3.2). Delta: se = sqrt(variance + Var(a + b x))/|b|.

    Undefined when g >= 1: the interval is the whole line or the outside of one, and is given as unbounded.
    """
    if (slope == 0).any():
        raise ValueError("a flat line cannot be inverted")
    x = (y - intercept) / slope
    of_line = var_intercept + 2.0 * x * covariance + x * x * var_slope
    se = np.sqrt(np.maximum(variance + of_line, 0.0)) / np.abs(slope)
    t2 = quantile**2
    g = t2 * var_slope / slope**2
    a = slope**2 * (1.0 - g)
    # written for z - x, so that nothing cancels far from the origin
    b = t2 * (covariance + x * var_slope)
    c = -t2 * (variance + of_line)
    bounded = g < 1.0
    root = np.sqrt(np.maximum(b * b - a * c, 0.0))
    safe = np.where(bounded, a, 1.0)
    return InversePrediction(
        x=x,
        se=se,
        delta_lower=x - quantile * se,
        delta_upper=x + quantile * se,
        fieller_lower=np.where(bounded, x + (b - root) / safe, -np.inf),
        fieller_upper=np.where(bounded, x + (b + root) / safe, np.inf),
        g=g,
        bounded=bounded,
    )


def student_quantile(confidence: float, df: Floats) -> Floats:
    """Two-sided Student quantile for each df (not necessarily whole, positive)."""
    return np.asarray(special.stdtrit(df, (1.0 + confidence) / 2.0), dtype=np.float64)
