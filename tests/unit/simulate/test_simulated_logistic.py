"""The five-parameter logistic: values by hand, its inverse, and the fit of noise-free standards."""

import numpy as np
import pytest

from correlates.simulate.exports.logistic import Logistic, fit


def curves(*rows):
    a, b, c, d, f = np.array(rows, dtype=float).T
    return Logistic(a=a, b=b, c=c, d=d, f=f)


def test_by_hand():
    # (x/C)^D is 1 at x = C, so y = A + B / 2^F; the curve starts at A and ends at A + B.
    curve = curves((10, 1000, 50, -1.2, 1), (0, 800, 5, -1, 2))
    assert curve.at(np.array([[0.0, 50.0, 1e12], [0.0, 5.0, 1e12]])) == pytest.approx(
        np.array([[10, 510, 1010], [0, 200, 800]]), rel=1e-9
    )


def test_inverse_and_its_ends():
    curve = curves((10, 1000, 50, -1.2, 0.8))
    x = np.array([[0.5, 7.0, 50.0, 900.0]])
    assert curve.inverse(curve.at(x)) == pytest.approx(x, rel=1e-9)
    assert curve.inverse(np.array([[9.0, 10.0, 1010.0, 2000.0]])).tolist() == [[0.0, 0.0, np.inf, np.inf]]


def test_fit_finds_the_curve_behind_exact_standards():
    true = curves((3, 20_000, 400, -1.05, 0.9), (1, 15_000, 60, -1.0, 1.1))
    x = np.array([[1000.0], [200.0]]) / 4.0 ** np.arange(7)
    start = curves((0, 24_000, 300, -1.2, 1.1), (5, 12_000, 90, -0.9, 0.9))
    found = fit(x, true.at(x), true.at(x), start, steps=60)
    # A smooth least-squares optimum at zero: what is compared is the curve, which the data determine.
    assert found.at(x) == pytest.approx(true.at(x), rel=1e-5)
    middle = np.sqrt(x[:, 1:] * x[:, :-1])
    assert found.at(middle) == pytest.approx(true.at(middle), rel=1e-4)
