"""QuantStudio text and workbook, Design & Analysis, CFX Maestro and RDML, cell by cell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.unit.readers import samples
from tests.unit.readers.samples import CQ_TABLE

from correlates.errors import InputError
from correlates.readers import ReadFile, read

CORE = ("well", "sample_id", "target", "role", "nominal", "signal", "flag", "reported", "row")


def reading(folder: Path, data: str | bytes) -> ReadFile:
    path = folder / "run.any"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read(path)


def extras(found: ReadFile, row: int) -> dict[str, Any]:
    return json.loads(found.wells["extras"][row])


def header(found: ReadFile) -> dict[str, Any]:
    return json.loads(found.file["header"][0])


def test_quantstudio_text(tmp_path: Path) -> None:
    found = reading(tmp_path, samples.QUANTSTUDIO)
    assert found.wells.select(CORE).rows() == [
        ("A1", None, "CAR", "standard", 1000.0, 28.101, None, None, 19),
        ("A2", None, "CAR", "standard", 100.0, None, "omitted", None, 20),
        ("A3", "S01", "CAR", "unknown", None, 24.7, None, 10250.5, 21),
        ("A4", None, "CAR", "ntc", None, None, "undetermined", None, 22),
    ]
    assert found.wells["plate"].unique().to_list() == ["CAR_P01"]
    assert found.wells["sheet"].unique().to_list() == ["Results"]
    assert found.wells["signal_kind"].unique().to_list() == ["cq"]
    assert found.file["software"][0] == "QuantStudio real-time PCR software (QuantStudio(TM) 7 Flex System)"


def test_quantstudio_text_keeps_the_rest(tmp_path: Path) -> None:
    found = reading(tmp_path, samples.QUANTSTUDIO)
    assert extras(found, 0)["Sample Setup: Comments"] == "lot 7"
    assert extras(found, 0)["Sample Color"] == "RGB(0,0,255)"
    assert extras(found, 1)["C\u0442"] == "31.502"  # the Cq of an omitted well is not lost
    assert extras(found, 3)["C\u0442"] == "Undetermined"
    kept = header(found)
    assert kept["properties"]["Block Type"] == "96-Well Block (0.2mL)"
    assert kept["sections"]["Amplification Data"] == "Well\tCycle\tTarget Name\tRn\n1\t1\tCAR\t0.627"
    assert kept["after results"] == "Analysis Type\tSingleplex"


def test_quantstudio_well_without_target_is_kept_in_the_header(tmp_path: Path) -> None:
    text = samples.QUANTSTUDIO.replace("\nAnalysis Type", "5\tA5\tfalse\n\nAnalysis Type", 1).replace(
        "0.074\t\n\n5\tA5", "0.074\t\n5\tA5"
    )
    found = reading(tmp_path, text)
    assert found.wells.height == 4
    assert header(found)["rows without target"] == [{"row": 23, "Well": "5", "Well Position": "A5", "Omit": "false"}]


def test_quantstudio_workbook_agrees_with_the_text(tmp_path: Path) -> None:
    text = reading(tmp_path, samples.QUANTSTUDIO).wells.filter(pl.col("well").is_in(["A1", "A3"]))
    book = reading(tmp_path, samples.quantstudio_workbook()).wells
    columns = [c for c in CORE if c != "row"]
    assert book.select(columns).equals(text.select(columns))
    assert book["row"].to_list() == [5, 6]


def test_quantstudio_decimal_commas(tmp_path: Path) -> None:
    text = samples.QUANTSTUDIO
    for value in ("28.101", "31.502", "24.700", "0.074", "0.627"):
        text = text.replace(value, value.replace(".", ","))
    text = text.replace("1,000.000", "1.000,000").replace("10,250.500", "10.250,500").replace("\t100.000", "\t100,000")
    columns = [c for c in CORE if c != "extras"]
    expected = reading(tmp_path, samples.QUANTSTUDIO).wells.select(columns)
    assert reading(tmp_path, text).wells.select(columns).equals(expected)


def test_quantstudio_control_with_planned_quantity(tmp_path: Path) -> None:
    text = samples.QUANTSTUDIO.replace("CAR\tUNKNOWN\tFAM\t\t\n", "CAR\tPositive Control\tFAM\t9,500.0\t\n")
    text = text.replace("S01\tCAR\tUNKNOWN\tFAM\t24.700", "S01\tCAR\tPositive Control\tFAM\t24.700")
    row = reading(tmp_path, text).wells.row(2, named=True)
    assert (row["role"], row["nominal"], row["reported"]) == ("qc", 9500.0, 10250.5)


def test_design_and_analysis_text(tmp_path: Path) -> None:
    found = reading(tmp_path, samples.DESIGN_AND_ANALYSIS_CSV)
    assert found.wells.select(CORE).rows() == [
        ("A1", "10000", "KAZ", "standard", 10000.0, 24.5, None, None, 5),
        ("A2", "S01", "KAZ", "unknown", None, 27.25, None, 1480.5, 6),
        ("A3", "NTC", "KAZ", "ntc", None, None, "undetermined", None, 7),
    ]
    assert found.wells["plate"][0] == "run_7.eds"
    assert found.file["software"][0] == "Design & Analysis Software v2.7.0"
    assert header(found)["properties"]["Barcode"] == "C3C01IO4"


def test_design_and_analysis_workbook(tmp_path: Path) -> None:
    found = reading(tmp_path, samples.design_and_analysis_workbook())
    assert found.wells.select(CORE).rows() == [
        ("A1", "10000", "KAZ", "standard", 10000.0, 24.5, None, None, 5),
        ("A2", "NTC", "KAZ", "ntc", None, None, "undetermined", None, 6),
    ]
    assert found.wells["sheet"][0] == "Results"
    assert extras(found, 0)["Slope"] == "-3.3042"
    assert "Cycle Number" in header(found)["sheets"]["Amplification Data"]


def test_cfx(tmp_path: Path) -> None:
    found = reading(tmp_path, samples.CFX)
    assert found.wells.select(CORE).rows() == [
        ("A1", None, "CAR", "standard", 100000.0, 22.5, None, None, 2),
        ("A2", "S01", "CAR", "unknown", None, 27.125, None, 4100.5, 3),
        ("A3", None, "FAM", "ntc", None, None, "undetermined", None, 4),
        ("A4", "P1", "HEX", "qc", None, 25.0, None, None, 5),
    ]
    assert extras(found, 1)["Biological Set Name"] == "day 7"
    assert extras(found, 2)["Cq"] == "NaN"


def test_rdml(tmp_path: Path) -> None:
    found = reading(tmp_path, samples.archive({"rdml_data.xml": samples.RDML_XML, "app_data.xml": "<x/>"}))
    assert found.wells.select(CORE).rows() == [
        ("A1", "STD1", "CAR", "standard", 1000.0, 27.5, None, None, 10),
        ("B2", "S01", "CAR", "unknown", None, 30.25, None, 150.5, 11),
        ("A3", "N", "CAR", "ntc", None, None, "undetermined", None, 12),
        ("A4", "S01", "CAR", "unknown", None, None, "omitted", None, 13),
    ]
    assert found.wells["plate"].unique().to_list() == ["R1"]
    assert found.wells["nominal_unit"].to_list() == ["cop", None, None, None]
    assert found.wells["reported_unit"].to_list() == [None, "cop", None, None]
    assert extras(found, 3) == {
        "react": "4",
        "cq": "31",
        "excl": "bubble",
        "sample: description": "day 7",
        "sample: type": "unkn",
    }
    kept = header(found)
    assert extras(found, 0)["points"] == {"cyc": "1", "fluor": "0.1"}
    assert kept["other members"] == ["app_data.xml"]
    assert kept["targets"]["CAR"]["dyeId"] == {"@id": "FAM"}


def test_rdml_unpacked_gives_the_same_wells(tmp_path: Path) -> None:
    packed = reading(tmp_path, samples.archive({"rdml_data.xml": samples.RDML_XML})).wells
    plain = reading(tmp_path, samples.RDML_XML).wells
    assert plain.drop("well_id", "file_id").equals(packed.drop("well_id", "file_id"))


def test_rdml_amounts_per_target(tmp_path: Path) -> None:
    text = samples.RDML_XML.replace(
        "<type>std</type><quantity>",
        '<type>unkn</type><type targetId="CAR">std</type><quantity><value>5</value><unit>ng</unit></quantity><quantity targetId="CAR">',
    )
    row = reading(tmp_path, text).wells.row(0, named=True)
    assert (row["role"], row["nominal"], row["nominal_unit"]) == ("standard", 1000.0, "cop")


def test_rdml_problems_all_at_once(tmp_path: Path) -> None:
    text = samples.RDML_XML.replace("<cq>27.5</cq>", "<cq>early</cq>").replace(
        '<react id="3"><sample id="N"/>', '<react id="3"><sample id="lost"/>'
    )
    with pytest.raises(InputError) as error:
        reading(tmp_path, text)
    assert {p.code for p in error.value.problems} == {"not-a-number", "unknown-sample"}


def test_rdml_damaged_member(tmp_path: Path) -> None:
    data = bytearray(samples.archive({"rdml_data.xml": samples.RDML_XML}))
    data[60:90] = bytes(30)
    with pytest.raises(InputError) as error:
        reading(tmp_path, bytes(data))
    assert error.value.problems[0].code == "damaged-file"


def plain(tmp_path: Path, text: str) -> pl.DataFrame:
    path = tmp_path / "replicates.csv"
    path.write_text(text)
    return read(path).wells


def test_a_plain_table_of_cq(tmp_path: Path) -> None:
    wells = plain(tmp_path, CQ_TABLE)
    assert wells["well"].to_list() == ["A1", "A1 #2", "A2", "A3"]
    assert wells["role"].to_list() == ["standard", "standard", "ntc", "unknown"]
    assert wells["nominal"].to_list() == [10.0, 10.0, None, None]
    assert wells["nominal_unit"].unique().to_list() == ["copies/reaction"]
    assert wells["signal"].to_list() == [36.2, None, None, 30.125]
    assert wells["flag"].to_list() == [None, "undetermined", "undetermined", None]
    assert wells["plate"].unique().to_list() == ["replicates"]


def test_a_plain_table_with_plates_and_roles(tmp_path: Path) -> None:
    wells = plain(
        tmp_path,
        "Plate;Position;Sample;Task;Target;Ct;Copies;Unit\n1;A1;x;Standard;CAR;27,5;1000;copies\n"
        "2;A1;x;QC;CAR;30,1;100;copies\n2;B1;y;Unknown;CAR;31,0;80;copies\n2;C1;z;NTC;CAR;;0;copies\n",
    )
    assert wells["role"].to_list() == ["standard", "qc", "unknown", "ntc"]
    assert wells["nominal"].to_list() == [1000.0, 100.0, None, 0.0]
    assert wells["reported"].to_list() == [None, None, 80.0, None]  # what somebody computed for a sample is no nominal
    assert wells["signal"].to_list() == [27.5, 30.1, 31.0, None]
    assert wells["plate"].to_list() == ["1", "2", "2", "2"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Well,Target,Cq,SQ\nA1,CAR,30.1,10\nA1,CAR,30.1,10\n", "duplicate-well"),
        ("Plate,Well,Target,Cq,SQ\n1,A1,CAR,30.1,10\n1,A1,CAR,30.2,10\n", "duplicate-well"),
        ("Well,Target,Cq,SQ\nA1,CAR,0,10\n", "not-a-cycle"),
        ("Well,Target,Cq,SQ\nA1,CAR,thirty,10\n", "not-a-number"),
        ("Well,Target,Cq,SQ\nA1,CAR,30.1,-10\n", "too-low"),
        ("Well,Target,Cq,SQ\n", "no-rows"),
    ],
)
def test_a_plain_table_that_cannot_be(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(InputError) as error:
        plain(tmp_path, text)
    assert code in {problem.code for problem in error.value.problems}
