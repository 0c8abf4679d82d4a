"""A table of text cells under one row of headings, from delimited text, a workbook or Parquet."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from correlates import units
from correlates.errors import InputError, Problem, Where
from correlates.readers.cells import decimal_mark
from correlates.readers.content import Content

_UNIT = re.compile(r"^(?P<name>.*\S)\s*[\(\[](?P<unit>[^()\[\]]+)[\)\]]$")
_PARQUET = b"PAR1"
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table of text cells under one row of headings.

    Attributes
    ----------
    frame
        Text; a blank cell is null.
    lines
        Row of the file (counted from 1, headings included) of each row of ``frame``.
    delimiter, decimal, encoding, sheet
        How the file is written; ``decimal`` is the decimal mark.
    """

    frame: pl.DataFrame
    lines: tuple[int, ...]
    delimiter: str | None
    decimal: str
    encoding: str | None
    sheet: str | None

    @property
    def header(self) -> dict[str, object]:
        """How the file is written and its column names, for ``files.header``."""
        return {
            "columns": self.frame.columns,
            "delimiter": self.delimiter,
            "decimal": self.decimal,
            "encoding": self.encoding,
            "sheet": self.sheet,
        }


def read_grid(path: Path) -> Grid:
    """Read a delimited text, workbook or Parquet file as text cells under headings.

    Raises
    ------
    InputError
        The file cannot be read; has no row of headings; a heading is blank or stands twice; a row is longer than the
        headings; a workbook has more than one sheet with data; the decimal mark cannot be told.
    """
    content = Content.of(path)
    if content.data.startswith(_PARQUET):
        return _parquet(content)
    sheet, rows = content.only_table(
        expected="one table: CSV, TSV, XLSX with one sheet, or Parquet",
        do="Export the table, or save the sheet that is meant as a file of its own",
    )
    if len(rows) > 1 and len(rows[0][1]) == 1 and rows[0][1][0].casefold().startswith("sep="):
        rows = rows[1:]
    (top, headings), body = rows[0], rows[1:]
    problems = _heading_problems(headings, Where(file=content.name, sheet=sheet.name, row=top))
    problems += [
        Problem(
            code="ragged-row",
            what="The row has more cells than there are headings",
            where=Where(file=content.name, sheet=sheet.name, row=line),
            found=f"{len(row)} cells",
            expected=f"{len(headings)} cells",
            do="Quote cells that contain the delimiter, or export the file again",
        )
        for line, row in body
        if len(row) > len(headings)
    ][:_SHOWN]
    if problems:
        raise InputError(problems)
    padded = [row + ("",) * (len(headings) - len(row)) for _, row in body]
    columns = list(zip(*padded, strict=True)) if padded else [() for _ in headings]
    frame = pl.DataFrame([pl.Series(h, list(c), dtype=pl.String) for h, c in zip(headings, columns, strict=True)])
    frame = frame.with_columns(pl.when(pl.all() == "").then(None).otherwise(pl.all()).name.keep())
    decimal = decimal_mark(frame.get_columns(), sheet.delimiter)
    if decimal is None:
        raise InputError(
            Problem(
                code="decimal-mark",
                what="Numbers such as 1,250 can be read in two ways and nothing in the file decides",
                where=Where(file=content.name, sheet=sheet.name),
                expected="a decimal point, or numbers that show which mark is the decimal one",
                do="Export the table with a decimal point",
            )
        )
    return Grid(
        frame=frame,
        lines=tuple(line for line, _ in body),
        delimiter=sheet.delimiter,
        decimal=decimal,
        encoding=content.encoding if content.kind == "text" else None,
        sheet=sheet.name,
    )


def _parquet(content: Content) -> Grid:
    try:
        frame = pl.read_parquet(io.BytesIO(content.data))
        text = frame.select(pl.all().cast(pl.String))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            Problem(
                code="damaged-file",
                what="The Parquet file cannot be read as a table of plain columns",
                where=Where(file=content.name),
                found=str(error).splitlines()[0][:200],
                expected="a whole Parquet file whose columns are numbers, texts or dates",
                do="Write the file again",
            )
        ) from error
    lines = tuple(range(1, frame.height + 1))
    return Grid(frame=text, lines=lines, delimiter=None, decimal=".", encoding=None, sheet=None)


def _heading_problems(headings: Sequence[str], where: Where) -> list[Problem]:
    problems = [
        Problem(code="no-heading", what=f"Column {i} has no heading", where=where, do="Name the column or remove it")
        for i, heading in enumerate(headings, start=1)
        if not heading
    ]
    twice = sorted({h for h in headings if h and list(headings).count(h) > 1})
    return problems + [
        Problem(
            code="duplicate-heading",
            what=f"The heading {heading!r} stands more than once",
            where=where,
            expected="one column of each name",
            do="Rename or remove one of them",
        )
        for heading in twice
    ]


def split_unit(heading: str) -> tuple[str, str | None]:
    """Name and unit of a heading such as ``DOUBLING_TIME (day)``; no unit when the brackets hold none that is known.

    Examples
    --------
    >>> split_unit("DOUBLING_TIME (days)")
    ('DOUBLING_TIME', 'day')
    >>> split_unit("IFNG (coculture)")
    ('IFNG (coculture)', None)
    """
    found = _UNIT.match(heading.strip())
    if found is None:
        return heading.strip(), None
    try:
        return found["name"], units.unit(found["unit"]).symbol
    except InputError:
        return heading.strip(), None
