"""Instrument exports to wells. Content, never a name, decides which reader understands a file."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from correlates.errors import InputError, Problem, Where, unknown
from correlates.readers import (
    absolute_q,
    amplitudes,
    bioplex,
    cfx_maestro,
    cq_table,
    luminex,
    msd,
    qiacuity,
    quantasoft,
    quantstudio_da,
    quantstudio_rt,
    qx_manager,
    rdml,
    simple_plex,
)
from correlates.readers.content import Content
from correlates.readers.record import Reader
from correlates.readers.unread import describe
from correlates.readers.wells import amplitudes_of, file_row, wells_of

READERS: tuple[Reader, ...] = (
    quantstudio_rt.READER,
    quantstudio_da.READER,
    cfx_maestro.READER,
    cq_table.READER,
    rdml.READER,
    quantasoft.READER,
    amplitudes.READER,
    qx_manager.READER,
    qx_manager.CLUSTERS,
    absolute_q.READER,
    qiacuity.READER,
    luminex.READER,
    luminex.INTELLIFLEX,
    bioplex.READER,
    msd.READER,
    msd.METHODICAL_MIND,
    simple_plex.READER,
)

__all__ = ["READERS", "ReadFile", "Reader", "read", "recognise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """A file that has been read.

    Attributes
    ----------
    file
        One row of ``schema.FILES``.
    wells
        ``schema.WELLS``: one row per well x target.
    amplitudes
        ``schema.AMPLITUDES``: the partitions of its wells one by one, where the file lists them; else no row.
    """

    file: pl.DataFrame
    wells: pl.DataFrame
    amplitudes: pl.DataFrame


def recognise(path: Path) -> Reader:
    """The reader that understands a file.

    Parameters
    ----------
    path
        The file; its name does not matter.

    Returns
    -------
    Reader
        The one record of ``READERS`` whose recogniser claims the content.

    Raises
    ------
    InputError
        When the file cannot be read, is empty, is a format no reader or more than one reader claims. The problem
        says what the content looks like and lists the supported formats.
    """
    return _recognise(Content.of(path))


def read(path: Path, *, reader: str | None = None, relative_to: Path | None = None, source: str = "") -> ReadFile:
    """Read one instrument export.

    Parameters
    ----------
    path
        The file.
    reader
        Code of the reader to use; without it the content decides.
    relative_to
        Folder that the stored path is relative to (that of the plan); without it the path is stored as given.
    source
        Name of the assay or source of the plan that asks for the file.

    Returns
    -------
    ReadFile
        The row of the file and its wells. Nothing of the file is lost: what is not a column of the wells is in
        ``extras``, what is not in a row is in ``header``.

    Raises
    ------
    InputError
        With every problem of the file at once: unknown format, damaged workbook, absent column, text where a number
        is expected, negative count, a well and target that stand twice.
    """
    content = Content.of(path)
    record = _recognise(content) if reader is None else _named(reader, content)
    parsed = record.read(content)
    sha256 = hashlib.sha256(content.data).hexdigest()
    wells = wells_of(parsed, sha256[:12], content.name)
    return ReadFile(
        file=file_row(
            parsed,
            file_id=sha256[:12],
            path=_shown(path, relative_to),
            sha256=sha256,
            size=len(content.data),
            source=source,
            reader=record.code,
        ),
        wells=wells,
        amplitudes=amplitudes_of(parsed, wells),
    )


def _shown(path: Path, relative_to: Path | None) -> str:
    if relative_to is None:
        return path.as_posix()
    return Path(os.path.relpath(path.resolve(), relative_to.resolve())).as_posix()


def _recognise(content: Content) -> Reader:
    claims = [record for record in READERS if record.recognise(content)] if content.kind != "empty" else []
    if len(claims) == 1:
        return claims[0]
    if claims:
        raise InputError(
            Problem(
                code="ambiguous-format",
                what="More than one reader claims the file",
                where=Where(file=content.name),
                found=", ".join(record.code for record in claims),
                expected="a file of one format",
                do="Name the reader",
            )
        )
    raise InputError(describe(content, READERS))


def _named(code: str, content: Content) -> Reader:
    record = next((r for r in READERS if r.code == code), None)
    if record is None:
        raise InputError(unknown("reader", code, [r.code for r in READERS], code="unknown-reader"))
    if content.kind == "empty":
        raise InputError(describe(content, READERS))
    if not record.recognise(content):
        others = [r.code for r in READERS if r.recognise(content)]
        raise InputError(
            Problem(
                code="wrong-reader",
                what=f"The content is not a {record.label} file",
                where=Where(file=content.name),
                found=f"a file that {others[0]!r} reads" if others else describe(content, READERS).found,
                expected=record.recognise.__doc__,
                do="Leave the reader out, so that the content decides" if others else "Export the file again",
            )
        )
    return record
