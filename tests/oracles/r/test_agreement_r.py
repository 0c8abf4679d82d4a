"""Agreement of two assays against R 4.2.2 (mcr 1.2.2, epiR 2.0.57). Closed forms to 1e-8 relative."""

from __future__ import annotations

import numpy as np
import pytest
from tests.external import oracle

from correlates.stats.agreement import bland_altman, concordance
from correlates.stats.deming import deming, weighted_deming
from correlates.stats.passing_bablok import passing_bablok

DATA = ("constant-error", "proportional-error", "rounded-ties", "small-n-outlier")


def _case(name):
    case = oracle("agreement")[name]
    return np.array(case["input"]["x"]), np.array(case["input"]["y"]), case["expected"]


def _compare_line(fit, expected, prefix, rel):
    slope, intercept = fit.slope, fit.intercept
    found = {
        "slope": slope.estimate,
        "intercept": intercept.estimate,
        "slope_ci": (slope.lower, slope.upper),
        "intercept_ci": (intercept.lower, intercept.upper),
    }
    if slope.se is not None:
        found["se"] = (intercept.se, slope.se)
    for key, value in found.items():
        assert value == pytest.approx(expected[f"{prefix}_{key}"], rel=rel), key


@pytest.mark.parametrize("name", DATA)
def test_deming(name):
    x, y, expected = _case(f"regression-{name}")
    _compare_line(deming(x, y, interval="analytical"), expected, "deming_analytical", 1e-8)
    _compare_line(deming(x, y), expected, "deming_jackknife", 1e-8)
    _compare_line(deming(x, y, error_ratio=4.0), expected, "deming_ratio4_jackknife", 1e-8)


@pytest.mark.parametrize("name", DATA)
def test_weighted_deming(name):
    """mcr stops reweighting at a change of 1e-8, we at 1e-12: 1e-6 relative of what both approach."""
    x, y, expected = _case(f"regression-{name}")
    _compare_line(weighted_deming(x, y), expected, "wdeming_jackknife", 1e-6)


@pytest.mark.parametrize("name", DATA)
def test_classical_passing_bablok(name):
    x, y, expected = _case(f"regression-{name}")
    _compare_line(passing_bablok(x, y), expected, "passing_bablok", 1e-8)


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("scale", ["difference", "ratio"])
def test_bland_altman(name, scale):
    x, y, expected = _case(f"bland-altman-ccc-{name}")
    made = bland_altman(x, y, scale=scale)
    prefix, on = ("", np.asarray) if scale == "difference" else ("log_", np.log)
    found = {
        "bias": on(made.bias.estimate),
        "bias_ci": on((made.bias.lower, made.bias.upper)),
        "sd": made.sd,
        "limit_lower": on(made.lower_limit.estimate),
        "limit_upper": on(made.upper_limit.estimate),
        "lower_limit_ci_BA1986": on(made.lower_limit.ba1986),
        "upper_limit_ci_BA1986": on(made.upper_limit.ba1986),
        "lower_limit_ci_BA1999": on(made.lower_limit.ba1999),
        "upper_limit_ci_BA1999": on(made.upper_limit.ba1999),
        "lower_limit_ci_exact": on(made.lower_limit.exact),
        "upper_limit_ci_exact": on(made.upper_limit.exact),
    }
    for key, value in found.items():
        assert value == pytest.approx(expected[prefix + key], rel=1e-8), key
    if scale == "ratio":
        assert made.bias.estimate == pytest.approx(expected["ratio_geometric_mean"], rel=1e-12)


@pytest.mark.parametrize("name", DATA)
def test_concordance(name):
    x, y, expected = _case(f"bland-altman-ccc-{name}")
    made = concordance(x, y)
    found = {
        "ccc": made.ccc.estimate,
        "ccc_ci_z_transform": (made.ccc.lower, made.ccc.upper),
        "ccc_ci_asymptotic": (made.normal_lower, made.normal_upper),
        "ccc_n_minus_1": made.ccc_n_minus_1,
        "pearson": made.pearson,
        "bias_correction_Cb": made.bias_correction,
        "scale_shift": made.scale_shift,
        "location_shift": made.location_shift,
    }
    for key, value in found.items():
        assert value == pytest.approx(expected[key], rel=1e-8), key


def test_identical_measurements():
    x, y, expected = _case("bland-altman-identical")
    made = bland_altman(x, y)
    assert (made.bias.estimate, made.sd) == (expected["bias"], expected["sd"])
    assert made.upper_limit.exact == (0.0, 0.0)
    assert concordance(x, y).why == "no-variation"
