"""qPCR on small plates: every rule, every way a value can be missing or censored."""

from __future__ import annotations

import json
import math
from typing import Any

import polars as pl
import pytest
from tests.unit.quantify.plates import (
    INTERCEPT,
    LEVELS,
    cq_wells,
    exact_cq,
    exact_standards,
    manifest,
    no_template,
)

from correlates.errors import InputError, PlanError
from correlates.quantify import Quantified, quantify
from correlates.quantify.settings import CurveRules, Qpcr, ReplicateRules, Step
from correlates.schema import PRODUCT, SAMPLES

PER_UG = (Step(divide_by="samples.dna_ng", scale=1000.0, gives="copies/ug DNA"),)


def wells_of(sample: str, *quantities: float | None) -> list[dict[str, object]]:
    return [{"sample_id": sample, "signal": None if q is None else exact_cq(q)} for q in quantities]


def run(wells: pl.DataFrame, samples: pl.DataFrame | None = None, **settings: Any) -> Quantified:
    declared = {"files": (), "targets": {"CAR": ("CAR",)}, **settings}
    return quantify("q", wells, SAMPLES.empty() if samples is None else samples, PRODUCT.empty(), Qpcr(**declared))


def plate(*unknowns: dict[str, object], **where: str) -> pl.DataFrame:
    return cq_wells([*exact_standards(), *no_template(), *unknowns], **where)


def only(made: Quantified) -> dict[str, Any]:
    assert made.measurements.height == 1
    return made.measurements.row(0, named=True)


def failed(made: Quantified) -> dict[str, str]:
    """Rule: action, of the checks that did not pass (that the tests have no manifest is not news)."""
    rows = made.checks.filter(~pl.col("passed") & (pl.col("rule") != "in_manifest"))
    return dict(rows.select("rule", "action").iter_rows())


def test_an_exact_plate_gives_back_what_was_put_in() -> None:
    made = run(plate(*wells_of("A", 5000, 5000, 5000)))
    row = only(made)
    assert row["value"] == pytest.approx(5000, rel=1e-9)
    assert row["estimate"] == row["value"]
    assert row["lower"] < 5000 < row["upper"]
    assert row["upper"] / row["lower"] < 1.2  # nothing but the sampling of molecules, in the standards too
    assert row["censoring"] == "none"
    assert row["status"] == "reported"
    assert row["n_replicates"] == 3
    assert row["cv"] == pytest.approx(0, abs=1e-9)
    assert row["measurement_id"] == "q/CAR/A"
    assert row["curve_id"] == "q/f1/P1/CAR"
    assert len(row["source_ids"]) == 3
    assert failed(made) == {}
    assert made.curves["accepted"].to_list() == [True]


def test_every_plate_rule_leaves_a_row() -> None:
    made = run(plate(*wells_of("A", 5000, 5000, 5000)))
    rules = made.checks.filter(scope="plate")["rule"].to_list()
    assert set(rules) == {
        "curve", "slope", "efficiency", "r_squared", "levels", "accuracy", "ntc", "ntc_present", "lloq_within_standards",
    }  # fmt: skip
    assert len(rules) == 9


def test_all_undetermined_is_left_censored_at_the_limit_without_an_estimate() -> None:
    row = only(run(plate(*wells_of("A", None, None, None)), manifest(["A"], dna_ng=100.0), chain=PER_UG))
    assert row["censoring"] == "left"
    assert row["value"] == row["lloq"] == pytest.approx(100.0)  # 10 copies in 0.1 ug
    assert row["estimate"] is None
    assert row["lower"] is None
    assert row["n_replicates"] == 3
    assert row["detail"] == "no Cq in 3 of 3 wells"
    assert json.loads(row["chain"])[0]["factor"] == "lower limit of quantification"


def test_below_the_limit_is_left_censored_and_keeps_its_estimate() -> None:
    row = only(run(plate(*wells_of("A", 4, 4, 4))))
    assert (row["censoring"], row["value"]) == ("left", 10.0)
    assert row["estimate"] == pytest.approx(4.0)
    assert row["lower"] < 4 < row["upper"]


def test_at_the_limit_is_quantified() -> None:
    row = only(run(plate(*wells_of("A", 100, 100, 100)), lloq=99.9999999))
    assert row["censoring"] == "none"


def test_above_the_highest_standard_is_right_censored() -> None:
    row = only(run(plate(*wells_of("A", 4e6, 4e6)), manifest(["A"], dna_ng=50.0), chain=PER_UG))
    assert (row["censoring"], row["value"]) == ("right", pytest.approx(2e7))
    assert row["estimate"] == pytest.approx(8e7)
    declared = only(run(plate(*wells_of("A", 4e6, 4e6)), uloq=1e7))
    assert (declared["censoring"], declared["uloq"]) == ("none", 1e7)


def test_some_undetermined_below_the_limit_counts_them_as_no_copies() -> None:
    made = run(plate(*wells_of("A", 6, None, None)))
    row = only(made)
    assert (row["censoring"], row["value"]) == ("left", 10.0)
    assert row["estimate"] == pytest.approx(2.0)
    assert row["n_replicates"] == 3
    assert "replicate_detection" not in failed(made)


@pytest.mark.parametrize(("on_failure", "status"), [("flag", "reported"), ("exclude", "excluded")])
def test_an_undetermined_well_beside_a_quantity_is_never_silent(on_failure: str, status: str) -> None:
    made = run(plate(*wells_of("A", 5000, 5000, None)), replicates=ReplicateRules(on_failure=on_failure))  # type: ignore[arg-type]
    row = only(made)
    assert row["status"] == status
    assert row["estimate"] == pytest.approx(5000)
    assert row["n_replicates"] == 2
    assert failed(made) == {"replicate_detection": "excluded" if on_failure == "exclude" else "flagged"}
    assert "no Cq in 1 of 3 wells" in row["detail"]
    assert row["reason"] == ("sample-failed" if on_failure == "exclude" else None)


@pytest.mark.parametrize(
    ("standards", "why"),
    [
        ([], "no standard well with a Cq and a nominal quantity"),
        (exact_standards((1e5, 1e3), wells=1), "2 standard wells on 2 levels"),
        (exact_standards((1e4,), wells=4), "4 standard wells on 1 levels"),
        (exact_standards(slope=0.0), "the slope is not negative"),
        (exact_standards(slope=3.4), "the slope is not negative"),
    ],
)
@pytest.mark.parametrize("on_failure", ["exclude", "flag"])
def test_without_a_curve_that_falls_there_is_no_value(
    standards: list[dict[str, object]], why: str, on_failure: str
) -> None:
    wells = cq_wells([*standards, *no_template(), *wells_of("A", 5000, None)])
    made = run(wells, on_failure=on_failure)
    row = only(made)
    assert (row["value"], row["estimate"], row["censoring"]) == (None, None, None)
    assert row["reason"] == "no-curve"
    assert why in row["detail"]
    assert failed(made)["curve"] == ("excluded" if on_failure == "exclude" else "flagged")
    assert made.curves["accepted"].to_list() == [False]
    assert made.curves["efficiency"].to_list() == [None]


def test_three_wells_on_two_levels_are_a_line_that_the_rules_refuse() -> None:
    standards = [*exact_standards((1e5, 1e3), wells=2)]
    made = run(cq_wells([*standards, *no_template(), *wells_of("A", 5000, 5000)]))
    row = only(made)
    assert (row["status"], row["reason"]) == ("excluded", "plate-failed")
    assert "levels" in row["detail"]
    assert row["estimate"] == pytest.approx(5000)
    assert failed(made) == {"levels": "excluded", "lloq_within_standards": "flagged"}
    kept = only(run(cq_wells([*standards, *no_template(), *wells_of("A", 5000, 5000)]), on_failure="flag"))
    assert (kept["status"], kept["reason"], kept["value"]) == ("reported", None, pytest.approx(5000))


def test_a_saturated_curve_fails_by_name() -> None:
    """The two highest standards give the same Cq: the slope, the efficiency and the accuracy say so."""
    standards = exact_standards()
    for well in standards[:6]:
        well["signal"] = exact_cq(1e5)
    made = run(cq_wells([*standards, *no_template(), *wells_of("A", 500, 500)]))
    assert {"slope", "efficiency", "accuracy"} <= set(failed(made))
    assert only(made)["reason"] == "plate-failed"


def test_a_nearly_flat_line_never_gives_an_infinite_quantity() -> None:
    standards = exact_standards(slope=-1e-4)
    made = run(cq_wells([*standards, *no_template(), *wells_of("A", 500, 500)]), on_failure="flag")
    row = only(made)
    assert row["reason"] == "outside-curve"
    assert row["value"] is None


def test_a_control_with_a_cq_fails_the_plate_only_at_or_above_the_limit() -> None:
    low, high = {"role": "ntc", "signal": exact_cq(3)}, {"role": "ntc", "signal": exact_cq(30)}
    wells = [*exact_standards(), *wells_of("A", 500, 500)]
    assert failed(run(cq_wells([*wells, low]))) == {}
    assert failed(run(cq_wells([*wells, high]))) == {"ntc": "excluded"}
    assert failed(run(cq_wells([*wells, low]), accept=CurveRules(ntc="undetermined"))) == {"ntc": "excluded"}
    assert failed(run(cq_wells([*wells, high]), accept=CurveRules(ntc="any"))) == {}


def test_a_plate_without_control_is_flagged() -> None:
    made = run(cq_wells([*exact_standards(), *wells_of("A", 500, 500)]))
    assert failed(made) == {"ntc_present": "flagged"}
    assert only(made)["status"] == "reported"


def test_standards_that_are_not_used_say_why() -> None:
    odd = [
        {"role": "standard", "nominal": 1e3, "signal": None},
        {"role": "standard", "nominal": 1e3, "signal": 20.0, "flag": "omitted"},
        {"role": "standard", "nominal": 0.0, "signal": 38.0},
        {"role": "standard", "nominal": None, "signal": 30.0},
        {"role": "standard", "nominal": 1e3, "signal": None, "flag": "missing"},
        {"role": "qc", "nominal": 1e3, "signal": exact_cq(900)},
    ]
    made = run(cq_wells([*exact_standards(), *no_template(1), *odd]))
    unused = made.curve_points.filter(~pl.col("used")).sort("well_id")
    assert sorted(unused["reason"].to_list()) == [
        "a control, never part of the fit",
        "a control, never part of the fit",
        "no nominal quantity in the file",
        "no signal in the file",
        "omitted in the instrument's software",
        "the nominal quantity is not positive",
        "undetermined: no Cq",
    ]
    assert made.curves["n_wells"].to_list() == [18]
    assert made.curve_points.filter(role="qc")["recovery"].to_list() == pytest.approx([90.0])


def test_a_negative_nominal_is_refused() -> None:
    with pytest.raises(InputError, match="below 0"):
        run(cq_wells([{"role": "standard", "nominal": -10.0, "signal": 20.0}]))


def test_a_well_that_stands_twice_is_refused() -> None:
    wells = plate(*wells_of("A", 5000))
    with pytest.raises(InputError, match="more than once"):
        run(pl.concat([wells, wells.tail(1)]))


def test_two_names_of_an_analyte_in_one_well_are_refused() -> None:
    wells = cq_wells(
        [
            {"sample_id": "A", "signal": 20.0, "well": "A1", "target": "CAR"},
            {"sample_id": "A", "signal": 21.0, "well": "A1", "target": "FMC63"},
        ]
    )
    with pytest.raises(InputError, match="A1 of P1 holds analyte CAR more than once"):
        run(wells, targets={"CAR": ("CAR", "FMC63")})


def test_targets_nobody_declared_and_analytes_nobody_measured_are_named() -> None:
    other = [{"sample_id": "A", "signal": 20.0, "target": "RNase P"}]
    made = run(plate(*wells_of("A", 500, 500), *other), targets={"CAR": (" CAR ",), "BCMA": ("BCMA",)})
    assert failed(made) == {"target_declared": "excluded", "target_found": "flagged"}
    found = made.checks.filter(rule="target_declared")["found"].to_list()
    assert found == ["RNase P"]
    assert made.measurements["analyte"].to_list() == ["CAR"]


def test_two_targets_on_a_plate_have_two_curves() -> None:
    def second(rows: list[dict[str, object]]) -> list[dict[str, object]]:
        return [
            {**row, "target": "RPP", "signal": None if row["signal"] is None else row["signal"] + 1.0} for row in rows
        ]  # type: ignore[operator]

    first = [*exact_standards(), *wells_of("A", 500, 500)]
    made = run(cq_wells([*first, *second(first), *no_template()]), targets={"CAR": ("CAR",), "RPP30": ("RPP",)})
    assert made.curves["intercept"].to_list() == pytest.approx([INTERCEPT, INTERCEPT + 1])
    assert made.measurements["value"].to_list() == pytest.approx([500, 500])


def test_a_missing_signal_is_not_an_undetermined_one() -> None:
    gone = [
        {"sample_id": "A", "signal": None, "flag": "missing"},
        {"sample_id": "A", "signal": 30.0, "flag": "omitted"},
    ]
    made = run(plate(*gone))
    row = only(made)
    assert (row["reason"], row["value"], row["n_replicates"]) == ("signal-missing", None, 0)
    assert failed(made) == {"replicates": "flagged"}


def test_a_missing_factor_is_named() -> None:
    made = run(plate(*wells_of("A", 500, 500)), manifest(["A"]), chain=PER_UG)
    row = only(made)
    assert row["reason"] == "factor-missing"
    assert row["detail"] == "samples.dna_ng of sample A is missing"
    assert (row["value"], row["estimate"], row["lloq"]) == (None, None, None)


def test_a_sample_outside_the_manifest_is_reported_without_subject() -> None:
    made = run(plate(*wells_of("A", 500, 500)))
    assert only(made)["subject_id"] is None
    assert made.checks.filter(rule="in_manifest")["passed"].to_list() == [False]


def test_spread_beyond_the_rules_is_flagged_and_widens_that_samples_interval() -> None:
    calm = [well for i in range(20) for well in wells_of(f"C{i}", 4900, 5000, 5100)]
    made = run(plate(*calm, *wells_of("A", 2000, 5000, 12500)))
    row = made.measurements.filter(sample_id="A").row(0, named=True)
    calm_row = made.measurements.filter(sample_id="C1").row(0, named=True)
    assert failed(made) == {"replicate_sd": "flagged", "replicate_cv": "flagged"}
    assert "sample rules not met: replicate_sd, replicate_cv" in row["detail"]
    assert row["upper"] / row["lower"] > 10 * calm_row["upper"] / calm_row["lower"]


def test_one_outlier_is_dropped_where_the_rule_says_so() -> None:
    rules = ReplicateRules(outliers="drop_one")
    made = run(plate(*wells_of("A", 5000, 5000, 500)), replicates=rules)
    row = only(made)
    assert row["value"] == pytest.approx(5000)
    assert row["n_replicates"] == 2
    assert failed(made) == {"replicate_outlier": "excluded"}
    assert not set(made.checks.filter(rule="replicate_outlier")["source_ids"][0]) & set(row["source_ids"])
    kept = only(run(plate(*wells_of("A", 5000, 5000, 500))))
    assert kept["n_replicates"] == 3


def test_two_equally_far_replicates_cannot_be_told_apart() -> None:
    wells = [{"sample_id": "A", "signal": cq} for cq in (24.0, 25.0, 26.0)]
    made = run(plate(*wells), replicates=ReplicateRules(outliers="drop_one"))
    assert only(made)["n_replicates"] == 3
    assert "replicate_sd" in failed(made)


def test_too_few_replicates() -> None:
    made = run(plate(*wells_of("A", 5000)), replicates=ReplicateRules(minimum=2, on_failure="exclude"))
    row = only(made)
    assert (row["status"], row["reason"], row["value"]) == ("excluded", "sample-failed", pytest.approx(5000))


class TestReruns:
    """A sample on several plates."""

    good = plate(*wells_of("A", 5000, 5000), file="f1", plate="run 2")
    later = plate(*wells_of("A", 8000, 8000), file="f2", plate="run 10")
    bad = cq_wells([*exact_standards(slope=-4.5), *no_template(), *wells_of("A", 700, 700)], file="f3", plate="run 11")

    def test_last_accepted_counts_as_people_do(self) -> None:
        made = run(pl.concat([self.later, self.good, self.bad]))
        row = only(made)
        assert row["value"] == pytest.approx(8000)
        assert row["curve_id"] == "q/f2/run 10/CAR"
        assert row["status"] == "reported"
        check = made.checks.filter(rule="one_plate").row(0, named=True)
        assert check["found"] == "3 plates: f1/run 2 (accepted), f2/run 10 (accepted), f3/run 11 (failed)"
        assert check["action"] == "excluded"

    def test_the_order_is_of_the_files_where_they_are_named(self) -> None:
        settings = Qpcr(files=(), targets={"CAR": ("CAR",)})
        names = {"f1": "qpcr/b.csv", "f2": "qpcr/a.csv"}
        made = quantify(
            "q", pl.concat([self.good, self.later]), SAMPLES.empty(), PRODUCT.empty(), settings, files=names
        )
        assert only(made)["value"] == pytest.approx(5000)

    def test_only_failed_plates_leave_an_excluded_value(self) -> None:
        row = only(run(self.bad))
        assert (row["status"], row["reason"]) == ("excluded", "plate-failed")

    def test_mean_is_that_of_the_logs_and_widens_when_plates_disagree(self) -> None:
        made = run(pl.concat([self.good, self.later, self.bad]), reruns="mean")
        row = only(made)
        assert row["value"] == pytest.approx((5000 * 8000) ** 0.5)
        assert row["n_replicates"] == 4
        assert len(row["source_ids"]) == 4
        assert row["curve_id"] is None
        assert row["lower"] < 5000
        assert row["upper"] > 8000
        agree = only(run(pl.concat([self.good, plate(*wells_of("A", 5000, 5000), file="f2")]), reruns="mean"))
        single = only(run(self.good))
        assert agree["upper"] / agree["lower"] < single["upper"] / single["lower"]

    def test_refuse_names_the_sample_and_the_plates(self) -> None:
        with pytest.raises(InputError, match="Sample 'A' of analyte CAR stands on several accepted plates"):
            run(pl.concat([self.good, self.later]), reruns="refuse")
        assert only(run(pl.concat([self.good, self.bad]), reruns="refuse"))["value"] == pytest.approx(5000)


def test_quantities_that_are_no_counts_have_no_sampling_variance() -> None:
    wells = plate(*wells_of("A", 20, 20, 20))
    copies, mass = only(run(wells)), only(run(wells, quantity="ng"))
    assert mass["unit"] == "ng"
    assert mass["upper"] / mass["lower"] < copies["upper"] / copies["lower"]


def test_a_factors_cv_widens_the_interval_as_the_delta_method_says() -> None:
    """20 % beside an exact plate: half-width of ln close to 1.96 x 0.2 (the Student quantile has hundreds of df)."""
    chain = (Step(divide_by="samples.dna_ng", scale=1000.0, gives="copies/ug DNA", cv=20.0),)
    row = only(run(plate(*wells_of("A", 1e5, 1e5, 1e5)), manifest(["A"], dna_ng=100.0), chain=chain))
    assert math.log(row["upper"] / row["lower"]) / 2 == pytest.approx(1.96 * 0.2, rel=0.01)


def test_nothing_at_all_gives_empty_tables_and_says_so() -> None:
    made = run(cq_wells([]))
    assert made.measurements.height == made.curves.height == made.curve_points.height == 0
    assert failed(made) == {"target_found": "flagged"}


def test_the_lowest_standard_above_the_limit_is_flagged() -> None:
    made = run(cq_wells([*exact_standards(LEVELS[:5]), *no_template(), *wells_of("A", 500, 500)]))
    assert failed(made) == {"lloq_within_standards": "flagged"}


def test_an_interval_without_bound_is_null_and_says_why() -> None:
    standards = [
        {"role": "standard", "nominal": 10.0**k, "signal": cq} for k, cq in ((1, 30.0), (2, 34.0), (3, 24.0), (4, 29.0))
    ]
    made = run(cq_wells([*standards, *no_template(), *wells_of("A", 500, 500)]), on_failure="flag")
    row = only(made)
    assert row["estimate"] is not None
    assert (row["lower"], row["upper"]) == (None, None)
    assert "the interval has no bound: the slope of the curve could be zero" in row["detail"]


def test_a_limit_of_zero_is_refused() -> None:
    with pytest.raises(PlanError, match="lloq is not positive"):
        run(plate(), lloq=0.0)


def test_the_spread_allowed_grows_with_the_sampling_of_few_copies() -> None:
    """Triplicates 1.1 cycles apart: chance at 12 copies, a fault at 12,000. By hand: 0.5^2 + 4.605 x 2.18 x 0.0965 = 1.10^2."""
    few, many = run(plate(*wells_of("A", 18, 12, 8.4))), run(plate(*wells_of("A", 18_000, 12_000, 8400)))
    assert "replicate_sd" not in failed(few)
    assert "replicate_cv" not in failed(few)
    assert {"replicate_sd", "replicate_cv"} <= set(failed(many))
    said = few.checks.filter(rule="replicate_sd")["required"].item()
    assert said == "SD of Cq at most 1.1 (0.5; sampling of that many copies allowed for)"
    plain = run(plate(*wells_of("A", 18, 12, 8.4)), replicates=ReplicateRules(sampling="ignored"))
    assert {"replicate_sd", "replicate_cv"} <= set(failed(plain))
    assert plain.checks.filter(rule="replicate_sd")["required"].item() == "SD of Cq at most 0.5 (0.5)"


def test_standards_in_mass_have_no_known_sampling() -> None:
    made = run(plate(*wells_of("A", 18, 12, 8.4)), quantity="ng")
    assert {"replicate_sd", "replicate_cv"} <= set(failed(made))


def test_an_outlier_is_one_that_sampling_does_not_explain() -> None:
    drop = ReplicateRules(outliers="drop_one")
    assert only(run(plate(*wells_of("A", 12, 12, 7)), replicates=drop))["n_replicates"] == 3
    made = run(plate(*wells_of("A", 12_000, 12_000, 7000)), replicates=drop)
    assert only(made)["n_replicates"] == 2
    assert "replicate_outlier" in failed(made)


def test_the_delta_interval_lies_evenly_about_the_value_where_fiellers_does_not() -> None:
    """On a poor line Fieller's interval leans away from the standards; on the logarithm the delta interval does not."""
    standards = [
        {"role": "standard", "nominal": level, "signal": 38 - 3.4 * k + off}
        for k, (level, off) in enumerate(((1.0, 0.6), (10.0, -0.5), (100.0, 0.4), (1000.0, -0.6)))
    ]
    wells = cq_wells([*standards, *no_template(), *wells_of("A", 5e4, 5e4)])
    lean = {}
    for interval in ("fieller", "delta"):
        row = only(run(wells, interval=interval, on_failure="flag", uloq=1e9))
        lean[interval] = math.log10(row["upper"]) + math.log10(row["lower"]) - 2 * math.log10(row["estimate"])
    assert lean["delta"] == pytest.approx(0.0, abs=1e-9)
    assert abs(lean["fieller"]) > 0.05
