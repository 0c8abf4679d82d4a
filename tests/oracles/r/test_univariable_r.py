"""Rank correlations, trends, rates, ordinal and censored regression, permutation adjustment, q values and pooling against R."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.external import oracle

from correlates.stats.censored_regression import censored_regression
from correlates.stats.dunn import dunn
from correlates.stats.multiplicity import adjust, null_share
from correlates.stats.ordinal import ordinal_model
from correlates.stats.pairs import jonckheere, kendall
from correlates.stats.pooling import pool
from correlates.stats.proportional_odds import proportional_odds_screen
from correlates.stats.ranks import midranks
from correlates.stats.rates import cochran_armitage, rate
from correlates.stats.spearman import spearman
from correlates.stats.westfall_young import orders, step_down, westfall_young

CLOSED = 1e-8


def _is(found, expected, rel=CLOSED):
    if expected is None:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(expected, rel=rel, abs=1e-12)


@pytest.mark.parametrize(
    "name", ["n8-no-ties", "n22-no-ties", "n30-ties", "n64-no-ties", "n5-perfect", "constant-vector"]
)
def test_rank_correlations(name):
    case = oracle("rank")[f"correlation-{name}"]
    a, b, expected = case["input"]["a"], case["input"]["b"], case["expected"]
    rho, tau = spearman(a, b), kendall(a, b)
    _is(rho.rho[0], expected["spearman_rho"])
    if len(a) <= 8:  # beyond, R's exact P is a series
        _is(rho.p_value[0], expected.get("spearman_p_R_exact"))
    else:
        _is(rho.p_value[0], expected.get("spearman_p_t_approx"))
    if "kendall_tau_b" in expected:
        _is(tau.tau[0], expected["kendall_tau_b"])
        _is(tau.z[0], expected["kendall_z"])
        exact = len(a) < 50 and "kendall_p_exact" in expected
        _is(tau.p_value[0], expected["kendall_p_exact" if exact else "kendall_p_asymptotic"])
        if "kendall_T_concordant" in expected:
            assert tau.concordant[0] == expected["kendall_T_concordant"]


@pytest.mark.parametrize("name", ["three-groups", "four-groups-ties", "group-of-one"])
def test_dunn_and_jonckheere(name):
    case = oracle("rank")[f"kgroups-{name}"]
    group = np.array(case["input"]["group"]) - 1
    k, expected = int(group.max()) + 1, case["expected"]
    pairs = [tuple(int(part) - 1 for part in pair.split(" - ")) for pair in expected["dunn_pairs"]]
    test = dunn(case["input"]["value"], group, k, pairs)
    np.testing.assert_allclose(test.z[0], expected["dunn_z"], rtol=CLOSED)
    np.testing.assert_allclose(test.p_value[0], expected["dunn_p_two_sided"], rtol=CLOSED)
    np.testing.assert_allclose(adjust(test.p_value[0], "holm"), expected["holm_two_sided_from_p_adjust"], rtol=CLOSED)
    np.testing.assert_allclose(adjust(test.p_value[0], "bh"), expected["bh_two_sided_from_p_adjust"], rtol=CLOSED)
    trend = jonckheere(case["input"]["value"], group, k, exact_up_to=0)
    for found, key in (
        (trend.j, "J"),
        (trend.mean, "mean_J"),
        (trend.variance, "var_J_tie_corrected"),
        (trend.z, "z"),
        (trend.p_value, "p_two_sided"),
        (trend.p_increasing, "p_increasing"),
        (trend.p_decreasing, "p_decreasing"),
    ):
        _is(found[0], expected[f"jt_{key}"])


def test_jonckheere_exact_is_the_full_enumeration():
    case = oracle("rank")["jt-exact-enumeration"]
    test = jonckheere(case["input"]["value"], np.array(case["input"]["group"]) - 1, 3)
    expected = case["expected"]
    _is(test.p_increasing[0], expected["p_increasing_exact"])
    _is(test.p_decreasing[0], expected["p_decreasing_exact"])
    _is(test.p_value[0], expected["p_two_sided_doubled"])
    assert test.variant[0] == "exact"


@pytest.mark.parametrize("name", ["quartiles", "custom-scores", "zero-events-first", "flat"])
def test_cochran_armitage(name):
    case = oracle("contingency")[f"trend-{name}"]
    test = cochran_armitage(case["input"]["events"], case["input"]["n"], case["input"]["scores"])
    _is(test.z[0], case["expected"]["z_explicit"])
    _is(test.p_value[0], case["expected"]["p"])


@pytest.mark.parametrize("name", ["mid", "zero", "all", "one-of-n", "n-minus-one", "n-is-one"])
def test_intervals_of_a_rate(name):
    case = oracle("contingency")[f"binom-ci-{name}"]
    for interval, key in (("wilson", "wilson"), ("clopper-pearson", "clopper_pearson")):
        found = rate(case["input"]["x"], case["input"]["n"], interval=interval)
        np.testing.assert_allclose([found.lower, found.upper], case["expected"][key], rtol=CLOSED, atol=1e-15)


def test_proportional_odds():
    case = oracle("logistic")["proportional-odds-tied-covariate"]
    fit = proportional_odds_screen(case["input"]["x"], case["input"]["grade"])
    expected = case["expected"]
    _is(fit.coefficient[0], expected["coef_lrm"][0], 1e-7)
    _is(fit.standard_error[0], expected["se_coef_lrm_analytic"][0], 1e-6)  # lrm stops at a tolerance of its own
    _is(fit.log_likelihood[0], expected["loglik"])
    _is(fit.null_log_likelihood[0], expected["loglik_null"])
    _is(fit.chi_square[0], expected["lrt_chisq"])
    _is(fit.p_value[0], expected["lrt_p"])


def test_proportional_odds_with_two_covariates():
    case = oracle("logistic")["proportional-odds"]
    given, expected = case["input"], case["expected"]
    fit = ordinal_model(np.column_stack((given["x"], given["z"])), given["grade"], penalty="none")
    _is(fit.coefficient, expected["coef_lrm"], 1e-6)  # lrm stops at a tolerance of its own
    _is(fit.standard_error, expected["se_coef_lrm_analytic"], 1e-6)
    _is(fit.threshold, expected["intercepts_lrm"], 1e-6)
    _is(fit.log_likelihood, expected["loglik"])
    _is(fit.model_chi_square, expected["lrt_chisq"])


@pytest.mark.parametrize("name", ["normal", "lognormal-two-limits", "heavy-censoring"])
def test_censored_regression(name):
    case = oracle("censored")[f"tobit-{name}"]
    given, expected = case["input"], case["expected"]
    y = np.array(given["y"])
    lognormal = name != "normal"
    columns = [np.ones(y.size), *(np.array(given[key], dtype=float) for key in ("x", "g") if key in given)]
    fit = censored_regression(
        np.log(y) if lognormal else y, np.stack(columns, axis=1), censoring=-np.array(given["censored"], dtype=int)
    )
    np.testing.assert_allclose(fit.coefficient[0], expected["coef"], rtol=1e-6)
    np.testing.assert_allclose(fit.standard_error[0], expected["se"], rtol=1e-6)
    _is(fit.sigma[0], expected["scale_sigma"], 1e-6)
    _is(fit.log_sigma_error[0], expected["se_log_scale"], 1e-6)
    _is(fit.chi_square[0], expected["lrt_chisq"])
    _is(fit.p_value[0], expected["lrt_p"], 1e-6)
    on_y = np.log(y)[np.array(given["censored"]) == 0].sum() if lognormal else 0.0
    _is(fit.log_likelihood[0] - on_y, expected["loglik"])


@pytest.mark.parametrize("k", [2, 3])
def test_lognormal_likelihood_ratio_of_groups(k):
    case = oracle("censored")[f"cendiff-{k}-groups"]
    y, group = np.log(case["input"]["y"]), np.array(case["input"]["group"])
    names = np.unique(group)
    design = np.stack([np.ones(y.size), *((group == g).astype(float) for g in names[1:])], axis=1)
    fit = censored_regression(y, design, censoring=-np.array(case["input"]["censored"], dtype=int))
    _is(fit.chi_square[0], case["expected"]["lognormal_lrt_chisq"], 1e-7)
    _is(fit.p_value[0], case["expected"]["lognormal_lrt_p"], 1e-7)


def _statistics(name, x, labels):
    """Welch or pooled t, or standardised rank sums, of every arrangement (m, b)."""
    columns = []
    for b in range(labels.shape[1]):
        one, zero = x[:, labels[:, b] == 1], x[:, labels[:, b] == 0]
        n1, n0 = one.shape[1], zero.shape[1]
        v1, v0 = one.var(axis=1, ddof=1), zero.var(axis=1, ddof=1)
        pooled = ((n1 - 1) * v1 + (n0 - 1) * v0) / (n1 + n0 - 2)
        se = np.sqrt(pooled * (1 / n1 + 1 / n0) if name == "equal-variance" else v1 / n1 + v0 / n0)
        columns.append((one.mean(axis=1) - zero.mean(axis=1)) / se)
    return np.array(columns).T


@pytest.mark.parametrize("name", ["welch-t-two-sided", "welch-t-upper", "equal-variance", "wilcoxon"])
def test_westfall_young_by_every_arrangement(name):
    case = oracle("multiplicity")[f"westfall-young-{name}"]
    x, y = np.array(case["input"]["rows"]), np.array(case["input"]["class_label"])
    expected = case["expected"]
    rng = np.random.default_rng(1)
    if name == "wilcoxon":
        ranks = midranks(x, np.ones(x.shape, dtype=bool)).ranks
        found = westfall_young(ranks - ranks.mean(axis=1, keepdims=True), y, permutations=200, rng=rng)
    else:
        drawn, complete = orders(y, 200, rng)
        assert complete
        t = _statistics(name, x, y[drawn])
        t = t if name == "welch-t-upper" else np.abs(t)
        found = step_down(lambda rows: t[rows], 8, complete=True)
    assert found.orders == 126
    np.testing.assert_allclose(found.p_value, expected["rawp"], rtol=1e-12)
    np.testing.assert_allclose(found.max_t, expected["maxT_adjp"], rtol=1e-12)
    np.testing.assert_allclose(found.min_p, expected["minP_adjp"], rtol=1e-12)


@pytest.mark.parametrize("name", ["qvalue-400", "qvalue-120"])
def test_q_values(name):
    case = oracle("multiplicity")[name]
    assert null_share(case["input"]["p"]) == pytest.approx(case["expected"]["pi0_bootstrap"], rel=1e-12)
    np.testing.assert_allclose(adjust(case["input"]["p"], "storey"), case["expected"]["q_bootstrap"], rtol=1e-10)


@pytest.mark.parametrize(
    "name", ["five-imputations", "twenty-imputations", "no-between-variance", "two-imputations-small-n", "infinite-n"]
)
def test_pooling(name):
    case = oracle("pooling")[f"rubin-{name}"]
    settings, expected = case["settings"], case["expected"]
    df = np.inf if settings["n"] == "infinite" else settings["n"] - settings["k_parameters"]
    found = pool(case["input"]["estimate"], case["input"]["variance"], df)
    for value, key in (
        (found.estimate, "pooled"),
        (found.within, "within"),
        (found.between, "between"),
        (found.total, "total"),
        (found.df, "df"),
        (found.missing_information, "fmi"),
        (found.standard_error, "se"),
        (found.t, "t"),
        (found.p_value, "p"),
    ):
        _is(float(value), expected[key])
    np.testing.assert_allclose([found.lower, found.upper], expected["ci95"], rtol=CLOSED)
