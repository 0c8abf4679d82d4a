"""Real MSD exports through the whole quantification, as far as their standards allow."""

from __future__ import annotations

import polars as pl
import pytest
from tests.external import external

from correlates.quantify.immunoassay import quantify_immunoassay
from correlates.quantify.record import Quantified
from correlates.quantify.settings import Immunoassay
from correlates.readers import read
from correlates.schema import PRODUCT, SAMPLES


def quantified(name: str, **settings: object) -> Quantified:
    wells = read(external(f"data/immunoassay/msd/{name}")).wells
    return quantify_immunoassay(
        "msd", wells, SAMPLES.empty(), PRODUCT.empty(), Immunoassay(files=("*",), **settings)  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize("curve", ["4PL", "5PL", "auto"])
def test_our_concentrations_are_those_of_the_workbench(curve: str) -> None:
    """Another program: Discovery Workbench's printed concentrations, from standards of 1.56 to 100, seven levels in duplicate.

    The printed numbers are no function of the signal (2.03 at a signal of 15.6, 1.73 at 16.9: the file is made up), so no closer
    agreement than 8 % can be asked.
    """
    made = quantified("msd_workbench_test_2.csv", curve=curve)
    row = made.curves.row(0, named=True)
    assert (row["n_levels"], row["n_wells"], row["accepted"]) == (7, 14, True)
    assert (row["lowest"], row["highest"]) == (1.5625, 100.0)
    compared = made.checks.filter(rule="instrument_concentration").row(0, named=True)
    assert compared["passed"]
    assert compared["value"] < 8.0
    assert made.curve_points.filter(~pl.col("used"))["reason"].unique().to_list() == [
        "a zero standard is no part of the fit"
    ]
    inside = made.measurements.filter(censoring="none")
    assert inside.height == 5
    assert made.measurements.filter(censoring="right")["value"].unique().to_list() == [100.0]
    assert made.measurements["value"].null_count() == 0


def test_standards_of_one_level_give_no_curve() -> None:
    made = quantified("msd_workbench_test_1.csv")
    assert made.measurements.height == 0
    told = made.checks.filter(rule="curve")
    assert told["found"].to_list() == ["1 standard levels for 5 parameters"] * 2
    assert not told["passed"].any()


def test_signals_that_do_not_follow_the_standards_quantify_nothing() -> None:
    """The file's signals are made up: they go up and down with concentration."""
    made = quantified("test_msd_workbench_xlsx.xlsx")
    assert set(made.measurements["reason"]) == {"plate-failed"}
    assert made.measurements["value"].null_count() == made.measurements.height == 16
    assert not made.checks.filter(rule="rising")["passed"].item()
    assert not made.checks.filter(rule="expected_series")["passed"].item()


def test_plate_text_without_samples_says_so() -> None:
    made = quantified("methodical_test_1.txt")
    assert made.measurements.height == 0
    assert made.checks.filter(rule="sample_named").height == 192
    assert made.curves.height == 2
