"""Encodings, delimiters, workbooks, archives and documents, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.readers.samples import QX_ROWS, archive, workbook

from correlates.errors import InputError
from correlates.readers.content import Content
from correlates.readers.markup import as_object, parse

TABLE = "Well;Conc. [copies/µL]\nA01;1,5\n"


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("utf-8", TABLE.encode()),
        ("utf-8-sig", TABLE.encode("utf-8-sig")),
        ("utf-16", TABLE.encode("utf-16")),
        ("utf-16-le", TABLE.encode("utf-16-le")),
        ("utf-16-be", TABLE.encode("utf-16-be")),
        ("cp1252", TABLE.encode("cp1252")),
    ],
)
def test_encodings(encoding: str, data: bytes) -> None:
    content = Content(data, "f")
    assert content.encoding == encoding
    assert content.kind == "text"
    assert content.sheets[0].rows == (("Well", "Conc. [copies/µL]"), ("A01", "1,5"))


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b,c\n1,2,3\n", ","),
        ("a;b;c\n1,5;2,5;3,5\n", ";"),
        ("* key = value, and more\na\tb\n1,000.0\t2\n", "\t"),
        ('"1(1,A1)";"S01";"1,5"\n"2(1,B1)";"S02";"2,5"\n', ";"),
        ("a,b\nx;y,2\n1,2\n", ","),
        ("sep=;\na,b;c\n", ";"),
    ],
)
def test_delimiters(text: str, delimiter: str) -> None:
    assert Content(text.encode(), "f").delimiter == delimiter


def test_lines_are_those_of_the_file() -> None:
    sheet = Content(b'a,b\r\n"two\r\nlines",x\r\n\r\nlast,row, ,\r\n', "f").sheets[0]
    assert sheet.rows == (("a", "b"), ("two\r\nlines", "x"), (), ("last", "row"))
    assert sheet.lines == (1, 2, 4, 5)


def test_workbook_cells_read_back() -> None:
    content = Content(workbook({"S": [("x", 1.0, 0.1, True, None, 1e20), (), ("y",)]}), "f")
    assert content.kind == "workbook"
    assert content.sheets[0].rows == (("x", "1", "0.1", "TRUE", "", "1e+20"), (), ("y",))
    assert content.sheets[0].lines == (1, 2, 3)


@pytest.mark.parametrize("cut", [40, 400, 2000])
def test_truncated_workbook(cut: int) -> None:
    content = Content(workbook({"Sheet": QX_ROWS})[:cut], "plate.xlsx")
    with pytest.raises(InputError) as error:
        content.kind  # noqa: B018 - a property that reads
    (problem,) = error.value.problems
    assert problem.code == "damaged-file"
    assert problem.where is not None
    assert problem.where.file == "plate.xlsx"
    assert problem.do is not None


def test_workbook_with_a_damaged_sheet() -> None:
    content = Content(archive({"xl/workbook.xml": "<workbook><no", "[Content_Types].xml": "x"}), "plate.xlsx")
    with pytest.raises(InputError) as error:
        content.sheets  # noqa: B018
    assert error.value.problems[0].code == "damaged-file"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n", "empty"),
        (b"a,b\n", "text"),
        (b"<?xml version='1.0'?><a/>", "xml"),
        (b"%PDF-1.7\x00\x01\x02", "binary"),
        (archive({"x": "y"}), "archive"),
    ],
)
def test_kinds(data: bytes, kind: str) -> None:
    assert Content(data, "f").kind == kind


def test_absent_file(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        Content.of(tmp_path / "absent.csv")
    assert error.value.problems[0].code == "cannot-read"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        Content.of(tmp_path)


def test_a_quote_that_never_closes() -> None:
    content = Content(b'a,b\n"' + b"x" * 200_000 + b"\n", "f.csv")
    with pytest.raises(InputError) as error:
        content.sheets  # noqa: B018
    assert error.value.problems[0].code == "not-a-table"


def test_entities_are_refused() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
    with pytest.raises(InputError) as error:
        parse(bomb, "f.xml")
    assert error.value.problems[0].code == "xml-doctype"


def test_cut_document_names_its_line() -> None:
    with pytest.raises(InputError) as error:
        parse(b"<?xml version='1.0'?>\n<a>\n<b>1</b>\n", "f.xml")
    (problem,) = error.value.problems
    assert problem.code == "damaged-file"
    assert problem.where is not None
    assert problem.where.row == 4


def test_document_as_tree() -> None:
    root = parse(b"<?xml version='1.0'?>\n<r xmlns='http://x' v='1'>\n<a>1</a><a>2</a><b u='mm'>3</b><c/></r>", "f.xml")
    assert root.tag == "r"
    assert [n.line for n in root.all("a")] == [3, 3]
    assert root.value("b") == "3"
    assert root.value("c") is None
    assert root.value("d", "e") is None
    assert as_object(root) == {"@v": "1", "a": ["1", "2"], "b": {"@u": "mm", "text": "3"}, "c": None}
