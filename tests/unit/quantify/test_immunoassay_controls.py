"""Controls: whose range counts, plates that fail by them, and controls of cartridges."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from tests.unit.quantify.beads import bead_wells, sample, signal_at, standards
from tests.unit.quantify.test_factory import inlet
from tests.unit.quantify.test_factory import run as run_factory
from tests.unit.quantify.test_immunoassay import checks, one, run

from correlates.errors import PlanError
from correlates.quantify.settings import KitControls

PRINTED = {"Control Range - Low": "180", "Control Range - High": "330"}


def control(
    name: str, *quantities: float, printed: dict[str, str] | None = None, **other: Any
) -> list[dict[str, object]]:
    return [
        {"role": "qc", "sample_id": name, "signal": float(signal_at(q)), "extras": json.dumps(printed or {}), **other}
        for q in quantities
    ]


def plate(number: int, *rows: dict[str, object]) -> pl.DataFrame:
    return bead_wells([*standards(noise=(1.0, 1.0)), *rows], file=f"f{number}", plate=f"P{number}")


@pytest.mark.parametrize(
    ("rules", "printed", "nominal", "passed", "of"),
    [
        (KitControls(ranges={"C1": {"IL-6": (200.0, 230.0)}}), PRINTED, 250.0, False, "the declared range"),
        (KitControls(ranges={"C1": {"IL-15": (200.0, 230.0)}}), PRINTED, 250.0, True, "the file's range"),
        (KitControls(), PRINTED, 1000.0, True, "the file's range"),
        (KitControls(nominal={"C1": {"IL-6": 320.0}}), {}, 250.0, False, "80 to 120 % of nominal"),
        (KitControls(), {}, 250.0, True, "80 to 120 % of nominal"),
        (KitControls(recovery=(99.0, 101.0)), {}, 250.0, False, "99 to 101 % of nominal"),
    ],
)
def test_whose_range_counts(rules: KitControls, printed: dict[str, str], nominal: float, passed: bool, of: str) -> None:
    made = run(plate(1, *control("C1", 240.0, 240.0, printed=printed, nominal=nominal)), control_rules=rules)
    verdict = checks(made, "control")
    assert [c["passed"] for c in verdict] == [passed]
    assert verdict[0]["required"].endswith(f"({of})")
    assert verdict[0]["value"] == pytest.approx(240.0, rel=1e-6)
    assert (verdict[0]["item"], verdict[0]["scope"], len(verdict[0]["source_ids"])) == ("C1", "control", 2)


def test_a_control_without_any_range_says_so() -> None:
    made = run(plate(1, *control("C1", 240.0)))
    assert "none is known" in checks(made, "control")[0]["required"]
    assert not checks(made, "control")[0]["passed"]
    assert checks(made, "controls") == []


def test_without_a_range_three_plates_are_compared_with_their_median() -> None:
    """200, 250 and 260: the median is 250, and 80 to 120 % of it 200 to 300; CV of the means 13.6 %."""
    made = run(pl.concat([plate(k, *control("C1", q)) for k, q in enumerate((199.0, 250.0, 260.0))]))
    assert [c["passed"] for c in checks(made, "control")] == [False, True, True]
    assert all("the median of 3 plates" in c["required"] for c in checks(made, "control"))
    between = checks(made, "control_between_plates")[0]
    mean = (199 + 250 + 260) / 3
    sd = (sum((q - mean) ** 2 for q in (199, 250, 260)) / 2) ** 0.5
    assert between["value"] == pytest.approx(100 * sd / mean, rel=1e-6)
    assert between["passed"]
    assert len(between["source_ids"]) == 3


def test_ranges_of_the_file_are_in_the_unit_of_the_file() -> None:
    rows = [{**r, "nominal": r["nominal"] / 1000.0, "nominal_unit": "ng/mL"} for r in standards(noise=(1.0, 1.0))]  # type: ignore[operator]
    printed = {"Control Range - Low": "0,18", "Control Range - High": "0,33"}
    made = run(bead_wells([*rows, *control("C1", 240.0, printed=printed)], target="IL-6"))
    assert checks(made, "control")[0]["passed"]
    assert checks(made, "control")[0]["required"] == "180.0 to 330.0 (the file's range)"


def test_wells_of_a_control_that_differ() -> None:
    """200 and 300: SD 70.71 over 250 is 28.3 %."""
    made = run(plate(1, *control("C1", 200.0, 300.0, printed=PRINTED)))
    verdict = checks(made, "control_cv")[0]
    assert (verdict["passed"], verdict["value"]) == (False, pytest.approx(28.2842712, rel=1e-6))


def test_a_control_without_a_usable_well() -> None:
    made = run(plate(1, *control("C1", 240.0, printed=PRINTED, count=5)))
    verdict = checks(made, "control")[0]
    assert (verdict["passed"], verdict["found"], verdict["value"]) == (False, "no usable signal", None)


@pytest.mark.parametrize(("on_failure", "status"), [("flag", "reported"), ("exclude", "excluded")])
def test_controls_can_fail_their_plate(on_failure: str, status: str) -> None:
    rows = [*control("C1", 240.0, printed=PRINTED), *control("C2", 900.0, printed=PRINTED), *sample("S1", 100.0)]
    rules = KitControls(on_failure="fail_plate")
    made = run(plate(1, *rows), control_rules=rules, on_failure=on_failure)
    assert (one(made)["status"], made.curves["accepted"].item()) == (status, False)
    assert "controls" in one(made)["detail"]
    verdict = checks(made, "controls")[0]
    assert (verdict["passed"], verdict["value"], verdict["found"]) == (False, 0.5, "1 of 2 controls within their range")
    flagged = run(plate(1, *rows), on_failure=on_failure)
    assert flagged.curves["accepted"].item()


def test_declared_controls_are_no_samples() -> None:
    rows = [{**r, "role": "unknown"} for k in (1, 2) for r in control(f"QC-{k}", 240.0)]
    made = run(pl.concat([plate(k, *rows, *sample(f"S{k}", 100.0)) for k in (1, 2)]), controls=("QC-*",))
    assert made.measurements["sample_id"].to_list() == ["S1", "S2"]
    assert len(checks(made, "control")) == 4
    assert checks(made, "one_plate") == []
    assert {c["item"] for c in checks(made, "in_manifest")} == {"S1", "S2"}


@pytest.mark.parametrize("already", [True, False])
def test_controls_repeated_on_every_cartridge(already: bool) -> None:
    """LowControl on each of four cartridges: read off the factory's curve, judged by its declared range, and never a sample."""
    role = {"role": "qc"} if already else {}
    rows = [
        {**inlet(name, q, q, q, **role), "plate": f"K{k}", "well": str(1 + i), "well_id": f"f1/K{k}/{i}/IL-6 (pg/mL)"}
        for k in range(4)
        for i, (name, q) in enumerate((("LowControl", 20.0 + k), ("HighControl", 400.0)))
    ]
    rows.append({**inlet("S1", 50.0, 50.0, 50.0), "plate": "K0", "well": "9", "well_id": "f1/K0/9/IL-6 (pg/mL)"})
    rules = KitControls(ranges={"LowControl": {"IL-6": (15.0, 22.5)}})
    made = run_factory(rows, controls=("LowControl", "HighControl"), control_rules=rules)
    assert made.measurements["sample_id"].to_list() == ["S1"]
    assert made.checks.filter(rule="one_plate").height == 0
    assert made.checks.filter(rule="in_manifest")["item"].to_list() == ["S1"]
    low = made.checks.filter(rule="control", item="LowControl").sort("value")
    assert low["value"].to_list() == pytest.approx([20.0, 21.0, 22.0, 23.0], rel=1e-9)
    assert low["passed"].to_list() == [True, True, True, False]
    high = made.checks.filter(rule="control", item="HighControl")
    assert high["passed"].all()
    assert high["required"].str.contains("median of 4 plates").all()
    assert made.checks.filter(rule="controls").height == 4
    between = made.checks.filter(rule="control_between_plates", item="LowControl").row(0, named=True)
    assert between["value"] == pytest.approx(100 * (5 / 3) ** 0.5 / 21.5, rel=1e-9)


@pytest.mark.parametrize(
    "rules",
    [
        KitControls(ranges={"C1": {"IL-6": (300.0, 200.0)}}),
        KitControls(nominal={"C1": {"IL-6": 0.0}}),
        KitControls(max_cv=0.0),
    ],
)
def test_rules_that_cannot_be(rules: KitControls) -> None:
    with pytest.raises(PlanError):
        run(plate(1, *control("C1", 240.0)), control_rules=rules)
