"""Error rates of the univariable methods, coverage of their intervals, and error rates of every adjustment, by simulation.

Those of Gray, Fine-Gray and selected cut-points, and more of Cox and the log-rank test, are in test_survival_calibration.

Figures are printed (``pytest -m calibration -s``) and stand in docs/methods. Bounds: nominal and 3.5 Monte Carlo standard errors; a
method that is known to be discrete or approximate has a wider one, told beside it.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from correlates.stats.censored_regression import censored_regression
from correlates.stats.cox import cox_screen
from correlates.stats.dunn import dunn
from correlates.stats.imputation import impute
from correlates.stats.kruskal import kruskal_wallis
from correlates.stats.log_rank import log_rank, log_rank_screen
from correlates.stats.logistic import logistic_screen
from correlates.stats.multiplicity import adjust
from correlates.stats.pairs import jonckheere, kendall
from correlates.stats.pooling import pool
from correlates.stats.proportional_odds import proportional_odds_screen
from correlates.stats.rank import wilcoxon
from correlates.stats.ranks import midranks, quantiles
from correlates.stats.rates import cochran_armitage, rate
from correlates.stats.response_curve import response_curve
from correlates.stats.restricted_mean import restricted_mean, restricted_mean_contrast
from correlates.stats.spearman import spearman
from correlates.stats.westfall_young import westfall_young

pytestmark = pytest.mark.calibration

SIZES = (20, 50, 101)
VALUES = ("no ties", "ties", "30 % censored")
SHAPES = ("balanced", "15 %")


def _values(rng, m, n, how):
    """Panels of independent normal biomarkers, and the signs of limits (two plates with limits of their own)."""
    x = rng.normal(size=(m, n))
    sign = np.zeros(x.shape, dtype=int)
    if how == "ties":
        x = np.round(x * 2) / 2
    if how == "30 % censored":
        limit = rng.permuted(np.where(np.arange(n) % 2 == 0, stats.norm.ppf(0.2), stats.norm.ppf(0.4)))
        sign = np.where(x < limit, -1, 0)
        x = np.maximum(x, limit)
    return x, sign


def _cut(x, k):
    bounds = quantiles(x, np.ones(x.shape, dtype=bool), tuple(j / k for j in range(1, k)))
    return (x[:, :, None] > bounds[:, None, :]).sum(axis=2)


def _follow_up(rng, n, *, balanced):
    time, end = rng.exponential(100, n), rng.uniform(0, 200, n) * (1.2 if balanced else 0.18)
    return np.minimum(time, end), time <= end


def _restricted(time, seen, halves):
    """P of the restricted means of two halves, up to the day both are followed to."""
    p = []
    for half in halves:
        sides = [half == j for j in (0, 1)]
        horizon = min(time[side].max() for side in sides)
        found = restricted_mean_contrast(*(restricted_mean(time[side], seen[side], horizon) for side in sides))
        p.append(np.nan if found.p_value is None else found.p_value)
    return np.array(p)


def _peto(x, sign, event):
    p = []
    for row, limits in zip(x, sign, strict=True):
        found = log_rank(row.max() - row, limits == 0, event.astype(int), 2, rho=1.0).p_value
        p.append(np.nan if found is None else found)
    return np.array(p)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("how", VALUES)
@pytest.mark.parametrize("shape", SHAPES)
def test_type_one_error_of_every_method(n, how, shape):
    rng = np.random.default_rng([n, VALUES.index(how), SHAPES.index(shape)])
    balanced = shape == "balanced"
    events = n // 2 if balanced else max(2, round(0.15 * n))
    rates: dict[str, list[int]] = {}

    def add(name, p):
        p = p[~np.isnan(p)]
        one = rates.setdefault(name, [0, 0])
        one[0] += int((p < 0.05).sum())
        one[1] += p.size

    for _ in range(2):
        event = rng.permuted(np.arange(n) < events)
        place = (rng.permutation(n) + 0.5) / n
        klass = np.searchsorted((1 / 3, 2 / 3) if balanced else (0.15, 0.5), place)
        place = (rng.permutation(n) + 0.5) / n
        grade = np.searchsorted((0.25, 0.5, 0.75) if balanced else (0.6, 0.85, 0.95), place)
        time, seen = _follow_up(rng, n, balanced=balanced)
        x, sign = _values(rng, 2000, n, how)
        few = 400 if n == 50 and how != "no ties" else 2000  # exact permutation with ties takes its time
        add("wilcoxon", wilcoxon(x[:few], event, censoring=sign[:few]).p_value)
        add("firth", logistic_screen(x, event).p_value)
        add("logistic_ml", logistic_screen(x, event, penalty="none").p_value)
        quarter = _cut(x[:1000], 4)
        hits = np.stack([((quarter == j) & event).sum(axis=1) for j in range(4)], axis=1)
        sizes = np.stack([(quarter == j).sum(axis=1) for j in range(4)], axis=1)
        trend = cochran_armitage(hits, sizes, [1, 2, 3, 4])
        add("quartile_rates, exact", trend.p_exact)
        add("quartile_rates, asymptotic", trend.p_value)
        if how != "ties":
            design = np.stack((np.ones(n), event.astype(float)), axis=1)
            add("censored_regression", censored_regression(x, design, censoring=sign).p_value)
        add("peto", _peto(x[:250], sign[:250], event))
        add("kruskal_wallis", kruskal_wallis(x, klass, 3, censoring=sign).p_value)
        add("dunn, one pair", dunn(x, klass, 3, [(0, 1)], censoring=sign).p_value[:, 0])
        add("jonckheere", jonckheere(x, klass, 3, censoring=sign).p_value)
        add("spearman", spearman(x, grade, censoring=sign).p_value)
        add("kendall", kendall(x[:1000], grade, censoring=sign[:1000]).p_value)
        ordinal = proportional_odds_screen(x[:400], grade)
        add("proportional_odds", ordinal.p_value)
        add("proportional_odds, test of parallel odds", ordinal.parallel_p)
        half = _cut(x, 2)
        add("log_rank, two groups", log_rank_screen(time, seen, half, 2).p_value)
        add("log_rank, Peto-Peto", log_rank_screen(time, seen, half, 2, rho=1.0).p_value)
        add("cox", cox_screen(x[:400], time, seen).p_value)
        add("cox_firth", cox_screen(x[:400], time, seen, penalty="firth").p_value)
        add("restricted_mean", _restricted(time, seen, half[:150]))
    for name, (hit, made) in rates.items():
        share = hit / max(made, 1)
        print(f"|TYPE1|{name}|{n}|{shape}|{how}|{share:.4f}|{made}|")
        # small asymptotic tests are told, not bounded: the page says where each may be trusted
        if made and n > 50 and balanced:
            assert share <= 0.065 + 3.5 * np.sqrt(0.065 * 0.935 / made), name


def _told(what, n, hit, made):
    print(f"|COVER|{what}|{n}|{hit / made:.4f}|{made}|")
    return hit / made


@pytest.mark.parametrize("n", SIZES)
def test_intervals_of_correlations_cover(n):
    rng = np.random.default_rng([1, n])
    m = 4000
    for rho in (0.0, 0.5):
        z = rng.normal(size=(2, m, n))
        x, y = z[0], rho * z[0] + np.sqrt(1 - rho**2) * z[1]
        true_s, true_k = 6 / np.pi * np.arcsin(rho / 2), 2 / np.pi * np.arcsin(rho)
        hits = [0, 0]
        for row in range(m):
            s, k = spearman(x[row], y[row]), kendall(x[row], y[row])
            hits[0] += int(s.lower[0] <= true_s <= s.upper[0])
            hits[1] += int(k.lower[0] <= true_k <= k.upper[0])
        for name, hit in zip(("spearman", "kendall"), hits, strict=True):
            assert 0.92 <= _told(f"{name}, correlation {rho}", n, hit, m) <= 0.975


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
    assert 0.91 <= _told("proportional_odds, log odds ratio 0.7", n, hit, made) <= 0.985


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
    hit = good & (fit.lower[:, 1] <= 1) & (fit.upper[:, 1] >= 1)
    told = _told(f"censored_regression, {share:.0%} censored", n, int(hit.sum()), int(good.sum()))
    assert 0.88 <= told <= 0.97  # Wald with the maximum-likelihood sigma: short in 20 subjects
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
def test_interval_of_the_restricted_mean_covers(n):
    rng = np.random.default_rng([5, n])
    hit, made = 0, 0
    true = (1 - np.exp(-100 / 150)) * 150 - (1 - np.exp(-100 / 100)) * 100
    for _ in range(1500):
        sides = []
        for mean in (150, 100):
            time, end = rng.exponential(mean, n // 2), rng.uniform(60, 300, n // 2)
            sides.append(restricted_mean(np.minimum(time, end), time <= end, 100.0))
        found = restricted_mean_contrast(*sides)
        if found.lower is not None and found.upper is not None:
            hit += int(found.lower <= true <= found.upper)
            made += 1
    assert 0.89 <= _told("restricted_mean, exponential 150 and 100 days", n, hit, made) <= 0.97


@pytest.mark.parametrize("n", [50, 101])
def test_imputation_covers_and_complete_cases_lose(n):
    """A biomarker that is missing more often where an observed covariate is high; its log odds ratio 0.7 given nothing else."""
    rng = np.random.default_rng([6, n])
    hit, made, complete, lengths = 0, 0, 0, []
    for _ in range(400):
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


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("real", [0, 10])
def test_adjustments_hold_their_rates_on_correlated_panels(rho, real):
    """100 tests of 50 subjects, equal correlation; ``real`` of them with a shift of 1.2 SD."""
    rng = np.random.default_rng([7, int(10 * rho), real])
    n, m, times = 50, 100, 400
    event = np.arange(n) < 25
    names = (
        "none",
        "bonferroni",
        "holm",
        "hochberg",
        "bh",
        "by",
        "storey",
        "westfall-young-maxt",
        "westfall-young-minp",
    )
    any_false, fdr, power = (dict.fromkeys(names, 0.0) for _ in range(3))
    for _ in range(times):
        x = np.sqrt(1 - rho) * rng.normal(size=(m, n)) + np.sqrt(rho) * rng.normal(size=(1, n))
        x[:real] += 1.2 * event
        p = wilcoxon(x, event).p_value
        ranks = midranks(x, np.ones(x.shape, dtype=bool)).ranks
        permuted = westfall_young(ranks - ranks.mean(axis=1, keepdims=True), event, permutations=400, rng=rng)
        for name in names:
            adjusted = (
                permuted.max_t
                if name.endswith("maxt")
                else permuted.min_p
                if name.endswith("minp")
                else adjust(p, name)
            )
            hit = adjusted <= 0.05
            false = int(hit[real:].sum())
            any_false[name] += false > 0
            fdr[name] += false / max(int(hit.sum()), 1)
            power[name] += hit[:real].mean() if real else 0.0
    for name in names:
        print(
            f"|MULT|{name}|{rho}|{real}|{any_false[name] / times:.4f}|{fdr[name] / times:.4f}|{power[name] / times:.4f}|{times}|"
        )
    slack = 3.5 * np.sqrt(0.05 * 0.95 / times)
    for name in ("bonferroni", "holm", "hochberg", "westfall-young-maxt", "westfall-young-minp"):
        assert any_false[name] / times <= 0.05 + slack, name
    for name in ("bh", "by"):
        assert fdr[name] / times <= 0.05 + slack, name
