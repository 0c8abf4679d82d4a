"""QuantStudio, ViiA 7 and StepOne real-time PCR software: text export with [sections], and the same as a workbook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

import polars as pl

from correlates.errors import Problem, Where
from correlates.readers.block import Block, Columns, as_text, block, find_heading, key_values, table_end
from correlates.readers.cells import fold, positions, roles
from correlates.readers.content import Content, Sheet
from correlates.readers.record import Parsed, Reader
from correlates.terms import AssayKind, Flag, Role, SignalKind

CQ = ("CT", "Cq", "Crt", "Ct")
TASKS = {
    "unknown": Role.UNKNOWN,
    "standard": Role.STANDARD,
    "ntc": Role.NTC,
    "no template control": Role.NTC,
    "blocked_ipc": Role.QC,
    "ipc": Role.QC,
    "nac": Role.QC,
    "nap": Role.QC,
    "positive control": Role.QC,
    "negative control": Role.QC,
}
_NUMERIC = (*CQ, "Ct Threshold", "Quantity", "Quantity Mean", "Ct Mean", "Amp Score", "Cq Conf", "Slope", "Y-Intercept")
_OMITTED = ("true", "yes", "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A named part of an export: the sheet it stands in, its first row, the row of its heading, and where it ends."""

    name: str
    sheet: Sheet
    first: int
    head: int | None
    last: int


def _is_results(cells: set[str]) -> bool:
    return "well" in cells and "target name" in cells and any(fold(name) in cells for name in CQ)


def sections(content: Content) -> list[Section]:
    """The sections of a text export, or the sheets of a workbook."""
    found: list[Section] = []
    for sheet in content.sheets:
        if sheet.name is not None:
            head = find_heading(sheet, lambda cells: "well" in cells)
            found.append(Section(name=sheet.name, sheet=sheet, first=0, head=head, last=len(sheet.rows)))
            continue
        starts = [i for i, row in enumerate(sheet.rows) if row and row[0].startswith("[") and row[0].endswith("]")]
        for start, after in zip(starts, [*starts[1:], len(sheet.rows)], strict=True):
            name = sheet.rows[start][0].strip("[]").strip()
            head = next((i for i in range(start + 1, after) if any(sheet.rows[i])), None)
            found.append(Section(name=name, sheet=sheet, first=start + 1, head=head, last=after))
    return found


def _results(parts: list[Section]) -> Section | None:
    return next(
        (
            part
            for part in parts
            if fold(part.name).startswith("results")
            and part.head is not None
            and _is_results({fold(cell) for cell in part.sheet.rows[part.head]})
        ),
        None,
    )


def recognise(content: Content) -> bool:
    """A section or sheet named Results whose heading has Well, Target Name and CT (or Cq, Crt)."""
    if content.kind == "text" and "[Results" not in content.text:
        return False
    return _results(sections(content)) is not None


def _run_properties(content: Content, results: Section) -> dict[str, object]:
    """What stands above the tables: ``* key = value`` in text, two columns in a workbook."""
    if results.sheet.name is not None:
        return key_values(results.sheet, 0, results.head or 0)
    properties: dict[str, object] = {}
    for line in content.text.splitlines():
        if line.startswith("["):
            break
        key, mark, value = line.lstrip("*# ").partition("=")
        if mark:
            properties[key.strip()] = value.strip() or None
        elif line.strip():
            properties.setdefault(line.strip(), None)
    return properties


def join_setup(results: Block, other: Block, key: tuple[str, str], other_key: tuple[str, str], label: str) -> Block:
    """Columns of a second per-well table beside the results, matched by well and target.

    A column whose name the results have too is added as ``label: name``, and only where any cell differs.
    """
    left = results.frame.select(_w=key[0], _t=key[1])
    right = (
        other.frame.with_columns(_w=other_key[0], _t=other_key[1])
        .unique(["_w", "_t"], keep="first", maintain_order=True)
        .drop(set(other_key))
    )
    joined = left.join(right, on=["_w", "_t"], how="left", nulls_equal=True, maintain_order="left").drop("_w", "_t")
    added: list[pl.Series] = []
    for name in joined.columns:
        cells = joined[name]
        if name not in results.frame.columns:
            added.append(cells)
        elif not cells.eq_missing(results.frame[name]).all():
            added.append(cells.alias(f"{label}: {name}"))
    return Block(
        sheet=results.sheet,
        line=results.line,
        frame=results.frame.with_columns(added),
        lines=results.lines,
        delimiter=results.delimiter,
    )


def read(content: Content) -> Parsed:
    """One row per line of [Results]; nominal quantities from [Sample Setup]; the rest of the file in the header."""
    parts = sections(content)
    results = _results(parts)
    assert results is not None
    assert results.head is not None
    properties = _run_properties(content, results)
    table = block(results.sheet, results.head, last=results.last, section=results.name)
    header: dict[str, object] = {"properties": properties, "columns": table.frame.columns}

    well = table.column("Well Position", "Well")
    target = table.column("Target Name")
    assert well is not None
    assert target is not None
    held = table.frame[target].is_not_null()
    if not held.all():
        header["rows without target"] = table.filter(~held).records()
        table = table.filter(held)

    setup = next((p for p in parts if fold(p.name) == "sample setup" and p.head is not None), None)
    if setup is not None and setup.head is not None:
        plan = block(setup.sheet, setup.head, last=setup.last)
        plan_well, plan_target = plan.column("Well Position", "Well"), plan.column("Target Name")
        if plan_well is not None and plan_target is not None:
            table = join_setup(table, plan, (well, target), (plan_well, plan_target), setup.name)

    rest = {part.name: as_text(part.sheet, part.head, part.last) for part in parts if part is not results and part.head}
    if rest:
        header["sections"] = rest
    after = table_end(results.sheet, results.head, results.last)
    tail = as_text(results.sheet, after, results.last).strip()
    if tail:
        header["after results"] = tail

    columns = Columns.over(table, content.name, _NUMERIC)
    task = columns.text("Task", keep=True)
    role = roles(task, TASKS)
    cq = columns.number(*CQ, required=True)
    omitted = columns.text("Omit", keep=True).str.to_lowercase().is_in(_OMITTED).fill_null(value=False)
    if (omitted & cq.value.is_not_null()).any():
        columns.keep(table.column(*CQ) or "")
    quantity = columns.number("Quantity")
    planned = columns.number("Sample Setup: Quantity")
    standard = role == Role.STANDARD.value
    blank = pl.repeat(None, len(table), dtype=pl.Float64, eager=True)
    nominal = planned.value.fill_null(quantity.value.zip_with(standard, blank))
    name = properties.get("Experiment Name") or properties.get("Experiment File Name") or PurePath(content.name).stem
    instrument = properties.get("Instrument Type")
    rows = pl.DataFrame(
        {
            "plate": pl.repeat(str(name), len(table), dtype=pl.String, eager=True),
            "well": positions(columns.text("Well Position", "Well")),
            "sample_id": columns.text("Sample Name", "Sample"),
            "target": columns.text("Target Name"),
            "role": role,
            "nominal": nominal,
            "signal": cq.value.zip_with(~omitted, blank),
            "flag": cq.flag.zip_with(~omitted, pl.repeat(Flag.OMITTED.value, len(table), eager=True)),
            "reported": quantity.value.zip_with(~standard, blank),
            "row": table.lines,
            "extras": columns.extras(),
        }
    ).with_columns(signal_kind=pl.lit(SignalKind.CQ.value), sheet=pl.lit(results.name))
    problems = columns.problems
    if len(table) == 0:
        problems.append(
            Problem(
                code="no-rows",
                what="The section Results has a heading but no rows with a target",
                where=Where(file=content.name, sheet=results.name, row=table.line),
                expected="one row per well and target",
                do="Export again after the analysis of the run",
            )
        )
    return Parsed(
        rows=rows,
        header=header,
        software=f"QuantStudio real-time PCR software ({instrument})" if instrument else None,
        problems=tuple(problems),
    )


READER = Reader(
    code="quantstudio",
    label="QuantStudio real-time PCR export",
    assay=AssayKind.QPCR,
    software="QuantStudio Real-Time PCR Software, ViiA 7, StepOne (Applied Biosystems)",
    extensions=(".txt", ".csv", ".xls", ".xlsx"),
    release="recommended",
    recognise=recognise,
    read=read,
    citation="Applied Biosystems QuantStudio Real-Time PCR Software, export of results as text or workbook",
    notes="Checked on QuantStudio 7 Flex and 12K Flex; ViiA 7 and StepOne write the same sections. Genotyping and melt-curve experiments hold no wells of this table and are refused by name.",
)
