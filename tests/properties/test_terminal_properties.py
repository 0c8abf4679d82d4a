"""What must hold of terminal lines and doubling times whatever the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import linregress

from correlates.stats.areas import window_areas
from correlates.stats.expansion import expansions
from correlates.stats.terminal import DEFINED, NOT_DECLINING, infinite_areas, terminal_slopes


@st.composite
def profiles(draw: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    days = sorted(draw(st.sets(st.integers(0, 180), min_size=1, max_size=12)))
    values = draw(st.lists(st.floats(1e-3, 1e6), min_size=len(days), max_size=len(days)))
    codes = draw(st.lists(st.sampled_from([0, 0, 0, 0, -1]), min_size=len(days), max_size=len(days)))
    t, v = np.array([days], float), np.array([values], float)
    return t, v, np.array([codes], np.int8), np.ones(t.shape, bool)


@given(profiles())
@settings(max_examples=300, deadline=None)
def test_the_line_is_the_best_of_all_that_can_be_drawn(profile: Any) -> None:
    """Every line drawn one by one with another program's regression."""
    t, v, c, valid = profile
    found = terminal_slopes(t, v, c, valid)
    seen = c[0] == 0
    days, values = t[0][seen], v[0][seen]
    days, values = (days[np.argmax(values) + 1 :], values[np.argmax(values) + 1 :]) if seen.any() else (days, values)
    if found.status[0] not in {DEFINED, NOT_DECLINING}:
        assert days.size < 3
        return
    lines = {}
    for n in range(3, days.size + 1):
        if np.ptp(np.log(values[-n:])) > 1e-6:
            line = linregress(days[-n:], np.log(values[-n:]))
            lines[n] = (float(line.slope), 1 - (1 - line.rvalue**2) * (n - 1) / (n - 2))
    if found.status[0] == NOT_DECLINING:
        best = max((r2 for _, r2 in lines.values()), default=0.0)
        assert all(slope > -1e-9 for slope, r2 in lines.values() if r2 > best - 0.99e-4)
        return
    if int(found.n_points[0]) not in lines:
        return  # values equal to six digits: another program's R2 is rounding
    slope, r2 = lines[int(found.n_points[0])]
    assert found.lambda_z[0] == pytest.approx(-slope, rel=1e-6, abs=1e-12)
    assert found.adjusted_r2[0] == pytest.approx(r2, rel=1e-6, abs=1e-6)
    assert r2 > max(r for _, r in lines.values()) - 1.01e-4


@given(profiles(), st.integers(-10, 10), st.integers(-3, 3))
@settings(max_examples=200, deadline=None)
def test_rates_do_not_know_the_unit_or_the_first_day(profile: Any, power: int, weeks: int) -> None:
    t, v, c, valid = profile
    for kernel, name in ((terminal_slopes, "half_life"), (expansions, "doubling_time")):
        one, two = kernel(t, v, c, valid), kernel(t + 7 * weeks, v * 2.0**power, c, valid)
        near = getattr(one, name)[0] > 1e6  # almost level: whether it declines hangs on rounding
        assert near or one.status[0] == two.status[0]
        if not near and one.n_points[0] == two.n_points[0]:
            assert getattr(two, name)[0] == pytest.approx(getattr(one, name)[0], rel=1e-6)


@given(st.floats(0.5, 100), st.integers(4, 12), st.floats(1e-3, 1e6))
@settings(max_examples=100, deadline=None)
def test_an_exponential_is_found_and_its_area_is_closed(half_life: float, n: int, start: float) -> None:
    t = np.arange(n, dtype=float)[None, :] * half_life / 2
    v = start * 2.0 ** (-t / half_life)
    got = infinite_areas(t, v, np.zeros(t.shape, np.int8), np.ones(t.shape, bool), window=(0.0, 1e4))
    assert got.slopes.half_life[0] == pytest.approx(half_life, rel=1e-9)
    assert got.slopes.n_points[0] == n - 1
    assert got.area[0] == pytest.approx(start * half_life / np.log(2), rel=1e-9)
    assert got.share[0] == pytest.approx(2.0 ** (-(n - 1) / 2), rel=1e-9)


@given(profiles())
@settings(max_examples=200, deadline=None)
def test_an_area_to_infinity_is_more_than_the_one_to_the_last_value(profile: Any) -> None:
    t, v, c, valid = profile
    got = infinite_areas(t, v, c, valid, window=(0.0, 180.0))
    if got.status[0] == DEFINED:
        until = valid & (t <= got.slopes.last_time[0])
        part = window_areas(t, v, c, until, window=(0.0, 180.0), after="drop", at_end="stop_at_last").area[0]
        assert got.area[0] > part
        assert part == pytest.approx(got.area[0] * (1 - got.share[0]), rel=1e-9)
        assert (got.slopes.used <= got.used).all()


@given(st.lists(profiles(), min_size=2, max_size=5))
@settings(max_examples=50, deadline=None)
def test_a_profile_does_not_know_the_others_of_its_batch(several: Any) -> None:
    k = max(p[0].shape[1] for p in several)

    def padded(i: int, fill: float) -> np.ndarray:
        return np.vstack([np.pad(p[i], ((0, 0), (0, k - p[i].shape[1])), constant_values=fill) for p in several])

    whole = infinite_areas(padded(0, 0), padded(1, -5), padded(2, 1), padded(3, False), window=(0.0, 180.0))
    alone = [infinite_areas(*p, window=(0.0, 180.0)) for p in several]
    assert whole.status.tolist() == [int(a.status[0]) for a in alone]
    assert whole.area == pytest.approx(np.array([a.area[0] for a in alone]), rel=1e-9)
