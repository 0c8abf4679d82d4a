"""Adjusted P values against statsmodels and scipy, and their properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control
from statsmodels.stats.multitest import multipletests

from correlates.stats.multiplicity import NEEDS_DATA, Adjust, adjust
from correlates.stats.westfall_young import westfall_young

_p = st.lists(st.floats(0, 1), min_size=1, max_size=40)
OTHER = {"bonferroni": "bonferroni", "holm": "holm", "hochberg": "simes-hochberg", "bh": "fdr_bh", "by": "fdr_by"}


@pytest.mark.parametrize("method", OTHER)
@settings(max_examples=12, deadline=None)  # statsmodels collects garbage at every call
@given(p=_p)
def test_as_statsmodels(method, p):
    np.testing.assert_allclose(adjust(p, method), multipletests(p, method=OTHER[method])[1], rtol=1e-10, atol=1e-300)


@settings(deadline=None)
@given(_p)
def test_as_scipy(p):
    np.testing.assert_allclose(adjust(p, "bh"), false_discovery_control(p, method="bh"), rtol=1e-10, atol=1e-300)


@pytest.mark.parametrize("method", [how for how in Adjust if how not in NEEDS_DATA])
@settings(deadline=None)
@given(p=_p, data=st.data())
def test_never_smaller_monotone_and_in_the_order_given(method, p, data):
    raw = np.array(p)
    found = adjust(raw, method)
    assert (found >= raw).all()
    assert (found <= 1).all()
    assert (np.diff(found[np.argsort(raw, kind="stable")]) >= 0).all()
    order = np.array(data.draw(st.permutations(range(raw.size))))
    np.testing.assert_array_equal(adjust(raw[order], method), found[order])


def test_nothing_to_adjust():
    assert adjust([], "holm").tolist() == []
    assert np.isnan(adjust([np.nan, np.nan], "bh")).all()


@pytest.mark.parametrize("bad", [[-0.1], [1.1]])
def test_what_is_no_probability_is_refused(bad):
    with pytest.raises(ValueError, match="outside 0"):
        adjust(bad, "holm")


def test_unknown_method_and_more_than_one_family():
    with pytest.raises(ValueError, match="sidak"):
        adjust([0.1], "sidak")
    with pytest.raises(ValueError, match="one family"):
        adjust([[0.1]], "holm")


@pytest.mark.parametrize("method", NEEDS_DATA)
def test_what_permutes_the_data_is_not_made_from_p_values(method):
    with pytest.raises(ValueError, match="permutes the data"):
        adjust([0.1, 0.2], method)


_shape = st.tuples(st.integers(1, 8), st.integers(6, 30), st.integers(0, 2**32 - 1))


@settings(deadline=None, max_examples=60)
@given(_shape, st.booleans(), st.data())
def test_westfall_young_never_smaller_monotone_and_in_the_order_given(shape, tied, data):
    m, n, seed = shape
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(m, n)) if not tied else rng.integers(0, 3, size=(m, n)).astype(float)
    x -= x.mean(axis=1, keepdims=True)
    event = np.arange(n) < data.draw(st.integers(1, n - 1))
    found = westfall_young(x, event, permutations=200, rng=np.random.default_rng(1))
    known = ~np.isnan(found.statistic)
    assert (known == (np.abs(x) > 1e-9).any(axis=1)).all()
    for adjusted, measure in ((found.max_t, -found.statistic), (found.min_p, found.p_value)):
        assert (np.isnan(adjusted) == ~known).all()
        seen, by = adjusted[known], measure[known]
        assert (seen >= found.p_value[known] - 1e-12).all()
        assert ((seen >= 1 / found.orders - 1e-12) & (seen <= 1)).all()
        assert (np.diff(seen[np.argsort(by, kind="stable")]) >= -1e-12).all()
    order = np.array(data.draw(st.permutations(range(m))))
    again = westfall_young(x[order], event, permutations=200, rng=np.random.default_rng(1))
    np.testing.assert_allclose(again.max_t, found.max_t[order], rtol=1e-12)
    np.testing.assert_allclose(again.min_p, found.min_p[order], rtol=1e-12)
