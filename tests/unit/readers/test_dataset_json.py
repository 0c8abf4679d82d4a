"""Dataset-JSON 1.1 as JSON and NDJSON, and what can be wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from correlates.errors import InputError
from correlates.readers.sdtm import read_sdtm

# the attributes that CDISC's Dataset-JSON v1.1 asks for
DM: dict[str, Any] = {
    "datasetJSONCreationDateTime": "2024-11-01T10:00:00",
    "datasetJSONVersion": "1.1.0",
    "fileOID": "www.example.org/S/dm",
    "originator": "CRO",
    "sourceSystem": {"name": "Maker", "version": "1.2"},
    "studyOID": "S",
    "metaDataVersionOID": "MDV.1",
    "itemGroupOID": "IG.DM",
    "records": 2,
    "name": "DM",
    "label": "Demographics",
    "columns": [
        {"itemOID": "IT.STUDYID", "name": "STUDYID", "label": "Study Identifier", "dataType": "string"},
        {"itemOID": "IT.USUBJID", "name": "USUBJID", "label": "Unique Subject Identifier", "dataType": "string"},
        {"itemOID": "IT.DOMAIN", "name": "DOMAIN", "label": "Domain", "dataType": "string"},
        {"itemOID": "IT.AGE", "name": "AGE", "label": "Age", "dataType": "integer"},
        {"itemOID": "IT.DTHDTC", "name": "DTHDTC", "label": "Date of Death", "dataType": "date"},
    ],
}
ROWS: list[list[Any]] = [["S", "S-1", "DM", 63, ""], ["S", "S-2", "DM", None, "2021-03"]]


def write(path: Path, *, lines: bool, rows: list[Any] = ROWS, first: bool = False, **changed: Any) -> Path:
    about = {**DM, **changed}
    if lines:
        path.write_text("\n".join(json.dumps(part) for part in (about, *rows)) + "\n")
    else:
        path.write_text(json.dumps({"rows": rows, **about} if first else {**about, "rows": rows}, indent=1))
    return path


@pytest.mark.parametrize(("lines", "first"), [(True, False), (False, False), (False, True)])
def test_a_dataset_becomes_subjects(tmp_path: Path, lines: bool, first: bool) -> None:
    read = read_sdtm([write(tmp_path / "dm.json", lines=lines, first=first)])
    subjects = read.tables["subjects"]
    assert subjects.select("subject_id", "age", "death_date").rows() == [("S-1", 63.0, None), ("S-2", None, "2021-03")]
    file = read.files.row(0, named=True)
    assert (file["reader"], file["software"]) == ("sdtm-DM", "Maker 1.2")
    header = json.loads(file["header"])
    assert (header["format"], header["label"], header["labels"]["AGE"]) == ("Dataset-JSON 1.1.0", "Demographics", "Age")
    rows = [s.split("/")[1] for s in subjects["source_id"]]
    assert rows == (["2", "3"] if lines else ["1", "2"])  # lines of NDJSON, else records


def test_json_and_lines_hold_the_same(tmp_path: Path) -> None:
    one = read_sdtm([write(tmp_path / "a", lines=False)]).raw["DM"]
    assert one.equals(read_sdtm([write(tmp_path / "b", lines=True)]).raw["DM"])
    assert one.schema == {c["name"]: pl.Float64 if c["dataType"] == "integer" else pl.String for c in DM["columns"]}


def test_a_decimal_is_a_text_that_holds_a_number(tmp_path: Path) -> None:
    columns = [{**c, "dataType": "decimal"} if c["name"] == "AGE" else c for c in DM["columns"]]
    read = read_sdtm(
        [write(tmp_path / "dm", lines=False, columns=columns, rows=[["S", "S-1", "DM", "63.5", ""]], records=1)]
    )
    assert read.tables["subjects"]["age"].to_list() == [63.5]


@pytest.mark.parametrize(
    ("code", "row", "changed"),
    [
        ("dataset-json-version", None, {"datasetJSONVersion": "1.0.0"}),
        ("dataset-json-columns", None, {"columns": []}),
        ("dataset-json-columns", None, {"columns": [{"label": "no name"}]}),
        ("truncated-file", None, {"records": 3}),
        ("ragged-row", 2, {"rows": [ROWS[0], ["S", "S-2"]]}),
        ("ragged-row", 2, {"rows": [ROWS[0], "S-2"]}),
        ("not-a-number", 1, {"rows": [["S", "S-1", "DM", "old", ""], ROWS[1]]}),
        ("not-a-text", 1, {"rows": [["S", ["S-1"], "DM", 1, ""], ROWS[1]]}),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, code: str, row: int | None, changed: dict[str, Any]) -> None:
    with pytest.raises(InputError) as error:
        read_sdtm([write(tmp_path / "dm.json", lines=False, **changed)])
    assert [p.code for p in error.value.problems] == [code]
    where = error.value.problems[0].where
    assert where is not None
    assert where.row == row


@pytest.mark.parametrize("lines", [True, False])
def test_a_file_that_was_cut_is_refused(tmp_path: Path, lines: bool) -> None:
    path = write(tmp_path / "dm.json", lines=lines)
    path.write_text(path.read_text()[:-12])
    with pytest.raises(InputError) as error:
        read_sdtm([path])
    assert {p.code for p in error.value.problems} == {"damaged-file"}


def test_lines_that_are_missing_are_counted(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 of 2 records"):
        read_sdtm([write(tmp_path / "dm.ndjson", lines=True, rows=ROWS[:1])])
