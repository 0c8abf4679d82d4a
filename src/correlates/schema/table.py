"""What a table is: columns with type, unit, key and meaning, and one function that conforms a frame to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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
    problems: list[Problem] = []
    numbers = frame[rows].to_list() if rows is not None and rows in frame.columns else list(range(1, frame.height + 1))

    def places(mask: pl.Series) -> tuple[int | None, str]:
        hits = [numbers[i] for i in mask.arg_true().to_list()]
        more = f" and {len(hits) - _SHOWN} more" if len(hits) > _SHOWN else ""
        listed = ", ".join(str(h) for h in hits[:_SHOWN]) + more
        return (hits[0] if hits else None), ("" if len(hits) <= 1 else f" (rows {listed})")

    def report(mask: pl.Series, column: str, code: str, what: str, expected: str, found: object = None) -> None:
        row, listed = places(mask)
        problems.append(
            Problem(
                code=code,
                what=f"Table {table.name}: {what}{listed}",
                where=Where(file=file, row=row, column=column),
                found=None if found is None else repr(found),
                expected=expected,
            )
        )

    if not table.open:
        for name in frame.columns:
            if name not in table.names:
                guess = closest(name, table.names)
                problems.append(
                    Problem(
                        code="unknown-column",
                        what=f"Table {table.name} has no column {name!r}",
                        where=Where(file=file, column=name),
                        expected=f"columns {', '.join(table.names)}",
                        do=f"Did you mean {guess!r}" if guess else None,
                    )
                )

    conformed: dict[str, pl.Series] = {}
    for column in table.columns:
        if column.name not in frame.columns:
            if not column.nullable:
                problems.append(
                    Problem(
                        code="missing-column",
                        what=f"Table {table.name}: column {column.name!r} is absent",
                        where=Where(file=file, column=column.name),
                        expected=column.meaning,
                    )
                )
            conformed[column.name] = pl.Series(column.name, [None] * frame.height, dtype=column.dtype)
            continue
        given = frame[column.name]
        cast = given.cast(column.dtype, strict=False)
        lost = cast.is_null() & given.is_not_null()
        if lost.any():
            what = f"{column.name} holds a value that is not {_kind(column.dtype)}"
            report(lost, column.name, "wrong-type", what, _kind(column.dtype), given.filter(lost)[0])
        if column.dtype == NUMBER:
            wild = (cast.is_nan() | cast.is_infinite()).fill_null(value=False)
            if wild.any():
                what = f"{column.name} holds NaN or infinity"
                report(wild, column.name, "not-finite", what, "a finite number or null", cast.filter(wild)[0])
        if not column.nullable and (cast.is_null() & ~lost).any():
            report(cast.is_null() & ~lost, column.name, "null", f"{column.name} is empty", column.meaning)
        if column.terms is not None:
            words = [term.value for term in column.terms]
            strange = (~cast.is_in(words)).fill_null(value=False)
            if strange.any():
                what = f"{column.name} holds a word that is not among its terms"
                report(strange, column.name, "unknown-term", what, ", ".join(words), cast.filter(strange)[0])
        if column.minimum is not None:
            low = (cast < column.minimum).fill_null(value=False)
            if low.any():
                what = f"{column.name} is below {column.minimum:g}"
                report(low, column.name, "too-low", what, f"at least {column.minimum:g}", cast.filter(low)[0])
        conformed[column.name] = cast.rename(column.name)

    result = pl.DataFrame(conformed)
    if table.open:
        result = result.with_columns([frame[n] for n in frame.columns if n not in table.names])
    if table.key and not problems and result.height:
        twice = result.select(pl.struct(table.key).is_duplicated()).to_series()
        if twice.any():
            first = result.filter(twice).select(table.key).row(0)
            found = ", ".join(f"{k} = {v!r}" for k, v in zip(table.key, first, strict=True))
            row, listed = places(twice)
            problems.append(
                Problem(
                    code="duplicate-key",
                    what=f"Table {table.name}: rows that should be unique stand more than once{listed}",
                    where=Where(file=file, row=row, column=" + ".join(table.key)),
                    found=found,
                    expected=f"one row per {table.row}",
                )
            )
    if problems:
        raise InputError(problems)
    return result


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
