"""Slips of real PCR files, from the file on disk to the row or the error that names them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.unit.quantify.plates import cq_wells, exact_cq, exact_standards, no_template, partition_wells

from correlates.errors import InputError
from correlates.quantify import Quantified, quantify
from correlates.quantify.settings import Dpcr, Qpcr
from correlates.readers import read
from correlates.schema import PRODUCT, SAMPLES

HEADING = "Well,ExptType,Experiment,Sample,TypeAssay,Assay,Status,Concentration,Positives,Negatives,AcceptedDroplets"


def droplet_file(folder: Path, *lines: str) -> Path:
    path = folder / "plate.csv"
    path.write_text("\n".join((HEADING, *lines)) + "\n")
    return path


def line(well: str, positives: object, accepted: object, *, target: str = "CAR", concentration: object = "") -> str:
    return f"{well},Absolute Quantification,,S1,Ch1Unknown,{target},OK,{concentration},{positives},,{accepted}"


def digital(wells: pl.DataFrame, **settings: Any) -> Quantified:
    declared = {"files": (), "targets": {"CAR": ("CAR",)}, "instrument": "qx200", **settings}
    return quantify("d", wells, SAMPLES.empty(), PRODUCT.empty(), Dpcr(**declared))


def qpcr(*rows: dict[str, object], **settings: Any) -> Quantified:
    declared = {"files": (), "targets": {"CAR": ("CAR",)}, **settings}
    return quantify("q", cq_wells([*no_template(), *rows]), SAMPLES.empty(), PRODUCT.empty(), Qpcr(**declared))


def unknown(cq: float | None, **other: object) -> dict[str, object]:
    return {"sample_id": "A", "signal": cq, **other}


@pytest.mark.parametrize("cell", ["12%", "many", "3.5", "-4"])
def test_counts_of_droplets_that_are_no_counts_are_refused(tmp_path: Path, cell: str) -> None:
    """A percentage, a word, a fraction and a negative number where droplets are counted: file, row and column named."""
    path = droplet_file(tmp_path, line("A01", 100, 15000), line("A02", cell, 15000))
    with pytest.raises(InputError) as caught:
        read(path)
    where = [p.where for p in caught.value.problems]
    assert any(w is not None and w.row == 3 and w.column in ("Positives", "positives") for w in where)


def test_a_negative_concentration_never_gives_a_volume() -> None:
    rows = [
        {"sample_id": "A", "positives": 3000, "partitions": 15_000, "reported": c, "reported_unit": "copies/uL"}
        for c in (-262.0, 262.5)
    ]
    made = digital(partition_wells(rows))
    volume = made.checks.filter(rule="partition_volume").row(0, named=True)
    assert volume["value"] == pytest.approx(0.85, rel=1e-3)
    assert made.checks.filter(rule="printed_concentration")["value"].to_list() == [1.0]


def test_a_negative_concentration_is_told_where_no_other_well_gives_a_volume() -> None:
    row = {"sample_id": "A", "positives": 100, "partitions": 15_000, "reported": -4.0, "reported_unit": "copies/uL"}
    made = digital(partition_wells([row]))
    told = made.checks.filter(rule="printed_concentration")
    assert told["found"].to_list() == ["1 of 1 printed concentrations contradict their counts"]


def test_every_word_among_the_numbers_of_a_plain_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cq.csv"
    path.write_text("Target,Cq,Copies\nCAR,thirty,100\nCAR,31,a hundred\nCAR,34,10\n")
    with pytest.raises(InputError) as caught:
        read(path)
    assert [(p.where.column, p.found) for p in caught.value.problems if p.where] == [
        ("Cq", "'thirty'"),
        ("Copies", "'a hundred'"),
    ]


def test_a_share_typed_for_a_count_is_a_well_with_too_few_partitions() -> None:
    """Percent positive of 100: 12 of 100 is readable, and no droplet well."""
    made = digital(partition_wells([{"sample_id": "A", "positives": 12, "partitions": 100}]))
    assert made.measurements["reason"].to_list() == ["too-few-partitions"]
    assert made.checks.filter(rule="min_partitions")["passed"].to_list() == [False]


def test_more_positive_than_accepted_is_named_and_left_out() -> None:
    made = digital(partition_wells([{"sample_id": "A", "positives": 16_000, "partitions": 15_000}]))
    assert made.checks.filter(rule="counts_possible")["found"].to_list() == ["16000 positive of 15000 partitions"]
    assert made.measurements["reason"].to_list() == ["signal-missing"]


def test_a_well_that_stands_twice_in_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="more than once"):
        read(droplet_file(tmp_path, line("A01", 100, 15000), line("A01", 120, 15000)))


def test_the_same_well_of_two_exports_is_two_plates_and_said() -> None:
    rows = [{"sample_id": "A", "positives": 300, "partitions": 15_000}]
    wells = pl.concat([partition_wells(rows, file="d1"), partition_wells(rows, file="d2")])
    made = digital(wells)
    assert made.checks.filter(rule="one_plate")["found"].to_list() == ["2 plates: d1/D1, d2/D1"]
    assert made.measurements["n_replicates"].to_list() == [2]


@pytest.mark.parametrize("mixed", ["FMC63", "RPP30"])
def test_targets_that_were_not_declared_are_never_mixed_in(mixed: str) -> None:
    rows = [*exact_standards(), unknown(exact_cq(500)), unknown(exact_cq(500)), unknown(exact_cq(9000), target=mixed)]
    made = qpcr(*rows)
    assert made.measurements["value"].to_list() == pytest.approx([500.0])
    strange = made.checks.filter(rule="target_declared").row(0, named=True)
    assert (strange["found"], strange["action"], len(strange["source_ids"])) == (mixed, "excluded", 1)


def test_two_targets_in_one_well_need_two_names() -> None:
    rows = [unknown(20.0, well="B9"), unknown(22.0, well="B9", target="FMC63")]
    with pytest.raises(InputError, match="holds analyte CAR more than once"):
        qpcr(*rows, targets={"CAR": ("CAR", "FMC63")})


def test_a_curve_that_rises_or_is_typed_upside_down_gives_no_value() -> None:
    """Standards labelled in reverse order: more template would give a later Cq."""
    levels = [1e6, 1e5, 1e4, 1e3, 1e2, 1e1]
    upside_down = [
        {"role": "standard", "nominal": n, "signal": exact_cq(q)}
        for n, q in zip(levels, reversed(levels), strict=True)
        for _ in range(2)
    ]
    made = qpcr(*upside_down, unknown(exact_cq(500)), unknown(exact_cq(500)))
    assert made.measurements["reason"].to_list() == ["no-curve"]
    assert made.measurements["detail"].to_list() == ["the slope is not negative; plate rules not met: "
                                                     "curve, slope, efficiency, accuracy"]  # fmt: skip
    failed = made.checks.filter(~pl.col("passed"), rule="curve")
    assert failed["found"].to_list() == ["the slope is not negative"]


def test_one_standard_typed_with_a_lost_decimal_mark_fails_the_curve_by_name() -> None:
    rows = exact_standards()
    for row in rows[9:12]:
        row["nominal"] = 100_000.0  # 1,000 typed as 100,000
    made = qpcr(*rows, unknown(exact_cq(500)), unknown(exact_cq(500)))
    assert made.measurements["reason"].to_list() == ["plate-failed"]
    assert {"accuracy", "r_squared"} <= set(made.checks.filter(~pl.col("passed"))["rule"])


@pytest.mark.parametrize(("cq", "estimate"), [(0.0, True), (-5.0, True), (60.0, False)])
def test_cq_values_that_cannot_be_are_never_quantified(cq: float, estimate: bool) -> None:
    """Zero or negative cycles lie above the highest standard, sixty cycles below the limit: censored, never a number."""
    made = qpcr(*exact_standards(), unknown(cq), unknown(cq))
    row = made.measurements.row(0, named=True)
    assert row["censoring"] == ("right" if estimate else "left")


def test_every_partition_negative_or_every_one_positive() -> None:
    none, every = (
        digital(partition_wells([{"sample_id": "A", "positives": k, "partitions": 15_000}])).measurements.row(
            0, named=True
        )
        for k in (0, 15_000)
    )
    assert (none["censoring"], none["estimate"], none["lower"], none["upper"] > 0) == ("left", 0.0, 0.0, True)
    assert (every["censoring"], every["estimate"], every["upper"], every["lower"] > 0) == ("right", None, None, True)
    assert every["detail"] == "Every partition is positive: the concentration has no upper bound"
