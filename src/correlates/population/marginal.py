"""The posterior of the population with the subjects integrated out by importance sampling, its slope and its curvature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, ndtri

from correlates.population.density import (
    _LOG_ROOT_TWO_PI as LOG_ROOT_TWO_PI,
)
from correlates.population.density import (
    Data,
    Floats,
    P,
    PriorNumbers,
    individual_means,
    log_level,
    log_prior,
    unpack,
)

_SHARES, _WIDTHS, _BEYOND = (0.6, 0.25, 0.15), (1.15, 2.0), 1.25
_DOUBT = 10.0
_PRIMES = np.array([2.0, 3.0, 5.0, 7.0, 11.0, 13.0])
_ROWS, _COLUMNS = np.tril_indices(P)
_L = _ROWS.size
_TINY, _SMALL = 1e-30, 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """Importance samples of n subjects, m of each: what does not change with the population is computed once.

    Attributes
    ----------
    phi
        Logarithms of the parameters (n, m, 6).
    proposal
        Logarithm of the density they were drawn from (n, m).
    squares, seen
        Sum of the squared residuals of the quantified samples (n, m), and their number (n,).
    gaps, owner
        Signed distances of the q censored samples from the curve (m, q), and whose they are (q,).
    """

    phi: Floats
    proposal: Floats
    squares: Floats
    seen: Floats
    gaps: Floats
    owner: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Height:
    """The logarithm of the marginal posterior at a point.

    With its gradient (d,), its negated curvature (d, d) and the weights of the importance samples (n, m), which sum to
    one for each subject.
    """

    value: float
    gradient: Floats
    information: Floats
    weights: Floats

    @property
    def effective(self) -> float:
        """Share of effective importance samples, the smallest over subjects."""
        return float((1.0 / (self.weights**2).sum(axis=1)).min() / self.weights.shape[1])


def points(n: int, m: int, rng: np.random.Generator) -> Floats:
    """Standard normal points (n, m, 6) that fill space evenly.

    Multiples of the roots of primes modulo one (Richtmyer), shifted at random for each subject.
    """
    along = np.arange(1.0, m + 1.0)[:, None] * np.sqrt(_PRIMES)
    shifted = (along + rng.random((n, 1, P))) % 1.0
    return np.asarray(ndtri(np.clip(shifted, 1e-12, 1.0 - 1e-12)))


def normal(theta: Floats, data: Data, prior: PriorNumbers) -> tuple[Floats, Floats]:
    """Means (n, 6) and root (6, 6) of the distribution of the subjects."""
    population = unpack(theta, data.design.shape[1], correlated=prior.correlated, xp=np)
    return np.asarray(individual_means(population, data, np)), np.asarray(population.root)


def sample(centre: Floats, spread: Floats, population: tuple[Floats, Floats], data: Data, even: Floats) -> Sampled:
    """Samples from a mixture: a normal distribution about each centre, a wider one, and the population, widened.

    The last bounds the weights where the others are too narrow or in the wrong place, as they may be for a subject with
    few samples: no subject is farther from its population than the population allows.

    Parameters
    ----------
    centre, spread
        Where each subject is (n, 6), and its covariance (n, 6, 6).
    population
        Means and root of the population, as :func:`normal`.
    data
        What is fitted.
    even
        Standard normal points (n, m, 6).
    """
    means, outer = population
    root, outer = np.linalg.cholesky(spread), _BEYOND * outer
    ends = np.round(even.shape[1] * np.cumsum(_SHARES)).astype(np.int64)
    phi = np.empty_like(even)
    away = even[:, : ends[1]] @ root.transpose(0, 2, 1)
    phi[:, : ends[0]] = centre[:, None, :] + _WIDTHS[0] * away[:, : ends[0]]
    phi[:, ends[0] : ends[1]] = centre[:, None, :] + _WIDTHS[1] * away[:, ends[0] :]
    phi[:, ends[1] :] = means[:, None, :] + even[:, ends[1] :] @ outer.T
    distance = (((phi - centre[:, None, :]) @ np.linalg.inv(root).transpose(0, 2, 1)) ** 2).sum(axis=-1)
    beyond = (((phi - means[:, None, :]) @ np.linalg.inv(outer).T) ** 2).sum(axis=-1)
    scale = np.log(np.einsum("njj->nj", root)).sum(axis=1)[:, None]
    parts = [-0.5 * distance / w**2 - scale - P * np.log(w) + np.log(s) for w, s in zip(_WIDTHS, _SHARES, strict=False)]
    parts.append(-0.5 * beyond - np.log(np.diag(outer)).sum() + np.log(_SHARES[2]))
    levels = log_level(phi[:, :, None, :], data.days[:, None, :], np)
    residual = data.logs[:, None, :] - levels
    seen = data.valid & (data.code == 0)
    owner, column = np.nonzero(data.valid & (data.code != 0))
    return Sampled(
        phi=phi,
        proposal=np.logaddexp(np.logaddexp(parts[0], parts[1]), parts[2]) - P * LOG_ROOT_TWO_PI,
        squares=np.where(seen[:, None, :], residual**2, 0.0).sum(axis=-1),
        seen=seen.sum(axis=1).astype(np.float64),
        gaps=(-data.code[owner, column].astype(np.float64)[:, None] * residual[owner, :, column]).T,
        owner=owner,
    )


def moments(weights: Floats, sampled: Sampled, spread: Floats) -> tuple[Floats, Floats]:
    """Mean and covariance of each subject by its weighted samples; the covariance keeps a part of the former one."""
    centre = (weights[:, None, :] @ sampled.phi)[:, 0]
    away = sampled.phi - centre[:, None, :]
    seen = (away * weights[..., None]).transpose(0, 2, 1) @ away
    trust = (1.0 / (weights**2).sum(axis=1))[:, None, None]
    return centre, (trust * seen + _DOUBT * spread) / (trust + _DOUBT)


def censored(log_sigma: float, sampled: Sampled) -> tuple[Floats, Floats, Floats]:
    """Log-likelihood of the censored samples at each importance sample (n, m); first and second derivative in ln sigma."""
    shape = sampled.squares.shape
    value, slope, bend = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    if sampled.owner.size:
        side = sampled.gaps * np.exp(-log_sigma)
        below = log_ndtr(side)
        hazard = np.exp(-0.5 * side * side - LOG_ROOT_TWO_PI - below)
        lean = hazard * side
        starts = np.flatnonzero(np.r_[True, np.diff(sampled.owner) > 0])
        rows = sampled.owner[starts]
        value[rows] = np.add.reduceat(below, starts, axis=1).T
        slope[rows] = -np.add.reduceat(lean, starts, axis=1).T
        bend[rows] = np.add.reduceat(lean * (1.0 - side * (side + hazard)), starts, axis=1).T
    return value, slope, bend


def height(theta: Floats, sampled: Sampled, data: Data, prior: PriorNumbers) -> Height:
    """The marginal posterior by the importance samples.

    Its gradient is the mean of the complete-data score over the weighted samples (Fisher's identity), its curvature the
    mean of the complete-data curvature plus the covariance of the score (Louis 1982). Both are taken in the means of the
    subjects, the entries of the root and ln sigma, and carried over to the unconstrained vector; derivatives of the root
    and of the prior there are taken by complex steps.
    """
    effects = data.design.shape[1]
    means, root = normal(theta, data, prior)
    inverse: Floats = np.asarray(np.linalg.inv(root), dtype=np.float64)
    standard = (sampled.phi - means[:, None, :]) @ inverse.T
    value, slope, bend = censored(float(theta[-1]), sampled)
    scaled, seen = sampled.squares * np.exp(-2.0 * theta[-1]), sampled.seen[:, None]
    logs = value - 0.5 * scaled - seen * theta[-1] - 0.5 * (standard**2).sum(axis=-1) - sampled.proposal
    logs -= np.log(np.diag(root)).sum() + P * LOG_ROOT_TWO_PI + LOG_ROOT_TWO_PI * seen
    top = logs.max(axis=1, keepdims=True)
    weights = np.exp(logs - top)
    total = weights.sum(axis=1, keepdims=True)
    marginal = float((np.log(total / weights.shape[1]) + top).sum())
    weights = weights / total

    pull = standard @ inverse
    score = np.concatenate(
        [pull, pull[..., _ROWS] * standard[..., _COLUMNS], (slope + scaled - seen)[..., None]], axis=-1
    )
    middle = (weights[:, None, :] @ score)[:, 0]
    spread = (score * weights[..., None]).transpose(0, 2, 1) @ score - middle[:, :, None] * middle[:, None, :]
    own = np.concatenate([np.tile(np.eye(P), (means.shape[0], 1, 1)), data.design[:, :, None] * data.target], axis=1)
    spread[:, :P, :P] -= inverse.T @ inverse
    spread[:, :P, P:-1] += _mixed(inverse, (weights[:, None, :] @ standard)[:, 0], middle[:, :P])
    outer = (standard * weights[..., None]).reshape(-1, P).T @ standard.reshape(-1, P)
    rest = spread[:, P:, P:].sum(axis=0)
    rest[:_L, :_L] += _of_root(inverse, outer, means.shape[0])
    rest[-1, -1] += float((weights * (bend - 2.0 * scaled)).sum())
    upper = (own @ spread[:, :P, P:]).sum(axis=0)
    whole = np.block([[np.einsum("naj,njk,nbk->ab", own, spread[:, :P, :P], own), upper], [upper.T, rest]])
    slopes = np.concatenate([np.einsum("naj,nj->a", own, middle[:, :P]), middle[:, P:].sum(axis=0)])
    start = P + effects
    slopes[start:-1] -= means.shape[0] * np.where(_ROWS == _COLUMNS, 1.0 / np.diag(root)[_ROWS], 0.0)

    turn, bent, prior_slope, prior_bend = _carried(theta, prior, effects, slopes[start:-1])
    return Height(
        value=marginal + float(log_prior(theta, prior, effects, np)),
        gradient=turn.T @ slopes + prior_slope,
        information=-(turn.T @ whole @ turn + bent + prior_bend),
        weights=np.asarray(weights),
    )


def _mixed(inverse: Floats, standard: Floats, pull: Floats) -> Floats:
    """Mean of the derivative of the pull on a mean with respect to the entries of the root (n, 6, 21)."""
    precision = inverse.T @ inverse
    return np.asarray(
        -precision[None, :, _ROWS] * standard[:, None, _COLUMNS] - inverse.T[None, :, _COLUMNS] * pull[:, None, _ROWS]
    )


def _of_root(inverse: Floats, outer: Floats, n: int) -> Floats:
    """Mean of the second derivative with respect to the entries of the root, summed over subjects (21, 21)."""
    nudge = np.zeros((_L, P, P))
    nudge[np.arange(_L), _ROWS, _COLUMNS] = 1.0
    precision, up, carried = inverse.T @ inverse, inverse.T, inverse.T @ outer
    back = nudge.transpose(0, 2, 1)
    change = -precision @ nudge @ outer - up @ back @ carried - carried @ back @ up + n * up @ back @ up
    return np.asarray(change[:, _ROWS, _COLUMNS])


def _carried(
    theta: Floats, prior: PriorNumbers, effects: int, of_root: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """From means, root and ln sigma to the unconstrained vector.

    Jacobian of the former by the latter; curvature of the root along its gradient ``of_root``; gradient and curvature of
    the logarithm of the prior. First derivatives are exact to rounding; second ones are central differences of them.
    """
    d, start = theta.size, P + effects
    complex_step = _TINY * 1j * np.eye(d)
    shift = _SMALL * np.eye(d)[:, None, :]
    sides = [theta + shift + complex_step, theta - shift + complex_step]

    def along(at: Floats) -> Floats:
        roots = unpack(at, effects, correlated=prior.correlated, xp=np).root
        return np.asarray(roots.imag[..., _ROWS, _COLUMNS] / _TINY)

    turn = np.zeros((start + _L + 1, d))
    turn[:start, :start] = np.eye(start)
    turn[-1, -1] = 1.0
    turn[start:-1] = along(theta + complex_step).T
    bent = (along(sides[0]) - along(sides[1])) @ of_root / (2.0 * _SMALL)
    slope = log_prior(theta + complex_step, prior, effects, np).imag / _TINY
    bend = (log_prior(sides[0], prior, effects, np).imag - log_prior(sides[1], prior, effects, np).imag) / _TINY
    bend = bend / (2.0 * _SMALL)
    return turn, 0.5 * (bent + bent.T), slope, 0.5 * (bend + bend.T)
