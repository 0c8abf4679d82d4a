"""Absolute Q: printed concentrations and intervals made again from the counts, through quantification."""

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

FOLDER = "data/dpcr/absolute_q/Appbio_AbsoluteQ_"


def by_well(file: str, **settings: object) -> tuple[pl.DataFrame, Quantified]:
    wells = read(external(FOLDER + file)).wells.with_columns(sample_id=pl.col("well"))
    rules = Dpcr(files=(), targets={t: (t,) for t in wells["target"].unique()}, **settings)  # type: ignore[arg-type]
    return wells, quantify("d", wells, SAMPLES.empty(), PRODUCT.empty(), rules)


@pytest.mark.parametrize("file", ["example01.csv", "summary.csv"])
def test_concentrations_to_the_printed_decimals(file: str) -> None:
    """Copies per reaction over 9 uL, with the nominal chamber volume, are the printed copies/uL (two decimals)."""
    wells, made = by_well(file, partition_nl=0.432)
    values = made.measurements.select("sample_id", "analyte", "estimate")
    found = wells.join(values, left_on=["sample_id", "target"], right_on=["sample_id", "analyte"])
    assert found.height == wells.height
    np.testing.assert_allclose(found["estimate"].to_numpy() / 9.0, found["reported"].to_numpy(), atol=0.0051)


def test_the_instrument_and_its_volume_are_recognised() -> None:
    _, made = by_well("example01.csv")
    checks = {r["rule"]: r for r in made.checks.iter_rows(named=True)}
    assert checks["instrument"]["found"] == "QuantStudio Absolute Q MAP16, by the columns of the file"
    assert checks["partition_volume"]["value"] == pytest.approx(0.432, rel=1e-4)
    assert checks["partition_volume"]["passed"]


def test_concentrations_that_contradict_their_counts_are_named() -> None:
    """Of the second dye of this file some concentrations were edited (5 copies/uL with no positive, say)."""
    _, made = by_well("example05.csv")
    check = made.checks.filter(rule="printed_concentration").row(0, named=True)
    assert not check["passed"]
    assert check["value"] >= 2
    clean = by_well("example01.csv")[1].checks.filter(rule="printed_concentration")
    assert clean["passed"].to_list() == [True]


def test_a_table_without_concentrations_takes_the_nominal_volume() -> None:
    """The multichannel export has no concentration per channel: the counts are those of the summary, the volume nominal."""
    _, channels = by_well("multichannel.csv")
    _, summary = by_well("summary.csv", partition_nl=0.432)
    dye = {"TARGET 1": "FAM", "TARGET 2": "VIC"}
    theirs = {(s, dye[a]): v for s, a, v in summary.measurements.select("sample_id", "analyte", "estimate").iter_rows()}
    ours = {(s, a): v for s, a, v in channels.measurements.select("sample_id", "analyte", "estimate").iter_rows()}
    both = set(ours) & set(theirs)
    assert len(both) >= 6
    assert all(ours[key] == pytest.approx(theirs[key], rel=1e-12) for key in both)
    assert "nominal of QuantStudio Absolute Q" in channels.measurements["chain"][0]


def test_printed_limits_are_the_delta_method_on_the_log_scale() -> None:
    """Limits of the summary as differences, three decimals; the quantile is 1.96."""
    wells, _ = by_well("summary.csv")
    wells = wells.filter(pl.col("positives") > 0)
    found = poisson.copies_per_partition(wells["positives"].to_numpy(), wells["partitions"].to_numpy())
    concentration = found.copies / 0.432e-3
    extras = [json.loads(text) for text in wells["extras"]]
    down = np.array([float(e["95%DeltaLCI"]) for e in extras])
    up = np.array([float(e["95%DeltaUCI"]) for e in extras])
    np.testing.assert_allclose(concentration * -np.expm1(-1.96 * found.log_se), down, atol=0.0006)
    np.testing.assert_allclose(concentration * np.expm1(1.96 * found.log_se), up, atol=0.0006)
