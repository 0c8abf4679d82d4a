"""A plain table of Cq, one row per reaction: what people keep in a spreadsheet, and how replicate sets are published."""

from __future__ import annotations

import re
from pathlib import PurePath

import polars as pl

from correlates.errors import Problem, Where
from correlates.readers.block import Block, Columns, as_text, block, listed, no_rows, table_end
from correlates.readers.cells import fold, positions, roles
from correlates.readers.content import Content, Sheet
from correlates.readers.record import Parsed, Reader
from correlates.terms import AssayKind, Flag, Role, SignalKind

_CQ = ("Cq", "Ct", "Cq value", "Ct value")
_TARGET = ("Target", "Target name", "Assay", "Gene", "Detector")
_QUANTITY = ("SQ", "Starting quantity", "Quantity", "Nominal", "Nominal quantity", "Copies", "Nominal copies")
_SAMPLE = ("Sample", "Sample name", "Sample ID")
_ROLE = ("Task", "Role", "Sample type", "Type")
_PLATE = ("Plate", "Plate ID", "Run")
_WELL = ("Well", "Well position", "Position")
_UNIT = ("Unit", "Quantity unit")
_WORDS = {
    **dict.fromkeys(("standard", "std", "s"), Role.STANDARD),
    **dict.fromkeys(("ntc", "no template control", "no-template control", "negative control", "n"), Role.NTC),
    **dict.fromkeys(("qc", "control", "positive control", "pos ctrl", "c"), Role.QC),
    **dict.fromkeys(("blank", "b"), Role.BLANK),
}
_EMPTY = ("ntc", "no template control", "no-template control", "water", "h2o")
_IN_PARENTHESES = re.compile(r"(.+?)\s*\((.+)\)")


def _names(cells: tuple[str, ...]) -> set[str]:
    """Headings for comparison, with and without a unit in parentheses."""
    folded = {fold(cell) for cell in cells}
    return folded | {fold(m[1]) for cell in cells if (m := _IN_PARENTHESES.fullmatch(cell))}


def _heading(content: Content) -> tuple[Sheet, int] | None:
    """The first row that is not blank, of the first sheet, where it is a heading of such a table."""
    if content.kind not in ("text", "workbook") or not content.sheets:
        return None
    sheet = content.sheets[0]
    head = next((i for i, row in enumerate(sheet.rows) if any(row)), None)
    if head is None:
        return None
    there = _names(sheet.rows[head])
    known = [{fold(name) for name in names} & there for names in (_CQ, _TARGET, (*_QUANTITY, *_SAMPLE))]
    of_software = {"fluor", "content"} <= there or {"well position", "task"} <= there
    return (sheet, head) if all(known) and not of_software else None


def recognise(content: Content) -> bool:
    """A table that begins in the first row with Cq, Target and Quantity or Sample, not one of an instrument's software."""
    return _heading(content) is not None


def read(content: Content) -> Parsed:
    """One row per line. Without a column of plates the whole table is one plate, and a position that recurs is numbered."""
    found = _heading(content)
    assert found is not None
    sheet, head = found
    table = block(sheet, head)
    header: dict[str, object] = {"columns": table.frame.columns}
    after = as_text(sheet, table_end(sheet, head)).strip()
    if after:
        header["after the table"] = after
    quantity_name, unit = _quantity(table)
    columns = Columns.over(table, content.name, (*_CQ, *([quantity_name] if quantity_name else [])))
    cq = columns.number(*_CQ, required=True)
    written = table.frame[table.column(*_CQ) or ""].is_not_null()
    none = pl.repeat(Flag.UNDETERMINED.value, len(table), eager=True)
    flag = none.zip_with((cq.flag == Flag.MISSING.value).fill_null(value=False) & written, cq.flag)
    problems: list[Problem] = []
    _refuse_cycles(cq.value, table, content.name, problems)
    quantity = columns.number(*([quantity_name] if quantity_name else ["Quantity"])).value
    sample = columns.text(*_SAMPLE)
    role = _roles(columns, quantity, sample)
    given_unit = columns.text(*_UNIT)
    known = role.is_in([Role.STANDARD.value, Role.QC.value, Role.NTC.value, Role.BLANK.value])
    blank = columns.nulls(pl.Float64())
    plate = columns.text(*_PLATE)
    stem = PurePath(content.name).stem
    frame = pl.DataFrame(
        {
            "plate": plate.fill_null(stem),
            "place": positions(columns.text(*_WELL)),
            "sample_id": sample,
            "target": columns.text(*_TARGET, required=True),
            "role": role,
            "nominal": quantity.zip_with(known, blank),
            "nominal_unit": given_unit.fill_null(unit) if unit else given_unit,
            "signal": cq.value,
            "flag": flag,
            "reported": quantity.zip_with(~known, blank),
            "row": table.lines,
            "extras": columns.extras(),
        }
    )
    one_plate = table.column(*_PLATE) is None
    rows = _placed(frame, one_plate=one_plate, problems=problems, file=content.name).with_columns(
        signal_kind=pl.lit(SignalKind.CQ.value), sheet=pl.lit(sheet.name, dtype=pl.String)
    )
    if len(table) == 0:
        problems.append(no_rows(content.name, sheet.name, table.line))
    return Parsed(rows=rows, header=header, problems=(*columns.problems, *problems))


def _quantity(table: Block) -> tuple[str | None, str | None]:
    """Heading of the quantity, and the unit that it states in parentheses."""
    plain = table.column(*_QUANTITY)
    if plain is not None:
        return plain, None
    wanted = {fold(name) for name in _QUANTITY}
    for name in table.frame.columns:
        parts = _IN_PARENTHESES.fullmatch(name)
        if parts and fold(parts[1]) in wanted:
            return name, parts[2].strip()
    return None, None


def _roles(columns: Columns, quantity: pl.Series, sample: pl.Series) -> pl.Series:
    """By the column of roles where there is one; else a quantity makes a standard, 0 or the name a control without template."""
    empty = pl.Series(
        [text is not None and fold(text).rstrip(" 0123456789-_") in _EMPTY for text in sample], dtype=pl.Boolean
    )
    standard = (quantity != 0).fill_null(value=False)  # a negative one is then refused as what a nominal may not be
    nothing = (quantity == 0).fill_null(value=False) | (empty & ~standard)
    told = columns.text(*_ROLE, keep=True)
    if told.null_count() < len(told):
        return roles(told, _WORDS)
    return (
        pl.DataFrame({"standard": standard, "nothing": nothing})
        .select(
            role=pl.when("standard")
            .then(pl.lit(Role.STANDARD.value))
            .when("nothing")
            .then(pl.lit(Role.NTC.value))
            .otherwise(pl.lit(Role.UNKNOWN.value))
        )
        .to_series()
    )


def _refuse_cycles(cq: pl.Series, table: Block, file: str, problems: list[Problem]) -> None:
    """A Cq of 0 or below is none: some tables write 0 for what was not detected, others for what was not measured."""
    wrong = (cq <= 0).fill_null(value=False)
    if wrong.any():
        lines = table.lines.filter(wrong)
        problems.append(
            Problem(
                code="not-a-cycle",
                what=f"A Cq is not positive ({listed(lines.to_list())})",
                where=Where(file=file, sheet=table.sheet, row=lines[0], column=table.column(*_CQ)),
                found=", ".join(str(v) for v in cq.filter(wrong).unique().sort().head(5)),
                expected="a positive number of cycles; Undetermined or NaN where nothing was detected",
                do="Write Undetermined for a reaction without a Cq, and leave out one that was not run",
            )
        )


def _placed(frame: pl.DataFrame, *, one_plate: bool, problems: list[Problem], file: str) -> pl.DataFrame:
    """The rows with ``well``; a table that names no plates may hold many, and then a position stands in it many times."""
    frame = frame.with_columns(place=pl.col("place").fill_null(pl.format("row {}", "row")))
    if not one_plate:
        return frame.rename({"place": "well"})
    alike = frame.filter(pl.col("signal").is_not_null())
    alike = alike.filter(pl.struct("place", "sample_id", "target", "nominal", "signal", "extras").is_duplicated())
    for (place, _), group in alike.group_by("place", "signal", maintain_order=True):
        problems.append(
            Problem(
                code="duplicate-well",
                what=f"The reaction of well {place} stands more than once, with the same Cq ({listed(group['row'].to_list())})",
                where=Where(file=file, row=group["row"][-1]),
                expected="each reaction once",
                do="Remove the copy, or name the plate of each row in a column Plate",
            )
        )
    turn = pl.int_range(1, pl.len() + 1).over("place", "target")
    return frame.with_columns(well=pl.when(turn > 1).then(pl.format("{} #{}", "place", turn)).otherwise("place")).drop(
        "place"
    )


READER = Reader(
    code="cq_table",
    label="Plain table of Cq",
    assay=AssayKind.QPCR,
    software="any spreadsheet",
    extensions=(".csv", ".txt", ".xlsx"),
    release="recommended",
    recognise=recognise,
    read=read,
    citation="Klymus et al., Environmental DNA 2020;2:271-282 (layout of its replicate sets: Well, Sample, Cq, SQ, Target)",
    notes="Without a column of plates the table is one plate: replicate reactions of many plates then share one curve.",
)
