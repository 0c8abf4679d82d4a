"""Passing-Bablok regression of one assay on another: the classical estimator of 1983 and the equivariant one of 1988.

Both are medians of the slopes between all pairs of samples, robust to outliers and free of assumptions about the ratio of errors.
The classical one assumes a slope near 1: it is not equivariant under change of unit. The equivariant one (the median of the
absolute slopes) serves any slope, so also assays in different units. Both are drawn to a ratio of the steps of coarse data when
both assays are coarse (many slopes are then the same simple fraction); the caution ``ties`` says so, and a Deming line does
not suffer from it.

Sources: Passing & Bablok, J Clin Chem Clin Biochem 1983;21:709-720; Bablok, Passing, Bender & Schneider, ibid. 1988;26:783-790;
Dufey, Int J Biostat 2020;16(2) (standard errors of the equivariant line from Kendall's tau).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy import special

from correlates.stats.agreement import BiasAt, Estimate, Why, check_pairs, line_bias, student
from correlates.stats.arrays import Floats, Ints

__all__ = [
    "Association",
    "Caution",
    "Estimator",
    "Linearity",
    "PassingBablok",
    "bias_at",
    "bootstrap_bias",
    "equivariant",
    "passing_bablok",
]

_EPS = 8.0 * float(np.finfo(np.float64).eps)
_QUARTER = np.pi / 4.0
_TIED = 0.05  # share of tied pairs from which coarse data bias the slope noticeably; see docs/methods/agreement.md
_SPREAD = 1.4  # normal score of the McKean-Schrader standard error of a median, as in Dufey 2020
_LEAST_TAU_VARIANCE = 1e-5


class Estimator(StrEnum):
    """Which Passing-Bablok estimator."""

    CLASSICAL = "classical"
    EQUIVARIANT = "equivariant"


class Caution(StrEnum):
    """What speaks against a Passing-Bablok line."""

    TIES = "ties"
    ASSOCIATION = "association-not-shown"
    LINEARITY = "linearity-rejected"
    SLOPE = "slope-far-from-one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """Kendall's tau-b of x and y with its two-sided P (normal approximation, variance corrected for ties)."""

    tau: float
    z: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Linearity:
    """Cumulative-sum test of linearity.

    ``statistic`` is max abs(cusum)/sqrt(pairs below the line + 1); ``p_value`` from the Kolmogorov distribution (1.36 is the 5 %
    point). Small P: the pairs are not on one straight line.
    """

    above: int
    below: int
    statistic: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PassingBablok:
    """A Passing-Bablok line y = intercept + slope x through n pairs.

    Attributes
    ----------
    slope, intercept
        Classical: intervals by rank, ``se`` None; a limit is -inf or inf where so few pairs bound it on one side only.
        Equivariant: the slope's interval by rank, the intercept's from its standard error with Student's t, n - 2.
    covariance
        Cov(intercept, slope) of the equivariant line; None of the classical one.
    n_slopes
        Slopes the median was taken of: pairs of samples less identical ones (and, classical, slopes of exactly -1).
    offset
        Classical: how many slopes are below -1 (the shift K); 0 otherwise.
    tied
        Share of the pairs of samples that are tied in x or in y (identical ones included).
    association, linearity
        Kendall's tau and the cumulative-sum test; None where undefined.
    cautions
        See :class:`Caution`: ``ties`` from 5 % of tied pairs, ``association-not-shown`` when P of tau is 0.05 or more,
        ``linearity-rejected`` when P is below 0.05, ``slope-far-from-one`` when the classical slope is outside 0.5 to 2.
    why
        Why the line is None: fewer than three pairs (equivariant: five), x or y constant, or tau not positive.
    """

    estimator: Estimator
    n: int
    confidence: float
    slope: Estimate | None
    intercept: Estimate | None
    covariance: float | None
    n_slopes: int
    offset: int
    tied: float
    association: Association | None
    linearity: Linearity | None
    cautions: tuple[Caution, ...]
    why: Why | None


def passing_bablok(x: npt.ArrayLike, y: npt.ArrayLike, *, confidence: float = 0.95) -> PassingBablok:
    """Classical Passing-Bablok regression (1983).

    Parameters
    ----------
    x, y
        (n,) uncensored pairs, in the same unit (the slope is expected near 1).
    confidence
        Level of the intervals.

    Raises
    ------
    ValueError
        NaN or infinity, or shapes that do not agree.

    Notes
    -----
    Slopes of exactly -1 are left out, those below -1 are counted as steep positive ones (the shift by K). With N slopes left and
    C = z sqrt(n (n - 1)(2 n + 5)/18), the limits are the slopes at positions (N -/+ C)/2. A position between two slopes (and the
    median of an even number) is the mean of their angles, which is what the R package mcr does; the paper rounds the position of
    a limit and takes the mean of two slopes. intercept = median(y - b x), limits with the limits of b interchanged.

    Ties in x give infinite slopes, ties in y slopes of 0. Values equal up to rounding of their last bits count as tied.

    Undefined for fewer than three pairs, when x or y does not vary, and when Kendall's tau is not positive.
    """
    a, b = check_pairs(x, y)
    n = len(a)
    quantile = _normal(confidence)
    pairs = _pairs(a, b) if n >= 3 else None
    why = _unfit(a, pairs, 3)
    if why is not None or pairs is None:
        return _undefined(Estimator.CLASSICAL, n, confidence, pairs, why or Why.TOO_FEW)
    angles, offset = _rotated(pairs)
    count = len(angles)
    half_width = quantile * float(np.sqrt(n * (n - 1) * (2 * n + 5) / 18.0))
    low, high = (int(np.rint(count + side * half_width)) for side in (-1, 1))
    at_low, at_middle, at_high = _at_halves(angles, (max(low, 1), count, min(high, 2 * count - 1)))
    slope = float(np.tan(at_middle))
    lower = float(np.tan(at_low)) if low >= 1 else -np.inf
    upper = float(np.tan(at_high)) if high <= 2 * count - 1 and at_high < 2.0 * _QUARTER else np.inf
    intercept = Estimate(
        estimate=_intercept(a, b, slope),
        se=None,
        lower=_intercept(a, b, upper) if np.isfinite(upper) else -np.inf,
        upper=_intercept(a, b, lower) if np.isfinite(lower) else np.inf,
    )
    association = _association(a, b, pairs)
    linearity = _linearity(a, b, intercept.estimate, slope)
    tied = _tied(pairs)
    return PassingBablok(
        estimator=Estimator.CLASSICAL,
        n=n,
        confidence=confidence,
        slope=Estimate(estimate=slope, se=None, lower=lower, upper=upper),
        intercept=intercept,
        covariance=None,
        n_slopes=count,
        offset=offset,
        tied=tied,
        association=association,
        linearity=linearity,
        cautions=_cautions(
            ties=tied >= _TIED, association=association, linearity=linearity, far=not 0.5 <= slope <= 2.0
        ),
        why=None,
    )


def equivariant(x: npt.ArrayLike, y: npt.ArrayLike, *, confidence: float = 0.95) -> PassingBablok:
    """Equivariant Passing-Bablok regression (1988): the median of the absolute slopes.

    Parameters
    ----------
    x, y
        (n,) uncensored pairs; the units may differ.
    confidence
        Level of the intervals.

    Raises
    ------
    ValueError
        NaN or infinity, or shapes that do not agree.

    Notes
    -----
    Slope: median of abs(dy/dx) over all pairs of samples that are not identical (two middle ones: the mean of their angles).
    Interchanging x and y gives exactly the reciprocal slope; a change of unit multiplies it (with an even number of slopes,
    up to the gap between the two middle ones).

    Interval of the slope: the (1 -/+ t sqrt(V))/2 quantiles of the slopes, V the variance of Kendall's tau of the rotated pairs,
    V = (4 sum c_i^2 - 2 n (n - 1))/(n (n - 1)(n - 2)(n - 3)), c_i the steeper less the flatter slopes through sample i. Its
    ``se`` is the interval's width over 2 t, from which that of the intercept is propagated (Dufey 2020). The R package mcr gives
    estimate -/+ t se for both.

    Undefined for fewer than five pairs, when x or y does not vary, and when Kendall's tau is not positive.
    """
    a, b = check_pairs(x, y)
    n = len(a)
    _normal(confidence)
    pairs = _pairs(a, b) if n >= 3 else None
    why = _unfit(a, pairs, 5)
    if why is not None or pairs is None:
        return _undefined(Estimator.EQUIVARIANT, n, confidence, pairs, why or Why.TOO_FEW)
    all_slopes = _steepness(pairs)
    slopes = all_slopes[~np.isnan(all_slopes)]
    count = len(slopes)
    (slope,) = _quantiles(slopes, 0.5)
    if not 0 < slope < np.inf:
        return _undefined(Estimator.EQUIVARIANT, n, confidence, pairs, Why.CONSTANT)
    t = student(confidence, n - 2)
    # identical pairs (NaN) are neither steeper nor flatter
    steeper = (all_slopes > slope * (1.0 + _EPS)).astype(np.int8) - (all_slopes < slope * (1.0 - _EPS)).astype(np.int8)
    balance = _by_sample(steeper, n)
    v = max(
        _LEAST_TAU_VARIANCE, (4.0 * float(balance @ balance) - 2.0 * n * (n - 1)) / (n * (n - 1) * (n - 2) * (n - 3))
    )
    width = min(t * np.sqrt(v), 1.0)
    lower, upper = _quantiles(slopes, (1.0 - width) / 2.0, (1.0 + width) / 2.0)
    se_slope = (upper - lower) / (2.0 * t)
    intercept = _intercept(a, b, slope)
    se_intercept, covariance = _intercept_spread(a, b, slope, intercept, se_slope, v)
    association = _association(a, b, pairs)
    linearity = _linearity(a, b, intercept, slope)
    tied = _tied(pairs)
    return PassingBablok(
        estimator=Estimator.EQUIVARIANT,
        n=n,
        confidence=confidence,
        slope=Estimate(estimate=slope, se=se_slope, lower=lower, upper=upper),
        intercept=Estimate(
            estimate=intercept,
            se=se_intercept,
            lower=intercept - t * se_intercept,
            upper=intercept + t * se_intercept,
        ),
        covariance=covariance,
        n_slopes=count,
        offset=0,
        tied=tied,
        association=association,
        linearity=linearity,
        cautions=_cautions(ties=tied >= _TIED, association=association, linearity=linearity, far=False),
        why=None,
    )


def bias_at(fit: PassingBablok, points: npt.ArrayLike) -> BiasAt | None:
    """Bias a + (b - 1) x of an equivariant line at decision points, from its standard errors with Student's t, n - 2.

    None for an undefined line, and for a classical one, which has no standard errors: use :func:`bootstrap_bias`.
    """
    if fit.slope is None or fit.intercept is None or fit.covariance is None:
        return None
    assert fit.slope.se is not None
    assert fit.intercept.se is not None
    spread = (fit.intercept.se**2, fit.covariance, fit.slope.se**2)
    t = student(fit.confidence, fit.n - 2)
    return line_bias(fit.intercept.estimate, fit.slope.estimate, spread, t, points)


def bootstrap_bias(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    points: npt.ArrayLike,
    *,
    estimator: Estimator | str = Estimator.CLASSICAL,
    confidence: float = 0.95,
    resamples: int = 999,
    seed: int = 0,
) -> BiasAt | None:
    """Bias a + (b - 1) x of a Passing-Bablok line at decision points, interval by bootstrap percentiles.

    Samples (pairs) are drawn with replacement; the same seed gives the same interval. ``se`` is the standard deviation of the
    resampled bias. None where the line is undefined.

    Raises
    ------
    ValueError
        As the estimators; fewer than 99 resamples; or more than one resample in ten without a line (too few distinct pairs).
    """
    which = Estimator(estimator)
    if resamples < 99:
        raise ValueError(f"a percentile interval needs at least 99 resamples, found {resamples}")
    a, b = check_pairs(x, y)
    fit = passing_bablok(a, b, confidence=confidence) if which is Estimator.CLASSICAL else equivariant(a, b)
    if fit.slope is None or fit.intercept is None:
        return None
    at = np.atleast_1d(np.asarray(points, dtype=np.float64))
    rng = np.random.default_rng(seed)
    n = len(a)
    made = [_quick(a[draw], b[draw], which) for draw in (rng.integers(0, n, n) for _ in range(resamples))]
    drawn = np.array([line for line in made if line is not None])
    if len(drawn) < 0.9 * resamples:
        raise ValueError(f"{resamples - len(drawn)} of {resamples} resamples have no line; too few distinct pairs")
    biases = drawn[:, :1] + (drawn[:, 1:] - 1.0) * at
    tail = (1.0 - confidence) / 2.0
    lower, upper = np.quantile(biases, [tail, 1.0 - tail], axis=0)
    bias = fit.intercept.estimate + (fit.slope.estimate - 1.0) * at
    return BiasAt(
        point=at,
        bias=bias,
        se=biases.std(axis=0, ddof=1),
        lower=lower,
        upper=upper,
        relative=np.divide(bias, at, out=np.full(at.shape, np.nan), where=at != 0),
    )


def _normal(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, found {confidence}")
    return float(special.ndtri((1.0 + confidence) / 2.0))


def _pairs(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Differences of all pairs of samples, by lag; dx >= 0, and dy >= 0 where dx is 0. Equal up to rounding is equal."""
    dx, dy = _differences(x), _differences(y)
    backwards = (dx < 0) | ((dx == 0) & (dy < 0))
    np.negative(dx, out=dx, where=backwards)
    np.negative(dy, out=dy, where=backwards)
    return dx, dy


def _differences(values: Floats) -> Floats:
    n = len(values)
    out = np.empty(n * (n - 1) // 2)
    start = 0
    for lag in range(1, n):
        part = out[start : start + n - lag]
        np.subtract(values[lag:], values[:-lag], out=part)
        part[np.abs(part) <= _EPS * np.abs(values[lag:])] = 0.0
        start += n - lag
    return out


def _by_sample(values: npt.NDArray[np.int8], n: int) -> Floats:
    """Sum over the pairs that each sample is in; the pairs by lag, as :func:`_differences` gives them."""
    out = np.zeros(n)
    start = 0
    for lag in range(1, n):
        part = values[start : start + n - lag]
        out[lag:] += part
        out[:-lag] += part
        start += n - lag
    return out


def _rotated(pairs: tuple[Floats, Floats]) -> tuple[Floats, int]:
    """Angles of the slopes in (-45, 135) degrees, slopes of -1 and identical pairs left out; and how many were below -1."""
    dx, dy = pairs
    total = dx + dy  # 0 where the slope is -1 and where the pair is identical
    angles = np.arctan2(dy, dx)
    below = total < 0
    angles[below] += np.pi
    left_out = np.abs(total) <= _EPS * dx
    return (angles[~left_out] if left_out.any() else angles), int((below & ~left_out).sum())


def _steepness(pairs: tuple[Floats, Floats]) -> Floats:
    """Absolute slopes: infinite where x is tied, NaN for identical pairs. Not angles: those of slopes far from 1 lose digits."""
    dx, dy = pairs
    steep: Floats = np.divide(np.abs(dy), dx, out=np.where(dy != 0, np.inf, np.nan), where=dx > 0)
    return steep


def _quantiles(slopes: Floats, *shares: float) -> tuple[float, ...]:
    """Quantiles of slopes; between two neighbours in proportion to their angles."""
    positions = np.array(shares) * (len(slopes) - 1)
    below = np.floor(positions).astype(np.int64)
    above = np.minimum(below + 1, len(slopes) - 1)
    ordered = np.partition(slopes, np.unique(np.concatenate((below, above))))
    low, part = np.arctan(ordered[below]), positions - below
    between = np.tan(low + part * (np.arctan(ordered[above]) - low))
    on_one = (part == 0) | (ordered[below] == ordered[above])
    return tuple(float(slope) for slope in np.where(on_one, ordered[below], between))


def _at_halves(values: Floats, halves: tuple[int, ...]) -> Floats:
    """Order statistics at positions given in halves: h odd is the (h+1)/2-th value, h even the mean of the h/2-th and the next."""
    first = np.array([(h + 1) // 2 - 1 for h in halves])
    second = np.array([h // 2 for h in halves])
    ordered = np.partition(values, np.unique(np.concatenate((first, second))))
    middle: Floats = (ordered[first] + ordered[second]) / 2.0
    return middle


def _intercept(x: Floats, y: Floats, slope: float) -> float:
    return float(np.median(y - slope * x))


def _quick(x: Floats, y: Floats, which: Estimator) -> tuple[float, float] | None:
    """Intercept and slope alone, for resampling; None where there is no slope."""
    pairs = _pairs(x, y)
    if which is Estimator.CLASSICAL:
        angles = _rotated(pairs)[0]
        middle = float(_at_halves(angles, (len(angles),))[0]) if len(angles) else np.inf
        slope = float(np.tan(middle)) if abs(middle) < 2.0 * _QUARTER * (1 - 1e-12) else np.inf
    else:
        slopes = _steepness(pairs)
        known = slopes[~np.isnan(slopes)]
        slope = _quantiles(known, 0.5)[0] if len(known) else np.inf
    return (_intercept(x, y, slope), slope) if np.isfinite(slope) else None


def _intercept_spread(
    x: Floats, y: Floats, slope: float, intercept: float, se_slope: float, tau_variance: float
) -> tuple[float, float]:
    """Standard error of the intercept of an equivariant line, and its covariance with the slope (Dufey 2020)."""
    n = len(x)
    residual = np.sort(y - slope * x)
    position = max(int(np.rint((n + 1) / 2.0 - _SPREAD * np.sqrt(n / 4.0))), 1)
    for_fixed = float(residual[n - position] - residual[position - 1]) / (2.0 * _SPREAD)
    if se_slope <= 0:
        return for_fixed, 0.0
    correlation = _intercept_slope_correlation(x, y, slope, intercept, tau_variance)
    step = _SPREAD * se_slope
    centre = (_intercept(x, y, slope - step) - _intercept(x, y, slope + step)) / (2.0 * step)
    weighted_mean = centre - for_fixed / se_slope * correlation
    variance = for_fixed**2 * (1.0 - correlation**2) + se_slope**2 * weighted_mean**2
    return float(np.sqrt(max(variance, 0.0))), -weighted_mean * se_slope**2


def _intercept_slope_correlation(x: Floats, y: Floats, slope: float, intercept: float, tau_variance: float) -> float:
    """Correlation of the median residual with tau: concordance of residual and level above the line less that below it."""
    n = len(x)
    residual = y - slope * x - intercept
    level = y + slope * x
    # the line is parallel to that through the two samples that gave the slope: their residuals are equal up to rounding
    rounding = _EPS * float((np.abs(y) + np.abs(slope * x)).max())
    residual[np.abs(residual) <= rounding] = 0.0

    def concordance(side: npt.NDArray[np.bool_]) -> float:
        """Kendall's tau-b of one side, times twice its pairs."""
        apart, along = _differences(residual[side]), _differences(level[side])
        apart[np.abs(apart) <= rounding] = 0.0
        untied = float((apart != 0).sum()) * float((along != 0).sum())
        score = float((np.sign(apart) * np.sign(along)).sum())
        return 2.0 * len(apart) * score / float(np.sqrt(untied)) if untied > 0 else 0.0

    difference = concordance(residual > 0) - concordance(residual < 0)
    return 2.0 * difference / (n * (n - 1)) / float(np.sqrt(n * tau_variance))


def _score(pairs: tuple[Floats, Floats]) -> float:
    """Concordant less discordant pairs."""
    dx, dy = pairs
    untied = dx > 0
    return float((untied & (dy > 0)).sum()) - float((untied & (dy < 0)).sum())


def _counts(values: Floats) -> Ints:
    """Sizes of the groups of tied values."""
    return np.unique(values, return_counts=True)[1].astype(np.int64)


def _association(x: Floats, y: Floats, pairs: tuple[Floats, Floats]) -> Association:
    """Kendall's tau-b; the variance of the score with ties (Kendall, Rank Correlation Methods)."""
    n = len(x)
    score = _score(pairs)
    t, u = _counts(x), _counts(y)
    total = n * (n - 1)

    def sums(of: Ints) -> tuple[float, float, float]:
        return (
            float((of * (of - 1) * (2 * of + 5)).sum()),
            float((of * (of - 1) * (of - 2)).sum()),
            float((of * (of - 1)).sum()),
        )

    t1, t2, t3 = sums(t)
    u1, u2, u3 = sums(u)
    variance = (total * (2 * n + 5) - t1 - u1) / 18.0 + t2 * u2 / (9.0 * total * (n - 2)) + t3 * u3 / (2.0 * total)
    z = score / float(np.sqrt(variance))
    return Association(
        tau=score / float(np.sqrt((total - t3) * (total - u3))) * 2.0,
        z=z,
        p_value=2.0 * float(special.ndtr(-abs(z))),
    )


def _linearity(x: Floats, y: Floats, intercept: float, slope: float) -> Linearity | None:
    """Cumulative sums of scores along the line; None where no pair is above or none below."""
    residual = y - intercept - slope * x
    residual[np.abs(residual) <= _EPS * (np.abs(y) + np.abs(intercept) + np.abs(slope * x))] = 0.0
    above, below = int((residual > 0).sum()), int((residual < 0).sum())
    if above == 0 or below == 0 or slope <= 0:
        return None
    score = np.where(residual > 0, np.sqrt(below / above), np.where(residual < 0, -np.sqrt(above / below), 0.0))
    along = y + x / slope
    statistic = float(np.abs(np.cumsum(score[np.argsort(along, kind="stable")])).max()) / float(np.sqrt(below + 1))
    return Linearity(above=above, below=below, statistic=statistic, p_value=float(special.kolmogorov(statistic)))


def _tied(pairs: tuple[Floats, Floats]) -> float:
    dx, dy = pairs
    return float(((dx == 0) | (dy == 0)).mean())


def _cautions(*, ties: bool, association: Association, linearity: Linearity | None, far: bool) -> tuple[Caution, ...]:
    found = (
        (Caution.TIES, ties),
        (Caution.ASSOCIATION, association.p_value >= 0.05),
        (Caution.LINEARITY, linearity is not None and linearity.p_value < 0.05),
        (Caution.SLOPE, far),
    )
    return tuple(caution for caution, holds in found if holds)


def _unfit(x: Floats, pairs: tuple[Floats, Floats] | None, at_least: int) -> Why | None:
    if pairs is None or len(x) < at_least:
        return Why.TOO_FEW
    dx, dy = pairs
    if not (dx > 0).any() or not (dy != 0).any():
        return Why.CONSTANT
    return Why.NOT_INCREASING if _score(pairs) <= 0 else None


def _undefined(
    which: Estimator, n: int, confidence: float, pairs: tuple[Floats, Floats] | None, why: Why
) -> PassingBablok:
    return PassingBablok(
        estimator=which,
        n=n,
        confidence=confidence,
        slope=None,
        intercept=None,
        covariance=None,
        n_slopes=0,
        offset=0,
        tied=0.0 if pairs is None else _tied(pairs),
        association=None,
        linearity=None,
        cautions=(),
        why=why,
    )
