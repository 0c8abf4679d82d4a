"""Rows of the table ``checks`` that this stage writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import numpy as np
import polars as pl

from correlates.parameters.lists import lists
from correlates.schema import CHECKS
from correlates.schema.checks import check_row
from correlates.schema.table import TEXT

STAGE = "parameters"


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
        stage=STAGE,
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


def table(notes: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """Checks that were made one by one, as rows of the table ``checks``."""
    ids = [cast("list[str]", note["source_ids"]) for note in notes]
    plain = CHECKS.frame([{k: v for k, v in note.items() if k != "source_ids"} for note in notes])
    rows = np.repeat(np.arange(len(ids)), [len(part) for part in ids])
    return plain.with_columns(
        source_ids=lists(rows, pl.Series([i for part in ids for i in part], dtype=TEXT), len(ids))
    )


def together(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Checks in the order of the frames, each id once."""
    whole = pl.concat([CHECKS.empty(), *frames])
    if whole["check_id"].n_unique() == whole.height:
        return whole
    return whole.unique("check_id", keep="first", maintain_order=True)
