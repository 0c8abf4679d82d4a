"""Mid-ranks, quantiles and the values that censored measurements are ranked at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from correlates.stats.arrays import panel
from correlates.stats.ranks import midranks, quantiles, rank_values


def _holed(seed=1, m=30, n=23):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 9, (m, n)).astype(float), rng.random((m, n)) < 0.8


def test_ranks_are_those_of_scipy_among_the_present():
    x, present = _holed()
    ranked = midranks(*panel(x, present))
    for row in range(x.shape[0]):
        kept = x[row, present[row]]
        assert ranked.ranks[row, present[row]].tolist() == rankdata(kept).tolist()
        assert (ranked.ranks[row, ~present[row]] == 0).all()
        blocks = np.unique(kept, return_counts=True)[1].astype(float)
        assert ranked.tie_sum[row] == (blocks**3 - blocks).sum()


def test_quantiles_are_those_of_numpy():
    x, present = _holed(2)
    found = quantiles(*panel(x, present), (0.25, 0.5, 0.75))
    for row in range(x.shape[0]):
        assert found[row].tolist() == pytest.approx(np.quantile(x[row, present[row]], [0.25, 0.5, 0.75]).tolist())


def test_quantiles_of_nothing_are_undefined():
    found = quantiles(*panel([[1.0, 2.0], [3.0, 4.0]], [[False, False], [True, False]]), (0.5,))
    assert np.isnan(found[0, 0])
    assert found[1, 0] == 3.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused_where_present(bad):
    with pytest.raises(ValueError, match="NaN or infinity"):
        panel([1.0, bad])
    values, _ = panel([1.0, bad], [True, False])
    assert values.tolist() == [[1.0, 0.0]]


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="same shape"):
        panel([1.0, 2.0], [True])
    with pytest.raises(ValueError, match="shape of value"):
        rank_values([1.0, 2.0], [0])


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from([-1, 0, 1])), min_size=1, max_size=12))
def test_censored_values_never_contradict_what_is_known(rows):
    value, sign = np.array([v for v, _ in rows]), np.array([c for _, c in rows])
    placed = rank_values(value, sign)[0]
    low, high = np.where(sign < 0, -np.inf, value), np.where(sign > 0, np.inf, value)
    for i in range(value.size):
        for j in range(value.size):
            if placed[i] < placed[j]:
                assert high[i] <= low[j] or value[i] <= value[j]
                assert sign[i] <= 0  # an "at least" is never ranked below anything
                assert sign[j] >= 0


def test_without_censoring_nothing_moves():
    assert rank_values([3.0, 1.0, 2.0], [0, 0, 0]).tolist() == [[3.0, 1.0, 2.0]]


def test_absent_limits_do_not_count():
    assert rank_values([3.0, 9.0, 4.0], [0, -1, 0], [True, False, True]).tolist() == [[3.0, 0.0, 4.0]]
