"""Westfall and Young's step-down adjustment: the dependence of the tests of a family is learnt by permuting the outcome.

Sources: Westfall and Young, Resampling-Based Multiple Testing, 1993, algorithms 2.8 and 4.1. Ge, Dudoit and Speed, Test 2003;12:1-77
(doi:10.1007/BF02595811) (minP row by row). Phipson and Smyth, SAGMB 2010;9:39 (the observed order counts as one of those drawn).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Floats, where

_CELLS = 1_000_000
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class WestfallYoung:
    """Permutation P values of the m tests of a family; arrays are (m,), NaN where the statistic is.

    ``p_value`` is the permutation P of each test alone, ``max_t`` and ``min_p`` the step-down adjusted ones. ``orders`` is how many
    orders of the outcome were used, the observed one among them; ``complete`` whether these are all there are.
    """

    statistic: Floats
    p_value: Floats
    max_t: Floats
    min_p: Floats
    orders: int
    complete: bool


def orders(outcome: npt.ArrayLike, permutations: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], bool]:
    """Orders of the subjects (n, b), the observed one first; every different arrangement of a two-valued outcome where there are few.

    Parameters
    ----------
    outcome
        (n,) or (n, c): what is permuted; its rows go together.
    permutations
        How many at most.
    rng
        The generator.

    Returns
    -------
    orders, complete
        (n, b) row numbers, and whether they are all arrangements there are.
    """
    y = np.asarray(outcome, dtype=np.float64)
    y = y.reshape(y.shape[0], -1)
    n = y.shape[0]
    kinds, code = np.unique(y, axis=0, return_inverse=True)
    code = code.reshape(-1)
    if kinds.shape[0] == 2:
        hits = int((code == 1).sum())
        if comb(n, hits) <= permutations:
            one, zero = np.flatnonzero(code == 1), np.flatnonzero(code == 0)
            count = comb(n, hits)
            chosen = np.fromiter(combinations(range(n), hits), dtype=np.dtype((np.int64, hits)), count=count)
            here = np.zeros((count, n), dtype=np.bool_)
            here[np.arange(count)[:, None], chosen] = True
            found = np.empty((count, n), dtype=np.int64)
            found[here], found[~here] = np.tile(one, count), np.tile(zero, count)
            same = np.flatnonzero((code[found] == code[None, :]).all(axis=1))[0]
            found[[0, same]] = found[[same, 0]]
            return np.ascontiguousarray(found.T), True
    drawn = rng.permuted(np.broadcast_to(np.arange(n)[:, None], (n, permutations)), axis=0)
    drawn[:, 0] = np.arange(n)
    return drawn, False


def step_down(statistics: Callable[[slice], Floats], m: int, *, complete: bool, min_p: bool = True) -> WestfallYoung:
    """Step-down adjusted P values from the statistics of every test in every order of the outcome.

    Parameters
    ----------
    statistics
        Gives, for some of the tests (a slice of m), their statistics (rows, b); larger is more extreme, the first column is the
        observed one. A row of NaN is a test that gave nothing. It is asked more than once.
    m
        How many tests.
    complete
        Whether the b orders are all there are.
    min_p
        Whether minP is wanted too (it costs a sort of every row).

    Notes
    -----
    maxT: with the tests ordered by their observed statistics, the adjusted P of the j-th is the share of orders in which the largest of
    the statistics of it and all less extreme tests reaches the observed one, made monotone. minP is the same with each statistic
    replaced by its permutation P.
    """
    first = statistics(slice(0, min(m, 1))) if m else np.empty((0, 1))
    b = first.shape[1]
    step = max(1, _CELLS // max(b, 1))
    observed, raw = np.full(m, np.nan), np.full(m, np.nan)
    for start in range(0, m, step):
        rows = slice(start, min(start + step, m))
        found = statistics(rows)
        seen = found[:, :1]
        observed[rows] = found[:, 0]
        share = np.mean(found >= seen - _tie(seen), axis=1)
        raw[rows] = where(np.isnan(found[:, 0]), np.nan, share)
    known = np.flatnonzero(~np.isnan(observed))
    max_t = _stepped(statistics, observed, known[np.lexsort((raw[known], -observed[known]))], b, m, as_p=False)
    low = np.full(m, np.nan)
    if min_p:
        low = _stepped(statistics, raw, known[np.lexsort((-observed[known], raw[known]))], b, m, as_p=True)
    return WestfallYoung(statistic=observed, p_value=raw, max_t=max_t, min_p=low, orders=b, complete=complete)


def _tie(value: Floats) -> Floats:
    found: Floats = _TOLERANCE * (1.0 + np.abs(np.nan_to_num(value)))
    return found


def _stepped(
    statistics: Callable[[slice], Floats], measure: Floats, order: npt.NDArray[np.int64], b: int, m: int, *, as_p: bool
) -> Floats:
    """Adjusted P by successive extremes from the least to the most extreme test."""
    adjusted = np.full(m, np.nan)
    extreme = np.full(b, np.inf if as_p else -np.inf)
    shares = np.empty(order.size)
    for place in range(order.size - 1, -1, -1):
        row = int(order[place])
        values = statistics(slice(row, row + 1))[0]
        if as_p:
            ordered = np.sort(values)
            values = 1.0 - np.searchsorted(ordered, values - _tie(values), side="left") / b
            np.minimum(extreme, values, out=extreme)
            shares[place] = np.mean(extreme <= measure[row] + _TOLERANCE)
        else:
            np.maximum(extreme, values, out=extreme)
            shares[place] = np.mean(extreme >= measure[row] - _TOLERANCE * (1.0 + abs(measure[row])))
    adjusted[order] = np.maximum.accumulate(shares) if order.size else shares
    return adjusted


def westfall_young(
    scores: npt.ArrayLike,
    outcome: npt.ArrayLike,
    *,
    permutations: int,
    rng: np.random.Generator,
    min_p: bool = True,
) -> WestfallYoung:
    """Step-down adjustment of the linear statistics of m biomarkers with one outcome.

    Parameters
    ----------
    scores
        (m, n) scores of the biomarkers (mid-ranks, for rank tests), centred over the subjects that have the biomarker and 0 for the
        others; a row of zeros gives NaN.
    outcome
        (n,) or (n, c) scores of the outcome: the event, the grade's rank, log-rank scores, or an indicator per class.
    permutations, rng
        Orders of the outcome drawn at most, and from what.
    min_p
        Whether minP is computed too.

    Notes
    -----
    Statistic of one outcome column: abs(sum a y) / sqrt(sum a^2 s^2), s^2 the variance of y. Of several columns: the sum over classes
    of (sum of a in the class)^2 / (subjects in the class), over the variance of a. Subjects, not values, are permuted: values that
    are absent stay where they are.
    """
    a = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    y = np.asarray(outcome, dtype=np.float64)
    y = y.reshape(y.shape[0], -1)
    if a.shape[1] != y.shape[0]:
        raise ValueError(f"scores must be (m, {y.shape[0]}), found {a.shape}")
    drawn, complete = orders(y, permutations, rng)
    square = (a * a).sum(axis=1)
    known = square > 1e-12
    unit = a / np.sqrt(where(known, square, 1.0))[:, None]
    unit[~known] = np.nan
    if y.shape[1] == 1:
        centred = y[:, 0] - y[:, 0].mean()
        spread = np.sqrt((centred**2).sum() / max(y.shape[0] - 1, 1))
        single = (centred / (spread if spread > 0 else np.nan))[drawn]

        def linear(rows: slice) -> Floats:
            found: Floats = np.abs(unit[rows] @ single)
            return found

        return step_down(linear, a.shape[0], complete=complete, min_p=min_p)
    sizes = y.sum(axis=0)
    columns = [np.ascontiguousarray(y[:, j][drawn]) for j in range(y.shape[1]) if sizes[j] > 0]
    weights = [1.0 / size for size in sizes.tolist() if size > 0]

    def quadratic(rows: slice) -> Floats:
        found = np.zeros((unit[rows].shape[0], drawn.shape[1]))
        for column, weight in zip(columns, weights, strict=True):
            found += weight * (unit[rows] @ column) ** 2
        return found

    return step_down(quadratic, a.shape[0], complete=complete, min_p=min_p)
