"""Areas under profiles: hand-computed numbers and the rules at the ends of a window."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from correlates.stats.areas import (
    DEFINED,
    LINEAR,
    LOG,
    NO_INTERVAL,
    NO_SAMPLE,
    NOT_COVERED,
    TOO_FEW,
    WindowAreas,
    interval_rules,
    substitute,
    window_areas,
)


def area(points: list[tuple[float, float]], censoring: list[int] | None = None, **settings: Any) -> WindowAreas:
    t = np.array([[p[0] for p in points]], dtype=float).reshape(1, len(points))
    v = np.array([[p[1] for p in points]], dtype=float).reshape(1, len(points))
    c = np.array([censoring or [0] * len(points)], dtype=np.int8)
    return window_areas(t, v, c, np.ones(t.shape, dtype=bool), **({"window": (0.0, 28.0)} | settings))


def test_linear_triangle_by_hand() -> None:
    # 0 to 10 in 4 days (20), 10 to 2 in 4 days (24), flat 2 for 20 days (40)
    found = area([(0, 0), (4, 10), (8, 2), (28, 2)], rule="linear")
    assert found.area[0] == pytest.approx(84.0, rel=1e-15)


def test_log_decline_by_hand() -> None:
    # halving every 7 days from 8: the integral of 8 * 2^(-t/7) over 21 days is 8 * 7 / ln 2 * (1 - 1/8)
    found = area([(0, 8), (7, 4), (14, 2), (21, 1)], window=(0.0, 21.0))
    assert found.area[0] == pytest.approx(49 / math.log(2), rel=1e-14)


def test_log_rule_is_exact_for_exponential_growth_and_decline() -> None:
    # growth from 1 to e^2 over 4 days (rate 1/2), decline back over 8 days (rate 1/4)
    found = area([(0, 1), (4, math.e**2), (12, 1)], rule="log", window=(0.0, 12.0))
    assert found.area[0] == pytest.approx(6 * (math.e**2 - 1), rel=1e-14)


def test_interval_rules_are_values_that_can_be_read() -> None:
    times = np.array([[0.0, 1, 2, 3, 4, 5]])
    values = np.array([[0.0, 5, 8, 4, 4, 0]])
    valid = np.array([[True, True, True, True, True, False]])
    peak = np.array([2.0])
    read = {
        rule: interval_rules(values, valid, times, rule=rule, peak_time=peak)[0].tolist()
        for rule in ("linear", "linear_up_log_down", "linear_log", "log")
    }
    assert read == {
        "linear": [LINEAR, LINEAR, LINEAR, LINEAR, NO_INTERVAL],
        "linear_up_log_down": [LINEAR, LINEAR, LOG, LINEAR, NO_INTERVAL],
        "linear_log": [LINEAR, LINEAR, LOG, LINEAR, NO_INTERVAL],
        "log": [LINEAR, LOG, LOG, LINEAR, NO_INTERVAL],
    }


def test_window_end_is_interpolated_by_the_rule_of_its_interval() -> None:
    # halving every 14 days from 8 at day 21 to 2 at day 49: sqrt(2) * 4 at day 28
    points = [(0.0, 8.0), (21.0, 8.0), (49.0, 2.0)]
    logarithmic = area(points)
    linear = area(points, rule="linear")
    at_28 = 8 * 2 ** (-7 / 14)
    assert logarithmic.area[0] == pytest.approx(8 * 21 + (8 - at_28) * 14 / math.log(2), rel=1e-14)
    assert linear.area[0] == pytest.approx(8 * 21 + 7 * (8 + 6.5) / 2, rel=1e-14)
    assert logarithmic.last_time[0] == 49


@pytest.mark.parametrize(
    ("at_end", "status", "value"),
    [("interpolate", NOT_COVERED, 0.0), ("stop_at_last", DEFINED, 100.0), ("null", NOT_COVERED, 0.0)],
)
def test_profile_that_ends_before_the_window(at_end: str, status: int, value: float) -> None:
    found = area([(0, 10), (10, 10)], at_end=at_end)
    assert (found.status[0], found.area[0]) == (status, pytest.approx(value))


def test_end_null_wants_a_sample_on_the_day() -> None:
    assert area([(0, 10), (14, 10), (60, 10)], at_end="null").status[0] == NOT_COVERED
    assert area([(0, 10), (14, 10), (28, 10), (60, 10)], at_end="null").area[0] == pytest.approx(280.0)


@pytest.mark.parametrize(
    ("at_start", "status", "value"),
    # first sample on day 4, 10 flat to day 28; a sample of 2 on day -4
    [
        ("zero", DEFINED, 4 * 5 + 240),
        ("interpolate", DEFINED, 4 * (6 + 10) / 2 + 240),
        ("first_sample", DEFINED, 240),
        ("null", NOT_COVERED, 0),
    ],
)
def test_area_before_the_first_sample(at_start: str, status: int, value: float) -> None:
    found = area([(-4, 2), (4, 10), (28, 10)], at_start=at_start, rule="linear")
    assert (found.status[0], found.area[0]) == (status, pytest.approx(value))


def test_interpolated_start_needs_an_earlier_sample() -> None:
    assert area([(4, 10), (28, 10)], at_start="interpolate").status[0] == NOT_COVERED


def test_zero_start_stands_at_day_0_even_for_a_later_window() -> None:
    # from (0, 0) to (8, 16) the line is at 8 on day 4
    found = area([(8, 16), (12, 16)], window=(4.0, 12.0), rule="linear", at_start="zero")
    assert found.area[0] == pytest.approx(4 * 12 + 64)


def test_no_dose_time_point_is_invented() -> None:
    """Without a sample on or before day 0 there is no area from day 0; the last one before it stands for day 0."""
    assert area([(8, 16), (28, 16)]).status[0] == NOT_COVERED
    assert area([(8, 16), (28, 16)], at_start="first_sample").area[0] == pytest.approx(320.0)
    moved = area([(-9, 50), (-3, 4), (8, 16), (28, 16)], rule="linear")
    assert moved.area[0] == pytest.approx(8 * 10 + 320)
    assert moved.used.tolist() == [[False, True, True, True]]
    replaced = area([(-3, 4), (0, 8), (8, 16), (28, 16)], rule="linear")
    assert replaced.area[0] == pytest.approx(8 * 12 + 320)
    below = area([(-3, 4), (8, 16), (28, 16)], [-1, 0, 0], rule="linear")
    assert below.area[0] == pytest.approx(8 * 8 + 320)  # below its limit before the first quantifiable value: zero
    assert area([(-3, 4), (8, 16), (28, 16)], rule="linear", window=(4.0, 28.0)).area[0] == pytest.approx(4 * 13 + 320)
    assert area([(8, 16), (28, 16)], window=(8.0, 28.0)).area[0] == pytest.approx(320.0)


def test_sample_on_day_0_replaces_the_zero() -> None:
    assert area([(0, 10), (28, 10)]).area[0] == pytest.approx(280.0)


def test_a_later_window_is_interpolated_with_the_sample_before_it() -> None:
    assert area([(0, 10), (6, 10), (28, 10)], window=(4.0, 8.0)).area[0] == pytest.approx(40.0)


@pytest.mark.parametrize(
    ("points", "status"),
    [([], NO_SAMPLE), ([(-3, 4), (40, 4)], NO_SAMPLE), ([(7, 4)], TOO_FEW)],
)
def test_too_little_to_integrate(points: list[tuple[float, float]], status: int) -> None:
    found = area(points, at_end="stop_at_last")
    assert (found.status[0], found.area[0], found.censoring[0]) == (status, 0, 0)


def test_substitution_by_place() -> None:
    values = np.array([[2.0, 10, 4, 10, 6, 8, 3]])
    codes = np.array([[-1, 0, -1, 0, -1, -1, -1]], dtype=np.int8)
    use = np.array([[True] * 6 + [False]])
    got, keep = substitute(values, codes, use, before="limit", between="half", after="limit")
    assert got[0, :6].tolist() == [2, 10, 2, 10, 6, 0]
    assert keep[0].tolist() == [True] * 6 + [False]
    _, keep = substitute(values, codes, use, before="drop", between="drop", after="drop")
    assert keep[0].tolist() == [False, True, False, True, False, False, False]


def test_place_is_judged_among_the_samples_used() -> None:
    # the value below the limit on day 28 is the last of the window: after, not between, whatever day 60 shows
    points, codes = [(0.0, 8.0), (14.0, 8.0), (28.0, 2.0), (60.0, 8.0)], [0, 0, -1, 0]
    found = area(points, codes, rule="linear", between="limit", after="zero")
    assert found.area[0] == pytest.approx(14 * 8 + 14 * 4)
    assert found.last_time[0] == 28


def test_nothing_quantifiable_is_at_most_the_area_under_the_limits() -> None:
    found = area([(0, 2), (14, 2), (28, 4)], [-1, -1, -1])
    assert (found.censoring[0], found.area[0], found.share[0]) == (-1, pytest.approx(28 + 42), pytest.approx(1))


def test_a_value_above_the_upper_limit_makes_a_lower_bound() -> None:
    found = area([(0, 0), (14, 100), (28, 0)], [0, 1, 0])
    assert (found.censoring[0], found.area[0]) == (1, pytest.approx(1400.0))


def test_share_next_to_substituted_values() -> None:
    # 0-10 triangle to the day-14 value touches the first sample: 70 of 70 + 140
    found = area([(0, 2), (14, 10), (28, 10)], [-1, 0, 0], rule="linear")
    assert found.share[0] == pytest.approx(70 / 210)


def test_negative_values_count_as_zero() -> None:
    assert area([(0, -5), (14, 10), (28, -5)], rule="linear").area[0] == pytest.approx(140.0)


def test_padding_is_never_read() -> None:
    t = np.array([[0.0, 14, 28, 0, 0], [0.0, 7, 14, 21, 28]])
    v = np.array([[2.0, 2, 2, 1e9, -1e9], [1.0, 1, 1, 1, 1]])
    valid = np.array([[True] * 3 + [False] * 2, [True] * 5])
    found = window_areas(t, v, np.zeros(t.shape, np.int8), valid, window=(0.0, 28.0))
    assert found.area.tolist() == pytest.approx([56.0, 28.0])
    assert not found.used[0, 3:].any()


def test_values_far_apart_and_close_together() -> None:
    tiny = area([(0, 1e-300), (28, 1e-300 * (1 + 1e-12))], rule="log")
    assert tiny.area[0] == pytest.approx(28e-300, rel=1e-11)
    wide = area([(0, 1e150), (28, 1e-150)])
    assert wide.area[0] == pytest.approx(28e150 / (300 * math.log(10)), rel=1e-12)
