"""The most likely parameters of every subject, and the information of its samples about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from correlates.population.density import _LOG_ROOT_TWO_PI as LOG_ROOT_TWO_PI
from correlates.population.density import _NEARLY_ONE as NEARLY_ONE
from correlates.population.density import Data, Floats, P, log_level, log_likelihood

_STEPS, _CLOSE = 60, 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class Modes:
    """The posterior modes of n subjects given the population.

    Attributes
    ----------
    phi
        Logarithms of the parameters at the mode (n, 6).
    information
        Gauss-Newton information of the samples there, without the population (n, 6, 6).
    score
        Derivative of the log-likelihood of the samples there (n, 6).
    covariance
        Inverse of the information with that of the population (n, 6, 6).
    """

    phi: Floats
    information: Floats
    score: Floats
    covariance: Floats


def slopes(phi: Floats, days: Floats) -> Floats:
    """Derivatives of the logarithm of the curve with respect to ``phi`` (..., 6): (..., k, 6); from the right at the peak."""
    p = phi[..., None, :]
    foldx, tmax, alpha, beta = p[..., 2], np.exp(p[..., 1]), np.exp(p[..., 3]), np.exp(p[..., 5])
    share = np.minimum(p[..., 4], NEARLY_ONE)
    before, after = np.maximum(tmax - days, 0.0), np.maximum(days - tmax, 0.0)
    lost, kept = np.log(-np.expm1(share)) - alpha * after, share - beta * after
    weight = np.exp(lost - np.logaddexp(lost, kept))
    rising = days < tmax
    return np.stack(
        [
            np.ones_like(after),
            np.where(rising, -foldx * days / tmax, tmax * (alpha * weight + beta * (1.0 - weight))),
            -before / tmax,
            -alpha * after * weight,
            np.where(p[..., 4] < NEARLY_ONE, (1.0 - weight) + weight * np.exp(share) / np.expm1(share), 0.0),
            -beta * after * (1.0 - weight),
        ],
        axis=-1,
    )


def pulls(levels: Floats, data: Data, sigma: float) -> tuple[Floats, Floats]:
    """First derivative and negated second derivative of the log-likelihood with respect to the logarithm of the curve."""
    z = (data.logs - levels) / sigma
    side = -data.code * z  # of a censored sample: how many sigma its limit lies on the likely side
    hazard = np.exp(-0.5 * side * side - LOG_ROOT_TWO_PI - log_ndtr(side))
    first = np.where(data.code == 0, z, data.code * hazard) / sigma
    second = np.where(data.code == 0, 1.0, hazard * (side + hazard)) / sigma**2
    return np.where(data.valid, first, 0.0), np.where(data.valid, second, 0.0)


def log_likelihoods(phi: Floats, data: Data, sigma: float) -> Floats:
    """Log-likelihood of the samples of each subject at ``phi`` (n, 6)."""
    levels = log_level(phi[..., None, :], data.days, np)
    each = log_likelihood(levels, data.logs, data.code, sigma, log_ndtr, np)
    return np.asarray(np.where(data.valid, each, 0.0).sum(axis=-1))


def modes(data: Data, means: Floats, root: Floats, sigma: float, start: Floats | None = None) -> Modes:
    """Posterior modes by Levenberg-Marquardt steps, all subjects at once.

    Parameters
    ----------
    data
        The samples.
    means, root
        Means (n, 6) and lower triangular root of the covariance (6, 6) of the logarithms of the parameters.
    sigma
        Residual standard deviation.
    start
        Where to begin (n, 6); the means when left out.

    Notes
    -----
    The curve has a kink where a sample lies on the peak, and modes may lie there: a step is taken only where it raises
    the posterior, and the damping grows where it does not.
    """
    precision: Floats = np.asarray(np.linalg.inv(root @ root.T), dtype=np.float64)
    phi = (means if start is None else start).copy()
    damping = np.full(phi.shape[0], 1e-3)
    height = _height(phi, data, means, precision, sigma)
    for _ in range(_STEPS):
        score, information = _local(phi, data, sigma)
        gradient = score - np.einsum("jk,nk->nj", precision, phi - means)
        curvature = information + precision
        scale = np.einsum("njj->nj", curvature)
        damped = curvature + damping[:, None, None] * np.einsum("nj,jk->njk", scale, np.eye(P))
        step = np.clip(np.linalg.solve(damped, gradient[..., None])[..., 0], -2.0, 2.0)
        trial = phi + step
        reached = _height(trial, data, means, precision, sigma)
        better = reached > height
        gain = np.where(better, reached - height, 0.0)
        phi, height = np.where(better[:, None], trial, phi), np.where(better, reached, height)
        damping = np.clip(np.where(better, damping * 0.2, damping * 5.0), 1e-9, 1e9)
        if np.all((gain < _CLOSE) & (better | (damping > 1e6) | (np.abs(step).max(axis=1) < _CLOSE))):
            break
    score, information = _local(phi, data, sigma)
    covariance: Floats = np.asarray(np.linalg.inv(information + precision), dtype=np.float64)
    return Modes(phi=phi, information=information, score=score, covariance=covariance)


def _height(phi: Floats, data: Data, means: Floats, precision: Floats, sigma: float) -> Floats:
    away = phi - means
    height = log_likelihoods(phi, data, sigma) - 0.5 * np.einsum("nj,jk,nk->n", away, precision, away)
    return np.where(np.isfinite(height), height, -np.inf)


def _local(phi: Floats, data: Data, sigma: float) -> tuple[Floats, Floats]:
    slope = slopes(phi, data.days)
    first, second = pulls(log_level(phi[:, None, :], data.days, np), data, sigma)
    return np.einsum("nk,nkj->nj", first, slope), np.einsum("nk,nkj,nkl->njl", second, slope, slope)
