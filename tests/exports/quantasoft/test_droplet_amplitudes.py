"""Droplet amplitudes of two wells against the counts that the analyst's thresholds gave in the results table."""

from __future__ import annotations

import polars as pl
import pytest
from tests.external import external

from correlates.quantify.amplitudes import count_partitions
from correlates.quantify.settings import Threshold
from correlates.readers import read
from correlates.readers.amplitudes import read_amplitudes

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
