"""Meso Scale Discovery: Discovery Workbench table (CSV, workbook) and Methodical Mind plate text."""

from __future__ import annotations

import re
from pathlib import PurePath

import polars as pl

from correlates.errors import Problem
from correlates.readers.block import Block, Columns, as_text, block, no_rows, not_a_number, table_end
from correlates.readers.cells import fold, number, positions
from correlates.readers.content import Content, Sheet
from correlates.readers.record import Parsed, Reader
from correlates.readers.wells import rows_of
from correlates.terms import AssayKind, Role, SignalKind

_NEEDS = {"sample", "assay", "well", "spot", "signal"}
_NUMERIC = ("Signal", "Concentration", "Calc. Concentration", "Mean", "CV", "Dilution")
_ROLES = {"S": Role.STANDARD, "C": Role.QC, "B": Role.BLANK, "U": Role.UNKNOWN}


def _heads(sheet: Sheet) -> list[int]:
    """Rows that are headings of a Workbench table: one per plate."""
    return [i for i, row in enumerate(sheet.rows) if len(row) > 4 and {fold(cell) for cell in row} >= _NEEDS]


def recognise(content: Content) -> bool:
    """A table with Sample, Assay, Well, Spot and Signal."""
    if content.kind == "text" and "Spot" not in content.text:
        return False
    return any(_heads(sheet) for sheet in content.sheets)


def read(content: Content) -> Parsed:
    """One row per line; each plate's table stands under a row with its name."""
    header: dict[str, object] = {}
    problems: list[Problem] = []
    parts: list[pl.DataFrame] = []
    for sheet in content.sheets:
        heads = _heads(sheet)
        if not heads:
            header.setdefault("sheets", {})[str(sheet.name)] = as_text(sheet)  # type: ignore[index]
            continue
        before = 0
        for head, following in zip(heads, [*heads[1:], len(sheet.rows)], strict=True):
            above = [cell for row in sheet.rows[before:head] for cell in row[:1] if cell]
            end = table_end(sheet, head, following)
            if following < len(sheet.rows):  # the row above the next heading names its plate
                end = min(end, following - 1)
            header[f"above row {sheet.lines[head]}"] = as_text(sheet, before, head)
            table = block(sheet, head, last=end)
            parts.append(_plate(content, table, above[-1] if above else PurePath(content.name).stem, problems))
            before = end
        tail = as_text(sheet, before).strip()
        if tail:
            header["after the tables"] = tail
        header["columns"] = list(sheet.rows[heads[0]])
    rows = pl.concat(parts)
    if rows.height == 0:
        problems.append(no_rows(content.name, None, None))
    return Parsed(rows=rows, header=header, software="MSD Discovery Workbench", problems=tuple(problems))


def _plate(content: Content, table: Block, plate: str, problems: list[Problem]) -> pl.DataFrame:
    columns = Columns.over(table, content.name, _NUMERIC)
    sample = columns.text("Sample")
    signal = columns.number("Signal", required=True)
    concentration = columns.number("Concentration")
    named = sample.str.extract(r"^([SCBU])\d+$").replace_strict(
        {k: v.value for k, v in _ROLES.items()}, default=None, return_dtype=pl.String
    )
    typed = pl.repeat(Role.STANDARD.value, len(table), eager=True).zip_with(
        concentration.value.is_not_null(), pl.repeat(Role.UNKNOWN.value, len(table), eager=True)
    )
    factor = columns.number("Dilution", "Dilution Factor")
    reported = columns.number("Calc. Concentration")
    problems += columns.problems
    return pl.DataFrame(
        {
            "well": positions(columns.text("Well")),
            "sample_id": sample,
            "target": columns.text("Assay"),
            "role": named.fill_null(typed),
            "nominal": concentration.value,
            "signal": signal.value,
            "flag": signal.flag,
            "dilution": factor.value,
            "reported": reported.value,
            "row": table.lines,
            "extras": columns.extras(),
        }
    ).with_columns(
        plate=pl.lit(plate), signal_kind=pl.lit(SignalKind.ECL.value), sheet=pl.lit(table.sheet, dtype=pl.String)
    )


_SECTION = re.compile(r"^=+\s*([A-Za-z/ ]+?)\s*=+$")


def recognise_plates(content: Content) -> bool:
    """Text with ``Spots Per Well`` in its head and a section ``====Data====``."""
    return (
        content.kind == "text"
        and "Spots Per Well" in content.text
        and bool(re.search(r"^=+\s*Data\s*=+\s*$", content.text, re.M))
    )


def read_plates(content: Content) -> Parsed:
    """One row per well and spot. A row of the grid without a letter is the next spot of the wells above it."""
    lines = content.text.splitlines()
    rows: list[dict[str, object]] = []
    header: dict[str, object] = {}
    problems: list[Problem] = []
    head: dict[str, str] = {}
    other: list[str] = []
    i, ordinal = 0, 0
    while i < len(lines):
        section = _SECTION.match(lines[i].strip())
        if section is None or fold(section[1]) != "data":
            key, mark, value = lines[i].partition(":")
            if mark and section is None:
                head[key.strip()] = value.strip()
            if lines[i].strip():
                other.append(lines[i].rstrip())
            i += 1
            continue
        end = next((j for j in range(i + 1, len(lines)) if lines[j].startswith("=")), len(lines))
        ordinal += 1
        plate = head.get("Barcode1", "").strip("<>* ") or f"plate {ordinal}"
        rows += _grid(content, lines, i + 1, end, plate, head, problems)
        header[f"plate {ordinal}"] = {"properties": head, "columns": lines[i + 1].split() if i + 1 < end else []}
        head, i = {}, end
    header["other lines"] = "\n".join(other)
    if not rows:
        problems.append(no_rows(content.name, "Data", None))
    return Parsed(
        rows=rows_of(rows) if rows else pl.DataFrame(),
        header=header,
        software=next(
            (
                f"Methodical Mind ({v})"
                for line in other
                if line.startswith("Version") and (v := line.partition(":")[2].strip())
            ),
            "Methodical Mind",
        ),
        problems=tuple(problems),
    )


def _grid(
    content: Content, lines: list[str], first: int, end: int, plate: str, head: dict[str, str], problems: list[Problem]
) -> list[dict[str, object]]:
    columns = [cell.strip() for cell in lines[first].split("\t")] if first < end else []
    rows: list[dict[str, object]] = []
    letter, spot = "", 0
    for line in range(first + 1, end):
        cells = [cell.strip() for cell in lines[line].split("\t")]
        if not any(cells):
            continue
        letter, spot = (cells[0], 1) if cells[0] else (letter, spot + 1)
        for column, text in zip(columns[1:], cells[1:], strict=False):
            if not column or not text:
                continue
            value, flag = number(text)
            if value is None and flag is None:
                problems.append(not_a_number(content.name, "Data", column, pl.Series([line + 1]), pl.Series([text])))
            rows.append(
                {
                    "plate": plate,
                    "well": f"{letter}{column}",
                    "target": f"spot {head.get('SpotID') or spot}",
                    "role": Role.UNKNOWN.value,
                    "signal_kind": SignalKind.ECL.value,
                    "signal": value,
                    "flag": None if flag is None else flag.value,
                    "sheet": "Data",
                    "row": line + 1,
                    "extras": "{}",
                }
            )
    return rows


READER = Reader(
    code="msd_workbench",
    label="MSD Discovery Workbench",
    assay=AssayKind.IMMUNOASSAY,
    software="Discovery Workbench (Meso Scale Discovery)",
    extensions=(".csv", ".xlsx", ".txt"),
    release="recommended",
    recognise=recognise,
    read=read,
    citation="Meso Scale Discovery, Discovery Workbench, export of the plate data table",
    notes="S001 is a standard, C001 a control, B001 a blank, U001 an unknown; under other names a typed-in Concentration makes a standard.",
)
METHODICAL_MIND = Reader(
    code="methodical_mind",
    label="MSD Methodical Mind plate text",
    assay=AssayKind.IMMUNOASSAY,
    software="Methodical Mind (Meso Scale Discovery)",
    extensions=(".txt",),
    release="recommended",
    recognise=recognise_plates,
    read=read_plates,
    citation="Meso Scale Discovery, Methodical Mind, export of plate reads as text",
    notes="The file names neither samples nor analytes: the target is the spot, and the plan maps wells to samples.",
)
