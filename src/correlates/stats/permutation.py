"""P values by permutation of the outcome over subjects: exact in any number of subjects where nothing is associated.

Where biomarker and outcome have nothing to do with each other, every pairing of the values of one with those of the other is equally
likely, whatever the laws of both. So the share of pairings whose statistic is at least as far out as the observed one is a P value that
holds its level exactly, in three events as in three hundred. The chi-square law of a likelihood ratio, of a log-rank statistic or of a
difference of restricted means is reached in large samples only.

Sources: Pitman, JRSS Suppl 1937;4:119-130 and 225-232. Mehta and Patel, Stat Med 1995;14:2143-2160 (the conditional law of the score of a
logistic model is that of permutation). Neuhaus, Ann Statist 1993;21:1760-1779 (a permuted log-rank statistic over its own standard
error is right in large samples also where groups are followed differently). Phipson and Smyth, SAGMB 2010;9:39 (the observed pairing
counts as one of those drawn).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Floats, Ints, where
from correlates.stats.westfall_young import orders

_CELLS = 1 << 22  # statistics (tests times orders) held at a time
_CACHED = 1 << 15  # group memberships (groupings times subjects) worked on at a time: they stay in the cache
_TIE = 1e-9  # two statistics this near, beside their size, are the same one summed in another order
_FEW = 20  # pairings as far out below which a P value is drawn again
_MORE = 10  # from so many times the orders


@dataclass(frozen=True, slots=True, kw_only=True)
class Permuted:
    """Permutation P values of m tests. ``orders`` (m,) is how many pairings each is a share of; ``complete``: these are all there are."""

    p_value: Floats
    orders: Ints
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Statistics (b,) of permuted groups, in ascending order. ``complete``: these are all there are, the observed one among them."""

    statistics: Floats
    complete: bool

    def p_value(self, observed: float) -> float:
        """Share of the pairings whose statistic is at least the observed one; of those drawn, with the observed pairing added."""
        far = self._at_least(observed)
        total = self.statistics.size
        return far / total if self.complete else (far + 1.0) / (total + 1.0)

    def critical(self, level: float) -> float:
        """Largest of the statistics whose P is above 1 - ``level``: what is beyond it is significant, and nothing else is."""
        values = self.statistics
        total = values.size
        far = total - np.searchsorted(values, values - _TIE * (1.0 + np.abs(values)), side="left")
        p = far / total if self.complete else (far + 1.0) / (total + 1.0)
        kept = values[p > 1.0 - level + 1e-12]
        return float(kept[-1]) if kept.size else float("nan")

    def _at_least(self, observed: float) -> int:
        return int(self.statistics.size - np.searchsorted(self.statistics, observed - _TIE * (1.0 + abs(observed))))


def permuted_scores(scores: npt.ArrayLike, outcome: npt.ArrayLike, *, permutations: int, seed: int) -> Permuted:
    """Two-sided permutation P of the linear statistics of m biomarkers with one outcome.

    Parameters
    ----------
    scores
        (m, n) of the biomarkers: their values, or what stands for them; a row of one value gives NaN.
    outcome
        (n,) scores of the outcome: the event (the score test of a logistic model), the ridit of a grade (of a proportional-odds
        model), log-rank scores (of a Cox model). Or (n, k) membership of k classes.
    permutations
        Pairings drawn; all of them where a two-valued outcome has no more. Where fewer than 20 are as far out as the observed one, ten
        times as many are drawn.
    seed
        Of the generator. What is drawn depends on it and on the number of subjects, not on their order, nor on which biomarkers stand
        beside, nor on the sign of a biomarker or which of two classes is the event.

    Notes
    -----
    T = sum a y, P the share of pairings with abs(T - E T) at least the observed one, E T = n mean(a) mean(y). Of classes: the sum
    over classes of (sum of a in the class)^2 / (subjects in it), a centred.
    """
    a = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    y = np.asarray(outcome, dtype=np.float64)
    y = y.reshape(y.shape[0], -1)
    m, n = a.shape
    if y.shape[0] != n:
        raise ValueError(f"scores must be (m, {y.shape[0]}), found {a.shape}")
    if y.shape[1] == 2:  # of two classes the sum in one says what the sum in the other is
        y = y[:, :1]
    if y.shape[1] == 1:
        y = y - y.mean(axis=0) if n else y
        y *= -1.0 if (y**3).sum() < 0 else 1.0
    a = a - a.mean(axis=1, keepdims=True)
    size = np.sqrt((a * a).sum(axis=1))
    known = size > 1e-12 * np.maximum(np.abs(a).max(axis=1, initial=0.0), 1e-300)
    known &= bool(n and np.ptp(y, axis=0).max(initial=0.0) > 1e-12)
    unit = a / where(known, size, 1.0)[:, None]
    unit *= where((unit**3).sum(axis=1) < 0, -1.0, 1.0)[:, None]
    observed = _distances(unit, y[:, :, None])[:, 0]
    # the law depends on the values only: sorted, it is the same whatever the order of the subjects
    law, y = np.sort(unit, axis=1), y[np.lexsort(y.T[::-1])]
    p, used = np.full(m, np.nan), np.zeros(m, dtype=np.int64)
    rows = np.flatnonzero(known)
    far, total, complete = _count(law, observed, rows, y, permutations, seed)
    p[rows] = far / total if complete else (far + 1.0) / (total + 1.0)
    used[rows] = total
    rare = rows[far < _FEW]
    if rare.size and not complete:
        far, total, _ = _count(law, observed, rare, y, _MORE * permutations, seed + 1)
        p[rare] = (far + 1.0) / (total + 1.0)
        used[rare] = total
    return Permuted(p_value=p, orders=used, complete=complete)


def _distances(a: Floats, y: Floats) -> Floats:
    """How far out the statistics of rows a (m, n), centred, are with outcomes y (n, k, b): (m, b)."""
    if y.shape[1] == 1:
        return np.abs(a @ y[:, 0])
    total = np.zeros((a.shape[0], y.shape[2]))
    for j in range(y.shape[1]):
        members = float(y[:, j, 0].sum())
        if members:
            total += (a @ y[:, j]) ** 2 / members
    return total


def _count(a: Floats, observed: Floats, rows: Ints, y: Floats, permutations: int, seed: int) -> tuple[Ints, int, bool]:
    """Pairings at least as far out as the observed one, of how many, and whether these are all."""
    far = np.zeros(rows.size, dtype=np.int64)
    total, complete = 0, False
    bar = observed[rows] - _TIE * (observed[rows] + np.abs(y).max(initial=0.0))
    for drawn, complete in _pairings(y, permutations, seed):  # noqa: B007
        placed = np.stack([y[:, j][drawn] for j in range(y.shape[1])], axis=1)
        step = max(1, _CELLS // drawn.shape[1])
        for first in range(0, rows.size, step):
            part = slice(first, first + step)
            far[part] += (_distances(a[rows[part]], placed) >= bar[part, None]).sum(axis=1)
        total += drawn.shape[1]
    return far, total, complete


def _pairings(y: Floats, permutations: int, seed: int) -> Iterator[tuple[Ints, bool]]:
    """Row numbers of y (n, k) in the orders to be tried (n, b), some at a time, and whether they are all there are."""
    generator = np.random.default_rng([seed, y.shape[0]])
    if all_pairings(y) <= permutations:
        yield orders(y, permutations, generator)
        return
    n = y.shape[0]
    at_once = max(1, _CELLS // 4 // max(n, 1))
    for first in range(0, permutations, at_once):
        b = min(at_once, permutations - first)
        yield generator.permuted(np.broadcast_to(np.arange(n)[:, None], (n, b)), axis=0), False


def all_pairings(y: Floats) -> float:
    """How many different orders an outcome (n, k) of two values has; infinite of one with more values."""
    kinds, times = np.unique(y, axis=0, return_counts=True)
    return float(comb(y.shape[0], int(times[0]))) if kinds.shape[0] == 2 else float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Groupings:
    """Groupings (b, n) of n subjects into groups of given sizes, in small whole numbers; ``complete``: these are all there are."""

    groups: npt.NDArray[np.int16]
    complete: bool


def groupings(group: npt.ArrayLike, *, permutations: int, seed: int) -> Groupings:
    """The groupings that :func:`permuted_groups` tries: of all subjects with groups of these sizes the same ones."""
    label = np.sort(np.asarray(group, dtype=np.int64))
    found, complete = [], False
    for drawn, complete in _pairings(label.astype(np.float64)[:, None], permutations, seed):  # noqa: B007
        found.append(np.ascontiguousarray(label.astype(np.int16)[drawn].T))
    return Groupings(groups=np.concatenate(found), complete=complete)


def permuted_groups(
    statistics: Callable[[Ints], Floats],
    group: npt.ArrayLike,
    *,
    permutations: int,
    seed: int,
    drawn: Groupings | None = None,
) -> Reference:
    """Law of a statistic of groups when the groups are permuted over subjects.

    Parameters
    ----------
    statistics
        Gives the statistics (b,) of groupings (b, n), not negative, larger the further from no difference; NaN, where a grouping has
        none, counts as 0. Its subjects are to stand in an order that does not matter to it, such as that of their times.
    group
        (n,) the group of each subject; how many are in each is all that is used.
    permutations, seed
        As of :func:`permuted_scores`.
    drawn
        The groupings, where they were drawn before for the same sizes, permutations and seed.
    """
    tried = groupings(group, permutations=permutations, seed=seed) if drawn is None else drawn
    step = max(1, _CACHED // max(tried.groups.shape[1], 1))
    found = [
        np.nan_to_num(statistics(tried.groups[i : i + step].astype(np.int64)))
        for i in range(0, tried.groups.shape[0], step)
    ]
    return Reference(statistics=np.sort(np.concatenate(found)), complete=tried.complete)
