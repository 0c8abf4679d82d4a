"""Logistic regression against firthmodels and statsmodels, with holes, and at the edges."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import statsmodels.api as sm
from firthmodels import FirthLogisticRegression

from correlates.stats.logistic import Penalty, logistic_model, logistic_screen, ratio_without, separation


def _panel(seed=21, m=12, n=60):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(m, n)) * np.linspace(0.01, 300, m)[:, None] + 50
    y = rng.random(n) < 1 / (1 + np.exp(-(x[0] - 50) * 80))
    return x, y, rng.random((m, n)) < 0.9


def test_screen_as_firthmodels():
    x, y, present = _panel()
    found = logistic_screen(x, y, present)
    assert found.converged.all()
    for row in range(x.shape[0]):
        kept = present[row]
        other = FirthLogisticRegression(gtol=1e-9, xtol=1e-9, max_iter=500, max_halfstep=100)
        scaled = (x[row, kept] - x[row, kept].mean()) / x[row, kept].std()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its convergence test is on rounding noise
            other.fit(scaled[:, None], y[kept])
            limits = other.conf_int(method="pl")[0]
        unit = x[row, kept].std()
        assert found.coefficient[row] * unit == pytest.approx(other.coef_[0], rel=1e-6)
        # its limits stop at a step of 1e-4
        assert found.lower[row] * unit == pytest.approx(limits[0], rel=1e-3, abs=1e-3)
        assert found.upper[row] * unit == pytest.approx(limits[1], rel=1e-3, abs=1e-3)


def test_maximum_likelihood_as_statsmodels():
    x, y, present = _panel()
    found = logistic_screen(x[2:], y, present[2:], penalty="none")
    for row in range(x.shape[0] - 2):
        kept = present[row + 2]
        other = sm.Logit(y[kept].astype(float), sm.add_constant(x[row + 2, kept])).fit(disp=0, tol=1e-12)
        assert found.coefficient[row] == pytest.approx(other.params[1], rel=1e-6)
        assert found.standard_error[row] == pytest.approx(other.bse[1], rel=1e-6)
        assert found.p_value[row] == pytest.approx(other.llr_pvalue, rel=1e-6)
        assert found.log_likelihood[row] == pytest.approx(other.llf, rel=1e-10)


@pytest.mark.parametrize("penalty", list(Penalty))
def test_screen_and_model_agree(penalty):
    x, y, _ = _panel(seed=22)
    screened = logistic_screen(x[3:6], y, penalty=penalty)
    for row in range(3):
        model = logistic_model(x[3 + row][:, None], y, penalty=penalty)
        for name in ("coefficient", "standard_error", "lower", "upper", "chi_square", "p_value"):
            assert getattr(screened, name)[row] == pytest.approx(getattr(model, name)[1], rel=1e-6), name
        assert screened.log_likelihood[row] == pytest.approx(model.log_likelihood, rel=1e-9)


def test_limits_are_where_the_likelihood_ratio_is_the_quantile():
    x, y, _ = _panel(seed=23)
    fit = logistic_model(x[4:6].T, y)
    from correlates.stats.logistic_likelihood import batch, maximise

    design = np.column_stack((np.ones(y.size), (x[4] - fit.lower[1] * 0), x[5]))
    models = batch(design[None], y.astype(float)[None], np.ones((1, y.size)), firth=True)
    for limit in (fit.lower[1], fit.upper[1]):
        start = fit.coefficient[None].copy()
        start[0, 0] += (start[0, 1] - limit) * x[4].mean()
        start[0, 1] = limit
        held = maximise(models, start, np.array([True, False, True]))
        assert 2 * (fit.log_likelihood - held.point.value[0]) == pytest.approx(3.841458820694124, rel=1e-6)


def test_scale_and_origin_of_the_covariate():
    x, y, _ = _panel(seed=24)
    one, other = logistic_screen(x, y), logistic_screen(1000 * x - 7, y)
    for name in ("coefficient", "standard_error", "lower", "upper"):
        np.testing.assert_allclose(getattr(other, name) * 1000, getattr(one, name), rtol=1e-6)
    np.testing.assert_allclose(other.p_value, one.p_value, rtol=1e-9)


def test_swapping_events_turns_the_sign():
    x, y, present = _panel(seed=25)
    one, other = logistic_screen(x, y, present), logistic_screen(x, ~y, present)
    np.testing.assert_allclose(other.coefficient, -one.coefficient, rtol=1e-7)
    np.testing.assert_allclose(other.lower, -one.upper, rtol=1e-7)


def test_order_of_subjects():
    x, y, present = _panel(seed=26)
    order = np.random.default_rng(0).permutation(y.size)
    one, other = logistic_screen(x, y, present), logistic_screen(x[:, order], y[order], present[:, order])
    np.testing.assert_allclose(other.coefficient, one.coefficient, rtol=1e-9)


def test_edges():
    y = [0, 0, 0, 1, 1, 1]
    x = np.array([[5, 5, 5, 5, 5, 5], [1, 2, 3, 4, 5, 6], [1, 2, 4, 4, 5, 6], [1, 5, 2, 3, 4, 6]], dtype=float)
    firth, plain = logistic_screen(x, y), logistic_screen(x, y, penalty="none")
    assert firth.separation.tolist() == ["none", "complete", "quasi", "none"]
    assert firth.constant.tolist() == [True, False, False, False]
    assert firth.converged.tolist() == [False, True, True, True]
    assert plain.converged.tolist() == [False, False, False, True]
    assert np.isfinite(firth.upper[1:]).all()
    for name in ("coefficient", "lower", "upper", "p_value", "standard_error"):
        assert np.isnan(getattr(firth, name)[0])
        assert np.isnan(getattr(plain, name)[:3]).all()


def test_a_row_without_values_harms_no_other():
    x, y, present = _panel(seed=27)
    present[1] = False
    present[2] = np.arange(y.size) == 3
    found = logistic_screen(x, y, present)
    assert found.converged.tolist() == [True, False, False] + [True] * 9
    assert found.n[:3].tolist()[1:] == [0, 1]


def test_collinear_covariates_are_refused_with_a_flag():
    x, y, _ = _panel(seed=28)
    fit = logistic_model(np.column_stack((x[3], x[3] * 2 + 1)), y)
    assert not fit.full_rank
    assert not fit.converged
    assert np.isnan(fit.coefficient).all()
    assert fit.log_likelihood is None


def test_without_intercept_there_is_no_null_model():
    x, y, _ = _panel(seed=29)
    fit = logistic_model((x[3] - 50)[:, None], y, intercept=False)
    assert fit.coefficient.shape == (1,)
    assert fit.model_chi_square is None


def test_many_small_separated_samples_all_converge():
    rng = np.random.default_rng(30)
    for n, events in ((8, 2), (12, 1), (20, 3)):
        x = rng.lognormal(sigma=2, size=(300, n))
        found = logistic_screen(x, np.arange(n) < events)
        assert found.converged.all()
        assert (found.separation != "none").any()
        assert ((found.lower < found.coefficient) & (found.coefficient < found.upper)).all()


def test_of_two_maxima_the_higher_one_is_taken():
    # three events below everybody else and one outlying non-event: the penalised likelihood has a maximum near 0 and a higher one far away
    rng = np.random.default_rng(30)
    for n in (8, 12):
        rng.lognormal(sigma=2, size=(300, n))
    x = rng.lognormal(sigma=2, size=(300, 20))
    y = np.arange(20) < 3
    row = np.flatnonzero(logistic_screen(x, y).coefficient * x.std(axis=1) < -20)
    assert row.size >= 1
    from correlates.stats.logistic_likelihood import batch, evaluate

    z = (x[row[0]] - x[row[0]].mean()) / x[row[0]].std()
    fit = logistic_model(z[:, None], y)
    models = batch(np.column_stack((np.ones(20), z))[None], y.astype(float)[None], np.ones((1, 20)), firth=True)
    slopes, intercepts = np.meshgrid(np.linspace(-300, 20, 81), np.linspace(-130, 10, 71))
    grid = [
        evaluate(models, np.array([[a, b]])).value[0] for a, b in zip(intercepts.ravel(), slopes.ravel(), strict=True)
    ]
    assert fit.converged
    assert fit.log_likelihood >= max(grid)
    assert fit.log_likelihood > evaluate(models, np.array([[-1.5, 0.0]])).value[0] + 1
    assert fit.lower[1] < fit.coefficient[1] < fit.upper[1]


def test_bad_input():
    with pytest.raises(ValueError, match="NaN or infinity"):
        logistic_model([[np.inf], [1.0]], [0, 1])
    with pytest.raises(ValueError, match="design must be"):
        logistic_model([1.0, 2.0], [0, 1])
    assert separation([[1.0, 1.0], [1.0, 2.0]], [0, 1]) == "complete"


@pytest.mark.parametrize("penalty", list(Penalty))
def test_covariates_far_from_zero_are_fitted_as_centred_ones(penalty):
    rng = np.random.default_rng(31)
    n = 80
    x = np.column_stack((2015 + 3 * rng.normal(size=n), 8 + 0.001 * rng.normal(size=n), rng.normal(size=n)))
    y = rng.random(n) < 1 / (1 + np.exp(-(x[:, 2] + 0.3 * (x[:, 0] - 2015))))
    centre = x.mean(axis=0)
    far, near = logistic_model(x, y, penalty=penalty), logistic_model(x - centre, y, penalty=penalty)
    for name in ("coefficient", "standard_error", "lower", "upper", "chi_square", "p_value"):
        np.testing.assert_allclose(getattr(far, name)[1:], getattr(near, name)[1:], rtol=1e-6, err_msg=name)
    for name in ("log_likelihood", "null_log_likelihood", "model_chi_square"):
        assert getattr(far, name) == pytest.approx(getattr(near, name), rel=1e-9), name
    assert far.coefficient[0] == pytest.approx(near.coefficient[0] - far.coefficient[1:] @ centre, rel=1e-9)
    out = np.array([True, False, True])
    assert ratio_without(x, y, out) == pytest.approx(ratio_without(x - centre, y, out), rel=1e-6)
    assert far.lower[0] < far.coefficient[0] < far.upper[0]


def test_limits_of_the_intercept_are_those_of_the_predictor_at_zero():
    # held there, and all the rest maximised in the coefficients as they are told
    x, y, _ = _panel(seed=32)
    given = x[5:7].T
    fit = logistic_model(given, y)
    from correlates.stats.logistic_likelihood import batch, maximise

    models = batch(
        np.column_stack((np.ones(y.size), given))[None], y.astype(float)[None], np.ones((1, y.size)), firth=True
    )
    for limit in (fit.lower[0], fit.upper[0]):
        start = np.array([[limit, *fit.coefficient[1:]]])
        held = maximise(models, start, np.array([False, True, True]))
        assert held.converged[0]
        assert 2 * (fit.log_likelihood - held.point.value[0]) == pytest.approx(3.841458820694124, rel=1e-6)
