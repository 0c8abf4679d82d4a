"""Forests: what is out of bag stays out, importance finds what matters, permuted outcomes give uniform P, Boruta decides."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.conditional_forest import ForestSettings, grow_forest, importance_test, predict
from correlates.stats.conditional_tree import Grow, leaves
from correlates.stats.out_of_bag import out_of_bag_concordance
from correlates.stats.random_forest import Decision, RandomForestSettings, boruta, grow_random_forest


def _data(n: int = 100, p: int = 8, seed: int = 1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(p, n))
    y = (rng.random(n) < 1 / (1 + np.exp(-2.5 * x[2]))).astype(float)
    return x, y, rng


def test_out_of_bag_is_the_mean_over_the_trees_that_did_not_see_the_subject() -> None:
    x, y, rng = _data()
    forest = grow_forest(x, y[:, None], rng=rng, settings=ForestSettings(trees=30))
    assert (forest.bagged.sum(axis=1) == 63).all()
    for subject in (0, 41, 99):
        told = [
            mean[leaves(nodes, x[:, [subject]])[0], 0]
            for nodes, mean, bag in zip(forest.nodes, forest.values, forest.bagged, strict=True)
            if not bag[subject]
        ]
        assert forest.out_of_bag[subject, 0] == pytest.approx(np.mean(told))
    assert predict(forest, x).shape == (100, 1)


def test_the_value_of_a_leaf_is_the_mean_of_its_subjects() -> None:
    x, y, rng = _data()
    forest = grow_forest(x, y[:, None], rng=rng, settings=ForestSettings(trees=2))
    nodes, mean, bag = forest.nodes[0], forest.values[0], forest.bagged[0]
    at = leaves(nodes, x[:, bag])
    for leaf in np.unique(at):
        assert mean[leaf, 0] == pytest.approx(y[bag][at == leaf].mean())


def test_both_forests_find_the_driver_and_the_same_seed_gives_the_same_numbers() -> None:
    x, y, _ = _data()
    for grow in (
        lambda seed: grow_forest(x, y[:, None], rng=np.random.default_rng(seed), settings=ForestSettings(trees=100)),
        lambda seed: grow_random_forest(x, y, rng=np.random.default_rng(seed), settings=RandomForestSettings(trees=60)),
    ):
        one, two = grow(4), grow(4)
        assert np.argmax(one.importance) == 2
        assert one.importance[2] > 10 * np.abs(np.delete(one.importance, 2)).max() or one.importance[2] > 0.02
        assert one.importance.tolist() == two.importance.tolist()


def test_a_variable_no_tree_uses_has_no_importance() -> None:
    x, y, rng = _data()
    x[5] = 1.0
    assert grow_forest(x, y[:, None], rng=rng, settings=ForestSettings(trees=20)).importance[5] == 0.0
    assert grow_random_forest(x, y, rng=rng, settings=RandomForestSettings(trees=20)).importance[5] == 0.0


def test_categories_and_missing_values_enter_both() -> None:
    x, y, rng = _data(n=150)
    x[2] = rng.integers(0, 4, 150)
    y = (rng.random(150) < np.array([0.1, 0.9, 0.1, 0.9])[x[2].astype(int)]).astype(float)
    present = rng.random(x.shape) > 0.1
    kinds = np.array([0, 0, 4, 0, 0, 0, 0, 0])
    one = grow_forest(x, y[:, None], rng=rng, present=present, categories=kinds, settings=ForestSettings(trees=60))
    two = grow_random_forest(x, y, rng=rng, present=present, categories=kinds, settings=RandomForestSettings(trees=60))
    assert np.argmax(one.importance) == np.argmax(two.importance) == 2
    assert np.isfinite(one.out_of_bag).all()


def test_permuted_outcomes_by_hand() -> None:
    # importance = |sum of x h| in the given order: four permutations beside the observed order
    x, h = np.array([[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0]]), np.array([1.0, 2.0, 3.0, 5.0])
    test = importance_test(x @ h, lambda order, _: x @ h[order], 4, permutations=199, rng=np.random.default_rng(1))
    assert test.p_value[0] == pytest.approx(1 / 24, abs=0.05)  # only the sorted order of 24 reaches it
    assert test.p_value[1] == 1.0


def test_boruta_confirms_the_driver_and_rejects_what_says_nothing() -> None:
    x, y, rng = _data(n=150, p=10, seed=3)
    found = boruta(x, y, rng=rng, rounds=18, settings=RandomForestSettings(trees=40))
    assert found.decisions[2] is Decision.CONFIRMED
    assert sum(d is Decision.REJECTED for d in found.decisions) >= 6
    assert (found.hits <= found.tested).all()
    assert found.rounds <= 18


def test_a_share_that_leaves_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves none"):
        grow_forest([[1.0, 2.0]], np.zeros((2, 1)), rng=np.random.default_rng(0), settings=ForestSettings(share=0.1))


def test_trees_of_a_forest_may_stop_by_level() -> None:
    x, y, rng = _data(p=3)
    rng.shuffle(y)
    stopped = grow_forest(x, y[:, None], rng=rng, settings=ForestSettings(trees=50, tried=3, grow=Grow(level=0.001)))
    assert np.mean([nodes.n.size == 1 for nodes in stopped.nodes]) > 0.8


def test_pairs_are_compared_by_trees_that_saw_neither() -> None:
    # subjects 0 and 1 have the event. Trees: the first saw 0, the second 2, the third nobody, the fourth 3
    gap = np.nan
    by_tree = np.array([[gap, 0.9, 0.2, 0.4], [0.3, 0.1, gap, 0.5], [0.6, 0.2, 0.4, 0.4], [0.1, 0.3, 0.5, gap]])
    event = np.array([True, True, False, False])
    found = out_of_bag_concordance(by_tree, event[:, None] & ~event[None, :])
    # 0 with 2: third and fourth, .7 < .9. 0 with 3: second and third, .9 = .9. 1 with 2: first, third, fourth, 1.4 > 1.1. 1 with 3: first
    # to third, 1.2 < 1.3
    assert found.pairs == 4
    assert found.estimate == pytest.approx((0 + 0.5 + 1 + 0) / 4)
    # shares of the subjects less .375: 0 -.125, 1 .125, 2 .125, 3 -.125, each over two of the four pairs
    reach = 1.959963984540054 * np.sqrt(4 * (0.125 / 2) ** 2)
    assert (found.lower, found.upper) == (pytest.approx(0.375 - reach), pytest.approx(0.375 + reach))
    alone = out_of_bag_concordance(by_tree[:1, :1], np.zeros((1, 1), dtype=bool))
    assert alone.pairs == 0
    assert np.isnan(alone.estimate)
    sure = out_of_bag_concordance(np.array([[1.0, 0.0]]), np.array([[False, True], [False, False]]))
    assert sure.estimate == 1.0
    assert np.isnan(sure.lower)


def test_a_subject_of_one_class_is_judged_by_trees_that_do_not_know_it() -> None:
    # leaves hold the mean of the rest: judged one by one, each event has one event fewer in its trees, and no biomarker says anything
    x, y, rng = np.zeros((1, 40)), (np.arange(40) < 15).astype(float), np.random.default_rng(2)
    forest = grow_forest(x, y[:, None], rng=rng, settings=ForestSettings(trees=200))
    cases, controls = forest.out_of_bag[y == 1, 0], forest.out_of_bag[y == 0, 0]
    assert (cases[:, None] < controls).mean() > 0.7
    event = y == 1
    found = out_of_bag_concordance(forest.by_tree, event[:, None] & ~event[None, :])
    assert found.estimate == 0.5
