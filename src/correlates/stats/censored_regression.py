"""Regression of a biomarker that is below or above its limits in some subjects, by the normal likelihood of what is known (Tobit).

On logarithms of the biomarker it is the lognormal model. Sources: Tobin, Econometrica 1958;26:24-36. Olsen, Econometrica
1978;46:1211-1215 (doi:10.2307/1911445) (a scale on which the likelihood is concave). Helsel, Statistics for Censored Environmental
Data, 2nd ed. 2012, chapters 9 and 12.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, log_ndtr, ndtri

from correlates.stats.arrays import Bools, Floats, Ints, panel, where

_STEPS = 100
_FLAT = 1e6  # variance of a coefficient, biomarker and covariate of unit size, beyond which nothing is known of it
_HALF_LOG_2PI = 0.5 * np.log(2.0 * np.pi)


@dataclass(frozen=True, slots=True, kw_only=True)
class CensoredRegression:
    """Censored normal regressions of m biomarkers on p covariates.

    ``coefficient``, ``standard_error``, ``lower`` and ``upper`` (Wald) are (m, p); the rest (m,). ``sigma`` is the residual standard
    deviation (maximum likelihood), ``log_sigma_error`` the standard error of its logarithm. ``chi_square`` and ``p_value`` compare with
    the model of the first covariate alone (the intercept), with ``df`` = p - 1. NaN where undefined: ``converged`` false, which is
    where no maximum exists (a group without a quantified value, no residual variation) or the design is not of full rank.
    """

    coefficient: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    sigma: Floats
    log_sigma_error: Floats
    log_likelihood: Floats
    null_log_likelihood: Floats
    chi_square: Floats
    df: int
    p_value: Floats
    n: Ints
    n_censored: Ints
    converged: Bools


def censored_regression(
    y: npt.ArrayLike,
    design: npt.ArrayLike,
    present: npt.ArrayLike | None = None,
    *,
    censoring: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> CensoredRegression:
    """Normal regression of each biomarker, censored values by the probability of lying beyond their limit.

    Parameters
    ----------
    y
        (m, n) biomarkers by subjects, the limit where censored; logarithms for the lognormal model.
    design
        (n, p) covariates, a column of ones first.
    present
        (m, n) which values are there; all, when not given.
    censoring
        (m, n) -1 at most the value, 0 the value, +1 at least the value; nothing is censored, when not given.
    level
        Confidence level.

    Notes
    -----
    l = sum over quantified of log phi(z) - log sigma + sum over left-censored of log Phi(z) + over right-censored of log Phi(-z), with
    z = (y - x'b) / sigma; maximised over (b / sigma, 1 / sigma), in which it is concave. Standard errors from the observed information.
    """
    values, there = panel(y, present)
    x = np.asarray(design, dtype=np.float64)
    if x.ndim != 2 or x.shape[0] != values.shape[1] or not np.isfinite(x).all():
        raise ValueError(f"design must be ({values.shape[1]}, p) and finite")
    sign = np.zeros(values.shape) if censoring is None else np.where(there, np.atleast_2d(np.asarray(censoring)), 0)
    centre = values.sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    centred = where(there, values - centre[:, None], 0.0)
    scale = np.sqrt((centred**2).sum(axis=1) / np.maximum(there.sum(axis=1), 1))
    scale = where(scale > 0, scale, 1.0)
    scaled = centred / scale[:, None]
    b, sigma, top, covariance, good = _fit(scaled, x, there, sign)
    _, _, null, _, null_good = _fit(scaled, x[:, :1], there, sign)
    exact = (there & (sign == 0)).sum(axis=1)
    shift = exact * np.log(scale)  # density of the biomarker on its own scale
    good = good & null_good
    p = x.shape[1]
    se = np.sqrt(np.stack([covariance[:, j, j] for j in range(p + 1)], axis=1))
    z = float(ndtri(0.5 + level / 2.0))
    coefficient = b * scale[:, None]
    coefficient[:, 0] += centre
    error = se[:, :p] * scale[:, None]
    chi = where(good, np.maximum(2.0 * (top - null), 0.0), np.nan)
    keep = good[:, None]
    return CensoredRegression(
        coefficient=where(keep, coefficient, np.nan),
        standard_error=where(keep, error, np.nan),
        lower=where(keep, coefficient - z * error, np.nan),
        upper=where(keep, coefficient + z * error, np.nan),
        sigma=where(good, sigma * scale, np.nan),
        log_sigma_error=where(good, se[:, p], np.nan),
        log_likelihood=where(good, top - shift, np.nan),
        null_log_likelihood=where(good, null - shift, np.nan),
        chi_square=chi,
        df=p - 1,
        p_value=where(good, chdtrc(max(p - 1, 1), np.nan_to_num(chi)), np.nan) if p > 1 else np.full(good.size, np.nan),
        n=there.sum(axis=1),
        n_censored=(there & (sign != 0)).sum(axis=1),
        converged=good,
    )


def _derivatives(z: Floats, sign: Floats, there: Bools) -> tuple[Floats, Floats, Floats]:
    """Log-likelihood of each subject but for log sigma, its first and second derivative by z."""
    side = where(sign > 0, -z, z)
    log = log_ndtr(side)
    ratio = np.exp(-0.5 * side * side - _HALF_LOG_2PI - log)
    beyond = sign != 0
    value = where(beyond, log, -0.5 * z * z - _HALF_LOG_2PI)
    first = where(beyond, where(sign > 0, -ratio, ratio), -z)
    second = where(beyond, -ratio * (ratio + side), -1.0)
    return where(there, value, 0.0), where(there, first, 0.0), where(there, second, 0.0)


def _fit(y: Floats, x: Floats, there: Bools, sign: Floats) -> tuple[Floats, Floats, Floats, Floats, Bools]:
    """Estimates (m, p), sigma, log-likelihood, covariance of (b, log sigma), and whether there is a maximum."""
    m, p = y.shape[0], x.shape[1]
    exact = (there & (sign == 0)).sum(axis=1).astype(np.float64)
    ok = exact > 0
    gram = np.einsum("mi,ij,ik->mjk", there.astype(np.float64), x, x)
    ok &= np.linalg.matrix_rank(gram) == p
    gamma, theta = np.zeros((m, p)), np.ones(m)

    def likelihood(g: Floats, t: Floats) -> tuple[Floats, Floats]:
        z = t[:, None] * y - g @ x.T
        return _derivatives(z, sign, there)[0].sum(axis=1) + exact * np.log(t), z

    value, z = likelihood(gamma, theta)
    done = np.zeros(m, dtype=np.bool_)
    for _ in range(_STEPS):
        _, first, second = _derivatives(z, sign, there)
        grad = np.concatenate((-(first @ x), ((first * y).sum(axis=1) + exact / theta)[:, None]), axis=1)
        hess = np.zeros((m, p + 1, p + 1))
        hess[:, :p, :p] = np.einsum("mi,ij,ik->mjk", second, x, x)
        hess[:, :p, p] = hess[:, p, :p] = -((second * y) @ x)
        hess[:, p, p] = (second * y * y).sum(axis=1) - exact / theta**2
        move = np.zeros((m, p + 1))
        live = np.flatnonzero(ok & ~done)
        move[live] = _newton(-hess[live], grad[live])
        gain = (move * grad).sum(axis=1)
        broken = ~np.isfinite(gain)
        ok &= ~broken
        move[broken] = 0.0
        done |= ok & (gain < 1e-13 * np.maximum(1.0, np.abs(value)))
        if (done | ~ok).all():
            break
        factor = np.where(done | ~ok, 0.0, 1.0)
        for _ in range(40):
            t = theta + factor * move[:, p]
            positive = t > 0
            fresh, z = likelihood(gamma + factor[:, None] * move[:, :p], where(positive, t, 1.0))
            worse = (factor > 0) & (~positive | ~(fresh >= value - 1e-12 * (1.0 + np.abs(value))))
            if not worse.any():
                break
            factor = np.where(worse, factor / 2.0, factor)
        gamma, theta, value = gamma + factor[:, None] * move[:, :p], theta + factor * move[:, p], fresh
        runaway = (np.abs(gamma).max(axis=1) > 1e4) | (theta > 1e7) | (theta < 1e-7)
        ok &= ~runaway
        theta = where(ok, theta, 1.0)
        gamma = where(ok[:, None], gamma, 0.0)
        _, z = likelihood(gamma, theta)
    good = ok & done
    sigma = 1.0 / theta
    b = gamma * sigma[:, None]
    covariance = np.full((m, p + 1, p + 1), np.nan)
    _, first, second = _derivatives(z, sign, there)
    hess = np.zeros((m, p + 1, p + 1))
    square = sigma**2
    hess[:, :p, :p] = np.einsum("mi,ij,ik->mjk", second, x, x) / square[:, None, None]
    hess[:, :p, p] = hess[:, p, :p] = ((second * z + first) @ x) / sigma[:, None]
    hess[:, p, p] = (second * z * z + first * z).sum(axis=1)
    for row in np.flatnonzero(good).tolist():
        try:
            covariance[row] = np.linalg.inv(-hess[row])
        except np.linalg.LinAlgError:
            good[row] = False
    positive = np.stack([covariance[:, j, j] for j in range(p + 1)], axis=1)
    good &= (np.nan_to_num(positive) > 0).all(axis=1)
    # a likelihood that rises for ever flattens: then a coefficient has next to no information
    reach = np.append(np.abs(x).max(axis=0, initial=0.0), 1.0)
    good &= (np.nan_to_num(positive) * reach**2 < _FLAT).all(axis=1)
    covariance[~good] = np.nan
    return b, sigma, value, covariance, good


def _newton(matrix: Floats, right: Floats) -> Floats:
    try:
        found: Floats = np.asarray(np.linalg.solve(matrix, right[:, :, None])[:, :, 0], dtype=np.float64)
    except np.linalg.LinAlgError:
        found = np.full(right.shape, np.nan)
        for row in range(matrix.shape[0]):
            if np.linalg.matrix_rank(matrix[row]) == matrix.shape[1]:
                found[row] = np.linalg.solve(matrix[row], right[row])
    return found
