"""Wilcoxon and Hodges-Lehmann against scipy, with holes, and at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from correlates.stats.rank import Exact, hodges_lehmann, wilcoxon


def _panel(seed=3, m=25, n=31, digits=None):
    rng = np.random.default_rng(seed)
    x = rng.lognormal(size=(m, n))
    if digits is not None:
        x = np.round(x, digits)
    return x, rng.random(n) < 0.4, rng.random((m, n)) < 0.85


@pytest.mark.parametrize("digits", [None, 1])
@pytest.mark.parametrize("continuity", [True, False])
def test_normal_approximation_is_that_of_scipy(digits, continuity):
    x, group, present = _panel(digits=digits)
    found = wilcoxon(x, group, present, exact="never", continuity=continuity)
    for row in range(x.shape[0]):
        a, b = x[row, present[row] & group], x[row, present[row] & ~group]
        other = mannwhitneyu(a, b, method="asymptotic", use_continuity=continuity)
        assert found.w[row] == other.statistic
        assert found.p_value[row] == pytest.approx(other.pvalue, rel=1e-10)
        assert (found.n_cases[row], found.n_controls[row]) == (a.size, b.size)


def test_exact_is_that_of_scipy():
    x, group, present = _panel(seed=4)
    found = wilcoxon(x, group, present)
    assert set(found.variant) == {"exact"}
    for row in range(x.shape[0]):
        a, b = x[row, present[row] & group], x[row, present[row] & ~group]
        for side, p in (("two-sided", found.p_value), ("greater", found.p_greater), ("less", found.p_less)):
            assert p[row] == pytest.approx(mannwhitneyu(a, b, alternative=side, method="exact").pvalue, rel=1e-10)


def test_what_is_absent_does_not_matter():
    x, group, present = _panel(seed=5, digits=1)
    scrambled = np.where(present, x, 1e6)
    for function in (wilcoxon, hodges_lehmann):
        a, b = function(x, group, present), function(scrambled, group, present)
        for name in a.__slots__:
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_a_row_does_not_depend_on_its_panel():
    x, group, present = _panel(seed=6, digits=1)
    whole = wilcoxon(x, group, present)
    for row in (0, 7, 24):
        alone = wilcoxon(x[row], group, present[row])
        assert alone.p_value[0] == whole.p_value[row]
        assert alone.variant[0] == whole.variant[row]


def test_when_the_exact_law_is_used():
    rng = np.random.default_rng(7)
    x = rng.normal(size=(1, 100))
    at_limit = np.arange(100) < 49
    assert wilcoxon(x[:, :98], at_limit[:98]).variant[0] == "exact"  # 49 and 49
    assert wilcoxon(x[:, :99], at_limit[:99]).variant[0] == "normal approximation"  # 49 and 50
    assert wilcoxon(x[:, :98], at_limit[:98], exact=Exact.NEVER).variant[0] == "normal approximation"
    tied = np.round(x, 1)
    fifty, more = np.arange(50) < 20, np.arange(51) < 20
    assert wilcoxon(tied[:, :50], fifty).variant[0] == "exact permutation with ties"
    assert wilcoxon(tied[:, :51], more).variant[0] == "normal approximation"
    assert wilcoxon(tied[:, :50], fifty, exact="no-ties").variant[0] == "normal approximation"


def test_permutation_law_approaches_the_normal_one():
    x, group, _ = _panel(seed=8, n=50, digits=1)
    exact, normal = wilcoxon(x, group), wilcoxon(x, group, exact="never")
    assert np.abs(exact.p_value - normal.p_value).max() < 0.01


@pytest.mark.parametrize("group", [[1, 1, 1, 1], [0, 0, 0, 0]])
def test_one_class_is_undefined(group):
    result = wilcoxon([1, 2, 3, 4], group)
    shift = hodges_lehmann([1, 2, 3, 4], group)
    assert result.variant[0] == "undefined"
    assert np.isnan([result.p_value[0], result.z[0], shift.estimate[0], shift.lower[0]]).all()


def test_all_values_tied():
    result, shift = wilcoxon([2, 2, 2, 2, 2], [1, 1, 0, 0, 0]), hodges_lehmann([2, 2, 2, 2, 2], [1, 1, 0, 0, 0])
    assert result.variant[0] == "undefined"
    assert np.isnan(result.p_value[0])
    assert (shift.estimate[0], shift.lower[0], shift.upper[0]) == (0, 0, 0)


def test_one_subject_in_a_group():
    result = wilcoxon([1, 2, 3, 4, 9], [0, 0, 0, 0, 1])
    shift = hodges_lehmann([1, 2, 3, 4, 9], [0, 0, 0, 0, 1])
    assert result.p_value[0] == pytest.approx(2 / 5)
    assert shift.attained[0] == pytest.approx(1 - 2 / 5)
    assert (shift.lower[0], shift.upper[0]) == (5, 8)


def test_groups_must_be_two():
    with pytest.raises(ValueError, match="0 and 1"):
        wilcoxon([1, 2, 3], [0, 1, 2])
    with pytest.raises(ValueError, match="level"):
        hodges_lehmann([1, 2, 3], [0, 1, 1], level=95)


_values = st.lists(st.integers(-20, 20), min_size=4, max_size=14)


@settings(max_examples=60, deadline=None)
@given(_values, st.data())
def test_invariances(values, data):
    x = np.array(values, dtype=float)
    group = np.array(data.draw(st.lists(st.booleans(), min_size=x.size, max_size=x.size)))
    one = wilcoxon(x, group)
    order = np.array(data.draw(st.permutations(range(x.size))))
    for other in (wilcoxon(x[order], group[order]), wilcoxon(np.exp(x / 5), group), wilcoxon(3 * x + 7, group)):
        assert other.w[0] == one.w[0]
        np.testing.assert_allclose(other.p_value, one.p_value, rtol=1e-12)
    swapped = wilcoxon(x, ~group)
    assert swapped.w[0] == group.sum() * (~group).sum() - one.w[0]
    np.testing.assert_allclose(swapped.p_value, one.p_value, rtol=1e-12)
    np.testing.assert_allclose(swapped.p_greater, one.p_less, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(_values, st.data())
def test_shift_moves_with_the_cases_and_turns_with_the_groups(values, data):
    x = np.array(values, dtype=float)
    group = np.array(data.draw(st.lists(st.booleans(), min_size=x.size, max_size=x.size)))
    one, moved, swapped = hodges_lehmann(x, group), hodges_lehmann(x + 4 * group, group), hodges_lehmann(x, ~group)
    for name in ("estimate", "lower", "upper"):
        np.testing.assert_allclose(getattr(moved, name), getattr(one, name) + 4)
    np.testing.assert_allclose(swapped.estimate, -one.estimate)
    np.testing.assert_allclose(swapped.lower, -one.upper)
    assert np.isnan(one.estimate[0]) or one.lower[0] <= one.estimate[0] <= one.upper[0]


def test_interval_holds_exactly_the_shifts_that_the_test_does_not_reject():
    rng = np.random.default_rng(11)
    x, group = rng.normal(size=17), np.arange(17) < 8
    shift = hodges_lehmann(x, group)
    inside, outside = np.nextafter(shift.upper[0], 0), np.nextafter(shift.upper[0], 9)
    assert wilcoxon(x - inside * group, group).p_value[0] >= 0.05
    assert wilcoxon(x - outside * group, group).p_value[0] < 0.05
