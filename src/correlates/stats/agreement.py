"""Agreement of two assays of the same samples: Bland-Altman, concordance correlation, and which pairs take part.

Throughout, x is the reference (or the first) assay and y the other; differences are y - x and ratios y / x. The functions take
uncensored pairs only; :func:`split_pairs` says which those are and counts the others by kind. Lines fitted through the pairs are
in :mod:`correlates.stats.deming` and :mod:`correlates.stats.passing_bablok`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy import special

from correlates.stats.arrays import Bools, Floats, Words

__all__ = [
    "BiasAt",
    "BlandAltman",
    "Concordance",
    "Estimate",
    "Limit",
    "PairKind",
    "Scale",
    "Split",
    "Why",
    "bland_altman",
    "check_pairs",
    "concordance",
    "line_bias",
    "split_pairs",
    "student",
]


class Why(StrEnum):
    """Why a quantity is undefined."""

    TOO_FEW = "too-few-pairs"
    CONSTANT = "no-variation"
    NOT_POSITIVE = "values-not-positive"
    NOT_INCREASING = "no-positive-association"
    NOT_CONVERGED = "not-converged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An estimate with its interval; ``se`` is None where the interval does not come from a standard error."""

    estimate: float
    se: float | None
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasAt:
    """Systematic difference a + (b - 1) x of y from x at declared decision points; every array is (k,).

    ``relative`` is bias / point; NaN where the point is 0.
    """

    point: Floats
    bias: Floats
    se: Floats
    lower: Floats
    upper: Floats
    relative: Floats


def check_pairs(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Pairs as two float arrays of one length.

    Raises
    ------
    ValueError
        The arrays are not (n,) both, or hold NaN or infinity.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"x and y must be (n,) both, found {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("x or y holds NaN or infinity; split_pairs tells which pairs are quantified in both")
    return a, b


def student(confidence: float, df: int) -> float:
    """Two-sided Student quantile.

    Raises
    ------
    ValueError
        The confidence is not between 0 and 1, or df is below 1.
    """
    if not 0 < confidence < 1 or df < 1:
        raise ValueError(f"confidence must lie between 0 and 1 and df be at least 1, found {confidence} and {df}")
    return float(special.stdtrit(df, (1.0 + confidence) / 2.0))


def line_bias(
    intercept: float,
    slope: float,
    covariance: tuple[float, float, float],
    quantile: float,
    points: npt.ArrayLike,
) -> BiasAt:
    """Bias of a fitted line at decision points, from the covariance of its coefficients.

    ``covariance`` is (Var intercept, Cov, Var slope). bias = a + (b - 1) x; Var = Var a + 2 x Cov + x^2 Var b.
    """
    at = np.atleast_1d(np.asarray(points, dtype=np.float64))
    bias = intercept + (slope - 1.0) * at
    se = np.sqrt(np.maximum(covariance[0] + 2.0 * at * covariance[1] + at * at * covariance[2], 0.0))
    return BiasAt(
        point=at,
        bias=bias,
        se=se,
        lower=bias - quantile * se,
        upper=bias + quantile * se,
        relative=np.divide(bias, at, out=np.full(at.shape, np.nan), where=at != 0),
    )


class PairKind(StrEnum):
    """What is known of a pair of measurements: of x, then of y."""

    QUANTIFIED = "x quantified, y quantified"
    QUANTIFIED_BELOW = "x quantified, y below limit"
    QUANTIFIED_ABOVE = "x quantified, y above limit"
    BELOW_QUANTIFIED = "x below limit, y quantified"
    BELOW_BELOW = "x below limit, y below limit"
    BELOW_ABOVE = "x below limit, y above limit"
    ABOVE_QUANTIFIED = "x above limit, y quantified"
    ABOVE_BELOW = "x above limit, y below limit"
    ABOVE_ABOVE = "x above limit, y above limit"
    MISSING = "x or y missing"


_KINDS = {
    (0, 0): PairKind.QUANTIFIED,
    (0, -1): PairKind.QUANTIFIED_BELOW,
    (0, 1): PairKind.QUANTIFIED_ABOVE,
    (-1, 0): PairKind.BELOW_QUANTIFIED,
    (-1, -1): PairKind.BELOW_BELOW,
    (-1, 1): PairKind.BELOW_ABOVE,
    (1, 0): PairKind.ABOVE_QUANTIFIED,
    (1, -1): PairKind.ABOVE_BELOW,
    (1, 1): PairKind.ABOVE_ABOVE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Pairs by what is known of them.

    Attributes
    ----------
    uncensored
        (n,) quantified in both: the pairs the other functions take.
    kind
        (n,) a :class:`PairKind` for each pair.
    counts
        (kind, number of pairs), every kind, in the order of :class:`PairKind`; the numbers add up to n.
    excluding
        (n,) pairs of which one is censored and whose statements exclude each other (x below 10, y quantified at 50). Two assays
        in one unit disagree there; in different units this says nothing.
    """

    uncensored: Bools
    kind: Words
    counts: tuple[tuple[PairKind, int], ...]
    excluding: Bools


def split_pairs(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    censoring_x: npt.ArrayLike,
    censoring_y: npt.ArrayLike,
) -> Split:
    """Tell quantified pairs from censored and missing ones, and count each kind.

    Parameters
    ----------
    x, y
        (n,) measured values; the limit where the value is censored; NaN where there is no result.
    censoring_x, censoring_y
        (n,) 0 quantified, -1 below the limit, 1 above it.

    Raises
    ------
    ValueError
        Shapes that do not agree, other codes, or infinite values.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    ca, cb = np.asarray(censoring_x), np.asarray(censoring_y)
    if a.ndim != 1 or not a.shape == b.shape == ca.shape == cb.shape:
        raise ValueError(f"all must be (n,), found {a.shape}, {b.shape}, {ca.shape} and {cb.shape}")
    if not (np.isin(ca, (-1, 0, 1)).all() and np.isin(cb, (-1, 0, 1)).all()):
        raise ValueError("censoring must be 0 (quantified), -1 (below) or 1 (above)")
    if np.isinf(a).any() or np.isinf(b).any():
        raise ValueError("x or y holds infinity")
    there = ~(np.isnan(a) | np.isnan(b))
    kind: Words = np.full(a.shape, PairKind.MISSING.value, dtype=f"U{max(len(name) for name in PairKind)}")
    for (of_x, of_y), name in _KINDS.items():
        kind[there & (ca == of_x) & (cb == of_y)] = name.value
    # a censored statement is a half-line; two of them exclude each other when neither meets the other
    low_x, high_x = np.where(ca == -1, -np.inf, a), np.where(ca == 1, np.inf, a)
    low_y, high_y = np.where(cb == -1, -np.inf, b), np.where(cb == 1, np.inf, b)
    apart = (low_x > high_y) | (low_y > high_x)
    return Split(
        uncensored=there & (ca == 0) & (cb == 0),
        kind=kind,
        counts=tuple((name, int((kind == name.value).sum())) for name in PairKind),
        excluding=there & ((ca != 0) | (cb != 0)) & apart,
    )


class Scale(StrEnum):
    """Scale of a Bland-Altman analysis.

    ``difference``: y - x in their unit. ``ratio``: ln y - ln x, all given back as ratios y / x (the scale for assays whose error
    grows in proportion to the level).
    """

    DIFFERENCE = "difference"
    RATIO = "ratio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit of agreement and its interval in three forms.

    ``ba1986``: standard error s sqrt(3/n) (Bland & Altman 1986). ``ba1999``: s sqrt(1/n + z^2/(2(n-1))) (1999). ``exact``: from the
    noncentral t distribution, the interval of the population quantile mean + z sd of normal differences.
    """

    estimate: float
    ba1986: tuple[float, float]
    ba1999: tuple[float, float]
    exact: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlandAltman:
    """Bland-Altman analysis of n pairs.

    Attributes
    ----------
    bias
        Mean difference with its t interval; on the ratio scale the geometric mean ratio (its ``se`` is of the logarithm).
    sd
        Standard deviation of the differences, n - 1; on the ratio scale of the log ratios.
    lower_limit, upper_limit
        Limits of agreement bias -/+ z sd.
    trend
        Slope of the differences on the pair means (log ratios on mean logarithms), least squares with its t interval: not near 0
        when the difference depends on the level. None for fewer than three pairs or when all means are equal.
    why
        Why the rest is None: too few pairs (fewer than 2), or values that have no logarithm.
    """

    scale: Scale
    n: int
    bias: Estimate | None
    sd: float | None
    lower_limit: Limit | None
    upper_limit: Limit | None
    trend: Estimate | None
    why: Why | None


def bland_altman(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    scale: Scale | str = Scale.DIFFERENCE,
    coverage: float = 0.95,
    confidence: float = 0.95,
) -> BlandAltman:
    """Bias and limits of agreement of two assays.

    Parameters
    ----------
    x, y
        (n,) uncensored pairs.
    scale
        See :class:`Scale`.
    coverage
        Share of differences between the limits of agreement: z is the normal quantile of (1 + coverage)/2, 1.96 for 0.95.
    confidence
        Level of the intervals.

    Raises
    ------
    ValueError
        NaN or infinity, shapes that do not agree, or a share outside (0, 1).

    Notes
    -----
    Bland & Altman, Lancet 1986;i:307-310; Stat Methods Med Res 1999;8:135-160 (also the ratio scale).
    Exact interval of the upper limit: bias + s t'/sqrt(n), t' the (1 -/+ confidence)/2 quantiles of the noncentral t with n - 1
    degrees of freedom and noncentrality z sqrt(n); the lower limit is its mirror image (Carkeet, Optom Vis Sci 2015;92:e71-80).

    Undefined for fewer than two pairs; on the ratio scale also when a value is zero or negative.

    Examples
    --------
    >>> made = bland_altman([10.0, 20.0, 30.0, 40.0], [12.0, 20.0, 33.0, 43.0])
    >>> made.bias.estimate, round(made.sd, 6)
    (2.0, 1.414214)
    """
    on = Scale(scale)
    a, b = check_pairs(x, y)
    n = len(a)
    z = _normal(coverage)
    ratio = on is Scale.RATIO
    why = Why.TOO_FEW if n < 2 else Why.NOT_POSITIVE if ratio and not ((a > 0).all() and (b > 0).all()) else None
    if why is not None:
        return BlandAltman(scale=on, n=n, bias=None, sd=None, lower_limit=None, upper_limit=None, trend=None, why=why)
    first, second = (np.log(a), np.log(b)) if ratio else (a, b)
    difference = second - first
    mean, sd = float(difference.mean()), float(difference.std(ddof=1))
    t = student(confidence, n - 1)
    se = sd / np.sqrt(n)
    se1986 = sd * np.sqrt(3.0 / n)
    se1999 = sd * np.sqrt(1.0 / n + z * z / (2.0 * (n - 1)))
    tail = (1.0 - confidence) / 2.0
    inner, outer = (float(special.nctdtrit(n - 1, z * np.sqrt(n), p)) / np.sqrt(n) * sd for p in (tail, 1.0 - tail))

    def back(value: float) -> float:
        return float(np.exp(value)) if ratio else float(value)

    def limit(side: int, exact: tuple[float, float]) -> Limit:
        at = mean + side * z * sd
        return Limit(
            estimate=back(at),
            ba1986=(back(at - t * se1986), back(at + t * se1986)),
            ba1999=(back(at - t * se1999), back(at + t * se1999)),
            exact=(back(exact[0]), back(exact[1])),
        )

    return BlandAltman(
        scale=on,
        n=n,
        bias=Estimate(estimate=back(mean), se=float(se), lower=back(mean - t * se), upper=back(mean + t * se)),
        sd=sd,
        lower_limit=limit(-1, (mean - outer, mean - inner)),
        upper_limit=limit(1, (mean + inner, mean + outer)),
        trend=_trend((first + second) / 2.0, difference, confidence),
        why=None,
    )


def _normal(coverage: float) -> float:
    if not 0 < coverage < 1:
        raise ValueError(f"a share must lie between 0 and 1, found {coverage}")
    return float(special.ndtri((1.0 + coverage) / 2.0))


def _trend(mean: Floats, difference: Floats, confidence: float) -> Estimate | None:
    """Least-squares slope of the differences on the means."""
    n = len(mean)
    dm, dd = mean - mean.mean(), difference - difference.mean()
    sxx = float(dm @ dm)
    if n < 3 or np.ptp(mean) <= 0:
        return None
    slope = float(dm @ dd) / sxx
    residual = dd - slope * dm
    se = float(np.sqrt(residual @ residual / (n - 2) / sxx))
    t = student(confidence, n - 2)
    return Estimate(estimate=slope, se=se, lower=slope - t * se, upper=slope + t * se)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concordance:
    """Lin's concordance correlation of n pairs.

    Attributes
    ----------
    ccc
        With moments divided by n (Lin 1989), with the interval by Fisher's z; ``se`` is of the coefficient itself.
    normal_lower, normal_upper
        The interval ccc -/+ z se without the transform; it can exceed 1.
    ccc_n_minus_1
        With variances and covariance divided by n - 1.
    pearson, bias_correction
        Precision and accuracy: ccc = pearson x bias_correction.
    scale_shift, location_shift
        sd(y)/sd(x), and (mean y - mean x)/sqrt(sd(x) sd(y)), 1/n moments.
    why
        Why the rest is None.
    """

    n: int
    ccc: Estimate | None
    normal_lower: float | None
    normal_upper: float | None
    ccc_n_minus_1: float | None
    pearson: float | None
    bias_correction: float | None
    scale_shift: float | None
    location_shift: float | None
    why: Why | None


def concordance(x: npt.ArrayLike, y: npt.ArrayLike, *, confidence: float = 0.95) -> Concordance:
    """Lin's concordance correlation coefficient: how close the pairs lie to the line of identity.

    Parameters
    ----------
    x, y
        (n,) uncensored pairs (logarithms where errors are proportional).
    confidence
        Level of the intervals.

    Raises
    ------
    ValueError
        NaN or infinity, or shapes that do not agree.

    Notes
    -----
    ccc = 2 Sxy / (Sxx + Syy + (mean x - mean y)^2). Lin, Biometrics 1989;45:255-268, variance as corrected in 2000;56:324-325:
    Var = [(1 - r^2) c^2 (1 - c^2)/r^2 + 2 c^3 (1 - c) u^2/r - c^4 u^4/(2 r^2)]/(n - 2); of Fisher's z, Var/(1 - c^2)^2.

    It depends on the spread of the samples: compare only within one set of samples.

    Undefined for fewer than three pairs, when x or y does not vary, or when they are uncorrelated. With a perfect coefficient
    (c = 1) the interval is the point.
    """
    a, b = check_pairs(x, y)
    n = len(a)
    dx, dy = a - a.mean() if n else a, b - b.mean() if n else b
    sxx, syy, sxy = (float(s) / max(n, 1) for s in (dx @ dx, dy @ dy, dx @ dy))
    why = Why.TOO_FEW if n < 3 else None
    if why is None and (np.ptp(a) <= 0 or np.ptp(b) <= 0 or sxy == 0):
        why = Why.CONSTANT
    if why is not None:
        return Concordance(
            n=n, ccc=None, normal_lower=None, normal_upper=None, ccc_n_minus_1=None, pearson=None,
            bias_correction=None, scale_shift=None, location_shift=None, why=why,
        )  # fmt: skip
    shift = float(b.mean() - a.mean())
    c = 2.0 * sxy / (sxx + syy + shift**2)
    r = sxy / np.sqrt(sxx * syy)
    u2 = shift**2 / np.sqrt(sxx * syy)
    variance = (
        (1.0 - r**2) * c**2 * (1.0 - c**2) / r**2 + 2.0 * c**3 * (1.0 - c) * u2 / r - c**4 * u2**2 / (2.0 * r**2)
    ) / (n - 2)
    se = float(np.sqrt(max(variance, 0.0)))
    z = _normal(confidence)
    perfect = 1.0 - abs(c) <= 1e-15
    centre, half = (0.0, 0.0) if perfect else (float(np.arctanh(c)), z * se / (1.0 - c**2))
    return Concordance(
        n=n,
        ccc=Estimate(
            estimate=c,
            se=se,
            lower=c if perfect else float(np.tanh(centre - half)),
            upper=c if perfect else float(np.tanh(centre + half)),
        ),
        normal_lower=c - z * se,
        normal_upper=c + z * se,
        ccc_n_minus_1=2.0 * sxy / (sxx + syy + shift**2 * (n - 1) / n),
        pearson=float(r),
        bias_correction=float(c / r),
        scale_shift=float(np.sqrt(syy / sxx)),
        location_shift=shift / float((sxx * syy) ** 0.25),
        why=None,
    )
