"""Kaplan-Meier estimate of survival with pointwise intervals, quantiles with interval, numbers at risk, reverse Kaplan-Meier.

Sources: Kaplan and Meier, JASA 1958;53:457-481 (doi:10.1080/01621459.1958.10501452). Greenwood, Reports on Public Health 33, 1926.
Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data, 2nd ed. 2002, section 1.4 (log-log interval). Brookmeyer and
Crowley, Biometrics 1982;38:29-41 (doi:10.2307/2530286). Schemper and Smith, Control Clin Trials 1996;17:343-346 (reverse estimate).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from correlates.stats.arrays import Floats, Ints, divide, where
from correlates.stats.at_risk import follow_up, risk_sets

_EQUAL = 1e-8  # two survival probabilities this close are one (rounding of a product)


class Interval(StrEnum):
    """Scale on which an interval of a survival probability is symmetric: log(-log S), log S or S itself."""

    LOG_LOG = "log-log"
    LOG = "log"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class KaplanMeier:
    """Kaplan-Meier curve at its k distinct event times; every array is (k,).

    Survival is 1 before the first time and constant between. ``standard_error`` is Greenwood's, of the survival. ``lower`` and
    ``upper`` are pointwise limits, NaN where survival has reached 0 (no scale has a standard error there). ``last`` is the largest
    follow-up time (None without subjects): beyond it the curve is unknown unless it has reached 0.
    """

    time: Floats
    n_risk: Ints
    n_event: Ints
    survival: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    n: int
    n_events: int
    last: float | None
    level: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantile:
    """Time by which a share of the subjects has had the event, with its interval; None where the curve or its band does not reach it."""

    probability: float
    estimate: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SurvivalAt:
    """Survival at given times; every array has the shape of the times. NaN beyond the last follow-up of a curve above 0."""

    time: Floats
    survival: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats


def kaplan_meier(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    entry: npt.ArrayLike | None = None,
    *,
    level: float = 0.95,
    interval: Interval | str = Interval.LOG_LOG,
) -> KaplanMeier:
    """Kaplan-Meier estimate of one group.

    Parameters
    ----------
    time, event, entry
        (n,) each; see :func:`correlates.stats.at_risk.follow_up`. With delayed entry a subject is at risk on (entry, time].
    level, interval
        Confidence level and scale of the limits.

    Notes
    -----
    S(t) = product over event times s <= t of (1 - d/n). Var log S = sum d / (n (n - d)) (Greenwood). Limits: log-log
    S^exp(-/+ z se(log S) / log S), log S exp(-/+ z se(log S)) cut at 1, plain S -/+ z S se(log S) cut to [0, 1].

    No events: k = 0, survival is 1 until ``last``. With delayed entry the curve can fall to 0 early, when all the few at risk have
    the event; it stays there, as the product does.

    Examples
    --------
    >>> curve = kaplan_meier([6, 6, 7, 9], [1, 0, 1, 0])
    >>> curve.survival.tolist(), curve.n_risk.tolist()
    ([0.75, 0.375], [4, 2])
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, found {level}")
    scale = Interval(interval)
    course = follow_up(time, event, entry)
    risk = risk_sets(course)
    n_risk = np.rint(risk.total(np.ones(risk.n))).astype(np.int64)
    n_event = np.rint(risk.died(np.ones(risk.n))).astype(np.int64)
    survival = np.asarray(np.cumprod(1.0 - divide(n_event, n_risk)), dtype=np.float64)
    alive = n_risk > n_event
    summed = np.cumsum(where(alive, divide(n_event, n_risk * (n_risk - n_event)), np.inf))
    positive = survival > 0
    spread = where(positive, np.sqrt(summed), np.nan)
    lower, upper = limits(survival, spread, float(ndtri(0.5 + level / 2.0)), scale)
    return KaplanMeier(
        time=risk.time,
        n_risk=n_risk,
        n_event=n_event,
        survival=survival,
        standard_error=survival * spread,
        lower=lower,
        upper=upper,
        n=risk.n,
        n_events=int(course.event.sum()),
        last=float(course.time.max()) if risk.n else None,
        level=level,
        interval=scale,
    )


def limits(survival: Floats, spread: Floats, z: float, scale: Interval) -> tuple[Floats, Floats]:
    """Limits of survival, of any shape, from it and the standard error of its logarithm."""
    if scale is Interval.PLAIN:
        half = z * spread * survival
        return np.maximum(survival - half, 0.0), np.minimum(survival + half, 1.0)
    if scale is Interval.LOG:
        return survival * np.exp(-z * spread), np.minimum(survival * np.exp(z * spread), 1.0)
    inside = np.isfinite(spread)
    size = -np.log(where(inside, survival, 0.5))
    change = z * spread / size
    return np.exp(-size * np.exp(change)), np.exp(-size * np.exp(-change))


def quantile(curve: KaplanMeier, probability: float = 0.5) -> Quantile:
    """Time by which ``probability`` of the subjects has had the event (0.5: the median), with its interval.

    Notes
    -----
    The first time at which the survival is 1 - probability or less; where the survival equals 1 - probability on a flat stretch, the
    middle of that stretch (R's rule), or its beginning where the curve ends on it. The limits are where the lower and the upper
    limit of the survival cross the same height, by the same rule (Brookmeyer and Crowley on the scale of the curve's limits).

    None where the curve, or its limit, stays above: not reached, an answer and not a failure.
    """
    if not 0 < probability < 1:
        raise ValueError(f"probability must lie between 0 and 1, found {probability}")
    height = 1.0 - probability
    return Quantile(
        probability=probability,
        estimate=_crossing(curve.time, curve.survival, height),
        lower=_crossing(curve.time, curve.lower, height),
        upper=_crossing(curve.time, curve.upper, height),
    )


def crossings(time: Floats, values: Floats, height: float) -> Floats:
    """The first time of each row (m, K) at which falling values are ``height`` or less (m,); NaN where they stay above.

    The middle of the flat stretch where they equal it, or its beginning where no lower value follows. NaN values are passed over.
    """
    there = ~np.isnan(values)
    steps = where(there, values, np.inf)
    m, width = steps.shape
    rows = np.arange(m)
    below = np.concatenate((steps <= height + _EQUAL, np.ones((m, 1), dtype=np.bool_)), axis=1)
    deeper = np.concatenate((steps < height - _EQUAL, np.ones((m, 1), dtype=np.bool_)), axis=1)
    first, lower = below.argmax(axis=1), deeper.argmax(axis=1)
    padded = np.concatenate((time, np.full((m, 1), np.nan)), axis=1)
    held = np.concatenate((steps, np.full((m, 1), np.nan)), axis=1)[rows, first]
    flat = (np.abs(held - height) < _EQUAL) & (lower < width)
    return where(flat, (padded[rows, first] + padded[rows, lower]) / 2.0, padded[rows, first])


def _crossing(time: Floats, values: Floats, height: float) -> float | None:
    found = float(crossings(time[None], values[None], height)[0])
    return None if np.isnan(found) else found


def survival_at(curve: KaplanMeier, times: npt.ArrayLike) -> SurvivalAt:
    """Survival at given times, with its limits (the curve's own). Before the first event: 1, with both limits 1."""
    at = np.atleast_1d(np.asarray(times, dtype=np.float64))
    index = np.searchsorted(curve.time, at, side="right")
    survival = np.concatenate(([1.0], curve.survival))[index]
    known = (at <= (-np.inf if curve.last is None else curve.last)) | (survival == 0)

    def step(first: float, values: Floats) -> Floats:
        return where(known, np.concatenate(([first], values))[index], np.nan)

    return SurvivalAt(
        time=at,
        survival=step(1.0, curve.survival),
        standard_error=step(0.0, curve.standard_error),
        lower=step(1.0, curve.lower),
        upper=step(1.0, curve.upper),
    )


def number_at_risk(time: npt.ArrayLike, times: npt.ArrayLike, entry: npt.ArrayLike | None = None) -> Ints:
    """How many subjects are at risk at each of the times: entry < t <= time.

    A subject censored or with the event at t is still counted at t. Where everybody is followed from time 0, leave ``entry`` out:
    with entries of 0 nobody is yet at risk at time 0 itself.
    """
    end = np.asarray(time, dtype=np.float64)
    at = np.atleast_1d(np.asarray(times, dtype=np.float64))
    start = np.full(end.shape, -np.inf) if entry is None else np.asarray(entry, dtype=np.float64)
    inside = (start[None, :] < at[:, None]) & (at[:, None] <= end[None, :])
    counts: Ints = inside.sum(axis=1)
    return counts


def reverse_kaplan_meier(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    entry: npt.ArrayLike | None = None,
    *,
    level: float = 0.95,
    interval: Interval | str = Interval.LOG_LOG,
) -> KaplanMeier:
    """Kaplan-Meier estimate of the follow-up: censoring is the event, an event is the censoring. Its median is the median follow-up.

    A subject with the event counts as followed until then and possibly longer. At equal times an event still counts among those at
    risk of being censored, which is what one gets from any Kaplan-Meier program by turning the indicator round.
    """
    course = follow_up(time, event, entry)
    return kaplan_meier(course.time, ~course.event, entry, level=level, interval=interval)
