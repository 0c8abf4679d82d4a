"""Mid-ranks of a panel, the values that censored measurements are ranked at, and quantiles by group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats, panel, where

_CHUNK = 1024  # rows ranked at a time: they stay in the cache


def rank_values(value: npt.ArrayLike, censoring: npt.ArrayLike, present: npt.ArrayLike | None = None) -> Floats:
    """Values to rank, where some are censored: what cannot be told apart becomes a tie.

    Parameters
    ----------
    value
        (m, n) or (n,); a censored value is the limit it is censored at.
    censoring
        Same shape: -1 left-censored (at most the value), 0 observed, +1 right-censored (at least the value).
    present
        Same shape; all, when not given.

    Returns
    -------
    numpy.ndarray
        (m, n). With one limit of quantification, censored values are ties at the limit. With several (plates with different
        limits, dilutions), all left-censored values are placed at the largest left limit, and observed values below that limit are
        tied with them, because nobody knows on which side of them the censored ones lie; likewise all right-censored values at
        the smallest right limit, with the observed values above it. Where the largest left limit is above the smallest right limit
        no two values can be ordered and the row becomes constant.

    Notes
    -----
    This is Gehan's ordering made transitive; it costs power where limits differ much but keeps rank tests valid. Helsel,
    Statistics for Censored Environmental Data, 2nd ed. 2012, chapter 9 ("recensoring at the highest limit").

    Examples
    --------
    >>> rank_values([2.0, 1.0, 5.0, 3.0], [0, -1, 0, -1]).tolist()
    [[3.0, 3.0, 5.0, 3.0]]
    """
    values, there = panel(value, present)
    sign = np.atleast_2d(np.asarray(censoring))
    if sign.shape != values.shape:
        raise ValueError(f"censoring must have the shape of value, found {sign.shape} and {values.shape}")
    floor = np.max(where(there & (sign < 0), values, -np.inf), axis=1, keepdims=True, initial=-np.inf)
    ceiling = np.min(where(there & (sign > 0), values, np.inf), axis=1, keepdims=True, initial=np.inf)
    placed: Floats = np.minimum(np.maximum(values, floor), ceiling)
    return placed


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Mid-ranks of a panel.

    ``ranks`` (m, n): 1 for the smallest, ties share their mean rank, 0 where absent. ``n`` (m,): values present.
    ``tie_sum`` (m,): sum of t^3 - t over the blocks of t tied values; 0 without ties.
    """

    ranks: Floats
    n: Floats
    tie_sum: Floats


def midranks(values: Floats, present: Bools) -> Ranked:
    """Mid-ranks along the subjects of each row, among the values present."""
    m = values.shape[0]
    ranks, tie_sum = np.empty(values.shape), np.empty(m)
    for start in range(0, m, _CHUNK):
        rows = slice(start, start + _CHUNK)
        ranks[rows], tie_sum[rows] = _midranks(values[rows], present[rows])
    return Ranked(ranks=ranks, n=present.sum(axis=1).astype(np.float64), tie_sum=tie_sum)


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
