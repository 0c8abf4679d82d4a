"""QuantStudio Absolute Q digital PCR: the table by dye, the multichannel table of combinations, and the summary."""

from __future__ import annotations

import polars as pl

from correlates.readers.block import Block, Columns, as_text, block, find_heading, no_rows, table_end
from correlates.readers.cells import fold, positions
from correlates.readers.content import Content, Sheet
from correlates.readers.record import Parsed, Reader
from correlates.schema.table import WHOLE
from correlates.terms import AssayKind, Flag, Role, SignalKind

_BY_DYE = {"run", "plate", "well", "total", "dye", "target", "positives"}
_CHANNELS = {"run", "plate", "sample", "channels", "count", "total"}
_SUMMARY = {"run name", "sample", "well", "df", "total", "target", "positives"}
_UNIT = "copies/uL"


def _heading(content: Content, needs: set[str]) -> tuple[Sheet, int] | None:
    if content.kind != "text":
        return None
    sheet = content.sheets[0]
    head = find_heading(sheet, lambda cells: needs <= cells, last=10)
    return None if head is None else (sheet, head)


def recognise(content: Content) -> bool:
    """One of three tables: by Dye and Target; by Channels; or Run name, DF with a group of columns per dye."""
    return any(_heading(content, needs) is not None for needs in (_BY_DYE, _CHANNELS, _SUMMARY))


def read(content: Content) -> Parsed:
    """One row per well and target. Lines that average a group are kept in the header."""
    found = next(f for needs in (_SUMMARY, _CHANNELS, _BY_DYE) if (f := _heading(content, needs)) is not None)
    sheet, head = found
    table = block(sheet, head)
    headings = {fold(name) for name in table.frame.columns}
    if headings >= _SUMMARY:
        parsed = _read_summary(content, table, sheet.rows[head - 1] if head else ())
    elif headings >= _CHANNELS:
        parsed = _read_channels(content, table)
    else:
        parsed = _read_by_dye(content, table)
    header: dict[str, object] = {"columns": table.frame.columns, **parsed.header}
    for key, text in (
        ("before the table", as_text(sheet, 0, head)),
        ("after the table", as_text(sheet, table_end(sheet, head))),
    ):
        if text.strip():
            header[key] = text.strip()
    problems = parsed.problems if len(table) else (*parsed.problems, no_rows(content.name, None, table.line))
    return Parsed(rows=parsed.rows, header=header, software="QuantStudio Absolute Q", problems=problems)


def _without_averages(table: Block, header: dict[str, object]) -> Block:
    average = (table.frame[table.column("Well") or ""].str.to_lowercase() == "average").fill_null(value=False)
    if average.any():
        header["averages"] = table.filter(average).records()
    return table.filter(~average)


def _finish(rows: pl.DataFrame) -> pl.DataFrame:
    """Share of positives and the columns that are the same in all three tables."""
    return rows.with_columns(
        sheet=pl.lit(None, dtype=pl.String),
        role=pl.lit(Role.UNKNOWN.value),
        signal_kind=pl.lit(SignalKind.PARTITIONS.value),
        signal=pl.when(pl.col("partitions") > 0).then(pl.col("positives") / pl.col("partitions")),
        reported_unit=pl.when(pl.col("reported").is_not_null()).then(pl.lit(_UNIT)),
    ).with_columns(flag=pl.when(pl.col("signal").is_null()).then(pl.lit(Flag.MISSING.value)))


def _read_by_dye(content: Content, table: Block) -> Parsed:
    header: dict[str, object] = {}
    columns = Columns.over(_without_averages(table, header), content.name, ("Total", "Conc. cp/uL", "95%CI"))
    run, plate = columns.text("Run", keep=True), columns.text("Plate", keep=True)
    rows = pl.DataFrame(
        {
            "plate": plate.fill_null(run),
            "well": positions(columns.text("Well")),
            "sample_id": columns.text("Name"),
            "target": columns.text("Target").fill_null(columns.text("Dye", keep=True)),
            "positives": columns.number("Positives", required=True).value,
            "partitions": columns.number("Total", required=True).value,
            "reported": columns.number("Conc. cp/uL").value,
            "row": columns.block.lines,
            "extras": columns.extras(),
        }
    )
    return Parsed(rows=_finish(rows), header=header, problems=tuple(columns.problems))


def _read_channels(content: Content, table: Block) -> Parsed:
    """Combinations of channels to channels: positives of a channel are the partitions of all combinations that have it.

    A channel all of whose combinations have no partitions was not measured and has no row.
    """
    columns = Columns.over(table, content.name, ("Count", "Copies per microliter"))
    count, total = columns.number("Count", required=True).value, columns.number("Total", required=True).value
    channels = table.frame[table.column("Channels") or ""].fill_null("")
    names = sorted({name for text in channels.unique() for name in text.split()})
    plates = columns.text("Plate", keep=True).fill_null(columns.text("Run", keep=True))
    frame = pl.DataFrame(
        {
            "plate": plates,
            "sample_id": table.frame[table.column("Sample") or ""],
            "has": channels.str.split(" "),
            "count": count,
            "total": total,
            "row": table.lines,
            "written": table.frame.select(pl.struct(pl.all()).struct.json_encode()).to_series(),
        }
    )
    parts = [
        frame.group_by("plate", "sample_id", maintain_order=True).agg(
            target=pl.lit(name),
            positives=pl.col("count").filter(pl.col("has").list.contains(name)).sum(),
            partitions=pl.col("total").filter(pl.col("has").list.contains(name)).max(),
            row=pl.col("row").filter(pl.col("has").list.contains(name)).first(),
            written=pl.col("written").str.join(","),
        )
        for name in names
    ]
    rows = pl.concat(parts).filter(pl.col("partitions") > 0).sort("row") if parts else frame.clear()
    rows = rows.with_columns(
        well=positions(rows["sample_id"].str.replace(r"(?i)^sample\s+", "")),
        reported=pl.lit(None, dtype=pl.Float64),
        extras=pl.concat_str(pl.lit('{"combinations":['), "written", pl.lit("]}")),
        row=pl.col("row").cast(WHOLE),
    ).drop("written")
    return Parsed(rows=_finish(rows), problems=tuple(columns.problems))


def _read_summary(content: Content, table: Block, above: tuple[str, ...]) -> Parsed:
    """Groups of columns, one per dye, named in the row above the heading."""
    header: dict[str, object] = {}
    table = _without_averages(table, header)
    names = table.frame.columns
    starts = [i for i, name in enumerate(names) if fold(name.partition(" #")[0]) == "target"]
    last = next((i for i in range(len(names) - 1, -1, -1) if fold(names[i]).startswith("threshold")), len(names) - 1)
    shared = [*names[: starts[0]], *names[last + 1 :]]
    parts, problems = [], []
    for start, end in zip(starts, [*starts[1:], last + 1], strict=True):
        own = names[start:end]
        frame = table.frame.select(*shared, *(pl.col(n).alias(n.partition(" #")[0]) for n in own))
        one = Block(sheet=table.sheet, line=table.line, frame=frame, lines=table.lines, delimiter=table.delimiter)
        columns = Columns.over(one, content.name, ("Conc.", "Lambda (cp/Rxn)", "Precision %"))
        dye = pl.repeat(above[start - 1] if start - 1 < len(above) else "", len(one), dtype=pl.String, eager=True)
        if start < len(above) and above[start]:
            dye = pl.repeat(above[start], len(one), dtype=pl.String, eager=True)
        factor = columns.text("DF", keep=True).str.extract(r"^1/([\d.]+)$")
        parts.append(
            pl.DataFrame(
                {
                    "plate": columns.text("Run name", keep=True).fill_null("run"),
                    "well": positions(columns.text("Well")),
                    "sample_id": columns.text("Sample"),
                    "target": columns.text("Target").fill_null(dye.replace("", None)),
                    "positives": columns.number("Positives", required=True).value,
                    "partitions": columns.number("Total", required=True).value,
                    "dilution": factor.cast(pl.Float64, strict=False),
                    "reported": columns.number("Conc.").value,
                    "row": one.lines,
                    "extras": columns.extras(dye=dye),
                }
            )
        )
        problems += columns.problems
    rows = pl.concat(parts).sort("row", maintain_order=True)
    return Parsed(rows=_finish(rows), header=header, problems=tuple(problems))


READER = Reader(
    code="absolute_q",
    label="QuantStudio Absolute Q",
    assay=AssayKind.DPCR,
    software="QuantStudio Absolute Q Digital PCR Software",
    extensions=(".csv",),
    release="recommended",
    recognise=recognise,
    read=read,
    citation="Applied Biosystems QuantStudio Absolute Q Digital PCR Software, export of results as CSV",
    notes=(
        "The multichannel table counts partitions by combination of channels and names no well: the well is the sample "
        "name without the word Sample, and positives of a channel are the sum over its combinations."
    ),
)
