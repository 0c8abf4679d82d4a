"""Droplet amplitudes of two wells against the counts that the analyst's thresholds gave in the results table."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from tests.external import external

from correlates.quantify import quantify
from correlates.quantify.amplitudes import count_partitions, count_wells
from correlates.quantify.settings import Dpcr, Threshold
from correlates.readers import read
from correlates.readers.amplitudes import read_amplitudes
from correlates.schema import PRODUCT, SAMPLES

# thresholds set by hand in the software: between the lowest positive and the highest negative droplet of the file
BY_HAND = {"A01": {"Assay1": 7880.0, "Assay2": 4005.0}, "F05": {"Assay1": 7870.0, "Assay2": 4010.0}}


def table_counts(well: str) -> list[tuple[int, int]]:
    wells = read(external("data/dpcr/quantasoft/small.csv")).wells.filter(pl.col("well") == well.replace("0", ""))
    return wells.select("positives", "partitions").rows()


@pytest.mark.parametrize("well", ["A01", "F05"])
def test_with_the_analysts_threshold_the_counts_are_the_tables(well: str) -> None:
    amplitudes = read_amplitudes(external(f"data/dpcr/quantasoft/small_{well}_Amplitude.csv"))
    counted = count_partitions(amplitudes, Threshold(at=BY_HAND[well]))
    assert counted.select("positives", "partitions").rows() == table_counts(well)


@pytest.mark.parametrize("well", ["A01", "F05"])
def test_the_fitted_threshold_agrees_but_for_the_rain(well: str) -> None:
    """The analyst cut channel 1 just below the positives, so that rain counts as negative; half way, it is shared.

    Tolerance: the counts differ by no more than the droplets of the rain (found: 7.0, 0.7, 7.5 and 0.4 %).
    """
    amplitudes = read_amplitudes(external(f"data/dpcr/quantasoft/small_{well}_Amplitude.csv"))
    counted = count_partitions(amplitudes)
    for (positives, partitions), row in zip(table_counts(well), counted.iter_rows(named=True), strict=True):
        assert row["partitions"] == partitions
        assert abs(row["positives"] - positives) <= row["rain"]
        assert row["positives"] == pytest.approx(positives, rel=0.08)


@pytest.mark.parametrize("well", ["A01", "F05"])
def test_the_classes_of_the_file_are_the_counts_of_the_table(well: str) -> None:
    """Clusters 2 and 3 are positive in the first channel, 3 and 4 in the second: the table's counts to the droplet."""
    found = read(external(f"data/dpcr/quantasoft/small_{well}_Amplitude.csv"))
    assert found.wells.select("positives", "partitions").rows() == table_counts(well)
    assert found.wells["well"].unique().to_list() == [well.replace("0", "")]
    assert found.amplitudes.height == 2 * found.wells["partitions"][0]


def test_both_ways_to_count_reach_the_quantity() -> None:
    """By classes the quantity is that of the results table; by thresholds it differs as the counts do."""
    paths = [external(f"data/dpcr/quantasoft/small_{well}_Amplitude.csv") for well in ("A01", "F05")]
    files = [read(path) for path in paths]
    wells, amplitudes = pl.concat([f.wells for f in files]), pl.concat([f.amplitudes for f in files])
    settings = Dpcr(files=(), targets={"CAR": ("Assay1",), "WT": ("Assay2",)}, partition_nl=0.91, reaction_ul=1.0)
    table = read(external("data/dpcr/quantasoft/small.csv")).wells.filter(pl.col("well").is_in(["A1", "F5"]))
    values = {}
    for counts in ("instrument", "threshold"):
        chosen = replace(settings, counts=counts)
        counted = count_wells(wells, amplitudes, chosen, "d")
        assert counted.checks.filter(~pl.col("passed")).is_empty()
        found = quantify("d", counted.wells, SAMPLES.empty(), PRODUCT.empty(), chosen).measurements
        values[counts] = found.sort("sample_id", "analyte")["value"].to_list()
    printed = table.sort("well", "target")["reported"].to_list()
    assert values["instrument"] == pytest.approx(printed, rel=0.005)  # three digits are printed
    assert values["threshold"] == pytest.approx(printed, rel=0.09)
    assert values["threshold"] != values["instrument"]
