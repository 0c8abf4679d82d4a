"""Rules of the limit of detection by regression."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize, stats

from correlates.stats.detection import Link, detection_limit

LEVEL = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
TESTED = [24] * 6
DETECTED = [3, 7, 15, 20, 24, 24]


def _statsmodels(link):
    families = sm.families.links
    chosen = {"probit": families.Probit(), "logit": families.Logit(), "cloglog": families.CLogLog()}[link]
    k, n = np.array(DETECTED), np.array(TESTED)
    return sm.GLM(
        np.stack((k, n - k), axis=1), sm.add_constant(np.log10(LEVEL)), family=sm.families.Binomial(chosen)
    ).fit(tol=1e-14, maxiter=200)


@pytest.mark.parametrize("link", ["probit", "logit", "cloglog"])
def test_fit_is_that_of_statsmodels(link):
    made, other = detection_limit(LEVEL, TESTED, DETECTED, link=link), _statsmodels(link)
    assert (made.intercept, made.slope) == pytest.approx(tuple(other.params), rel=1e-6)
    assert (made.intercept_se, made.slope_se) == pytest.approx(tuple(other.bse), rel=1e-5)
    assert made.deviance == pytest.approx(other.deviance, rel=1e-6)
    assert made.pearson == pytest.approx(other.pearson_chi2, rel=1e-5)
    assert made.deviance_p == pytest.approx(stats.chi2.sf(other.deviance, 4), rel=1e-6)


def test_rows_of_one_level_are_added_up():
    once = detection_limit(LEVEL, TESTED, DETECTED)
    split = detection_limit([*LEVEL, 4.0], [24, 24, 10, 24, 24, 24, 14], [3, 7, 9, 20, 24, 24, 6])
    assert split.limit == once.limit
    assert list(split.level) == LEVEL
    assert split.df == 4


def test_fieller_limits_solve_their_equation():
    made = detection_limit(LEVEL, TESTED, DETECTED)
    z = stats.norm.ppf(0.975)
    target = stats.norm.ppf(0.95)
    for limit in made.fieller:
        x = np.log10(limit)
        variance = made.intercept_se**2 + 2 * x * made.covariance + x**2 * made.slope_se**2
        assert (target - made.intercept - made.slope * x) ** 2 == pytest.approx(z**2 * variance, rel=1e-8)


def test_slope_not_shown_leaves_the_limit_open():
    made = detection_limit([1.0, 10.0], [6, 6], [2, 3])
    assert made.g >= 1
    assert made.fieller == (0.0, np.inf)
    assert made.limit is not None
    assert made.extrapolated


@pytest.mark.parametrize(
    ("level", "tested", "detected", "why"),
    [
        ([1.0, 1.0], [5, 5], [2, 3], "too-few-levels"),
        ([1.0, 10.0], [5, 5], [0, 0], "detected-nowhere"),
        ([1.0, 10.0], [5, 5], [5, 5], "detected-everywhere"),
        ([1.0, 10.0], [5, 5], [0, 5], "detection-all-or-nothing"),
        ([1.0, 3.0, 10.0], [5, 5, 5], [0, 2, 5], "detection-all-or-nothing"),
        ([1.0, 10.0], [5, 5], [5, 0], "detection-not-increasing"),
        ([1.0, 10.0], [5, 5], [4, 1], "detection-not-increasing"),
        ([1.0, 3.0, 10.0], [5, 5, 5], [3, 3, 3], "detection-not-increasing"),
    ],
)
@pytest.mark.parametrize("link", ["probit", "logit", "cloglog"])
def test_undefined(level, tested, detected, why, link):
    made = detection_limit(level, tested, detected, link=link)
    assert (made.why, made.limit, made.slope, made.delta, made.fieller, made.deviance) == (why, *[None] * 5)


@pytest.mark.parametrize("link", ["probit", "logit", "cloglog"])
def test_a_level_that_contradicts_its_neighbours_is_fitted(link):
    """Scoring with the expected information steps to and fro here, a little less each time, and does not arrive."""
    made = detection_limit([1.0, 2.0, 3.0, 4.0, 6.0], [1, 1, 39, 1, 1], [0, 0, 39, 0, 0], link=link)
    shape = {"probit": stats.norm.cdf, "logit": stats.logistic.cdf, "cloglog": stats.gumbel_l.cdf}[link]

    def deviance(at):
        p = shape(at[0] + at[1] * np.log10([1.0, 2.0, 3.0, 4.0, 6.0]))
        return -2 * (39 * np.log(p[2]) + np.log1p(-p[[0, 1, 3, 4]]).sum())

    other = optimize.minimize(deviance, [1.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-13})
    assert made.deviance == pytest.approx(other.fun, rel=1e-9)
    assert (made.intercept, made.slope) == pytest.approx(
        tuple(other.x), rel=1e-4
    )  # what a flat minimum leaves of 1e-13


def test_nearly_separated_data_still_have_a_limit():
    made = detection_limit([1.0, 2.0, 3.0, 4.0], [50] * 4, [0, 1, 49, 50])
    assert 2 < made.limit < 3  # 96 % and more are detected from 3 on
    assert made.slope > 10


@pytest.mark.parametrize("link", ["probit", "logit", "cloglog"])
def test_hundreds_of_replicates_over_eight_decades(link):
    level = np.geomspace(1e-3, 1e5, 17)
    detected = np.round(400 * (1 - np.exp(-level))).astype(int)
    made = detection_limit(level, np.full(17, 400), detected, link=link)
    assert 1 < made.limit < 6
    assert np.isfinite([made.deviance, made.pearson, made.log10_se]).all()


def test_heterogeneity_widens_only_what_fits_badly():
    fits = detection_limit(LEVEL, TESTED, DETECTED, heterogeneity=True)
    assert fits.dispersion == 1.0
    bad = detection_limit(LEVEL, [200] * 6, [30, 120, 60, 190, 150, 200], heterogeneity=True)
    plain = detection_limit(LEVEL, [200] * 6, [30, 120, 60, 190, 150, 200])
    assert bad.dispersion == pytest.approx(plain.pearson / 4)
    assert bad.slope_se == pytest.approx(plain.slope_se * bad.dispersion**0.5)
    assert bad.limit == plain.limit


@pytest.mark.parametrize(
    ("level", "tested", "detected"),
    [
        ([0.0, 1.0], [5, 5], [1, 2]),
        ([1.0, 2.0], [5, 0], [1, 0]),
        ([1.0, 2.0], [5, 5], [6, 2]),
        ([1.0, 2.0], [5, 5], [1.5, 2]),
        ([1.0, 2.0], [5], [1, 2]),
        ([1.0, np.nan], [5, 5], [1, 2]),
    ],
)
def test_data_that_cannot_be(level, tested, detected):
    with pytest.raises(ValueError, match="must be"):
        detection_limit(level, tested, detected)


def test_shares_that_cannot_be():
    with pytest.raises(ValueError, match="between 0 and 1"):
        detection_limit(LEVEL, TESTED, DETECTED, probability=95)


def _bias_by_definition(eta: np.ndarray, design: np.ndarray, n: int, link: Link) -> np.ndarray:
    """Firth's (1993) adjustment, tr[I^-1 (P_r + Q_r)]/2, from expectations over all counts of a level and numerical derivatives.

    P_r = E(U U' U_r) and Q_r = E(-J U_r), U the score and J the observed information; levels are independent, so that sums of
    third moments over levels are those of the levels.
    """

    def chance(at: float) -> float:
        if link is Link.PROBIT:
            return float(stats.norm.cdf(at))
        return 1 / (1 + np.exp(-at)) if link is Link.LOGIT else 1 - np.exp(-np.exp(at))

    step, counts = 1e-4, np.arange(n + 1)
    information, third = np.zeros((2, 2)), np.zeros(2)
    moments = []
    for at, row in zip(eta, design, strict=True):
        low, mid, high = (stats.binom.logpmf(counts, n, chance(at + d)) for d in (-step, 0.0, step))
        score, second = (high - low) / (2 * step), (high - 2 * mid + low) / step**2
        weight = np.exp(mid)
        information += np.outer(row, row) * (weight @ score**2)
        moments.append(weight @ score**3 + weight @ (second * score))
    inverse = np.linalg.inv(information)
    for row, moment in zip(design, moments, strict=True):
        third += row * moment * (row @ inverse @ row) / 2
    return third


@pytest.mark.parametrize("link", list(Link))
def test_reduced_limit_solves_the_adjusted_score_and_takes_the_bias_of_the_quotient(link: Link) -> None:
    """From the definition of the adjusted score, by a general solver; 1e-5 is what the numerical derivatives hold."""
    level, k, n = np.array([1.0, 2.0, 4.0, 8.0, 16.0]), np.array([1, 4, 6, 11, 12]), 12
    design = np.column_stack((np.ones(5), np.log10(level)))

    def chance(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if link is Link.PROBIT:
            return stats.norm.cdf(eta), stats.norm.pdf(eta)
        if link is Link.LOGIT:
            return stats.logistic.cdf(eta), stats.logistic.pdf(eta)
        return -np.expm1(-np.exp(eta)), np.exp(eta - np.exp(eta))

    def adjusted(beta: np.ndarray) -> np.ndarray:
        eta = design @ beta
        p, slope = chance(eta)
        score = design.T @ ((k - n * p) * slope / (p * (1 - p)))
        return score + _bias_by_definition(eta, design, n, link)

    a, b = optimize.root(adjusted, [-1.0, 2.0], tol=1e-10).x
    p, slope = chance(design @ np.array([a, b]))
    covariance = np.linalg.inv(design.T @ (design * (n * slope**2 / (p * (1 - p)))[:, None]))
    at = {"probit": stats.norm.ppf(0.95), "logit": np.log(19), "cloglog": np.log(np.log(20))}[link.value]
    middle = -covariance[0, 1] / covariance[1, 1]
    expected = middle + ((at - a) / b - middle) / (1 + covariance[1, 1] / b**2)
    found = detection_limit(level, np.full(5, n), k, link=link)
    assert np.log10(found.reduced) == pytest.approx(expected, rel=1e-5)
    assert found.reduced > found.limit


def test_with_many_replicates_nothing_is_left_to_reduce() -> None:
    level, share = np.array([1.0, 2.0, 4.0, 8.0]), np.array([0.2, 0.5, 0.8, 0.98])
    found = detection_limit(level, np.full(4, 10**6), (share * 10**6).astype(int))
    assert found.reduced == pytest.approx(found.limit, rel=1e-5)


def test_where_there_is_no_limit_there_is_no_reduced_one() -> None:
    assert detection_limit([1.0, 10.0], [8, 8], [0, 8]).reduced is None
