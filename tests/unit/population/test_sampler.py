"""The sampler: its density is the posterior in other coordinates; a run that is too short reports nothing; what is saved."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.population.data import prepared
from tests.unit.population.trial import simulate

from correlates.population import PopulationModel, laplace
from correlates.population.density import log_prior, unpack
from correlates.population.diagnostics import arviz
from correlates.population.fit import fit, numbers
from correlates.population.modes import log_likelihoods
from correlates.population.save import save
from correlates.schema import PARAMETERS
from correlates.terms import Reason

pytest.importorskip("numpyro")


def test_its_density_is_the_posterior_with_the_volume_of_the_change_of_variables() -> None:
    import jax

    from correlates.population.sampling import _density

    made = prepared(4, 3, lloq=2.0)
    prior = numbers(made, PopulationModel(assay="qpcr"))
    near = laplace.fit(made.data, prior, draws=10, rng=np.random.default_rng(1))
    root = np.linalg.cholesky(near.weighted)
    rng = np.random.default_rng(2)
    found, expected = [], []
    with jax.enable_x64(new_val=True):
        placed, density = _density(made.data, prior, near, root, jax)
        placed = jax.jit(placed)
        for _ in range(2):
            q = {"population": 0.7 * rng.standard_normal(root.shape[0]), "subjects": rng.standard_normal((3, 6))}
            theta, phi = (np.asarray(part) for part in placed(q))
            population = unpack(theta, 0, correlated=True, xp=np)
            standard = (phi - population.mu) @ np.linalg.inv(population.root).T
            posterior = log_prior(theta, prior, 0, np) + log_likelihoods(phi, made.data, float(population.sigma)).sum()
            posterior += -0.5 * (standard**2).sum() - 3 * np.log(np.diag(population.root)).sum()
            volume = 0.0
            for i in range(3):
                jacobian = np.zeros((6, 6))
                for k in range(6):
                    step = np.zeros((3, 6))
                    step[i, k] = 1e-5
                    up, down = (np.asarray(placed({**q, "subjects": q["subjects"] + s})[1]) for s in (step, -step))
                    jacobian[:, k] = (up[i] - down[i]) / 2e-5
                volume += np.linalg.slogdet(jacobian)[1]
            expected.append(posterior + volume)
            found.append(float(density(q)))
    # constants are left out of the density; numerical derivatives of a linear map are good to about 1e-9
    assert found[1] - found[0] == pytest.approx(expected[1] - expected[0], abs=1e-6)


@pytest.mark.calibration  # compiling the sampler takes longer than all the rest
def test_chains_that_are_too_short_report_nothing_and_are_kept(tmp_path) -> None:
    measurements, subjects, _ = simulate(6, 10)
    settings = PopulationModel(
        assay="qpcr", covariance="diagonal", method="nuts", chains=2, warmup=50, draws=100, seed=3
    )
    made = fit("kinetics", settings, measurements=measurements, covariates=PARAMETERS.empty(), subjects=subjects)
    row = made.tables["population_fits"].row(0, named=True)
    assert (row["chains"], row["draws"], row["seed"]) == (2, 200, 3)
    assert row["reason"] == Reason.MODEL_NOT_CONVERGED.value
    assert "effective sample size" in row["detail"]
    assert made.tables["population_subjects"]["value"].null_count() == made.tables["population_subjects"].height
    save(made, tmp_path / "kinetics.nc")
    kept = arviz().from_netcdf(str(tmp_path / "kinetics.nc"))
    assert kept.posterior["typical"].shape == (2, 100, 6)
    assert kept.posterior["individual"].dims == ("chain", "draw", "subject", "parameter")
    assert kept.posterior.attrs["reported"] == "false"
    assert np.median(kept.posterior["typical"].sel(parameter="tmax")) == pytest.approx(9.0, rel=0.3)
    assert kept.observed_data["value"].size == measurements.height
