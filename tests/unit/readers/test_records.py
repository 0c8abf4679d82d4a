"""Clinical records that are not SDTM, read by a declared mapping."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import polars as pl
import pyreadstat
import pytest

from correlates.errors import InputError
from correlates.readers.records import read_records
from correlates.readers.settings import Records

LONG = "USUBJID,PARAMCD,AVALC,ADT\nS-1,OVR,Partial,2021-03-05\nS-1,BOR,Complete,2021-03\nS-2,OVR,complete ,\n"


def text(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def mapping(table: str, columns: dict[str, str], **more: Any) -> Records:
    return Records(kind="records", file="x", table=table, columns=columns, **more)  # type: ignore[arg-type]


def test_rows_of_adam_become_response_assessments(tmp_path: Path) -> None:
    rule = mapping(
        "assessments",
        {"subject_id": "USUBJID", "response": "AVALC", "date": "ADT"},
        constants={"test": "OVRLRESP", "criteria": "LUGANO 2014"},
        values={"response": {"Complete": "CR", "PARTIAL": "PR"}},
        keep={"PARAMCD": ("ovr",)},
    )
    frame, checks, file = read_records(text(tmp_path / "adrs.csv", LONG), rule, source="responses")
    assert frame.select("subject_id", "test", "criteria", "response", "date").rows() == [
        ("S-1", "OVRLRESP", "LUGANO 2014", "PR", "2021-03-05"),
        ("S-2", "OVRLRESP", "LUGANO 2014", "CR", None),
    ]
    assert [s.split("/")[1] for s in frame["source_id"]] == ["2", "4"]
    kept = checks.row(0, named=True)
    assert (kept["rule"], kept["found"], kept["action"]) == ("rows-kept", "2 of 3 rows", "1 rows left out")
    assert (file["reader"][0], file["source"][0]) == ("records-assessments", "responses")


def test_a_word_that_is_not_mapped_stays_and_is_counted(tmp_path: Path) -> None:
    rule = mapping(
        "assessments",
        {"subject_id": "USUBJID", "response": "AVALC", "test": "PARAMCD"},
        values={"response": {"complete": "CR"}},
    )
    frame, checks, _ = read_records(text(tmp_path / "a.csv", LONG), rule)
    assert frame["response"].to_list() == ["Partial", "CR", "CR"]
    assert checks.select("rule", "target", "found", "passed").rows() == [
        ("unmapped-value", "response", "'Partial' in 1 row", False)
    ]


def test_diameters_side_by_side_become_rows_and_texts_stay(tmp_path: Path) -> None:
    content = "ID;LESION;LONG;SHORT;DAY\nP;T1;12,5;8;1\nP;T2;TOO SMALL TO MEASURE;;29\nP;T3;NE;NE;-3\n"
    rule = mapping(
        "lesions",
        {"subject_id": "ID", "lesion_id": "LESION", "day": "DAY"},
        constants={"kind": "TARGET", "unit": "mm"},
        wide={"LDIAM": "LONG", "LPERP": "SHORT"},
        first_day=1,
    )
    frame, _, _ = read_records(text(tmp_path / "l.csv", content), rule)
    assert frame.select("lesion_id", "measure", "value", "text", "day").rows() == [
        ("T1", "LDIAM", 12.5, "12,5", 0),  # SDTM's day 1 is day 0, its day -3 is day -3
        ("T1", "LPERP", 8.0, "8", 0),
        ("T2", "LDIAM", None, "TOO SMALL TO MEASURE", 28),
        ("T3", "LDIAM", None, "NE", -3),
        ("T3", "LPERP", None, "NE", -3),
    ]


def test_lists_in_cells_become_rows(tmp_path: Path) -> None:
    content = 'ID,DAYS,DIAMS\nP,"[-21, 41, 82]","[13.0, 11.0, TOO SMALL TO MEASURE]"\nQ,[5],"[\'NE\']"\nR,[],[]\n'
    rule = mapping(
        "lesions",
        {"subject_id": "ID", "day": "DAYS", "value": "DIAMS"},
        constants={"lesion_id": "T1", "measure": "LDIAM"},
        unfold=("DAYS", "DIAMS"),
    )
    with pytest.raises(InputError, match="no lists of one length"):
        read_records(text(tmp_path / "bad.csv", content.replace("[5]", '"[5, 6]"')), rule)
    frame, _, _ = read_records(text(tmp_path / "l.csv", content), rule)
    assert frame.select("subject_id", "day", "value", "text").rows() == [
        ("P", -21, 13.0, "13.0"),
        ("P", 41, 11.0, "11.0"),
        ("P", 82, None, "TOO SMALL TO MEASURE"),
        ("Q", 5, None, "NE"),
        ("R", None, None, None),  # a subject without a visit is not lost
    ]


@pytest.mark.parametrize(
    ("form", "written", "read"),
    [
        (None, "2021-03-05", "2021-03-05"),
        (None, "2021-03", "2021-03"),
        (None, "2021-03-05 10:30:00", "2021-03-05T10:30:00"),
        ("%d%b%Y", "05MAR2021", "2021-03-05"),
        ("%d.%m.%Y", "05.03.2021", "2021-03-05"),
        ("%d%b%Y", "UNMAR2021", "UNMAR2021"),  # kept as written: the check of unreadable dates names it
    ],
)
def test_dates_are_read_as_declared(tmp_path: Path, form: str | None, written: str, read: str) -> None:
    path = text(tmp_path / "d.csv", f"ID,WHEN\nP,{written}\n")
    rule = mapping("disposition", {"subject_id": "ID", "date": "WHEN"}, constants={"event": "DEATH"}, date_format=form)
    assert read_records(path, rule)[0]["date"].to_list() == [read]


def test_dates_of_sas_are_counted_from_1960(tmp_path: Path) -> None:
    day = (datetime.date(2021, 3, 5) - datetime.date(1960, 1, 1)).days
    frame = pl.DataFrame({"USUBJID": ["P", "Q"], "ADT": [float(day), None], "ADTM": [day * 86400.0 + 60, None]})
    path = tmp_path / "a.xpt"
    pyreadstat.write_xport(frame, path, table_name="ADRS", variable_format={"ADT": "DATE9.", "ADTM": "DATETIME20."})
    for column in ("ADT", "ADTM"):
        rule = mapping("disposition", {"subject_id": "USUBJID", "date": column}, constants={"event": "X"})
        assert read_records(path, rule)[0]["date"].to_list() == ["2021-03-05", None]


def test_grades_are_read_as_in_sdtm(tmp_path: Path) -> None:
    path = text(tmp_path / "ae.csv", "ID,TERM,GR\nP,CRS,Grade 2\nP,CRS,III\nP,CRS,severe\n")
    rule = mapping("adverse_events", {"subject_id": "ID", "term": "TERM", "grade": "GR"})
    frame, _, _ = read_records(path, rule)
    assert frame.select("grade", "grade_text").rows() == [(2, "Grade 2"), (3, "III"), (None, "severe")]


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("unknown-column", {"columns": {"subject_id": "NOBODY", "event": "EVENT"}}),
        ("unknown-column", {"columns": {"subject_id": "ID", "event": "EVENT", "dat": "WHEN"}}),
        ("unknown-column", {"columns": {"subject_id": "ID", "event": "EVENT"}, "keep": {"NOWHERE": ("x",)}}),
        ("missing-column", {"columns": {"subject_id": "ID"}}),
        ("mapped-twice", {"columns": {"subject_id": "ID", "event": "EVENT"}, "constants": {"event": "DEATH"}}),
        ("not-wide", {"columns": {"subject_id": "ID", "event": "EVENT"}, "wide": {"A": "WHEN"}}),
        ("list", {"columns": {"subject_id": "ID", "event": "EVENT"}, "unfold": ("WHEN",)}),
        ("not-a-number", {"columns": {"subject_id": "ID", "event": "EVENT", "day": "EVENT"}}),
        ("null", {"columns": {"subject_id": "EMPTY", "event": "EVENT"}}),
    ],
)
def test_a_wrong_mapping_is_named(tmp_path: Path, code: str, rule: dict[str, Any]) -> None:
    path = text(tmp_path / "d.csv", "ID,EVENT,WHEN,EMPTY\nP,DEATH,2021-03-05,\n")
    with pytest.raises(InputError) as error:
        read_records(path, mapping("disposition", **rule))
    assert {p.code for p in error.value.problems} == {code}


def test_the_mapping_stands_with_the_file(tmp_path: Path) -> None:
    rule = mapping("assessments", {"subject_id": "USUBJID", "response": "AVALC", "test": "PARAMCD"})
    header = json.loads(read_records(text(tmp_path / "a.csv", LONG), rule)[2]["header"][0])
    assert header["mapped"] == {"subject_id": "USUBJID", "response": "AVALC", "test": "PARAMCD"}
