"""Cox regression against lifelines and firthmodels, with holes, and at the edges."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from firthmodels import FirthCoxPH
from lifelines import CoxPHFitter, CoxTimeVaryingFitter
from scipy.optimize import minimize_scalar
from scipy.stats import chi2

from correlates.stats.at_risk import follow_up, risk_sets
from correlates.stats.concordance import concordance
from correlates.stats.cox import CoxPenalty, Ties, baseline_hazard, cox_model, cox_screen
from correlates.stats.cox_likelihood import batch, evaluate
from correlates.stats.landmark import split_at_change
from correlates.stats.proportional_hazards import TimeScale, proportional_hazards, proportional_hazards_screen

MODEL_AND_SCREEN = (
    "coefficient",
    "standard_error",
    "lower",
    "upper",
    "wald_lower",
    "wald_upper",
    "chi_square",
    "p_value",
    "wald_p_value",
)


def _sample(seed=1, n=60, m=8, digits=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(m, n)) * np.linspace(0.01, 300, m)[:, None] + 50
    time = np.round(rng.exponential(np.exp(-0.5 * rng.normal(size=n)) * 10), digits) + 1
    return x, time, rng.random(n) < 0.6, rng.random((m, n)) < 0.9


def test_as_lifelines():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(70, 2))
    time, event = np.round(rng.exponential(np.exp(-x[:, 0]) * 5), 1) + 0.1, rng.random(70) < 0.7
    stratum = rng.integers(0, 2, 70)
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "time": time, "event": event, "s": stratum})
    other = CoxPHFitter().fit(frame, "time", "event", strata=["s"])
    fit = cox_model(x, time, event, stratum=stratum)
    # its Newton steps stop at 1e-7 of the log-likelihood, which leaves 1e-6 of the coefficient
    assert fit.coefficient == pytest.approx(other.params_.to_numpy(), rel=1e-5)
    assert fit.standard_error == pytest.approx(other.standard_errors_.to_numpy(), rel=1e-5)
    assert fit.log_likelihood == pytest.approx(other.log_likelihood_, rel=1e-8)
    agreement = concordance(x @ fit.coefficient, time, event, stratum=stratum)
    assert agreement.c[0] == pytest.approx(other.concordance_index_, rel=1e-8)


def test_time_dependent_covariate_as_lifelines():
    rng = np.random.default_rng(4)
    time, event = np.round(rng.exponential(50, 60)) + 1, rng.random(60) < 0.7
    rows = split_at_change(time, event, np.round(rng.uniform(1, 60, 60)), rng.random(60) < 0.6)
    frame = pd.DataFrame(
        {"id": rows.subject, "start": rows.start, "stop": rows.stop, "event": rows.event, "x": rows.changed * 1.0}
    )
    other = CoxTimeVaryingFitter().fit(frame, id_col="id", event_col="event", start_col="start", stop_col="stop")
    fit = cox_model(rows.changed[:, None], rows.stop, rows.event, entry=rows.start)
    assert fit.coefficient == pytest.approx(other.params_.to_numpy(), rel=1e-6)
    assert fit.standard_error == pytest.approx(other.standard_errors_.to_numpy(), rel=1e-6)


def test_firth_as_firthmodels():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(40, 3))
    time, event = rng.exponential(np.exp(-x[:, 0])), rng.random(40) < 0.5  # no ties: it knows Breslow's only
    other = FirthCoxPH(gtol=1e-6, xtol=1e-7, max_iter=500).fit(x, (event, time))
    other.lrt()
    limits = other.conf_int(method="pl")
    fit = cox_model(x, time, event, penalty="firth")
    assert fit.coefficient == pytest.approx(other.coef_, rel=1e-6)
    assert fit.p_value == pytest.approx(other.lrt_pvalues_, rel=1e-5)
    assert np.column_stack((fit.lower, fit.upper)) == pytest.approx(limits, rel=1e-4)  # its limits stop early


@pytest.mark.parametrize("ties", list(Ties))
@pytest.mark.parametrize("penalty", list(CoxPenalty))
def test_a_row_of_the_screen_is_the_model_of_its_subjects(ties, penalty):
    x, time, event, present = _sample()
    entry, stratum = time * 0.4, np.arange(time.size) % 2
    found = cox_screen(x, time, event, present, entry=entry, stratum=stratum, ties=ties, penalty=penalty)
    assert found.converged.all()
    for row in range(x.shape[0]):
        kept = present[row]
        alone = cox_model(
            x[row, kept, None],
            time[kept],
            event[kept],
            entry=entry[kept],
            stratum=stratum[kept],
            ties=ties,
            penalty=penalty,
        )
        for name in MODEL_AND_SCREEN:
            assert getattr(found, name)[row] == pytest.approx(getattr(alone, name)[0], rel=1e-5), name
        assert found.log_likelihood[row] == pytest.approx(alone.log_likelihood, rel=1e-9)
        assert found.null_log_likelihood[row] == pytest.approx(alone.null_log_likelihood, rel=1e-9)
        assert (found.n[row], found.n_events[row]) == (alone.n, alone.n_events)
        if penalty is CoxPenalty.NONE:
            assert found.score_p_value[row] == pytest.approx(alone.model_score_p, rel=1e-8)


@pytest.mark.parametrize("ties", list(Ties))
@pytest.mark.parametrize("firth", [False, True])
def test_derivatives_are_those_of_the_likelihood(ties, firth):
    rng = np.random.default_rng(6)
    time, event = np.round(rng.exponential(5, 30)) + 1, rng.random(30) < 0.6
    models = batch(
        risk_sets(follow_up(time, event)), rng.normal(size=(1, 3, 30)), np.ones((1, 30)), ties=ties, firth=firth
    )
    beta, h = rng.normal(size=(1, 3)) * 0.4, 1e-5
    at = evaluate(models, beta)
    for k in range(3):
        move = h * np.eye(3)[k : k + 1]
        up, down = evaluate(models, beta + move), evaluate(models, beta - move)
        assert (up.value - down.value)[0] / (2 * h) == pytest.approx(at.score[0, k], abs=1e-7)
        assert (down.score - up.score)[0] / (2 * h) == pytest.approx(at.curvature[0, k], abs=1e-7)


@pytest.mark.parametrize("penalty", list(CoxPenalty))
def test_limits_are_where_the_profile_loses_the_quantile(penalty):
    rng = np.random.default_rng(12)
    x = rng.normal(size=(40, 2)) @ [[1.0, 0.6], [0.0, 1.0]]
    time, event = np.round(rng.exponential(np.exp(-x[:, 0]) * 5)) + 1, rng.random(40) < 0.6
    fit = cox_model(x, time, event, penalty=penalty, level=0.9)
    models = batch(
        risk_sets(follow_up(time, event)),
        x.T[None],
        np.ones((1, 40)),
        ties=Ties.EFRON,
        firth=penalty is CoxPenalty.FIRTH,
    )
    for k in (0, 1):
        for limit in (fit.lower[k], fit.upper[k]):

            def lost(other, k=k, limit=limit):
                beta = np.array([[limit, other] if k == 0 else [other, limit]])
                return 2 * (fit.log_likelihood - evaluate(models, beta).value[0])

            assert minimize_scalar(lost, bracket=(-1, 1), tol=1e-10).fun == pytest.approx(chi2.ppf(0.9, 1), rel=1e-7)


def test_many_rows_are_summed_as_few():
    """Above a size the risk sets are summed backwards in time; the answer is that of the same data with a late entry that keeps
    the mask."""
    rng = np.random.default_rng(7)
    n = 700
    x, time, event = rng.normal(size=n), rng.exponential(size=n), rng.random(n) < 0.6
    backwards = cox_screen(x, time, event)
    masked = cox_screen(
        np.append(x, 0.0), np.append(time, 2e6), np.append(event, False), entry=np.append(np.full(n, -1.0), 1e6)
    )
    assert backwards.coefficient[0] == pytest.approx(masked.coefficient[0], rel=1e-9)
    assert backwards.upper[0] == pytest.approx(masked.upper[0], rel=1e-9)


def test_monotone_likelihood_is_told_and_not_a_number():
    x = np.array(
        [[5.0, 4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 3.0, 2.0, 5.0, 4.0], [1.0, 1.0, 0.0, 0.0, 0.0]]
    )
    time, event = [1, 2, 3, 4, 5], [1, 1, 0, 0, 0]
    found = cox_screen(x, time, event)
    assert found.monotone.tolist() == [1, -1, 0, 1]
    assert found.converged.tolist() == [False, False, True, False]
    assert np.isnan(found.coefficient[[0, 1, 3]]).all()
    assert np.isfinite(found.score_p_value).all()
    firth = cox_screen(x, time, event, penalty="firth")
    assert firth.converged.all()
    assert (np.sign(firth.coefficient) == [1, -1, np.sign(firth.coefficient[2]), 1]).all()
    for row in range(4):
        assert cox_model(x[row][:, None], time, event).monotone == (found.monotone[row] != 0)


def test_monotone_along_a_combination():
    """Neither covariate alone is highest at every event, their sum is."""
    design = np.array([[3.0, 0.0], [0.0, 3.0], [1.0, 1.0], [2.0, 0.0], [0.0, 2.0]])
    time, event = [1, 2, 3, 4, 5], [1, 1, 0, 0, 0]
    fit = cox_model(design, time, event)
    assert fit.monotone
    assert fit.model_likelihood_ratio is None
    assert not np.isfinite(fit.coefficient).any()
    assert cox_screen(design.T, time, event).monotone.tolist() == [0, 0]
    assert cox_model(design, time, event, penalty="firth").converged


def test_nothing_to_estimate():
    time, event = [1, 2, 3, 4], [1, 1, 1, 0]
    x = np.array([[2.0] * 4, [1.0, 0.0, 0.0, 0.0]])
    found = cox_screen(x, time, event)
    assert found.constant.tolist() == [True, False]
    assert np.isnan(found.p_value).all()
    none = cox_screen(x, time, [0, 0, 0, 0])
    assert none.constant.all()
    assert none.n_events.tolist() == [0, 0]
    assert not cox_model(x.T, time, [0] * 4).full_rank
    # all events at one time with everybody in them: nobody to compare with... but Efron compares them with each other
    tied = cox_screen([1.0, 2.0, 3.0], [5, 5, 5], [1, 1, 1], ties="breslow")
    assert tied.monotone[0] == 0
    assert tied.coefficient[0] == pytest.approx(0, abs=1e-12)
    # constant within strata
    assert cox_screen([1.0, 1.0, 2.0, 2.0], time, event, stratum=[0, 0, 1, 1]).constant[0]
    assert not cox_model([[1.0], [1.0], [2.0], [2.0]], time, event, stratum=[0, 0, 1, 1]).full_rank


def test_outlying_values():
    """Raw concentrations with four events: maxima many standard deviations out, limits where plain Newton steps cycle."""
    rng = np.random.default_rng(0)
    x = rng.lognormal(sigma=2, size=(400, 20))
    time, event = np.ceil(rng.exponential(300, 20)), np.arange(20) < 4
    found = cox_screen(x, time, event)
    assert (found.converged | (found.monotone != 0)).all()
    known = found.converged
    assert (found.lower < found.coefficient)[known].all()
    assert (found.coefficient < found.upper)[known].all()
    assert cox_screen(x, time, event, penalty="firth").converged.all()


def test_collinear_covariates():
    rng = np.random.default_rng(9)
    a = rng.normal(size=30)
    fit = cox_model(np.column_stack((a, 3 * a + 1)), rng.exponential(size=30), rng.random(30) < 0.7)
    assert not fit.full_rank
    assert np.isnan(fit.coefficient).all()
    assert fit.model_score is None


def test_baseline_survival_of_a_subject():
    x, time, event, _ = _sample(digits=1)
    design = x[:2].T / [1, 40]
    fit = cox_model(design, time, event)
    at_zero = baseline_hazard(design, fit.coefficient, time, event)
    at_mean = baseline_hazard(design, fit.coefficient, time, event, at=design.mean(axis=0))
    ratio = np.exp(design.mean(axis=0) @ fit.coefficient)
    assert at_mean.cumulative_hazard == pytest.approx(at_zero.cumulative_hazard * ratio, rel=1e-8)
    assert at_mean.survival == pytest.approx(np.exp(-at_mean.cumulative_hazard))
    two = baseline_hazard(design, fit.coefficient, time, event, stratum=np.arange(time.size) % 2)
    for label in (0, 1):
        own = two.stratum == label
        assert (np.diff(two.cumulative_hazard[own]) > 0).all()
        assert two.cumulative_hazard[own][0] < two.cumulative_hazard[own][-1] / 5


def test_concordance_with_holes_is_that_of_the_rest():
    x, time, event, present = _sample()
    found = concordance(x, time, event, present)
    for row in range(x.shape[0]):
        kept = present[row]
        alone = concordance(x[row, kept], time[kept], event[kept])
        assert found.c[row] == pytest.approx(alone.c[0])
        assert found.standard_error[row] == pytest.approx(alone.standard_error[0])
    nothing = concordance([1.0, 2.0], [1, 2], [0, 0])
    assert np.isnan(nothing.c[0])
    assert nothing.concordant[0] == 0


def test_proportional_hazards_on_the_log_scale_is_identity_of_log_time():
    rng = np.random.default_rng(10)
    x, time, event = rng.normal(size=(80, 2)), np.round(rng.exponential(5, 80)) + 1, rng.random(80) < 0.7
    fit = cox_model(x, time, event)
    a = proportional_hazards(x, fit.coefficient, time, event, scale=TimeScale.LOG)
    b = proportional_hazards(x, fit.coefficient, np.log(time), event, scale=TimeScale.IDENTITY)
    assert a.chi_square == pytest.approx(b.chi_square, rel=1e-10)
    assert a.global_p_value == pytest.approx(b.global_p_value, rel=1e-10)
    # the scaled residuals average to the coefficient, as the score is 0 there
    assert a.residual.mean(axis=0) == pytest.approx(fit.coefficient, rel=1e-6)


def test_proportional_hazards_finds_a_crossing():
    rng = np.random.default_rng(11)
    group = np.repeat([0.0, 1.0], 200)
    early = rng.exponential(np.where(group == 1, 1.0, 4.0))
    time = np.where(early < 1, early, 1 + rng.exponential(np.where(group == 1, 4.0, 1.0)))
    event = np.ones(400)
    fit = cox_model(group[:, None], time, event)
    for scale in TimeScale:
        assert proportional_hazards(group[:, None], fit.coefficient, time, event, scale=scale).global_p_value < 1e-6


def test_proportional_hazards_undefined_with_one_event_time():
    x = np.array([[1.0], [2.0], [4.0], [0.0]])
    found = proportional_hazards(x, [0.1], [3, 3, 5, 6], [1, 1, 0, 0])
    assert found.global_chi_square is None
    assert np.isnan(found.p_value).all()


def test_nobody():
    assert cox_screen(np.zeros((2, 0)), [], []).constant.all()
    assert cox_screen(np.zeros((0, 3)), [1, 2, 3], [1, 1, 1]).p_value.shape == (0,)
    for penalty in CoxPenalty:
        assert not cox_model(np.zeros((0, 2)), [], [], penalty=penalty).full_rank
    assert np.isnan(concordance(np.zeros((2, 0)), [], []).c).all()


def test_refused():
    with pytest.raises(ValueError, match="no covariate"):
        cox_model(np.zeros((2, 0)), [1, 2], [1, 1])
    with pytest.raises(ValueError, match="columns"):
        cox_screen([[1.0, 2.0]], [1, 2, 3], [1, 1, 1])
    with pytest.raises(ValueError, match="rows"):
        cox_model([[1.0], [2.0]], [1, 2, 3], [1, 1, 1])
    with pytest.raises(ValueError, match="design"):
        cox_model([1.0, 2.0], [1, 2], [1, 1])
    with pytest.raises(ValueError, match="NaN"):
        cox_model([[np.nan], [2.0]], [1, 2], [1, 1])
    with pytest.raises(ValueError, match="level"):
        cox_screen([1.0, 2.0], [1, 2], [1, 1], level=95)
    with pytest.raises(ValueError, match="entry"):
        cox_screen([1.0, 2.0], [1, 2], [1, 1], entry=[0, 2])
    with pytest.raises(ValueError, match="stratum"):
        cox_screen([1.0, 2.0], [1, 2], [1, 1], stratum=[0, -1])
    with pytest.raises(ValueError, match="logarithm"):
        proportional_hazards([[1.0], [2.0]], [0.1], [0, 2], [1, 1], scale="log")
    with pytest.raises(ValueError, match="shape"):
        baseline_hazard([[1.0], [2.0]], [0.1, 1], [1, 2], [1, 1])
    with pytest.raises(ValueError, match="score"):
        concordance([1.0, 2.0, 3.0], [1, 2], [1, 1])


def test_a_panel_of_checks_of_proportional_hazards_is_each_row_alone():
    rng = np.random.default_rng(8)
    time, event = rng.exponential(5, 30).round(), rng.random(30) < 0.6
    x, present = rng.normal(1000, 100, (25, 30)), rng.random((25, 30)) < rng.random((25, 1))
    fit = cox_screen(x, time, event, present)
    found = proportional_hazards_screen(x, fit.coefficient, time, event, present)
    assert np.isnan(found[~fit.converged]).all()
    for row in np.flatnonzero(fit.converged):
        who = present[row]
        one = proportional_hazards(x[row, who][:, None], fit.coefficient[row : row + 1], time[who], event[who])
        assert found[row] == pytest.approx(one.p_value[0], rel=1e-7, nan_ok=True)
    assert np.isfinite(found).sum() > 15
