"""The fast mode: its integrals, its slope and curvature, its weights, its agreement with SAEM, and that a seed repeats it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.external import oracle
from tests.unit.population.data import of_oracle, prepared

from correlates.population import NAMES, PopulationModel, laplace, marginal, modes, reweigh
from correlates.population.density import log_prior, size
from correlates.population.diagnostics import arviz
from correlates.population.fit import numbers


def _prior(data, settings: PopulationModel):
    return numbers(replace(prepared(1, 3), data=data), settings)


def test_gradient_and_curvature_are_those_of_the_marginal_posterior() -> None:
    made = prepared(5, 6, lloq=2.0)
    rng = np.random.default_rng(3)
    data = replace(made.data, design=rng.standard_normal((6, 2)), target=np.eye(6)[[0, 3]])
    prior = numbers(made, PopulationModel(assay="qpcr"))
    theta, found = laplace._expectation_maximisation(data, prior)
    sampled = marginal.sample(
        found.phi, found.covariance, marginal.normal(theta, data, prior), data, marginal.points(6, 512, rng)
    )
    at = theta + 0.2 * rng.standard_normal(theta.size)
    here = marginal.height(at, sampled, data, prior)
    for i in range(size(2, correlated=True)):
        step = np.zeros(theta.size)
        step[i] = 1e-5
        up, down = (marginal.height(at + s, sampled, data, prior) for s in (step, -step))
        assert here.gradient[i] == pytest.approx((up.value - down.value) / 2e-5, rel=1e-5, abs=1e-5), i
        assert here.information[i] == pytest.approx((down.gradient - up.gradient) / 2e-5, rel=1e-5, abs=1e-5), i


def test_a_marginal_likelihood_is_that_of_quadrature() -> None:
    """One parameter free, so that the integral over a subject is one-dimensional: the others hardly vary."""
    made = prepared(5, 3, lloq=2.0)
    prior = numbers(made, PopulationModel(assay="qpcr", covariance="diagonal"))
    theta = np.concatenate([np.log([50.0, 9.0, 200.0, 0.16, 0.05, 0.012, 0.8]), np.full(5, -10.0), [np.log(0.3)]])
    means, root = marginal.normal(theta, made.data, prior)
    found = modes.modes(made.data, means, root, 0.3)
    sampled = marginal.sample(
        found.phi,
        found.covariance,
        (means, root),
        made.data,
        marginal.points(3, 4096, np.random.default_rng(1)),
    )
    here = marginal.height(theta, sampled, made.data, prior)
    grid = np.linspace(-6.0, 6.0, 2001)
    total = 0.0
    for i in range(3):
        one = replace(
            made.data,
            **{k: getattr(made.data, k)[[i] * grid.size] for k in ("days", "logs", "code", "valid", "design")},
        )
        phi = np.tile(theta[:6], (grid.size, 1))
        phi[:, 0] += 0.8 * grid
        heights = modes.log_likelihoods(phi, one, 0.3) - 0.5 * grid**2 - 0.5 * np.log(2 * np.pi)
        total += np.log(np.trapezoid(np.exp(heights), grid))
    # 4,096 points in six dimensions leave a few thousandths to chance
    assert here.value - float(log_prior(theta, prior, 0, np)) == pytest.approx(total, abs=0.02)


def test_populations_are_weighted_by_the_marginal_posterior() -> None:
    made = prepared(5, 8, lloq=2.0)
    rng = np.random.default_rng(3)
    data = replace(made.data, design=rng.standard_normal((8, 1)), target=np.eye(6)[[0]])
    prior = numbers(made, PopulationModel(assay="qpcr"))
    theta, found = laplace._expectation_maximisation(data, prior)
    sampled = marginal.sample(
        found.phi, found.covariance, marginal.normal(theta, data, prior), data, marginal.points(8, 512, rng)
    )
    here = marginal.height(theta, sampled, data, prior)
    table = reweigh._Table.of(theta, here.weights, sampled)
    many = theta + 0.15 * rng.standard_normal((5, theta.size))
    found = table.heights(many, data, prior, rng)[0]
    expected = np.array([marginal.height(at, sampled, data, prior).value for at in many])
    # the ratio of weights is in single precision, its censored part a parabola in ln sigma
    assert found - found[0] == pytest.approx(expected - expected[0], abs=5e-3)
    beyond = many[:2].copy()
    beyond[
        1, 7:13
    ] = -60.0  # standard deviations between subjects: their inverse squares are no numbers of single precision
    assert np.isneginf(table.heights(beyond, data, prior, rng)[0]).tolist() == [False, True]
    again = np.stack([table.heights(many[:1], data, prior, rng)[1][0] for _ in range(400)])
    weights = marginal.height(many[0], sampled, data, prior).weights
    means = sampled.phi[np.arange(8), again].mean(axis=0)
    exact = np.einsum("nm,nmj->nj", weights, sampled.phi)
    spread = np.sqrt(np.einsum("nm,nmj->nj", weights, (sampled.phi - exact[:, None]) ** 2) / 400)
    assert np.abs((means - exact) / spread).max() < 4.5  # 48 means


def test_smoothed_weights_are_those_of_arviz() -> None:
    logs = 1.5 * np.random.default_rng(1).standard_normal(900) ** 2
    expected, shape = arviz().psislw(logs)
    weights, found = reweigh.smoothed(logs)
    assert weights == pytest.approx(np.exp(np.asarray(expected)), rel=1e-6)
    assert found == pytest.approx(float(shape), rel=1e-6)


@pytest.mark.parametrize("covariance", ["diagonal", "full"])
def test_means_and_standard_deviations_are_those_of_saemix(covariance) -> None:
    case = oracle("popck")["stein-2019-saem"]
    expected = case["expected"]
    order = [case["settings"]["parameters"].index(name) for name in NAMES]
    data = of_oracle(case)
    settings = PopulationModel(assay="qpcr", covariance=covariance)
    found = laplace.fit(data, _prior(data, settings), draws=100, rng=np.random.default_rng(11))
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


def test_a_step_that_leads_nowhere_higher_is_no_convergence(monkeypatch: pytest.MonkeyPatch) -> None:
    flat = marginal.Height(value=0.0, gradient=np.array([3.0, 0.0]), information=np.eye(2), weights=np.ones((1, 1)))
    monkeypatch.setattr(laplace, "height", lambda *_: flat)
    theta, _, left = laplace._climb(np.zeros(2), None, None, None)
    assert (theta.tolist(), left) == ([0.0, 0.0], 3.0)


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
