"""Kaplan-Meier and restricted means against lifelines, and at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from lifelines import KaplanMeierFitter
from lifelines.utils import restricted_mean_survival_time

from correlates.stats.kaplan_meier import (
    Interval,
    kaplan_meier,
    number_at_risk,
    quantile,
    reverse_kaplan_meier,
    survival_at,
)
from correlates.stats.restricted_mean import restricted_mean, restricted_mean_contrast


def _sample(seed=1, n=80):
    rng = np.random.default_rng(seed)
    time = np.round(rng.exponential(10, n), 0) + 1
    return time, rng.random(n) < 0.6, np.floor(time * rng.random(n) * 0.7) - 0.5


def test_as_lifelines():
    time, event, _ = _sample()
    curve = kaplan_meier(time, event)
    other = KaplanMeierFitter().fit(time, event)
    assert curve.survival == pytest.approx(other.predict(curve.time).to_numpy(), rel=1e-10)
    band = other.confidence_interval_.loc[curve.time].to_numpy()
    above = curve.survival > 0  # at 0 it gives 0 and 0, we give none
    assert curve.lower[above] == pytest.approx(band[above, 0], rel=1e-8)
    assert curve.upper[above] == pytest.approx(band[above, 1], rel=1e-8)
    assert np.isnan(curve.lower[~above]).all()
    mean = restricted_mean(time, event, 20)
    assert mean.estimate == pytest.approx(restricted_mean_survival_time(other, t=20), rel=1e-10)


def test_delayed_entry_as_lifelines():
    time, event, entry = _sample()
    curve = kaplan_meier(time, event, entry)
    other = KaplanMeierFitter().fit(time, event, entry=entry)
    assert curve.survival == pytest.approx(other.predict(curve.time).to_numpy(), rel=1e-10)
    assert number_at_risk(time, curve.time, entry).tolist() == curve.n_risk.tolist()


def test_limits_lie_on_their_scales():
    time, event, _ = _sample(2)
    curves = {kind: kaplan_meier(time, event, interval=kind, level=0.9) for kind in Interval}
    for kind, curve in curves.items():
        inside = ~np.isnan(curve.lower)
        assert (curve.lower[inside] >= 0).all(), kind
        assert (curve.lower <= curve.survival)[inside].all(), kind
        assert (curve.survival <= curve.upper)[inside].all(), kind
        assert (curve.upper[inside] <= 1).all(), kind
    log = curves[Interval.LOG]
    free = (log.upper < 1) & (log.survival > 0)
    assert (log.lower * log.upper)[free] == pytest.approx((log.survival**2)[free])
    twice = curves[Interval.LOG_LOG]
    middle = np.log(-np.log(twice.survival[:-1]))
    assert (np.log(-np.log(twice.lower)) + np.log(-np.log(twice.upper)))[:-1] == pytest.approx(2 * middle)


def test_numbers_at_risk():
    time = [5, 10, 10, 20]
    assert number_at_risk(time, [0, 5, 5.1, 10, 20, 21]).tolist() == [4, 4, 3, 3, 1, 0]
    assert number_at_risk(time, [0, 3, 10], [0, 0, 3, 10]).tolist() == [0, 2, 2]


def test_survival_between_and_beyond():
    curve = kaplan_meier([2, 4, 6], [1, 0, 0])
    found = survival_at(curve, [1, 2, 5, 6, 6.1])
    assert found.survival[:4] == pytest.approx([1, 2 / 3, 2 / 3, 2 / 3])
    assert (found.lower[0], found.upper[0]) == (1, 1)
    assert np.isnan(found.survival[4])
    over = survival_at(kaplan_meier([2, 4], [1, 1]), [100.0])
    assert over.survival[0] == 0
    assert np.isnan(over.lower[0])


def test_nobody_and_nothing():
    empty = kaplan_meier([], [])
    assert (empty.n, empty.n_events, empty.last, empty.time.size) == (0, 0, None, 0)
    assert quantile(empty).estimate is None
    assert np.isnan(survival_at(empty, [1.0]).survival[0])
    assert restricted_mean([], [], 5).estimate is None
    censored = kaplan_meier([3, 5], [0, 0])
    assert survival_at(censored, 4).survival[0] == 1
    assert quantile(censored).estimate is None
    assert quantile(reverse_kaplan_meier([3, 5], [0, 0])).estimate == 4
    tied = kaplan_meier([4, 4, 4], [1, 1, 1])
    assert tied.survival.tolist() == [0]
    assert np.isnan(tied.lower[0])
    assert quantile(tied).estimate == 4
    assert quantile(tied).upper is None


def test_restricted_mean_beyond_the_follow_up():
    assert restricted_mean([3, 5], [1, 0], 6).estimate is None
    ended = restricted_mean([3, 5], [0, 1], 6)  # the curve has reached 0: nothing is left beyond
    assert ended.estimate == 5
    unknown = restricted_mean_contrast(ended, restricted_mean([3, 5], [1, 0], 6))
    assert unknown.difference is None
    assert unknown.p_value is None
    none = restricted_mean([7, 8], [0, 0], 6)
    flat = restricted_mean_contrast(none, none)
    assert (flat.difference, flat.ratio, flat.p_value) == (0, 1, None)


@pytest.mark.parametrize(
    ("time", "event", "entry"),
    [
        ([1.0, np.nan], [1, 0], None),
        ([1.0, 2.0], [1, 2], None),
        ([1.0, 2.0], [1, 0], [0.0, 2.0]),
        ([1.0, 2.0], [1], None),
        ([[1.0, 2.0]], [[1, 0]], None),
    ],
)
def test_refused(time, event, entry):
    with pytest.raises(ValueError, match=r"."):
        kaplan_meier(time, event, entry)


def test_settings_refused():
    with pytest.raises(ValueError, match="level"):
        kaplan_meier([1], [1], level=95)
    with pytest.raises(ValueError, match="probability"):
        quantile(kaplan_meier([1], [1]), 50)
    with pytest.raises(ValueError, match="horizon"):
        restricted_mean([1], [1], 0)
    with pytest.raises(ValueError, match="below 0"):
        restricted_mean([-1, 2], [1, 1], 1)
    with pytest.raises(ValueError, match="differ"):
        restricted_mean_contrast(restricted_mean([1], [1], 1), restricted_mean([1], [1], 2))
