"""The piecewise time course and its area in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from tests.external import oracle

from correlates.stats.kinetic_curve import STEIN_2019, KineticCurve

AREAS = [f"auc0-28-closed-form-{i}" for i in range(1, 9)]


def _profile(case: dict[str, dict[str, float]]) -> KineticCurve:
    return KineticCurve(**{k: case["input"][k] for k in ("foldx", "tmax", "cmax", "alpha", "fb", "beta")})


def test_area_of_the_published_typical_patient() -> None:
    # 171,774.3 copies/ug x day, printed to seven digits: the last digit is worth 3e-7, the value agrees to 9e-8
    assert float(STEIN_2019.auc()) == pytest.approx(171774.3, rel=1e-7)


def test_derived_figures_of_the_published_typical_patient() -> None:
    start, one_day_on = (float(STEIN_2019.at(t)) for t in (0.0, 1.0))
    assert start == pytest.approx(6.1538, abs=5e-5)
    rate = math.log(one_day_on / start)
    assert rate == pytest.approx(0.88911, abs=5e-6)
    assert math.log(2.0) / rate == pytest.approx(0.7796, abs=5e-5)


@pytest.mark.parametrize("name", AREAS)
def test_area_agrees_with_r(name: str) -> None:
    case = oracle("popck")[name]
    profile = _profile(case)
    # foldx near one: the oracle itself loses digits by cancellation (its README: 1e-7)
    tolerance = 1e-7 if abs(case["input"]["foldx"] - 1.0) < 0.01 else 1e-9
    assert float(profile.auc(28.0)) == pytest.approx(case["expected"]["auc_closed_form"], rel=tolerance)
    assert float(profile.at(28.0)) == pytest.approx(case["expected"]["value_at_28"], rel=1e-9)
    assert float(profile.at(0.0)) == pytest.approx(case["expected"]["c0"], rel=1e-9)


@pytest.mark.parametrize(
    ("foldx", "tmax", "end"), [(3900.0, 9.3, 28.0), (50.0, 30.0, 28.0), (1.0, 8.0, 28.0), (20.0, 7.0, 7.0)]
)
def test_area_agrees_with_quadrature(foldx: float, tmax: float, end: float) -> None:
    profile = KineticCurve(foldx=foldx, tmax=tmax, cmax=40.0, alpha=0.15, fb=0.02, beta=0.004)
    parts = [
        quad(lambda t: float(profile.at(t)), a, b, epsabs=0.0, epsrel=1e-11)[0]
        for a, b in ((0.0, min(tmax, end)), (min(tmax, end), end))
    ]
    assert float(profile.auc(end)) == pytest.approx(sum(parts), rel=1e-9)


def test_curve_is_continuous_and_highest_at_the_peak() -> None:
    around = STEIN_2019.at(np.array([9.3 - 1e-9, 9.3, 9.3 + 1e-9]))
    assert around == pytest.approx([24000.0] * 3, rel=1e-7)  # 1e-9 day moves the curve by less than 1e-8
    assert float(STEIN_2019.peak()) == 24000.0
    assert float(STEIN_2019.peak(5.0)) == pytest.approx(24000.0 * 3900.0 ** (5.0 / 9.3 - 1.0), rel=1e-12)


def test_profiles_of_many_subjects_are_drawn_at_once() -> None:
    several = KineticCurve(
        foldx=np.array([100.0, 30.0]),
        tmax=np.array([10.0, 7.0]),
        cmax=np.array([40.0, 12.0]),
        alpha=np.array([0.15, 0.3]),
        fb=np.array([0.05, 0.01]),
        beta=np.array([0.01, 0.005]),
    )
    assert several.auc() == pytest.approx([355.244201907186, 65.79343901693], rel=1e-9)


def test_the_day_below_a_limit_is_where_the_curve_crosses_it() -> None:
    limits = np.array([23999.0, 1000.0, 190.0, 100.0, 1.0])
    days = STEIN_2019.last_day_above(limits)
    assert STEIN_2019.at(days) == pytest.approx(limits, rel=1e-9)
    assert np.all(np.diff(days) > 0.0)
    assert float(STEIN_2019.last_day_above(24000.0)) == pytest.approx(9.3, rel=1e-12)
    assert math.isnan(float(STEIN_2019.last_day_above(24001.0)))


@pytest.mark.parametrize(("fb", "rate"), [(0.0, 0.16), (1.0, 0.0032)])
def test_the_day_below_a_limit_of_one_exponential(fb: float, rate: float) -> None:
    curve = KineticCurve(foldx=100.0, tmax=9.0, cmax=50.0, alpha=0.16, fb=fb, beta=0.0032)
    assert float(curve.last_day_above(5.0)) == pytest.approx(9.0 + math.log(10.0) / rate, rel=1e-12)
