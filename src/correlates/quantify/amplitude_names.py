"""Wells whose file lists amplitudes and no names: called as the results table of their plate calls them."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from correlates.quantify.rules import check_rows
from correlates.terms import SignalKind

_DYES = {"FAM": 1, "HEX": 2, "VIC": 2}  # of the two channels of a QX100 and QX200
_NAMES = ("sample_id", "role", "target", "dilution")


def beside(wells: pl.DataFrame, tables: pl.DataFrame) -> pl.DataFrame:
    """The row of a results table that each well and channel of an amplitude file is.

    Parameters
    ----------
    wells
        Wells of amplitude files: the channels of a well in the order of the file.
    tables
        Wells of results tables of digital PCR, of any plates.

    Returns
    -------
    polars.DataFrame
        ``well_id``, ``table_id`` (the well_id of the row) and ``sample_id``, ``role``, ``target``, ``dilution`` of it; no row for a well that the
        tables do not hold, or hold more than once in that channel.

    Notes
    -----
    Plate and position must be the same: the plate of an amplitude file is the first part of its name, that of a results table its
    name. The channel of a row is the one its type names (Ch1Unknown), else that of its dye (FAM 1, HEX and VIC 2).
    """
    of_type = pl.col("extras").str.json_path_match("$.TypeAssay").str.extract(r"^Ch(\d+)").cast(pl.Int64)
    dye = (
        pl.col("extras")
        .str.json_path_match("$['DyeName(s)']")
        .replace_strict(_DYES, default=None, return_dtype=pl.Int64)
    )
    rows = tables.filter(pl.col("signal_kind") == SignalKind.PARTITIONS.value).select(
        "plate", "well", pl.coalesce(of_type, dye).alias("channel"), pl.col("well_id").alias("table_id"), *_NAMES
    )
    once = rows.filter(pl.col("channel").is_not_null() & (pl.len().over("plate", "well", "channel") == 1))
    place = pl.int_range(1, pl.len() + 1).over("file_id", "plate", "well")
    return wells.select("well_id", "plate", "well", channel=place).join(
        once, on=["plate", "well", "channel"], maintain_order="left"
    )


def named(wells: pl.DataFrame, found: pl.DataFrame, keep: Collection[str] = ()) -> pl.DataFrame:
    """The wells with the names of :func:`beside`; a target in ``keep`` stays as it is."""
    taken = found.select("well_id", *(pl.col(name).alias(f"_{name}") for name in _NAMES))
    joined = wells.join(taken, on="well_id", how="left", maintain_order="left")
    kept = pl.col("target").is_in(list(keep))
    return joined.with_columns(
        *(pl.coalesce(f"_{name}", name).alias(name) for name in _NAMES if name != "target"),
        target=pl.when(kept).then("target").otherwise(pl.coalesce("_target", "target")),
    ).drop([f"_{name}" for name in _NAMES])


def one_of_both(wells: pl.DataFrame, found: pl.DataFrame, counts: str, assay: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The wells without the second of those that both a results table and an amplitude file hold, and a check that tells.

    The table's counts stay, or with ``counts`` ``threshold`` those of the amplitudes.
    """
    out = found["table_id" if counts == "threshold" else "well_id"]
    told = check_rows(
        found,
        assay=assay,
        scope="well",
        rule="results_table",
        item=pl.col("well_id"),
        target=pl.col("target"),
        passed=pl.lit(value=True),
        found=pl.format("{} of the results table", pl.coalesce("sample_id", pl.lit("a well without a name"))),
        required="one set of counts for a well; "
        + ("those by threshold" if counts == "threshold" else "those of the results table"),
        action="kept",
        sources=pl.concat_list("well_id", "table_id"),
    )
    return wells.filter(~pl.col("well_id").is_in(out.implode())), told
