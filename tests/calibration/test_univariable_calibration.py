"""Coverage of the 95 % intervals of the univariable methods at 20, 50 and 101 subjects.

Those of Hodges and Lehmann and of Firth's profile, and the type I error they go with, are in test_association_calibration, those of
Kaplan-Meier and Cox in test_survival_calibration. Figures are printed (``pytest -m calibration -s``) and stand in docs/methods. Bounds:
nominal and 3.5 Monte Carlo standard errors; a method that is known to be approximate has a wider one, told beside it.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from correlates.stats.auc import auc
from correlates.stats.censored_regression import censored_regression
from correlates.stats.competing_risks import cumulative_incidence, incidence_at
from correlates.stats.cox import cox_screen
from correlates.stats.fine_gray import fine_gray
from correlates.stats.imputation import impute
from correlates.stats.logistic import logistic_screen
from correlates.stats.pairs import kendall
from correlates.stats.pooling import pool
from correlates.stats.proportional_odds import proportional_odds_screen
from correlates.stats.rates import rate
from correlates.stats.response_curve import response_curve
from correlates.stats.restricted_mean import restricted_mean, restricted_mean_contrast
from correlates.stats.restricted_mean_permuted import permuted_contrast, studentised
from correlates.stats.spearman import spearman

pytestmark = pytest.mark.calibration

SIZES = (20, 50, 101)


def _slack(made):
    return 3.5 * np.sqrt(0.05 * 0.95 / made)


def _told(what, n, hit, made):
    print(f"|COVER|{what}|{n}|{hit / made:.4f}|{made}|")
    return hit / made


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_intervals_of_correlations_cover(n, rho):
    rng = np.random.default_rng([1, n, int(10 * rho)])
    m = 3000
    z = rng.normal(size=(2, m, n))
    x, y = z[0], rho * z[0] + np.sqrt(1 - rho**2) * z[1]
    true_s, true_k = 6 / np.pi * np.arcsin(rho / 2), 2 / np.pi * np.arcsin(rho)
    hits = [0, 0]
    for row in range(m):
        s, k = spearman(x[row], y[row]), kendall(x[row], y[row])
        hits[0] += int(s.lower[0] <= true_s <= s.upper[0])
        hits[1] += int(k.lower[0] <= true_k <= k.upper[0])
    for name, hit in zip(("spearman", "kendall"), hits, strict=True):
        assert 0.93 <= _told(f"{name}, correlation {rho}", n, hit, m) <= 0.975


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("share", [0.15, 0.5])
def test_interval_of_the_auc_covers(n, share):
    rng = np.random.default_rng([11, n, int(100 * share)])
    m, k = 20_000, max(round(share * n), 3)
    event = np.arange(n) < k
    x = rng.normal(size=(m, n)) + event
    found, wald = auc(x, event, limits="logit"), auc(x, event)
    good = np.isfinite(found.lower) & ~found.degenerate  # an AUC of 0 or 1 has no limits
    true, told = stats.norm.cdf(1 / np.sqrt(2)), []
    for name, one in (("logit", found), ("Wald", wald)):
        held = good & (one.lower <= true) & (one.upper >= true)
        told.append(_told(f"AUC .76 ({name}), {share:.0%} events", n, int(held.sum()), int(good.sum())))
    # the variance of three or eight cases is itself uncertain
    assert 0.93 <= told[0] <= 0.98
    assert told[0] > told[1]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("penalty", ["none", "firth"])
def test_interval_of_cox_covers(n, penalty):
    rng = np.random.default_rng([12, n, int(penalty == "firth")])
    hit, made = 0, 0
    for _ in range(3000):
        x = rng.normal(size=n)
        time, end = rng.exponential(300 / np.exp(0.5 * x)), rng.uniform(60, 660, n)
        fit = cox_screen(x, np.minimum(time, end), time <= end, penalty=penalty)
        if fit.converged[0]:
            hit += int(fit.lower[0] <= 0.5 <= fit.upper[0])
            made += 1
    assert (
        abs(_told(f"cox profile{' (Firth)' * (penalty == 'firth')}, log hazard ratio .5", n, hit, made) - 0.95)
        <= _slack(made) + 0.012
    )


@pytest.mark.parametrize("n", SIZES)
def test_interval_of_fine_and_gray_covers(n):
    """Their own law: F1(t; x) = 1 - (1 - p (1 - exp(-t)))^exp(b x), the other cause exponential given that it comes."""
    rng = np.random.default_rng([13, n])
    hit, made, p, b = 0, 0, 0.6, 0.5
    for _ in range(1500):
        x = rng.normal(size=n)
        first = rng.random(n) < 1 - (1 - p) ** np.exp(b * x)
        share = rng.random(n) * np.where(first, 1 - (1 - p) ** np.exp(b * x), 1.0)
        own = -np.log(1 - (1 - (1 - np.where(first, share, 0.0)) ** np.exp(-b * x)) / p)
        other = rng.exponential(1 / np.exp(0.3 * x))
        time, end = np.where(first, own, other), rng.uniform(0.3, 4, n)
        cause = np.where(end < time, 0, np.where(first, 1, 2))
        fit = fine_gray(x[:, None], np.minimum(time, end), cause)
        if fit.converged:
            hit += int(fit.lower[0] <= b <= fit.upper[0])
            made += 1
    # Wald by a sandwich: short in few subjects
    assert 0.95 - {20: 0.06, 50: 0.035, 101: 0.025}[n] <= _told("fine_gray, log ratio .5", n, hit, made) <= 0.975


@pytest.mark.parametrize("n", SIZES)
def test_interval_of_an_incidence_covers(n):
    rng = np.random.default_rng([14, n])
    hit, made, m = 0, 0, 3000
    true = 2 / 3 * (1 - np.exp(-1.5))  # rates 1 and .5, at time 1
    for _ in range(m):
        own, other, end = rng.exponential(1, n), rng.exponential(2, n), rng.uniform(0.3, 4, n)
        time = np.minimum(np.minimum(own, other), end)
        cause = np.where(end <= np.minimum(own, other), 0, np.where(own <= other, 1, 2))
        there = incidence_at(cumulative_incidence(time, cause, 2), np.array([1.0]))
        if np.isfinite(there.lower[0, 0]):
            hit += int(there.lower[0, 0] <= true <= there.upper[0, 0])
            made += 1
    assert abs(_told("cumulative incidence .52", n, hit, made) - 0.95) <= _slack(made) + 0.015


@pytest.mark.parametrize("n", SIZES)
def test_interval_of_proportional_odds_covers(n):
    rng = np.random.default_rng([2, n])
    outcomes, m, hit, made = 1200, 1, 0, 0
    for _ in range(outcomes):
        x = rng.normal(size=(m, n))
        y = np.digitize(0.7 * x[0] + rng.logistic(size=n), (-0.5, 0.8, 2.0))
        fit = proportional_odds_screen(x, y)
        good = fit.converged & ~np.isnan(fit.lower) & ~np.isnan(fit.upper)
        hit += int((good & (fit.lower <= 0.7) & (fit.upper >= 0.7)).sum())
        made += int(good.sum())
    # the profile of a likelihood without penalty: short in 20 subjects
    assert 0.91 <= _told("proportional_odds profile, log odds ratio 0.7", n, hit, made) <= 0.985


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6])
def test_interval_of_censored_regression_covers(n, share):
    rng = np.random.default_rng([3, n, int(10 * share)])
    m = 3000
    g = (np.arange(n) < n // 2).astype(float)
    y = rng.normal(size=(m, n)) + g
    limit = np.quantile(np.concatenate((rng.normal(size=20000), 1 + rng.normal(size=20000))), share) if share else -99.0
    fit = censored_regression(
        np.maximum(y, limit), np.stack((np.ones(n), g), axis=1), censoring=np.where(y < limit, -1, 0)
    )
    good = fit.converged
    wald = good & (fit.lower[:, 1] <= 1) & (fit.upper[:, 1] >= 1)
    _told(f"censored_regression, {share:.0%} censored, Wald", n, int(wald.sum()), int(good.sum()))
    hit = good & (fit.t_lower[:, 1] <= 1) & (fit.t_upper[:, 1] >= 1)
    told = _told(f"censored_regression, {share:.0%} censored, t", n, int(hit.sum()), int(good.sum()))
    # exact where nothing is censored; n - 2 degrees of freedom are many where most is
    assert 0.95 - _slack(good.sum()) - (0.01 if share else 0.0) <= told <= 0.985
    print(
        f"|COVER|censored_regression bias, {share:.0%} censored|{n}|{np.mean(fit.coefficient[good, 1]) - 1:+.4f}|{m}|"
    )


def test_intervals_of_rates_cover_by_enumeration():
    for n in (5, 13, 25):
        for p in (0.15, 0.4):
            x = np.arange(n + 1)
            law = stats.binom.pmf(x, n, p)
            for interval in ("wilson", "clopper-pearson"):
                found = rate(x, np.full(x.shape, n), interval=interval)
                cover = law[(found.lower <= p) & (found.upper >= p)].sum()
                print(f"|COVER|{interval}, rate {p}|{n}|{cover:.4f}|exact|")
                assert cover >= (0.95 if interval == "clopper-pearson" else 0.83)


@pytest.mark.parametrize("n", SIZES)
def test_band_of_the_response_curve_covers(n):
    rng = np.random.default_rng([4, n])
    hits, made = np.zeros(3), 0
    at = np.array([-1.0, 0.0, 1.0])
    for _ in range(1500):
        x = rng.normal(size=(1, n))
        event = rng.random(n) < 1 / (1 + np.exp(-(-0.5 + 0.8 * x[0])))
        if not 1 < event.sum() < n - 1:
            continue
        fit = logistic_screen(x, event)
        curve = response_curve(x, fit.intercept, fit.coefficient, at[None, :])
        true = 1 / (1 + np.exp(-(-0.5 + 0.8 * at)))
        hits += (curve.lower[0] <= true) & (curve.upper[0] >= true)
        made += 1
    for place, hit in zip(at, hits, strict=True):
        assert 0.92 <= _told(f"response_curve at {place:+.0f} SD", n, hit, made) <= 0.995


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("first", ["half", "a quarter"])
def test_interval_of_the_restricted_mean_covers(n, first):
    rng = np.random.default_rng([5, n, len(first)])
    hits, made, horizon = np.zeros(3), 0, 100.0
    k = n // 2 if first == "half" else n // 4
    side = np.arange(n) < k
    means = [(1 - np.exp(-horizon / mean)) * mean for mean in (150, 100)]
    for trial in range(1500):
        time = rng.exponential(np.where(side, 150, 100))
        end = rng.uniform(60, np.where(side, 300, 200))  # followed differently
        seen, time = time <= end, np.minimum(time, end)
        plain = restricted_mean_contrast(*(restricted_mean(time[s], seen[s], horizon) for s in (side, ~side)))
        if plain.difference is None or plain.p_value is None or plain.ratio is None:
            continue
        law = permuted_contrast(time, seen, side, horizon=horizon, permutations=1000, seed=trial)
        found = studentised(plain, law)
        for place, (one, true) in enumerate(
            (
                ((plain.lower, plain.upper), means[0] - means[1]),
                ((found.lower, found.upper), means[0] - means[1]),
                ((found.ratio_lower, found.ratio_upper), means[0] / means[1]),
            )
        ):
            hits[place] += one[0] <= true <= one[1]
        made += 1
    what = f"restricted mean of 150 and 100 days, first group {first}"
    _told(f"{what}: difference, normal", n, hits[0], made)
    difference = _told(f"{what}: difference, permuted", n, hits[1], made)
    ratio = _told(f"{what}: ratio, permuted", n, hits[2], made)
    for told in (difference, ratio):  # the laws differ between the groups: permutation is right in large samples only
        assert abs(told - 0.95) <= _slack(made) + (0.02 if n == 20 else 0.01)


@pytest.mark.parametrize("n", SIZES)
def test_imputation_covers_and_complete_cases_lose(n):
    """A biomarker that is missing more often where an observed covariate is high; its log odds ratio 0.7 given nothing else."""
    rng = np.random.default_rng([6, n])
    hit, made, complete, lengths = 0, 0, 0, []
    for _ in range(500):
        z = rng.normal(size=n)
        x = 0.7 * z + np.sqrt(1 - 0.49) * rng.normal(size=n)
        event = rng.random(n) < 1 / (1 + np.exp(-(-0.3 + 0.7 * x)))
        gone = rng.random(n) < 1 / (1 + np.exp(-(-1.2 + 1.0 * z)))
        if not 3 < event.sum() < n - 3 or gone.sum() > 0.6 * n:
            continue
        data = np.stack((event.astype(float), x, z), axis=1)
        missing = np.zeros(data.shape, dtype=bool)
        missing[:, 1] = gone
        drawn = impute(data, missing, ["category", "number", "number"], imputations=10, iterations=3, rng=rng)
        fit = logistic_screen(drawn.values[:, :, 1], event)
        found = pool(fit.coefficient, fit.standard_error**2, n - 2)
        cc = logistic_screen(x[None, :], event, ~gone[None, :])
        if not np.isfinite(cc.lower[0]):
            continue
        hit += int(found.lower <= 0.7 <= found.upper)
        complete += int(cc.lower[0] <= 0.7 <= cc.upper[0])
        lengths.append((float(found.upper - found.lower), float(cc.upper[0] - cc.lower[0])))
        made += 1
    assert _told("firth_imputed, missing at random", n, hit, made) >= 0.92
    _told("firth on complete cases, the same", n, complete, made)
    print(f"|COVER|mean length imputed and complete|{n}|{np.mean(lengths, axis=0).round(3).tolist()}|{made}|")
