"""Multiple imputation inside resamples: what it may look at, what it recovers, and how estimates are pooled."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import f as f_law

from correlates.stats.candidates import candidates
from correlates.stats.imputed_procedure import MultiplyImputed
from correlates.stats.ordinal_target import ordinal_target
from correlates.stats.pooling import pool_wald
from correlates.stats.procedures import Declared, Stepwise
from correlates.stats.resample_imputation import ConditionalMean, Imputing, impute_resamples
from correlates.stats.target import binary_target, survival_target

_N = 120
_RNG = np.random.default_rng(5)
_Z = _RNG.normal(size=(_N, 3))
_CLASS = np.digitize(_Z[:, 0] + 0.5 * _RNG.normal(size=_N), [-0.5, 0.7])
_X = np.column_stack((_Z[:, 0], 0.8 * _Z[:, 0] + 0.6 * _Z[:, 1], _Z[:, 2], _CLASS == 1, _CLASS == 2)).astype(float)
_Y = _RNG.random(_N) < 1 / (1 + np.exp(-1.5 * _X[:, 0]))
_THERE = np.ones(_X.shape, dtype=bool)
_THERE[_RNG.random(_N) < 0.3, 0] = False
_THERE[np.ix_(_RNG.random(_N) < 0.2, [3, 4])] = False
_GIVEN = candidates(np.where(_THERE, _X, 0.0), _THERE, [0, 1, 2, 3, 3])
_HOW = Imputing(imputations=6, iterations=4)


def _seed() -> np.random.SeedSequence:
    return np.random.SeedSequence(3)  # anew: spawning from one changes it


@pytest.mark.parametrize("kind", ["binary", "survival", "ordinal"])
def test_imputed_values_occur_and_follow_their_predictors(kind: str) -> None:
    time = _RNG.exponential(np.exp(-_X[:, 0]))
    target = {
        "binary": binary_target(_Y),
        "survival": survival_target(time, _RNG.random(_N) < 0.8),
        "ordinal": ordinal_target(_CLASS),
    }[kind]
    made = impute_resamples(_GIVEN, target, np.ones((1, _N)), _HOW, _seed())
    gone = ~_THERE[:, 0]
    drawn = made.values[0][:, gone, 0]
    assert np.isin(drawn, _X[~gone, 0]).all()
    assert np.corrcoef(drawn.mean(axis=0), _X[gone, 0])[0, 1] > 0.8
    assert drawn.std(axis=0).mean() > 0.1  # draws differ between data sets
    pairs = made.values[0][:, ~_THERE[:, 3], 3:]
    assert set(map(tuple, pairs.reshape(-1, 2))) <= {(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)}  # a class is drawn whole
    np.testing.assert_array_equal(made.values[0][:, _THERE], np.broadcast_to(_X[_THERE], (6, _THERE.sum())))


def test_nothing_is_learned_from_subjects_left_out() -> None:
    inside = np.arange(_N) < 90
    weight = inside.astype(float)[None]
    first = impute_resamples(_GIVEN, binary_target(_Y), weight, _HOW, _seed())
    values = _GIVEN.values.copy()
    values[~inside] += 50.0
    changed = candidates(np.where(_THERE, values, 0.0), _THERE, [0, 1, 2, 3, 3])
    outcome = np.where(inside, _Y, ~_Y)
    other = impute_resamples(changed, binary_target(outcome), weight, _HOW, _seed())
    np.testing.assert_array_equal(first.values[:, :, inside], other.values[:, :, inside])
    np.testing.assert_array_equal(first.rule.mean, other.rule.mean)
    np.testing.assert_array_equal(first.rule.covariance, other.rule.covariance)
    for inner in (Declared(), Stepwise()):
        procedure = MultiplyImputed(inner=inner, how=Imputing(imputations=2, iterations=2))
        one = procedure.fit(_GIVEN, binary_target(_Y), weight, _seed())
        two = procedure.fit(changed, binary_target(outcome), weight, _seed())
        np.testing.assert_allclose(
            one.coefficient, two.coefficient, rtol=1e-6
        )  # fits scale columns by all rows and stop within 1e-8


def test_a_variable_that_nobody_in_a_resample_has_stays_at_its_filling() -> None:
    weight = (~_THERE[:, 0]).astype(float)[None]  # only those without it take part
    made = impute_resamples(_GIVEN, binary_target(_Y), weight, _HOW, _seed())
    assert (made.values[0][:, ~_THERE[:, 0], 0] == 0.0).all()
    assert np.isfinite(made.rule.filled(_GIVEN)).all()


def test_the_prediction_of_a_subject_does_not_look_at_its_outcome() -> None:
    procedure = MultiplyImputed(inner=Declared(), how=_HOW)
    gone = np.flatnonzero(~_THERE[:, 0])[:1]
    weight = np.ones((1, _N))
    weight[0, gone] = 0.0
    turned = _Y.copy()
    turned[gone] = ~turned[gone]
    one, two = (procedure.fit(_GIVEN, binary_target(y), weight, _seed()) for y in (_Y, turned))
    np.testing.assert_allclose(one.eta, two.eta, rtol=1e-6)


def test_the_expectation_of_a_gap_by_hand() -> None:
    rule = ConditionalMean(mean=np.array([[1.0, 2.0]]), covariance=np.array([[[4.0, 1.0], [1.0, 2.0]]]))
    there = np.array([[True, True], [True, False], [False, True], [False, False]])
    found = rule.filled(candidates([[9.0, 9.0], [3.0, 0.0], [0.0, 4.0], [0.0, 0.0]], there))[0]
    # mu2 + 1/4 (3 - 1) = 2.5; mu1 + 1/2 (4 - 2) = 2
    np.testing.assert_allclose(found, [[9.0, 9.0], [3.0, 2.5], [2.0, 4.0], [1.0, 2.0]])


def test_estimates_are_closer_to_the_complete_data_than_medians() -> None:
    target, everyone = binary_target(_Y), np.ones((1, _N))
    truth = Declared().fit(candidates(_X, None, [0, 1, 2, 3, 3]), target, everyone, _seed()).coefficient
    imputed = MultiplyImputed(inner=Declared(), how=Imputing(imputations=30)).fit(_GIVEN, target, everyone, _seed())
    median = Declared().fit(_GIVEN, target, everyone, _seed())
    assert abs(imputed.coefficient[0, 1] - truth[0, 1]) < abs(median.coefficient[0, 1] - truth[0, 1])
    assert imputed.selected.all()


def test_pooled_wald_test_by_hand() -> None:
    # two data sets, two coefficients: U = diag(1, 4), B = diag(2, 0): r = 1.5 (2 + 0) / 2 = 1.5; Q = (2, 2): Q'U^-1 Q = 5; F = 5 / (2 x 2.5) = 1
    # t = 2: v = 2 (1 + 1/2) (1 + 1/1.5)^2 / 2 = 1.5 x 25/9
    estimate = [[1.0, 2.0], [3.0, 2.0]]
    covariance = [np.diag([1.0, 4.0])] * 2
    found = pool_wald(estimate, covariance)
    assert found.f == pytest.approx(1.0)
    assert found.denominator_df == pytest.approx(1.5 * 25 / 9)
    assert found.p_value == pytest.approx(f_law.sf(1.0, 2, 1.5 * 25 / 9))
    assert np.isnan(pool_wald(estimate, [np.ones((2, 2))] * 2).f)
