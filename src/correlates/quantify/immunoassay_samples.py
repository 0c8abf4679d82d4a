"""From sample wells to measurements: replicates, dilution, limits, rules, and one result per sample and analyte.

What comes from a curve of the plate and what comes from the instrument's calibration end here alike: a frame with one row per sample,
plate and dilution (a *set*), with ``quantity``, ``quantity_lower`` and ``quantity_upper`` before dilution.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from correlates.quantify import chain as unit_chain
from correlates.quantify.immunoassay_curves import KEY, PLATE
from correlates.quantify.rules import check_rows, figure, gather
from correlates.quantify.samples_join import SAMPLE_COLUMNS, with_samples
from correlates.quantify.settings import Immunoassay
from correlates.schema import MEASUREMENTS
from correlates.terms import Censoring, Reason, Role, Status

SET = ["curve", "sample_id", "dilution_used"]


def sample_wells(wells: pl.DataFrame, samples: pl.DataFrame, settings: Immunoassay) -> pl.DataFrame:
    """Wells of samples with ``dilution_used``, where it is from, and ``kept`` (whether the result uses the well).

    Dilution: that of the settings, else of the manifest, else of the file, else 1. A well with too few beads is left out; where all
    wells of a set have too few, they are used all the same if the rule is to flag.
    """
    manifest = samples.select("sample_id", by_hand="dilution")
    unknown = wells.filter((pl.col("role") == Role.UNKNOWN.value) & pl.col("sample_id").is_not_null()).join(
        manifest, on="sample_id", how="left", maintain_order="left"
    )
    declared = pl.lit(settings.dilution, dtype=pl.Float64)
    by_hand, stated = (pl.when(pl.col(c) > 0).then(pl.col(c)) for c in ("by_hand", "dilution"))
    unknown = unknown.with_columns(
        dilution_used=pl.coalesce(declared, by_hand, stated, pl.lit(1.0)),
        dilution_source=pl.when(declared.is_not_null())
        .then(pl.lit("declared"))
        .when(by_hand.is_not_null())
        .then(pl.lit("samples.dilution"))
        .when(stated.is_not_null())
        .then(pl.lit("the file"))
        .otherwise(pl.lit("none stated")),
    )
    good = pl.col("usable") & ~pl.col("few")
    spare = pl.lit(settings.on_failure == "flag") & pl.col("usable") & ~good.any().over(SET)
    return unknown.with_columns(kept=good | spare)


def reduce(unknown: pl.DataFrame) -> pl.DataFrame:
    """One row per set: mean signal of the wells kept, CV of their quantities, and what was left out.

    ``unknown`` has the columns of :func:`sample_wells`, and ``quantity`` of each well.
    """
    kept = pl.col("kept")
    quantity = pl.col("quantity").filter(kept)
    return (
        unknown.sort("well_id")
        .group_by(SET, maintain_order=True)
        .agg(
            pl.col(*KEY, "dilution_source").first(),
            signal=pl.col("signal").filter(kept).mean(),
            m=kept.sum().cast(pl.Int64),
            n_wells=pl.len().cast(pl.Int64),
            n_usable=pl.col("usable").sum().cast(pl.Int64),
            n_few=(pl.col("usable") & pl.col("few")).sum().cast(pl.Int64),
            least=pl.col("count").filter(pl.col("usable")).min(),
            cv=pl.when(quantity.len() == quantity.count()).then(100.0 * quantity.std() / quantity.mean()),
            flags=pl.col("flag").drop_nulls().unique().sort().str.join(", "),
            kept_ids=pl.col("well_id").filter(kept),
            all_ids=pl.col("well_id"),
        )
        .with_columns(source_ids=pl.when(pl.col("m") > 0).then("kept_ids").otherwise("all_ids"))
        .drop("kept_ids")
    )


def judge(sets: pl.DataFrame, settings: Immunoassay) -> pl.DataFrame:
    """Add ``limit`` (censoring), ``null_reason``, ``exclusion`` and the rules not met to each set.

    ``sets`` has, besides those of :func:`reduce`: ``fitted``, ``accepted``, ``failed``, ``lloq``, ``uloq``, ``quantity``, ``side``.
    """
    exclude = pl.lit(settings.on_failure == "exclude")
    quantity, lloq, uloq = pl.col("quantity"), pl.col("lloq"), pl.col("uloq")
    below = pl.when(quantity.is_not_null()).then(quantity < lloq).otherwise(pl.col("side") < 0) & lloq.is_not_null()
    above = pl.when(quantity.is_not_null()).then(quantity > uloq).otherwise(pl.col("side") > 0) & uloq.is_not_null()
    sets = sets.with_columns(
        cv_failed=(pl.col("cv") > settings.max_cv).fill_null(value=False)
        & (quantity >= lloq.fill_null(0.0)).fill_null(value=False),
        beads_failed=(pl.col("n_usable") > 0) & (pl.col("n_few") == pl.col("n_usable")),
        # a curve without a single level within the limits quantifies nothing, whatever the rule for failures
        no_range=pl.col("fitted") & lloq.is_null() & uloq.is_null() & ~pl.col("accepted"),
    )
    null_reason = (
        pl.when(~pl.col("fitted"))
        .then(pl.lit(Reason.NO_CURVE.value))
        .when(pl.col("n_usable") == 0)
        .then(pl.lit(Reason.SIGNAL_MISSING.value))
        .when(pl.col("m") == 0)
        .then(pl.lit(Reason.TOO_FEW_BEADS.value))
        .when("no_range")
        .then(pl.lit(Reason.PLATE_FAILED.value))
        .when(quantity.is_null() & ~(below | above).fill_null(value=False))
        .then(pl.lit(Reason.OUTSIDE_CURVE.value))
    )
    sets = sets.with_columns(
        null_reason=null_reason,
        exclusion=pl.when(~pl.col("accepted") & exclude)
        .then(pl.lit(Reason.PLATE_FAILED.value))
        .when(pl.col("cv_failed") & exclude)
        .then(pl.lit(Reason.SAMPLE_FAILED.value)),
    )
    limit = (
        pl.when(pl.col("null_reason").is_not_null())
        .then(None)
        .when(below.fill_null(value=False))
        .then(pl.lit(Censoring.LEFT.value))
        .when(above.fill_null(value=False))
        .then(pl.lit(Censoring.RIGHT.value))
        .otherwise(pl.lit(Censoring.NONE.value))
    )
    return sets.with_columns(limit=limit)


def set_checks(sets: pl.DataFrame, settings: Immunoassay, assay: str) -> pl.DataFrame:
    """The rules of samples: one row per plate and analyte that says how many met them, and one for each that did not."""
    action = "excluded" if settings.on_failure == "exclude" else "flagged"
    dilution = pl.format("{} x {}", PLATE, pl.col("dilution_used"))
    quantified = pl.col("cv").is_not_null() & (pl.col("quantity") >= pl.col("lloq").fill_null(0.0))
    plates = (
        sets.group_by("curve")
        .agg(
            pl.col(*KEY).first(),
            n=quantified.sum(),
            n_cv=pl.col("cv_failed").sum(),
            worst=pl.col("cv").filter(quantified).max(),
        )
        .filter(pl.col("n") > 0)
    )
    return gather(
        (
            check_rows(
                plates,
                assay=assay,
                scope="plate",
                rule="replicate_cv",
                item=PLATE,
                target=pl.col("analyte"),
                passed=pl.col("n_cv") == 0,
                found=pl.format("{} of {} samples above", "n_cv", "n"),
                value=pl.col("worst"),
                required=f"CV of replicate concentrations at most {settings.max_cv:g} % from the LLOQ up",
                action=action,
            ),
            check_rows(
                sets.filter("cv_failed"),
                assay=assay,
                scope="sample",
                rule="replicate_cv",
                item=pl.col("sample_id"),
                part=dilution,
                target=pl.col("analyte"),
                passed=pl.lit(value=False),
                found=pl.format("CV {} %", figure(pl.col("cv"), 3)),
                value=pl.col("cv"),
                required=f"at most {settings.max_cv:g} %",
                action=action,
                sources=pl.col("source_ids"),
            ),
            check_rows(
                sets.filter(pl.col("n_few") > 0),
                assay=assay,
                scope="sample",
                rule="bead_count",
                item=pl.col("sample_id"),
                part=dilution,
                target=pl.col("analyte"),
                passed=pl.lit(value=False),
                found=pl.format("{} of {} wells below, the lowest with {}", "n_few", "n_usable", "least"),
                value=pl.col("least"),
                required=f"at least {settings.min_beads} beads",
                action="excluded",
                sources=pl.col("all_ids"),
            ).with_columns(
                action=sets.filter(pl.col("n_few") > 0)
                .select(
                    pl.when(pl.col("beads_failed") & (pl.col("m") > 0))
                    .then(pl.lit("flagged"))
                    .otherwise(pl.lit("excluded"))
                )
                .to_series()
            ),
        )
    )


def _natural(text: str) -> str:
    """A text that sorts as people count: plate 10 after plate 2."""
    return re.sub(r"\d+", lambda number: number.group().zfill(12), text.casefold())


def one_per_sample(
    sets: pl.DataFrame, settings: Immunoassay, assay: str, files: Mapping[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Choose among the plates and dilutions a sample was measured on.

    The last plate (by file name, then plate) that was accepted, or may be flagged, and has a signal; on it the dilution whose result
    lies within the limits, else the lowest. Which it was is a check.
    """
    plates = sets.select("file_id", "plate").unique()
    order = plates.with_columns(
        order=pl.Series(
            [f"{_natural(files.get(f, ''))}\x00{_natural(p)}\x00{f}" for f, p in plates.iter_rows()], dtype=pl.String
        )
    )
    may = (
        pl.col("fitted")
        & (pl.col("accepted") | pl.lit(settings.on_failure == "flag"))
        & (pl.col("null_reason") != Reason.PLATE_FAILED.value).fill_null(value=True)
    )
    key = ["analyte", "sample_id"]
    sets = (
        sets.join(order, on=["file_id", "plate"], how="left", maintain_order="left")
        .with_columns(
            plate_ok=may,
            has_signal=pl.col("m") > 0,
            inside=(pl.col("limit") == Censoring.NONE.value).fill_null(value=False),
        )
        .sort(
            *key, "plate_ok", "has_signal", "order", "inside", "dilution_used",
            descending=[False] * 6 + [True],
        )
    )  # fmt: skip
    again = (
        sets.filter(pl.struct(key).is_duplicated())
        .group_by(key, maintain_order=True)
        .agg(
            plates=pl.struct("file_id", "plate").n_unique(),
            sets=pl.len(),
            named=pl.format(
                "{} x {} ({})",
                PLATE,
                pl.col("dilution_used"),
                pl.when("accepted").then(pl.lit("accepted")).otherwise(pl.lit("failed")),
            )
            .sort_by("order", "dilution_used")
            .str.join(", "),
            chosen=pl.format("{} x {}", "curve_id", "dilution_used").last(),
            ids=pl.col("source_ids").explode(empty_as_null=False).sort(),
        )
    )
    checks = [
        check_rows(
            part,
            assay=assay,
            scope="sample",
            rule=rule,
            item=pl.col("sample_id"),
            target=pl.col("analyte"),
            passed=pl.lit(value=False),
            found=pl.col("named"),
            value=pl.col("sets"),
            required=pl.format("one {}; {} is used", pl.lit(word), "chosen"),
            action="excluded",
            sources=pl.col("ids"),
        )
        for rule, word, part in (
            ("one_plate", "plate", again.filter(pl.col("plates") > 1)),
            ("one_dilution", "dilution", again.filter(pl.col("plates") == 1)),
        )
    ]
    return sets.group_by(key, maintain_order=True).last(), gather(checks)


def measure(
    rows: pl.DataFrame, samples: pl.DataFrame, settings: Immunoassay, assay: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of the table of measurements: one per sample and analyte, times its dilution."""
    rows, strangers = with_samples(rows, samples, assay)
    times = pl.col("dilution_used")
    there = pl.col("null_reason").is_null()
    within = pl.col("limit") == Censoring.NONE.value
    at = (
        pl.when(pl.col("limit") == Censoring.LEFT.value)
        .then("lloq")
        .when(pl.col("limit") == Censoring.RIGHT.value)
        .then("uloq")
        .when(pl.col("limit") == Censoring.NONE.value)
        .then("quantity")
    )
    bridged = pl.coalesce("quantity", at)
    begin = bridged / pl.col("bridge").fill_null(1.0)
    start = unit_chain.entry(
        factor=pl.when(pl.col("quantity").is_null())
        .then(pl.lit("limit of quantification"))
        .otherwise(pl.lit("quantity of the curve")),
        operation="start",
        value=begin,
        unit=settings.unit,
        cv=None,
        source=pl.col("curve_id"),
        quantity=begin,
    )
    scaled = unit_chain.entry(
        factor="plate bridging",
        operation="multiply",
        value=pl.col("bridge"),
        unit=settings.unit,
        cv=100.0 * pl.col("bridge_se"),
        source=pl.col("bridge_source"),
        quantity=bridged,
    )
    diluted = unit_chain.entry(
        factor="dilution",
        operation="multiply",
        value=times,
        unit=settings.unit,
        cv=0.0,
        source=pl.col("dilution_source"),
        quantity=bridged * times,
    )
    detail = pl.concat_list(
        pl.when(~pl.col("fitted")).then("why"),
        pl.when(pl.col("fitted") & ~pl.col("accepted")).then(pl.format("plate rules not met: {}", "failed")),
        pl.when("cv_failed").then(pl.format("CV of replicates {} %", figure(pl.col("cv"), 3))),
        pl.when(pl.col("n_few") > 0).then(
            pl.format(
                "{} of {} wells with fewer than {} beads{}",
                "n_few",
                "n_usable",
                pl.lit(str(settings.min_beads)),
                pl.when(pl.col("beads_failed") & (pl.col("m") > 0))
                .then(pl.lit(", used all the same"))
                .otherwise(pl.lit("")),
            )
        ),
        pl.when(pl.col("n_usable") < pl.col("n_wells")).then(
            pl.format("no usable signal in {} of {} wells", pl.col("n_wells") - pl.col("n_usable"), "n_wells")
        ),
        pl.when(there & (pl.col("side") < 0)).then(pl.lit("signal at or below the response at zero")),
        pl.when(there & (pl.col("side") > 0)).then(pl.lit("signal at or above the upper asymptote")),
        pl.when(pl.col("flags") != "").then(pl.format("instrument: {}", "flags")),
    )
    table = rows.select(
        pl.concat_str(pl.lit(assay), "analyte", "sample_id", separator="/").alias("measurement_id"),
        pl.lit(assay).alias("assay"),
        "analyte",
        "sample_id",
        *SAMPLE_COLUMNS,
        value=pl.when(there).then(at * times),
        unit=pl.lit(settings.unit),
        censoring=pl.col("limit"),
        estimate=pl.when(there).then(pl.col("quantity") * times),
        # outside the limits the curve is flat and the delta method does not hold: no interval rather than a wrong one
        lower=pl.when(within).then(pl.col("quantity_lower") * times),
        upper=pl.when(within).then(pl.col("quantity_upper") * times),
        lloq=pl.col("lloq") * times,
        uloq=pl.col("uloq") * times,
        method=pl.col("method"),
        n_replicates=pl.col("m"),
        cv=pl.col("cv"),
        status=pl.when(pl.col("exclusion").is_not_null())
        .then(pl.lit(Status.EXCLUDED.value))
        .otherwise(pl.lit(Status.REPORTED.value)),
        reason=pl.coalesce("null_reason", "exclusion"),
        detail=detail.list.drop_nulls().list.join("; ").replace("", None),
        curve_id=pl.col("curve_id"),
        chain=pl.when(there).then(
            pl.concat_str(
                pl.lit("["),
                start,
                pl.lit(", "),
                pl.when(pl.col("bridge").is_not_null()).then(pl.concat_str(scaled, pl.lit(", "))).otherwise(pl.lit("")),
                diluted,
                pl.lit("]"),
            )
        ),
        source_ids=pl.col("source_ids"),
    )
    return table.select(MEASUREMENTS.names), strangers
