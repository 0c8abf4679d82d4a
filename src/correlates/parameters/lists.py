"""Columns of lists, made from one flat column: many short Python lists are slow."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from correlates.schema.table import TEXT, TEXTS


def lists(rows: NDArray[np.integer], texts: pl.Series, n: int) -> pl.Series:
    """N lists of texts: text i is of list ``rows[i]``, which do not descend; a list without a text is empty."""
    if rows.size == 0:
        return pl.Series([[]], dtype=TEXTS).new_from_index(0, n)
    flat = pl.DataFrame({"row": pl.Series(rows, dtype=pl.Int64).set_sorted(), "ids": texts.cast(TEXT)})
    found = flat.group_by("row", maintain_order=True).agg("ids")
    if found.height == n:
        return found["ids"]
    every = pl.DataFrame({"row": pl.int_range(n, eager=True).set_sorted()})
    whole = every.join(found, on="row", how="left", maintain_order="left")["ids"]
    return whole.fill_null(pl.lit([], dtype=TEXTS))
