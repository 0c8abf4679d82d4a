"""Limits of detection, quantification and blank, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.blank import blank_counts, limit_of_blank, low_samples
from correlates.stats.detection import detection_limit
from correlates.stats.quantification import cv_of_cq, precision_profile, quantification_limit


def test_two_levels_are_met_exactly():
    """1/2 detected at 1 and 3/4 at 10: logit 0 and ln 3, so a = 0, b = ln 3 and log10 LOD95 = ln 19/ln 3 = 2.680144.

    Var a = 1/(20/4) = 0.2, Var(a + b) = 1/(20 * 3/16) = 4/15, hence Var b = 7/15 and Cov = -0.2; at x the variance of the line is
    0.2 - 0.4 x + 7/15 x^2 = 2.480089, over b^2 = 1.206949.
    """
    made = detection_limit([1.0, 10.0], [20, 20], [10, 15], link="logit")
    assert (made.intercept, made.slope) == pytest.approx((0.0, np.log(3.0)), abs=1e-10)
    assert np.log10(made.limit) == pytest.approx(2.680144, rel=1e-6)
    assert made.covariance == pytest.approx(-0.2, rel=1e-9)
    assert made.log10_se == pytest.approx((2.480089 / 1.206949) ** 0.5, rel=1e-5)
    assert made.extrapolated
    assert (made.df, made.deviance_p) == (0, None)
    assert made.deviance == pytest.approx(0.0, abs=1e-10)
    assert made.rule is None


def test_detection_by_the_first_molecule():
    """1 - exp(-c/5) at c = 5 ln 2 and 10 ln 2 is 1/2 and 3/4: the limit is 5 ln 20 = 14.97866, slope ln 10."""
    made = detection_limit([5 * np.log(2), 10 * np.log(2)], [40, 40], [20, 30], link="cloglog")
    assert made.limit == pytest.approx(14.97866137, rel=1e-9)
    assert made.slope == pytest.approx(2.302585093, rel=1e-9)


def test_empirical_rule():
    """95 % of 20 is 19: reached at 5, missed at 10, reached from 20 on; so 20 is the lowest from which on it holds."""
    made = detection_limit([2.0, 5.0, 10.0, 20.0, 50.0], [20] * 5, [0, 19, 18, 19, 20])
    assert (made.rule, made.none_up_to, made.all_from) == (20.0, 2.0, 50.0)


def test_precision():
    made = precision_profile([10.0, 10.0, 10.0, 100.0], [8.0, 12.0, 13.0, 90.0])
    assert list(made.level) == [10.0, 100.0]
    assert list(made.n) == [3, 1]
    assert made.mean[0] == 11.0
    assert made.cv[0] == pytest.approx(7**0.5 / 11, rel=1e-12)  # squares 9 + 1 + 4 = 14, over 2
    assert np.isnan(made.cv[1])
    assert made.recovery == pytest.approx([1.1, 0.9])


def test_cv_of_cq():
    """sd of ln c = 0.5 when the sd of Cq is 0.5/ln 2 at doubling: sqrt(1.28402542 - 1) = 0.53294035."""
    assert cv_of_cq([0.5 / np.log(2.0), 0.0], 1.0) == pytest.approx([0.53294035, 0.0], rel=1e-7)


def test_quantification():
    """cv = 0.1 + 0.9 * 2^-log10(c): 1, .55, .325, .2125, .15625; 0.25 is crossed where 2^-x = 1/6, x = log2 6."""
    level, cv = [1.0, 10.0, 100.0, 1000.0, 10000.0], [1.0, 0.55, 0.325, 0.2125, 0.15625]
    made = quantification_limit(level, cv, cv_limit=0.25)
    assert made.level == 1000.0
    assert made.modelled == pytest.approx(10**2.584962501, rel=1e-6)
    assert (made.decay.floor, made.decay.at_one, made.decay.rate) == pytest.approx((0.1, 1.0, np.log(2)), rel=1e-6)
    assert not made.extrapolated
    assert quantification_limit(level, cv, cv_limit=0.325).modelled == pytest.approx(100.0, rel=1e-6)


def test_limit_of_blank():
    """60 results 1 to 60: rank 0.5 + 57 = 57.5; mean 30.5, variance 61 * 60/12 = 305; c = 1.644854/(1 - 1/236)."""
    made = limit_of_blank(np.arange(60, 0, -1))
    assert made.nonparametric == 57.5
    assert made.classical == pytest.approx(30.5 + 1.644854 * 305**0.5, rel=1e-6)
    assert made.parametric == pytest.approx(30.5 + 1.651853 * 305**0.5, rel=1e-6)


def test_low_samples():
    """Two samples (5: 4, 6, 5; 8: 7, 9, 8), pooled variance 4/4 = 1; c = 1.644854/(1 - 1/16) = 1.754511."""
    made = low_samples([4.0, 6.0, 5.0, 7.0, 9.0, 8.0], [5.0, 5.0, 5.0, 8.0, 8.0, 8.0], 4.5)
    assert made.sd == pytest.approx(1.0, rel=1e-12)
    assert made.parametric == pytest.approx(6.254511, rel=1e-6)
    assert made.classical == pytest.approx(6.144854, rel=1e-6)
    assert list(made.above) == pytest.approx([2 / 3, 1.0])
    assert made.nonparametric == 8.0


def test_control_wells_of_digital_pcr():
    """Mean 1/2: P(0) = .6065, P(<= 1) = .9098, P(<= 2) = .9856, so the limit of blank is 2.

    The limit of detection is where P(<= 2) = 5 %: 6.295794 expected positives (half of chi-square 12.5916 with 6 df), less 1/2.
    Dispersion: squares about 1/2 are 4, over 1/2 is 8 on 7 degrees of freedom.
    """
    made = blank_counts([0, 1, 0, 2, 0, 0, 1, 0])
    assert made.limit_of_blank == 2
    assert made.limit_of_detection == pytest.approx(5.795794, rel=1e-6)
    assert made.mean_upper == pytest.approx(9.153519 / 8, rel=1e-6)  # half of chi-square 18.307038 with 10 df, per well
    assert made.dispersion_p == pytest.approx(0.332594, rel=1e-5)


def test_three_molecules_where_nothing_is_false_positive():
    """MIQE: 3 molecules are the lowest limit of detection that is possible (Bustin et al., Clin Chem 2009;55:611-622)."""
    made = blank_counts([0] * 8)
    assert made.limit_of_blank == 0
    assert made.limit_of_detection == pytest.approx(np.log(20.0), rel=1e-12)
    assert made.dispersion_p is None
