"""Turnbull's estimate: by hand, published, against Kaplan-Meier, and the conditions of the maximum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter

from correlates.stats.turnbull import beyond, innermost, turnbull


def test_innermost_intervals_by_hand() -> None:
    lower, upper = innermost(np.array([0.0, 1.0, 4.0]), np.array([2.0, 3.0, np.inf]))
    assert (lower.tolist(), upper.tolist()) == ([1.0, 4.0], [2.0, np.inf])
    # open on the left: (0, 7] and (7, 14] do not meet
    lower, upper = innermost(np.array([0.0, 7.0]), np.array([7.0, 14.0]))
    assert (lower.tolist(), upper.tolist()) == ([0.0, 7.0], [7.0, 14.0])


def test_disjoint_intervals_are_counted() -> None:
    found = turnbull([0, 0, 7, 7, 7, 14], [7, 7, 14, 14, 14, np.inf])
    assert found.mass == pytest.approx([2 / 6, 3 / 6, 1 / 6], abs=1e-7)
    assert found.after == pytest.approx([4 / 6, 1 / 6, 0], abs=1e-7)
    assert found.converged


def test_overlapping_intervals_by_hand() -> None:
    """(0, 2], (1, 3], (2, inf): mass p on (1, 2] and q on (2, 3]; the likelihood p (p + q) q is largest at one half each."""
    found = turnbull([0, 1, 2], [2, 3, np.inf])
    assert found.lower.tolist() == [1.0, 2.0]
    assert found.upper.tolist() == [2.0, 3.0]
    assert found.mass == pytest.approx([0.5, 0.5], abs=1e-6)


def test_right_censored_only_at_visits_is_kaplan_meier() -> None:
    lower = np.array([0, 7, 7, 14, 14, 28, 28, 28])
    upper = np.array([7, 14, np.inf, 28, np.inf, np.inf, np.inf, np.inf])
    found = turnbull(lower, upper)
    event = np.isfinite(upper)
    time = np.where(event, upper, lower + 0.5)
    fit = KaplanMeierFitter().fit(time, event)
    for t in (7.0, 14.0, 28.0):
        assert beyond(found, t).high[0] == pytest.approx(fit.predict(t), abs=1e-6)


def test_breast_cosmesis_as_published() -> None:
    """Finkelstein and Wolfe 1985, radiotherapy alone: 46 women, months to retraction.

    The masses are those that R's ``interval::icfit`` prints, to its four decimals.
    """
    text = """45- 6,10 0,7 46- 46- 7,16 17- 7,14 37,44 0,8 4,11 15- 11,15 22- 46- 46- 25,37 46- 26,40 46- 27,34 36,44 46- 36,48 37-
    40- 17,25 46- 11,18 38- 5,12 37- 0,5 18- 24- 36- 5,11 19,35 17,25 24- 32- 33- 19,26 37- 34- 36-"""
    words = text.split()
    lower, upper = np.array([(float(w[:-1]), np.inf) if "-" in w else tuple(map(float, w.split(","))) for w in words]).T
    assert lower.size == 46
    found = turnbull(lower, upper)
    assert found.converged
    carrying = found.mass > 1e-4
    assert list(zip(found.lower[carrying], found.upper[carrying], strict=True)) == [
        (4, 5),
        (6, 7),
        (7, 8),
        (11, 12),
        (24, 25),
        (33, 34),
        (38, 40),
        (46, 48),
    ]
    published = [0.0463, 0.0334, 0.0887, 0.0708, 0.0926, 0.0818, 0.1209, 0.4656]
    assert found.mass[carrying] == pytest.approx(published, abs=5e-5)


def test_bounds_inside_an_interval() -> None:
    found = turnbull([0, 0, 7], [7, 7, np.inf], draws=200, seed=3)
    inside = beyond(found, [0.0, 3.0, 7.0, 8.0])
    assert inside.high == pytest.approx([1, 1, 1 / 3, 1 / 3], abs=1e-6)
    assert inside.low == pytest.approx([1, 1 / 3, 1 / 3, 0], abs=1e-6)
    assert (found.after_lower[0] <= found.after[0] <= found.after_upper[0]) is np.True_


def test_draws_are_those_of_the_seed() -> None:
    args = ([0, 0, 7, 14, 14], [7, 14, 14, 28, np.inf])
    one, same, other = (turnbull(*args, draws=50, seed=s) for s in (1, 1, 2))
    assert one.after_lower.tolist() == same.after_lower.tolist()
    assert (
        one.after_lower.tolist() != other.after_lower.tolist() or one.after_upper.tolist() != other.after_upper.tolist()
    )


def test_none_and_nonsense() -> None:
    assert turnbull([], []).mass.size == 0
    with pytest.raises(ValueError, match="begin before it ends"):
        turnbull([3.0], [3.0])
    with pytest.raises(ValueError, match="begin before it ends"):
        turnbull([np.nan], [3.0])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(1, 9)), min_size=1, max_size=12), st.randoms())
def test_properties(pairs: list[tuple[int, int]], random: object) -> None:
    lower = np.array([float(a) for a, _ in pairs])
    upper = np.array([np.inf if b == 9 else float(a + b) for a, b in pairs])
    found = turnbull(lower, upper)
    assert found.mass.sum() == pytest.approx(1.0, abs=1e-6)
    assert (found.mass >= 0).all()
    assert (np.diff(found.after) <= 1e-12).all()
    order = np.random.default_rng(0).permutation(lower.size)
    assert turnbull(lower[order], upper[order]).after == pytest.approx(found.after, abs=1e-9)
    # time in other units
    scaled = turnbull(lower * 30, upper * 30)
    assert scaled.after == pytest.approx(found.after, abs=1e-9)
    assert scaled.upper == pytest.approx(found.upper * 30)
