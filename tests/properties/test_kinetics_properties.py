"""Every parameter of a time course: order of rows, units, signs, monotone in the data where theory says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.parameters.frames import measurements, run

from correlates.parameters.settings import Profile
from correlates.stats.areas import window_areas
from correlates.stats.censored_decline import censored_slopes
from correlates.stats.contraction import contractions
from correlates.stats.detection_loss import LOST, losses
from correlates.stats.profiles import last_quantifiable, peak
from correlates.stats.rebound import FOUND, rebounds
from correlates.stats.terminal import infinite_areas, terminal_slopes

KINDS = (
    "cmax",
    "tmax",
    "auc",
    "clast",
    "tlast",
    "n_quantifiable",
    "lambda_z",
    "half_life",
    "lambda_z_points",
    "lambda_z_r2",
    "half_life_tobit",
    "auc_inf",
    "contraction_half_life",
    "doubling_time",
    "fold_expansion",
    "second_peak",
    "second_peak_day",
    "re_expansion",
    "detectable_at",
    "last_positive",
    "first_negative",
)
OWN_UNIT = {"cmax", "auc", "clast", "auc_inf", "second_peak"}
SPECS = {k: Profile(take=k, of="car", at_end="stop_at_last", window=(0.0, 400.0)) for k in KINDS}  # type: ignore[arg-type]

times = st.lists(st.integers(-10, 380), min_size=0, max_size=12, unique=True)


@st.composite
def courses(draw: Any) -> list[tuple[float, float, str]]:
    """Samples of one subject, in any order, some below or above their limits."""
    days = draw(times)
    words = st.sampled_from(["none", "none", "none", "left", "left", "right"])
    return [(float(d), draw(st.floats(0.01, 1e4)), draw(words)) for d in days]


@settings(max_examples=8, deadline=None)
@given(st.lists(courses(), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_order_of_rows_units_and_signs(profiles: list[Any], random: Any) -> None:
    who = [f"S{i}" for i in range(len(profiles))]
    whole = measurements(dict(zip(who, profiles, strict=True)))
    if whole.is_empty():
        return
    base = run(SPECS, who, measurements=whole).parameters
    order = list(range(whole.height))
    random.shuffle(order)
    assert run(SPECS, who, measurements=whole[order]).parameters.equals(base)
    thousandfold = run(SPECS, who, measurements=whole.with_columns(pl.col("value") * 1000)).parameters
    for ours, theirs in zip(base.iter_rows(named=True), thousandfold.iter_rows(named=True), strict=True):
        assert (ours["reason"], ours["censoring"]) == (theirs["reason"], theirs["censoring"]), ours["code"]
        if ours["value"] is None:
            continue
        assert ours["value"] >= 0 or ours["code"] == "lambda_z_r2"  # adjusted R2 may be below 0
        factor = 1000 if ours["code"] in OWN_UNIT else 1
        assert np.isclose(theirs["value"], factor * ours["value"], rtol=1e-6, atol=1e-9), ours["code"]


def arrays(course: list[tuple[float, float, str]]) -> tuple[Any, Any, Any, Any]:
    rows = sorted(course)
    code = {"none": 0, "left": -1, "right": 1}
    t = np.array([[r[0] for r in rows]], dtype=float).reshape(1, len(rows))
    v = np.array([[r[1] for r in rows]], dtype=float).reshape(1, len(rows))
    c = np.array([[code[r[2]] for r in rows]], dtype=np.int8).reshape(1, len(rows))
    return t, v, c, np.ones(t.shape, bool)


@settings(max_examples=60, deadline=None)
@given(courses(), st.integers(0, 11), st.floats(1.0, 50.0), st.sampled_from(["linear", "linear_up_log_down"]))
def test_more_cells_are_more_exposure(course: Any, place: int, times_more: float, rule: Any) -> None:
    """A higher quantified value never lowers the peak, the last value, or the linear area."""
    quantified = [i for i, r in enumerate(sorted(course)) if r[2] == "none"]
    if not quantified:
        return
    t, v, c, ok = arrays(course)
    more = v.copy()
    more[0, quantified[place % len(quantified)]] *= times_more
    assert peak(t, more, c, ok).point.value[0] >= peak(t, v, c, ok).point.value[0]
    assert last_quantifiable(t, more, c, ok).value[0] >= last_quantifiable(t, v, c, ok).value[0]
    before, after = (
        window_areas(t, x, c, ok, window=(0.0, 400.0), rule=rule, at_end="stop_at_last") for x in (v, more)
    )
    assert before.status[0] == after.status[0]
    # a logarithmic trapezoid is never above the linear one, so raising an end may turn a linear rise into nothing higher
    if rule == "linear":
        assert after.area[0] >= before.area[0] * (1 - 1e-12)


@settings(max_examples=60, deadline=None)
@given(courses(), st.floats(0.1, 10.0))
def test_rates_do_not_depend_on_the_unit_of_the_values(course: Any, factor: float) -> None:
    t, v, c, ok = arrays(course)
    for kernel in (
        lambda x: terminal_slopes(t, x, c, ok).half_life,
        lambda x: contractions(t, x, c, ok, within=21.0).half_life,
        lambda x: censored_slopes(t, x, c, ok).half_life,
        lambda x: rebounds(t, x, c, ok, rise=3.0).rise,
    ):
        assert np.allclose(kernel(v * factor), kernel(v), rtol=1e-6)


@settings(max_examples=100, deadline=None)
@given(courses())
def test_what_the_parameters_say_of_each_other(course: Any) -> None:
    t, v, c, ok = arrays(course)
    whole, part = infinite_areas(t, v, c, ok, window=(0.0, 400.0)), losses(t, v, c, ok & (t > 0))
    to_last = window_areas(t, v, c, ok, window=(0.0, 400.0), at_end="stop_at_last", after="drop")
    if whole.status[0] == 0 and to_last.status[0] == 0:
        assert whole.area[0] >= to_last.area[0] * (1 - 1e-9)
    if part.status[0] == LOST:
        assert 0 < part.last_positive.time[0] < part.first_negative.time[0]
    second = rebounds(t, v, c, ok, rise=3.0)
    if second.status[0] == FOUND:
        assert second.first.time[0] < second.nadir.time[0] < second.second.time[0]
        assert second.rise[0] >= 3
        assert second.first.value[0] >= 3 * second.nadir.value[0]
    # a stricter rule finds no more second peaks
    assert (rebounds(t, v, c, ok, rise=10.0).status[0] == FOUND) <= (second.status[0] == FOUND)


@settings(max_examples=60, deadline=None)
@given(st.floats(2.0, 60.0), st.floats(1.0, 200.0), st.floats(0.05, 2.0))
def test_an_exponential_with_values_below_the_limit_gives_its_half_life(half: float, top: float, limit: float) -> None:
    days = np.array([[7.0, 10, 14, 21, 28, 60, 90, 180]])
    values = top * 2 ** (-(days - 7) / half)
    below = values < limit
    found = censored_slopes(days, np.where(below, limit, values), np.where(below, -1, 0).astype(np.int8), days > 0)
    if (~below).sum() >= 4:
        assert np.isclose(found.half_life[0], half, rtol=1e-6)
