"""What follows the peak, through the stage: contraction, second peak, loss of detection, gaps, chosen points, the two clocks."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from tests.unit.parameters.frames import measurements, one, rules, run

from correlates.errors import DerivationError
from correlates.parameters.settings import Gap, Line, Profile, Window

COURSE = [(-7, 2.0, "left"), (3, 8.0), (7, 64.0), (14, 32.0), (21, 16.0), (28, 8.0), (90, 40.0), (180, 2.0, "left")]


def profile(take: str, **more: Any) -> Profile:
    return Profile(take=take, of="car", **({"window": (0.0, 365.0)} | more))  # type: ignore[arg-type]


def test_values_by_hand() -> None:
    kinds = (
        "contraction_half_life",
        "second_peak",
        "second_peak_day",
        "re_expansion",
        "last_positive",
        "first_negative",
    )
    got = run({k.upper(): profile(k) for k in kinds}, ["A"], measurements=measurements({"A": COURSE}))
    expected = {
        "CONTRACTION_HALF_LIFE": (7.0, "day", "none"),
        "SECOND_PEAK": (40.0, "cells/uL", "none"),
        "SECOND_PEAK_DAY": (90.0, "day", "none"),
        "RE_EXPANSION": (1.0, None, "none"),
        "LAST_POSITIVE": (90.0, "day", "right"),
        "FIRST_NEGATIVE": (180.0, "day", "left"),
    }
    for code, (value, unit, censoring) in expected.items():
        row = one(got, code)
        assert (row["value"], row["unit"], row["censoring"]) == (pytest.approx(value, rel=1e-13), unit, censoring), code
    assert one(got, "SECOND_PEAK")["source_ids"] == ["car/CAR/A/2", "car/CAR/A/5", "car/CAR/A/6"]
    assert one(got, "SECOND_PEAK_DAY")["day"] == 90.0
    told = got.checks.filter(pl.col("rule") == "second-peak").row(0, named=True)
    assert told["found"] == "SECOND_PEAK: 64 on day 7, nadir 8 on day 28, then 40 on day 90"
    assert told["value"] == 5.0
    line = got.checks.filter(pl.col("rule") == "contraction-line").row(0, named=True)
    assert line["found"] == "CONTRACTION_HALF_LIFE: 4 points, day 7 to 28, R2 1"


def test_reasons() -> None:
    kinds = (
        "contraction_half_life",
        "second_peak",
        "re_expansion",
        "last_positive",
        "first_negative",
        "half_life_tobit",
    )
    given = measurements(
        {
            "never": [(7, 1.0, "left"), (28, 1.0, "left")],
            "kept": [(7, 9.0), (28, 8.0)],
            "above": [(7, 9.0, "right"), (14, 5.0), (21, 2.0)],
            "before": [(-3, 5.0), (7, 1.0, "left")],
        }
    )
    who = ["never", "kept", "above", "before", "absent"]
    got = run({k.upper(): profile(k) for k in kinds}, who, measurements=given)
    nothing, few, none, single = "nothing-quantifiable", "too-few-after-peak", "no-sample", "no-second-peak"
    assert {s: [one(got, k.upper(), s)["reason"] for k in kinds] for s in who} == {
        "never": [nothing, nothing, nothing, nothing, nothing, nothing],
        "kept": [None, single, None, None, "still-detected", few],
        "above": ["peak-above-limit", single, None, None, "still-detected", few],
        "before": [nothing] * 6,
        "absent": [none] * 6,
    }
    assert one(got, "RE_EXPANSION", "kept")["value"] == 0.0


def test_points_of_the_line_are_parameters() -> None:
    kinds = ("lambda_z_points", "lambda_z_r2", "lambda_z_start", "lambda_z_end", "half_life")
    got = run(
        {k.upper(): profile(k, window=(0.0, 28.0)) for k in kinds}, ["A"], measurements=measurements({"A": COURSE})
    )
    assert [one(got, k.upper())["value"] for k in kinds] == pytest.approx([3.0, 1.0, 14.0, 28.0, 7.0])
    assert rules(got) == ["terminal-line"]  # one line, told once


def test_points_chosen_by_hand_by_number_and_by_delay() -> None:
    points = [(7, 100.0), (14, 40.0), (21, 15.0), (28, 9.0), (60, 6.0), (90, 4.0)]
    given = measurements({"A": points, "B": points})
    specs = {
        "BEST": profile("half_life"),
        "HAND": profile("half_life", line=Line(days={"A": (21, 60, 90)})),
        "POINTS": profile("lambda_z_points", line=Line(days={"A": (7, 14, 21, 28)})),
        "LAST4": profile("half_life", line=Line(last=4)),
        "LATE": profile("lambda_z_start", line=Line(after_peak=20)),
        "MANY": profile("half_life", line=Line(last=6)),
        "WRONG": profile("half_life", line=Line(days={"A": (21, 60, 91)})),
    }
    got = run(specs, ["A", "B"], measurements=given)
    # least squares by hand: x = 21, 60, 90 about 57, y = ln 15, ln 6, ln 4
    slope = (-36 * 2.70805020 + 3 * 1.79175947 + 33 * 1.38629436) / (36**2 + 3**2 + 33**2)
    assert one(got, "HAND")["value"] == pytest.approx(-0.69314718 / slope, rel=1e-7)
    assert one(got, "HAND")["source_ids"] == ["car/CAR/A/2", "car/CAR/A/4", "car/CAR/A/5"]
    assert one(got, "HAND", "B")["value"] == one(got, "BEST", "B")["value"]
    assert one(got, "POINTS")["value"] == 4.0  # the peak may be chosen
    assert one(got, "LATE")["value"] == 28.0
    assert one(got, "MANY")["reason"] == "too-few-after-peak"
    assert (one(got, "WRONG")["reason"], one(got, "WRONG", "B")["reason"]) == ("chosen-point-missing", None)
    assert one(got, "WRONG")["source_ids"] == []
    (absent,) = got.checks.filter(pl.col("found").str.starts_with("WRONG") & (pl.col("item") == "A")).rows(named=True)
    assert (absent["rule"], absent["passed"], absent["action"]) == ("chosen-points-present", False, "excluded")
    assert absent["found"].endswith("no quantified value on day 91; there is one on day 7, 14, 21, 28, 60, 90")
    told = got.checks.filter(pl.col("found").str.starts_with("HAND") & (pl.col("item") == "A"))["found"][0]
    assert "chosen by hand, day 21 to 90" in told
    assert json.loads(one(got, "LAST4")["rule"])["line"]["last"] == 4


def test_chosen_points_end_the_line_but_not_the_area() -> None:
    points = [(0, 0.0), (7, 64.0), (14, 32.0), (21, 16.0), (28, 8.0)]
    spec = {"INF": profile("auc_inf", window=(0.0, 28.0), line=Line(days={"A": (7, 14, 21)}), rule="log")}
    got = run(spec, ["A"], measurements=measurements({"A": points}))
    # 7 x 64 / 2 = 224; the fall to 8 is 56 x 7 / ln 2; beyond it Clast, the observed 8, x 7 / ln 2
    assert one(got, "INF")["value"] == pytest.approx(224 + 64 * 7 / 0.693147180559945, rel=1e-12)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (Line(last=2), "line.last"),
        (Line(after_peak=-1), "line.after_peak"),
        (Line(within=0), "line.within"),
        (Line(days={"Z": (1, 2, 3)}), "'Z'"),
        (Line(days={"A": (1, 2, 2)}), "too few days"),
    ],
)
def test_rules_that_cannot_be_meant(line: Line, word: str) -> None:
    with pytest.raises(DerivationError, match=word):
        run({"H": profile("half_life", line=line)}, ["A"], measurements=measurements({"A": COURSE}))


def test_gaps_and_rise_that_cannot_be_meant() -> None:
    specs = {"G": profile("cmax", gap=Gap(before=0.0, after=-1.0)), "R": profile("second_peak", rise=1.0)}
    with pytest.raises(DerivationError) as error:
        run(specs, ["A"], measurements=measurements({"A": COURSE}))
    assert len(error.value.problems) == 3


def test_a_peak_among_samples_too_far_apart_is_not_determinable() -> None:
    given = measurements(
        {
            "dense": [(3, 1.0), (7, 9.0), (14, 3.0)],
            "late": [(14, 9.0), (21, 3.0)],
            "alone": [(1, 1.0), (7, 9.0), (60, 3.0)],
            "last": [(3, 1.0), (7, 9.0)],
            "below": [(14, 9.0, "left"), (60, 9.0, "left")],
            "above": [(14, 9.0, "right"), (60, 9.0)],
            "first": [(7, 9.0), (10, 3.0)],
        }
    )
    gap = Gap(before=7, after=10)
    specs = {
        "CMAX": profile("cmax", gap=gap),
        "TMAX": profile("tmax", gap=gap),
        "FOLD": profile("fold_expansion", gap=gap),
        "PEAK": Window(take="peak", of="car", gap=gap),
        "ANY": profile("cmax"),
    }
    who = ["dense", "late", "alone", "last", "below", "above", "first"]
    got = run(specs, who, measurements=given)
    sparse = "peak-not-determinable"
    assert [one(got, "CMAX", s)["reason"] for s in who] == [None, sparse, sparse, sparse, None, None, None]
    assert [one(got, "TMAX", s)["reason"] for s in who][:4] == [None, sparse, sparse, sparse]
    assert [one(got, "PEAK", s)["reason"] for s in who][:4] == [None, sparse, sparse, sparse]
    assert [one(got, "FOLD", s)["reason"] for s in who][:4] == [None, sparse, sparse, sparse]
    assert [one(got, "ANY", s)["reason"] for s in who] == [None] * 7
    told = got.checks.filter((pl.col("rule") == "peak-sampled-densely") & pl.col("found").str.starts_with("CMAX"))
    assert told["found"].to_list() == [
        "CMAX: highest value 9 on day 14, 14 days after the sample before or the infusion, the next one 7 days later",
        "CMAX: highest value 9 on day 7, 6 days after the sample before or the infusion, the next one 53 days later",
        "CMAX: highest value 9 on day 7, 4 days after the sample before or the infusion, no later one",
    ]
    assert set(told["action"]) == {"excluded"}


def test_planned_days_are_a_setting_and_both_are_kept() -> None:
    given = measurements({"A": [(6, 8.0), (9, 30.0), (13, 12.0), (30, 4.0)], "B": [(None, 5.0)]})
    planned = [7.0, 10.0, 14.0, 28.0, 7.0]
    given = given.with_columns(nominal_day=pl.Series(planned))
    specs = {
        f"{take.upper()}_{clock.upper()}": Profile(
            take=take, of="car", days=clock, at_start="first_sample", rule="linear"
        )
        for take in ("tmax", "auc", "cmax")
        for clock in ("actual", "nominal")
    }
    got = run(specs, ["A", "B"], measurements=given)
    assert (one(got, "TMAX_ACTUAL")["value"], one(got, "TMAX_NOMINAL")["value"]) == (9.0, 10.0)
    for code in ("TMAX_ACTUAL", "TMAX_NOMINAL", "CMAX_NOMINAL"):
        assert (one(got, code)["day"], one(got, code)["nominal_day"]) == (9.0, 10.0)
    # days 7 to 28: 3 x 19 + 4 x 21 + 14 x 8; actual days 6 to 28: the last sample lies at day 30 and is interpolated with
    assert one(got, "AUC_NOMINAL")["value"] == pytest.approx(57 + 84 + 112)
    at_28 = 12 - 8 * 15 / 17
    assert one(got, "AUC_ACTUAL")["value"] == pytest.approx(57 + 84 + 15 * (12 + at_28) / 2)
    # a sample without actual day has a planned one: the infusion date of B is missing
    assert (one(got, "CMAX_NOMINAL", "B")["value"], one(got, "CMAX_NOMINAL", "B")["day"]) == (5.0, None)
    assert one(got, "CMAX_ACTUAL", "B")["reason"] == "no-study-day"
    assert [r for r in rules(got) if "day" in r] == ["study-day-known"]


def test_a_sample_without_planned_day_takes_no_part_by_planned_days() -> None:
    given = measurements({"A": [(6, 8.0), (9, 30.0)]}).with_columns(nominal_day=pl.Series([7.0, None]))
    got = run({"C": Profile(take="cmax", of="car", days="nominal")}, ["A"], measurements=given)
    assert one(got, "C")["value"] == 8.0
    assert "nominal-day-known" in rules(got)
