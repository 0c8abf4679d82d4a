"""Digital PCR: counting positive partitions, per reaction or per cell of a reference target."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special

from correlates import units
from correlates.errors import PlanError, unknown
from correlates.quantify import chain as unit_chain
from correlates.quantify.record import Quantified, Quantifier, conform_inputs, positive_settings, quantified
from correlates.quantify.rules import check_rows, figure, gather
from correlates.quantify.samples_join import SAMPLE_COLUMNS, analyte_wells, with_samples
from correlates.quantify.settings import Dpcr
from correlates.schema import MEASUREMENTS
from correlates.stats import poisson
from correlates.terms import AssayKind, Censoring, Flag, Reason, Role, SignalKind, Status

PER_REACTION = "dpcr_poisson"
PER_CELL = "dpcr_reference"
_HETEROGENEOUS = 0.001  # P below which replicate wells do not hold one concentration
_ONE_VOLUME = 0.01  # wells whose volumes differ by less were computed with one, and printed with few digits
_PLATE = pl.format("{}/{}", "file_id", "plate")

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
        A unit chain that cannot be, or a reference that is not among the targets.
    """
    wells, samples, product = conform_inputs(wells, samples, product)
    reference = settings.reference
    if reference is not None and reference.target not in settings.targets:
        raise PlanError(unknown("reference target", reference.target, list(settings.targets), code="unknown-reference"))
    positive_settings(
        lloq=settings.lloq,
        reaction_ul=settings.reaction_ul,
        partition_nl=settings.partition_nl,
        copies_per_cell=reference.copies_per_cell if reference else None,
        confidence=settings.confidence,
    )
    chain = unit_chain.checked(settings.chain, "copies/cell" if reference else "copies/reaction")
    chosen, notices = analyte_wells(wells, settings.targets, SignalKind.PARTITIONS, name)
    chosen, well_checks = _judge_wells(chosen, settings, name)
    chosen, volume_checks = _volumes(chosen, settings, name)
    merged = _merge(chosen)
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
                *well_checks,
                volume_checks,
                *_sample_checks(merged, name),
                stranger_checks,
                unit_chain.notices(chain, name),
            )
        ),
    )


def _judge_wells(wells: pl.DataFrame, settings: Dpcr, assay: str) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """Add ``good``: counted, not omitted, and enough partitions. Controls and diluted wells are reported on."""
    omitted = (pl.col("flag") == Flag.OMITTED.value).fill_null(value=False)
    counted = pl.col("positives").is_not_null() & (pl.col("partitions") > 0)
    possible = (pl.col("positives") <= pl.col("partitions")).fill_null(value=True)
    wells = wells.with_columns(
        counted=counted & possible & ~omitted,
        enough=(pl.col("partitions") >= settings.min_partitions).fill_null(value=False),
    ).with_columns(good=pl.col("counted") & pl.col("enough"))
    unknown_role = pl.col("role") == Role.UNKNOWN.value
    ids = pl.concat_list("well_id")
    controls = wells.filter((pl.col("role") == Role.NTC.value) & pl.col("counted"))
    diluted = (
        wells.filter(unknown_role & (pl.col("dilution") != 1.0))
        .group_by("file_id", "plate")
        .agg(pl.col("dilution").unique().sort().cast(pl.String).str.join(", "), pl.col("well_id").sort())
    )
    return wells, [
        check_rows(
            wells.filter(unknown_role & pl.col("counted")),
            assay=assay,
            scope="well",
            rule="min_partitions",
            item=pl.col("well_id"),
            target=pl.col("analyte"),
            passed=pl.col("enough"),
            found=pl.format("{} partitions", "partitions"),
            value=pl.col("partitions"),
            required=f"at least {settings.min_partitions}",
            action="excluded",
            sources=ids,
        ),
        check_rows(
            wells.filter(~possible),
            assay=assay,
            scope="well",
            rule="counts_possible",
            item=pl.col("well_id"),
            target=pl.col("analyte"),
            passed=pl.lit(value=False),
            found=pl.format("{} positive of {} partitions", "positives", "partitions"),
            required="no more positive than accepted partitions",
            action="excluded",
            sources=ids,
        ),
        check_rows(
            controls,
            assay=assay,
            scope="well",
            rule="ntc",
            item=pl.col("well_id"),
            target=pl.col("analyte"),
            passed=pl.col("positives") < settings.lloq,
            found=pl.format("{} positive partitions", "positives"),
            value=pl.col("positives"),
            required=f"fewer than {settings.lloq:g} positive partitions",
            action="flagged",
            sources=ids,
        ),
        check_rows(
            diluted,
            assay=assay,
            scope="plate",
            rule="dilution",
            item=_PLATE,
            passed=pl.lit(value=False),
            found=pl.format("the file states the dilution {}", "dilution"),
            required="no dilution, or a step of the unit chain for it: the file's is not applied",
            action="flagged",
            sources=pl.col("well_id"),
        ),
    ]


def _volumes(wells: pl.DataFrame, settings: Dpcr, assay: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Add ``partition_nl``: declared, or the volume with which the instrument computed its own concentrations.

    The instrument's is -ln(1 - p)/concentration: the median of the plate's eight fullest wells, whose printed concentrations
    have the most digits. Where these differ by more than 1 % the instrument corrects the volume of each well (QIAcuity),
    and each well keeps its own.
    """
    if settings.partition_nl is not None:
        given = wells.with_columns(partition_nl=pl.lit(settings.partition_nl), volume_source=pl.lit("declared"))
        return given, gather(())
    per_ul = {u: units.factor(u, "copies/uL") for u in _volume_units(wells)}
    p = pl.col("positives") / pl.col("partitions")
    printed = pl.col("reported") * pl.col("reported_unit").replace_strict(per_ul, return_dtype=pl.Float64, default=None)
    tells = pl.col("counted") & (pl.col("positives") > 0) & (pl.col("positives") < pl.col("partitions"))
    wells = wells.with_columns(own_nl=pl.when(tells & (printed > 0)).then(-1000.0 * (1.0 - p).log() / printed))
    fullest = pl.col("own_nl").drop_nulls().top_k_by(pl.col("positives").filter(pl.col("own_nl").is_not_null()), 8)
    volumes = (
        wells.group_by("file_id", "plate")
        .agg(plate_nl=fullest.median(), low=fullest.min(), high=fullest.max())
        .sort("file_id", "plate")
        .with_columns(each=(pl.col("high") / pl.col("low") > 1.0 + _ONE_VOLUME).fill_null(value=False))
    )
    needed = settings.reference is None
    checks = check_rows(
        volumes,
        assay=assay,
        scope="plate",
        rule="partition_volume",
        item=_PLATE,
        passed=pl.col("plate_nl").is_not_null() | (not needed),
        found=pl.when(pl.col("plate_nl").is_null())
        .then(pl.lit("the file has no concentration to take it from"))
        .when("each")
        .then(pl.format("{} to {} nL, each well's own", figure(pl.col("low")), figure(pl.col("high"))))
        .otherwise(pl.format("{} nL", figure(pl.col("plate_nl")))),
        value=pl.col("plate_nl"),
        required="a volume, declared or that of the instrument's own concentrations"
        if needed
        else "not needed: a reference target is used",
        action="flagged",
    )
    wells = wells.join(
        volumes.select("file_id", "plate", "plate_nl", "each"), on=["file_id", "plate"], maintain_order="left"
    ).with_columns(
        partition_nl=pl.when(pl.col("each") & pl.col("own_nl").is_not_null()).then("own_nl").otherwise("plate_nl"),
        volume_source=pl.lit("from the instrument's own concentrations"),
    )
    return wells, checks


def _volume_units(wells: pl.DataFrame) -> list[str]:
    """The units the files state that are copies per volume."""
    known = {name for u in units.UNITS if u.dimension == "copies per volume" for name in (u.symbol, *u.spellings)}
    folded = {name.replace(" ", "").casefold() for name in known}
    stated = wells["reported_unit"].drop_nulls().unique().to_list()
    return sorted(u for u in stated if u.replace("µ", "u").replace("μ", "u").replace(" ", "").casefold() in folded)


def _merge(wells: pl.DataFrame) -> pl.DataFrame:
    """One row per sample and analyte: counts added over the good wells."""
    good = pl.col("good")
    lam = pl.col("_lambda").filter(good)
    share = (pl.col("positives").filter(good).sum() / pl.col("partitions").filter(good).sum()).fill_nan(None)
    n, k = pl.col("partitions").filter(good), pl.col("positives").filter(good)
    return (
        wells.filter((pl.col("role") == Role.UNKNOWN.value) & pl.col("sample_id").is_not_null())
        .with_columns(_lambda=-(1.0 - pl.col("positives") / pl.col("partitions")).log())
        .group_by("analyte", "sample_id")
        .agg(
            positives=k.sum(),
            partitions=n.sum(),
            n_wells=pl.len().cast(pl.Int64),
            n_counted=pl.col("counted").sum().cast(pl.Int64),
            n_good=good.sum().cast(pl.Int64),
            cv=100.0 * lam.std() / lam.mean(),
            heterogeneity=((k / n - share) ** 2 * n).sum() / (share * (1.0 - share)),
            partition_nl=(pl.col("partition_nl").filter(good) * n).sum() / n.sum(),
            no_volume=pl.col("partition_nl").filter(good).is_null().any(),
            volume_source=pl.col("volume_source").first(),
            plates=pl.struct("file_id", "plate").filter(good).n_unique().cast(pl.Int64),
            named=_PLATE.filter(good).unique().sort().str.join(", "),
            source_ids=pl.col("well_id").filter(good).sort(),
        )
        .with_columns(
            # a CV of wells without a positive, or with nothing but, is no number
            pl.when(pl.col(c).is_finite()).then(pl.col(c)).alias(c)
            for c in ("cv", "heterogeneity", "partition_nl")
        )
        .with_columns(partition_nl=pl.when(~pl.col("no_volume")).then("partition_nl"))
        .sort("analyte", "sample_id")
    )


def _estimate(merged: pl.DataFrame, settings: Dpcr) -> pl.DataFrame:
    """Quantity before the chain with its limits on the natural log scale.

    Adds ``quantity``, ``low``, ``high`` (exact interval; null where there is none), ``limit`` (quantity at the lower limit),
    ``relative_se`` and, with a reference, ``reference_*`` columns.
    """
    counts = merged.filter(pl.col("n_good") > 0)
    ordinary = _poisson(counts, settings.confidence)
    at_limit = _limit(counts, settings.lloq)
    if settings.reference is None:
        per = settings.reaction_ul * 1000.0 / counts["partition_nl"].cast(pl.Float64).fill_null(np.nan).to_numpy()
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
    beside = counts.filter(pl.col("analyte") == target).select(
        "sample_id",
        reference_positives="positives",
        reference_partitions="partitions",
        reference_ids="source_ids",
    )
    numerators = merged.filter(pl.col("analyte") != target).join(
        beside, on="sample_id", how="left", maintain_order="left"
    )
    usable = (pl.col("n_good") > 0) & (pl.col("reference_positives") >= settings.lloq)
    both = numerators.filter(usable)
    above = _poisson(both, settings.confidence)
    below = poisson.copies_per_partition(
        both["reference_positives"].to_numpy(), both["reference_partitions"].to_numpy(), settings.confidence
    )
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


def _poisson(counts: pl.DataFrame, confidence: float) -> poisson.PartitionEstimate:
    return poisson.copies_per_partition(counts["positives"].to_numpy(), counts["partitions"].to_numpy(), confidence)


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


def _sample_checks(merged: pl.DataFrame, assay: str) -> list[pl.DataFrame]:
    several = merged.filter(pl.col("plates") > 1)
    # fewer than five expected positives a well and chi-square is no guide
    told = (pl.col("n_good") > 1) & (pl.col("positives") >= 5 * pl.col("n_good"))
    repeated = merged.filter(told & pl.col("heterogeneity").is_not_null())
    probability = special.chdtrc(
        repeated["n_good"].to_numpy().astype(float) - 1.0, repeated["heterogeneity"].to_numpy()
    )
    repeated = repeated.with_columns(p=pl.Series(np.asarray(probability, dtype=np.float64)))
    full = merged.filter((pl.col("n_good") > 0) & (pl.col("positives") == pl.col("partitions")))
    on_sample = partial(check_rows, assay=assay, scope="sample", item=pl.col("sample_id"), target=pl.col("analyte"))
    return [
        on_sample(
            several,
            rule="one_plate",
            passed=pl.lit(value=False),
            found=pl.format("{} plates: {}", "plates", "named"),
            value=pl.col("plates"),
            required="one plate; the counts of all are added",
            action="kept",
            sources=pl.col("source_ids"),
        ),
        on_sample(
            repeated,
            rule="replicates_agree",
            passed=pl.col("p") >= _HETEROGENEOUS,
            found=pl.format("P {}", figure(pl.col("p"), 3)),
            value=pl.col("p"),
            required=f"P at least {_HETEROGENEOUS:g} (chi-square of the wells' shares)",
            action="flagged",
            sources=pl.col("source_ids"),
        ),
        on_sample(
            full,
            rule="all_partitions_positive",
            passed=pl.lit(value=False),
            found=pl.format("{} of {} partitions positive", "positives", "partitions"),
            value=pl.col("positives"),
            required="a negative partition: dilute the sample",
            action="flagged",
            sources=pl.col("source_ids"),
        ),
    ]


def _measurements(rows: pl.DataFrame, chain: unit_chain.Chain, settings: Dpcr, assay: str) -> pl.DataFrame:
    """Limits, censoring, reasons and the chain: the table of measurements."""
    reference = settings.reference
    every = (pl.col("every") == 1.0).fill_null(value=False)
    full = (pl.col("positives") == pl.col("partitions")) & (pl.col("n_good") > 0)
    no_cells = pl.lit(value=False) if reference is None else pl.col("cells").is_null()
    no_volume = pl.col("partition_nl").is_null() if reference is None else pl.lit(value=False)
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
            pl.lit("the partition volume is neither declared nor in the file")
        ),
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
        else pl.concat_list("source_ids", pl.col("reference_ids").fill_null([])).list.sort()
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
        status=pl.lit(Status.REPORTED.value),
        reason=pl.col("null_reason"),
        detail=detail.list.drop_nulls().list.join("; ").replace("", None),
        curve_id=pl.lit(None, dtype=pl.String),
        chain=unit_chain.trace(chain, _beginning(settings, start), start),
        source_ids=ids,
    ).select(MEASUREMENTS.names)


def _beginning(settings: Dpcr, start: pl.Expr) -> list[pl.Expr]:
    """The entries of the chain before its declared steps: counts, volume or reference."""
    counts = pl.format("{} positive of {} partitions, wells: {}", "positives", "partitions", "n_good")
    if settings.reference is None:
        per_partition = start * pl.col("partition_nl") / (1000.0 * settings.reaction_ul)
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
                value=1000.0 * settings.reaction_ul / pl.col("partition_nl"),
                unit="copies/reaction",
                cv=0.0,
                source=pl.format(
                    "{} uL of {} nL {}", pl.lit(settings.reaction_ul), figure(pl.col("partition_nl")), "volume_source"
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
        unit_chain.entry(
            factor=f"cells per partition by {reference.target}, {reference.copies_per_cell:g} copies per cell",
            operation="divide",
            value=pl.col("cells"),
            unit="copies/cell",
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
