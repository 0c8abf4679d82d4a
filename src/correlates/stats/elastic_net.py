"""Elastic net for logistic and Cox regression, along a path of penalties, for many resamples of one trial at once.

For each resample the minimum over b of

    -(1/N) log-likelihood(b) + lambda sum_j f_j [(1 - a)/2 b_j^2 + a |b_j|]

or, for the group lasso, with a sum_g f_g ||b_g|| over groups of columns in the place of the last sum,
with columns standardised by the 1/N standard deviation of that resample, the intercept not penalised (Friedman, Hastie and
Tibshirani, J Stat Softw 2010;33(1):1-22, doi:10.18637/jss.v033.i01; Cox: Simon et al., J Stat Softw 2011;39(5):1-13,
doi:10.18637/jss.v039.i05). Newton's method on the likelihood; each quadratic problem by coordinate descent over the columns that the strong rules
(Tibshirani et al., JRSS B 2012;74:245-266) and the violations of the optimality conditions let in, and then exactly on the signs
found, so that zeros are zeros. All resamples take each step together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats, Ints, membership, where
from correlates.stats.elastic_net_likelihood import Bernoulli, Family, breslow
from correlates.stats.elastic_net_shape import KKT, Grouped, Shape, Single

__all__ = ["ElasticNetPath", "binary", "elastic_net", "largest_penalty", "penalties", "survival"]

Watch = Callable[[int, Ints, Floats, Floats], Bools]
"""What looks on while paths are followed; see :func:`elastic_net`."""
_NEWTON = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticNetPath:
    """Fits of B resamples along L penalties of p columns.

    ``penalty`` (B, L); ``intercept`` (B, L), 0 for Cox; ``coefficient`` (B, L, p) on the scale of the columns given, ``scale`` (B, p)
    the standard deviations they were divided by (times ``scale``: the standardised coefficients); ``log_likelihood`` (B, L);
    ``fitted`` (B,) how many penalties of each path were reached: beyond (the declared number of columns exceeded, or the fit
    saturated) entries repeat nothing and are NaN. ``converged`` (B,): whether every penalty reached was.
    """

    penalty: Floats
    intercept: Floats
    coefficient: Floats
    scale: Floats
    log_likelihood: Floats
    fitted: Ints
    converged: Bools


def binary(outcome: npt.ArrayLike) -> Family:
    """Logistic regression of a binary outcome (n,)."""
    events = np.asarray(outcome)
    return Bernoulli(outcome=membership(events, events.size).astype(np.float64))


def survival(time: npt.ArrayLike, event: npt.ArrayLike) -> Family:
    """Cox regression (Breslow's rule for ties) of times (n,) and events (n,)."""
    times = np.asarray(time, dtype=np.float64)
    if not np.isfinite(times).all():
        raise ValueError("time holds NaN or infinity")
    return breslow(times, membership(event, times.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Columns of B resamples, standardised on the fly: transposed (p, n) or (B, p, n), ``centre`` and ``scale`` (B, p)."""

    transposed: Floats
    centre: Floats
    scale: Floats
    usable: Bools

    @property
    def shared(self) -> bool:
        return self.transposed.ndim == 2

    def correlate(self, residual: Floats, rows: Ints) -> Floats:
        """Products (R, p) of the standardised columns with residuals (R, n)."""
        own = self.transposed if self.shared else self.transposed[rows]
        raw = residual @ own.T if self.shared else (own @ residual[:, :, None])[:, :, 0]
        found: Floats = (raw - residual.sum(axis=1)[:, None] * self.centre[rows]) / self.scale[rows]
        return found

    def take(self, index: Ints, rows: Ints) -> Floats:
        """Standardised columns (R, k, n)."""
        picked = (
            self.transposed[index]
            if self.shared
            else np.take_along_axis(self.transposed[rows], index[:, :, None], axis=1)
        )
        centre = np.take_along_axis(self.centre[rows], index, axis=1)[:, :, None]
        scale = np.take_along_axis(self.scale[rows], index, axis=1)[:, :, None]
        found: Floats = (picked - centre) / scale
        return found


def _columns(x: Floats, weight: Floats) -> _Columns:
    total = weight.sum(axis=1)[:, None]
    if x.ndim == 2:
        transposed = np.ascontiguousarray(x.T)
        shift = x.mean(axis=0)
        centre = weight @ (x - shift) / total
        square = weight @ (x - shift) ** 2 / total
        variance = square - centre**2
        centre = centre + shift
        size = np.abs(x).max(axis=0, initial=0.0)[None, :]
    else:
        transposed = np.ascontiguousarray(np.swapaxes(x, 1, 2))
        centre = np.einsum("bn,bpn->bp", weight, transposed) / total
        variance = np.einsum("bn,bpn->bp", weight, (transposed - centre[:, :, None]) ** 2) / total
        size = np.abs(transposed).max(axis=2, initial=0.0)
    spread = np.sqrt(np.maximum(variance, 0.0))
    usable = np.asarray(spread > 1e-7 * np.maximum(size, 1e-300), dtype=np.bool_)
    return _Columns(transposed=transposed, centre=centre, scale=where(usable, spread, 1.0), usable=usable)


def largest_penalty(
    x: npt.ArrayLike,
    family: Family,
    weight: npt.ArrayLike | None = None,
    *,
    mixing: float = 1.0,
    factor: npt.ArrayLike | None = None,
    groups: npt.ArrayLike | None = None,
) -> Floats:
    """The smallest penalty (B,) at which every coefficient is 0; with ``mixing`` below .001 that of .001, as glmnet's path starts."""
    shape = _shape(groups)
    values, weights, factors = _checked(x, weight, _default(factor, groups))
    columns = _columns(values, weights)
    gradient = _null_gradient(columns, family, weights)
    penalised = (factors > 0) & columns.usable
    ratio = shape.strength(where(penalised, gradient, 0.0)) / where(penalised, factors, 1.0) / max(mixing, 1e-3)
    found: Floats = where(penalised, ratio, 0.0).max(axis=1, initial=0.0) * (
        1.0 + 1e-12
    )  # so that rounding lets none in
    return found


def _shape(groups: npt.ArrayLike | None) -> Shape:
    if groups is None:
        return Single()
    _, number = np.unique(np.asarray(groups), return_inverse=True)
    return Grouped(group=number.astype(np.int64))


def _default(factor: npt.ArrayLike | None, groups: npt.ArrayLike | None) -> npt.ArrayLike | None:
    """The factors of groups, when none are given: the root of how many columns each has."""
    if factor is not None or groups is None:
        return factor
    _, number, size = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    return np.sqrt(size.astype(np.float64))[number]


def penalties(largest: npt.ArrayLike, *, count: int = 100, ratio: float = 0.01) -> Floats:
    """Paths (B, count) from the largest penalty (B,) down to ``ratio`` of it, in equal steps of the logarithm."""
    top = np.atleast_1d(np.asarray(largest, dtype=np.float64))
    found: Floats = top[:, None] * ratio ** (np.arange(count) / max(count - 1, 1))
    return found


def _null_gradient(columns: _Columns, family: Family, weight: Floats) -> Floats:
    everyone = np.arange(weight.shape[0])
    eta = np.broadcast_to(family.start(weight)[:, None], weight.shape)
    _, residual, _ = family.evaluate(eta, weight)
    found: Floats = columns.correlate(residual, everyone) / weight.sum(axis=1)[:, None]
    return where(columns.usable, found, 0.0)


def _checked(
    x: npt.ArrayLike, weight: npt.ArrayLike | None, factor: npt.ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    values = np.asarray(x, dtype=np.float64)
    if values.ndim not in {2, 3} or not np.isfinite(values).all():
        raise ValueError(f"x must be (n, p) or (B, n, p) and finite, found shape {values.shape}")
    n, p = values.shape[-2:]
    weights = (
        np.ones((1 if values.ndim == 2 else values.shape[0], n))
        if weight is None
        else np.atleast_2d(np.asarray(weight, dtype=np.float64))
    )
    if weights.shape[1] != n or (values.ndim == 3 and weights.shape[0] != values.shape[0]):
        raise ValueError(f"weight must be (B, {n}), found {weights.shape}")
    if (weights < 0).any() or not (weights.sum(axis=1) > 0).all():
        raise ValueError("weights must not be negative, and each resample must hold a subject")
    factors = np.broadcast_to(1.0 if factor is None else np.asarray(factor, dtype=np.float64), (weights.shape[0], p))
    if (factors < 0).any() or np.isnan(factors).any():
        raise ValueError("penalty factors must not be negative")
    return values, weights, np.array(factors)


def elastic_net(
    x: npt.ArrayLike,
    family: Family,
    penalty: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    mixing: float = 1.0,
    factor: npt.ArrayLike | None = None,
    groups: npt.ArrayLike | None = None,
    most: int | None = None,
    tolerance: float = 1e-5,
    watch: Watch | None = None,
) -> ElasticNetPath:
    """Fit the path of every resample.

    Parameters
    ----------
    x
        (n, p) columns by subject, shared by the resamples, or (B, n, p) where each has its own (imputed within it).
    family
        :func:`binary` or :func:`survival`.
    penalty
        (L,) or (B, L), falling.
    weight
        (B, n) how often each subject counts in each resample; one resample of everyone, when not given.
    mixing
        a: 1 for the lasso, 0 for ridge.
    factor
        (p,) or (B, p) f: 0 never penalised, infinite never let in; 1, when not given (they are not rescaled).
    groups
        (p,) the group of each column, for the group lasso; ``factor`` is then one per group, given for each of its columns, by default the root of
        the number of its columns. ``mixing`` below 1 adds the ridge part.
    most
        A path ends before the first penalty at which more columns (groups) than this have ever been in.
    tolerance
        Largest change of a standardised coefficient in the last Newton step; what is left to gain is of its square.
    watch
        Called after each penalty with its number, the resamples that reached it (R,), their intercepts (R,) and coefficients
        (R, p); says which of them go on (R,).

    Notes
    -----
    A column that is constant within a resample has coefficient 0 there. A resample with one class (or without event) has
    coefficients 0 throughout.
    """
    values, weights, factors = _checked(x, weight, _default(factor, groups))
    shape = _shape(groups)
    count, p = weights.shape[0], values.shape[-1]
    steps = np.atleast_2d(np.asarray(penalty, dtype=np.float64))
    steps = np.array(np.broadcast_to(steps, (count, steps.shape[1])))
    if not 0.0 <= mixing <= 1.0:
        raise ValueError(f"mixing must be between 0 and 1, found {mixing}")
    if (steps < 0).any() or (np.diff(steps, axis=1) > 0).any():
        raise ValueError("penalties must fall and not be negative")
    columns = _columns(values, weights)
    factors = where(columns.usable, factors, np.inf)
    state = _State(
        columns=columns,
        family=family,
        weight=weights,
        factor=factors,
        mixing=mixing,
        tolerance=tolerance,
        shape=shape,
    )
    length = steps.shape[1]
    coefficient = np.full((count, length, p), np.nan)
    intercept, log_likelihood = np.full((count, length), np.nan), np.full((count, length), np.nan)
    fitted, converged = np.zeros(count, dtype=np.int64), np.ones(count, dtype=np.bool_)
    alive = np.arange(count)
    ever = np.zeros((count, p), dtype=np.bool_)
    largest = largest_penalty(values, family, weights, mixing=mixing, factor=_finite(factors), groups=groups)
    before = np.maximum(steps[:, 0], largest)
    for step in range(length):
        reached = state.solve(alive, steps[alive, step], before[alive])
        before = steps[:, step]
        converged[alive] &= reached
        ever[alive] |= state.beta[alive] != 0
        if most is not None:
            kept = shape.counted(ever[alive]) <= most
            alive = alive[kept]
        if alive.size == 0:
            break
        scaled = state.beta[alive] / columns.scale[alive]
        coefficient[alive, step] = scaled
        intercept[alive, step] = state.constant[alive] - (scaled * columns.centre[alive]).sum(axis=1) * family.intercept
        log_likelihood[alive, step] = state.value[alive]
        fitted[alive] = step + 1
        if watch is not None:
            alive = alive[watch(step, alive, intercept[alive, step], scaled)]
            if alive.size == 0:
                break
    return ElasticNetPath(
        penalty=steps,
        intercept=intercept,
        coefficient=coefficient,
        scale=columns.scale,
        log_likelihood=log_likelihood,
        fitted=fitted,
        converged=converged,
    )


def _finite(factor: Floats) -> Floats:
    return where(np.isfinite(factor), factor, 0.0)


class _State:
    """Where the B resamples stand on their paths: standardised coefficients (B, p), constants, linear predictors (B, n), values (B,)."""

    def __init__(
        self,
        *,
        columns: _Columns,
        family: Family,
        weight: Floats,
        factor: Floats,
        mixing: float,
        tolerance: float,
        shape: Shape,
    ) -> None:
        self.columns, self.family, self.weight, self.factor = columns, family, weight, factor
        self.mixing, self.tolerance, self.shape = mixing, tolerance, shape
        self.total = weight.sum(axis=1)
        self.constant = family.start(weight)
        self.eta = np.broadcast_to(self.constant[:, None], weight.shape).copy()
        self.beta = np.zeros(factor.shape)
        self.value, self.residual, _ = family.evaluate(self.eta, weight)
        self.barred = np.isinf(factor)

    def solve(self, rows: Ints, penalty: Floats, before: Floats) -> Bools:
        """Bring resamples ``rows`` to their penalty (R,), from the one before; which of them were reached."""
        reached = np.zeros(rows.size, dtype=np.bool_)
        gradient = self._gradient(rows)
        factor = self.factor[rows]
        bound = where(self.barred[rows], 1e100, self.mixing * _finite(factor))
        strong = self.shape.strength(gradient) >= bound * np.maximum(2.0 * penalty - before, 0.0)[:, None]
        inside = self.shape.whole((self.beta[rows] != 0) | strong | (bound == 0)) & ~self.barred[rows]
        open_ = np.arange(rows.size)
        for _ in range(50):
            ok = self._newton(rows[open_], penalty[open_], inside[open_])
            gradient = self._gradient(rows[open_])
            limit = bound[open_] * penalty[open_, None]
            missed = (
                ~inside[open_]
                & ~self.barred[rows[open_]]
                & (self.shape.strength(gradient) > limit * (1.0 + KKT) + 1e-12)
            )
            clean = ~missed.any(axis=1)
            reached[open_[clean]] = ok[clean]
            inside[open_] |= missed
            open_ = open_[~clean]
            if open_.size == 0:
                break
        return reached

    def _gradient(self, rows: Ints) -> Floats:
        found: Floats = self.columns.correlate(self.residual[rows], rows) / self.total[rows, None]
        return found

    def _newton(self, rows: Ints, penalty: Floats, inside: Bools) -> Bools:
        """Newton's method over the columns ``inside`` (R, p)."""
        index = self.shape.order(inside)
        if index.shape[1] == 0:
            return self._only_constant(rows)
        real = np.take_along_axis(inside, index, axis=1)
        z = self.columns.take(index, rows) * real[:, :, None]
        beta = np.take_along_axis(self.beta[rows], index, axis=1) * real
        factor = where(real, np.take_along_axis(_finite(self.factor[rows]), index, axis=1), 0.0)
        absolute = factor * (self.mixing * penalty)[:, None]
        square = factor * ((1.0 - self.mixing) * penalty)[:, None]
        done = np.zeros(rows.size, dtype=np.bool_)
        live = np.arange(rows.size)
        for _ in range(_NEWTON):
            here = rows[live]
            total = self.total[here]
            value, residual, curvature = self.family.evaluate(self.eta[here], self.weight[here])
            whole, taken = self.family.hessian(z[live], curvature)
            whole /= total[:, None, None]
            slope = (z[live] @ residual[:, :, None])[:, :, 0] / total[:, None]
            left = residual.sum(axis=1) / total if self.family.intercept else np.zeros(live.size)
            slope = slope - taken * left[:, None]
            old = beta[live]
            right = slope + (whole @ old[:, :, None])[:, :, 0]
            size = whole.shape[1]
            whole[:, np.arange(size), np.arange(size)] += square[live] + where(real[live], 1e-13, 1.0)
            new = self.shape.minimum(whole, right, absolute[live], old, index[live]) * real[live]
            move = new - old
            lift = 0.0
            if self.family.intercept:
                lift = left * total / curvature.weight.sum(axis=1) - (taken * move).sum(axis=1)
            direction = (move[:, None, :] @ z[live])[:, 0, :] + np.reshape(lift, (-1, 1))
            scale = self._search(here, value, old, new, direction, absolute[live], square[live], index[live])
            beta[live] = old + scale[:, None] * move
            self.eta[here] += scale[:, None] * direction
            self.constant[here] += scale * lift
            finished = (np.abs(move).max(axis=1) < self.tolerance) & (scale == 1.0)
            finished |= scale == 0.0
            done[live[finished]] = True
            live = live[~finished]
            if live.size == 0:
                break
        full = np.zeros((rows.size, self.factor.shape[1]))
        np.put_along_axis(full, index, beta, axis=1)
        self.beta[rows] = full
        self.value[rows], self.residual[rows], _ = self.family.evaluate(self.eta[rows], self.weight[rows])
        return done

    def _only_constant(self, rows: Ints) -> Bools:
        self.beta[rows] = 0.0
        self.constant[rows] = self.family.start(self.weight[rows])
        self.eta[rows] = self.constant[rows, None]
        self.value[rows], self.residual[rows], _ = self.family.evaluate(self.eta[rows], self.weight[rows])
        return np.ones(rows.size, dtype=np.bool_)

    def _search(
        self,
        rows: Ints,
        value: Floats,
        old: Floats,
        new: Floats,
        direction: Floats,
        absolute: Floats,
        square: Floats,
        index: Ints,
    ) -> Floats:
        """The longest of the steps 1, 1/2, 1/4 ... that does not raise the objective (R,); 0 where none is left."""
        total = self.total[rows]
        start = self._objective(value / total, old, absolute, square, index)
        scale = np.ones(rows.size)
        trying = np.arange(rows.size)
        for _ in range(30):
            there = rows[trying]
            point = self.family.value(self.eta[there] + scale[trying, None] * direction[trying], self.weight[there])
            beta = old[trying] + scale[trying, None] * (new - old)[trying]
            reached = self._objective(point / total[trying], beta, absolute[trying], square[trying], index[trying])
            worse = reached > start[trying] + 1e-13 * (1.0 + np.abs(start[trying]))
            trying = trying[worse]
            if trying.size == 0:
                return scale
            scale[trying] /= 2.0
        scale[trying] = 0.0
        return scale

    def _objective(self, mean: Floats, beta: Floats, absolute: Floats, square: Floats, index: Ints) -> Floats:
        found: Floats = -mean + self.shape.size(beta, absolute, index) + (0.5 * square * beta**2).sum(axis=1)
        return found
