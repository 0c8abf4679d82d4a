"""Daily records from a plain table: cells as written, and what is wrong with a file named with its rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from correlates.cli import main
from correlates.errors import InputError
from correlates.readers.daily import read_daily

TABLE = "ID,DAY,CRS,TOCI\nA ,0,0,0\nA,1,2,1\nA,2,NA,\nB,0,7,0\nB,0,1,0\n"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "ward.csv"
    path.write_text(text)
    return path


def test_cells_stay_as_written(tmp_path: Path) -> None:
    frame, checks, files = read_daily(
        write(tmp_path, TABLE), "ID", "DAY", {"crs": "CRS", "toci": "TOCI"}, source="ward"
    )
    rows = frame.select("subject_id", "item", "day", "value", "text").rows()
    assert rows[:3] == [("A", "crs", 0, 0, "0"), ("A", "crs", 1, 2, "2"), ("A", "crs", 2, None, None)]
    assert ("B", "crs", 0, 7, "7") in rows  # no grade is judged here
    assert checks.select("item", "rule", "found").rows() == [("B", "day-twice", "day 0 stands in 2 rows")]
    assert files["reader"].to_list() == ["daily"]


@pytest.mark.parametrize(
    ("text", "items", "message"),
    [
        (TABLE, {"crs": "CRZ"}, "Unknown column 'CRZ'"),
        (TABLE.replace("A,1,", "A,one,"), {"crs": "CRS"}, "DAY holds a value that is not a whole number"),
        (TABLE.replace("A,1,", "A,1.5,"), {"crs": "CRS"}, "DAY holds a value that is not a whole number"),
        (TABLE.replace("A,1,", ",1,"), {"crs": "CRS"}, "A row has no ID"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, items: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_daily(write(tmp_path, text), "ID", "DAY", items)


def test_a_grade_seven_and_a_stranger_through_a_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import polars as pl

    write(tmp_path, TABLE)
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "study: {id: X, title: X}\n"
        "sources:\n  ward: {kind: daily, file: ward.csv, subject_id: ID, day: DAY, items: {crs: CRS}}\n"
        "endpoints:\n  crs: {derive: daily_grade, source: ward, item: crs, scale: astct_2019, window: [0, 2]}\n"
    )
    assert main(["run", str(plan)]) == 0
    tables = tmp_path / "run" / "tables"
    outcomes = pl.read_parquet(tables / "outcomes.parquet")
    assert outcomes.select("subject_id", "grade", "reason").rows() == [("A", 2, None), ("B", None, "not-recorded")]
    assert "day 0: '7' is no grade" in pl.read_parquet(tables / "checks.parquet")["found"].to_list()
    capsys.readouterr()
    (tmp_path / "dm.csv").write_text("STUDYID,DOMAIN,USUBJID\nX,DM,A\n")
    (tmp_path / "ex.csv").write_text("STUDYID,DOMAIN,USUBJID,EXTRT,EXDOSE,EXSTDTC\nX,EX,A,CAR T,1,2020-01-01\n")
    plan.write_text(
        plan.read_text().replace("sources:\n", "sources:\n  clinical: {kind: sdtm, files: [dm.csv, ex.csv]}\n")
    )
    assert main(["run", str(plan), "--force"]) == 4
    assert "Subject 'B' of the table daily is not among the subjects (DM)" in capsys.readouterr().err
