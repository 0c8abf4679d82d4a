"""Digital PCR instruments: volume and number of partitions, volume of the reaction, fewest partitions of a good well."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from correlates.quantify.rules import check_rows, gather
from correlates.quantify.settings import Dpcr

_PLATE = ("file_id", "plate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """Nominal figures of an instrument.

    Attributes
    ----------
    code, label
        What the settings call it; name for people.
    partition_nl
        Nominal volume of a partition in nanolitre.
    partitions
        Nominal number of partitions of a well.
    min_partitions
        Fewest accepted partitions of a well that is used.
    reaction_ul
        Volume of the reaction that a concentration per reaction refers to, in microlitre.
    source
        Where the figures are from.
    """

    code: str
    label: str
    partition_nl: float
    partitions: int
    min_partitions: int
    reaction_ul: float
    source: str


INSTRUMENTS: tuple[Instrument, ...] = (
    Instrument(
        code="qx200",
        label="Bio-Rad QX200 droplets",
        partition_nl=0.85,
        partitions=20_000,
        min_partitions=10_000,
        reaction_ul=20.0,
        source="0.85 nL makes every concentration that QuantaSoft Analysis Pro prints; 10,000 droplets: Bio-Rad bulletin 6407. "
        "Older QuantaSoft computed with 0.91 nL, and QX Manager 2.0 is seen with 0.795 nL",
    ),
    Instrument(
        code="absolute_q",
        label="QuantStudio Absolute Q MAP16",
        partition_nl=0.432,
        partitions=20_480,
        min_partitions=10_240,
        reaction_ul=9.0,
        source="0.432 nL makes the concentrations it prints; 20,480 chambers and 9 uL: Applied Biosystems; half of the chambers: "
        "convention",
    ),
    Instrument(
        code="qiacuity_26k",
        label="QIAcuity Nanoplate 26k",
        partition_nl=0.91,
        partitions=26_000,
        min_partitions=13_000,
        reaction_ul=40.0,
        source="QIAGEN QIAcuity user manual, nominal; the software corrects the volume of each well; half of the partitions: "
        "convention",
    ),
    Instrument(
        code="qiacuity_8k5",
        label="QIAcuity Nanoplate 8.5k",
        partition_nl=0.34,
        partitions=8_500,
        min_partitions=4_250,
        reaction_ul=12.0,
        source="QIAGEN QIAcuity user manual, nominal; the software corrects the volume of each well; half of the partitions: "
        "convention",
    ),
)

_BIO_RAD = r'"(?:Ch1\+Ch2\+|Supermix|TypeAssay|clusters|DyeName\(s\)|Amplitude)":'
_ABSOLUTE_Q = r'"(?:95%CI|Lambda \(cp/Rxn\)|combinations)":'
_QIACUITY = r'(?i)"Partitions \(negative\)":'


def add_instrument(wells: pl.DataFrame, settings: Dpcr, assay: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Add ``instrument`` (code, null where unknown), ``nominal_nl``, ``min_partitions`` and ``reaction_ul`` to each well.

    The instrument is the declared one, or that of the columns each file has. What is declared stands before the preset;
    what is neither is null. The check ``instrument`` says by plate what was taken.
    """
    text = pl.col("extras")

    def any_has(pattern: str) -> pl.Expr:
        return text.str.contains(pattern).any().over(_PLATE)

    eight = any_has("(?i)nanoplate 8.5k") | (
        ~any_has("(?i)nanoplate 26k") & (pl.col("partitions").max().over(_PLATE) <= 9_000)
    )
    seen = (
        pl.when(any_has(_QIACUITY) & eight)
        .then(pl.lit("qiacuity_8k5"))
        .when(any_has(_QIACUITY))
        .then(pl.lit("qiacuity_26k"))
        .when(any_has(_ABSOLUTE_Q))
        .then(pl.lit("absolute_q"))
        .when(any_has(_BIO_RAD))
        .then(pl.lit("qx200"))
    )
    table = pl.DataFrame(
        [(i.code, i.label, i.partition_nl, i.min_partitions, i.reaction_ul) for i in INSTRUMENTS],
        schema={
            "instrument": pl.String,
            "instrument_label": pl.String,
            "nominal_nl": pl.Float64,
            "preset_partitions": pl.Int64,
            "preset_ul": pl.Float64,
        },
        orient="row",
    )
    chosen = seen if settings.instrument is None else pl.lit(settings.instrument)
    wells = (
        wells.with_columns(instrument=chosen.cast(pl.String))
        .join(table, on="instrument", how="left", maintain_order="left")
        .with_columns(
            min_partitions=pl.coalesce(pl.lit(settings.min_partitions, dtype=pl.Int64), "preset_partitions"),
            reaction_ul=pl.coalesce(pl.lit(settings.reaction_ul, dtype=pl.Float64), "preset_ul"),
        )
        .drop("preset_partitions", "preset_ul")
    )
    all_declared = (
        settings.min_partitions is not None
        and (settings.reaction_ul is not None or settings.reference is not None)
        and (settings.partition_nl is not None or settings.reference is not None)
    )
    plates = wells.group_by(_PLATE).agg(pl.col("instrument_label").first()).sort(_PLATE)
    how = "declared" if settings.instrument is not None else "by the columns of the file"
    checks = gather(
        (
            check_rows(
                plates,
                assay=assay,
                scope="plate",
                rule="instrument",
                item=pl.format("{}/{}", *_PLATE),
                passed=pl.col("instrument_label").is_not_null() | all_declared,
                found=pl.when(pl.col("instrument_label").is_null())
                .then(pl.lit("the file does not say"))
                .otherwise(pl.format("{}, {}", "instrument_label", pl.lit(how))),
                required="a known instrument, or its volumes and fewest partitions declared",
                action="flagged",
            ),
        )
    )
    return wells, checks
