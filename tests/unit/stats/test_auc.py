"""AUC: what it has to do with W, and DeLong's variance by its definition over pairs."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.auc import auc
from correlates.stats.rank import wilcoxon


def _panel():
    rng = np.random.default_rng(9)
    return rng.integers(0, 12, (20, 26)).astype(float), rng.random(26) < 0.45, rng.random((20, 26)) < 0.9


def test_auc_is_w_over_the_number_of_pairs():
    x, group, present = _panel()
    found, test = auc(x, group, present), wilcoxon(x, group, present)
    np.testing.assert_allclose(found.estimate, test.w / (test.n_cases * test.n_controls))


def test_variance_from_the_matrix_of_pairs():
    x, group, present = _panel()
    found = auc(x, group, present)
    for row in range(x.shape[0]):
        a, b = x[row, present[row] & group], x[row, present[row] & ~group]
        wins = (a[:, None] > b) + 0.5 * (a[:, None] == b)
        expected = wins.mean(axis=1).var(ddof=1) / a.size + wins.mean(axis=0).var(ddof=1) / b.size
        assert found.variance[row] == pytest.approx(expected, rel=1e-10)


def test_swapping_the_groups_mirrors_the_curve():
    x, group, present = _panel()
    one, other = auc(x, group, present), auc(x, ~group, present)
    np.testing.assert_allclose(other.estimate, 1 - one.estimate)
    np.testing.assert_allclose(other.lower, 1 - one.upper)


def test_perfect_separation_gives_a_point_that_is_marked():
    for group, value in (([0, 0, 1, 1], 1.0), ([1, 1, 0, 0], 0.0)):
        found = auc([1, 2, 3, 4], group)
        assert found.degenerate[0]
        assert (found.estimate[0], found.variance[0], found.lower[0], found.upper[0]) == (value, 0, value, value)


def test_one_case_has_an_estimate_and_no_interval():
    found = auc([1, 2, 3, 4], [0, 0, 1, 0])
    assert found.estimate[0] == pytest.approx(2 / 3)
    assert np.isnan([found.variance[0], found.lower[0], found.upper[0]]).all()


def test_one_class_is_undefined():
    assert np.isnan(auc([1, 2, 3], [1, 1, 1]).estimate[0])
