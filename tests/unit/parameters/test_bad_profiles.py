"""Time courses as they come: every kind of parameter on each, and what is said instead of a number."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from tests.unit.parameters.frames import measurements, one, rules, run

from correlates.parameters import PARAMETERS
from correlates.parameters.settings import Profile

KINDS = [p.kind for p in PARAMETERS if p.settings is Profile]
SPECS = {k.upper(): Profile(take=k, of="car", window=(0.0, 365.0), at_end="stop_at_last") for k in KINDS}  # type: ignore[arg-type]


def of(points: list[tuple[Any, ...]]) -> Any:
    return run(SPECS, ["A"], measurements=measurements({"A": points}))


def told(got: Any) -> dict[str, Any]:
    """The value of each kind, or its reason."""
    return {r["kind"]: r["reason"] or r["value"] for r in got.parameters.iter_rows(named=True)}


def test_one_sample() -> None:
    got = told(of([(7, 9.0)]))
    assert got["cmax"] == got["clast"] == 9.0
    assert got["tmax"] == got["tlast"] == got["last_positive"] == 7.0
    assert got["auc"] == "fewer-than-two-quantifiable"
    assert got["first_negative"] == "still-detected"
    assert got["doubling_time"] == "no-expansion-phase"
    assert {got[k] for k in ("lambda_z", "half_life_tobit", "contraction_half_life", "auc_inf")} == {
        "too-few-after-peak"
    }
    assert (got["fold_expansion"], got["re_expansion"], got["second_peak"]) == (1.0, 0.0, "no-second-peak")


def test_all_below_the_limit() -> None:
    whole = of([(-7, 2.0, "left"), (7, 2.0, "left"), (28, 5.0, "left"), (90, 2.0, "left")])
    got = told(whole)
    assert (one(whole, "CMAX")["value"], one(whole, "CMAX")["censoring"]) == (5.0, "left")
    # under the limits: 7 x 2 + 21 x 3.5 + 62 x 3.5
    assert (one(whole, "AUC")["value"], one(whole, "AUC")["censoring"]) == (pytest.approx(14 + 73.5 + 217), "left")
    assert (got["n_quantifiable"], got["detectable_at"]) == (0.0, 0.0)
    with_value = {"cmax", "auc", "n_quantifiable", "detectable_at"}
    assert {v for k, v in got.items() if k not in with_value} == {"nothing-quantifiable"}


def test_unsorted_and_duplicated_times() -> None:
    plain = [(0, 1.0), (7, 64.0), (14, 32.0), (21, 16.0), (28, 8.0)]
    mixed = [plain[3], (14, 20.0), plain[0], plain[4], (14, 44.0), plain[1]]
    got = of(mixed)
    assert told(got) == pytest.approx(told(of(plain)))
    assert rules(got).count("one-sample-per-day") == 1


def test_negative_values() -> None:
    got = of([(0, -1.0), (7, 64.0), (14, -3.0), (28, 8.0)])
    assert one(got, "CMAX")["value"] == 64.0
    assert one(got, "AUC")["value"] == pytest.approx(7 * 32 + 7 * 32 + 14 * 4)
    assert "area-not-negative" in rules(got)
    assert all(v is None or v >= 0 for v in got.parameters["value"])


@pytest.mark.parametrize("points", [[(0, 9.0), (7, 3.0), (28, 1.0)], [(7, 1.0), (14, 3.0), (28, 9.0)]])
def test_a_peak_at_the_first_or_last_sample_is_kept_and_said(points: list[tuple[Any, ...]]) -> None:
    got = of(points)
    assert one(got, "CMAX")["value"] == 9.0
    assert "peak-inside-profile" in rules(got)


def test_day_0_missing() -> None:
    """Nothing is invented: without a sample on or before day 0 there is no area from day 0, and the check says what to do."""
    got = of([(7, 9.0), (14, 4.0), (28, 1.0)])
    assert one(got, "AUC")["reason"] == "window-not-covered"
    assert one(got, "AUC_INF")["reason"] in {"window-not-covered", "too-few-after-peak"}
    check = got.checks.filter(pl.col("rule") == "window-covered").row(0, named=True)
    assert "start predose" in check["required"]
    assert one(of([(-3, 1.0, "left"), (7, 9.0), (14, 4.0), (28, 1.0)]), "AUC")["value"] is not None


def test_infusion_date_missing() -> None:
    """Without it no sample has a day: the reason says so for every parameter, and the samples are named."""
    got = of([(None, 9.0), (None, 4.0)])
    assert set(told(got).values()) == {"no-study-day"}
    assert rules(got) == ["study-day-known"]


def test_a_value_exactly_at_the_limit_is_quantified() -> None:
    given = measurements({"A": [(-7, 10.0, "left"), (7, 10.0), (28, 10.0, "left")]}).with_columns(lloq=pl.lit(10.0))
    got = run(SPECS, ["A"], measurements=given)
    assert (one(got, "CMAX")["value"], one(got, "CMAX")["censoring"]) == (10.0, "none")
    assert (one(got, "LAST_POSITIVE")["value"], one(got, "FIRST_NEGATIVE")["value"]) == (7.0, 28.0)


@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_zero_and_not_a_number(value: float) -> None:
    """Zero is a number and counts as one; what is not a number never arrives, because tables hold null instead."""
    given = measurements({"A": [(0, 1.0), (7, value), (28, 4.0)]}).with_columns(pl.col("value").fill_nan(None))
    got = run(SPECS, ["A"], measurements=given)
    assert one(got, "N_QUANTIFIABLE")["value"] == (3.0 if value == 0 else 2.0)
