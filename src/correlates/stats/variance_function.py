"""Variance function of calibration curves: how the variance of the signal grows with its mean, from the curves' own residuals.

    var(y) = sigma^2 f^theta

theta belongs to the analyte and is estimated over all its curves at once; sigma is each curve's own. theta = 2 is a constant
coefficient of variation (weight 1/y^2), 1 counting noise, 0 a constant variance.

References
----------
Davidian M, Carroll RJ. Variance function estimation. J Am Stat Assoc 1987;82:1079-1091 (pseudo-likelihood). O'Connell MA, Belanger BA,
Haaland PD. Chemom Intell Lab Syst 1993;20:97-114 (one variance function for the assays of an analyte). Davidian M, Giltinan DM.
Nonlinear Models for Repeated Measurement Data, 1995, chapters 2 and 5 (restricted form, pooling over individuals).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats, Ints, where
from correlates.stats.logistic_curve import Family, LogisticCurves, Model, design, fit_logistic, refit, replaced

LOWEST, HIGHEST = 0.0, 3.0
"""Between these theta is sought: no assay is known to lie beyond."""
FEWEST = 10
"""Residual degrees of freedom, over all curves of a group, below which theta is not estimated."""
_DEFAULT = 2.0
_ROUNDS = 4  # of curves fitted anew
_CYCLES = 12  # of curves fitted on from where they are, in each
_SETTLED = 3e-3  # a twentieth of the standard error that 20 plates give
_GRID = 13
_CLOSE = 0.1  # how far from the last theta the next is sought first
_BRACKET = 3e-4  # width at which the golden section ends
_CURVATURE = 0.05  # step of the second difference for the standard error
_UNDETERMINED = 1e-7  # eigenvalue, relative, of a direction that the points do not determine: it tells nothing of theta
_EXACT = 1e-3  # next to 1 and 2 the exact formulas of these are used


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceFunctions:
    """Variance functions of k groups of curves, and the curves fitted with them.

    Attributes
    ----------
    theta
        (k,) power of the mean; 2 where it could not be estimated.
    se
        (k,) its standard error from the curvature of the pseudo-likelihood; NaN where it could not be estimated or stands at a bound.
    df
        (k,) residual degrees of freedom of the curves it rests on.
    n_curves
        (k,) how many these are.
    estimated
        (k,) whether there were enough of them.
    at_bound
        (k,) whether theta stands at 0 or 3.
    settled
        Whether theta and the curves no longer changed each other.
    curves
        All curves, fitted with the theta of their group.
    """

    theta: Floats
    se: Floats
    df: Ints
    n_curves: Ints
    estimated: Bools
    at_bound: Bools
    settled: bool
    curves: LogisticCurves


def fit_with_variance_function(
    dose: npt.ArrayLike,
    signal: npt.ArrayLike,
    present: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    model: Model = "5PL",
    family: Family = "either",
) -> VarianceFunctions:
    """Calibration curves and the variance function of each group of them, in turn until neither changes.

    Parameters
    ----------
    dose, signal, present, model, family
        As in :func:`correlates.stats.logistic_curve.fit_logistic`; signals above 0.
    group
        (n,) group of each curve, 0 to k - 1: the analyte.

    Returns
    -------
    VarianceFunctions

    Notes
    -----
    Restricted pseudo-likelihood: with the curves held, theta of a group minimises the sum over its curves of

        df log(sum (y - f)^2 f^-theta) + theta sum log f + log det(J' diag(f^-theta) J),

    J being the derivatives of the curve by its parameters. df and the determinant allow for the parameters of the curve, without
    which theta is biased when there are few points per parameter (16 standards, 5 parameters). Then the curves are fitted again with
    weights f^-theta, and so on. Each curve has its own sigma: plates of one analyte share the shape of the noise, not its size.

    Undefined when a group has fewer than 10 residual degrees of freedom: theta is 2 there and ``estimated`` false.
    """
    members = np.asarray(group, dtype=np.int64)
    k = int(members.max()) + 1 if members.size else 0
    theta, settled = np.full(k, _DEFAULT), False
    curves = fit_logistic(dose, signal, present, model=model, weight="1/y2", family=family)
    if k == 0:
        none = np.zeros(0, dtype=np.int64)
        return VarianceFunctions(
            theta=theta, se=theta, df=none, n_curves=none, estimated=theta > 0, at_bound=theta > 0, settled=True, curves=curves
        )  # fmt: skip
    x, y, there = (np.asarray(v) for v in (dose, signal, present))
    near, stale = None, np.ones(k, dtype=np.bool_)
    for _ in range(_ROUNDS):
        for _ in range(_CYCLES):
            found = _sought(curves, dose, signal, present, members, near, k)
            moved = np.abs(found - theta) >= _SETTLED
            if not moved.any():
                break
            theta = where(moved, found, theta)
            near, stale = found, stale | moved
            again = np.flatnonzero(moved[members])
            part = refit(_some(curves, again), x[again], y[again], there[again], power=theta[members[again]])
            curves = replaced(curves, again, part)
        # from the grid of starts, every family open: the curves that are given, and whether theta still holds for them
        again = np.flatnonzero(stale[members])
        anew = fit_logistic(x[again], y[again], there[again], model=model, power=theta[members[again]], family=family)
        curves, stale = replaced(curves, again, anew), np.zeros(k, dtype=np.bool_)
        found = _sought(curves, dose, signal, present, members, near, k)
        settled = not bool((np.abs(found - theta) >= _SETTLED).any())
        if settled:
            break
    task = _Residuals.of(curves, dose, signal, present, members, k)
    estimated = task.df >= FEWEST
    at_bound = estimated & ((theta <= LOWEST + _SETTLED) | (theta >= HIGHEST - _SETTLED))
    bend = task.criterion(theta + _CURVATURE) - 2.0 * task.criterion(theta) + task.criterion(theta - _CURVATURE)
    known = estimated & ~at_bound & (bend > 0)
    se = where(known, np.sqrt(2.0 * _CURVATURE**2 / where(known, bend, 1.0)), np.nan)
    return VarianceFunctions(
        theta=theta, se=se, df=task.df, n_curves=task.n_curves, estimated=estimated, at_bound=at_bound,
        settled=settled, curves=curves,
    )  # fmt: skip


def _some(curves: LogisticCurves, index: Ints) -> LogisticCurves:
    return LogisticCurves(**{field.name: getattr(curves, field.name)[index] for field in fields(LogisticCurves)})


def _sought(
    curves: LogisticCurves,
    dose: npt.ArrayLike,
    signal: npt.ArrayLike,
    present: npt.ArrayLike,
    members: Ints,
    near: Floats | None,
    k: int,
) -> Floats:
    """Theta of every group for the curves as they are, first ``near`` a value; 1 and 2 where it is next to these."""
    task = _Residuals.of(curves, dose, signal, present, members, k)
    found = where(task.df >= FEWEST, _minimise(task, near), _DEFAULT)
    for exact in (1.0, 2.0):
        found[np.abs(found - exact) < _EXACT] = exact
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Residuals:
    """Squared residuals, log fitted signals (centred per curve) and derivatives of the curves that count; their groups."""

    square: Floats
    log: Floats
    there: Bools
    partial: Floats
    free: Ints
    residual_df: Ints
    group: Ints
    df: Ints
    n_curves: Ints

    @classmethod
    def of(
        cls,
        curves: LogisticCurves,
        dose: npt.ArrayLike,
        signal: npt.ArrayLike,
        present: npt.ArrayLike,
        group: Ints,
        k: int,
    ) -> _Residuals:
        x, y = np.asarray(dose, dtype=np.float64), np.asarray(signal, dtype=np.float64)
        here = np.asarray(present, dtype=np.bool_)
        positive = (where(here, curves.fitted, 1.0) > 0).all(axis=1)
        use = np.flatnonzero(curves.converged & (curves.df > 0) & positive & (curves.r_squared < 1.0 - 1e-12))
        there = here[use]
        fitted = where(there, curves.fitted[use], 1.0)
        log = np.log(fitted)
        centre = where(there, log, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
        unit = np.exp(centre)[:, None]
        partial = design(curves, use, where(there, x[use], 1.0)) * there[:, :, None]
        length = np.sqrt((partial**2).sum(axis=1))
        residual_df, members = curves.df[use], group[use]
        return cls(
            square=where(there, (y[use] - fitted) / unit, 0.0) ** 2,
            log=where(there, log - centre[:, None], 0.0),
            there=there,
            partial=partial / where(length > 0, length, 1.0)[:, None, :],
            free=curves.n_parameters[use],
            residual_df=residual_df,
            group=members,
            df=np.bincount(members, weights=residual_df, minlength=k).astype(np.int64),
            n_curves=np.bincount(members, minlength=k).astype(np.int64),
        )

    def criterion(self, theta: Floats) -> Floats:
        """-2 x restricted pseudo-likelihood of each group at its theta, up to a constant."""
        power = theta[self.group]
        weight = np.exp(-power[:, None] * self.log) * self.there
        normal = np.einsum("nmi,nm,nmj->nij", self.partial, weight, self.partial, optimize=True)
        fixed = np.arange(5)[None, :] >= self.free[:, None]
        normal[fixed[:, :, None] | fixed[:, None, :]] = 0.0
        normal[np.broadcast_to(np.eye(5, dtype=np.bool_), normal.shape) & fixed[:, :, None]] = 1.0
        values = np.linalg.eigvalsh(normal)
        size = np.log(np.maximum(values, _UNDETERMINED * values[:, -1:])).sum(axis=1)
        rss = np.maximum((weight * self.square).sum(axis=1), 1e-300)
        each = self.residual_df * np.log(rss) + size  # the sum of log f is 0: f is relative to its geometric mean
        return np.asarray(np.bincount(self.group, weights=each, minlength=self.df.size), dtype=np.float64)


def _minimise(task: _Residuals, near: Floats | None) -> Floats:
    """Theta of every group: between the neighbours of the best of a grid, or close to a value where it is found there."""
    k = task.df.size
    if near is not None:
        low, high = np.maximum(near - _CLOSE, LOWEST), np.minimum(near + _CLOSE, HIGHEST)
        found = _golden(task, low, high)
        inside = (found > low + _SETTLED) | (low <= LOWEST), (found < high - _SETTLED) | (high >= HIGHEST)
        if (inside[0] & inside[1])[task.n_curves > 0].all():
            return where(task.n_curves > 0, found, _DEFAULT)
    grid = np.linspace(LOWEST, HIGHEST, _GRID)
    values = np.stack([task.criterion(np.full(k, t)) for t in grid])
    best = values.argmin(axis=0)
    low, high = grid[np.maximum(best - 1, 0)], grid[np.minimum(best + 1, _GRID - 1)]
    return where(task.n_curves > 0, _golden(task, low, high), _DEFAULT)


def _golden(task: _Residuals, low: Floats, high: Floats) -> Floats:
    """Where the criterion of each group is least in its bracket, by the golden section."""
    ratio = (np.sqrt(5.0) - 1.0) / 2.0
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = task.criterion(left), task.criterion(right)
    while float((high - low).max(initial=0.0)) > _BRACKET:
        keep_low = at_left < at_right
        low, high = where(keep_low, low, left), where(keep_low, right, high)
        new = where(keep_low, high - ratio * (high - low), low + ratio * (high - low))
        value = task.criterion(new)
        left, right = where(keep_low, new, right), where(keep_low, left, new)
        at_left, at_right = where(keep_low, value, at_right), where(keep_low, at_left, value)
    return np.asarray((low + high) / 2.0, dtype=np.float64)
