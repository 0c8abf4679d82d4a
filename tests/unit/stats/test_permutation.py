"""Permutation P values: all pairings by hand, drawn ones near them, and what they must not depend on."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy import stats

from correlates.stats.cutpoint import rank_scores
from correlates.stats.fine_gray import fine_gray_scores
from correlates.stats.log_rank import log_rank, log_rank_contributions, log_rank_screen
from correlates.stats.permutation import Reference, groupings, permuted_groups, permuted_scores
from correlates.stats.restricted_mean import restricted_mean, restricted_mean_contrast
from correlates.stats.restricted_mean_permuted import permuted_contrast, studentised

X = np.array([2.1, 0.3, 5.5, 1.7, 4.4, 9.2, 3.3, 8.8])
EVENT = np.array([0, 0, 0, 0, 1, 1, 0, 1])
TIME = np.array([5.0, 8, 12, 3, 9, 15, 11, 4, 20, 7, 13, 16])
SEEN = np.array([1, 0, 1, 1, 1, 0, 1, 1, 0, 1, 0, 1])
SIDE = np.arange(12) < 5


def test_every_pairing_of_events_written_out():
    sums = [abs(X[list(c)].sum() - 3 * X.mean()) for c in combinations(range(8), 3)]
    seen = abs(X[EVENT == 1].sum() - 3 * X.mean())
    found = permuted_scores(X, EVENT, permutations=1000, seed=1)
    assert found.complete
    assert found.orders[0] == 56
    assert found.p_value[0] == pytest.approx(sum(s >= seen - 1e-9 for s in sums) / 56, abs=1e-12)


def test_ranks_of_two_classes_are_the_exact_wilcoxon_test():
    found = permuted_scores(stats.rankdata(X), EVENT, permutations=1000, seed=1)
    theirs = stats.mannwhitneyu(X[EVENT == 1], X[EVENT == 0], method="exact")
    assert found.p_value[0] == pytest.approx(theirs.pvalue, abs=1e-12)


def test_drawn_pairings_come_near_all_of_them():
    x, grade = X[:7], np.array([0.0, 0, 1, 1, 1, 2, 3])
    every = [abs(float((x - x.mean()) @ rank_scores(grade)[list(o)])) for o in permutations(range(7))]
    seen = abs(float((x - x.mean()) @ rank_scores(grade)))
    exact = np.mean(np.array(every) >= seen - 1e-9)
    found = permuted_scores(x, rank_scores(grade), permutations=20_000, seed=3)
    assert not found.complete
    assert found.p_value[0] == pytest.approx(exact, abs=4 * np.sqrt(exact / 20_000))


def test_far_out_is_drawn_again_from_more():
    x = np.arange(40.0)
    found = permuted_scores([x, np.sin(7 * x)], x, permutations=500, seed=1)
    assert found.orders.tolist() == [5000, 500]
    assert found.p_value[0] == pytest.approx(1 / 5001)


def test_order_sign_and_company_do_not_matter():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(3, 60)), rng.integers(0, 4, 60).astype(float)
    here = permuted_scores(x, y, permutations=500, seed=1).p_value
    shuffled = rng.permutation(60)
    for other in (
        permuted_scores(x[:, shuffled], y[shuffled], permutations=500, seed=1).p_value,
        permuted_scores(-3 * x + 1, 5 - 2 * y, permutations=500, seed=1).p_value,
        np.concatenate([permuted_scores(row, y, permutations=500, seed=1).p_value for row in x]),
    ):
        assert other.tolist() == here.tolist()


def test_classes_as_columns():
    group = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    two = permuted_scores(X, np.eye(2)[group], permutations=1000, seed=1).p_value[0]
    assert two == pytest.approx(permuted_scores(X, group, permutations=1000, seed=1).p_value[0], abs=1e-12)
    three = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    far = [
        sum(X[list(o)][three == j].sum() ** 2 / (three == j).sum() for j in range(3))
        for o in set(permutations(range(8)))
    ]
    seen = sum(X[three == j].sum() ** 2 / (three == j).sum() for j in range(3))
    exact = np.mean(np.array(far) >= seen - 1e-9)
    found = permuted_scores(X, np.eye(3)[three], permutations=20_000, seed=2).p_value[0]
    assert found == pytest.approx(exact, abs=4 * np.sqrt(exact / 20_000))


def test_one_value_of_either_gives_none():
    assert np.isnan(permuted_scores(np.full(8, 2.0), EVENT, permutations=100, seed=1).p_value[0])
    assert np.isnan(permuted_scores(X, np.ones(8), permutations=100, seed=1).p_value[0])


def test_p_and_critical_value_agree():
    law = Reference(statistics=np.sort(np.random.default_rng(2).exponential(size=199)), complete=False)
    edge = law.critical(0.95)
    assert law.p_value(edge) > 0.05
    assert law.p_value(edge + 1e-6) <= 0.05
    assert law.p_value(1e9) == pytest.approx(1 / 200)


def test_log_rank_groups_are_permuted():
    law = permuted_groups(
        lambda g: log_rank_screen(TIME, SEEN, g, 2).chi_square, SIDE.astype(int), permutations=1000, seed=1
    )
    every = [
        log_rank(TIME, SEEN, np.isin(np.arange(12), c).astype(int), 2).chi_square for c in combinations(range(12), 5)
    ]
    assert law.complete
    assert law.statistics == pytest.approx(np.sort(every), abs=1e-9)


@pytest.mark.parametrize("rho", [0.0, 1.0])
def test_contributions_sum_to_observed_less_expected(rho):
    test = log_rank(np.round(TIME / 3), SEEN, SIDE.astype(int), 2, rho=rho)
    there = np.ones((2, 12), dtype=bool)
    there[1, 3] = False
    scores, without = log_rank_contributions(np.tile(np.round(TIME / 3), (2, 1)), np.tile(SEEN, (2, 1)), there, rho=rho)
    assert scores[SIDE].sum() == pytest.approx(test.observed[1] - test.expected[1], abs=1e-12)
    assert scores.sum() == pytest.approx(0, abs=1e-12)
    kept = there[1]
    test = log_rank(np.round(TIME / 3)[kept], SEEN[kept], SIDE[kept].astype(int), 2, rho=rho)
    assert without[SIDE].sum() == pytest.approx(test.observed[1] - test.expected[1], abs=1e-12)
    assert without[3] == 0


def test_fine_gray_scores_without_competing_events_are_log_rank_scores():
    assert fine_gray_scores(TIME, SEEN) == pytest.approx(log_rank_contributions(TIME, SEEN, SEEN >= 0)[0], abs=1e-12)


@pytest.mark.parametrize("horizon", [None, 12.0])
def test_restricted_means_of_every_grouping(horizon):
    every, ratios = [], []
    for chosen in combinations(range(12), 5):
        side = np.isin(np.arange(12), chosen)
        to = horizon or min(TIME[side].max(), TIME[~side].max())
        one = restricted_mean_contrast(*(restricted_mean(TIME[s], SEEN[s], to) for s in (side, ~side)))
        if one.difference is None:  # the curve of a group ends before the horizon: it goes on level
            continue
        every.append(abs(one.difference) / one.standard_error)
        ratios.append(abs(np.log(one.ratio)) / one.log_ratio_error)
    law = permuted_contrast(TIME, SEEN, SIDE, horizon=horizon, permutations=1000, seed=1)
    assert law.difference.complete
    assert law.difference.statistics.size == 792
    for mine, theirs in ((law.difference, every), (law.ratio, ratios)):
        nearest = mine.statistics[np.clip(np.searchsorted(mine.statistics, theirs), 1, 791) - 0]
        before = mine.statistics[np.clip(np.searchsorted(mine.statistics, theirs) - 1, 0, 791)]
        assert np.minimum(np.abs(nearest - theirs), np.abs(before - theirs)).max() < 1e-9
    if horizon is None:
        assert law.difference.statistics == pytest.approx(np.sort(every), abs=1e-9)


def test_limits_hold_zero_where_p_says_so():
    to = min(TIME[SIDE].max(), TIME[~SIDE].max())
    contrast = restricted_mean_contrast(*(restricted_mean(TIME[s], SEEN[s], to) for s in (SIDE, ~SIDE)))
    law = permuted_contrast(TIME, SEEN, SIDE, horizon=None, permutations=1000, seed=1)
    for level in (0.5, 0.8, 0.95):
        found = studentised(contrast, law, level=level)
        assert (found.lower <= 0 <= found.upper) == (found.p_value > 1 - level + 1e-12)
        assert (found.ratio_lower <= 1 <= found.ratio_upper) == (found.ratio_p_value > 1 - level + 1e-12)
    assert found.difference == contrast.difference


@pytest.mark.parametrize("n", [8, 24])
def test_groupings_that_were_drawn_before_give_the_same_law(n):
    group, score = np.arange(n) % 2, np.random.default_rng(1).normal(size=n)

    def statistic(groups):
        return np.abs(groups @ score)

    asked = {"permutations": 300, "seed": 5}
    drawn = groupings(group[::-1], **asked)
    plain, again = permuted_groups(statistic, group, **asked), permuted_groups(statistic, group, **asked, drawn=drawn)
    assert drawn.complete is plain.complete is again.complete is (n == 8)
    assert plain.statistics.tolist() == again.statistics.tolist()
    assert (drawn.groups.sum(axis=1) == n // 2).all()
