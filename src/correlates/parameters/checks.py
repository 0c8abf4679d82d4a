"""Rows of the table ``checks`` that this stage writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

import polars as pl

from correlates.schema import CHECKS
from correlates.schema.checks import check_row
from correlates.schema.table import TEXT, WHOLE


def check(
    *,
    subject: str | None,
    rule: str,
    found: str,
    required: str,
    passed: bool,
    action: str,
    assay: str | None = None,
    target: str | None = None,
    value: object = None,
    source_ids: object = (),
    parts: tuple[object, ...] = (),
) -> dict[str, object]:
    """One check of a subject (or of a source, where ``subject`` is null); ``parts`` make its id unique."""
    item = subject if subject is not None else (assay or "parameters")
    return check_row(
        stage="parameters",
        identity=(assay, item, target, rule, *parts),
        assay=assay,
        scope="source" if subject is None else "subject",
        item=item,
        target=target,
        rule=rule,
        found=found,
        value=None if value is None else float(cast("float", value)),
        required=required,
        passed=passed,
        action=action,
        source_ids=[str(i) for i in cast("Iterable[object]", source_ids)],
    )


def table(notes: Iterable[Mapping[str, object]]) -> pl.DataFrame:
    """The notes as the table ``checks``, each id once. Lists are built from one flat column: many short ones are slow."""
    rows = list({str(note["check_id"]): note for note in notes}.values())
    ids = [cast("list[str]", row["source_ids"]) for row in rows]
    flat = pl.DataFrame(
        {
            "row": pl.Series([i for i, part in enumerate(ids) for _ in part], dtype=WHOLE),
            "source_ids": pl.Series([s for part in ids for s in part], dtype=TEXT),
        }
    )
    lists = flat.group_by("row", maintain_order=True).agg("source_ids")
    plain = CHECKS.frame([{k: v for k, v in row.items() if k != "source_ids"} for row in rows]).drop("source_ids")
    return (
        plain.with_columns(row=pl.int_range(pl.len(), dtype=WHOLE))
        .join(lists, on="row", how="left", maintain_order="left")
        .with_columns(pl.col("source_ids").fill_null(pl.lit([], dtype=pl.List(TEXT))))
        .select(CHECKS.names)
    )
