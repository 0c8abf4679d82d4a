"""Deming regression of one assay on another: errors in both, constant or in proportion to the level.

Sources: Linnet, Stat Med 1990;9:1463-1473 (proportional errors) and Clin Chem 1993;39:424-432 (jackknife); Strike, Measurement in
Laboratory Medicine, 1996 (closed form of the standard errors).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from correlates.stats.agreement import BiasAt, Estimate, Why, check_pairs, line_bias, student
from correlates.stats.arrays import Floats

__all__ = ["Deming", "Interval", "bias_at", "deming", "weighted_deming"]

_ROUNDS = 500  # of reweighting; it contracts by an order of magnitude a round on ordinary data
_CLOSE = 1e-12  # relative change of slope and of the fitted level at which the reweighting has settled
_CHUNK = 1 << 21  # weights held at a time by the jackknife


class Interval(StrEnum):
    """Where the standard errors come from.

    ``jackknife`` (default): pseudo-values of leaving out one pair at a time; holds also when errors are not constant.
    ``analytical``: closed form, for constant errors.
    """

    JACKKNIFE = "jackknife"
    ANALYTICAL = "analytical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deming:
    """A Deming line y = intercept + slope x through n pairs.

    Attributes
    ----------
    error_ratio
        Var(error of x) / Var(error of y) that was assumed.
    weighted
        Whether pairs were weighted by the inverse square of their level.
    interval
        Where the standard errors come from; intervals use Student's t with n - 2 degrees of freedom.
    covariance
        Cov(intercept, slope).
    why
        Why the line is None: fewer than three pairs, no variation, y not rising with x, a weighted fit of values that are not
        positive, or reweighting that did not settle.
    """

    n: int
    error_ratio: float
    weighted: bool
    interval: Interval
    confidence: float
    intercept: Estimate | None
    slope: Estimate | None
    covariance: float | None
    why: Why | None


def deming(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    error_ratio: float = 1.0,
    interval: Interval | str = Interval.JACKKNIFE,
    confidence: float = 0.95,
) -> Deming:
    """Deming regression with constant errors in both assays.

    Parameters
    ----------
    x, y
        (n,) uncensored pairs.
    error_ratio
        Var(error of x) / Var(error of y), from replicates; 1 is orthogonal regression.
    interval, confidence
        See :class:`Interval`.

    Raises
    ------
    ValueError
        NaN or infinity, shapes that do not agree, or an error ratio that is not positive.

    Notes
    -----
    With L the error ratio, b = [L Syy - Sxx + sqrt((Sxx - L Syy)^2 + 4 L Sxy^2)]/(2 L Sxy). Analytical: Var b = b^2 (1 - r^2)/r^2
    /(n - 2), Var a = Var b mean(x^2), Cov = -mean(x) Var b.

    Undefined for fewer than three pairs (the jackknife needs four), when x or y does not vary, or when they are uncorrelated or
    negatively correlated.
    """
    a, b, ratio, kind = _checked(x, y, error_ratio, interval)
    n = len(a)
    why = _unfit(a, b, 4 if kind is Interval.JACKKNIFE else 3)
    if why is not None:
        return _undefined(n, ratio, confidence, kind, why, weighted=False)
    slope, intercept = _line(a, b, np.ones((1, n)), ratio)
    if kind is Interval.ANALYTICAL:
        r2 = float(np.corrcoef(a, b)[0, 1]) ** 2
        of_slope = float(slope[0]) ** 2 * (1.0 - r2) / r2 / (n - 2)
        spread = (of_slope * float((a * a).mean()), -of_slope * float(a.mean()), of_slope)
    else:
        spread = _jackknife(slope[0], intercept[0], *_leave_one_out(a, b, ratio))
    return _result(n, ratio, confidence, kind, float(intercept[0]), float(slope[0]), spread, weighted=False)


def weighted_deming(
    x: npt.ArrayLike, y: npt.ArrayLike, *, error_ratio: float = 1.0, confidence: float = 0.95
) -> Deming:
    """Deming regression with errors in proportion to the level (constant coefficient of variation), intervals by jackknife.

    Parameters
    ----------
    x, y
        (n,) uncensored pairs, all positive.
    error_ratio
        Ratio of the squared coefficients of variation of x and y at equal levels.
    confidence
        Level of the intervals.

    Raises
    ------
    ValueError
        NaN or infinity, shapes that do not agree, or an error ratio that is not positive.

    Notes
    -----
    With d = y - a - b x, the true values are estimated by xhat = x + L b d/(1 + L b^2) and yhat = y - d/(1 + L b^2), the level by
    (xhat + L yhat)/(1 + L); weights are its inverse square; iterated until it settles (Linnet 1990), from the levels of the pairs themselves,
    (x + L y)/(1 + L): the unweighted line is drawn by the largest values and can be below 0 where the smallest lie.

    Undefined as :func:`deming`; also when a value is not positive, when an estimated level is not positive on the way, or
    when the weights do not settle (few pairs over a short range).
    """
    a, b, ratio, kind = _checked(x, y, error_ratio, Interval.JACKKNIFE)
    n = len(a)
    why = _unfit(a, b, 4)
    if why is None and not ((a > 0).all() and (b > 0).all()):
        why = Why.NOT_POSITIVE
    if why is not None:
        return _undefined(n, ratio, confidence, kind, why, weighted=True)
    slope, intercept, settled = _reweighted(a, b, np.ones((1, n)), ratio)
    step = max(1, _CHUNK // n)
    parts = [
        _reweighted(a, b, (np.arange(n) != np.arange(s, min(s + step, n))[:, None]).astype(np.float64), ratio)
        for s in range(0, n, step)
    ]
    if not settled.all() or not all(part[2].all() for part in parts):
        return _undefined(n, ratio, confidence, kind, Why.NOT_CONVERGED, weighted=True)
    left_slope, left_intercept = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    spread = _jackknife(slope[0], intercept[0], left_slope, left_intercept)
    return _result(n, ratio, confidence, kind, float(intercept[0]), float(slope[0]), spread, weighted=True)


def bias_at(fit: Deming, points: npt.ArrayLike) -> BiasAt | None:
    """Bias a + (b - 1) x of a Deming line at decision points, Student intervals with n - 2; None where the line is undefined."""
    if fit.intercept is None or fit.slope is None or fit.covariance is None:
        return None
    assert fit.intercept.se is not None
    assert fit.slope.se is not None
    spread = (fit.intercept.se**2, fit.covariance, fit.slope.se**2)
    t = student(fit.confidence, fit.n - 2)
    return line_bias(fit.intercept.estimate, fit.slope.estimate, spread, t, points)


def _checked(
    x: npt.ArrayLike, y: npt.ArrayLike, error_ratio: float, interval: Interval | str
) -> tuple[Floats, Floats, float, Interval]:
    a, b = check_pairs(x, y)
    if not (error_ratio > 0 and np.isfinite(error_ratio)):
        raise ValueError(f"the error ratio must be positive, found {error_ratio}")
    return a, b, float(error_ratio), Interval(interval)


def _unfit(x: Floats, y: Floats, at_least: int) -> Why | None:
    if len(x) < at_least:
        return Why.TOO_FEW
    if np.ptp(x) <= 0 or np.ptp(y) <= 0:
        return Why.CONSTANT
    covered = float((x - x.mean()) @ (y - y.mean()))
    floor = 1e-12 * float(np.linalg.norm(x - x.mean()) * np.linalg.norm(y - y.mean()))
    return Why.NOT_INCREASING if covered <= floor else None


def _slopes(sxx: Floats, syy: Floats, sxy: Floats, ratio: float) -> Floats:
    """Slope of the line; written for either sign of the difference so that nothing cancels."""
    u = ratio * syy - sxx
    root = np.hypot(u, 2.0 * np.sqrt(ratio) * sxy)
    with np.errstate(divide="ignore", invalid="ignore"):
        made: Floats = np.where(u >= 0, (u + root) / (2.0 * ratio * sxy), 2.0 * sxy / (root - u))
    return made


def _line(x: Floats, y: Floats, weight: Floats, ratio: float) -> tuple[Floats, Floats]:
    """Slopes and intercepts for each row of weights (k, n)."""
    total = weight.sum(axis=1)
    mean_x, mean_y = weight @ x / total, weight @ y / total
    # about the weighted means: weights over four decades of level would leave nothing of moments about the plain ones
    dx, dy = x - mean_x[:, None], y - mean_y[:, None]
    sxx, syy, sxy = (np.einsum("kn,kn,kn->k", weight, u, v) for u, v in ((dx, dx), (dy, dy), (dx, dy)))
    slope = _slopes(sxx, syy, sxy, ratio)
    return slope, mean_y - slope * mean_x


def _leave_one_out(x: Floats, y: Floats, ratio: float) -> tuple[Floats, Floats]:
    """Slopes and intercepts without each pair in turn, from sums."""
    n = len(x)
    dx, dy = x - x.mean(), y - y.mean()
    part = n / (n - 1.0)
    sxx, syy, sxy = dx @ dx - part * dx * dx, dy @ dy - part * dy * dy, dx @ dy - part * dx * dy
    slope = _slopes(sxx, syy, sxy, ratio)
    return slope, (y.mean() - dy / (n - 1)) - slope * (x.mean() - dx / (n - 1))


def _reweighted(x: Floats, y: Floats, member: Floats, ratio: float) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Weighted lines for each row of membership (k, n): slope, intercept, and whether the weights settled."""
    # from the levels of the pairs themselves, which are positive; the unweighted line may not be where values are small
    slope, intercept = _line(x, y, member / ((x + ratio * y) / (1.0 + ratio)) ** 2, ratio)
    settled = np.zeros(len(slope), dtype=np.bool_)
    open_ = np.flatnonzero(np.isfinite(slope) & (slope > 0))
    centre = float(x.mean())
    for _ in range(_ROUNDS):
        a, b = intercept[open_, None], slope[open_, None]
        off = (y - a - b * x) / (1.0 + ratio * b * b)
        level = (x + ratio * b * off + ratio * (y - off)) / (1.0 + ratio)
        inside = member[open_] > 0
        usable = (~inside | (level > 0)).all(axis=1) & np.isfinite(b[:, 0])
        open_, level, inside = open_[usable], level[usable], inside[usable]
        if len(open_) == 0:
            break
        weight = np.where(inside, 1.0 / np.where(inside, level, 1.0) ** 2, 0.0)
        new_slope, new_intercept = _line(x, y, weight, ratio)
        rising = np.isfinite(new_slope) & (new_slope > 0)  # weighted pairs that do not rise have no line
        open_, new_slope, new_intercept = open_[rising], new_slope[rising], new_intercept[rising]
        change = np.abs(new_slope - slope[open_]) / np.abs(new_slope)
        fitted = new_intercept + new_slope * centre
        moved = np.abs(fitted - intercept[open_] - slope[open_] * centre) / np.maximum(np.abs(fitted), 1e-300)
        slope[open_], intercept[open_] = new_slope, new_intercept
        done = (change <= _CLOSE) & (moved <= _CLOSE)
        settled[open_[done]] = True
        open_ = open_[~done]
        if len(open_) == 0:
            break
    return slope, intercept, settled


def _jackknife(
    slope: float, intercept: float, left_slope: Floats, left_intercept: Floats
) -> tuple[float, float, float]:
    """(Var intercept, Cov, Var slope) from the estimates without each pair."""
    n = len(left_slope)
    pseudo = np.stack((n * intercept - (n - 1) * left_intercept, n * slope - (n - 1) * left_slope))
    cov = np.cov(pseudo) / n
    return float(cov[0, 0]), float(cov[0, 1]), float(cov[1, 1])


def _result(
    n: int,
    ratio: float,
    confidence: float,
    kind: Interval,
    intercept: float,
    slope: float,
    spread: tuple[float, float, float],
    *,
    weighted: bool,
) -> Deming:
    if not np.isfinite([intercept, slope, *spread]).all():
        return _undefined(n, ratio, confidence, kind, Why.CONSTANT, weighted=weighted)
    t = student(confidence, n - 2)

    def estimate(value: float, variance: float) -> Estimate:
        se = float(np.sqrt(max(variance, 0.0)))
        return Estimate(estimate=value, se=se, lower=value - t * se, upper=value + t * se)

    return Deming(
        n=n,
        error_ratio=ratio,
        weighted=weighted,
        interval=kind,
        confidence=confidence,
        intercept=estimate(intercept, spread[0]),
        slope=estimate(slope, spread[2]),
        covariance=spread[1],
        why=None,
    )


def _undefined(n: int, ratio: float, confidence: float, kind: Interval, why: Why, *, weighted: bool) -> Deming:
    return Deming(
        n=n,
        error_ratio=ratio,
        weighted=weighted,
        interval=kind,
        confidence=confidence,
        intercept=None,
        slope=None,
        covariance=None,
        why=why,
    )
