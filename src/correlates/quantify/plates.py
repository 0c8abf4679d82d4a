"""Plate by plate: what each plate says of its samples, how the controls run over the plates, and how plates agree."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np
import polars as pl
from scipy import special

from correlates.quantify import quantify
from correlates.quantify.settings import Assay, Immunoassay
from correlates.schema import conform
from correlates.schema.assay_review import CONTROL_RESULTS, INSTRUMENT_RATIOS, PLATE_RATIOS, PLATE_RESULTS
from correlates.stats.control_chart import control_chart
from correlates.terms import Censoring, Role, Status

PLATE = ("file_id", "plate")
_MARK = "\x1f"  # cannot be in the name of a sample
_LN10 = float(np.log(10.0))


def with_controls(wells: pl.DataFrame, controls: Sequence[str]) -> pl.DataFrame:
    """The wells, those of samples whose name matches a pattern with the role of a control."""
    names = [s for s in wells["sample_id"].drop_nulls().unique() if any(fnmatchcase(s, p) for p in controls)]
    mine = (pl.col("role") == Role.UNKNOWN.value) & pl.col("sample_id").is_in(names)
    return wells.with_columns(role=pl.when(mine).then(pl.lit(Role.QC.value)).otherwise("role"))


def plate_order(wells: pl.DataFrame, files: Mapping[str, str]) -> pl.DataFrame:
    """``file_id``, ``plate`` and ``plate_order``: by path of the file, then name of the plate, numbers as people count."""
    plates = sorted(
        wells.select(PLATE).unique().iter_rows(), key=lambda p: (_natural(files.get(p[0], "")), _natural(p[1]), p[0])
    )
    schema = {"file_id": pl.String, "plate": pl.String, "plate_order": pl.Int64}
    return pl.DataFrame([(*p, i) for i, p in enumerate(plates, start=1)], schema=schema, orient="row")


def _natural(text: str) -> str:
    return re.sub(r"\d+", lambda number: number.group().zfill(12), text.casefold())


def plate_results(
    name: str,
    wells: pl.DataFrame,
    samples: pl.DataFrame,
    product: pl.DataFrame,
    settings: Assay,
    files: Mapping[str, str],
) -> pl.DataFrame:
    """Quantify every sample and control by each plate alone.

    Parameters
    ----------
    name, wells, samples, product, settings, files
        As for :func:`correlates.quantify.quantify`; ``wells`` of :func:`with_controls`.

    Returns
    -------
    polars.DataFrame
        Table ``plate_results``, before the unit chain: a control has no DNA and no subject. Rules are those of the settings; a
        control counts as any sample, undiluted, and its nominal quantity stands beside it.
    """
    order = plate_order(wells, files)
    held = pl.col("role").is_in([Role.UNKNOWN.value, Role.QC.value]) & pl.col("sample_id").is_not_null()
    control = (pl.col("role") == Role.QC.value) & held
    placed = wells.join(order, on=PLATE, how="left", maintain_order="left").with_columns(
        of=pl.when(held).then("sample_id"), kind=pl.when(held).then("role")
    )
    tagged = placed.with_columns(
        sample_id=pl.when(held)
        .then(pl.concat_str("sample_id", pl.lit(_MARK), "plate_order", pl.lit(_MARK), "role"))
        .otherwise("sample_id"),
        role=pl.when(held).then(pl.lit(Role.UNKNOWN.value)).otherwise("role"),
        dilution=pl.when(control).then(1.0).otherwise("dilution"),
    )
    key = tagged.filter(pl.col("of").is_not_null()).select("sample_id", "of", "kind", *PLATE, "plate_order").unique()
    manifest = (
        samples.rename({"sample_id": "of"})
        .join(key.select("sample_id", "of", "kind"), on="of")
        .with_columns(dilution=_dilution(settings))
        .select(samples.columns)
    )
    alone = replace(settings, controls=())
    if isinstance(alone, Immunoassay):
        alone = replace(alone, dilution=None, bridging="none")
        tagged = tagged.with_columns(
            dilution=pl.when(pl.col("kind") == Role.UNKNOWN.value)
            .then(pl.coalesce(pl.lit(getattr(settings, "dilution", None), dtype=pl.Float64), "dilution"))
            .otherwise("dilution")
        )
    else:
        alone = replace(alone, controls_nominal={}, chain=())
    found = quantify(name, tagged.select(wells.columns), manifest, product, alone, files=files).measurements
    kept = found.join(key, on="sample_id").drop("sample_id").rename({"of": "sample_id", "kind": "role"})
    beside = (
        kept.select("measurement_id", "source_ids")
        .explode("source_ids")
        .join(wells.select("well_id", "nominal", "reported"), left_on="source_ids", right_on="well_id")
        .group_by("measurement_id")
        .agg(pl.col("nominal").mean(), pl.col("reported").mean())
    )
    declared = {s: dict(of) for s, of in getattr(settings, "controls_nominal", {}).items()}
    kept = kept.join(beside, on="measurement_id", how="left", maintain_order="left").with_columns(
        nominal=pl.when(pl.col("role") == Role.QC.value).then("nominal")
    )
    told = [declared.get(s, {}).get(a) for s, a in kept.select("sample_id", "analyte").iter_rows()]
    kept = kept.with_columns(nominal=pl.coalesce(pl.Series("told", told, dtype=pl.Float64), "nominal"))
    return conform(kept.select(PLATE_RESULTS.names), PLATE_RESULTS).sort(
        "assay", "analyte", "plate_order", "role", "sample_id"
    )


def _dilution(settings: Assay) -> pl.Expr:
    if not isinstance(settings, Immunoassay):
        return pl.col("dilution")
    declared = pl.lit(settings.dilution, dtype=pl.Float64)
    return pl.when(pl.col("kind") == Role.QC.value).then(1.0).otherwise(pl.coalesce(declared, "dilution"))


def control_results(results: pl.DataFrame) -> pl.DataFrame:
    """Controls over plates, in their order, against the limits of all plates.

    ``results`` is :func:`plate_results`. The limits are on the log scale: geometric mean and the SD of log10. A plate that failed a
    rule takes part: its control is what tells. See :mod:`correlates.stats.control_chart` for what few plates cannot show.
    """
    rows: list[dict[str, object]] = []
    mine = results.filter(pl.col("role") == Role.QC.value).sort("assay", "analyte", "sample_id", "plate_order")
    for _, group in mine.group_by("assay", "analyte", "sample_id", maintain_order=True):
        valued = group.filter(pl.col("estimate") > 0)
        chart = control_chart(valued["estimate"].log10().to_numpy())
        by_plate = {
            (row["file_id"], row["plate"]): (
                float(chart.z[i]) if chart.sd is not None else None,
                [
                    rule
                    for rule, flags in (
                        ("1_2s", chart.beyond_2s),
                        ("1_3s", chart.beyond_3s),
                        ("2_2s", chart.two_beyond_2s),
                    )
                    if flags[i]
                ],
            )
            for i, row in enumerate(valued.iter_rows(named=True))
        }
        centre = None if chart.centre is None else 10.0**chart.centre
        between = None if chart.sd is None else 100.0 * float(np.sqrt(np.expm1((chart.sd * _LN10) ** 2)))
        for row in group.iter_rows(named=True):
            z, flagged = by_plate.get((row["file_id"], row["plate"]), (None, []))
            known = row["estimate"] is not None and row["nominal"]
            rows.append(
                {
                    **{c: row[c] for c in CONTROL_RESULTS.names if c in row},
                    "recovery": 100.0 * row["estimate"] / row["nominal"] if known else None,
                    "n_plates": chart.n,
                    "centre": centre,
                    "log_sd": chart.sd,
                    "between_cv": between,
                    "z": z,
                    "rules": flagged,
                    "largest_z": chart.largest_z,
                }
            )
    return conform(CONTROL_RESULTS.frame(rows), CONTROL_RESULTS)


def plate_ratios(results: pl.DataFrame, *, confidence: float = 0.95) -> pl.DataFrame:
    """Ratio between plates by the samples they have in common.

    Parameters
    ----------
    results
        :func:`plate_results`; controls do not take part (they have charts of their own).
    confidence
        Level of the interval.

    Notes
    -----
    The geometric mean of later over earlier, with Student's interval of the mean log ratio (two samples at least). Samples that
    are censored or excluded on either plate are counted and left out.
    """
    mine = results.filter(pl.col("role") == Role.UNKNOWN.value)
    quantified = (
        (pl.col("status") == Status.REPORTED.value)
        & (pl.col("censoring") == Censoring.NONE.value)
        & (pl.col("value") > 0)
    ).fill_null(value=False)
    mine = mine.select(
        "assay", "analyte", "sample_id", *PLATE, "plate_order", log=pl.when(quantified).then(pl.col("value").log())
    )
    repeated = mine.filter(pl.len().over("assay", "analyte", "sample_id") > 1)
    pairs = repeated.join(repeated, on=["assay", "analyte", "sample_id"], suffix="_late").filter(
        pl.col("plate_order") < pl.col("plate_order_late")
    )
    difference = pl.col("log_late") - pl.col("log")
    found = (
        pairs.with_columns(difference=difference)
        .group_by("assay", "analyte", *PLATE, "plate_order", "file_id_late", "plate_late", "plate_order_late")
        .agg(
            n_common=pl.len(),
            n=pl.col("difference").count(),
            mean=pl.col("difference").mean(),
            sd=pl.col("difference").std(),
            low=pl.col("difference").min(),
            high=pl.col("difference").max(),
            samples=pl.col("sample_id").filter(pl.col("difference").is_not_null()).sort(),
        )
        .sort("assay", "analyte", "plate_order", "plate_order_late")
    )
    n = found["n"].to_numpy()
    quantile = special.stdtrit(np.maximum(n - 1, 1), (1.0 + confidence) / 2.0)
    half = pl.lit(pl.Series(quantile, dtype=pl.Float64)) * pl.col("sd") / pl.col("n").sqrt()
    several = pl.col("n") >= 2
    made = found.select(
        "assay",
        "analyte",
        first_file_id="file_id",
        first_plate="plate",
        file_id="file_id_late",
        plate="plate_late",
        n_common=pl.col("n_common").cast(pl.Int64),
        n=pl.col("n").cast(pl.Int64),
        ratio=pl.col("mean").exp(),
        lower=pl.when(several).then((pl.col("mean") - half).exp()),
        upper=pl.when(several).then((pl.col("mean") + half).exp()),
        lowest=pl.col("low").exp(),
        highest=pl.col("high").exp(),
        samples="samples",
    )
    return conform(made, PLATE_RATIOS)


def instrument_ratios(results: pl.DataFrame) -> pl.DataFrame:
    """What a plate gives over what the instrument's software computed of the same wells, by analyte and plate.

    ``results`` is :func:`plate_results`. Digital PCR has a comparison of its own, well by well. A ratio that is the same for all samples
    is a unit or a dilution that one of the two has applied; one that scatters is another curve.
    """
    known = results.filter((pl.col("reported") > 0) & (pl.col("estimate") > 0))
    quotient = pl.col("estimate") / pl.col("reported")
    made = (
        known.group_by("assay", "analyte", *PLATE, "plate_order")
        .agg(
            n=pl.len().cast(pl.Int64),
            median=quotient.median(),
            lowest=quotient.min(),
            highest=quotient.max(),
        )
        .sort("assay", "analyte", "plate_order")
    )
    return conform(made.select(INSTRUMENT_RATIOS.names), INSTRUMENT_RATIOS)
