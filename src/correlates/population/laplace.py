"""The fast mode: maximum a posteriori of the population with a normal approximation about it.

The parameters of the subjects are integrated out. Laplace's approximation at each subject's mode gives a proposal, and
importance sampling from it corrects the approximation, so that neither the kink of the curve at the peak nor a censored
sample biases what comes out; the population parameters maximise the corrected marginal posterior, whose curvature gives
their uncertainty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, log_ndtr, logsumexp

from correlates.population.density import (
    Data,
    Floats,
    P,
    PriorNumbers,
    individual_means,
    log_level,
    log_prior,
    size,
    unpack,
)
from correlates.population.modes import Modes, modes

_FEWEST, _MOST, _IN_ALL = 9, 11, 60000  # 512 to 2048 samples of a subject, as many as make about 60,000 of all
_FREEDOM, _WIDER, _SHARES = 6.0, 2.0, (0.65, 0.2, 0.15)
_EM_ROUNDS, _ROUNDS, _FREE, _CLIMBS, _SETTLED = 12, 24, 8, 10, 0.15
_DOUBT, _ENOUGH = 10.0, 0.1
_KEPT, _AT_ONCE = 128, 50
_LOG_ROOT_TWO_PI = 0.9189385332046727


@dataclass(frozen=True, slots=True, kw_only=True)
class LaplaceFit:
    """The maximum, its curvature and draws from the normal approximation.

    Attributes
    ----------
    theta, covariance
        The maximum of the posterior of the unconstrained vector (d,) and the inverse of the curvature there (d, d).
    modes
        The modes of the subjects there.
    draws
        Draws of the unconstrained vector (s, d).
    phi
        Draws of the subjects' logarithms of the parameters, each given the draw of the population (s, n, 6).
    step
        Largest remaining step to the maximum, in standard errors.
    effective
        Share of effective importance samples, the smallest over subjects.
    definite
        Whether the curvature is positive definite.
    """

    theta: Floats
    covariance: Floats
    modes: Modes
    draws: Floats
    phi: Floats
    step: float
    effective: float
    definite: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sampled:
    """Importance samples of every subject: what does not change with the population is computed once.

    ``phi`` (n, m, 6); ``proposal`` (n, m) logarithm of the density they were drawn from; ``squares`` (n, m) and ``seen``
    (n,) sum of squared residuals and number of quantified samples; ``gaps`` (m, q) signed distances of the q censored
    samples from the curve, ``owner`` (q,) whose they are.
    """

    phi: Floats
    proposal: Floats
    squares: Floats
    seen: Floats
    gaps: Floats
    owner: np.ndarray


def fit(data: Data, prior: PriorNumbers, *, draws: int, rng: np.random.Generator) -> LaplaceFit:
    """Fit by the fast mode.

    Parameters
    ----------
    data, prior
        What is fitted and the priors.
    draws
        Draws from the normal approximation.
    rng
        Source of the importance samples and of the draws.
    """
    effects = data.design.shape[1]
    n = data.days.shape[0]
    normal, stretch = _points(n, rng)
    theta, found = _expectation_maximisation(data, prior, effects)
    centre, spread, drawn = found.phi, found.covariance, theta
    covariance, step = np.eye(theta.size), np.inf
    sampled = _sample(centre, spread, _normal(drawn, data, prior, effects), data, normal, stretch)
    for turn in range(_ROUNDS):
        if turn == 0:
            theta = _ascend(theta, sampled, data, prior, effects)
            covariance = _inverse_curvature(theta, sampled, data, prior, effects)[0]
        else:
            theta = _climb(theta, covariance, sampled, data, prior, effects)
        step = float(np.max(np.abs(theta - drawn) / np.sqrt(np.diag(covariance))))
        weights = _weights(theta, sampled, data, prior, effects)
        if step < _SETTLED and _effective(weights) > _ENOUGH:
            break
        keep = 0.0 if turn < _FREE else 0.5
        middle, width = _moments(weights, sampled, spread)
        centre, spread = keep * centre + (1.0 - keep) * middle, keep * spread + (1.0 - keep) * width
        drawn = keep * drawn + (1.0 - keep) * theta
        sampled = _sample(centre, spread, _normal(drawn, data, prior, effects), data, normal, stretch)
    covariance, definite = _inverse_curvature(theta, sampled, data, prior, effects)
    weights = _weights(theta, sampled, data, prior, effects)
    effective = _effective(weights)
    root = np.linalg.cholesky(covariance)
    thetas = theta + rng.standard_normal((draws, theta.size)) @ root.T
    phi = _individuals(thetas, theta, weights, sampled, data, prior, effects, rng)
    return LaplaceFit(
        theta=theta,
        covariance=covariance,
        modes=_modes(theta, data, prior, effects, found.phi),
        draws=thetas,
        phi=phi,
        step=step,
        effective=effective,
        definite=definite,
    )


def _normal(theta: Floats, data: Data, prior: PriorNumbers, effects: int) -> tuple[Floats, Floats]:
    """Means and root of the distribution of the subjects."""
    population = unpack(theta, effects, correlated=prior.correlated, xp=np)
    return np.asarray(individual_means(population, data, np)), np.asarray(population.root)


def _modes(theta: Floats, data: Data, prior: PriorNumbers, effects: int, start: Floats | None) -> Modes:
    means, root = _normal(theta, data, prior, effects)
    return modes(data, means, root, float(np.exp(theta[-1])), start)


def _expectation_maximisation(data: Data, prior: PriorNumbers, effects: int) -> tuple[Floats, Modes]:
    """A starting point: rounds in which the population follows from the subjects' modes and their curvature."""
    theta = np.zeros(size(effects, correlated=prior.correlated))
    theta[:P] = prior.mean
    after = P + effects
    theta[after : after + P] = np.log(0.5)
    theta[-1] = np.log(0.5)
    found = _modes(theta, data, prior, effects, None)
    for _ in range(_EM_ROUNDS):
        n = found.phi.shape[0]
        weight = 1.0 / (1.0 + (np.exp(theta[after : after + P]) / prior.sd) ** 2 / n)
        theta[:P] = (1.0 - weight) * found.phi.mean(axis=0) + weight * prior.mean
        spread = ((found.phi - theta[:P]) ** 2).mean(axis=0) + np.einsum("njj->nj", found.covariance).mean(axis=0)
        theta[after : after + P] = np.log(np.clip(np.sqrt(spread), 0.05, 3.0))
        levels = log_level(found.phi[:, None, :], data.days, np)
        seen = data.valid & (data.code == 0)
        theta[-1] = np.log(np.clip(np.sqrt(((data.logs - levels) ** 2)[seen].mean()), 0.02, 3.0))
        found = _modes(theta, data, prior, effects, found.phi)
    return theta, found


def _ascend(theta: Floats, sampled: _Sampled, data: Data, prior: PriorNumbers, effects: int) -> Floats:
    """To the maximum from afar, by a quasi-Newton method."""
    from scipy.optimize import minimize

    def negative(at: Floats) -> tuple[float, Floats]:
        return _negative(at, sampled, data, prior, effects)

    return np.asarray(minimize(negative, theta, jac=True, method="L-BFGS-B").x)


def _climb(
    theta: Floats, covariance: Floats, sampled: _Sampled, data: Data, prior: PriorNumbers, effects: int
) -> Floats:
    """To the maximum by steps with a curvature taken nearby; a step that does not climb is halved."""
    height, gradient = _negative(theta, sampled, data, prior, effects)
    for _ in range(_CLIMBS):
        step = -covariance @ gradient
        if np.max(np.abs(step) / np.sqrt(np.diag(covariance))) < 0.1 * _SETTLED:
            break
        for _ in range(_CLIMBS):
            reached, ahead = _negative(theta + step, sampled, data, prior, effects)
            if reached < height:
                theta, height, gradient = theta + step, reached, ahead
                break
            step = 0.5 * step
    return theta


def _points(n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Standard normal points (n, m, 6) and stretches (n, m) that make them a t distribution.

    Sobol points, shifted at random for each subject, so that the integrals need fewer of them.
    """
    from scipy.special import gammaincinv, ndtri
    from scipy.stats.qmc import Sobol

    power = int(np.clip(np.round(np.log2(_IN_ALL / n)), _FEWEST, _MOST))
    even = Sobol(d=P + 1, scramble=True, rng=rng).random_base2(power)
    shifted = (even + rng.random((n, 1, P + 1))) % 1.0
    inside = np.clip(shifted, 1e-12, 1.0 - 1e-12)
    return ndtri(inside[..., :P]), np.sqrt(_FREEDOM / (2.0 * gammaincinv(_FREEDOM / 2.0, inside[..., P])))


def _effective(weights: Floats) -> float:
    """Share of effective importance samples, the smallest over subjects."""
    return float((1.0 / (weights**2).sum(axis=1)).min() / weights.shape[1])


def _moments(weights: Floats, sampled: _Sampled, spread: Floats) -> tuple[Floats, Floats]:
    """Mean and covariance of each subject by its weighted samples; the covariance keeps a part of the former one."""
    centre = np.einsum("nm,nmj->nj", weights, sampled.phi)
    away = sampled.phi - centre[:, None, :]
    seen = np.einsum("nm,nmj,nmk->njk", weights, away, away)
    trust = (1.0 / (weights**2).sum(axis=1))[:, None, None]
    return centre, (trust * seen + _DOUBT * spread) / (trust + _DOUBT)


def _sample(
    centre: Floats,
    spread: Floats,
    population: tuple[Floats, Floats],
    data: Data,
    normal: Floats,
    stretch: Floats,
) -> _Sampled:
    """Samples from a mixture: a t distribution about each centre, a wider one, and the population itself.

    ``population`` holds the means (n, 6) and the root (6, 6). The last two components bound the weights where the first
    is too narrow or in the wrong place, as it may be for a subject with few samples.
    """
    means, outer = population
    root = np.linalg.cholesky(spread)
    first, second = (round(normal.shape[1] * share) for share in (_SHARES[0], _SHARES[0] + _SHARES[1]))
    phi = np.empty_like(normal)
    away = np.einsum("njk,nmk->nmj", root, normal[:, :second]) * stretch[:, :second, None]
    phi[:, :first] = centre[:, None, :] + away[:, :first]
    phi[:, first:second] = centre[:, None, :] + _WIDER * away[:, first:]
    phi[:, second:] = means[:, None, :] + normal[:, second:] @ outer.T
    distance = (((phi - centre[:, None, :]) @ np.linalg.inv(root).transpose(0, 2, 1)) ** 2).sum(axis=-1)
    scale = np.log(np.einsum("njj->nj", root)).sum(axis=1)[:, None]
    student = gammaln(0.5 * (_FREEDOM + P)) - gammaln(0.5 * _FREEDOM) - 0.5 * P * np.log(_FREEDOM * np.pi)
    near = student - 0.5 * (_FREEDOM + P) * np.log1p(distance / _FREEDOM) - scale
    wide = student - 0.5 * (_FREEDOM + P) * np.log1p(distance / (_FREEDOM * _WIDER**2)) - scale - P * np.log(_WIDER)
    beyond = (((phi - means[:, None, :]) @ np.linalg.inv(outer).T) ** 2).sum(axis=-1)
    whole = -0.5 * beyond - P * _LOG_ROOT_TWO_PI - np.log(np.diag(outer)).sum()
    proposal = logsumexp(np.stack([near, wide, whole]), axis=0, b=np.array(_SHARES)[:, None, None])
    levels = log_level(phi[:, :, None, :], data.days[:, None, :], np)
    residual = data.logs[:, None, :] - levels
    seen = data.valid & (data.code == 0)
    owner, column = np.nonzero(data.valid & (data.code != 0))
    return _Sampled(
        phi=phi,
        proposal=proposal,
        squares=np.where(seen[:, None, :], residual**2, 0.0).sum(axis=-1),
        seen=seen.sum(axis=1).astype(np.float64),
        gaps=(-data.code[owner, column].astype(np.float64)[:, None] * residual[owner, :, column]).T,
        owner=owner,
    )


def _likelihoods(log_sigma: float, sampled: _Sampled) -> tuple[Floats, Floats]:
    """Log-likelihood of each importance sample (n, m), and its derivative with respect to ln sigma."""
    sigma = np.exp(log_sigma)
    scaled = sampled.squares / sigma**2
    value = -0.5 * scaled - sampled.seen[:, None] * log_sigma
    slope = scaled - sampled.seen[:, None]
    if sampled.owner.size:
        side = sampled.gaps / sigma
        below = log_ndtr(side)
        hazard = np.exp(-0.5 * side * side - _LOG_ROOT_TWO_PI - below)
        starts = np.flatnonzero(np.r_[True, np.diff(sampled.owner) > 0])
        rows = sampled.owner[starts]
        value[rows] += np.add.reduceat(below, starts, axis=1).T
        slope[rows] -= np.add.reduceat(hazard * side, starts, axis=1).T
    return value, slope


def _terms(
    theta: Floats, sampled: _Sampled, data: Data, prior: PriorNumbers, effects: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Log weights (n, m); standardised distances (n, m, 6) of the samples from their means; slope in ln sigma; root."""
    population = unpack(theta, effects, correlated=prior.correlated, xp=np)
    means = individual_means(population, data, np)
    inverse = np.linalg.inv(population.root)
    standard = (sampled.phi - means[:, None, :]) @ inverse.T
    density = -0.5 * (standard**2).sum(axis=-1) - np.log(np.diag(population.root)).sum()
    likelihood, slope = _likelihoods(float(theta[-1]), sampled)
    return likelihood + density - sampled.proposal, standard, slope, population.root


def _weights(theta: Floats, sampled: _Sampled, data: Data, prior: PriorNumbers, effects: int) -> Floats:
    logs = _terms(theta, sampled, data, prior, effects)[0]
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _negative(theta: Floats, sampled: _Sampled, data: Data, prior: PriorNumbers, effects: int) -> tuple[float, Floats]:
    """The negated logarithm of the marginal posterior and its gradient.

    The derivative of a logarithm of a mean of weights is the weighted mean of the derivatives (Fisher's identity); those
    of the covariance and the prior with respect to the unconstrained vector are taken by complex steps.
    """
    logs, standard, slope, root = _terms(theta, sampled, data, prior, effects)
    top = logs.max(axis=1, keepdims=True)
    weights = np.exp(logs - top)
    total = weights.sum(axis=1, keepdims=True)
    value = float((np.log(total) + top).sum())
    weights = weights / total
    pull = (weights[:, None, :] @ standard)[:, 0, :] @ np.linalg.inv(root)  # with respect to the means (n, 6)
    flat = standard.reshape(-1, P)
    outer = (flat * weights.reshape(-1, 1)).T @ flat
    of_root = np.tril(np.linalg.solve(root.T, outer)) - np.diag(data.days.shape[0] / np.diag(root))
    start = P + effects
    gradient = np.zeros(theta.size)
    gradient[:P] = pull.sum(axis=0)
    gradient[P:start] = np.einsum("nc,cj,nj->c", data.design, data.target, pull)
    gradient[-1] = (weights * slope).sum()
    nudged = theta + 1e-30j * np.eye(theta.size)
    roots = unpack(nudged, effects, correlated=prior.correlated, xp=np).root
    gradient[start:-1] += np.einsum("djk,jk->d", roots.imag[start:-1] / 1e-30, of_root)
    value += float(log_prior(theta, prior, effects, np))
    gradient += log_prior(nudged, prior, effects, np).imag / 1e-30
    return -value, -gradient


def _inverse_curvature(
    theta: Floats, sampled: _Sampled, data: Data, prior: PriorNumbers, effects: int
) -> tuple[Floats, bool]:
    """The inverse of the observed information, and whether it is positive definite (made so where it is not)."""
    step = 1e-3
    columns = []
    for i in range(theta.size):
        shift = np.zeros(theta.size)
        shift[i] = step
        up = _negative(theta + shift, sampled, data, prior, effects)[1]
        down = _negative(theta - shift, sampled, data, prior, effects)[1]
        columns.append((up - down) / (2.0 * step))
    hessian = np.array(columns)
    values, vectors = np.linalg.eigh(0.5 * (hessian + hessian.T))
    positive = bool(values[0] > 1e-6)
    return (vectors / np.maximum(values, 1e-2)) @ vectors.T, positive


def _individuals(
    thetas: Floats,
    theta: Floats,
    weights: Floats,
    sampled: _Sampled,
    data: Data,
    prior: PriorNumbers,
    effects: int,
    rng: np.random.Generator,
) -> Floats:
    """For each draw of the population one draw of each subject: importance samples, weighted anew for that population."""
    n = weights.shape[0]
    grid = np.cumsum(weights, axis=1)
    places = (rng.random((n, 1)) + np.arange(_KEPT)) / _KEPT
    chosen = np.stack([np.searchsorted(grid[i], places[i] * grid[i, -1]) for i in range(n)])
    phi = np.take_along_axis(sampled.phi, chosen[..., None], axis=1)
    nodes = theta[-1] + np.array([-1.0, 0.0, 1.0]) * max(float(np.std(thetas[:, -1])) * 2.0, 1e-6)
    table = np.stack([np.take_along_axis(_likelihoods(float(s), sampled)[0], chosen, axis=1) for s in nodes])
    upper = np.triu_indices(P)
    squares = (phi[..., upper[0]] * phi[..., upper[1]]).reshape(n * _KEPT, -1)
    twice = np.where(upper[0] == upper[1], 1.0, 2.0)

    def heights(many: Floats) -> Floats:
        """Log density of each kept sample under each of k populations, (n, kept, k), but for a constant of each."""
        population = unpack(many, effects, correlated=prior.correlated, xp=np)
        inverse = np.linalg.inv(population.root)
        precision = inverse.transpose(0, 2, 1) @ inverse
        means = individual_means(population, data, np)
        linear = phi @ np.einsum("kij,knj->nik", precision, means)
        quadratic = squares @ (precision[:, upper[0], upper[1]] * twice).T
        x = (many[:, -1] - nodes[1]) / (nodes[2] - nodes[1])
        low, mid, high = (part[..., None] for part in table)
        likelihood = low * (x * (x - 1) / 2) + mid * (1 - x * x) + high * (x * (x + 1) / 2)
        return np.asarray(likelihood + linear - 0.5 * quadratic.reshape(n, _KEPT, -1))

    old = heights(theta[None, :])
    made = np.empty((thetas.shape[0], n, P))
    for first in range(0, thetas.shape[0], _AT_ONCE):
        part = thetas[first : first + _AT_ONCE]
        logs = heights(part) - old
        share = np.exp(logs - logs.max(axis=1, keepdims=True))
        sums = np.cumsum(share, axis=1)
        pick = (sums < rng.random((n, 1, part.shape[0])) * sums[:, -1:, :]).sum(axis=1)
        made[first : first + _AT_ONCE] = phi[np.arange(n)[None, :], np.minimum(pick, _KEPT - 1).T]
    return made
