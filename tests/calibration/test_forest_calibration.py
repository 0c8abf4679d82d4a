"""Trees and forests when nothing is true: how often a root splits, which variable it takes, and the law of the importance P."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.conditional_forest import ForestSettings, grow_forest, importance_test
from correlates.stats.conditional_tree import independence_tests, outcome_scores
from correlates.stats.cutpoint import ScoreTies, log_rank_scores
from correlates.stats.gaussian_mixture import Covariance, number_of_clusters
from correlates.stats.out_of_bag import out_of_bag_concordance

pytestmark = pytest.mark.calibration

KINDS = np.array([2, 4, 10, 0, 0])
"""Two, four and ten categories, a number, and a number of which 30 % are missing."""


def _variables(rng: np.random.Generator, n: int):
    x = np.vstack([rng.integers(0, k, n).astype(float) for k in KINDS[:3]] + [rng.normal(size=n), rng.normal(size=n)])
    present = np.ones(x.shape, dtype=bool)
    present[4] = rng.random(n) > 0.3
    return x, present


def _outcome(rng: np.random.Generator, n: int, kind: str):
    if kind == "survival":
        return log_rank_scores(np.round(rng.exponential(size=n), 1), rng.random(n) < 0.6, ties=ScoreTies.NELSON_AALEN)[
            :, None
        ]
    if kind == "number":
        return outcome_scores(rng.normal(size=n))
    return outcome_scores((rng.random(n) < float(kind)).astype(float))


@pytest.mark.parametrize("kind", ["0.5", "0.15", "number", "survival"])
@pytest.mark.parametrize("n", [50, 101])
def test_a_root_splits_at_its_level_and_takes_no_kind_of_variable_more_often(kind: str, n: int) -> None:
    rng = np.random.default_rng([n, *map(ord, kind)])
    runs, split, taken = 2000, 0, np.zeros(5)
    for _ in range(runs):
        x, present = _variables(rng, n)
        tests = independence_tests(x, _outcome(rng, n, kind), present=present, categories=KINDS)
        best = int(np.argmin(tests.p_value))
        if tests.p_adjusted[best] <= 0.05:
            split += 1
        taken[best] += 1
    share = taken / runs
    print(f"\n{kind} n={n}: split {split / runs:.4f}; taken {np.round(share, 3)}")
    # chi-square is an approximation that is conservative in the tail with ten categories of five subjects each
    assert 0.025 < split / runs < 0.065
    assert np.abs(share - 0.2).max() < 0.045


def test_permutation_p_of_a_node_holds_its_level_whatever_the_categories() -> None:
    rng = np.random.default_rng(5)
    runs, hits = 600, 0
    for _ in range(runs):
        x, present = _variables(rng, 50)
        tests = independence_tests(
            x, _outcome(rng, 50, "0.15"), present=present, categories=KINDS, permutations=99, rng=rng
        )
        hits += tests.p_adjusted.min() <= 0.05
    print(f"\npermutation: {hits / runs:.4f}")
    assert abs(hits / runs - 0.05) < 4 * np.sqrt(0.05 * 0.95 / runs)


def test_the_p_value_of_an_importance_is_uniform() -> None:
    rng = np.random.default_rng(7)
    below, total, auc = 0, 0, []
    how = ForestSettings(trees=40)
    for _ in range(60):
        x, present = _variables(rng, 60)
        y = _outcome(rng, 60, "0.5")

        def importance(order, stream, x=x, present=present, y=y):
            return grow_forest(x, y[order], rng=stream, present=present, categories=KINDS, settings=how).importance

        own = grow_forest(x, y, rng=rng, present=present, categories=KINDS, settings=how)
        test = importance_test(own.importance, importance, 60, permutations=19, rng=rng)
        below += int((test.p_value <= 0.1).sum())
        total += 5
        case = y[:, 0] == 1
        auc.append(out_of_bag_concordance(own.by_tree, case[:, None] & ~case[None, :]).estimate)
    print(f"\nP <= .10: {below / total:.3f} of {total}; AUC out of bag {np.mean(auc):.3f}")
    assert abs(below / total - 0.1) < 4 * np.sqrt(0.09 / total)
    assert abs(np.mean(auc) - 0.5) < 3.5 * np.std(auc, ddof=1) / np.sqrt(60)


@pytest.mark.parametrize("form", list(Covariance))
def test_one_population_is_not_parted(form: Covariance) -> None:
    rng = np.random.default_rng(11)
    more = sum(number_of_clusters(rng.normal(size=(100, 5)), covariance=form)[0].weight.size > 1 for _ in range(60))
    print(f"\n{form.value}: more than one cluster in {more} of 60")
    assert more <= 3
