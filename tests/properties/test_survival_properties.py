"""What must hold of survival statistics whatever the data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correlates.stats.competing_risks import cumulative_incidence, gray_test
from correlates.stats.concordance import concordance
from correlates.stats.cox import cox_model, cox_screen
from correlates.stats.cutpoint import log_rank_scores, maximally_selected
from correlates.stats.kaplan_meier import kaplan_meier, quantile
from correlates.stats.landmark import split_at_change
from correlates.stats.log_rank import log_rank
from correlates.stats.restricted_mean import restricted_mean


@st.composite
def trials(draw: st.DrawFn) -> dict[str, np.ndarray]:
    """Times on a grid (ties), censoring, three groups, a covariate with ties, delayed entry."""
    n = draw(st.integers(6, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    grid = draw(st.sampled_from([0.5, 1.0, 4.0]))
    time = np.ceil(rng.exponential(10, n) / grid) * grid
    return {
        "time": time,
        "event": rng.random(n) < draw(st.floats(0.1, 1.0)),
        "group": rng.integers(0, 3, n),
        "x": np.round(rng.normal(size=n), draw(st.integers(0, 2))),
        "entry": time * np.floor(rng.random(n) * 3) / 4,
        "cause": rng.integers(0, 3, n),
    }


def _everything(d: dict[str, np.ndarray], scale: float = 1.0) -> list[float]:
    """Numbers that do not depend on the order of the subjects, nor (but for times, divided here) on the unit of time."""
    time, entry = d["time"] * scale, d["entry"] * scale
    curve = kaplan_meier(time, d["event"], entry)
    middle = quantile(curve)
    mean = restricted_mean(time, d["event"], float(time.max()))
    screened = cox_screen(d["x"], time, d["event"], entry=entry, penalty="firth")
    incidence = cumulative_incidence(time, d["cause"], 2)
    gray = gray_test(time, d["cause"], d["group"], 3)
    best = maximally_selected(d["x"], log_rank_scores(time, d["event"]))
    rank = log_rank(time, d["event"], d["group"], 3, entry=entry, rho=0.5)
    values = [
        *curve.survival,
        *curve.lower,
        *(np.nan if v is None else v / scale for v in (middle.estimate, middle.lower, middle.upper)),
        np.nan if mean.estimate is None else mean.estimate / scale,
        rank.chi_square,
        rank.p_value,
        screened.coefficient[0],
        screened.p_value[0],
        float(screened.monotone[0]),
        concordance(d["x"], time, d["event"]).c[0],
        *incidence.incidence.ravel(),
        *incidence.standard_error.ravel(),
        gray.chi_square,
        best.statistic,
        best.p_hothorn_lausen,
    ]
    return [np.nan if v is None else float(v) for v in values]


@given(d=trials(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_subjects_does_not_matter(d: dict[str, np.ndarray], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(d["time"].size)
    other = {k: v[order] for k, v in d.items()}
    assert _everything(other) == pytest.approx(_everything(d), rel=1e-6, abs=1e-8, nan_ok=True)


@given(d=trials(), power=st.integers(-6, 6))
@settings(max_examples=40, deadline=None)
def test_the_unit_of_time_does_not_matter(d: dict[str, np.ndarray], power: int) -> None:
    """Powers of two, so that ties and strict inequalities survive the multiplication."""
    assert _everything(d, 2.0**power) == pytest.approx(_everything(d), rel=1e-6, abs=1e-8, nan_ok=True)


@given(d=trials(), more=st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_follow_up_after_the_last_event_changes_no_test(d: dict[str, np.ndarray], more: int) -> None:
    """Those censored after the last event may be followed longer: risk sets at events stay the same."""
    last = d["time"][d["event"]].max(initial=0)
    longer = np.where(~d["event"] & (d["time"] >= last), d["time"] + more, d["time"])
    before, after = (log_rank(t, d["event"], d["group"], 3) for t in (d["time"], longer))
    assert after.df == before.df
    assert (after.chi_square or 0.0) == pytest.approx(before.chi_square or 0.0)
    a, b = (cox_screen(d["x"], t, d["event"]) for t in (d["time"], longer))
    assert b.coefficient[0] == pytest.approx(a.coefficient[0], nan_ok=True)
    assert kaplan_meier(longer, d["event"]).survival == pytest.approx(kaplan_meier(d["time"], d["event"]).survival)


@given(d=trials(), shift=st.floats(-100, 100), scale=st.floats(1e-3, 1e3))
@settings(max_examples=40, deadline=None)
def test_the_unit_of_the_biomarker_does_not_matter(d: dict[str, np.ndarray], shift: float, scale: float) -> None:
    for penalty in ("none", "firth"):
        one = cox_screen(d["x"], d["time"], d["event"], penalty=penalty)
        other = cox_screen(shift + scale * d["x"], d["time"], d["event"], penalty=penalty)
        assert other.monotone[0] == one.monotone[0]
        assert other.coefficient[0] * scale == pytest.approx(one.coefficient[0], rel=1e-4, abs=1e-6, nan_ok=True)
        assert other.p_value[0] == pytest.approx(one.p_value[0], rel=1e-4, nan_ok=True)


@given(d=trials())
@settings(max_examples=60, deadline=None)
def test_turning_the_biomarker_round_turns_the_answer_round(d: dict[str, np.ndarray]) -> None:
    one, other = (cox_screen(s * d["x"], d["time"], d["event"]) for s in (1, -1))
    assert other.coefficient[0] == pytest.approx(-one.coefficient[0], abs=1e-8, nan_ok=True)
    assert other.lower[0] == pytest.approx(-one.upper[0], abs=1e-6, nan_ok=True)
    assert other.monotone[0] == -one.monotone[0]
    forward, back = (concordance(s * d["x"], d["time"], d["event"]).c[0] for s in (1, -1))
    assert np.isnan(forward) == np.isnan(back)
    assert np.isnan(forward) or forward + back == pytest.approx(1)


@given(d=trials())
@settings(max_examples=60, deadline=None)
def test_a_maximum_or_a_monotone_likelihood(d: dict[str, np.ndarray]) -> None:
    """Every model is one of: estimated with a limit on both sides, monotone, constant. The general model agrees with the screen."""
    found = cox_screen(d["x"], d["time"], d["event"], entry=d["entry"])
    states = [bool(found.converged[0]), bool(found.monotone[0] != 0), bool(found.constant[0])]
    assert sum(states) == 1
    if found.converged[0]:
        assert found.lower[0] < found.coefficient[0] < found.upper[0]
    model = cox_model(d["x"][:, None], d["time"], d["event"], entry=d["entry"])
    assert [model.converged, model.monotone, not model.full_rank] == states


@given(d=trials(), at=st.floats(0.05, 0.95))
@settings(max_examples=30, deadline=None)
def test_cutting_follow_up_into_rows_changes_nothing(d: dict[str, np.ndarray], at: float) -> None:
    """A split where nothing changes: the same risk sets, the same fit."""
    rows = split_at_change(d["time"], d["event"], d["time"] * at, np.ones(d["time"].size))
    whole = cox_screen(d["x"], d["time"], d["event"])
    cut = cox_screen(d["x"][rows.subject], rows.stop, rows.event, entry=rows.start)
    for name in ("coefficient", "standard_error", "lower", "upper", "p_value", "log_likelihood"):
        assert getattr(cut, name)[0] == pytest.approx(getattr(whole, name)[0], rel=1e-6, abs=1e-8, nan_ok=True)
    curve, again = kaplan_meier(d["time"], d["event"]), kaplan_meier(rows.stop, rows.event, rows.start)
    assert again.survival == pytest.approx(curve.survival)
    assert again.n_risk.tolist() == curve.n_risk.tolist()
