"""The instrument's own concentrations and curve beside ours."""

from __future__ import annotations

import json

import pytest
from tests.unit.quantify.beads import CURVE, SERIES, bead_wells, sample, standards
from tests.unit.quantify.test_immunoassay import checks, one, run

BACKGROUND = 12.0


def printed(**other: str) -> str:
    """xPONENT's curve of the net signal: A + B/(1 + (x/C)^D)^F is D + (A - D)/(1 + (x/C)^B)^G less the background."""
    a, b, c, d, g = CURVE
    values = {"A": d - BACKGROUND, "B": a - d, "C": c, "D": b, "F": g}
    return json.dumps(
        {f"Analysis Coefficients {k}": f"{v:.12g}" for k, v in values.items()} | {"R^2": "0.9991"} | other
    )


def exported(factor: float = 1.0) -> list[dict[str, object]]:
    """Standards with the instrument's own curve, net signal and concentration, the latter times ``factor``."""
    rows = []
    for row in standards(noise=(1.0, 1.0)):
        net = float(row["signal"]) - BACKGROUND  # type: ignore[arg-type]
        rows.append(
            {**row, "reported": float(row["nominal"]) * factor, "extras": printed(**{"Net MFI": f"{net:.12g}"})}
        )  # type: ignore[arg-type]
    return rows


def test_concentrations_that_agree() -> None:
    rows = [*exported(), *sample("S1", 100.0, dilution=4.0, reported=400.0)]
    made = run(bead_wells(rows))
    verdict = checks(made, "instrument_concentration")[0]
    assert (verdict["passed"], verdict["action"], verdict["target"]) == (True, "none", "IL-6")
    assert verdict["value"] == pytest.approx(0.0, abs=1e-3)
    assert verdict["found"].endswith("in 17 wells")
    assert one(made)["value"] == pytest.approx(400.0, rel=1e-6)


def test_the_largest_difference_is_named_and_only_flagged() -> None:
    """100 against a printed 80: 25 % more; 40 against 50: 20 % less."""
    rows = [*standards(noise=(1.0, 1.0)), *sample("S1", 100.0, reported=80.0), *sample("S2", 40.0, reported=50.0)]
    made = run(bead_wells(rows), instrument_difference=22.0)
    verdict = checks(made, "instrument_concentration")[0]
    assert (verdict["passed"], verdict["action"]) == (False, "flagged")
    assert verdict["value"] == pytest.approx(25.0, rel=1e-5)
    assert verdict["source_ids"] == ["f1/P1/A3/IL-6 (pg/mL)"]
    assert one(made)["value"] == pytest.approx(100.0, rel=1e-6)
    assert (
        run(bead_wells(rows), instrument_difference=26.0).checks.filter(rule="instrument_concentration")["passed"].all()
    )


def test_beyond_the_limits_nothing_is_compared() -> None:
    rows = [*standards(noise=(1.0, 1.0)), *sample("S1", SERIES[-1] / 5, reported=99.0)]
    assert checks(run(bead_wells(rows)), "instrument_concentration") == []


def test_printed_concentrations_are_in_the_unit_of_the_file() -> None:
    rows = [
        {
            **r,
            "nominal": r["nominal"] / 1000.0,
            "nominal_unit": "ng/mL",
            "reported": r["nominal"] / 1000.0,
            "reported_unit": "ng/mL",
        }  # type: ignore[operator]
        for r in standards(noise=(1.0, 1.0))
    ]
    made = run(bead_wells([*rows, *sample("S1", 100.0, reported=0.1, reported_unit="ng/mL")], target="IL-6"))
    assert checks(made, "instrument_concentration")[0]["value"] == pytest.approx(0.0, abs=1e-3)


def test_the_printed_curve_gives_the_printed_concentrations() -> None:
    verdict = checks(run(bead_wells([*exported(), *sample("S1", 100.0)])), "instrument_curve")[0]
    assert verdict["passed"]
    assert verdict["value"] == pytest.approx(0.0, abs=1e-6)
    assert "R^2 0.9991 there, 1.0 here" in verdict["found"]


def test_a_printed_curve_that_is_not_that_of_the_concentrations() -> None:
    verdict = checks(run(bead_wells([*exported(1.1), *sample("S1", 100.0)])), "instrument_curve")[0]
    assert not verdict["passed"]
    assert verdict["value"] == pytest.approx(100 * (1 - 1 / 1.1), rel=1e-6)
    assert len(verdict["source_ids"]) == 16


def test_without_printed_coefficients_there_is_no_curve_to_compare() -> None:
    rows = [{**r, "reported": r["nominal"], "extras": json.dumps({"Net MFI": "500"})} for r in standards()]
    made = run(bead_wells([*rows, *sample("S1", 100.0)]))
    assert checks(made, "instrument_curve") == []
    assert len(checks(made, "instrument_concentration")) == 1


@pytest.mark.parametrize("broken", ["NaN", "", "n/a"])
def test_coefficients_that_are_no_numbers_are_none(broken: str) -> None:
    rows = [{**r, "extras": printed(**{"Net MFI": "500", "Analysis Coefficients F": broken})} for r in exported()]
    assert checks(run(bead_wells([*rows, *sample("S1", 100.0)])), "instrument_curve") == []
