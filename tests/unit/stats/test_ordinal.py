"""Proportional-odds models of many covariates, against statsmodels, the logistic model of two grades, and a general optimiser."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize
from scipy.special import expit
from scipy.stats import chi2

from correlates.stats.logistic import logistic_model
from correlates.stats.ordinal import ordinal_model, ordinal_resamples, parallel_test, ratio_without, separated
from correlates.stats.ordinal_likelihood import Fits, evaluate
from correlates.stats.ordinal_target import class_probabilities, ordinal_target
from correlates.stats.proportional_odds import proportional_odds_screen

_RNG = np.random.default_rng(1)
_N = 80
_X = _RNG.normal(size=(_N, 3)) * [1, 10, 0.1] + [0, 3, 1]
_Z = (_X - _X.mean(axis=0)) / _X.std(axis=0)
_Y = np.digitize(_X[:, 0] + _RNG.logistic(size=_N), [-1, 0, 1.2])


def _objective(theta: np.ndarray, x: np.ndarray, y: np.ndarray, *, penalised: bool) -> float:
    """Log-likelihood of thresholds and coefficients, and the penalty with the information from products of derivatives, term by term."""
    q, n = int(y.max()), y.size
    eta = theta[:q] + (x @ theta[q:])[:, None]
    above = np.column_stack((np.ones(n), expit(eta), np.zeros(n)))
    if (np.diff(theta[:q]) >= 0).any():
        return -1e6  # out of order
    value = np.log(above[np.arange(n), y] - above[np.arange(n), y + 1]).sum()
    information = np.zeros((theta.size, theta.size))
    for k in range(q + 1):
        each = np.zeros((n, theta.size))
        for j, sign in ((k, 1.0), (k + 1, -1.0)):
            if 0 < j <= q:
                slope = sign * above[:, j] * (1 - above[:, j])
                each[:, j - 1] += slope
                each[:, q:] += slope[:, None] * x
        information += each.T @ (each / (above[:, k] - above[:, k + 1])[:, None])
    return value + (0.5 * np.linalg.slogdet(information)[1] if penalised else 0.0)


@pytest.fixture(scope="module")
def fitted():
    return ordinal_model(_Z, _Y)


def test_maximum_likelihood_as_statsmodels() -> None:
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = OrderedModel(_Y, _X, distr="logit").fit(disp=0, method="bfgs", gtol=1e-9, maxiter=3000)
    ours = ordinal_model(_X, _Y, penalty="none")
    np.testing.assert_allclose(ours.coefficient, other.params[:3], rtol=5e-6)  # its optimiser stops there
    np.testing.assert_allclose(ours.standard_error, other.bse[:3], rtol=1e-3)  # its Hessian is numeric
    assert ours.log_likelihood == pytest.approx(other.llf, rel=1e-10)


def test_one_covariate_as_the_screen() -> None:
    ours, screen = ordinal_model(_X[:, :1], _Y, penalty="none"), proportional_odds_screen(_X[:, 0], _Y)
    for name in ("coefficient", "standard_error", "lower", "upper", "chi_square", "p_value"):
        np.testing.assert_allclose(getattr(ours, name), getattr(screen, name), rtol=1e-7)
    test = parallel_test(_X[:, :1], _Y, [0])
    assert test.chi_square == pytest.approx(screen.parallel_chi_square[0], rel=1e-6)
    assert test.df == screen.parallel_df[0]


def test_two_grades_are_firths_logistic_regression() -> None:
    y = _Y >= 2
    ours, firth = ordinal_model(_X, y), logistic_model(_X, y)
    for name in ("coefficient", "standard_error", "lower", "upper", "chi_square"):
        np.testing.assert_allclose(getattr(ours, name), getattr(firth, name)[1:], rtol=1e-6)
    assert ours.threshold[0] == pytest.approx(firth.coefficient[0], rel=1e-6)
    assert ours.log_likelihood == pytest.approx(firth.log_likelihood, rel=1e-9)
    assert ours.model_chi_square == pytest.approx(firth.model_chi_square, rel=1e-8)


def test_the_penalised_maximum_is_where_a_general_optimiser_finds_it(fitted) -> None:
    start = np.concatenate((fitted.threshold, fitted.coefficient))

    def less(t: np.ndarray) -> float:
        return -_objective(t, _Z, _Y, penalised=True)

    found = minimize(less, start + np.array([0.1, 0, -0.1, 0.05, 0.05, 0.1]), method="BFGS", options={"gtol": 1e-6})
    np.testing.assert_allclose(start, found.x, rtol=1e-4, atol=1e-4)  # its gradient is numeric
    assert fitted.log_likelihood == pytest.approx(-found.fun, abs=1e-8)
    assert fitted.log_likelihood >= -found.fun - 1e-10
    fits = Fits(x=_Z, y=_Y, k=4, weight=_RNG.integers(0, 3, (1, _N)).astype(float), penalised=True)
    away = start[None] + 0.1
    numeric = approx_fprime(away[0], lambda t: evaluate(fits, t[None]).value[0], 1e-7)
    np.testing.assert_allclose(evaluate(fits, away).gradient[0], numeric, rtol=1e-4, atol=1e-4)


def test_profile_limits_lie_where_the_profile_has_fallen(fitted) -> None:
    for limit in (fitted.lower[0], fitted.upper[0]):
        # with the coefficient held, the others are free: its profile by a general optimiser
        def less(t: np.ndarray, limit: float = limit) -> float:
            return -_objective(np.concatenate((t[:3], [limit], t[3:])), _Z, _Y, penalised=True)

        found = minimize(less, np.concatenate((fitted.threshold, fitted.coefficient[1:])), method="BFGS")
        assert 2 * (fitted.log_likelihood + found.fun) == pytest.approx(chi2.ppf(0.95, 1), abs=2e-5)


def test_ratio_of_several_columns_is_that_of_the_nested_maxima() -> None:
    whole, less = (ordinal_model(x, _Y, penalty="none") for x in (_X, _X[:, :1]))
    found = ratio_without(_X, _Y, np.array([False, True, True]), penalty="none")
    assert found == pytest.approx(2 * (whole.log_likelihood - less.log_likelihood), rel=1e-9)


def test_parallel_score_test_as_numeric_derivatives() -> None:
    ours = ordinal_model(_X, _Y, penalty="none")

    def wide(t: np.ndarray) -> float:  # thresholds; column 0 common; columns 1 and 2 at each threshold
        above = expit(t[:3] + (_X[:, :1] * t[3]) + _X[:, 1:] @ t[4:].reshape(3, 2).T)
        bounds = np.column_stack((np.ones(_N), above, np.zeros(_N)))
        rows = np.arange(_N)
        return float(np.log(bounds[rows, _Y] - bounds[rows, _Y + 1]).sum())

    at = np.concatenate((ours.threshold, ours.coefficient[:1], np.tile(ours.coefficient[1:], 3)))
    gradient = approx_fprime(at, wide, 1e-6)
    size = at.size
    design = np.zeros((_N, 3, size))
    for j in range(3):
        design[:, j, j], design[:, j, 3] = 1.0, _X[:, 0]
        design[:, j, 4 + 2 * j : 6 + 2 * j] = _X[:, 1:]
    above = expit(design @ at)
    slope = above * (1 - above)
    information = np.zeros((size, size))
    bounds = np.column_stack((np.ones(_N), above, np.zeros(_N)))
    for k in range(4):  # each grade's share by the parameters
        each = np.zeros((_N, size))
        if k > 0:
            each += slope[:, k - 1, None] * design[:, k - 1]
        if k < 3:
            each -= slope[:, k, None] * design[:, k]
        information += each.T @ (each / (bounds[:, k] - bounds[:, k + 1])[:, None])
    expected = gradient @ np.linalg.solve(information, gradient)
    test = parallel_test(_X, _Y, [1, 2])
    assert test.df == 4
    assert test.chi_square == pytest.approx(expected, rel=1e-3)  # the gradient is numeric


def test_separated_grades_have_a_finite_estimate() -> None:
    y = np.digitize(_X[:, 0], [-1, 0, 1])
    assert separated(_X, y)
    assert not separated(_X, _Y)
    assert not ordinal_model(_X, y, penalty="none").converged
    ours = ordinal_resamples(_X, y, np.ones((1, _N)), levels=4)
    assert ours.converged.all()
    assert np.isfinite([*ours.coefficient[0], *ours.threshold[0]]).all()
    assert not ordinal_model(np.column_stack((_X, _X[:, 0])), _Y).full_rank


def test_a_resample_is_its_rows_fitted_alone() -> None:
    draws = np.random.default_rng(2).integers(0, _N, _N)
    weight = np.stack([np.bincount(draws, minlength=_N), np.where(_Y == 1, 0, 1), np.where(_Y == 3, 0, 1)]).astype(
        float
    )
    found = ordinal_resamples(_X, _Y, weight, levels=4)
    assert found.converged.all()
    for row, own in enumerate((draws, np.flatnonzero(_Y != 1), np.flatnonzero(_Y != 3))):
        alone = ordinal_model(_X[own], _Y[own])
        np.testing.assert_allclose(found.coefficient[row], alone.coefficient, rtol=2e-5, atol=1e-6)
        there = np.isin([1, 2, 3], _Y[own])
        np.testing.assert_allclose(found.threshold[row][there], alone.threshold, rtol=2e-5, atol=1e-5)
    assert found.threshold[1, 0] == found.threshold[1, 1]  # nobody has grade 1: from 1 on is from 2 on
    assert found.threshold[2, 2] == -np.inf


def test_measures_of_grades() -> None:
    target = ordinal_target(_Y)
    eta = _X[:, 0]
    pairs = [(i, j) for i in range(_N) for j in range(_N) if _Y[i] > _Y[j]]
    right = np.mean([1.0 * (eta[i] > eta[j]) + 0.5 * (eta[i] == eta[j]) for i, j in pairs])
    found = target.measures(np.stack((eta, np.zeros(_N))), np.ones((2, _N)))
    assert found["c_index"][0] == pytest.approx(right, rel=1e-12)
    assert found["c_index"][1] == 0.5
    assert found["slope"][0] == pytest.approx(ordinal_model(_X[:, :1], _Y, penalty="none").coefficient[0], rel=1e-4)
    assert np.isnan(found["slope"][1])
    counts = np.bincount(_Y)
    assert target.effective == pytest.approx(_N - (counts**3).sum() / _N**2)
    each = class_probabilities(eta, np.array([1.0, 0.0, -2.0]))
    np.testing.assert_allclose(each.sum(axis=1), 1.0)
    np.testing.assert_allclose(each[:, 2:].sum(axis=1), expit(eta))
