"""The public functions, and bad input of every kind: what is wrong, where, and all of it at once."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl
import pytest
from tests.unit.readers import samples

from correlates.errors import InputError, Problem
from correlates.readers import READERS, read, recognise

GENOTYPES = "[Results]\nWell\tWell Position\tSample Name\tSNP Assay Name\tTask\tAllele1 Ct\n1\tA1\tx\tCYP\tNTC\t30\n"


def put(folder: Path, data: str | bytes, name: str = "f.csv") -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def problems(path: Path, reader: str | None = None) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as error:
        read(path, reader=reader)
    return error.value.problems


def test_recognise_by_content_not_by_name(tmp_path: Path) -> None:
    assert recognise(put(tmp_path, samples.QUANTASOFT, "luminex.xlsx")).code == "quantasoft"


def test_ids_come_from_the_content(tmp_path: Path) -> None:
    a = read(put(tmp_path, samples.QUANTSTUDIO, "a.txt"))
    b = read(put(tmp_path, samples.QUANTSTUDIO, "b.txt"))
    assert a.wells["well_id"].to_list() == b.wells["well_id"].to_list()
    assert a.file["file_id"].to_list() == b.file["file_id"].to_list()
    assert a.wells["well_id"][0] == f"{a.file['file_id'][0]}/1/A1/CAR"


def test_path_is_relative_to_the_plan(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "plan").mkdir()
    path = put(tmp_path / "raw", samples.CFX)
    assert read(path, relative_to=tmp_path).file["path"][0] == "raw/f.csv"
    assert read(path, relative_to=tmp_path / "plan").file["path"][0] == "../raw/f.csv"
    assert read(path).file["path"][0] == path.as_posix()


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        ("", "empty-file", "empty"),
        (b"\xff\xfe", "empty-file", "empty"),
        ("name,age\nx,3\n", "unknown-format", "comma-delimited text, first row 'name, age'"),
        (b"%PDF-1.4\x00\x00", "unknown-format", "a PDF document"),
        (b"\x00\x01\x02\x03", "unknown-format", "binary content"),
        ("<?xml version='1.0'?><other/>", "unknown-format", "XML document"),
        (samples.archive({"a.txt": "x"}), "unknown-format", "a zip archive with a.txt"),
        (samples.workbook({"Budget": [("a", "b")]}), "unknown-format", "a workbook with sheets 'Budget'"),
        (GENOTYPES, "format-without-wells", "a QuantStudio genotyping export"),
    ],
)
def test_a_file_nobody_reads(tmp_path: Path, data: str | bytes, code: str, words: str) -> None:
    (problem,) = problems(put(tmp_path, data))
    assert problem.code == code
    assert words in str(problem)
    assert problem.do is not None
    assert problem.expected is not None
    assert all(reader.label in problem.expected for reader in READERS)


def test_unknown_reader_suggests_the_closest(tmp_path: Path) -> None:
    (problem,) = problems(put(tmp_path, samples.CFX), reader="quantasof")
    assert problem.code == "unknown-reader"
    assert "quantasoft" in str(problem.do)


def test_wrong_reader_names_the_right_one(tmp_path: Path) -> None:
    (problem,) = problems(put(tmp_path, samples.CFX), reader="quantasoft")
    assert problem.code == "wrong-reader"
    assert "cfx_maestro" in str(problem.found)


def test_named_reader_reads(tmp_path: Path) -> None:
    assert read(put(tmp_path, samples.CFX), reader="cfx_maestro").wells.height == 4


def test_empty_file_with_a_named_reader(tmp_path: Path) -> None:
    assert problems(put(tmp_path, ""), reader="cfx_maestro")[0].code == "empty-file"


def test_truncated_workbook(tmp_path: Path) -> None:
    (problem,) = problems(put(tmp_path, samples.workbook({"Sheet": samples.QX_ROWS})[:1500], "p.xlsx"))
    assert problem.code == "damaged-file"
    assert problem.where is not None
    assert problem.where.file is not None
    assert problem.where.file.endswith("p.xlsx")


def test_utf16_and_decimal_commas_give_the_same_wells(tmp_path: Path) -> None:
    plain = read(put(tmp_path, samples.QUANTASOFT, "a")).wells
    german = (
        samples.QUANTASOFT.replace("141,147", "141,0;147").replace('"', "").replace(",", ";").replace("141;0", "141,0")
    )
    german = german.replace("(A01;B01)", "(A01,B01)")
    other = read(put(tmp_path, german.encode("utf-16"), "b")).wells
    columns = ["well", "sample_id", "target", "role", "signal", "flag", "positives", "partitions", "reported", "row"]
    assert other.select(columns).equals(plain.select(columns))


@pytest.mark.parametrize(
    ("code", "header"),
    [
        ("cfx_maestro", samples.CFX.splitlines()[0]),
        ("quantasoft", samples.QUANTASOFT.splitlines()[0]),
        ("simple_plex", samples.SIMPLE_PLEX.splitlines()[0]),
        ("absolute_q", samples.ABSOLUTE_Q.splitlines()[0]),
        ("qiacuity", "\n".join(samples.QIACUITY.splitlines()[:2])),
        ("qx_manager_clusters", "\n".join(samples.QX_CLUSTERS.splitlines()[:5])),
        ("msd_workbench", "\n".join(samples.MSD.splitlines()[:2])),
        ("quantstudio", samples.QUANTSTUDIO.split("1\tA1\tfalse")[0]),
        ("quantstudio_da", samples.DESIGN_AND_ANALYSIS_CSV.split('"1","A1"')[0]),
        ("xponent", samples.XPONENT.split('"1(1,A1)"')[0]),
        ("methodical_mind", samples.METHODICAL_MIND.split("A \t")[0]),
        ("rdml", samples.RDML_XML.split("<react")[0] + "</run></experiment></rdml>"),
        ("bioplex", samples.BIOPLEX.split("<Samples>")[0] + "</bpm:BioPlexManager>"),
    ],
)
def test_a_heading_without_rows(tmp_path: Path, code: str, header: str) -> None:
    path = put(tmp_path, header)
    assert recognise(path).code == code
    assert "no-rows" in {p.code for p in problems(path)}


def test_wells_that_stand_twice_name_both_rows(tmp_path: Path) -> None:
    text = samples.CFX + ",A01,FAM,CAR,Std-01,,,22.6,22.5,100000,60,\n"
    (problem,) = problems(put(tmp_path, text))
    assert problem.code == "duplicate-well"
    assert "rows 2, 6" in problem.what
    assert "A1" in problem.what


def test_text_in_numeric_cells_and_negative_counts_all_at_once(tmp_path: Path) -> None:
    text = samples.QUANTASOFT.replace("1901,13919,15820", "many,13919,15820").replace(
        "1978,13842,15820", "-5,13842,15820"
    )
    text = text.replace("No Call", "lots")
    found = {(p.code, p.where.column if p.where else None) for p in problems(put(tmp_path, text))}
    assert found == {("not-a-number", "Positives"), ("not-a-number", "Concentration"), ("too-low", "positives")}


def test_more_positives_than_a_whole_number(tmp_path: Path) -> None:
    text = samples.ABSOLUTE_Q.replace("1.1,34", "1.1,nan").replace("0,,,0,0", "0,,,0,twelve")
    assert [p.code for p in problems(put(tmp_path, text))] == ["not-a-number"]


def test_undecidable_numbers(tmp_path: Path) -> None:
    text = samples.QUANTSTUDIO
    for old, new in (
        ("28.101", "28,101"),
        ("31.502", "31,502"),
        ("24.700", "24,700"),
        ("0.074", ""),
        ("1,000.000", "1000"),
        ("10,250.500", "10250"),
        ("100.000", "100"),
    ):
        text = text.replace(old, new)
    assert [p.code for p in problems(put(tmp_path, text))] == ["undecided-decimal-mark"]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    text = samples.SIMPLE_PLEX.replace(",RFU,Signal,", ",a,b,")
    (problem,) = problems(put(tmp_path, text))
    assert problem.code == "missing-column"
    assert "Signal" in problem.what


def test_content_is_data_only(tmp_path: Path) -> None:
    """Markup and formulas in cells come through as text."""
    text = samples.CFX.replace("S01", "<script>alert(1)</script>").replace("day 7", "=cmd|' /C calc'!A0")
    wells = read(put(tmp_path, text)).wells
    assert wells["sample_id"][1] == "<script>alert(1)</script>"
    assert json.loads(wells["extras"][1])["Biological Set Name"] == "=cmd|' /C calc'!A0"


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The data cut short, with a few bytes changed, or with a line lost, doubled or moved."""
    kind = rng.randrange(3)
    if kind == 0:
        return data[: rng.randrange(len(data))]
    if kind == 1:
        changed = bytearray(data)
        for _ in range(rng.choice((1, 2, 5))):
            changed[rng.randrange(len(changed))] = rng.choice(b',;\t\n"0aZ-<>[]()\x00\xff.= ')
        return bytes(changed)
    lines = data.split(b"\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[i : i + rng.randrange(2)] = [lines[j]] * rng.randrange(3)
    return b"\n".join(lines)


def outcome(path: Path) -> tuple[pl.DataFrame | None, tuple[Problem, ...]]:
    """The wells, or the problems for which the file is refused."""
    try:
        return read(path).wells, ()
    except InputError as error:
        return None, error.problems


@pytest.mark.parametrize("name", samples.all_samples())
def test_damaged_files_never_raise_anything_else(tmp_path: Path, name: str) -> None:
    """Whatever happens to a file, it is read whole or refused with problems; no other error escapes."""
    _, data = samples.all_samples()[name]
    rng = random.Random(name)
    for _ in range(12):
        path = put(tmp_path, damaged(data, rng))
        wells, refused = outcome(path)
        assert (wells is None) == bool(refused)
        assert all(p.what for p in refused)
        if wells is not None:
            assert (wells["signal"].is_null() == wells["flag"].is_not_null()).all()


def test_counts_are_whole(tmp_path: Path) -> None:
    text = samples.ABSOLUTE_Q.replace("1.1,34", "1.1,34.5")
    (problem,) = problems(put(tmp_path, text))
    assert problem.code == "not-whole"
    assert problem.where is not None
    assert problem.where.row == 4


def test_grid_cut_after_its_title(tmp_path: Path) -> None:
    text = samples.METHODICAL_MIND.split("  \t1 ")[0]
    assert [p.code for p in problems(put(tmp_path, text))] == ["no-rows"]
