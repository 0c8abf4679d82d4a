"""Recovery of the population model with 30 % of the samples below the limit, and what substitution does to it.

The figures found stand in docs/methods/population_kinetics.md.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.external import oracle
from tests.unit.population.data import of_oracle, prepared
from tests.unit.population.trial import TYPICAL, simulate

from correlates.population import NAMES, PopulationModel
from correlates.population.fit import infer, numbers
from correlates.population.prepare import prepare
from correlates.schema import PARAMETERS

pytestmark = pytest.mark.calibration

_TRIALS, _SUBJECTS, _LLOQ = 40, 60, 1.9
_DAYS = (2, 5, 8, 11, 14, 18, 21, 28, 42, 60, 90, 150)
_TRUTH = np.log([TYPICAL[name] for name in NAMES])


def _fit(measurements: pl.DataFrame, subjects: list[str], **settings: object):
    model = PopulationModel(assay="qpcr", seed=1, **settings)
    made = prepare("kinetics", model, measurements, PARAMETERS.empty(), subjects)
    posterior, diagnostics = infer(made, model)
    theta = posterior.theta.reshape(-1, posterior.theta.shape[-1])[:, :6]
    middle, low, high = np.quantile(theta, [0.5, 0.05, 0.95], axis=0)
    return middle, (low < _TRUTH) & (high > _TRUTH), diagnostics


def _trial(seed: int) -> tuple[pl.DataFrame, list[str]]:
    measurements, subjects, _ = simulate(1000 + seed, _SUBJECTS, lloq=_LLOQ, days=_DAYS)
    return measurements, subjects


def _table(name: str, error: np.ndarray, inside: np.ndarray) -> None:
    bias = 100 * (np.exp(error.mean(axis=0)) - 1)
    print(f"\n{name}: bias % {dict(zip(NAMES, bias.round(1).tolist(), strict=True))}")
    print(f"{name}: coverage % {dict(zip(NAMES, (100 * inside.mean(axis=0)).round(1).tolist(), strict=True))}")
    print(
        f"{name}: coverage of all {100 * inside.mean():.1f} %, root mean square error {np.sqrt((error**2).mean(axis=0)).round(3)}"
    )


def test_fixed_effects_are_recovered_with_a_censored_likelihood_and_not_by_substitution() -> None:
    error, inside, worse, covered, share = [], [], [], [], []
    for seed in range(_TRIALS):
        measurements, subjects = _trial(seed)
        below = pl.col("censoring") == "left"
        share.append(float(measurements.select(below.mean()).item()))
        middle, ok, _ = _fit(measurements, subjects, draws=200, covariance="diagonal")
        error.append(middle - _TRUTH)
        inside.append(ok)
        half = measurements.with_columns(
            value=pl.when(below).then(pl.col("value") / 2).otherwise("value"), censoring=pl.lit("none")
        )
        middle, ok, _ = _fit(half, subjects, draws=200, covariance="diagonal")
        worse.append(middle - _TRUTH)
        covered.append(ok)
    censored, substituted = (np.array(error), np.array(inside)), (np.array(worse), np.array(covered))
    print(f"\n{_TRIALS} trials of {_SUBJECTS} subjects, {100 * np.mean(share):.1f} % below the limit")
    _table("censored likelihood", *censored)
    _table("half the limit", *substituted)
    assert 0.25 < np.mean(share) < 0.35
    assert (np.abs(np.exp(censored[0].mean(axis=0)) - 1) < 0.10).all()
    assert 0.85 <= censored[1].mean() <= 0.95
    assert np.abs(substituted[0].mean(axis=0)).max() > 2 * np.abs(censored[0].mean(axis=0)).max()
    assert substituted[1].mean() < 0.75


def test_the_sampler_recovers_some_of_the_same_trials() -> None:
    pytest.importorskip("numpyro")
    error, inside, apart = [], [], []
    for seed in range(4):
        measurements, subjects = _trial(seed)
        middle, ok, found = _fit(measurements, subjects, method="nuts", chains=2, draws=500, warmup=300)
        quick, _, _ = _fit(measurements, subjects, draws=400)
        error.append(middle - _TRUTH)
        inside.append(ok)
        apart.append(middle - quick)
        assert found.rhat is not None
        print(
            f"\ntrial {seed}: R-hat {found.rhat.max():.4f}, {found.divergences} divergences, ESS {found.ess_bulk.min():.0f}"
        )
    _table("sampler", np.array(error), np.array(inside))
    print(f"sampler less fast mode, largest: {np.abs(apart).max(axis=0).round(3)}")


@pytest.mark.parametrize("covariance", ["diagonal"])
def test_the_sampler_agrees_with_saemix(covariance: str) -> None:
    pytest.importorskip("numpyro")
    case = oracle("popck")["stein-2019-saem"]
    expected = case["expected"]
    order = [case["settings"]["parameters"].index(name) for name in NAMES]
    model = PopulationModel(assay="qpcr", covariance=covariance, method="nuts", seed=1)
    made = replace(prepared(1, 3), data=of_oracle(case))
    posterior, found = infer(made, model)
    assert numbers(made, model).correlated is False
    theta = posterior.theta.reshape(-1, posterior.theta.shape[-1])
    median, omega = np.median(np.exp(theta[:, :6]), axis=0), np.median(np.exp(theta[:, 6:12]), axis=0)
    fixed, errors = (np.array(expected[k])[order] for k in ("fixed_effects_mean_of_3_seeds", "se_fixed_effects"))
    spread = np.sqrt(np.array(expected["omega_variance_mean_of_3_seeds"])[order])
    of_spread = np.array(expected["se_omega_variance"])[order] / (2 * spread)
    print(f"\nfixed effects, in standard errors from saemix: {((median - fixed) / errors).round(2)}")
    print(f"standard deviations between subjects, likewise: {((omega - spread) / of_spread).round(2)}")
    assert found.rhat is not None
    assert found.rhat.max() < 1.01
    assert (np.abs(median - fixed) < 2 * errors).all()
    assert (np.abs(omega - spread) < 2 * of_spread).all()
