"""ProteinSimple (Bio-Techne) Ella, Simple Plex: CSV of Simple Plex Runner or Explorer, one row per inlet and analyte."""

from __future__ import annotations

from pathlib import PurePath

import polars as pl

from correlates.errors import Problem, Where
from correlates.readers.block import Block, Columns, as_text, block, find_heading, no_rows, table_end
from correlates.readers.cells import fold, positions
from correlates.readers.content import Content, Sheet
from correlates.readers.record import Parsed, Reader
from correlates.terms import AssayKind, Role, SignalKind

_OWN = ("gnrcount", "gnr1rfu", "gnr1signal", "gnr1calculatedconcentration", "gnr1background", "rfupercentcv")
_OWN_TOO = (
    "nonlimitedcalculatedconcentration",
    "calculatedconcentrationpercentcv",
    "curvecoefficientg",
    "inletcomment",
)
_CONCENTRATION = "CalculatedConcentration"
_NUMERIC = (
    "Signal",
    "RFU",
    _CONCENTRATION,
    "NonlimitedCalculatedConcentration",
    "Gnr1RFU",
    "Gnr1Signal",
    "RFUPercentCV",
)
_UNIT = r"^(.*\S)\s*\(([^()]*/[^()]*)\)$"  # IL-6 (pg/mL)
_DEFAULT_UNIT = "pg/mL"


def _is_heading(cells: set[str]) -> bool:
    names = {cell.partition("(")[0].strip() for cell in cells}
    return "analytename" in names and bool(names & {*_OWN, *_OWN_TOO})


def _heading(content: Content) -> tuple[Sheet, int] | None:
    for sheet in content.sheets:
        head = find_heading(sheet, _is_heading, last=60)
        if head is not None:
            return sheet, head
    return None


def recognise(content: Content) -> bool:
    """A table with AnalyteName and at least one column that only Simple Plex writes (GnrCount, Gnr1RFU ...)."""
    return content.kind == "text" and _heading(content) is not None


def _without_units(table: Block) -> tuple[Block, dict[str, str]]:
    """Headings without a unit in parentheses, and the units by heading."""
    units: dict[str, str] = {}
    renamed: dict[str, str] = {}
    for name in table.frame.columns:
        found = pl.Series([name]).str.extract_groups(_UNIT).struct.unnest().row(0)
        if found[0] is not None and fold(found[0]) not in {fold(n) for n in renamed.values()}:
            renamed[name] = found[0]
            units[fold(found[0])] = found[1]
    frame = table.frame.rename(renamed)
    return Block(sheet=table.sheet, line=table.line, frame=frame, lines=table.lines, delimiter=table.delimiter), units


def read(content: Content) -> Parsed:
    """One row per line. The curve is the factory's: its coefficients, and the three nano-reactors, are in ``extras``."""
    found = _heading(content)
    assert found is not None
    sheet, head = found
    written = block(sheet, head)
    header: dict[str, object] = {"columns": written.frame.columns}
    before, after = as_text(sheet, 0, head).strip(), as_text(sheet, table_end(sheet, head)).strip()
    if before:
        header["before the table"] = before
    if after:
        header["after the table"] = after
    table, units = _without_units(written)
    columns = Columns.over(table, content.name, _NUMERIC)
    analyte = columns.text("AnalyteName", required=True)
    parts = analyte.str.extract_groups(_UNIT).struct
    target = parts.field("1").fill_null(analyte)
    heading_unit = units.get(fold(_CONCENTRATION)) or units.get(fold("AnalyteName"))
    unit = parts.field("2").fill_null(heading_unit or _DEFAULT_UNIT)
    raw = "Signal" if table.column("Signal") else "RFU"
    signal = columns.number(raw)
    if table.column("Signal", "RFU") is None:
        columns.problems.append(
            Problem(
                code="missing-column",
                what="Neither 'Signal' nor 'RFU' is among the exported items",
                where=Where(file=content.name, row=table.line),
                found=", ".join(table.frame.columns),
                expected="'Signal' (background subtracted) or 'RFU'",
                do="Choose Signal among the items of the export",
            )
        )
    header["signal column"] = raw
    reported = columns.number(_CONCENTRATION)
    kit = columns.text("KitId", "CartridgeId", "Cartridge", "CartridgeSerialNumber", "Barcode", keep=True)
    plate = kit.fill_null(PurePath(content.name).stem)
    inlet = columns.text("Inlet", "InletNumber", "InletId", "Well")
    if inlet.null_count():
        keys = pl.DataFrame({"plate": plate, "target": target})
        nth = keys.select(pl.int_range(1, pl.len() + 1).over("plate", "target")).to_series()
        if inlet.null_count() < inlet.len():
            columns.keep(table.column("Inlet", "InletNumber", "InletId", "Well") or "")
        inlet = nth.cast(pl.String)
        header["inlet"] = "counted: the nth row of an analyte on a cartridge is inlet n"
    rows = pl.DataFrame(
        {
            "plate": plate,
            "well": positions(inlet),
            "sample_id": columns.text("SampleName", "Sample"),
            "target": target,
            "signal": signal.value,
            "flag": signal.flag,
            "reported": reported.value,
            "reported_unit": unit,
            "row": table.lines,
            "extras": columns.extras(**({"AnalyteName": analyte} if parts.field("2").is_not_null().any() else {})),
        }
    ).with_columns(
        role=pl.lit(Role.UNKNOWN.value),
        signal_kind=pl.lit(SignalKind.RFU.value),
        reported_unit=pl.when(pl.col("reported").is_not_null()).then("reported_unit"),
        sheet=pl.lit(None, dtype=pl.String),
    )
    problems = list(columns.problems)
    nameless = target.is_null()
    if nameless.any():
        problems.append(
            Problem(
                code="no-analyte",
                what="Rows without an analyte",
                where=Where(file=content.name, row=table.lines.filter(nameless)[0], column="AnalyteName"),
                expected="the analyte of every row",
                do="Export the file again",
            )
        )
    if len(table) == 0:
        problems.append(no_rows(content.name, None, table.line))
    return Parsed(rows=rows, header=header, software="Simple Plex", problems=tuple(problems))


READER = Reader(
    code="simple_plex",
    label="Ella Simple Plex",
    assay=AssayKind.IMMUNOASSAY,
    software="Simple Plex Runner, Simple Plex Explorer (ProteinSimple, Bio-Techne)",
    extensions=(".csv",),
    release="candidate",
    recognise=recognise,
    read=read,
    citation="Simple Plex Runner and Explorer, export of results as CSV (column names as published by users)",
    notes=(
        "No real export was at hand. The inlet is not among the known columns: the nth row of an analyte on a cartridge "
        "is taken as inlet n. Concentrations are pg/mL unless the analyte or the heading says otherwise."
    ),
)
