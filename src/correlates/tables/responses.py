"""Responses derived from lesions beside the recorded ones, and how the durable classes depend on their settings."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from correlates.rounding import NOTHING, percent
from correlates.tables.record import DisplayTable, counts, numbers, words
from correlates.terms import Durability

_DECLARED = "as declared"


def sensitivity(frame: pl.DataFrame, labels: Mapping[str, str]) -> DisplayTable | None:
    """Counts of the durable classes under each setting, one row per change; None where no endpoint has them."""
    if frame.is_empty():
        return None
    wide = frame.pivot("category", index=["endpoint", "setting", "value", "changed"], values="n", maintain_order=True)
    return DisplayTable(
        name="sensitivity",
        title="Durable classes under other settings",
        columns=(
            words("Endpoint", [labels.get(e, e) for e in wide["endpoint"]], choose=True),
            words("Setting changed", [NOTHING if s == _DECLARED else s.replace("_", " ") for s in wide["setting"]]),
            words("To", wide["value"]),
            *(counts(labels.get(f"class:{d.value}", d.value), wide[d.value]) for d in Durability),
            counts("Subjects in another class", wide["changed"]),
        ),
        note="Treated subjects. One setting is changed at a time, all others as the plan declares them (first row).",
    )


def agreements(frame: pl.DataFrame) -> DisplayTable | None:
    """How often derived and recorded responses say the same; None where none was derived."""
    if frame.is_empty():
        return None
    rows = frame.group_by("criteria", "evaluator", maintain_order=True).agg(
        evaluations=pl.len(),
        subjects=pl.col("subject_id").n_unique(),
        compared=pl.col("agrees").is_not_null().sum(),
        same=pl.col("agrees").sum(),
        unknown=(pl.col("response") == "NE").sum(),
    )
    shares = [s / c if c else None for s, c in rows.select("same", "compared").iter_rows()]
    return DisplayTable(
        name="response_agreement",
        title="Responses derived from lesions against the recorded ones",
        columns=(
            words("Criteria", rows["criteria"]),
            words("Evaluator", rows["evaluator"]),
            counts("Subjects", rows["subjects"]),
            counts("Evaluations", rows["evaluations"]),
            counts("Not evaluable", rows["unknown"]),
            counts("With a recorded response", rows["compared"]),
            counts("That agree", rows["same"]),
            numbers("Agreement", shares, percent),
        ),
    )


def disagreements(frame: pl.DataFrame) -> DisplayTable | None:
    """Every evaluation at which derived and recorded response differ; None where there is none."""
    if frame.is_empty():
        return None
    rows = frame.filter(~pl.col("agrees")).sort("criteria", "evaluator", "subject_id", "day")
    if rows.is_empty():
        return None
    return DisplayTable(
        name="response_differences",
        title="Evaluations at which lesions say something else than was recorded",
        columns=(
            words("Subject", rows["subject_id"]),
            words("Criteria", rows["criteria"], choose=True),
            words("Evaluator", rows["evaluator"], choose=True),
            numbers("Day", rows["day"].cast(pl.Float64).to_list()),
            words("Visit", rows["visit"]),
            words("From lesions", rows["response"], choose=True),
            words("Recorded", rows["recorded"], choose=True),
            words("What decided", rows["rule"]),
            words("Besides", rows["detail"]),
        ),
    )
