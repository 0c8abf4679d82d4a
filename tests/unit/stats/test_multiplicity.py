"""Adjusted P values against statsmodels and scipy, and their properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control
from statsmodels.stats.multitest import multipletests

from correlates.stats.multiplicity import Adjust, adjust

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


@pytest.mark.parametrize("method", list(Adjust))
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
