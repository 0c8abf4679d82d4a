"""Kruskal-Wallis against scipy, against Wilcoxon with two groups, and at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kruskal

from correlates.stats.kruskal import kruskal_wallis
from correlates.stats.rank import wilcoxon


def test_as_scipy_with_ties_and_holes():
    rng = np.random.default_rng(12)
    x, group, present = rng.integers(0, 15, (30, 40)).astype(float), rng.integers(0, 4, 40), rng.random((30, 40)) < 0.85
    found = kruskal_wallis(x, group, 4, present)
    for row in range(30):
        parts = [x[row, present[row] & (group == g)] for g in range(4)]
        other = kruskal(*parts)
        assert found.h[row] == pytest.approx(other.statistic, rel=1e-10)
        assert found.p_value[row] == pytest.approx(other.pvalue, rel=1e-10)
        assert found.n[row].tolist() == [p.size for p in parts]


def test_two_groups_is_the_square_of_z():
    rng = np.random.default_rng(13)
    x, group = np.round(rng.normal(size=(10, 30)), 1), rng.integers(0, 2, 30)
    np.testing.assert_allclose(kruskal_wallis(x, group, 2).h, wilcoxon(x, group).z ** 2)


def test_an_empty_group_does_not_count():
    found = kruskal_wallis([1, 2, 3, 4], [0, 0, 2, 2], 3)
    assert found.df[0] == 1
    assert found.n[0].tolist() == [2, 0, 2]


@pytest.mark.parametrize(("x", "group"), [([1, 2, 3], [1, 1, 1]), ([5, 5, 5], [0, 1, 2])])
def test_undefined(x, group):
    found = kruskal_wallis(x, group, 3)
    assert np.isnan([found.h[0], found.p_value[0], found.epsilon_squared[0]]).all()


def test_labels_beyond_the_groups_are_refused():
    with pytest.raises(ValueError, match="whole numbers from 0 to 1"):
        kruskal_wallis([1, 2, 3], [0, 1, 2], 2)
