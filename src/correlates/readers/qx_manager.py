"""Bio-Rad QX Manager (QX200, QX600, QX ONE): the data table as workbook or CSV, and the CSV of clusters."""

from __future__ import annotations

import re
from pathlib import PurePath

import polars as pl

from correlates.errors import Problem, Where
from correlates.readers.block import Block, Columns, as_text, block, find_heading, no_rows, table_end
from correlates.readers.cells import positions
from correlates.readers.content import Content, Sheet
from correlates.readers.quantasoft import droplets, heading, six_colours
from correlates.readers.record import Parsed, Reader
from correlates.terms import AssayKind, Flag, Role, SignalKind

_NEGATIVE, _POSITIVE = "0", "1"


def recognise(content: Content) -> bool:
    """A droplet result table in a workbook, or as text with the columns of channels 3 to 6."""
    found = heading(content)
    return found is not None and (content.kind == "workbook" or six_colours(*found))


def read(content: Content) -> Parsed:
    """One row per line of the data table."""
    found = heading(content)
    assert found is not None
    sheet, head = found
    return droplets(content, sheet, block(sheet, head), head, software="Bio-Rad QX Manager")


def _clusters(content: Content) -> tuple[Sheet, int] | None:
    for sheet in content.sheets:
        head = find_heading(sheet, lambda cells: {"well", "count", "cluster id", "target 1"} <= cells, last=20)
        if head is not None:
            return sheet, head
    return None


def recognise_clusters(content: Content) -> bool:
    """A table with Well, Target 1, Count and Cluster ID."""
    return _clusters(content) is not None


def read_clusters(content: Content) -> Parsed:
    """One row per well and target: the droplets of the clusters in which the target is positive, and of all clusters.

    A target that is blank in all clusters of a well was not measured there and has no row. Droplets that the software
    could not classify for a target (``u``) are not counted for it.
    """
    found = _clusters(content)
    assert found is not None
    sheet, head = found
    table = block(sheet, head)
    columns = Columns.over(table, content.name, ("Count",))
    count = columns.number("Count", required=True)
    header: dict[str, object] = {
        "before the table": as_text(sheet, 0, head).strip(),
        "columns": table.frame.columns,
        "after the table": as_text(sheet, table_end(sheet, head)).strip() or None,
    }
    targets = [name for name in table.frame.columns if re.fullmatch(r"Target \d+", name)]
    problems = columns.problems + _strange(table, targets, content.name)
    if len(table) == 0:
        return Parsed(
            rows=pl.DataFrame(), header=header, problems=(*problems, no_rows(content.name, sheet.name, table.line))
        )
    clusters = table.frame.select(
        pl.struct(pl.exclude("Well")).struct.json_encode().alias("cluster"),
        well=positions(table.frame[table.column("Well") or ""]),
        count=count.value,
        row=table.lines,
        **{name: pl.col(name) for name in targets},
    )
    long = clusters.unpivot(
        targets, index=["well", "count", "row", "cluster"], variable_name="target", value_name="state"
    )
    states = pl.col("state")
    rows = (
        long.group_by("well", "target", maintain_order=True)
        .agg(
            positives=pl.col("count").filter(states == _POSITIVE).sum(),
            partitions=pl.col("count").filter(states.is_in([_POSITIVE, _NEGATIVE])).sum(),
            measured=states.is_not_null().any(),
            row=pl.col("row").first(),
            extras=pl.col("cluster").str.join(","),
        )
        .filter("measured")
        .sort("row", "target")
        .with_columns(
            plate=pl.lit(PurePath(content.name).stem),
            role=pl.lit(Role.UNKNOWN.value),
            signal_kind=pl.lit(SignalKind.PARTITIONS.value),
            signal=pl.when(pl.col("partitions") > 0).then(pl.col("positives") / pl.col("partitions")),
            extras=pl.concat_str(pl.lit('{"clusters":['), "extras", pl.lit("]}")),
            sheet=pl.lit(sheet.name, dtype=pl.String),
        )
        .with_columns(flag=pl.when(pl.col("signal").is_null()).then(pl.lit(Flag.MISSING.value)))
        .drop("measured")
    )
    return Parsed(rows=rows, header=header, software="Bio-Rad QX Manager", problems=tuple(problems))


def _strange(table: Block, targets: list[str], file: str) -> list[Problem]:
    """States of a target other than 0, 1 and u."""
    problems = []
    for name in targets:
        odd = (~table.frame[name].is_in([_NEGATIVE, _POSITIVE, "u"])).fill_null(value=False)
        if odd.any():
            problems.append(
                Problem(
                    code="unknown-state",
                    what=f"Column {name!r} holds a state that is not known",
                    where=Where(file=file, sheet=table.sheet, row=table.lines.filter(odd)[0], column=name),
                    found=", ".join(repr(s) for s in table.frame[name].filter(odd).unique().to_list()[:5]),
                    expected="0 (negative), 1 (positive), u (unclassified) or blank",
                    do="Export the file again",
                )
            )
    return problems


READER = Reader(
    code="qx_manager",
    label="Bio-Rad QX Manager data table",
    assay=AssayKind.DPCR,
    software="QX Manager (QX200, QX600, QX ONE)",
    extensions=(".xlsx", ".csv"),
    release="recommended",
    recognise=recognise,
    read=read,
    citation="Bio-Rad QX Manager Software, export of the data table",
)
CLUSTERS = Reader(
    code="qx_manager_clusters",
    label="Bio-Rad QX Manager clusters",
    assay=AssayKind.DPCR,
    software="QX Manager (QX200, QX600, QX ONE)",
    extensions=(".csv",),
    release="recommended",
    recognise=recognise_clusters,
    read=read_clusters,
    citation="Bio-Rad QX Manager Software, export of clusters as CSV",
    notes="The file holds no sample names. Positives of a target are the droplets of all clusters in which it is 1.",
)
