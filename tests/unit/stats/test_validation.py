"""Validation of whole procedures: what is left out teaches nothing, resamples are rows repeated, measures by hand."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.auc import auc
from correlates.stats.candidates import candidates, filled
from correlates.stats.concordance import concordance
from correlates.stats.cox import Ties, cox_model
from correlates.stats.logistic import Penalty, logistic_model
from correlates.stats.logistic_resamples import counts_of, logistic_resamples
from correlates.stats.performance import decision_curve, performance
from correlates.stats.procedures import Declared, ElasticNet, StabilitySelection, Stepwise
from correlates.stats.target import binary_target, survival_target
from correlates.stats.validation import (
    Fitted,
    bootstrap,
    cross_validate,
    discrimination,
    folds_of,
    learning_curve,
    permutation_test,
)

_SEED = np.random.SeedSequence
_RNG = np.random.default_rng(3)
_N = 60
_X = _RNG.normal(size=(_N, 8))
_Y = _RNG.random(_N) < 1.0 / (1.0 + np.exp(-1.2 * _X[:, 0]))
_TIME = np.ceil(10 * _RNG.exponential(np.exp(-0.8 * _X[:, 0])))
_EVENT = _RNG.random(_N) < 0.75
_THERE = _RNG.random((_N, 8)) > 0.1
_TARGETS = {"binary": binary_target(_Y), "survival": survival_target(_TIME, _EVENT)}
_PROCEDURES = {
    "declared": Declared(),
    "backward": Stepwise(),
    "forward": Stepwise(direction="forward", criterion="bic", shortlist=3),
    "elastic net": ElasticNet(mixing=0.8, folds=5),
    "adaptive": ElasticNet(mixing=0.3, adaptive=True, folds=5),  # several columns stay, so that their weights count
    "group lasso": ElasticNet(grouped=True, folds=5),
    "stability": StabilitySelection(picked=3, pairs=6),
}


@pytest.mark.parametrize("kind", list(_TARGETS))
@pytest.mark.parametrize("name", list(_PROCEDURES))
def test_subjects_left_out_teach_nothing(name: str, kind: str) -> None:
    weight = np.ones((2, _N))
    weight[0, :15] = 0.0
    weight[1, 40:] = 0.0
    groups = np.arange(8) // 2
    given, target = candidates(_X, _THERE, group=groups), _TARGETS[kind]
    honest = _PROCEDURES[name].fit(given, target, weight, _SEED(4))
    for row in range(2):
        out = weight[row] == 0
        x, there = _X.copy(), _THERE.copy()
        x[out] = 50.0 * _RNG.normal(size=(out.sum(), 8))
        there[out] = True
        if kind == "binary":
            poisoned = binary_target(np.where(out, ~_Y, _Y))
        else:
            poisoned = survival_target(np.where(out, 1.0, _TIME), np.where(out, True, _EVENT))
        again = _PROCEDURES[name].fit(candidates(x, there, group=groups), poisoned, weight, _SEED(4))
        np.testing.assert_array_equal(again.selected[row], honest.selected[row])
        np.testing.assert_allclose(again.eta[row, ~out], honest.eta[row, ~out], atol=1e-6)


class _Leaky:
    """Chooses by the outcomes of everybody: what a validation must not let pass."""

    def fit(self, given, target, weight, seed):
        best = np.argsort(-np.abs(np.corrcoef(given.values.T, target.event)[-1, :-1]))[:5]
        fitted = Declared().fit(given.pick(np.sort(best)), target, weight, seed)
        return Fitted(eta=fitted.eta, selected=np.zeros((weight.shape[0], given.columns), dtype=bool))


def test_a_planted_leak_is_seen() -> None:
    rng = np.random.default_rng(0)
    leaky, honest = [], []
    for _ in range(6):
        given = candidates(rng.normal(size=(80, 150)))
        target = binary_target(np.arange(80) < 32)
        seed = _SEED(int(rng.integers(1 << 30)))
        leaky.append(cross_validate(_Leaky(), given, target, seed=seed, repeats=1).mean()["auc"])
        forward = Stepwise(direction="forward", most=5, shortlist=5)
        honest.append(cross_validate(forward, given, target, seed=seed, folds=5, repeats=1).mean()["auc"])
    assert np.mean(leaky) > 0.75
    assert abs(np.mean(honest) - 0.5) < 0.1


def test_resamples_are_rows_repeated() -> None:
    draws = _RNG.integers(0, _N, (5, _N))
    fit = logistic_resamples(_X[:, :3], _Y, counts_of(draws, _N))
    own = logistic_resamples(np.broadcast_to(_X[:, :3], (5, _N, 3)), _Y, counts_of(draws, _N))
    for b, rows in enumerate(draws):
        alone = logistic_model(_X[rows, :3], _Y[rows])
        np.testing.assert_allclose(fit.coefficient[b], alone.coefficient, atol=1e-8)
        np.testing.assert_allclose(own.coefficient[b], alone.coefficient, atol=1e-8)
    plain = logistic_resamples(_X[:, :3], _Y, np.ones((1, _N)), penalty=Penalty.NONE)
    whole = logistic_model(_X[:, :3], _Y, penalty=Penalty.NONE)
    np.testing.assert_allclose(plain.coefficient[0], whole.coefficient, atol=1e-8)
    assert plain.log_likelihood[0] == pytest.approx(whole.log_likelihood, abs=1e-9)


def test_separated_resamples_have_no_maximum_likelihood() -> None:
    x = np.arange(20.0)[:, None]
    y = np.arange(20) >= 10
    assert not logistic_resamples(x, y, np.ones((1, 20)), penalty=Penalty.NONE).converged[0]
    assert logistic_resamples(x, y, np.ones((1, 20))).converged[0]
    twice = logistic_resamples(np.repeat(_X[:, :1], 2, axis=1), _Y, np.ones((1, _N)))
    assert not twice.converged[0]


def test_measures_of_weighted_predictors() -> None:
    draws = _RNG.integers(0, _N, (4, _N))
    eta = np.round(_RNG.normal(size=(4, _N)), 1)
    found = performance(eta, _Y, counts_of(draws, _N))
    for b, rows in enumerate(draws):
        y, predictor = _Y[rows], eta[b, rows]
        chance = 1.0 / (1.0 + np.exp(-predictor))
        assert found.auc[b] == pytest.approx(float(auc(predictor, y).estimate[0]))
        assert found.brier[b] == pytest.approx(np.mean((chance - y) ** 2))
        assert found.scaled_brier[b] == pytest.approx(1 - np.mean((chance - y) ** 2) / (y.mean() * (1 - y.mean())))
        line = logistic_model(predictor[:, None], y, penalty=Penalty.NONE)
        assert found.intercept[b] == pytest.approx(line.coefficient[0], abs=1e-7)
        assert found.slope[b] == pytest.approx(line.coefficient[1], abs=1e-7)


def test_measures_of_survival() -> None:
    draws = _RNG.integers(0, _N, (3, _N))
    eta = np.round(_RNG.normal(size=(3, _N)), 1)
    target = survival_target(_TIME, _EVENT)
    found = target.measures(eta, counts_of(draws, _N))
    for b, rows in enumerate(draws):
        c = concordance(eta[b, rows], _TIME[rows], _EVENT[rows])
        assert found["c_index"][b] == pytest.approx(float(c.c[0]))
        slope = cox_model(eta[b, rows][:, None], _TIME[rows], _EVENT[rows], ties=Ties.BRESLOW)
        assert found["slope"][b] == pytest.approx(slope.coefficient[0], abs=1e-6)


def test_measures_of_a_constant_predictor() -> None:
    found = performance(np.zeros((1, _N)), _Y)
    assert found.auc[0] == 0.5
    assert np.isnan(found.slope[0])
    assert np.isnan(performance(np.zeros((1, 4)), np.ones(4)).auc[0])


def test_net_benefit_by_hand() -> None:
    # at 1/2: three of four treated, two of them rightly: 2/4 - 1/4 * 1; everybody: 2/4 - 2/4
    curve = decision_curve([0.9, 0.6, 0.5, 0.1], [1, 0, 1, 0], [0.5, 0.2])
    np.testing.assert_allclose(curve.model, [0.25, 2 / 4 - 1 / 4 * 0.25])
    np.testing.assert_allclose(curve.everybody, [0.0, 0.5 - 0.5 * 0.25])
    with pytest.raises(ValueError, match="below 1"):
        decision_curve([0.5], [1], [1.0])


def test_gaps_are_filled_by_each_resample() -> None:
    values = np.array([[1.0, 0.0, 0.0], [2.0, 1.0, 0.0], [10.0, 1.0, 0.0], [0.0, 0.0, 0.0], [4.0, 0.0, 1.0]])
    there = np.ones((5, 3), dtype=bool)
    there[3] = False
    given = candidates(values, there, [0, 1, 1])
    weight = np.array([[1.0, 1, 1, 1, 0], [1, 2, 1, 0, 2], [1, 1, 0, 0, 0]])
    x = filled(given, weight)
    # medians of 1 2 10; of 1 2 2 4 4 10; of 1 2. Most frequent class: second of three (2 of 3; 3 of 6); a tie goes to the reference
    np.testing.assert_allclose(x[:, 3, 0], [2.0, 3.0, 1.5])
    np.testing.assert_allclose(x[:, 3, 1:], [[1, 0], [1, 0], [0, 0]])
    np.testing.assert_allclose(x[:, 0], np.broadcast_to(values[0], (3, 3)))


def test_folds_balance_events() -> None:
    event = np.arange(47) < 13
    fold = folds_of(event, 5, 4, _SEED(1))
    for row in fold:
        assert np.ptp(np.bincount(row[event], minlength=5)) <= 1
        assert np.ptp(np.bincount(row, minlength=5)) <= 1
    assert (fold[0] != fold[1]).any()


def test_cross_validation_leaves_out_and_pools() -> None:
    given, target = candidates(_X[:, :2]), _TARGETS["binary"]
    found = cross_validate(Declared(), given, target, seed=_SEED(2), folds=_N, repeats=1)
    for i in (0, 17, 59):
        rest = np.delete(np.arange(_N), i)
        alone = logistic_model(_X[rest, :2], _Y[rest])
        assert found.eta[0, i] == pytest.approx(alone.coefficient[0] + _X[i, :2] @ alone.coefficient[1:], abs=1e-8)
    with pytest.raises(ValueError, match="folds"):
        cross_validate(Declared(), given, target, seed=_SEED(2), folds=1)


@pytest.mark.parametrize("kind", list(_TARGETS))
def test_leaving_one_out_compares_pairs_of_which_neither_is_known(kind: str) -> None:
    rows = np.arange(11)
    given = candidates(_X[rows, :1])
    whole = binary_target(_Y[rows]) if kind == "binary" else survival_target(_TIME[rows], _EVENT[rows], 8.0)
    found = cross_validate(Declared(), given, whole, seed=_SEED(2), folds=11, repeats=1)
    for name, pairs in whole.pair_weights().items():
        won = 0.0
        for i, j in zip(*np.nonzero(pairs), strict=True):
            rest = np.setdiff1d(rows, [i, j])
            if kind == "binary":
                slope = logistic_model(_X[rest, :1], _Y[rest]).coefficient[1]
            else:
                slope = cox_model(_X[rest, :1], _TIME[rest], _EVENT[rest], ties=Ties.BRESLOW).coefficient[0]
            won += pairs[i, j] * (slope * (_X[i, 0] - _X[j, 0]) > 0)
        assert found.measures[name].tolist() == [pytest.approx(won / pairs.sum(), abs=1e-9)]
    assert not found.lower


def test_limits_of_the_cross_validated_discrimination_by_hand() -> None:
    # one fold of each repeat holds all pairs that are compared: of two events and two others three are won
    event = np.array([True, True, False, False])
    eta, fold = np.array([[3.0, 1.0, 2.0, 0.0]]), np.zeros((1, 4), dtype=np.int64)
    share, variance = discrimination(eta, fold, binary_target(event).pair_weights()["auc"])
    assert share[0] == 0.75
    # shares of each subject's two pairs less .75: 1, 1/2, 1/2, 1; over four pairs: .125 each
    assert variance[0] == pytest.approx(4 * 0.125**2)


def test_bootstrap_of_a_model_that_learns_noise() -> None:
    rng = np.random.default_rng(8)
    given = candidates(rng.normal(size=(80, 10)))
    target = binary_target(np.arange(80) < 35)
    found = bootstrap(Declared(), given, target, seed=_SEED(3), resamples=100)
    assert found.made == found.resamples == 100
    assert found.apparent["auc"] > 0.65
    assert found.corrected["auc"] < found.apparent["auc"] - 0.08
    assert found.plus["auc"] < found.apparent["auc"] - 0.08
    assert found.corrected["brier"] > found.apparent["brier"]
    assert found.lower["auc"] < found.corrected["auc"] < found.upper["auc"]


def test_plus_estimate_by_hand() -> None:
    from correlates.stats.validation import _weigh

    # no overfitting: .632 of the error outside; overfitting complete: the error outside alone, not above that without information
    assert _weigh(0.2, 0.2, 0.5) == pytest.approx(0.2)
    assert _weigh(0.0, 0.5, 0.5) == pytest.approx(0.5)
    assert _weigh(0.1, 0.7, 0.5) == pytest.approx(0.5)
    rate = (0.3 - 0.1) / (0.5 - 0.1)
    share = 0.632 / (1 - 0.368 * rate)
    assert _weigh(0.1, 0.3, 0.5) == pytest.approx((1 - share) * 0.1 + share * 0.3)


def test_procedures_against_chance_and_size() -> None:
    given, target = candidates(_X), _TARGETS["binary"]
    test = permutation_test(Declared(), given, target, seed=_SEED(6), permutations=39, folds=5)
    assert test.observed > np.median(test.permuted)
    assert test.p_value == (1 + (test.permuted >= test.observed).sum()) / 40
    curve = learning_curve(Declared(), given, target, seed=_SEED(7), shares=(0.3, 0.9), draws=20)
    assert curve.size[0] < curve.size[1]
    assert curve.mean[1] > curve.mean[0]


@pytest.mark.parametrize("kind", list(_TARGETS))
def test_a_class_unseen_in_training_is_taken_as_the_reference(kind: str) -> None:
    x = np.column_stack((_X[:, 0], np.arange(_N) == 7))  # a class of one subject
    weight = np.ones((2, _N))
    weight[0, 5:10] = 0.0
    found = Declared().fit(candidates(x), _TARGETS[kind], weight, _SEED(0))
    alone = Declared().fit(candidates(x[:, :1]), _TARGETS[kind], weight[:1], _SEED(0))
    assert found.made.all()
    assert found.coefficient[0, 2] == 0.0
    np.testing.assert_allclose(found.eta[0], alone.eta[0], atol=1e-12)
    if (
        kind == "binary"
    ):  # alone in its class, leverage 1: scoring alone would step from one side of the maximum to the other for ever
        np.testing.assert_allclose(found.coefficient[1], logistic_model(x, _Y).coefficient, atol=1e-7)


def test_a_fold_without_events() -> None:
    event = np.arange(30) < 2
    given = candidates(_X[:30])
    found = cross_validate(Declared(), given, binary_target(event), seed=_SEED(1), folds=10, repeats=1)
    assert np.isfinite(found.mean()["brier"])
    follow = survival_target(_TIME[:30], event)
    found = cross_validate(ElasticNet(folds=3), given, follow, seed=_SEED(1), folds=10, repeats=1)
    assert found.failed == 0
