"""The fast mode: its gradient, its agreement with SAEM, and that a seed repeats it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.external import oracle
from tests.unit.population.data import of_oracle, prepared

from correlates.population import NAMES, PopulationModel, laplace
from correlates.population.density import size
from correlates.population.fit import numbers


def _prior(data, settings: PopulationModel):
    return numbers(replace(prepared(1, 3), data=data), settings)


def test_the_gradient_is_that_of_the_marginal_posterior() -> None:
    made = prepared(5, 6, lloq=2.0)
    prior = numbers(made, PopulationModel(assay="qpcr"))
    rng = np.random.default_rng(3)
    theta, found = laplace._expectation_maximisation(made.data, prior, 0)
    normal, stretch = laplace._points(6, rng)
    sampled = laplace._sample(
        found.phi, found.covariance, laplace._normal(theta, made.data, prior, 0), made.data, normal, stretch
    )
    at = theta + 0.2 * rng.standard_normal(theta.size)
    gradient = laplace._negative(at, sampled, made.data, prior, 0)[1]
    for i in range(size(0, correlated=True)):
        step = np.zeros(theta.size)
        step[i] = 1e-5
        up, down = (laplace._negative(at + s, sampled, made.data, prior, 0)[0] for s in (step, -step))
        assert gradient[i] == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-5), i


@pytest.mark.parametrize("covariance", ["diagonal", "full"])
def test_means_and_standard_deviations_are_those_of_saemix(covariance) -> None:
    case = oracle("popck")["stein-2019-saem"]
    expected = case["expected"]
    order = [case["settings"]["parameters"].index(name) for name in NAMES]
    data = of_oracle(case)
    settings = PopulationModel(assay="qpcr", covariance=covariance)
    found = laplace.fit(data, _prior(data, settings), draws=100, rng=np.random.default_rng(11))
    assert found.definite
    median, omega = np.exp(found.theta[:6]), np.exp(found.theta[6:12])

    def of(key: str) -> np.ndarray:
        return np.array(expected[key])[order]

    # another method with weak priors, and in one case correlations: two standard errors; for the diagonal model, which
    # saemix fitted too, half of one (Monte Carlo noise of saemix alone is up to a quarter)
    share = 2.0 if covariance == "full" else 0.5
    assert (np.abs(median - of("fixed_effects_mean_of_3_seeds")) <= share * of("se_fixed_effects")).all()
    assert (np.abs(omega**2 - of("omega_variance_mean_of_3_seeds")) <= share * of("se_omega_variance")).all()
    assert abs(np.exp(found.theta[-1]) - expected["sigma_mean_of_3_seeds"]) <= share * expected["se_sigma"]
    errors = np.sqrt(np.diag(found.covariance)[:6]) * median
    assert errors == pytest.approx(of("se_fixed_effects"), rel=0.2)  # saemix linearises the curve


def test_a_seed_repeats_every_number() -> None:
    made = prepared(5, 12, lloq=1.0)
    prior = numbers(made, PopulationModel(assay="qpcr", covariance="diagonal"))
    first, again, other = (
        laplace.fit(made.data, prior, draws=50, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(first.phi, again.phi)
    assert np.array_equal(first.draws, again.draws)
    assert not np.array_equal(first.draws, other.draws)
    away = np.abs(first.theta - other.theta) / np.sqrt(np.diag(first.covariance))
    assert away.max() < 0.5  # what the importance samples leave to chance, in standard errors
