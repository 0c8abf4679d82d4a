"""Who belongs to a population, and why the others do not."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from correlates.dataset.settings import Population
from correlates.errors import Problem, unknown
from correlates.schema import EXCLUSIONS
from correlates.schema.table import TEXT
from correlates.terms import Reason


def members(
    parameters: pl.DataFrame, subjects: pl.DataFrame, populations: Mapping[str, Population]
) -> tuple[pl.DataFrame, pl.DataFrame, list[Problem]]:
    """Membership of every population.

    Returns
    -------
    members
        ``subject_id`` and one column ``population:NAME`` (true or false) per population.
    exclusions
        Rows of the table ``exclusions`` with scope ``population:NAME``.
    problems
        Parameters that a population names and nobody derived.

    Notes
    -----
    The condition ``treated`` asks for an infusion date. Where no subject has one, exposure is not known, and the
    condition excludes nobody.
    """
    codes = parameters["code"].unique().sort().to_list()
    wanted = {code for p in populations.values() for code in (*p.has, *(c for c, _ in p.category))}
    problems = [unknown("parameter", code, codes, code="unknown-parameter") for code in sorted(wanted - set(codes))]
    if problems:
        return subjects.select("subject_id"), EXCLUSIONS.empty(), problems
    frame = subjects.select("subject_id")
    absent = [EXCLUSIONS.empty()]
    for name, population in populations.items():
        column = f"population:{name}"
        out = _outside(parameters, subjects, population)
        absent.append(
            out.group_by("subject_id", "reason", maintain_order=True)
            .agg(pl.col("detail").str.join("; "))
            .select("subject_id", scope=pl.lit(column), reason="reason", detail="detail")
        )
        frame = frame.with_columns((~pl.col("subject_id").is_in(out["subject_id"].to_list())).alias(column))
    return frame, pl.concat(absent), []


def _outside(parameters: pl.DataFrame, subjects: pl.DataFrame, population: Population) -> pl.DataFrame:
    """One row per subject and condition that does not hold: ``subject_id, reason, detail``."""
    schema = {"subject_id": TEXT, "reason": TEXT, "detail": TEXT}
    parts = [pl.DataFrame(schema=schema)]
    if population.treated and subjects["infusion_date"].is_not_null().any():
        parts.append(
            subjects.filter(pl.col("infusion_date").is_null()).select(
                "subject_id", reason=pl.lit(Reason.NOT_TREATED.value), detail=pl.lit(Reason.NOT_TREATED.label)
            )
        )
    for code in population.has:
        rows = _of(parameters, subjects, code)
        parts.append(
            rows.filter(pl.col("value").is_null() & pl.col("category").is_null()).select(
                "subject_id",
                reason=pl.coalesce("reason", pl.lit(Reason.NOT_RECORDED.value)),
                detail=pl.lit(f"{code} has no value"),
            )
        )
    for code, category in population.category:
        rows = _of(parameters, subjects, code)
        given = pl.col("category").is_not_null()
        parts.append(
            rows.filter(~(pl.col("category") == category).fill_null(value=False)).select(
                "subject_id",
                reason=pl.when(given)
                .then(pl.lit(Reason.NOT_IN_SUBGROUP.value))
                .otherwise(pl.coalesce("reason", pl.lit(Reason.NOT_RECORDED.value))),
                detail=pl.when(given)
                .then(pl.concat_str(pl.lit(f"{code} is "), "category", pl.lit(f", not {category}")))
                .otherwise(pl.lit(f"{code} has no category")),
            )
        )
    return pl.concat(parts)


def _of(parameters: pl.DataFrame, subjects: pl.DataFrame, code: str) -> pl.DataFrame:
    rows = parameters.filter(pl.col("code") == code).select("subject_id", "value", "category", "reason")
    return subjects.select("subject_id").join(rows, on="subject_id", how="left", maintain_order="left")
