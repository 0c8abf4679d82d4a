"""SDTM datasets of every kind, and everything that can be wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pyreadstat
import pytest

from correlates.errors import InputError
from correlates.readers.clinical import grades
from correlates.readers.sdtm import read_sdtm

DM = {
    "STUDYID": ["S", "S"],
    "DOMAIN": ["DM", "DM"],
    "USUBJID": ["S-1", "S-2"],
    "AGE": [63.0, 51.0],
    "AGEU": ["YEARS", "YEARS"],
    "SEX": ["F", "M"],
    "DTHDTC": ["", "2021-03"],
    "RFPENDTC": ["2022-01-10", "2021-03"],
}


def csv(path: Path, columns: dict[str, list[Any]]) -> Path:
    pl.DataFrame(columns, strict=False).write_csv(path)
    return path


def xpt(path: Path, columns: dict[str, list[Any]], name: str, version: int = 5) -> Path:
    pyreadstat.write_xport(pl.DataFrame(columns), path, table_name=name, file_format_version=version)
    return path


def codes(error: pytest.ExceptionInfo[InputError]) -> list[str]:
    return [p.code for p in error.value.problems]


@pytest.mark.parametrize("version", [5, 8])
def test_transport_file_gives_subjects_and_characteristics(tmp_path: Path, version: int) -> None:
    read = read_sdtm([xpt(tmp_path / "a.xpt", DM, "DM", version)], source="clinical", relative_to=tmp_path)
    subjects = read.tables["subjects"]
    assert subjects["subject_id"].to_list() == ["S-1", "S-2"]
    assert subjects["age"].to_list() == [63.0, 51.0]
    assert subjects["death_date"].to_list() == [None, "2021-03"]  # as written, incomplete
    assert subjects["death_day"].null_count() == 2
    file = read.files.row(0, named=True)
    assert file["path"] == "a.xpt"
    assert file["reader"] == "sdtm-DM"
    assert file["source"] == "clinical"
    assert subjects["source_id"].to_list() == [f"{file['file_id']}/1", f"{file['file_id']}/2"]
    ages = read.tables["characteristics"].filter(pl.col("name") == "AGE")
    assert ages.select("value", "category", "unit").rows() == [(63.0, "63", "year"), (51.0, "51", "year")]
    assert read.raw["DM"].columns == list(DM)
    assert read.checks.is_empty()


def test_text_file_names_its_rows_as_a_spreadsheet_does(tmp_path: Path) -> None:
    read = read_sdtm([csv(tmp_path / "dm.csv", DM)])
    assert [s.split("/")[1] for s in read.tables["subjects"]["source_id"]] == ["2", "3"]


def test_the_name_of_the_file_proves_nothing(tmp_path: Path) -> None:
    ae = {"DOMAIN": ["AE"], "USUBJID": ["S-1"], "AETERM": ["CRS"]}
    read = read_sdtm([csv(tmp_path / "ae.csv", DM), csv(tmp_path / "dm.csv", ae)])
    assert read.tables["subjects"].height == 2
    assert read.tables["adverse_events"]["term"].to_list() == ["CRS"]


def test_unused_variables_are_named_and_kept(tmp_path: Path) -> None:
    read = read_sdtm([csv(tmp_path / "dm.csv", {**DM, "BRTHDTC": ["1960", "1970"]})])
    assert json.loads(read.files["header"][0])["not_used"] == ["BRTHDTC"]
    assert read.raw["DM"]["BRTHDTC"].to_list() == ["1960", "1970"]


def test_a_domain_nobody_uses_is_kept_and_reported(tmp_path: Path) -> None:
    vs = {"DOMAIN": ["VS"], "USUBJID": ["S-1"], "VSTESTCD": ["WEIGHT"], "VSSTRESN": [70.0]}
    read = read_sdtm([csv(tmp_path / "dm.csv", DM), xpt(tmp_path / "vs.xpt", vs, "VS")])
    assert read.files["reader"].to_list() == ["sdtm-DM", "sdtm-VS (not used)"]
    assert read.raw["VS"]["VSSTRESN"].to_list() == [70.0]


def test_lesions_are_joined_to_their_identification(tmp_path: Path) -> None:
    tu = {
        "DOMAIN": ["TU"] * 2,
        "USUBJID": ["S-1"] * 2,
        "TULNKID": ["T1", "N1"],
        "TUORRES": ["TARGET", "NEW"],
        "TULOC": ["NODE", "LIVER"],
    }
    tr = {
        "DOMAIN": ["TR"] * 4,
        "USUBJID": ["S-1"] * 4,
        "TRLNKID": ["T1", "T1", "N1", None],
        "TRTESTCD": ["LDIAM", "LPERP", "TUMSTATE", "SUMDIAM"],
        "TRORRES": ["2.5", "TOO SMALL TO MEASURE", "PRESENT", "25"],
        "TRORRESU": ["cm", None, None, "mm"],
        "TRSTRESN": [25.0, None, None, 25.0],
        "TRSTRESU": ["mm", None, None, "mm"],
        "TREVAL": ["INVESTIGATOR"] * 4,
        "TRDTC": ["2020-01-02"] * 4,
    }
    read = read_sdtm([csv(tmp_path / f"{n}.csv", d) for n, d in (("dm", DM), ("tu", tu), ("tr", tr))])
    lesions = read.tables["lesions"]
    assert lesions.select("lesion_id", "kind", "location", "value", "unit", "text").rows() == [
        ("T1", "TARGET", "NODE", 25.0, "mm", "2.5"),
        ("T1", "TARGET", "NODE", None, None, "TOO SMALL TO MEASURE"),
        ("N1", "NEW", "LIVER", None, None, "PRESENT"),
    ]
    left_out = read.checks.row(0, named=True)
    assert (left_out["rule"], left_out["value"], left_out["action"]) == ("lesion-without-id", 1.0, "excluded")


def test_a_result_without_standard_result_is_taken_with_its_own_unit(tmp_path: Path) -> None:
    lb = {
        "DOMAIN": ["LB"] * 3,
        "USUBJID": ["S-1"] * 3,
        "LBTESTCD": ["CRP"] * 3,
        "LBORRES": ["1.2", "<0.5", "3"],
        "LBORRESU": ["mg/dL"] * 3,
        "LBSTRESN": [12.0, None, None],
        "LBSTRESU": ["mg/L", "mg/L", None],
    }
    labs = read_sdtm([csv(tmp_path / "dm.csv", DM), csv(tmp_path / "lb.csv", lb)]).tables["labs"]
    assert labs.select("value", "unit", "text").rows() == [
        (12.0, "mg/L", "1.2"),
        (None, "mg/dL", "<0.5"),  # the text is the one collected, and so is its unit
        (3.0, "mg/dL", "3"),
    ]


def test_the_accepted_reading_carries_the_evaluator_alone(tmp_path: Path) -> None:
    rs = {
        "DOMAIN": ["RS"] * 3,
        "USUBJID": ["S-1"] * 3,
        "RSTESTCD": ["OVRLRESP"] * 3,
        "RSSTRESC": ["CR", "PR", "PR"],
        "RSEVAL": ["INDEPENDENT ASSESSOR"] * 2 + ["INVESTIGATOR"],
        "RSEVALID": ["READER 1", "READER 2", None],
        "RSACPTFL": [None, "Y", None],
    }
    read = read_sdtm([csv(tmp_path / "dm.csv", DM), csv(tmp_path / "rs.csv", rs)])
    assert read.tables["assessments"]["evaluator"].to_list() == [
        "INDEPENDENT ASSESSOR/READER 1",
        "INDEPENDENT ASSESSOR",
        "INVESTIGATOR",
    ]


def test_supplemental_qualifiers(tmp_path: Path) -> None:
    ae = {
        "DOMAIN": ["AE"] * 2,
        "USUBJID": ["S-1"] * 2,
        "AESEQ": [1, 2],
        "AETERM": ["CRS", "HEADACHE"],
        "AETOXGR": ["Grade 3", "II"],
    }
    suppae = {
        "RDOMAIN": ["AE"],
        "USUBJID": ["S-1"],
        "IDVAR": ["AESEQ"],
        "IDVARVAL": ["1"],
        "QNAM": ["AEGRSCL"],
        "QLABEL": ["Grading scale"],
        "QVAL": ["ASTCT 2019"],
    }
    suppdm = {
        "RDOMAIN": ["DM"] * 2,
        "USUBJID": ["S-1", "S-2"],
        "IDVAR": [None, None],
        "IDVARVAL": [None, None],
        "QNAM": ["ECOG", "SUBTYPE"],
        "QLABEL": ["Performance status", "Subtype"],
        "QVAL": ["1", "GCB"],
    }
    tables = {"dm": DM, "ae": ae, "suppae": suppae, "suppdm": suppdm}
    read = read_sdtm([csv(tmp_path / f"{n}.csv", d) for n, d in tables.items()])
    events = read.tables["adverse_events"]
    assert events.select("grade", "grade_text", "scale").rows() == [(3, "Grade 3", "ASTCT 2019"), (2, "II", None)]
    given = read.tables["characteristics"].filter(pl.col("name").is_in(["ECOG", "SUBTYPE"]))
    assert given.select("name", "value", "category").rows() == [("ECOG", 1.0, "1"), ("SUBTYPE", None, "GCB")]
    assert read.raw["AE"].columns == list(ae)  # as written


def test_identical_subjects_are_reduced_and_reported(tmp_path: Path) -> None:
    twice = {k: [v[0], v[0], v[1]] for k, v in DM.items()}
    read = read_sdtm([csv(tmp_path / "dm.csv", twice)])
    assert read.tables["subjects"].height == 2
    check = read.checks.row(0, named=True)
    assert (check["rule"], check["item"], check["action"], check["passed"]) == (
        "duplicate-subject",
        "S-1",
        "kept one",
        False,
    )
    assert "rows 2, 3" in check["found"]


def test_contradicting_subjects_are_an_error_naming_both_rows(tmp_path: Path) -> None:
    twice = {k: [v[0], v[0], v[1]] for k, v in DM.items()} | {"AGE": [63.0, 36.0, 51.0]}
    with pytest.raises(InputError, match=r"S-1 has contradicting DM records in rows 2, 3") as error:
        read_sdtm([csv(tmp_path / "dm.csv", twice)])
    assert codes(error) == ["duplicate-subject"]
    assert error.value.problems[0].found == "AGE: '63.0', '36.0'"


def test_subjects_who_are_not_in_dm_are_all_listed(tmp_path: Path) -> None:
    ae = {"DOMAIN": ["AE"] * 3, "USUBJID": ["S-9", "S-1", "S-8"], "AETERM": ["A", "B", "C"]}
    with pytest.raises(InputError) as error:
        read_sdtm([csv(tmp_path / "dm.csv", DM), csv(tmp_path / "ae.csv", ae)])
    assert codes(error) == ["unknown-subject", "unknown-subject"]
    assert [p.where.row for p in error.value.problems if p.where] == [2, 4]
    assert "S-9" in str(error.value)
    assert "S-8" in str(error.value)


def test_without_dm_nobody_is_known(tmp_path: Path) -> None:
    ae = {"DOMAIN": ["AE"], "USUBJID": ["S-1"], "AETERM": ["A"]}
    with pytest.raises(InputError) as error:
        read_sdtm([csv(tmp_path / "ae.csv", ae)])
    assert codes(error) == ["no-dm"]
    with pytest.raises(InputError) as error:
        read_sdtm([])
    assert codes(error) == ["no-match"]


def test_one_domain_in_two_files(tmp_path: Path) -> None:
    one = csv(tmp_path / "site1.csv", {k: v[:1] for k, v in DM.items()})
    two = csv(tmp_path / "site2.csv", {k: v[1:] for k, v in DM.items()})
    assert read_sdtm([one, two]).tables["subjects"].height == 2
    with pytest.raises(InputError, match="1 shared subjects: S-1") as error:
        read_sdtm([one, csv(tmp_path / "all.csv", DM)])
    assert codes(error) == ["domain-twice"]
    again = tmp_path / "copy.csv"
    again.write_bytes(one.read_bytes())
    with pytest.raises(InputError, match="the same bytes twice"):
        read_sdtm([one, again])


def test_all_problems_of_all_files_at_once(tmp_path: Path) -> None:
    ae = {"DOMAIN": ["AE"] * 3, "USUBJID": ["S-1", "S-2", None], "AETERM": ["A"] * 3, "AETOXGR": ["7", "3", "Grade 6"]}
    ex = {"DOMAIN": ["EX"], "USUBJID": ["S-1"], "EXDOSE": ["2,0"]}
    with pytest.raises(InputError) as error:
        read_sdtm([csv(tmp_path / f"{n}.csv", d) for n, d in (("dm", DM), ("ae", ae), ("ex", ex))])
    assert sorted(codes(error)) == ["grade", "grade", "missing-variable", "null"]
    places = {(p.code, p.where.row) for p in error.value.problems if p.where}
    assert {("grade", 2), ("grade", 4), ("null", 4)} <= places


def test_cells_that_are_no_numbers(tmp_path: Path) -> None:
    ex = {"DOMAIN": ["EX"] * 3, "USUBJID": ["S-1"] * 3, "EXTRT": ["X"] * 3, "EXDOSE": ["2,0", "-1", "2"]}
    with pytest.raises(InputError) as error:
        read_sdtm([csv(tmp_path / "dm.csv", DM), csv(tmp_path / "ex.csv", ex)])
    assert [(p.code, p.where.row if p.where else None) for p in error.value.problems] == [
        ("not-a-number", 2),
        ("too-low", 3),
    ]


def test_numbers_that_are_not_finite_name_their_rows(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read_sdtm([csv(tmp_path / "dm.csv", DM | {"AGE": ["NaN", "inf"]})])
    assert [(p.code, p.where.row if p.where else None) for p in error.value.problems] == [
        ("not-a-number", 2),
        ("not-a-number", 3),
    ]


def test_a_dataset_without_records(tmp_path: Path) -> None:
    (tmp_path / "dm.csv").write_text("DOMAIN,USUBJID\n")
    with pytest.raises(InputError) as error:
        read_sdtm([tmp_path / "dm.csv"])
    assert codes(error) == ["no-records"]


def test_dates_as_numbers_are_refused(tmp_path: Path) -> None:
    ex = {"DOMAIN": ["EX"], "USUBJID": ["S-1"], "EXTRT": ["X"], "EXSTDTC": [22000.0]}
    with pytest.raises(InputError) as error:
        read_sdtm([csv(tmp_path / "dm.csv", DM), xpt(tmp_path / "ex.xpt", ex, "EX")])
    assert codes(error) == ["not-a-date"]


@pytest.mark.parametrize("cut", [37, 80, 3000])
def test_a_transport_file_cut_short_is_noticed(tmp_path: Path, cut: int) -> None:
    many = {k: [f"{v[0]}-{i:04d}" if k == "USUBJID" else v[0] for i in range(200)] for k, v in DM.items()}
    path = xpt(tmp_path / "dm.xpt", many, "DM")
    data = path.read_bytes()
    assert read_sdtm([path]).tables["subjects"].height == 200
    path.write_bytes(data[:-cut])
    with pytest.raises(InputError) as error:
        read_sdtm([path])
    assert codes(error) == ["truncated-file"]


def test_a_file_that_is_no_sdtm(tmp_path: Path) -> None:
    (tmp_path / "x.xpt").write_bytes(b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!" + b"0" * 100)
    (tmp_path / "b.csv").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "plain.csv").write_text("a,b\n1,2\n")
    (tmp_path / "two.csv").write_text("DOMAIN,USUBJID\nAE,1\nEX,1\n")
    with pytest.raises(InputError) as error:
        read_sdtm([tmp_path / n for n in ("x.xpt", "b.csv", "plain.csv", "two.csv", "absent.csv")])
    assert codes(error) == ["damaged-file", "not-a-table", "unknown-domain", "several-domains", "cannot-read"]


def test_the_dataset_and_its_domain_must_agree(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read_sdtm([xpt(tmp_path / "ae.xpt", DM, "AE")])
    assert codes(error) == ["domain-differs"]


def test_windows_text_is_read_and_reported(tmp_path: Path) -> None:
    ae = {"DOMAIN": ["AE"], "USUBJID": ["S-1"], "AETERM": ["Fi\u00e8vre ."]}
    path = xpt(tmp_path / "ae.xpt", ae, "AE")
    path.write_bytes(path.read_bytes().replace("\u00e8".encode(), b"\xe8").replace(b"vre .", b"vre .."))
    read = read_sdtm([csv(tmp_path / "dm.csv", DM), path])
    assert read.tables["adverse_events"]["term"].to_list() == ["Fi\u00e8vre .."]
    assert read.checks.select("rule", "found", "passed").rows() == [("encoding", "windows-1252", False)]


def test_na_is_a_blank_only_where_the_file_shows_it(tmp_path: Path) -> None:
    plain = read_sdtm([csv(tmp_path / "dm.csv", {**DM, "SEX": ["NA", "M"]})])
    assert plain.tables["subjects"]["sex"].to_list() == ["NA", "M"]
    shown = read_sdtm([csv(tmp_path / "dm2.csv", {**DM, "SEX": ["NA", "M"], "DTHDTC": ["NA", "2021-03"]})])
    assert shown.tables["subjects"]["sex"].to_list() == [None, "M"]
    assert shown.tables["subjects"]["death_date"].to_list() == [None, "2021-03"]


def test_contradicting_characteristics(tmp_path: Path) -> None:
    supp = {"RDOMAIN": ["DM"] * 2, "USUBJID": ["S-1"] * 2, "QNAM": ["IPI"] * 2, "QVAL": ["2", "3"]}
    with pytest.raises(InputError) as error:
        read_sdtm([csv(tmp_path / "dm.csv", DM), csv(tmp_path / "s.csv", supp)])
    assert codes(error) == ["duplicate-characteristic"]
    same = read_sdtm([csv(tmp_path / "dm.csv", DM), csv(tmp_path / "s.csv", {**supp, "QVAL": ["2", "2"]})])
    assert same.checks["action"].to_list() == ["kept one"]


def test_age_in_another_unit_is_no_age_in_years(tmp_path: Path) -> None:
    read = read_sdtm([csv(tmp_path / "dm.csv", {**DM, "AGEU": ["MONTHS", "YEARS"]})])
    assert read.tables["subjects"]["age"].to_list() == [None, 51.0]
    assert read.tables["characteristics"].filter(pl.col("name") == "AGE")["unit"].to_list() == ["month", "year"]


def test_a_lesion_identified_in_two_ways(tmp_path: Path) -> None:
    tu = {"DOMAIN": ["TU"] * 2, "USUBJID": ["S-1"] * 2, "TULNKID": ["T1"] * 2, "TUORRES": ["TARGET", "NEW"]}
    tr = {"DOMAIN": ["TR"], "USUBJID": ["S-1"], "TRLNKID": ["T1"], "TRTESTCD": ["LDIAM"], "TRORRES": ["9"]}
    with pytest.raises(InputError) as error:
        read_sdtm([csv(tmp_path / f"{n}.csv", d) for n, d in (("dm", DM), ("tu", tu), ("tr", tr))])
    assert codes(error) == ["lesion-twice"]


def test_grades_as_people_write_them() -> None:
    text = pl.Series(["3", "3.0", "Grade 3", "GR4", "III", "iv", "SEVERE", "3-4", None])
    assert grades(text).to_list() == [3, 3, 3, 4, 3, 4, None, None, None]


def test_a_text_result_is_told_in_the_unit_it_was_collected_in(tmp_path: Path) -> None:
    tables = {
        "LB": {
            "DOMAIN": ["LB"] * 4,
            "USUBJID": ["S-1"] * 4,
            "LBTESTCD": ["CRP", "CRP", "CRP", "GLUC"],
            "LBORRES": ["<0.5", "1.2", "0.8", "5"],
            "LBORRESU": ["mg/dL", "mg/dL", "mg/dL", "mg/dL"],
            "LBORNRHI": ["0.5", "0.5", "0.5", None],
            "LBSTRESN": [None, 12.0, None, 5.0],
            "LBSTRESU": ["mg/L", "mg/L", "mg/L", "mg/dL"],
            "LBSTNRHI": [5.0, 5.0, 5.0, None],
            "LBSPEC": ["SERUM", "SERUM", "SERUM", "URINE"],
        },
        "DM": {"DOMAIN": ["DM"], "USUBJID": ["S-1"]},
    }
    paths = []
    for name, columns in tables.items():
        path = tmp_path / f"{name.lower()}.csv"
        pl.DataFrame(columns).write_csv(path)
        paths.append(path)
    labs = read_sdtm(paths).tables["labs"]
    assert labs.select("test", "value", "text", "unit", "upper_normal").rows() == [
        ("CRP", None, "<0.5", "mg/dL", 0.5),
        ("CRP", 12.0, "1.2", "mg/L", 5.0),
        ("CRP", 0.8, "0.8", "mg/dL", 0.5),
        ("GLUC.URINE", 5.0, "5", "mg/dL", None),
    ]


def test_one_domain_is_the_same_from_every_format(tmp_path: Path) -> None:
    import openpyxl

    columns = {**DM, "AGE": [63.0, None]}
    frame = pl.DataFrame(columns).with_columns(pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)).name.keep())
    frame.write_parquet(tmp_path / "dm.parquet")
    frame.write_csv(tmp_path / "dm.csv")
    xpt(tmp_path / "v5.xpt", columns, "DM", 5)
    xpt(tmp_path / "v8.xpt", columns, "DM", 8)
    book = openpyxl.Workbook()
    for row in (frame.columns, *frame.rows()):
        book.active.append(list(row))
    book.save(tmp_path / "dm.xlsx")
    kinds = [{"name": n, "dataType": "float" if t == pl.Float64 else "string"} for n, t in frame.schema.items()]
    rows = [list(r) for r in frame.rows()]
    described = {"datasetJSONVersion": "1.1.0", "name": "DM", "records": 2, "columns": kinds}
    (tmp_path / "dm.json").write_text(json.dumps({**described, "rows": rows}))
    (tmp_path / "dm.ndjson").write_text("\n".join(json.dumps(part) for part in (described, *rows)))
    files = sorted(tmp_path.iterdir())
    assert len(files) == 7
    tables = [read_sdtm([file]).tables["subjects"].drop("source_id") for file in files]
    assert all(table.equals(tables[0]) for table in tables)
    assert tables[0]["age"].to_list() == [63.0, None]
