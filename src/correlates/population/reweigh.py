"""Draws of the population and of every subject, weighted by the posterior rather than by its approximation.

Draws of the population come from a t distribution about the maximum; each is weighted by the marginal posterior there,
which the importance samples of the subjects give for any population near the maximum. The weights correct the normal
approximation where the posterior is skewed, as that of a standard deviation between subjects always is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, logsumexp

from correlates.population.density import Data, Floats, P, PriorNumbers, individual_means, log_prior, unpack
from correlates.population.marginal import Sampled, censored

_FREEDOM, _DOUBT, _LOT = 8.0, 50.0, 400
_FEWEST, _MOST, _ENOUGH, _SHORT = 3, 12, 400.0, 0.65
_CHUNK, _BLOCK, _HIGHEST = 200, 32, 80.0
_UPPER = np.triu_indices(P)
_TWICE = np.where(_UPPER[0] == _UPPER[1], 0.5, 1.0)
Small = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Draws of the unconstrained vector (s, d) and of the subjects (s, n, 6), equally weighted.

    ``pareto`` is the shape of the tail of the weights of the population (Vehtari et al. 2024): above 0.7 they cannot be
    relied on. ``effective`` is the effective number of candidates; ``covariance`` that of the weighted candidates (d, d).
    """

    theta: Floats
    phi: Floats
    pareto: float
    effective: float
    covariance: Floats


def draw(
    theta: Floats,
    covariance: Floats,
    weights: Floats,
    sampled: Sampled,
    data: Data,
    prior: PriorNumbers,
    *,
    draws: int,
    rng: np.random.Generator,
) -> Drawn:
    """Draw population and subjects.

    Parameters
    ----------
    theta, covariance
        The maximum (d,) and the inverse of the curvature there (d, d).
    weights, sampled
        Importance samples of the subjects and their weights at the maximum (n, m).
    data, prior
        What is fitted and the priors.
    draws
        Draws to return.
    rng
        Source of the draws.

    Notes
    -----
    The candidates come in lots: mean and covariance of those so far, weighted, place the next lot, and all lots count
    as one mixture (Cornuet et al. 2012). There are lots until enough candidates are effective, and no more than twelve.
    Of the candidates as many as asked for are taken, systematically, in proportion to their weights.
    """
    table = _Table.of(theta, weights, sampled)
    centre, spread = theta, covariance
    candidates: list[Floats] = []
    heights: list[Floats] = []
    picks: list[npt.NDArray[np.int64]] = []
    lots: list[tuple[Floats, Floats]] = []
    for turn in range(1, _MOST + 1):
        made = _student(centre, spread, _LOT, rng)
        lots.append((centre, spread))
        for part in np.array_split(made, _LOT // _CHUNK):
            height, pick = table.heights(part, data, prior, rng)
            heights.append(height)
            picks.append(pick)
        candidates.append(made)
        every = np.concatenate(candidates)
        proposal = logsumexp([_log_student(every, c, s) for c, s in lots], axis=0) - np.log(turn)
        share, pareto = smoothed(np.concatenate(heights) - proposal)
        effective = float(1.0 / (share**2).sum())
        middle = share @ every
        seen = ((every - middle) * share[:, None]).T @ (every - middle)
        centre, spread = middle, (effective * seen + _DOUBT * covariance) / (effective + _DOUBT)
        if turn >= _FEWEST and effective >= _ENOUGH and pareto <= _SHORT:
            break
    chosen = np.searchsorted(np.cumsum(share), (rng.random() + np.arange(draws)) / draws * (1.0 - 1e-12))
    chosen = rng.permutation(np.minimum(chosen, share.size - 1))
    at = np.concatenate(picks)[chosen]
    return Drawn(
        theta=every[chosen],
        phi=sampled.phi[np.arange(at.shape[1]), at],
        pareto=pareto,
        effective=effective,
        covariance=spread,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """What the logarithm of the weight of an importance sample is linear in.

    The logarithms of the parameters about ``centre`` and their products, the squared residuals, and the censored
    likelihood at three values of ln sigma.

    The ratio of a weight to that at the maximum is the exponential of a product of matrices; single precision is enough
    for it, because both sides are differences from the maximum.
    """

    theta: Floats
    centre: Floats
    features: Small
    weights: Small
    seen: Floats
    width: float

    @classmethod
    def of(cls, theta: Floats, weights: Floats, sampled: Sampled) -> _Table:
        m = weights.shape[1]
        whole = m - m % _BLOCK
        centre = (weights[:, None, :] @ sampled.phi)[:, 0]
        away = (sampled.phi - centre[:, None, :])[:, :whole]
        width = 0.2
        nodes = [censored(float(theta[-1] + x), sampled)[0][:, :whole, None] for x in (-width, 0.0, width)]
        features = np.concatenate(
            [away, away[..., _UPPER[0]] * away[..., _UPPER[1]], sampled.squares[:, :whole, None], *nodes], axis=-1
        )
        return cls(
            theta=theta,
            centre=centre,
            features=features.astype(np.float32),
            weights=weights[:, :whole].astype(np.float32),
            seen=sampled.seen,
            width=width,
        )

    def _coefficients(self, thetas: Floats, data: Data, prior: PriorNumbers) -> tuple[Floats, Floats]:
        """Coefficients of the features (n, 31, k), and what is added (n, k)."""
        population = unpack(thetas, data.design.shape[1], correlated=prior.correlated, xp=np)
        inverse = np.linalg.inv(population.root)
        precision = inverse.transpose(0, 2, 1) @ inverse
        means = np.asarray(individual_means(population, data, np)) - self.centre
        linear = means @ precision
        n, k = self.centre.shape[0], thetas.shape[0]
        x = (thetas[:, -1] - self.theta[-1]) / self.width
        same = np.concatenate(
            [
                -(precision[:, _UPPER[0], _UPPER[1]] * _TWICE).T,
                -0.5 * np.exp(-2.0 * thetas[None, :, -1]),
                [0.5 * x * (x - 1.0), 1.0 - x * x, 0.5 * x * (x + 1.0)],
            ]
        )
        added = (
            -0.5 * (linear * means).sum(axis=-1) - np.log(np.einsum("kii->ki", population.root)).sum(axis=1)[:, None]
        )
        both = np.concatenate([linear.transpose(1, 2, 0), np.broadcast_to(same, (n, *same.shape))], axis=1)
        return both, added.T - self.seen[:, None] * thetas[None, :, -1].reshape(1, k)

    def heights(
        self, thetas: Floats, data: Data, prior: PriorNumbers, rng: np.random.Generator
    ) -> tuple[Floats, npt.NDArray[np.int64]]:
        """The marginal posterior of each population (k,), up to a constant, and a draw of every subject (k, n).

        Such a draw is the place of an importance sample, taken in proportion to its weight.
        """
        many, added = self._coefficients(thetas, data, prior)
        one, base = self._coefficients(self.theta[None, :], data, prior)
        value = (added - base).sum(axis=0) + log_prior(thetas, prior, data.design.shape[1], np)
        pick = np.empty((thetas.shape[0], self.centre.shape[0]), dtype=np.int64)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            change = (many - one).astype(np.float32)
            for i, mass in enumerate(self._masses(change)):
                value += np.log(mass.sum(axis=(0, 1), dtype=np.float64))
                pick[:, i] = _picked(mass, rng)
        # one that no sample of a subject fits, or that is farther off than single precision reaches, has no weight
        return np.where(np.isnan(value), -np.inf, value), pick

    def _masses(self, change: Small) -> Iterator[Small]:
        """Weights of the samples of one subject after another under each population (blocks, 32, k)."""
        for i in range(change.shape[0]):
            ratio = self.features[i] @ change[i]
            np.minimum(ratio, _HIGHEST, out=ratio)
            np.exp(ratio, out=ratio)
            ratio *= self.weights[i][:, None]
            yield ratio.reshape(-1, _BLOCK, ratio.shape[1])


def _picked(mass: Small, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """One sample for each population in proportion to its weight: first the block, then within it."""
    k = np.arange(mass.shape[2])
    blocks = np.cumsum(mass.sum(axis=1, dtype=np.float64), axis=0)
    block = np.minimum((blocks < rng.random(k.size) * blocks[-1]).sum(axis=0), blocks.shape[0] - 1)
    inside = np.cumsum(mass[block, :, k], axis=1, dtype=np.float64)
    place = np.minimum((inside < (rng.random(k.size) * inside[:, -1])[:, None]).sum(axis=1), _BLOCK - 1)
    return np.asarray(block * _BLOCK + place)


def _student(centre: Floats, spread: Floats, count: int, rng: np.random.Generator) -> Floats:
    away = rng.standard_normal((count, centre.size)) @ np.linalg.cholesky(spread).T
    return np.asarray(centre + away * np.sqrt(_FREEDOM / rng.chisquare(_FREEDOM, (count, 1))))


def _log_student(at: Floats, centre: Floats, spread: Floats) -> Floats:
    root = np.linalg.cholesky(spread)
    d = centre.size
    distance = (np.linalg.solve(root, (at - centre).T) ** 2).sum(axis=0)
    constant = gammaln(0.5 * (_FREEDOM + d)) - gammaln(0.5 * _FREEDOM) - 0.5 * d * np.log(_FREEDOM * np.pi)
    return np.asarray(constant - np.log(np.diag(root)).sum() - 0.5 * (_FREEDOM + d) * np.log1p(distance / _FREEDOM))


def smoothed(logs: Floats) -> tuple[Floats, float]:
    """Weights that sum to one, the largest replaced by quantiles of a generalised Pareto distribution, and its shape.

    Pareto-smoothed importance sampling (Vehtari et al. 2024, JMLR 25:72): the tail are the largest ``min(s / 5, 3 sqrt(s))``
    of s weights; no smoothed weight is above the largest raw one.

    Parameters
    ----------
    logs
        Logarithms of the raw weights (s,).
    """
    raw = logs - logs.max()
    order = np.argsort(raw, kind="stable")
    tail = order[-int(np.ceil(min(0.2 * raw.size, 3.0 * np.sqrt(raw.size)))) :]
    cut = float(raw[order[-tail.size - 1]])
    over = np.exp(raw[tail]) - np.exp(cut)
    made, shape = raw.copy(), np.inf
    if over[0] > 0.0:
        shape, scale = _pareto(over)
        at = (np.arange(tail.size) + 0.5) / tail.size
        longer = scale * np.expm1(-shape * np.log1p(-at)) / shape if shape != 0.0 else -scale * np.log1p(-at)
        made[tail] = np.minimum(np.log(longer + np.exp(cut)), 0.0)
    weights = np.exp(made - logsumexp(made))
    return np.asarray(weights), float(shape)


def _pareto(over: Floats) -> tuple[float, float]:
    """Shape and scale of a generalised Pareto distribution (Zhang and Stephens 2009).

    The shape has the weak prior of Vehtari et al. (2024): ten observations of one half.

    Parameters
    ----------
    over
        Excesses over the threshold, rising (k,).
    """
    k = over.size
    grid = 30 + int(np.sqrt(k))
    quarter = over[int(k / 4 + 0.5) - 1]
    rate = 1.0 / over[-1] + (1.0 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))) / (3.0 * quarter)
    shape = np.log1p(-rate[:, None] * over).mean(axis=1)
    profile = k * (np.log(-rate / shape) - shape - 1.0)
    rate_mean = float((rate * np.exp(profile - logsumexp(profile))).sum())
    found = float(np.log1p(-rate_mean * over).mean())
    return (found * k + 5.0) / (k + 10.0), -found / rate_mean
