"""Two logistic models of the same patients: covariance against GEE of statsmodels, tests by other routes, edges."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.exposure_window import curves, window
from correlates.stats.joint_logistic import (
    Correction,
    joint_bootstrap,
    joint_logistic,
    normal_rectangle,
)
from correlates.stats.joint_sides import influence
from correlates.stats.logistic import logistic_screen


def _trial(n=80, seed=3):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    shared = rng.normal(size=n)
    e = rng.normal(size=n) + shared < 0.8 * x - 0.3
    t = rng.normal(size=n) + shared < 0.5 * x - 1.2
    return x, np.stack((e, t))


@pytest.mark.parametrize(("correction", "cov_type"), [("none", "robust"), ("mancl_derouen", "bias_reduced")])
def test_covariance_is_that_of_gee_with_independence(correction, cov_type):
    statsmodels = pytest.importorskip("statsmodels.api")
    x, events = _trial()
    known = np.ones(events.shape, dtype=bool)
    known[0, :5], known[1, 70:] = False, False
    design, outcome, patient = [], [], []
    for k in (0, 1):
        block = np.zeros((x.size, 4))
        block[:, 2 * k], block[:, 2 * k + 1] = 1.0, x
        design.append(block[known[k]])
        outcome.append(events[k][known[k]])
        patient.append(np.flatnonzero(known[k]))
    order = np.argsort(np.concatenate(patient), kind="stable")
    gee = statsmodels.GEE(
        np.concatenate(outcome)[order].astype(float),
        np.concatenate(design)[order],
        groups=np.concatenate(patient)[order],
        family=statsmodels.families.Binomial(),
        cov_struct=statsmodels.cov_struct.Independence(),
    ).fit(cov_type=cov_type, maxiter=200, ctol=1e-13)
    parts = []
    for k in (0, 1):
        fit = logistic_screen(x, events[k], known[k], penalty="none")
        assert fit.coefficient[0] == pytest.approx(gee.params[2 * k + 1], rel=1e-6)
        here = known[k][None]
        parts.append(
            influence(x[None], events[k], here, fit.intercept, fit.coefficient, Correction(correction).power)[0]
        )
    stacked = np.concatenate(parts)
    # statsmodels stops its own iterations at about 1e-8
    assert stacked @ stacked.T == pytest.approx(gee.cov_params(), rel=1e-6, abs=1e-9)


def test_estimates_limits_and_p_are_those_of_the_two_models():
    x, events = _trial()
    fit = joint_logistic(x, events)
    for k in (0, 1):
        one = logistic_screen(x, events[k])
        for name in ("coefficient", "lower", "upper", "p_value", "intercept"):
            assert getattr(fit, name)[0, k] == getattr(one, name)[0]


def test_difference_of_an_endpoint_from_itself_has_no_variance():
    x, events = _trial()
    fit = joint_logistic(x, np.stack((events[0], events[0])))
    assert fit.difference[0] == 0.0
    assert fit.difference_error[0] == pytest.approx(0.0, abs=1e-9)


def test_exchanging_the_endpoints_turns_the_difference():
    x, events = _trial()
    one, other = joint_logistic(x, events, margin=0.4), joint_logistic(x, events[::-1], margin=0.4)
    assert one.difference == pytest.approx(-other.difference, rel=1e-12)
    assert one.difference_p == pytest.approx(other.difference_p, rel=1e-9)
    assert one.outside[0] == pytest.approx(other.outside[0, ::-1], rel=1e-9)


def test_a_margin_at_a_ninety_percent_limit_has_p_of_five_percent():
    x, events = _trial()
    limits = joint_logistic(x, events, level=0.9)
    for k in (0, 1):
        farther = max(abs(limits.lower[0, k]), abs(limits.upper[0, k]))
        assert joint_logistic(x, events, margin=farther).outside[0, k] == pytest.approx(0.05, rel=1e-6)


def test_effect_beyond_the_margin_is_no_equivalence():
    x, events = _trial()
    fit = joint_logistic(x, events, margin=0.01)
    assert (fit.outside[0] > 0.5).all()


def test_a_panel_gives_what_its_rows_give():
    rng = np.random.default_rng(8)
    x = rng.normal(size=(5, 60)) * np.array([[0.01], [1.0], [300.0], [1.0], [2.0]])
    present = rng.random(x.shape) > 0.1
    events = rng.random((2, 60)) < 0.4
    whole = joint_logistic(x, events, present, margin=0.5)
    for row in range(5):
        one = joint_logistic(x[row], events, present[row], margin=0.5)
        assert whole.difference_p[row] == pytest.approx(one.difference_p[0], rel=1e-9)
        assert whole.covariance[row] == pytest.approx(one.covariance[0], rel=1e-9)
        assert whole.outside[row] == pytest.approx(one.outside[0], rel=1e-7)


def test_unit_of_the_biomarker_changes_no_test():
    x, events = _trial()
    one, other = joint_logistic(x, events, margin=0.4), joint_logistic(x * 1000.0, events, margin=0.0004)
    assert one.difference_p == pytest.approx(other.difference_p, rel=1e-8)
    assert one.outside == pytest.approx(other.outside, rel=1e-6)


def test_what_is_not_defined_is_nan_and_harms_no_other():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4, 20))
    x[1] = 2.0
    present = np.ones(x.shape, dtype=bool)
    present[2, 2:] = False
    events = np.zeros((2, 20), dtype=bool)
    events[0, ::2] = events[1, :4] = True
    present[3, :4] = False  # the only four with toxicity
    fit = joint_logistic(x, events, present, margin=0.5)
    assert fit.converged.tolist() == [True, False, False, False]
    for array in (fit.coefficient, fit.covariance, fit.difference_p, fit.outside, fit.lower):
        assert np.isnan(array[1:]).all()
        assert np.isfinite(array[0]).all()


def test_separation_is_told_and_finite():
    x = np.arange(12.0)
    events = np.stack((x > 5, x % 2 == 0))
    fit = joint_logistic(x, events, margin=0.4)
    assert fit.separation[0].tolist() == ["complete", "none"]
    assert np.isfinite(fit.covariance).all()
    assert np.isfinite(fit.difference_p).all()


def test_outcomes_that_are_not_known_are_not_looked_at():
    x, events = _trial(40)
    known = np.ones(events.shape, dtype=bool)
    known[1, 30:] = False
    other = events.copy()
    other[1, 30:] = ~other[1, 30:]
    assert joint_logistic(x, events, known=known).difference_p == joint_logistic(x, other, known=known).difference_p
    assert joint_logistic(x, events, known=known).n_shared[0] == 30


@pytest.mark.parametrize("correlation", [-0.95, -0.3, 0.0, 0.6, 0.99])
def test_rectangle_is_that_of_scipy(correlation):
    from scipy.stats import multivariate_normal

    cov = np.array([[0.04, correlation * 0.2 * 0.5], [correlation * 0.2 * 0.5, 0.25]])
    mean = np.array([0.3, -0.6])
    ours = normal_rectangle(mean[None], cov[None], [-0.4, -np.inf], [0.4, 0.1])[0]
    # scipy's own integration is good to about 1e-8
    reference = multivariate_normal(mean, cov).cdf([0.4, 0.1], lower_limit=np.array([-0.4, -np.inf]))
    assert ours == pytest.approx(float(reference), rel=1e-6)


def test_rectangles_of_the_plane_add_to_one():
    mean, cov = np.array([[0.4, -0.2]]), np.array([[[0.09, -0.05], [-0.05, 0.06]]])
    ends = [-np.inf, -0.4, 0.4, np.inf]
    total = sum(
        normal_rectangle(mean, cov, [ends[i], ends[j]], [ends[i + 1], ends[j + 1]])[0]
        for i in range(3)
        for j in range(3)
    )
    assert total == pytest.approx(1.0, abs=1e-10)


def test_bootstrap_agrees_with_the_sandwich_in_a_large_sample():
    x, events = _trial(600, seed=5)
    fit = joint_logistic(x, events)
    drawn = joint_bootstrap(x, events, replicates=400, seed=2)
    # 400 replicates know a standard deviation to about 3.5 %
    assert np.cov(drawn.T)[1, 3] / fit.covariance[0, 1, 3] == pytest.approx(1.0, abs=0.25)
    gap = drawn[:, 1] - drawn[:, 3]
    assert gap.std() == pytest.approx(fit.difference_error[0], rel=0.15)
    assert np.array_equal(drawn, joint_bootstrap(x, events, replicates=400, seed=2))


def test_bootstrap_of_a_constant_or_of_one_class_is_nan():
    assert np.isnan(joint_bootstrap(np.ones(6), np.tile([0, 1], (2, 3)), replicates=5, seed=1)).all()
    assert np.isnan(joint_bootstrap(np.arange(6.0), np.zeros((2, 6)), replicates=5, seed=1)).all()


def test_window_by_hand():
    # P(efficacy) = 1/2 at x = 1 and rising; P(toxicity) = 1/4 at x = 3 - ln 3 and rising
    first, last = window([-1.0, 1.0, -3.0, 1.0], -2.0, 5.0, efficacy=0.5, toxicity=0.25)
    assert [first[0], last[0]] == pytest.approx([1.0, 3.0 - np.log(3.0)], rel=1e-12)
    # toxicity falls with exposure: the window is open above, to the highest exposure observed
    first, last = window([-1.0, 1.0, 3.0, -1.0], -2.0, 9.0, efficacy=0.5, toxicity=0.25)
    assert [first[0], last[0]] == pytest.approx([3.0 + np.log(3.0), 9.0], rel=1e-12)
    # too much toxicity wherever efficacy is likely
    assert np.isnan(window([-1.0, 1.0, 0.0, 1.0], -2.0, 5.0, efficacy=0.5, toxicity=0.25)).all()
    # a flat curve holds everywhere, or nowhere
    assert window([1.0, 0.0, -9.0, 0.0], 0.0, 1.0, efficacy=0.5, toxicity=0.25)[1][0] == 1.0
    assert np.isnan(window([-1.0, 0.0, -9.0, 0.0], 0.0, 1.0, efficacy=0.5, toxicity=0.25)[0][0])


def test_curves_hold_the_fit_and_their_limits():
    x, events = _trial()
    fit = joint_logistic(x, events)
    beta = np.stack((fit.intercept[0], fit.coefficient[0]), axis=1).ravel()
    lines = curves(np.linspace(-2, 2, 9), beta, fit.covariance[0], efficacy=0.4, toxicity=0.2)
    middle = 1 / (1 + np.exp(-(beta[0] + beta[1] * 0.0)))
    assert lines.probability[0, 4] == pytest.approx(middle, rel=1e-12)
    half = 1.959963984540054 * np.sqrt(fit.covariance[0, 0, 0])
    assert lines.lower[0, 4] == pytest.approx(1 / (1 + np.exp(-(beta[0] - half))), rel=1e-9)
    assert ((lines.lower < lines.probability) & (lines.probability < lines.upper)).all()
    assert ((lines.both >= 0) & (lines.both <= 1)).all()
