"""Immunoassays on small plates: every rule, every way a value can be missing or censored."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from tests.unit.quantify.beads import SERIES, bead_wells, sample, signal_at, standards

from correlates.errors import InputError, PlanError
from correlates.quantify.immunoassay import IMMUNOASSAY, quantify_immunoassay
from correlates.quantify.record import Quantified
from correlates.quantify.settings import CalibrationLimits, Immunoassay, Standards
from correlates.schema import PRODUCT, SAMPLES


def run(wells: pl.DataFrame, manifest: pl.DataFrame | None = None, **settings: Any) -> Quantified:
    files = settings.pop("files", {})
    return quantify_immunoassay(
        "cytokines",
        wells,
        SAMPLES.empty() if manifest is None else manifest,
        PRODUCT.empty(),
        Immunoassay(files=("*",), **settings),
        files,
    )


def one(made: Quantified, sample_id: str = "S1") -> dict[str, Any]:
    return made.measurements.filter(sample_id=sample_id).row(0, named=True)


def checks(made: Quantified, rule: str) -> list[dict[str, Any]]:
    return made.checks.filter(rule=rule).to_dicts()


def test_a_sample_between_the_standards() -> None:
    made = run(bead_wells([*standards(noise=(1.0, 1.0)), *sample("S1", 100.0, 100.0)]))
    row = one(made)
    assert row["measurement_id"] == "cytokines/IL-6/S1"
    assert row["value"] == row["estimate"] == pytest.approx(100.0, rel=1e-6)
    assert (row["unit"], row["censoring"], row["status"], row["reason"]) == ("pg/mL", "none", "reported", None)
    assert (row["lloq"], row["uloq"]) == (SERIES[-1], SERIES[0])
    assert row["lower"] <= row["value"] <= row["upper"]
    assert (row["method"], row["n_replicates"], row["cv"]) == ("logistic_5pl", 2, pytest.approx(0.0, abs=1e-6))
    assert row["curve_id"] == "cytokines/f1/P1/IL-6"
    assert row["source_ids"] == ["f1/P1/A3/IL-6 (pg/mL)", "f1/P1/B3/IL-6 (pg/mL)"]


def test_the_curve_is_told_with_its_standards() -> None:
    made = run(bead_wells([*standards(), *sample("S1", 100.0)]))
    curve = made.curves.row(0, named=True)
    assert (curve["model"], curve["accepted"], curve["n_levels"], curve["n_wells"], curve["df"]) == (
        "5PL",
        True,
        8,
        16,
        11.0,
    )
    assert set(json.loads(curve["parameters"])) == set("ABCDG")
    assert len(json.loads(curve["covariance"])) == 5
    points = made.curve_points
    assert points.height == 16
    assert points["used"].all()
    assert points["recovery"].is_between(90, 110).all()


def test_the_mean_signal_is_read_off_not_the_mean_of_concentrations() -> None:
    low, high = float(signal_at(60.0)), float(signal_at(140.0))
    made = run(bead_wells([*standards(noise=(1.0, 1.0)), *sample("S1", 60.0, 140.0)]), max_cv=100.0)
    row = one(made)
    assert float(signal_at(row["estimate"])) == pytest.approx((low + high) / 2, rel=1e-6)
    assert row["cv"] == pytest.approx(100 * 56.568542494923804 / 100.0, rel=1e-5)  # sd of 60 and 140 over their mean


def test_beyond_the_limits_the_value_is_the_limit_and_the_estimate_stays() -> None:
    made = run(
        bead_wells([*standards(noise=(1.0, 1.0)), *sample("low", 0.2, 0.2), *sample("high", 30_000.0, 30_000.0)]),
        dilution=2.0,
    )
    low, high = one(made, "low"), one(made, "high")
    assert (low["value"], low["censoring"]) == (2 * SERIES[-1], "left")
    assert low["estimate"] == pytest.approx(0.4, rel=1e-4)
    assert (high["value"], high["censoring"]) == (2 * SERIES[0], "right")
    assert high["estimate"] == pytest.approx(60_000.0, rel=1e-4)
    assert (low["lower"], high["upper"]) == (None, None)


@pytest.mark.parametrize(("signal", "censoring"), [(1.0, "left"), (-5.0, "left"), (90_000.0, "right")])
def test_a_signal_beyond_the_asymptotes_is_censored_without_an_estimate(signal: float, censoring: str) -> None:
    made = run(bead_wells([*standards(noise=(1.0, 1.0)), {"sample_id": "S1", "signal": signal}]))
    row = one(made)
    assert (row["censoring"], row["estimate"], row["reason"]) == (censoring, None, None)
    assert row["value"] == (SERIES[-1] if censoring == "left" else SERIES[0])


def test_declared_limits_override_those_of_the_curve() -> None:
    made = run(
        bead_wells([*standards(noise=(1.0, 1.0)), *sample("S1", 5.0)]), lloq={"IL-6": 10.0}, uloq={"IL-6": 5_000.0}
    )
    row = one(made)
    assert (row["value"], row["censoring"], row["lloq"], row["uloq"]) == (10.0, "left", 10.0, 5_000.0)
    assert made.curves["lowest"].item() == SERIES[-1]
    assert checks(made, "declared_limits")[0]["passed"]


def test_a_declared_limit_below_the_standards_is_named() -> None:
    made = run(bead_wells([*standards(), *sample("S1", 50.0)]), lloq={"IL-6": 0.01})
    assert not checks(made, "declared_limits")[0]["passed"]


@pytest.mark.parametrize(
    ("declared", "by_hand", "stated", "expected", "source"),
    [
        (10.0, 4.0, 2.0, 10.0, "declared"),
        (None, 4.0, 2.0, 4.0, "samples.dilution"),
        (None, None, 2.0, 2.0, "the file"),
        (None, None, None, 1.0, "none stated"),
    ],
)
def test_dilution(
    declared: float | None, by_hand: float | None, stated: float | None, expected: float, source: str
) -> None:
    manifest = SAMPLES.frame(
        [{"sample_id": "S1", "subject_id": "001", "study_day": 7.0, "nominal_day": 7.0, "dilution": by_hand}]
    )
    made = run(
        bead_wells([*standards(noise=(1.0, 1.0)), *sample("S1", 100.0, dilution=stated)]), manifest, dilution=declared
    )
    row = one(made)
    assert row["value"] == pytest.approx(100.0 * expected, rel=1e-6)
    assert (row["lloq"], row["subject_id"], row["study_day"]) == (SERIES[-1] * expected, "001", 7.0)
    last = json.loads(row["chain"])[-1]
    assert (last["factor"], last["value"], last["source"]) == ("dilution", expected, source)


def test_units_of_the_file_are_converted() -> None:
    rows = [{**r, "nominal": r["nominal"] / 1000.0, "nominal_unit": "ng/mL"} for r in standards(noise=(1.0, 1.0))]  # type: ignore[operator]
    made = run(bead_wells([*rows, *sample("S1", 100.0)], target="IL-6"))
    assert one(made)["value"] == pytest.approx(100.0, rel=1e-6)
    assert one(made)["unit"] == "pg/mL"


def test_a_unit_of_another_dimension_is_refused() -> None:
    rows = [{**r, "nominal_unit": "U/mL"} for r in standards()]
    with pytest.raises(InputError, match="U/mL, which is no pg/mL"):
        run(bead_wells([*rows, *sample("S1", 100.0)]))


def test_an_unknown_unit_is_taken_as_the_declared_one_and_named() -> None:
    rows = [{**r, "nominal_unit": "arbitrary"} for r in standards()]
    made = run(bead_wells([*rows, *sample("S1", 100.0)]))
    assert one(made)["value"] is not None
    assert checks(made, "unit_known")[0]["found"] == "arbitrary"


def test_names_of_the_analysis() -> None:
    made = run(bead_wells([*standards(), *sample("S1", 100.0)]), analytes={"IL6": ("IL-6",), "TNF": ("TNF-a",)})
    assert one(made)["analyte"] == "IL6"
    assert checks(made, "target_found")[0]["target"] == "TNF"


def test_two_names_of_one_analyte_in_one_well() -> None:
    wells = pl.concat([bead_wells(standards()), bead_wells(standards(), target="IL-6 HS")])
    with pytest.raises(InputError, match="more than once"):
        run(wells, analytes={"IL6": ("IL-6", "IL-6 HS")})


def test_few_beads_leave_the_well_out() -> None:
    rows = [*standards(noise=(1.0, 1.0)), *sample("S1", 100.0), *sample("S1", 400.0, count=12)]
    row = one(run(bead_wells(rows)))
    assert (row["n_replicates"], row["value"]) == (1, pytest.approx(100.0, rel=1e-6))
    assert "1 of 2 wells with fewer than 30 beads" in row["detail"]


@pytest.mark.parametrize("on_failure", ["flag", "exclude"])
def test_few_beads_in_every_well(on_failure: str) -> None:
    made = run(bead_wells([*standards(noise=(1.0, 1.0)), *sample("S1", 100.0, count=12)]), on_failure=on_failure)
    row = one(made)
    if on_failure == "exclude":
        assert (row["value"], row["reason"]) == (None, "too-few-beads")
    else:
        assert row["value"] == pytest.approx(100.0, rel=1e-6)
        assert "used all the same" in row["detail"]
    verdict = next(c for c in checks(made, "bead_count") if c["scope"] == "sample")
    assert verdict["action"] == {"flag": "flagged", "exclude": "excluded"}[on_failure]


def test_a_standard_with_few_beads_is_no_part_of_the_fit() -> None:
    rows = standards(noise=(1.0, 1.0))
    rows[0] = {**rows[0], "signal": 5.0, "count": 3}
    made = run(bead_wells([*rows, *sample("S1", 100.0)]))
    assert one(made)["value"] == pytest.approx(100.0, rel=1e-6)
    left_out = made.curve_points.filter(~pl.col("used"))
    assert left_out["reason"].to_list() == ["3 beads"]


@pytest.mark.parametrize(("on_failure", "status"), [("flag", "reported"), ("exclude", "excluded")])
def test_replicates_that_differ(on_failure: str, status: str) -> None:
    made = run(bead_wells([*standards(), *sample("S1", 50.0, 150.0)]), on_failure=on_failure)
    row = one(made)
    assert row["status"] == status
    assert row["reason"] == ("sample-failed" if status == "excluded" else None)
    assert row["value"] is not None
    assert {c["scope"]: c["passed"] for c in checks(made, "replicate_cv")} == {"plate": False, "sample": False}


@pytest.mark.parametrize("rule", ["exclude", "correct", "keep"])
def test_a_lost_decimal_mark(rule: str) -> None:
    wells = bead_wells([*standards(noise=(1.0, 1.0), typed={3: SERIES[3] * 10}), *sample("S1", 100.0)])
    made = run(wells, standards=Standards(on_impossible=rule))  # type: ignore[arg-type]
    found = checks(made, "expected_concentration")
    assert len(found) == 1
    assert found[0]["item"] == "f1/P1/Standard4"
    assert found[0]["value"] == SERIES[3] * 10
    assert found[0]["action"] == {"exclude": "excluded", "correct": "corrected", "keep": "kept"}[rule]
    assert len(found[0]["source_ids"]) == 2
    curve = made.curves.row(0, named=True)
    assert curve["n_levels"] == (7 if rule == "exclude" else 8)
    if rule == "keep":
        assert abs(one(made)["estimate"] / 100.0 - 1) > 0.02
    else:
        assert one(made)["value"] == pytest.approx(100.0, rel=1e-6)


def test_the_check_of_expected_concentrations_can_be_left_out() -> None:
    wells = bead_wells([*standards(typed={3: SERIES[3] * 10}), *sample("S1", 100.0)])
    assert checks(run(wells, standards=Standards(check=False)), "expected_concentration") == []


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "no standard well that can be used"),
        (standards(SERIES[:2]), "2 standard levels for 5 parameters"),
        ([{**r, "signal": 500.0} for r in standards()], "all standards have one signal"),
        ([{**r, "signal": None, "flag": "missing"} for r in standards()], "no standard well that can be used"),
        ([{**r, "signal": -3.0} for r in standards()], "no standard well that can be used"),
        ([{**r, "nominal": None} for r in standards()], "no standard well that can be used"),
    ],
)
def test_no_curve(rows: list[dict[str, object]], why: str) -> None:
    made = run(bead_wells([*rows, *sample("S1", 100.0)]))
    row = one(made)
    assert (row["value"], row["censoring"], row["estimate"], row["reason"]) == (None, None, None, "no-curve")
    assert row["detail"] == why
    assert not made.curves["accepted"].item()
    assert made.curves["parameters"].item() is None


def test_saturated_standards_lie_outside_the_limits() -> None:
    """The two highest standards read the same: the curve is flat there, and the upper limit comes down."""
    rows = standards(noise=(0.98, 1.02))
    for k in range(6):
        rows[k] = {**rows[k], "signal": 25_000.0 * (1.02 if k % 2 else 0.98)}
    made = run(bead_wells([*rows, *sample("S1", 20.0), *sample("high", 9_000.0)]), limits=CalibrationLimits(levels=4))
    assert made.curves["highest"].item() < SERIES[1]
    assert one(made)["censoring"] == "none"
    assert one(made, "high")["censoring"] == "right"


@pytest.mark.parametrize("on_failure", ["flag", "exclude"])
def test_a_falling_curve_quantifies_nothing(on_failure: str) -> None:
    falling = (20.0, -1.1, 2_000.0, 30_000.0, 0.9)
    made = run(bead_wells([*standards(curve=falling), {"sample_id": "S1", "signal": 9_000.0}]), on_failure=on_failure)
    row = one(made)
    assert (row["value"], row["reason"]) == (None, "plate-failed")
    assert not checks(made, "rising")[0]["passed"]


def test_a_curve_with_too_few_good_levels() -> None:
    rows = standards(SERIES[:5], noise=(1.0, 1.0))
    flagged = run(bead_wells([*rows, *sample("S1", 100.0)]), curve="4PL")
    assert not flagged.curves["accepted"].item()
    assert one(flagged)["value"] is not None
    assert "plate rules not met: levels" in one(flagged)["detail"]
    excluded = run(bead_wells([*rows, *sample("S1", 100.0)]), curve="4PL", on_failure="exclude")
    assert (one(excluded)["status"], one(excluded)["reason"]) == ("excluded", "plate-failed")


def test_missing_signals() -> None:
    made = run(bead_wells([*standards(), {"sample_id": "S1", "signal": None, "flag": "missing"}]))
    assert (one(made)["reason"], one(made)["detail"]) == (
        "signal-missing",
        "no usable signal in 1 of 1 wells; instrument: missing",
    )


def test_an_omitted_well_is_not_used() -> None:
    made = run(bead_wells([*standards(noise=(1.0, 1.0)), *sample("S1", 100.0), *sample("S1", 900.0, flag="omitted")]))
    assert one(made)["value"] == pytest.approx(100.0, rel=1e-6)


@pytest.mark.parametrize(
    ("ranges", "quantity", "passed"),
    [
        ({}, 240.0, True),
        ({}, 400.0, False),
        ({"Control Range - Low": "100", "Control Range - High": "500"}, 400.0, True),
    ],
)
def test_controls(ranges: dict[str, str], quantity: float, passed: bool) -> None:
    control = [
        {
            "role": "qc",
            "sample_id": "Control1",
            "nominal": 250.0,
            "signal": float(signal_at(quantity)),
            "extras": json.dumps(ranges),
        }
    ]
    made = run(bead_wells([*standards(noise=(1.0, 1.0)), *control, *sample("S1", 100.0)]))
    verdict = checks(made, "control")
    assert [c["passed"] for c in verdict] == [passed]
    assert verdict[0]["value"] == pytest.approx(quantity, rel=1e-6)
    point = made.curve_points.filter(role="qc").row(0, named=True)
    assert point["recovery"] == pytest.approx(100 * quantity / 250.0, rel=1e-6)
    assert not point["used"]


def test_background_is_subtracted_where_asked_for() -> None:
    blanks = [{"role": "blank", "sample_id": "Background0", "signal": s} for s in (18.0, 22.0)]
    wells = bead_wells([*standards(noise=(1.0, 1.0)), *blanks, *sample("S1", 100.0)])
    made = run(wells, background="subtract_blank")
    assert one(made)["value"] == pytest.approx(100.0, rel=1e-4)
    assert made.curve_points["signal"].max() == pytest.approx(float(signal_at(SERIES[0])) - 20.0)
    assert checks(made, "background")[0]["value"] == 20.0
    without = run(bead_wells([*standards(), *sample("S1", 100.0)]), background="subtract_blank")
    assert not checks(without, "background")[0]["passed"]


def test_a_sample_on_two_plates_takes_the_last_by_file_name() -> None:
    first = bead_wells([*standards(noise=(1.0, 1.0)), *sample("S1", 100.0)], file="zz", plate="P1")
    second = bead_wells([*standards(noise=(1.0, 1.0)), *sample("S1", 300.0)], file="aa", plate="P1")
    files = {"zz": "plate_2.csv", "aa": "plate_10.csv"}
    made = run(pl.concat([first, second]), files=files)
    assert one(made)["value"] == pytest.approx(300.0, rel=1e-6)
    assert made.measurements.height == 1
    verdict = checks(made, "one_plate")[0]
    assert not verdict["passed"]
    assert "cytokines/aa/P1/IL-6" in verdict["required"]


def test_a_plate_that_failed_gives_way_to_one_that_did_not() -> None:
    good = bead_wells([*standards(noise=(1.0, 1.0)), *sample("S1", 100.0)], file="a")
    bad = bead_wells([*standards(SERIES[:2]), *sample("S1", 300.0)], file="b")
    made = run(pl.concat([good, bad]), files={"a": "1.csv", "b": "2.csv"})
    assert one(made)["value"] == pytest.approx(100.0, rel=1e-6)


def test_of_two_dilutions_the_one_within_the_limits() -> None:
    rows = [
        *standards(noise=(1.0, 1.0)),
        *sample("S1", 20_000.0, dilution=1.0),
        *sample("S1", 2_000.0, dilution=10.0),
        *sample("S2", 100.0, dilution=1.0),
        *sample("S2", 10.0, dilution=10.0),
    ]
    made = run(bead_wells(rows))
    assert (one(made)["censoring"], one(made)["value"]) == ("none", pytest.approx(20_000.0, rel=1e-6))
    assert json.loads(one(made, "S2")["chain"])[-1]["value"] == 1.0
    assert len(checks(made, "one_dilution")) == 2


def test_wells_without_a_name_and_samples_outside_the_manifest_are_named() -> None:
    made = run(bead_wells([*standards(), *sample("S1", 100.0), {"signal": 800.0}]))
    assert len(checks(made, "sample_named")) == 1
    assert checks(made, "in_manifest")[0]["item"] == "S1"


def test_signals_of_another_kind_are_left_out() -> None:
    made = run(
        bead_wells([*standards(), *sample("S1", 100.0), {"sample_id": "S2", "signal": 25.0, "signal_kind": "cq"}])
    )
    assert made.measurements["sample_id"].to_list() == ["S1"]
    assert checks(made, "signal_kind")[0]["found"] == "cq"


def test_no_wells() -> None:
    made = run(bead_wells([]))
    assert (made.measurements.height, made.curves.height, made.curve_points.height, made.checks.height) == (0, 0, 0, 0)


def test_auto_takes_four_parameters_where_five_say_no_more() -> None:
    symmetric = (30_000.0, -1.0, 900.0, 20.0, 1.0)
    noise = (0.97, 1.03)
    rows = standards(noise=noise, curve=symmetric)
    made = run(bead_wells([*rows, *sample("S1", 100.0)]), curve="auto")
    assert made.curves["model"].item() == "4PL"
    assert one(made)["method"] == "logistic_4pl"
    lopsided = standards(noise=noise, curve=(30_000.0, -0.6, 100.0, 20.0, 3.0))
    assert run(bead_wells([*lopsided, *sample("S1", 100.0)]), curve="auto").curves["model"].item() == "5PL"


@pytest.mark.parametrize(
    "settings",
    [
        {"dilution": 0.0},
        {"max_cv": -1.0},
        {"lloq": {"IL-6": 0.0}},
        {"lloq": {"IL-6": 10.0}, "uloq": {"IL-6": 5.0}},
        {"standards": Standards(tolerance=1.0)},
        {"unit": "furlong"},
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any]) -> None:
    with pytest.raises(PlanError):
        run(bead_wells(standards()), **settings)


def test_every_method_is_in_the_record() -> None:
    made = run(bead_wells([*standards(), *sample("S1", 100.0)]))
    assert set(made.measurements["method"]) <= set(IMMUNOASSAY.methods)
