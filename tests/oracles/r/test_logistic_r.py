"""Logistic regression against R 4.2.2 (glm, brglm2, and profile roots solved to 1e-11).

Estimates 1e-6 relative (iterative), profile limits 1e-5 (the profile in R is maximised by BFGS to about 1e-8), P from exact profiles 1e-6.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests.external import oracle

from correlates.stats.logistic import logistic_model, logistic_screen

CASES = (
    "one-covariate",
    "four-covariates-mixed-scale",
    "quasi-separation",
    "complete-separation",
    "rare-events-small-n",
    "zero-events",
)


def _data(name):
    case = oracle("logistic")[name]
    columns = [np.array(v, dtype=float) for k, v in case["input"].items() if k != "y"]
    return np.column_stack(columns), np.array(case["input"]["y"]), case["expected"]


@pytest.mark.parametrize("name", CASES)
def test_firth(name):
    design, outcome, expected = _data(name)
    fit = logistic_model(design, outcome)
    assert fit.converged
    assert fit.coefficient == pytest.approx(expected["brglm2_coef"], rel=1e-6)
    assert fit.standard_error == pytest.approx(expected["brglm2_se"], rel=1e-6)
    assert fit.lower == pytest.approx(expected["pl_ci_lower_root"], rel=1e-5)
    assert fit.upper == pytest.approx(expected["pl_ci_upper_root"], rel=1e-5)
    assert fit.p_value == pytest.approx(expected["plr_p_root"], rel=1e-6)
    assert fit.log_likelihood == pytest.approx(expected["penalized_loglik_full"], rel=1e-8)
    assert fit.null_log_likelihood == pytest.approx(expected["penalized_loglik_null"], rel=1e-8)
    assert fit.model_chi_square == pytest.approx(expected["plr_model_chisq"], rel=1e-6)
    assert fit.model_p_value == pytest.approx(expected["plr_model_p"], rel=1e-6)


@pytest.mark.parametrize("name", ["one-covariate", "four-covariates-mixed-scale", "rare-events-small-n"])
def test_maximum_likelihood(name):
    design, outcome, expected = _data(name)
    fit = logistic_model(design, outcome, penalty="none")
    assert fit.converged
    assert fit.coefficient == pytest.approx(expected["coef"], rel=1e-6)
    assert fit.standard_error == pytest.approx(expected["se"], rel=1e-6)
    assert fit.lower == pytest.approx(expected["profile_ci_lower_exact"], rel=1e-5)
    assert fit.upper == pytest.approx(expected["profile_ci_upper_exact"], rel=1e-5)
    assert fit.p_value[1:] == pytest.approx(expected["lrt_by_term_p"], rel=1e-6)
    assert fit.log_likelihood == pytest.approx(expected["loglik"], rel=1e-8)
    assert fit.model_chi_square == pytest.approx(expected["lrt_chisq"], rel=1e-6)
    assert fit.model_p_value == pytest.approx(expected["lrt_p"], rel=1e-6)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("one-covariate", "none"),
        ("four-covariates-mixed-scale", "none"),
        ("quasi-separation", "quasi"),
        ("complete-separation", "complete"),
        ("rare-events-small-n", "none"),
        ("zero-events", "complete"),
    ],
)
def test_separation_is_flagged_and_maximum_likelihood_refused(name, kind):
    design, outcome, _ = _data(name)
    fit = logistic_model(design, outcome, penalty="none")
    assert fit.separation == kind
    assert fit.converged == (kind == "none")
    assert np.isfinite(fit.coefficient).all() == (kind == "none")


@pytest.mark.parametrize("name", ["one-covariate", "complete-separation", "zero-events"])
def test_screen_is_the_model_with_one_covariate(name):
    design, outcome, expected = _data(name)
    fit = logistic_screen(design[:, 0], outcome)
    assert fit.converged[0]
    assert fit.intercept[0] == pytest.approx(expected["brglm2_coef"][0], rel=1e-6)
    assert fit.coefficient[0] == pytest.approx(expected["brglm2_coef"][1], rel=1e-6)
    assert fit.standard_error[0] == pytest.approx(expected["brglm2_se"][1], rel=1e-6)
    assert fit.lower[0] == pytest.approx(expected["pl_ci_lower_root"][1], rel=1e-5)
    assert fit.upper[0] == pytest.approx(expected["pl_ci_upper_root"][1], rel=1e-5)
    assert fit.p_value[0] == pytest.approx(expected["plr_p_root"][1], rel=1e-6)
    assert fit.log_likelihood[0] == pytest.approx(expected["penalized_loglik_full"], rel=1e-8)
