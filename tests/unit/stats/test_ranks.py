"""Mid-ranks and quantiles, censored values among them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from correlates.stats.arrays import panel
from correlates.stats.ranks import midranks, quantiles, undetermined


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
    with pytest.raises(ValueError, match="shape of x"):
        midranks(*panel([1.0, 2.0]), [[0]])


ROWS = st.lists(st.tuples(st.integers(0, 6), st.sampled_from([-1, 0, 1])), min_size=1, max_size=12)


@settings(deadline=None)
@given(ROWS)
def test_a_rank_counts_what_is_certainly_below_and_above(rows):
    value, sign = np.array([float(v) for v, _ in rows]), np.array([c for _, c in rows])
    low, high = np.where(sign < 0, -np.inf, value), np.where(sign > 0, np.inf, value)
    ranked = midranks(*panel(value), sign[None])
    for i, rank in enumerate(ranked.ranks[0]):
        below, above = (high < low[i]).sum(), (low > high[i]).sum()
        assert rank == below + (value.size - below - above) / 2 + 0.5  # itself among those not told apart
    total = value.size
    spread = 12 * ((ranked.ranks[0] - (total + 1) / 2) ** 2).sum()
    assert ranked.tie_sum[0] == pytest.approx(total**3 - total - spread)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(3, 8), st.booleans()), min_size=1, max_size=12))
def test_with_one_limit_censored_values_are_ties_at_it(rows):
    value = np.array([3.0 if cut else float(v) for v, cut in rows])
    sign = np.array([-1 if cut else 0 for _, cut in rows])
    found, ties = midranks(*panel(value), sign[None]), midranks(*panel(value))
    assert found.ranks.tolist() == ties.ranks.tolist()
    assert found.tie_sum.tolist() == ties.tie_sum.tolist()


def test_absent_values_and_their_limits_do_not_count():
    found = midranks(*panel([[3.0, 9.0, 4.0]], [[True, False, True]]), [[0, -1, 0]])
    assert found.ranks.tolist() == [[1.0, 0.0, 2.0]]


@settings(deadline=None)
@given(ROWS, st.sampled_from([0.25, 0.5, 0.75]))
def test_a_quantile_is_known_where_no_censored_value_can_move_it(rows, at):
    value, sign = np.array([float(v) for v, _ in rows]), np.array([c for _, c in rows])
    known = not undetermined(*panel(value), sign[None], (at,))[0, 0]
    ends = [np.quantile(value + move * np.abs(sign) * sign, at) for move in (0.0, 0.5, 7.0)]
    far = [np.quantile(np.where(sign == side, value + 50.0 * side, value), at) for side in (-1, 1)]
    assert known == (far[0] == far[1])
    assert not known or len({*ends, *far}) == 1
