"""Daily records: one row per subject and day, one column per item (grades, signs, treatments)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from correlates.errors import InputError, Problem, Where, unknown
from correlates.readers.cells import numbers
from correlates.readers.clinical import check, encoding_checks, file_row, shown
from correlates.readers.grid import Grid, read_grid
from correlates.schema.checks import CHECKS
from correlates.schema.daily import DAILY
from correlates.schema.files import FILES
from correlates.schema.table import conform

_NULLS = ("", "NA", "N/A", "ND", ".")
_SHOWN = 20
_LINE = "\x00line"  # cannot be a heading of a file


def read_daily(
    path: Path,
    subject_id: str,
    day: str,
    items: Mapping[str, str],
    *,
    source: str = "",
    relative_to: Path | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Read daily records.

    Parameters
    ----------
    path
        CSV, TSV, XLSX (one sheet) or Parquet.
    subject_id, day
        Columns of the file that hold the subject and the day relative to the infusion (0: the day of infusion).
    items
        Item -> column of the file.
    source, relative_to
        As for the sample manifest.

    Returns
    -------
    tuple of polars.DataFrame
        ``DAILY`` (a row for every cell, blank ones and NA with null), the checks, and the row of the table of files. Blanks around the
        name of a subject are taken off. A day of a subject that stands twice is kept twice, with a check.

    Raises
    ------
    InputError
        An unknown column, a row without subject, a day that is no whole number.
    """
    grid = read_grid(path)
    name = shown(path, relative_to)
    row = file_row(path, source=source, reader="daily", header=grid.header, relative_to=relative_to)
    wanted = (subject_id, day, *items.values())
    problems = [
        unknown("column", column, grid.frame.columns, where=Where(file=name), code="unknown-column")
        for column in dict.fromkeys(wanted)
        if column not in grid.frame.columns
    ]
    if problems:
        raise InputError(problems)
    frame = grid.frame.with_columns(
        pl.Series(_LINE, grid.lines, dtype=pl.Int64), pl.col(subject_id).str.strip_chars().replace("", None)
    )
    frame = frame.filter(~pl.all_horizontal(pl.exclude(_LINE).is_null()))
    days, problems = _days(frame, grid, day, name)
    problems += [
        Problem(
            code="null",
            what=f"A row has no {subject_id}",
            where=Where(file=name, row=line, column=subject_id),
            expected="the name of a subject",
            do="Fill the cell or remove the row",
        )
        for line in frame.filter(pl.col(subject_id).is_null())[_LINE].to_list()[:_SHOWN]
    ]
    if problems:
        raise InputError(problems)
    fixed = frame.select(
        subject_id=pl.col(subject_id),
        source=pl.lit(source),
        day=days,
        source_id=pl.format("{}/{}", pl.lit(str(row["file_id"])), pl.col(_LINE)),
    )
    parts = [DAILY.empty()]
    for item, column in items.items():
        text = frame.select(pl.when(~pl.col(column).is_in(_NULLS)).then(pl.col(column))).to_series()
        value = numbers(text, grid.decimal).value
        value = value.set(value.is_infinite().fill_null(value=False), None)
        parts.append(
            fixed.with_columns(item=pl.lit(item), value=value.rename("value"), text=text.rename("text")).select(
                DAILY.names
            )
        )
    checks = [*_twice(fixed, source or name), *encoding_checks(name, grid.encoding)]
    return conform(pl.concat(parts), DAILY, file=name), CHECKS.frame(checks), FILES.frame([row])


def _days(frame: pl.DataFrame, grid: Grid, day: str, name: str) -> tuple[pl.Series, list[Problem]]:
    told = numbers(frame[day], grid.decimal).value
    whole = told.cast(pl.Int64, strict=False)
    wrong = (told.is_null() | (whole.cast(pl.Float64) != told).fill_null(value=True)).arg_true().to_list()
    lines = frame[_LINE].to_list()
    return whole.rename("day"), [
        Problem(
            code="wrong-type",
            what=f"{day} holds a value that is not a whole number",
            where=Where(file=name, row=lines[i], column=day),
            found=repr(frame[day][i]),
            expected="a day relative to the infusion",
            do="Correct the cell",
        )
        for i in wrong[:_SHOWN]
    ]


def _twice(fixed: pl.DataFrame, item: str) -> list[dict[str, object]]:
    """A check for each day of a subject that stands in more than one row."""
    twice = (
        fixed.group_by("subject_id", "day", maintain_order=True)
        .agg("source_id")
        .filter(pl.col("source_id").list.len() > 1)
    )
    return [
        check(
            scope="subject",
            item=subject,
            target=item,
            rule="day-twice",
            found=f"day {day} stands in {len(ids)} rows",
            value=float(len(ids)),
            required="one row per subject and day",
            action="kept: the worst of the day counts",
            source_ids=ids,
        )
        for subject, day, ids in twice.iter_rows()
    ]
