"""Mixtures with missing values: by hand for one cluster, against scikit-learn without a prior, and marginal densities."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from correlates.stats.gaussian_mixture import Covariance, fit_clusters, memberships, number_of_clusters


def _two(n: int = 120, d: int = 3, apart: float = 4.0, seed: int = 2):
    rng = np.random.default_rng(seed)
    z = rng.random(n) < 0.3
    return rng.normal(size=(n, d)) * [1.0, 2.0, 0.5] + np.where(z[:, None], apart, 0.0) * [1.0, 2.0, 0.5], z, rng


def test_one_cluster_without_missing_values_by_hand() -> None:
    # scaled data have variance 1: mode = (I + n S) / (d + 2 + n + d + 1), S the correlation matrix, back on the scale of the data
    x, _, _ = _two()
    n, d = x.shape
    fit = fit_clusters(x, 1)
    sd = x.std(axis=0)
    expected = (np.eye(d) + n * np.corrcoef(x.T)) / (n + 2 * d + 3) * np.outer(sd, sd)
    assert fit.mean[0] == pytest.approx(x.mean(axis=0))
    assert fit.covariance[0] == pytest.approx(expected)
    assert fit.log_likelihood == pytest.approx(multivariate_normal(x.mean(axis=0), expected).logpdf(x).sum())
    assert fit.parameters == d + d * (d + 1) // 2
    assert fit.icl == fit.bic == pytest.approx(-2 * fit.log_likelihood + fit.parameters * np.log(n))


def test_two_clusters_are_those_of_scikit_learn() -> None:
    # the prior moves the covariances by about d / n: the likelihood is a little below its maximum and the memberships agree
    from sklearn.mixture import GaussianMixture

    x, z, _ = _two()
    fit = fit_clusters(x, 2)
    free = GaussianMixture(2, reg_covar=0.0, n_init=5, random_state=0, tol=1e-9, max_iter=2000).fit(x)
    best = free.score(x) * len(x)
    assert best - 3.0 < fit.log_likelihood < best + 1e-6
    assert (fit.probability.argmax(axis=1) == z).mean() > 0.97
    assert fit.weight[1] == pytest.approx(z.mean(), abs=0.02)


def test_missing_values_are_integrated_out() -> None:
    x, z, rng = _two(seed=5)
    present = rng.random(x.shape) > 0.2
    present[~present.any(axis=1), 0] = True
    fit = fit_clusters(np.where(present, x, np.nan), 2, present=present)
    by_hand = np.empty((len(x), 2))
    for i, seen in enumerate(present):
        for j in range(2):
            law = multivariate_normal(fit.mean[j, seen], fit.covariance[j][np.ix_(seen, seen)])
            by_hand[i, j] = np.log(fit.weight[j]) + law.logpdf(x[i, seen])
    total = np.logaddexp(by_hand[:, 0], by_hand[:, 1])
    assert fit.log_likelihood == pytest.approx(total.sum(), rel=1e-6)
    assert fit.probability == pytest.approx(np.exp(by_hand - total[:, None]), abs=1e-5)
    assert memberships(fit, x, present) == pytest.approx(fit.probability, abs=1e-5)
    assert (fit.probability.argmax(axis=1) == z).mean() > 0.93


@pytest.mark.parametrize("form", list(Covariance))
def test_the_fit_is_a_maximum_of_the_marginal_likelihood_where_values_are_missing(form: Covariance) -> None:
    # what is missing depends on what is seen: the third value is absent where the first is high. The marginal likelihood is written
    # down for each pattern with scipy, the prior as the page has it; no small change of mean, covariance or weight may raise their sum
    x, _, rng = _two(n=60, seed=4)
    present = np.ones(x.shape, dtype=bool)
    present[:, 2] = rng.random(60) > 1 / (1 + np.exp(-(x[:, 0] - 1.0)))
    fit = fit_clusters(np.where(present, x, np.nan), 2, present=present, covariance=form, tolerance=1e-12)
    spread = np.array([x[present[:, j], j].std() for j in range(3)])
    scale, df = np.diag(spread**2) / 2 ** (2 / 3), 5.0

    def objective(mean, covariance, weight):
        total = 0.0
        for seen in np.unique(present, axis=0):
            rows = x[(present == seen).all(axis=1)][:, seen]
            laws = [multivariate_normal(m[seen], c[np.ix_(seen, seen)]) for m, c in zip(mean, covariance, strict=True)]
            total += np.log(sum(w * law.pdf(rows) for w, law in zip(weight, laws, strict=True))).sum()
        for c in covariance[:1] if form is Covariance.SHARED else covariance:
            total -= 0.5 * (df + 4) * np.linalg.slogdet(c)[1] + 0.5 * np.trace(np.linalg.solve(c, scale))
        return total

    best = objective(fit.mean, fit.covariance, fit.weight)
    free = np.eye(3, dtype=bool) if form is Covariance.DIAGONAL else np.ones((3, 3), dtype=bool)
    for step in range(6):
        mean_move = rng.normal(size=(2, 3)) * spread if step < 2 else np.zeros((2, 3))
        half = rng.normal(size=(2, 3, 3)) if 2 <= step < 5 else np.zeros((2, 3, 3))
        half[1] = half[0] if form is Covariance.SHARED else half[1]
        matrix_move = (half + np.swapaxes(half, 1, 2)) * free * spread[:, None] * spread
        weight_move = np.array([1.0, -1.0]) if step == 5 else np.zeros(2)
        around = [
            objective(fit.mean + e * mean_move, fit.covariance + e * matrix_move, fit.weight + e * weight_move)
            for e in (-1e-4, 1e-4)
        ]
        assert max(around) < best
        # the first derivative is nothing beside the second
        assert abs(around[1] - around[0]) < 1e-2 * (2 * best - sum(around))


def test_a_covariance_that_the_prior_alone_holds_is_called_singular() -> None:
    x, _, rng = _two()
    assert not fit_clusters(x, 2).singular
    twice = np.column_stack((x, 3.0 * x[:, 0] - x[:, 1]))
    assert all(fit_clusters(twice, 2, covariance=form).singular for form in (Covariance.FULL, Covariance.SHARED))
    spike = np.column_stack((x, np.where(rng.random(len(x)) < 0.1, 5.0, 1.0)))
    assert fit_clusters(spike, 2).singular
    assert number_of_clusters(rng.normal(size=(20, 14)), covariance=Covariance.SHARED)[0].weight.size == 1


@pytest.mark.parametrize("form", list(Covariance))
def test_the_number_of_clusters(form: Covariance) -> None:
    x, _, rng = _two()
    best, icl = number_of_clusters(x, covariance=form)
    assert best.weight.size == 2
    assert min(icl, key=lambda k: icl[k]) == 2
    alone, _ = number_of_clusters(rng.normal(size=(100, 3)), covariance=form)
    assert alone.weight.size == 1


def test_units_and_the_order_of_subjects_do_not_matter() -> None:
    x, _, rng = _two(seed=9)
    order = rng.permutation(len(x))
    one, two = fit_clusters(x, 2), fit_clusters(x[order] * 1000.0, 2)
    assert two.probability == pytest.approx(one.probability[order], abs=1e-4)
    assert two.mean == pytest.approx(one.mean * 1000.0, rel=1e-4)


def test_forms_have_their_form() -> None:
    x, _, _ = _two()
    shared, diagonal = (
        fit_clusters(x, 2, covariance=Covariance.SHARED),
        fit_clusters(x, 2, covariance=Covariance.DIAGONAL),
    )
    assert shared.covariance[0] == pytest.approx(shared.covariance[1])
    assert (diagonal.covariance[:, ~np.eye(3, dtype=bool)] == 0).all()
    assert (shared.parameters, diagonal.parameters) == (13, 13)


def test_what_cannot_be_fitted_is_refused() -> None:
    x = np.arange(8.0).reshape(4, 2)
    with pytest.raises(ValueError, match="NaN"):
        fit_clusters([[1.0, np.nan], [2.0, 1.0], [0.0, 3.0]], 1)
    with pytest.raises(ValueError, match="no value"):
        fit_clusters(x, 1, present=[[0, 0], [1, 1], [1, 1], [1, 1]])
    with pytest.raises(ValueError, match="fewer than two values"):
        fit_clusters([[1.0, 2.0], [1.0, 3.0]], 1)
    with pytest.raises(ValueError, match="4 clusters of 4 subjects"):
        fit_clusters(x, 4)
