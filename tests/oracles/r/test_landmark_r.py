"""Landmark and time-dependent analysis against R 4.2.2: the naive comparison beside the two that are not biased."""

from __future__ import annotations

import numpy as np
import pytest
from tests.external import oracle

from correlates.stats.cox import cox_model, cox_screen
from correlates.stats.kaplan_meier import kaplan_meier, quantile
from correlates.stats.landmark import known_by, landmark, split_at_change
from correlates.stats.log_rank import log_rank

DATA = ["daily", "weekly-grid-ties"]


def _numbers(values):
    return np.array([np.nan if v is None else v for v in values], dtype=float)


def _as_theirs(fit, expected, prefix):
    assert fit.coefficient[0] == pytest.approx(expected[f"{prefix}_coef"], rel=1e-8)
    assert fit.standard_error[0] == pytest.approx(expected[f"{prefix}_se"], rel=1e-8)
    assert fit.wald_p_value[0] == pytest.approx(expected[f"{prefix}_p"], rel=1e-8)
    limits = np.exp([fit.wald_lower[0], fit.wald_upper[0]])
    assert limits == pytest.approx(expected[f"{prefix}_hr_ci"], rel=1e-8)
    assert (fit.n, fit.n_events) == (expected[f"{prefix}_n"], expected[f"{prefix}_events"])


@pytest.mark.parametrize("adjusted", [False, True], ids=["alone", "with age"])
@pytest.mark.parametrize("name", DATA)
def test_three_analyses(name, adjusted):
    case = oracle("landmark")[f"immortal-time-{name}{'-age-adjusted' if adjusted else ''}"]
    given, expected = {k: _numbers(v) for k, v in case["input"].items()}, case["expected"]
    time, status, response, age = (given[k] for k in ("time", "status", "response_time", "age"))
    responded = ~np.isnan(response)
    change = np.where(responded, response, 0.0)

    def design(covariate, rows):
        columns = [np.asarray(covariate, dtype=float), age[rows]]
        return np.column_stack(columns if adjusted else columns[:1])

    everybody = np.arange(time.size)
    _as_theirs(cox_model(design(responded, everybody), time, status), expected, "naive")

    after = landmark(time, status, case["settings"]["landmark_day"])
    by_then = known_by(change, responded, after.day)[after.index]
    assert after.excluded_events + after.excluded_censored == expected["landmark_n_excluded"]
    assert by_then.sum() == expected["landmark_n_responders"]
    _as_theirs(cox_model(design(by_then, after.index), after.time, after.event), expected, "landmark")
    test = log_rank(after.time, after.event, by_then.astype(int), 2)
    assert test.chi_square == pytest.approx(expected["landmark_logrank_chisq"], rel=1e-8)
    medians = [quantile(kaplan_meier(after.time[g], after.event[g])).estimate for g in (~by_then, by_then)]
    assert medians == expected["landmark_median_by_group_from_landmark"]

    rows = split_at_change(time, status, change, responded)
    assert rows.subject.size == expected["timedep_rows"]
    fit = cox_model(design(rows.changed, rows.subject), rows.stop, rows.event, entry=rows.start)
    _as_theirs(fit, expected, "timedep")
    assert fit.log_likelihood == pytest.approx(expected["timedep_loglik"], rel=1e-8)


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_given_rows(ties):
    case = oracle("landmark")["counting-process-small-ties"]
    given, expected = {k: _numbers(v) for k, v in case["input"].items()}, case["expected"]
    fit = cox_model(given["resp"][:, None], given["tstop"], given["event"], entry=given["tstart"], ties=ties)
    _as_theirs(fit, expected, ties)
    one = cox_screen(given["resp"], given["tstop"], given["event"], entry=given["tstart"], ties=ties)
    assert one.coefficient[0] == pytest.approx(expected[f"{ties}_coef"], rel=1e-8)
    assert one.wald_p_value[0] == pytest.approx(expected[f"{ties}_p"], rel=1e-8)
