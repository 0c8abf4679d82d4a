"""Validation without any true effect, error bounds of stability selection, and recovery of true drivers.

Figures are printed (``pytest -m calibration -s``) and stand in docs/methods. 100 subjects, 200 candidates, 40 events.
"""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.candidates import candidates
from correlates.stats.procedures import Declared, ElasticNet, StabilitySelection, Stepwise
from correlates.stats.stability import error_bound, stability_selection
from correlates.stats.target import binary_target, survival_target
from correlates.stats.validation import bootstrap, cross_validate

pytestmark = pytest.mark.calibration

N, P, EVENTS = 100, 200, 40
PROCEDURES = {
    "elastic net": (ElasticNet(mixing=0.9, folds=5), 60),
    "adaptive lasso": (ElasticNet(adaptive=True, folds=5), 12),
    "forward AIC": (Stepwise(direction="forward", most=5), 60),
    "stability": (StabilitySelection(picked=10, threshold=0.6, pairs=25, assumption="none"), 20),
}


def _correlated(rng: np.random.Generator, n: int = N, p: int = P) -> np.ndarray:
    """Blocks of ten candidates with correlation 1/2, as analytes of one pathway are."""
    factor = np.repeat(rng.normal(size=(n, p // 10)), 10, axis=1)
    return np.sqrt(0.5) * factor + np.sqrt(0.5) * rng.normal(size=(n, p))


@pytest.mark.parametrize("name", list(PROCEDURES))
def test_cross_validation_finds_nothing_where_nothing_is(name: str) -> None:
    procedure, trials = PROCEDURES[name]
    rng = np.random.default_rng(100)
    apparent, honest = [], []
    target = binary_target(np.arange(N) < EVENTS)
    for trial in range(trials):
        given = candidates(_correlated(rng))
        seed = np.random.SeedSequence([7, trial])
        whole = procedure.fit(given, target, np.ones((1, N)), seed)
        apparent.append(float(target.measures(whole.eta, np.ones((1, N)))["auc"][0]))
        honest.append(cross_validate(procedure, given, target, seed=seed, folds=10, repeats=1).mean()["auc"])
    error = np.std(honest, ddof=1) / np.sqrt(trials)
    print(
        f"\n{name}: apparent AUC {np.mean(apparent):.3f}, cross-validated {np.mean(honest):.4f} (MC error {error:.4f}, {trials} trials)"
    )
    assert abs(np.mean(honest) - 0.5) < 0.01 + 3 * error
    if name != "stability":  # which mostly selects nothing, and then claims nothing
        assert np.mean(apparent) > 0.55


def test_optimism_of_a_declared_model_is_removed() -> None:
    rng = np.random.default_rng(5)
    target = binary_target(np.arange(N) < EVENTS)
    found = [
        bootstrap(
            Declared(), candidates(rng.normal(size=(N, 5))), target, seed=np.random.SeedSequence([3, i]), resamples=100
        )
        for i in range(100)
    ]
    apparent, corrected, plus = (
        np.array([getattr(f, part)["auc"] for f in found]) for part in ("apparent", "corrected", "plus")
    )
    error = corrected.std(ddof=1) / np.sqrt(100)
    print(
        f"\ndeclared, 5 covariates: apparent {apparent.mean():.3f}, corrected {corrected.mean():.4f} (MC error {error:.4f}), .632+ {plus.mean():.4f}"
    )
    # the optimism bootstrap leaves a little: an apparent AUC is never below 1/2, and a resample holds 63 % of the subjects it is tested on
    assert 0.5 - 3 * error < corrected.mean() < 0.55
    assert apparent.mean() > 0.6


@pytest.mark.parametrize("kind", ["binary", "survival"])
@pytest.mark.parametrize("correlated", [False, True])
def test_stability_selection_holds_its_bound(kind: str, correlated: bool) -> None:
    rng = np.random.default_rng(11)
    trials, drivers = 40, 3
    false, caught = [], []
    for trial in range(trials):
        x = _correlated(rng) if correlated else rng.normal(size=(N, P))
        eta = x[:, :: P // drivers][:, :drivers] @ np.full(drivers, 1.5)
        if kind == "binary":
            target = binary_target(rng.random(N) < 1 / (1 + np.exp(-eta)))
        else:
            time, censor = rng.exponential(np.exp(-eta)), rng.exponential(2.0, N)
            target = survival_target(np.minimum(time, censor), time <= censor)
        true = np.isin(np.arange(P), np.arange(P)[:: P // drivers][:drivers])
        seed = np.random.SeedSequence([13, trial])
        found = stability_selection(candidates(x), target, seed=seed, picked=14, threshold=0.75, pairs=25)
        false.append(int((found.selected & ~true).sum()))
        caught.append(float((found.selected & true).sum() / drivers))
    bound = error_bound(P, 14, 0.75, pairs=25)
    print(
        f"\nstability selection, {kind}, correlated {correlated}: {np.mean(false):.2f} false selections a trial (bound {bound:.2f}); "
        f"each driver found in {np.mean(caught):.0%} of trials"
    )
    assert np.mean(false) <= bound
