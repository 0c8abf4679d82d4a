"""Censored regression: the likelihood written out anew, and what is undefined."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.tobit import tobit


def test_the_gradient_vanishes_at_the_maximum() -> None:
    """The likelihood, written out anew, is not higher anywhere near."""
    from scipy.stats import norm

    rng = np.random.default_rng(4)
    x = np.stack([np.ones(40), rng.normal(size=40), rng.normal(size=40)], axis=1)
    y = 1 + x[:, 1] - 2 * x[:, 2] + rng.normal(size=40)
    code = np.where(y < 0.5, -1, 0).astype(np.int8)
    y = np.maximum(y, 0.5)
    found = tobit(y[None], code[None], np.ones((1, 40), bool), x[None])

    def likelihood(b: np.ndarray, log_sigma: float) -> float:
        sigma = np.exp(log_sigma)
        seen = norm.logpdf(y, x @ b, sigma)
        below = norm.logcdf(y, x @ b, sigma)
        return float(np.where(code == 0, seen, below).sum())

    best, log_sigma = found.coefficient[0], np.log(found.sigma[0])
    assert likelihood(best, log_sigma) == pytest.approx(found.log_likelihood[0], rel=1e-12)
    h = 1e-4
    for j in range(3):
        e = np.zeros(3)
        e[j] = h
        up, down = likelihood(best + e, log_sigma), likelihood(best - e, log_sigma)
        assert (up - down) / (2 * h) == pytest.approx(0, abs=1e-6)
        # the second difference gives the information of one parameter, the others held
        information = np.linalg.inv(found.covariance[0])[j, j]
        assert -(up - 2 * found.log_likelihood[0] + down) / h**2 == pytest.approx(information, rel=1e-4)
    up, down = likelihood(best, log_sigma + h), likelihood(best, log_sigma - h)
    assert (up - down) / (2 * h) == pytest.approx(0, abs=1e-6)


def test_a_model_through_all_quantified_values_and_under_every_limit() -> None:
    x = np.stack([np.ones(3), np.arange(3.0)], axis=1)
    found = tobit(np.zeros((1, 3)), np.array([[0, 0, -1]], np.int8), np.ones((1, 3), bool), x[None])
    assert not found.converged[0]
    assert found.coefficient.tolist() == [[0.0, 0.0]]


def test_the_designs_of_several_regressions_may_be_one() -> None:
    rng = np.random.default_rng(7)
    x = np.stack([np.ones(30), rng.normal(size=30)], axis=1)
    y = rng.normal(size=(3, 30)) + x[:, 1]
    code = np.where(y < -0.5, -1, np.where(y > 1.5, 1, 0)).astype(np.int8)
    y, there = np.clip(y, -0.5, 1.5), rng.uniform(size=y.shape) < 0.9
    shared = tobit(y, code, there, x)
    own = tobit(y, code, there, np.broadcast_to(x, (3, 30, 2)))
    assert shared.converged.all()
    assert shared.coefficient == pytest.approx(own.coefficient, rel=1e-9)
    assert shared.covariance == pytest.approx(own.covariance, rel=1e-9)
    mirrored = tobit(-y, -code, there, x)
    assert mirrored.coefficient == pytest.approx(-shared.coefficient, rel=1e-9)
    assert mirrored.log_likelihood == pytest.approx(shared.log_likelihood, rel=1e-12)


def test_a_covariate_that_another_explains() -> None:
    x = np.stack([np.ones(6), np.arange(6.0), 2 * np.arange(6.0) + 1], axis=1)
    found = tobit(np.array([[0.0, 1.2, 1.8, 3.3, 4.1, 4.8]]), np.zeros((1, 6), np.int8), np.ones((1, 6), bool), x)
    assert not found.converged[0]
