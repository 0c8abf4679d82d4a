"""Plate by plate: every plate's own result of samples and controls, controls over plates, and plates by common samples."""

from __future__ import annotations

import math

import polars as pl
import pytest
from tests.unit.quantify.beads import bead_wells
from tests.unit.quantify.beads import sample as beads_of
from tests.unit.quantify.beads import standards as bead_standards
from tests.unit.quantify.plates import cq_wells, exact_cq, exact_standards, manifest, no_template

from correlates.quantify import plates
from correlates.quantify.settings import Immunoassay, Qpcr, Step
from correlates.schema import PRODUCT, SAMPLES

SETTINGS = Qpcr(files=("*",), targets={"CAR": ("CAR",)}, controls=("QC*",))
PATHS = {"f2": "b/plate2.txt", "f10": "b/plate10.txt", "f1": "b/plate1.txt"}


def pair(name: str, quantity: float, **more: object) -> list[dict[str, object]]:
    return [{"sample_id": name, "signal": exact_cq(quantity), **more} for _ in range(2)]


def plate(file: str, samples: dict[str, float], **controls: float) -> pl.DataFrame:
    rows = [*exact_standards(), *no_template(), *(r for n, q in samples.items() for r in pair(n, q))]
    rows += [r for n, q in controls.items() for r in pair(n, q, role="qc", nominal=200.0)]
    return cq_wells(rows, file=file, plate=f"P{file[1:]}")


WELLS = pl.concat(
    [
        plate("f1", {"A": 1000.0, "B": 500.0, "LOW": 2.0}, QC1=200.0),
        plate("f2", {"A": 2000.0, "B": 1000.0, "LOW": 100.0}, QC1=100.0),
        plate("f10", {"B": 500.0, "C": 70.0}, QC1=400.0),
    ]
)


def results(wells: pl.DataFrame = WELLS, settings: Qpcr = SETTINGS) -> pl.DataFrame:
    held = plates.with_controls(wells, settings.controls)
    return plates.plate_results("q", held, SAMPLES.empty(), PRODUCT.empty(), settings, PATHS)


def test_each_plate_says_its_own() -> None:
    table = results()
    found = {(s, p): e for s, p, e in table.select("sample_id", "plate", "estimate").iter_rows()}
    assert found["A", "P1"] == pytest.approx(1000.0)
    assert found["A", "P2"] == pytest.approx(2000.0)
    assert found["QC1", "P10"] == pytest.approx(400.0)
    assert len(found) == 11
    assert dict(table.select("plate", "plate_order").iter_rows()) == {"P1": 1, "P2": 2, "P10": 3}
    low = table.filter((pl.col("sample_id") == "LOW") & (pl.col("plate") == "P1")).row(0, named=True)
    assert (low["censoring"], low["value"]) == ("left", 10.0)
    assert low["estimate"] == pytest.approx(2.0)


def test_the_unit_chain_is_left_out() -> None:
    chain = (Step(divide_by="samples.dna_ng", scale=1000.0, gives="copies/ug DNA"),)
    chained = Qpcr(files=("*",), targets={"CAR": ("CAR",)}, controls=("QC*",), chain=chain)
    held = plates.with_controls(WELLS, ("QC*",))
    table = plates.plate_results("q", held, manifest(["A"], dna_ng=200.0), PRODUCT.empty(), chained, PATHS)
    assert set(table["unit"]) == {"copies/reaction"}
    assert table["estimate"].null_count() == 0


def test_declared_controls_are_found_by_name_and_keep_their_nominal() -> None:
    unknown = WELLS.with_columns(role=pl.when(pl.col("role") == "qc").then(pl.lit("unknown")).otherwise("role"))
    settings = Qpcr(
        files=("*",), targets={"CAR": ("CAR",)}, controls=("QC*",), controls_nominal={"QC1": {"CAR": 250.0}}
    )
    table = results(unknown, settings).filter(pl.col("role") == "qc")
    assert table["sample_id"].to_list() == ["QC1"] * 3
    assert table["nominal"].to_list() == [250.0] * 3


def test_controls_over_plates_by_hand() -> None:
    table = plates.control_results(results())
    # log10 of 200, 100, 400 about their mean log10 200: 0, -log10 2, +log10 2
    assert table["plate"].to_list() == ["P1", "P2", "P10"]
    assert table["centre"].to_list() == pytest.approx([200.0] * 3)
    assert table["log_sd"].to_list() == pytest.approx([math.log10(2)] * 3)
    assert table["z"].to_list() == pytest.approx([0.0, -1.0, 1.0], abs=1e-9)
    assert table["recovery"].to_list() == pytest.approx([100.0, 50.0, 200.0])
    assert table["between_cv"][0] == pytest.approx(100 * math.sqrt(math.exp(math.log(2) ** 2) - 1))
    assert table["rules"].to_list() == [[], [], []]
    assert table["largest_z"][0] == pytest.approx(2 / math.sqrt(3))


def test_a_control_without_a_result_has_no_z() -> None:
    gone = WELLS.with_columns(
        signal=pl.when((pl.col("plate") == "P2") & (pl.col("role") == "qc")).then(None).otherwise("signal")
    )
    table = plates.control_results(results(gone))
    assert table["z"].to_list() == [None, None, None]  # two plates are too few for limits
    assert table["estimate"].to_list()[1] is None


def test_plates_held_together_by_hand() -> None:
    table = plates.plate_ratios(results())
    rows = {(r["first_plate"], r["plate"]): r for r in table.iter_rows(named=True)}
    assert set(rows) == {("P1", "P2"), ("P1", "P10"), ("P2", "P10")}
    first = rows["P1", "P2"]
    assert (first["n_common"], first["n"]) == (3, 2)  # LOW is below the limit on P1; controls do not take part
    assert first["ratio"] == pytest.approx(2.0)
    assert (first["lower"], first["upper"]) == (pytest.approx(2.0), pytest.approx(2.0))
    assert first["samples"] == ["A", "B"]
    alone = rows["P2", "P10"]
    assert alone["ratio"] == pytest.approx(0.5)
    assert (alone["lower"], alone["upper"]) == (None, None)


def test_the_interval_of_a_ratio_by_hand() -> None:
    wells = pl.concat(
        [plate("f1", {"A": 100.0, "B": 100.0, "C": 100.0}), plate("f2", {"A": 100.0, "B": 200.0, "C": 400.0})]
    )
    row = plates.plate_ratios(results(wells)).row(0, named=True)
    half = 4.302652729911275 * math.log(2) / math.sqrt(3)  # t(0.975, 2) x SD / sqrt(n); SD of 0, ln 2, 2 ln 2 is ln 2
    assert row["ratio"] == pytest.approx(2.0)
    assert row["lower"] == pytest.approx(2.0 * math.exp(-half))
    assert row["upper"] == pytest.approx(2.0 * math.exp(half))
    assert (row["lowest"], row["highest"]) == (pytest.approx(1.0), pytest.approx(4.0))


def test_the_order_of_rows_does_not_matter() -> None:
    assert results(WELLS.reverse()).equals(results())


def test_dilution_is_of_samples_not_of_controls() -> None:
    rows = [*bead_standards(), *beads_of("S", 50.0, 50.0), *beads_of("C", 50.0, 50.0, role="qc", nominal=50.0)]
    wells = bead_wells(rows)
    settings = Immunoassay(files=("*",), dilution=4.0)
    table = plates.plate_results("i", wells, SAMPLES.empty(), PRODUCT.empty(), settings, {})
    found = dict(table.select("sample_id", "estimate").iter_rows())
    assert found["S"] == pytest.approx(4 * found["C"])
    assert plates.control_results(table)["recovery"][0] == pytest.approx(2 * found["C"])


def test_against_the_instruments_quantities() -> None:
    wells = WELLS.with_columns(reported=pl.when(pl.col("sample_id") == "A").then(500.0).otherwise(None))
    table = plates.instrument_ratios(results(wells))
    assert table["median"].to_list() == pytest.approx([2.0, 4.0])
    assert table["n"].to_list() == [1, 1]
