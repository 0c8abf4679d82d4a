"""Terminal and expansion parameters through the stage: values, units, reasons, checks."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from tests.unit.parameters.frames import measurements, one, run

from correlates.parameters import record
from correlates.parameters.settings import Profile

KINDS = ("lambda_z", "half_life", "auc_inf", "doubling_time", "fold_expansion", "detectable_at")


def specs(**more: Any) -> dict[str, Profile]:
    whole = {"at_start": "zero"} | more
    return {kind.upper(): Profile(take=kind, of="car", **whole) for kind in KINDS}  # type: ignore[arg-type]


RISE_AND_FALL = [(1, 16.0), (4, 32.0), (7, 64.0), (14, 32.0), (21, 16.0), (28, 8.0)]


def test_a_profile_by_hand() -> None:
    got = run(specs(), ["A"], measurements=measurements({"A": RISE_AND_FALL}))
    # from zero at day 0: 8 + 72 + 144, then (392 + 56) / ln 2
    expected = {
        "LAMBDA_Z": (0.09902102579427789, "1/day"),
        "HALF_LIFE": (7.0, "day"),
        "AUC_INF": (224 + 646.3273783182556, "day x cells/uL"),
        "DOUBLING_TIME": (3.0, "day"),
        "FOLD_EXPANSION": (4.0, "ratio"),
        "DETECTABLE_AT": (1.0, None),
    }
    for code, (value, unit) in expected.items():
        row = one(got, code)
        assert (row["value"], row["unit"], row["reason"]) == (pytest.approx(value, rel=1e-13), unit, None), code
        assert (row["censoring"], row["timing"], row["known_on_day"]) == ("none", "post", 28.0)
    assert one(got, "HALF_LIFE")["source_ids"] == [f"car/CAR/A/{i}" for i in (3, 4, 5)]
    assert one(got, "DOUBLING_TIME")["source_ids"] == [f"car/CAR/A/{i}" for i in (0, 1, 2)]
    assert one(got, "FOLD_EXPANSION")["source_ids"] == ["car/CAR/A/0", "car/CAR/A/2"]
    assert one(got, "AUC_INF")["source_ids"] == [f"car/CAR/A/{i}" for i in range(6)]


def test_the_points_and_the_extrapolated_share_are_said() -> None:
    got = run(specs(), ["A"], measurements=measurements({"A": RISE_AND_FALL})).checks
    line = got.filter((pl.col("rule") == "terminal-line") & pl.col("found").str.starts_with("HALF_LIFE"))
    found = "HALF_LIFE: 3 of 3 points after the peak, day 14 to 28 (2 half-lives), adjusted R2 1"
    assert line.row(0, named=True)["found"] == found
    assert line.select("value", "passed", "action").row(0) == (3.0, True, "none")
    share = got.filter(pl.col("rule") == "area-extrapolated-share").row(0, named=True)
    assert share["found"] == "AUC_INF: 9.28 % of the area is extrapolated"
    assert (share["value"], share["passed"]) == (pytest.approx(0.092828198, rel=1e-8), True)
    rise = got.filter(pl.col("rule") == "expansion-line").row(0, named=True)
    assert rise["found"] == "DOUBLING_TIME: 3 points, day 1 to 7, R2 1"


def test_a_poor_line_and_a_long_extrapolation_are_flagged_not_dropped() -> None:
    given = measurements({"A": [(1, 16.0), (7, 64.0), (14, 30.0), (21, 26.0), (28, 27.0)]})
    got = run(specs(), ["A"], measurements=given)
    assert one(got, "HALF_LIFE")["value"] > 28
    flagged = set(got.checks.filter(~pl.col("passed"))["rule"])
    assert flagged == {"terminal-line", "area-extrapolated-share", "expansion-line"}


def test_reasons() -> None:
    given = measurements(
        {
            "below": [(7, 1.0, "left"), (28, 1.0, "left")],
            "rising": [(1, 1.0), (7, 2.0), (28, 4.0)],
            "falling": [(7, 9.0), (14, 3.0)],
            "flat": [(3, 9.0), (7, 3.0), (14, 3.0), (28, 3.0)],
            "dip": [(0.5, 10.0), (1, 1.0), (1.1, 11.0)],
        }
    )
    who = ["below", "rising", "falling", "flat", "dip", "absent"]
    got = run(specs(), who, measurements=given)
    nothing, few, none = "nothing-quantifiable", "too-few-after-peak", "no-sample"
    single = "no-expansion-phase"
    assert {s: [one(got, k.upper(), s)["reason"] for k in KINDS] for s in who} == {
        "below": [nothing, nothing, nothing, nothing, nothing, None],
        "rising": [few, few, few, None, None, None],
        "falling": [few, few, few, single, None, None],
        "flat": ["not-declining", "not-declining", "not-declining", single, None, None],
        "dip": [few, few, few, "not-rising", None, None],
        "absent": [none] * 6,
    }
    assert one(got, "DETECTABLE_AT", "below")["value"] == 0.0
    assert one(got, "FOLD_EXPANSION", "falling")["value"] == 1.0
    assert one(got, "HALF_LIFE", "flat")["known_on_day"] is None


def test_the_window_bounds_what_counts() -> None:
    late = [(60, 6.0), (90, 5.0), (180, 4.0)]
    given = measurements({"A": RISE_AND_FALL + late})
    got = run(
        {
            "EARLY": Profile(take="half_life", of="car"),
            "LATE": Profile(take="half_life", of="car", window=(0.0, 365.0)),
            "MONTH_3": Profile(take="detectable_at", of="car", window=(76.0, 104.0)),
            "MONTH_12": Profile(take="detectable_at", of="car", window=(330.0, 400.0)),
        },
        ["A"],
        measurements=given,
    )
    assert one(got, "EARLY")["value"] == pytest.approx(7.0)
    assert one(got, "LATE")["value"] > 100
    assert one(got, "LATE")["known_on_day"] == 365.0
    assert (one(got, "MONTH_3")["value"], one(got, "MONTH_12")["reason"]) == (1.0, "no-sample")
    assert one(got, "MONTH_3")["source_ids"] == ["car/CAR/A/7"]


def test_a_sample_of_day_0_or_before_is_no_start_of_the_expansion() -> None:
    given = measurements({"A": [(-7, 1.0), (0, 2.0), *RISE_AND_FALL]})
    got = run(specs(window=(-14.0, 28.0)), ["A"], measurements=given)
    assert (one(got, "FOLD_EXPANSION")["value"], one(got, "DOUBLING_TIME")["value"]) == (4.0, pytest.approx(3.0))


def test_a_peak_above_the_upper_limit_leaves_a_bound() -> None:
    given = measurements({"A": [(1, 16.0), (4, 32.0), (7, 64.0, "right"), (14, 32.0), (21, 16.0), (28, 8.0)]})
    got = run(specs(), ["A"], measurements=given)
    assert (one(got, "FOLD_EXPANSION")["value"], one(got, "FOLD_EXPANSION")["censoring"]) == (4.0, "right")
    assert one(got, "AUC_INF")["censoring"] == "right"
    assert (one(got, "HALF_LIFE")["value"], one(got, "HALF_LIFE")["censoring"]) == (pytest.approx(7.0), "none")
    assert one(got, "DOUBLING_TIME")["value"] == pytest.approx(3.0)  # of the two samples below the limit
    both = run(specs(), ["A"], measurements=measurements({"A": [(1, 64.0, "right"), (7, 64.0, "right")]}))
    assert one(both, "FOLD_EXPANSION")["reason"] == "both-censored"


def test_a_family_gives_one_parameter_per_analyte() -> None:
    given = pl.concat(
        [
            measurements({"A": RISE_AND_FALL}, analyte="X"),
            measurements({"A": [(d, 2 * v) for d, v in RISE_AND_FALL]}, analyte="Y"),
        ]
    )
    got = run(specs(each="analyte"), ["A"], measurements=given)
    assert one(got, "AUC_INF.Y")["value"] == pytest.approx(2 * one(got, "AUC_INF.X")["value"], rel=1e-13)
    assert one(got, "HALF_LIFE.Y")["label"] == "Terminal half-life of Y, day 0 to 28"


def test_records_carry_the_codes_of_the_terminology() -> None:
    assert [record(k).testcd for k in KINDS] == ["LAMZ", "LAMZHL", "AUCIFO", None, None, None]
