"""QuantaSoft, QX Manager, Absolute Q and QIAcuity, cell by cell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.readers import samples

from correlates.errors import InputError
from correlates.readers import ReadFile, read

CORE = (
    "well",
    "sample_id",
    "target",
    "role",
    "signal",
    "flag",
    "positives",
    "partitions",
    "reported",
    "reported_unit",
    "row",
)

MULTICHANNEL = (
    "Run,Date,Instrument,Plate,Sample,Channels,Count,Copies per microliter,Total\n"
    "r,2023,Q,P7,Sample A1,,100,0.00,200\n"
    "r,2023,Q,P7,Sample A1,VIC,40,1.5,200\n"
    "r,2023,Q,P7,Sample A1,FAM,50,2.5,200\n"
    "r,2023,Q,P7,Sample A1,FAM VIC,10,0.5,200\n"
    "r,2023,Q,P7,Sample A1,ABY,0,0.00,0\n"
    "r,2023,Q,P7,Sample A1,FAM ABY,0,0.00,0\n"
)

SUMMARY = (
    ",,,,,,,FAM,,,,VIC,,,\n"
    "Run name,Group,Sample,Well,DF,QC,Total,Target,Conc.,Positives,Threshold,Target,Conc.,Positives,Threshold,MeanQC\n"
    ",Group,,Average,,,200,CAR,1.0,20,,RPP30,2.0,40,,\n"
    "run1,,S01,A1,1/10.00000,PASS,200,CAR,3.25,50,13019,RPP30,4.25,60,1372,10688\n"
)


def reading(folder: Path, data: str | bytes) -> ReadFile:
    path = folder / "run.any"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read(path)


def extras(found: ReadFile, row: int) -> dict[str, Any]:
    return json.loads(found.wells["extras"][row])


def header(found: ReadFile) -> dict[str, Any]:
    return json.loads(found.file["header"][0])


def test_quantasoft(tmp_path: Path) -> None:
    found = reading(tmp_path, samples.QUANTASOFT)
    assert found.wells.select(CORE).rows() == [
        ("A1", "S01", "CAR", "unknown", 1901 / 15820, None, 1901, 15820, 141.0, "copies/uL", 2),
        ("A1", "S01", "RPP30", "unknown", 1978 / 15820, None, 1978, 15820, 147.0, "copies/uL", 3),
        ("A2", "NTC", "CAR", "ntc", 0.0, None, 0, 14000, None, None, 4),
    ]
    assert extras(found, 2)["Concentration"] == "No Call"
    assert header(found)["merged wells"][0]["MergedWells"] == "(A01,B01)"


def test_quantasoft_well_without_droplets(tmp_path: Path) -> None:
    row = reading(tmp_path, samples.QUANTASOFT.replace("0,14000,14000", "0,0,0")).wells.row(2, named=True)
    assert (row["signal"], row["flag"], row["partitions"]) == (None, "missing", 0)


def test_quantasoft_without_assay_names_the_channel(tmp_path: Path) -> None:
    found = reading(tmp_path, samples.QUANTASOFT.replace('"CAR"', '""').replace('"RPP30"', '""'))
    assert found.wells["target"].to_list() == ["Ch1", "Ch2", "Ch1"]


def test_qx_manager(tmp_path: Path) -> None:
    found = reading(tmp_path, samples.workbook({"Sheet": samples.QX_ROWS}))
    assert found.wells.select(CORE).rows() == [
        ("A1", "S01", "CAR", "unknown", 16 / 15252, None, 16, 15252, 1.3203125, "copies/uL", 2),
        ("A1", "S01", "RPP30", "unknown", 3535 / 15252, None, 3535, 15252, 310.25, "copies/uL", 3),
        ("B1", "NTC", "CAR", "ntc", 0.0, None, 0, 15000, None, None, 4),
    ]
    assert extras(found, 0)["Sample description 2"] == "PBMC"
    assert extras(found, 1)["TargetType"] == "Reference"


def test_qx_clusters(tmp_path: Path) -> None:
    """By hand: target 1 is positive in clusters of 40 and 5; the 7 unclassified droplets do not count for it."""
    found = reading(tmp_path, samples.QX_CLUSTERS)
    assert found.wells.select("well", "target", "positives", "partitions", "row").rows() == [
        ("A1", "Target 1", 45, 15105, 6),
        ("A1", "Target 2", 72, 15112, 6),
    ]
    assert [c["Count"] for c in extras(found, 0)["clusters"]] == ["15000", "40", "60", "5", "7"]
    assert "96.31" in header(found)["after the table"]


def test_qx_cluster_state_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        reading(tmp_path, samples.QX_CLUSTERS.replace("A01,1,0,,40", "A01,2,0,,40"))
    assert [p.code for p in error.value.problems] == ["unknown-state"]


def test_absolute_q_by_dye(tmp_path: Path) -> None:
    found = reading(tmp_path, samples.ABSOLUTE_Q)
    assert found.wells.select(CORE).rows() == [
        ("A1", "S01", "CAR", "unknown", 0.0, None, 0, 20413, 0.0, "copies/uL", 3),
        ("B1", "S01", "CAR", "unknown", 34 / 20449, None, 34, 20449, 3.85, "copies/uL", 4),
    ]
    assert found.wells["plate"].to_list() == ["P7", "P7"]
    assert header(found)["averages"][0]["Positives"] == "17"


def test_absolute_q_combinations(tmp_path: Path) -> None:
    """By hand: FAM stands in combinations of 50 and 10, VIC of 40 and 10; ABY was not measured."""
    found = reading(tmp_path, MULTICHANNEL)
    rows = (
        found.wells.sort("target").select("well", "sample_id", "target", "positives", "partitions", "reported").rows()
    )
    assert rows == [("A1", "Sample A1", "FAM", 60, 200, None), ("A1", "Sample A1", "VIC", 50, 200, None)]
    assert len(extras(found, 0)["combinations"]) == 6


def test_absolute_q_summary(tmp_path: Path) -> None:
    found = reading(tmp_path, SUMMARY)
    assert found.wells.select(
        "well", "sample_id", "target", "positives", "partitions", "reported", "dilution", "row"
    ).rows() == [
        ("A1", "S01", "CAR", 50, 200, 3.25, 10.0, 4),
        ("A1", "S01", "RPP30", 60, 200, 4.25, 10.0, 4),
    ]
    assert extras(found, 0)["Threshold"] == "13019"
    assert extras(found, 1)["Threshold"] == "1372"
    assert [extras(found, i)["dye"] for i in (0, 1)] == ["FAM", "VIC"]
    assert extras(found, 1)["MeanQC"] == "10688"


def test_qiacuity(tmp_path: Path) -> None:
    found = reading(tmp_path, samples.QIACUITY)
    assert found.wells.select(CORE).rows() == [
        ("A1", "S01", "CAR", "unknown", 300 / 8261, None, 300, 8261, 12.5, "copies/uL", 3),
        ("A2", "NTC", "CAR", "ntc", 0.0, None, 0, 8220, 0.0, "copies/uL", 4),
    ]
    assert found.wells["plate"].to_list() == ["plate 9", "plate 9"]
    assert found.wells["dilution"].to_list() == [10.0, 1.0]
