"""Plate effects of an immunoassay, from samples measured on two plates, and scaling of plates to a reference plate by them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import polars as pl

from correlates.quantify.rules import check_rows, figure, gather
from correlates.quantify.settings import Immunoassay
from correlates.terms import Censoring

KEY = ["file_id", "plate", "analyte"]
_PLATE = pl.format("{}/{}", "file_id", "plate")


def bridge(
    sets: pl.DataFrame, settings: Immunoassay, assay: str, files: Mapping[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Report the effect of every plate and, where it is declared, scale its results to the reference plate.

    Parameters
    ----------
    sets
        Judged sets (``immunoassay_samples.judge``).
    settings, assay
        ``bridging``, ``bridging_samples``, ``bridging_reference``; the name of the assay.
    files
        Path by file_id, for the order of plates.

    Returns
    -------
    tuple
        ``sets`` with ``bridge`` (the factor; null where the plate is not scaled), ``bridge_se`` (standard error of its logarithm),
        ``bridge_source``, and ``quantity``, ``quantity_lower``, ``quantity_upper``, ``lloq`` and ``uloq`` scaled; and the checks
        ``plate_effect`` (by plate and analyte, whatever is declared) and ``bridging`` (where it is declared).

    Notes
    -----
    A sample counts where both plates, accepted, quantify it within their limits without excluding it; on each the geometric mean of its
    dilutions. With d the differences of logarithms, reference minus plate, of n samples:

        factor = exp(mean d),  interval exp(mean d -/+ t(n - 1) sd(d)/sqrt(n))

    A scaled result has the halves of its own interval and of the factor's, on the log scale, added as squares. Reference: the plate
    declared, else the one that shares enough samples with most plates, of those the one with most shared samples, of those the first
    by file name. Plates that reach the reference only through a third plate are not scaled.
    """
    pairs = _pairs(sets)
    effects = _against(pairs, sets, settings, files)
    checks = [_effects(effects, settings, assay)]
    bridged = settings.bridging == "by_common_samples"
    if not bridged:
        return sets.with_columns(
            bridge=pl.lit(None, dtype=pl.Float64),
            bridge_se=pl.lit(None, dtype=pl.Float64),
            bridge_source=pl.lit(None, dtype=pl.String),
        ), gather(checks)
    checks.append(_told(sets, effects, settings, assay))
    usable = effects.filter(pl.col("n") >= settings.bridging_samples).select(
        *KEY,
        bridge=pl.col("mean").exp(),
        bridge_se=pl.col("se"),
        bridge_half=pl.col("half"),
        bridge_source=pl.format("{} samples also on {}", "n", "reference"),
    )
    sets = sets.join(usable, on=KEY, how="left", maintain_order="left")
    factor = pl.col("bridge").fill_null(1.0)
    lower, upper = (
        (((pl.col(side) / pl.col("quantity")).log() ** 2 + pl.col("bridge_half").fill_null(0.0) ** 2).sqrt()).exp()
        for side in ("quantity_lower", "quantity_upper")
    )
    return sets.with_columns(
        pl.col("quantity", "lloq", "uloq") * factor,
        quantity_lower=pl.col("quantity") * factor / lower,
        quantity_upper=pl.col("quantity") * factor * upper,
    ).drop("bridge_half"), gather(checks)


def _pairs(sets: pl.DataFrame) -> pl.DataFrame:
    """Samples quantified on two plates: analyte, plate, other plate, and the difference of logarithms, other minus this."""
    logs = (
        sets.filter(
            (pl.col("limit") == Censoring.NONE.value)
            & pl.col("accepted")
            & pl.col("exclusion").is_null()
            & (pl.col("quantity") > 0)
        )
        .group_by("sample_id", *KEY)
        .agg(log=(pl.col("quantity") * pl.col("dilution_used")).log().mean())
        .filter(pl.struct("sample_id", "analyte").is_duplicated())
        .with_columns(id=_PLATE)
    )
    return (
        logs.join(logs.select("sample_id", "analyte", "id", "log"), on=["sample_id", "analyte"], suffix="_other")
        .filter(pl.col("id") != pl.col("id_other"))
        .with_columns(d=pl.col("log_other") - pl.col("log"))
        .sort("analyte", "id", "id_other", "sample_id")
    )


def _against(pairs: pl.DataFrame, sets: pl.DataFrame, settings: Immunoassay, files: Mapping[str, str]) -> pl.DataFrame:
    """The difference of each plate to its reference: n, mean, se and half the interval, on the log scale."""
    from scipy.special import stdtrit

    between = pairs.group_by(*KEY, "id", "id_other").agg(
        n=pl.len(), mean=pl.col("d").mean(), sd=pl.col("d").std(), samples=pl.col("sample_id").sort()
    )
    plates = sets.select("file_id", "plate").unique().with_columns(id=_PLATE)
    order = plates.with_columns(
        order=pl.Series([_natural(files.get(f, ""), p, f) for f, p, _ in plates.iter_rows()], dtype=pl.String)
    )
    enough = pl.col("n") >= settings.bridging_samples
    ranked = (
        between.group_by("analyte", "id")
        .agg(plates=enough.sum(), shared=pl.col("n").sum(), name=pl.col("plate").first())
        .join(order.select("id", "order"), on="id", how="left")
        .with_columns(named=(pl.col("name") == pl.lit(settings.bridging_reference)).fill_null(value=False))
        .sort("analyte", "named", "plates", "shared", "order", descending=[False, True, True, True, False])
        .group_by("analyte", maintain_order=True)
        .first()
    )
    if settings.bridging_reference is not None:
        ranked = ranked.filter("named")
    effects = between.join(
        ranked.select("analyte", reference="id"), left_on=["analyte", "id_other"], right_on=["analyte", "reference"]
    ).rename({"id_other": "reference"})
    t = stdtrit(np.maximum(effects["n"].to_numpy().astype(np.float64) - 1.0, 1.0), 0.5 + settings.confidence / 2.0)
    return (
        effects.with_columns(se=pl.col("sd") / pl.col("n").cast(pl.Float64).sqrt())
        .with_columns(half=pl.Series(t, dtype=pl.Float64) * pl.col("se"))
        .sort(*KEY)
    )


def _effects(effects: pl.DataFrame, settings: Immunoassay, assay: str) -> pl.DataFrame:
    """The ratio of each plate to its reference: what the factor undoes."""
    ratio = (-pl.col("mean")).exp()
    low, high = (-pl.col("mean") - pl.col("half")).exp(), (-pl.col("mean") + pl.col("half")).exp()
    return check_rows(
        effects,
        assay=assay,
        scope="plate",
        rule="plate_effect",
        item=_PLATE,
        target=pl.col("analyte"),
        passed=(pl.col("mean").abs() <= pl.col("half")).fill_null(value=False),
        found=pl.when(pl.col("half").is_null())
        .then(pl.format("{} of {}, from one sample", figure(ratio), "reference"))
        .otherwise(
            pl.format("{} of {} ({} to {}), {} samples", figure(ratio), "reference", figure(low), figure(high), "n")
        ),
        value=ratio,
        required=f"a geometric mean ratio to the reference plate whose {100 * settings.confidence:g} % interval holds 1",
        action="corrected" if settings.bridging == "by_common_samples" else "flagged",
    ).with_columns(
        action=pl.when(pl.lit(settings.bridging == "none") | pl.col("passed"))
        .then("action")
        .otherwise(
            effects.select(
                pl.when(pl.col("n") >= settings.bridging_samples).then(pl.lit("corrected")).otherwise(pl.lit("flagged"))
            ).to_series()
        )
    )


def _told(sets: pl.DataFrame, effects: pl.DataFrame, settings: Immunoassay, assay: str) -> pl.DataFrame:
    """Whether each plate could be scaled."""
    plates = sets.select(KEY).unique().sort(KEY)
    references = effects.select("analyte", "reference").unique()
    rows = (
        plates.join(effects.select(*KEY, "n", "mean", "se"), on=KEY, how="left", maintain_order="left")
        .join(references, on="analyte", how="left", maintain_order="left")
        .with_columns(is_reference=(pl.col("reference") == _PLATE).fill_null(value=False))
        .with_columns(done=pl.col("is_reference") | (pl.col("n") >= settings.bridging_samples).fill_null(value=False))
    )
    return check_rows(
        rows,
        assay=assay,
        scope="plate",
        rule="bridging",
        item=_PLATE,
        target=pl.col("analyte"),
        passed=pl.col("done"),
        found=pl.when("is_reference")
        .then(pl.lit("the reference plate"))
        .when(pl.col("reference").is_null())
        .then(pl.lit("no plate to bridge to"))
        .when("done")
        .then(
            pl.format(
                "x {} (SE {} %), {} samples",
                figure(pl.col("mean").exp()),
                figure(100.0 * pl.col("se"), 2),
                "n",
            )
        )
        .otherwise(
            pl.format("{} samples in common with {}; not scaled", pl.col("n").fill_null(0), pl.col("reference"))
        ),
        value=pl.when("is_reference").then(1.0).when("done").then(pl.col("mean").exp()),
        required=f"at least {settings.bridging_samples} samples quantified on this plate and on the reference plate",
        action="kept",
    )


def _natural(*parts: str) -> str:
    """Texts that sort as people count: plate 10 after plate 2."""
    return "\x00".join(re.sub(r"\d+", lambda number: number.group().zfill(12), part.casefold()) for part in parts)
