"""Limits by each rule on whole plates, the variance function, and standards that turn back."""

from __future__ import annotations

import json
import math
from typing import Any

import polars as pl
import pytest
from scipy.stats import t as student
from tests.unit.quantify.beads import SERIES, bead_wells, sample, signal_at, standards
from tests.unit.quantify.test_immunoassay import checks, one, run

from correlates.quantify.immunoassay_limits import turning
from correlates.quantify.settings import CalibrationLimits

NOISE = (0.93, 1.07)


def limits(rule: str, **other: Any) -> CalibrationLimits:
    return CalibrationLimits(rule=rule, **other)  # type: ignore[arg-type]


def test_at_the_limits_of_the_cv_profile_the_interval_says_that_cv() -> None:
    """A sample of two wells read at the limit has the interval exp(-/+ t(11) CV): the profile and the result agree."""
    first = run(bead_wells([*standards(noise=NOISE), *sample("S1", 50.0, 50.0)]), limits=limits("cv_profile", cv=12.0))
    lloq, uloq = (first.curves[c].item() for c in ("lowest", "highest"))
    assert SERIES[-1] < lloq < uloq <= SERIES[0]
    parameters = list(json.loads(first.curves["parameters"].item()).values())
    at = [{"sample_id": "S1", "signal": float(signal_at(lloq * 1.000001, parameters))} for _ in range(2)]
    row = one(run(bead_wells([*standards(noise=NOISE), *at]), limits=limits("cv_profile", cv=12.0)))
    half = math.log(row["upper"] / row["lower"]) / 2
    assert half / student.ppf(0.975, 11) == pytest.approx(0.12, rel=1e-4)
    told = checks(first, "limits")[0]
    assert told["passed"]
    assert told["required"].startswith("cv_profile: predicted CV of the concentration at most 12 %")
    assert told["found"].endswith("mean of 2 wells")
    assert told["value"] == lloq


def test_more_wells_widen_the_cv_profile() -> None:
    one_well, four = (
        run(bead_wells([*standards(noise=NOISE), *sample("S1", *[50.0] * m)]), limits=limits("cv_profile", cv=12.0))
        for m in (1, 4)
    )
    assert four.curves["lowest"].item() < one_well.curves["lowest"].item()


def test_a_limit_of_the_cv_that_is_never_met_quantifies_nothing() -> None:
    made = run(bead_wells([*standards(noise=NOISE), *sample("S1", 50.0)]), limits=limits("cv_profile", cv=1.0))
    assert (one(made)["value"], one(made)["reason"]) == (None, "plate-failed")
    assert checks(made, "limits")[0]["found"] == "none"


def test_the_asymptote_interval_is_that_of_the_curve() -> None:
    """B below 0: D is the response at zero, and its variance the fourth of the diagonal of the covariance; t(11)."""
    made = run(
        bead_wells([*standards(noise=(0.75, 1.25)), *sample("S1", 50.0)]),
        limits=limits("asymptote_interval"),
        curve="4PL",
    )
    curve = made.curves.row(0, named=True)
    parameters, covariance = json.loads(curve["parameters"]), json.loads(curve["covariance"])
    t = student.ppf(0.975, curve["df"])
    assert parameters["B"] < 0
    values = [*parameters.values(), 1.0]
    low = parameters["D"] + t * covariance[3][3] ** 0.5
    assert float(signal_at(curve["lowest"], values)) == pytest.approx(max(low, float(signal_at(SERIES[-1], values))))
    high = parameters["A"] - t * covariance[0][0] ** 0.5
    assert float(signal_at(curve["highest"], values)) == pytest.approx(min(high, float(signal_at(SERIES[0], values))))
    assert SERIES[-1] < curve["lowest"]
    assert "asymptote_interval" in checks(made, "limits")[0]["required"]


def test_levels_within_other_limits_must_meet_the_recovery_too() -> None:
    """Three levels read half of what they should: within the limits by their CV, and the plate is not accepted."""
    rows = standards(noise=NOISE)
    for k in range(4, 10):
        rows[k] = {**rows[k], "signal": float(rows[k]["signal"]) * (0.6 if k < 6 else 1.6 if k < 8 else 0.6)}  # type: ignore[arg-type]
    made = run(bead_wells([*rows, *sample("S1", 50.0, 50.0)]), limits=limits("cv_profile", cv=60.0))
    assert not made.curves["accepted"].item()
    assert not checks(made, "levels")[0]["passed"]


@pytest.mark.parametrize("rule", ["recovery", "cv_profile", "asymptote_interval"])
def test_a_hook_ends_the_range_where_it_begins(rule: str) -> None:
    """The highest standard reads as the third: above the second, one signal has two concentrations."""
    rows = standards(noise=(0.99, 1.01))
    for k in range(2):
        rows[k] = {**rows[k], "signal": rows[4 + k]["signal"]}
    made = run(bead_wells([*rows, *sample("S1", 50.0, 50.0)]), limits=limits(rule, levels=4, cv=60.0))
    hook = checks(made, "hook")[0]
    assert not hook["passed"]
    assert hook["found"].endswith(f"above {SERIES[1]}")
    drop = 100 * (1 - float(signal_at(SERIES[2])) / float(signal_at(SERIES[1])))
    assert hook["value"] == pytest.approx(drop, rel=1e-6)
    highest = made.curves["highest"].item()
    assert highest is None or highest <= SERIES[1]


def test_a_noisy_plateau_is_no_hook() -> None:
    """Level means 12 % apart with replicates 30 % apart: three standard errors of the difference are more."""
    points = pl.DataFrame(
        {
            "curve": [0] * 6,
            "nominal": [1.0, 1.0, 10.0, 10.0, 100.0, 100.0],
            "signal": [85.0, 115.0, 870.0, 1130.0, 750.0, 1010.0],
            "used": [True] * 6,
        }
    )
    row = turning(points, 2).to_dicts()
    assert row[0] == {"drop": pytest.approx(12.0), "peak": None}
    assert row[1] == {"drop": None, "peak": None}


def test_without_replicates_ten_percent_is_a_hook() -> None:
    points = pl.DataFrame(
        {"curve": [0] * 3, "nominal": [1.0, 10.0, 100.0], "signal": [100.0, 1000.0, 880.0], "used": [True] * 3}
    )
    assert turning(points, 1).to_dicts() == [{"drop": pytest.approx(12.0), "peak": 10.0}]


def test_the_variance_function_is_told_and_used() -> None:
    plates = [
        bead_wells(
            [*standards(noise=(1 - 0.01 * k, 1 + 0.012 * k)), *sample(f"S{k}", 50.0, 50.0)], file=f"f{k}", plate=f"P{k}"
        )
        for k in range(3, 7)
    ]
    made = run(pl.concat(plates), weight="variance_function")
    told = checks(made, "variance_function")
    assert len(told) == 1
    assert (told[0]["target"], told[0]["scope"], told[0]["passed"]) == ("IL-6", "source", True)
    assert "4 plates, 44 degrees of freedom" in told[0]["found"]
    theta = {json.loads(p)["theta"] for p in made.curves["parameters"]}
    assert theta == {told[0]["value"]}
    assert told[0]["value"] == pytest.approx(2.0, abs=0.3)  # the noise of these plates is a share of the signal
    assert made.measurements["value"].is_not_null().all()


def test_one_small_plate_has_no_variance_function_of_its_own() -> None:
    made = run(bead_wells([*standards(noise=(1.0,)), *sample("S1", 50.0)]), weight="variance_function")
    told = checks(made, "variance_function")[0]
    assert (told["passed"], told["value"], told["action"]) == (False, 2.0, "kept")
    assert one(made)["value"] == pytest.approx(50.0, rel=1e-6)
