"""The variance that the intervals rest on, against 1,344 real reactions (USGS, 96 replicates per level and target)."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.external import external

from correlates.stats import calibration, poisson


@pytest.mark.parametrize("target", ["SVC", "BHC"])
def test_sampling_and_one_technical_variance_explain_the_spread_from_10_to_10000_copies(target: str) -> None:
    data = (
        pl.read_csv(
            external("data/qpcr/lod_replicates/Data.csv"), null_values=["NA", "N/A", "NaN"], infer_schema_length=None
        )
        .filter((pl.col("Target") == target) & pl.col("Cq").is_not_null() & (pl.col("SQ").cast(pl.Float64) >= 10))
        .with_columns(pl.col("SQ", "Cq").cast(pl.Float64))
    )
    x, y = data["SQ"].log10().to_numpy(), data["Cq"].to_numpy()
    fits = calibration.fit_lines(x, y, np.zeros(len(x), dtype=np.int64), 1)
    levels = data.group_by("SQ").agg(pl.col("Cq").var(), n=pl.len().cast(pl.Int64)).sort("SQ")
    copies, observed = levels["SQ"].to_numpy(), levels["Cq"].to_numpy()
    sampling = (fits.slope[0] / calibration.LN10) ** 2 * poisson.log_sampling_variance(copies)
    found = calibration.technical_variance(
        observed,
        levels["n"].to_numpy() - 1,
        sampling,
        np.zeros(4, dtype=np.int64),
        fallback=fits.residual_sd**2,
        fallback_df=fits.df,
    )
    expected = found.variance[0] + sampling
    assert expected[0] / expected[-1] > 15  # a common variance would be far off at 10 copies
    # a variance of 95 degrees of freedom is within 28 % of its expectation in 95 %
    np.testing.assert_allclose(observed, expected, rtol=0.28)
