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


def _groups_of_ten(seed: int = 0):
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(8), [1, 2, 3, 4, 5, 5, 2, 8])
    x = rng.normal(size=(60, group.size)) * rng.uniform(0.5, 3, group.size)
    eta = 1.2 * x[:, 0] / x[:, 0].std() + 0.8 * x[:, 3] / x[:, 3].std() - 0.8 * x[:, 12] / x[:, 12].std()
    return x, group, eta, rng


@pytest.mark.parametrize("kind", ["binary", "survival"])
def test_group_lasso_meets_the_optimality_conditions(kind: str) -> None:
    x, group, eta, rng = _groups_of_ten()
    n = x.shape[0]
    time, seen = rng.exponential(np.exp(-eta)), rng.random(n) < 0.8
    family = binary(rng.random(n) < 1 / (1 + np.exp(-eta))) if kind == "binary" else survival(time, seen)
    weight = np.stack([np.ones(n), np.bincount(rng.integers(0, n, n), minlength=n)]).astype(float)
    path = penalties(largest_penalty(x, family, weight, groups=group), count=12, ratio=0.02)
    fit = elastic_net(x, family, path, weight, groups=group)
    assert fit.converged.all()
    entered = set()
    for b in range(2):
        mass = weight[b] / weight[b].sum()
        z = (x - mass @ x) / np.sqrt(mass @ (x - mass @ x) ** 2)
        for step in range(12):
            own = fit.coefficient[b, step] * fit.scale[b]
            residual = family.evaluate((fit.intercept[b, step] + x @ fit.coefficient[b, step])[None], weight[b][None])[
                1
            ][0]
            gradient = z.T @ residual / weight[b].sum()
            for g in np.unique(group):
                mine = group == g
                limit = path[b, step] * np.sqrt(mine.sum())
                length = np.linalg.norm(own[mine])
                if length > 0:
                    assert (own[mine] != 0).all()
                    np.testing.assert_allclose(gradient[mine], limit * own[mine] / length, atol=1e-7 * limit)
                    entered.add(g)
                else:
                    assert np.linalg.norm(gradient[mine]) <= limit * (1 + 1e-7)
    assert (fit.coefficient[:, 0] == 0).all()
    assert len(entered) > 4


def test_groups_of_one_are_the_lasso() -> None:
    x, group, eta, rng = _groups_of_ten(1)
    family = binary(rng.random(60) < 1 / (1 + np.exp(-eta)))
    path = penalties(largest_penalty(x, family), count=8, ratio=0.05)
    one = elastic_net(x, family, path, groups=np.arange(group.size))
    other = elastic_net(x, family, path)
    np.testing.assert_allclose(one.coefficient, other.coefficient, atol=1e-10)
    np.testing.assert_allclose(largest_penalty(x, family, groups=np.arange(group.size)), largest_penalty(x, family))


def test_a_pair_of_columns_as_the_circle_it_is() -> None:
    # one group of two uncorrelated, standardised columns of +-1: by symmetry both gradients are known in closed form. The linear predictor is b (x1 +
    # x2), of 2b, 0 and -2b; the condition of the group says: gradient of each column = lambda sqrt(2) b / sqrt(2 b^2) = lambda
    x = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]).repeat(20, axis=0)
    y = np.concatenate((np.arange(20) < 16, np.arange(20) < 10, np.arange(20) < 10, np.arange(20) < 4))
    target = 0.05
    fit = elastic_net(x, binary(y), [target], groups=[0, 0])
    # gradient of one column: mean of x (y - p) = (16/20 - p(2b)) / 4 + (p(2b) of the fourth is 1 - p): ((0.8 - p) + (0.8 - p)) / 4
    chance = 0.8 - 2 * target
    expected = np.log(chance / (1 - chance)) / 2
    np.testing.assert_allclose(fit.coefficient[0, 0], [expected, expected], rtol=1e-8)
    assert largest_penalty(x, binary(y), groups=[0, 0])[0] == pytest.approx(
        0.15
    )  # 0.3/2 each, length 0.15 sqrt 2, over sqrt 2
