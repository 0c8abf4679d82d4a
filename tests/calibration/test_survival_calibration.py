"""Type I error, coverage and bias of the survival statistics at trial sizes.

Figures are printed (``pytest -m calibration -s``) and stand in docs/methods. Bounds are the nominal value and 3.5 Monte Carlo standard
errors, widened where a method is known to be approximate in small samples; each widening says why.
"""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.competing_risks import gray_test
from correlates.stats.cox import cox_model, cox_screen
from correlates.stats.cutpoint import log_rank_scores, maximally_selected
from correlates.stats.kaplan_meier import kaplan_meier, quantile, survival_at
from correlates.stats.landmark import known_by, landmark, split_at_change
from correlates.stats.log_rank import log_rank_screen

pytestmark = pytest.mark.calibration

SIZES = [(10, 10), (5, 15), (25, 25), (10, 40), (50, 51), (20, 81)]


def _trial(rng, n, hazard=1.0, censoring=0.35):
    """Exponential times with about the share censored that is asked for (uniform accrual), in days (ties)."""
    event_time = rng.exponential(300.0 / np.asarray(hazard), n)
    censored_at = rng.uniform(60, 300 * 2.2 * (0.35 / censoring), n)
    return np.ceil(np.minimum(event_time, censored_at)), event_time <= censored_at


def _rate(hits):
    hits = np.asarray(hits, dtype=float)
    return float(hits.mean()), float(np.sqrt(0.05 * 0.95 / hits.size))


def _tell(what, sizes, value, replicates):
    print(f"{what:64s} {sizes!s:10s} {value:.4f}  ({replicates} replicates)")


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_log_rank_and_cox_type_one_error(sizes):
    """One trial in time, many random allocations: 400 trials x 50 allocations."""
    rng = np.random.default_rng([1, *sizes])
    n = sum(sizes)
    p = {k: [] for k in ("log-rank", "rho=1", "Cox LR", "Cox Wald", "Cox score", "Firth LR")}
    covered = {"profile": [], "Wald": [], "Firth profile": []}
    monotone = 0
    for _ in range(400):
        time, event = _trial(rng, n)
        group = rng.permuted(np.tile(np.arange(n) < sizes[0], (50, 1)), axis=1)
        p["log-rank"].append(log_rank_screen(time, event, group.astype(int), 2).p_value)
        p["rho=1"].append(log_rank_screen(time, event, group.astype(int), 2, rho=1).p_value)
        fit = cox_screen(group, time, event)
        monotone += int((fit.monotone != 0).sum())
        known = fit.converged
        p["Cox LR"].append(fit.p_value[known])
        p["Cox Wald"].append(fit.wald_p_value[known])
        p["Cox score"].append(fit.score_p_value)
        covered["profile"].append(((fit.lower <= 0) & (fit.upper >= 0))[known])
        covered["Wald"].append(((fit.wald_lower <= 0) & (fit.wald_upper >= 0))[known])
        firth = cox_screen(group, time, event, penalty="firth")
        p["Firth LR"].append(firth.p_value)
        covered["Firth profile"].append((firth.lower <= 0) & (firth.upper >= 0))
    for name, values in p.items():
        rate, error = _rate(np.concatenate(values) < 0.05)
        _tell(f"{name} P < .05, no effect", sizes, rate, 20_000)
        # chi-square approximations: a few percent of themselves liberal in 20 subjects, Wald conservative with unequal groups
        slack = 0.022 if n == 20 else 0.012
        assert abs(rate - 0.05) <= 3.5 * error + slack, name
    for name, values in covered.items():
        _tell(f"{name} 95 % limits cover 0", sizes, _rate(np.concatenate(values))[0], 20_000)
    _tell("monotone likelihood", sizes, monotone / 20_000, 20_000)


@pytest.mark.parametrize("n", [30, 50, 101])
def test_profile_coverage_of_a_true_effect(n):
    """Continuous biomarker with log hazard ratio .5 per standard deviation: 4,000 trials, each with its own times."""
    rng = np.random.default_rng([2, n])
    hit = {"profile": [], "Wald": [], "Firth profile": []}
    errors = {"maximum likelihood": [], "Firth": []}
    for _ in range(4000):
        x = rng.normal(size=n)
        time, event = _trial(rng, n, np.exp(0.5 * x))
        fit, firth = cox_screen(x, time, event), cox_screen(x, time, event, penalty="firth")
        if fit.converged[0]:
            hit["profile"].append(fit.lower[0] <= 0.5 <= fit.upper[0])
            hit["Wald"].append(fit.wald_lower[0] <= 0.5 <= fit.wald_upper[0])
            errors["maximum likelihood"].append(fit.coefficient[0] - 0.5)
        hit["Firth profile"].append(firth.lower[0] <= 0.5 <= firth.upper[0])
        errors["Firth"].append(firth.coefficient[0] - 0.5)
    for name, values in hit.items():
        rate, error = _rate(values)
        _tell(f"{name} 95 % limits cover .5", n, rate, len(values))
        assert abs(rate - 0.95) <= 3.5 * error + 0.01, name
    for name, values in errors.items():
        _tell(f"{name}: mean error of the coefficient", n, float(np.mean(values)), len(values))
    # the risk sets are random, so the penalty takes away a part of the bias of order 1/n only
    assert 0 < np.mean(errors["Firth"]) < np.mean(errors["maximum likelihood"])


@pytest.mark.parametrize("n", [20, 50, 101])
def test_kaplan_meier_coverage(n):
    rng = np.random.default_rng([3, n])
    day, truth, median = 180, float(np.exp(-180 / 300)), 300 * np.log(2)
    hit = {k: [] for k in ("log-log", "log", "plain")}
    middle = []
    for _ in range(4000):
        event_time = rng.exponential(300, n)
        censored_at = rng.uniform(60, 660, n)
        time, event = np.minimum(event_time, censored_at), event_time <= censored_at
        for kind, values in hit.items():
            at = survival_at(kaplan_meier(time, event, interval=kind), day)
            if np.isfinite(at.lower[0]):
                values.append(at.lower[0] <= truth <= at.upper[0])
        limits = quantile(kaplan_meier(time, event))
        if limits.lower is not None:
            middle.append(limits.lower <= median <= (np.inf if limits.upper is None else limits.upper))
    for kind, values in hit.items():
        rate, error = _rate(values)
        _tell(f"Kaplan-Meier {kind} 95 % limits cover S(180 d) = .549", n, rate, len(values))
        if kind == "log-log":
            assert abs(rate - 0.95) <= 3.5 * error + 0.01
    rate, error = _rate(middle)
    _tell("95 % limits of the median cover", n, rate, len(middle))
    assert abs(rate - 0.95) <= 3.5 * error + 0.015


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_gray_type_one_error(sizes):
    rng = np.random.default_rng([4, *sizes])
    n, replicates, hits = sum(sizes), 4000, []
    group = (np.arange(n) < sizes[0]).astype(int)
    for _ in range(replicates):
        one, two, censored = rng.exponential(400, n), rng.exponential(800, n), rng.uniform(60, 700, n)
        time = np.ceil(np.minimum(np.minimum(one, two), censored))
        cause = np.where(censored <= np.minimum(one, two), 0, np.where(one <= two, 1, 2))
        p = gray_test(time, cause, group, 2).p_value
        if p is not None:
            hits.append(p < 0.05)
    rate, error = _rate(hits)
    _tell("Gray P < .05, no effect", sizes, rate, replicates)
    # chi-square approximation of a small unequal group
    assert abs(rate - 0.05) <= 3.5 * error + (0.025 if min(sizes) <= 10 else 0.01)


@pytest.mark.parametrize("n", [40, 101])
@pytest.mark.parametrize("tied", [False, True], ids=["continuous", "tied biomarker"])
def test_cut_points_found_where_there_are_none(n, tied):
    rng = np.random.default_rng([5, n, int(tied)])
    replicates = 2000 if n == 40 else 1000
    p = {k: [] for k in ("naive", "p_hothorn_lausen", "p_lausen_1992", "p_lausen_1994", "p_permutation")}
    for _ in range(replicates):
        x = rng.normal(size=n)
        x = np.round(x, 0) if tied else x
        time, event = _trial(rng, n)
        found = maximally_selected(x, log_rank_scores(time, event), permutations=499, rng=rng)
        high = (x > found.cutpoint).astype(int)
        p["naive"].append(log_rank_screen(time, event, high, 2).p_value[0])
        for name in list(p)[1:]:
            value = getattr(found, name)
            if value is not None:
                p[name].append(value)
    for name, values in p.items():
        if not values:
            continue
        rate, error = _rate(np.array(values) <= 0.05)
        _tell(f"cut-point {name} P <= .05, no effect{' (tied)' if tied else ''}", n, rate, replicates)
        if name == "naive":
            assert rate > (0.08 if tied else 0.3)  # the reason it is not offered
        else:
            assert rate <= 0.05 + 3.5 * error + (0.01 if name == "p_lausen_1994" else 0.0), name
    assert np.mean(np.array(p["p_permutation"]) <= 0.05) >= 0.04


def test_landmark_is_unbiased_where_the_naive_comparison_is_not():
    """Response has no effect on survival. Half the subjects would respond, between day 10 and 120, if they live to see it."""
    rng = np.random.default_rng(6)
    n, replicates = 101, 2000
    found = {k: [] for k in ("naive", "landmark day 90", "time-dependent")}
    rejected = {k: [] for k in found}
    for _ in range(replicates):
        death, censored = rng.exponential(250, n), rng.uniform(60, 700, n)
        time, event = np.ceil(np.minimum(death, censored)), death <= censored
        response = np.round(rng.uniform(10, 120, n))
        happened = (rng.random(n) < 0.5) & (response < time)
        after = landmark(time, event, 90)
        by_then = known_by(response, happened, 90)[after.index]
        rows = split_at_change(time, event, response, happened)
        fits = {
            "naive": cox_model(happened[:, None], time, event),
            "landmark day 90": cox_model(by_then[:, None], after.time, after.event),
            "time-dependent": cox_model(rows.changed[:, None], rows.stop, rows.event, entry=rows.start),
        }
        for name, fit in fits.items():
            if fit.converged:
                found[name].append(fit.coefficient[0])
                rejected[name].append(fit.p_value[0] < 0.05)
    for name, values in found.items():
        mean, error = float(np.mean(values)), float(np.std(values) / np.sqrt(len(values)))
        rate, spread = _rate(rejected[name])
        print(f"{name:18s} mean log hazard ratio {mean:+.4f} (HR {np.exp(mean):.3f}), P < .05 in {rate:.4f}")
        if name == "naive":
            assert mean < -0.3
            assert rate > 0.25
        else:
            assert abs(mean) < 3.5 * error + 0.01
            assert abs(rate - 0.05) < 3.5 * spread + 0.01
