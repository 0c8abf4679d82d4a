"""The half-life with values below the limit: another program, by hand, and what is undefined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from lifelines import LogNormalAFTFitter

from correlates.stats import censored_decline as module
from correlates.stats.censored_decline import censored_slopes

DECLINE = [
    (3.0, 20.0, 0),
    (7.0, 90.0, 0),
    (14.0, 60.0, 0),
    (21.0, 9.0, 0),
    (28.0, 6.5, 0),
    (60.0, 2.0, -1),
    (90.0, 2.0, -1),
]


def batch(*profiles: list[tuple[float, float, int]]) -> tuple[Any, ...]:
    k = max(map(len, profiles), default=0)
    t, v, c, ok = (np.zeros((len(profiles), k)) for _ in range(4))
    for i, points in enumerate(profiles):
        for j, (time, value, code) in enumerate(points):
            t[i, j], v[i, j], c[i, j], ok[i, j] = time, value, code, 1
    return t, v, c.astype(np.int8), ok.astype(bool)


def test_against_the_left_censored_lognormal_model_of_lifelines() -> None:
    found = censored_slopes(*batch(DECLINE))
    points = DECLINE[2:]
    frame = pd.DataFrame(
        {"t": [p[0] for p in points], "y": [p[1] for p in points], "seen": [p[2] == 0 for p in points]}
    )
    with np.errstate(all="ignore"):
        fit = LogNormalAFTFitter().fit_left_censoring(frame, "y", "seen")
    slope = fit.params_["mu_", "t"]
    # lifelines stops its search at a gradient of about 1e-4
    assert found.half_life[0] == pytest.approx(-np.log(2) / slope, rel=1e-4)
    assert found.sigma[0] == pytest.approx(float(np.exp(fit.params_["sigma_", "Intercept"])), rel=1e-3)
    assert (found.n_quantified[0], found.n_censored[0]) == (3, 2)
    assert (found.first_time[0], found.last_time[0]) == (14.0, 90.0)
    assert found.used[0].tolist() == [False, False, True, True, True, True, True]


def test_without_values_below_the_limit_it_is_least_squares() -> None:
    found = censored_slopes(*batch(DECLINE[:5]))
    x, y = np.array([14.0, 21.0, 28.0]), np.log([60.0, 9.0, 6.5])
    slope, intercept = np.polyfit(x, y, 1)
    assert found.half_life[0] == pytest.approx(-np.log(2) / slope, rel=1e-9)
    assert found.sigma[0] == pytest.approx(np.sqrt(np.mean((y - slope * x - intercept) ** 2)), rel=1e-9)


def test_unit_and_origin_do_not_matter() -> None:
    t, v, c, ok = batch(DECLINE)
    base = censored_slopes(t, v, c, ok)
    scaled = censored_slopes(t * 24 + 1000, v * 1e9, c, ok)
    assert scaled.half_life[0] == pytest.approx(24 * base.half_life[0], rel=1e-9)
    assert scaled.sigma[0] == pytest.approx(base.sigma[0], rel=1e-9)


def test_values_below_the_limit_shorten_the_half_life_where_they_lie_under_the_line() -> None:
    without = censored_slopes(*batch(DECLINE[:5])).half_life[0]
    slow = [(7.0, 90.0, 0), (14.0, 60.0, 0), (21.0, 50.0, 0), (28.0, 46.0, 0), (60.0, 2.0, -1)]
    assert censored_slopes(*batch(slow)).half_life[0] < censored_slopes(*batch(slow[:4])).half_life[0]
    # a limit far above the line says nothing
    loose = [*DECLINE[:5], (60.0, 1e6, -1)]
    assert censored_slopes(*batch(loose)).half_life[0] == pytest.approx(without, rel=1e-9)


def test_an_exact_line_with_limits_above_it_is_the_line() -> None:
    halving = [(7.0, 64.0, 0), (14.0, 32.0, 0), (21.0, 16.0, 0), (28.0, 8.0, 0), (35.0, 5.0, -1)]
    found = censored_slopes(*batch(halving))
    assert found.status[0] == module.DEFINED
    assert found.half_life[0] == pytest.approx(7.0, rel=1e-12)
    assert found.sigma[0] == 0.0
    beneath = censored_slopes(*batch([*halving[:4], (35.0, 1.0, -1)]))
    assert beneath.half_life[0] < 7.0
    assert beneath.sigma[0] > 0.0


@pytest.mark.parametrize(
    ("points", "status"),
    [
        ([], module.NO_SAMPLE),
        ([(7.0, 1.0, -1)], module.NOTHING),
        ([(7.0, 9.0, 0), (14.0, 5.0, 0), (21.0, 2.0, 0), (28.0, 1.0, -1)], module.TOO_FEW),
        ([(7.0, 9.0, 0), (14.0, 5.0, 0), (21.0, 6.0, 0), (28.0, 5.5, 0)], module.NOT_DECLINING),
        ([(7.0, 9.0, 0), (14.0, 5.0, 0), (21.0, 5.0, 0), (28.0, 5.0, 0)], module.NOT_DECLINING),
    ],
)
def test_undefined(points: list[tuple[float, float, int]], status: int) -> None:
    found = censored_slopes(*batch(points, DECLINE))
    assert found.status.tolist() == [status, module.DEFINED]
    assert (found.half_life[0], found.n_quantified[0]) == (0.0, 0)
    assert not found.used[0].any()


def test_delay_leaves_the_first_phase_out() -> None:
    phases = [(7.0, 1000.0, 0), (14.0, 100.0, 0), (28.0, 9.0, 0), (90.0, 7.9, 0), (180.0, 6.1, 0), (365.0, 3.0, -1)]
    late = censored_slopes(*batch(phases), delay=14.0)
    assert late.first_time[0] == 28.0
    assert late.half_life[0] > censored_slopes(*batch(phases)).half_life[0]
