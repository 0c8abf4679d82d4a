"""Datasets out and read back: SAS transport by two readers, Dataset-JSON, define; what the format does not hold is told."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import polars as pl
import pyreadstat
import pytest

from correlates.readers.content import Content
from correlates.readers.dataset_json import read_dataset_json
from correlates.readers.sas import read_sas
from correlates.standards import Dataset, Variable, write_dataset_json, write_define, write_xpt
from correlates.standards.record import short_label, short_names
from correlates.standards.xpt import chunks

LONG = "A rule in words. " * 30 + "End."
ODD = "median ≤ 3 µg/mL, β-Rest “x” " * 12 + "fin"


def dataset() -> Dataset:
    variables = (
        Variable(name="USUBJID", label="Unique Subject Identifier", kind="text"),
        Variable(name="AVAL", label="Analysis Value", kind="float", comment='The <value> & its "unit".'),
        Variable(name="CNSR", label="Censor", kind="integer"),
        Variable(name="DETAIL", label="Rule Applied, in Words", kind="text"),
    )
    rows = [
        ("S1", 0.1 + 0.2, 0, LONG),
        ("S2", None, None, None),
        ("S3", -1.0000000000000002, 1, ODD),
        ("S4", 1e-78, 0, " leading blank"),
        ("S5", 4.5e74, 12345678901, "x"),
        ("S6", 5e-324, 0, "too small"),
        ("S7", -1.7e308, 0, "too large"),
        ("S8", 0.0, 0, "200 bytes: " + "b" * 189),
    ]
    schema = {"USUBJID": pl.String, "AVAL": pl.Float64, "CNSR": pl.Int64, "DETAIL": pl.String}
    return Dataset(
        name="ADTTE",
        label="Times to an Event",
        structure="One record per subject",
        keys=("USUBJID",),
        variables=variables,
        frame=pl.DataFrame(rows, schema=schema, orient="row"),
        parameters={"OS": "Days from the infusion to death <any cause>."},
    )


def joined(frame: pl.DataFrame, stem: str) -> list[str | None]:
    parts = [c for c in frame.columns if c == stem or (c.startswith(stem[:7]) and c[-1].isdigit())]
    return [None if row[0] is None else "".join(p or "" for p in row) for row in frame.select(parts).iter_rows()]


def test_transport_read_back_is_identical(tmp_path: Path) -> None:
    one = dataset()
    written = write_xpt(one, tmp_path)
    frame, name, header, _ = read_sas(Content.of(written.path), written.path, "adtte.xpt")
    assert name == "ADTTE"
    assert header["label"] == "Times to an Event"
    assert frame["USUBJID"].to_list() == one.frame["USUBJID"].to_list()
    assert frame["CNSR"].to_list() == one.frame["CNSR"].to_list()
    assert joined(frame, "DETAIL") == one.frame["DETAIL"].to_list()
    expected = one.frame["AVAL"].to_list()
    assert frame["AVAL"].to_list()[:5] == expected[:5]  # to the last bit
    assert frame["AVAL"].to_list()[7] == 0
    assert frame["AVAL"].to_list()[5:7] == [None, None]
    assert [float(v) for v in frame["AVALC"].drop_nulls()] == expected[5:7]  # told as text
    told = " ".join(written.remarks)
    assert "ADTTE.DETAIL: texts of more than 200 bytes stand in DETAIL, DETAIL1, DETAIL2" in told
    assert "ADTTE.DETAIL: 1 texts hold letters beyond ASCII" in told
    assert "ADTTE.AVAL: 2 numbers beyond the format stand in AVALC as text" in told


def test_the_limits_of_version_5_are_kept(tmp_path: Path) -> None:
    written = write_xpt(dataset(), tmp_path)
    data = written.path.read_bytes()
    assert data.startswith(b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!")
    assert len(data) % 80 == 0
    _, meta = pyreadstat.read_xport(str(written.path))
    assert all(len(n) <= 8 for n in meta.column_names)
    assert all(0 < len(label) <= 40 for label in meta.column_labels)
    assert all(
        v.kind != "text" or w <= 200
        for v, w in zip(written.dataset.variables, meta.variable_storage_width.values(), strict=True)
    )


def test_another_reader_opens_it(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    one = dataset()
    written = write_xpt(one, tmp_path)
    frame = pandas.read_sas(written.path, format="xport", encoding="utf-8")
    assert list(frame.columns) == [v.name for v in written.dataset.variables]
    assert frame["USUBJID"].tolist() == one.frame["USUBJID"].to_list()
    got = [None if v != v else v for v in frame["AVAL"].tolist()]  # noqa: PLR0124 a missing number is not itself
    expected = one.frame["AVAL"].to_list()
    assert got[1] is None
    for place in (0, 2, 3, 4):
        assert got[place] == pytest.approx(expected[place], rel=1e-15)
    assert frame["CNSR"].tolist()[4] == 12345678901


def test_json_read_back_is_identical(tmp_path: Path) -> None:
    one = dataset()
    path = write_dataset_json(one, tmp_path, study="S")
    frame, name, header, _ = read_dataset_json(Content.of(path), "adtte.json")
    assert name == "ADTTE"
    assert header["labels"]["AVAL"] == "Analysis Value"  # type: ignore[index]
    for column in one.frame.columns:
        assert frame[column].to_list() == one.frame[column].to_list(), column
    assert write_dataset_json(one, tmp_path, study="S").read_bytes() == path.read_bytes()


def test_the_define_says_what_the_files_hold(tmp_path: Path) -> None:
    written = write_xpt(dataset(), tmp_path)
    path = write_define([written.dataset], [written.path], tmp_path, study="S", title="A <title> & more")
    ns = {"o": "http://www.cdisc.org/ns/odm/v1.3", "d": "http://www.cdisc.org/ns/def/v2.1"}
    root = ET.parse(path).getroot()
    version = root.find("o:Study/o:MetaDataVersion", ns)
    assert version is not None
    assert version.get("{http://www.cdisc.org/ns/def/v2.1}DefineVersion") == "2.1.0"
    references = [r.get("ItemOID") for r in version.findall("o:ItemGroupDef/o:ItemRef", ns)]
    items = {i.get("OID"): i for i in version.findall("o:ItemDef", ns)}
    assert references == list(items)
    assert items["IT.ADTTE.DETAIL"].get("Length") == "200"
    comments = {c.get("OID") for c in version.findall("d:CommentDef", ns)}
    asked = {i.get("{http://www.cdisc.org/ns/def/v2.1}CommentOID") for i in items.values()} - {None}
    assert asked == comments
    leaf = version.find("d:leaf", ns)
    assert leaf is not None
    assert leaf.get("{http://www.w3.org/1999/xlink}href") == "adtte.xpt"
    decode = version.find("o:CodeList/o:CodeListItem/o:Decode/o:TranslatedText", ns)
    assert decode is not None
    assert decode.text == "Days from the infusion to death <any cause>."


def test_texts_are_cut_between_letters_and_joined_they_are_the_text() -> None:
    for text in (LONG, ODD, "x" * 1000, "a b " * 300 + "c", "é" * 301, "y" * 200, ""):
        pieces = chunks(text)
        assert "".join(pieces) == text
        assert all(len(p.encode()) <= 200 for p in pieces)
        assert not any(p.endswith(" ") for p in pieces[:-1])


def test_names_are_short_unique_and_stable() -> None:
    codes = ["CMAX", "CMAX_PER_BURDEN", "PEAK.IL6", "peak_il6", "1ST", *(f"BASELINE.ANALYTE{i}" for i in range(120))]
    names = short_names(codes)
    assert names["CMAX"] == "CMAX"
    assert len(set(names.values())) == len(codes)
    assert all((len(n) <= 8 and n[0].isalpha()) or n[0] == "_" for n in names.values())
    assert names == short_names(codes)
    assert len(short_label("x" * 60)) == 40
