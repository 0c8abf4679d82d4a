"""What a table is: columns with type, unit, key and meaning, and one function that conforms a frame to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

import polars as pl

from correlates.errors import InputError, Problem, Where, closest

_SHOWN = 20  # how many rows of one deviation are listed before the rest are counted

TEXT = pl.String()
NUMBER = pl.Float64()
WHOLE = pl.Int64()
FLAG = pl.Boolean()
TEXTS = pl.List(pl.String())


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: ``meaning`` says what it holds, ``unit`` what it is measured in, ``terms`` the words it may hold."""

    name: str
    dtype: pl.DataType
    meaning: str
    unit: str | None = None
    nullable: bool = True
    terms: type[StrEnum] | None = None
    minimum: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A declared table.

    ``key`` names the columns whose values together are unique. ``open`` tables carry further columns (the analysis
    table has one per biomarker); all others refuse them.
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    open: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in their order."""
        return tuple(c.name for c in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name. Raises KeyError for a name the table does not have."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def polars_schema(self) -> dict[str, pl.DataType]:
        """Names and types, as polars takes them."""
        return {c.name: c.dtype for c in self.columns}

    def empty(self) -> pl.DataFrame:
        """The table without rows."""
        return pl.DataFrame(schema=self.polars_schema())

    def frame(self, rows: list[dict[str, object]]) -> pl.DataFrame:
        """Rows as a frame of this table; a column absent from a row is null. Not checked: see :func:`conform`."""
        unknown = {k for row in rows for k in row} - set(self.names)
        if unknown and not self.open:
            raise KeyError(f"table {self.name} has no column {sorted(unknown)}")
        return pl.DataFrame(
            {c.name: pl.Series(c.name, [row.get(c.name) for row in rows], dtype=c.dtype) for c in self.columns}
        )


def conform(frame: pl.DataFrame, table: Table, *, file: str | None = None, rows: str | None = None) -> pl.DataFrame:
    """Conform a frame to a table: columns in order, declared types, and every deviation reported at once.

    Parameters
    ----------
    frame
        Any number of rows. Absent nullable columns are added as null.
    table
        The declared table.
    file
        Named in the problems.
    rows
        Column of ``frame`` that holds the row number in the file (``row`` of wells, say). Without it rows are counted
        from 1 in the order of the frame.

    Returns
    -------
    polars.DataFrame
        The declared columns in their order (followed by the others where the table is open).

    Raises
    ------
    InputError
        With one problem per deviation and column: unknown or absent column, a value that is not of the type, a null
        where none may be, NaN or infinity, a word that is not among the terms, a number below the minimum, a key that
        stands twice.
    """
    report = _Report(table=table, file=file, numbers=_row_numbers(frame, rows), problems=[])
    if not table.open:
        _refuse_unknown(frame, table, report)
    conformed = [_conform_column(frame, column, report) for column in table.columns]
    result = pl.DataFrame(conformed)
    if table.open:
        result = result.with_columns([frame[n] for n in frame.columns if n not in table.names])
    if table.key and not report.problems and result.height:
        _refuse_repeats(result, table, report)
    if report.problems:
        raise InputError(report.problems)
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """Collects the problems of one frame."""

    table: Table
    file: str | None
    numbers: list[int]
    problems: list[Problem]

    def rows(self, mask: pl.Series, column: str, code: str, what: str, expected: str, found: object = None) -> None:
        """A problem of the rows where ``mask`` is true."""
        hits = [self.numbers[i] for i in mask.arg_true().to_list()]
        more = f" and {len(hits) - _SHOWN} more" if len(hits) > _SHOWN else ""
        listed = "" if len(hits) == 1 else f" (rows {', '.join(str(h) for h in hits[:_SHOWN])}{more})"
        self.problems.append(
            Problem(
                code=code,
                what=f"Table {self.table.name}: {what}{listed}",
                where=Where(file=self.file, row=hits[0], column=column),
                found=None if found is None else str(found),
                expected=expected,
            )
        )


def _row_numbers(frame: pl.DataFrame, rows: str | None) -> list[int]:
    if rows is not None and rows in frame.columns:
        return frame[rows].to_list()
    return list(range(1, frame.height + 1))


def _refuse_unknown(frame: pl.DataFrame, table: Table, report: _Report) -> None:
    for name in frame.columns:
        if name not in table.names:
            guess = closest(name, table.names)
            report.problems.append(
                Problem(
                    code="unknown-column",
                    what=f"Table {table.name} has no column {name!r}",
                    where=Where(file=report.file, column=name),
                    expected=f"columns {', '.join(table.names)}",
                    do=f"Did you mean {guess!r}?" if guess else None,
                )
            )


def _conform_column(frame: pl.DataFrame, column: Column, report: _Report) -> pl.Series:
    name = column.name
    if name not in frame.columns:
        if not column.nullable:
            report.problems.append(
                Problem(
                    code="missing-column",
                    what=f"Table {report.table.name}: column {name!r} is absent",
                    where=Where(file=report.file, column=name),
                    expected=column.meaning,
                )
            )
        return pl.Series(name, [None] * frame.height, dtype=column.dtype)
    given = frame[name]
    cast = given if given.dtype == column.dtype else given.cast(column.dtype, strict=False)
    # masks are made where there is something to report: counts and sums take a tenth of their time
    lost = None
    if cast.null_count() > given.null_count():
        kind = _kind(column.dtype)
        lost = cast.is_null() & given.is_not_null()
        report.rows(lost, name, "wrong-type", f"{name} holds a value that is not {kind}", kind, given.filter(lost)[0])
    total = cast.sum() if column.dtype == NUMBER else 0.0
    if not (isinstance(total, int | float) and isfinite(total)):
        wild = (cast.is_nan() | cast.is_infinite()).fill_null(value=False)
        if wild.any():
            what = f"{name} holds NaN or infinity"
            report.rows(wild, name, "not-finite", what, "a finite number or null", cast.filter(wild)[0])
    if not column.nullable and cast.null_count():
        empty = cast.is_null() if lost is None else cast.is_null() & ~lost
        if empty.any():
            report.rows(empty, name, "null", f"{name} is empty", column.meaning)
    if column.terms is not None:
        words = [term.value for term in column.terms]
        strange = (~cast.is_in(words)).fill_null(value=False)
        if strange.any():
            what = f"{name} holds a word that is not among its terms"
            report.rows(strange, name, "unknown-term", what, ", ".join(words), cast.filter(strange)[0])
    least = None if column.minimum is None else cast.min()
    if column.minimum is not None and isinstance(least, int | float) and least < column.minimum:
        low = (cast < column.minimum).fill_null(value=False)
        if low.any():
            bound = f"{column.minimum:g}"
            report.rows(low, name, "too-low", f"{name} is below {bound}", f"at least {bound}", cast.filter(low)[0])
    return cast.rename(name)


def _refuse_repeats(result: pl.DataFrame, table: Table, report: _Report) -> None:
    if result.select(table.key).hash_rows().n_unique() == result.height:
        return  # rows of different hashes differ; whether rows of one hash do is what takes long
    twice = result.select(pl.struct(table.key).is_duplicated()).to_series()
    if twice.any():
        first = result.filter(twice).select(table.key).row(0)
        found = ", ".join(f"{k} = {v!r}" for k, v in zip(table.key, first, strict=True))
        what = "rows that should be unique stand more than once"
        report.rows(twice, " + ".join(table.key), "duplicate-key", what, f"one row per {table.row}", found)


def _kind(dtype: pl.DataType) -> str:
    if dtype == NUMBER:
        return "a number"
    if dtype == WHOLE:
        return "a whole number"
    if dtype == FLAG:
        return "true or false"
    if dtype == TEXTS:
        return "a list of texts"
    return "text"
