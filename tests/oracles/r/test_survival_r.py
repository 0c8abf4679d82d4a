"""Survival statistics against R 4.2.2 (survival, cmprsk, maxstat, coxphf): closed forms 1e-8, iterative fits 1e-6."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from tests.external import oracle

from correlates.stats.competing_risks import cumulative_incidence, gray_test, incidence_at
from correlates.stats.concordance import concordance
from correlates.stats.cox import baseline_hazard, cox_model, cox_screen
from correlates.stats.cutpoint import log_rank_scores, maximally_selected
from correlates.stats.fine_gray import fine_gray
from correlates.stats.kaplan_meier import kaplan_meier, quantile, survival_at
from correlates.stats.landmark import landmark
from correlates.stats.log_rank import log_rank, log_rank_screen
from correlates.stats.proportional_hazards import proportional_hazards
from correlates.stats.restricted_mean import restricted_mean

CURVES = ["km-ties", "km-heavy-censoring-integer-times", "km-flat-at-half"]
RANKS = ["two-groups", "three-groups", "group-of-one", "group-without-events"]
COX = ["cox-three-covariates-ties", "cox-heavy-ties", "cox-heavy-censoring", "cox-missing-covariate"]


def _case(name, topic="survival"):
    case = oracle(topic)[name]
    return {k: _numbers(v) for k, v in case["input"].items()}, case["expected"]


def _numbers(values):
    return np.array([np.nan if v is None else v for v in values], dtype=float)


def _design(name):
    given, expected = _case(name)
    columns = np.column_stack([v for k, v in given.items() if k not in {"time", "status"}])
    complete = ~np.isnan(columns).any(axis=1)
    return columns[complete], given["time"][complete], given["status"][complete], expected


@pytest.mark.parametrize("name", CURVES)
def test_kaplan_meier(name):
    given, expected = _case(name)
    curve = kaplan_meier(given["time"], given["status"])
    plain = kaplan_meier(given["time"], given["status"], interval="plain")
    assert (curve.n, curve.n_events) == (expected["n"], expected["events"])
    assert curve.time.tolist() == expected["event_time"]
    assert curve.n_risk.tolist() == expected["n_risk"]
    assert curve.n_event.tolist() == expected["n_event"]
    for found, theirs in (
        (curve.survival, "surv"),
        (curve.standard_error, "se_surv_greenwood"),
        (curve.lower, "loglog_lower"),
        (curve.upper, "loglog_upper"),
        (plain.lower, "plain_lower"),
        (plain.upper, "plain_upper"),
    ):
        assert found == pytest.approx(_numbers(expected[theirs]), rel=1e-8, nan_ok=True), theirs
    median = quantile(curve)
    assert median.estimate == expected["median"]
    assert (median.lower, median.upper) == (expected["median_lower_loglog"], expected["median_upper_loglog"])
    other = quantile(plain)
    assert [other.lower, other.upper] == expected["median_ci_plain"]
    assert quantile(curve, 0.25).estimate == expected["quartile_25"]
    assert quantile(curve, 0.75).estimate == expected["quartile_75"]
    mean = restricted_mean(given["time"], given["status"], expected["rmst_tau"])
    assert mean.estimate == pytest.approx(expected["rmst"], rel=1e-10)
    assert mean.standard_error == pytest.approx(expected["rmst_se"], rel=1e-10)


def test_kaplan_meier_without_events():
    given, expected = _case("km-zero-events")
    curve = kaplan_meier(given["time"], given["status"])
    assert curve.n_events == expected["events"] == 0
    assert survival_at(curve, 12).survival[0] == expected["surv_at_12"]
    assert quantile(curve).estimate is expected["median"] is None
    assert restricted_mean(given["time"], given["status"], 15).estimate == expected["rmst_15"]


@pytest.mark.parametrize("name", RANKS)
def test_log_rank(name):
    given, expected = _case(f"logrank-{name}")
    group = given["group"].astype(int) - 1
    k = int(group.max()) + 1
    plain = log_rank(given["time"], given["status"], group, k)
    peto = log_rank(given["time"], given["status"], group, k, rho=1)
    assert plain.observed.tolist() == expected["observed"]
    assert plain.expected == pytest.approx(expected["expected_events"], rel=1e-10)
    assert plain.chi_square == pytest.approx(expected["chisq"], rel=1e-8)
    assert plain.df == expected["df"]
    assert plain.p_value == pytest.approx(expected["p"], rel=1e-8)
    assert peto.chi_square == pytest.approx(expected["peto_rho1_chisq"], rel=1e-8)
    assert peto.p_value == pytest.approx(expected["peto_rho1_p"], rel=1e-8)
    screened = log_rank_screen(given["time"], given["status"], np.stack((group, group)), k)
    assert screened.p_value == pytest.approx([expected["p"]] * 2, rel=1e-8)


@pytest.mark.parametrize("k", [2, 3])
def test_log_rank_of_left_censored_values(k):
    """Concentrations below quantification, flipped so that left censoring becomes right censoring."""
    given, expected = _case(f"cendiff-{k}-groups", "censored")
    flipped, group = given["y"].max() + 1 - given["y"], given["group"].astype(int) - 1
    for rho in (0, 1):
        found = log_rank(flipped, 1 - given["censored"], group, k, rho=rho)
        assert found.chi_square == pytest.approx(expected[f"chisq_rho{rho}"], rel=1e-8)
        assert found.p_value == pytest.approx(expected[f"p_rho{rho}"], rel=1e-8)


@pytest.mark.parametrize("name", COX)
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_cox(name, ties):
    design, time, status, expected = _design(name)
    fit = cox_model(design, time, status, ties=ties)
    assert fit.converged
    for found, theirs in (
        (fit.coefficient, "coef"),
        (fit.standard_error, "se"),
        (fit.log_likelihood, "loglik"),
        (fit.null_log_likelihood, "loglik_null"),
        (fit.model_likelihood_ratio, "lrt"),
        (fit.model_likelihood_ratio_p, "lrt_p"),
        (fit.model_score, "score"),
        (fit.model_score_p, "score_p"),
        (fit.model_wald, "wald"),
        (fit.model_wald_p, "wald_p"),
    ):
        assert found == pytest.approx(expected[f"{ties}_{theirs}"], rel=1e-8), theirs
    if ties == "efron":
        assert np.exp(fit.wald_lower) == pytest.approx(expected["efron_hr_ci_lower"], rel=1e-8)
        assert np.exp(fit.wald_upper) == pytest.approx(expected["efron_hr_ci_upper"], rel=1e-8)


@pytest.mark.parametrize("name", COX)
def test_concordance_and_baseline(name):
    design, time, status, expected = _design(name)
    fit = cox_model(design, time, status)
    agreement = concordance(design @ fit.coefficient, time, status)
    assert agreement.c[0] == pytest.approx(expected["efron_concordance"], rel=1e-10)
    assert agreement.standard_error[0] == pytest.approx(expected["efron_concordance_se"], rel=1e-8)
    counts = [int(v[0]) for v in (agreement.concordant, agreement.discordant, agreement.tied_score)]
    assert counts == expected["efron_concordance_counts"][:3]
    baseline = baseline_hazard(design, fit.coefficient, time, status)
    theirs = dict(
        zip(
            expected["efron_baseline_cumhaz_at_zero_covariate_time"],
            expected["efron_baseline_cumhaz_at_zero_covariate"],
            strict=True,
        )
    )
    assert baseline.cumulative_hazard == pytest.approx([theirs[t] for t in baseline.time], rel=1e-8)


@pytest.mark.parametrize("name", COX[:3])
@pytest.mark.parametrize("scale", ["km", "identity", "rank"])
def test_proportional_hazards(name, scale):
    design, time, status, expected = _design(name)
    fit = cox_model(design, time, status)
    found = proportional_hazards(design, fit.coefficient, time, status, scale=scale)
    chi = [*found.chi_square, found.global_chi_square]
    assert chi == pytest.approx(expected[f"efron_zph_chisq_{scale}"], rel=1e-8)
    assert [*found.p_value, found.global_p_value] == pytest.approx(expected[f"efron_zph_p_{scale}"], rel=1e-8)


def test_monotone_likelihood():
    design, time, status, expected = _design("cox-monotone-likelihood-firth")
    plain = cox_model(design, time, status)
    assert plain.monotone
    assert not plain.converged
    assert np.isnan(plain.coefficient).all()
    firth = cox_model(design, time, status, penalty="firth", ties="breslow")
    # coxphf stops at a step of 1e-9, its limits at about 1e-7
    assert firth.coefficient == pytest.approx(expected["firth_coef"], rel=1e-6)
    assert firth.standard_error == pytest.approx(expected["firth_se"], rel=1e-6)
    assert firth.p_value == pytest.approx(expected["firth_plr_p"], rel=1e-5)
    assert np.exp(firth.lower) == pytest.approx(expected["firth_pl_ci_hr_lower"], rel=1e-5)
    assert np.exp(firth.upper) == pytest.approx(expected["firth_pl_ci_hr_upper"], rel=1e-5)


@pytest.mark.parametrize("k", [2, 3])
def test_competing_risks(k):
    given, expected = _case(f"competing-risks-{k}-groups")
    time, cause, group = given["time"], given["status"].astype(int), given["group"].astype(int) - 1
    for j in range(k):
        found = incidence_at(cumulative_incidence(time[group == j], cause[group == j], 2), expected["times"])
        for c in (0, 1):
            theirs = _numbers(expected[f"cif_{j + 1}_cause{c + 1}"])
            assert found.incidence[c] == pytest.approx(theirs, rel=1e-10, nan_ok=True)
            theirs = _numbers(expected[f"var_{j + 1}_cause{c + 1}"])
            assert found.standard_error[c] ** 2 == pytest.approx(theirs, rel=1e-10, nan_ok=True)
    for c in (1, 2):
        test = gray_test(time, cause, group, k, of=c)
        assert test.chi_square == pytest.approx(expected["gray_stat"][c - 1], rel=1e-8)
        assert test.p_value == pytest.approx(expected["gray_p"][c - 1], rel=1e-8)
        assert test.df == expected["gray_df"][c - 1]


@pytest.mark.parametrize("k", [2, 3])
def test_fine_gray(k):
    given, expected = _case(f"competing-risks-{k}-groups")
    fit = fine_gray(np.column_stack((given["x"], given["group"])), given["time"], given["status"].astype(int))
    assert fit.converged
    assert fit.coefficient == pytest.approx(expected["crr_coef"], rel=1e-6)
    assert fit.standard_error == pytest.approx(expected["crr_se"], rel=1e-6)
    assert fit.p_value == pytest.approx(expected["crr_p"], rel=1e-5)
    assert fit.log_likelihood == pytest.approx(expected["crr_loglik"], rel=1e-8)


@pytest.mark.parametrize("name", ["maxstat-continuous", "maxstat-tied-marker"])
def test_maximally_selected(name):
    given, expected = _case(name)
    found = maximally_selected(given["x"], log_rank_scores(given["time"], given["status"]))
    assert found.cutpoint == expected["cutpoint"]
    assert found.statistic == pytest.approx(expected["statistic"], rel=1e-10)
    assert found.cuts.tolist() == expected["cuts"]
    assert np.abs(found.standardised) == pytest.approx(expected["standardized_stats"], rel=1e-8)
    assert found.p_lausen_1992 == pytest.approx(expected["p_Lau92"], rel=1e-8)
    assert found.p_lausen_1994 == pytest.approx(expected["p_Lau94"], rel=1e-8)
    # maxstat's is P(M > b); a P value is P(M >= b): the difference is the law's weight on b itself. With a tied biomarker maxstat
    # also takes away, at each cut, what the group size one smaller has in common with it, though nobody is cut there; then its value
    # is no upper bound any more and lies lower.
    excess = found.p_hothorn_lausen / expected["p_HL"] - 1
    assert 0 < excess < (2e-4 if name == "maxstat-continuous" else 0.08)
    order = np.argsort(given["x"], kind="stable")
    theirs = _as_maxstat(log_rank_scores(given["time"], given["status"])[order], found.n_low)
    assert theirs == pytest.approx(expected["p_HL"], rel=1e-10)


def _as_maxstat(scores, sizes):
    """Both differences made: P(M > b), and the size one smaller taken away whether it is a cut or not."""
    n = scores.size
    whole = np.rint((scores - scores.min()) * n / np.ptp(scores)).astype(int)
    counts = np.zeros((n + 1, whole.sum() + 1))  # subsets by size and sum
    counts[0, 0] = 1
    for value in whole:
        counts[1:, value:] += counts[:-1, : counts.shape[1] - value].copy()
    sums = np.arange(counts.shape[1])

    def z(m, total):
        return (total - m * whole.mean()) / np.sqrt(m * (n - m) / (n - 1) * whole.var())

    b = max(abs(z(m, whole[:m].sum())) for m in sizes) * (1 + 1e-12)
    p = 0.0
    for m in sizes:
        p += counts[m, np.abs(z(m, sums)) > b].sum() / comb(n, m)
        if m > sizes[0]:
            low = (z(m - 1, sums) < -b) & (z(m, sums + whole.max()) < -b)
            high = (z(m - 1, sums) > b) & (z(m, sums) > b)
            p -= counts[m - 1, low | high].sum() / comb(n, m - 1)
    return p


def test_landmark_and_delayed_entry():
    given, expected = _case("landmark-and-left-truncation")
    time, status = given["time"], given["status"]
    after = landmark(time, status, 28)
    assert (after.time.size, after.event.sum()) == (expected["landmark_n"], expected["landmark_events"])
    group = given["group"][after.index][:, None]
    fit = cox_model(group, after.time, after.event)
    assert fit.coefficient[0] == pytest.approx(expected["landmark_coef_group"], rel=1e-8)
    assert fit.standard_error[0] == pytest.approx(expected["landmark_se"], rel=1e-8)
    same = cox_model(group, time[after.index], after.event, entry=np.full(after.index.size, 28.0))
    assert same.coefficient[0] == pytest.approx(expected["same_fit_as_delayed_entry_coef"], rel=1e-8)

    design = np.column_stack((given["group"], given["x"]))
    late = cox_model(design, time, status, entry=given["entry"])
    assert late.coefficient == pytest.approx(expected["delayed_entry_coef"], rel=1e-8)
    assert late.standard_error == pytest.approx(expected["delayed_entry_se"], rel=1e-8)
    alone = cox_model(design[:, 1:], time, status, entry=given["entry"])
    screened = cox_screen(given["x"], time, status, entry=given["entry"])
    assert screened.coefficient[0] == pytest.approx(alone.coefficient[0], rel=1e-10)
    curve = kaplan_meier(time, status, given["entry"])
    assert curve.time.tolist() == expected["delayed_entry_km_time"]
    assert curve.n_risk.tolist() == expected["delayed_entry_km_n_risk"]
    assert curve.survival == pytest.approx(expected["delayed_entry_km_surv"], rel=1e-10)
