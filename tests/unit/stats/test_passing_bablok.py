"""Rules of Passing-Bablok regression."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import stats

from correlates.stats.passing_bablok import Estimator, bias_at, bootstrap_bias, equivariant, passing_bablok

RNG = np.random.default_rng(8)
TRUE = np.exp(RNG.uniform(0, 4, 50))
X = TRUE * np.exp(RNG.normal(0, 0.08, 50))
Y = 1.1 * TRUE * np.exp(RNG.normal(0, 0.08, 50))


def _slow(x, y):
    """The definition, pair by pair, in the words of 1983."""
    slopes = []
    for i in range(len(x)):
        for j in range(i + 1, len(x)):
            dx, dy = x[j] - x[i], y[j] - y[i]
            if dx == 0 and dy == 0:
                continue
            slope = np.inf * np.sign(dy) if dx == 0 else dy / dx
            if slope != -1:
                slopes.append(slope)
    slopes = np.sort(slopes)
    n, k = len(slopes), int((slopes < -1).sum())
    if n % 2:
        return slopes[(n + 1) // 2 + k - 1], k
    return np.tan(np.arctan(slopes[n // 2 + k - 1 : n // 2 + k + 1]).mean()), k


@pytest.mark.parametrize("seed", range(12))
def test_definition_pair_by_pair(seed):
    rng = np.random.default_rng(seed)
    n = 10 + seed
    x = rng.integers(0, 30, n).astype(float)  # ties in x and in y, identical pairs, slopes of -1 and below
    y = x + rng.integers(-9, 10, n)
    made = passing_bablok(x, y)
    slope, k = _slow(x, y)
    assert made.slope.estimate == pytest.approx(slope, rel=1e-12)
    vertical_down = sum(
        1 for i in range(n) for j in range(i + 1, n) if x[i] == x[j] and y[j] < y[i]
    )  # counted below -1 there, steep positive here: the same median
    assert made.offset == k - vertical_down


@pytest.mark.parametrize("n", [10, 11, 14, 15, 30, 31])
def test_the_equivariant_line_leaves_residual_and_level_uncorrelated(n):
    """Kendall's S of y - b x and y + b x is 0 at the estimate of 1988, and falls as b grows: it is what the estimator solves."""
    rng = np.random.default_rng(n)
    true = np.exp(rng.uniform(0, 4, n))
    x, y = true * np.exp(rng.normal(0, 0.2, n)), 30 * true * np.exp(rng.normal(0, 0.2, n))
    slope = equivariant(x, y).slope

    def score(b):
        return round(stats.kendalltau(y - b * x, y + b * x).statistic * n * (n - 1) / 2)

    half_step = slope.estimate * 1e-9
    assert score(slope.estimate - half_step) >= 0 >= score(slope.estimate + half_step)
    assert abs(score(slope.estimate - half_step)) <= 1
    # at the limits it is as far from 0 as Student's t and the variance of tau say, the same on both sides
    assert score(slope.lower) == pytest.approx(-score(slope.upper), abs=2)
    assert score(slope.lower) > 1


@pytest.mark.parametrize("unit", [1e-8, 1.0, 1e8])
def test_digits_are_kept_whatever_the_unit(unit):
    """50 samples have an odd number of slopes, so that a single one is the median."""
    assert equivariant(X, unit * Y).slope.estimate == pytest.approx(unit * equivariant(X, Y).slope.estimate, rel=1e-12)


def test_rounding_does_not_make_or_break_ties():
    x = np.array([0.1, 0.2, 0.3, 0.4, 0.7, 0.9, 1.1])
    y = np.array([0.1, 0.2, 0.2, 0.5, 0.6, 0.9, 1.2])
    whole = passing_bablok(np.round(10 * x), np.round(10 * y))
    tenth = passing_bablok(x, y)
    assert tenth.n_slopes == whole.n_slopes
    assert tenth.slope.estimate == pytest.approx(whole.slope.estimate, rel=1e-12)
    assert tenth.linearity.statistic == pytest.approx(whole.linearity.statistic, rel=1e-12)


@pytest.mark.parametrize("rounded", [False, True])
def test_kendall_is_that_of_scipy(rounded):
    x, y = (np.round(X / 5), np.round(Y / 5)) if rounded else (X, Y)
    made = passing_bablok(x, y).association
    found = stats.kendalltau(x, y, method="asymptotic")
    assert made.tau == pytest.approx(found.statistic, rel=1e-12)
    assert made.p_value == pytest.approx(found.pvalue, rel=1e-9)


def test_curved_relation_is_rejected():
    x = np.linspace(1, 30, 60)
    assert "linearity-rejected" in passing_bablok(x, x**2 / 30).cautions
    assert passing_bablok(X, Y).cautions == ()


def test_coarse_data_are_warned_of():
    x, y = np.round(RNG.uniform(1, 10, 60)), np.round(RNG.uniform(1, 10, 60))
    made = passing_bablok(x, x + np.round(y / 20))
    assert "ties" in made.cautions
    assert made.tied > 0.05
    assert "ties" in equivariant(x, x + np.round(y / 20)).cautions


def test_slope_far_from_one_is_warned_of_only_where_it_matters():
    assert "slope-far-from-one" in passing_bablok(X, 40 * Y).cautions
    assert equivariant(X, 40 * Y).cautions == ()


def test_outliers_hardly_move_the_line():
    x, y = X.copy(), Y.copy()
    y[:3] *= 20
    for fit in (passing_bablok, equivariant):
        assert fit(x, y).slope.estimate == pytest.approx(fit(X, Y).slope.estimate, rel=0.1)


@pytest.mark.parametrize("fit", [passing_bablok, equivariant])
@pytest.mark.parametrize(
    ("x", "y", "why"),
    [
        ([1.0, 2.0], [1.0, 2.0], "too-few-pairs"),
        ([], [], "too-few-pairs"),
        ([3.0] * 6, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "no-variation"),
        ([1.0, 2.0, 3.0, 4.0, 5.0], [2.0] * 5, "no-variation"),
        ([1.0, 2.0, 3.0, 4.0, 5.0], [5.0, 4.0, 3.0, 2.0, 1.0], "no-positive-association"),
    ],
)
def test_undefined(fit, x, y, why):
    made = fit(x, y)
    assert (made.why, made.slope, made.intercept, made.association, made.linearity) == (why, None, None, None, None)
    assert bias_at(made, [1.0]) is None
    assert bootstrap_bias(x, y, [1.0], estimator=made.estimator) is None


def test_most_pairs_tied_in_one_assay_have_no_equivariant_slope():
    x = np.arange(8.0)
    y = np.array([1.0, 1, 1, 1, 1, 1, 1, 2])
    assert equivariant(x, y).why == "no-variation"


def test_perfect_line_has_a_point_interval():
    made = equivariant(X, 2 * X + 1)
    assert (made.slope.lower, made.slope.upper) == pytest.approx((2.0, 2.0), rel=1e-9)
    assert made.intercept.estimate == pytest.approx(1.0, rel=1e-9)
    assert made.linearity is None


def test_classical_line_has_no_standard_error():
    assert bias_at(passing_bablok(X, Y), [10.0]) is None


@pytest.mark.parametrize("estimator", list(Estimator))
def test_bootstrap_is_repeatable_and_brackets_the_bias(estimator):
    first = bootstrap_bias(X, Y, [5.0, 30.0], estimator=estimator, resamples=199, seed=5)
    again = bootstrap_bias(X, Y, [5.0, 30.0], estimator=estimator, resamples=199, seed=5)
    fit = passing_bablok(X, Y) if estimator == "classical" else equivariant(X, Y)
    assert np.array_equal(first.lower, again.lower)
    assert first.bias == pytest.approx(fit.intercept.estimate + (fit.slope.estimate - 1) * np.array([5.0, 30.0]))
    assert (first.lower < first.bias).all()
    assert (first.bias < first.upper).all()


def test_bootstrap_agrees_with_the_standard_errors():
    analytical = bias_at(equivariant(X, Y), [5.0, 20.0])
    resampled = bootstrap_bias(X, Y, [5.0, 20.0], estimator="equivariant", resamples=399)
    # two estimates of a standard error from 50 pairs: within a third of each other
    assert resampled.se == pytest.approx(analytical.se, rel=0.35)


def test_bootstrap_refuses_what_says_nothing():
    with pytest.raises(ValueError, match="99 resamples"):
        bootstrap_bias(X, Y, [1.0], resamples=20)
    with pytest.raises(ValueError, match="too few distinct pairs"):
        bootstrap_bias([1.0, 1.0, 1.0, 1.0, 1.0, 2.0], [1.0, 1.0, 1.0, 1.0, 1.0, 2.0], [1.0])


def test_confidence_must_be_a_share():
    with pytest.raises(ValueError, match="between 0 and 1"):
        passing_bablok(X, Y, confidence=95)
    with pytest.raises(ValueError, match="between 0 and 1"):
        equivariant(X, Y, confidence=1.0)


def test_thousands_of_pairs():
    rng = np.random.default_rng(2)
    true = rng.lognormal(3, 1, 2000)
    x, y = true + rng.normal(0, 1, 2000), 1.05 * (true + rng.normal(0, 1, 2000))
    started = time.perf_counter()
    made = passing_bablok(x, y)
    assert time.perf_counter() - started < 10  # measured 0.3 s; a busy machine is allowed for
    assert made.slope.lower < 1.05 < made.slope.upper
