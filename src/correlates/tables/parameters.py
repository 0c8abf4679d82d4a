"""The parameters of the subjects, and the files they came from."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from correlates.rounding import number, percent, unit_text
from correlates.tables.record import DisplayTable, counts, marked, numbers, words
from correlates.terms import Censoring


def parameters(frame: pl.DataFrame, reasons: Mapping[str, str]) -> DisplayTable | None:
    """Each parameter: how many subjects have it, how many censored or missing and why, median and quartiles."""
    if frame.is_empty():
        return None
    without = pl.col("value").is_null() & pl.col("category").is_null()
    rows = frame.group_by("code", "label", "timing", maintain_order=True).agg(
        unit=pl.col("unit").drop_nulls().first(),
        n=(~without).sum(),
        censored=pl.col("censoring").is_in([Censoring.LEFT.value, Censoring.RIGHT.value]).sum(),
        missing=without.sum(),
        why=pl.col("reason").filter(without).drop_nulls().unique().sort(),
        low=pl.col("value").min(),
        q1=pl.col("value").quantile(0.25, "linear"),
        median=pl.col("value").median(),
        q3=pl.col("value").quantile(0.75, "linear"),
        high=pl.col("value").max(),
    )
    shares = [c / n if n else None for c, n in rows.select("censored", "n").iter_rows()]

    def span(low: str, high: str) -> list[str]:
        pairs = rows.select(low, high).iter_rows()
        return [number(None) if a is None else f"{number(a)} to {number(b)}" for a, b in pairs]

    return DisplayTable(
        name="parameters",
        title="Parameters",
        columns=(
            words("Code", rows["code"]),
            words("Parameter", rows["label"]),
            words("Unit", [unit_text(u) for u in rows["unit"]]),
            words("Timing", rows["timing"], choose=True),
            counts("n", rows["n"]),
            counts("Censored", rows["censored"]),
            numbers("Share censored", shares, percent),
            counts("Missing", rows["missing"]),
            numbers("Median", rows["median"]),
            marked("Quartiles", span("q1", "q3"), rows["q1"]),
            marked("Range", span("low", "high"), rows["low"]),
            words("Missing because", ["; ".join(reasons.get(r, r) for r in why) for why in rows["why"]]),
        ),
        note="Censored values count at their limit in median, quartiles and range.",
    )


def files(frame: pl.DataFrame) -> DisplayTable | None:
    """Every input file with its reader and fingerprint; None where none was read."""
    if frame.is_empty():
        return None
    rows = frame.sort("source", "path")
    return DisplayTable(
        name="files",
        title="Input files",
        columns=(
            words("File", rows["path"]),
            words("Source", rows["source"], choose=True),
            words("Reader", rows["reader"], choose=True),
            words("Software", rows["software"]),
            counts("Bytes", rows["size"]),
            words("SHA-256", rows["sha256"]),
        ),
    )
