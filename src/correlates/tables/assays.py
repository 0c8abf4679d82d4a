"""What the assays gave: measurements and limits per analyte, every calibration with its acceptance, every check that failed."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from correlates.rounding import fixed, number, percent, unit_text
from correlates.tables.record import DisplayTable, counts, marked, numbers, words
from correlates.terms import Censoring, Status


def assays(measurements: pl.DataFrame, labels: Mapping[str, str]) -> DisplayTable | None:
    """Measurements by assay and analyte: how many, how many censored or excluded, and the limits of quantification."""
    if measurements.is_empty():
        return None
    reported = pl.col("status") == Status.REPORTED.value
    valued = reported & pl.col("value").is_not_null()
    rows = (
        measurements.group_by("assay", "analyte", "unit", "method")
        .agg(
            n=pl.len(),
            reported=valued.sum(),
            left=(valued & (pl.col("censoring") == Censoring.LEFT.value)).sum(),
            right=(valued & (pl.col("censoring") == Censoring.RIGHT.value)).sum(),
            excluded=(~reported).sum(),
            null=(reported & pl.col("value").is_null()).sum(),
            lloq=pl.col("lloq").median(),
            lloq_low=pl.col("lloq").min(),
            lloq_high=pl.col("lloq").max(),
            uloq=pl.col("uloq").median(),
            cv=pl.col("cv").median(),
        )
        .sort("assay", "analyte", "unit", "method")
    )
    shares = [left / n if n else None for left, n in rows.select("left", "reported").iter_rows()]
    spread = [
        number(None) if low is None else number(low) if low == high else f"{number(low)} to {number(high)}"
        for low, high in rows.select("lloq_low", "lloq_high").iter_rows()
    ]
    return DisplayTable(
        name="assays",
        title="Assays, analytes and their limits",
        columns=(
            words("Assay", [labels.get(a, a) for a in rows["assay"]], choose=True),
            words("Analyte", rows["analyte"]),
            words("Unit", [unit_text(u) for u in rows["unit"]]),
            words("Method", rows["method"]),
            counts("Samples", rows["n"]),
            counts("Reported", rows["reported"]),
            counts("Below LLOQ", rows["left"]),
            numbers("Share below", shares, percent),
            counts("Above ULOQ", rows["right"]),
            counts("Excluded", rows["excluded"]),
            counts("No value", rows["null"]),
            numbers("Median LLOQ", rows["lloq"]),
            marked("Range of LLOQ", spread, rows["lloq_low"]),
            numbers("Median ULOQ", rows["uloq"]),
            numbers("Median CV (%)", rows["cv"], lambda v: number(v, 2)),
        ),
        note="Excluded: by a declared rule; no value: with a reason in the measurements table of the run. The limits are those of "
        "the samples, in the reported unit: they move with dilution and input.",
    )


def curves(frame: pl.DataFrame, checks: pl.DataFrame, labels: Mapping[str, str]) -> DisplayTable | None:
    """Every calibration: fit, range, whether it was accepted and which rules it failed; None where there is none."""
    if frame.is_empty():
        return None
    failed = (
        checks.filter(~pl.col("passed") & (pl.col("scope") == "plate"))
        .group_by("assay", "item", "target")
        .agg(pl.concat_str("rule", pl.lit(" "), pl.col("found").fill_null("")).str.strip_chars().sort())
    )
    told: dict[tuple[str, str, str | None], list[str]] = {(a, i, t): rules for a, i, t, rules in failed.iter_rows()}

    def why(assay: str, file_id: str, plate: str, target: str) -> str:
        items = (f"{file_id}/{plate}", plate)
        return "; ".join(r for item in items for t in (target, None) for r in told.get((assay, item, t), ()))

    rows = frame.sort("accepted", "assay", "plate", "target")
    reasons = [why(*key) for key in rows.select("assay", "file_id", "plate", "target").iter_rows()]
    return DisplayTable(
        name="curves",
        title="Calibration curves and their acceptance",
        columns=(
            words("Accepted", ["yes" if a else "no" for a in rows["accepted"]], choose=True),
            words("Assay", [labels.get(a, a) for a in rows["assay"]], choose=True),
            words("Plate", rows["plate"]),
            words("Target", rows["target"], choose=True),
            words("Model", rows["model"]),
            counts("Levels", rows["n_levels"]),
            counts("Wells", rows["n_wells"]),
            numbers("Slope", rows["slope"], lambda v: fixed(v, 4)),
            numbers("Intercept", rows["intercept"], lambda v: fixed(v, 4)),
            numbers("R\N{SUPERSCRIPT TWO}", rows["r_squared"], lambda v: fixed(v, 4)),
            numbers("Efficiency", rows["efficiency"], lambda v: percent(v, 1)),
            numbers("Lowest", rows["lowest"]),
            numbers("Highest", rows["highest"]),
            words("Unit", [unit_text(u) for u in rows["unit"]]),
            words("Rules that did not hold", reasons),
        ),
        note="Slope and intercept: Cq on log10 quantity; efficiency: 10^(-1/slope) - 1. Lowest and highest: quantities within the "
        "declared accuracy. A rule that did not hold may exclude, flag or keep: see the checks.",
    )


def checks_by_rule(frame: pl.DataFrame, labels: Mapping[str, str]) -> DisplayTable | None:
    """Every rule: how often it was applied, how often it did not hold, and what was done; None where none was applied."""
    if frame.is_empty():
        return None
    held = pl.col("passed")
    rows = (
        frame.group_by("stage", "assay", "rule", "scope")
        .agg(
            applied=pl.len(),
            failed=(~held).sum(),
            action=pl.col("action").filter(~held).unique().sort().str.join(", "),
            required=pl.col("required").first(),
        )
        .sort(
            "failed", "stage", "assay", "rule", "scope", descending=[True, False, False, False, False], nulls_last=True
        )
    )
    return DisplayTable(
        name="rules_applied",
        title="Rules applied",
        columns=(
            words("Stage", rows["stage"], choose=True),
            words("Assay", [labels.get(a or "", a) for a in rows["assay"]], choose=True),
            words("Rule", rows["rule"]),
            words("Applied to each", rows["scope"], choose=True),
            counts("Applied", rows["applied"]),
            counts("Did not hold", rows["failed"]),
            words("What was done", rows["action"]),
            words("Required (first of them)", rows["required"]),
        ),
    )


def checks(frame: pl.DataFrame, labels: Mapping[str, str]) -> DisplayTable | None:
    """Every rule that did not hold, what was found, and what was done about it; None where all held."""
    failed = frame.filter(~pl.col("passed"))
    if failed.is_empty():
        return None
    rows = failed.sort("stage", "assay", "scope", "item", "target", "rule", nulls_last=True)
    return DisplayTable(
        name="checks",
        title="Checks that did not hold",
        columns=(
            words("Stage", rows["stage"], choose=True),
            words("Assay", [labels.get(a or "", a) for a in rows["assay"]], choose=True),
            words("Scope", rows["scope"], choose=True),
            words("Item", rows["item"]),
            words("Target", rows["target"], choose=True),
            words("Rule", rows["rule"], choose=True),
            words("Found", rows["found"]),
            words("Required", rows["required"]),
            words("Action", rows["action"], choose=True),
        ),
        note=f"{frame.height:,} checks were made; {failed.height:,} did not hold. All are in the table of checks of the run.",
    )
