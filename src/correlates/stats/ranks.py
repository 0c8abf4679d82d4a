"""Mid-ranks of a panel, censored values among them, and quantiles by group with what censoring leaves known of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats, Ints, where

_CHUNK = 1024  # rows ranked at a time: they stay in the cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Mid-ranks of a panel.

    ``ranks`` (m, n): 1 for the smallest, what cannot be told apart shares its rank, 0 where absent. ``n`` (m,): values present.
    ``tie_sum`` (m,): sum of t^3 - t over the blocks of t tied values, 0 without ties; with censored values what takes its place,
    N^3 - N - 12 sum (rank - mean rank)^2, so that every variance that is corrected for ties is right for them.
    """

    ranks: Floats
    n: Floats
    tie_sum: Floats


def midranks(values: Floats, present: Bools, censoring: npt.ArrayLike | None = None) -> Ranked:
    """Mid-ranks along the subjects of each row, among the values present.

    Parameters
    ----------
    values, present
        (m, n).
    censoring
        (m, n): -1 at most the value, 0 the value, +1 at least the value; nothing is censored, when not given.

    Notes
    -----
    The rank of a value is 1/2 + half the values that cannot be told from it (itself included) + the values that are certainly below
    it; equivalently (N + 1 + below - above) / 2. Without censoring these are the usual mid-ranks; with one limit, censored
    values are ties at it. With several limits (plates, dilutions, quotients of limits) two values are compared wherever their
    limits allow it, and count as tied where not: below 5 and 7 are ordered, below 5 and 3 are not. Rank sums of these are Gehan's
    generalised Wilcoxon statistic (Biometrika 1965;52:203-223) with Mantel's permutation variance (Biometrics 1967;23:65-78).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[5.0, 3.0, 7.0, 9.0]])
    >>> midranks(x, np.ones((1, 4), dtype=bool), np.array([[-1, 0, 0, 0]])).ranks.tolist()
    [[1.5, 1.5, 3.0, 4.0]]
    """
    m = values.shape[0]
    sign = None if censoring is None else _signs(censoring, values, present)
    ranks, tie_sum = np.empty(values.shape), np.empty(m)
    for start in range(0, m, _CHUNK):
        rows = slice(start, start + _CHUNK)
        ranks[rows], tie_sum[rows] = _midranks(values[rows], present[rows])
    if sign is not None:
        cut = np.flatnonzero((sign != 0).any(axis=1))
        for start in range(0, cut.size, _CHUNK):
            some = cut[start : start + _CHUNK]
            ranks[some], tie_sum[some] = _censored_midranks(values[some], present[some], sign[some])
    return Ranked(ranks=ranks, n=present.sum(axis=1).astype(np.float64), tie_sum=tie_sum)


def _signs(censoring: npt.ArrayLike, values: Floats, present: Bools) -> Ints:
    sign = np.atleast_2d(np.asarray(censoring, dtype=np.int64))
    if sign.shape != values.shape:
        raise ValueError(f"censoring must have the shape of x, found {sign.shape} and {values.shape}")
    found: Ints = np.where(present, sign, 0)
    return found


def _censored_midranks(values: Floats, present: Bools, sign: Ints) -> tuple[Floats, Floats]:
    low = where(present & (sign >= 0), values, -np.inf)
    high = where(present & (sign <= 0), values, np.inf)
    n = present.sum(axis=1).astype(np.float64)[:, None]
    ranks = where(present, (n + 1.0 + _certainly_below(high, low) - _certainly_below(-low, -high)) / 2.0, 0.0)
    spread = where(present, ranks - (n + 1.0) / 2.0, 0.0)
    n = n[:, 0]
    tie_sum: Floats = n**3 - n - 12.0 * (spread**2).sum(axis=1)
    return ranks, tie_sum


def _certainly_below(high: Floats, low: Floats) -> Floats:
    """How many upper ends (m, n) lie below each lower end (m, n)."""
    n = low.shape[1]
    both = np.concatenate((low, high), axis=1)  # stable: a lower end stands before an equal upper one
    order = np.argsort(both, axis=1, kind="stable")
    passed = np.cumsum(order >= n, axis=1)
    count = np.empty(both.shape)
    np.put_along_axis(count, order, passed, axis=1)
    found: Floats = count[:, :n]
    return found


def _midranks(values: Floats, present: Bools) -> tuple[Floats, Floats]:
    filled = where(present, values, np.inf)
    n = filled.shape[1]
    order = np.argsort(filled, axis=1)  # not stable, and need not be: ties share their rank
    ordered = np.take_along_axis(filled, order, axis=1)
    starts = np.ones(filled.shape, dtype=np.bool_)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    ends = np.ones(filled.shape, dtype=np.bool_)
    ends[:, :-1] = starts[:, 1:]
    position = np.arange(n)
    first = np.maximum.accumulate(np.where(starts, position, 0), axis=1)
    last = np.minimum.accumulate(np.where(ends, position, n)[:, ::-1], axis=1)[:, ::-1]
    ranks = np.empty(filled.shape)
    np.put_along_axis(ranks, order, (first + last) / 2.0 + 1.0, axis=1)
    block = last - first + 1.0
    tied = np.where(position < present.sum(axis=1)[:, None], block * block - 1.0, 0.0)
    tie_sum: Floats = tied.sum(axis=1)
    return where(present, ranks, 0.0), tie_sum


def quantiles(values: Floats, present: Bools, probabilities: tuple[float, ...]) -> Floats:
    """Quantiles of each row (m, len(probabilities)), by linear interpolation (type 7 of Hyndman and Fan, the default of R and numpy).

    Undefined (NaN) for a row without values. Source: Hyndman and Fan, Am Stat 1996;50:361-365.
    """
    ordered = np.sort(where(present, values, np.inf), axis=1)
    count = present.sum(axis=1)
    result = np.full((values.shape[0], len(probabilities)), np.nan)
    some = count > 0
    if not some.any():
        return result
    rows, k = ordered[some], count[some]
    for j, probability in enumerate(probabilities):
        at = (k - 1) * probability
        below = np.floor(at).astype(np.int64)
        above = np.minimum(below + 1, k - 1)
        low = np.take_along_axis(rows, below[:, None], axis=1)[:, 0]
        high = np.take_along_axis(rows, above[:, None], axis=1)[:, 0]
        result[some, j] = low + (at - below) * (high - low)
    return result


def undetermined(values: Floats, present: Bools, censoring: Ints, probabilities: tuple[float, ...]) -> Bools:
    """Which quantiles (m, len(probabilities)) censoring leaves unknown; the quantile of the limits is then a bound or a guess.

    A quantile is known where it is the same with every censored value anywhere on its side of its limit. One between two values
    of which one is censored is not.
    """
    reach = 1.0 + 2.0 * np.abs(where(present, values, 0.0)).max(axis=1, initial=0.0)[:, None]
    lowest = quantiles(where(censoring < 0, -reach, values), present, probabilities)
    highest = quantiles(where(censoring > 0, reach, values), present, probabilities)
    found: Bools = lowest < highest
    return found
