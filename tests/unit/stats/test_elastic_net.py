"""The elastic net: optimality, scikit-learn, resamples, columns that cannot enter."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.elastic_net import binary, elastic_net, largest_penalty, penalties, survival

_RNG = np.random.default_rng(11)
_N, _P = 60, 12
_X = _RNG.normal(size=(_N, _P)) * np.exp(_RNG.normal(size=_P))
_Y = _RNG.random(_N) < 1.0 / (1.0 + np.exp(-(_X[:, 0] / _X[:, 0].std() - 0.5)))
_TIME = np.ceil(_RNG.exponential(10.0, _N))
_EVENT = _RNG.random(_N) < 0.7


def _standardised(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(axis=0)) / x.std(axis=0)


@pytest.mark.filterwarnings("ignore:.*penalty. was deprecated")  # older releases need it
@pytest.mark.parametrize("mixing", [1.0, 0.7, 0.2])
def test_the_same_minimum_as_scikit_learn(mixing: float) -> None:
    from sklearn.linear_model import LogisticRegression

    penalty = 0.05
    fit = elastic_net(_X, binary(_Y), [penalty], mixing=mixing)
    z = _standardised(_X)
    other = LogisticRegression(
        C=1.0 / (_N * penalty), l1_ratio=mixing, penalty="elasticnet", solver="saga", tol=1e-10, max_iter=200_000
    ).fit(z, _Y)
    # saga is a stochastic method: it stops near the minimum
    np.testing.assert_allclose(fit.coefficient[0, 0] * fit.scale[0], other.coef_[0], atol=2e-6)


@pytest.mark.parametrize("family", ["logistic", "cox"])
@pytest.mark.parametrize("mixing", [1.0, 0.5, 0.0])
def test_every_point_of_a_path_is_optimal(family: str, mixing: float) -> None:
    likelihood = binary(_Y) if family == "logistic" else survival(_TIME, _EVENT)
    path = penalties(largest_penalty(_X, likelihood, mixing=mixing), count=20, ratio=0.02)
    fit = elastic_net(_X, likelihood, path, mixing=mixing)
    z = _standardised(_X)
    for step in range(20):
        beta, penalty = fit.coefficient[0, step] * fit.scale[0], path[0, step]
        eta = _X @ fit.coefficient[0, step] + fit.intercept[0, step]
        gradient = z.T @ _residual(family, eta) / _N
        inside = beta != 0
        pull = penalty * ((1 - mixing) * beta + mixing * np.sign(beta))
        np.testing.assert_allclose(gradient[inside], pull[inside], atol=1e-7)
        assert (np.abs(gradient[~inside]) <= penalty * mixing + 1e-7).all()
    if mixing:
        assert (fit.coefficient[0, 0] == 0).all()


def _residual(family: str, eta: np.ndarray) -> np.ndarray:
    if family == "logistic":
        return _Y - 1.0 / (1.0 + np.exp(-eta))
    risk = np.exp(eta)
    hazard = np.array(
        [
            sum(1.0 / risk[t <= _TIME].sum() for t, e in zip(_TIME, _EVENT, strict=True) if e and t <= own)
            for own in _TIME
        ]
    )
    return _EVENT - risk * hazard


def test_a_resample_is_fitted_as_its_rows_alone() -> None:
    draws = _RNG.integers(0, _N, size=(4, _N))
    weight = np.stack([np.bincount(d, minlength=_N) for d in draws])
    for likelihood in (binary, survival):
        outcome = (_Y,) if likelihood is binary else (_TIME, _EVENT)
        together = elastic_net(_X, likelihood(*outcome), [0.2, 0.1, 0.05], weight, mixing=0.8)
        own = np.broadcast_to(_X, (4, _N, _P))
        separate = elastic_net(own, likelihood(*outcome), [0.2, 0.1, 0.05], weight, mixing=0.8)
        np.testing.assert_allclose(together.coefficient, separate.coefficient, atol=1e-9)
        for b, d in enumerate(draws):
            alone = elastic_net(_X[d], likelihood(*(part[d] for part in outcome)), [0.2, 0.1, 0.05], mixing=0.8)
            np.testing.assert_allclose(together.coefficient[b], alone.coefficient[0], atol=1e-8)


def test_a_path_ends_before_it_holds_too_many_columns() -> None:
    likelihood = binary(_Y)
    path = penalties(largest_penalty(_X, likelihood), count=50, ratio=0.001)
    whole = elastic_net(_X, likelihood, path)
    short = elastic_net(_X, likelihood, path, most=3)
    last = int(short.fitted[0])
    ever = np.maximum.accumulate(whole.coefficient[0] != 0, axis=0).sum(axis=1)
    assert ever[last - 1] <= 3 < ever[last]
    np.testing.assert_allclose(short.coefficient[0, :last], whole.coefficient[0, :last], atol=1e-12)
    assert np.isnan(short.coefficient[0, last:]).all()


def test_factors_bar_and_free_columns() -> None:
    factor = np.ones(_P)
    factor[3], factor[0] = 0.0, np.inf
    fit = elastic_net(_X, binary(_Y), [10.0, 0.01], factor=factor)
    assert fit.coefficient[0, 0, 3] != 0
    assert (np.delete(fit.coefficient[0, 0], 3) == 0).all()
    assert (fit.coefficient[0, :, 0] == 0).all()


def test_constant_columns_and_single_classes_stay_at_zero() -> None:
    x = _X.copy()
    x[:, 1] = 4.2
    fit = elastic_net(x, binary(_Y), [0.01])
    assert fit.coefficient[0, 0, 1] == 0
    one = elastic_net(x, binary(np.ones(_N)), [0.5, 0.1])
    assert (one.coefficient == 0).all()
    none = elastic_net(x, survival(_TIME, np.zeros(_N)), [0.5, 0.1])
    assert (none.coefficient == 0).all()


def test_separated_data_have_a_fit() -> None:
    x = np.column_stack((np.arange(20.0), _RNG.normal(size=20)))
    fit = elastic_net(x, binary(np.arange(20) >= 10), penalties([0.4], count=60, ratio=1e-4))
    assert fit.converged.all()
    assert np.isfinite(fit.coefficient).all()


@pytest.mark.parametrize(
    ("penalty", "said"),
    [([0.1, 0.2], "fall"), ([-0.1], "not be negative")],
)
def test_paths_that_cannot_be_meant(penalty: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        elastic_net(_X, binary(_Y), penalty)
