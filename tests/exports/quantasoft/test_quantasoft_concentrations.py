"""What Bio-Rad's software printed, made again from the droplet counts."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from tests.external import external

from correlates import readers
from correlates.quantify import quantify
from correlates.quantify.settings import Dpcr, Reference
from correlates.schema import PRODUCT, SAMPLES
from correlates.stats import poisson


def test_every_concentration_and_interval_of_the_table() -> None:
    """QuantaSoft Analysis Pro prints in full: 0.85 nL, z = 1.96."""
    wells = readers.read(external("data/dpcr/quantasoft/quant.csv")).wells
    found = poisson.copies_per_partition(wells["positives"].to_numpy(), wells["partitions"].to_numpy())
    printed = [{k.casefold(): v for k, v in json.loads(text).items()} for text in wells["extras"]]
    np.testing.assert_allclose(found.copies / 0.85e-3, wells["reported"].to_numpy(), rtol=5e-7)
    np.testing.assert_allclose(found.normal_lower / 0.85e-3, [float(p["poissonconfmin"]) for p in printed], rtol=3e-5)
    np.testing.assert_allclose(found.normal_upper / 0.85e-3, [float(p["poissonconfmax"]) for p in printed], rtol=3e-5)


def test_an_older_droplet_volume_is_found_out() -> None:
    """small.csv was made with 0.91 nL droplets (three printed digits); its limits agree to the printed digit."""
    wells = readers.read(external("data/dpcr/quantasoft/small.csv")).wells
    targets = {t: (t,) for t in wells["target"].unique()}
    made = quantify("d", wells, SAMPLES.empty(), PRODUCT.empty(), Dpcr(files=(), targets=targets))
    assert made.checks.filter(rule="partition_volume")["value"].to_list() == pytest.approx([0.91], rel=2e-3)
    found = poisson.copies_per_partition(wells["positives"].to_numpy(), wells["partitions"].to_numpy())
    printed = [{k.casefold(): v for k, v in json.loads(text).items()} for text in wells["extras"]]
    for limit, exact, key in (
        (found.normal_lower, found.lower, "poissonconfmin"),
        (found.normal_upper, found.upper, "poissonconfmax"),
    ):
        limits = np.array([float(p[key]) for p in printed])
        many = wells["positives"].to_numpy() >= 100
        np.testing.assert_allclose(limit[many] / 0.91e-3, limits[many], rtol=6e-3)  # half of the third digit
        # one well has 90 positives; there this version prints an asymmetric interval close to the exact one
        assert (~many).sum() == 1
        np.testing.assert_allclose(exact[~many] / 0.91e-3, limits[~many], rtol=1e-2)


def test_copy_numbers_through_the_reference() -> None:
    """SMN2 controls of 2 and 4 copies; the software's CNV column is 2 x ratio."""
    wells = readers.read(external("data/dpcr/quantasoft/quant.csv")).wells
    targets = {"SMN2": (wells["target"][0],), "reference": (wells["target"][1],)}
    as_unknown = wells.with_columns(role=pl.lit("unknown"), sample_id=pl.col("well"))
    settings = Dpcr(files=(), targets=targets, reference=Reference(target="reference"))
    made = quantify("d", as_unknown, SAMPLES.empty(), PRODUCT.empty(), settings).measurements
    printed = {
        well: float(cnv)
        for well, cnv in (
            (w, {k.casefold(): v for k, v in json.loads(e).items()}.get("cnv"))
            for w, e in wells.select("well", "extras").iter_rows()
        )
        if cnv not in (None, "")
    }
    found = dict(made.select("sample_id", "value").iter_rows())
    assert len(printed) == 6
    for well, cnv in printed.items():
        assert found[well] == pytest.approx(cnv, rel=5e-7)
