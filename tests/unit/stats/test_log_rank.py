"""Log-rank tests against lifelines, with holes, and at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from lifelines.statistics import logrank_test, multivariate_logrank_test

from correlates.stats.cox import cox_model
from correlates.stats.log_rank import log_rank, log_rank_rows, log_rank_screen, two_group_chi_squares


def _sample(seed=1, n=70, m=9, k=3):
    rng = np.random.default_rng(seed)
    time = np.round(rng.exponential(10, n)) + 1
    return time, rng.random(n) < 0.6, rng.integers(0, k, (m, n)), rng.random((m, n)) < 0.9


def test_as_lifelines():
    time, event, groups, _ = _sample()
    for group in groups:
        other = multivariate_logrank_test(time, group, event)
        found = log_rank(time, event, group, 3)
        assert found.chi_square == pytest.approx(other.test_statistic, rel=1e-8)
        assert found.p_value == pytest.approx(other.p_value, rel=1e-8)
        assert found.df == 2


def test_fleming_harrington_as_lifelines():
    rng = np.random.default_rng(8)
    time, event, group = rng.exponential(size=60), rng.random(60) < 0.7, rng.integers(0, 2, 60)
    other = logrank_test(
        time[group == 0],
        time[group == 1],
        event[group == 0],
        event[group == 1],
        weightings="fleming-harrington",
        p=1,
        q=1,
    )
    found = log_rank(time, event, group, 2, rho=1, gamma=1)
    assert found.chi_square == pytest.approx(other.test_statistic, rel=1e-8)


@pytest.mark.parametrize("weights", [(0, 0), (1, 0), (0, 1)], ids=str)
def test_a_row_of_the_screen_is_the_test_of_its_subjects(weights):
    rho, gamma = weights
    time, event, groups, present = _sample()
    entry, stratum = time * 0.3, (np.arange(time.size) % 2)
    found = log_rank_screen(time, event, groups, 3, present, entry=entry, stratum=stratum, rho=rho, gamma=gamma)
    for row in range(groups.shape[0]):
        kept = present[row]
        alone = log_rank(
            time[kept],
            event[kept],
            groups[row, kept],
            3,
            entry=entry[kept],
            stratum=stratum[kept],
            rho=rho,
            gamma=gamma,
        )
        assert found.chi_square[row] == pytest.approx(alone.chi_square, rel=1e-10)
        assert found.observed[row] == pytest.approx(alone.observed)
        assert found.expected[row] == pytest.approx(alone.expected)
        assert found.n[row].tolist() == alone.n.tolist()
        assert found.n_events[row].tolist() == alone.n_events.tolist()


def test_it_is_the_score_test_of_cox_without_ties():
    rng = np.random.default_rng(2)
    time, event, group = rng.exponential(size=50), rng.random(50) < 0.7, rng.integers(0, 2, 50)
    stratum = rng.integers(0, 3, 50)
    rank = log_rank(time, event, group, 2, stratum=stratum)
    cox = cox_model(group[:, None], time, event, stratum=stratum)
    assert rank.chi_square == pytest.approx(cox.model_score, rel=1e-10)


def test_strata_with_one_group_each_say_nothing():
    found = log_rank([1, 2, 3, 4], [1] * 4, [0, 0, 1, 1], 2, stratum=[0, 0, 1, 1])
    assert (found.df, found.chi_square, found.p_value) == (0, None, None)


@pytest.mark.parametrize(
    ("event", "group", "groups"),
    [([0, 0, 0, 0], [0, 1, 0, 1], 2), ([1, 1, 1, 1], [0, 0, 0, 0], 1), ([1, 1, 1, 1], [1, 1, 1, 1], 2)],
    ids=["no events", "one group", "an empty group"],
)
def test_undefined(event, group, groups):
    found = log_rank([1, 2, 3, 4], event, group, groups)
    assert (found.df, found.chi_square, found.p_value) == (0, None, None)
    screened = log_rank_screen([1, 2, 3, 4], event, [group], groups)
    assert np.isnan(screened.p_value[0])
    assert screened.df[0] == 0


def test_all_events_tied():
    """One time: expected events are in proportion; with everybody dead at once the variance is 0 and nothing can be said."""
    found = log_rank([2, 2, 2, 3, 3], [1, 1, 1, 0, 0], [0, 0, 1, 1, 1], 2)
    assert found.expected == pytest.approx([3 * 2 / 5, 3 * 3 / 5])
    assert found.chi_square is not None
    assert log_rank([2, 2, 2, 2], [1] * 4, [0, 0, 1, 1], 2).chi_square is None


def test_an_empty_group_does_not_count():
    with_it = log_rank([1, 2, 3, 4, 5], [1] * 5, [0, 2, 0, 2, 2], 3)
    without = log_rank([1, 2, 3, 4, 5], [1] * 5, [0, 1, 0, 1, 1], 2)
    assert with_it.df == without.df == 1
    assert with_it.chi_square == pytest.approx(without.chi_square)


def test_refused():
    with pytest.raises(ValueError, match="group"):
        log_rank([1, 2], [1, 1], [0, 2], 2)
    with pytest.raises(ValueError, match="shape"):
        log_rank_screen([1, 2], [1, 1], [[0, 1]], 2, [[True]])


@pytest.mark.parametrize("groups", [2, 3])
def test_rows_with_times_of_their_own_are_each_a_test(groups):
    rng = np.random.default_rng(groups)
    time, event = rng.exponential(5, (25, 30)).round(), rng.random((25, 30)) < 0.6
    group, present = rng.integers(0, groups, 30), rng.random((25, 30)) < rng.random((25, 1))
    present[0] = False
    found = log_rank_rows(time, event, group, groups, present, rho=1.0, gamma=0.5)
    assert found.df[0] == 0
    assert np.isnan(found.p_value[0])
    for row in range(1, 25):
        who = present[row]
        one = log_rank(time[row, who], event[row, who], group[who], groups, rho=1.0, gamma=0.5)
        assert found.df[row] == one.df
        assert (found.n[row].tolist(), found.n_events[row].tolist()) == (one.n.tolist(), one.n_events.tolist())
        assert found.expected[row] == pytest.approx(one.expected, rel=1e-10)
        if one.df:
            assert found.chi_square[row] == pytest.approx(one.chi_square, rel=1e-9)


@pytest.mark.parametrize(("rho", "gamma"), [(0.0, 0.0), (1.0, 0.5)])
def test_many_groupings_of_two_have_the_chi_squares_of_the_test(rho, gamma):
    rng = np.random.default_rng(6)
    time, event = rng.exponential(5, 30).round(), rng.random(30) < 0.6
    groupings = (rng.random((40, 30)) < rng.random((40, 1))).astype(int)
    groupings[0], groupings[1] = 0, np.arange(30) == np.argmin(time)  # nobody, and one who is gone first
    found = two_group_chi_squares(time, event, rho=rho, gamma=gamma)(groupings)
    test = log_rank_screen(time, event, groupings, 2, rho=rho, gamma=gamma)
    assert np.array_equal(np.isnan(found), np.isnan(test.chi_square))
    assert np.isnan(found[0])
    assert found[test.df > 0] == pytest.approx(test.chi_square[test.df > 0], rel=1e-12)
    assert np.isnan(two_group_chi_squares(time, np.zeros(30), rho=rho, gamma=gamma)(groupings)).all()
