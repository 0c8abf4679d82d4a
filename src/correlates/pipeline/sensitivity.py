"""Sensitivity analyses: parameters derived again under other rules, each variant held against the endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from correlates.association.settings import Biomarker, Univariable
from correlates.pipeline.store import Tables
from correlates.pipeline.translate import endpoint
from correlates.plan.exposure_analyses import Sensitivity
from correlates.stats.multiplicity import Adjust

if TYPE_CHECKING:
    from correlates.parameters.sensitivity import Variant
    from correlates.pipeline.analyses import Context

EFFECT = {"wilcoxon": "auc", "firth": "odds_ratio"}
"""The statistic of a method that stands beside its P value."""


def sensitivity(context: Context, name: str, analysis: Sensitivity) -> Tables:
    """Every parameter of the analysis under every variant: the tables ``exposure_rules`` and ``exposure_rules_values``."""
    from correlates.parameters.sensitivity import area_of, rederive, variants
    from correlates.schema import EXPOSURE_RULES, EXPOSURE_RULES_VALUES, conform

    specs = context.file.plan.parameters
    rows, values = [EXPOSURE_RULES.empty()], [EXPOSURE_RULES_VALUES.empty()]
    for code in context.codes(analysis.parameters):
        area = area_of(code, specs)
        if area is None:
            continue  # check_names has refused it
        made = variants(
            area, rules=analysis.rules, blq=analysis.blq, at_start=analysis.at_start, at_end=analysis.at_end
        )
        found = rederive(code, made, specs, context.tables)
        keys = {"analysis_id": pl.lit(name), "parameter": pl.lit(code)}
        values.append(found.with_columns(**keys).select(EXPOSURE_RULES_VALUES.names))
        rows.append(_rows(context, name, analysis, code, made, found).select(EXPOSURE_RULES.names))
    return {
        "exposure_rules": conform(pl.concat(rows), EXPOSURE_RULES),
        "exposure_rules_values": conform(pl.concat(values), EXPOSURE_RULES_VALUES),
    }


def _rows(
    context: Context,
    name: str,
    analysis: Sensitivity,
    code: str,
    made: tuple[Variant, ...],
    found: pl.DataFrame,
) -> pl.DataFrame:
    has = pl.col("value").is_not_null()
    declared = found.filter(pl.col("variant") == 0).select("subject_id", had=has)
    size = pl.col("difference").abs()
    spread = (
        found.join(declared, on="subject_id", how="left", maintain_order="left")
        .group_by("variant", maintain_order=True)
        .agg(
            n=has.sum(),
            n_lost=(~has & pl.col("had")).sum(),
            n_gained=(has & ~pl.col("had")).sum(),
            median=pl.col("value").median(),
            unit=pl.col("unit").drop_nulls().first(),
            median_difference=size.median(),
            largest_difference=size.max(),
            largest_subject=pl.col("subject_id").filter((size == size.max()) & (size > 0)).first(),
        )
    )
    settings = pl.DataFrame(
        [
            {
                "variant": v.number,
                "declared": v.number == 0,
                "rule": v.rule,
                "before": v.blq.before,
                "between": v.blq.between,
                "after": v.blq.after,
                "at_start": v.at_start,
                "at_end": v.at_end,
            }
            for v in made
        ]
    )
    tests = _tests(context, name, analysis, code, made, found)
    return (
        settings.join(spread, on="variant", how="left", maintain_order="left")
        .join(tests, on="variant", how="left", maintain_order="left")
        .with_columns(
            pl.col("n", "n_lost", "n_gained").cast(pl.Int64),
            analysis_id=pl.lit(name),
            parameter=pl.lit(code),
            population=pl.lit(analysis.population),
            method=pl.lit(analysis.method),
        )
    )


def _tests(
    context: Context,
    name: str,
    analysis: Sensitivity,
    code: str,
    made: tuple[Variant, ...],
    found: pl.DataFrame,
) -> pl.DataFrame:
    """``variant, endpoint, n_analysed, p, estimate, error``: one row per variant and endpoint."""
    from correlates.association import associate

    nothing = {
        "variant": pl.Int64,
        "endpoint": pl.String,
        "n_analysed": pl.Int64,
        "p": pl.Float64,
        "estimate": pl.Float64,
        "error": pl.String,
    }
    if not analysis.endpoints:
        return pl.DataFrame([{"variant": v.number, "endpoint": ""} for v in made], schema=nothing)
    own = context.biomarker(code)
    frame = context.tables["analysis"]
    places = {f"{code}|variant {v.number}": v.number for v in made}
    columns = []
    for column, number in places.items():
        part = found.filter(pl.col("variant") == number)
        in_order = frame.select("subject_id").join(part, on="subject_id", how="left", maintain_order="left")
        columns += [in_order["value"].alias(column), in_order["censoring"].alias(f"{column}|censoring")]
    markers = [
        Biomarker(code=c, label=own.label, unit=own.unit, scale=own.scale, prespecified=own.prespecified)
        for c in places
    ]
    targets = [endpoint(context.file.plan, e, context.tables["outcomes"]) for e in analysis.endpoints]
    settings = Univariable(
        name=name, methods=(analysis.method,), adjust=Adjust.NONE, populations=(analysis.population,)
    )
    results = associate(frame.with_columns(columns), markers, targets, settings).filter(pl.col("level") == "")
    p, effect = (
        results.filter(pl.col("stat_name") == stat).select("biomarker", "endpoint", pl.col("value").alias(column))
        for stat, column in (("p", "p"), (EFFECT[analysis.method], "estimate"))
    )
    whole = results.filter(pl.col("stat_name") == "p").select(
        "biomarker", "endpoint", pl.col("n").alias("n_analysed"), "error"
    )
    return (
        whole.join(p, on=["biomarker", "endpoint"], how="left")
        .join(effect, on=["biomarker", "endpoint"], how="left")
        .with_columns(variant=pl.col("biomarker").replace_strict(places, return_dtype=pl.Int64))
        .select(list(nothing))
        .sort("endpoint", "variant")
    )
