"""The entrance: dispatch and what every quantification keeps to."""

from __future__ import annotations

import polars as pl
import pytest
from tests.unit.quantify.plates import cq_wells, exact_standards, partition_wells

from correlates.quantify import QUANTIFIERS, quantify
from correlates.quantify.settings import Dpcr, Qpcr
from correlates.schema import CHECKS, CURVE_POINTS, CURVES, MEASUREMENTS, PRODUCT, SAMPLES, WELLS


def test_codes_are_unique() -> None:
    codes = [q.code for q in QUANTIFIERS]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", [Qpcr, Dpcr])
def test_empty_input_gives_the_four_tables(kind: type[Qpcr] | type[Dpcr]) -> None:
    settings = kind(files=(), targets={})
    made = quantify("x", WELLS.empty(), SAMPLES.empty(), PRODUCT.empty(), settings)
    for frame, table in (
        (made.measurements, MEASUREMENTS),
        (made.curves, CURVES),
        (made.curve_points, CURVE_POINTS),
        (made.checks, CHECKS),
    ):
        assert frame.schema == pl.Schema(table.polars_schema())
        assert frame.height == 0


def test_wells_of_another_kind_are_named() -> None:
    made = quantify(
        "x",
        pl.concat([cq_wells(exact_standards()), partition_wells([{"positives": 1, "partitions": 9}], plate="P9")]),
        SAMPLES.empty(),
        PRODUCT.empty(),
        Qpcr(files=(), targets={"CAR": ("CAR",)}),
    )
    row = made.checks.filter(rule="signal_kind").row(0, named=True)
    assert (row["found"], row["required"], row["passed"]) == ("partitions", "cq", False)
