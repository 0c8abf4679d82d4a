"""Bio-Rad QuantaSoft (QX100, QX200) result tables, of both generations of column names."""

from __future__ import annotations

from pathlib import PurePath

import polars as pl

from correlates.readers.block import Block, Columns, as_text, block, find_heading, no_rows, table_end
from correlates.readers.cells import fold, positions, roles
from correlates.readers.content import Content, Sheet
from correlates.readers.record import Parsed, Reader
from correlates.terms import AssayKind, Flag, Role, SignalKind

CONCENTRATION = ("Concentration", "Conc(copies/µL)", "Conc(copies/uL)", "Conc(copies/μL)")
SAMPLE_TYPES = {
    "unknown": Role.UNKNOWN,
    "reference": Role.UNKNOWN,
    "ref": Role.UNKNOWN,
    "ntc": Role.NTC,
    "blank": Role.BLANK,
    "poscontrol": Role.QC,
    "posctrl": Role.QC,
    "positive": Role.QC,
    "positive control": Role.QC,
    "negcontrol": Role.QC,
    "negctrl": Role.QC,
    "negative": Role.QC,
    "negative control": Role.QC,
    "standard": Role.STANDARD,
}
_NUMERIC = (
    *CONCENTRATION,
    "PoissonConfMax",
    "PoissonConfMin",
    "MeanAmplitudeTotal",
    "Ratio",
    "MeanAmplitudeofPositives",
)


def _heading(cells: set[str]) -> bool:
    droplets = "accepteddroplets" in cells or "accepted droplets" in cells
    return "well" in cells and "positives" in cells and droplets and any(fold(c) in cells for c in CONCENTRATION)


def heading(content: Content) -> tuple[Sheet, int] | None:
    """The sheet and row of the heading of a droplet result table, of whatever generation."""
    for sheet in content.sheets:
        head = find_heading(sheet, _heading, last=30)
        if head is not None:
            return sheet, head
    return None


def six_colours(sheet: Sheet, head: int) -> bool:
    """Whether the table has the columns of channels 3 to 6, which only QX Manager writes."""
    return any(cell.startswith(("Ch3+", "Ch5+")) for cell in sheet.rows[head])


def recognise(content: Content) -> bool:
    """Text with Well, Positives, Accepted Droplets and a concentration column, and no columns of channels 3 to 6."""
    found = heading(content) if content.kind == "text" else None
    return found is not None and not six_colours(*found)


def read(content: Content) -> Parsed:
    """One row per line: droplets counted, and the instrument's concentration in copies per uL of the reaction."""
    found = heading(content)
    assert found is not None
    sheet, head = found
    table = block(sheet, head)
    return droplets(content, sheet, table, head, software="Bio-Rad QuantaSoft")


def droplets(content: Content, sheet: Sheet, table: Block, head: int, *, software: str) -> Parsed:
    """The wells of a droplet result table. Merged wells repeat the droplets of others and go to the header."""
    header: dict[str, object] = {"columns": table.frame.columns}
    well = table.column("Well")
    if well is not None:
        merged = table.frame[well].str.contains(r"^M\d+$").fill_null(value=False)
        if merged.any():
            header["merged wells"] = table.filter(merged).records()
            table = table.filter(~merged)
    columns = Columns.over(table, content.name, _NUMERIC)
    positives = columns.number("Positives", required=True)
    accepted = columns.number("AcceptedDroplets", "Accepted Droplets", required=True)
    concentration = columns.number(*CONCENTRATION)
    kind = columns.text("SampleType", keep=True)
    assay = columns.text("TypeAssay", keep=True)  # Ch1Unknown: the channel and what the well holds
    share = pl.select(pl.when(accepted.value > 0).then(positives.value / accepted.value)).to_series()
    marks = pl.select(pl.coalesce(positives.flag, accepted.flag, pl.lit(Flag.MISSING.value))).to_series()
    target = pl.select(
        pl.coalesce(
            columns.text("Assay", "Target"), columns.text("DyeName(s)", keep=True), assay.str.extract(r"^(Ch\d+)")
        )
    ).to_series()
    before = as_text(sheet, 0, head).strip()
    if before:
        header["before the table"] = before
    after = as_text(sheet, table_end(sheet, head)).strip()
    if after:
        header["after the table"] = after
    rows = pl.DataFrame(
        {
            "well": positions(columns.text("Well", required=True)),
            "sample_id": columns.text("Sample", "Sample description 1"),
            "target": target,
            "role": roles(kind.fill_null(assay.str.replace(r"^Ch\d+", "")), SAMPLE_TYPES),
            "signal": share,
            "flag": pl.select(pl.when(share.is_null()).then(marks)).to_series(),
            "positives": positives.value,
            "partitions": accepted.value,
            "reported": concentration.value,
            "row": table.lines,
            "extras": columns.extras(),
        }
    ).with_columns(
        plate=pl.lit(PurePath(content.name).stem),
        signal_kind=pl.lit(SignalKind.PARTITIONS.value),
        reported_unit=pl.when(pl.col("reported").is_not_null()).then(pl.lit("copies/uL")),
        sheet=pl.lit(sheet.name),
    )
    problems = list(columns.problems)
    if len(table) == 0:
        problems.append(no_rows(content.name, sheet.name, table.line))
    return Parsed(rows=rows, header=header, software=software, problems=tuple(problems))


READER = Reader(
    code="quantasoft",
    label="Bio-Rad QuantaSoft result table",
    assay=AssayKind.DPCR,
    software="QuantaSoft, QuantaSoft Analysis Pro (QX100, QX200)",
    extensions=(".csv",),
    release="recommended",
    recognise=recognise,
    read=read,
    citation="Bio-Rad QuantaSoft, export of the results table as CSV",
    notes="Concentrations are copies per uL of the reaction. A two-colour table of QX Manager has the same columns.",
)
