"""Conditional inference trees: tests by hand and by enumeration, splits by brute force, missing values, categories, new subjects."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy import stats

from correlates.stats.conditional_tree import Grow, grow_tree, independence_tests, leaves, outcome_scores


def test_one_score_is_n_minus_one_times_the_squared_correlation() -> None:
    # x = 1 2 3 4, h = 1 0 2 5: r = 7 / sqrt(5 * 14) and (n - 1) r^2 = 3 * 49 / 70 = 2.1
    tests = independence_tests([[1.0, 2.0, 3.0, 4.0]], outcome_scores([1, 0, 2, 5]))
    assert tests.statistic == pytest.approx([2.1])
    assert tests.df.tolist() == [1]
    assert tests.p_value == pytest.approx(stats.chi2.sf(2.1, 1))


def test_categories_against_classes_is_the_permutation_chi_square() -> None:
    # (n - 1) / n times Pearson's statistic of the table, df (3 - 1) (3 - 1)
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 3, 60), rng.integers(0, 3, 60)
    table = np.array([[np.sum((x == a) & (y == b)) for b in range(3)] for a in range(3)])
    tests = independence_tests([x.astype(float)], outcome_scores(y, classes=3), categories=[3])
    pearson = stats.chi2_contingency(table, correction=False).statistic
    assert tests.statistic == pytest.approx([pearson * 59 / 60])
    assert tests.df.tolist() == [4]


def test_the_adjustment_counts_only_variables_that_can_be_tested() -> None:
    rng = np.random.default_rng(5)
    x = np.vstack([rng.normal(size=(3, 40)), np.ones(40)])
    tests = independence_tests(x, outcome_scores(rng.normal(size=40)))
    assert tests.df.tolist() == [1, 1, 1, 0]
    assert tests.p_adjusted[:3] == pytest.approx(1 - (1 - tests.p_value[:3]) ** 3)
    assert tests.p_value[3] == tests.p_adjusted[3] == 1.0


def test_missing_values_are_left_out_of_the_test_of_their_variable_only() -> None:
    rng = np.random.default_rng(7)
    x, h = rng.normal(size=(2, 30)), rng.normal(size=30)
    present = np.ones((2, 30), dtype=bool)
    present[0, :8] = False
    tests = independence_tests(x, outcome_scores(h), present=present)
    for row, seen in enumerate(present):
        r = np.corrcoef(x[row, seen], h[seen])[0, 1]
        assert tests.statistic[row] == pytest.approx((seen.sum() - 1) * r**2)


def test_permutation_p_approaches_the_law_of_all_orders() -> None:
    x, h = np.array([0.3, 1.0, 2.5, 2.6, 4.0, 7.0]), np.array([1.0, 0.5, 2.0, 3.5, 2.5, 4.0])
    observed = np.corrcoef(x, h)[0, 1] ** 2
    exact = np.mean([np.corrcoef(x, p)[0, 1] ** 2 >= observed - 1e-12 for p in permutations(h)])
    tests = independence_tests([x], outcome_scores(h), permutations=4000, rng=np.random.default_rng(1))
    assert tests.p_value[0] == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 4000))
    assert tests.p_adjusted[0] == tests.p_value[0]


def test_the_joint_permutation_p_pays_nothing_for_copies_of_a_variable() -> None:
    rng = np.random.default_rng(11)
    x, h = rng.normal(size=30), rng.normal(size=30)
    one = independence_tests([x], outcome_scores(h), permutations=500, rng=np.random.default_rng(2))
    five = independence_tests([x] * 5, outcome_scores(h), permutations=500, rng=np.random.default_rng(2))
    assert five.p_adjusted == pytest.approx([one.p_value[0]] * 5)


def test_the_split_point_is_the_best_by_brute_force() -> None:
    rng = np.random.default_rng(13)
    x = np.round(rng.normal(size=50), 1)
    h = rng.normal(size=50) + (x > 0.3)
    tree = grow_tree([x], outcome_scores(h), grow=Grow(level=1.0, deepest=1))

    def two_sample(cut: float) -> float:
        low = x <= cut
        return abs(h[low].mean() - h[~low].mean()) * np.sqrt(low.sum() * (~low).sum())

    allowed = [c for c in np.unique(x) if 7 <= (x <= c).sum() <= 43]
    assert tree.nodes.threshold[0] == max(allowed, key=two_sample)
    assert (tree.leaf == np.where(x <= tree.nodes.threshold[0], 1, 2)).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_categories_are_parted_best_by_brute_force(classes: int) -> None:
    rng = np.random.default_rng(17)
    x, y = rng.integers(0, 5, 120), rng.integers(0, classes, 120)
    h = outcome_scores(y, classes=classes)
    tree = grow_tree([x.astype(float)], h, categories=[5], grow=Grow(level=1.0, deepest=1))

    def pearson(low: tuple[int, ...]) -> float:
        side = np.isin(x, low)
        if not 7 <= side.sum() <= 113:
            return -1.0
        table = [[np.sum((side == s) & (y == c)) for c in range(classes)] for s in (False, True)]
        return float(stats.chi2_contingency(table, correction=False).statistic)

    sets = [c for k in range(1, 5) for c in combinations(range(5), k)]
    chosen = tuple(np.flatnonzero(tree.nodes.go_left[0]).tolist())
    assert pearson(chosen) == pytest.approx(max(pearson(c) for c in sets))
    assert chosen[0] == 0
    assert np.isnan(tree.nodes.threshold[0])


def test_a_missing_value_follows_the_larger_child() -> None:
    x = np.concatenate([np.zeros(10), np.ones(20), np.zeros(5)])
    h = np.concatenate([np.zeros(10), np.ones(20), np.zeros(5)])
    present = np.ones((1, 35), dtype=bool)
    present[0, 30:] = False
    tree = grow_tree([x], outcome_scores(h), present=present)
    assert tree.nodes.threshold[0] == 0.0
    assert not tree.nodes.missing_left[0]
    assert tree.nodes.n.tolist() == [35, 10, 25]
    assert leaves(tree.nodes, [x], present).tolist() == tree.leaf.tolist()


def test_new_subjects_fall_where_the_thresholds_say() -> None:
    rng = np.random.default_rng(19)
    x = rng.normal(size=(3, 150))
    h = (x[0] > 0) + 0.8 * (x[1] > 0.5) + 0.1 * rng.normal(size=150)
    tree = grow_tree(x, outcome_scores(h))
    assert leaves(tree.nodes, x).tolist() == tree.leaf.tolist()
    assert (tree.nodes.variable >= 0).sum() >= 2


def test_nothing_to_split_is_one_leaf() -> None:
    for x, h in (([[1.0] * 30], np.arange(30.0)), ([np.arange(30.0)], np.ones(30)), ([np.arange(5.0)], np.arange(5.0))):
        tree = grow_tree(x, outcome_scores(h))
        assert tree.nodes.variable.tolist() == [-1]
        assert (tree.leaf == 0).all()


def test_a_significant_variable_without_a_cut_gives_way_to_the_next() -> None:
    # the first variable parts one subject in thirty from the rest, which no leaf of seven allows
    x = np.zeros((2, 30))
    x[0, 0] = 1.0
    x[1, :15] = 1.0
    h = np.zeros(30)
    h[0], h[:15] = 30.0, h[:15] + 1.0
    h[0] = 40.0
    tree = grow_tree(x, outcome_scores(h), grow=Grow(level=1.0))
    assert np.argmax(tree.root.statistic) == 0
    assert tree.nodes.variable[0] == 1


def test_what_cannot_be_meant_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN or infinity"):
        independence_tests([[1.0, np.nan]], outcome_scores([0, 1]))
    with pytest.raises(ValueError, match="scores must be"):
        grow_tree([[1.0, 2.0]], outcome_scores([0, 1, 1]))
    with pytest.raises(ValueError, match="categories must be"):
        grow_tree([[1.0, 2.0]], outcome_scores([0, 1]), categories=[0, 0])
    with pytest.raises(ValueError, match="generator"):
        independence_tests([[1.0, 2.0, 3.0]], outcome_scores([0, 1, 1]), permutations=10)
    with pytest.raises(ValueError, match="generator"):
        grow_tree(np.arange(60.0).reshape(2, 30), outcome_scores(np.arange(30.0)), tried=1)
