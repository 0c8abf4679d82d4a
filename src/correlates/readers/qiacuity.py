"""QIAGEN QIAcuity digital PCR: list view of absolute quantification as CSV, of two generations."""

from __future__ import annotations

from pathlib import PurePath

import polars as pl

from correlates.readers.block import Columns, as_text, block, find_heading, no_rows, table_end
from correlates.readers.cells import fold, positions, roles
from correlates.readers.content import Content, Sheet
from correlates.readers.record import Parsed, Reader
from correlates.terms import AssayKind, Flag, Role, SignalKind

_VALID = ("Partitions (valid)",)
_TYPES = {
    "sample": Role.UNKNOWN,
    "ntc": Role.NTC,
    "non template control": Role.NTC,
    "no template control": Role.NTC,
    "control": Role.QC,
    "positive control": Role.QC,
    "negative control": Role.QC,
    "pos. control": Role.QC,
    "neg. control": Role.QC,
}


def _is_heading(cells: set[str]) -> bool:
    return {"sample/ntc/control", "partitions (valid)", "partitions (positive)"} <= cells


def _heading(content: Content) -> tuple[Sheet, int] | None:
    if content.kind != "text":
        return None
    head = find_heading(content.sheets[0], _is_heading, last=20)
    return None if head is None else (content.sheets[0], head)


def recognise(content: Content) -> bool:
    """A table with Sample/NTC/Control, Partitions (valid) and Partitions (positive)."""
    return _heading(content) is not None


def read(content: Content) -> Parsed:
    """One row per well and target. Plate cells that stand in the first row of a plate only hold for the rows below."""
    found = _heading(content)
    assert found is not None
    sheet, head = found
    table = block(sheet, head)
    names = table.frame.columns
    header: dict[str, object] = {"before the table": as_text(sheet, 0, head), "columns": names}
    after = as_text(sheet, table_end(sheet, head)).strip()
    if after:
        header["after the table"] = after
    concentration = next((n for n in names if fold(n).startswith("conc. [c") and "/ml]" not in fold(n)), "Conc.")
    columns = Columns.over(table, content.name, (concentration, "Threshold", "Volume per well [µl]"))
    filled = [columns.text(n, keep=True).fill_null(strategy="forward") for n in ("Plate name", "Plate ID")]
    kind = columns.text("Type", "Control type", keep=True).replace("-", None)
    positives = columns.number("Partitions (positive)", required=True)
    valid = columns.number(*_VALID, required=True)
    reported = columns.number(concentration)
    rows = (
        pl.DataFrame(
            {
                "plate": filled[0].fill_null(filled[1]).fill_null(PurePath(content.name).stem),
                "well": positions(columns.text("Well", "column 1")),
                "sample_id": columns.text("Sample/NTC/Control"),
                "target": columns.text("Target", "Target (Name)"),
                "role": roles(kind, _TYPES),
                "positives": positives.value,
                "partitions": valid.value,
                "dilution": columns.number("Concentration factor").value,
                "reported": reported.value,
                "row": table.lines,
                "extras": columns.extras(),
            }
        )
        .with_columns(
            signal_kind=pl.lit(SignalKind.PARTITIONS.value),
            signal=pl.when(pl.col("partitions") > 0).then(pl.col("positives") / pl.col("partitions")),
            reported_unit=pl.when(pl.col("reported").is_not_null()).then(pl.lit("copies/uL")),
            sheet=pl.lit(None, dtype=pl.String),
        )
        .with_columns(flag=pl.when(pl.col("signal").is_null()).then(pl.lit(Flag.MISSING.value)))
    )
    problems = list(columns.problems)
    if len(table) == 0:
        problems.append(no_rows(content.name, None, table.line))
    return Parsed(rows=rows, header=header, software="QIAcuity Software Suite", problems=tuple(problems))


READER = Reader(
    code="qiacuity",
    label="QIAGEN QIAcuity",
    assay=AssayKind.DPCR,
    software="QIAcuity Software Suite",
    extensions=(".csv",),
    release="recommended",
    recognise=recognise,
    read=read,
    citation="QIAGEN QIAcuity Software Suite, absolute quantification, list view as CSV",
    notes="Concentrations are copies per uL of the reaction. Dilution is the Concentration factor of the export.",
)
