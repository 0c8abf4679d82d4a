"""Forests of conditional inference trees: out-of-bag prediction, importance by permutation, and a permutation law of that importance.

Each tree sees a subsample drawn without replacement (a bootstrap would bring back the preference for variables with many values) and tests
a random part of the variables in each node.

Sources: Strobl, Boulesteix, Zeileis and Hothorn, BMC Bioinformatics 2007;8:25 (subsampling, unbiased importance); Breiman, Mach
Learn 2001;45:5-32 (importance by permutation out of bag); Altmann, Tolosi, Sander and Lengauer, Bioinformatics 2010;26:1340-1347
(doi:10.1093/bioinformatics/btq134; the law of the importance when the outcome is permuted).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats, Ints, panel
from correlates.stats.conditional_tree import Grow, Nodes, grow_tree, leaves

__all__ = ["Forest", "ForestSettings", "ImportanceTest", "grow_forest", "importance_test", "predict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestSettings:
    """How a forest is grown.

    Attributes
    ----------
    trees
        Number of trees.
    share
        Share of the subjects each tree is grown on.
    tried
        Variables tested in a node; None takes the square root of their number, rounded up.
    grow
        How each tree is grown; by default without a stop by P value, as in a forest the averaging takes its part.
    """

    trees: int = 500
    share: float = 0.632
    tried: int | None = None
    grow: Grow = field(default_factory=lambda: Grow(level=1.0, adjusted=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """A grown forest.

    Attributes
    ----------
    nodes, values
        Of each tree: its nodes, and the mean score (k, q) of each node.
    bagged
        (t, n) who was in the subsample of a tree.
    out_of_bag
        (n, q) mean score predicted by the trees that did not see the subject; NaN where every tree did.
    by_tree
        (t, n) last score that each tree predicts for the subjects it did not see; NaN for the others.
    importance
        (p,) mean rise of the squared error out of bag when the variable is permuted (of the Brier score, for a score of 0 and 1), over
        all trees; 0 for a variable no tree uses.
    importance_se
        (p,) its standard deviation over trees divided by the square root of their number.
    """

    nodes: tuple[Nodes, ...]
    values: tuple[Floats, ...]
    bagged: Bools
    out_of_bag: Floats
    by_tree: Floats
    importance: Floats
    importance_se: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportanceTest:
    """Importance against its law when the outcome says nothing.

    ``p_value`` (p,): the share of forests on permuted outcomes, and the forest itself, whose importance of the same variable is as
    large; ``null_mean`` and ``null_sd`` (p,) of the importance on permuted outcomes.
    """

    p_value: Floats
    null_mean: Floats
    null_sd: Floats


def grow_forest(
    x: npt.ArrayLike,
    scores: Floats,
    *,
    rng: np.random.Generator,
    present: npt.ArrayLike | None = None,
    categories: npt.ArrayLike | None = None,
    settings: ForestSettings = ForestSettings(),
) -> Forest:
    """Grow a conditional inference forest.

    Parameters
    ----------
    x
        (p, n) variables by subjects; a category is its number from 0.
    scores
        (n, q) scores of the outcome (:func:`~correlates.stats.conditional_tree.outcome_scores`).
    rng
        Draws the subsamples, the variables tried in each node, and the permutations of the importance.
    present, categories
        As in :func:`~correlates.stats.conditional_tree.grow_tree`.
    settings
        How.

    Returns
    -------
    Forest

    Raises
    ------
    ValueError
        Shapes do not agree, a present value is not finite, or there are too few subjects for a subsample and its rest.
    """
    values, there = panel(x, present)
    p, n = values.shape
    taken = int(settings.share * n)
    if not 2 <= taken < n:
        raise ValueError(f"a share of {settings.share:g} of {n} subjects leaves none to grow on or none to test on")
    tried = settings.tried or int(np.ceil(np.sqrt(p)))
    kinds = np.zeros(p, dtype=np.int64) if categories is None else np.asarray(categories, dtype=np.int64)
    bagged = np.zeros((settings.trees, n), dtype=np.bool_)
    total, seen_by = np.zeros_like(scores), np.zeros(n)
    by_tree = np.full((settings.trees, n), np.nan)
    rise, rise_squared = np.zeros(p), np.zeros(p)
    nodes, means = [], []
    for tree in range(settings.trees):
        inside = np.sort(rng.permutation(n)[:taken])
        bagged[tree, inside] = True
        outside = np.flatnonzero(~bagged[tree])
        grown = grow_tree(
            values[:, inside],
            scores[inside],
            present=there[:, inside],
            categories=kinds,
            grow=settings.grow,
            tried=tried,
            rng=rng,
        )
        mean = _means(grown.nodes, grown.leaf, scores[inside])
        nodes.append(grown.nodes)
        means.append(mean)
        held, known = values[:, outside], there[:, outside]
        predicted = mean[leaves(grown.nodes, held, known)]
        total[outside] += predicted
        by_tree[tree, outside] = predicted[:, -1]
        seen_by[outside] += 1.0
        base = float(((scores[outside] - predicted) ** 2).sum()) / outside.size
        for j in np.unique(grown.nodes.variable[grown.nodes.variable >= 0]):
            change = _permuted_error(grown.nodes, mean, held, known, int(j), scores[outside], rng) - base
            rise[j] += change
            rise_squared[j] += change**2
    t = settings.trees
    importance = rise / t
    spread = np.sqrt(np.maximum(rise_squared / t - importance**2, 0.0) / t)
    with np.errstate(invalid="ignore"):
        out_of_bag = np.where(seen_by[:, None] > 0, total / np.maximum(seen_by, 1.0)[:, None], np.nan)
    return Forest(
        nodes=tuple(nodes),
        values=tuple(means),
        bagged=bagged,
        out_of_bag=out_of_bag,
        by_tree=by_tree,
        importance=importance,
        importance_se=spread,
    )


def predict(forest: Forest, x: npt.ArrayLike, present: npt.ArrayLike | None = None) -> Floats:
    """Mean score (n, q) over all trees of new subjects, ``x`` (p, n)."""
    values, there = panel(x, present)
    found = [mean[leaves(nodes, values, there)] for nodes, mean in zip(forest.nodes, forest.values, strict=True)]
    result: Floats = np.mean(found, axis=0)
    return result


def importance_test(
    importance: Floats,
    permuted: Callable[[Ints, np.random.Generator], Floats],
    n: int,
    *,
    permutations: int,
    rng: np.random.Generator,
) -> ImportanceTest:
    """Hold the importance of variables against its law under permuted outcomes (Altmann).

    Parameters
    ----------
    importance
        (p,) of the outcomes as they are.
    permuted
        Of (order of the outcomes (n,), generator): the importance (p,) of the same procedure on the outcomes in that order.
    n
        Subjects.
    permutations
        Forests on permuted outcomes; the smallest P is 1 / (permutations + 1).
    rng
        The generator; split for each forest.

    Returns
    -------
    ImportanceTest

    Notes
    -----
    The nonparametric form: P = (1 + number of permutations with an importance at least as large) / (1 + permutations). It is exact
    whatever the scale of the importance, which differs between variables with few and with many values. A variable that no tree ever
    uses has P = 1.
    """
    null = np.stack([permuted(rng.permutation(n), stream) for stream in rng.spawn(permutations)])
    reach = (null >= importance).sum(axis=0)
    return ImportanceTest(
        p_value=(1.0 + reach) / (1.0 + permutations),
        null_mean=null.mean(axis=0),
        null_sd=null.std(axis=0, ddof=1) if permutations > 1 else np.zeros_like(importance),
    )


def _means(nodes: Nodes, leaf: Ints, scores: Floats) -> Floats:
    """Mean score (k, q) of the subjects in each leaf; other nodes are never asked."""
    k = nodes.n.size
    counts = np.maximum(np.bincount(leaf, minlength=k), 1)
    return np.stack([np.bincount(leaf, weights=column, minlength=k) / counts for column in scores.T], axis=1)


def _permuted_error(
    nodes: Nodes, mean: Floats, x: Floats, there: Bools, variable: int, scores: Floats, rng: np.random.Generator
) -> float:
    order = rng.permutation(x.shape[1])
    mixed, known = x.copy(), there.copy()
    mixed[variable], known[variable] = x[variable, order], there[variable, order]
    error: float = ((scores - mean[leaves(nodes, mixed, known)]) ** 2).sum() / scores.shape[0]
    return error
