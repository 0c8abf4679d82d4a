"""The variance function: against the likelihood of error contrasts, reweighting, and data that cannot give it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import null_space
from scipy.optimize import approx_fprime, least_squares, minimize_scalar
from scipy.stats import multivariate_normal

from correlates.stats.logistic_curve import fit_logistic, predict_dose, response
from correlates.stats.variance_function import fit_with_variance_function

DOSE = np.repeat(10_000.0 / 4.0 ** np.arange(8), 2)
CURVE = np.array((30_000.0, -1.0, 2_000.0, 20.0, 0.8))


def written_out(x: np.ndarray, a: float, b: float, c: float, d: float, g: float) -> np.ndarray:
    return d + (a - d) / (1.0 + (x / c) ** b) ** g


def drawn(theta: float, sigma: float, n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.tile(DOSE, (n, 1))
    f = response(CURVE, x)
    y = f + sigma * f ** (theta / 2.0) * rng.standard_normal(x.shape)
    return x, np.maximum(y, 0.1), np.ones(x.shape, dtype=bool)


@pytest.mark.parametrize(("theta", "sigma", "seed"), [(2.0, 0.05, 1), (1.4, 0.3, 2), (1.0, 1.2, 3)])
def test_theta_maximises_the_likelihood_of_the_error_contrasts(theta: float, sigma: float, seed: int) -> None:
    """Another route: contrasts K with K'J = 0 are free of the curve, K'(y - f) ~ N(0, s^2 K' diag(f^theta) K) on each plate.

    theta is settled to 0.003, so 0.005 is asked; its standard error is 0.13.
    """
    x, y, there = drawn(theta, sigma, 3, seed)
    found = fit_with_variance_function(x, y, there, np.zeros(3, dtype=int), family="negative")
    assert found.settled

    parts = []
    for i in range(3):
        p = found.curves.parameters[i]
        jacobian = approx_fprime(p, lambda q: written_out(DOSE, *q), 1e-6 * np.abs(p))
        contrasts = null_space((jacobian / np.abs(jacobian).max(axis=0)).T)
        f = written_out(DOSE, *p)
        parts.append((contrasts.T @ (y[i] - f), contrasts, f))

    def minus_twice(power: float) -> float:
        total = 0.0
        for r, k, f in parts:
            shape = k.T @ np.diag((f / f.mean()) ** power) @ k
            variance = r @ np.linalg.solve(shape, r) / r.size
            total -= 2.0 * multivariate_normal.logpdf(r, cov=variance * shape)
        return total

    best = minimize_scalar(minus_twice, bounds=(0.0, 3.0), method="bounded", options={"xatol": 1e-5})
    assert found.theta[0] == pytest.approx(best.x, abs=0.005)


@pytest.mark.parametrize("power", [0.5, 1.5, 2.6])
def test_curves_of_any_power_are_where_reweighting_ends(power: float) -> None:
    """Another program, scipy's trust-region solver with fixed weights f^-p, refitted until the weights no longer change."""
    x, y, there = drawn(1.5, 0.2, 1, 4)
    fit = fit_logistic(x, y, there, power=power, family="negative")
    p = fit.parameters[0] * np.array([1.05, 0.95, 1.1, 0.9, 1.05])
    for _ in range(60):
        root = written_out(DOSE, *p) ** (-power / 2)
        scale = np.abs(p)
        solved = least_squares(
            lambda q: root * (y[0] - written_out(DOSE, *(q * scale))),  # noqa: B023
            p / scale,
            x_scale="jac", xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=2000,
        )  # fmt: skip
        p = solved.x * scale
    # the optimum is flat along C and G; the fitted signals are not
    assert response(fit.parameters[0], DOSE) == pytest.approx(written_out(DOSE, *p), rel=1e-5)
    assert fit.rss[0] == pytest.approx(2 * solved.cost, rel=1e-6)


def test_powers_of_the_words_are_these_words() -> None:
    x, y, there = drawn(2.0, 0.05, 4, 5)
    for weight, power in (("1/y2", 2.0), ("1/y", 1.0)):
        word = fit_logistic(x, y, there, weight=weight)  # type: ignore[arg-type]
        assert np.array_equal(word.parameters, fit_logistic(x, y, there, power=power).parameters)


def test_each_curve_keeps_its_own_power() -> None:
    x, y, there = drawn(2.0, 0.05, 3, 6)
    together = fit_logistic(x, y, there, power=[1.0, 1.7, 2.0])
    for i, power in enumerate((1.0, 1.7, 2.0)):
        alone = fit_logistic(x[i], y[i], power=power)
        assert together.fitted[i] == pytest.approx(alone.fitted[0], rel=1e-7)
        assert together.power[i] == power


def test_the_interval_uses_the_power() -> None:
    """Without the uncertainty of the curve's parameters the noise alone is left: sigma f^(p/2)/sqrt(m) over the slope."""
    x, y, there = drawn(1.0, 1.2, 1, 7)
    fit = fit_logistic(x, y, there, power=1.3)
    signal = np.array([900.0, 900.0, 900.0])
    found = predict_dose(fit, np.zeros(3, dtype=int), signal, np.array([1.0, 4.0, np.inf]))
    variance = (found.se / found.dose) ** 2
    slope = approx_fprime(np.log(found.dose[:1]), lambda u: written_out(np.exp(u), *fit.parameters[0])[0], 1e-7).item()
    noise = fit.sigma[0] ** 2 * 900.0**1.3 / slope**2
    assert variance[0] - variance[2] == pytest.approx(noise, rel=1e-4)
    assert variance[1] - variance[2] == pytest.approx(noise / 4, rel=1e-4)


def test_groups_do_not_see_each_other() -> None:
    x1, y1, there1 = drawn(2.0, 0.05, 4, 8)
    x2, y2, there2 = drawn(1.0, 1.2, 4, 9)
    both = fit_with_variance_function(
        np.vstack([x1, x2]), np.vstack([y1, y2]), np.vstack([there1, there2]), np.repeat([0, 1], 4)
    )
    for k, (x, y, there) in enumerate(((x1, y1, there1), (x2, y2, there2))):
        alone = fit_with_variance_function(x, y, there, np.zeros(4, dtype=int))
        assert both.theta[k] == pytest.approx(alone.theta[0], abs=0.003)
        assert both.n_curves[k] == 4
        assert both.df[k] == 4 * 11


def test_theta_does_not_depend_on_the_unit_of_the_signal() -> None:
    x, y, there = drawn(1.6, 0.15, 5, 10)
    group = np.zeros(5, dtype=int)
    once, thousandfold = (fit_with_variance_function(x, k * y, there, group) for k in (1.0, 1000.0))
    assert once.theta[0] == pytest.approx(thousandfold.theta[0], abs=0.003)


def test_too_few_points_give_the_default() -> None:
    x, y, there = drawn(1.0, 1.0, 1, 11)
    few = there.copy()
    few[0, ::2] = False
    few[0, 0] = True
    found = fit_with_variance_function(x, y, few, np.zeros(1, dtype=int))
    assert not found.estimated[0]
    assert found.theta[0] == 2.0
    assert np.isnan(found.se[0])
    assert found.df[0] == 4
    assert np.array_equal(found.curves.parameters, fit_logistic(x, y, few).parameters)


def test_a_theta_at_its_bound_has_no_standard_error() -> None:
    rng = np.random.default_rng(12)
    x = np.tile(DOSE, (6, 1))
    f = response(CURVE, x)
    y = f * np.exp(0.02 * (f / 3_000.0) ** 1.2 * rng.standard_normal(x.shape))
    found = fit_with_variance_function(x, y, np.ones(x.shape, dtype=bool), np.zeros(6, dtype=int))
    assert found.theta[0] == pytest.approx(3.0, abs=0.003)
    assert found.at_bound[0]
    assert np.isnan(found.se[0])


def test_nothing_gives_nothing() -> None:
    empty = np.zeros((0, 4))
    found = fit_with_variance_function(empty, empty, empty > 0, np.zeros(0, dtype=int))
    assert (found.theta.size, found.curves.parameters.shape, found.settled) == (0, (0, 5), True)


@pytest.mark.parametrize("power", [-0.1, 4.5, float("nan")])
def test_powers_that_cannot_be(power: float) -> None:
    x, y, there = drawn(2.0, 0.05, 1, 13)
    with pytest.raises(ValueError, match="between 0 and 4"):
        fit_logistic(x, y, there, power=power)
