"""Validation without any true effect, error bounds of stability selection, and recovery of true drivers.

Figures are printed (``pytest -m calibration -s``) and stand in docs/methods. 100 subjects, 200 candidates, 40 events. ``TRIALS=first:last`` runs
a part of the trials, each of which has a seed of its own.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from correlates.stats.candidates import candidates
from correlates.stats.conditional_forest import ForestSettings, grow_forest
from correlates.stats.out_of_bag import out_of_bag_concordance
from correlates.stats.procedures import Declared, ElasticNet, StabilitySelection, Stepwise
from correlates.stats.random_forest import Decision, RandomForestSettings, boruta, grow_random_forest
from correlates.stats.stability import error_bound, stability_selection
from correlates.stats.target import binary_target, survival_target
from correlates.stats.validation import bootstrap, cross_validate

pytestmark = pytest.mark.calibration

N, P, EVENTS = 100, 200, 40
EVENT = np.arange(N) < EVENTS
PROCEDURES = {  # and how many trials bring the standard error to about .0035 or less
    "elastic net": (ElasticNet(mixing=0.9), 300),
    "lasso": (ElasticNet(mixing=1.0), 300),
    "lasso, 1 SE": (ElasticNet(mixing=1.0, rule="1se"), 300),
    "adaptive lasso": (ElasticNet(adaptive=True, folds=5), 400),
    "forward AIC": (Stepwise(direction="forward", most=5), 1800),
    "forward BIC": (Stepwise(direction="forward", most=10, criterion="bic"), 1500),
    "stability": (StabilitySelection(picked=10, threshold=0.6, pairs=25, assumption="none"), 200),
}
ALONE = {"lasso, 1 SE", "stability"}
"""Methods that mostly select nothing without an effect, and then claim nothing."""


def _trials(full: int) -> range:
    first, _, last = os.environ.get("TRIALS", f"0:{full}").partition(":")
    return range(int(first), int(last))


def _told(name: str, values: list[float]) -> tuple[float, float]:
    found = np.array(values)
    mean, deviation = float(found.mean()), float(found.std(ddof=1))
    print(f"\n|{name}|mean {mean:.5f}|SD {deviation:.5f}|trials {found.size}|")
    return mean, deviation / float(np.sqrt(found.size))


def _correlated(rng: np.random.Generator, n: int = N, p: int = P) -> np.ndarray:
    """Blocks of ten candidates with correlation 1/2, as analytes of one pathway are."""
    factor = np.repeat(rng.normal(size=(n, p // 10)), 10, axis=1)
    return np.sqrt(0.5) * factor + np.sqrt(0.5) * rng.normal(size=(n, p))


def _centred(mean: float, error: float, trials: int, full: int) -> None:
    """Exactly one half by exchangeability of the subjects of a fold (or pair) that the model has not seen: within 3.5 standard errors."""
    assert abs(mean - 0.5) <= 3.5 * error
    if trials >= full:
        assert error < 0.004
        assert abs(mean - 0.5) < 0.01


@pytest.mark.parametrize("name", list(PROCEDURES))
def test_cross_validation_finds_nothing_where_nothing_is(name: str) -> None:
    procedure, full = PROCEDURES[name]
    apparent, honest = [], []
    target = binary_target(EVENT)
    runs = _trials(full)
    for trial in runs:
        given = candidates(_correlated(np.random.default_rng([100, trial])))
        seed = np.random.SeedSequence([7, trial])
        whole = procedure.fit(given, target, np.ones((1, N)), seed)
        apparent.append(float(target.measures(whole.eta, np.ones((1, N)))["auc"][0]))
        honest.append(cross_validate(procedure, given, target, seed=seed, folds=10, repeats=1).mean()["auc"])
    seen, _ = _told(f"{name}, apparent", apparent)
    mean, error = _told(f"{name}, cross-validated", honest)
    _centred(mean, error, len(runs), full)
    if name not in ALONE and len(runs) >= full:
        assert seen > 0.55


@pytest.mark.parametrize("name", ["elastic net", "forward AIC"])
def test_the_bootstrap_leaves_optimism_in_a_selection(name: str) -> None:
    procedure, _ = PROCEDURES[name]
    target = binary_target(EVENT)
    corrected, plus = [], []
    for trial in _trials(30):
        given = candidates(_correlated(np.random.default_rng([100, trial])))
        found = bootstrap(procedure, given, target, seed=np.random.SeedSequence([8, trial]), resamples=50)
        corrected.append(found.corrected["auc"])
        plus.append(found.plus["auc"])
    mean, error = _told(f"{name}, corrected by the bootstrap", corrected)
    _told(f"{name}, .632+", plus)
    # a resample holds 63 % of the subjects that its model is tested on, and has learned them
    assert mean > 0.5 - 3.5 * error


@pytest.mark.parametrize("kind", ["binary", "survival"])
def test_a_declared_model_of_noise(kind: str) -> None:
    full = 600
    apparent, honest, corrected, plus = [], [], [], []
    runs = _trials(full)
    for trial in runs:
        rng = np.random.default_rng([5, trial])
        given = candidates(rng.normal(size=(N, 5)))
        if kind == "binary":
            target = binary_target(EVENT)
        else:
            time, censor = rng.exponential(size=N), rng.exponential(1.5, N)
            target = survival_target(np.minimum(time, censor), time <= censor)
        seed = np.random.SeedSequence([3, trial])
        boot = bootstrap(Declared(), given, target, seed=seed, resamples=100)
        measure = next(iter(boot.apparent))
        apparent.append(boot.apparent[measure])
        corrected.append(boot.corrected[measure])
        plus.append(boot.plus[measure])
        honest.append(cross_validate(Declared(), given, target, seed=seed).mean()[measure])
    seen, _ = _told(f"declared, {kind}, apparent", apparent)
    mean, error = _told(f"declared, {kind}, cross-validated", honest)
    left, _ = _told(f"declared, {kind}, corrected by the bootstrap", corrected)
    _told(f"declared, {kind}, .632+", plus)
    _centred(mean, error, len(runs), full)
    # an apparent AUC is never below one half, and a resample holds 63 % of the subjects it is tested on: the bootstrap leaves a part
    assert seen > left > mean


@pytest.mark.parametrize("kind", ["conditional", "random"])
def test_out_of_bag_pairs_find_nothing_where_nothing_is(kind: str) -> None:
    full = 400
    pairs, each = [], []
    runs = _trials(full)
    for trial in runs:
        x = _correlated(np.random.default_rng([100, trial])).T
        rng = np.random.default_rng([9, trial])
        y = EVENT.astype(float)
        if kind == "conditional":
            conditional = grow_forest(x, y[:, None], rng=rng, settings=ForestSettings(trees=100))
            by_tree, alone = conditional.by_tree, conditional.out_of_bag[:, 0]
        else:
            forest = grow_random_forest(x, y, rng=rng, settings=RandomForestSettings(trees=60))
            by_tree, alone = forest.by_tree, forest.out_of_bag
        pairs.append(out_of_bag_concordance(by_tree, EVENT[:, None] & ~EVENT[None, :]).estimate)
        cases, controls = alone[EVENT][:, None], alone[~EVENT][None, :]
        each.append(float(np.mean((cases > controls) + 0.5 * (cases == controls))))
    mean, error = _told(f"{kind} forest, pairs out of bag", pairs)
    low, _ = _told(f"{kind} forest, one by one out of bag", each)
    _centred(mean, error, len(runs), full)
    assert low < mean


def test_boruta_confirms_little_where_nothing_is() -> None:
    confirmed, tentative = [], []
    runs = _trials(16)
    for trial in runs:
        x = _correlated(np.random.default_rng([100, trial])).T
        found = boruta(
            x,
            EVENT.astype(float),
            rng=np.random.default_rng([10, trial]),
            settings=RandomForestSettings(trees=60),
            rounds=60,
        )
        confirmed.append(float(found.decisions.count(Decision.CONFIRMED)))
        tentative.append(float(found.decisions.count(Decision.TENTATIVE)))
    mean, _ = _told("Boruta, confirmed of 200", confirmed)
    _told("Boruta, tentative of 200", tentative)
    assert mean < 1.0


@pytest.mark.parametrize("kind", ["binary", "survival"])
@pytest.mark.parametrize("correlated", [False, True])
def test_stability_selection_holds_its_bound(kind: str, correlated: bool) -> None:
    drivers = 3
    false: list[float] = []
    caught: list[float] = []
    for trial in _trials(100):
        rng = np.random.default_rng([11, trial])
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
        false.append(float((found.selected & ~true).sum()))
        caught.append(float((found.selected & true).sum() / drivers))
    bound = error_bound(P, 14, 0.75, pairs=25)
    name = f"stability selection, {kind}, correlated {correlated}"
    mean, error = _told(f"{name}: false selections (bound {bound:.2f})", false)
    _told(f"{name}: share of the drivers found", caught)
    assert mean <= bound + 3 * error
