"""CDISC Dataset-JSON 1.1: one dataset as JSON, or as NDJSON (the first line describes it, each further line is a record).

Source: CDISC, Dataset-JSON v1.1 (https://www.cdisc.org/standards/data-exchange/dataset-json). ``columns`` describe the
variables (name, label, dataType), ``rows`` are lists of values in that order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from correlates.errors import InputError, Problem, Where
from correlates.readers.clinical import ROW
from correlates.readers.content import Content

_MARK = '"datasetJSONVersion"'
_LOOKED_AT = 20_000  # characters within which a file names its version, rows included where they come first
_NUMBERS = ("integer", "decimal", "float", "double")
_TEXTS = ("string", "datetime", "date", "time", "URI")
_VERSIONS = ("1.1",)
_SHOWN = 20


def is_dataset_json(content: Content) -> bool:
    """Whether the text is a Dataset-JSON dataset, as JSON or NDJSON."""
    if content.kind != "text" or not content.text.lstrip("\ufeff \t\r\n").startswith("{"):
        return False
    text = content.text
    return _MARK in text[:_LOOKED_AT] or _MARK in text[-_LOOKED_AT:]


def read_dataset_json(content: Content, name: str) -> tuple[pl.DataFrame, str | None, dict[str, object], str | None]:
    """A dataset: its rows, the name of the dataset inside, what the file says of itself, and who wrote it.

    Numbers (integer, decimal, float, double) become numbers, everything else text; dates stay ISO 8601 texts. Blank is null.

    Raises
    ------
    InputError
        JSON that is cut short or damaged; a version other than 1.1; no columns, or columns without a name; a row with
        more or fewer values than there are columns; a number of rows other than ``records`` says; a value that is not of
        the type of its column.
    """
    description, rows, lines = _parts(content.text.lstrip("\ufeff"), name)
    version = str(description.get("datasetJSONVersion", ""))
    if not version.startswith(_VERSIONS):
        raise InputError(
            Problem(
                code="dataset-json-version",
                what="The dataset is of a version of Dataset-JSON that is not read",
                where=Where(file=name),
                found=version or "no version",
                expected="1.1 (the structure of 1.0 differs)",
                do="Export the dataset as Dataset-JSON 1.1",
            )
        )
    columns = description.get("columns")
    named = isinstance(columns, list) and all(isinstance(c, dict) and c.get("name") for c in columns)
    if not columns or not named:
        raise InputError(
            Problem(
                code="dataset-json-columns",
                what="The dataset does not describe its columns",
                where=Where(file=name),
                found="no columns" if not columns else "a column without a name",
                expected="columns, each with name and dataType",
                do="Export the dataset again",
            )
        )
    problems = _shape_problems(description, columns, rows, lines, name)
    if problems:
        raise InputError(problems)
    series: list[pl.Series] = []
    for place, column in enumerate(columns):
        made, found = _series(column, [row[place] for row in rows], lines, name)
        series.append(made)
        problems += found
    if problems:
        raise InputError(problems)
    frame = pl.DataFrame([pl.Series(ROW, lines, dtype=pl.Int64), *series])
    system = description.get("sourceSystem")
    software = " ".join(str(v) for v in system.values()) if isinstance(system, dict) else None
    header: dict[str, object] = {
        "columns": [c["name"] for c in columns],
        "labels": {c["name"]: c.get("label") for c in columns},
        "label": description.get("label"),
        "format": f"Dataset-JSON {version}",
        "created": description.get("datasetJSONCreationDateTime"),
        "encoding": content.encoding,
    }
    inside = description.get("name")
    return frame, None if inside is None else str(inside), header, software


def _parts(text: str, name: str) -> tuple[Mapping[str, Any], list[list[Any]], list[int]]:
    """What describes the dataset, its rows, and where each row stands: its line (NDJSON), or its number among the rows."""
    first, _, rest = text.lstrip().partition("\n")
    try:
        opening = json.loads(first)
    except json.JSONDecodeError:
        opening = None
    lines_apart = isinstance(opening, dict) and "rows" not in opening and rest.strip()
    try:
        if not lines_apart:
            whole = json.loads(text)
            if not isinstance(whole, dict):
                raise InputError(_damaged(name, "no object"))
            rows = whole.get("rows", [])
            if not isinstance(rows, list):
                raise InputError(_damaged(name, "rows that are no list"))
            return whole, rows, list(range(1, len(rows) + 1))
        rows, lines = [], []
        for number, line in enumerate(rest.splitlines(), start=2):
            if line.strip():
                rows.append(json.loads(line))
                lines.append(number)
    except json.JSONDecodeError as error:
        raise InputError(_damaged(name, f"{error.msg} (line {error.lineno}, column {error.colno})")) from error
    assert isinstance(opening, dict)
    return opening, rows, lines


def _damaged(name: str, found: str) -> Problem:
    return Problem(
        code="damaged-file",
        what="The Dataset-JSON file cannot be read: it is damaged or cut short",
        where=Where(file=name),
        found=found,
        expected="a whole Dataset-JSON 1.1 file (JSON, or NDJSON with one record per line)",
        do="Export or copy the file again",
    )


def _shape_problems(
    description: Mapping[str, Any],
    columns: Sequence[Mapping[str, Any]],
    rows: Sequence[object],
    lines: Sequence[int],
    name: str,
) -> list[Problem]:
    wrong = [i for i, row in enumerate(rows) if not isinstance(row, list) or len(row) != len(columns)]
    problems = [
        Problem(
            code="ragged-row",
            what="A record does not have one value per column",
            where=Where(file=name, row=lines[i]),
            found=f"{len(row)} values" if isinstance(row := rows[i], list) else type(rows[i]).__name__,
            expected=f"{len(columns)} values",
            do="Export the dataset again",
        )
        for i in wrong[:_SHOWN]
    ]
    stated = description.get("records")
    if isinstance(stated, int) and stated != len(rows):
        problems.append(
            Problem(
                code="truncated-file",
                what="The dataset does not hold as many records as it says",
                where=Where(file=name),
                found=f"{len(rows)} of {stated} records",
                expected="a whole file",
                do="Export or copy the file again",
            )
        )
    return problems


def _series(
    column: Mapping[str, Any], values: list[Any], lines: Sequence[int], name: str
) -> tuple[pl.Series, list[Problem]]:
    title, kind = str(column["name"]), str(column.get("dataType", "string"))
    blank = [None if v is None or (isinstance(v, str) and not v.strip()) else v for v in values]
    if kind in _NUMBERS:
        numbers = [_number(v) for v in blank]
        wrong = [i for i, (v, n) in enumerate(zip(blank, numbers, strict=True)) if v is not None and n is None]
        expected = f"a number ({kind})"
        made = pl.Series(title, numbers, dtype=pl.Float64)
    else:
        texts = [_plain(v) for v in blank]
        wrong = [i for i, v in enumerate(blank) if isinstance(v, list | dict)]
        expected = f"a text ({kind})"
        made = pl.Series(title, texts, dtype=pl.String)
    return made, [
        Problem(
            code="not-a-number" if kind in _NUMBERS else "not-a-text",
            what=f"{title} holds a value that is not of its type",
            where=Where(file=name, row=lines[i], column=title),
            found=repr(values[i]),
            expected=expected,
            do="Correct the value",
        )
        for i in wrong[:_SHOWN]
    ]


def _number(value: object) -> float | None:
    """A decimal is a text in Dataset-JSON, so that no digit is lost; the others are numbers."""
    if value is None or isinstance(value, bool | list | dict):
        return None
    try:
        return float(str(value))
    except ValueError:
        return None


def _plain(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "Y" if value else "N"
    return str(value).rstrip()
