"""Rows of the checks table, made for many items at once."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from correlates.schema import CHECKS

STAGE = "quantify"
_NO_IDS = pl.lit([], dtype=pl.List(pl.String))


def check_rows(
    frame: pl.DataFrame,
    *,
    assay: str,
    scope: str,
    rule: str,
    item: pl.Expr,
    passed: pl.Expr,
    found: pl.Expr,
    required: pl.Expr | str,
    action: str,
    part: pl.Expr | None = None,
    target: pl.Expr | None = None,
    value: pl.Expr | None = None,
    sources: pl.Expr | None = None,
) -> pl.DataFrame:
    """Say for each row of ``frame`` what a rule found.

    Parameters
    ----------
    frame
        One row per item the rule was applied to.
    item, part, target
        What the rule was applied to; ``part`` tells items of one name apart (the plate a sample stands on).
    passed, found, value, required, sources
        As in the table of checks.
    action
        What is done about a row that does not pass; rows that pass say ``none``.
    """
    whose = pl.lit(None, dtype=pl.String) if target is None else target
    where = pl.lit("") if part is None else part
    return frame.select(
        check_id=pl.concat_str(
            pl.lit(f"{assay}/{rule}/{scope}/"), item, pl.lit("/"), where, pl.lit("/"), whose.fill_null("")
        ),
        stage=pl.lit(STAGE),
        assay=pl.lit(assay),
        scope=pl.lit(scope),
        item=item,
        target=whose,
        rule=pl.lit(rule),
        found=found,
        value=pl.lit(None, dtype=pl.Float64) if value is None else value.cast(pl.Float64),
        required=pl.lit(required) if isinstance(required, str) else required,
        passed=passed,
        action=pl.when(passed).then(pl.lit("none")).otherwise(pl.lit(action)),
        source_ids=_NO_IDS if sources is None else sources,
    )


def gather(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The rows of all rules as one frame."""
    return pl.concat([CHECKS.empty(), *(part for part in parts if part.height)])


def figure(value: pl.Expr, digits: int = 4) -> pl.Expr:
    """A number as text for people; the number itself stands in ``value``."""
    return value.cast(pl.Float64).round_sig_figs(digits).cast(pl.String)
