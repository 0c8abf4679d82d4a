"""Cells counted by a reference target: copies per cell in qPCR and digital PCR alike.

copies per cell = copies of the target / cells, cells = copies of the reference / copies of the reference per cell, both
counted in the same unit, so that what the unit rests on (DNA mass, partition volume) drops out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from correlates.errors import PlanError, unknown
from correlates.quantify import chain as unit_chain
from correlates.quantify.settings import Reference

PREFIX = "reference_"


def check_reference(reference: Reference | None, targets: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse a reference that is not among the targets.

    Raises
    ------
    PlanError
        With the closest name.
    """
    if reference is not None and reference.target not in targets:
        raise PlanError(unknown("reference target", reference.target, list(targets), code="unknown-reference"))


def beside(frame: pl.DataFrame, reference: Reference, on: Sequence[str], columns: Sequence[str]) -> pl.DataFrame:
    """The rows of the other analytes with columns of the reference beside them, as ``reference_NAME``.

    Parameters
    ----------
    frame
        Has ``analyte``; one row per analyte and what ``on`` names.
    reference
        The reference.
    on
        Columns that say which reference belongs to which target.
    columns
        What is taken along; null where the reference was not measured.
    """
    mine = pl.col("analyte") == reference.target
    found = frame.filter(mine).select(*on, *(pl.col(c).alias(PREFIX + c) for c in columns))
    return frame.filter(~mine).join(found, on=list(on), how="left", maintain_order="left")


def entry(
    reference: Reference, per: str, *, cells: pl.Expr, cv: pl.Expr, source: pl.Expr, quantity: pl.Expr
) -> pl.Expr:
    """The entry of the trace that divides by the cells (``per`` says in what: partition or reaction)."""
    return unit_chain.entry(
        factor=f"cells per {per} by {reference.target}, {reference.copies_per_cell:g} copies per cell",
        operation="divide",
        value=cells,
        unit="copies/cell",
        cv=cv,
        source=source,
        quantity=quantity,
    )


def widened(
    log: str, lower: str, upper: str, other: str, other_lower: str, other_upper: str
) -> tuple[pl.Expr, pl.Expr]:
    """Limits of a logarithm after another has been subtracted from it, on the scale of the first.

    Variance estimates recovery (Zou & Donner, Stat Med 2008;27:1693): x - sqrt((x - lx)^2 + (uy - y)^2) and
    x + sqrt((ux - x)^2 + (y - ly)^2).
    """
    x, y = pl.col(log), pl.col(other)
    return (
        x - ((x - pl.col(lower)) ** 2 + (pl.col(other_upper) - y) ** 2).sqrt(),
        x + ((pl.col(upper) - x) ** 2 + (y - pl.col(other_lower)) ** 2).sqrt(),
    )
