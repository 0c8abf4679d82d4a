"""Rank statistics by enumeration on paper."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from correlates.stats.auc import auc
from correlates.stats.kruskal import kruskal_wallis
from correlates.stats.rank import hodges_lehmann, rank_values, subset_sum_law, wilcoxon


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


def test_values_censored_at_two_limits():
    # left limits 1 and 3: 0.5?, no: observed 2 lies below 3 and cannot be ordered against "below 3"
    value = [1.0, 3.0, 2.0, 4.0, 9.0, 8.0, 12.0]
    censoring = [-1, -1, 0, 0, 1, 0, 0]
    assert rank_values(value, censoring).tolist() == [[3.0, 3.0, 3.0, 4.0, 9.0, 8.0, 9.0]]


def test_limits_that_cross_leave_nothing_to_order():
    assert rank_values([10.0, 5.0, 7.0, 20.0], [-1, 1, 0, 0]).tolist() == [[5.0, 5.0, 5.0, 5.0]]
