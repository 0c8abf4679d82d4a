"""The posterior density, written once for numpy and for jax: every function takes the namespace it computes with.

The logarithms of a subject's parameters (cmax, tmax, foldx, alpha, fb, beta) are normal about the typical ones, shifted
by the covariates; the logarithm of a measurement is normal about the logarithm of the curve. What is below or above a
limit contributes the probability of being there (M3 of Beal 2001), with the limit of its own sample.

All is a function of one unconstrained vector, in this order: logarithms of the typical values (6), covariate effects
(c), logarithms of the standard deviations between subjects (6), inverse hyperbolic tangents of the canonical partial
correlations (15, row by row; none for a diagonal covariance), logarithm of the residual standard deviation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
P = 6
"""Parameters of a curve."""
_NEARLY_ONE = -1e-9
_LOG_ROOT_TWO_PI = 0.9189385332046727


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What is fitted: n subjects with up to k samples each, padded.

    Attributes
    ----------
    days, logs
        Day of a sample and the logarithm of its value, or of its limit where it is censored (n, k).
    code
        0 quantified, -1 below its limit, 1 above it (n, k).
    valid
        Whether there is a sample (n, k).
    design
        Covariates (n, c), centred.
    target
        For each covariate the parameter it acts on, as one-hot rows (c, 6).
    """

    days: Floats
    logs: Floats
    code: npt.NDArray[np.int8]
    valid: npt.NDArray[np.bool_]
    design: Floats
    target: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorNumbers:
    """The priors as numbers: means and standard deviations of the logarithms of the typical values (6), and the scales."""

    mean: Floats
    sd: Floats
    effect: float
    omega: float
    correlation: float
    sigma: float
    correlated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """The unconstrained vector taken apart; arrays of the namespace it was made in.

    ``root`` is the lower triangular root of the covariance between subjects, ``corr`` that of the correlation.
    """

    mu: Any
    effects: Any
    omega: Any
    corr: Any
    root: Any
    sigma: Any


def size(effects: int, *, correlated: bool) -> int:
    """Length of the unconstrained vector."""
    return 2 * P + effects + (P * (P - 1) // 2 if correlated else 0) + 1


def unpack(theta: Any, effects: int, *, correlated: bool, xp: Any) -> Population:
    """The unconstrained vector (..., size) taken apart."""
    after = P + effects
    omega = xp.exp(theta[..., after : after + P])
    corr = _root_of_correlation(theta[..., after + P : -1], xp) if correlated else np.eye(P) + 0.0 * omega[..., None]
    return Population(
        mu=theta[..., :P],
        effects=theta[..., P:after],
        omega=omega,
        corr=corr,
        root=omega[..., None] * corr,
        sigma=xp.exp(theta[..., -1]),
    )


_ROW, _COLUMN = np.tril_indices(P, -1)
_PLACE = np.zeros((P, P), dtype=np.int64)
_PLACE[_ROW, _COLUMN] = np.arange(_ROW.size)
_BELOW = np.tril(np.ones((P, P)), -1)


def _root_of_correlation(free: Any, xp: Any) -> Any:
    """The lower triangular root of a correlation matrix from its canonical partial correlations ``z = tanh(free)``.

    Row by row, an entry is ``z`` times the root of what the entries to its left leave of one: ``prod sqrt(1 - z^2)``.
    """
    placed = free[..., _PLACE] * _BELOW
    left = xp.exp(-xp.log(xp.cosh(placed)) @ _BELOW.T)
    return (xp.tanh(placed) + np.eye(P)) * left


def free_of(correlation: Floats) -> Floats:
    """The inverse hyperbolic tangents of the canonical partial correlations of a positive definite matrix (6, 6)."""
    root: Floats = np.asarray(np.linalg.cholesky(correlation), dtype=np.float64)
    left = 1.0 - (np.cumsum(root**2, axis=1) - root**2)[_ROW, _COLUMN]
    return np.asarray(np.arctanh(root[_ROW, _COLUMN] / np.sqrt(left)))


def log_prior(theta: Any, prior: PriorNumbers, effects: int, xp: Any) -> Any:
    """Logarithm of the prior density of the unconstrained vector, up to a constant.

    Half-normal standard deviations carry the Jacobian of their logarithm. Under LKJ with shape ``eta`` the partial
    correlation of column ``c`` is a beta variable on (-1, 1) with both shapes ``eta + (4 - c) / 2``, whose density
    in ``atanh`` is ``(1 - z^2)`` to that power (Lewandowski, Kurowicka and Joe 2009, section 2.4).
    """
    after = P + effects
    log_omega, log_sigma = theta[..., after : after + P], theta[..., -1]
    total = -0.5 * (((theta[..., :P] - prior.mean) / prior.sd) ** 2).sum(axis=-1)
    total = total - 0.5 * ((theta[..., P:after] / prior.effect) ** 2).sum(axis=-1)
    total = total + (log_omega - 0.5 * (xp.exp(log_omega) / prior.omega) ** 2).sum(axis=-1)
    total = total + log_sigma - 0.5 * (xp.exp(log_sigma) / prior.sigma) ** 2
    if prior.correlated:
        shape = prior.correlation + 0.5 * (P - 2 - _COLUMN)
        total = total - 2.0 * (shape * xp.log(xp.cosh(theta[..., after + P : -1]))).sum(axis=-1)
    return total


def log_level(phi: Any, days: Any, xp: Any) -> Any:
    """Logarithm of the curve; ``phi`` (..., 6) are logarithms of its parameters, ``days`` broadcasts with its other axes.

    ``ln cmax - ln(foldx) (1 - t / tmax)`` before the peak and ``ln cmax + ln((1 - fb) exp(-alpha d) + fb exp(-beta d))``
    with ``d = t - tmax`` after it, as one expression that is continuous at the peak and has no branch whose derivative
    could be undefined. A share ``fb`` above one counts as one.
    """
    cmax, foldx = phi[..., 0], phi[..., 2]
    tmax, alpha, beta = xp.exp(phi[..., 1]), xp.exp(phi[..., 3]), xp.exp(phi[..., 5])
    share = xp.minimum(phi[..., 4], _NEARLY_ONE)
    before, after = xp.maximum(tmax - days, 0.0), xp.maximum(days - tmax, 0.0)
    lost, kept = xp.log(-xp.expm1(share)) - alpha * after, share - beta * after
    return cmax - foldx / tmax * before + xp.logaddexp(lost, kept)


def log_likelihood(levels: Any, logs: Any, code: Any, sigma: Any, log_ndtr: Any, xp: Any) -> Any:
    """Logarithm of the likelihood of each sample given the logarithm of the curve there."""
    z = (logs - levels) / sigma
    seen = -0.5 * z * z - xp.log(sigma) - _LOG_ROOT_TWO_PI
    return xp.where(code == 0, seen, log_ndtr(xp.where(code == 0, 0.0, -code * z)))


def individual_means(population: Population, data: Data, xp: Any) -> Any:
    """Means of the logarithms of the parameters of each subject, with its covariates (..., n, 6)."""
    shift = (data.design * population.effects[..., None, :]) @ data.target
    return population.mu[..., None, :] + xp.asarray(shift)
