"""The fast mode: Laplace's approximation, corrected by importance sampling of the subjects and of the population.

The parameters of the subjects are integrated out. Laplace's approximation at each subject's mode gives a proposal, and
importance sampling from it corrects the approximation, so that neither the kink of the curve at the peak nor a censored
sample biases what comes out. The population parameters that maximise the corrected marginal posterior, and its curvature
there, place draws of the population, and these are weighted by the corrected marginal posterior in their turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from correlates.population.density import Data, Floats, P, PriorNumbers, free_of, log_level, size
from correlates.population.marginal import Height, Sampled, height, moments, normal, points, sample
from correlates.population.modes import Modes, modes, slopes
from correlates.population.reweigh import draw

_COARSE, _FINE, _FINER = (40_000, 512, 1024, 10, 30), (100_000, 512, 4096, 8, 24), (400_000, 2048, 16_384, 2, 6)
"""Importance samples of all subjects together, fewest and most of one, rounds that go the whole way, and most rounds: at first, then,
and where the maximum has not settled or a subject has few effective samples. Where the whole way leads back and forth, half of it
settles."""
_EM_ROUNDS, _CLIMBS, _SETTLED, _NEAR, _FEW = 10, 5, 0.15, 0.25, 100.0
_FLATTEST, _FARTHEST, _LESS = 0.01, 1.0, 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class LaplaceFit:
    """The maximum, its curvature and draws from the posterior.

    Attributes
    ----------
    theta
        The maximum of the posterior of the unconstrained vector (d,).
    covariance
        The inverse of the curvature there (d, d): what Laplace's approximation takes for the posterior covariance.
    centre, spread
        Mean (n, 6) and covariance (n, 6, 6) of each subject given the population at the maximum.
    draws
        Draws of the unconstrained vector (s, d).
    phi
        Draws of the subjects' logarithms of the parameters, each given the draw of the population (s, n, 6).
    weighted
        Covariance of the draws' candidates, weighted (d, d).
    step
        Largest remaining step to the maximum, in standard errors.
    effective
        Share of effective importance samples, the smallest over subjects.
    pareto
        Shape of the tail of the weights of the population.
    """

    theta: Floats
    covariance: Floats
    centre: Floats
    spread: Floats
    draws: Floats
    phi: Floats
    weighted: Floats
    step: float
    effective: float
    pareto: float


def fit(data: Data, prior: PriorNumbers, *, draws: int, rng: np.random.Generator) -> LaplaceFit:
    """Fit by the fast mode.

    Parameters
    ----------
    data, prior
        What is fitted and the priors.
    draws
        Draws from the posterior.
    rng
        Source of the importance samples and of the draws.
    """
    drawn, found = _expectation_maximisation(data, prior)
    at = _Place(drawn=drawn, centre=found.phi, spread=found.covariance)
    for size_of in (_COARSE, _FINE):
        last = _settle(at, size_of, data, prior, rng)
        at = last.after
    if last.step > _NEAR or last.here.effective * last.here.weights.shape[1] < _FEW:
        last = _settle(at, _FINER, data, prior, rng)
    weights = last.here.weights
    made = draw(last.theta, last.covariance, weights, last.sampled, data, prior, draws=draws, rng=rng)
    return LaplaceFit(
        theta=last.theta,
        covariance=last.covariance,
        centre=last.middle,
        spread=last.width,
        draws=made.theta,
        phi=made.phi,
        weighted=made.covariance,
        step=last.step,
        effective=last.here.effective,
        pareto=made.pareto,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What importance samples are drawn for: a population (d,), and centre (n, 6) and covariance (n, 6, 6) of each subject."""

    drawn: Floats
    centre: Floats
    spread: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """Where the last round came to, from which samples, and what samples of a next one would be drawn for."""

    theta: Floats
    covariance: Floats
    here: Height
    sampled: Sampled
    middle: Floats
    width: Floats
    step: float
    after: _Place


def _settle(
    at: _Place, size_of: tuple[int, int, int, int, int], data: Data, prior: PriorNumbers, rng: np.random.Generator
) -> _Round:
    """Rounds of sampling about the last maximum and climbing to the next, until the two are close."""
    together, fewest, most, free, rounds = size_of
    n = data.days.shape[0]
    even = points(n, int(np.clip(together / n, fewest, most)), rng)
    for turn in range(rounds):
        sampled = sample(at.centre, at.spread, normal(at.drawn, data, prior), data, even)
        theta, here, left = _climb(at.drawn, sampled, data, prior)
        covariance = _inverse(here.information)
        step = max(left, float(np.max(np.abs(theta - at.drawn) / np.sqrt(np.diag(covariance)))))
        middle, width = moments(here.weights, sampled, at.spread)
        keep = 0.0 if turn < free else 0.5
        at = _Place(
            drawn=keep * at.drawn + (1.0 - keep) * theta,
            centre=keep * at.centre + (1.0 - keep) * middle,
            spread=keep * at.spread + (1.0 - keep) * width,
        )
        if step < _SETTLED:
            break
    return _Round(
        theta=theta,
        covariance=covariance,
        here=here,
        sampled=sampled,
        middle=middle,
        width=width,
        step=step,
        after=at,
    )


def _modes(theta: Floats, data: Data, prior: PriorNumbers, start: Floats | None) -> Modes:
    means, root = normal(theta, data, prior)
    return modes(data, means, root, float(np.exp(theta[-1])), start)


def _expectation_maximisation(data: Data, prior: PriorNumbers) -> tuple[Floats, Modes]:
    """A starting point: rounds in which the population follows from the subjects' modes and their curvature."""
    effects = data.design.shape[1]
    theta = np.zeros(size(effects, correlated=prior.correlated))
    theta[:P] = prior.mean
    after = P + effects
    theta[after : after + P] = np.log(0.5)
    theta[-1] = np.log(0.5)
    found = _modes(theta, data, prior, None)
    for _ in range(_EM_ROUNDS):
        theta = _updated(theta, found, data, prior)
        found = _modes(theta, data, prior, found.phi)
    return theta, found


def _updated(theta: Floats, found: Modes, data: Data, prior: PriorNumbers) -> Floats:
    """The population that is most likely given where the subjects are and how well that is known."""
    n, after = found.phi.shape[0], P + data.design.shape[1]
    theta = theta.copy()
    weight = 1.0 / (1.0 + (np.exp(theta[after : after + P]) / prior.sd) ** 2 / n)
    theta[:P] = (1.0 - weight) * found.phi.mean(axis=0) + weight * prior.mean
    away = found.phi - theta[:P]
    between = (away.T @ away + found.covariance.sum(axis=0)) / n
    omega = np.clip(np.sqrt(np.diag(between)), 0.05, 3.0)
    theta[after : after + P] = np.log(omega)
    if prior.correlated:
        correlation = between / np.sqrt(np.outer(np.diag(between), np.diag(between)))
        theta[after + P : -1] = free_of((1.0 - _LESS) * correlation + _LESS * np.eye(P))
    levels = log_level(found.phi[:, None, :], data.days, np)
    seen = data.valid & (data.code == 0)
    slope = slopes(found.phi, data.days)
    squares = (data.logs - levels) ** 2 + np.einsum("nkj,njl,nkl->nk", slope, found.covariance, slope)
    if seen.any():
        theta[-1] = np.log(np.clip(np.sqrt(squares[seen].mean()), 0.02, 3.0))
    return theta


def _climb(theta: Floats, sampled: Sampled, data: Data, prior: PriorNumbers) -> tuple[Floats, Height, float]:
    """Toward the maximum by Newton's steps, as far as the importance samples can be trusted.

    Farther than about a standard error from the population they were drawn for, a few samples get all the weight, and
    the height follows them instead of the data. A step that does not climb is halved.

    Returns
    -------
    tuple
        Where it ends, the height there, and the step in standard errors that led nowhere higher; 0 where none did.
    """
    start, here, left = theta, height(theta, sampled, data, prior), 0.0
    covariance = _inverse(here.information)
    error = np.sqrt(np.diag(covariance))
    for _ in range(_CLIMBS):
        step = covariance @ here.gradient
        if np.max(np.abs(step) / error) < 0.1 * _SETTLED:
            break
        goal = theta + step - start
        farthest = float(np.max(np.abs(goal) / error))
        goal = goal * min(1.0, _FARTHEST / farthest)
        for _ in range(_CLIMBS):
            ahead = height(start + goal, sampled, data, prior)
            if ahead.value > here.value:
                break
            goal = 0.5 * (goal + theta - start)
        else:
            left = float(np.max(np.abs(step) / error))
            break
        theta, here = start + goal, ahead
        if farthest > _FARTHEST:
            break
        covariance = _inverse(here.information)
    return theta, here, left


def _inverse(information: Floats) -> Floats:
    """The inverse of the curvature, made positive definite where it is not: away from the maximum it need not be."""
    values, vectors = np.linalg.eigh(information)
    return np.asarray((vectors / np.maximum(np.abs(values), _FLATTEST)) @ vectors.T)
