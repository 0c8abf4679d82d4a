"""Maximally selected statistics at the edges, and their relation to the tests they are made of."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.cutpoint import (
    CutpointP,
    DrawnOrders,
    lausen_1992,
    log_rank_scores,
    maximally_selected,
    rank_scores,
)
from correlates.stats.log_rank import log_rank
from correlates.stats.rank import wilcoxon


def _sample(seed=1, n=50):
    rng = np.random.default_rng(seed)
    return rng.normal(size=n), np.round(rng.exponential(5, n)), rng.random(n) < 0.6


def test_scores_add_to_observed_minus_expected():
    x, time, event = _sample()
    scores = log_rank_scores(time, event, ties="nelson-aalen")
    test = log_rank(time, event, (x > 0).astype(int), 2)
    assert scores[x > 0].sum() == pytest.approx(test.observed[1] - test.expected[1])
    assert scores.sum() == pytest.approx(0, abs=1e-10)


def test_the_two_rules_for_ties_agree_without_ties():
    rng = np.random.default_rng(2)
    time, event = rng.exponential(size=30), rng.random(30) < 0.6
    assert log_rank_scores(time, event) == pytest.approx(log_rank_scores(time, event, ties="nelson-aalen"))


def test_one_possible_cut_is_the_test_itself():
    """A biomarker with two values: nothing was searched, and the P value is that of the one test."""
    x, _, _ = _sample()
    group = (x > 0).astype(float)
    y = np.random.default_rng(3).normal(size=x.size)
    found = maximally_selected(group, rank_scores(y))
    assert found.cuts.tolist() == [0.0]
    assert found.statistic == pytest.approx(abs(wilcoxon(y, group).z[0]))
    asymptotic = wilcoxon(y, group, exact="never", continuity=False).p_value[0]
    assert found.p_lausen_1994 == pytest.approx(asymptotic, rel=1e-8)
    assert found.p_hothorn_lausen == pytest.approx(wilcoxon(y, group, exact="while-cheap").p_value[0], rel=1e-8)


def test_searching_costs():
    x, time, event = _sample(4)
    found = maximally_selected(
        x, log_rank_scores(time, event), permutations=2000, rng=np.random.default_rng(1), method="permutation"
    )
    single = maximally_selected((x > found.cutpoint).astype(float), log_rank_scores(time, event), exact_up_to=0)
    assert single.statistic == pytest.approx(found.statistic)
    for p in (found.p_hothorn_lausen, found.p_lausen_1992, found.p_lausen_1994, found.p_permutation):
        assert p > 2 * single.p_lausen_1994
    assert found.p_value == found.p_permutation
    assert found.method is CutpointP.PERMUTATION
    assert found.permutations == 2000


def test_direction():
    x = np.arange(20.0)
    time, event = np.where(x < 10, 1 + (x * 7) % 10, 20), x < 10
    found = maximally_selected(x, log_rank_scores(time, event))
    assert found.cutpoint == 9
    assert found.low_is_higher  # the low group has more events than expected
    other = maximally_selected(-x, log_rank_scores(time, event))
    assert not other.low_is_higher
    assert other.statistic == pytest.approx(found.statistic)


def test_shares_bound_the_groups():
    x, time, event = _sample(5)
    found = maximally_selected(x, log_rank_scores(time, event), min_share=0.25, max_share=0.75)
    assert (found.n_low.min(), found.n_low.max()) == (12, 37)
    whole = maximally_selected(x, log_rank_scores(time, event), min_share=0, max_share=1)
    assert (whole.n_low.min(), whole.n_low.max()) == (1, 49)
    assert whole.p_lausen_1992 is None


def test_large_samples_fall_back_by_name():
    x, time, event = _sample(6, n=160)
    found = maximally_selected(x, log_rank_scores(time, event))
    assert found.p_hothorn_lausen is None
    assert found.method is CutpointP.LAUSEN_1994
    assert found.p_value == found.p_lausen_1994


def test_the_limit_formula_is_of_the_tail():
    assert lausen_1992(0.5, 0.1, 0.9) == 1.0
    values = [lausen_1992(b, 0.1, 0.9) for b in np.linspace(1.5, 6, 40)]
    assert (np.diff(values) < 0).all()


@pytest.mark.parametrize(
    ("x", "scores"),
    [([1.0] * 10, range(10)), (range(10), [0.0] * 10), ([0.0] * 19 + [1.0], range(20)), ([], [])],
    ids=["constant", "no events", "no cut between the shares", "nobody"],
)
def test_undefined(x, scores):
    found = maximally_selected(np.array(list(x), dtype=float), np.array(list(scores), dtype=float))
    assert found.cutpoint is None
    assert found.p_value is None
    assert found.p_lausen_1994 is None
    assert found.cuts.size == 0


def test_refused():
    with pytest.raises(ValueError, match="shares"):
        maximally_selected([1.0, 2.0], [1.0, 2.0], min_share=0.9, max_share=0.1)
    with pytest.raises(ValueError, match="rng"):
        maximally_selected([1.0, 2.0], [1.0, 2.0], method="permutation")
    with pytest.raises(ValueError, match="NaN"):
        maximally_selected([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(ValueError, match=r"\(n,\)"):
        maximally_selected([1.0, 2.0], [1.0])


def test_orders_drawn_once_serve_every_biomarker_of_the_same_subjects():
    x, time, event = _sample()
    scores = log_rank_scores(time, event)
    orders = DrawnOrders(3)

    def p(values, given, orders):
        found = maximally_selected(values, given, method="permutation", permutations=400, orders=orders)
        return found.p_value, found.statistic

    first, other = p(x, scores, orders), p(np.roll(x, 7), scores, orders)
    assert other != first
    assert p(np.roll(x, 7), scores, DrawnOrders(3)) == other
    assert p(x[::-1], scores[::-1], orders) == pytest.approx(first)
    alone = maximally_selected(
        x, scores, method="permutation", permutations=20_000, rng=np.random.default_rng(1), exact_up_to=0
    )
    assert first[0] == pytest.approx(alone.p_value, abs=4 * np.sqrt(first[0] * (1 - first[0]) / 400))
