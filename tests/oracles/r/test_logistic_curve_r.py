"""Logistic calibration curves against R: parameters polished to 1e-13 there, drc's own literal output left aside.

Weights are of the observed signal, and B below 0 for a rising curve, as drc has them.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests.external import oracle

from correlates.stats.logistic_curve import Model, Weight, fit_logistic, inverse, predict_dose

CASES: dict[str, tuple[Model, Weight]] = {
    "ll4-unweighted": ("4PL", "none"),
    "ll4-weighted-1-over-y2": ("4PL", "1/y2"),
    "ll4-weighted-1-over-y": ("4PL", "1/y"),
    "ll4-triplicates-1-over-y2": ("4PL", "1/y2"),
    "ll5-unweighted": ("5PL", "none"),
    "ll5-weighted-1-over-y2": ("5PL", "1/y2"),
}
B_C_D_E_F = [1, 3, 0, 2, 4]  # R's b, c, d, e, f are our B, D, A, C, G


@pytest.mark.parametrize("name", CASES)
def test_curve(name: str) -> None:
    case = oracle("curves")[name]
    expected = case["expected"]
    model, weight = CASES[name]
    dose, signal = np.array(case["input"]["dose"]), np.array(case["input"]["response"])
    fit = fit_logistic(dose, signal, model=model, weight=weight, variance="observed", family="negative")
    k = int(fit.n_parameters[0])
    assert fit.converged[0]
    assert fit.rss[0] == pytest.approx(expected["weighted_rss"], rel=1e-8)
    assert fit.sigma[0] == pytest.approx(expected["sigma"], rel=1e-8)
    assert fit.df[0] == expected["residual_df"]
    # the parameters are the least certain of all: RSS is flat around them (R's own README allows 1e-4, and 1e-3 in a 5PL)
    assert fit.parameters[0, B_C_D_E_F[:k]] == pytest.approx(expected["par_b_c_d_e_f"], rel=1e-4 if k == 4 else 1e-3)
    se = np.sqrt(np.diag(fit.covariance[0]))[B_C_D_E_F[:k]]
    assert se == pytest.approx(expected["se_gauss_newton"], rel=1e-5)

    target = np.array(expected["target_response"])
    found = predict_dose(fit, np.zeros(3, dtype=int), target, np.full(3, np.inf))
    assert found.dose == pytest.approx(expected["inverse_dose"], rel=1e-5)
    assert found.se == pytest.approx(expected["inverse_delta_se"], rel=1e-5)

    back, _ = inverse(fit.parameters[0], signal)
    theirs = np.array([np.nan if v is None else v for v in expected["back_calculated"]])
    assert np.array_equal(np.isnan(back), np.isnan(theirs))
    # near the upper asymptote a signal multiplies the error of the asymptote a hundredfold
    assert back == pytest.approx(theirs, rel=1e-4, nan_ok=True)


@pytest.mark.parametrize("name", ["ll4-weighted-1-over-y2", "ll5-weighted-1-over-y2"])
def test_interval_is_the_delta_interval_on_the_log_scale(name: str) -> None:
    """R's interval is x -/+ t se; ours is exp(log x -/+ t se/x): the same standard error and t, hence the same half width."""
    case = oracle("curves")[name]
    expected = case["expected"]
    model, weight = CASES[name]
    fit = fit_logistic(
        case["input"]["dose"],
        case["input"]["response"],
        model=model,
        weight=weight,
        variance="observed",
        family="negative",
    )
    found = predict_dose(fit, np.zeros(3, dtype=int), np.array(expected["target_response"]), np.full(3, np.inf))
    half = (np.array(expected["inverse_delta_ci_upper"]) - np.array(expected["inverse_dose"])) / np.array(
        expected["inverse_dose"]
    )
    assert np.log(found.upper / found.dose) == pytest.approx(half, rel=1e-5)
    assert np.log(found.dose / found.lower) == pytest.approx(half, rel=1e-5)
