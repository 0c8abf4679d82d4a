"""Recovery of the population model with 30 % of the samples below the limit, and what substitution does to it.

The figures found stand in docs/methods/population_kinetics.md.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.external import oracle
from tests.unit.population.data import of_oracle, prepared
from tests.unit.population.trial import TYPICAL, simulate

from correlates.population import NAMES, PopulationModel
from correlates.population.diagnostics import refused
from correlates.population.fit import infer, numbers
from correlates.population.prepare import prepare
from correlates.schema import PARAMETERS

pytestmark = pytest.mark.calibration

_SUBJECTS, _LLOQ, _LEVEL = 60, 1.9, 0.9
_DAYS = (2, 5, 8, 11, 14, 18, 21, 28, 42, 60, 90, 150)
_TRUTH = np.log([TYPICAL[name] for name in NAMES])


def _trials(usual: int) -> range:
    """The trials of this run; TRIALS=10:20 takes some of them, so that several machines share the work."""
    first, last = os.environ.get("TRIALS", f"0:{usual}").split(":")
    return range(int(first), int(last))


def _fit(measurements: pl.DataFrame, subjects: list[str], **settings: object):
    model = PopulationModel(assay="qpcr", seed=1, **settings)
    made = prepare("kinetics", model, measurements, PARAMETERS.empty(), subjects)
    posterior, diagnostics = infer(made, model)
    theta = posterior.theta.reshape(-1, posterior.theta.shape[-1])[:, :6]
    return np.quantile(theta, [0.5, 0.5 * (1 - _LEVEL), 0.5 * (1 + _LEVEL)], axis=0), diagnostics


def _trial(seed: int) -> tuple[pl.DataFrame, list[str]]:
    measurements, subjects, _ = simulate(1000 + seed, _SUBJECTS, lloq=_LLOQ, days=_DAYS)
    return measurements, subjects


def _halved(measurements: pl.DataFrame) -> pl.DataFrame:
    below = pl.col("censoring") == "left"
    half = pl.when(below).then(pl.col("value") / 2).otherwise("value")
    return measurements.with_columns(value=half, censoring=pl.lit("none"))


def _told(name: str, seed: int, ends: np.ndarray, **more: object) -> None:
    """One line of a trial that another program can collect."""
    print("\nTRIAL " + json.dumps({"fit": name, "seed": seed, "ends": ends.round(5).tolist(), **more}), flush=True)


def _summary(name: str, found: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean error of the logarithm, its Monte Carlo error, and coverage; printed."""
    middle, low, high = np.array(found).transpose(1, 0, 2)
    error, inside = middle - _TRUTH, (low < _TRUTH) & (high > _TRUTH)
    doubt = error.std(axis=0, ddof=1) / np.sqrt(len(found)) if len(found) > 1 else np.full(6, np.inf)
    for what, values in (
        ("bias %", 100 * np.expm1(error.mean(axis=0))),
        ("its Monte Carlo error %", 100 * doubt),
        ("coverage %", 100 * inside.mean(axis=0)),
    ):
        print(f"{name}: {what} {dict(zip(NAMES, values.round(1).tolist(), strict=True))}")
    print(f"{name}: coverage of all {100 * inside.mean():.1f} % of {len(found)} trials")
    return error.mean(axis=0), doubt, inside.mean(axis=0)


def _holds(found: list[np.ndarray], name: str) -> None:
    """Fixed effects within 10 % and coverage of 85 to 95 %, each but for three Monte Carlo errors of these trials."""
    bias, doubt, coverage = _summary(name, found)
    assert (np.abs(np.expm1(bias)) < 0.10 + 3 * doubt).all()
    single = np.sqrt(_LEVEL * (1 - _LEVEL) / len(found))
    assert (np.abs(coverage - _LEVEL) < 0.05 + 3 * single).all()
    # parameters of one trial are not independent, so the error of the whole lies between that of one and a sixth of its square
    assert abs(coverage.mean() - _LEVEL) < 0.05 + (3 * single if len(found) < 40 else 0.0)


@pytest.mark.parametrize(("covariance", "usual"), [("diagonal", 120), ("full", 40)])
def test_fixed_effects_are_recovered_by_the_fast_mode(covariance: str, usual: int) -> None:
    found, share, accepted = [], [], []
    for seed in _trials(usual):
        measurements, subjects = _trial(seed)
        share.append(float(measurements.select((pl.col("censoring") == "left").mean()).item()))
        ends, diagnostics = _fit(measurements, subjects, draws=1000, covariance=covariance)
        accepted.append(refused(diagnostics, PopulationModel(assay="qpcr")) is None)
        _told(
            covariance,
            seed,
            ends,
            pareto=round(diagnostics.pareto, 3),
            step=round(diagnostics.step, 3),
            importance=round(diagnostics.importance, 4),
            ok=accepted[-1],
        )
        found.append(ends)
    print(f"{100 * np.mean(share):.1f} % below the limit; {sum(accepted)} of {len(found)} fits may be reported")
    assert 0.25 < np.mean(share) < 0.40
    _holds(found, f"censored likelihood, {covariance}")
    assert np.mean(accepted) > 0.8


def test_substitution_does_not_recover_them() -> None:
    found = []
    for seed in _trials(40):
        measurements, subjects = _trial(seed)
        ends, _ = _fit(_halved(measurements), subjects, draws=1000, covariance="diagonal")
        _told("half", seed, ends)
        found.append(ends)
    bias, _, coverage = _summary("half the limit", found)
    assert np.abs(bias).max() > 0.3
    assert coverage.mean() < 0.75


def test_fixed_effects_are_recovered_by_the_sampler() -> None:
    pytest.importorskip("numpyro")
    found, apart = [], []
    for seed in _trials(4):
        measurements, subjects = _trial(seed)
        own = {"covariance": "diagonal"}
        ends, made = _fit(measurements, subjects, method="nuts", chains=2, draws=500, warmup=150, **own)
        quick, _ = _fit(measurements, subjects, draws=1000, **own)
        found.append(ends)
        apart.append((quick - ends) / (ends[2] - ends[1]))
        assert made.rhat is not None
        _told(
            "nuts",
            seed,
            ends,
            rhat=round(float(made.rhat.max()), 4),
            ess=round(float(made.ess_bulk.min())),
            divergences=made.divergences,
            quick=quick.round(5).tolist(),
        )
    _holds(found, "sampler")
    mean = np.mean(apart, axis=0)
    print(f"fast mode less sampler, in widths of the interval, mean of median, lower, upper: {mean.round(3).tolist()}")
    assert np.abs(mean).max() < 0.1 + 0.3 / np.sqrt(
        len(apart)
    )  # of one trial the sampler's own ends are good to a tenth


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
