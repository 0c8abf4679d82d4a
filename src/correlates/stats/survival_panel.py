"""Kaplan-Meier curves of a panel: one group of the same subjects per row (a class of each biomarker), or times of its own per row.

The estimate, its limits and its quantiles are those of :mod:`correlates.stats.kaplan_meier`, without delayed entry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from correlates.stats.arrays import Bools, Floats, Ints, divide, where
from correlates.stats.kaplan_meier import Interval, SurvivalAt, crossings, limits


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeTable:
    """Subjects of m rows in the order of their times, and the numbers at risk and of events at each time; every array is (m, n).

    ``order`` is the subject at each place; those who are not in the row stand last, at an infinite ``time``. ``first`` is whether a
    place is the first of its time, ``end`` the place of the last of its time. ``n_event`` counts all events of the time at its first
    place and is 0 at the others; ``n_risk`` (at or after the time) stands at every place, 0 behind the last member.
    """

    order: Ints
    time: Floats
    first: Bools
    end: Ints
    n_risk: Ints
    n_event: Ints

    def at_risk(self, values: Floats) -> Floats:
        """Sums of values (m, k, n) of the subjects over those at risk, at the first place of each time; elsewhere without meaning."""
        ordered = np.take_along_axis(values, self.order[:, None], axis=2)
        return np.asarray(np.cumsum(ordered[..., ::-1], axis=2)[..., ::-1])

    def together(self, values: Floats) -> Floats:
        """Sums of values (m, k, n) over those of each time, at its first place; 0 elsewhere."""
        ordered = np.take_along_axis(values, self.order[:, None], axis=2)
        running = np.cumsum(ordered, axis=2)
        before = running - ordered
        until = np.take_along_axis(running, np.broadcast_to(self.end[:, None], running.shape), axis=2)
        return where(self.first[:, None], until - before, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurvivalPanel:
    """Kaplan-Meier curves of m rows at the places of their time table; (m, n) each, steps only where ``table.n_event`` is not 0.

    ``spread`` is the standard error of log survival and ``lower`` and ``upper`` the pointwise limits, NaN where survival has reached 0;
    1 before the first event. ``last`` (m,) is the largest follow-up time, minus infinity in a row of nobody.
    """

    table: TimeTable
    survival: Floats
    spread: Floats
    lower: Floats
    upper: Floats
    last: Floats


def time_table(time: npt.ArrayLike, event: npt.ArrayLike, member: npt.ArrayLike) -> TimeTable:
    """Numbers at risk and of events of m rows.

    Parameters
    ----------
    time, event
        (n,) or (m, n): time of the event or of censoring, and whether it was an event.
    member
        (m, n) who is in the row; what stands elsewhere does not matter.

    Raises
    ------
    ValueError
        Shapes that do not agree, or a member's time that is not finite.
    """
    inside = np.atleast_2d(np.asarray(member, dtype=np.bool_))
    try:
        times = np.broadcast_to(np.asarray(time, dtype=np.float64), inside.shape)
        happened = np.broadcast_to(np.asarray(event, dtype=np.bool_), inside.shape)
    except ValueError:
        raise ValueError(f"time and event must be (n,) or (m, n) like member, {inside.shape}") from None
    if not np.isfinite(times[inside]).all():
        raise ValueError("time holds NaN or infinity")
    keyed = where(inside, times, np.inf)
    order = np.argsort(keyed, axis=1, kind="stable")
    ordered = np.take_along_axis(keyed, order, axis=1)
    m, n = ordered.shape
    first = np.ones((m, n), dtype=np.bool_)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    here = np.arange(n)
    begins = np.maximum.accumulate(np.where(first, here, 0), axis=1)
    size = inside.sum(axis=1)
    n_risk = np.maximum(size[:, None] - begins, 0)
    ends = np.ones((m, n), dtype=np.bool_)
    ends[:, :-1] = first[:, 1:]
    end = np.minimum.accumulate(np.where(ends, here, n - 1)[:, ::-1], axis=1)[:, ::-1]
    hits = np.take_along_axis(happened & inside, order, axis=1).astype(np.int64)
    running = np.cumsum(hits, axis=1)
    n_event = np.where(first, np.take_along_axis(running, end, axis=1) - running + hits, 0)
    return TimeTable(order=order, time=ordered, first=first, end=end, n_risk=n_risk, n_event=n_event)


def survival_panel(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    member: npt.ArrayLike,
    *,
    level: float = 0.95,
    interval: Interval | str = Interval.LOG_LOG,
) -> SurvivalPanel:
    """Kaplan-Meier curves of m groups; see :func:`time_table` for what is taken and :func:`correlates.stats.kaplan_meier.kaplan_meier`.

    Examples
    --------
    >>> found = survival_panel([6, 6, 7, 9], [1, 0, 1, 0], [[1, 1, 1, 1], [1, 0, 1, 0]])
    >>> found.survival.tolist()
    [[0.75, 0.75, 0.375, 0.375], [0.5, 0.0, 0.0, 0.0]]
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, found {level}")
    table = time_table(time, event, member)
    d, n = table.n_event, table.n_risk
    survival = np.asarray(np.cumprod(1.0 - where(n > 0, divide(d, n), 0.0), axis=1), dtype=np.float64)
    summed = np.cumsum(where(d > 0, where(n > d, divide(d, n * (n - d)), np.inf), 0.0), axis=1)
    begun = np.cumsum(d, axis=1) > 0
    spread = where(survival > 0, np.sqrt(summed), np.nan)
    known = where(begun, spread, np.nan)
    lower, upper = limits(survival, known, float(ndtri(0.5 + level / 2.0)), Interval(interval))
    last = np.max(where(np.isfinite(table.time), table.time, -np.inf), axis=1, initial=-np.inf)
    return SurvivalPanel(
        table=table,
        survival=survival,
        spread=spread,
        lower=where(begun, lower, 1.0),
        upper=where(begun, upper, 1.0),
        last=last,
    )


def quantile_panel(curves: SurvivalPanel, probability: float = 0.5) -> Floats:
    """Time by which a share of each row has had the event, and its limits: (3, m), NaN where it is not reached.

    By the rule of :func:`correlates.stats.kaplan_meier.quantile`.
    """
    if not 0 < probability < 1:
        raise ValueError(f"probability must lie between 0 and 1, found {probability}")
    height = 1.0 - probability
    return np.stack(
        [crossings(curves.table.time, values, height) for values in (curves.survival, curves.lower, curves.upper)]
    )


def survival_at_panel(curves: SurvivalPanel, times: npt.ArrayLike) -> SurvivalAt:
    """Survival of each row at given times: arrays (m, t), NaN beyond the last follow-up of a curve above 0."""
    at = np.atleast_1d(np.asarray(times, dtype=np.float64))
    index = (curves.table.time[:, :, None] <= at).sum(axis=1)

    def step(first: float, values: Floats) -> Floats:
        begin = np.full((values.shape[0], 1), first)
        return np.take_along_axis(np.concatenate((begin, values), axis=1), index, axis=1)

    survival = step(1.0, curves.survival)
    known = (at <= curves.last[:, None]) | (survival == 0)
    error = step(0.0, where(curves.survival > 0, curves.survival * curves.spread, np.nan))
    return SurvivalAt(
        time=at,
        survival=where(known, survival, np.nan),
        standard_error=where(known, error, np.nan),
        lower=where(known, step(1.0, curves.lower), np.nan),
        upper=where(known, step(1.0, curves.upper), np.nan),
    )
