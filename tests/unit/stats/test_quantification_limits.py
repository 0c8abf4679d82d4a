"""Limits of quantification on a curve that can be inverted by hand: y = 10 + 1000 s, s = x/(x + 100)."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.logistic_curve import LogisticCurves, fit_logistic, precision_profile, response
from correlates.stats.quantification_limits import asymptote_limits, cv_limits

PARAMETERS = (1010.0, -1.0, 100.0, 10.0, 1.0)


def curve(
    *, sigma: float = 0.05, root: np.ndarray | None = None, df: int = 10, parameters: tuple[float, ...] = PARAMETERS
) -> LogisticCurves:
    """One curve with the given uncertainty; ``root`` in base, log abs(B), log C, log abs(K), log G."""
    one = np.ones(1)
    return LogisticCurves(
        parameters=np.array([parameters]),
        n_parameters=np.array([4]),
        root=np.zeros((1, 5, 5)) if root is None else root[None],
        sigma=sigma * one,
        df=np.array([df]),
        rss=one,
        aicc=one,
        r_squared=one,
        n_points=np.array([df + 4]),
        converged=np.array([True]),
        fitted=np.ones((1, 1)),
        power=2.0 * one,
    )


def test_cv_profile_by_hand() -> None:
    """CV = 0.05 y/(dy/du), dy/du = 1000 s (1 - s). CV 25 %: 5000 s^2 - 4000 s + 10 = 0, s = (4000 -/+ sqrt(15.8e6))/10000.

    s = 0.0025078616 and 0.7974921384; x = 100 s/(1 - s) = 0.25141669 and 393.80799.
    """
    low, high = cv_limits(curve(), [0.01], [10_000.0], [1], 25.0)
    assert low == pytest.approx([0.2514166896], rel=1e-6)
    assert high == pytest.approx([393.8079893], rel=1e-6)


def test_cv_profile_for_the_mean_of_four_wells() -> None:
    """The noise halves: 0.025 y = 0.25 x 1000 s (1 - s), 10000 s^2 - 9000 s + 10 = 0, s = (9000 -/+ sqrt(80.6e6))/20000."""
    low, high = cv_limits(curve(), [0.01], [10_000.0], [4], 25.0)
    s = (9000 - 80.6e6**0.5) / 20000, (9000 + 80.6e6**0.5) / 20000
    assert [low[0], high[0]] == pytest.approx([100 * v / (1 - v) for v in s], rel=1e-9)


def test_the_standards_bound_the_range() -> None:
    low, high = cv_limits(curve(), [1.0], [250.0], [1], 25.0)
    assert (low[0], high[0]) == (1.0, 250.0)


def test_a_cv_that_is_nowhere_reached_gives_no_range() -> None:
    low, high = cv_limits(curve(sigma=0.5), [0.01], [10_000.0], [1], 20.0)
    assert np.isnan([low[0], high[0]]).all()


def test_the_profile_is_what_curve_and_noise_give() -> None:
    """At x = 100: s = 1/2, y = 510, slope 250; SE of the base 2 alone adds (2/250)^2 to (0.05 x 510/250)^2."""
    root = np.zeros((5, 5))
    root[0, 0] = 2.0
    found = precision_profile(curve(root=root), np.array([[100.0]]), [1])
    assert found == pytest.approx(100 * (0.102**2 + 0.008**2) ** 0.5, rel=1e-9)


def test_asymptote_interval_by_hand() -> None:
    """t(10, 0.975) = 2.2281389. Lower: 10 + 2 t = 14.4562778, s = 0.0044562778. Upper asymptote 1010: base + K, SE of K = 50:
    SE sqrt(2^2 + 50^2) = 50.0399840, 1010 - 111.49603 = 898.503967, s = 0.888503967. x = 100 s/(1 - s).
    """
    root = np.zeros((5, 5))
    root[0, 0], root[3, 3] = 2.0, 0.05
    ends, se = curve(root=root).asymptotes
    assert ends.tolist() == [[10.0, 1010.0]]
    assert se == pytest.approx(np.array([[2.0, 50.0399840]]), rel=1e-7)
    low, high = asymptote_limits(curve(root=root), [0.01], [10_000.0], 0.95)
    assert low == pytest.approx([0.44762251], rel=1e-6)
    assert high == pytest.approx([796.8929004], rel=1e-6)
    assert asymptote_limits(curve(root=root), [1.0], [500.0], 0.95) == (pytest.approx([1.0]), pytest.approx([500.0]))


def test_asymptotes_whose_intervals_meet_give_no_range() -> None:
    root = np.zeros((5, 5))
    root[3, 3] = 0.6  # SE of the rise 600 of 1000
    assert np.isnan(asymptote_limits(curve(root=root), [0.01], [10_000.0], 0.95)).all()


def test_the_two_signs_of_b_are_one_curve() -> None:
    """In a 4PL, A and D change places with the sign of B: the limits stay."""
    root = np.zeros((5, 5))
    root[0, 0], root[3, 3] = 2.0, 0.05
    turned = curve(root=root, parameters=(10.0, 1.0, 100.0, 1010.0, 1.0))
    for rule in (lambda c: asymptote_limits(c, [0.01], [1e4], 0.95), lambda c: cv_limits(c, [0.01], [1e4], [2], 25.0)):
        assert np.array(rule(turned)) == pytest.approx(np.array(rule(curve(root=root))), rel=1e-9)


def test_curves_without_a_fit_are_left_out() -> None:
    dose = np.repeat(10_000.0 / 4.0 ** np.arange(8), 2)
    rng = np.random.default_rng(1)
    y = response(np.array((30_000.0, -1.0, 2_000.0, 20.0, 0.8)), dose) * np.exp(0.05 * rng.standard_normal(16))
    fit = fit_logistic(np.vstack([dose, dose]), np.vstack([y, np.full(16, 7.0)]))
    low, high = cv_limits(fit, [dose.min(), np.nan], [dose.max(), np.nan], [1, 1], 25.0)
    assert low[0] < high[0]
    assert np.isnan([low[1], high[1]]).all()
    assert np.isnan([v[1] for v in asymptote_limits(fit, [1.0, np.nan], [1e4, np.nan], 0.95)]).all()
