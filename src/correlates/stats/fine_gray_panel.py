"""Fine and Gray's model of one biomarker at a time, for a panel; see :mod:`correlates.stats.fine_gray` for the model and its source.

With one covariate every sum over a risk set is a sum over those still followed, from the latest time backwards, and one over those
with a competing event before, whose weight G(t-) / G(T-) is a product of something of the time and something of the subject. So a
model costs a few passes over its subjects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, ndtri

from correlates.stats.arrays import Bools, Floats, Ints, divide, panel, where

_CHUNK = 1 << 18  # values (biomarkers x subjects) held at a time
_STEPS = 60
_DECREMENT = 1e-18
_FAR = 15.0  # a linear predictor this wide makes one look whether a maximum exists at all


@dataclass(frozen=True, slots=True, kw_only=True)
class FineGrayScreen:
    """Fine-Gray models of m biomarkers, one covariate each; every array is (m,).

    ``coefficient`` is the log subdistribution hazard ratio per unit of the biomarker. NaN where undefined: ``constant`` (or no event of
    the cause), ``monotone`` (no maximum exists), or ``converged`` false.
    """

    coefficient: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    p_value: Floats
    log_likelihood: Floats
    n: Ints
    n_events: Ints
    n_competing: Ints
    constant: Bools
    monotone: Bools
    converged: Bools


def fine_gray_screen(
    x: npt.ArrayLike,
    time: npt.ArrayLike,
    cause: npt.ArrayLike,
    present: npt.ArrayLike | None = None,
    *,
    of: int = 1,
    level: float = 0.95,
) -> FineGrayScreen:
    """Fine-Gray regression of the cumulative incidence of one cause on each biomarker of a panel.

    Parameters
    ----------
    x
        (m, n) biomarkers by subjects, on the scale of the hazard ratio wanted.
    time, cause
        (n,) time of the first event or of censoring; 0 for censoring, otherwise the cause.
    present
        (m, n) which values are there; the other subjects are left out of the row altogether. All, when not given.
    of
        The cause modelled.
    level
        Confidence level of the limits.
    """
    values, there = panel(x, present)
    m, n = values.shape
    times, kind = np.asarray(time, dtype=np.float64), np.asarray(cause)
    if times.shape != (n,) or kind.shape != (n,) or not np.isfinite(times).all():
        raise ValueError(f"time and cause must be ({n},) without NaN or infinity")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, found {level}")
    order = np.argsort(times, kind="stable")
    values, there, times, kind = values[:, order], there[:, order], times[order], kind[order]
    own, competing = kind == of, (kind != of) & (kind != 0)
    coefficient, error, reached = (np.full(m, np.nan) for _ in range(3))
    constant, monotone, converged = (np.zeros(m, dtype=np.bool_) for _ in range(3))
    step = max(1, _CHUNK // max(n, 1))
    for start in range(0, m, step):
        rows = slice(start, start + step)
        one = _fit(values[rows], there[rows], times, own, competing)
        coefficient[rows], error[rows], reached[rows] = one.coefficient, one.standard_error, one.log_likelihood
        constant[rows], monotone[rows], converged[rows] = one.constant, one.monotone, one.converged
    half = float(ndtri(0.5 + level / 2.0)) * error
    z = divide(coefficient, error)
    return FineGrayScreen(
        coefficient=coefficient,
        standard_error=error,
        lower=coefficient - half,
        upper=coefficient + half,
        p_value=where(np.isnan(z), np.nan, chdtrc(1.0, where(np.isnan(z), 0.0, z**2))),
        log_likelihood=reached,
        constant=constant,
        monotone=monotone,
        converged=converged,
        n=there.sum(axis=1),
        n_events=(there & own).sum(axis=1),
        n_competing=(there & competing).sum(axis=1),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """r models at their subjects in the order of time: arrays (r, n), or (n,) where the same for all.

    ``x`` in standard deviations from its mean; ``first`` and ``behind``: the place of the first subject of each one's time, and the place
    behind the last. ``own`` and ``rival``: who has the event, and who a competing one; ``g`` the share not censored just before each
    one's time; ``d`` the events of each time at its first place.
    """

    x: Floats
    there: Bools
    first: Ints
    behind: Ints
    own: Bools
    rival: Bools
    g: Floats
    d: Floats

    def at(self, rows: Ints) -> _Rows:
        """Some of the models."""
        return _Rows(
            x=self.x[rows],
            there=self.there[rows],
            first=self.first,
            behind=self.behind,
            own=self.own[rows],
            rival=self.rival[rows],
            g=self.g[rows],
            d=self.d[rows],
        )

    def later(self, values: Floats) -> Floats:
        """Sums over those whose time is each one's or later."""
        backwards = np.cumsum(values[:, ::-1], axis=1)[:, ::-1]
        return np.asarray(backwards[:, self.first])

    def before(self, values: Floats) -> Floats:
        """Sums over those whose time is earlier than each one's."""
        return np.asarray(_from_zero(values)[:, self.first])

    def until(self, values: Floats) -> Floats:
        """Sums over those whose time is each one's or earlier."""
        return np.asarray(_from_zero(values)[:, self.behind])

    def at_risk(self, values: Floats) -> Floats:
        """Weighted sums over the risk set of each one's time: those still followed, and those with a competing event before."""
        return self.later(values) + self.g * self.before(where(self.rival, values / self.g, 0.0))


def _from_zero(values: Floats) -> Floats:
    """Running sums (r, n + 1) that begin with nothing."""
    return np.concatenate((np.zeros((values.shape[0], 1)), np.cumsum(values, axis=1)), axis=1)


class _Fit(NamedTuple):
    """Fields of :class:`FineGrayScreen`."""

    coefficient: Floats
    standard_error: Floats
    log_likelihood: Floats
    constant: Bools
    monotone: Bools
    converged: Bools


def _fit(values: Floats, there: Bools, times: Floats, own: Bools, competing: Bools) -> _Fit:
    """The models of some rows; subjects in the order of their times."""
    r = values.shape[0]
    count = there.sum(axis=1)
    mean = divide(values.sum(axis=1), count)
    centred = where(there, values - mean[:, None], 0.0)
    scale = np.sqrt(divide((centred**2).sum(axis=1), count))
    constant = ~((scale > 1e-13 * np.abs(values).max(axis=1, initial=0.0)) & (there & own).any(axis=1))
    first = np.searchsorted(times, times, side="left")
    behind = np.searchsorted(times, times, side="right")
    leaving = there & ~own & ~competing
    size = there.sum(axis=1)[:, None] - _from_zero(there.astype(np.float64))[:, first]
    gone = _counted(leaving, first, behind)
    stays = np.asarray(np.cumprod(1.0 - where(size > 0, divide(gone, size), 0.0), axis=1), dtype=np.float64)
    g = np.concatenate((np.ones((r, 1)), stays), axis=1)[:, first]
    rows = _Rows(
        x=centred / where(constant, 1.0, scale)[:, None],
        there=there,
        first=first,
        behind=behind,
        own=there & own,
        rival=there & competing,
        g=np.maximum(g, 1e-300),
        d=_counted(there & own, first, behind),
    )
    beta, converged = _maximise(rows, ~constant)
    wide = np.ptp(where(there, rows.x * beta[:, None], 0.0), axis=1) > _FAR
    monotone = ~constant & (~converged | wide) & _monotone(rows)
    known = converged & ~monotone
    at = _Point.of(rows, beta)
    error = np.sqrt(divide((_residuals(rows, at) ** 2).sum(axis=1), at.information**2))
    return _Fit(
        where(known, beta, np.nan) / scale,
        where(known, error, np.nan) / scale,
        where(known, at.value, np.nan),
        constant,
        monotone,
        known,
    )


def _counted(mask: Bools, first: Ints, behind: Ints) -> Floats:
    """How many of each time, at its first place and 0 at the others (r, n)."""
    running = _from_zero(mask.astype(np.float64))
    return where(first == np.arange(first.size), running[:, behind] - running[:, first], 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    """The log-likelihood (r,) at coefficients, its slope and curvature; risk (r, n), weighted sums and means of each risk set (r, n)."""

    value: Floats
    score: Floats
    information: Floats
    risk: Floats
    total: Floats
    mean: Floats

    @classmethod
    def of(cls, rows: _Rows, beta: Floats) -> _Point:
        """At coefficients (r,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            risk = where(rows.there, np.exp(where(rows.there, rows.x * beta[:, None], 0.0)), 0.0)
            total = rows.at_risk(risk)
            mean = divide(rows.at_risk(risk * rows.x), total)
            square = divide(rows.at_risk(risk * rows.x**2), total)
            timed = rows.d > 0
            logs = where(timed, np.log(where(timed, total, 1.0)), 0.0)
            reached = where(rows.own, rows.x, 0.0).sum(axis=1)
            return cls(
                value=beta * reached - (rows.d * logs).sum(axis=1),
                score=reached - where(timed, rows.d * mean, 0.0).sum(axis=1),
                information=where(timed, rows.d * (square - mean**2), 0.0).sum(axis=1),
                risk=risk,
                total=total,
                mean=where(timed, mean, 0.0),
            )


def _maximise(rows: _Rows, usable: Bools) -> tuple[Floats, Bools]:
    """Coefficients (r,) by Newton's method with halved steps, and whether the last step would have gained nothing."""
    r = rows.x.shape[0]
    beta, converged = np.zeros(r), np.zeros(r, dtype=np.bool_)
    value, score, information = (np.zeros(r) for _ in range(3))

    def move(at: Ints, there: Floats) -> Floats:
        found = _Point.of(rows.at(at), there)
        score[at], information[at] = found.score, found.information
        return found.value

    live = np.flatnonzero(usable)
    value[live] = move(live, beta[live])
    for _ in range(_STEPS):
        step = divide(score[live], information[live])
        gain = score[live] * step
        converged[live[gain < _DECREMENT]] = True
        live, step = (
            live[gain >= _DECREMENT],
            step[gain >= _DECREMENT],
        )  # NaN, a flat likelihood, is neither: it is given up
        if not live.size:
            break
        there, x = rows.there[live], rows.x[live]
        spread = np.abs(step) * (
            np.max(x, axis=1, where=there, initial=-np.inf) - np.min(x, axis=1, where=there, initial=np.inf)
        )
        step = step * np.minimum(1.0, 5.0 / np.maximum(spread, 5.0))
        pending = live
        for _ in range(30):
            tried = move(pending, beta[pending] + step)
            good = tried >= value[pending] - 1e-13 * (1.0 + np.abs(value[pending]))
            beta[pending[good]] += step[good]
            value[pending[good]] = tried[good]
            pending, step = pending[~good], step[~good] / 2.0
            if not pending.size:
                break
    return beta, converged


def _monotone(rows: _Rows) -> Bools:
    """Whether at every event the biomarker is as high as in anyone at risk, or at every one as low (r,)."""

    def highest(x: Floats) -> Bools:
        followed = where(rows.there, x, -np.inf)
        later = np.maximum.accumulate(followed[:, ::-1], axis=1)[:, ::-1][:, rows.first]
        rivals = np.maximum.accumulate(where(rows.rival, x, -np.inf), axis=1)
        start = np.full((x.shape[0], 1), -np.inf)
        earlier = np.concatenate((start, rivals), axis=1)[:, rows.first]
        found: Bools = np.all((x >= np.maximum(later, earlier)) | ~rows.own, axis=1)
        return found

    return highest(rows.x) | highest(-rows.x)


def _residuals(rows: _Rows, at: _Point) -> Floats:
    """Score residuals (r, n) with the share of the estimated censoring distribution."""
    rate = where(rows.d > 0, divide(rows.d, at.total), 0.0)
    lifted = rate * at.mean
    weighted, weighted_lifted = rate * rows.g, lifted * rows.g
    mean = at.mean[:, rows.first]
    eta = where(rows.own, rows.x - mean, 0.0)
    eta -= at.risk * (rows.x * rows.until(rate) - rows.until(lifted))
    shared = where(rows.rival, at.risk / rows.g, 0.0)
    ahead, ahead_lifted = (_ahead(v, rows.behind) for v in (weighted, weighted_lifted))
    eta -= shared * (rows.x * ahead - ahead_lifted)
    leaving = rows.there & ~rows.own & ~rows.rival
    pull = rows.later(weighted) * rows.before(shared * rows.x) - rows.later(weighted_lifted) * rows.before(shared)
    size = rows.later(rows.there.astype(np.float64))
    each = where(leaving, divide(pull, size), 0.0)
    psi = each - rows.until(where(leaving, divide(pull, size**2), 0.0))
    return where(rows.there, eta + psi, 0.0)


def _ahead(values: Floats, behind: Ints) -> Floats:
    """Sums over the times later than each one's."""
    backwards = np.concatenate((np.cumsum(values[:, ::-1], axis=1)[:, ::-1], np.zeros((values.shape[0], 1))), axis=1)
    return np.asarray(backwards[:, behind])
