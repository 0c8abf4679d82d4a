"""QuantaSoft: positives over accepted droplets give the printed concentration by the Poisson formula."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from tests.external import external

from correlates.readers import read


@pytest.mark.parametrize(
    ("file", "rows", "digits", "nanolitres"), [("quant.csv", 12, 6, 0.85), ("small.csv", 10, 3, 0.91)]
)
def test_concentration_follows_from_the_droplets(file: str, rows: int, digits: int, nanolitres: float) -> None:
    """One droplet volume makes the printed concentration of every row: 0.85 nL, and 0.91 nL in the older software.

    Tolerance: the significant digits that the file prints (the older software prints three).
    """
    wells = read(external(f"data/dpcr/quantasoft/{file}")).wells
    assert wells.height == rows
    computed = -np.log1p(-wells["signal"].to_numpy()) / nanolitres * 1000
    np.testing.assert_allclose(computed, wells["reported"].to_numpy(), rtol=0.5 * 10 ** (1 - digits) * 1.05)
    negatives = [int(json.loads(extras)["Negatives"]) for extras in wells["extras"]]
    assert (wells["partitions"] - wells["positives"]).to_list() == negatives


def test_two_generations_of_headings() -> None:
    new = read(external("data/dpcr/quantasoft/quant.csv")).wells
    old = read(external("data/dpcr/quantasoft/small.csv")).wells
    assert new["sample_id"][0] == "SMN2 Control 2 copies"
    assert set(new["role"]) <= {"qc", "unknown", "ntc"}
    assert old.filter(pl.col("well") == "A1").select("sample_id", "target", "positives", "partitions").rows() == [
        ("Dean", "Consensus_FAM", 1901, 15820),
        ("Dean", "WTspecific_HEX", 1978, 15820),
    ]
