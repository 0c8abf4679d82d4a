"""Formats that are recognised in order to refuse them by name, and the words for content that nobody knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from correlates.errors import Problem, Where
from correlates.readers.cells import fold
from correlates.readers.content import Content
from correlates.readers.record import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A format that holds no wells of ours: what it is, why it is not read, what to export instead."""

    label: str
    why: str
    do: str
    recognise: Callable[[Content], bool]


def _first_cells(content: Content) -> set[str]:
    if not content.sheets:
        return set()
    return {fold(cell) for cell in next((row for row in content.sheets[0].rows if any(row)), ())}


def _genotyping(content: Content) -> bool:
    return any(
        {"well", "snp assay name"} <= {fold(cell) for cell in row}
        for sheet in content.sheets
        for row in sheet.rows[:600]
    )


def _flat_xponent(content: Content) -> bool:
    return content.kind == "text" and {"program", "build", "analyte", "median"} <= _first_cells(content)


UNREAD: tuple[Unread, ...] = (
    Unread(
        label="a QuantStudio genotyping export",
        why="it holds alleles, not quantities of targets",
        do="Export an experiment with a standard curve, or one that reports CT per target",
        recognise=_genotyping,
    ),
    Unread(
        label="a flat xPONENT export, one row per well and analyte",
        why="it leaves out the expected concentrations of the standards",
        do="Export the batch with its DataType blocks",
        recognise=_flat_xponent,
    ),
)

_MAGIC = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"PAR1", "a Parquet file"),
    (b"FCS", "a flow-cytometry FCS file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"SQLite format", "an SQLite database"),
    (b"{\\rtf", "a rich-text document"),
)


def describe(content: Content, readers: Iterable[Reader]) -> Problem:
    """The problem of a file that no reader claims: what it looks like, and what is supported."""
    supported = "; ".join(f"{reader.label} ({reader.code})" for reader in readers)
    where = Where(file=content.name)
    if content.kind == "empty":
        return Problem(
            code="empty-file",
            what="The file is empty",
            where=where,
            expected=f"one of {supported}",
            do="Export the file again",
        )
    refused = next((unread for unread in UNREAD if unread.recognise(content)), None)
    if refused is not None:
        return Problem(
            code="format-without-wells",
            what=f"The file is {refused.label}: {refused.why}",
            where=where,
            expected=f"one of {supported}",
            do=refused.do,
        )
    return Problem(
        code="unknown-format",
        what="No reader knows this format",
        where=where,
        found=_looks_like(content),
        expected=f"one of {supported}",
        do="Export the results in one of these formats",
    )


def _looks_like(content: Content) -> str:
    named = next((name for magic, name in _MAGIC if content.data.startswith(magic)), None)
    if named is not None:
        return named
    if content.kind == "workbook":
        first = next((f", first row {_row(row)}" for s in content.sheets for row in s.rows if any(row)), "")
        return f"a workbook with sheets {', '.join(repr(s.name) for s in content.sheets[:8])}{first}"
    if content.kind == "archive":
        return f"a zip archive with {', '.join(content.members[:5]) or 'no members'}"
    if content.kind == "xml":
        start = content.text.find("<", content.text.find("?>"))
        return f"an XML document that begins {content.text[start : start + 60]!r}"
    if content.kind == "text":
        words = {"\t": "tab", ";": "semicolon", ",": "comma"}
        first = next((_row(row) for row in content.sheets[0].rows if any(row)), "")
        return f"{words.get(content.delimiter, repr(content.delimiter))}-delimited text, first row {first}"
    return "binary content"


def _row(row: tuple[str, ...]) -> str:
    cells = ", ".join(cell for cell in row[:8] if cell)
    return repr(cells[:120] + (" ..." if len(row) > 8 or len(cells) > 120 else ""))
