"""A time to an event as one side of a joint model: against other programs, against the robust Cox variance, and by its limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from statsmodels.duration.hazard_regression import PHReg

from correlates.stats.cox import CoxPenalty, cox_screen
from correlates.stats.joint_logistic import joint_effects, joint_logistic
from correlates.stats.joint_sides import Binary, Timed

N = 60
RNG = np.random.default_rng(12)
X = RNG.normal(size=(3, N))
HAZARD = np.exp(0.6 * X[0])
TIME = RNG.exponential(1 / HAZARD)
SEEN = RNG.random(N) < 0.7
TOXIC = RNG.random(N) < expit(0.8 * X[0] - 0.5)
ALL = np.ones(N, dtype=bool)
BINARY = Binary(event=TOXIC, known=ALL)
COURSE = Timed(time=TIME, event=SEEN, known=ALL)


def test_the_sandwich_of_a_time_is_the_robust_variance_of_cox():
    fit = joint_effects(X, [COURSE, BINARY], correction="none")
    for row in range(3):
        other = PHReg(TIME, X[row][:, None], status=SEEN.astype(int), ties="efron")
        scores = other.score_residuals(fit.coefficient[row, :1])[:, 0]
        information = -other.hessian(fit.coefficient[row, :1])[0, 0]
        assert fit.covariance[row, 1, 1] == pytest.approx((scores**2).sum() / information**2, rel=1e-8)


def test_tied_times_share_what_efron_takes_out():
    time = np.ceil(4 * TIME) / 4
    fit = joint_effects(X[:1], [Timed(time=time, event=SEEN, known=ALL), BINARY], correction="none")
    step = 1e-5  # a patient counted a little more often moves the estimate by its influence
    x, b = X[0], fit.coefficient[0, 0]

    def score(weight):
        total = 0.0
        for t in np.unique(time[SEEN]):
            risk, dead = time >= t, (time == t) & SEEN
            d = int(dead.sum())
            share = weight[dead].sum() / d
            for j in range(d):
                w = np.where(risk, weight, 0.0) * np.exp(b * x)
                w = np.where(dead, w * (1 - j / d), w)
                total += -share * (w * x).sum() / w.sum()
            total += (weight[dead] * x[dead]).sum()
        return total

    ones = np.ones(N)
    found = np.array([(score(ones + step * e) - score(ones - step * e)) / (2 * step) for e in np.eye(N)])
    plain = cox_screen(X[:1], time, SEEN, penalty=CoxPenalty.FIRTH)
    assert plain.coefficient[0] == b
    other = PHReg(time, X[0][:, None], status=SEEN.astype(int), ties="efron")
    information = -other.hessian(np.array([b]))[0, 0]
    assert fit.covariance[0, 1, 1] == pytest.approx((found**2).sum() / information**2, rel=1e-6)


def test_two_binary_endpoints_are_what_they_were():
    other = RNG.random(N) < 0.4
    one = joint_logistic(X, [TOXIC, other], margin=0.4)
    two = joint_effects(X, [BINARY, Binary(event=other, known=ALL)], margin=0.4)
    for name in ("coefficient", "covariance", "difference_p", "outside"):
        assert np.array_equal(getattr(one, name), getattr(two, name))


def test_an_effect_on_staying_free_is_the_effect_turned_round():
    there = np.array([np.arange(N) > 5, ALL, ALL])
    plain = joint_effects(X, [COURSE, BINARY], there, margin=0.4)
    turned = joint_effects(X, [Timed(time=TIME, event=SEEN, known=ALL, turned=True), BINARY], there, margin=0.4)
    assert turned.coefficient[:, 0] == pytest.approx(-plain.coefficient[:, 0])
    assert turned.lower[:, 0] == pytest.approx(-plain.upper[:, 0])
    assert turned.covariance[:, 1, 3] == pytest.approx(-plain.covariance[:, 1, 3])
    assert turned.outside == pytest.approx(plain.outside)
    assert np.isnan(plain.intercept[:, 0]).all()
    assert (plain.covariance[:, 0] == 0).all()


def test_what_has_no_model():
    never = Timed(time=TIME, event=np.zeros(N, bool), known=ALL)
    assert not joint_effects(X, [never, BINARY]).converged.any()
    alone = Timed(time=TIME, event=SEEN, known=np.arange(N) < 2)
    assert not joint_effects(X, [alone, BINARY]).converged.any()
    with pytest.raises(ValueError, match="two endpoints"):
        joint_effects(X, [BINARY])


def test_equivalence_where_the_margin_is_the_farther_limit():
    fit = joint_effects(X, [COURSE, BINARY], level=0.9)
    margin = np.maximum(np.abs(fit.lower), np.abs(fit.upper))[:, 0]
    for row in range(3):
        one = joint_effects(X[row : row + 1], [COURSE, BINARY], margin=float(margin[row]))
        assert one.outside[0, 0] == pytest.approx(0.05, rel=1e-6)
