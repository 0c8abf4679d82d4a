"""Effects in subgroups, and along a modifier: against single models with an interaction term, windows by hand, edges."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.cox import cox_model, cox_screen
from correlates.stats.interaction import interaction_cox, interaction_logistic
from correlates.stats.local_effect import local_effects, windows
from correlates.stats.logistic import logistic_model, logistic_screen


def _trial(n=90, seed=2):
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n), rng.normal(size=n)
    subgroup = rng.integers(0, 2, n)
    events = rng.random(n) < 1 / (1 + np.exp(-(0.9 * x * subgroup - 0.3)))
    time = np.ceil(rng.exponential(200, n) * np.exp(-0.5 * x * subgroup)) + 1
    happened = rng.random(n) < 0.7
    return x, z, subgroup, events, time, happened


def test_two_subgroups_are_a_model_with_an_interaction_term():
    x, _, subgroup, events, _, _ = _trial()
    found = interaction_logistic(x, events, subgroup, 2)
    model = logistic_model(np.column_stack((subgroup, x, x * subgroup)), events)
    assert found.chi_square[0] == pytest.approx(model.chi_square[3], rel=1e-6)
    assert found.p_interaction[0] == pytest.approx(model.p_value[3], rel=1e-6)
    assert found.coefficient[0, 0] == pytest.approx(model.coefficient[2], rel=1e-6)
    assert found.coefficient[0, 1] == pytest.approx(model.coefficient[2] + model.coefficient[3], rel=1e-6)
    for g in (0, 1):
        alone = logistic_screen(x[subgroup == g], events[subgroup == g])
        assert found.lower[0, g] == pytest.approx(alone.lower[0], rel=1e-6)


def test_time_endpoint_is_a_stratified_cox_model_with_an_interaction_term():
    x, _, subgroup, _, time, happened = _trial()
    found = interaction_cox(x, time, happened, subgroup, 2)
    model = cox_model(
        np.column_stack((x, x * subgroup)), time, happened, stratum=subgroup, penalty="firth", ties="efron"
    )
    assert found.chi_square[0] == pytest.approx(model.chi_square[1], rel=1e-6)
    alone = cox_screen(x[subgroup == 1], time[subgroup == 1], happened[subgroup == 1], penalty="firth")
    assert found.coefficient[0, 1] == pytest.approx(alone.coefficient[0], rel=1e-8)


def test_three_subgroups_and_a_panel():
    rng = np.random.default_rng(6)
    x = rng.normal(size=(4, 90)) * np.array([[1.0], [0.001], [50.0], [1.0]])
    present = rng.random(x.shape) > 0.1
    subgroup, events = rng.integers(-1, 3, 90), rng.random(90) < 0.4
    found = interaction_logistic(x, events, subgroup, 3, present)
    assert found.df.tolist() == [2] * 4
    for row in range(4):
        one = interaction_logistic(x[row], events, subgroup, 3, present[row])
        assert found.p_interaction[row] == pytest.approx(one.p_interaction[0], rel=1e-7)
    turned = interaction_logistic(x, events, np.where(subgroup >= 0, 2 - subgroup, -1), 3, present)
    assert turned.p_interaction == pytest.approx(found.p_interaction, rel=1e-6)


def test_a_subgroup_that_cannot_be_used_is_left_out_and_told():
    x, _, subgroup, events, time, happened = _trial()
    three = subgroup.copy()
    three[:6] = 2
    events = events.copy()
    events[:6] = False
    found = interaction_logistic(x, events, three, 3)
    assert found.usable[0].tolist() == [True, True, False]
    assert np.isnan(found.coefficient[0, 2])
    assert found.df[0] == 1
    outside = np.where(three == 2, -1, three)
    assert found.p_interaction[0] == pytest.approx(
        interaction_logistic(x, events, outside, 2).p_interaction[0], rel=1e-9
    )
    one = interaction_logistic(x, events, np.zeros(x.size, dtype=int), 1)
    assert np.isnan(one.p_interaction[0])
    assert one.df[0] == 0
    nothing = interaction_cox(x, time, np.zeros(x.size), subgroup, 2)
    assert np.isnan(nothing.p_interaction[0])
    assert not nothing.usable.any()
    assert happened.any()


def test_separation_within_a_subgroup_is_finite():
    x = np.arange(16.0)
    subgroup = np.repeat([0, 1], 8)
    events = np.r_[np.arange(8) > 3, np.tile([0, 1], 4).astype(bool)]
    found = interaction_logistic(x, events, subgroup, 2)
    assert np.isfinite(found.coefficient).all()
    assert 0 <= found.p_interaction[0] <= 1


def test_windows_by_hand():
    assert windows(np.arange(10.0), 4, 2).tolist() == [[0, 3], [2, 5], [4, 7], [6, 9]]
    # what is left over at the end joins the last window
    assert windows(np.arange(11.0), 4, 2).tolist() == [[0, 3], [2, 5], [4, 7], [6, 10]]
    # ties at an end are taken in whole
    assert windows([0, 1, 2, 3, 3, 3, 4, 5, 6, 7], 4, 1).tolist() == [[0, 5], [3, 6], [6, 9]]
    assert windows(np.arange(3.0), 4, 2).shape == (0, 2)
    with pytest.raises(ValueError, match="shared"):
        windows(np.arange(9.0), 4, 4)


def test_every_patient_is_in_a_window_and_windows_are_long_enough():
    rng = np.random.default_rng(1)
    for _ in range(60):
        n = int(rng.integers(10, 60))
        value = np.sort(np.round(rng.normal(size=n), int(rng.integers(0, 3))))
        size = int(rng.integers(3, n))
        at = windows(value, size, int(rng.integers(0, size)))
        assert (np.diff(at, axis=1) + 1 >= size).all()
        assert at[0, 0] == 0
        assert at[-1, 1] == n - 1
        assert (np.diff(at[:, 0]) > 0).all()
        covered = np.zeros(n, dtype=bool)
        for a, b in at:
            covered[a : b + 1] = True
            assert b == n - 1 or value[b] < value[b + 1]
        assert covered.all()


def test_local_effects_are_those_of_the_windows():
    x, z, _, events, _, _ = _trial()
    found = local_effects(x, events, z, size=40, shared=30, permutations=99, draws=500)
    order = np.argsort(z, kind="stable")
    for k, (a, b) in enumerate(windows(z[order], 40, 30)):
        inside = order[a : b + 1]
        assert found.coefficient[k] == pytest.approx(
            logistic_screen(x[inside], events[inside]).coefficient[0], rel=1e-9
        )
        assert found.low[k] == z[inside].min()
        assert found.high[k] == z[inside].max()
    assert found.overall == logistic_screen(x, events).coefficient[0]
    # the band holds all windows at once: wider than each alone, narrower than Bonferroni's
    from scipy.special import ndtri

    assert 1.959963984540054 < found.critical < ndtri(1 - 0.025 / found.n.size)
    again = local_effects(x, events, z, size=40, shared=30, permutations=99, draws=500)
    assert again.p_value == found.p_value
    assert 1 / 100 <= found.p_value <= 1


def test_local_effects_find_an_effect_that_turns():
    rng = np.random.default_rng(9)
    z, x = rng.normal(size=400), rng.normal(size=400)
    events = rng.random(400) < 1 / (1 + np.exp(-1.5 * x * np.sign(z)))
    found = local_effects(x, events, z, size=120, shared=80, permutations=199)
    assert found.p_value == pytest.approx(1 / 200)
    assert found.coefficient[0] < 0 < found.coefficient[-1]


def test_local_effects_without_enough_say_so():
    found = local_effects(np.arange(8.0), np.tile([0, 1], 4), np.arange(8.0), size=20, shared=5)
    assert found.n.size == 0
    assert found.p_value is None
    assert found.critical is None
    one_class = local_effects(np.arange(30.0), np.zeros(30), np.arange(30.0), size=10, shared=5)
    assert np.isnan(one_class.coefficient).all()
    assert one_class.p_value is None
