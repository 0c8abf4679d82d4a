"""Standard curves and inverse prediction against R's lm and the formulas evaluated in R."""

from __future__ import annotations

import numpy as np
import pytest
from tests.external import oracle

from correlates.stats import calibration


@pytest.mark.parametrize("name", ["qpcr-standard-curve-1", "qpcr-standard-curve-2"])
def test_curve_and_inverse_prediction(name: str) -> None:
    case = oracle("curves")[name]
    given, expected = case["input"], case["expected"]
    x, y = np.array(given["log10_copies"], float), np.array(given["ct"], float)
    unknown = np.array(given["unknown_ct_triplicate"], float)
    fits = calibration.fit_lines(x, y, np.zeros(len(x), dtype=np.int64), 1)
    quantile = calibration.student_quantile(0.95, fits.df.astype(float))
    found = calibration.invert_line(
        np.array([unknown.mean()]),
        fits.residual_sd**2 / len(unknown),
        intercept=fits.intercept,
        slope=fits.slope,
        var_intercept=fits.var_intercept,
        covariance=fits.covariance,
        var_slope=fits.var_slope,
        quantile=quantile,
    )
    half = quantile * np.sqrt(fits.var_slope)
    pairs = {
        "intercept": fits.intercept,
        "slope": fits.slope,
        "r2": fits.r_squared,
        "sigma": fits.residual_sd,
        "efficiency": calibration.efficiency(fits.slope),
        "log10_copies_unknown": found.x,
        "copies_unknown": 10**found.x,
        "delta_se_log10": found.se,
        "fieller_g": found.g,
    }
    for key, value in pairs.items():
        assert value[0] == pytest.approx(expected[key], rel=1e-8), key
    ranges = {
        "se": (np.sqrt(fits.var_intercept), np.sqrt(fits.var_slope)),
        "slope_ci": (fits.slope - half, fits.slope + half),
        "efficiency_ci_from_slope_ci": (
            calibration.efficiency(fits.slope - half),
            calibration.efficiency(fits.slope + half),
        ),
        "delta_ci_log10": (found.delta_lower, found.delta_upper),
        "fieller_ci_log10": (found.fieller_lower, found.fieller_upper),
    }
    for key, (low, high) in ranges.items():
        assert [float(low[0]), float(high[0])] == pytest.approx(expected[key], rel=1e-8), key
