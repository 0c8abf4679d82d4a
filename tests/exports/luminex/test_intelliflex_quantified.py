"""A real INTELLIFLEX plate (no standards) whose first samples are taken as a dilution series: the curve is fitted on real signals."""

from __future__ import annotations

import polars as pl
import pytest
from tests.external import external

from correlates.quantify.immunoassay import quantify_immunoassay
from correlates.quantify.settings import CalibrationLimits, Immunoassay
from correlates.readers import read
from correlates.schema import PRODUCT, SAMPLES

FILE = "data/immunoassay/luminex/luminex_intelliflex_example_01.csv"


@pytest.mark.parametrize("weight", ["1/y2", "variance_function"])
def test_a_series_of_the_plate_as_standards(weight: str) -> None:
    """Donor14_1 to Donor14_6 are one serum, each diluted further; taken as 3-fold standards they rise for every analyte."""
    wells = read(external(FILE)).wells
    series = {f"Donor14_{k}": 3.0 ** (6 - k) for k in range(1, 7)}
    mine = pl.col("sample_id").is_in(list(series)) & (pl.col("target") != "Monitoring")
    wells = wells.with_columns(
        role=pl.when(mine).then(pl.lit("standard")).otherwise("role"),
        nominal=pl.when(mine).then(pl.col("sample_id").replace_strict(series, default=None, return_dtype=pl.Float64)),
    )
    rules = Immunoassay(
        files=("*",), curve="4PL", weight=weight, min_beads=10, limits=CalibrationLimits(levels=3)  # type: ignore[arg-type]
    )  # fmt: skip
    made = quantify_immunoassay("titre", wells, SAMPLES.empty(), PRODUCT.empty(), rules)
    curves = made.curves.filter(pl.col("target") != "Monitoring")
    assert curves["parameters"].is_not_null().all()
    assert (curves["r_squared"] > 0.9).all()
    assert made.checks.filter((pl.col("rule") == "rising") & (pl.col("target") != "Monitoring"))["passed"].all()
    monitoring = made.checks.filter(rule="curve", target="Monitoring")
    assert not monitoring["passed"].item()
