"""The density is what it says: the curve, its slopes, the priors, the likelihood of a censored sample."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_ndtr
from scipy.stats import norm
from tests.unit.population.data import arrays

from correlates.population.density import PriorNumbers, log_level, log_likelihood, log_prior, size, unpack
from correlates.population.exposures import curve_of
from correlates.population.modes import log_likelihoods, pulls, slopes

PHI = np.log(np.array([[50.0, 9.0, 200.0, 0.16, 0.05, 0.012], [5.0, 20.0, 3.0, 0.4, 0.9, 0.001]]))
DAYS = np.array([0.5, 5.0, 8.9, 9.1, 15.0, 40.0, 200.0])


def prior(*, correlated: bool = True, shape: float = 2.0) -> PriorNumbers:
    return PriorNumbers(
        mean=np.zeros(6), sd=np.ones(6), effect=1.0, omega=1.0, correlation=shape, sigma=1.0, correlated=correlated
    )


def test_the_level_is_that_of_the_curve() -> None:
    for phi in PHI:
        assert np.exp(log_level(phi, DAYS, np)) == pytest.approx(curve_of(phi).at(DAYS), rel=1e-12)


def test_a_share_above_one_counts_as_one() -> None:
    phi = PHI[0].copy()
    phi[4] = np.log(1.5)
    whole = phi.copy()
    whole[4] = 0.0
    assert log_level(phi, DAYS, np) == pytest.approx(log_level(whole, DAYS, np), abs=1e-12)
    assert float(log_level(phi, np.array(9.0), np)) == pytest.approx(phi[0], abs=1e-12)


def test_slopes_are_those_of_the_level() -> None:
    for i in range(6):
        step = np.zeros(6)
        step[i] = 1e-6
        central = (log_level(PHI[:, None] + step, DAYS, np) - log_level(PHI[:, None] - step, DAYS, np)) / 2e-6
        # central differences with a step of 1e-6 are good to about 1e-9 in numbers of order one
        assert slopes(PHI, DAYS)[..., i] == pytest.approx(central, abs=1e-7)


def test_a_censored_sample_contributes_the_probability_of_its_side() -> None:
    for code, expected in (
        (0, norm.logpdf(1.0, 0.4, 0.5)),
        (-1, norm.logcdf(1.0, 0.4, 0.5)),
        (1, norm.logsf(1.0, 0.4, 0.5)),
    ):
        got = log_likelihood(np.array(0.4), np.array(1.0), np.array(code), 0.5, log_ndtr, np)
        assert float(got) == pytest.approx(expected, rel=1e-12)


def test_pulls_are_the_derivatives_of_the_likelihood() -> None:
    data = arrays(3, 4, lloq=3.0)
    assert (data.code < 0).any()
    phi = np.log(np.tile([40.0, 9.3, 150.0, 0.2, 0.04, 0.01], (4, 1)))
    levels = log_level(phi[:, None], data.days, np)
    first, second = pulls(levels, data, 0.4)

    def likelihood(shift: float) -> np.ndarray:
        return log_likelihood(levels + shift, data.logs, data.code, 0.4, log_ndtr, np)

    step = 1e-4
    assert first == pytest.approx((likelihood(step) - likelihood(-step)) / (2 * step), rel=1e-5, abs=1e-5)
    curvature = -(likelihood(step) - 2 * likelihood(0.0) + likelihood(-step)) / step**2
    assert second == pytest.approx(curvature, rel=1e-4, abs=1e-5)  # second differences lose eight digits
    assert log_likelihoods(phi, data, 0.4) == pytest.approx(likelihood(0.0).sum(axis=1))


def test_the_root_is_that_of_a_correlation_matrix() -> None:
    free = np.random.default_rng(1).standard_normal((20, size(2, correlated=True)))
    roots = unpack(free, 2, correlated=True, xp=np).corr
    whole = roots @ roots.transpose(0, 2, 1)
    assert np.einsum("kii->ki", whole) == pytest.approx(np.ones((20, 6)))
    assert np.linalg.eigvalsh(whole).min() > 0
    assert not np.triu(roots, 1).any()


@pytest.mark.parametrize("shape", [1.0, 2.0, 5.0])
def test_the_prior_of_the_correlations_is_lkj(shape: float) -> None:
    """det(R)^(shape - 1) times the volume that the partial correlations span, taken numerically."""
    length = size(0, correlated=True)
    rng = np.random.default_rng(2)
    points = np.zeros((2, length))
    points[:, 12:-1] = 0.4 * rng.standard_normal((2, 15))
    lower = np.tril_indices(6, -1)

    def matrix(theta: np.ndarray) -> np.ndarray:
        root = unpack(theta, 0, correlated=True, xp=np).corr
        return root @ root.T

    expected = []
    for theta in points:
        jacobian = np.zeros((15, 15))
        for i in range(15):
            step = np.zeros(length)
            step[12 + i] = 1e-6
            jacobian[:, i] = (matrix(theta + step) - matrix(theta - step))[lower] / 2e-6
        expected.append((shape - 1) * np.linalg.slogdet(matrix(theta))[1] + np.linalg.slogdet(jacobian)[1])
    got = [float(log_prior(theta, prior(shape=shape), 0, np)) for theta in points]
    assert got[1] - got[0] == pytest.approx(expected[1] - expected[0], abs=1e-7)


def test_half_normal_priors_are_of_the_standard_deviation() -> None:
    """The density of ln sigma is that of sigma times sigma: integrated over ln sigma it is one for any scale."""
    grid = np.linspace(-14.0, 3.0, 4001)
    theta = np.zeros((grid.size, size(0, correlated=False)))
    theta[:, -1] = grid
    height = np.exp(
        log_prior(theta, prior(correlated=False), 0, np) - log_prior(theta[-1:] * 0, prior(correlated=False), 0, np)
    )
    known = np.exp(grid) * norm.pdf(np.exp(grid)) / norm.pdf(1.0)
    assert height == pytest.approx(known, rel=1e-10)
