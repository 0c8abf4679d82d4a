"""Rank statistics by enumeration on paper."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from correlates.stats.auc import auc
from correlates.stats.kruskal import kruskal_wallis
from correlates.stats.rank import hodges_lehmann, subset_sum_law, wilcoxon


def test_two_against_three_without_ties():
    # cases 4, 5 above controls 1, 2, 3: W = 6 is one of the C(5,2) = 10 equally likely arrangements; two-sided 2/10
    result = wilcoxon([1, 2, 3, 4, 5], [0, 0, 0, 1, 1])
    assert result.w[0] == 6
    assert result.p_value[0] == pytest.approx(0.2)
    assert result.p_greater[0] == pytest.approx(0.1)
    assert result.p_less[0] == pytest.approx(1.0)


def test_two_against_two_with_a_tie():
    # values 1, 2, 2, 3: mid-ranks 1, 2.5, 2.5, 4. Sums of two: 3.5, 3.5, 5, 5, 6.5, 6.5; mean 5.
    # cases 2 and 3 have 6.5: P(T >= 6.5) = 2/6, two-sided (T <= 3.5 or T >= 6.5) 4/6
    result = wilcoxon([1, 2, 2, 3], [0, 0, 1, 1])
    assert str(result.variant[0]) == "exact permutation with ties"
    assert result.p_greater[0] == pytest.approx(1 / 3)
    assert result.p_less[0] == pytest.approx(1.0)
    assert result.p_value[0] == pytest.approx(2 / 3)


def test_ties_that_make_the_law_lopsided():
    # values 1, 1, 1, 2, 3 with mid-ranks 2, 2, 2, 4, 5; one case with value 3, four controls.
    # T = 2 (three times), 4, 5; mean 3: |T - 3| = 1, 1, 1, 1, 2. P(T >= 5) = 1/5, two-sided 1/5 as well
    result = wilcoxon([1, 1, 1, 2, 3], [0, 0, 0, 0, 1])
    assert result.p_value[0] == pytest.approx(0.2)
    assert result.p_greater[0] == pytest.approx(0.2)


@pytest.mark.parametrize("seed", range(6))
def test_every_arrangement_counted(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 5, 9).astype(float)
    group = np.repeat([True, False], [4, 5])
    below, equal = values[:, None] > values[None, :], values[:, None] == values[None, :]
    scores = (below.sum(axis=1) + (equal.sum(axis=1) - 1) / 2) + 1
    sums = np.array([scores[list(c)].sum() for c in combinations(range(9), 4)])
    seen, mean = scores[group].sum(), 4 * scores.mean()
    result = wilcoxon(values, group)
    assert result.p_value[0] == pytest.approx(np.mean(np.abs(sums - mean) >= abs(seen - mean) - 1e-9))
    assert result.p_greater[0] == pytest.approx(np.mean(sums >= seen - 1e-9))
    assert result.p_less[0] == pytest.approx(np.mean(sums <= seen + 1e-9))


def test_law_of_rank_sums_of_two_of_four():
    # subsets of {1,2,3,4}: sums 3, 4, 5, 5, 6, 7
    assert subset_sum_law(np.array([1, 2, 3, 4]), 2).tolist() == pytest.approx(
        [0, 0, 0, 1 / 6, 1 / 6, 2 / 6, 1 / 6, 1 / 6]
    )


def test_hodges_lehmann_two_against_three():
    # differences of 7, 9 minus 1, 2, 4: 3, 5, 6, 5, 7, 8; median 5.5. With 10 arrangements no 95 % interval exists:
    # extremes 3 to 8, level 1 - 2/10
    result = hodges_lehmann([7, 9, 1, 2, 4], [1, 1, 0, 0, 0])
    assert (result.estimate[0], result.lower[0], result.upper[0]) == (5.5, 3.0, 8.0)
    assert result.attained[0] == pytest.approx(0.8)


def test_auc_of_six_pairs():
    # cases 2, 4 and controls 1, 2, 3: wins 1 + 3, one tie: 4.5 of 6
    # placements of cases 1.5/3, 3/3 (variance 1/8), of controls 1, .75, .5 (variance 1/16): 1/16 + 1/48 = 1/12
    result = auc([2, 4, 1, 2, 3], [1, 1, 0, 0, 0])
    assert result.estimate[0] == pytest.approx(0.75)
    assert result.variance[0] == pytest.approx(1 / 12)


def test_kruskal_wallis_of_three_pairs():
    # ranks 1,2 | 3,4 | 5,6: H = 12/(6*7) * (9/2 + 49/2 + 121/2) - 21 = 32/7
    result = kruskal_wallis([1, 2, 3, 4, 5, 6], [0, 0, 1, 1, 2, 2], 3)
    assert result.h[0] == pytest.approx(32 / 7)
    assert result.epsilon_squared[0] == pytest.approx(32 / 35)
    assert result.p_value[0] == pytest.approx(np.exp(-16 / 7))  # chi-square with 2 df


# five cases 23, 16+, 18.5+, 20.5+, 24+ and five controls 15, 18, 19, 19, 20 (+: at least). Values certainly below minus above:
# cases 5 - 1, 1 - 0, 2 - 0, 5 - 0, 6 - 0 = 4, 1, 2, 5, 6 (sum 18); controls 0 - 9, 1 - 7, 2 - 4 twice, 4 - 3 = -9, -6, -2, -2, 1.
# Sum of squares 208: Gehan's statistic 18, Mantel's variance 5 * 5 * 208 / (10 * 9) = 520 / 9
CENSORED = [23.0, 16.0, 18.5, 20.5, 24.0, 15.0, 18.0, 19.0, 19.0, 20.0]
SIGNS = [[0, 1, 1, 1, 1, 0, 0, 0, 0, 0]]
CASES = [1] * 5 + [0] * 5
SCORES = [4, 1, 2, 5, 6, -9, -6, -2, -2, 1]


def test_values_censored_at_several_limits():
    result = wilcoxon(CENSORED, CASES, censoring=SIGNS)
    assert result.w[0] == 12.5 + 18 / 2
    assert result.z[0] == pytest.approx(18 / np.sqrt(520 / 9))
    rough = wilcoxon(CENSORED, CASES, censoring=SIGNS, exact="never", continuity=False)
    assert rough.p_value[0] == pytest.approx(0.017882, abs=1e-6)  # 2 (1 - Phi(2.36806))
    sums = [sum(SCORES[i] for i in chosen) for chosen in combinations(range(10), 5)]
    assert str(result.variant[0]) == "exact permutation with ties"
    assert result.p_value[0] == pytest.approx(sum(abs(s) >= 18 for s in sums) / 252)
    assert result.p_greater[0] == pytest.approx(sum(s >= 18 for s in sums) / 252)
    mirrored = wilcoxon([-x for x in CENSORED], CASES, censoring=[[-s for s in SIGNS[0]]])
    assert (mirrored.w[0], mirrored.p_value[0]) == (25 - 21.5, result.p_value[0])


def test_auc_of_values_censored_at_several_limits():
    # the case counts half against the controls it cannot be told from: 23 beats 5; 16+ beats 15, the other four tied;
    # 18.5+ beats 15 and 18, ties 3; 20.5+ and 24+ beat 5: (5 + 3 + 3.5 + 5 + 5) / 25
    found = auc(CENSORED, CASES, censoring=SIGNS)
    assert found.estimate[0] == pytest.approx(21.5 / 25)
    case = np.var([1, 0.6, 0.7, 1, 1], ddof=1) / 5
    control = np.var([1, 0.9, 0.8, 0.8, 0.8], ddof=1) / 5
    assert found.variance[0] == pytest.approx(case + control)


def test_kruskal_wallis_of_values_censored_at_several_limits():
    # with two groups H is the square of z
    assert kruskal_wallis(CENSORED, CASES, 2, censoring=SIGNS).h[0] == pytest.approx(18**2 / (520 / 9))


def test_limits_that_cross_leave_nothing_to_order():
    result = wilcoxon([10.0, 5.0, 8.0], [0, 1, 1], censoring=[[-1, 1, -1]])
    assert str(result.variant[0]) == "undefined"
    assert np.isnan(result.p_value[0])
