"""Levenberg-Marquardt for many logistic calibration curves at once. The model and what is done with it: ``logistic_curve``.

Arrays are (points, curves): the curves stand side by side in the last axis, so that every operation, the 5 x 5 Cholesky factors
included, is one pass over contiguous memory. Within the solver a curve is

    y = base + K s(z),   z = B (log x - log C),   K = rise exp(k),   B = sign exp(b),   C = exp(c),   G = exp(g)
    s(z) = exp(-G softplus(z)) where B < 0,   1 - exp(-G softplus(z)) where B > 0

with theta = (base, b, c, k, g). ``base`` is the response at zero dose and K the rise (or fall) from there to infinite dose. B and K
keep their sign and C and G stay positive without bounds; and the valleys along which a curve that shows no plateau runs to its limit
(K to infinity as G goes to 0, C as G goes to infinity) are straight in these parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from correlates.stats.arrays import Bools, Floats, Ints, where

Variance = Literal["constant", "observed", "fitted"]
"""Whose signal the weight is taken from; constant when there is none."""
Power = float | Floats
"""p of the variance function f^p: one number, or one per curve."""

_BLOCK = 1024  # curves worked on together: 16 points of them fit the cache
_FIRST_STEPS = 15  # most curves are done by then; the others of all blocks go on together
_STEPS = 300
_TOLERANCE = 1e-13  # of the objective that a full Gauss-Newton step would still gain
_PATIENCE = 30  # steps after which _ENOUGH is enough
_ENOUGH = 1e-7  # the same where progress is slow: the estimate is off by 1e-3 of a standard error or less (Bates and Watts 1981)
_FLOOR = 1e-26  # the same, relative to the signals, for data without noise
_LARGEST = 3.0  # of one step in b, c, k and g
_ASYMMETRY = (
    np.log(1e-3),
    np.log(1e3),
)  # of g: beyond, the curve is its limit (Gompertz, Weibull or logarithm) to 1e-3
_SLOPES = (0.5, 0.9, 1.5, 2.7)
_MIDPOINTS = 9
_ASYMMETRIES = (0.25, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """Where the solver ended: theta (5, n), rise (n,), objective (n,), whether it converged (n,) and the steps it took (n,)."""

    theta: Floats
    rise: Floats
    objective: Floats
    converged: Bools
    steps: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """Curves side by side: log dose, signal and weight (m, n); weight 0 where there is no point."""

    dose: Floats
    signal: Floats
    weight: Floats
    sign: Floats
    rise: Floats
    power: Power
    variance: Variance
    free: int

    def of(self, index: Ints) -> _Task:
        return _Task(
            dose=self.dose[:, index],
            signal=self.signal[:, index],
            weight=self.weight[:, index],
            sign=self.sign[index],
            rise=self.rise[index],
            power=self.power if isinstance(self.power, float) else self.power[index],
            variance=self.variance,
            free=self.free,
        )


def curve_parts(theta: Floats, dose: Floats, sign: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """z, softplus(z), h = exp(-G softplus(z)) and the slope of softplus at z; all (m, n)."""
    z = sign * np.exp(theta[1]) * (dose - theta[2])
    e = np.exp(-np.abs(z))
    softplus = np.maximum(z, 0.0) + np.log1p(e)
    return z, softplus, np.exp(-np.exp(theta[4]) * softplus), where(z > 0, 1.0, e) / (1.0 + e)


def jacobian(theta: Floats, dose: Floats, sign: Floats, rise: Floats, free: int) -> tuple[Floats, Floats]:
    """The response (m, n) and its derivatives by theta (free, m, n)."""
    z, softplus, h, slope = curve_parts(theta, dose, sign)
    growth = np.exp(theta[4])
    span = rise * np.exp(theta[3]) * where(sign < 0, h, -np.expm1(-growth * softplus))
    falling = -sign * rise * np.exp(theta[3]) * h
    by_z = -growth * falling * slope
    partial = np.empty((free, *h.shape))
    partial[0] = 1.0
    partial[1] = by_z * z
    partial[2] = -by_z * sign * np.exp(theta[1])
    partial[3] = span
    if free == 5:
        partial[4] = -growth * softplus * falling
    return theta[0] + span, partial


def solve(
    dose: Floats,
    signal: Floats,
    weight: Floats,
    sign: Floats,
    *,
    power: Power,
    variance: Variance,
    free: int,
    near: tuple[Floats, Floats] | None = None,
) -> Solution:
    """Fit every curve; those that do not converge start again from other places.

    Parameters
    ----------
    dose, signal
        (m, n) log dose and signal, centred and scaled per curve to about 1.
    weight
        (m, n) 0 where there is no point; otherwise the fixed weight (``observed``, ``constant``) or 1 (``fitted``).
    sign
        (n,) sign of B.
    power
        p of the variance function f^p, for ``fitted``; above 0.
    free
        4 (G = 1) or 5 parameters.
    near
        rise (n,) and theta (5, n) of curves that are close: where the descent begins, in place of the grid of starts.
    """
    rise = np.ones_like(sign)
    task = _Task(
        dose=dose, signal=signal, weight=weight, sign=sign, rise=rise, power=power, variance=variance, free=free
    )
    rise, starts = _starts(task) if near is None else (near[0], [near[1]])
    task = replace(task, rise=rise)
    theta, objective, converged, steps = _blocks(task, starts[0], _FIRST_STEPS)
    for start in (theta, *starts[1:2]):
        again = np.flatnonzero(~converged)
        if again.size == 0:
            break
        t, q, c, s = _blocks(task.of(again), start[:, again], _STEPS)
        better = (q <= objective[again]) | (c & ~(q > objective[again] * (1 + 1e-9)))
        at = again[better]
        theta[:, at], objective[at], converged[at] = t[:, better], q[better], c[better]
        steps[again] += s
    return Solution(theta=theta, rise=rise, objective=objective, converged=converged, steps=steps)


def raised(signal: Floats, power: Power) -> Floats:
    """Signals (m, n) above 0 to the power of the variance function."""
    if isinstance(power, float):
        return np.asarray(signal**power, dtype=np.float64)
    return np.asarray(np.exp(power * np.log(signal)), dtype=np.float64)


def _unit_deviance(ratio: Floats, fitted: Floats, power: Power) -> Floats:
    """Half the quasi-deviance of one point, ratio = y/f - 1: the integral of (y - t) / t^p from f to y."""
    if isinstance(power, float):
        if power == 2:
            return np.asarray(ratio - np.log1p(ratio), dtype=np.float64)
        if power == 1:
            return np.asarray(fitted * ((1.0 + ratio) * np.log1p(ratio) - ratio), dtype=np.float64)
        power = np.array([power])
    log, rest = np.log1p(ratio), 2.0 - power
    near_one, near_two = np.abs(1.0 - power) < 1e-6, np.abs(rest) < 1e-6
    at = np.expm1(rest * log) / where(near_two, 1.0, rest)
    unit = (where(near_two, log, at) - ratio) / where(near_one, 1.0, 1.0 - power)
    return where(near_one, (1.0 + ratio) * log - ratio, unit) * raised(fitted, rest)


def _objective(task: _Task, fitted: Floats) -> Floats:
    """Weighted residual sum of squares; for weights of the fitted signal the quasi-deviance with the same score.

    The score of sum w(f) (y - f)^2 with w held fixed is that of the quasi-deviance with variance f^p (Poisson's at p = 1, the
    gamma's at p = 2), so one descent finds where iterative reweighting would end. Defined for f > 0; a step that leaves this is
    refused.
    """
    residual = task.signal - fitted
    if task.variance != "fitted":
        return np.asarray((task.weight * residual**2).sum(axis=0), dtype=np.float64)
    inside = (fitted > 0) | (task.weight == 0)
    f = where(fitted > 0, fitted, 1.0)
    ratio = where((task.weight > 0) & (fitted > 0), residual / f, 0.0)
    unit = _unit_deviance(ratio, f, task.power)
    return where(inside.all(axis=0), 2.0 * (task.weight * unit).sum(axis=0), np.inf)


def _current(task: _Task, fitted: Floats) -> Floats:
    """Weights at the fitted signals, (m, n)."""
    if task.variance != "fitted":
        return task.weight
    return task.weight / raised(where(fitted > 0, fitted, 1.0), task.power)


def _blocks(task: _Task, start: Floats, steps: int) -> tuple[Floats, Floats, Bools, Ints]:
    """:func:`_descend`, a block of curves at a time."""
    n = start.shape[1]
    parts = []
    for begin in range(0, n, _BLOCK):
        block = np.arange(begin, min(begin + _BLOCK, n))
        parts.append(_descend(task.of(block), start[:, block], steps))
    theta, objective, converged, taken = zip(*parts, strict=True)
    return (
        np.concatenate(theta, axis=1),
        np.concatenate(objective),
        np.concatenate(converged),
        np.concatenate(taken),
    )


def _descend(task: _Task, start: Floats, most: int) -> tuple[Floats, Floats, Bools, Ints]:
    """Damped Gauss-Newton with Marquardt's scaling; curves leave as they converge."""
    n = start.shape[1]
    theta, objective = start.copy(), np.full(n, np.inf)
    converged, steps = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.int64)
    here, now, free = np.arange(n), task, task.free
    at = start.copy()
    fitted, partial = jacobian(at, now.dose, now.sign, now.rise, free)
    value = _objective(now, fitted)
    normal, score, floor = _equations(now, fitted, partial, at[4])
    damping = np.full(n, 1e-3)
    stuck = ~np.isfinite(value)
    for count in range(1, most + 1):
        step, gain = _step(normal, score, damping, free)
        tolerance = _TOLERANCE if count <= _PATIENCE else _ENOUGH
        tiny = gain <= tolerance * value + floor  # necessary: damping only makes the gain smaller
        if tiny.any():
            near = np.flatnonzero(tiny)
            full = _step(normal[:, :, near], score[:, near], np.full(near.size, 1e-12), free)[1]
            tiny[near] = full <= tolerance * value[near] + floor[near]
        stuck |= damping > 1e12
        leave = (tiny & np.isfinite(value)) | stuck
        if leave.any():
            gone = here[leave]
            theta[:, gone], objective[gone], steps[gone] = at[:, leave], value[leave], count
            converged[gone] = (tiny & np.isfinite(value))[leave]
            keep = np.flatnonzero(~leave)
            here, now, at, value = here[keep], now.of(keep), at[:, keep], value[keep]
            damping, floor, stuck = damping[keep], floor[keep], stuck[keep]
            step, gain, normal, score = step[:, keep], gain[keep], normal[:, :, keep], score[:, keep]
            if here.size == 0:
                break
        step *= _LARGEST / np.maximum(np.abs(step[1:]).max(axis=0), _LARGEST)
        tried = at + step
        tried[4] = np.clip(tried[4], *_ASYMMETRY)
        fitted, partial = jacobian(tried, now.dose, now.sign, now.rise, free)
        found = _objective(now, fitted)
        better = np.isfinite(gain) & (found <= value + 1e-15 * np.abs(value))
        damping = damping * where(better, 0.2, 2.0)
        damping = np.maximum(damping, 1e-12)
        at, value = where(better, tried, at), where(better, found, value)
        fresh = _equations(now, fitted, partial, tried[4])
        normal, score = where(better, fresh[0], normal), where(better, fresh[1], score)
        floor = where(better, fresh[2], floor)
    theta[:, here], objective[here], steps[here] = at, value, most
    if most == _STEPS and here.size:
        full = _step(normal, score, np.full(here.size, 1e-12), free)[1]
        converged[here] = np.isfinite(value) & (full <= _ENOUGH * value + floor)
    return theta, objective, converged, steps


def _equations(task: _Task, fitted: Floats, partial: Floats, g: Floats) -> tuple[Floats, Floats, Floats]:
    """J'WJ (free, free, n), J'W(y - f) (free, n) and the rounding floor of the objective (n,).

    Where g stands at its bound and would go beyond, it is held: its equation becomes step = 0.
    """
    weight = _current(task, fitted)
    weighted = partial * weight
    free = partial.shape[0]
    normal = np.empty((free, free, fitted.shape[1]))
    for i in range(free):
        for j in range(i + 1):
            normal[i, j] = normal[j, i] = np.einsum("mn,mn->n", weighted[i], partial[j])
    score = np.einsum("pmn,mn->pn", weighted, task.signal - fitted)
    if free == 5:
        low, high = _ASYMMETRY
        held = ((g <= low) & (score[4] < 0)) | ((g >= high) & (score[4] > 0))
        if held.any():
            normal[4][:, held] = normal[:, 4][:, held] = 0.0
            score[4, held] = 0.0
            normal[4, 4, held] = 1.0
    return normal, score, _FLOOR * np.einsum("mn,mn->n", weight, fitted * fitted)


def _step(normal: Floats, score: Floats, damping: Floats, free: int) -> tuple[Floats, Floats]:
    """Step (5, n) of (J'WJ + damping diag) and score . step; infinite gain where the system is singular."""
    scale = np.sqrt(np.maximum(np.einsum("iin->in", normal), 1e-300))
    # Cholesky of the scaled system with the score as a last row, which becomes the forward solution
    work = np.empty((free + 1, free, score.shape[1]))
    work[:free] = normal / scale
    work[:free] /= scale[:, None]
    work[free] = score / scale
    bad = np.zeros(score.shape[1], dtype=np.bool_)
    for j in range(free):
        pivot = work[j, j] + damping
        bad |= ~(pivot > 1e-15)
        work[j:, j] /= np.sqrt(where(bad, 1.0, pivot))
        work[j, j] = np.sqrt(where(bad, 1.0, pivot))
        work[j + 1 :, j + 1 :] -= work[j + 1 :, None, j] * work[j + 1 : free, j]
    half = work[free]
    gain = np.einsum("pn,pn->n", half, half)
    step = np.zeros((5, score.shape[1]))
    for i in reversed(range(free)):
        step[i] = half[i] / work[i, i]
        half[:i] -= work[i, :i] * step[i]
    step[:free] /= scale
    step[:, bad] = 0.0
    return step, where(bad | ~np.isfinite(gain), np.inf, gain)


def _starts(task: _Task) -> tuple[Floats, list[Floats]]:
    """Starting values: for each of a grid of B, C and G the best base and K in closed form; the best of all first, then per G.

    All starts of a curve have the sign of K of the first, which is returned with them.

    Curves whose (centred) dose series is the same share the grid, which then costs one matrix product.
    """
    n = task.signal.shape[1]
    asymmetries = _ASYMMETRIES if task.free == 5 else (1.0,)
    weight = task.weight
    if task.variance == "fitted":
        weight = weight / raised(np.maximum(np.abs(task.signal), 1e-3), task.power)
    there = task.weight > 0
    series, member = np.unique(np.round(where(there, task.dose, 1e3).T, 6), axis=0, return_inverse=True)
    member = member.reshape(-1)
    order = np.argsort(member, kind="stable")
    bounds = np.searchsorted(member[order], np.arange(series.shape[0] + 1))
    best = np.full((len(asymmetries), n), np.inf)
    start = np.zeros((len(asymmetries), 5, n))
    for k in range(series.shape[0]):
        curves = order[bounds[k] : bounds[k + 1]]
        first = curves[0]
        used = there[:, first]
        dose = task.dose[used, first]
        low, high = dose.min(), dose.max()
        reach = 0.15 * (high - low)
        middles = np.linspace(low - reach, high + reach, _MIDPOINTS)
        shapes = np.array([(np.log(b), c) for b in _SLOPES for c in middles]).T
        w, y = weight[np.ix_(used, curves)], task.signal[np.ix_(used, curves)]
        for a, asymmetry in enumerate(asymmetries):
            for s in (-1.0, 1.0):
                mine = np.flatnonzero(task.sign[curves] == s)
                if mine.size == 0:
                    continue
                half = np.log(np.expm1(np.log(2.0) / asymmetry))  # z where the response is halfway
                grid = np.zeros((5, shapes.shape[1]))
                offset = s * half / np.exp(shapes[0])
                grid[1], grid[2], grid[4] = shapes[0], shapes[1] - offset, np.log(asymmetry)
                h = curve_parts(grid, dose[:, None], np.full(shapes.shape[1], s))[2]
                rss, base, span = _linear(h if s < 0 else 1.0 - h, w[:, mine], y[:, mine])
                pick = rss.argmin(axis=0)
                column = np.arange(mine.size)
                at = curves[mine]
                best[a, at] = rss[pick, column]
                start[a, 0, at], start[a, 3, at] = base[pick, column], span[pick, column]
                start[a, 1, at], start[a, 2, at], start[a, 4, at] = shapes[0][pick], grid[2, pick], np.log(asymmetry)
    ranked = np.argsort(best, axis=0)
    starts = [start[ranked[r], :, np.arange(n)].T for r in range(len(asymmetries))]
    rise = where(starts[0][3] < 0, -1.0, 1.0)
    floor = 0.1 * where(there, task.signal, np.inf).min(axis=0) if task.variance == "fitted" else np.full(n, -np.inf)
    for theta in starts:
        # between asymptotes above 0 every fitted signal is positive
        far = np.maximum(theta[0] + theta[3], floor)
        theta[0] = np.maximum(theta[0], floor)
        theta[3] = np.log(np.maximum(rise * (far - theta[0]), 1e-3))
        theta[0] = where(rise < 0, np.maximum(theta[0], np.exp(theta[3]) + floor), theta[0])
    return rise, starts


def _linear(h: Floats, w: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Weighted least squares of y (m, k) on every column of h (m, q): residual sum, intercept and slope, each (q, k)."""
    sw, sy, syy = w.sum(axis=0), (w * y).sum(axis=0), (w * y * y).sum(axis=0)
    sh, shh, shy = h.T @ w, (h * h).T @ w, h.T @ (w * y)
    spread = np.maximum(shh - sh**2 / sw, 1e-12 * shh + 1e-300)
    slope = (shy - sh * sy / sw) / spread
    return syy - sy**2 / sw - slope * (shy - sh * sy / sw), (sy - slope * sh) / sw, slope
