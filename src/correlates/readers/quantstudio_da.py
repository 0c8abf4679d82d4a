"""QuantStudio Design & Analysis 2.x: workbook with one sheet per table, or one table as CSV or text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

import polars as pl

from correlates.readers.block import Block, Columns, as_text, block, find_heading, key_values, no_rows, table_end
from correlates.readers.cells import fold, positions, roles
from correlates.readers.content import Content, Sheet
from correlates.readers.quantstudio_rt import TASKS, join_setup
from correlates.readers.record import Parsed, Reader
from correlates.terms import AssayKind, Flag, Role, SignalKind

_NUMERIC = ("Cq", "Quantity", "Cq Mean", "Threshold", "Amp Score", "Cq Confidence", "Cq SD")
_CURVE = "Standard Curve Result"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    sheet: Sheet
    head: int


def _is_heading(cells: set[str]) -> bool:
    return {"well position", "target", "cq", "task"} <= cells


def _tables(content: Content) -> list[_Found]:
    """Sheets with one row per well and target, Results first."""
    found = []
    for sheet in content.sheets:
        head = find_heading(sheet, _is_heading, last=60)
        if head is not None:
            found.append(_Found(sheet=sheet, head=head))
    return sorted(found, key=lambda f: fold(f.sheet.name or "") != "results")


def recognise(content: Content) -> bool:
    """A table with Well Position, Target, Task and Cq."""
    if content.kind == "text" and "Well Position" not in content.text:
        return False
    return bool(_tables(content))


def _properties(found: _Found) -> dict[str, object]:
    """What stands above the table: two columns in a workbook, ``# key: value`` in text."""
    if found.sheet.name is not None:
        return key_values(found.sheet, 0, found.head)
    properties: dict[str, object] = {}
    delimiter = found.sheet.delimiter or ","
    for row in found.sheet.rows[: found.head]:
        line = delimiter.join(row).lstrip("# ")
        key, _, value = line.partition(":")
        if key:
            properties[key.strip().strip('"')] = value.strip().strip('"') or None
    return properties


def _join(main: Block, tables: list[_Found]) -> Block:
    """The columns of the sheet of the standard curve beside the results."""
    curve = next((t for t in tables[1:] if fold(t.sheet.name or "") == fold(_CURVE)), None)
    if curve is None:
        return main
    other = block(curve.sheet, curve.head)
    keys = [(b.column("Well Position") or "", b.column("Target") or "") for b in (main, other)]
    return join_setup(main, other, keys[0], keys[1], _CURVE)


def read(content: Content) -> Parsed:
    """One row per line of Results; nominal quantities and the instrument's curve from Standard Curve Result."""
    tables = _tables(content)
    main = tables[0]
    properties = _properties(main)
    table = block(main.sheet, main.head)
    header: dict[str, object] = {"properties": properties, "columns": table.frame.columns}
    held = table.frame[table.column("Target") or ""].is_not_null()
    if not held.all():
        header["rows without target"] = table.filter(~held).records()
        table = table.filter(held)
    table = _join(table, tables)
    others: dict[str, object] = {}
    for sheet in content.sheets:
        if sheet is main.sheet:
            continue
        head = find_heading(sheet, lambda cells: bool(cells & {"well", "target"}), last=60)
        others[str(sheet.name)] = as_text(sheet, head or 0)
    if others:
        header["sheets"] = others
    tail = as_text(main.sheet, table_end(main.sheet, main.head)).strip()
    if tail:
        header["after the table"] = tail

    columns = Columns.over(table, content.name, _NUMERIC)
    role = roles(columns.text("Task", keep=True), TASKS)
    cq = columns.number("Cq", required=True)
    omitted = columns.text("Omit", keep=True).str.to_lowercase().is_in(["true", "yes", "1"]).fill_null(value=False)
    if (omitted & cq.value.is_not_null()).any():
        columns.keep(table.column("Cq") or "")
    quantity = columns.number("Quantity")
    standard = role == Role.STANDARD.value
    blank = columns.nulls(pl.Float64())
    rows = pl.DataFrame(
        {
            "well": positions(columns.text("Well Position")),
            "sample_id": columns.text("Sample", "Sample Name"),
            "target": columns.text("Target"),
            "role": role,
            "nominal": quantity.value.zip_with(standard, blank),
            "signal": cq.value.zip_with(~omitted, blank),
            "flag": cq.flag.zip_with(~omitted, pl.repeat(Flag.OMITTED.value, len(table), eager=True)),
            "reported": quantity.value.zip_with(~standard, blank),
            "row": table.lines,
            "extras": columns.extras(),
        }
    ).with_columns(
        plate=pl.lit(_plate(properties, content)),
        signal_kind=pl.lit(SignalKind.CQ.value),
        sheet=pl.lit(main.sheet.name, dtype=pl.String),
    )
    problems = list(columns.problems)
    if len(table) == 0:
        problems.append(no_rows(content.name, main.sheet.name, table.line))
    software = properties.get("Software Name and Version")
    return Parsed(
        rows=rows, header=header, software=None if software is None else str(software), problems=tuple(problems)
    )


def _plate(properties: dict[str, object], content: Content) -> str:
    """The name of the run's file, without its folder."""
    name = properties.get("File Name")
    return str(name).replace("\\", "/").rpartition("/")[2] if name else PurePath(content.name).stem


READER = Reader(
    code="quantstudio_da",
    label="QuantStudio Design & Analysis 2.x",
    assay=AssayKind.QPCR,
    software="Design & Analysis Software 2.x (QuantStudio Pro series)",
    extensions=(".xlsx", ".xls", ".csv", ".txt"),
    release="recommended",
    recognise=recognise,
    read=read,
    citation="Applied Biosystems Design & Analysis Software 2.x, export of results as workbook or text",
)
