"""Rates: intervals of a binomial proportion, and the Cochran-Armitage test for a trend of rates over ordered groups.

Sources: Wilson, JASA 1927;22:209-212 (doi:10.1080/01621459.1927.10502953). Clopper and Pearson, Biometrika 1934;26:404-413.
Cochran, Biometrics 1954;10:417-451. Armitage, Biometrics 1955;11:375-386. Exact test: Mehta, Patel and Senchaudhuri, Biometrics
1992;48:1029-1043 (its conditional law).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, gammaln, ndtr, ndtri

from correlates.stats.arrays import Floats, Ints, divide, where


class RateInterval(StrEnum):
    """Interval of a proportion: Wilson's score interval, or Clopper and Pearson's exact one (which is wider)."""

    WILSON = "wilson"
    CLOPPER_PEARSON = "clopper-pearson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Proportions with their limits; every array has the shape of the counts, NaN where nobody was counted."""

    estimate: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Cochran-Armitage tests of m tables; every array is (m,). ``z`` is positive where the rate rises with the score."""

    z: Floats
    p_value: Floats
    p_exact: Floats


def rate(events: npt.ArrayLike, n: npt.ArrayLike, *, level: float = 0.95, interval: RateInterval | str) -> Rate:
    """Proportion of events with a confidence interval.

    Parameters
    ----------
    events, n
        Counts of one shape.
    level, interval
        Confidence level and kind.

    Notes
    -----
    Wilson: (p + z^2/2n -/+ z sqrt(p (1 - p)/n + z^2/4n^2)) / (1 + z^2/n). Clopper-Pearson: beta quantiles, 0 and 1 at the ends.
    """
    x, size = np.broadcast_arrays(np.asarray(events, dtype=np.float64), np.asarray(n, dtype=np.float64))
    there = size > 0
    p = divide(x, size)
    whole = where(there, size, 1.0)
    if RateInterval(interval) is RateInterval.WILSON:
        z = float(ndtri(0.5 + level / 2.0))
        centre = p + z * z / (2.0 * whole)
        half = z * np.sqrt(where(there, p * (1.0 - p), 0.0) / whole + z * z / (4.0 * whole**2))
        scale = 1.0 + z * z / whole
        lower, upper = (centre - half) / scale, (centre + half) / scale
    else:
        tail = (1.0 - level) / 2.0
        lower = where(x > 0, betaincinv(np.maximum(x, 1.0), whole - x + 1.0, tail), 0.0)
        upper = where(x < size, betaincinv(x + 1.0, np.maximum(whole - x, 1.0), 1.0 - tail), 1.0)
    lower = where(x == 0, 0.0, lower)
    upper = where(x == size, 1.0, upper)
    return Rate(
        estimate=p, lower=where(there, np.clip(lower, 0, 1), np.nan), upper=where(there, np.clip(upper, 0, 1), np.nan)
    )


def cochran_armitage(events: npt.ArrayLike, n: npt.ArrayLike, scores: npt.ArrayLike) -> Trend:
    """Test for a trend of rates over k ordered groups.

    Parameters
    ----------
    events, n
        (m, k) events and subjects of each group; a group may be empty.
    scores
        (k,) whole numbers; the score of each group.

    Notes
    -----
    z = sum s (x - n p) / sqrt(p (1 - p) sum n (s - mean s)^2) with p the pooled rate, two-sided P from the normal distribution. Exact:
    the conditional law of T = sum s x given the margins (multiple hypergeometric); P is the probability of all T at least as far from
    its mean as the observed one.

    Undefined with no events, events only, or all subjects in groups of one score.
    """
    x = np.atleast_2d(np.asarray(events, dtype=np.float64))
    size = np.atleast_2d(np.asarray(n, dtype=np.float64))
    s = np.asarray(scores, dtype=np.float64)
    if x.shape != size.shape or s.shape != (x.shape[1],) or (x > size).any() or (x < 0).any():
        raise ValueError("events and n must be (m, k) with 0 <= events <= n, and scores (k,)")
    if (s != np.rint(s)).any():
        raise ValueError("scores must be whole numbers")
    total, hits = size.sum(axis=1), x.sum(axis=1)
    p = divide(hits, total)
    mean = divide(size @ s, total)
    spread = (size * (s[None, :] - mean[:, None]) ** 2).sum(axis=1)
    z = divide((s * (x - size * p[:, None])).sum(axis=1), np.sqrt(p * (1.0 - p) * spread))
    two = where(np.isnan(z), np.nan, 2.0 * ndtr(-np.abs(where(np.isnan(z), 0.0, z))))
    exact = np.full(x.shape[0], np.nan)
    steps = np.rint(s - s.min()).astype(np.int64)
    tested = np.flatnonzero(~np.isnan(z))
    margins = np.concatenate((size[tested], hits[tested, None]), axis=1).astype(np.int64)
    for margin, rows in _shared(margins, tested):
        exact[rows] = _exact(x[rows].astype(np.int64), margin[:-1], steps)
    return Trend(z=z, p_value=two, p_exact=exact)


def _shared(margins: Ints, rows: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Each distinct row of margins (r, k + 1), with the tables ``rows`` (r,) that have it."""
    if not rows.size:
        return
    distinct, which = np.unique(margins, axis=0, return_inverse=True)
    order = np.argsort(which.reshape(-1), kind="stable")
    ends = np.cumsum(np.bincount(which.reshape(-1), minlength=len(distinct)))
    yield from zip(distinct, np.split(rows[order], ends[:-1]), strict=True)


def _exact(events: Ints, n: Ints, steps: Ints) -> Floats:
    """Two-sided P (r,) of tables with events (r, k) and the same margins, by the law of (events so far, score sum so far)."""
    hits = int(events[0].sum())
    largest = int((steps * n).sum())
    law = np.zeros((hits + 1, largest + 1))
    law[0, 0] = 1.0
    for size, step in zip(n.tolist(), steps.tolist(), strict=True):
        if size == 0:
            continue
        fresh = np.zeros_like(law)
        choose = np.exp(gammaln(size + 1) - gammaln(np.arange(size + 1) + 1) - gammaln(size - np.arange(size + 1) + 1))
        for k in range(min(size, hits) + 1):
            moved = law[: hits + 1 - k, : largest + 1 - step * k]
            fresh[k:, step * k :] += choose[k] * moved
        law = fresh / fresh.sum()
    weights = law[hits] / law[hits].sum()
    sums = np.arange(largest + 1, dtype=np.float64)
    mean = hits * largest / float(n.sum())
    away = np.abs(sums - mean)
    order = np.argsort(away, kind="stable")[::-1]
    tail = np.cumsum(weights[order])
    observed = np.abs((events @ steps) - mean) - 1e-9 * max(1.0, mean)
    reached = np.searchsorted(-away[order], -observed, side="right")
    return np.asarray(np.minimum(tail[reached - 1], 1.0), dtype=np.float64)
