"""Maximum of the (penalised) proportional-odds likelihood of many covariates, for many weighted fits of one set of subjects at once.

logit P(Y >= j) = alpha_j + x'b, j = 1..K-1 (McCullagh, JRSS B 1980;42:109-142). With Jeffreys' penalty the objective is
l + 1/2 log det I, I the expected information of all parameters: with two grades Firth's likelihood (Firth, Biometrika 1993;80:27-38), and finite
where the grades are separated. Fisher scoring with step halving.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logit

from correlates.stats.arrays import Bools, Floats, Ints, where
from correlates.stats.cumulative_logit import Chances, chances, expected_information, log_likelihood, score

_STEPS = 400
_WIDEST = 5.0  # largest change of a cumulative logit in one step
_FARTHEST = 20.0  # a predictor this far from its mean, without a penalty, has left for infinity


@dataclass(frozen=True, slots=True, kw_only=True)
class Fits:
    """R fits: columns ``x`` (n, p) shared or (R, n, p), grades ``y`` (n,) 0..k-1 that all occur in each, ``weight`` (R, n)."""

    x: Floats
    y: Ints
    k: int
    weight: Floats
    penalised: bool

    @property
    def thresholds(self) -> int:
        """K - 1."""
        return self.k - 1

    @property
    def size(self) -> int:
        """Parameters: thresholds first, then coefficients."""
        return self.k - 1 + int(self.x.shape[-1])

    def rows(self, at: Ints) -> Fits:
        """Some of the fits."""
        own = self.x if self.x.ndim == 2 else self.x[at]
        return Fits(x=own, y=self.y, k=self.k, weight=self.weight[at], penalised=self.penalised)

    def eta(self, theta: Floats) -> Floats:
        """Cumulative logits (R, n, K - 1)."""
        q = self.thresholds
        found: Floats = theta[:, None, :q] + self.times(theta[:, q:])[:, :, None]
        return found

    def times(self, beta: Floats) -> Floats:
        """Linear predictors (R, n) of coefficients (R, p)."""
        found: Floats = beta @ self.x.T if self.x.ndim == 2 else (self.x @ beta[:, :, None])[:, :, 0]
        return found

    def start(self) -> Floats:
        """Parameters of no effect (R, K - 1 + p): the logits of the cumulative shares."""
        counts = np.stack([self.weight[:, self.y >= j].sum(axis=1) for j in range(1, self.k)], axis=1)
        theta = np.zeros((self.weight.shape[0], self.size))
        theta[:, : self.thresholds] = logit(counts / self.weight.sum(axis=1)[:, None])
        return theta

    def information(self, each: Floats) -> Floats:
        """Information (R, s, s) of the parameters from that of the logits of each subject (R, n, K - 1, K - 1), weighted."""
        q, x = self.thresholds, self.x
        whole = np.empty((each.shape[0], self.size, self.size))
        whole[:, :q, :q] = each.sum(axis=1)
        across = np.swapaxes(each.sum(axis=3), 1, 2)  # (R, K - 1, n)
        whole[:, :q, q:] = across @ x
        whole[:, q:, :q] = np.swapaxes(whole[:, :q, q:], 1, 2)
        total = across.sum(axis=1)
        turned = x.T[None] if x.ndim == 2 else np.swapaxes(x, 1, 2)
        whole[:, q:, q:] = (turned * total[:, None, :]) @ x
        return whole

    def gradient(self, each: Floats) -> Floats:
        """Score (R, s) of the parameters from the derivatives by the logits (R, n, K - 1), weighted."""
        total = each.sum(axis=2)
        beta = total @ self.x if self.x.ndim == 2 else (total[:, None, :] @ self.x)[:, 0, :]
        return np.concatenate((each.sum(axis=1), beta), axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """At some parameters: objective (R,), plain log-likelihood (R,), score of the objective (R, s), expected information (R, s, s)."""

    value: Floats
    log_likelihood: Floats
    gradient: Floats
    information: Floats


def evaluate(fits: Fits, theta: Floats) -> Point:
    """Objective and derivatives at parameters (R, s); minus infinity where the information is singular."""
    eta = fits.eta(theta)
    at = chances(eta)
    plain = log_likelihood(eta, fits.y, fits.weight)
    each = expected_information(at) * fits.weight[:, :, None, None]
    information = fits.information(each)
    pull = score(at, fits.y)
    value = plain
    if fits.penalised:
        sign, size = np.linalg.slogdet(information)
        regular = (sign > 0) & np.isfinite(size)
        value = where(regular, plain + 0.5 * where(regular, size, 0.0), -np.inf)
        inverse = np.linalg.inv(where(regular[:, None, None], information, np.eye(fits.size))).astype(np.float64)
        pull = pull + _tilt(fits, at, inverse)
    gradient = fits.gradient(pull * fits.weight[:, :, None])
    return Point(value=value, log_likelihood=plain, gradient=gradient, information=information)


def _tilt(fits: Fits, at: Chances, inverse: Floats) -> Floats:
    """Derivative of 1/2 log det I by each logit of each subject (R, n, K - 1): half the trace of H_i dW_i, H_i the covariance of its logits."""
    q, x = fits.thresholds, fits.x
    mixed = inverse[:, q:, :q]
    c = x @ mixed  # (R, n, K - 1)
    d = ((x @ inverse[:, q:, q:]) * x).sum(axis=2)
    diagonal = inverse[:, np.arange(q), np.arange(q)][:, None, :] + 2.0 * c + d[:, :, None]
    g, share = at.slope, at.share
    tail = 1.0 - 2.0 * at.above  # derivative of the slope, over the slope
    below, over = g / share[:, :, :-1], g / share[:, :, 1:]  # against the grades on either side of each threshold
    found = diagonal * g * (2.0 * tail * (below + over) + below**2 - over**2)
    if q > 1:
        left, right = g[:, :, :-1], g[:, :, 1:]
        by_left, by_right = left / share[:, :, 1:-1], right / share[:, :, 1:-1]
        beside = inverse[:, np.arange(q - 1), np.arange(1, q)][:, None, :] + c[:, :, :-1] + c[:, :, 1:] + d[:, :, None]
        # of W_jj by the next logit, and of W_j+1,j+1 by this one
        found[:, :, 1:] += diagonal[:, :, :-1] * by_left**2 * right
        found[:, :, :-1] -= diagonal[:, :, 1:] * by_right**2 * left
        found[:, :, :-1] += 2.0 * beside * (by_right * left) * (by_left - tail[:, :, :-1])
        found[:, :, 1:] -= 2.0 * beside * (by_left * right) * (by_right + tail[:, :, 1:])
    tilted: Floats = 0.5 * found
    return tilted


@dataclass(frozen=True, slots=True, kw_only=True)
class Maximum:
    """Parameters (R, s), the objective and the plain log-likelihood there (R,), and whether the maximum was reached (R,)."""

    theta: Floats
    value: Floats
    log_likelihood: Floats
    converged: Bools


def maximise(fits: Fits, start: Floats, free: Bools, *, tolerance: float = 1e-16) -> Maximum:
    """The maximum over the parameters that are ``free`` (s,) or (R, s), the others held where they start.

    It is reached when a step would gain less than ``tolerance``. Not reached: without a penalty, grades that are separated.
    """
    count = start.shape[0]
    loose = np.broadcast_to(free, start.shape)
    theta = start.copy()
    value, plain = np.full(count, -np.inf), np.full(count, -np.inf)
    converged = np.zeros(count, dtype=np.bool_)
    live = np.arange(count)
    point = evaluate(fits, theta)
    for _ in range(_STEPS):
        part, own = fits.rows(live), loose[live]
        value[live], plain[live] = point.value, point.log_likelihood
        both = own[:, :, None] & own[:, None, :]
        system = where(both, point.information, 0.0)
        system[:, np.arange(fits.size), np.arange(fits.size)] += where(own, 0.0, 1.0)
        pull = where(own, point.gradient, 0.0)
        move = solved(system, pull)
        bad = ~np.isfinite(move).all(axis=1) | ~np.isfinite(point.value)
        move[bad] = 0.0
        gain = (move * pull).sum(axis=1)
        change = np.abs(part.eta(move)).max(axis=(1, 2), initial=0.0)
        move *= np.minimum(1.0, _WIDEST / np.maximum(change, _WIDEST))[:, None]
        away = part.times(theta[live][:, fits.thresholds :])
        gone = bad | (
            ~np.bool_(fits.penalised) & (np.abs(away * (part.weight > 0)).max(axis=1, initial=0.0) > _FARTHEST)
        )
        reached = ~gone & (gain < tolerance * (1.0 + np.abs(point.value)))
        converged[live[reached]] = True
        going = np.flatnonzero(~reached & ~gone)
        if not going.size:
            break
        part, old, move = part.rows(going), theta[live[going]], move[going]
        before = point.value[going]
        live = live[going]
        scale = np.ones(live.size)
        for _ in range(30):
            tried = old + scale[:, None] * move
            point = evaluate(part, tried)
            worse = ~(point.value >= before - 1e-11 * (1.0 + np.abs(before)))
            if not worse.any():
                break
            scale = where(worse, scale / 2.0, scale)
        theta[live] = tried
    return Maximum(theta=theta, value=value, log_likelihood=plain, converged=converged)


def solved(matrix: Floats, right: Floats) -> Floats:
    """Solutions (R, s) of R systems; NaN where a matrix is singular."""
    try:
        found: Floats = np.linalg.solve(matrix, right[:, :, None])[:, :, 0].astype(np.float64)
    except np.linalg.LinAlgError:
        found = np.full(right.shape, np.nan)
        for row in range(matrix.shape[0]):
            if np.isfinite(matrix[row]).all() and np.linalg.matrix_rank(matrix[row]) == matrix.shape[1]:
                found[row] = np.linalg.solve(matrix[row], right[row])
    return found
