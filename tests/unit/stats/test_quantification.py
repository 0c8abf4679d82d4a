"""Rules of the limit of quantification by CV."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from correlates.stats.quantification import cv_of_cq, precision_profile, quantification_limit

LEVEL = np.array([1.0, 5, 10, 100, 1000, 10000])
CV = np.array([0.71, 0.44, 0.36, 0.13, 0.10, 0.10])


def test_decay_is_that_of_curve_fit():
    made = quantification_limit(LEVEL, CV).decay
    found, _ = curve_fit(lambda x, a, h, k: a + h * np.exp(-k * x), np.log10(LEVEL), CV, [0.1, 0.5, 1.0])
    assert (made.floor, made.at_one - made.floor, made.rate) == pytest.approx(tuple(found), rel=1e-4)


def test_order_of_levels_does_not_matter():
    shuffled = np.array([3, 0, 5, 1, 4, 2])
    assert quantification_limit(LEVEL[shuffled], CV[shuffled]) == quantification_limit(LEVEL, CV)


def test_a_high_level_that_fails_disqualifies_those_below():
    made = quantification_limit([1.0, 10.0, 100.0], [0.3, 0.4, 0.2])
    assert made.level == 100.0
    assert made.why_modelled == "too-few-levels"


def test_no_level_is_precise_enough():
    made = quantification_limit(LEVEL, CV, cv_limit=0.05)
    assert (made.level, made.why_level) == (None, "cv-limit-not-reached")
    assert (made.modelled, made.why_modelled) == (None, "cv-limit-not-reached")
    assert made.decay is not None


@pytest.mark.parametrize("cv", [[0.1, 0.2, 0.3, 0.45], [0.2, 0.2, 0.2, 0.2]])
def test_a_cv_without_decay_has_no_curve(cv):
    """Rising, and flat."""
    made = quantification_limit([1.0, 10.0, 100.0, 1000.0], cv)
    assert (made.decay, made.modelled, made.why_modelled) == (None, None, "cv-does-not-fall-with-level")


def test_a_cv_that_falls_in_a_straight_line_crosses_on_it():
    """From 0.9 by 0.2 a decade: 0.35 after 2.75 decades; the straightest curve of the family is off by 1 % of a decade."""
    made = quantification_limit([1.0, 10.0, 100.0, 1000.0], [0.9, 0.7, 0.5, 0.3])
    assert np.log10(made.modelled) == pytest.approx(2.75, abs=0.01)


def test_a_little_more_or_less_bend_moves_the_limit_little():
    """A profile on either side of a straight line: no limit vanishes, or jumps by a tenth of a decade."""
    found = [quantification_limit([1.0, 10.0, 100.0, 1000.0], [0.6, 0.45 + b, 0.3 + b, 0.15]) for b in (-0.01, 0, 0.01)]
    assert np.ptp(np.log10([made.modelled for made in found])) < 0.2
    assert np.diff(np.log10([made.modelled for made in found])).max() < 0.1


def test_a_fall_within_one_step_has_no_crossing():
    made = quantification_limit([1.0, 10.0, 100.0, 1000.0], [0.9, 0.12, 0.12, 0.11])
    assert (made.modelled, made.why_modelled, made.level) == (None, "cv-falls-within-one-step", 10.0)


def test_not_below_the_limit_of_detection():
    free = quantification_limit(LEVEL, CV, cv_limit=0.6)
    bound = quantification_limit(LEVEL, CV, cv_limit=0.6, at_least=7.0)
    assert free.level == 5.0
    assert bound.level == 7.0
    assert quantification_limit(LEVEL, CV, at_least=20_000.0).level is None
    assert free.modelled < 7.0 == bound.modelled


def test_crossing_below_the_lowest_level_is_extrapolated():
    made = quantification_limit(LEVEL, CV, cv_limit=0.9)
    assert made.extrapolated
    assert made.modelled < 1
    assert made.level == 1.0


def test_no_levels():
    assert quantification_limit([], []).why_level == "too-few-levels"


@pytest.mark.parametrize(
    ("level", "cv", "limit"),
    [
        ([1.0, 1.0], [0.1, 0.2], 0.35),
        ([0.0, 1.0], [0.1, 0.2], 0.35),
        ([1.0, 2.0], [0.1, np.nan], 0.35),
        ([1.0, 2.0], [0.1], 0.35),
        ([1.0, 2.0], [0.1, 0.2], 0.0),
    ],
)
def test_data_that_cannot_be(level, cv, limit):
    with pytest.raises(ValueError, match="must be"):
        quantification_limit(level, cv, cv_limit=limit)


def test_precision_of_bad_values():
    with pytest.raises(ValueError, match="positive and finite"):
        precision_profile([1.0], [0.0])
    with pytest.raises(ValueError, match="both"):
        precision_profile([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="efficiency"):
        cv_of_cq([0.1], 0.0)


def test_cv_of_cq_is_that_of_lognormal_quantities():
    cq = np.random.default_rng(6).normal(30, 0.4, 400_000)
    quantity = 1.9 ** (-cq)
    assert cv_of_cq([0.4], 0.9)[0] == pytest.approx(quantity.std() / quantity.mean(), rel=0.01)
