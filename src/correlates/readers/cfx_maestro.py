"""Bio-Rad CFX Maestro and CFX Manager: Quantification Cq Results, as CSV or workbook."""

from __future__ import annotations

from pathlib import PurePath

import polars as pl

from correlates.readers.block import Columns, as_text, block, find_heading, no_rows, table_end
from correlates.readers.cells import positions
from correlates.readers.content import Content, Sheet
from correlates.readers.record import Parsed, Reader
from correlates.terms import AssayKind, Flag, Role, SignalKind

_QUANTITY = ("Starting Quantity (SQ)", "SQ", "Starting Quantity")
_CONTENT = {"std": Role.STANDARD, "ntc": Role.NTC, "unkn": Role.UNKNOWN, "pos": Role.QC, "neg": Role.QC, "nrt": Role.QC}


def _heading(content: Content) -> tuple[Sheet, int] | None:
    for sheet in content.sheets:
        head = find_heading(sheet, lambda cells: {"well", "fluor", "content", "cq"} <= cells, last=40)
        if head is not None:
            return sheet, head
    return None


def recognise(content: Content) -> bool:
    """A table with Well, Fluor, Content and Cq."""
    return _heading(content) is not None


def read(content: Content) -> Parsed:
    """One row per line. The target is the dye where no target was named."""
    found = _heading(content)
    assert found is not None
    sheet, head = found
    table = block(sheet, head)
    header: dict[str, object] = {"columns": table.frame.columns}
    before, after = as_text(sheet, 0, head).strip(), as_text(sheet, table_end(sheet, head)).strip()
    if before:
        header["before the table"] = before
    if after:
        header["after the table"] = after
    columns = Columns.over(table, content.name, ("Cq", "Cq Mean", *_QUANTITY))
    words = columns.text("Content", keep=True).str.to_lowercase().str.extract(r"^([a-z]+)")
    role = words.replace_strict(
        {k: v.value for k, v in _CONTENT.items()}, default=Role.UNKNOWN.value, return_dtype=pl.String
    ).fill_null(Role.UNKNOWN.value)
    cq = columns.number("Cq", required=True)
    none = pl.repeat(Flag.UNDETERMINED.value, len(table), eager=True)
    written = table.frame[table.column("Cq") or ""].is_not_null()
    flag = none.zip_with((cq.flag == Flag.MISSING.value).fill_null(value=False) & written, cq.flag)
    quantity = columns.number(*_QUANTITY)
    standard = role == Role.STANDARD.value
    blank = columns.nulls(pl.Float64())
    rows = pl.DataFrame(
        {
            "well": positions(columns.text("Well")),
            "sample_id": columns.text("Sample"),
            "target": columns.text("Target").fill_null(columns.text("Fluor", keep=True)),
            "role": role,
            "nominal": quantity.value.zip_with(standard, blank),
            "signal": cq.value,
            "flag": flag,
            "reported": quantity.value.zip_with(~standard, blank),
            "row": table.lines,
            "extras": columns.extras(),
        }
    ).with_columns(
        plate=pl.lit(PurePath(content.name).stem),
        signal_kind=pl.lit(SignalKind.CQ.value),
        sheet=pl.lit(sheet.name, dtype=pl.String),
    )
    problems = list(columns.problems)
    if len(table) == 0:
        problems.append(no_rows(content.name, sheet.name, table.line))
    return Parsed(rows=rows, header=header, software="Bio-Rad CFX Maestro", problems=tuple(problems))


READER = Reader(
    code="cfx_maestro",
    label="Bio-Rad CFX Maestro Cq results",
    assay=AssayKind.QPCR,
    software="CFX Maestro, CFX Manager (CFX96, CFX384, CFX Opus)",
    extensions=(".csv", ".xlsx", ".xls"),
    release="recommended",
    recognise=recognise,
    read=read,
    citation="Bio-Rad CFX Maestro, Quantification Cq Results",
    notes="NaN as Cq means that the threshold was not reached: it is read as undetermined.",
)
