"""Coefficients of one logistic model in many weighted resamples of one trial: what bootstrap, cross-validation and leave-one-out need.

The likelihood and Firth's penalty are those of :mod:`correlates.stats.logistic` (Firth, Biometrika 1993;80:27-38), with subject i
counted w_i times, which is the same as w_i copies of the row. Fisher scoring with step halving; profiles are not made, so that
a step is a few multiplications of matrices for all resamples together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats, Ints, membership, where
from correlates.stats.logistic import Penalty

_STEPS = 300
_WIDEST = 5.0  # largest change of a linear predictor in one step
_FARTHEST = 15.0  # a linear predictor beyond this, without a penalty, has left for infinity
_TURN = -0.3  # a step that undoes more than this share of the one before is shortened
_CLOSE = 1e-8  # largest change of a linear predictor at which the maximum is taken as reached


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticResamples:
    """Coefficients (B, p), intercept first, NaN where a resample gives none; ``converged`` (B,).

    ``log_likelihood`` (B,) is the unpenalised one at the coefficients. A resample gives none when its columns are linearly dependent,
    or (without a penalty) when it separates events from non-events or holds one class.
    """

    coefficient: Floats
    log_likelihood: Floats
    converged: Bools


def logistic_resamples(
    design: npt.ArrayLike,
    outcome: npt.ArrayLike,
    weight: npt.ArrayLike,
    *,
    penalty: Penalty | str = Penalty.FIRTH,
) -> LogisticResamples:
    """Fit one model in B resamples.

    Parameters
    ----------
    design
        (n, q) covariates without the intercept, shared; or (B, n, q), each resample its own (imputed within it).
    outcome
        (n,) true for an event.
    weight
        (B, n) how often each subject counts.
    penalty
        Firth or none.
    """
    given = np.asarray(design, dtype=np.float64)
    weights = np.atleast_2d(np.asarray(weight, dtype=np.float64))
    count, n = weights.shape
    if given.ndim not in {2, 3} or given.shape[-2] != n or (given.ndim == 3 and given.shape[0] != count):
        raise ValueError(f"design must be ({n}, q) or ({count}, {n}, q), found {given.shape}")
    if not np.isfinite(given).all():
        raise ValueError("design holds NaN or infinity")
    events = membership(outcome, n).astype(np.float64)
    firth = Penalty(penalty) is Penalty.FIRTH
    centre = given.mean(axis=-2, keepdims=True)
    spread = given.std(axis=-2, keepdims=True)
    spread = where(spread > 0, spread, 1.0)
    columns = (given - centre) / spread
    columns = np.concatenate((np.ones((*columns.shape[:-1], 1)), columns), axis=-1)
    fit = _fit(columns, events, weights, firth=firth)
    beta = fit.coefficient.copy()
    beta[:, 1:] /= spread[..., 0, :]
    beta[:, 0] -= (beta[:, 1:] * centre[..., 0, :]).sum(axis=1)
    return LogisticResamples(coefficient=beta, log_likelihood=fit.log_likelihood, converged=fit.converged)


def _fit(columns: Floats, events: Floats, weight: Floats, *, firth: bool) -> LogisticResamples:
    count = weight.shape[0]
    p = columns.shape[-1]
    shared = columns.ndim == 2
    products = (columns[..., :, None] * columns[..., None, :]).reshape(*columns.shape[:-1], p * p)
    total = weight.sum(axis=1)
    happened = weight @ events
    beta = np.zeros((count, p))
    beta[:, 0] = np.log((happened + 0.5) / (total - happened + 0.5))
    value = np.full(count, np.nan)
    converged = np.zeros(count, dtype=np.bool_)
    live = np.arange(count)
    best = np.full(count, -np.inf)
    previous, last = beta.copy(), np.zeros((count, p))
    halvings = np.zeros(count, dtype=np.int64)
    for _ in range(_STEPS):
        x = columns if shared else columns[live]
        xx = products if shared else products[live]
        eta = _times(x, beta[live])
        decay = np.exp(-np.abs(eta))
        share = 1.0 / (1.0 + decay)
        probability = where(eta >= 0, share, decay * share)
        variance = decay * share * share
        w = weight[live]
        likelihood = (w * (events * eta - np.maximum(eta, 0.0) + np.log(share))).sum(axis=1)
        information = _sum(xx, w * variance).reshape(-1, p, p)
        sign, logdet = np.linalg.slogdet(information)
        regular = (sign > 0) & (logdet > -60.0)
        target = likelihood + (0.5 * where(regular, logdet, 0.0) if firth else 0.0)
        target = where(regular, target, -np.inf)
        worse = target < best[live] - 1e-10 * (1.0 + np.abs(best[live]))
        again = worse & (halvings[live] < 30)
        inverse: Floats = np.linalg.inv(where(regular[:, None, None], information, np.eye(p))).astype(np.float64)
        residual = w * (events - probability)
        if firth:
            leverage = _times(xx, inverse.reshape(-1, p * p))
            residual = residual + w * variance * leverage * (0.5 - probability)
        score = _sum(x, residual)
        step = (inverse @ score[:, :, None])[:, :, 0]
        # a subject of leverage 1 (alone in its class) is carried past the maximum as far as it stood before it: such a step is shortened
        back = np.minimum((step * last[live]).sum(axis=1) / np.maximum((last[live] ** 2).sum(axis=1), 1e-300), 0.0)
        last[live] = step
        step /= where(back < _TURN, 1.0 - np.maximum(back, -1.0), 1.0)[:, None]
        move = np.abs(_times(x, step)).max(axis=1)
        step *= np.minimum(1.0, _WIDEST / np.maximum(move, _WIDEST))[:, None]
        fine = live[~again]
        best[fine], value[fine] = target[~again], likelihood[~again]
        reached = ~worse & regular & (move < _CLOSE)
        gone = ~regular | (worse & ~again)
        if not firth:
            gone |= (np.abs(eta) * (w > 0)).max(axis=1) > _FARTHEST
        converged[live[reached & ~gone]] = True
        halvings[live[again]] += 1
        beta[live[again]] = (beta[live[again]] + previous[live[again]]) / 2.0
        moving = ~again & ~reached & ~gone
        previous[live[moving]] = beta[live[moving]]
        beta[live[moving]] += step[moving]
        halvings[live[moving]] = 0
        live = live[again | moving]
        if live.size == 0:
            break
    return LogisticResamples(
        coefficient=where(converged[:, None], beta, np.nan),
        log_likelihood=where(converged, value, np.nan),
        converged=converged,
    )


def _times(matrix: Floats, vectors: Floats) -> Floats:
    """(n, k) or (B, n, k) times (B, k): (B, n)."""
    found: Floats = vectors @ matrix.T if matrix.ndim == 2 else (matrix @ vectors[:, :, None])[:, :, 0]
    return found


def _sum(matrix: Floats, weights: Floats) -> Floats:
    """(B, n) times (n, k) or (B, n, k): (B, k)."""
    found: Floats = weights @ matrix if matrix.ndim == 2 else (weights[:, None, :] @ matrix)[:, 0, :]
    return found


def counts_of(draws: Ints, n: int) -> Floats:
    """How often each of n subjects stands in each row of draws (B, k): (B, n)."""
    rows = np.repeat(np.arange(draws.shape[0]), draws.shape[1])
    found = np.bincount(rows * n + draws.ravel(), minlength=draws.shape[0] * n)
    return found.reshape(draws.shape[0], n).astype(np.float64)
