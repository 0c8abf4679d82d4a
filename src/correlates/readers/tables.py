"""Plain tables (CSV, TSV, XLSX, Parquet): the sample manifest, product attributes, and tables of biomarkers or outcomes.

No arithmetic but one: a column of the manifest may be declared as the sum of columns of the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from correlates import units
from correlates.errors import InputError, Problem, Where, unknown
from correlates.readers.cells import numbers
from correlates.readers.clinical import check, encoding_checks, file_row, shown
from correlates.readers.grid import Grid, read_grid, split_unit
from correlates.schema.checks import CHECKS
from correlates.schema.clinical import CHARACTERISTICS, PRODUCT
from correlates.schema.files import FILES
from correlates.schema.samples import SAMPLES
from correlates.schema.table import NUMBER, Column, conform
from correlates.terms import Flag

_NULLS = ("", "NA")
_SHOWN = 20
_LINE = "\x00line"  # cannot be a heading of a file


def read_samples(
    path: Path, columns: Mapping[str, str], *, source: str = "", relative_to: Path | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read the sample manifest.

    Parameters
    ----------
    path
        CSV, TSV, XLSX (one sheet) or Parquet.
    columns
        Column of ``schema.SAMPLES`` -> column of the file. A column of the file is found by its heading with or
        without a unit in brackets; a unit that is given must be the unit of the schema. A numeric column may be the
        sum of columns of the file, ``LYMPH + MONO``: the only expression there is. A sum with a blank term is blank.
    source
        Name of the source in the plan.
    relative_to
        Folder of the plan: paths in the tables are relative to it.

    Returns
    -------
    tuple of polars.DataFrame
        The samples (all other columns of the file in ``extras``) and the row of the table of files.

    Raises
    ------
    InputError
        All that is wrong with the file: an unknown column, a unit that differs, a cell that is not a number, a sample
        without name or subject, a sample name that stands twice.
    """
    grid = read_grid(path)
    name = shown(path, relative_to)
    problems: list[Problem] = []
    made: dict[str, pl.Series] = {}
    used: set[str] = set()
    problems += [
        Problem(
            code="missing-column",
            what=f"The manifest's column for {column!r} is not declared",
            where=Where(file=name),
            found=f"columns for {', '.join(columns) or 'nothing'}",
            expected=SAMPLES.column(column).meaning,
            do=f"Declare {column}: one of {', '.join(grid.frame.columns[:_SHOWN])}",
        )
        for column in ("sample_id", "subject_id")
        if column not in columns
    ]
    by_name = {**{split_unit(h)[0]: h for h in grid.frame.columns}, **{h: h for h in grid.frame.columns}}
    for column, expression in columns.items():
        if column not in SAMPLES.names or column == "extras":
            known = [n for n in SAMPLES.names if n != "extras"]
            problems.append(unknown("column of samples", column, known, where=Where(file=name), code="unknown-column"))
            continue
        declared = SAMPLES.column(column)
        headings = _terms(expression, by_name, summable=declared.dtype == NUMBER)
        missing = [h for h in headings if h not in by_name]
        if missing:
            problems += [
                unknown("column", h, grid.frame.columns, where=Where(file=name, row=1), code="unknown-column")
                for h in missing
            ]
            continue
        cells = [by_name[h] for h in headings]
        used.update(cells)
        if declared.dtype != NUMBER:
            made[column] = grid.frame[cells[0]]
            continue
        problems += [p for h in cells if (p := _unit_problem(h, declared, name)) is not None]
        read = [_column_of_numbers(grid, h, name) for h in cells]
        problems += [p for _, found in read for p in found]
        total = read[0][0]
        for more, _ in read[1:]:
            total = total + more
        made[column] = total
        problems += _too_low(total, declared, expression, name, grid.lines)
    if problems:
        raise InputError(problems)
    rest = [h for h in grid.frame.columns if h not in used]
    frame = pl.DataFrame([series.rename(column) for column, series in made.items()])
    if rest:
        frame = frame.with_columns(grid.frame.select(pl.struct(rest).struct.json_encode()).to_series().rename("extras"))
    # conform() numbers rows of the frame; the problems must name rows of the file
    frame = _conform_samples(frame, name, grid.lines)
    row = file_row(path, source=source, reader="table", header=grid.header, relative_to=relative_to)
    return frame, FILES.frame([row])


def _conform_samples(frame: pl.DataFrame, name: str, lines: Sequence[int]) -> pl.DataFrame:
    problems: list[Problem] = []
    for column in (*SAMPLES.key, "subject_id"):
        if column not in frame.columns:
            continue
        blank = [lines[i] for i in frame[column].is_null().arg_true()]
        problems += [
            Problem(
                code="null",
                what=f"A sample has no {column}",
                where=Where(file=name, row=line, column=column),
                expected=SAMPLES.column(column).meaning,
                do="Fill the cell or remove the row",
            )
            for line in blank[:_SHOWN]
        ]
    if "sample_id" in frame.columns:
        where: dict[str, list[int]] = {}
        for line, sample in zip(lines, frame["sample_id"], strict=True):
            if sample is not None:
                where.setdefault(sample, []).append(line)
        problems += [
            Problem(
                code="duplicate-key",
                what=f"Sample {sample!r} stands more than once (rows {', '.join(map(str, at))})",
                where=Where(file=name, row=at[1], column="sample_id"),
                expected="one row per sample",
                do="Remove the row that is wrong",
            )
            for sample, at in where.items()
            if len(at) > 1
        ][:_SHOWN]
    if problems:
        raise InputError(problems)
    return conform(frame, SAMPLES, file=name)


def _terms(expression: str, by_name: Mapping[str, str], *, summable: bool) -> list[str]:
    if expression in by_name or not summable:
        return [expression]
    return [term.strip() for term in expression.split(" + ")]


def _unit_problem(heading: str, declared: Column, file: str) -> Problem | None:
    stated = split_unit(heading)[1]
    if stated is None or declared.unit is None:
        return None
    wanted, found = units.unit(declared.unit), units.unit(stated)
    if (wanted.dimension, wanted.factor) == (found.dimension, found.factor):
        return None
    remedy = (
        f"Multiply the column by {found.factor / wanted.factor:g} and name it in {wanted.symbol}"
        if wanted.dimension == found.dimension
        else "Map the column that is meant"
    )
    return Problem(
        code="unit-differs",
        what=f"Column {heading!r} is in {found.symbol}",
        where=Where(file=file, row=1, column=heading),
        found=found.symbol,
        expected=wanted.symbol,
        do=remedy,
    )


def _too_low(values: pl.Series, declared: Column, heading: str, file: str, lines: Sequence[int]) -> list[Problem]:
    if declared.minimum is None:
        return []
    low = (values < declared.minimum).fill_null(value=False).arg_true().to_list()
    return [
        Problem(
            code="too-low",
            what=f"{heading} is below {declared.minimum:g}",
            where=Where(file=file, row=lines[i], column=heading),
            found=f"{values[i]:g}",
            expected=declared.meaning,
        )
        for i in low[:_SHOWN]
    ]


def _same_names(headings: Sequence[str], file: str) -> list[Problem]:
    """Headings that differ in nothing but their unit would give one name two values."""
    names = [split_unit(h)[0] for h in headings]
    return [
        Problem(
            code="duplicate-heading",
            what=f"Columns {' and '.join(repr(h) for h, n in zip(headings, names, strict=True) if n == name)} differ only in their unit",
            where=Where(file=file, row=1),
            expected="one column per name",
            do="Rename or remove one of them",
        )
        for name, count in Counter(names).items()
        if count > 1
    ]


def _column_of_numbers(grid: Grid, heading: str, file: str) -> tuple[pl.Series, list[Problem]]:
    """A column read as numbers; a cell that is neither a number nor a mark of absence is a problem."""
    read = numbers(grid.frame[heading], grid.decimal)
    absent = read.flag.is_in([Flag.MISSING.value, Flag.OMITTED.value]).fill_null(value=False)
    wrong = (read.value.is_null() & ~absent).arg_true()
    return read.value, [
        Problem(
            code="not-a-number",
            what=f"{heading} holds a cell that is not a number",
            where=Where(file=file, row=grid.lines[i], column=heading),
            found=repr(grid.frame[heading][i]),
            expected="a number or a blank cell",
        )
        for i in wrong.to_list()[:_SHOWN]
    ]


def read_product(
    path: Path,
    subject_id: str,
    units: Mapping[str, str] | None = None,
    *,
    source: str = "",
    relative_to: Path | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Read product attributes: one row per subject, one column per attribute.

    Parameters
    ----------
    path
        CSV, TSV, XLSX (one sheet) or Parquet.
    subject_id
        Column of the file that names the subject.
    units
        Attribute -> unit, for headings that do not state one. ``DOUBLING_TIME (day)`` is the attribute
        ``DOUBLING_TIME`` in days.
    source, relative_to
        As in :func:`read_samples`.

    Returns
    -------
    tuple of polars.DataFrame
        ``PRODUCT`` (one row per subject and attribute; a text that is no number has a null value), the checks, and the
        row of the table of files.

    Raises
    ------
    InputError
        An unknown column, two units for one attribute, a row without subject, or a subject whose rows contradict each
        other.
    """
    grid = read_grid(path)
    name = shown(path, relative_to)
    row = file_row(path, source=source, reader="table", header=grid.header, relative_to=relative_to)
    _require([subject_id], grid, name)
    attributes, problems = _attributes(grid, subject_id, units or {}, name)
    problems += _same_names(list(attributes), name)
    if problems:
        raise InputError(problems)
    keep, checks = _one_row_each(grid, subject_id, name, str(row["file_id"]))
    checks += encoding_checks(name, grid.encoding)
    parts = []
    for heading, (attribute, symbol) in attributes.items():
        cells = keep[heading]
        read = numbers(cells, grid.decimal)
        checks += _mixed(cells, read.value, heading, name, keep[_LINE].to_list(), str(row["file_id"]))
        parts.append(
            pl.DataFrame(
                {
                    "subject_id": keep[subject_id],
                    "attribute": [attribute] * keep.height,
                    "value": read.value,
                    "text": cells,
                    "unit": pl.Series([symbol] * keep.height, dtype=pl.String),
                    "source_id": _source_ids(keep, str(row["file_id"])),
                }
            )
        )
    frame = pl.concat(parts) if parts else PRODUCT.empty()
    return conform(frame, PRODUCT, file=name), CHECKS.frame(checks), FILES.frame([row])


def _attributes(
    grid: Grid, subject_id: str, given: Mapping[str, str], file: str
) -> tuple[dict[str, tuple[str, str | None]], list[Problem]]:
    attributes: dict[str, tuple[str, str | None]] = {}
    problems: list[Problem] = []
    for heading in grid.frame.columns:
        if heading == subject_id:
            continue
        attribute, stated = split_unit(heading)
        declared = given.get(attribute, given.get(heading))
        symbol = units.unit(declared, where=Where(file=file, column=heading)).symbol if declared else stated
        if stated is not None and symbol != stated:
            problems.append(
                Problem(
                    code="unit-differs",
                    what=f"Attribute {attribute!r} has two units",
                    where=Where(file=file, row=1, column=heading),
                    found=f"{stated} in the heading, {symbol} declared",
                    expected="one unit",
                    do="Correct the heading or the declared unit",
                )
            )
        attributes[heading] = (attribute, symbol)
    known = {a for a, _ in attributes.values()} | set(attributes)
    problems += [
        unknown("attribute", a, sorted(known), where=Where(file=file), code="unknown-column")
        for a in given
        if a not in known
    ]
    return attributes, problems


def _require(headings: Sequence[str], grid: Grid, file: str) -> None:
    missing = [h for h in headings if h not in grid.frame.columns]
    if missing:
        raise InputError(
            unknown("column", h, grid.frame.columns, where=Where(file=file, row=1), code="unknown-column")
            for h in missing
        )


def _source_ids(frame: pl.DataFrame, file_id: str) -> pl.Series:
    return frame.select(pl.format("{}/{}", pl.lit(file_id), pl.col(_LINE))).to_series()


def _without_blank_ids(grid: Grid, column: str, file: str) -> pl.DataFrame:
    frame = grid.frame.with_columns(pl.Series(_LINE, grid.lines, dtype=pl.Int64))
    blank = frame.filter(pl.col(column).is_null())
    if blank.height:
        raise InputError(
            Problem(
                code="null",
                what=f"A row has no {column}",
                where=Where(file=file, row=line, column=column),
                expected="the name of a subject",
                do="Fill the cell or remove the row",
            )
            for line in blank[_LINE].to_list()[:_SHOWN]
        )
    return frame


def _one_row_each(grid: Grid, column: str, file: str, file_id: str) -> tuple[pl.DataFrame, list[dict[str, object]]]:
    """One row per value of ``column``: rows that agree in every cell are reduced to the first, others are an error."""
    frame = _without_blank_ids(grid, column, file)
    cells = [c for c in frame.columns if c not in {column, _LINE}]
    problems: list[Problem] = []
    checks: list[dict[str, object]] = []
    repeated = frame.filter(pl.col(column).is_duplicated())
    for (subject,), group in repeated.group_by(column, maintain_order=True):
        lines = group[_LINE].to_list()
        differ = [c for c in cells if group[c].n_unique() > 1]
        rows = ", ".join(map(str, lines[:_SHOWN])) + (f" and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else "")
        if differ:
            problems.append(
                Problem(
                    code="duplicate-subject",
                    what=f"{column} {subject!r} stands in rows {rows} with different values",
                    where=Where(file=file, row=lines[1], column=differ[0]),
                    found="; ".join(f"{c}: {', '.join(repr(v) for v in group[c].to_list())}" for c in differ[:5]),
                    expected="one row per subject",
                    do="Remove the row that is wrong, or name the column that tells the rows apart as the unit of analysis",
                )
            )
            continue
        checks.append(
            check(
                scope="subject",
                item=str(subject),
                rule="duplicate-subject",
                found=f"{file}: identical rows {rows}",
                value=float(len(lines)),
                required="one row per subject",
                passed=False,
                action="kept one",
                source_ids=[f"{file_id}/{line}" for line in lines],
            )
        )
    if problems:
        raise InputError(problems)
    return frame.unique(subset=column, keep="first", maintain_order=True), checks


def _mixed(
    cells: pl.Series, value: pl.Series, heading: str, file: str, lines: Sequence[int], file_id: str
) -> list[dict[str, object]]:
    """A check that is not passed where most, but not all, filled cells of a column are numbers."""
    filled = cells.is_not_null() & ~cells.is_in(_NULLS)
    odd = (filled & value.is_null()).arg_true().to_list()
    if not odd or value.drop_nulls().len() < len(odd):
        return []
    listed = ", ".join(f"{cells[i]!r} in row {lines[i]}" for i in odd[:_SHOWN])
    more = f" and {len(odd) - _SHOWN} more" if len(odd) > _SHOWN else ""
    return [
        check(
            scope="source",
            item=file,
            target=heading,
            rule="not-a-number",
            found=listed + more,
            value=float(len(odd)),
            required="a number in every filled cell of a column of numbers",
            passed=False,
            action="flagged",
            source_ids=[f"{file_id}/{lines[i]}" for i in odd],
        )
    ]


def read_table(
    path: Path,
    subject_id: str,
    unit_of_analysis: str | None = None,
    columns: Sequence[str] | None = None,
    *,
    source: str = "",
    relative_to: Path | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Read a plain table as a source of biomarkers and outcomes: one characteristic per column.

    Parameters
    ----------
    path
        CSV, TSV, XLSX (one sheet) or Parquet.
    subject_id
        Column of the file that names the subject.
    unit_of_analysis
        Column that names the unit of analysis where it is not the subject (a sample, say). Its values then are the
        ``subject_id`` of the rows, ``subject_id`` itself becomes a characteristic, and a check says how many subjects
        contribute more than one row.
    columns
        Columns to take; null takes all.
    source, relative_to
        As in :func:`read_samples`.

    Returns
    -------
    tuple of polars.DataFrame
        ``CHARACTERISTICS``, the checks, and the row of the table of files. Blank cells and ``NA`` are null. A column is
        of numbers when every filled cell is one: then ``value`` holds them; ``category`` holds the text as written in
        either case. A unit in brackets at the end of a heading is taken off into ``unit``.

    Raises
    ------
    InputError
        An unknown column, a row without subject or unit of analysis, or either standing twice.
    """
    grid = read_grid(path)
    name = shown(path, relative_to)
    row = file_row(path, source=source, reader="table", header=grid.header, relative_to=relative_to)
    file_id = str(row["file_id"])
    _require([subject_id, *([unit_of_analysis] if unit_of_analysis else []), *(columns or [])], grid, name)
    key = unit_of_analysis or subject_id
    frame, checks = _one_row_each(grid, key, name, file_id)
    checks += encoding_checks(name, grid.encoding)
    if unit_of_analysis is not None:
        _without_blank_ids(grid, subject_id, name)
        repeated = frame.filter(pl.col(subject_id).is_duplicated())[subject_id].n_unique()
        checks.append(
            check(
                scope="source",
                item=name,
                target=unit_of_analysis,
                rule="repeated-subjects",
                found=f"{repeated} of {frame[subject_id].n_unique()} subjects contribute more than one row",
                value=float(repeated),
                required="one row per subject, where rows are to be independent",
                passed=repeated == 0,
                action="none" if repeated == 0 else "flagged",
            )
        )
    taken = list(columns) if columns is not None else [c for c in grid.frame.columns if c != key]
    if unit_of_analysis is not None and subject_id not in taken:
        taken.append(subject_id)
    if alike := _same_names(taken, name):
        raise InputError(alike)
    parts = []
    lines = frame[_LINE].to_list()
    fixed = frame.select(subject_id=pl.col(key)).with_columns(_source_ids(frame, file_id).alias("source_id"))
    cells_of = frame.with_columns(pl.when(~pl.col(taken).is_in(_NULLS)).then(pl.col(taken)).name.keep())
    for heading in taken:
        cells = cells_of[heading]
        value = numbers(cells, grid.decimal).value
        value = value.set(value.is_infinite().fill_null(value=False), None)
        complete = value.null_count() == cells.null_count()
        numeric = heading != subject_id and complete and cells.null_count() < cells.len()
        if not complete:
            checks += _mixed(cells, value, heading, name, lines, file_id)
        attribute, symbol = split_unit(heading)
        parts.append(
            fixed.with_columns(
                pl.lit(attribute).alias("name"),
                pl.lit(heading).alias("label"),
                value.rename("value") if numeric else pl.lit(None, dtype=pl.Float64).alias("value"),
                cells.rename("category"),
                pl.lit(symbol, dtype=pl.String).alias("unit"),
                pl.lit(source).alias("source"),
            )
        )
    long = pl.concat(parts) if parts else CHARACTERISTICS.empty()
    return conform(long, CHARACTERISTICS, file=name), CHECKS.frame(checks), FILES.frame([row])
