"""Competing risks against lifelines, and at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from lifelines import AalenJohansenFitter

from correlates.stats.competing_risks import (
    cumulative_incidence,
    gray_screen,
    gray_test,
    incidence_at,
    incidence_at_panel,
)
from correlates.stats.fine_gray import fine_gray
from correlates.stats.fine_gray_panel import fine_gray_screen
from correlates.stats.kaplan_meier import kaplan_meier


def _sample(seed=1, n=60):
    rng = np.random.default_rng(seed)
    return np.round(rng.exponential(10, n), 3), rng.integers(0, 3, n), rng.integers(0, 3, n)


def test_as_lifelines():
    time, cause, _ = _sample()
    found = cumulative_incidence(time, cause, 2)
    for c in (1, 2):
        other = AalenJohansenFitter(calculate_variance=False).fit(time, cause, event_of_interest=c)
        curve = other.cumulative_density_.iloc[:, 0]
        assert found.incidence[c - 1] == pytest.approx(curve.loc[found.time].to_numpy(), rel=1e-10)


def test_incidences_and_event_free_share_add_to_one():
    time, cause, _ = _sample(2)
    found = cumulative_incidence(np.round(time), cause, 2)
    assert found.incidence.sum(axis=0) + found.event_free == pytest.approx(np.ones(found.time.size))
    free = kaplan_meier(np.round(time), cause > 0)
    assert found.event_free == pytest.approx(free.survival)
    inside = found.incidence > 0
    assert (found.lower[inside] < found.incidence[inside]).all()
    assert (found.upper[inside] > found.incidence[inside]).all()
    assert (found.upper[inside] < 1).all()


def test_before_between_and_beyond():
    found = cumulative_incidence([1, 2, 3, 4], [1, 0, 2, 0], 2)
    at = incidence_at(found, [0.5, 1, 2, 4, 5])
    assert at.incidence[0, :4] == pytest.approx([0, 0.25, 0.25, 0.25])
    assert at.standard_error[0, 0] == 0
    assert np.isnan(at.incidence[:, 4]).all()
    over = incidence_at(cumulative_incidence([1, 2], [1, 2], 2), [9.0])
    assert over.incidence[:, 0] == pytest.approx([0.5, 0.5])


def test_no_events():
    found = cumulative_incidence([1, 2], [0, 0], 2)
    assert found.incidence.shape == (2, 0)
    assert incidence_at(found, [1.5]).incidence.tolist() == [[0], [0]]
    empty = cumulative_incidence([], [], 1)
    assert (empty.n, empty.last) == (0, None)
    test = gray_test([1, 2, 3], [0, 2, 0], [0, 1, 1], 2)
    assert (test.df, test.chi_square, test.p_value) == (0, None, None)
    assert gray_test([1, 2, 3], [1, 1, 0], [0, 0, 0], 1).p_value is None
    assert not fine_gray([[1.0], [2.0], [0.0]], [1, 2, 3], [0, 2, 0]).full_rank


def test_an_empty_group_does_not_count():
    time, cause, group = _sample(3)
    pair = group % 2
    a, b = gray_test(time, cause, pair, 2), gray_test(time, cause, pair * 2, 3)
    assert a.df == b.df == 1
    assert a.chi_square == pytest.approx(b.chi_square)
    assert a.n_events.sum() == (cause == 1).sum()


def test_strata_add():
    time, cause, group = _sample(4)
    one = gray_test(time, cause, group, 3)
    two = gray_test(np.tile(time, 2), np.tile(cause, 2), np.tile(group, 2), 3, stratum=np.repeat([0, 1], time.size))
    assert two.score == pytest.approx(2 * one.score)
    assert two.covariance == pytest.approx(2 * one.covariance)
    assert two.chi_square == pytest.approx(2 * one.chi_square)


def test_fine_gray_monotone_and_dependent():
    x = np.array([[4.0], [3.0], [2.0], [1.0], [0.0]])
    fit = fine_gray(x, [1, 2, 3, 4, 5], [1, 1, 2, 0, 0])
    assert fit.monotone
    assert not fit.converged
    assert np.isnan(fit.coefficient[0])
    time, cause, _ = _sample(5)
    a = np.random.default_rng(5).normal(size=time.size)
    assert not fine_gray(np.column_stack((a, 2 * a)), time, cause).full_rank


def test_refused():
    with pytest.raises(ValueError, match="cause"):
        cumulative_incidence([1, 2], [1, 3], 2)
    with pytest.raises(ValueError, match="level"):
        cumulative_incidence([1, 2], [1, 2], 2, level=2)
    with pytest.raises(ValueError, match="NaN"):
        cumulative_incidence([1, np.nan], [1, 2], 2)
    with pytest.raises(ValueError, match="group"):
        gray_test([1, 2], [1, 2], [0, 5], 2)
    with pytest.raises(ValueError, match="stratum"):
        gray_test([1, 2], [1, 2], [0, 1], 2, stratum=[0])
    with pytest.raises(ValueError, match="from 1"):
        gray_test([1, 2], [1, 2], [0, 1], 2, of=0)
    with pytest.raises(ValueError, match="cause"):
        fine_gray([[1.0], [2.0]], [1, 2], [1])


def _panel(seed, m=30):
    """A sample with biomarkers of which some values are gone: all of the first, the second constant, the third orders the events."""
    time, cause, group = _sample(seed)
    rng = np.random.default_rng(seed)
    there = rng.random((m, time.size)) < rng.random((m, 1))
    there[0], there[2] = False, True
    x = rng.normal(size=there.shape) * rng.exponential(10, (m, 1))
    x[1], x[2] = 3.0, np.where(cause == 1, 100 - time, 0)
    return time, cause, rng.permuted(np.tile(group, (m, 1)), axis=1), x, there


def test_a_panel_of_gray_tests_and_incidences_is_each_row_alone():
    time, cause, group, _, there = _panel(6)
    at = (0.0, np.median(time), 2 * time.max())
    found = gray_screen(time, cause, group, 3, there, rho=0.5)
    curves = incidence_at_panel(time, cause, there, at, of=2)
    assert (found.df[0], np.isnan(found.p_value[0]), np.isnan(curves.incidence[0]).all()) == (0, True, True)
    for row in range(1, len(there)):
        who = there[row]
        one = gray_test(time[who], cause[who], group[row, who], 3, rho=0.5)
        assert found.df[row] == one.df
        if one.df:
            assert found.chi_square[row] == pytest.approx(one.chi_square, rel=1e-9)
            assert found.p_value[row] == pytest.approx(one.p_value, rel=1e-9)
        if who.any():
            alone = incidence_at(cumulative_incidence(time[who], cause[who], 2), at)
            for name in ("incidence", "standard_error", "lower", "upper"):
                np.testing.assert_allclose(getattr(curves, name)[row], getattr(alone, name)[1], rtol=1e-9, err_msg=name)


def test_a_panel_of_fine_gray_models_is_each_row_alone():
    time, cause, _, x, there = _panel(7)
    found = fine_gray_screen(x, time, cause, there, level=0.9)
    assert found.constant[:2].all()
    assert found.monotone[2]
    compared = 0
    for row in range(1, len(there)):
        who = there[row]
        if not who.any():
            continue
        one = fine_gray(x[row, who][:, None], time[who], cause[who], level=0.9)
        assert (found.converged[row], found.monotone[row]) == (one.converged, one.monotone)
        assert (found.n_events[row], found.n_competing[row]) == (one.n_events, one.n_competing)
        if one.converged:
            compared += 1
            for name in ("coefficient", "standard_error", "lower", "upper", "p_value"):
                assert getattr(found, name)[row] == pytest.approx(getattr(one, name)[0], rel=1e-6), name
            assert found.log_likelihood[row] == pytest.approx(one.log_likelihood, rel=1e-9)
    assert compared > 15
