"""QX Manager: the clusters of a plate add up to its data table, and both to the printed concentrations."""

from __future__ import annotations

import numpy as np
import polars as pl
from tests.external import external

from correlates.readers import read


def test_clusters_add_up_to_the_data_table() -> None:
    table = read(external("data/dpcr/qx_manager/Excel-file.xlsx")).wells
    clusters = read(external("data/dpcr/qx_manager/CSV-file.csv")).wells
    assert table.height == clusters.height == 176
    counts = ["well", "positives", "partitions"]
    assert clusters.select(counts).sort(counts).equals(table.select(counts).sort(counts))


def test_concentration_follows_from_the_droplets() -> None:
    """One droplet volume, 0.795 nL, makes the printed concentration of every row.

    Tolerance: the software stores concentrations as single-precision numbers.
    """
    wells = read(external("data/dpcr/qx_manager/Excel-file.xlsx")).wells.filter(pl.col("reported").is_not_null())
    computed = -np.log1p(-wells["signal"].to_numpy()) / 0.795 * 1000
    np.testing.assert_allclose(computed, wells["reported"].to_numpy(), rtol=1e-6)
