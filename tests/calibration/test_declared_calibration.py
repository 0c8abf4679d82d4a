"""Declared models of grades, imputed covariates, and group lasso: coverage, error rates, and nothing found where nothing is.

Figures are printed (``pytest -m calibration -s``) and stand in docs/methods. ``TRIALS=first:last`` runs some of the trials.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from correlates.stats.candidates import candidates
from correlates.stats.logistic import logistic_model
from correlates.stats.ordinal import ordinal_model, parallel_test
from correlates.stats.pooling import pool
from correlates.stats.procedures import ElasticNet
from correlates.stats.resample_imputation import Imputing, impute_resamples
from correlates.stats.stability import error_bound, stability_selection
from correlates.stats.target import binary_target
from correlates.stats.validation import cross_validate

pytestmark = pytest.mark.calibration


def _trials(usual: int) -> range:
    first, _, last = os.environ.get("TRIALS", f"0:{usual}").partition(":")
    return range(int(first), int(last))


def _within(hits: int, trials: int, nominal: float, *, more: float = 0.0) -> bool:
    """Whether a share is the nominal one within 3.5 Monte Carlo errors, and what is allowed beyond."""
    error = np.sqrt(nominal * (1 - nominal) / trials)
    return abs(hits / trials - nominal) <= 3.5 * error + more


@pytest.mark.parametrize("n", [60, 101])
def test_models_of_grades_cover_and_reject_as_often_as_they_say(n: int) -> None:
    beta, alpha = np.array([0.7, 0.0, -0.5]), np.array([2.0, 0.2, -1.5])
    covered, rejected, crooked, tested, estimated = np.zeros(3, dtype=int), 0, 0, 0, []
    trials = _trials(600)
    for trial in trials:
        rng = np.random.default_rng([31, n, trial])
        z = rng.normal(size=(n, 3))
        x = np.column_stack((z[:, 0], 0.5 * z[:, 0] + 0.87 * z[:, 1], z[:, 2] > 0.3)).astype(float)
        latent = rng.logistic(size=n) + x @ beta
        y = (latent[:, None] > -alpha).sum(axis=1)
        fit = ordinal_model(x, y)
        assert fit.converged
        low, high = np.nan_to_num(fit.lower, nan=-np.inf), np.nan_to_num(fit.upper, nan=np.inf)
        covered += (low <= beta) & (beta <= high)
        rejected += int(fit.p_value[1] < 0.05)
        estimated.append(fit.coefficient)
        test = parallel_test(x, y, np.arange(3))
        if np.isfinite(test.p_value):
            tested += 1
            crooked += int(test.p_value < 0.05)
    count = len(trials)
    shares = ", ".join(f"{c / count:.3f}" for c in covered)
    print(
        f"\nproportional odds, n = {n}, {count} trials: coverage {shares}; P < .05 without effect {rejected / count:.3f}; proportional odds rejected "
        f"{crooked / max(tested, 1):.3f} of {tested}; mean estimates {np.mean(estimated, axis=0).round(3).tolist()} of {beta.tolist()}"
    )
    assert all(_within(int(c), count, 0.95, more=0.01) for c in covered)
    assert _within(rejected, count, 0.05, more=0.01)
    assert crooked / max(tested, 1) < 0.05 + 3.5 * np.sqrt(0.05 * 0.95 / max(tested, 1)) + 0.05  # it leans to rejecting


def test_imputed_covariates_cover() -> None:
    # a third of x1 is missing, the likelier the higher x2 and with the event: complete cases are biased then
    n, beta = 101, np.array([1.0, -0.5])
    covered, covered_complete = np.zeros(2, dtype=int), np.zeros(2, dtype=int)
    estimated: dict[str, list[np.ndarray]] = {"imputed": [], "complete": [], "all": []}
    trials = _trials(400)
    for trial in trials:
        rng = np.random.default_rng([32, trial])
        z = rng.normal(size=(n, 2))
        x = np.column_stack((z[:, 0], 0.6 * z[:, 0] + 0.8 * z[:, 1]))
        y = rng.random(n) < 1 / (1 + np.exp(-(x @ beta)))
        gone = rng.random(n) < 1 / (1 + np.exp(1.2 - 1.0 * x[:, 1] - 1.0 * (y - 0.5)))
        present = np.column_stack((~gone, np.ones(n, dtype=bool)))
        made = impute_resamples(
            candidates(np.where(present, x, 0.0), present),
            binary_target(y),
            np.ones((1, n)),
            Imputing(imputations=20),
            np.random.SeedSequence([33, trial]),
        )
        fits = [logistic_model(values, y) for values in made.values[0]]
        pooled = pool([f.coefficient[1:] for f in fits], [f.standard_error[1:] ** 2 for f in fits], n - 3)
        complete, whole = logistic_model(x[~gone], y[~gone]), logistic_model(x, y)
        covered += (pooled.lower <= beta) & (beta <= pooled.upper)
        covered_complete += (complete.lower[1:] <= beta) & (beta <= complete.upper[1:])
        for name, estimate in (
            ("imputed", pooled.estimate),
            ("complete", complete.coefficient[1:]),
            ("all", whole.coefficient[1:]),
        ):
            estimated[name].append(estimate)
    count = len(trials)
    means = {name: np.mean(values, axis=0).round(3).tolist() for name, values in estimated.items()}
    print(
        f"\nimputed covariates, n = {n}, {count} trials: coverage {(covered / count).round(3).tolist()}, of complete cases "
        f"{(covered_complete / count).round(3).tolist()}; mean estimates {means} of {beta.tolist()}"
    )
    assert all(_within(int(c), count, 0.95, more=0.02) for c in covered)


def _blocks(rng: np.random.Generator, n: int, p: int) -> np.ndarray:
    factor = np.repeat(rng.normal(size=(n, p // 10)), 10, axis=1)
    return np.sqrt(0.5) * factor + np.sqrt(0.5) * rng.normal(size=(n, p))


def test_group_lasso_finds_nothing_where_nothing_is() -> None:
    n, p = 100, 200
    target = binary_target(np.arange(n) < 40)
    procedure = ElasticNet(folds=5, grouped=True)
    apparent, honest = [], []
    trials = _trials(40)
    for trial in trials:
        rng = np.random.default_rng([34, trial])
        given = candidates(_blocks(rng, n, p), None, None, np.repeat(np.arange(p // 10), 10))
        seed = np.random.SeedSequence([35, trial])
        whole = procedure.fit(given, target, np.ones((1, n)), seed)
        apparent.append(float(target.measures(whole.eta, np.ones((1, n)))["auc"][0]))
        honest.append(cross_validate(procedure, given, target, seed=seed, folds=10, repeats=1).mean()["auc"])
    error = np.std(honest, ddof=1) / np.sqrt(len(trials))
    print(
        f"\ngroup lasso: apparent AUC {np.mean(apparent):.3f}, cross-validated {np.mean(honest):.4f} (MC error {error:.4f}, {len(trials)} trials)"
    )
    assert abs(np.mean(honest) - 0.5) < 0.01 + 3 * error


def test_stability_selection_of_groups_holds_its_bound() -> None:
    n, p = 100, 200
    number = np.repeat(np.arange(p // 10), 10)
    false, caught = [], []
    trials = _trials(40)
    for trial in trials:
        rng = np.random.default_rng([36, trial])
        x = _blocks(rng, n, p)
        eta = x[:, :10].sum(axis=1) * 0.25 + x[:, 50:60].sum(axis=1) * 0.25  # two groups matter
        target = binary_target(rng.random(n) < 1 / (1 + np.exp(-eta)))
        found = stability_selection(
            candidates(x, None, None, number),
            target,
            seed=np.random.SeedSequence([37, trial]),
            picked=4,
            threshold=0.75,
            pairs=25,
            grouped=True,
        )
        groups = set(number[found.selected].tolist())
        false.append(len(groups - {0, 5}))
        caught.append(len(groups & {0, 5}) / 2)
    bound = error_bound(p // 10, 4, 0.75, pairs=25)
    print(
        f"\nstability selection of 20 groups, {len(trials)} trials: {np.mean(false):.2f} false groups a trial (bound {bound:.2f}); each group that "
        f"matters found in {np.mean(caught):.0%} of trials"
    )
    assert np.mean(false) <= bound
