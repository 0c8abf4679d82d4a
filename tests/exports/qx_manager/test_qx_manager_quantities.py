"""QX Manager: printed concentrations, limits and copy numbers through quantification, and copies per million cells by RPP30."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from tests.external import external

from correlates.quantify import quantify
from correlates.quantify.settings import Dpcr, Reference, Step
from correlates.readers import read
from correlates.schema import PRODUCT, SAMPLES
from correlates.stats import poisson

TARGETS = {t: (t,) for t in ("SilicanoPsi", "SilicanoEnv", "q4Gag", "q4Pol", "q4Psi", "RPP30", "RPP30Shear")}
VOLUME = 0.795


def table() -> pl.DataFrame:
    return read(external("data/dpcr/qx_manager/Excel-file.xlsx")).wells


def printed(wells: pl.DataFrame, key: str) -> list[float | None]:
    cells = [json.loads(text).get(key) for text in wells["extras"]]
    return [None if c in (None, "") else float(c) for c in cells]


def measured(wells: pl.DataFrame, **settings: object) -> pl.DataFrame:
    rules = Dpcr(files=(), targets=TARGETS, min_partitions=1, **settings)  # type: ignore[arg-type]
    return quantify("d", wells, SAMPLES.empty(), PRODUCT.empty(), rules).measurements


def test_copies_of_every_well_are_those_of_the_table() -> None:
    """Copies/20 uL of each well and target, single-precision numbers printed in full."""
    wells = table()
    by_well = wells.with_columns(sample_id=pl.col("well"), copies=pl.Series(printed(wells, "Copies/20µLWell")))
    found = measured(by_well.drop("copies")).join(
        by_well.select("sample_id", pl.col("target").alias("analyte"), "copies"), on=["sample_id", "analyte"]
    )
    known = found.filter(pl.col("copies").is_not_null())
    assert known.height >= 150
    np.testing.assert_allclose(known["estimate"].to_numpy(), known["copies"].to_numpy(), rtol=1e-6)


def test_every_printed_limit() -> None:
    """Few positives or many. Tolerance: 0.0025 counts (the instrument's own search), from four positives up."""
    wells = table().with_columns(low=pl.Series(printed(table(), "PoissonConfMin")))
    wells = wells.with_columns(high=pl.Series(printed(table(), "PoissonConfMax")))
    wells = wells.filter(pl.col("low").is_not_null() & ((pl.col("positives") == 0) | (pl.col("positives") >= 4)))
    assert wells.height >= 140
    n = wells["partitions"].to_numpy()
    low, high = poisson.bio_rad_limits(wells["positives"].to_numpy(), n)
    np.testing.assert_allclose(low * n, wells["low"].to_numpy() * VOLUME * 1e-3 * n, rtol=1e-6, atol=0.0025)
    np.testing.assert_allclose(high * n, wells["high"].to_numpy() * VOLUME * 1e-3 * n, rtol=1e-6, atol=0.0025)


def test_the_volume_is_found_and_compared_with_the_nominal() -> None:
    rules = Dpcr(files=(), targets=TARGETS)
    checks = quantify("d", table(), SAMPLES.empty(), PRODUCT.empty(), rules).checks
    volume = checks.filter(rule="partition_volume").row(0, named=True)
    assert volume["value"] == pytest.approx(VOLUME, rel=1e-6)
    assert not volume["passed"]  # 6.5 % from 0.85 nL
    assert "0.85 nL, nominal of Bio-Rad QX200 droplets" in volume["required"]


def test_copy_numbers_by_the_sheared_reference_are_those_of_the_table() -> None:
    """CNV of RPP30Shear with RPP30 as reference of two copies, 23 wells (one has none)."""
    wells = table()
    cnv = {
        w: c
        for w, t, c in zip(wells["well"], wells["target"], printed(wells, "CNV"), strict=True)
        if t == "RPP30Shear" and c is not None
    }
    by_well = wells.filter(pl.col("target").str.starts_with("RPP30")).with_columns(sample_id=pl.col("well"))
    found = measured(by_well, reference=Reference(target="RPP30")).filter(analyte="RPP30Shear")
    values = dict(found.select("sample_id", "value").iter_rows())
    assert len(cnv) == 23
    for well, copies in cnv.items():
        assert values[well] == pytest.approx(copies, rel=5e-7)


@pytest.mark.parametrize("file", ["Excel-file.xlsx", "CSV-file.csv"])
def test_copies_per_million_cells(file: str) -> None:
    """Five targets over RPP30 of the same sample, wells merged: against the printed concentrations where a sample has one
    well of the target. The clusters give the same counts and therefore the same values; they need no volume."""
    wells, names = table(), table().select("well", "sample_id").unique()
    if file.endswith("csv"):
        clusters = read(external(f"data/dpcr/qx_manager/{file}")).wells.drop("sample_id").join(names, on="well")
        # target N of the clusters is the Nth target of the well in the table
        of_table = wells.select("well", "positives", pl.col("target").alias("named"), "row")
        ordinal = of_table.with_columns(number=pl.col("row").rank("ordinal").over("well").cast(pl.Int64))
        number = clusters["target"].str.extract(r"(\d+)").cast(pl.Int64)
        joined = clusters.with_columns(number=number).join(ordinal.drop("row"), on=["well", "number"])
        assert (joined["positives"] == joined["positives_right"]).all()
        assert joined.height == wells.height
        wells = joined.with_columns(target=pl.col("named")).select(wells.columns)
    per_million = (Step(gives="copies/1e6 cells"),)
    found = measured(wells, reference=Reference(target="RPP30"), chain=per_million)
    assert set(found["unit"]) == {"copies/1e6 cells"}
    reference = table().filter((pl.col("target") == "RPP30") & pl.col("sample_id").is_not_null())
    assert reference.group_by("sample_id").len()["len"].max() > 1  # several wells of it are merged
    counts = table().group_by("sample_id", "target").agg(pl.col("positives", "partitions").sum(), pl.len())
    cells = {
        s: -np.log1p(-k / n) / 2
        for s, t, k, n in counts.select("sample_id", "target", "positives", "partitions").iter_rows()
        if t == "RPP30"
    }
    single = table().join(counts.filter(pl.col("len") == 1).select("sample_id", "target"), on=["sample_id", "target"])
    compared = 0
    values = {(s, a): v for s, a, v in found.select("sample_id", "analyte", "estimate").iter_rows()}
    for sample, target, concentration in single.select("sample_id", "target", "reported").iter_rows():
        if target.startswith("RPP30") or sample not in cells or not concentration:
            continue
        expected = concentration * VOLUME * 1e-3 / cells[sample] * 1e6
        assert values[sample, target] == pytest.approx(expected, rel=2e-6)
        compared += 1
    merged = {(s, t): -np.log1p(-k / n) for s, t, k, n, _ in counts.iter_rows()}
    for (sample, target), value in values.items():
        if value is not None:
            assert value == pytest.approx(merged[sample, target] / cells[sample] * 1e6, rel=1e-9)
            compared += 1
    assert compared >= 20
