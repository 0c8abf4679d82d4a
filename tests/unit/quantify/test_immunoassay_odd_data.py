"""Plates as laboratories send them: each oddity gives a row with its reason, or one clear error; never a plausible number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.unit.quantify.beads import SERIES, bead_wells, sample, signal_at, standards
from tests.unit.quantify.test_immunoassay import checks, one, run
from tests.unit.readers import samples

from correlates.errors import InputError
from correlates.quantify.settings import CalibrationLimits
from correlates.readers import read


def told(rows: list[dict[str, object]], rule: str, **settings: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The measurement of S1, and the check of the rule."""
    made = run(bead_wells([*rows, *sample("S1", 100.0, 100.0)]), **settings)
    return one(made), checks(made, rule)[0]


def test_decreasing_standards_quantify_nothing() -> None:
    """Standards typed in upside down: the fitted curve falls."""
    rows = [
        {**r, "nominal": x} for r, x in zip(standards(), [v for v in reversed(SERIES) for _ in range(2)], strict=True)
    ]
    row, check = told(rows, "rising")
    assert (row["value"], row["estimate"], row["reason"]) == (None, None, "plate-failed")
    assert (check["passed"], check["found"]) == (False, "falling")


@pytest.mark.parametrize("model", ["4PL", "5PL", "auto"])
def test_two_standards_are_no_curve(model: str) -> None:
    row, check = told(standards(SERIES[:2]), "curve", curve=model)
    assert (row["value"], row["reason"]) == (None, "no-curve")
    assert check["found"].startswith("2 standard levels for ")


@pytest.mark.parametrize("weight", ["1/y2", "1/y", "none", "variance_function"])
def test_equal_signals_are_no_curve(weight: str) -> None:
    row, check = told([{**r, "signal": 500.0} for r in standards()], "curve", weight=weight)
    assert (row["value"], row["reason"], row["detail"]) == (None, "no-curve", "all standards have one signal")
    assert not check["passed"]


@pytest.mark.parametrize("rule", ["recovery", "cv_profile", "asymptote_interval"])
def test_a_saturated_curve_has_an_upper_limit_below_its_plateau(rule: str) -> None:
    """The three highest standards read the ceiling of the detector (the fourth lies far below it)."""
    rows = standards(noise=(0.98, 1.02))
    for k in range(6):
        rows[k] = {**rows[k], "signal": 12_000.0 * (1.02 if k % 2 else 0.98)}
    made = run(
        bead_wells([*rows, *sample("S1", 20.0, 20.0), {"sample_id": "top", "signal": 12_100.0}]),
        limits=CalibrationLimits(rule=rule, levels=4),  # type: ignore[arg-type]
    )
    assert SERIES[3] <= made.curves["highest"].item() < SERIES[1]
    assert (one(made, "top")["censoring"], one(made, "top")["estimate"]) == ("right", None)
    # the curve bends at once into the ceiling, where it is biased; below, it reads as it should
    assert one(made)["value"] == pytest.approx(20.0, rel=0.05)


def test_signals_below_zero_after_the_blank_are_no_part_of_a_weighted_fit() -> None:
    blanks = [{"role": "blank", "sample_id": "Background0", "signal": 45.0}]
    made = run(bead_wells([*standards(), *blanks, *sample("S1", 100.0)]), background="subtract_blank")
    left_out = made.curve_points.filter(~pl.col("used"))
    assert left_out["reason"].unique().to_list() == ["a signal of 0 or below has no weight 1/y2"]
    assert left_out.height > 0


def test_a_negative_expected_concentration_is_refused_with_its_place() -> None:
    rows = standards()
    rows[3] = {**rows[3], "nominal": -5.0}
    with pytest.raises(InputError, match="nominal"):
        run(bead_wells([*rows, *sample("S1", 100.0)]))


def test_a_negative_printed_concentration_is_told_and_not_compared() -> None:
    made = run(bead_wells([*standards(), *sample("S1", 100.0, reported=-3.0)]))
    assert checks(made, "instrument_concentration") == []
    (told,) = checks(made, "printed_negative")
    assert told["found"] == "1 of 1 printed concentrations below 0, the lowest -3.0"
    assert not told["passed"]
    assert one(made)["value"] is not None


def test_text_where_a_number_belongs_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "plate.csv"
    path.write_text(samples.XPONENT.replace('"20000","15000"', '"20k","15000"'))
    with pytest.raises(InputError) as error:
        read(path)
    problem = error.value.problems[0]
    assert (problem.code, problem.found) == ("not-a-number", "'20k'")
    assert problem.where is not None
    assert (problem.where.sheet, problem.where.row, problem.where.column) == ("Median", 14, "IL-6")


def test_a_well_without_a_signal_keeps_its_sample() -> None:
    made = run(bead_wells([*standards(), {"sample_id": "S1", "signal": None, "flag": "missing"}]))
    row = one(made)
    assert (row["value"], row["reason"], row["censoring"]) == (None, "signal-missing", None)
    assert row["detail"] == "no usable signal in 1 of 1 wells; instrument: missing"


def test_a_typed_in_series_that_no_value_explains_is_kept_and_named() -> None:
    rows = [
        {**r, "nominal": float(v)}
        for r, v in zip(standards(), [9, 9, 1, 1, 700, 700, 3, 3, 50, 50, 2, 2, 8000, 8000, 4, 4], strict=True)
    ]
    _, check = told(rows, "expected_series")
    assert not check["passed"]
    assert check["action"] == "kept"


def test_replicates_apart_are_told_by_plate_and_sample() -> None:
    """60 and 140: SD 56.57 over 100 is 56.6 %."""
    made = run(bead_wells([*standards(noise=(1.0, 1.0)), *sample("S1", 60.0, 140.0), *sample("S2", 50.0, 50.0)]))
    by_scope = {c["scope"]: c for c in checks(made, "replicate_cv")}
    assert by_scope["plate"]["found"] == "1 of 2 samples above"
    assert by_scope["sample"]["value"] == pytest.approx(56.5685425, rel=1e-5)
    assert "CV of replicates 56.6 %" in one(made)["detail"]
    assert one(made, "S2")["cv"] == pytest.approx(0.0, abs=1e-6)


def test_every_weight_reads_the_same_exact_curve() -> None:
    wells = bead_wells(
        [*standards(noise=(1.0, 1.0)), *sample("S1", 100.0), {"sample_id": "S2", "signal": float(signal_at(3.0))}]
    )
    for weight in ("1/y2", "1/y", "none", "variance_function"):
        made = run(wells, weight=weight)
        assert one(made)["value"] == pytest.approx(100.0, rel=1e-6)
        assert one(made, "S2")["value"] == pytest.approx(3.0, rel=1e-6)
