"""What holds for every reader: one claims a file, its record is complete, its wells are whole and nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from tests.external import external
from tests.unit.readers.samples import all_samples

from correlates.errors import InputError
from correlates.readers import READERS, Reader, ReadFile, read, recognise
from correlates.readers.cells import position
from correlates.readers.content import Content
from correlates.schema import AMPLITUDES, FILES, WELLS, conform

SAMPLES = all_samples()
FOLDERS = ("data/qpcr", "data/dpcr", "data/immunoassay")
_ASSAYS = {"qpcr", "dpcr", "immunoassay"}
_WHOLE = 200_000  # bytes of a file whose every word is looked for


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.code)
def test_record_is_complete(reader: Reader) -> None:
    assert reader.code.isidentifier()
    assert reader.label
    assert reader.software
    assert reader.citation
    assert all(extension.startswith(".") for extension in reader.extensions)
    assert reader.recognise.__doc__
    assert reader.read.__doc__


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.code)
def test_page_agrees_with_the_record(reader: Reader) -> None:
    folder = Path(__file__).resolve().parents[2] / "docs" / "reference" / "formats"
    page = (folder / f"{reader.code}.md").read_text()
    assert page.startswith(f"# {reader.label}\n")
    for stated in (f"`{reader.code}`", reader.assay.value, reader.release, reader.software, reader.citation):
        assert stated in page
    assert (
        f"| [{reader.label}]({reader.code}.md) | `{reader.code}` | {reader.assay.value} | {reader.release} |"
        in (folder / "index.md").read_text()
    )


def test_codes_and_labels_are_unique() -> None:
    assert len({r.code for r in READERS}) == len(READERS)
    assert len({r.label for r in READERS}) == len(READERS)


def test_every_reader_has_a_sample() -> None:
    assert {code for code, _ in SAMPLES.values()} == {r.code for r in READERS}


@pytest.mark.parametrize("name", SAMPLES)
def test_exactly_one_reader_claims_a_sample(name: str) -> None:
    code, data = SAMPLES[name]
    claims = [r.code for r in READERS if r.recognise(Content(data, name))]
    assert claims == [code]


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_reads_to_whole_tables(name: str, tmp_path: Path) -> None:
    code, data = SAMPLES[name]
    path = tmp_path / "export without a telling name"
    path.write_bytes(data)
    found = read(path, relative_to=tmp_path, source="assay 1")
    assert found.file.row(0, named=True) | {"header": "", "software": ""} == {
        "file_id": found.file["sha256"][0][:12],
        "path": "export without a telling name",
        "sha256": found.file["sha256"][0],
        "size": len(data),
        "source": "assay 1",
        "reader": code,
        "software": "",
        "header": "",
    }
    assert conform(found.wells, WELLS).equals(found.wells)
    assert conform(found.file, FILES).equals(found.file)
    assert conform(found.amplitudes, AMPLITUDES).equals(found.amplitudes)
    assert set(found.amplitudes["well_id"]) <= set(found.wells["well_id"])
    assert found.wells["well_id"].str.starts_with(found.file["file_id"][0] + "/").all()
    # the signal or the mark in its place, never neither and never both
    assert (found.wells["signal"].is_null() == found.wells["flag"].is_not_null()).all()
    assert found.wells["row"].is_not_null().all()


STRUCTURE = {"DataType:"}  # words that say where a block begins, and nothing else


def strings(value: object) -> list[str]:
    """Every text in a JSON value, keys included."""
    if isinstance(value, dict):
        return [text for k, v in value.items() for text in (k, *strings(v))]
    if isinstance(value, list):
        return [text for v in value for text in strings(v)]
    return [] if value is None else [str(value)]


def as_number(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def lost_words(content: Content, found: ReadFile) -> set[str]:
    """The words of the cells that stand in no column of the wells, nor in extras, header or amplitudes."""
    columns = found.wells.select(pl.exclude("extras", "row", "well_id", "file_id").cast(pl.String))
    values = {v for column in columns.iter_columns() for v in column.drop_nulls()}
    texts = [*strings(json.loads(found.file["header"][0])), *values, *found.amplitudes["cluster"].drop_nulls()]
    for extras in found.wells["extras"]:
        texts += strings(json.loads(extras))
    kept = "\n".join(texts)
    whole = {word for text in texts for word in text.split()}
    known = {float(v) for v in values if as_number(v) is not None} | set(found.amplitudes["amplitude"].drop_nulls())
    lost = set()
    for word in {w for sheet in content.sheets for row in sheet.rows for cell in row for w in cell.split()}:
        bare = word.strip('*#=[]():"')
        if not bare or word in STRUCTURE or bare in whole or as_number(bare) in known or position(bare) in values:
            continue
        if not (bare in kept or all(part in kept for part in bare.replace("(", ",").split(","))):
            lost.add(word)
    return lost


@pytest.mark.parametrize("name", SAMPLES)
def test_every_word_of_the_file_is_kept(name: str, tmp_path: Path) -> None:
    """Each word of each cell stands in a column of the wells, in extras or in the header."""
    _, data = SAMPLES[name]
    content = Content(data, name)
    if not content.sheets:
        pytest.skip("an XML document: its elements are counted in the tests of its reader")
    path = tmp_path / "f"
    path.write_bytes(data)
    assert lost_words(content, read(path)) == set()


def external_files() -> list[str]:
    root = Path(__file__).resolve().parents[3] / "shared"
    return sorted(
        str(p.relative_to(root)) for folder in FOLDERS for p in (root / folder).rglob("*") if p.is_file()
    ) or ["data/qpcr"]


@pytest.mark.parametrize("relative", external_files())
def test_external_file_has_one_reader_or_a_named_reason(relative: str) -> None:
    path = external(relative)
    content = Content.of(path)
    claims = [r.code for r in READERS if r.recognise(content)]
    assert len(claims) <= 1
    if claims:
        found = read(path)
        assert found.wells.height > 0
        assert (found.wells["signal"].is_null() == found.wells["flag"].is_not_null()).all()
        assert json.loads(found.file["header"][0])
        if path.stat().st_size < _WHOLE:
            assert lost_words(content, found) == set()
        return
    with pytest.raises(InputError) as error:
        recognise(path)
    (problem,) = error.value.problems
    assert problem.code in {"format-without-wells", "unknown-format"}
    assert problem.expected is not None
    assert all(reader.code in problem.expected for reader in READERS)
    if path.name not in {"LICENSE", "README.md"}:
        assert problem.code == "format-without-wells"


def test_no_reader_claims_a_clinical_file() -> None:
    root = external("data/README.md").parent
    others = [p for p in sorted(root.rglob("*")) if p.is_file() and p.relative_to(root).parts[0] not in _ASSAYS]
    assert others
    for path in others:
        content = Content.of(path)
        assert content.kind == "empty" or not [r.code for r in READERS if r.recognise(content)], path
