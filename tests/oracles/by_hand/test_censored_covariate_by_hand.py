"""A covariate beyond its limits: the likelihood written out with an integral, and maximised by a search that knows no derivative."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import simpson
from scipy.optimize import brentq, minimize
from scipy.special import expit
from scipy.stats import norm

from correlates.stats.censored_covariate import beyond_limits, censored_covariate, expected_beyond
from correlates.stats.logistic import Penalty, logistic_screen
from correlates.stats.proportional_odds import proportional_odds_screen

RNG = np.random.default_rng(20)
N = 40
X = RNG.normal(3.0, 2.0, N)
EVENT = RNG.random(N) < expit(0.5 * (X - 3.0))
LOW, HIGH = 2.0, 5.5
SIGN = np.where(X < LOW, -1, np.where(X > HIGH, 1, 0))
CUT = np.clip(X, LOW, HIGH)
SEARCH = {"xatol": 1e-9, "fatol": 1e-13, "maxiter": 600}
THREE = np.digitize(X + RNG.logistic(size=N), (2.0, 4.0))


def _chance(theta, x, grades):
    """P(Y = y) of each grade at x."""
    above = [np.ones_like(x), *(expit(a + theta[-1] * x) for a in theta[:-1]), np.zeros_like(x)]
    return [above[j] - above[j + 1] for j in range(grades)]


(MEAN,), (SD,) = beyond_limits(CUT[None], np.ones((1, N), bool), SIGN[None])
BEYOND = {-1: np.linspace(MEAN - 12 * SD, LOW, 4_001), 1: np.linspace(HIGH, MEAN + 12 * SD, 4_001)}
DENSITY = {side: norm.pdf(at, MEAN, SD) / simpson(norm.pdf(at, MEAN, SD), at) for side, at in BEYOND.items()}


def _over(side, values):
    return simpson(values * DENSITY[side], BEYOND[side])


def _loss(theta, y, grades, penalised=False):
    quantified = SIGN == 0
    total = np.log(np.choose(y[quantified], _chance(theta, CUT[quantified], grades))).sum()
    for side in (-1, 1):
        for grade, chance in enumerate(_chance(theta, BEYOND[side], grades)):
            count = ((side == SIGN) & (y == grade)).sum()
            total += count * np.log(_over(side, chance)) if count else 0.0
    if penalised:

        def spread(x, k):
            return expit(theta[0] + theta[1] * x) * expit(-theta[0] - theta[1] * x) * x**k

        s = [
            spread(CUT[quantified], k).sum()
            + sum((side == SIGN).sum() * _over(side, spread(BEYOND[side], k)) for side in (-1, 1))
            for k in range(3)
        ]
        total += 0.5 * np.log(s[0] * s[2] - s[1] ** 2)
    return -total


def test_a_binary_outcome():
    y = EVENT.astype(int)
    fit = censored_covariate(CUT[None], y, censoring=SIGN[None])
    best = minimize(_loss, [0.0, 0.0], args=(y, 2), method="Nelder-Mead", options=SEARCH)
    assert [fit.intercept[0], fit.coefficient[0]] == pytest.approx(best.x, rel=1e-6)
    null = _loss([np.log(y.mean() / (1 - y.mean())), 0.0], y, 2)
    assert fit.chi_square[0] == pytest.approx(2 * (null - best.fun), rel=1e-6)

    def profile(b):
        held = minimize(lambda a: _loss([a[0], b], y, 2), best.x[:1], method="Nelder-Mead", options=SEARCH)
        return held.fun - best.fun - norm.ppf(0.975) ** 2 / 2

    assert fit.upper[0] == pytest.approx(brentq(profile, best.x[1], best.x[1] + 3, xtol=1e-8), rel=1e-6)
    step = 1e-4  # the information is the curvature of the same likelihood
    corners = [[_loss(best.x + step * np.array([a, b]), y, 2) for b in (-1, 0, 1)] for a in (-1, 0, 1)]
    h = np.array(corners) / step**2
    aa, bb = h[2, 1] - 2 * h[1, 1] + h[0, 1], h[1, 2] - 2 * h[1, 1] + h[1, 0]
    ab = (h[2, 2] - h[2, 0] - h[0, 2] + h[0, 0]) / 4
    assert fit.covariance[0] == pytest.approx(np.linalg.inv([[aa, ab], [ab, bb]]), rel=1e-4)  # of differences


def test_the_penalty():
    y = EVENT.astype(int)
    fit = censored_covariate(CUT[None], y, censoring=SIGN[None], firth=True)
    best = minimize(
        _loss,
        [fit.intercept[0] + 0.01, fit.coefficient[0] - 0.01],
        args=(y, 2, True),
        method="Nelder-Mead",
        options=SEARCH,
    )
    assert [fit.intercept[0], fit.coefficient[0]] == pytest.approx(best.x, rel=1e-6)


def test_three_grades():
    fit = censored_covariate(CUT[None], THREE, censoring=SIGN[None])
    best = minimize(_loss, [1.0, -1.0, 0.1], args=(THREE, 3), method="Nelder-Mead", options=SEARCH)
    assert fit.coefficient[0] == pytest.approx(best.x[2], rel=1e-6)
    assert np.isnan(fit.intercept[0])


def test_nothing_beyond_a_limit_is_the_regression_itself():
    present = np.arange(N)[None] > 2
    none = np.zeros((1, N), int)
    for penalty in (Penalty.NONE, Penalty.FIRTH):
        fit = censored_covariate(X[None], EVENT, present, censoring=none, firth=penalty is Penalty.FIRTH, level=0.9)
        one = logistic_screen(X[None], EVENT, present, penalty=penalty, level=0.9)
        for name in ("coefficient", "standard_error", "lower", "upper", "p_value", "intercept"):
            assert getattr(fit, name)[0] == pytest.approx(getattr(one, name)[0], rel=1e-6), name
    fit, one = (
        f(X[None], THREE, present, **k)
        for f, k in ((censored_covariate, {"censoring": none}), (proportional_odds_screen, {}))
    )
    for name in ("coefficient", "standard_error", "lower", "upper", "p_value"):
        assert getattr(fit, name)[0] == pytest.approx(getattr(one, name)[0], rel=1e-6), name


def test_where_there_is_no_estimate():
    parted = np.where(EVENT, 4.0, 3.0) + np.arange(N) / 100
    low = np.stack((np.where(parted < 3.2, 3.2, parted), np.full(N, LOW), CUT))
    sign = np.stack((np.where(parted < 3.2, -1, 0), np.full(N, -1), SIGN))
    fit = censored_covariate(low, EVENT, censoring=sign)
    assert fit.monotone.tolist() == [True, False, False]
    assert fit.converged.tolist() == [False, False, True]
    assert np.isnan(fit.mean[1])  # nothing quantified: no distribution
    assert censored_covariate(low, EVENT, censoring=sign, firth=True).converged.tolist() == [True, False, True]
    with pytest.raises(ValueError, match="binary"):
        censored_covariate(CUT[None], THREE, censoring=SIGN[None], firth=True)


def test_what_is_expected_beyond_a_limit():
    found = expected_beyond(CUT[None], np.ones((1, N), bool), SIGN[None])[0]
    (mean,), (sd,) = beyond_limits(CUT[None], np.ones((1, N), bool), SIGN[None])
    a = (LOW - mean) / sd
    assert found[SIGN < 0] == pytest.approx(mean - sd * norm.pdf(a) / norm.cdf(a), rel=1e-8)
    assert (found[SIGN == 0] == CUT[SIGN == 0]).all()
