"""The stage: time courses, censoring end to end, timing, what is refused."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from tests.unit.parameters.frames import measurements, one, rules, run

from correlates.errors import DerivationError
from correlates.parameters import PARAMETERS, record
from correlates.parameters.settings import Blq, Profile, Ratio, Window
from correlates.schema import MEASUREMENTS, conform

KINETICS = {
    k.upper(): Profile(take=k, of="car", at_start="zero")
    for k in ("cmax", "tmax", "auc", "clast", "tlast", "n_quantifiable")
}  # type: ignore[arg-type]


def test_a_profile_by_hand() -> None:
    given = measurements({"A": [(7, 10.0), (14, 40.0), (28, 10.0), (90, 0.5, "left")]})
    got = run(KINETICS, ["A"], measurements=given)
    values = dict(got.parameters.select("code", "value").iter_rows())
    # 7 x 10 / 2 + 7 x 25 + 14 x 30 / ln 4, and 420 / 1.3862944 = 302.965959
    assert values == {
        "CMAX": 40.0,
        "TMAX": 14.0,
        "AUC": pytest.approx(35 + 175 + 302.965959, abs=1e-6),
        "CLAST": 10.0,
        "TLAST": 28.0,
        "N_QUANTIFIABLE": 3.0,
    }
    auc = one(got, "AUC")
    assert (auc["unit"], auc["censoring"], auc["timing"], auc["known_on_day"]) == (
        "day x cells/uL",
        "none",
        "post",
        28.0,
    )
    assert auc["source_ids"] == ["car/CAR/A/0", "car/CAR/A/1", "car/CAR/A/2"]
    assert one(got, "CMAX")["source_ids"] == ["car/CAR/A/1"]
    assert json.loads(auc["rule"])["at_start"] == "zero"
    assert json.loads(auc["rule"])["analyte"] == "CAR"
    assert auc["label"] == "AUC of CAR, day 0 to 28"


def test_one_row_per_subject_and_code_with_reasons() -> None:
    given = measurements({"A": [(0, 1.0), (28, 2.0)], "B": [(0, 1.0, "left"), (28, 1.0, "left")], "C": [(40, 3.0)]})
    got = run(KINETICS, ["C", "A", "B", "D"], measurements=given)
    assert got.parameters["subject_id"].to_list() == ["C", "A", "B", "D"] * 6
    reasons = {s: [one(got, c, s)["reason"] for c in KINETICS] for s in "ABCD"}
    nothing = "nothing-quantifiable"
    assert reasons == {
        "A": [None] * 6,
        "B": [None, nothing, None, nothing, nothing, None],
        "C": ["no-sample"] * 6,
        "D": ["no-sample"] * 6,
    }
    low = one(got, "CMAX", "B")
    assert (low["value"], low["censoring"]) == (1.0, "left")
    area = one(got, "AUC", "B")
    assert (area["value"], area["censoring"]) == (28.0, "left")
    assert one(got, "N_QUANTIFIABLE", "B")["value"] == 0.0
    assert one(got, "AUC", "C")["known_on_day"] is None
    assert "area-quantifiable" in rules(got)


def test_order_of_rows_does_not_matter() -> None:
    given = measurements({"A": [(0, 1.0), (7, 9.0), (14, 3.0), (28, 2.0)], "B": [(1, 5.0), (28, 4.0)]})
    shuffled = given.sample(fraction=1.0, shuffle=True, seed=3)
    ours, theirs = (run(KINETICS, ["A", "B"], measurements=m).parameters for m in (given, shuffled))
    assert ours.equals(theirs)


def test_units_scale_values_and_areas() -> None:
    points = {"A": [(0, 1.0), (7, 9.0), (28, 2.0)]}
    fine = run(KINETICS, ["A"], measurements=measurements(points, unit="pg/mL"))
    coarse = run(KINETICS, ["A"], measurements=measurements(points, unit="ng/mL"))
    assert one(fine, "AUC")["value"] == one(coarse, "AUC")["value"]
    mixed = pl.concat([measurements(points, unit="pg/mL"), measurements({"B": [(3, 2.0)]}, unit="ng/mL")])
    got = run({"CMAX": KINETICS["CMAX"]}, ["A", "B"], measurements=mixed)
    assert (one(got, "CMAX", "B")["value"], one(got, "CMAX", "B")["unit"]) == (2000.0, "pg/mL")


def test_samples_of_one_day_are_averaged_and_said() -> None:
    given = measurements(
        {
            "A": [
                (0, 1.0),
                (7, 8.0),
                (7, 4.0),
                (14, 3.0, "left"),
                (14, 5.0),
                (21, 2.0, "left"),
                (21, 4.0, "left"),
                (28, 1.0),
            ]
        }
    )
    specs = {
        "P7": Window(take="at_day", of="car", window=(7, 7)),
        "P14": Window(take="at_day", of="car", window=(14, 14)),
        "P21": Window(take="at_day", of="car", window=(21, 21)),
    }
    got = run(specs, ["A"], measurements=given)
    assert [(one(got, c)["value"], one(got, c)["censoring"]) for c in specs] == [
        (6.0, "none"),
        (5.0, "none"),
        (3.0, "left"),
    ]
    assert one(got, "P7")["source_ids"] == ["car/CAR/A/1", "car/CAR/A/2"]
    assert one(got, "P14")["source_ids"] == ["car/CAR/A/4"]
    checks = got.checks.filter(pl.col("rule") == "one-sample-per-day")
    assert checks.height == 3
    assert checks["found"].to_list()[0] == "2 samples on day 7"


def test_excluded_undated_and_foreign_measurements_take_no_part() -> None:
    given = measurements({"A": [(0, 1.0), (7, 9.0), (28, 2.0), (None, 99.0)], "Z": [(7, 50.0)]})
    given = given.with_columns(status=pl.when(pl.col("value") == 9).then(pl.lit("excluded")).otherwise("status"))
    got = run({"CMAX": KINETICS["CMAX"]}, ["A"], measurements=given)
    assert one(got, "CMAX")["value"] == 2.0
    left_out = got.checks.filter(pl.col("rule").is_in(["study-day-known", "subject-known"]))
    assert set(left_out.select("item", "rule").iter_rows()) == {("A", "study-day-known"), ("Z", "subject-known")}


def test_peak_at_the_edge_and_under_a_limit_are_said() -> None:
    given = measurements({"A": [(0, 1.0), (28, 9.0)], "B": [(0, 20.0, "left"), (7, 9.0), (28, 2.0)]})
    got = run({"CMAX": KINETICS["CMAX"]}, ["A", "B"], measurements=given)
    assert rules(got) == ["peak-above-limits", "peak-inside-profile"]
    assert (one(got, "CMAX", "B")["value"], one(got, "CMAX", "B")["censoring"]) == (9.0, "none")


def test_an_area_that_needs_a_later_sample_is_known_with_it() -> None:
    given = measurements({"A": [(0, 4.0), (21, 4.0), (60, 4.0)], "B": [(0, 4.0), (21, 4.0)]})
    got = run({"AUC": KINETICS["AUC"]}, ["A", "B"], measurements=given)
    assert (one(got, "AUC")["value"], one(got, "AUC")["known_on_day"]) == (pytest.approx(112.0), 60.0)
    assert one(got, "AUC", "B")["reason"] == "window-not-covered"
    assert rules(got) == ["area-end-interpolated", "window-covered"]
    told = got.checks.row(by_predicate=pl.col("rule") == "area-end-interpolated", named=True)
    assert (told["item"], told["value"], told["action"]) == ("A", pytest.approx(0.25), "flagged")  # 7 of 28 days
    cut = run({"AUC": Profile(take="auc", of="car", at_end="stop_at_last")}, ["B"], measurements=given)
    assert one(cut, "AUC", "B")["value"] == pytest.approx(84.0)
    assert ("area-of-whole-window", "AUC: area of day 0 to 21") in cut.checks.select("rule", "found").rows()
    short = measurements({"A": [(0, 4.0), (24, 4.0), (60, 4.0)], "B": [(0, 4.0), (21, 4.0), (28, 4.0)]})
    assert rules(run({"AUC": KINETICS["AUC"]}, ["A", "B"], measurements=short)) == []


def test_rules_below_the_limit_are_settings() -> None:
    given = measurements({"A": [(0, 8.0), (14, 2.0, "left"), (28, 8.0)]})
    values = [
        one(
            run({"AUC": Profile(take="auc", of="car", rule="linear", blq=Blq(between=b))}, ["A"], measurements=given),
            "AUC",
        )["value"]
        for b in ("zero", "half", "limit", "drop")
    ]
    assert values == pytest.approx([112.0, 126.0, 140.0, 224.0])


def test_above_the_upper_limit_goes_through() -> None:
    given = measurements({"A": [(0, 1.0), (7, 100.0, "right"), (28, 1.0)]})
    got = run(KINETICS | {"SHARE": Ratio(take="ratio", of=("CMAX", "CLAST"))}, ["A"], measurements=given)
    assert [one(got, c)["censoring"] for c in ("CMAX", "AUC", "CLAST", "SHARE")] == ["right", "right", "none", "right"]


@pytest.mark.parametrize(
    ("base", "top", "value", "censoring", "reason"),
    [
        ((-3, 4.0), (3, 20.0), 5.0, "none", None),
        ((-3, 4.0, "left"), (3, 20.0), 5.0, "right", None),
        ((-3, 4.0), (3, 20.0, "left"), 5.0, "left", None),
        ((-3, 4.0), (3, 20.0, "right"), 5.0, "right", None),
        ((-3, 4.0, "right"), (3, 20.0), 5.0, "left", None),
        ((-3, 4.0, "left"), (3, 4.0, "left"), None, None, "both-censored"),
        ((-3, 0.0), (3, 4.0), None, None, "denominator-not-positive"),
        ((-30, 1.0), (3, 4.0), None, None, "no-sample"),
    ],
)
def test_fold_change(base: Any, top: Any, value: Any, censoring: Any, reason: Any) -> None:
    given = measurements({"A": [base, top]})
    got = one(run({"FC": Window(take="fold_change", of="car")}, ["A"], measurements=given), "FC")
    assert (got["value"], got["censoring"], got["reason"], got["unit"]) == (value, censoring, reason, "ratio")


def test_families_and_timing() -> None:
    points = {"A": [(-5.0, 1.0), (0.0, 2.0), (4.0, 9.0)]}
    given = pl.concat([measurements(points, assay="cyt", analyte=a, unit="pg/mL") for a in ("IL6", "IL15")])
    specs = {
        "BASE": Window(take="baseline", of="cyt", each="analyte", window=(-14, -1)),
        "DAY0": Window(take="at_day", of="cyt", each="analyte", window=(0, 0), label="Day 0"),
        "PEAK": Window(take="peak", of="cyt", each="analyte"),
        "FOLD": Ratio(take="ratio", of=("PEAK.IL6", "BASE.IL6")),
    }
    got = run(specs, ["A"], measurements=given)
    assert got.parameters["code"].to_list() == [
        "BASE.IL15",
        "BASE.IL6",
        "DAY0.IL15",
        "DAY0.IL6",
        "PEAK.IL15",
        "PEAK.IL6",
        "FOLD",
    ]
    seen = {
        c: (one(got, c)["timing"], one(got, c)["known_on_day"], one(got, c)["day"])
        for c in ("BASE.IL6", "DAY0.IL6", "PEAK.IL6", "FOLD")
    }
    assert seen == {
        "BASE.IL6": ("baseline", -1.0, -5.0),
        "DAY0.IL6": ("day 0", 0.0, 0.0),
        "PEAK.IL6": ("post", 28.0, 4.0),
        "FOLD": ("post", 28.0, 4.0),
    }
    assert one(got, "DAY0.IL15")["label"] == "Day 0, IL15"
    assert one(got, "FOLD")["value"] == 9.0
    assert one(got, "FOLD")["source_ids"] == ["PEAK.IL6@A", "BASE.IL6@A"]


def test_every_problem_is_told_at_once() -> None:
    given = measurements({"A": [(0, 1.0)]})
    specs = {
        "X": Ratio(take="ratio", of=("Y", "CMX")),
        "Y": Ratio(take="ratio", of=("X", "CMAX")),
        "CMAX": Profile(take="cmax", of="carr"),
        "BASE": Window(take="baseline", of="car"),
        "BACK": Profile(take="cmax", of="car", window=(28, 0), analyte="CAAR"),
    }
    with pytest.raises(DerivationError) as caught:
        run(specs, ["A"], measurements=given)
    assert {p.code for p in caught.value.problems} == {
        "unknown-parameter",
        "circular-parameters",
        "unknown-assay",
        "baseline-after-infusion",
        "empty-window",
        "unknown-analyte",
    }
    assert "Did you mean 'CMAX'" in str(caught.value)


def test_units_that_do_not_convert_are_refused() -> None:
    mixed = pl.concat([measurements({"A": [(0, 1.0)]}), measurements({"B": [(0, 1.0)]}, unit="copies/ug DNA")])
    with pytest.raises(DerivationError) as caught:
        run({"CMAX": KINETICS["CMAX"]}, ["A", "B"], measurements=mixed)
    assert [p.code for p in caught.value.problems] == ["units-do-not-convert"]


def test_an_analyte_must_be_named_where_there_are_several() -> None:
    given = pl.concat([measurements({"A": [(0, 1.0)]}, analyte=a) for a in ("CAR", "RPP30")])
    with pytest.raises(DerivationError, match="does not say which analyte"):
        run({"CMAX": KINETICS["CMAX"]}, ["A"], measurements=given)
    got = run({"CMAX": Profile(take="cmax", of="car", analyte="CAR")}, ["A"], measurements=given)
    assert one(got, "CMAX")["value"] == 1.0


def test_nothing_asked_gives_empty_tables() -> None:
    got = run({}, ["A"], measurements=MEASUREMENTS.empty())
    assert (got.parameters.height, got.checks.height) == (0, 0)


def test_negative_values_are_zero_in_an_area_and_said() -> None:
    got = run({"AUC": KINETICS["AUC"]}, ["A"], measurements=measurements({"A": [(0, -2.0), (28, 10.0)]}))
    assert one(got, "AUC")["value"] == pytest.approx(140.0)
    assert rules(got) == ["area-not-negative"]


def test_records_are_whole_and_unique() -> None:
    kinds = [p.kind for p in PARAMETERS]
    assert len(set(kinds)) == len(kinds)
    assert record("auc").testcd == "AUCINT"
    assert all(p.formula and p.citation and p.docs.endswith(".md") for p in PARAMETERS)
    with pytest.raises(KeyError):
        record("nonesuch")


def test_the_frames_of_these_tests_are_measurements() -> None:
    conform(measurements({"A": [(0, 1.0)]}), MEASUREMENTS)


EVERY_WINDOW = {
    "PEAK": Window(take="peak", of="car"),
    "FOLD": Window(take="fold_change", of="car"),
    "DAY": Window(take="at_day", of="car", window=(0, 0)),
    "R": Ratio(take="ratio", of=("CMAX", "PEAK")),
}


def test_no_subject_and_no_dated_sample() -> None:
    given = measurements({"A": [(None, 1.0), (None, 2.0)]})
    got = run(KINETICS | EVERY_WINDOW, ["A", "B"], measurements=given)
    # a ratio passes the reason of its numerator on
    assert set(got.parameters.select("subject_id", "reason").iter_rows()) == {("A", "no-study-day"), ("B", "no-sample")}
    assert got.parameters.height == 20
    none = run(KINETICS | EVERY_WINDOW, [], measurements=given)
    assert none.parameters.height == 0


def test_one_sample_and_a_value_at_the_limit() -> None:
    got = run(KINETICS, ["A"], measurements=measurements({"A": [(7, 10.0)]}))
    assert one(got, "AUC")["reason"] == "fewer-than-two-quantifiable"
    # exactly at the limit is quantified: the quantification says so by its censoring, the number alone does not
    at_limit = run(KINETICS, ["A"], measurements=measurements({"A": [(0, 10.0), (7, 10.0, "left"), (28, 10.0)]}))
    assert one(at_limit, "N_QUANTIFIABLE")["value"] == 2.0
    assert (one(at_limit, "CMAX")["value"], one(at_limit, "CMAX")["censoring"]) == (10.0, "none")
    assert "peak-above-limits" not in rules(at_limit)
