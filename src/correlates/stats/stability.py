"""Stability selection: columns that an elastic net picks in many half-samples, with a bound on how many of them are picked falsely.

Meinshausen and Bühlmann, JRSS B 2010;72:417-473 (doi:10.1111/j.1467-9868.2010.00740.x): with q columns let in per half-sample, threshold pi and p
columns, the expected number of false selections (per-family error rate, PFER) is at most q^2 / ((2 pi - 1) p). Shah and Samworth, JRSS B 2013;75:55-80
(doi:10.1111/j.1467-9868.2011.01034.x): halves in complementary pairs, and sharper bounds where the selection frequency of a noise column has a
unimodal, or an r-concave, distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from correlates.stats.arrays import Bools, Floats, Ints, where
from correlates.stats.candidates import Candidates, filled
from correlates.stats.elastic_net import elastic_net, largest_penalty, penalties
from correlates.stats.target import Target

_PATH = 100  # penalties of a path
_BATCH = 100


class Assumption(StrEnum):
    """What is assumed of the selection frequency of a noise column: nothing, unimodal, or r-concave (r = -1/2 and -1/4)."""

    NONE = "none"
    UNIMODAL = "unimodal"
    R_CONCAVE = "r_concave"


def error_bound(
    columns: int, picked: int, threshold: float, *, pairs: int = 50, assumption: Assumption | str = Assumption.UNIMODAL
) -> float:
    """The bound on the expected number of falsely selected columns.

    Parameters
    ----------
    columns, picked
        p, and q: how many columns a half-sample lets in at most.
    threshold
        pi: share of half-samples from which a column counts as selected.
    pairs
        B, complementary pairs of half-samples (2 B fits); it enters the bounds of Shah and Samworth.
    assumption
        Which bound.

    Raises
    ------
    ValueError
        The bound does not hold there: a threshold that is not above 1/2 (none, unimodal), or q/p above 1/sqrt(3) (unimodal).
    """
    rule = Assumption(assumption)
    share = picked / columns
    if not 0.0 < share <= 1.0:
        raise ValueError(f"q must be between 1 and p, found {picked} of {columns}")
    if rule is Assumption.NONE:
        if not 0.5 < threshold <= 1.0:
            raise ValueError(f"the threshold must be above 0.5, found {threshold}")
        return picked**2 / columns / (2.0 * threshold - 1.0)
    if rule is Assumption.UNIMODAL:
        if share > 1.0 / np.sqrt(3.0) or not 0.5 < threshold <= 1.0:
            raise ValueError(
                f"the bound needs q/p up to 0.577 and a threshold above 0.5, found {share:.3f} and {threshold}"
            )
        least = 0.5 + min(share**2, 1.0 / (2.0 * pairs) + 0.75 * share**2)
        if threshold <= least:
            raise ValueError(f"the bound needs a threshold above {least:.4f}, found {threshold}")
        if threshold <= 0.75:
            return picked**2 / columns / (2.0 * (2.0 * threshold - 1.0 - 1.0 / (2.0 * pairs)))
        return picked**2 / columns * 4.0 * (1.0 - threshold + 1.0 / (2.0 * pairs)) / (1.0 + 1.0 / pairs)
    return columns * _r_concave(share, _at(threshold, 2 * pairs), pairs)


def threshold_for(
    columns: int, picked: int, error: float, *, pairs: int = 50, assumption: Assumption | str = Assumption.UNIMODAL
) -> float | None:
    """The smallest threshold on the grid of 1/(2B) whose bound is at most ``error``; None where there is none."""

    def holds(step: int) -> bool:
        try:
            return error_bound(columns, picked, step / (2 * pairs), pairs=pairs, assumption=assumption) <= error
        except ValueError:
            return False

    low, high = pairs, 2 * pairs  # the bound falls as the threshold rises
    if not holds(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high / (2 * pairs)


def picked_for(
    columns: int, threshold: float, error: float, *, pairs: int = 50, assumption: Assumption | str = Assumption.UNIMODAL
) -> int | None:
    """The largest q whose bound is at most ``error``; None where not even one column may be let in."""
    best = None
    for picked in range(1, columns + 1):
        try:
            bound = error_bound(columns, picked, threshold, pairs=pairs, assumption=assumption)
        except ValueError:
            break
        if bound > error:
            break
        best = picked
    return best


def _at(threshold: float, steps: int) -> int:
    """The number of half-samples in which a column at the threshold is in: the smallest that is not below it."""
    return int(np.ceil(threshold * steps - 1e-9))


def _r_concave(share: float, reached: int, pairs: int) -> float:
    """Bound on the chance that a noise column reaches ``reached`` of 2B halves: the smaller of two (Shah and Samworth, (8))."""
    whole = _tail(share, reached, 2 * pairs, -0.25)
    return whole if reached <= pairs else min(whole, _tail(share**2, reached - pairs, pairs, -0.5))


def _tail(mean: float, reached: int, steps: int, r: float) -> float:
    """Max P(X >= reached/steps) over r-concave X on {0, 1/steps, ..., 1} with expectation ``mean``.

    It is taken by P(X = i/steps) proportional to (a + i)^(1/r) on 0..k, a set by the expectation, for some k (Shah and Samworth,
    section 3.3 and appendix; between one k and the next they let part of the mass stand at k + 1, which never gives more).
    """
    total = mean * steps
    lowest = (
        int(np.ceil(2.0 * total)) + 1
    )  # below, a uniform distribution has a mean too small to hold the expectation back
    if reached < lowest or lowest > steps:
        return 1.0
    top = np.arange(max(lowest, reached), steps + 1)
    i = np.arange(steps + 1, dtype=np.float64)
    inside = i[None, :] <= top[:, None]
    low, high = np.full(top.size, -30.0), np.full(top.size, 30.0)  # of log a
    for _ in range(60):
        middle = (low + high) / 2.0
        weight = _powers(i, middle, inside, 1.0 / r)
        small = (weight * i).sum(axis=1) / weight.sum(axis=1) < total
        low, high = where(small, middle, low), where(small, high, middle)
    weight = _powers(i, (low + high) / 2.0, inside, 1.0 / r)
    return float((weight[:, reached:].sum(axis=1) / weight.sum(axis=1)).max())


def _powers(i: Floats, log_a: Floats, inside: Bools, power: float) -> Floats:
    """(1 + i/a)^power where inside."""
    return where(inside, np.exp(power * np.log1p(i[None, :] * np.exp(-log_a)[:, None])), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stability:
    """Selection frequencies of p columns, ``frequency`` (p,), over ``fits`` half-samples, and the columns at or above ``threshold``.

    ``let_in``: mean number of columns a half-sample let in (at most q, because a path ends before more are in).
    """

    frequency: Floats
    selected: Bools
    threshold: float
    bound: float
    let_in: float
    fits: int


def stability_selection(
    given: Candidates,
    target: Target,
    *,
    seed: np.random.SeedSequence,
    picked: int,
    threshold: float,
    pairs: int = 50,
    mixing: float = 1.0,
    assumption: Assumption | str = Assumption.UNIMODAL,
    grouped: bool = False,
    subjects: Ints | None = None,
) -> Stability:
    """Elastic-net paths in complementary half-samples.

    Parameters
    ----------
    given, target
        Candidates and outcome.
    seed, pairs
        Where the halves come from, and how many pairs of them.
    picked, threshold, assumption
        q, pi, and the bound that is told.
    mixing
        1 for the lasso.
    grouped
        Whether whole groups of columns are selected, by the group lasso; q and the bound are then of groups.
    subjects
        Rows that take part, with repetitions where a subject counts twice; all, when not given.

    Notes
    -----
    Halves hold floor(n/2) subjects each, balanced by event. A path goes from the largest penalty down by a hundredth root of 100 a
    step and ends before more than q columns have ever been in. Columns are standardised and gaps filled within each half.
    """
    n = target.size
    rows = np.arange(n) if subjects is None else subjects
    weight = halves(target.event, rows, pairs, seed)
    frequency, let_in = np.zeros(given.columns), 0
    family = target.family
    groups = given.groups if grouped else None
    of = given.columns if groups is None else int(np.unique(groups).size)
    for first in range(0, weight.shape[0], _BATCH):
        part = weight[first : first + _BATCH]
        x = filled(given, part)
        path = penalties(largest_penalty(x, family, part, mixing=mixing, groups=groups), count=_PATH, ratio=0.01)
        fit = elastic_net(x, family, path, part, mixing=mixing, groups=groups, most=picked, tolerance=1e-4)
        last = np.maximum(fit.fitted - 1, 0)
        inside = np.nan_to_num(fit.coefficient[np.arange(part.shape[0]), last]) != 0
        frequency += inside.sum(axis=0)
        let_in += int(inside.sum())
    frequency /= weight.shape[0]
    return Stability(
        frequency=frequency,
        selected=frequency >= threshold - 1e-12,
        threshold=threshold,
        bound=error_bound(of, picked, threshold, pairs=pairs, assumption=assumption),
        let_in=let_in / weight.shape[0],
        fits=int(weight.shape[0]),
    )


def halves(event: Bools, rows: Ints, pairs: int, seed: np.random.SeedSequence) -> Floats:
    """Weights (2B, n) of complementary halves of the subjects of ``rows``, balanced by event; copies of a subject stay together."""
    random = np.random.default_rng(seed)
    copies = np.bincount(rows, minlength=event.size).astype(np.float64)
    members = np.flatnonzero(copies > 0)
    found = np.zeros((2 * pairs, event.size))
    for b in range(pairs):
        shuffled = random.permutation(members)
        order = np.concatenate((shuffled[event[shuffled]], shuffled[~event[shuffled]]))
        size = order.size // 2
        first, second = order[::2][:size], order[1::2][:size]
        found[2 * b, first] = copies[first]
        found[2 * b + 1, second] = copies[second]
    return found
