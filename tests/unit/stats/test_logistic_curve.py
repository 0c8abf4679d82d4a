"""Logistic calibration curves: recovery, weights, families, inverse, and data that cannot be fitted."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.optimize import curve_fit, least_squares

from correlates.stats.logistic_curve import Weight, fit_logistic, inverse, predict_dose, response

DOSE = np.repeat(10_000.0 / 4.0 ** np.arange(8), 2)
CURVES = {
    "rising, B below 0": (30_000.0, -1.0, 2_000.0, 20.0, 0.8),
    "rising, B above 0": (20.0, 1.1, 3_000.0, 30_000.0, 1.3),
    "falling, B below 0": (20.0, -1.2, 500.0, 20_000.0, 0.7),
    "falling, B above 0": (20_000.0, 0.9, 800.0, 50.0, 1.6),
}


def written_out(x: np.ndarray, a: float, b: float, c: float, d: float, g: float) -> np.ndarray:
    return d + (a - d) / (1.0 + (x / c) ** b) ** g


def noisy(curve: tuple[float, ...], cv: float, seed: int, n: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = written_out(DOSE, *curve) * np.exp(cv * rng.standard_normal((n, DOSE.size)))
    return np.tile(DOSE, (n, 1)), y


@pytest.mark.parametrize("weight", ["1/y2", "1/y", "none"])
@pytest.mark.parametrize("name", CURVES)
def test_five_parameters_are_recovered_without_noise(name: str, weight: Weight) -> None:
    curve = CURVES[name]
    fit = fit_logistic(
        DOSE, written_out(DOSE, *curve), weight=weight, family="negative" if curve[1] < 0 else "positive"
    )
    assert fit.converged[0]
    assert fit.parameters[0] == pytest.approx(curve, rel=1e-6)


@pytest.mark.parametrize("weight", ["1/y2", "1/y", "none"])
@pytest.mark.parametrize("curve", [(30_000.0, -1.3, 700.0, 40.0, 1.0), (9_000.0, 1.1, 300.0, 60.0, 1.0)])
def test_four_parameters_are_recovered_without_noise(curve: tuple[float, ...], weight: Weight) -> None:
    fit = fit_logistic(DOSE, written_out(DOSE, *curve), model="4PL", weight=weight)
    a, b, c, d, g = fit.parameters[0]
    found = (a, b, c, d, g) if curve[1] < 0 else (d, -b, c, a, g)  # in the 4PL the two signs of B are one curve
    assert found == pytest.approx(curve, rel=1e-6)
    assert fit.n_parameters[0] == 4


@pytest.mark.parametrize("name", CURVES)
def test_either_family_finds_the_curve(name: str) -> None:
    fit = fit_logistic(DOSE, written_out(DOSE, *CURVES[name]))
    between = np.geomspace(1.0, 9_000.0, 50)
    assert response(fit.parameters[0], between) == pytest.approx(written_out(between, *CURVES[name]), rel=1e-6)


def test_response_and_inverse_undo_each_other() -> None:
    x = np.geomspace(0.01, 1e6, 200)
    for curve in CURVES.values():
        parameters = np.array(curve)
        y = response(parameters, x)
        assert y == pytest.approx(written_out(x, *curve), rel=1e-12)
        back, side = inverse(parameters, y)
        here = np.abs(y - curve[0]) > 1e-6 * abs(curve[0])
        here &= np.abs(y - curve[3]) > 1e-6 * abs(curve[3])
        assert back[here] == pytest.approx(x[here], rel=1e-6)
        assert (side[here] == 0).all()


@pytest.mark.parametrize("curve", [(12_000.0, -281.7, 679.5, 22.6, 0.0037), (22.6, 0.9, 5.0, 12_000.0, 0.0012)])
def test_extreme_asymmetry_is_inverted(curve: tuple[float, ...]) -> None:
    """A power law that meets a ceiling at once, as saturated detectors give: (x/C)^B and its root are beyond floating point."""
    parameters = np.array(curve)
    x = np.array([0.5, 5.0, 50.0, 500.0])
    y = response(parameters, x)
    back, side = inverse(parameters, y)
    assert back == pytest.approx(x, rel=1e-6)
    assert (side == 0).all()


@pytest.mark.parametrize(("name", "rising"), [(n, n.startswith("rising")) for n in CURVES])
def test_sides(name: str, rising: bool) -> None:
    curve = np.array(CURVES[name])
    low, high = min(curve[0], curve[3]), max(curve[0], curve[3])
    dose, side = inverse(curve, np.array([low - 1, low, high, high + 1]))
    assert np.isnan(dose).all()
    assert side.tolist() == ([-1, -1, 1, 1] if rising else [1, 1, -1, -1])


@pytest.mark.parametrize("weight", ["1/y2", "1/y"])
def test_fitted_weights_are_where_reweighting_ends(weight: Weight) -> None:
    """Another program, scipy's trust-region solver with fixed weights 1/f^p, refitted until the weights no longer change."""
    x, y = noisy(CURVES["rising, B below 0"], 0.08, 3)
    fit = fit_logistic(x, y, weight=weight, family="negative")
    power = {"1/y2": 2.0, "1/y": 1.0}[weight]
    p = fit.parameters[0] * np.array([1.05, 0.95, 1.1, 0.9, 1.05])
    for _ in range(60):
        root = written_out(DOSE, *p) ** (-power / 2)
        scale = np.abs(p)
        solved = least_squares(
            lambda q: root * (y[0] - written_out(DOSE, *(q * scale))),  # noqa: B023
            p / scale,
            xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=2000,
        )  # fmt: skip
        p = solved.x * scale
    # the optimum is flat along C and G: 1e-4 of a parameter is 1e-3 of its standard error
    assert fit.parameters[0] == pytest.approx(p, rel=1e-4)
    assert response(fit.parameters[0], DOSE) == pytest.approx(written_out(DOSE, *p), rel=1e-6)
    assert fit.rss[0] == pytest.approx(2 * solved.cost, rel=1e-6)


def test_no_worse_than_curve_fit() -> None:
    """Another program: of 60 noisy curves none has a larger weighted sum of squares than scipy's curve_fit finds."""
    rng = np.random.default_rng(11)
    n = 60
    parameters = np.stack(
        [rng.uniform(8e3, 4e4, n), -rng.uniform(0.7, 1.6, n), 10 ** rng.uniform(2, 3.5, n), rng.uniform(5, 60, n), rng.uniform(0.4, 2, n)],
        axis=1,
    )  # fmt: skip
    x = np.tile(DOSE, (n, 1))
    y = response(parameters[:, None, :], x) * np.exp(0.05 * rng.standard_normal(x.shape))
    fit = fit_logistic(x, y, variance="observed", family="negative")
    assert fit.converged.all()
    for i in range(n):
        start = [y[i].max() * 1.1, -1.0, 300.0, y[i].min() * 0.9, 1.0]
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                p, _ = curve_fit(written_out, DOSE, y[i], p0=start, sigma=y[i], maxfev=20_000)
            except RuntimeError:
                continue  # curve_fit gives up on some
            theirs = (((y[i] - written_out(DOSE, *p)) / y[i]) ** 2).sum()
        if p[1] > 0:
            continue  # it went over to the other family
        assert fit.rss[i] <= theirs * (1 + 1e-6)


def test_covariance_is_that_of_curve_fit() -> None:
    x, y = noisy(CURVES["rising, B above 0"], 0.03, 5)
    fit = fit_logistic(x, y, variance="observed", family="positive")
    p, v = curve_fit(written_out, DOSE, y[0], p0=fit.parameters[0], sigma=y[0], xtol=1e-14, ftol=1e-14, gtol=1e-14)
    # curve_fit differentiates numerically; its Jacobian is good to 1e-4 here
    assert fit.parameters[0] == pytest.approx(p, rel=1e-4)
    assert np.sqrt(np.diag(fit.covariance[0])) == pytest.approx(np.sqrt(np.diag(v)), rel=1e-3)


def test_curves_of_different_length_are_fitted_as_if_alone() -> None:
    x, y = noisy(CURVES["rising, B below 0"], 0.05, 7, n=12)
    present = np.ones(x.shape, dtype=bool)
    for i in range(12):
        present[i, : i // 2] = False
    together = fit_logistic(np.where(present, x, np.nan), np.where(present, y, np.nan), present)
    for i in range(12):
        alone = fit_logistic(x[i, present[i]], y[i, present[i]])
        # the order of summation differs with padding
        assert together.fitted[i, present[i]] == pytest.approx(alone.fitted[0], rel=1e-8)
        assert together.df[i] == alone.df[0]
        assert np.isnan(together.fitted[i, ~present[i]]).all()


def test_interval_of_the_mean_of_replicates_narrows_to_that_of_the_curve() -> None:
    x, y = noisy(CURVES["rising, B below 0"], 0.05, 9)
    fit = fit_logistic(x, y)
    signal = np.full(4, float(response(fit.parameters[0], np.array(100.0))))
    found = predict_dose(fit, np.zeros(4, dtype=int), signal, np.array([1.0, 2.0, 8.0, np.inf]))
    assert found.dose == pytest.approx(np.full(4, 100.0), rel=1e-9)
    assert (np.diff(found.se) < 0).all()
    noise = fit.sigma[0] * signal[0]  # constant CV: the sd of a well is sigma f
    slope = (response(fit.parameters[0], np.array(100.001)) - response(fit.parameters[0], np.array(99.999))) / 0.002
    for k, m in enumerate((1.0, 2.0, 8.0)):
        assert found.se[k] ** 2 - found.se[3] ** 2 == pytest.approx((noise / slope) ** 2 / m, rel=1e-5)
    wider = predict_dose(fit, [0], signal[:1], [1.0], confidence=0.99)
    assert wider.lower[0] < found.lower[0] < 100 < found.upper[0] < wider.upper[0]


@pytest.mark.parametrize(
    ("dose", "signal"),
    [
        (np.array([1.0, 10.0]), np.array([5.0, 50.0])),
        (DOSE, np.full(DOSE.size, 7.0)),
        (np.full(16, 3.0), np.linspace(1, 2, 16)),
        (np.geomspace(1, 1000, 4), np.array([5.0, 50.0, 300.0, 900.0])),
    ],
)
def test_what_cannot_be_fitted_is_nan(dose: np.ndarray, signal: np.ndarray) -> None:
    fit = fit_logistic(dose, signal)
    assert np.isnan(fit.parameters).all()
    assert not fit.converged[0]
    assert np.isnan(predict_dose(fit, [0], [6.0], [1.0]).dose[0])


def test_no_degrees_of_freedom_no_interval() -> None:
    dose = np.geomspace(1, 10_000, 5)
    fit = fit_logistic(dose, written_out(dose, *CURVES["rising, B below 0"]) * np.array([1.01, 0.99, 1.0, 1.01, 0.99]))
    found = predict_dose(fit, [0], [fit.fitted[0, 2]], [2.0])
    assert np.isfinite(found.dose[0])
    assert np.isnan([found.se[0], found.lower[0], found.upper[0], fit.sigma[0]]).all()


@pytest.mark.parametrize(
    ("dose", "signal", "message"),
    [
        (np.array([0.0, 1, 2, 3, 4]), np.ones(5), "above 0"),
        (np.array([1.0, 2, 3, 4, 5]), np.array([-1.0, 2, 3, 4, 5]), "signals must be above 0"),
        (np.array([1.0, 2, 3, 4, np.nan]), np.ones(5), "NaN or infinity"),
        (np.ones(5), np.ones(4), "must agree"),
    ],
)
def test_input_that_is_refused(dose: np.ndarray, signal: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_logistic(dose, signal)


def test_negative_signals_are_fitted_without_weights() -> None:
    y = written_out(DOSE, *CURVES["rising, B below 0"]) - 25.0
    fit = fit_logistic(DOSE, y, weight="none")
    assert fit.fitted[0] == pytest.approx(y, rel=1e-6, abs=1e-6)


def test_no_plateau_is_still_a_curve() -> None:
    """Only the rising part: asymptote and C cannot be known, what lies between the standards can."""
    dose = np.repeat(np.geomspace(1, 500, 8), 2)
    truth = (60_000.0, -1.0, 9_000.0, 30.0, 1.0)
    rng = np.random.default_rng(2)
    fit = fit_logistic(dose, written_out(dose, *truth) * np.exp(0.03 * rng.standard_normal(16)))
    assert fit.converged[0]
    back, _ = inverse(fit.parameters[0], written_out(np.array([5.0, 50.0, 300.0]), *truth))
    assert back == pytest.approx([5.0, 50.0, 300.0], rel=0.1)  # 3 % noise on a slope of about 1


def test_a_curve_at_its_limit_converges() -> None:
    """A Gompertz curve is the 5PL with G without bound: fitted at the bound of G to 1e-3."""
    dose = np.repeat(np.geomspace(1, 10_000, 10), 2)
    y = 50.0 + 20_000.0 * np.exp(-6.0 * dose**-0.4)
    fit = fit_logistic(dose, y, family="negative")
    assert fit.converged[0]
    assert fit.fitted[0] == pytest.approx(y, rel=2e-3)


def test_auto_compares_by_aicc() -> None:
    x, y = noisy((30_000.0, -1.0, 900.0, 20.0, 1.0), 0.03, 21, n=200)
    chosen = fit_logistic(x, y, model="auto")
    four, five = fit_logistic(x, y, model="4PL"), fit_logistic(x, y, model="5PL")
    assert np.array_equal(chosen.n_parameters == 5, five.aicc < four.aicc)
    assert (chosen.n_parameters == 4).mean() > 0.75
    assert (five.rss <= four.rss * (1 + 1e-3)).mean() > 0.95  # fitted weights differ between the models, hence not all
