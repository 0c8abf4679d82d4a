"""Clinical records that are not SDTM: a declared mapping of columns and values makes a clinical table of them.

No arithmetic but two changes of notation: a date of SAS (days since 1960) becomes ISO 8601, and a day counted from 1
becomes a day counted from 0. Every row of the file is a row of the table, or is counted among those left out.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from correlates.errors import InputError, Problem, Where, unknown
from correlates.readers.cells import numbers
from correlates.readers.clinical import ROW, check, encoding_checks, file_row, grades, shown
from correlates.readers.dataset import Raw, read_dataset
from correlates.readers.settings import Records
from correlates.schema.checks import CHECKS
from correlates.schema.clinical import CLINICAL
from correlates.schema.files import FILES
from correlates.schema.table import NUMBER, WHOLE, Column, Table, conform

FILLED_LATER = ("source_id", "conditioning_day", "grade_text")
"""Columns that no mapping may name: they are made."""
_IMPUTED = "_imputed"
_RESULTS = {"lesions": ("measure", "value"), "labs": ("test", "value"), "assessments": ("test", "response")}
"""Where a table has one row per test: the column of its name and the column of its result."""
_SAS_DATE = re.compile(r"^(E8601D[AN]|DATE(?!TIME)|YYMMDD|MMDDYY|DDMMYY|IS8601DA|B8601DA)", re.IGNORECASE)
_SAS_TIME = re.compile(r"^(E8601DT|DATETIME|IS8601DT|B8601DT)", re.IGNORECASE)
_SAS_EPOCH = datetime.date(1960, 1, 1)
_SPACED = re.compile(r"^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}.*)$")
_SHOWN = 20
_TEXT = "\x00text"  # cannot be a column of a file


def read_records(
    path: Path, mapping: Records, *, source: str = "", relative_to: Path | None = None
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Read clinical records by a declared mapping.

    Parameters
    ----------
    path
        SAS transport, SAS7BDAT, Dataset-JSON, delimited text, a workbook of one sheet, or Parquet.
    mapping
        Which table, and what becomes of the columns and values.
    source, relative_to
        As in :func:`~correlates.readers.sdtm.read_sdtm`.

    Returns
    -------
    tuple of polars.DataFrame
        The clinical table, conformed; the checks (rows left out, words that ``values`` does not name); the row of the
        table of files. A cell of a number column of lesions and laboratory results that is no number keeps its text
        (TOO SMALL TO MEASURE, <5); elsewhere it is an error.

    Raises
    ------
    InputError
        All that is wrong: a column of the table or of the file that does not exist, one that is mapped twice, a required
        column that is not mapped, lists that are not in step, text where a number belongs, a row without subject.
    """
    table = next(t for t in CLINICAL if t.name == mapping.table)
    name = shown(path, relative_to)
    raw = read_dataset(path, name)
    problems = _mapping_problems(mapping, table, raw.frame, name)
    if problems:
        raise InputError(problems)
    row = file_row(
        path,
        source=source,
        reader=f"records-{mapping.table}",
        header={**raw.header, "mapped": {**mapping.columns, **mapping.wide}},
        relative_to=relative_to,
        software=raw.software,
    )
    checks: list[dict[str, object]] = list(encoding_checks(name, raw.encoding))
    frame, left_out = _kept(raw.frame, mapping, name)
    checks += left_out
    frame = _unfolded(frame, mapping.unfold, name)
    frame = _long(frame, mapping)
    made, problems = _mapped(frame, mapping, table, raw, name)
    if problems:
        raise InputError(problems)
    made, strange = _reworded(made, mapping, name)
    checks += strange
    made = made.with_columns(source_id=pl.format("{}/{}", pl.lit(row["file_id"]), pl.col(ROW)))
    if table.name == "adverse_events" and "grade_text" in made.columns:
        made = made.with_columns(grade=grades(made["grade_text"]))
    blank = _blank_problems(made, table, name)
    if blank:
        raise InputError(blank)
    return (
        conform(made.drop(ROW), table, file=name),
        CHECKS.frame([dict(c) for c in checks]),
        FILES.frame([row]),
    )


# ---- the mapping ---------------------------------------------------------------------------------------------------


def _mapping_problems(mapping: Records, table: Table, frame: pl.DataFrame, name: str) -> list[Problem]:
    where = Where(file=name)
    known = [c for c in table.names if c not in FILLED_LATER and not c.endswith(_IMPUTED)]
    headings = [c for c in frame.columns if c != ROW]
    result = _RESULTS.get(table.name)
    problems = [
        unknown(f"column of {table.name}", c, known, where=where, code="unknown-column")
        for c in (*mapping.columns, *mapping.constants, *mapping.values)
        if c not in known
    ]
    wanted = (*mapping.columns.values(), *mapping.keep, *mapping.wide.values(), *mapping.unfold)
    problems += [
        unknown("column", h, headings, where=Where(file=name, row=1), code="unknown-column")
        for h in dict.fromkeys(wanted)
        if h not in headings
    ]
    twice = [c for c in mapping.columns if c in mapping.constants]
    if mapping.wide and result is not None:
        twice += [c for c in result if c in mapping.columns or c in mapping.constants]
    problems += [
        Problem(
            code="mapped-twice",
            what=f"Column {c!r} of {table.name} is mapped twice",
            where=where,
            found="among columns and constants, or as the result of wide",
            expected="one origin",
            do="Keep one of them",
        )
        for c in dict.fromkeys(twice)
    ]
    if mapping.wide and result is None:
        problems.append(
            Problem(
                code="not-wide",
                what=f"Table {table.name} has no results of tests, which wide could hold",
                where=where,
                expected=f"wide only for {', '.join(_RESULTS)}",
                do="Map the columns",
            )
        )
    given = {*mapping.columns, *mapping.constants, *(result if mapping.wide and result else ())}
    missing = [c for c in table.columns if not c.nullable and c.name not in given and c.name not in FILLED_LATER]
    problems += [
        Problem(
            code="missing-column",
            what=f"Column {c.name!r} of {table.name} is not mapped",
            where=where,
            expected=c.meaning,
            do=f"Name its column of the file under columns, or its word under constants ({', '.join(headings[:_SHOWN])})",
        )
        for c in missing
    ]
    return problems


def _kept(frame: pl.DataFrame, mapping: Records, name: str) -> tuple[pl.DataFrame, list[dict[str, object]]]:
    """The rows whose cells are among those declared; a check counts the others."""
    kept = frame
    for heading, values in mapping.keep.items():
        words = {_folded(v) for v in values}
        mask = [_folded(v) in words for v in _texts(kept[heading])]
        kept = kept.filter(pl.Series(mask, dtype=pl.Boolean))
    if not mapping.keep:
        return frame, []
    rule = "; ".join(f"{h} {' or '.join(v)}" for h, v in mapping.keep.items())
    left = frame.height - kept.height
    return kept, [
        check(
            scope="source",
            item=name,
            rule="rows-kept",
            found=f"{kept.height} of {frame.height} rows",
            value=float(left),
            required=rule,
            passed=kept.height > 0,
            action="none" if not left else f"{left} rows left out",
        )
    ]


def _unfolded(frame: pl.DataFrame, headings: Sequence[str], name: str) -> pl.DataFrame:
    """Cells that are lists become rows, the lists of one row in step."""
    if not headings:
        return frame
    problems: list[Problem] = []
    lists: dict[str, list[list[str | None]]] = {h: [] for h in headings}
    for row, *cells in frame.select(ROW, *headings).iter_rows():
        parts = {h: _list(c) for h, c in zip(headings, cells, strict=True)}
        lengths = {h: None if p is None else len(p) for h, p in parts.items()}
        if None in lengths.values() or len(set(lengths.values())) > 1:
            problems.append(
                Problem(
                    code="list",
                    what="The cells of a row are no lists of one length",
                    where=Where(file=name, row=row),
                    found=", ".join(f"{h}: {'no list' if n is None else n}" for h, n in lengths.items()),
                    expected="lists in square brackets, as many places in each",
                    do="Correct the cells, or take the column out of unfold",
                )
            )
        for heading, part in parts.items():
            lists[heading].append(part or [None])  # a row without a place is not lost
    if problems:
        raise InputError(problems[:_SHOWN])
    columns = [pl.Series(h, values, dtype=pl.List(pl.String)) for h, values in lists.items()]
    return frame.with_columns(columns).explode(list(headings))


def _list(cell: object) -> list[str | None] | None:
    """A list of texts from ``[13.0, TOO SMALL TO MEASURE, 'x']``; None where the cell is no list."""
    text = "" if cell is None else str(cell).strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    inner = text[1:-1].strip()
    if not inner:
        return []
    try:
        return [None if v is None else str(v) for v in json.loads(text)]
    except json.JSONDecodeError:
        words = [part.strip().strip("'\"") for part in inner.split(",")]
        return [None if word in {"", "None", "nan", "NaN"} else word for word in words]


def _long(frame: pl.DataFrame, mapping: Records) -> pl.DataFrame:
    """One row per test of a file with one column per test. A test without a cell is a row without a result, dropped."""
    if not mapping.wide:
        return frame
    what, result = (f"\x00{c}" for c in _RESULTS[mapping.table])
    parts = [
        frame.with_columns(pl.lit(test).alias(what), _texts(frame[heading]).alias(result), pl.lit(place).alias("\x00p"))
        for place, (test, heading) in enumerate(mapping.wide.items())
    ]
    return pl.concat(parts).filter(pl.col(result).is_not_null()).sort(ROW, "\x00p", maintain_order=True).drop("\x00p")


# ---- cells ---------------------------------------------------------------------------------------------------------


def _mapped(
    frame: pl.DataFrame, mapping: Records, table: Table, raw: Raw, name: str
) -> tuple[pl.DataFrame, list[Problem]]:
    origins = dict(mapping.columns)
    if mapping.wide:
        origins.update({c: f"\x00{c}" for c in _RESULTS[table.name]})
    made: dict[str, pl.Series] = {ROW: frame[ROW]}
    problems: list[Problem] = []
    for column, heading in origins.items():
        declared = table.column(column)
        cells = frame[heading]
        if column.endswith("date"):
            made[column] = _dates(cells, heading, mapping, raw)
        elif column == "grade":
            made["grade_text"] = _texts(cells)
        elif declared.dtype in (NUMBER, WHOLE):
            value, bad = _numbers(cells, declared, mapping, raw.decimal)
            made[column] = value
            texted = column == "value" and "text" in table.names
            if texted and "text" not in origins:
                made["text"] = _texts(cells)
            if not texted:
                problems += _number_problems(frame, cells, bad, heading, name)
        else:
            made[column] = _texts(cells)
    for column, word in mapping.constants.items():
        declared = table.column(column)
        cells = pl.Series(column, [word] * frame.height, dtype=pl.String)
        if declared.dtype in (NUMBER, WHOLE):
            made[column], bad = _numbers(cells, declared, mapping, ".")
            problems += _number_problems(frame, cells, bad, column, name)[:1]
        else:
            made[column] = cells
    return pl.DataFrame([series.rename(column) for column, series in made.items()]), problems


def _numbers(cells: pl.Series, declared: Column, mapping: Records, decimal: str) -> tuple[pl.Series, pl.Series]:
    """Numbers, and where a cell is none. Days counted from 1 become days counted from 0."""
    texts = _texts(cells)
    read = numbers(texts, decimal)
    value = read.value.set(read.flag.is_not_null(), None)
    bad = value.is_null() & texts.is_not_null() & ~_absent(texts)
    if declared.name.endswith("day") and mapping.first_day == 1:
        value = pl.select(pl.when(value > 0).then(value - 1).otherwise(value)).to_series()
    return value, bad


def _absent(texts: pl.Series) -> pl.Series:
    return texts.str.strip_chars().str.to_uppercase().is_in(["", "NA", "N/A", "."]).fill_null(value=True)


def _number_problems(frame: pl.DataFrame, cells: pl.Series, bad: pl.Series, heading: str, name: str) -> list[Problem]:
    title = heading.lstrip("\x00")
    return [
        Problem(
            code="not-a-number",
            what=f"{title} holds a cell that is not a number",
            where=Where(file=name, row=frame[ROW][i], column=title),
            found=repr(cells[i]),
            expected="a number or a blank cell",
            do="Correct the cell",
        )
        for i in bad.arg_true().to_list()[:_SHOWN]
    ]


def _dates(cells: pl.Series, heading: str, mapping: Records, raw: Raw) -> pl.Series:
    """Dates as ISO 8601 texts. What is no date of the declared format stays as written, and is named later."""
    form = str(_formats(raw).get(heading, ""))
    if cells.dtype.is_numeric() and _SAS_DATE.match(form):
        return _sas_dates(cells.cast(pl.Float64), 1.0)
    if cells.dtype.is_numeric() and _SAS_TIME.match(form):
        return _sas_dates(cells.cast(pl.Float64), 86400.0)
    texts = _texts(cells)
    if mapping.date_format is not None:
        return pl.Series([_reformatted(t, mapping.date_format) for t in texts], dtype=pl.String)
    return pl.Series([None if t is None else _SPACED.sub(r"\1T\2", t.strip()) for t in texts], dtype=pl.String)


def _formats(raw: Raw) -> Mapping[str, object]:
    found = raw.header.get("formats")
    return found if isinstance(found, Mapping) else {}


def _sas_dates(cells: pl.Series, per_day: float) -> pl.Series:
    whole = [None if v is None else _SAS_EPOCH + datetime.timedelta(days=int(v // per_day)) for v in cells]
    return pl.Series([None if d is None else d.isoformat() for d in whole], dtype=pl.String)


def _reformatted(text: str | None, form: str) -> str | None:
    if text is None:
        return None
    try:
        return datetime.datetime.strptime(text.strip(), form).date().isoformat()  # noqa: DTZ007 a calendar date
    except ValueError:
        return text


def _texts(cells: pl.Series) -> pl.Series:
    """Cells as text; whole numbers without a decimal point, a blank as null."""
    if cells.dtype.is_float():
        return pl.Series(
            cells.name,
            [None if v is None else str(int(v)) if v.is_integer() else repr(v) for v in cells],
            dtype=pl.String,
        )
    text = cells.cast(pl.String)
    return pl.select(pl.when(text.str.strip_chars() != "").then(text)).to_series().rename(cells.name)


def _folded(value: object) -> str:
    return " ".join(str(value if value is not None else "").split()).upper()


def _reworded(made: pl.DataFrame, mapping: Records, name: str) -> tuple[pl.DataFrame, list[dict[str, object]]]:
    """Words of the file as the words they stand for; a word that is not named stays, and a check counts it."""
    checks: list[dict[str, object]] = []
    for column, words in mapping.values.items():
        if column not in made.columns:
            continue
        known = {_folded(word): meant for word, meant in words.items()}
        cells = made[column].cast(pl.String)
        new = [known.get(_folded(c), c) if c is not None else None for c in cells]
        counts: dict[str, int] = {}
        for cell in cells:
            if cell is not None and _folded(cell) not in known:
                counts[cell] = counts.get(cell, 0) + 1
        checks += [
            check(
                scope="source",
                item=name,
                target=column,
                rule="unmapped-value",
                found=f"{word!r} in {n} {'row' if n == 1 else 'rows'}",
                value=float(n),
                required=f"a word that values names: {', '.join(words)}",
                passed=False,
                action="kept as written",
            )
            for word, n in list(counts.items())[:_SHOWN]
        ]
        made = made.with_columns(pl.Series(column, new, dtype=pl.String).cast(made[column].dtype, strict=False))
    return made, checks


def _blank_problems(made: pl.DataFrame, table: Table, name: str) -> list[Problem]:
    return [
        Problem(
            code="null",
            what=f"A record of {table.name} has no {column.name}",
            where=Where(file=name, row=row),
            expected=column.meaning,
            do="Fill the cell or remove the row",
        )
        for column in table.columns
        if not column.nullable and column.name in made.columns
        for row in made.filter(pl.col(column.name).is_null())[ROW].to_list()[:_SHOWN]
    ]
