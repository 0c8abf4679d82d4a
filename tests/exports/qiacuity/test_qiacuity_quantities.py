"""QIAcuity: printed concentrations and intervals made again from the counts and the volume of each well."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from tests.external import external

from correlates.quantify import Quantified, quantify
from correlates.quantify.settings import Dpcr
from correlates.readers import read
from correlates.schema import PRODUCT, SAMPLES
from correlates.stats import poisson


def by_well(number: str) -> tuple[pl.DataFrame, Quantified]:
    wells = read(external(f"data/dpcr/qiacuity/qiacuity_dpcr_example{number}.csv")).wells
    wells = wells.with_columns(sample_id=pl.col("well"), role=pl.lit("unknown"))
    rules = Dpcr(files=(), targets={t: (t,) for t in wells["target"].unique()})
    return wells, quantify("d", wells, SAMPLES.empty(), PRODUCT.empty(), rules)


@pytest.mark.parametrize(
    ("number", "plate", "reaction_ul", "passed"),
    [("03", "QIAcuity Nanoplate 26k", 40.0, False), ("04", "QIAcuity Nanoplate 8.5k", 12.0, True)],
)
def test_each_well_keeps_the_volume_it_was_computed_with(
    number: str, plate: str, reaction_ul: float, passed: bool
) -> None:
    """The software corrects the volume of every well; copies per reaction over the reaction volume are then its printed
    copies/uL. On the 26k plate its volumes (0.72 to 0.75 nL) are far from the nominal 0.91 nL, and the check says so."""
    wells, made = by_well(number)
    found = made.measurements.join(
        wells.select("sample_id", pl.col("target").alias("analyte"), "reported"), on=["sample_id", "analyte"]
    )
    assert found["reason"].null_count() == found.height == wells.height
    np.testing.assert_allclose(found["estimate"].to_numpy() / reaction_ul, found["reported"].to_numpy(), rtol=1e-9)
    checks = {r["rule"]: r for r in made.checks.filter(scope="plate").iter_rows(named=True)}
    assert checks["instrument"]["found"] == f"{plate}, by the columns of the file"
    assert checks["partition_volume"]["passed"] is passed
    assert "each well's own" in checks["partition_volume"]["found"]


def test_the_volume_of_a_partition_is_that_of_the_well_over_all_its_partitions() -> None:
    """The export prints the volume of each well (three decimals): over 8,510 partitions it makes the concentration."""
    wells, _ = by_well("04")
    wells = wells.filter(pl.col("reported") > 100)
    volume = np.array([float(json.loads(text)["Volume per well [µl]"]) for text in wells["extras"]])
    own = -np.log1p(-wells["signal"].to_numpy()) / wells["reported"].to_numpy() * 1000
    np.testing.assert_allclose(volume * 1000 / own, 8510, rtol=3e-4)


def test_printed_intervals_are_the_delta_method() -> None:
    """CI (95 %) in percent of the concentration, one decimal, from six positives up."""
    wells, _ = by_well("03")
    wells = wells.filter(pl.col("positives") >= 6)
    found = poisson.copies_per_partition(wells["positives"].to_numpy(), wells["partitions"].to_numpy())
    printed = [float(json.loads(text)["CI (95%)"].rstrip("%")) for text in wells["extras"]]
    np.testing.assert_allclose(196.0 * found.log_se, printed, atol=0.051)
