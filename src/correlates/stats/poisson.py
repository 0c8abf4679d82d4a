"""Counting molecules by partitions: the Poisson estimate, its intervals, and the ratio of two targets.

A partition is negative with probability exp(-lambda), lambda being the mean number of copies per partition, so
lambda = -ln(1 - p) of the positive share p. Volumes do not enter here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

_HALVINGS = 60  # of a bisection: to the resolution of floating point
_SETTLED = 1e-11  # relative step at which a limit is found

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionEstimate:
    """Mean copies per partition; every array has the shape of the counts.

    Attributes
    ----------
    copies
        Maximum-likelihood lambda = -ln(1 - p). 0 where every partition is negative, inf where every one is positive.
    lower, upper
        Limits of p, transformed: mid-P unless others are asked for. Lower is 0 where all are negative, upper inf where all are
        positive.
    log_se
        Delta-method standard error of ln lambda; inf where all partitions are alike.
    all_negative, all_positive
        Where that is so.
    """

    copies: Floats
    lower: Floats
    upper: Floats
    log_se: Floats
    all_negative: Flags
    all_positive: Flags


def copies_per_partition(
    positives: Ints,
    partitions: Ints,
    confidence: float = 0.95,
    *,
    interval: Literal["mid_p", "exact", "normal"] = "mid_p",
) -> PartitionEstimate:
    """Estimate the mean number of copies per partition from counts of positive partitions.

    Replicate wells of one sample are merged by adding their counts before this is called: with equal partition volumes
    the sums are sufficient.

    Parameters
    ----------
    positives, partitions
        Counts of any one shape; 0 <= positives <= partitions, partitions >= 1.
    confidence
        Level of the interval.
    interval
        ``mid_p`` (:func:`mid_p_share`); ``exact`` (:func:`exact_share`); ``normal`` (:func:`normal_share`) where some partitions are
        positive and some are not, the exact one elsewhere.

    Raises
    ------
    ValueError
        Counts that cannot be.

    Notes
    -----
    Var(ln lambda) = p / (n (1 - p) lambda^2). Dube et al., PLoS One 2008;3:e2876.
    """
    k, n = np.asarray(positives), np.asarray(partitions)
    if (n < 1).any() or (k < 0).any() or (k > n).any():
        raise ValueError("counts must satisfy 0 <= positives <= partitions and partitions >= 1")
    none, every = k == 0, k == n
    p = k / n
    low, high = (mid_p_share if interval == "mid_p" else exact_share)(k, n, confidence)
    copies = _copies(p)
    plain = ~(none | every)
    if interval == "normal":
        by_normal = normal_share(k, n, confidence)
        low, high = np.where(plain, by_normal[0], low), np.where(plain, by_normal[1], high)
    safe = np.where(plain, copies, 1.0)
    safe_q = np.where(plain, 1.0 - p, 1.0)
    return PartitionEstimate(
        copies=copies,
        lower=_copies(low),
        upper=_copies(high),
        log_se=np.where(plain, np.sqrt(p / (n * safe_q)) / safe, np.inf),
        all_negative=none,
        all_positive=every,
    )


def exact_share(count: Ints, of: Ints, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Exact limits of a share.

    Parameters
    ----------
    count, of
        Counts of any one shape; 0 <= count <= of, of >= 1.
    confidence
        Level of the interval.

    Returns
    -------
    tuple
        Lower and upper limit: 0 where the count is 0, 1 where it is all.

    Notes
    -----
    Clopper & Pearson, Biometrika 1934;26:404: quantiles of the beta law of count, of - count + 1 and of count + 1, of - count.
    """
    k, n = np.asarray(count), np.asarray(of)
    tail = (1.0 - confidence) / 2.0
    none, every = k == 0, k == n
    low = np.where(none, 0.0, special.betaincinv(np.where(none, 1, k), n - k + 1, tail))
    high = np.where(every, 1.0, special.betaincinv(k + 1, np.where(every, 1, n - k), 1.0 - tail))
    return low, high


def mid_p_share(count: Ints, of: Ints, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Mid-P limits of a share: exact ones that count half the probability of what was seen; shapes as :func:`exact_share`.

    They hold the level on average over neighbouring shares, where the exact limits hold at least the level at every share and, at
    small counts, much more.

    Parameters
    ----------
    count, of
        Counts of any one shape; 0 <= count <= of, of >= 1.
    confidence
        Level of the interval.

    Returns
    -------
    tuple
        Lower and upper limit: 0 where the count is 0, 1 where it is all.

    Notes
    -----
    The limits solve P(X > count) + P(X = count)/2 = tail and 1 - tail (Lancaster, J Am Stat Assoc 1961;56:223), by Newton's steps kept
    between the quantiles of the two beta laws that the exact limits are made of. A count of 0 of n has the upper limit 1 - (2 tail)^(1/n).
    """
    k, n = np.broadcast_arrays(np.asarray(count), np.asarray(of))
    tail = (1.0 - confidence) / 2.0
    none, every = k == 0, k == n
    inner = ~(none | every)
    edge = (2.0 * tail) ** (1.0 / n)
    lower, upper = np.where(every, edge, 0.0), np.where(none, 1.0 - edge, 1.0)
    lower[inner], upper[inner] = (_mid_p(k[inner], n[inner], q) for q in (tail, 1.0 - tail))
    return lower, upper


def _mid_p(k: Ints, n: Ints, q: float) -> Floats:
    """The share at which P(X > k) + P(X = k)/2 = q, 0 < k < n."""
    choose = special.gammaln(n + 1.0) - special.gammaln(k + 1.0) - special.gammaln(n - k + 1.0)
    low, high = special.betaincinv(k, n - k + 1, q), special.betaincinv(k + 1, n - k, q)
    p = (low + high) / 2.0
    for _ in range(_HALVINGS):
        seen = np.exp(choose + special.xlogy(k, p) + special.xlog1py(n - k, -p))
        off = special.betainc(k + 1, n - k, p) + seen / 2.0 - q
        low, high = np.where(off > 0, low, p), np.where(off > 0, p, high)
        rise = seen * (k / p + (n - k) / (1.0 - p)) / 2.0
        step = p - off / rise
        there = np.where((step >= low) & (step <= high), step, (low + high) / 2.0)
        moved = np.abs(there - p)
        p = there
        if (moved <= _SETTLED * p).all():
            break
    return np.asarray(p, dtype=np.float64)


def normal_share(count: Ints, of: Ints, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Limits of a share by the normal approximation, p -/+ z sqrt(p (1 - p)/n), cut at 0 and 1; shapes as :func:`exact_share`.

    What instruments print (see :func:`bio_rad_limits`). At a count of 0 or of all it has no width; below ten it does not hold its
    level.
    """
    k, n = np.asarray(count), np.asarray(of)
    p = k / n
    half = float(special.ndtri((1.0 + confidence) / 2.0)) * np.sqrt(p * (1.0 - p) / n)
    return np.maximum(p - half, 0.0), np.minimum(p + half, 1.0)


def _copies(p: Floats) -> Floats:
    full = p >= 1.0
    return np.where(full, np.inf, -np.log1p(-np.where(full, 0.0, p)))


_NORMAL_FROM = 100  # positives


def bio_rad_limits(positives: Ints, partitions: Ints) -> tuple[Floats, Floats]:
    """The 95 % Poisson limits that QuantaSoft and QX Manager print, in copies per partition.

    Parameters
    ----------
    positives, partitions
        Counts of one shape; 0 <= positives < partitions.

    Returns
    -------
    tuple
        Lower and upper limit.

    Raises
    ------
    ValueError
        Counts that cannot be, or without a negative partition.

    Notes
    -----
    From 100 positives k of n: -ln(1 - (p -/+ 1.96 sqrt(p (1 - p)/n))), p = k/n. Below: -ln(1 - c/n), c being the highest
    posterior density limits of a Poisson mean after the count k with a uniform prior, Gamma(k + 1). Found by comparison
    with printed limits of 0 to 99 positives (QX Manager 2.0), which agree within 0.0025 counts from 4 positives up; the
    software's own documents do not say.
    """
    k, n = np.asarray(positives), np.asarray(partitions)
    if (k < 0).any() or (k >= n).any():
        raise ValueError("counts must satisfy 0 <= positives < partitions")
    p = k / n
    half = 1.96 * np.sqrt(p * (1.0 - p) / n)
    shape = np.minimum(k, _NORMAL_FROM) + 1.0
    low, high = np.zeros(shape.shape), np.full(shape.shape, 0.05)
    for _ in range(_HALVINGS):  # the tail below, at which the density at both ends is the same
        tail = (low + high) / 2.0
        a, b = special.gammaincinv(shape, tail), special.gammaincinv(shape, np.minimum(tail + 0.95, 1.0 - 1e-15))
        denser_above = (shape - 1.0) * np.log(np.maximum(a, 1e-300) / b) < a - b
        low, high = np.where(denser_above, tail, low), np.where(denser_above, high, tail)
    few_low = np.where(k == 0, 0.0, special.gammaincinv(shape, low))
    few_high = special.gammaincinv(shape, np.where(k == 0, 0.95, low + 0.95))
    few = k < _NORMAL_FROM
    return (
        _copies(np.where(few, few_low / n, np.maximum(p - half, 0.0))),
        _copies(np.minimum(np.where(few, few_high / n, p + half), 1.0)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioEstimate:
    """Ratio of the concentrations of two targets; every array has the shape of the counts.

    Attributes
    ----------
    ratio
        lambda of the numerator over lambda of the denominator; inf where ``undefined`` or the numerator has no bound.
    lower, upper
        From the two exact intervals by the method of variance estimates recovery on the log scale.
    delta_lower, delta_upper
        exp(ln ratio -/+ z sqrt(sum of the squared log_se)); 0 and inf where a target is all negative or all positive.
    log_se
        Delta-method standard error of ln ratio; inf likewise.
    undefined
        Where the denominator is zero or both are unbounded.
    """

    ratio: Floats
    lower: Floats
    upper: Floats
    delta_lower: Floats
    delta_upper: Floats
    log_se: Floats
    undefined: Flags


def ratio_of_targets(numerator: PartitionEstimate, denominator: PartitionEstimate, confidence: float) -> RatioEstimate:
    """Ratio of two targets counted in the same or in equal reactions, CAR over RPP30 say.

    Parameters
    ----------
    numerator, denominator
        Estimates of one shape, made with the same confidence.
    confidence
        Level of the intervals.

    Notes
    -----
    The targets are taken as unlinked: independent given their concentrations. Interval (Zou & Donner, Stat Med
    2008;27:1693, on the log scale): ln L = ln r - sqrt((ln x - ln lx)^2 + (ln uy - ln y)^2) and likewise above, so an
    all-negative numerator has the lower limit 0 and the upper limit of its own interval over the denominator.

    Undefined when the denominator is all negative (its ratio could be anything) or all positive.
    """
    undefined = denominator.all_negative | denominator.all_positive
    z = float(special.ndtri((1.0 + confidence) / 2.0))
    y = np.where(undefined, 1.0, denominator.copies)
    y_down = np.where(undefined, 0.0, np.log(y) - _log(np.where(undefined, 1.0, denominator.lower)))
    y_up = np.where(undefined, 0.0, _log(np.where(undefined, 1.0, denominator.upper)) - np.log(y))
    plain = ~(numerator.all_negative | numerator.all_positive | undefined)
    x = np.where(plain, numerator.copies, 1.0)
    x_down = np.log(x) - _log(np.where(plain, numerator.lower, 1.0))
    x_up = _log(np.where(plain, numerator.upper, 1.0)) - np.log(x)
    ratio = x / y
    lower = ratio * np.exp(-np.hypot(x_down, y_up))
    upper = ratio * np.exp(np.hypot(x_up, y_down))
    log_se = np.hypot(np.where(plain, numerator.log_se, 0.0), np.where(undefined, 0.0, denominator.log_se))
    # all negative: 0 up to the numerator's limit; all positive: from the numerator's limit up; the denominator's share
    # of the uncertainty is added to that one limit
    none, every = numerator.all_negative & ~undefined, numerator.all_positive & ~undefined
    edge_up = np.where(none, numerator.upper, 1.0) / y * np.exp(y_down)
    edge_down = np.where(every, numerator.lower, 1.0) / y * np.exp(-y_up)
    return RatioEstimate(
        ratio=np.where(plain, ratio, np.where(none, 0.0, np.inf)),
        lower=np.where(plain, lower, np.where(every, edge_down, 0.0)),
        upper=np.where(plain, upper, np.where(none, edge_up, np.inf)),
        delta_lower=np.where(plain, ratio * np.exp(-z * log_se), 0.0),
        delta_upper=np.where(plain, ratio * np.exp(z * log_se), np.inf),
        log_se=np.where(plain, log_se, np.inf),
        undefined=undefined,
    )


def _log(values: Floats) -> Floats:
    """Natural logarithm of numbers that are positive or zero (-inf) or inf."""
    return np.where(values > 0, np.log(np.where(values > 0, values, 1.0)), -np.inf)


_TABULATED = np.geomspace(0.1, 60.0, 200)


def _exact_log_variance(copies: Floats) -> Floats:
    """Var(ln N | N > 0) for N ~ Poisson(copies), by summation."""
    count = np.arange(1.0, 200.0)
    weight = np.exp(count * np.log(copies)[:, None] - copies[:, None] - special.gammaln(count + 1.0))
    weight /= weight.sum(axis=1, keepdims=True)
    mean = weight @ np.log(count)
    return np.asarray(weight @ np.log(count) ** 2 - mean**2, dtype=np.float64)


_LOG_VARIANCE = np.maximum.accumulate(_exact_log_variance(_TABULATED)[::-1])[::-1]  # falls with the copies


def log_sampling_variance(copies: Floats) -> Floats:
    """Variance of the natural log of the copies that a reaction with a signal has received when ``copies`` are expected.

    Parameters
    ----------
    copies
        Expected copies, positive.

    Notes
    -----
    Var(ln N | N > 0), N ~ Poisson(copies): exact (interpolated in a table, relative error below 1e-4) up to 60 copies,
    1/copies + 3/(2 copies^2) above. Below about 3 copies, where it would fall again because a signal then means one copy,
    it is held at its largest value, 0.317.
    """
    inside = np.exp(np.interp(np.log(copies), np.log(_TABULATED), np.log(_LOG_VARIANCE)))
    return np.where(copies < _TABULATED[-1], inside, (1.0 + 1.5 / copies) / copies)
