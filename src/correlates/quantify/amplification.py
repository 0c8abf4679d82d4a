"""Cq from amplification points: for files that carry the fluorescence of every cycle and no Cq, or one that is not trusted."""

from __future__ import annotations

import json

import numpy as np
import polars as pl

from correlates.stats.amplification import quantification_cycle
from correlates.terms import Flag


def cycles_from_points(wells: pl.DataFrame) -> pl.DataFrame:
    """The wells with Cq from their amplification points.

    Parameters
    ----------
    wells
        Table of wells; ``extras`` holds ``points`` with the texts ``cyc`` and ``fluor``.

    Returns
    -------
    polars.DataFrame
        The same wells. ``signal`` is the second-derivative maximum where the reaction amplified; where it did not the flag is
        undetermined; omitted wells stay omitted; a well without points keeps neither signal nor the instrument's Cq, flag missing.
    """
    curves = [_points(text) for text in wells["extras"]]
    longest = max((len(c) for c, _ in curves), default=0)
    cycle, light = (np.zeros((len(curves), longest)) for _ in range(2))
    present = np.zeros((len(curves), longest), dtype=np.bool_)
    for row, (c, f) in enumerate(curves):
        cycle[row, : len(c)], light[row, : len(f)], present[row, : len(c)] = c, f, True
    found = quantification_cycle(cycle, light, present)
    there = pl.Series(present.any(axis=1))
    amplified = pl.Series(found.amplified)
    omitted = pl.col("flag") == Flag.OMITTED.value
    kept = amplified & ~wells.select(omitted.fill_null(value=False)).to_series()
    return wells.with_columns(
        signal=pl.when(kept).then(pl.Series(found.cq)),
        flag=pl.when(omitted)
        .then("flag")
        .when(kept)
        .then(None)
        .when(there)
        .then(pl.lit(Flag.UNDETERMINED.value))
        .otherwise(pl.lit(Flag.MISSING.value)),
    )


def _points(extras: str) -> tuple[list[float], list[float]]:
    points = json.loads(extras).get("points") or {}
    cycle, light = (
        [float(v.replace(",", ".")) for v in str(points.get(name, "")).split()] for name in ("cyc", "fluor")
    )
    return (cycle, light) if len(cycle) == len(light) else ([], [])
