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


def printed(wells: pl.DataFrame, key: str) -> np.ndarray:
    return np.array([float({k.casefold(): v for k, v in json.loads(t).items()}[key]) for t in wells["extras"]])


def limits(wells: pl.DataFrame, volume_nl: float) -> tuple[np.ndarray, np.ndarray]:
    low, high = poisson.bio_rad_limits(wells["positives"].to_numpy(), wells["partitions"].to_numpy())
    return low / volume_nl * 1000, high / volume_nl * 1000


def test_every_concentration_and_interval_of_the_table() -> None:
    """QuantaSoft Analysis Pro prints single-precision numbers in full; its quantile is 1.96."""
    wells = readers.read(external("data/dpcr/quantasoft/quant.csv")).wells
    found = poisson.copies_per_partition(wells["positives"].to_numpy(), wells["partitions"].to_numpy())
    np.testing.assert_allclose(found.copies / 0.85e-3, wells["reported"].to_numpy(), rtol=5e-7)
    low, high = limits(wells, 0.85)
    np.testing.assert_allclose(low, printed(wells, "poissonconfmin"), rtol=2e-6)
    np.testing.assert_allclose(high, printed(wells, "poissonconfmax"), rtol=2e-6)


def test_an_older_droplet_volume_is_found_out_and_reported() -> None:
    """small.csv was made with 0.91 nL droplets; every limit agrees to its three digits, the well of 90 positives included."""
    wells = readers.read(external("data/dpcr/quantasoft/small.csv")).wells
    targets = {t: (t,) for t in wells["target"].unique()}
    made = quantify("d", wells, SAMPLES.empty(), PRODUCT.empty(), Dpcr(files=(), targets=targets))
    check = made.checks.filter(rule="partition_volume").row(0, named=True)
    assert check["value"] == pytest.approx(0.91, rel=2e-3)
    assert not check["passed"]  # 7 % from the nominal 0.85 nL
    assert made.checks.filter(rule="instrument")["found"].item().startswith("Bio-Rad QX200")
    low, high = limits(wells, 0.91)
    assert wells["positives"].min() == 90
    for ours, key in ((low, "poissonconfmin"), (high, "poissonconfmax")):
        assert [f"{v:.3g}" for v in ours] == [f"{v:.3g}" for v in printed(wells, key)]


def test_copy_numbers_through_the_reference() -> None:
    """SMN2 controls of 2 and 4 copies; the software's CNV column is 2 x ratio."""
    wells = readers.read(external("data/dpcr/quantasoft/quant.csv")).wells
    targets = {"SMN2": (wells["target"][0],), "reference": (wells["target"][1],)}
    as_unknown = wells.with_columns(role=pl.lit("unknown"), sample_id=pl.col("well"))
    settings = Dpcr(files=(), targets=targets, reference=Reference(target="reference"))
    made = quantify("d", as_unknown, SAMPLES.empty(), PRODUCT.empty(), settings).measurements
    extras = [(w, json.loads(e).get("CNV")) for w, e in wells.select("well", "extras").iter_rows()]
    expected = {well: float(cnv) for well, cnv in extras if cnv not in (None, "")}
    found = dict(made.select("sample_id", "value").iter_rows())
    assert len(expected) == 6
    for well, cnv in expected.items():
        assert found[well] == pytest.approx(cnv, rel=5e-7)


def test_positive_controls_are_judged_and_not_measured() -> None:
    """SampleType PosCtrl: two and four copies of SMN2, declared as nominal."""
    wells = readers.read(external("data/dpcr/quantasoft/quant.csv")).wells
    targets = {"SMN2": (wells["target"][0],), "reference": (wells["target"][1],)}
    two, four = "SMN2 Control 2 copies", "SMN2 Control 4 copies"
    settings = Dpcr(
        files=(),
        targets=targets,
        reference=Reference(target="reference"),
        controls_nominal={two: {"SMN2": 2.0}, four: {"SMN2": 4.0}},
    )
    made = quantify("d", wells, SAMPLES.empty(), PRODUCT.empty(), settings)
    judged = made.checks.filter(rule="control_accuracy")
    assert set(judged["item"]) == {two, four}
    assert judged["passed"].all()
    assert not set(made.measurements["sample_id"]) & {two, four}
