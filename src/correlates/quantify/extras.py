"""Numbers among the extras of wells: what a file says beyond the columns of the table."""

from __future__ import annotations

import polars as pl


def number_of(name: str) -> pl.Expr:
    """The number under a name of the extras, comma or point; null where it is absent, blank, NaN or no number."""
    text = pl.col("extras").str.json_path_match(f"$['{name}']").str.strip_chars().str.replace(",", ".", literal=True)
    return text.cast(pl.Float64, strict=False).fill_nan(None)
