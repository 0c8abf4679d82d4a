"""Rules of Deming regression."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.deming import bias_at, deming, weighted_deming

RNG = np.random.default_rng(4)
TRUE = np.exp(RNG.uniform(0, 5, 60))
X = TRUE * np.exp(RNG.normal(0, 0.1, 60))
Y = 1.2 * TRUE * np.exp(RNG.normal(0, 0.1, 60))


def test_line_is_the_least_of_the_weighted_distances():
    """The criterion itself: sum of (y - a - b x)^2/(1 + L b^2), minimised by search."""
    from scipy.optimize import minimize

    ratio = 2.5

    def distance(p):
        return ((Y - p[0] - p[1] * X) ** 2).sum() / (1.0 + ratio * p[1] ** 2)

    found = minimize(
        distance, [0.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-9, "maxiter": 5000}
    )
    made = deming(X, Y, error_ratio=ratio)
    assert (made.intercept.estimate, made.slope.estimate) == pytest.approx(tuple(found.x), rel=1e-4)


def test_jackknife_is_that_of_refitting_without_each_pair():
    made = deming(X[:9], Y[:9], error_ratio=1.5)
    left = [deming(np.delete(X[:9], i), np.delete(Y[:9], i), error_ratio=1.5).slope.estimate for i in range(9)]
    assert made.slope.se == pytest.approx(np.std(left, ddof=1) * 8 / 3, rel=1e-9)


def test_weighted_jackknife_in_parts_is_the_same(monkeypatch):
    from correlates.stats import deming as module

    whole = weighted_deming(X, Y)
    monkeypatch.setattr(module, "_CHUNK", 100)
    parts = weighted_deming(X, Y)
    assert (parts.slope.se, parts.intercept.se) == pytest.approx((whole.slope.se, whole.intercept.se), rel=1e-9)


def test_weights_are_of_the_fitted_level():
    made = weighted_deming(X, Y, error_ratio=1.7)
    a, b, ratio = made.intercept.estimate, made.slope.estimate, 1.7
    d = (Y - a - b * X) / (1 + ratio * b * b)
    level = ((X + ratio * b * d) + ratio * (Y - d)) / (1 + ratio)
    w = level**-2.0
    mean_x, mean_y = np.average(X, weights=w), np.average(Y, weights=w)
    sxx, syy, sxy = (
        (w * p * q).sum() for p, q in ((X - mean_x, X - mean_x), (Y - mean_y, Y - mean_y), (X - mean_x, Y - mean_y))
    )
    # the slope solves L sxy b^2 + (sxx - L syy) b - sxy = 0, and the line passes through the weighted means
    assert ratio * sxy * b * b + (sxx - ratio * syy) * b == pytest.approx(sxy, rel=1e-7)
    assert a + b * mean_x == pytest.approx(mean_y, rel=1e-9)


def test_slope_hardly_depends_on_the_ratio_when_errors_are_small():
    x = np.arange(1.0, 21.0)
    y = 2.0 * x + 1e-7 * np.sin(x)
    slopes = [deming(x, y, error_ratio=r).slope.estimate for r in (1e-6, 1.0, 1e6)]
    assert slopes == pytest.approx([2.0] * 3, rel=1e-8)


@pytest.mark.parametrize("fit", [deming, weighted_deming])
@pytest.mark.parametrize(
    ("x", "y", "why"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.0, 4.0], "too-few-pairs"),
        ([], [], "too-few-pairs"),
        ([2.0] * 5, [1.0, 2.0, 3.0, 4.0, 5.0], "no-variation"),
        ([1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0], "no-positive-association"),
        ([1.0, 2.0, 3.0, 4.0], [1.0, 4.0, 4.0, 1.0], "no-positive-association"),
    ],
)
def test_undefined(fit, x, y, why):
    made = fit(x, y)
    assert (made.why, made.slope, made.intercept, made.covariance) == (why, None, None, None)
    assert bias_at(made, [1.0]) is None


def test_weighted_needs_positive_values():
    made = weighted_deming([0.0, 1.0, 2.0, 3.0, 4.0], [0.1, 1.0, 2.2, 2.9, 4.1])
    assert made.why == "values-not-positive"


def test_weights_that_do_not_settle_are_said():
    """The small pairs, which have nearly all the weight, fall where the large one rises: levels below 0 on the way."""
    made = weighted_deming([0.2, 1.1, 2.0, 79.1], [4.9, 0.6, 0.5, 46.2])
    assert made.why == "not-converged"


def test_levels_over_four_decades_settle():
    """The unweighted line lies below 0 at the smallest levels; the weights must not begin with it.

    Errors of 10 % in both; the line through them has slope 1.1 and no intercept.
    """
    rng = np.random.default_rng(20200927)
    true = np.geomspace(0.1, 1000.0, 60)
    x, y = true * np.exp(0.1 * rng.standard_normal(60)), 1.1 * true * np.exp(0.1 * rng.standard_normal(60))
    plain, made = deming(x, y), weighted_deming(x, y)
    assert plain.intercept.estimate + plain.slope.estimate * 0.1 < 0
    assert made.why is None
    assert made.slope.lower < 1.1 < made.slope.upper
    assert made.intercept.lower < 0.0 < made.intercept.upper
    # scale does not matter: the weights are relative
    scaled = weighted_deming(1e4 * x, 1e4 * y)
    assert scaled.slope.estimate == pytest.approx(made.slope.estimate, rel=1e-9)
    assert scaled.intercept.estimate == pytest.approx(1e4 * made.intercept.estimate, rel=1e-6)


def test_three_pairs_have_a_closed_form_but_no_jackknife():
    x, y = [1.0, 2.0, 3.0], [1.0, 2.0, 4.0]
    assert deming(x, y, interval="analytical").slope is not None
    assert deming(x, y).why == "too-few-pairs"


@pytest.mark.parametrize("ratio", [0.0, -1.0, np.inf, np.nan])
def test_error_ratio_must_be_positive(ratio):
    with pytest.raises(ValueError, match="error ratio"):
        deming(X, Y, error_ratio=ratio)
