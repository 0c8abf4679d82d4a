"""Expected concentrations that cannot be true."""

from __future__ import annotations

import polars as pl
import pytest

from correlates.quantify.expected import check_expected, read_series
from correlates.quantify.settings import Standards

FOURFOLD = [10_000.0, 2_500.0, 625.0, 156.25, 39.0625, 9.765625, 2.44140625]
PLACES = list(range(1, 8))


def test_a_dilution_series() -> None:
    found = read_series(FOURFOLD, PLACES, 1.5)
    assert (found.geometric, found.wrong) == (True, ())
    assert found.step == pytest.approx(4.0)


def test_rounded_values_and_a_missing_level_are_no_fault() -> None:
    assert read_series([10_000, 2_500, 625, 39, 9.8, 2.4], [1, 2, 3, 5, 6, 7], 1.5).geometric


def test_an_ascending_series() -> None:
    assert read_series(FOURFOLD[::-1], PLACES, 1.5).geometric


@pytest.mark.parametrize("factor", [10.0, 0.1, 100.0, 2.0])
@pytest.mark.parametrize("place", range(7))
def test_one_value_that_cannot_be(place: int, factor: float) -> None:
    values = list(FOURFOLD)
    values[place] *= factor
    found = read_series(values, PLACES, 1.5)
    assert (found.geometric, found.wrong) == (False, (place,))
    assert found.should_be == pytest.approx((FOURFOLD[place],))


def test_two_values_that_cannot_be() -> None:
    values = list(FOURFOLD)
    values[1] /= 10
    values[4] *= 10
    found = read_series(values, PLACES, 1.5)
    assert found.wrong == (1, 4)
    assert found.should_be == pytest.approx((FOURFOLD[1], FOURFOLD[4]))


def test_two_levels_exchanged() -> None:
    values = list(FOURFOLD)
    values[2], values[3] = values[3], values[2]
    assert read_series(values, PLACES, 1.5).wrong == (2, 3)


def test_a_series_of_changing_steps_names_no_value() -> None:
    found = read_series([1000, 500, 250, 50, 10, 2, 0.1, 0.01], list(range(8)), 1.5)
    assert (found.geometric, found.wrong) == (False, ())


@pytest.mark.parametrize("values", [[5.0], [5.0, 900.0], []])
def test_too_short_to_say(values: list[float]) -> None:
    assert read_series(values, list(range(len(values))), 1.5).geometric


def wells(names: list[str | None], values: list[float], signals: list[float]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "curve": [0] * len(names),
            "file_id": "f1",
            "plate": "P1",
            "analyte": "IL-6",
            "sample_id": names,
            "nominal": values,
            "signal": signals,
            "well_id": [f"w{i}" for i in range(len(names))],
        },
        schema_overrides={"sample_id": pl.String, "curve": pl.Int64},
    )


@pytest.mark.parametrize("name", ["Standard", None])
def test_levels_without_numbers_are_ordered_by_their_signal(name: str | None) -> None:
    values = list(FOURFOLD)
    values[2] /= 10
    signals = [9_000.0, 4_000.0, 1_500.0, 500.0, 200.0, 90.0, 50.0]
    wrong, checks = check_expected(wells([name] * 7, values, signals), Standards(), "a")
    assert wrong.select("nominal", "should_be").row(0) == pytest.approx((62.5, 625.0))
    assert checks["rule"].to_list() == ["expected_concentration"]


def test_replicates_of_one_level_are_one_value() -> None:
    names = [f"S{k}" for k in range(1, 8) for _ in range(2)]
    wrong, checks = check_expected(
        wells(names, [v for v in FOURFOLD for _ in range(2)], [float(i) for i in range(14, 0, -1)]), Standards(), "a"
    )
    assert wrong.height == 0
    assert checks.select("rule", "passed", "action").row(0) == ("expected_series", True, "none")


def test_a_series_nobody_can_explain_is_kept_and_named() -> None:
    names = [f"S{k}" for k in range(8)]
    _, checks = check_expected(
        wells(names, [1000.0, 500.0, 250.0, 50.0, 10.0, 2.0, 0.1, 0.01], [8.0, 7, 6, 5, 4, 3, 2, 1]), Standards(), "a"
    )
    assert checks.select("rule", "passed", "action").row(0) == ("expected_series", False, "kept")
