"""Agreement of two assays, worked out by hand on four and five samples."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats import deming as deming_module
from correlates.stats.agreement import bland_altman, concordance
from correlates.stats.deming import deming
from correlates.stats.passing_bablok import bias_at, equivariant, passing_bablok

# slopes of the ten pairs: 2, 1/2, 4/3, 3/4, -1, 1, 1/3, 3, 1, -1
FIVE = [1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 3.0, 2.0, 5.0, 4.0]


def test_bland_altman():
    """Differences 2, 0, 3, 3: mean 2, sum of squares 6, variance 2; t(3) = 3.182446, z = 1.959964."""
    made = bland_altman([10.0, 20.0, 30.0, 40.0], [12.0, 20.0, 33.0, 43.0])
    assert made.bias.estimate == 2.0
    assert made.sd == pytest.approx(1.41421356, rel=1e-8)
    assert made.bias.upper == pytest.approx(2 + 3.182446 * 0.70710678, rel=1e-6)
    assert made.lower_limit.estimate == pytest.approx(-0.771808, abs=1e-6)
    assert made.upper_limit.estimate == pytest.approx(4.771808, abs=1e-6)
    # sqrt(2) sqrt(3/4) = 1.22474487; sqrt(2) sqrt(1/4 + 3.841459/6) = 1.334348
    assert made.upper_limit.ba1986[1] == pytest.approx(4.771808 + 3.182446 * 1.22474487, rel=1e-6)
    assert made.upper_limit.ba1999[1] == pytest.approx(4.771808 + 3.182446 * 1.334348, rel=1e-6)


def test_ratio_scale():
    """Ratios 2, 2, 1/2, 2: mean of log2 is 1/2, so the geometric mean ratio is sqrt(2); log2 deviations 1/2 (3 times) and -3/2."""
    made = bland_altman([1.0, 3.0, 8.0, 5.0], [2.0, 6.0, 4.0, 10.0], scale="ratio")
    assert made.bias.estimate == pytest.approx(2**0.5, rel=1e-12)
    assert made.sd == pytest.approx(np.log(2.0), rel=1e-12)  # squares 3/4 + 9/4 = 3, over 3
    assert made.upper_limit.estimate == pytest.approx(2**0.5 * 2**1.959963985, rel=1e-8)


def test_concordance():
    """y = x + 1 on 1, 2, 3: Sxx = Syy = Sxy = 2/3, so ccc = (4/3)/(4/3 + 1) = 4/7; with n - 1, 2/(2 + 1)."""
    made = concordance([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    assert made.ccc.estimate == pytest.approx(4 / 7, rel=1e-12)
    assert made.ccc_n_minus_1 == pytest.approx(2 / 3, rel=1e-12)
    assert made.pearson == pytest.approx(1.0, rel=1e-12)
    assert made.bias_correction == pytest.approx(4 / 7, rel=1e-12)
    assert made.location_shift == pytest.approx(1.5**0.5, rel=1e-12)


def test_deming_line_and_jackknife():
    """Sxx = Syy = 5, Sxy = 4: slope 1, intercept 0. Leaving out one: slope 1 always, intercepts 0, -1/3, 1/3, 0.

    Pseudo-values of the intercept 0, 1, -1, 0: variance 2/3, standard error sqrt(1/6) = 0.408248; t(2) = 4.302653.
    """
    made = deming([0.0, 1.0, 2.0, 3.0], [0.0, 2.0, 1.0, 3.0])
    assert (made.slope.estimate, made.intercept.estimate) == pytest.approx((1.0, 0.0), abs=1e-12)
    assert made.slope.se == pytest.approx(0.0, abs=1e-7)
    assert made.intercept.se == pytest.approx(0.40824829, rel=1e-7)
    assert made.intercept.upper == pytest.approx(1.756550, rel=1e-6)


def test_deming_error_ratio_and_closed_form():
    """x 1, 2, 3 and y 1, 3, 2: Sxx = Syy = 2, Sxy = 1. Ratio 4: (6 + sqrt(52))/8. Ratio 1: slope 1, r = 1/2, Var b = 3."""
    x, y = [1.0, 2.0, 3.0], [1.0, 3.0, 2.0]
    assert deming(x, y, error_ratio=4.0, interval="analytical").slope.estimate == pytest.approx(1.6513878, rel=1e-7)
    made = deming(x, y, interval="analytical")
    assert made.slope.estimate == pytest.approx(1.0, rel=1e-12)
    assert made.slope.se == pytest.approx(3**0.5, rel=1e-12)
    assert made.intercept.se == pytest.approx(14**0.5, rel=1e-12)  # mean of squares 14/3
    assert made.covariance == pytest.approx(-6.0, rel=1e-12)
    # at the mean of x: 14 - 2*2*6 + 4*3 = 2
    assert deming_module.bias_at(made, [2.0]).se[0] == pytest.approx(2**0.5, rel=1e-9)


def test_classical_passing_bablok():
    """Without the two slopes of -1: 1/3, 1/2, 3/4, 1, 1, 4/3, 2, 3, median 1; y - x is 0, 1, -1, 1, -1, median 0."""
    made = passing_bablok(*FIVE)
    assert (made.slope.estimate, made.intercept.estimate) == pytest.approx((1.0, 0.0), abs=1e-12)
    assert (made.n_slopes, made.offset) == (8, 0)
    # C = 1.96 sqrt(5 4 15/18) = 8.0015: no slope bounds the interval
    assert (made.slope.lower, made.slope.upper) == (-np.inf, np.inf)
    assert (made.intercept.lower, made.intercept.upper) == (-np.inf, np.inf)


def test_classical_interval_by_rank():
    """80 %: C = 1.281552 * 4.082483 = 5.2319; positions 2.768/2 and 13.232/2 round to 3/2 and 13/2: the 2nd and the 7th slope."""
    made = passing_bablok(*FIVE, confidence=0.8)
    assert (made.slope.lower, made.slope.upper) == pytest.approx((0.5, 2.0), rel=1e-12)
    # y - 2x: -1, -1, -4, -3, -6, median -3; y - x/2: 1/2, 2, 1/2, 3, 3/2, median 3/2
    assert (made.intercept.lower, made.intercept.upper) == pytest.approx((-3.0, 1.5), rel=1e-12)


def test_slope_below_minus_one_shifts_the_median():
    """Slopes 5, 1 and -3: K = 1, so the median is the third of -3, 1, 5; -3 counts as a steep positive slope."""
    made = passing_bablok([0.0, 1.0, 2.0], [0.0, 5.0, 2.0])
    assert made.slope.estimate == pytest.approx(5.0, rel=1e-12)
    assert (made.offset, made.n_slopes) == (1, 3)


def test_equivariant():
    """Absolute slopes 1/3, 1/2, 3/4, 1, 1, 1, 1, 4/3, 2, 3: median 1.

    Steeper less flatter slopes through each sample: 0 (2, 1/2, 4/3, 3/4), 0 (2, -1, 1, 1/3), 0 (1/2, -1, 3, 1), 2 (4/3, 1, 3, -1),
    -2 (3/4, 1/3, 1, -1).
    """
    made = equivariant(*FIVE)
    assert (made.slope.estimate, made.intercept.estimate) == pytest.approx((1.0, 0.0), abs=1e-12)
    # (4 * 8 - 2 * 20)/120 is negative: the variance is floored, the interval shrinks to the middle slopes
    assert made.slope.se == pytest.approx(0.0, abs=1e-12)
    assert bias_at(made, [3.0]).bias[0] == pytest.approx(0.0, abs=1e-12)


def test_association_and_linearity():
    """8 concordant and 2 discordant pairs: tau 0.6, z = 6/sqrt(5 4 15/18) = 1.469694, P = 0.1416.

    Two residuals of +1 and two of -1, in the order 0, +1, -1, (+1, -1): the sum never leaves 0 to 1; 1/sqrt(3).
    """
    made = passing_bablok(*FIVE)
    assert made.association.tau == pytest.approx(0.6, rel=1e-12)
    assert made.association.z == pytest.approx(1.469694, rel=1e-6)
    assert made.association.p_value == pytest.approx(0.141645, rel=1e-5)
    assert made.linearity.statistic == pytest.approx(3**-0.5, rel=1e-12)
    assert (made.linearity.above, made.linearity.below) == (2, 2)
    assert [str(c) for c in made.cautions] == ["association-not-shown"]
