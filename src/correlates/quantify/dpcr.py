"""Digital PCR: counting positive partitions, per reaction or per cell of a reference target."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special

from correlates.quantify import chain as unit_chain
from correlates.quantify import controls, dpcr_checks
from correlates.quantify import reference as cells_by
from correlates.quantify.dpcr_wells import PLATE, add_volumes, judge_wells
from correlates.quantify.instruments import add_instrument
from correlates.quantify.record import Quantified, Quantifier, conform_inputs, positive_settings, quantified
from correlates.quantify.rules import figure, gather
from correlates.quantify.samples_join import SAMPLE_COLUMNS, analyte_wells, with_samples
from correlates.quantify.settings import Dpcr
from correlates.schema import MEASUREMENTS
from correlates.stats import poisson
from correlates.terms import AssayKind, Censoring, Reason, Role, SignalKind, Status

PER_REACTION = "dpcr_poisson"
PER_CELL = "dpcr_reference"

Floats = NDArray[np.float64]


def quantify_dpcr(
    name: str,
    wells: pl.DataFrame,
    samples: pl.DataFrame,
    product: pl.DataFrame,
    settings: Dpcr,
    _files: Mapping[str, str],
) -> Quantified:
    """Quantify samples by their positive partitions, replicate wells merged by adding their counts.

    Parameters
    ----------
    name
        Name of the assay.
    wells, samples, product
        The tables of these names.
    settings
        The rules.

    Raises
    ------
    InputError
        A table that deviates from its declaration, or two names of one analyte in one well.
    PlanError
        A unit chain that cannot be, a reference that is not among the targets, or nominal controls that cannot be.
    """
    wells, samples, product = conform_inputs(wells, samples, product)
    reference = settings.reference
    cells_by.check_reference(reference, settings.targets)
    controls.check_controls(settings)
    positive_settings(
        lloq=settings.lloq,
        reaction_ul=settings.reaction_ul,
        partition_nl=settings.partition_nl,
        min_partitions=settings.min_partitions,
        copies_per_cell=reference.copies_per_cell if reference else None,
        confidence=settings.confidence,
    )
    chain = unit_chain.checked(settings.chain, "copies/cell" if reference else "copies/reaction")
    chosen, notices = analyte_wells(wells, settings.targets, SignalKind.PARTITIONS, name)
    chosen, instrument_checks = add_instrument(controls.declared(chosen, settings), settings, name)
    chosen, well_checks = judge_wells(chosen, settings, name)
    chosen, volume_checks = add_volumes(chosen, settings, name)
    failed, control_checks = _controls(chosen, settings, name)
    chosen = chosen.join(failed, on=[*controls.PLATE, "analyte"], how="left", maintain_order="left")
    merged = _merge(_of_samples(chosen))
    rows = _estimate(merged, settings)
    members = (
        rows.select("sample_id")
        .unique()
        .sort("sample_id")
        .join(samples.select("sample_id", "subject_id"), on="sample_id", how="left", maintain_order="left")
    )
    factors = unit_chain.resolve(chain, members, samples, product)
    rows, stranger_checks = with_samples(
        rows.join(factors, on="sample_id", how="left", maintain_order="left"), samples, name
    )
    return quantified(
        measurements=_measurements(rows, chain, settings, name),
        checks=gather(
            (
                notices,
                instrument_checks,
                *well_checks,
                volume_checks,
                control_checks,
                dpcr_checks.blanks(chosen, settings, name),
                dpcr_checks.sample_checks(merged, name),
                stranger_checks,
                unit_chain.notices(chain, name),
            )
        ),
    )


def _of_samples(wells: pl.DataFrame) -> pl.DataFrame:
    return wells.filter((pl.col("role") == Role.UNKNOWN.value) & pl.col("sample_id").is_not_null())


def _controls(wells: pl.DataFrame, settings: Dpcr, assay: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Judge the control samples, each plate's own; ``control_failed`` marks plates and analytes that fail by them."""
    mine = wells.filter(pl.col("role") == Role.QC.value).with_columns(
        name="sample_id", sample_id=pl.concat_str(*controls.PLATE, "sample_id", separator="/"), control_failed=False
    )
    named = mine.select("sample_id", "name", *controls.PLATE).unique()
    nominal = mine.group_by("sample_id", "analyte").agg(pl.col("nominal").first())
    estimates = (
        _estimate(_merge(mine), settings)
        .join(named, on="sample_id", maintain_order="left")
        .join(nominal, on=["sample_id", "analyte"], maintain_order="left")
    )
    unit = "copies/reaction" if settings.reference is None else "copies/cell"
    failed, checks = controls.judge(dpcr_checks.control_sets(estimates, settings), settings, assay, unit)
    return failed.with_columns(control_failed=pl.lit(value=True)), checks


def _merge(wells: pl.DataFrame) -> pl.DataFrame:
    """One row per sample and analyte: counts added over the good wells (``control_failed`` marks those of failed plates)."""
    good = pl.col("good")
    lam = pl.col("_lambda").filter(good)
    share = (pl.col("positives").filter(good).sum() / pl.col("partitions").filter(good).sum()).fill_nan(None)
    n, k = pl.col("partitions").filter(good), pl.col("positives").filter(good)
    return (
        wells.with_columns(_lambda=-(1.0 - pl.col("positives") / pl.col("partitions")).log())
        .group_by("analyte", "sample_id")
        .agg(
            positives=k.sum(),
            partitions=n.sum(),
            n_wells=pl.len().cast(pl.Int64),
            n_counted=pl.col("counted").sum().cast(pl.Int64),
            n_good=good.sum().cast(pl.Int64),
            cv=100.0 * lam.std() / lam.mean(),
            # the counting error of a well, as the square of a CV, averaged
            counting=(k / (n * (n - k)) / lam**2).mean(),
            heterogeneity=((k / n - share) ** 2 * n).sum() / (share * (1.0 - share)),
            partition_nl=(pl.col("partition_nl").filter(good) * n).sum() / n.sum(),
            no_volume=pl.col("partition_nl").filter(good).is_null().any(),
            reaction_ul=(pl.col("reaction_ul").filter(good) * n).sum() / n.sum(),
            no_reaction=pl.col("reaction_ul").filter(good).is_null().any(),
            control_failed=pl.col("control_failed").filter(good).any(),
            volume_source=pl.col("volume_source").first(),
            plates=pl.struct("file_id", "plate").filter(good).n_unique().cast(pl.Int64),
            named=PLATE.filter(good).unique().sort().str.join(", "),
            source_ids=pl.col("well_id").filter(good).sort(),
        )
        .with_columns(
            # a CV of wells without a positive, or with nothing but, is no number
            pl.when(pl.col(c).is_finite()).then(pl.col(c)).alias(c)
            for c in ("cv", "counting", "heterogeneity", "partition_nl", "reaction_ul")
        )
        .with_columns(
            partition_nl=pl.when(~pl.col("no_volume")).then("partition_nl"),
            reaction_ul=pl.when(~pl.col("no_reaction")).then("reaction_ul"),
        )
        .sort("analyte", "sample_id")
    )


def _estimate(merged: pl.DataFrame, settings: Dpcr) -> pl.DataFrame:
    """Quantity before the chain with its limits on the natural log scale.

    Adds ``quantity``, ``low``, ``high`` (interval; null where there is none), ``limit`` (quantity at the lower limit),
    ``relative_se`` and, with a reference, ``reference_*`` columns.
    """
    counts = merged.filter(pl.col("n_good") > 0)
    ordinary = _poisson(counts, settings)
    at_limit = _limit(counts, settings.lloq)
    if settings.reference is None:
        per = (1000.0 * counts["reaction_ul"] / counts["partition_nl"]).fill_null(np.nan).to_numpy()
        return _attach(
            merged,
            counts,
            {
                "quantity": ordinary.copies * per,
                "low": ordinary.lower * per,
                "high": ordinary.upper * per,
                "limit": at_limit * per,
                "relative_se": ordinary.log_se,
                "every": ordinary.all_positive.astype(float),
            },
        )
    target, copies_per_cell = settings.reference.target, settings.reference.copies_per_cell
    of_reference = ("positives", "partitions", "source_ids", "control_failed")
    measured = merged.filter((pl.col("analyte") != target) | (pl.col("n_good") > 0))
    numerators = cells_by.beside(measured, settings.reference, ("sample_id",), of_reference)
    usable = (pl.col("n_good") > 0) & (pl.col("reference_positives") >= settings.lloq)
    both = numerators.filter(usable)
    above = _poisson(both, settings)
    below = _poisson(both, settings, "reference_")
    ratio = poisson.ratio_of_targets(above, below, settings.confidence)
    cells = np.where(below.all_positive, np.nan, below.copies) / copies_per_cell
    return _attach(
        numerators,
        both,
        {
            "quantity": np.where(ratio.undefined, np.nan, ratio.ratio) * copies_per_cell,
            "low": np.where(ratio.undefined, np.nan, ratio.lower) * copies_per_cell,
            "high": np.where(ratio.undefined, np.nan, ratio.upper) * copies_per_cell,
            "limit": _limit(both, settings.lloq) / cells,
            "relative_se": ratio.log_se,
            "every": (above.all_positive | below.all_positive).astype(float),
            "numerator": above.copies,
            "numerator_se": above.log_se,
            "cells": cells,
            "cells_se": below.log_se,
        },
    )


def _poisson(counts: pl.DataFrame, settings: Dpcr, of: str = "") -> poisson.PartitionEstimate:
    return poisson.copies_per_partition(
        counts[f"{of}positives"].to_numpy(),
        counts[f"{of}partitions"].to_numpy(),
        settings.confidence,
        interval=settings.interval,
    )


def _limit(counts: pl.DataFrame, lloq: float) -> Floats:
    """Lambda at the fewest positive partitions that are quantified."""
    share = lloq / counts["partitions"].to_numpy()
    return np.asarray(np.where(share < 1.0, -np.log1p(-np.minimum(share, 0.5)), np.nan), dtype=np.float64)


def _attach(whole: pl.DataFrame, part: pl.DataFrame, columns: Mapping[str, Floats]) -> pl.DataFrame:
    """Add columns that are known for some rows; what is no finite number is null."""
    found = part.select("analyte", "sample_id").with_columns(
        pl.Series(name, values, dtype=pl.Float64) for name, values in columns.items()
    )
    joined = whole.join(found, on=["analyte", "sample_id"], how="left", maintain_order="left")
    return joined.with_columns(pl.when(pl.col(c).is_finite()).then(pl.col(c)).alias(c) for c in columns)


def _measurements(rows: pl.DataFrame, chain: unit_chain.Chain, settings: Dpcr, assay: str) -> pl.DataFrame:
    """Limits, censoring, reasons and the chain: the table of measurements."""
    reference = settings.reference
    every = (pl.col("every") == 1.0).fill_null(value=False)
    full = (pl.col("positives") == pl.col("partitions")) & (pl.col("n_good") > 0)
    no_cells = pl.lit(value=False) if reference is None else pl.col("cells").is_null()
    no_volume = pl.lit(value=False)
    failed = pl.col("control_failed")
    if reference is None:
        no_volume = pl.col("partition_nl").is_null() | pl.col("reaction_ul").is_null()
    else:
        failed = failed | pl.col("reference_control_failed").fill_null(value=False)
    reason = (
        pl.when(pl.col("n_counted") == 0)
        .then(pl.lit(Reason.SIGNAL_MISSING.value))
        .when(pl.col("n_good") == 0)
        .then(pl.lit(Reason.TOO_FEW_PARTITIONS.value))
        .when(no_cells & every)
        .then(pl.lit(Reason.ALL_PARTITIONS_POSITIVE.value))
        .when(no_cells)
        .then(pl.lit(Reason.DENOMINATOR_NOT_POSITIVE.value))
        .when(no_volume | pl.col("multiplier").is_null())
        .then(pl.lit(Reason.FACTOR_MISSING.value))
    )
    excluded = failed & pl.lit(settings.on_failure == "exclude")
    usable = pl.col("null_reason").is_null()
    z = float(special.ndtri((1.0 + settings.confidence) / 2.0))
    extra = z * pl.col("relative_variance").sqrt()
    # limits of the counts and of the chain's factors are combined on the log scale (variance estimates recovery)
    down = ((pl.col("quantity") / pl.col("low")).log() ** 2 + extra**2).sqrt()
    up = ((pl.col("high") / pl.col("quantity")).log() ** 2 + extra**2).sqrt()
    inside = usable & (pl.col("quantity") > 0)
    multiplier = pl.col("multiplier")
    frame = rows.with_columns(null_reason=reason).with_columns(
        censored=pl.when(~usable)
        .then(None)
        .when(full)
        .then(pl.lit(Censoring.RIGHT.value))
        .when(pl.col("positives") < settings.lloq)
        .then(pl.lit(Censoring.LEFT.value))
        .otherwise(pl.lit(Censoring.NONE.value)),
        lower=pl.when(inside)
        .then(pl.col("quantity") * (-down).exp())
        .when(usable & full)
        .then(pl.col("low") * (-extra).exp())
        .when(usable)
        .then(0.0),
        upper=pl.when(inside)
        .then(pl.col("quantity") * up.exp())
        .when(usable & ~full)
        .then(pl.col("high") * extra.exp()),
    )
    value = (
        pl.when(pl.col("censored") == Censoring.RIGHT.value)
        .then("lower")
        .when(pl.col("censored") == Censoring.LEFT.value)
        .then("limit")
        .when(pl.col("censored") == Censoring.NONE.value)
        .then("quantity")
    )
    start = pl.coalesce("quantity", "lower")
    detail = pl.concat_list(
        pl.when(pl.col("n_good") < pl.col("n_wells")).then(pl.format("{} of {} wells used", "n_good", "n_wells")),
        pl.when(usable & full).then(pl.lit(Reason.ALL_PARTITIONS_POSITIVE.label)),
        pl.when(no_volume & (pl.col("n_good") > 0)).then(
            pl.when(pl.col("partition_nl").is_null())
            .then(pl.lit("the partition volume is neither declared nor in the file"))
            .otherwise(pl.lit("the reaction volume is neither declared nor known of the instrument"))
        ),
        pl.when(failed).then(pl.lit("the controls of a plate are not met")),
        pl.lit(None, dtype=pl.String)
        if reference is None
        else pl.when((pl.col("n_good") > 0) & no_cells).then(
            pl.format(
                "{} positive of {} partitions of reference {}",
                pl.col("reference_positives").fill_null(0),
                pl.col("reference_partitions").fill_null(0),
                pl.lit(reference.target),
            )
        ),
        pl.col("missing"),
    )
    ids = (
        pl.col("source_ids")
        if reference is None
        else pl.concat_list("source_ids", pl.col("reference_source_ids").fill_null([])).list.sort()
    )
    return frame.select(
        pl.concat_str(pl.lit(assay), "analyte", "sample_id", separator="/").alias("measurement_id"),
        pl.lit(assay).alias("assay"),
        "analyte",
        "sample_id",
        *SAMPLE_COLUMNS,
        value=value * multiplier,
        unit=pl.lit(chain.unit),
        censoring=pl.col("censored"),
        estimate=pl.when(usable & ~full).then(pl.col("quantity") * multiplier),
        lower=pl.col("lower") * multiplier,
        upper=pl.col("upper") * multiplier,
        lloq=pl.col("limit") * multiplier,
        uloq=pl.lit(None, dtype=pl.Float64),
        method=pl.lit(PER_REACTION if reference is None else PER_CELL),
        n_replicates=pl.col("n_good"),
        cv=pl.col("cv"),
        status=pl.when(excluded).then(pl.lit(Status.EXCLUDED.value)).otherwise(pl.lit(Status.REPORTED.value)),
        reason=pl.coalesce("null_reason", pl.when(excluded).then(pl.lit(Reason.PLATE_FAILED.value))),
        detail=detail.list.drop_nulls().list.join("; ").replace("", None),
        curve_id=pl.lit(None, dtype=pl.String),
        chain=unit_chain.trace(chain, _beginning(settings, start), start),
        source_ids=ids,
    ).select(MEASUREMENTS.names)


def _beginning(settings: Dpcr, start: pl.Expr) -> list[pl.Expr]:
    """The entries of the chain before its declared steps: counts, volume or reference."""
    counts = pl.format("{} positive of {} partitions, wells: {}", "positives", "partitions", "n_good")
    if settings.reference is None:
        per_partition = start * pl.col("partition_nl") / (1000.0 * pl.col("reaction_ul"))
        return [
            unit_chain.entry(
                factor="copies per partition",
                operation="start",
                value=per_partition,
                unit="copies/partition",
                cv=100.0 * pl.col("relative_se"),
                source=counts,
                quantity=per_partition,
            ),
            unit_chain.entry(
                factor="partitions per reaction",
                operation="multiply",
                value=1000.0 * pl.col("reaction_ul") / pl.col("partition_nl"),
                unit="copies/reaction",
                cv=0.0,
                source=pl.format(
                    "{} uL of {} nL {}", figure(pl.col("reaction_ul")), figure(pl.col("partition_nl")), "volume_source"
                ),
                quantity=start,
            ),
        ]
    reference = settings.reference
    return [
        unit_chain.entry(
            factor="copies per partition",
            operation="start",
            value=pl.col("numerator"),
            unit="copies/partition",
            cv=100.0 * pl.col("numerator_se"),
            source=counts,
            quantity=pl.col("numerator"),
        ),
        cells_by.entry(
            reference,
            "partition",
            cells=pl.col("cells"),
            cv=100.0 * pl.col("cells_se"),
            source=pl.format(
                "{} positive of {} partitions of {}",
                "reference_positives",
                "reference_partitions",
                pl.lit(reference.target),
            ),
            quantity=start,
        ),
    ]


DPCR = Quantifier(
    code=AssayKind.DPCR,
    label="Digital PCR",
    needs=(SignalKind.PARTITIONS,),
    methods={
        PER_REACTION: "copies per partition times partitions per reaction",
        PER_CELL: "copies per partition over cells per partition of the reference target",
    },
    function=quantify_dpcr,
    formula="copies per partition = -ln(1 - positives/partitions)",
    citation="Dube et al., PLoS One 2008;3:e2876; dMIQE Group, Clin Chem 2020;66:1012",
)
