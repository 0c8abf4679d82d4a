"""Random forests on scores of an outcome: out-of-bag prediction, importance by permutation, and Boruta's choice of all that matters.

The trees are those of scikit-learn; a forest of regression trees on an outcome of 0 and 1 is a probability forest, and splits as the Gini
index does. Importance is taken out of bag, by permutation: the impurity importance that the library prints prefers variables with many
values, and is not used.

Sources: Breiman, Mach Learn 2001;45:5-32; Malley et al., Methods Inf Med 2012;51:74-81 (probability forests); Kursa and Rudnicki, J Stat
Softw 2010;36(11):1-13 (Boruta).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, bdtrc

from correlates.stats.arrays import Bools, Floats, Ints, panel

__all__ = ["Boruta", "Decision", "RandomForest", "RandomForestSettings", "boruta", "grow_random_forest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomForestSettings:
    """How a forest is grown: number of trees, smallest leaf, and the share of variables tried in a node (None: square root of p)."""

    trees: int = 500
    least_leaf: int = 5
    tried: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomForest:
    """A grown forest.

    Attributes
    ----------
    out_of_bag
        (n,) mean score predicted by the trees that did not see the subject; NaN where every tree did.
    by_tree
        (t, n) score that each tree predicts for the subjects it did not see; NaN for the others.
    importance
        (p,) mean rise of the squared error out of bag when the variable is permuted (the Brier score, for an outcome of 0 and 1).
    importance_se
        (p,) its standard deviation over trees divided by the square root of their number.
    """

    out_of_bag: Floats
    by_tree: Floats
    importance: Floats
    importance_se: Floats


class Decision(StrEnum):
    """What Boruta says of a variable."""

    CONFIRMED = "confirmed"
    TENTATIVE = "tentative"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Boruta:
    """Decisions (p,), in how many of the ``rounds`` each variable was held against the shadows it beat the best (p,), and their mean Z (p,)."""

    decisions: tuple[Decision, ...]
    hits: Ints
    tested: Ints
    mean_z: Floats
    rounds: int


def grow_random_forest(
    x: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    present: npt.ArrayLike | None = None,
    categories: npt.ArrayLike | None = None,
    settings: RandomForestSettings = RandomForestSettings(),
) -> RandomForest:
    """Grow a random forest.

    Parameters
    ----------
    x
        (p, n) variables by subjects; a category is its number from 0.
    score
        (n,) outcome: 0 and 1, a number, or log-rank scores of a time to event.
    rng
        Draws everything.
    present
        (p, n) which values are there; a node sends the missing ones where that lowers the error most.
    categories
        (p,) number of categories of a variable, 0 for a number; each becomes as many columns, permuted together.

    Returns
    -------
    RandomForest

    Raises
    ------
    ValueError
        Shapes do not agree, or a present value is not finite.
    """
    from sklearn.ensemble import RandomForestRegressor

    values, there = panel(x, present)
    y = np.asarray(score, dtype=np.float64)
    p, n = values.shape
    columns, owner = _columns(values, there, categories)
    forest = RandomForestRegressor(
        n_estimators=settings.trees,
        min_samples_leaf=settings.least_leaf,
        max_features=settings.tried or int(np.ceil(np.sqrt(columns.shape[1]))),
        random_state=int(rng.integers(2**31)),
        n_jobs=1,
    ).fit(columns, y)
    total, seen_by = np.zeros(n), np.zeros(n)
    rise, squared = np.zeros(p), np.zeros(p)
    by_tree = np.full((settings.trees, n), np.nan)
    for number, (estimator, inside) in enumerate(zip(forest.estimators_, forest.estimators_samples_, strict=True)):
        tree = estimator.tree_
        outside = np.setdiff1d(np.arange(n), inside)
        if not outside.size:
            continue
        held = columns[outside]
        predicted = tree.predict(held)[:, 0]
        total[outside] += predicted
        by_tree[number, outside] = predicted
        seen_by[outside] += 1.0
        base = float(((y[outside] - predicted) ** 2).mean())
        for j in np.unique(owner[tree.feature[tree.feature >= 0]]):
            mixed = held.copy()
            mixed[:, owner == j] = held[rng.permutation(outside.size)][:, owner == j]
            change = float(((y[outside] - tree.predict(mixed)[:, 0]) ** 2).mean()) - base
            rise[j] += change
            squared[j] += change**2
    t = settings.trees
    importance = rise / t
    with np.errstate(invalid="ignore"):
        out_of_bag = np.where(seen_by > 0, total / np.maximum(seen_by, 1.0), np.nan)
    return RandomForest(
        out_of_bag=out_of_bag,
        by_tree=by_tree,
        importance=importance,
        importance_se=np.sqrt(np.maximum(squared / t - importance**2, 0.0) / t),
    )


def boruta(
    x: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    present: npt.ArrayLike | None = None,
    categories: npt.ArrayLike | None = None,
    settings: RandomForestSettings = RandomForestSettings(),
    rounds: int = 100,
    level: float = 0.01,
) -> Boruta:
    """Which variables are more important than the best of their shadows, in more rounds than chance allows (Boruta).

    Parameters
    ----------
    x, score, rng, present, categories, settings
        As in :func:`grow_random_forest`.
    rounds
        Most forests grown; a variable that is still undecided then is tentative.
    level
        Level of the two-sided binomial test of a variable's hits, divided by the number of variables (Bonferroni).

    Returns
    -------
    Boruta

    Notes
    -----
    A round permutes every variable that is not rejected to make its shadow (at least five shadows are kept), grows a forest on both, and counts a
    hit for each variable whose Z (importance divided by its standard error) is above the largest Z of the shadows. Under chance a hit
    has probability at most one half. Rejected variables leave; confirmed ones stay.
    """
    values, there = panel(x, present)
    p, n = values.shape
    kinds = np.zeros(p, dtype=np.int64) if categories is None else np.asarray(categories, dtype=np.int64)
    hits, tested, summed = np.zeros(p, dtype=np.int64), np.zeros(p, dtype=np.int64), np.zeros(p)
    open_, rejected = np.ones(p, dtype=np.bool_), np.zeros(p, dtype=np.bool_)
    done = 0
    for stream in rng.spawn(rounds):
        if not open_.any():
            break
        done += 1
        kept = np.flatnonzero(~rejected)
        shadows = np.resize(kept, max(kept.size, 5))
        orders = np.stack([stream.permutation(n) for _ in shadows])
        both = np.concatenate([values[kept], np.take_along_axis(values[shadows], orders, axis=1)])
        known = np.concatenate([there[kept], np.take_along_axis(there[shadows], orders, axis=1)])
        forest = grow_random_forest(
            both,
            score,
            rng=stream,
            present=known,
            categories=np.concatenate([kinds[kept], kinds[shadows]]),
            settings=settings,
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            z = np.where(forest.importance_se > 0, forest.importance / forest.importance_se, 0.0)
        best = z[kept.size :].max()
        tested[kept] += 1
        summed[kept] += z[: kept.size]
        hits[kept] += z[: kept.size] > best
        up = bdtrc(np.maximum(hits - 1, 0), np.maximum(tested, 1), 0.5)
        up = np.where(hits > 0, up, 1.0)
        down = bdtr(hits, np.maximum(tested, 1), 0.5)
        confirmed = open_ & (up * 2 * p < level)
        out = open_ & (down * 2 * p < level)
        rejected |= out
        open_ &= ~(confirmed | out)
    decisions = tuple(
        Decision.REJECTED if rejected[j] else (Decision.TENTATIVE if open_[j] else Decision.CONFIRMED) for j in range(p)
    )
    return Boruta(decisions=decisions, hits=hits, tested=tested, mean_z=summed / np.maximum(tested, 1), rounds=done)


def _columns(values: Floats, there: Bools, categories: npt.ArrayLike | None) -> tuple[npt.NDArray[np.float32], Ints]:
    """Columns (n, c) of the trees, NaN where a value is missing, and the variable (c,) each belongs to."""
    p = values.shape[0]
    kinds = np.zeros(p, dtype=np.int64) if categories is None else np.asarray(categories, dtype=np.int64)
    made, owner = [], []
    for j in range(p):
        wanted = range(kinds[j]) if kinds[j] > 2 else (None,)
        for category in wanted:
            column = values[j] if category is None else (values[j] == category).astype(np.float64)
            made.append(np.where(there[j], column, np.nan))
            owner.append(j)
    return np.stack(made, axis=1).astype(np.float32), np.array(owner, dtype=np.int64)
