"""Plain tables: the manifest, product attributes, and tables of biomarkers and outcomes."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from correlates.errors import InputError
from correlates.readers.tables import read_product, read_samples, read_table

COLUMNS = {
    "sample_id": "SAMPLE",
    "subject_id": "USUBJID",
    "study_day": "DAY",
    "dna_ng": "DNA",
    "leukocytes_per_ul": "LYMPH + MONO",
}
MANIFEST = "SAMPLE,USUBJID,DAY,DNA (ng),LYMPH,MONO,SITE\nA1,S-1,7,200,850.5,120,X\nA2,S-1,14,,900,,Y\n"


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def codes(error: pytest.ExceptionInfo[InputError]) -> list[str]:
    return [p.code for p in error.value.problems]


def test_manifest(tmp_path: Path) -> None:
    samples, file = read_samples(write(tmp_path / "m.csv", MANIFEST), COLUMNS, source="samples", relative_to=tmp_path)
    rows = samples.select("sample_id", "subject_id", "study_day", "dna_ng", "leukocytes_per_ul").rows()
    assert rows == [("A1", "S-1", 7.0, 200.0, 970.5), ("A2", "S-1", 14.0, None, None)]
    assert [json.loads(e) for e in samples["extras"]] == [{"SITE": "X"}, {"SITE": "Y"}]
    assert file.select("path", "source", "reader").rows() == [("m.csv", "samples", "table")]


@pytest.mark.parametrize("how", ["tsv", "semicolon", "xlsx", "parquet", "utf16"])
def test_the_same_manifest_in_other_formats(tmp_path: Path, how: str) -> None:
    expected, _ = read_samples(write(tmp_path / "m.csv", MANIFEST), COLUMNS)
    path = tmp_path / f"m.{how}"
    cells = [line.split(",") for line in MANIFEST.splitlines()]
    if how == "tsv":
        write(path, MANIFEST.replace(",", "\t"))
    elif how == "semicolon":
        write(path, MANIFEST.replace(",", ";").replace("850.5", "850,5"))
    elif how == "utf16":
        write(path, MANIFEST, "utf-16")
    elif how == "parquet":
        pl.read_csv(MANIFEST.encode()).write_parquet(path)
    else:
        path = tmp_path / "m.xlsx"
        book = openpyxl.Workbook()
        assert book.active is not None
        for row in cells:
            book.active.append([float(c) if c.replace(".", "").isdigit() else c or None for c in row])
        book.save(path)
    found, _ = read_samples(path, COLUMNS)
    assert found.drop("extras").equals(expected.drop("extras"))


def test_manifest_problems_are_all_named(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", MANIFEST.replace("850.5", "many"))
    with pytest.raises(InputError, match="Did you mean 'SAMPLE'") as error:
        read_samples(path, COLUMNS | {"sample_id": "SAMPEL", "visitt": "DAY"})
    assert sorted(codes(error)) == ["not-a-number", "unknown-column", "unknown-column"]
    wrong = next(p for p in error.value.problems if p.code == "not-a-number")
    assert wrong.where is not None
    assert (wrong.where.row, wrong.where.column, wrong.found) == (2, "LYMPH", "'many'")


@pytest.mark.parametrize(
    ("unit", "remedy"), [("ug", "Multiply the column by 1000"), ("day", "Map the column that is meant")]
)
def test_a_unit_that_differs_is_refused(tmp_path: Path, unit: str, remedy: str) -> None:
    with pytest.raises(InputError, match=remedy) as error:
        read_samples(write(tmp_path / "m.csv", MANIFEST.replace("(ng)", f"({unit})")), COLUMNS)
    assert codes(error) == ["unit-differs"]


def test_a_unit_spelled_otherwise_is_the_same_unit(tmp_path: Path) -> None:
    text = MANIFEST.replace("LYMPH", "LYMPH (10^6/L)").replace("MONO", "MONO [cells/µL]")
    samples, _ = read_samples(write(tmp_path / "m.csv", text), COLUMNS)
    assert samples["leukocytes_per_ul"].to_list() == [970.5, None]


def test_samples_that_stand_twice_or_are_nameless(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", MANIFEST + "A1,S-2,1,1,1,1,Z\n,S-2,1,1,1,1,Z\nA9,,1,1,1,1,Z\n")
    with pytest.raises(InputError) as error:
        read_samples(path, COLUMNS)
    assert sorted(codes(error)) == ["duplicate-key", "null", "null"]
    assert "rows 2, 4" in str(error.value)


def test_cells_below_zero_name_the_row_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read_samples(write(tmp_path / "m.csv", MANIFEST.replace("200", "-200")), COLUMNS)
    assert [(p.code, p.where.row) for p in error.value.problems if p.where] == [("too-low", 2)]


def test_sample_and_subject_must_be_declared(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read_samples(write(tmp_path / "m.csv", MANIFEST), {})
    assert codes(error) == ["missing-column", "missing-column"]


def test_columns_that_differ_only_in_unit(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "id,x (day),x (week)\n1,7,1\n")
    for read in (read_table, read_product):
        with pytest.raises(InputError, match="differ only in their unit") as error:
            read(path, "id")
        assert codes(error) == ["duplicate-heading"]


def test_only_sums_are_expressions(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read_samples(write(tmp_path / "m.csv", MANIFEST), COLUMNS | {"leukocytes_per_ul": "LYMPH - MONO"})
    assert codes(error) == ["unknown-column"]


def test_product_attributes(tmp_path: Path) -> None:
    text = "USUBJID,DOUBLING_TIME (days),IFNG (coculture),VCN,LOT\nS-1,1.6,2300,2.1,L1\nS-2,,n.d.,1.4,L2\nS-1,1.6,2300,2.1,L1\n"
    product, checks, _ = read_product(write(tmp_path / "p.csv", text), "USUBJID", {"VCN": "copies/cell"})
    assert product.height == 2 * 4
    first = product.filter(pl.col("subject_id") == "S-1").select("attribute", "value", "text", "unit").rows()
    assert first == [
        ("DOUBLING_TIME", 1.6, "1.6", "day"),
        ("IFNG (coculture)", 2300.0, "2300", None),
        ("VCN", 2.1, "2.1", "copies/cell"),
        ("LOT", None, "L1", None),
    ]
    assert checks.select("rule", "item", "action").rows()[0] == ("duplicate-subject", "S-1", "kept one")
    assert "rows 2, 4" in checks["found"][0]
    odd = checks.filter(pl.col("rule") == "not-a-number").row(0, named=True)
    assert (odd["target"], odd["value"]) == ("IFNG (coculture)", 1.0)


def test_product_problems(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "USUBJID,VCN (copies/cell)\nS-1,2.1\nS-1,1.2\n")
    with pytest.raises(InputError, match=r"S-1.*rows 2, 3"):
        read_product(path, "USUBJID")
    with pytest.raises(InputError) as error:
        read_product(path, "SUBJID")
    assert codes(error) == ["unknown-column"]
    with pytest.raises(InputError) as error:
        read_product(path, "USUBJID", {"VCN": "day", "VNC": "day"})
    assert codes(error) == ["unit-differs", "unknown-column"]


TABLE = "patient,sample,IL6 (pg/mL),CRS,response,batch\nP1,a,3.5,2,R,1\nP1,b,NA,3,NR,1\nP2,c,,0,,2\n"


def test_table_by_unit_of_analysis(tmp_path: Path) -> None:
    frame, checks, _ = read_table(write(tmp_path / "t.csv", TABLE), "patient", "sample")
    assert frame.filter(pl.col("name") == "IL6").select("subject_id", "value", "category", "unit").rows() == [
        ("a", 3.5, "3.5", "pg/mL"),
        ("b", None, None, "pg/mL"),
        ("c", None, None, "pg/mL"),
    ]
    assert frame.filter(pl.col("name") == "response")["category"].to_list() == ["R", "NR", None]
    assert frame.filter(pl.col("name") == "patient")["category"].to_list() == ["P1", "P1", "P2"]
    check = checks.row(0, named=True)
    assert (check["rule"], check["value"], check["passed"]) == ("repeated-subjects", 1.0, False)
    assert check["found"] == "1 of 2 subjects contribute more than one row"


def test_a_subject_twice_needs_a_unit_of_analysis(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", TABLE)
    with pytest.raises(InputError, match="unit of analysis") as error:
        read_table(path, "patient")
    assert codes(error) == ["duplicate-subject"]
    with pytest.raises(InputError) as error:
        read_table(path, "patient", "batch")
    assert codes(error) == ["duplicate-subject"]


def test_columns_are_chosen_and_checked(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", TABLE)
    frame, _, _ = read_table(path, "patient", "sample", ["CRS"])
    assert frame["name"].unique().sort().to_list() == ["CRS", "patient"]
    assert frame.filter(pl.col("name") == "CRS")["value"].to_list() == [2.0, 3.0, 0.0]
    with pytest.raises(InputError, match="Did you mean 'CRS'"):
        read_table(path, "patient", "sample", ["CSR"])


def test_a_column_with_one_word_among_numbers_is_flagged(tmp_path: Path) -> None:
    frame, checks, _ = read_table(write(tmp_path / "t.csv", "id,x\n1,3\n2,4\n3,<LLOQ\n"), "id")
    assert frame["value"].null_count() == 3
    assert frame["category"].to_list() == ["3", "4", "<LLOQ"]
    assert checks.select("rule", "target", "passed").rows() == [("not-a-number", "x", False)]
    assert "'<LLOQ' in row 4" in checks["found"][0]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a,a\n1,2\n", "duplicate-heading"),
        ("a,,b\n1,2,3\n", "no-heading"),
        ("a,b\n1,2,3\n", "ragged-row"),
        ("id\tx\n1\t1,250\n2\t2,500\n", "decimal-mark"),
        ("", "not-a-table"),
        ("id,x\n,2\n", "null"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(InputError) as error:
        read_table(write(tmp_path / "t.csv", text), "id" if "id" in text else "a")
    assert codes(error)[0] == code


def test_a_workbook_with_two_sheets_of_data(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["id", "x"])
    book.create_sheet("more").append(["id", "y"])
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(InputError, match="'more'") as error:
        read_table(tmp_path / "t.xlsx", "id")
    assert codes(error) == ["several-sheets"]


def test_western_text_is_read_and_reported(tmp_path: Path) -> None:
    frame, checks, _ = read_table(write(tmp_path / "t.csv", "id,site\n1,Z\u00fcrich\n", "cp1252"), "id")
    assert frame["category"].to_list() == ["Z\u00fcrich"]
    assert checks["rule"].to_list() == ["encoding"]
