"""One dataset of a study from whatever file it came in: SAS transport or SAS7BDAT, Dataset-JSON, delimited text, workbook, Parquet."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from correlates.errors import InputError, Problem, Where
from correlates.readers.clinical import ROW
from correlates.readers.content import Content
from correlates.readers.dataset_json import is_dataset_json, read_dataset_json
from correlates.readers.grid import read_grid
from correlates.readers.sas import is_sas, read_sas

FORMATS = "SAS transport (v5, v8), SAS7BDAT, Dataset-JSON 1.1 (JSON, NDJSON), CSV, TSV, XLSX with one sheet, or Parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """A dataset as its file holds it.

    Attributes
    ----------
    frame
        Columns of the file (text and numbers; blank is null) and :data:`~correlates.readers.clinical.ROW`.
    inside
        Name of the dataset inside the file, where the format has one.
    header
        What the file says of itself.
    software
        Who wrote it, where the file says so.
    typed
        Whether the format has numbers of its own (else every cell is text).
    decimal
        Decimal mark of a text file.
    encoding
        Of a text file.
    """

    frame: pl.DataFrame
    inside: str | None
    header: dict[str, object]
    software: str | None
    typed: bool
    decimal: str
    encoding: str | None


def read_dataset(path: Path, name: str) -> Raw:
    """Read a dataset. ``name`` is how messages call the file.

    Raises
    ------
    InputError
        The file cannot be read, is damaged or cut short, or is no table.
    """
    content = Content.of(path)
    if is_sas(content):
        frame, inside, header, software = read_sas(content, path, name)
        encoding = str(header["encoding"]).lower() if header["encoding"] else None
        return Raw(
            frame=frame,
            inside=inside,
            header=header,
            software=software,
            typed=True,
            decimal=".",
            encoding=encoding,
        )
    if is_dataset_json(content):
        frame, inside, header, software = read_dataset_json(content, name)
        return Raw(
            frame=frame,
            inside=inside,
            header=header,
            software=software,
            typed=True,
            decimal=".",
            encoding=content.encoding,
        )
    grid = read_grid(path)
    frame, header = grid.frame, dict(grid.header)
    frame, header["na_is_blank"] = without_na(frame)
    frame = frame.with_columns(pl.Series(ROW, grid.lines, dtype=pl.Int64))
    return Raw(
        frame=frame,
        inside=None,
        header=header,
        software=None,
        typed=False,
        decimal=grid.decimal,
        encoding=grid.encoding,
    )


def without_na(frame: pl.DataFrame) -> tuple[pl.DataFrame, bool]:
    """NA as a blank throughout, where a variable of numbers or dates shows that the program wrote NA for a blank."""
    numeric = [c for c in frame.columns if re.search(r"(SEQ|DTC|DY|NUM|STRESN|STNRHI|STNRLO|DOSE)$|^AGE$", c.upper())]
    if not any((frame[c] == "NA").any() for c in numeric):
        return frame, False
    return frame.with_columns(pl.when(pl.all() != "NA").then(pl.all()).name.keep()), True


def upper_names(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """The dataset with the names of its variables in capitals. Raises InputError for names that differ only in case."""
    upper = [c.upper() for c in frame.columns]
    if len(set(upper)) < len(upper):
        raise InputError(
            Problem(
                code="duplicate-heading",
                what="Two variables differ only in case",
                where=Where(file=name),
                found=", ".join(sorted({c for c in frame.columns if upper.count(c.upper()) > 1})),
                expected="one variable of each name",
            )
        )
    return frame.rename(dict(zip(frame.columns, upper, strict=True)))
