"""Validation and selection of multivariable models, and forests, against loops over firthmodels and scikit-learn in the same run.

Times are CPU seconds of one thread.

Run: OMP_NUM_THREADS=1 python benchmarks/bench_models.py
"""

from __future__ import annotations

import time
import warnings

import numpy as np

from correlates.stats.candidates import candidates
from correlates.stats.conditional_forest import ForestSettings, grow_forest
from correlates.stats.conditional_tree import outcome_scores
from correlates.stats.procedures import Declared, ElasticNet
from correlates.stats.stability import stability_selection
from correlates.stats.target import binary_target
from correlates.stats.validation import bootstrap, cross_validate


def timed(function):
    """CPU seconds of this process (one thread), so that a busy machine does not count."""
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def _scikit_learn_stability(x, y, picked, halves):
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    count = np.zeros(x.shape[1])
    for _ in range(halves):
        rows = rng.permutation(x.shape[0])[: x.shape[0] // 2]
        part = x[rows]
        part = (part - part.mean(axis=0)) / part.std(axis=0)
        model = LogisticRegression(solver="liblinear", l1_ratio=1.0, penalty="l1", warm_start=True, max_iter=1000)
        inside = np.zeros(x.shape[1], dtype=bool)
        top = np.abs(part.T @ (y[rows] - y[rows].mean())).max()
        for step in range(100):
            model.C = 1.0 / (top * 0.01 ** (step / 99))
            model.fit(part, y[rows])
            new = model.coef_[0] != 0
            if new.sum() > picked:
                break
            inside = new
        count += inside
    return count / halves


def _firthmodels_optimism(x, y, resamples):
    """AUC of Firth models on their resample less that on everybody."""
    from firthmodels import FirthLogisticRegression
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(1)
    gap = []
    for _ in range(resamples):
        rows = rng.integers(0, y.size, y.size)
        model = FirthLogisticRegression(gtol=1e-6, xtol=1e-6, max_iter=200).fit(x[rows], y[rows])
        on, out = (x_ @ model.coef_ for x_ in (x[rows], x))
        gap.append(roc_auc_score(y[rows], on) - roc_auc_score(y, out))
    return np.mean(gap)


def _scikit_learn_fold(x, y):
    """One outer fold: the penalty of a lasso by 10 inner folds over 60 steps."""
    from sklearn.linear_model import LogisticRegressionCV

    part = (x - x.mean(axis=0)) / x.std(axis=0)
    top = np.abs(part.T @ (y - y.mean())).max()
    path = 1.0 / (top * 0.01 ** (np.arange(60) / 59))
    LogisticRegressionCV(Cs=path, cv=10, solver="liblinear", penalty="l1", scoring="neg_log_loss").fit(part, y)


def main() -> None:
    rng = np.random.default_rng(1)
    n, p = 101, 230
    factor = rng.normal(size=(n, 10))
    x = 0.6 * factor[:, rng.integers(0, 10, p)] + rng.normal(size=(n, p))
    y = rng.random(n) < 1 / (1 + np.exp(-0.7 * x[:, :4].sum(axis=1)))
    target, five, wide = binary_target(y), candidates(x[:, :5]), candidates(x)
    seed = np.random.SeedSequence(1)
    timed(lambda: bootstrap(Declared(), five, target, seed=seed, resamples=50))  # warm
    optimism, _ = timed(lambda: bootstrap(Declared(), five, target, seed=seed, resamples=1000))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer, _ = timed(lambda: _firthmodels_optimism(x[:, :5], y, 100))
    print(
        f"optimism of a Firth model, 5 covariates, n = {n}, 1000 resamples: {optimism:.2f} s "
        f"(AUC alone in a loop over firthmodels, ten times 100 resamples: {10 * peer:.1f} s)"
    )
    stable, _ = timed(lambda: stability_selection(wide, target, seed=seed, picked=15, threshold=0.75, pairs=50))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loop, _ = timed(lambda: _scikit_learn_stability(x, y, 15, 100))
    print(f"stability selection, 100 half-samples, p = {p}: {stable:.2f} s (a loop over scikit-learn: {loop:.2f} s)")
    nested, _ = timed(lambda: cross_validate(ElasticNet(mixing=0.9), wide, target, seed=seed, folds=10, repeats=5))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fold, _ = timed(lambda: _scikit_learn_fold(x[: n * 9 // 10], y[: n * 9 // 10]))
    print(
        f"nested cross-validation of an elastic net, 5 x 10 outer, 10 inner: {nested:.1f} s "
        f"(a lasso by scikit-learn, 50 times one outer fold: {50 * fold:.0f} s)"
    )
    grown, _ = timed(
        lambda: grow_forest(
            x.T, outcome_scores(y.astype(float)), rng=np.random.default_rng(1), settings=ForestSettings(trees=500)
        )
    )
    print(f"conditional forest of 500 trees with importances, p = {p}: {grown:.1f} s")


if __name__ == "__main__":
    main()
