"""What an assay report shows of the wells: spread of replicates, partitions beside the instrument's, printed curves."""

from __future__ import annotations

import json
import math

import polars as pl
import pytest
from tests.unit.quantify.plates import cq_wells, exact_standards, partition_wells

from correlates.quantify import review
from correlates.quantify.settings import Dpcr, Immunoassay, Qpcr
from correlates.schema.assay_review import PLATE_RESULTS

QPCR = Qpcr(files=("*",), targets={"CAR": ("CAR",)})
DPCR = Dpcr(files=("*",), targets={"CAR": ("CAR",)}, partition_nl=0.85, reaction_ul=20.0, min_partitions=1000)


def test_spread_of_cq_by_hand() -> None:
    rows = [
        {"sample_id": "A", "signal": 30.0},
        {"sample_id": "A", "signal": 30.4},
        {"sample_id": "B", "signal": 31.0},
        {"sample_id": "C", "signal": 25.0},
        {"sample_id": "C", "signal": 25.0, "flag": "omitted"},
        {"role": "standard", "sample_id": None, "nominal": 100.0, "signal": 28.0},
        {"role": "standard", "sample_id": None, "nominal": 100.0, "signal": 28.2},
    ]
    wells = review.with_analytes(cq_wells(rows), QPCR)
    table = review.replicate_sets(wells, PLATE_RESULTS.empty(), "q")
    found = {r["sample_id"]: r for r in table.iter_rows(named=True)}
    assert set(found) == {"A", "standard 100"}
    assert found["A"]["level"] == pytest.approx(30.2)
    assert found["A"]["spread"] == pytest.approx(0.4 / math.sqrt(2))
    assert found["A"]["wells"] == ["A1", "A2"]
    assert found["A"]["measure"] == "SD of Cq"


def test_names_of_analytes() -> None:
    wells = pl.concat([cq_wells([{"target": t}]) for t in ("IL-6 (pg/mL)", "IL12", "CAR")])
    assay = Immunoassay(files=("*",), analytes={"IL12P70": ("IL12",)})
    assert review.with_analytes(wells, assay)["analyte"].to_list() == ["IL-6", "IL12P70", "CAR"]
    assert review.with_analytes(wells, QPCR)["target"].to_list() == ["CAR"]


def printed(extras: dict[str, object], reported: float) -> dict[str, object]:
    return {
        "sample_id": "A",
        "positives": 4000,
        "partitions": 16000,
        "reported": reported,
        "reported_unit": "copies/uL",
        "extras": json.dumps(extras),
    }


@pytest.mark.parametrize(
    ("extras", "ends"),
    [
        ({"PoissonConfMin": "330", "PoissonConfMax": "350"}, (330.0, 350.0)),
        ({"95%DeltaLCI": "9.5", "95%DeltaUCI": "11.5"}, (330.5, 351.5)),
        ({"CI (95%) (dPCR reaction)": "10.0%"}, (306.0, 374.0)),
        ({"CI (95%)": "10.0%"}, (306.0, 374.0)),
        ({"CI (95%)": "-"}, (None, None)),
        ({"Supermix": "x"}, (None, None)),
    ],
)
def test_intervals_as_instruments_print_them(
    extras: dict[str, object], ends: tuple[float | None, float | None]
) -> None:
    table = review.partition_wells(partition_wells([printed(extras, 340.0)]), DPCR, "d")
    row = table.row(0, named=True)
    assert (row["printed_lower"], row["printed_upper"]) == (pytest.approx(ends[0]), pytest.approx(ends[1]))
    assert row["concentration"] == pytest.approx(-math.log(0.75) / 0.85e-3)
    assert row["lower"] < row["concentration"] < row["upper"]


def test_wells_without_counts_are_left_out_and_full_wells_have_no_upper_limit() -> None:
    rows = [
        {"sample_id": "A", "positives": None, "partitions": None},
        {"sample_id": "B", "positives": 16000, "partitions": 16000},
        {"sample_id": "C", "positives": 0, "partitions": 16000},
    ]
    table = review.partition_wells(partition_wells(rows), DPCR, "d")
    found = {r["sample_id"]: (r["concentration"], r["upper"]) for r in table.iter_rows(named=True)}
    assert found["B"] == (None, None)
    assert found["C"][0] == 0.0
    assert found["C"][1] == pytest.approx(-math.log(0.05 ** (1 / 16000)) / 0.85e-3)  # mid-P limit of no positives
    assert "A" not in found


@pytest.mark.parametrize(
    "names", [("Slope", "Y-Intercept", "R2", "Efficiency"), ("Slope", "Y-Intercept", "R(superscript 2)", "Efficiency")]
)
def test_curves_as_quantstudio_prints_them(names: tuple[str, ...]) -> None:
    extras = json.dumps(dict(zip(names, ("-3.3042", "37.7468", "0.99002", "100.75"), strict=True)))
    wells = cq_wells([{**row, "extras": extras} for row in exact_standards()])
    table = review.printed_curves(review.with_analytes(wells, QPCR), "q")
    row = table.row(0, named=True)
    assert (row["slope"], row["intercept"], row["r_squared"], row["efficiency"]) == (-3.3042, 37.7468, 0.99002, 100.75)
    assert review.printed_curves(review.with_analytes(cq_wells(exact_standards()), QPCR), "q").is_empty()
