"""Who and what is in the analysis: subjects, samples, endpoints, parameters, assays, checks."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from correlates.rounding import number, percent, unit_text
from correlates.tables.record import Cell, DisplayTable, Heading, text
from correlates.terms import Censoring, OutcomeKind, Status


def count(value: int) -> Cell:
    """A cell with a count."""
    return Cell(text=f"{value:,}", sort=float(value))


def endpoints(outcomes: pl.DataFrame, labels: Mapping[str, str], reasons: Mapping[str, str]) -> DisplayTable:
    """Subjects by endpoint and class, those without a class by reason."""
    rows = []
    for name, group in outcomes.group_by("endpoint", maintain_order=True):
        endpoint = str(name[0])
        total = group.height
        shown = group.with_columns(
            shown=pl.when(
                pl.col("reason").is_not_null()
                & pl.col("category").is_null()
                & pl.col("event").is_null()
                & pl.col("grade").is_null()
            )
            .then(pl.format("undetermined: {}", pl.col("reason").replace(dict(reasons))))
            .when(pl.col("kind") == OutcomeKind.BINARY.value)
            .then(pl.when("event").then(pl.lit("yes")).otherwise(pl.lit("no")))
            .when(pl.col("kind") == OutcomeKind.GRADE.value)
            .then(pl.format("grade {}", "grade"))
            .otherwise("category")
        )
        for value, n in shown.group_by("shown").agg(pl.len()).sort("shown").iter_rows():
            rows.append(
                (
                    text(labels.get(endpoint, endpoint)),
                    text(value),
                    count(n),
                    Cell(text=percent(n / total), sort=n / total),
                )
            )
    return DisplayTable(
        name="endpoints",
        title="Endpoints",
        headings=(
            Heading(label="Endpoint", choose=True),
            Heading(label="Class"),
            Heading(label="Subjects", numeric=True),
            Heading(label="Share", numeric=True),
        ),
        rows=tuple(rows),
    )


def exclusions(frame: pl.DataFrame, labels: Mapping[str, str], reasons: Mapping[str, str]) -> DisplayTable | None:
    """Who is not in a population or has no endpoint, and why; None where everybody is in everything."""
    if frame.is_empty():
        return None
    rows = tuple(
        (
            text(row["subject_id"]),
            text(labels.get(row["scope"], row["scope"])),
            text(reasons.get(row["reason"], row["reason"])),
            text(row["detail"]),
        )
        for row in frame.sort("scope", "subject_id").iter_rows(named=True)
    )
    return DisplayTable(
        name="exclusions",
        title="Who is not in, and why",
        headings=(
            Heading(label="Subject"),
            Heading(label="Scope", choose=True),
            Heading(label="Reason", choose=True),
            Heading(label="Detail"),
        ),
        rows=rows,
    )


def assays(measurements: pl.DataFrame, curves: pl.DataFrame, labels: Mapping[str, str]) -> DisplayTable | None:
    """Measurements by assay and analyte: how many, how many censored or excluded, and the range of the limits."""
    if measurements.is_empty():
        return None
    reported = pl.col("status") == Status.REPORTED.value
    valued = reported & pl.col("value").is_not_null()
    summary = measurements.group_by("assay", "analyte", "unit", "method").agg(
        n=pl.len(),
        reported=valued.sum(),
        left=(valued & (pl.col("censoring") == Censoring.LEFT.value)).sum(),
        right=(valued & (pl.col("censoring") == Censoring.RIGHT.value)).sum(),
        excluded=(~reported).sum(),
        null=(reported & pl.col("value").is_null()).sum(),
        lloq=pl.col("lloq").median(),
        cv=pl.col("cv").median(),
    )
    accepted = curves.group_by("assay").agg(curves=pl.len(), failed=(~pl.col("accepted")).sum())
    joined = summary.join(accepted, on="assay", how="left").sort("assay", "analyte")
    rows = tuple(
        (
            text(labels.get(row["assay"], row["assay"])),
            text(row["analyte"]),
            text(unit_text(row["unit"]) or None),
            text(row["method"]),
            count(row["n"]),
            count(row["reported"]),
            count(row["left"]),
            count(row["right"]),
            count(row["excluded"]),
            count(row["null"]),
            Cell(text=number(row["lloq"]), sort=row["lloq"]),
            Cell(text=number(row["cv"], 2), sort=row["cv"]),
        )
        for row in joined.iter_rows(named=True)
    )
    return DisplayTable(
        name="assays",
        title="Assays and analytes",
        headings=(
            Heading(label="Assay", choose=True),
            Heading(label="Analyte"),
            Heading(label="Unit"),
            Heading(label="Method"),
            Heading(label="Samples", numeric=True),
            Heading(label="Reported", numeric=True),
            Heading(label="Below LLOQ", numeric=True),
            Heading(label="Above ULOQ", numeric=True),
            Heading(label="Excluded", numeric=True),
            Heading(label="No value", numeric=True),
            Heading(label="Median LLOQ", numeric=True),
            Heading(label="Median CV (%)", numeric=True),
        ),
        rows=rows,
        note="Excluded: by a declared rule; no value: with a reason in the measurements table.",
    )


def checks(frame: pl.DataFrame, labels: Mapping[str, str]) -> DisplayTable | None:
    """Every rule that did not hold, what was found, and what was done about it; None where all held."""
    failed = frame.filter(~pl.col("passed"))
    if failed.is_empty():
        return None
    rows = tuple(
        (
            text(row["stage"]),
            text(labels.get(row["assay"] or "", row["assay"])),
            text(row["scope"]),
            text(row["item"]),
            text(row["target"]),
            text(row["rule"]),
            text(row["found"]),
            text(row["required"]),
            text(row["action"]),
        )
        for row in failed.sort("stage", "assay", "scope", "item", nulls_last=True).iter_rows(named=True)
    )
    return DisplayTable(
        name="checks",
        title="Checks that did not hold",
        headings=(
            Heading(label="Stage", choose=True),
            Heading(label="Assay", choose=True),
            Heading(label="Scope", choose=True),
            Heading(label="Item"),
            Heading(label="Target"),
            Heading(label="Rule", choose=True),
            Heading(label="Found"),
            Heading(label="Required"),
            Heading(label="Action", choose=True),
        ),
        rows=rows,
        note=f"{frame.height:,} rules were applied; {failed.height:,} did not hold. All are in the table of checks of the run.",
    )


def parameters(frame: pl.DataFrame) -> DisplayTable | None:
    """Each parameter: how many subjects have it, how many censored, median and quartiles; None where there is none."""
    if frame.is_empty():
        return None
    numeric = frame.group_by("code", "label", "unit", "timing", maintain_order=True).agg(
        n=(pl.col("value").is_not_null() | pl.col("category").is_not_null()).sum(),
        censored=(pl.col("censoring").is_in([Censoring.LEFT.value, Censoring.RIGHT.value])).sum(),
        missing=(pl.col("value").is_null() & pl.col("category").is_null()).sum(),
        q1=pl.col("value").quantile(0.25, "linear"),
        median=pl.col("value").median(),
        q3=pl.col("value").quantile(0.75, "linear"),
    )
    rows = tuple(
        (
            text(row["code"]),
            text(row["label"]),
            text(unit_text(row["unit"]) or None),
            text(row["timing"]),
            count(row["n"]),
            count(row["censored"]),
            count(row["missing"]),
            Cell(text=number(row["median"]), sort=row["median"]),
            Cell(
                text=f"{number(row['q1'])} to {number(row['q3'])}" if row["q1"] is not None else number(None),
                sort=row["q1"],
            ),
        )
        for row in numeric.iter_rows(named=True)
    )
    return DisplayTable(
        name="parameters",
        title="Parameters",
        headings=(
            Heading(label="Code"),
            Heading(label="Parameter"),
            Heading(label="Unit"),
            Heading(label="Timing", choose=True),
            Heading(label="n", numeric=True),
            Heading(label="Censored", numeric=True),
            Heading(label="Missing", numeric=True),
            Heading(label="Median", numeric=True),
            Heading(label="Quartiles", numeric=True),
        ),
        rows=rows,
        note="Censored values count at their limit in median and quartiles.",
    )


def files(frame: pl.DataFrame) -> DisplayTable:
    """Every input file with its reader and fingerprint."""
    rows = tuple(
        (
            text(row["path"]),
            text(row["source"]),
            text(row["reader"]),
            text(row["software"]),
            count(row["size"]),
            text(row["sha256"][:16]),
        )
        for row in frame.sort("source", "path").iter_rows(named=True)
    )
    return DisplayTable(
        name="files",
        title="Input files",
        headings=(
            Heading(label="File"),
            Heading(label="Source", choose=True),
            Heading(label="Reader", choose=True),
            Heading(label="Software"),
            Heading(label="Bytes", numeric=True),
            Heading(label="SHA-256 (first 16)"),
        ),
        rows=rows,
        note="The manifest of the run holds the whole fingerprints.",
    )
