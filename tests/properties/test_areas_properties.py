"""What must hold of areas and quotients whatever the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correlates.stats.areas import DEFINED, window_areas
from correlates.stats.profiles import quotient

RULES = st.sampled_from(["linear", "linear_up_log_down", "log"])
VALUES = st.floats(0, 1e6, allow_nan=False).map(lambda x: x if x > 1e-6 else 0.0)


@st.composite
def profiles(draw: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    days = sorted(draw(st.sets(st.integers(0, 60), min_size=2, max_size=12)) | {0, 40})
    values = draw(st.lists(VALUES, min_size=len(days), max_size=len(days)))
    codes = draw(st.lists(st.sampled_from([0, 0, 0, -1]), min_size=len(days), max_size=len(days)))
    return np.array([days], float), np.array([values], float), np.array([codes], np.int8)


@given(profiles(), RULES, st.integers(1, 39))
@settings(max_examples=200, deadline=None)
def test_areas_of_adjoining_windows_add_up(profile: Any, rule: Any, cut: int) -> None:
    t, v, _ = profile
    c = np.zeros(t.shape, np.int8)
    valid = np.ones(t.shape, bool)

    def area(low: float, high: float) -> float:
        # a sample at the cut keeps every part computable; it lies on the curve itself
        found = window_areas(t, v, c, valid, window=(low, high), rule=rule)
        assert found.status[0] in {DEFINED, 1}
        return float(found.area[0]) if found.status[0] == DEFINED else float("nan")

    whole, first, second = area(0, 40), area(0, cut), area(cut, 40)
    if not np.isnan(first + second):
        assert first + second == pytest.approx(whole, rel=1e-9, abs=1e-9)


@given(profiles(), RULES, st.floats(1e-3, 1e3))
@settings(max_examples=200, deadline=None)
def test_area_scales_with_the_unit_and_is_never_negative(profile: Any, rule: Any, scale: float) -> None:
    t, v, c = profile
    valid = np.ones(t.shape, bool)
    one = window_areas(t, v, c, valid, window=(0.0, 28.0), rule=rule)
    two = window_areas(t, v * scale, c, valid, window=(0.0, 28.0), rule=rule)
    assert one.area[0] >= 0
    assert 0 <= one.share[0] <= 1 + 1e-12
    assert two.status[0] == one.status[0]
    assert two.area[0] == pytest.approx(one.area[0] * scale, rel=1e-9)


@given(profiles())
@settings(max_examples=100, deadline=None)
def test_log_areas_are_at_most_linear_ones(profile: Any) -> None:
    t, v, _ = profile
    c = np.zeros(t.shape, np.int8)
    valid = np.ones(t.shape, bool)
    linear, mixed, log = (
        window_areas(t, v, c, valid, window=(0.0, 40.0), rule=r).area[0]
        for r in ("linear", "linear_up_log_down", "log")
    )
    assert log <= mixed * (1 + 1e-12) + 1e-12
    assert mixed <= linear * (1 + 1e-12) + 1e-12


POSITIVE = st.floats(1e-3, 1e3)


@given(POSITIVE, POSITIVE, st.sampled_from([-1, 0, 1]), st.sampled_from([-1, 0, 1]), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=300, deadline=None)
def test_a_quotient_holds_for_every_truth_its_parts_allow(
    a: float, b: float, ca: int, cb: int, u: float, w: float
) -> None:
    def truth(limit: float, code: int, share: float) -> float:
        return {0: limit, -1: limit * max(share, 1e-6), 1: limit * (1 + 100 * share)}[code]

    one = np.ones(1)
    got = quotient(a * one, np.array([ca], np.int8), b * one, np.array([cb], np.int8))
    real = truth(a, ca, u) / truth(b, cb, w)
    if got.status[0] == 0:
        value = got.value[0]
        slack = 1e-12 * value
        assert {0: abs(real - value) <= slack, -1: real <= value + slack, 1: real >= value - slack}[
            int(got.censoring[0])
        ]
