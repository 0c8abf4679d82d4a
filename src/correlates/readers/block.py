"""A table inside a file, and the account of which of its columns a reader has taken: the rest becomes ``extras``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import polars as pl

from correlates.errors import Problem, Where
from correlates.readers.cells import Numbers, decimal_mark, fold, numbers
from correlates.readers.content import Sheet
from correlates.schema.table import TEXT, WHOLE

_SHOWN = 10  # rows of one problem that are listed before the rest are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A table of text cells: blanks are null, a heading that stands twice is told apart as ``name #2``.

    ``line`` is the row of the heading in the sheet or file, ``lines`` those of the rows.
    """

    sheet: str | None
    line: int
    frame: pl.DataFrame
    lines: pl.Series
    delimiter: str | None

    def __len__(self) -> int:
        return self.frame.height

    def column(self, *names: str) -> str | None:
        """The heading that is one of ``names`` (the first that there is), compared by :func:`cells.fold`."""
        folded: dict[str, str] = {}
        for name in self.frame.columns:
            folded.setdefault(fold(name), name)
        return next((folded[fold(name)] for name in names if fold(name) in folded), None)

    def filter(self, keep: pl.Series) -> Block:
        """The rows where ``keep`` is true."""
        return Block(
            sheet=self.sheet,
            line=self.line,
            frame=self.frame.filter(keep),
            lines=self.lines.filter(keep),
            delimiter=self.delimiter,
        )

    def records(self) -> list[dict[str, object]]:
        """The rows as written, with their line: for what is kept in a file's header."""
        return [
            {"row": line, **{k: v for k, v in record.items() if v is not None}}
            for line, record in zip(self.lines, self.frame.to_dicts(), strict=True)
        ]


def table_end(sheet: Sheet, head: int, last: int | None = None) -> int:
    """Index after the last row of the table under row ``head``: the next blank row, ``last`` or the end of the sheet."""
    stop = len(sheet.rows) if last is None else last
    return next((i for i in range(head + 1, stop) if not any(sheet.rows[i])), stop)


def block(sheet: Sheet, head: int, *, last: int | None = None, section: str | None = None) -> Block:
    """The table whose heading is row ``head`` (an index into the sheet): see :func:`table_end` for where it ends."""
    body = [(sheet.rows[i], sheet.lines[i]) for i in range(head + 1, table_end(sheet, head, last))]
    width = max([len(sheet.rows[head])] + [len(row) for row, _ in body])
    names = headings(sheet.rows[head], width)
    filled = [row + ("",) * (width - len(row)) for row, _ in body]
    columns = zip(*filled, strict=True) if filled else [()] * width
    frame = pl.DataFrame(
        [
            pl.Series(name, [cell or None for cell in cells], dtype=TEXT)
            for name, cells in zip(names, columns, strict=True)
        ]
    )
    return Block(
        sheet=section if section is not None else sheet.name,
        line=sheet.lines[head],
        frame=frame,
        lines=pl.Series("row", [line for _, line in body], dtype=WHOLE),
        delimiter=sheet.delimiter,
    )


def headings(cells: Sequence[str], width: int) -> list[str]:
    """Headings made unique: a second ``CI (95%)`` becomes ``CI (95%) #2``, a blank one ``column 3``."""
    taken: dict[str, int] = {}
    names = []
    for i in range(width):
        name = cells[i] if i < len(cells) and cells[i] else f"column {i + 1}"
        taken[name] = taken.get(name, 0) + 1
        names.append(name if taken[name] == 1 else f"{name} #{taken[name]}")
    return names


def find_heading(
    sheet: Sheet, test: Callable[[set[str]], bool], *, first: int = 0, last: int | None = None
) -> int | None:
    """Index of the first row, among ``first`` to ``last``, whose folded cells pass ``test``."""
    for i in range(first, min(len(sheet.rows), last if last is not None else len(sheet.rows))):
        row = sheet.rows[i]
        if len(row) > 1 and test({fold(cell) for cell in row}):
            return i
    return None


def key_values(sheet: Sheet, first: int, last: int) -> dict[str, object]:
    """Rows ``first`` to ``last`` of a sheet as written: key to value, or key to values where there are several."""
    found: dict[str, object] = {}
    for row in sheet.rows[first:last]:
        if not row:
            continue
        key, values = row[0], list(row[1:])
        value: object = values[0] if len(values) == 1 else values or None
        name, n = key, 2
        while name in found:
            name, n = f"{key} #{n}", n + 1
        found[name] = value
    return found


def as_text(sheet: Sheet, first: int = 0, last: int | None = None) -> str:
    """Rows of a sheet as tab-separated text: how parts that a reader does not need are kept in the header."""
    return "\n".join("\t".join(row) for row in sheet.rows[first:last]).strip("\n")


@dataclass(slots=True)
class Columns:
    """The columns of a block, as a reader takes them.

    A column that is taken as text, and a column of numbers whose cells all were numbers or blank, is not repeated in
    ``extras``; one in which a mark stood where a number was expected is, so that the mark itself is never lost.
    """

    block: Block
    file: str
    decimal: str = "."
    problems: list[Problem] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    @classmethod
    def over(cls, table: Block, file: str, numeric: Iterable[str]) -> Columns:
        """Columns of a block whose decimal mark is judged by the columns named in ``numeric``."""
        names = [name for name in (table.column(n) for n in numeric) if name is not None]
        mark = decimal_mark([table.frame[name] for name in names], table.delimiter)
        columns = cls(table, file, decimal=mark or ".")
        if mark is None:
            columns.problems.append(undecided_numbers(file, table.sheet, table.line))
        return columns

    def nulls(self, dtype: pl.DataType = TEXT) -> pl.Series:
        """A column of nulls, for what the file does not say."""
        return pl.repeat(None, len(self.block), dtype=dtype, eager=True)

    def text(self, *names: str, required: bool = False, keep: bool = False) -> pl.Series:
        """The first column there is of ``names``, else nulls (a problem when it is required). ``keep``: also in extras."""
        name = self._find(names, required=required, keep=keep)
        return self.nulls() if name is None else self.block.frame[name]

    def number(self, *names: str, required: bool = False, keep: bool = False) -> Numbers:
        """The first column there is of ``names`` read as numbers; cells that are neither number nor mark are problems."""
        name = self._find(names, required=required, keep=keep)
        if name is None:
            no = pl.repeat(value=False, n=len(self.block), eager=True)
            return Numbers(value=self.nulls(pl.Float64()), flag=self.nulls(), bad=no)
        cells = self.block.frame[name]
        found = numbers(cells, self.decimal)
        self.refuse(found.bad, name, cells)
        if (found.flag.is_not_null() & cells.is_not_null()).any():
            self._taken.discard(name)
        return found

    def refuse(self, bad: pl.Series, name: str, cells: pl.Series) -> None:
        """Report the cells where ``bad``: text where a number is expected."""
        if bad.any():
            self.problems.append(
                not_a_number(self.file, self.block.sheet, name, self.block.lines.filter(bad), cells.filter(bad))
            )

    def keep(self, name: str) -> None:
        """Put a column that was taken into ``extras`` all the same."""
        self._taken.discard(name)

    def extras(self, **more: pl.Series) -> pl.Series:
        """Every column not taken, and ``more``, as one JSON object per row; a blank cell is null.

        A column that is blank in every row is left out: readers list all headings in the header of the file.
        """
        frame = self.block.frame
        left = [
            frame[name] for name in frame.columns if name not in self._taken and frame[name].null_count() < len(frame)
        ]
        return as_json([*left, *(series.alias(name) for name, series in more.items())], len(self.block))

    def _find(self, names: Sequence[str], *, required: bool, keep: bool) -> str | None:
        name = self.block.column(*names)
        if name is None:
            if required:
                self.problems.append(
                    Problem(
                        code="missing-column",
                        what=f"Column {names[0]!r} is absent",
                        where=Where(file=self.file, sheet=self.block.sheet, row=self.block.line),
                        found=", ".join(self.block.frame.columns),
                        expected=" or ".join(repr(n) for n in names),
                        do="Export the table with this column",
                    )
                )
        elif not keep:
            self._taken.add(name)
        return name


def as_json(columns: Sequence[pl.Series], height: int) -> pl.Series:
    """Columns as one JSON object per row."""
    if not columns:
        return pl.repeat("{}", height, dtype=TEXT, eager=True)
    return pl.DataFrame(columns).select(pl.struct(pl.all()).struct.json_encode().alias("extras")).to_series()


def listed(rows: Iterable[object]) -> str:
    """Rows as words: ``row 4`` or ``rows 4, 7 and 3 more``."""
    all_rows = [str(r) for r in rows]
    shown = ", ".join(all_rows[:_SHOWN])
    more = f" and {len(all_rows) - _SHOWN} more" if len(all_rows) > _SHOWN else ""
    return f"row{'s' if len(all_rows) > 1 else ''} {shown}{more}"


def not_a_number(file: str, sheet: str | None, column: str, rows: pl.Series, cells: pl.Series) -> Problem:
    """The problem of text where a number is expected: one per column, naming the rows."""
    return Problem(
        code="not-a-number",
        what=f"Column {column!r} holds text where a number is expected ({listed(rows.to_list())})",
        where=Where(file=file, sheet=sheet, row=rows[0], column=column),
        found=", ".join(repr(c) for c in cells.unique(maintain_order=True).to_list()[:5]),
        expected="a number, a blank, or a mark such as Undetermined, No Call, OOR <, NaN or ***",
        do="Correct the cell in the instrument software and export again",
    )


def undecided_numbers(file: str, sheet: str | None, row: int) -> Problem:
    """The problem of ``1,250`` where nothing in the file says whether the comma is a decimal mark."""
    return Problem(
        code="undecided-decimal-mark",
        what="Numbers such as 1,250 can be read in two ways, and no cell of the table decides",
        where=Where(file=file, sheet=sheet, row=row),
        expected="a decimal point, or at least one number that can be read in one way only",
        do="Export again with a decimal point",
    )


def no_rows(file: str, sheet: str | None, row: int | None) -> Problem:
    """The problem of a table that has a heading and nothing under it."""
    return Problem(
        code="no-rows",
        what="The file has a heading but no results under it",
        where=Where(file=file, sheet=sheet, row=row),
        expected="one row per well and target",
        do="Export again after the analysis of the run",
    )
