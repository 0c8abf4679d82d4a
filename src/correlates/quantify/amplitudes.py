"""From the amplitudes of single partitions to counts: a threshold per channel of a well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from correlates.errors import PlanError, unknown
from correlates.quantify import amplitude_names
from correlates.quantify.rules import check_rows, figure, gather
from correlates.quantify.settings import Dpcr, Threshold
from correlates.schema import CHECKS, conform
from correlates.schema.assay_review import AMPLITUDE_BINS, AMPLITUDE_PAIRS, QUADRANTS, THRESHOLDS
from correlates.stats.mixture import two_normals
from correlates.terms import Reason

COUNTS = {
    "channel": pl.String(),
    "partitions": pl.Int64(),
    "positives": pl.Int64(),
    "threshold": pl.Float64(),
    "rain": pl.Int64(),
    "negative_mean": pl.Float64(),
    "negative_sd": pl.Float64(),
    "positive_mean": pl.Float64(),
    "positive_sd": pl.Float64(),
    "bic_gain": pl.Float64(),
    "reason": pl.String(),
    "detail": pl.String(),
}
"""Columns of what :func:`count_partitions` gives. ``bic_gain`` is by how much two populations are better than one."""

_FEWEST = 5
_BINS = 100  # of a histogram, over the range of the channel on its plate
_CELLS = 70  # of either side of a scatter


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Wells whose partitions were counted from amplitudes.

    Attributes
    ----------
    wells
        All wells, positives and signal of those with amplitudes as the settings say; without the second of a well that a results
        table holds too.
    thresholds
        ``schema.assay_review.THRESHOLDS``: one row per well and channel with amplitudes.
    checks
        ``threshold`` (can one be found, and where from), ``instrument_counts`` (does it agree with the software's classes) and
        ``results_table`` (a well that a results table names).
    """

    wells: pl.DataFrame
    thresholds: pl.DataFrame
    checks: pl.DataFrame


def count_wells(wells: pl.DataFrame, amplitudes: pl.DataFrame, settings: Dpcr, assay: str) -> Counted:
    """Count the positive partitions of wells whose file lists their amplitudes.

    Parameters
    ----------
    wells
        Table of wells of one assay.
    amplitudes
        Table of amplitudes; wells without a row in it are left as they are.
    settings
        ``counts`` and ``threshold``.
    assay
        Name of the assay.

    Raises
    ------
    PlanError
        A declared threshold of a channel that no well has.

    Notes
    -----
    A well that a results table among ``wells`` holds too is called as there (:func:`amplitude_names.beside`) and counted once: by the table, or
    with ``counts`` ``threshold`` by its amplitudes. A channel that the settings name as a target keeps its name.
    """
    mine = wells.filter(pl.col("well_id").is_in(amplitudes["well_id"].unique().implode()))
    if mine.is_empty():
        return Counted(wells=wells, thresholds=THRESHOLDS.empty(), checks=CHECKS.empty())
    channels = sorted(set(mine["target"]))
    strange = [name for name in settings.threshold.at if name not in channels]
    if strange:
        raise PlanError([unknown("channel", name, channels, code="unknown-channel") for name in strange])
    parts = amplitudes.partition_by("well_id", as_dict=True, maintain_order=True)
    rows = [
        _channel(target, parts[well_id,]["amplitude"], settings.threshold) | {"well_id": well_id}
        for well_id, target in mine.select("well_id", "target").iter_rows()
    ]
    found = pl.DataFrame(rows, schema={**COUNTS, "well_id": pl.String()}).with_columns(
        origin=pl.when(pl.col("channel").is_in(list(settings.threshold.at)))
        .then(pl.lit("declared"))
        .when(pl.col("threshold").is_not_null())
        .then(pl.lit("fitted"))
    )
    placed = mine.select("well_id", "file_id", "plate", "well", "sample_id", instrument_positives="positives").join(
        found, on="well_id", maintain_order="left"
    )
    if settings.threshold.one_population == "plate":
        placed = _of_plate(placed, parts)
    use = pl.lit(settings.counts == "threshold") | pl.col("instrument_positives").is_null()
    placed = placed.with_columns(
        assay=pl.lit(assay),
        counted_by=pl.when(~use)
        .then(pl.lit("instrument"))
        .when(pl.col("positives").is_not_null())
        .then(pl.lit("threshold")),
    )
    both = amplitude_names.beside(mine, wells.join(mine, on="well_id", how="anti"))
    called = [name for names in settings.targets.values() for name in names]
    placed = placed.join(both.select("well_id", _name="sample_id"), on="well_id", how="left", maintain_order="left")
    placed = placed.with_columns(sample_id=pl.coalesce("_name", "sample_id"))
    thresholds = conform(placed.select(THRESHOLDS.names), THRESHOLDS).sort(
        "plate",
        pl.col("well").str.extract(r"^(\D*)"),
        pl.col("well").str.extract(r"(\d+)").cast(pl.Int64),
        "channel",
        "well_id",
    )
    filled = amplitude_names.named(_filled(wells, thresholds), both, called)
    once, told = amplitude_names.one_of_both(filled, both, settings.counts, assay)
    return Counted(wells=once, thresholds=thresholds, checks=gather((_checks(thresholds, assay), told)))


def _of_plate(placed: pl.DataFrame, parts: Mapping[tuple[object, ...], pl.DataFrame]) -> pl.DataFrame:
    """Wells of one population, counted by the median threshold that the plate's other wells have for the channel."""
    own = pl.col("threshold").is_not_null()
    median = pl.col("threshold").filter(own).median().over("plate", "channel")
    lacks = ~own & (pl.col("reason") == Reason.NOT_ESTIMABLE.value) & median.is_not_null()
    taken = placed.with_columns(
        threshold=pl.when(lacks).then(median).otherwise("threshold"),
        origin=pl.when(lacks).then(pl.lit("plate")).otherwise("origin"),
    )
    above = [
        int((parts[well_id,]["amplitude"] > threshold).sum()) if origin == "plate" else positives
        for well_id, threshold, origin, positives in taken.select(
            "well_id", "threshold", "origin", "positives"
        ).iter_rows()
    ]
    of_plate = pl.col("origin") == "plate"
    return taken.with_columns(pl.Series("positives", above, dtype=pl.Int64)).with_columns(
        reason=pl.when(~of_plate.fill_null(value=False)).then("reason"),
        detail=pl.when(of_plate)
        .then(pl.lit("one population: threshold of the plate's other wells"))
        .otherwise("detail"),
    )


def _filled(wells: pl.DataFrame, thresholds: pl.DataFrame) -> pl.DataFrame:
    """The wells with the counts by threshold where the settings ask for them."""
    ours = thresholds.filter(pl.col("counted_by") == "threshold").select("well_id", _positives="positives")
    known = pl.col("_positives").is_not_null()
    return (
        wells.join(ours, on="well_id", how="left", maintain_order="left")
        .with_columns(
            positives=pl.coalesce("_positives", "positives"),
            signal=pl.when(known).then(pl.col("_positives") / pl.col("partitions")).otherwise("signal"),
            flag=pl.when(~known).then("flag"),
        )
        .drop("_positives")
    )


def _checks(thresholds: pl.DataFrame, assay: str) -> pl.DataFrame:
    both = thresholds.filter(pl.col("instrument_positives").is_not_null() & pl.col("positives").is_not_null())
    away = (pl.col("positives") - pl.col("instrument_positives")).abs()
    on_well = partial(
        check_rows,
        assay=assay,
        scope="well",
        item=pl.col("well_id"),
        target=pl.col("channel"),
        sources=pl.concat_list("well_id"),
    )
    return gather(
        (
            on_well(
                thresholds,
                rule="threshold",
                passed=pl.col("threshold").is_not_null(),
                found=pl.when(pl.col("threshold").is_null())
                .then(pl.coalesce("detail", "reason"))
                .otherwise(
                    pl.format(
                        "{} ({}): {} of {} positive, {} in the rain",
                        figure(pl.col("threshold"), 5),
                        "origin",
                        "positives",
                        "partitions",
                        pl.col("rain").cast(pl.String).fill_null("unknown"),
                    )
                ),
                value=pl.col("threshold"),
                required="two populations of amplitudes, a declared threshold, or one of the plate's other wells",
                action="flagged",
            ),
            on_well(
                both,
                rule="instrument_counts",
                passed=away <= pl.col("rain").fill_null(0),
                found=pl.format("{} by threshold, {} by the instrument's classes", "positives", "instrument_positives"),
                value=away,
                required="no further apart than the partitions of the rain",
                action="flagged",
            ),
        )
    )


def amplitude_bins(
    thresholds: pl.DataFrame, amplitudes: pl.DataFrame, assay: str
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Histogram of each well and channel, and partitions by the amplitudes of the first two channels of a well: for pictures.

    ``thresholds`` is that of :func:`count_wells`.

    Returns
    -------
    tuple
        ``schema.assay_review.AMPLITUDE_BINS`` and ``AMPLITUDE_PAIRS``, bins that hold a partition, and ``QUADRANTS``.
    """
    placed = amplitudes.filter(pl.col("amplitude").is_not_null()).join(
        thresholds.select("well_id", "file_id", "plate", "well", "channel", "threshold"), on="well_id"
    )
    if placed.is_empty():
        return AMPLITUDE_BINS.empty(), AMPLITUDE_PAIRS.empty(), QUADRANTS.empty()
    x = pl.col("amplitude")
    low, high = x.min().over("plate", "channel"), x.max().over("plate", "channel")
    placed = placed.with_columns(_low=low, _span=high - low, assay=pl.lit(assay))

    def bin_of(cells: int) -> pl.Expr:
        share = pl.when(pl.col("_span") > 0).then((x - pl.col("_low")) / pl.col("_span")).otherwise(0.0)
        return (share * cells).floor().clip(0, cells - 1)

    step = pl.col("_span") / _BINS
    key = ("assay", "well_id", "file_id", "plate", "well", "channel")
    bins = (
        placed.with_columns(bin=bin_of(_BINS))
        .group_by(*key, "bin", "_low", "_span")
        .agg(n=pl.len().cast(pl.Int64))
        .with_columns(low=pl.col("_low") + pl.col("bin") * step, high=pl.col("_low") + (pl.col("bin") + 1) * step)
    )
    centre = pl.col("_low") + (bin_of(_CELLS) + 0.5) * pl.col("_span") / _CELLS
    order = pl.col("channel").rank("dense").over("file_id", "plate", "well")
    wide = placed.with_columns(at=centre, order=order)
    first, second = wide.filter(pl.col("order") == 1), wide.filter(pl.col("order") == 2)
    place = ["assay", "file_id", "plate", "well"]
    both = first.join(second, on=[*place, "partition"], suffix="_y").rename({"channel": "channel_x"})
    pairs = (
        both.group_by(*place, "channel_x", "channel_y", "at", "at_y")
        .agg(n=pl.len().cast(pl.Int64))
        .rename({"at": "x", "at_y": "y"})
    )
    right, above = x > pl.col("threshold"), pl.col("amplitude_y") > pl.col("threshold_y")
    quadrants = (
        both.filter(pl.col("threshold").is_not_null() & pl.col("threshold_y").is_not_null())
        .group_by(*place, "channel_x", "channel_y")
        .agg(
            both=(right & above).sum(),
            x_alone=(right & ~above).sum(),
            y_alone=(~right & above).sum(),
            neither=(~right & ~above).sum(),
        )
    )
    return (
        conform(bins.select(AMPLITUDE_BINS.names), AMPLITUDE_BINS).sort(AMPLITUDE_BINS.key),
        conform(pairs.select(AMPLITUDE_PAIRS.names), AMPLITUDE_PAIRS).sort(AMPLITUDE_PAIRS.key),
        conform(quadrants.select(QUADRANTS.names), QUADRANTS).sort(QUADRANTS.key),
    )


def count_partitions(amplitudes: pl.DataFrame, rules: Threshold | None = None) -> pl.DataFrame:
    """Positive partitions of each channel of one well.

    Parameters
    ----------
    amplitudes
        One row per partition, one column of numbers per channel (null where the file has none).
    rules
        How the threshold is found; the defaults when left out.

    Returns
    -------
    polars.DataFrame
        One row per channel, in the order of the columns: :data:`COUNTS`. A channel in which two populations are not better
        than one (by the Bayesian information criterion, or too close to each other) has no threshold and no count unless one is declared: all its
        partitions are negative or all are positive, and the amplitudes alone do not say which. Reason ``not-estimable``.

    Raises
    ------
    PlanError
        A declared threshold of a channel that is not there.

    Notes
    -----
    The populations are two normal laws (:func:`correlates.stats.mixture.two_normals`). A partition above the threshold is
    positive.
    """
    rules = rules if rules is not None else Threshold()
    strange = [name for name in rules.at if name not in amplitudes.columns]
    if strange:
        raise PlanError([unknown("channel", name, amplitudes.columns, code="unknown-channel") for name in strange])
    rows = [_channel(name, amplitudes[name], rules) for name in amplitudes.columns]
    return pl.DataFrame(rows, schema=COUNTS)


def _channel(name: str, values: pl.Series, rules: Threshold) -> dict[str, object]:
    x = values.cast(pl.Float64).drop_nulls().drop_nans().to_numpy()
    row: dict[str, object] = {"channel": name, "partitions": len(x)}
    threshold = rules.at.get(name)
    if len(x) < _FEWEST or float(np.ptp(x)) == 0.0:
        if threshold is None:
            return row | {
                "reason": Reason.TOO_FEW_PARTITIONS.value,
                "detail": f"{len(x)} partitions of one or no amplitude",
            }
        return row | {"threshold": threshold, "positives": int((x > threshold).sum())}
    found = two_normals(x, shared_sd=rules.shared_sd, k=rules.k)
    row |= {
        "rain": found.rain,
        "negative_mean": found.mean[0],
        "negative_sd": found.sd[0],
        "positive_mean": found.mean[1],
        "positive_sd": found.sd[1],
        "bic_gain": found.bic_one - found.bic,
    }
    if threshold is None:
        if not found.converged:
            return row | {"reason": Reason.NOT_CONVERGED.value, "detail": f"{found.iterations} iterations"}
        threshold = found.threshold_posterior if rules.rule == "posterior" else found.threshold_sd
        if not found.two or found.separation < rules.separation or threshold is None:
            return row | {"reason": Reason.NOT_ESTIMABLE.value, "detail": "one population: no threshold parts it"}
    return row | {"threshold": threshold, "positives": int((x > threshold).sum())}
