"""Small cases worked by hand, and other programs that are at hand: scipy, statsmodels."""

from __future__ import annotations

from itertools import permutations
from math import comb

import numpy as np
import pytest
from scipy import stats
from statsmodels.miscmodels.ordinal_model import OrderedModel

from correlates.stats.censored_regression import censored_regression
from correlates.stats.dunn import dunn
from correlates.stats.imputation import impute
from correlates.stats.multiplicity import adjust, null_share
from correlates.stats.pairs import jonckheere, kendall
from correlates.stats.pooling import pool
from correlates.stats.proportional_odds import proportional_odds_screen
from correlates.stats.rates import cochran_armitage, rate
from correlates.stats.response_curve import response_curve
from correlates.stats.spearman import spearman
from correlates.stats.westfall_young import orders, westfall_young


def test_kendall_with_a_limit_counts_the_pairs_it_orders():
    # x: below 5, 3, 7; y: 1, 2, 3. Below 5 against 3 is open, so only two pairs are ordered, both concordant
    found = kendall([5.0, 3.0, 7.0], [1.0, 2.0, 3.0], censoring=[-1, 0, 0])
    assert (found.concordant[0], found.discordant[0]) == (2.0, 0.0)
    assert found.tau[0] == pytest.approx(2 / np.sqrt(2 * 3))
    assert found.variant[0] == "normal approximation"


def test_variance_of_the_pair_sum_is_that_of_every_order():
    x, cut = np.array([5.0, 3.0, 7.0, 5.0, 2.0]), np.array([-1, 0, 0, 0, 1])
    y = np.array([1.0, 2.0, 2.0, 4.0, 3.0])
    sums = [
        kendall(x, y[list(order)], censoring=cut).concordant[0]
        - kendall(x, y[list(order)], censoring=cut).discordant[0]
        for order in permutations(range(5))
    ]
    found = kendall(x, y, censoring=cut)
    s = found.concordant[0] - found.discordant[0]
    assert np.mean(sums) == pytest.approx(0.0, abs=1e-12)
    assert found.z[0] == pytest.approx(s / np.std(sums))


def test_correlations_are_those_of_scipy():
    rng = np.random.default_rng(3)
    x, y = np.round(rng.normal(size=(6, 30)), 1), np.round(rng.normal(size=30), 1)
    rho, tau = spearman(x, y), kendall(x, y)
    for row in range(6):
        one, two = stats.spearmanr(x[row], y), stats.kendalltau(x[row], y, method="asymptotic")
        assert (rho.rho[row], rho.p_value[row]) == pytest.approx((one.statistic, one.pvalue))
        assert (tau.tau[row], tau.p_value[row]) == pytest.approx((two.statistic, two.pvalue))


def test_spearman_exact_with_ties_is_the_share_of_all_orders():
    a, b = [1.0, 1.0, 2.0, 3.0], [1.0, 2.0, 2.0, 3.0]
    # ranks 1.5 1.5 3 4 and 1 2.5 2.5 4: of the 12 different orders those that reach the observed product
    found = spearman(a, b)
    ra, rb = np.array([1.5, 1.5, 3, 4]) - 2.5, np.array([1, 2.5, 2.5, 4]) - 2.5
    every = [abs(float(ra @ rb[list(o)])) for o in permutations(range(4))]
    assert found.p_value[0] == pytest.approx(np.mean([e >= abs(float(ra @ rb)) - 1e-12 for e in every]))


def test_jonckheere_of_two_groups_is_mann_whitney():
    x, g = [1.0, 4.0, 2.0, 5.0, 3.0], [0, 0, 0, 1, 1]
    found = jonckheere(x, g, 2)
    other = stats.mannwhitneyu([5.0, 3.0], [1.0, 4.0, 2.0], method="exact")
    assert (found.j[0], found.p_value[0]) == pytest.approx((other.statistic, other.pvalue))


def test_dunn_by_hand():
    # ranks 1 2 | 3 4 | 5 6: N (N + 1) / 12 = 3.5; mean ranks 1.5 and 5.5; z = -4 / sqrt(3.5 (1/2 + 1/2))
    found = dunn([1, 2, 3, 4, 5, 6], [0, 0, 1, 1, 2, 2], 3, [(0, 2)])
    assert found.z[0, 0] == pytest.approx(-4 / np.sqrt(3.5))


def test_exact_trend_of_two_groups_is_fishers_test():
    found = cochran_armitage([[1, 6]], [[8, 9]], [0, 1])
    # two-sided by distance from the mean: all tables at least as far as the observed one
    law = np.array([comb(8, k) * comb(9, 7 - k) for k in range(8)]) / comb(17, 7)
    second = 7 - np.arange(8)
    mean = float(law @ second)
    assert found.p_exact[0] == pytest.approx(law[np.abs(second - mean) >= abs(6 - mean) - 1e-9].sum())


def test_rates_by_hand():
    z = stats.norm.ppf(0.975)
    found = rate([0, 5], [10, 10], interval="wilson")
    assert found.upper[0] == pytest.approx(z**2 / (10 + z**2))
    assert found.estimate[1] == 0.5
    exact = rate(0, 10, interval="clopper-pearson")
    assert float(exact.upper) == pytest.approx(1 - 0.025**0.1)


@pytest.mark.parametrize("levels", [3, 4])
def test_proportional_odds_is_that_of_statsmodels(levels):
    rng = np.random.default_rng(levels)
    x = rng.normal(size=80)
    y = np.digitize(x + rng.logistic(size=80), np.linspace(-1, 2, levels - 1))
    fit = proportional_odds_screen(x, y)
    other = OrderedModel(y, x[:, None], distr="logit").fit(method="bfgs", disp=False, gtol=1e-10, maxiter=500)
    assert fit.coefficient[0] == pytest.approx(other.params[0], rel=1e-6)
    assert fit.standard_error[0] == pytest.approx(other.bse[0], rel=1e-5)  # its Hessian is numeric
    assert fit.log_likelihood[0] == pytest.approx(other.llf, rel=1e-9)
    drop = stats.chi2.ppf(0.95, 1) / 2
    for limit in (fit.lower[0], fit.upper[0]):
        held = OrderedModel(y, x[:, None], distr="logit", offset=limit * x)
        assert held  # the profile: thresholds alone are refitted below
        assert _profile(x, y, limit) == pytest.approx(fit.log_likelihood[0] - drop, abs=1e-6)


def _profile(x, y, beta):
    """Largest log-likelihood with the slope held, by a general optimiser."""
    from scipy.optimize import minimize

    k = y.max() + 1

    def negative(parameters):
        alpha = np.sort(parameters)[::-1]
        above = 1 / (1 + np.exp(-(alpha[None, :] + beta * x[:, None])))
        bounds = np.concatenate((np.ones((x.size, 1)), above, np.zeros((x.size, 1))), axis=1)
        share = bounds[np.arange(x.size), y] - bounds[np.arange(x.size), y + 1]
        return -np.log(np.maximum(share, 1e-300)).sum()

    found = minimize(
        negative,
        np.linspace(1, -1, k - 1),
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 5000},
    )
    return -found.fun


def test_proportional_odds_with_two_grades_is_logistic_regression():
    from correlates.stats.logistic import Penalty, logistic_screen

    rng = np.random.default_rng(8)
    x, y = rng.normal(size=(3, 40)), rng.integers(0, 2, 40)
    one, two = proportional_odds_screen(x, y), logistic_screen(x, y, penalty=Penalty.NONE)
    np.testing.assert_allclose(one.coefficient, two.coefficient, rtol=1e-7)
    np.testing.assert_allclose(one.lower, two.lower, rtol=1e-6)
    np.testing.assert_allclose(one.p_value, two.p_value, rtol=1e-7)
    assert np.isnan(one.parallel_p).all()


def test_an_order_without_exception_has_no_estimate():
    found = proportional_odds_screen([[1.0, 2, 3, 4, 5, 6], [6.0, 5, 4, 3, 2, 1]], [0, 0, 1, 1, 2, 2])
    assert found.monotone.tolist() == [1, -1]
    assert np.isnan(found.coefficient).all()


def test_without_censoring_the_regression_is_least_squares():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=25), rng.normal(size=25)
    fit = censored_regression(y, np.stack((np.ones(25), x), axis=1))
    line = stats.linregress(x, y)
    assert fit.coefficient[0] == pytest.approx((line.intercept, line.slope))
    residual = y - line.intercept - line.slope * x
    assert fit.sigma[0] == pytest.approx(np.sqrt(np.mean(residual**2)))
    # in few subjects its P and limits are those of least squares
    assert fit.f_p_value[0] == pytest.approx(line.pvalue)
    half = stats.t.ppf(0.975, 23) * line.stderr
    np.testing.assert_allclose((fit.t_lower[0, 1], fit.t_upper[0, 1]), (line.slope - half, line.slope + half))
    # of groups, those of the analysis of variance
    groups = np.arange(25) % 3
    fit = censored_regression(
        y, (groups[:, None] == np.arange(3)).astype(float) @ np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1.0]])
    )
    theirs = stats.f_oneway(*(y[groups == j] for j in range(3)))
    assert fit.f[0] == pytest.approx(theirs.statistic)
    assert fit.f_p_value[0] == pytest.approx(theirs.pvalue)


def test_censoring_turned_round_turns_the_estimates():
    rng = np.random.default_rng(5)
    y, g = rng.normal(size=40), (np.arange(40) % 2).astype(float)
    design = np.stack((np.ones(40), g), axis=1)
    low = np.where(y < -0.5, -1, 0)
    left = censored_regression(np.maximum(y, -0.5), design, censoring=low)
    right = censored_regression(-np.maximum(y, -0.5), design, censoring=-low)
    np.testing.assert_allclose(left.coefficient, -right.coefficient, rtol=1e-8)
    assert left.p_value[0] == pytest.approx(right.p_value[0])
    none = censored_regression(y, design, censoring=np.where(g == 1, -1, 0))
    assert not none.converged[0]  # one class has no quantified value


def test_a_curve_and_its_band_by_hand():
    # two points at -1 and 1 with n each at p = 1/2: information of the intercept 2 n / 4, of the slope the same
    x = np.repeat([-1.0, 1.0], 8)[None, :]
    found = response_curve(x, [0.0], [0.0], [[0.0, 2.0]])
    half = stats.norm.ppf(0.975) * np.sqrt(1 / 4 + np.array([0.0, 4.0]) / 4)
    np.testing.assert_allclose(found.probability[0], 0.5)
    np.testing.assert_allclose(found.upper[0], 1 / (1 + np.exp(-half)))


def test_q_values_of_a_small_family_are_benjamini_hochberg():
    p = [0.01, 0.02, 0.2, 0.9]
    np.testing.assert_array_equal(adjust(p, "storey"), adjust(p, "bh"))
    assert null_share([0.5] * 100) == 1.0


def test_max_t_of_three_subjects_by_hand():
    # scores of two biomarkers, one event among three subjects: three arrangements
    a = np.array([[-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]])
    found = westfall_young(a, [0, 0, 1], permutations=100, rng=np.random.default_rng(0))
    # statistics by arrangement (event at 3, 1, 2): first 1, 1, 0; second 0, 1, 1 (in units of a common scale)
    assert found.orders == 3
    np.testing.assert_allclose(found.p_value, [2 / 3, 1.0])
    np.testing.assert_allclose(found.max_t, [1.0, 1.0])


def test_orders_keep_the_observed_first_and_keep_the_rows_together():
    y = np.arange(12.0)
    drawn, complete = orders(y, 50, np.random.default_rng(1))
    assert not complete
    np.testing.assert_array_equal(drawn[:, 0], np.arange(12))
    assert all(sorted(column) == list(range(12)) for column in drawn.T.tolist())
    assert len({tuple(c) for c in drawn.T.tolist()}) > 40


def test_pooling_by_hand():
    # two estimates 1 and 3 with variance 2: within 2, between 2, total 2 + 1.5 x 2 = 5
    found = pool([1.0, 3.0], [2.0, 2.0], np.inf)
    assert (found.estimate, found.within, found.between, found.total) == pytest.approx((2.0, 2.0, 2.0, 5.0))
    assert float(found.df) == pytest.approx(1 / 0.6**2)


def test_imputed_values_are_values_that_occur_and_follow_the_others():
    rng = np.random.default_rng(6)
    z = rng.normal(size=200)
    data = np.stack((z, z + 0.1 * rng.normal(size=200), (z > 0).astype(float)), axis=1)
    gone = np.zeros(data.shape, dtype=bool)
    gone[:40, 1] = True
    gone[40:60, 2] = True
    made = impute(data, gone, ["number", "number", "category"], imputations=4, iterations=5, rng=rng)
    np.testing.assert_array_equal(made.values[:, ~gone], np.broadcast_to(data[~gone], (4, (~gone).sum())))
    assert set(made.values[:, :40, 1].ravel()) <= set(data[40:, 1])
    assert np.corrcoef(made.values[0, :40, 1], z[:40])[0, 1] > 0.95
    assert np.mean(made.values[:, 40:60, 2] == (z[40:60] > 0)) > 0.8
    again = impute(
        data, gone, ["number", "number", "category"], imputations=4, iterations=5, rng=np.random.default_rng(6)
    )
    assert made.values.shape == again.values.shape == (4, 200, 3)
