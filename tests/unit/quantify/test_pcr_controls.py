"""Quality control samples on PCR plates: declared or in the file, judged, never measured."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from tests.unit.quantify.plates import cq_wells, exact_cq, exact_standards, no_template, partition_wells

from correlates.errors import PlanError
from correlates.quantify import Quantified, quantify
from correlates.quantify.settings import ControlRules, Dpcr, Qpcr
from correlates.schema import PRODUCT, SAMPLES

NOMINAL = {"QC-HIGH": {"CAR": 5000.0}, "QC-LOW": {"CAR": 50.0}}
FAILS = ControlRules(on_failure="fail_plate")


def wells_of(sample: str, *quantities: float | None, **other: object) -> list[dict[str, object]]:
    return [{"sample_id": sample, "signal": None if q is None else exact_cq(q), **other} for q in quantities]


def qpcr(*rows: dict[str, object], **settings: Any) -> Quantified:
    wells = cq_wells([*exact_standards(), *no_template(), *wells_of("A", 500, 500), *rows])
    declared = {"files": (), "targets": {"CAR": ("CAR",)}, **settings}
    return quantify("q", wells, SAMPLES.empty(), PRODUCT.empty(), Qpcr(**declared))


def rules(made: Quantified) -> dict[str, tuple[bool, str]]:
    rows = made.checks.filter(pl.col("rule").str.starts_with("control"))
    return {f"{r['rule']} {r['item']}": (r["passed"], r["action"]) for r in rows.iter_rows(named=True)}


def test_controls_are_never_measured() -> None:
    by_role = qpcr(*wells_of("QC-HIGH", 5000, 5000, role="qc"))
    by_name = qpcr(*wells_of("QC-HIGH", 5000, 5000), controls=("QC-*",))
    by_nominal = qpcr(*wells_of("QC-HIGH", 5000, 5000), controls_nominal=NOMINAL)
    nameless = qpcr({"role": "qc", "signal": exact_cq(5000)})
    for made in (by_role, by_name, by_nominal, nameless):
        assert made.measurements["sample_id"].to_list() == ["A"]
    assert by_nominal.curve_points.filter(role="qc")["recovery"].to_list() == pytest.approx([100.0, 100.0])


def test_good_controls_pass_by_name_and_by_plate() -> None:
    made = qpcr(*wells_of("QC-HIGH", 5400, 5100), *wells_of("QC-LOW", 45, 60, 50), controls_nominal=NOMINAL)
    assert rules(made) == {
        "control_accuracy QC-HIGH": (True, "none"),
        "control_accuracy QC-LOW": (True, "none"),
        "control_cv QC-HIGH": (True, "none"),
        "control_cv QC-LOW": (True, "none"),
        "controls f1/P1": (True, "none"),
    }
    accuracy = made.checks.filter(rule="control_accuracy", item="QC-HIGH").row(0, named=True)
    assert accuracy["value"] == pytest.approx(5.0)
    assert accuracy["found"] == "5250.0 copies/reaction, 5.0 % from nominal"


def test_a_wrong_control_is_flagged_or_fails_the_plate_by_the_declared_rule() -> None:
    rows = (*wells_of("QC-HIGH", 8000, 8000), *wells_of("QC-LOW", 50, 50))
    flagged = qpcr(*rows, controls_nominal=NOMINAL)
    assert rules(flagged)["control_accuracy QC-HIGH"] == (False, "flagged")
    assert rules(flagged)["controls f1/P1"] == (False, "flagged")
    assert flagged.measurements["status"].to_list() == ["reported"]
    failed = qpcr(*rows, controls_nominal=NOMINAL, control_rules=FAILS)
    assert rules(failed)["controls f1/P1"] == (False, "excluded")
    row = failed.measurements.row(0, named=True)
    assert (row["status"], row["reason"]) == ("excluded", "plate-failed")
    assert row["detail"] == "plate rules not met: controls"
    assert failed.curves["accepted"].to_list() == [False]
    kept = qpcr(*rows, controls_nominal=NOMINAL, control_rules=FAILS, on_failure="flag")
    assert kept.measurements["status"].to_list() == ["reported"]
    assert rules(kept)["controls f1/P1"] == (False, "flagged")


def test_two_thirds_of_the_controls_are_enough() -> None:
    nominal = {**NOMINAL, "QC-MID": {"CAR": 500.0}}
    rows = (*wells_of("QC-HIGH", 8000), *wells_of("QC-MID", 500), *wells_of("QC-LOW", 50))
    made = qpcr(*rows, controls_nominal=nominal, control_rules=FAILS)
    assert rules(made)["controls f1/P1"] == (True, "none")
    assert made.measurements["status"].to_list() == ["reported"]


def test_a_control_without_a_cq_holds_nothing() -> None:
    made = qpcr(*wells_of("QC-LOW", None, None), *wells_of("QC-HIGH", 5000, None), controls_nominal=NOMINAL)
    found = dict(made.checks.filter(rule="control_accuracy").select("item", "value").iter_rows())
    assert found == pytest.approx({"QC-LOW": -100.0, "QC-HIGH": -50.0})


def test_a_nominal_of_the_file_is_used_and_the_plans_stands_before_it() -> None:
    of_file = qpcr(*wells_of("C1", 5000, role="qc", nominal=5000.0))
    assert rules(of_file)["control_accuracy C1"] == (True, "none")
    of_plan = qpcr(*wells_of("C1", 5000, role="qc", nominal=5000.0), controls_nominal={"C1": {"CAR": 1000.0}})
    assert rules(of_plan)["control_accuracy C1"] == (False, "flagged")


def test_without_a_nominal_only_the_spread_is_judged() -> None:
    made = qpcr(*wells_of("C1", 5000, 2000, role="qc"))
    assert rules(made) == {"control_cv C1": (False, "flagged"), "controls f1/P1": (False, "flagged")}


def test_nominal_quantities_that_cannot_be_are_refused_together() -> None:
    with pytest.raises(PlanError) as caught:
        qpcr(controls_nominal={"QC": {"CAR": 0.0, "CARR": 5.0}})
    assert [p.code for p in caught.value.problems] == ["not-positive", "unknown-target"]


def dpcr(*rows: dict[str, object], **settings: Any) -> Quantified:
    declared = {"files": (), "targets": {"CAR": ("CAR",)}, "instrument": "qx200", **settings}
    return quantify("d", partition_wells(rows), SAMPLES.empty(), PRODUCT.empty(), Dpcr(**declared))


def test_digital_controls_are_judged_by_plate() -> None:
    """1,000 of 10,000 droplets of 0.85 nL: -ln(0.9) x 20,000/0.85 = 2,479 copies."""
    sample = {"sample_id": "A", "positives": 300, "partitions": 15_000}
    control = {"sample_id": "QC-HIGH", "positives": 1000, "partitions": 10_000}
    nominal = {"QC-HIGH": {"CAR": 2479.0}}
    good = dpcr(sample, control, {**control, "positives": 1050}, controls_nominal=nominal)
    assert good.measurements["sample_id"].to_list() == ["A"]
    assert rules(good) == {
        "control_accuracy QC-HIGH": (True, "none"),
        "control_cv QC-HIGH": (True, "none"),
        "controls d1/D1": (True, "none"),
    }
    bad = dpcr(sample, control, controls_nominal={"QC-HIGH": {"CAR": 5000.0}}, control_rules=FAILS)
    row = bad.measurements.row(0, named=True)
    assert (row["status"], row["reason"]) == ("excluded", "plate-failed")
    assert row["detail"] == "the controls of a plate are not met"
    other = {**control, "plate": "D2", "well_id": "x"}
    apart = dpcr(sample, other, controls_nominal={"QC-HIGH": {"CAR": 5000.0}}, control_rules=FAILS)
    assert apart.measurements["status"].to_list() == ["reported"]  # the failed plate is another
