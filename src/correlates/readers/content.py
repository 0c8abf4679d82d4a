"""The bytes of a file, read once, and the views readers take of them: sheets of text cells, or an archive's members."""

from __future__ import annotations

import codecs
import csv
import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from correlates.errors import InputError, Problem, Where

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SAMPLE = 400  # lines looked at to find the delimiter
_MEMBER_LIMIT = 1 << 30  # bytes that one member of an archive may unpack to
_QUOTED = re.compile(r'"[^"\n]*"')

Kind = Literal["empty", "text", "xml", "workbook", "archive", "binary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A grid of text cells. Blanks around cells and blank cells at the end of a row are cut.

    ``name`` is the sheet of a workbook and None for a text file; ``lines`` are the 1-based rows (for text: the line on
    which the row begins); ``delimiter`` is None for a workbook.
    """

    name: str | None
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    delimiter: str | None = None


@dataclass(frozen=True)
class Content:
    """A file's content. ``name`` is how messages call the file."""

    data: bytes
    name: str

    @classmethod
    def of(cls, path: Path) -> Content:
        """Read a file. Raises InputError when it does not exist, is a folder or cannot be read."""
        try:
            return cls(path.read_bytes(), str(path))
        except OSError as error:
            raise InputError(
                Problem(
                    code="cannot-read",
                    what="The file cannot be read",
                    where=Where(file=str(path)),
                    found=error.strerror or type(error).__name__,
                    expected="a file this account may read",
                    do="Check the path and the permissions",
                )
            ) from error

    @cached_property
    def kind(self) -> Kind:
        """What sort of content this is, judged by its bytes alone."""
        if not self.data.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
            return "empty"
        if self.data.startswith(_ZIP):
            return "workbook" if any(m.startswith("xl/workbook.") for m in self.members) else "archive"
        if self.data.startswith(_OLE):
            return "workbook"
        if self.encoding is None:
            return "binary"
        return "xml" if self.text.lstrip().startswith("<?xml") else "text"

    @cached_property
    def encoding(self) -> str | None:
        """Text encoding: from the byte-order mark, the pattern of zero bytes, or the first that decodes. None: binary."""
        head = self.data[:4096]
        if head.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        zeros = head.count(0)
        if zeros:
            odd, even = head[1::2].count(0), head[::2].count(0)
            if zeros > len(head) / 4 and min(odd, even) == 0:
                return "utf-16-le" if odd else "utf-16-be"
            return None
        try:
            self.data.decode("utf-8")
        except UnicodeDecodeError:
            return "latin-1" if any(0x80 <= b <= 0x9F for b in self.data) else "cp1252"
        return "utf-8"

    @cached_property
    def text(self) -> str:
        """The decoded text; empty for binary content."""
        if self.encoding is None:
            return ""
        return self.data.decode(self.encoding, errors="replace")

    @cached_property
    def delimiter(self) -> str:
        """The delimiter of a text file: the one that stands, outside quotes, in most of its lines."""
        lines = [line for line in self.text.splitlines()[:_SAMPLE] if line.strip()]
        if lines and re.fullmatch(r'"?sep=(.)"?', lines[0].strip()):
            return lines[0].strip().strip('"')[-1]
        bare = [_QUOTED.sub("", line) for line in lines]
        share = {mark: sum(mark in line for line in bare) for mark in ("\t", ";", ",")}
        return max(share, key=lambda mark: share[mark])  # ties go to the rarer mark, which stands first

    @cached_property
    def sheets(self) -> tuple[Sheet, ...]:
        """The grids of a text file (one) or a workbook (one per sheet); none for other content."""
        if self.kind == "text":
            return (_text_sheet(self),)
        if self.kind == "workbook":
            return _workbook_sheets(self)
        return ()

    def only_table(self, *, expected: str, do: str) -> tuple[Sheet, list[tuple[int, tuple[str, ...]]]]:
        """The one sheet with data, and its rows that are not blank with their lines. Raises InputError for none or several."""
        filled = [sheet for sheet in self.sheets if any(any(row) for row in sheet.rows)]
        if len(filled) != 1:
            raise InputError(
                Problem(
                    code="several-sheets" if filled else "not-a-table",
                    what="The workbook has more than one sheet with data" if filled else "The file holds no table",
                    where=Where(file=self.name),
                    found=", ".join(repr(s.name) for s in filled) if filled else self.kind,
                    expected=expected,
                    do=do,
                )
            )
        (sheet,) = filled
        return sheet, [(line, row) for line, row in zip(sheet.lines, sheet.rows, strict=True) if any(row)]

    @cached_property
    def members(self) -> tuple[str, ...]:
        """Names of the members of a zip archive; empty for other content. Raises InputError when it is cut short."""
        if not self.data.startswith(_ZIP):
            return ()
        with self._archive() as archive:
            return tuple(archive.namelist())

    def member(self, name: str) -> bytes:
        """The bytes of one member of an archive. Raises InputError for a damaged or implausibly large member."""
        with self._archive() as archive:
            if archive.getinfo(name).file_size > _MEMBER_LIMIT:
                raise InputError(
                    Problem(
                        code="too-large",
                        what=f"Member {name!r} of the archive would unpack to more than {_MEMBER_LIMIT >> 20} MiB",
                        where=Where(file=self.name, sheet=name),
                        do="Check where the file comes from",
                    )
                )
            try:
                return archive.read(name)
            except (
                zipfile.BadZipFile,
                EOFError,
                OSError,
                NotImplementedError,
                RuntimeError,
                ValueError,
                zlib.error,
            ) as error:
                raise InputError(self._damaged(str(error))) from error

    def _archive(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(io.BytesIO(self.data))
        except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError) as error:
            raise InputError(self._damaged(str(error))) from error

    def _damaged(self, found: str) -> Problem:
        return Problem(
            code="damaged-file",
            what="The workbook or archive is damaged or cut short and cannot be opened",
            where=Where(file=self.name),
            found=found,
            expected="a whole .xlsx, .xls or .rdml file",
            do="Export or copy the file again",
        )


def _trim(cells: list[str]) -> tuple[str, ...]:
    cells = [cell.strip() for cell in cells]
    while cells and not cells[-1]:
        cells.pop()
    return tuple(cells)


def _text_sheet(content: Content) -> Sheet:
    delimiter = content.delimiter
    reader = csv.reader(io.StringIO(content.text, newline=""), delimiter=delimiter)
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    begin = 1
    try:
        for cells in reader:
            rows.append(_trim(cells))
            lines.append(begin)
            begin = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            Problem(
                code="not-a-table",
                what="The text cannot be split into cells",
                where=Where(file=content.name, row=begin),
                found=str(error),
                expected="delimited text; a quote that opens a cell also closes it",
                do="Export the file again",
            )
        ) from error
    return Sheet(name=None, rows=tuple(rows), lines=tuple(lines), delimiter=delimiter)


def _workbook_sheets(content: Content) -> tuple[Sheet, ...]:
    import python_calamine

    try:
        book = python_calamine.load_workbook(io.BytesIO(content.data))
        sheets = []
        for name in book.sheet_names:
            grid = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            rows = tuple(_trim([_cell_text(cell) for cell in row]) for row in grid)
            sheets.append(Sheet(name=name, rows=rows, lines=tuple(range(1, len(rows) + 1))))
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise InputError(content._damaged(str(error))) from error
    return tuple(sheets)


def _cell_text(cell: object) -> str:
    """A workbook cell as text: whole numbers without a decimal point, other numbers so that they read back exactly."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return str(cell)
