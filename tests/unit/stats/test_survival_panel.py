"""Curves and restricted means of a panel against the same of each row alone."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.kaplan_meier import kaplan_meier, quantile, survival_at
from correlates.stats.restricted_mean import (
    contrast_panel,
    restricted_mean,
    restricted_mean_contrast,
    restricted_mean_panel,
)
from correlates.stats.survival_panel import quantile_panel, survival_at_panel, survival_panel, time_table

M, N = 40, 30
RNG = np.random.default_rng(3)
TIME = RNG.exponential(20, N).round()  # with ties
EVENT = RNG.random(N) < 0.6
MEMBER = RNG.random((M, N)) < RNG.random((M, 1))
MEMBER[0] = False
AT = (0.0, 5.0, 20.0, 1000.0)


def _number(value):
    return np.nan if value is None else value


@pytest.mark.parametrize("own", [False, True], ids=["one time for all rows", "times of each row"])
def test_every_row_is_the_curve_of_its_members(own):
    times = RNG.permuted(np.tile(TIME, (M, 1)), axis=1) if own else np.tile(TIME, (M, 1))
    curves = survival_panel(times if own else TIME, EVENT, MEMBER, level=0.9)
    middle, there = quantile_panel(curves), survival_at_panel(curves, AT)
    horizon = RNG.choice([-1.0, 5.0, 20.0, 80.0], M)
    means = restricted_mean_panel(curves, horizon, level=0.9)
    assert np.isnan(middle[:, 0]).all()
    assert np.isnan(there.survival[0]).all()
    assert np.isnan(means[:, 0]).all()
    alone = []
    for row in range(1, M):
        who = MEMBER[row]
        curve = kaplan_meier(times[row, who], EVENT[who], level=0.9)
        half = quantile(curve)
        assert np.array_equal(
            middle[:, row], list(map(_number, (half.estimate, half.lower, half.upper))), equal_nan=True
        )
        at = survival_at(curve, AT)
        for name in ("survival", "standard_error", "lower", "upper"):
            np.testing.assert_allclose(getattr(there, name)[row], getattr(at, name), rtol=1e-12, err_msg=name)
        if horizon[row] > 0:
            one = restricted_mean(times[row, who], EVENT[who], horizon[row], level=0.9)
            alone.append((row, one))
            told = list(map(_number, (one.estimate, one.standard_error, one.lower, one.upper)))
            np.testing.assert_allclose(means[:, row], told, rtol=1e-12)
        else:
            assert np.isnan(means[:, row]).all()
    assert {one.estimate is None for _, one in alone} == {True, False}


def test_contrasts_of_a_panel_are_those_of_each_row():
    a, b = (restricted_mean_panel(survival_panel(TIME, EVENT, side), 20.0) for side in (MEMBER, ~MEMBER))
    found = contrast_panel(*a[:2], *b[:2])
    for row in range(M):
        sides = []
        for side in (MEMBER[row], ~MEMBER[row]):
            if not side.any():
                break
            sides.append(restricted_mean(TIME[side], EVENT[side], 20.0))
        else:
            one = restricted_mean_contrast(*sides)
            for name, values in found.items():
                np.testing.assert_allclose(values[row], _number(getattr(one, name)), rtol=1e-12, err_msg=name)


def test_counts_at_each_time():
    table = time_table([3, 1, 3, 2, 9], [1, 1, 0, 0, 1], [[1, 1, 1, 1, 0]])
    assert table.time.tolist() == [[1, 2, 3, 3, np.inf]]
    assert table.n_risk.tolist() == [[4, 3, 2, 2, 0]]
    assert table.n_event.tolist() == [[1, 0, 1, 0, 0]]
    with pytest.raises(ValueError, match="infinity"):
        time_table([np.inf, 1], [1, 1], [[1, 1]])
