"""Survival analyses: numbers worked by hand, groups, landmark, and the comparison that is refused."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
import pytest

from correlates.association.settings import Biomarker, SmallSampleOptions
from correlates.association.survival_curves import level_at, survival, ticks
from correlates.association.survival_settings import Grouping, Survival
from correlates.schema import RESULTS, SURVIVAL, conform

TIME = [6.0, 6.0, 7.0, 9.0, 10.0, 13.0, 16.0, 20.0]
EVENT = [True, False, True, False, True, True, True, False]
CAUSE = ["relapse", None, "death", None, "relapse", "relapse", "death", None]
GROUP = ["a", "a", "b", "a", "b", "a", "b", None]
LEVEL = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, None]


def table(**more: Any) -> pl.DataFrame:
    columns = {
        "subject_id": [f"S{i}" for i in range(8)],
        "pfs": TIME,
        "pfs|event": EVENT,
        "pfs|cause": CAUSE,
        "arm": GROUP,
        "peak": LEVEL,
        "peak|censoring": ["none"] * 7 + [None],
    }
    return pl.DataFrame({**columns, **more}, schema_overrides={"pfs": pl.Float64, "peak": pl.Float64})


def grouped(**more: Any) -> Grouping:
    return Grouping(by=Biomarker(code="arm", label="Arm", kind="categorical"), **more)


def by_peak(cut: Any) -> Grouping:
    return Grouping(by=Biomarker(code="peak", label="Peak", unit="cells/uL"), cut=cut)


def run(frame: pl.DataFrame | None = None, *, known: Any = 0.0, **more: Any) -> Any:
    days = {f"S{i}": known for i in range(8)} if isinstance(known, float) else known
    found = survival(table() if frame is None else frame, Survival(name="one", endpoint="pfs", **more), known=days)
    conform(found.results, RESULTS)
    conform(found.curves, SURVIVAL)
    return found


def values(found: Any, method: str = "kaplan_meier") -> dict[tuple[str, str], float | None]:
    rows = found.results.filter(pl.col("method") == method)
    return {(s, v): value for s, v, value in rows.select("stat_name", "level", "value").iter_rows()}


def test_everybody_worked_by_hand() -> None:
    told = values(run(days=(6, 8, 25)))
    # 8 at risk at 6 (one event), 6 at 7, 4 at 10, 3 at 13, 2 at 16
    assert told["survival", "day 6"] == pytest.approx(7 / 8)
    assert told["survival", "day 8"] == pytest.approx(7 / 8 * 5 / 6)
    assert told["survival", "day 25"] is None
    assert (told["n", ""], told["n_events", ""]) == (8, 5)
    assert told["median", ""] == 13  # 7/8 5/6 3/4 2/3 = .365
    assert told["n_risk", "day 8"] == 5
    # reverse: censored at 6 (of 8), 9 (of 5), 20 (of 1): 7/8 4/5 0
    assert told["follow_up", ""] == 20
    assert "p" not in {s for s, _ in told}


def test_limits_and_what_cannot_be_told_say_why() -> None:
    rows = run(days=(6, 25)).results
    assert rows.filter((pl.col("stat_name") == "survival") & (pl.col("level") == "day 25"))["notices"].to_list() == [
        ["not-adjusted", "beyond-follow-up"][1:]
    ]
    none = run(table(**{"pfs|event": [False] * 8}), days=(6,))
    median = none.results.filter(pl.col("stat_name") == "median")
    assert median["value"].to_list() == [None]
    assert "not-reached" in median["notices"].to_list()[0]


def share_of_groupings(chi_square, seen):
    """P by hand: of the 35 ways to put 3 of 7 subjects in group b, those at least as far from no difference."""
    every = [chi_square(np.isin(np.arange(7), chosen).astype(int)) for chosen in combinations(range(7), 3)]
    return np.mean([value >= seen - 1e-9 for value in every])


def test_groups_are_compared_by_log_rank() -> None:
    from correlates.stats.log_rank import log_rank

    told = values(run(grouping=grouped(), days=(8,)))
    group = [0, 0, 1, 0, 1, 0, 1]
    test = log_rank(TIME[:7], EVENT[:7], group, 2)
    assert told["p_asymptotic", ""] == pytest.approx(test.p_value, rel=1e-12)
    share = share_of_groupings(lambda g: log_rank(TIME[:7], EVENT[:7], g, 2).chi_square, test.chi_square)
    assert told["p", ""] == pytest.approx(share, rel=1e-12)
    plain = values(run(grouping=grouped(), small_samples=SmallSampleOptions(p="asymptotic")))
    assert plain["p", ""] == told["p_asymptotic", ""]
    assert told["chi_square", ""] == pytest.approx(test.chi_square, rel=1e-12)
    assert (told["n", "a"], told["n", "b"]) == (4, 3)
    assert told["survival", level_at("b", 8)] == pytest.approx(2 / 3)
    assert told["left_out_unknown", ""] == 1


def test_levels_choose_and_order_the_groups() -> None:
    found = run(grouping=grouped(levels=("b", "a")))
    assert found.curves.select("group", "place").unique().sort("place")["group"].to_list() == ["b", "a"]
    one = values(run(grouping=grouped(levels=("b",))))
    assert ("p", "") not in one
    assert one["left_out_unknown", ""] == 5


def test_numbers_are_cut_and_a_limit_on_the_wrong_side_has_no_group() -> None:
    told = values(run(grouping=by_peak("median")))
    assert (told["n", "<= 4 cells/µL"], told["n", "> 4 cells/µL"]) == (4, 3)
    assert told["cut", "> 4 cells/µL"] == 4
    three = values(run(grouping=by_peak((2.0, 5.0))))
    assert [three["n", g] for g in ("<= 2 cells/µL", "> 2 to 5 cells/µL", "> 5 cells/µL")] == [2, 3, 2]
    # S0 below 1 is in the lower group; S6 above 7 in the upper; S5, at most 6, may lie on either side of 4
    words = ["left", "none", "none", "none", "none", "left", "right", None]
    censored = values(run(table(**{"peak|censoring": words}), grouping=by_peak((4.0,))))
    assert (censored["n", "<= 4 cells/µL"], censored["n", "> 4 cells/µL"]) == (4, 2)
    assert censored["left_out_unknown", ""] == 2


def test_groups_known_later_are_refused_from_the_start() -> None:
    found = run(grouping=grouped(), known=28.0, days=(8,))
    rows = found.results
    assert set(rows["error"]) == {"immortal-time"}
    assert rows["value"].is_null().all()
    assert found.curves.is_empty()
    named = run(grouping=grouped(), known=28.0, naive=True)
    assert all("immortal-time" in n for n in named.results["notices"].to_list())
    assert values(named)["p", ""] is not None
    known_at_once = run(grouping=grouped(), known=0.0)
    assert not any("immortal-time" in n for n in known_at_once.results["notices"].to_list())


def test_a_time_that_begins_later_may_use_what_is_known_by_then() -> None:
    settings = Survival(name="one", endpoint="pfs", grouping=grouped())
    ids = [f"S{i}" for i in range(8)]
    known, start = dict.fromkeys(ids, 28.0), dict.fromkeys(ids, 30.0)
    assert survival(table(), settings, known=known, start=start).results["error"].is_null().all()
    late = survival(table(), settings, known=known, start=dict.fromkeys(ids, 27.0))
    assert set(late.results["error"]) == {"immortal-time"}


def test_from_a_landmark_by_what_was_known_then() -> None:
    known = {f"S{i}": 5.0 for i in range(8)} | {"S3": 8.0}  # S3's group is known after the landmark
    found = run(grouping=grouped(), known=known, landmark=6.0, days=(2,))
    told = values(found)
    # left: 7b 9a(unknown) 10b 13a 16b; S0 and S1 end on day 6, S7 has no group
    assert (told["n", "a"], told["n", "b"]) == (1, 3)
    assert told["survival", level_at("b", 2)] == pytest.approx(2 / 3)  # day 8 after the start
    assert told["median", "b"] == 4  # day 10
    assert (told["left_out_early", ""], told["left_out_unknown", ""]) == (2, 2)
    assert all("from-landmark" in n for n in found.results["notices"].to_list())
    nobody = run(grouping=grouped(), landmark=30.0)
    assert set(nobody.results["error"]) == {"too-few"}


def test_cumulative_incidence_by_hand_and_by_gray() -> None:
    from correlates.stats.competing_risks import gray_test

    found = run(causes=("relapse", "death"), days=(8, 13))
    told = values(found, "cumulative_incidence")
    assert told["incidence", level_at("relapse", 8)] == pytest.approx(1 / 8)
    assert told["incidence", level_at("death", 8)] == pytest.approx(7 / 8 / 6)
    free = values(found)["survival", "day 13"]
    both = [told["incidence", level_at(c, 13)] for c in ("relapse", "death")]
    assert sum(both) + free == pytest.approx(1, rel=1e-12)
    two = values(run(causes=("relapse", "death"), grouping=grouped()), "cumulative_incidence")
    kinds = [1, 0, 2, 0, 1, 1, 2]
    for number, cause in enumerate(("relapse", "death"), start=1):
        test = gray_test(TIME[:7], kinds, [0, 0, 1, 0, 1, 0, 1], 2, of=number)
        share = share_of_groupings(
            lambda g, of=number: gray_test(TIME[:7], kinds, g, 2, of=of).chi_square or 0.0, test.chi_square
        )
        assert two["p_cause", cause] == pytest.approx(share, rel=1e-12)
        if number == 1:
            assert two["p_asymptotic", ""] == pytest.approx(test.p_value, rel=1e-12)
    assert two["p", ""] == two["p_cause", "relapse"]


def test_the_curves_are_complete() -> None:
    curves = run().curves
    steps = curves.filter(pl.col("kind") == "step")
    assert steps.select("day", "estimate").row(0) == (0, 1)
    assert steps["day"].to_list() == [0, 6, 7, 10, 13, 16, 20]
    assert curves.filter(pl.col("kind") == "censored").select("day", "n_censored").rows() == [(6, 1), (9, 1), (20, 1)]
    risk = curves.filter(pl.col("kind") == "at_risk")
    assert risk.select("day", "n_risk").rows() == [(0, 8), (7, 6), (14, 2)]
    assert list(ticks(800)) == [i * 90.0 for i in range(9)]


def test_a_population_restricts_and_the_rest_is_missing() -> None:
    frame = table(**{"population:some": [True] * 4 + [False] * 4})
    rows = run(frame, population="some").results
    assert set(rows["n"]) == {4}
    assert set(rows["n_missing"]) == {0}
    assert set(run(table(pfs=[None, *TIME[1:]])).results["n_missing"]) == {1}
