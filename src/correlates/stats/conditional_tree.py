"""Conditional inference trees: the variable of a split is chosen by a test of independence, not by the best split it offers.

A tree that looks for the best of all splits of all variables prefers variables with many values. Here the variable is the one whose
permutation test against the outcome has the smallest P value, and a node is not split when that P value, adjusted for the number of
variables, is above the declared level: the choice is unbiased, and the size of the tree follows from the level.

Source: Hothorn, Hornik and Zeileis, J Comput Graph Stat 2006;15:651-674 (doi:10.1198/106186006X133933); the moments of the linear
statistic are those of Strasser and Weber, Math Methods Stat 1999;8:220-250.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from correlates.stats.arrays import Bools, Floats, Ints, panel

__all__ = [
    "ConditionalTree",
    "Grow",
    "IndependenceTests",
    "Nodes",
    "grow_tree",
    "independence_tests",
    "leaves",
    "outcome_scores",
]

_MOST_ENUMERATED = 8  # categories whose every partition is looked at when the outcome has several scores
_SMALL = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class Grow:
    """How a tree is grown.

    Attributes
    ----------
    level
        A node is split when the adjusted P value of the best variable is at most this; 1 always splits.
    least_split, least_leaf
        Subjects a node must have to be split, and each of its children at least.
    deepest
        Most splits on the way from the root to a leaf; None sets no bound.
    adjusted
        Whether P is adjusted for the number of variables tested in the node, 1 - (1 - p)^m.
    permutations
        With 0, P comes from the chi-square law of the quadratic statistic. Otherwise from so many permutations of the outcomes of the
        node, and the adjusted P from the smallest P over the variables of each permutation (which takes their correlation into account).
    """

    level: float = 0.05
    least_split: int = 20
    least_leaf: int = 7
    deepest: int | None = None
    adjusted: bool = True
    permutations: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IndependenceTests:
    """Tests of each of p variables against the outcome, in one node.

    ``statistic`` (p,) is the quadratic form, ``df`` (p,) its degrees of freedom (0 for a variable that takes one value, or too few),
    ``p_value`` (p,) the chi-square or permutation P, ``p_adjusted`` (p,) adjusted for the number of variables with df > 0.
    """

    statistic: Floats
    df: Ints
    p_value: Floats
    p_adjusted: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """The nodes of a tree, the root first, each before its children, the left before the right (as partykit numbers them).

    Attributes
    ----------
    variable
        (k,) variable that splits the node, -1 for a leaf.
    threshold
        (k,) values up to it go left; NaN for a leaf, or a split by categories.
    go_left
        (k, c) which categories go left; false throughout for a split by threshold.
    left, right
        (k,) numbers of the children, -1 for a leaf.
    missing_left
        (k,) whether a missing value goes left: with the larger child.
    p_value, statistic
        (k,) adjusted P and statistic of the variable tested best in the node; NaN where nothing was tested.
    n
        (k,) subjects of the node.
    """

    variable: Ints
    threshold: Floats
    go_left: Bools
    left: Ints
    right: Ints
    missing_left: Bools
    p_value: Floats
    statistic: Floats
    n: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionalTree:
    """A tree, the leaf of each subject (n,), and the tests of every variable in the root."""

    nodes: Nodes
    leaf: Ints
    root: IndependenceTests


@dataclass(slots=True, kw_only=True)
class _Growing:
    """The nodes of a tree that is being grown."""

    variable: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    go_left: list[Bools] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    missing_left: list[bool] = field(default_factory=list)
    p_value: list[float] = field(default_factory=list)
    statistic: list[float] = field(default_factory=list)
    n: list[int] = field(default_factory=list)

    def add(self, n: int, most: int) -> int:
        """A leaf of n subjects; returns its number."""
        self.variable.append(-1)
        self.threshold.append(np.nan)
        self.go_left.append(np.zeros(most, dtype=np.bool_))
        self.left.append(-1)
        self.right.append(-1)
        self.missing_left.append(False)
        self.p_value.append(np.nan)
        self.statistic.append(np.nan)
        self.n.append(n)
        return len(self.n) - 1


def outcome_scores(outcome: npt.ArrayLike, classes: int = 0) -> Floats:
    """Scores (n, q) of an outcome: as it is (numbers, true or false), or one column per class.

    Parameters
    ----------
    outcome
        (n,) numbers; with ``classes`` numbers of classes from 0. The scores of a time to event are log-rank scores
        (:func:`correlates.stats.cutpoint.log_rank_scores`).
    classes
        How many classes; up to two, and for numbers, one column is enough.
    """
    values = np.asarray(outcome)
    if classes > 2:
        found: Floats = (values[:, None] == np.arange(classes)).astype(np.float64)
        return found
    return np.asarray(values, dtype=np.float64)[:, None]


def independence_tests(
    x: npt.ArrayLike,
    scores: Floats,
    *,
    present: npt.ArrayLike | None = None,
    categories: npt.ArrayLike | None = None,
    adjusted: bool = True,
    permutations: int = 0,
    rng: np.random.Generator | None = None,
) -> IndependenceTests:
    """Permutation tests of independence of p variables and an outcome.

    Parameters
    ----------
    x
        (p, n) variables by subjects; a category is its number from 0.
    scores
        (n, q) scores of the outcome.
    present
        (p, n) which values are there; a variable is tested on the subjects that have it.
    categories
        (p,) number of categories of a variable, 0 for a number.
    adjusted, permutations
        See :class:`Grow`.
    rng
        Needed with permutations.

    Returns
    -------
    IndependenceTests

    Raises
    ------
    ValueError
        Shapes do not agree, or a present value is not finite.

    Notes
    -----
    For a numeric variable and one score, T = sum x_i h_i, E(T) = n xbar hbar, Var(T) = SS(x) SS(h) / (n - 1), and the statistic is
    (T - E)^2 / Var: (n - 1) times the squared correlation. With several scores or categories it is the quadratic form of T - E in
    the Moore-Penrose inverse of its covariance, df its rank.
    """
    values, there = panel(x, present)
    kinds = _kinds(categories, values.shape[0])
    statistic, df = _statistics(values, there, kinds, scores)
    p = np.where(df > 0, chdtrc(np.maximum(df, 1), statistic), 1.0)
    tested = int((df > 0).sum())
    if permutations and tested:
        if rng is None:
            raise ValueError("permutations need a generator")
        return _permuted(values, there, kinds, scores, statistic, df, p, permutations, rng, adjusted=adjusted)
    with np.errstate(divide="ignore"):
        both = -np.expm1(max(tested, 1) * np.log1p(-p)) if adjusted else p
    return IndependenceTests(statistic=statistic, df=df, p_value=p, p_adjusted=np.where(df > 0, both, 1.0))


def grow_tree(
    x: npt.ArrayLike,
    scores: Floats,
    *,
    present: npt.ArrayLike | None = None,
    categories: npt.ArrayLike | None = None,
    grow: Grow = Grow(),
    tried: int | None = None,
    rng: np.random.Generator | None = None,
) -> ConditionalTree:
    """Grow a conditional inference tree.

    Parameters
    ----------
    x, scores, present, categories
        See :func:`independence_tests`.
    grow
        How.
    tried
        Variables drawn at random in each node and tested there (a tree of a forest); None tests all.
    rng
        Needed with ``tried`` and with permutations.

    Returns
    -------
    ConditionalTree
        A single leaf where nothing can be split.

    Raises
    ------
    ValueError
        See :func:`independence_tests`.

    Notes
    -----
    The split point of the chosen variable maximises the standardised two-sample statistic over all points that leave ``least_leaf``
    subjects on each side; the threshold is the largest value that goes left. Categories are parted in the order of their mean score,
    which finds the best partition of one score, or over all partitions when there are several scores and few categories. A missing value is not
    tested, and follows the larger child.
    """
    values, there = panel(x, present)
    kinds = _kinds(categories, values.shape[0])
    if scores.ndim != 2 or scores.shape[0] != values.shape[1]:
        raise ValueError(f"scores must be ({values.shape[1]}, q), found {scores.shape}")
    p, n = values.shape
    most = int(kinds.max(initial=0))
    growing = _Growing()
    leaf = np.zeros(n, dtype=np.int64)
    root: IndependenceTests | None = None
    # left children are taken from the end of the list before right ones: nodes are numbered in the order of a book
    waiting: list[tuple[Ints, int, int, int]] = [(np.arange(n), 0, -1, 0)]
    while waiting:
        rows, depth, parent, side = waiting.pop()
        node = growing.add(rows.size, most)
        if parent >= 0:
            (growing.left if side == 0 else growing.right)[parent] = node
        leaf[rows] = node
        may = rows.size >= grow.least_split and (grow.deepest is None or depth < grow.deepest)
        if not may and root is not None:
            continue
        columns = _drawn(p, tried, rng)
        part, seen = values[np.ix_(columns, rows)], there[np.ix_(columns, rows)]
        tests = independence_tests(
            part,
            scores[rows],
            present=seen,
            categories=kinds[columns],
            adjusted=grow.adjusted,
            permutations=grow.permutations,
            rng=rng,
        )
        root = tests if root is None else root
        if not may or not (tests.df > 0).any():
            continue
        best, cut = _choice(tests, part, seen, kinds[columns], scores[rows], grow)
        growing.p_value[node] = float(tests.p_adjusted[best])
        growing.statistic[node] = float(tests.statistic[best])
        if cut is None:
            continue
        known = seen[best]
        growing.variable[node] = int(columns[best])
        growing.threshold[node] = cut.threshold
        growing.go_left[node][: cut.categories.size] = cut.categories
        growing.missing_left[node] = bool(2 * cut.left[known].sum() >= known.sum())
        left = np.where(known, cut.left, growing.missing_left[node])
        waiting += [(rows[~left], depth + 1, node, 1), (rows[left], depth + 1, node, 0)]
    assert root is not None
    nodes = Nodes(
        variable=np.array(growing.variable, dtype=np.int64),
        threshold=np.array(growing.threshold, dtype=np.float64),
        go_left=np.array(growing.go_left, dtype=np.bool_).reshape(len(growing.n), most),
        left=np.array(growing.left, dtype=np.int64),
        right=np.array(growing.right, dtype=np.int64),
        missing_left=np.array(growing.missing_left, dtype=np.bool_),
        p_value=np.array(growing.p_value, dtype=np.float64),
        statistic=np.array(growing.statistic, dtype=np.float64),
        n=np.array(growing.n, dtype=np.int64),
    )
    return ConditionalTree(nodes=nodes, leaf=leaf, root=root)


def leaves(nodes: Nodes, x: npt.ArrayLike, present: npt.ArrayLike | None = None) -> Ints:
    """The leaf (n,) each subject falls in; ``x`` (p, n) as the tree was grown on. An unseen category goes right."""
    values, there = panel(x, present)
    at = np.zeros(values.shape[1], dtype=np.int64)
    moving = np.flatnonzero(nodes.variable[at] >= 0)
    while moving.size:
        node = at[moving]
        variable = nodes.variable[node]
        value, known = values[variable, moving], there[variable, moving]
        by_threshold = ~np.isnan(nodes.threshold[node])
        left = value <= nodes.threshold[node]
        if nodes.go_left.shape[1]:
            category = np.clip(value, 0, nodes.go_left.shape[1] - 1).astype(np.int64)
            inside = (value >= 0) & (value < nodes.go_left.shape[1])
            left = np.where(by_threshold, left, nodes.go_left[node, category] & inside)
        left = np.where(known, left, nodes.missing_left[node])
        at[moving] = np.where(left, nodes.left[node], nodes.right[node])
        moving = moving[nodes.variable[at[moving]] >= 0]
    return at


class _Cut(NamedTuple):
    """Who goes left (n,), up to which value, or which categories."""

    left: Bools
    threshold: float
    categories: Bools


def _drawn(p: int, tried: int | None, rng: np.random.Generator | None) -> Ints:
    """The variables that are tested in a node."""
    if tried is None or tried >= p:
        return np.arange(p)
    if rng is None:
        raise ValueError("variables drawn at random need a generator")
    return rng.choice(p, size=tried, replace=False)


def _choice(
    tests: IndependenceTests, x: Floats, seen: Bools, kinds: Ints, scores: Floats, grow: Grow
) -> tuple[int, _Cut | None]:
    """The variable tested best and its cut; where no point leaves enough subjects on both sides, the next one that may split."""
    order = np.lexsort((-tests.statistic, tests.p_value))
    for best in order[(tests.df > 0)[order] & (tests.p_adjusted <= grow.level)[order]]:
        cut = _cut(x[best], seen[best], int(kinds[best]), scores, grow.least_leaf)
        if cut is not None:
            return int(best), cut
    return int(order[0]), None


def _kinds(categories: npt.ArrayLike | None, p: int) -> Ints:
    kinds = np.zeros(p, dtype=np.int64) if categories is None else np.asarray(categories, dtype=np.int64)
    if kinds.shape != (p,):
        raise ValueError(f"categories must be ({p},), found {kinds.shape}")
    return kinds


def _statistics(values: Floats, there: Bools, kinds: Ints, scores: Floats) -> tuple[Floats, Ints]:
    """The quadratic statistic (p,) and its degrees of freedom (p,) of every variable."""
    p = values.shape[0]
    statistic, df = np.zeros(p), np.zeros(p, dtype=np.int64)
    numeric = np.flatnonzero(kinds == 0)
    if numeric.size:
        whole = bool(there[numeric].all())
        if scores.shape[1] == 1:
            statistic[numeric], df[numeric] = _one_score(values[numeric], there[numeric], scores[:, 0], whole=whole)
        else:
            for j in numeric:
                statistic[j], df[j] = _quadratic(values[j, there[j]][:, None], scores[there[j]])
    for j in np.flatnonzero(kinds > 0):
        seen = values[j, there[j]]
        statistic[j], df[j] = _quadratic((seen[:, None] == np.arange(kinds[j])).astype(np.float64), scores[there[j]])
    return statistic, df


def _one_score(values: Floats, there: Bools, h: Floats, *, whole: bool) -> tuple[Floats, Ints]:
    if whole:
        n = float(h.size)
        deviation = h - h.mean()
        centred = values - values.mean(axis=1, keepdims=True)
        total = np.full(values.shape[0], deviation @ deviation)
        cross = centred @ deviation
        count = np.full(values.shape[0], n)
    else:
        count = there.sum(axis=1).astype(np.float64)
        safe = np.maximum(count, 1.0)
        mean_h = there @ h / safe
        centred = np.where(there, values - (values.sum(axis=1) / safe)[:, None], 0.0)
        cross = centred @ h  # the centred values sum to zero: the mean of h drops out
        total = there @ (h * h) - count * mean_h**2
    spread = np.einsum("ij,ij->i", centred, centred)
    size = np.abs(values).max(axis=1, initial=0.0)
    usable = (
        (count > 1)
        & (total > _SMALL * max(1.0, float(np.abs(h).max(initial=0.0)) ** 2))
        & (spread > (_SMALL * size) ** 2)
    )
    variance = np.where(usable, spread * total / np.maximum(count - 1.0, 1.0), 1.0)
    return np.where(usable, cross**2 / variance, 0.0), usable.astype(np.int64)


def _quadratic(g: Floats, h: Floats) -> tuple[float, int]:
    """(T - E) Sigma^+ (T - E) with Sigma the Kronecker product of the covariance of h and that of the sums of g."""
    n = h.shape[0]
    if n < 2:
        return 0.0, 0
    gc, hc = g - g.mean(axis=0), h - h.mean(axis=0)
    cross = gc.T @ hc
    inverse_h, rank_h = _inverse(hc.T @ hc / n)
    inverse_g, rank_g = _inverse(gc.T @ gc * n / (n - 1))
    if rank_h == 0 or rank_g == 0:
        return 0.0, 0
    return float(np.sum((inverse_g @ cross) * (cross @ inverse_h))), rank_h * rank_g


def _inverse(matrix: Floats) -> tuple[Floats, int]:
    """The Moore-Penrose inverse of a covariance, and its rank."""
    values, vectors = np.linalg.eigh(matrix)
    kept = values > _SMALL * max(float(values[-1]), 1e-300)
    if values[-1] <= 1e-300:
        return np.zeros_like(matrix), 0
    scaled = vectors[:, kept] / values[kept]
    return scaled @ vectors[:, kept].T, int(kept.sum())


def _permuted(
    values: Floats,
    there: Bools,
    kinds: Ints,
    scores: Floats,
    statistic: Floats,
    df: Ints,
    p: Floats,
    permutations: int,
    rng: np.random.Generator,
    *,
    adjusted: bool,
) -> IndependenceTests:
    own = np.zeros(statistic.size)
    smallest = np.zeros(statistic.size)
    for _ in range(permutations):
        drawn, _df = _statistics(values, there, kinds, scores[rng.permutation(scores.shape[0])])
        own += drawn >= statistic * (1.0 - 1e-9)
        least = np.where(df > 0, chdtrc(np.maximum(df, 1), drawn), 1.0).min()
        smallest += least <= p * (1.0 + 1e-9)
    single = np.where(df > 0, (own + 1.0) / (permutations + 1.0), 1.0)
    joint = np.where(df > 0, (smallest + 1.0) / (permutations + 1.0), 1.0)
    return IndependenceTests(statistic=statistic, df=df, p_value=single, p_adjusted=joint if adjusted else single)


def _cut(x: Floats, seen: Bools, categories: int, scores: Floats, least: int) -> _Cut | None:
    """The best split of a variable."""
    at = np.flatnonzero(seen)
    h = scores[at] - scores[at].mean(axis=0)
    inverse, _ = _inverse(h.T @ h / at.size)
    left = np.zeros(x.size, dtype=np.bool_)
    if categories == 0:
        order = np.argsort(x[at], kind="stable")
        ordered = x[at][order]
        found = _best_place(ordered, h[order], inverse, least)
        if found is None:
            return None
        threshold = float(ordered[found])
        left[at] = x[at] <= threshold
        return _Cut(left, threshold, np.zeros(0, dtype=np.bool_))
    number = x[at].astype(np.int64)
    chosen = _best_categories(number, categories, h, inverse, least)
    if chosen is None:
        return None
    left[at] = chosen[number]
    return _Cut(left, np.nan, chosen)


def _best_place(ordered: Floats, h: Floats, inverse: Floats, least: int) -> int | None:
    """Index of the last value that goes left; the smallest of equally good ones."""
    n = ordered.size
    sums = np.cumsum(h, axis=0)[:-1]
    low = np.arange(1, n)
    allowed = (np.diff(ordered) > 0) & (low >= least) & (n - low >= least)
    if not allowed.any():
        return None
    value = np.einsum("ij,jk,ik->i", sums, inverse, sums) * (n - 1) / (low * (n - low))
    value = np.where(allowed, value, -1.0)
    return int(np.flatnonzero(value >= value.max() * (1.0 - 1e-12))[0])


def _best_categories(number: Ints, categories: int, h: Floats, inverse: Floats, least: int) -> Bools | None:
    counts = np.bincount(number, minlength=categories)
    there = np.flatnonzero(counts)
    sums = np.stack([h[number == c].sum(axis=0) for c in there])
    sizes = counts[there]
    n = int(sizes.sum())
    if h.shape[1] > 1 and there.size <= _MOST_ENUMERATED:
        masks = (np.arange(1, 2 ** (there.size - 1))[:, None] >> np.arange(there.size)) & 1 == 1
    else:
        means = sums / sizes[:, None]
        direction = (
            np.linalg.svd(means - means.mean(axis=0), full_matrices=False)[2][0] if h.shape[1] > 1 else np.ones(1)
        )
        order = np.argsort(means @ direction, kind="stable")
        masks = np.zeros((there.size - 1, there.size), dtype=np.bool_)
        for k in range(there.size - 1):
            masks[k, order[: k + 1]] = True
    low = masks @ sizes
    allowed = (low >= least) & (n - low >= least)
    if not allowed.any():
        return None
    total = masks @ sums
    value = np.einsum("ij,jk,ik->i", total, inverse, total) / np.maximum(low * (n - low), 1)
    best = masks[int(np.argmax(np.where(allowed, value, -1.0)))]
    chosen = np.zeros(categories, dtype=np.bool_)
    chosen[there] = best if best[0] else ~best  # the first category goes left
    return chosen
