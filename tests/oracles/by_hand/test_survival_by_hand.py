"""Survival statistics on data small enough that likelihood, risk sets and sums can be written out."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import brentq

from correlates.stats.competing_risks import cumulative_incidence, gray_test
from correlates.stats.concordance import concordance
from correlates.stats.cox import baseline_hazard, cox_model, cox_screen
from correlates.stats.cutpoint import log_rank_scores, maximally_selected
from correlates.stats.fine_gray import fine_gray
from correlates.stats.kaplan_meier import kaplan_meier, quantile, reverse_kaplan_meier
from correlates.stats.landmark import known_by, landmark, split_at_change
from correlates.stats.log_rank import log_rank
from correlates.stats.restricted_mean import restricted_mean, restricted_mean_contrast

# Therneau and Grambsch, Modeling Survival Data, 2000, appendix E.1 (the row with a missing status left out). With r = exp(b) the risk
# sets are 3r + 3 at time 1 (event x = 1), r + 3 at time 6 (events x = 1 and 0), and the last subject alone at time 9.
TIME, STATUS, X = [9, 1, 1, 6, 6, 8], [1, 1, 0, 1, 1, 0], np.array([0, 1, 1, 1, 0, 0])


def test_book_breslow():
    fit = cox_model(X[:, None], TIME, STATUS, ties="breslow")
    r = (3 + np.sqrt(33)) / 2  # root of 2 = r/(r + 1) + 2r/(r + 3)
    assert fit.coefficient[0] == pytest.approx(np.log(r), rel=1e-9)
    assert fit.log_likelihood == pytest.approx(2 * np.log(r) - np.log(3 * r + 3) - 2 * np.log(r + 3), rel=1e-10)
    assert fit.null_log_likelihood == pytest.approx(-np.log(6) - 2 * np.log(4), rel=1e-10)
    information = r / (r + 1) ** 2 + 6 * r / (r + 3) ** 2
    assert fit.standard_error[0] == pytest.approx(information**-0.5, rel=1e-8)
    assert fit.model_score == pytest.approx((2 - 1 / 2 - 2 / 4) ** 2 / (1 / 4 + 6 / 16), rel=1e-10)
    baseline = baseline_hazard(X[:, None], fit.coefficient, TIME, STATUS, ties="breslow")
    steps = np.array([1 / (3 * r + 3), 2 / (r + 3), 1])
    assert baseline.cumulative_hazard == pytest.approx(np.cumsum(steps), rel=1e-8)


def test_book_efron():
    fit = cox_model(X[:, None], TIME, STATUS)
    r = max(np.roots([1, 0, -23, -30]).real)  # 2 = r/(r + 1) + r/(r + 3) + r/(r + 5): r^3 - 23 r - 30 = 0
    assert fit.coefficient[0] == pytest.approx(np.log(r), rel=1e-9)
    assert round(float(fit.coefficient[0]), 6) == 1.676857  # as printed
    value = 2 * np.log(r) - np.log(3 * r + 3) - np.log(r + 3) - np.log((r + 5) / 2)
    assert fit.log_likelihood == pytest.approx(value, rel=1e-10)
    baseline = baseline_hazard(X[:, None], fit.coefficient, TIME, STATUS)
    steps = np.array([1 / (3 * r + 3), 1 / (r + 3) + 2 / (r + 5), 1])
    assert baseline.cumulative_hazard == pytest.approx(np.cumsum(steps), rel=1e-8)


def test_book_delayed_entry():
    """Appendix E.2: rows (start, stop]. The risk sets in r = exp(b), event by event."""
    start, stop = [1, 2, 5, 2, 1, 7, 3, 4, 8, 8], [2, 3, 6, 7, 8, 9, 9, 9, 14, 17]
    event, x = [1, 1, 1, 1, 1, 1, 1, 0, 0, 0], np.array([1, 0, 0, 1, 0, 1, 1, 1, 0, 0])
    # (number with x = 1, number with x = 0) at times 2, 3, 6, 7, 8, 9 and again 9; four events have x = 1
    breslow = [(1, 1), (1, 2), (3, 2), (3, 1), (3, 1), (3, 2), (3, 2)]
    efron = [*breslow[:-1], (2, 2)]  # the second of the two tied events: half of both taken out
    for ties, sets in (("breslow", breslow), ("efron", efron)):
        r = brentq(lambda v, s=sets: 4 - sum(a * v / (a * v + c) for a, c in s), 1e-3, 1e3, xtol=1e-14)
        fit = cox_model(x[:, None], stop, event, entry=start, ties=ties)
        assert fit.coefficient[0] == pytest.approx(np.log(r), rel=1e-7)
        assert fit.log_likelihood == pytest.approx(4 * np.log(r) - sum(np.log(a * r + c) for a, c in sets), rel=1e-10)
        information = sum(a * c * r / (a * r + c) ** 2 for a, c in sets)
        assert fit.standard_error[0] == pytest.approx(information**-0.5, rel=1e-8)
        one = cox_screen(x, stop, event, entry=start, ties=ties)
        assert one.coefficient[0] == pytest.approx(fit.coefficient[0], rel=1e-10)


def test_strata_add_log_likelihoods():
    """The same six rows in two strata, the second at other times: every sum is twice that of one."""
    twice = cox_model(
        np.tile(X, 2)[:, None], np.concatenate((TIME, np.array(TIME) * 10)), STATUS * 2, stratum=[0] * 6 + [1] * 6
    )
    once = cox_model(X[:, None], TIME, STATUS)
    assert twice.coefficient == pytest.approx(once.coefficient, rel=1e-9)
    assert twice.log_likelihood == pytest.approx(2 * once.log_likelihood, rel=1e-10)
    assert twice.covariance[0, 0] == pytest.approx(once.covariance[0, 0] / 2, rel=1e-9)


def test_firth_with_one_risk_set():
    """One event among three, x = 1, 0, 0: l* = b - log(r + 2) + 1/2 log(2r / (r + 2)^2); its maximum is at r = 6."""
    fit = cox_model([[1.0], [0.0], [0.0]], [1, 2, 3], [1, 0, 0], penalty="firth")
    assert fit.monotone
    # 1 - r/(r + 2) + 1/2 - r/(r + 2) = 0
    assert np.exp(fit.coefficient[0]) == pytest.approx(6.0, rel=1e-8)


def test_kaplan_meier_with_ties_and_delayed_entry():
    curve = kaplan_meier([1, 2, 2, 3, 4], [1, 1, 0, 1, 0])
    assert curve.survival == pytest.approx([4 / 5, 4 / 5 * 3 / 4, 4 / 5 * 3 / 4 / 2])
    # Greenwood: 1/(5 4), + 1/(4 3), + 1/(2 1)
    se = curve.survival * np.sqrt(np.cumsum([1 / 20, 1 / 12, 1 / 2]))
    assert curve.standard_error == pytest.approx(se)
    late = kaplan_meier([1, 2, 2, 3, 4], [1, 1, 0, 1, 0], [0, 0, 1, 2, 2.5])
    assert late.n_risk.tolist() == [2, 2, 2]  # the third enters at 1 and is not at risk then; nor the fourth at 2
    assert late.survival == pytest.approx([1 / 2, 1 / 4, 1 / 8])


def test_quantiles_without_censoring_are_those_of_the_sample():
    curve = kaplan_meier([1, 2, 3, 4, 5], [1] * 5)
    assert quantile(curve).estimate == 3
    even = kaplan_meier([1, 2, 3, 4], [1] * 4)
    assert quantile(even).estimate == 2.5  # flat at one half between 2 and 3
    assert quantile(even, 0.25).estimate == 1.5
    assert quantile(kaplan_meier([1, 2, 5, 6], [1, 1, 0, 0])).estimate == 2  # flat at one half to the end


def test_reverse_kaplan_meier():
    curve = reverse_kaplan_meier([2, 4, 5, 7], [1, 0, 0, 0])
    assert curve.time.tolist() == [4, 5, 7]
    assert curve.survival == pytest.approx([2 / 3, 1 / 3, 0])
    assert quantile(curve).estimate == 5


def test_log_rank_written_out():
    test = log_rank([1, 2, 3, 4], [1] * 4, [0, 0, 1, 1], 2)
    assert test.expected[0] == pytest.approx(2 / 4 + 1 / 3)
    variance = 1 / 4 + 2 / 9  # then only the second group is left
    assert test.covariance[0, 0] == pytest.approx(variance)
    assert test.chi_square == pytest.approx((2 - 5 / 6) ** 2 / variance)
    late = log_rank([1, 2, 3, 4], [1] * 4, [0, 0, 1, 1], 2, gamma=1)  # weights 0 and 1/4 at the first two times
    assert late.observed[0] - late.expected[0] == pytest.approx(1 / 4 * (1 - 1 / 3))


def test_restricted_mean_without_censoring_is_the_mean():
    time = np.array([1.0, 3.0, 4.0, 10.0])
    found = restricted_mean(time, [1] * 4, 10)
    assert found.estimate == pytest.approx(time.mean())
    assert found.standard_error == pytest.approx(time.std() / 2)
    cut = restricted_mean(time, [1] * 4, 5)
    assert cut.estimate == pytest.approx(np.minimum(time, 5).mean())
    other = restricted_mean([2, 2], [1, 1], 5)
    contrast = restricted_mean_contrast(cut, other)
    assert contrast.difference == pytest.approx(13 / 4 - 2)
    assert contrast.ratio == pytest.approx(13 / 8)


def test_concordance_of_four():
    # events at 1 and 3; pairs of the first with 3 later ones: scores 5 against 7 (discordant), 5 (tied), 2; of the second: 7 over 2
    found = concordance([5.0, 7.0, 5.0, 2.0], [1, 3, 2, 4], [1, 1, 0, 0])
    assert [int(v[0]) for v in (found.concordant, found.discordant, found.tied_score)] == [2, 1, 1]
    assert found.c[0] == pytest.approx(2.5 / 4)


def test_cumulative_incidence_without_censoring_is_a_proportion():
    time, cause = [1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 1, 1, 2, 1, 2, 2]
    found = cumulative_incidence(time, cause, 2)
    first = np.cumsum(np.array(cause) == 1) / 8
    assert found.incidence[0] == pytest.approx(first)
    # at the third time F = 2/8; S after the times is 7/8, 6/8, 5/8: own, other, own event
    variance = (1 - (1 / 8) / (7 / 8)) ** 2 / 64 + ((1 / 8) / (6 / 8)) ** 2 / 64 + 1 / 64
    assert found.standard_error[0][2] ** 2 == pytest.approx(variance, rel=1e-10)
    assert found.incidence.sum(axis=0) + found.event_free == pytest.approx(np.ones(8))


def test_cumulative_incidence_written_out():
    found = cumulative_incidence([1, 2, 2, 3, 4], [2, 0, 1, 1, 0], 2)
    # at risk 5, 4, 2; S before: 1, 4/5, 3/5
    assert found.incidence[0] == pytest.approx([0, 1 / 5, 1 / 5 + 3 / 10])
    assert found.incidence[1] == pytest.approx([1 / 5, 1 / 5, 1 / 5])


def test_gray_score_without_competing_events_is_that_of_the_log_rank_test():
    rng = np.random.default_rng(4)
    time, event, group = rng.exponential(size=40), rng.random(40) < 0.7, rng.integers(0, 3, 40)
    gray = gray_test(time, event.astype(int), group, 3)
    rank = log_rank(time, event, group, 3)
    assert gray.score == pytest.approx(rank.observed - rank.expected, abs=1e-12)


def test_fine_gray_without_competing_events_is_cox():
    rng = np.random.default_rng(5)
    time, event, x = np.round(rng.exponential(size=60), 1), rng.random(60) < 0.7, rng.normal(size=(60, 2))
    fit, cox = fine_gray(x, time, event.astype(int)), cox_model(x, time, event, ties="breslow")
    assert fit.coefficient == pytest.approx(cox.coefficient, rel=1e-8)
    assert fit.log_likelihood == pytest.approx(cox.log_likelihood, rel=1e-10)


def test_fine_gray_without_censoring_keeps_competing_subjects_in():
    """No censoring: weights stay 1, so competing events are as good as censored after the last time."""
    rng = np.random.default_rng(6)
    time, cause, x = rng.exponential(size=50), rng.integers(1, 3, 50), rng.normal(size=(50, 1))
    fit = fine_gray(x, time, cause)
    forever = cox_model(x, np.where(cause == 2, 100.0, time), cause == 1)
    assert fit.coefficient == pytest.approx(forever.coefficient, rel=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_maximally_selected_against_all_permutations(seed):
    rng = np.random.default_rng(seed)
    x, time, event = np.round(rng.normal(size=7), 0 if seed % 2 else 2), rng.exponential(size=7), rng.random(7) < 0.8
    scores = log_rank_scores(time, event)
    found = maximally_selected(
        x, scores, min_share=0.1, max_share=0.9, permutations=20_000, rng=np.random.default_rng(seed)
    )
    order = np.argsort(x, kind="stable")
    largest = []
    for shuffled in permutations(scores[order]):
        a = np.array(shuffled)
        centred = np.cumsum(a - a.mean())[found.n_low - 1]
        largest.append(np.abs(centred / np.sqrt(found.n_low * (7 - found.n_low) / 42 * a.var() * 7)).max())
    exact = np.mean(np.array(largest) >= found.statistic - 1e-9)
    assert found.p_permutation == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 20_000) + 1e-4)


@pytest.mark.parametrize("seed", range(6))
def test_hothorn_lausen_bounds_the_exact_probability(seed):
    """Whole-number scores, so that no rounding comes between; every permutation of 7 of them."""
    rng = np.random.default_rng(100 + seed)
    scores, x = rng.integers(0, 8, 7).astype(float), np.round(rng.normal(size=7), 0 if seed % 2 else 2)
    found = maximally_selected(x, scores, min_share=0.1, max_share=0.9)
    largest = []
    for shuffled in permutations(scores):
        a = np.array(shuffled)
        centred = np.cumsum(a - a.mean())[found.n_low - 1]
        largest.append(np.abs(centred / np.sqrt(found.n_low * (7 - found.n_low) / 42 * a.var() * 7)).max())
    exact = np.mean(np.array(largest) >= found.statistic - 1e-9)
    assert exact <= found.p_hothorn_lausen + 1e-12
    if found.cuts.size == 1:
        assert found.p_hothorn_lausen == pytest.approx(exact, rel=1e-9)


def test_landmark_set():
    after = landmark([10, 28, 29, 40, 28], [1, 1, 0, 1, 0], 28)
    assert after.index.tolist() == [2, 3]
    assert after.time.tolist() == [1, 12]
    assert after.event.tolist() == [False, True]
    assert (after.excluded_events, after.excluded_censored) == (2, 1)
    assert known_by([5, 28, 29, 0], [1, 1, 1, 0], 28).tolist() == [True, True, False, False]


def test_split():
    rows = split_at_change([10, 10, 10, 10, 10], [1, 1, 0, 1, 1], [4, 10, 0, 99, 12], [1, 1, 1, 0, 1])
    # change at 4; on the day of the event; at the entry; never; after the end
    assert rows.subject.tolist() == [0, 0, 1, 2, 3, 4]
    assert rows.start.tolist() == [0, 4, 0, 0, 0, 0]
    assert rows.stop.tolist() == [4, 10, 10, 10, 10, 10]
    assert rows.event.tolist() == [False, True, True, False, True, True]
    assert rows.changed.tolist() == [False, True, False, True, False, False]
