"""Samples measured on several qPCR plates: one is chosen, or their mean is taken, or they are refused."""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from correlates.errors import InputError, Problem, Where
from correlates.quantify.rules import check_rows
from correlates.quantify.settings import Qpcr
from correlates.stats import calibration


def _natural(text: str) -> str:
    """A text that sorts as people count: plate 10 after plate 2."""
    return re.sub(r"\d+", lambda number: number.group().zfill(12), text.casefold())


def one_per_sample(
    sets: pl.DataFrame, settings: Qpcr, assay: str, files: Mapping[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Choose among, or combine, the plates a sample was measured on. Which it was is a check; nothing is silent."""
    plates = sets.select("file_id", "plate").unique()
    order = plates.with_columns(
        order=pl.Series(
            [f"{_natural(files.get(f, ''))}\x00{_natural(p)}\x00{f}" for f, p in plates.iter_rows()], dtype=pl.String
        )
    )
    may = (
        pl.col("invertible")
        & pl.col("no_cells").is_null()
        & (pl.col("accepted") | pl.lit(settings.on_failure == "flag"))
    )
    sets = (
        sets.join(order, on=["file_id", "plate"], how="left", maintain_order="left")
        .with_columns(plate_ok=may, has_signal=(pl.col("n_detected") + pl.col("n_undetected")) > 0)
        .sort("analyte", "sample_id", "plate_ok", "has_signal", "order")
    )
    key = ["analyte", "sample_id"]
    several = sets.group_by(key, maintain_order=True).agg(
        pl.len().alias("plates"),
        pl.col("plate_ok").sum().alias("plates_ok"),
        pl.format(
            "{}/{} ({})", "file_id", "plate", pl.when("accepted").then(pl.lit("accepted")).otherwise(pl.lit("failed"))
        )
        .sort_by("order")
        .str.join(", ")
        .alias("named"),
        pl.col("source_ids").explode(empty_as_null=False).sort().alias("all_ids"),
    )
    if settings.reruns == "refuse":
        _refuse(several, sets)
    last = sets.group_by(key, maintain_order=True).last()
    combine = (several["plates_ok"] > 1) & (settings.reruns == "mean")
    rows = last.join(several, on=key, maintain_order="left").with_columns(combined=pl.lit(value=False))
    if combine.any():
        rows = _combined(rows, sets.filter("plate_ok"), settings)
    again = rows.filter(pl.col("plates") > 1)
    checks = check_rows(
        again,
        assay=assay,
        scope="sample",
        rule="one_plate",
        item=pl.col("sample_id"),
        target=pl.col("analyte"),
        passed=pl.lit(value=False),
        found=pl.format("{} plates: {}", "plates", "named"),
        value=pl.col("plates"),
        required=pl.when("combined")
        .then(pl.lit("one plate; the mean of the accepted is used"))
        .otherwise(pl.format("one plate; {} is used", "curve_id")),
        action="excluded",
        sources=pl.col("all_ids"),
    ).with_columns(action=pl.when(again["combined"]).then(pl.lit("kept")).otherwise(pl.lit("excluded")))
    return rows, checks


def _refuse(several: pl.DataFrame, sets: pl.DataFrame) -> None:
    repeated = several.filter(pl.col("plates_ok") > 1)
    if repeated.height:
        first = sets.group_by("analyte", "sample_id", maintain_order=True).agg(pl.col("file_id").first())
        raise InputError(
            [
                Problem(
                    code="sample-on-several-plates",
                    what=f"Sample {sample!r} of analyte {analyte} stands on several accepted plates",
                    where=Where(file=file),
                    found=named,
                    expected="one accepted plate (reruns: refuse)",
                    do="Take the others out of the assay's files, or declare another rule for reruns",
                )
                for analyte, sample, named, file in repeated.join(first, on=["analyte", "sample_id"])
                .select("analyte", "sample_id", "named", "file_id")
                .iter_rows()
            ]
        )


def _combined(rows: pl.DataFrame, sets: pl.DataFrame, settings: Qpcr) -> pl.DataFrame:
    """Replace the rows of samples on several accepted plates by the mean of the plates' log quantities.

    The variance of the mean is the sum of the plates' over k squared, times the Birge ratio max(1, Q/(k - 1)) with
    Q = sum (x - mean)^2/se^2: plates that differ by more than their errors widen the interval.
    """
    key = ["analyte", "sample_id"]
    read = sets.filter(pl.col("x").is_not_null())
    reported = pl.col("x") + pl.col("shift")
    k = pl.len()
    merged = (
        read.group_by(key)
        .agg(
            x_mean=pl.col("x").mean(),
            shift_mean=pl.col("shift").mean(),
            k=k,
            spread=(((reported - reported.mean()) / pl.col("se")) ** 2).sum() / (k - 1),
            variance=(pl.col("se") ** 2).sum() / k**2,
            df_mean=(pl.col("se") ** 2).sum() ** 2 / (pl.col("se") ** 4 / pl.col("se_df")).sum(),
            n_all=pl.col("n_detected").sum(),
            missed_all=pl.col("n_undetected").sum(),
            ids=pl.col("source_ids").explode(empty_as_null=False).sort(),
            ceiling=pl.col("highest_used").min(),
            failed_all=pl.col("replicates_failed").drop_nulls().unique().sort().str.join(", "),
        )
        .filter(pl.col("k") > 1)
        .with_columns(variance=pl.col("variance") * pl.max_horizontal(pl.lit(1.0), "spread"))
    )
    rows = rows.join(merged, on=key, how="left", maintain_order="left")
    both = pl.col("x_mean").is_not_null()
    quantile = calibration.student_quantile(settings.confidence, rows["df_mean"].fill_null(1.0).to_numpy())
    half = pl.lit(pl.Series(quantile)) * (pl.col("variance") + pl.col("relative_variance") / calibration.LN10**2).sqrt()
    return rows.with_columns(
        combined=both,
        x=pl.when(both).then("x_mean").otherwise("x"),
        shift=pl.when(both).then("shift_mean").otherwise("shift"),
        x_lower=pl.when(both).then(pl.col("x_mean") - half).otherwise("x_lower"),
        x_upper=pl.when(both).then(pl.col("x_mean") + half).otherwise("x_upper"),
        n_detected=pl.when(both).then("n_all").otherwise("n_detected"),
        n_undetected=pl.when(both).then("missed_all").otherwise("n_undetected"),
        source_ids=pl.when(both).then("ids").otherwise("source_ids"),
        highest_used=pl.when(both).then("ceiling").otherwise("highest_used"),
        cv=pl.when(~both).then("cv"),
        curve_id=pl.when(~both).then("curve_id"),
        replicates_failed=pl.when(both).then(pl.col("failed_all").replace("", None)).otherwise("replicates_failed"),
        quantity=10.0 ** pl.when(both).then("x_mean").otherwise("x"),
    )
