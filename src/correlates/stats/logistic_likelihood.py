"""Logistic log-likelihood, with or without Firth's penalty, for a batch of models: value, score, exact curvature, maximum, profile.

The penalised log-likelihood is l*(b) = l(b) + 1/2 log det I(b), I = X'WX (Firth, Biometrika 1993;80:27-38,
doi:10.1093/biomet/80.1.27; Heinze and Schemper, Stat Med 2002;21:2409-2419, doi:10.1002/sim.1047). Newton steps use the exact
second derivative of l*, so they converge quadratically also where the penalty matters; where that matrix gives no ascent (l* need
not be concave) the Fisher information takes its place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from correlates.stats.arrays import Bools, Floats, Ints, where

_DECREMENT = 1e-18  # twice the log-likelihood still to gain at which a maximum is taken as reached
_STALLED = 1e-9  # the same where rounding lets no step gain any more
_WIDEST = 5.0  # largest change of a linear predictor in one step
_STEPS = 100
_ROOT = 1e-6  # on the scale of the signed root; the Newton step that follows squares it


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Models that share their form: designs (m, n, p), outcomes (m, n) 0 or 1, and which subjects count (m, n) 0 or 1."""

    design: Floats
    products: Floats  # (m, n, p * p): the outer product of each row of the design
    outcome: Floats
    counts: Floats
    firth: bool

    @property
    def models(self) -> int:
        """How many models."""
        return int(self.design.shape[0])

    @property
    def terms(self) -> int:
        """How many coefficients each has."""
        return int(self.design.shape[2])

    def rows(self, at: Ints) -> Batch:
        """Some of the models."""
        return Batch(
            design=self.design[at],
            products=self.products[at],
            outcome=self.outcome[at],
            counts=self.counts[at],
            firth=self.firth,
        )


def batch(design: Floats, outcome: Floats, counts: Floats, *, firth: bool) -> Batch:
    """A batch of models; rows of the design that do not count are set to 0."""
    kept = design * counts[:, :, None]
    m, n, p = kept.shape
    products = (kept[:, :, :, None] * kept[:, :, None, :]).reshape(m, n, p * p)
    return Batch(design=kept, products=products, outcome=outcome * counts, counts=counts, firth=firth)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The (penalised) log-likelihood (m,), its score (m, p), minus its second derivative and the Fisher information (m, p, p)."""

    value: Floats
    score: Floats
    curvature: Floats
    information: Floats

    def put(self, at: Bools | Ints, other: Point) -> None:
        """Overwrite the models at ``at``."""
        self.value[at] = other.value
        self.score[at] = other.score
        self.curvature[at] = other.curvature
        self.information[at] = other.information

    def rows(self, at: Bools | Ints) -> Point:
        """Some of the models."""
        return Point(
            value=self.value[at],
            score=self.score[at],
            curvature=self.curvature[at],
            information=self.information[at],
        )


def evaluate(models: Batch, beta: Floats) -> Point:
    """The log-likelihood and its derivatives at beta (m, p). Where I(b) is singular to rounding the value is -inf."""
    m, p = models.models, models.terms
    eta = (models.design @ beta[:, :, None])[:, :, 0]
    decay = np.exp(-np.abs(eta))
    share = 1.0 / (1.0 + decay)
    probability = where(eta >= 0, share, decay * share)
    weight = models.counts * decay * share * share
    value = (models.outcome * eta - models.counts * (np.maximum(eta, 0.0) + np.log1p(decay))).sum(axis=1)
    residual = models.outcome - models.counts * probability
    information = (weight[:, None, :] @ models.products).reshape(m, p, p)
    if not models.firth:
        score = (residual[:, None, :] @ models.design)[:, 0, :]
        return Point(value=value, score=score, curvature=information.copy(), information=information)

    sign, logdet = np.linalg.slogdet(information)
    regular = (sign > 0) & np.isfinite(logdet)
    usable = where(regular[:, None, None], information, np.eye(p))
    inverse = np.linalg.inv(usable)
    leverage = (models.products @ inverse.reshape(m, p * p, 1))[:, :, 0]
    tilt = 1.0 - 2.0 * probability
    residual = residual + 0.5 * weight * leverage * tilt
    score = (residual[:, None, :] @ models.design)[:, 0, :]
    # the second derivative of 1/2 log det I: 1/2 sum w'' q x x' - 1/2 tr(A_k A_l), A_k = I^-1 dI/db_k
    bend = (weight * (1.0 - 6.0 * weight) * leverage)[:, None, :] @ models.products
    slopes = np.swapaxes(models.design * (weight * tilt)[:, :, None], 1, 2) @ models.products
    moved = inverse[:, None] @ slopes.reshape(m, p, p, p)
    traces = moved.reshape(m, p, p * p) @ np.swapaxes(np.swapaxes(moved, 2, 3).reshape(m, p, p * p), 1, 2)
    curvature = information - 0.5 * bend.reshape(m, p, p) + 0.5 * traces
    value = where(regular, value + 0.5 * logdet, -np.inf)
    return Point(value=value, score=score, curvature=curvature, information=information)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maximum:
    """Where the log-likelihood is largest over the free coefficients: beta (m, p), the point there, and whether it was reached."""

    beta: Floats
    point: Point
    converged: Bools
    steps: Ints


def maximise(models: Batch, start: Floats, free: Bools) -> Maximum:
    """Newton's method with step halving over the coefficients ``free`` (p,); the others stay at ``start`` (m, p)."""
    beta = start.copy()
    point = evaluate(models, beta)
    m = models.models
    converged = np.zeros(m, dtype=np.bool_)
    steps = np.zeros(m, dtype=np.int64)
    if not free.any():
        return Maximum(beta=beta, point=point, converged=np.isfinite(point.value), steps=steps)
    active = np.flatnonzero(np.isfinite(point.value))
    here = models if active.size == m else models.rows(active)
    for _ in range(_STEPS):
        if active.size == 0:
            break
        at = point.rows(active)
        step, gain = _direction(at, free)
        reach = np.abs((here.design @ step[:, :, None])[:, :, 0]).max(axis=1)
        step *= np.minimum(1.0, _WIDEST / np.maximum(reach, _WIDEST))[:, None]
        done = gain < _DECREMENT
        scale = np.ones(active.size)
        trying = ~done
        stuck = np.zeros(active.size, dtype=np.bool_)
        for _ in range(30):
            rows = np.flatnonzero(trying)
            if rows.size == 0:
                break
            candidate = beta[active[rows]] + scale[rows, None] * step[rows]
            new = evaluate(here if rows.size == active.size else here.rows(rows), candidate)
            better = new.value >= at.value[rows] - 1e-13 * (1.0 + np.abs(at.value[rows]))
            hit = rows[better]
            beta[active[hit]] = candidate[better]
            point.put(active[hit], new.rows(better))
            trying[hit] = False
            scale[rows[~better]] /= 2.0
        stuck |= trying
        steps[active[~done]] += 1
        converged[active[done | (stuck & (gain < _STALLED))]] = True
        keep = ~(done | stuck)
        if not keep.all():
            here = here.rows(np.flatnonzero(keep))
            active = active[keep]
    return Maximum(beta=beta, point=point, converged=converged, steps=steps)


def _solve(matrix: Floats, right: Floats) -> Floats:
    """Solutions of a batch of small systems; NaN where the matrix is singular."""
    size = matrix.shape[-1]
    if size == 1:
        safe = where(matrix[:, 0, 0] != 0, matrix[:, 0, 0], np.nan)
        return right / safe[:, None]
    scale = np.sqrt(np.maximum(np.abs(np.einsum("mii->mi", matrix)), 1e-300))
    scaled = matrix / (scale[:, :, None] * scale[:, None, :])
    sign, logdet = np.linalg.slogdet(scaled)
    bad = (sign == 0) | ~np.isfinite(logdet) | (logdet < -60.0)
    scaled = where(bad[:, None, None], np.eye(size), scaled)
    solution = np.linalg.solve(scaled, (right / scale)[:, :, None])[:, :, 0] / scale
    return where(bad[:, None], np.nan, solution)


def _direction(at: Point, free: Bools) -> tuple[Floats, Floats]:
    """The Newton step over the free coefficients (m, p), zero elsewhere, and score times step (m,): twice the gain expected."""
    index = np.flatnonzero(free)
    score = at.score[:, index]
    step = _solve(at.curvature[:, index[:, None], index], score)
    gain = (score * step).sum(axis=1)
    wrong = ~(gain >= 0)
    if wrong.any():
        fisher = _solve(at.information[wrong][:, index[:, None], index], score[wrong])
        fisher = where(np.isfinite(fisher), fisher, 0.0)
        step[wrong] = fisher
        gain[wrong] = (score[wrong] * fisher).sum(axis=1)
    full = np.zeros(at.score.shape)
    full[:, index] = step
    return full, gain


def tangent(at: Point, index: int) -> Floats:
    """How the other coefficients follow (m, p) when coefficient ``index`` moves by 1 along its profile; 1 at ``index``."""
    p = at.score.shape[1]
    slope = np.zeros(at.score.shape)
    slope[:, index] = 1.0
    others = np.array([k for k in range(p) if k != index])
    if others.size:
        follow = -_solve(at.curvature[:, others[:, None], others], at.curvature[:, others, index])
        slope[:, others] = where(np.isfinite(follow), follow, 0.0)
    return slope


def likelihood_ratio(models: Batch, top: Maximum, index: int) -> tuple[Floats, Bools]:
    """Twice the log-likelihood lost when coefficient ``index`` is held at 0 (m,), and whether that maximum was reached.

    The penalty keeps the full design, as logistf does: the coefficient is held at 0, its column is not taken out.
    """
    free = np.arange(models.terms) != index
    start = top.beta - top.beta[:, index : index + 1] * tangent(top.point, index)
    rest = evaluate(models, start)
    origin = np.zeros(start.shape)
    lower = evaluate(models, origin).value > rest.value
    start = where(lower[:, None], origin, start)
    null = maximise(models, start, free)
    return np.maximum(2.0 * (top.point.value - null.point.value), 0.0), null.converged


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A profile limit (m,), NaN where none was found, and the highest point met on the way: beta (m, p) and value (m,)."""

    limit: Floats
    peak: Floats
    peak_value: Floats


def profile_limit(models: Batch, top: Maximum, index: int, side: int, root: float) -> Limit:
    """Where the signed root of the profile log-likelihood ratio of coefficient ``index`` reaches ``root``.

    The root r(b) = sqrt(2 (l*max - l*profile(b))) is nearly linear in b, so Newton on it with the exact slope (the score of
    the coefficient, at the maximum over the others) takes few steps; a bracket keeps it safe.

    Parameters
    ----------
    models, top
        The batch and its maximum.
    index, side
        Which coefficient; -1 for the lower and +1 for the upper limit.
    root
        Square root of the chi-square quantile.
    """
    m = models.models
    limit = np.full(m, np.nan)
    peak, peak_value = top.beta.copy(), top.point.value.copy()
    free = np.arange(models.terms) != index
    spread = _standard_error(top.point.curvature, top.point.information, index)
    active = np.flatnonzero(top.converged & np.isfinite(spread) & (spread > 0))
    here = models.rows(active)
    centre = top.beta[active, index]
    highest = top.point.value[active]
    inside, outside = centre.copy(), np.full(active.size, side * np.inf)
    move = side * root * spread[active]
    guess = top.beta[active] + move[:, None] * tangent(top.point.rows(active), index)
    for _ in range(_STEPS):
        if active.size == 0:
            break
        at = maximise(here, guess, free)
        b = guess[:, index]
        above = at.converged & (at.point.value > peak_value[active])
        peak[active[above]], peak_value[active[above]] = at.beta[above], at.point.value[above]
        ratio = np.sqrt(np.maximum(2.0 * (highest - at.point.value), 0.0))
        excess = where(at.converged, ratio - root, np.inf)
        slope = where(ratio > 0, -at.point.score[:, index] / np.maximum(ratio, 1e-300), 0.0)
        proper = at.converged & (slope * side > 0)
        newton = b - where(proper, excess / where(proper, slope, 1.0), 0.0)
        done = proper & (np.abs(excess) < _ROOT)
        limit[active[done]] = newton[done]

        inside = where(excess <= 0, b, inside)
        outside = where(excess > 0, b, outside)
        bounded = np.isfinite(outside)
        within = (newton - inside) * side > 0
        within &= ~bounded | ((outside - newton) * side > 0)
        farthest = centre + 4.0 * (inside - centre) + side * 1e-8
        safe = where(bounded, (inside + where(bounded, outside, 0.0)) / 2.0, farthest)
        target = where(proper & within, newton, safe)
        too_far = ~bounded & ((target - farthest) * side > 0)
        target = where(too_far, farthest, target)
        follow = where(at.converged[:, None], tangent(at.point, index), np.eye(models.terms)[index])
        guess = where(at.converged[:, None], at.beta, top.beta[active]) + (target - b)[:, None] * follow
        guess[:, index] = target
        keep = ~done
        if not keep.all():
            at_rows = np.flatnonzero(keep)
            here = here.rows(at_rows)
            active, centre, highest = active[keep], centre[keep], highest[keep]
            inside, outside, guess = inside[keep], outside[keep], guess[keep]
    return Limit(limit=limit, peak=peak, peak_value=peak_value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiled:
    """A maximum with, for each coefficient asked for, the likelihood ratio against 0 and the limits (m, k)."""

    top: Maximum
    ratio: Floats
    lower: Floats
    upper: Floats
    reached: Bools


def profiled(models: Batch, start: Floats, indices: tuple[int, ...], root: float, *, restarts: int = 3) -> Profiled:
    """Maximum and profiles of a batch.

    The penalised likelihood can have two maxima (separated data and a covariate with an outlying value). Where a profile
    meets a point above the maximum it started from, the model is maximised again from there.
    """
    top = maximise(models, start, np.ones(models.terms, dtype=np.bool_))
    shape = (models.models, len(indices))
    ratio, lower, upper = (np.full(shape, np.nan) for _ in range(3))
    reached = top.converged.copy()
    peak, peak_value = top.beta.copy(), top.point.value.copy()
    for k, index in enumerate(indices):
        lost, null_reached = likelihood_ratio(models, top, index)
        ratio[:, k] = where(null_reached, lost, np.nan)
        reached &= null_reached
        for side, limits in ((-1, lower), (1, upper)):
            found = profile_limit(models, top, index, side, root)
            limits[:, k] = found.limit
            higher = found.peak_value > peak_value
            peak[higher], peak_value[higher] = found.peak[higher], found.peak_value[higher]
    again = np.flatnonzero(top.converged & (peak_value > top.point.value + 1e-7))
    if again.size and restarts:
        other = profiled(models.rows(again), peak[again], indices, root, restarts=restarts - 1)
        top.beta[again], top.converged[again] = other.top.beta, other.top.converged
        top.point.put(again, other.top.point)
        ratio[again], lower[again], upper[again] = other.ratio, other.lower, other.upper
        reached[again] = other.reached
    reached &= np.isfinite(lower).all(axis=1) & np.isfinite(upper).all(axis=1)
    return Profiled(top=top, ratio=ratio, lower=lower, upper=upper, reached=reached)


def _standard_error(curvature: Floats, information: Floats, index: int) -> Floats:
    """Scale of the first guess: from the curvature where it is one, else from the information."""
    p = curvature.shape[-1]
    unit = np.zeros((curvature.shape[0], p))
    unit[:, index] = 1.0
    variance = _solve(curvature, unit)[:, index]
    fisher = _solve(information, unit)[:, index]
    chosen = where(np.isfinite(variance) & (variance > 0), variance, fisher)
    return np.sqrt(where(chosen > 0, chosen, np.nan))
