"""Who is in the analysis: populations, endpoints with their rules, and who is left out and why."""

from __future__ import annotations

import json
from collections.abc import Mapping

import polars as pl

from correlates.rounding import NOTHING, percent
from correlates.tables.record import DisplayTable, counts, numbers, words
from correlates.tables.rules import in_words
from correlates.terms import OutcomeKind

_POPULATION = "population:"
_UNDETERMINED = "Undetermined: "


def populations(
    analysis: pl.DataFrame, exclusions: pl.DataFrame, labels: Mapping[str, str], reasons: Mapping[str, str]
) -> DisplayTable | None:
    """Each population: how many subjects, how many not, and why; None where there is none."""
    names = [c.removeprefix(_POPULATION) for c in analysis.columns if c.startswith(_POPULATION)]
    if not names:
        return None
    inside = [int(analysis[f"{_POPULATION}{name}"].sum()) for name in names]
    why = []
    for name in names:
        mine = exclusions.filter(pl.col("scope") == f"{_POPULATION}{name}")
        told = (
            mine.group_by("reason").agg(pl.col("subject_id").n_unique().alias("n")).sort("n", "reason", descending=True)
        )
        why.append("; ".join(f"{reasons.get(code, code)}: {n}" for code, n in told.iter_rows()))
    return DisplayTable(
        name="populations",
        title="Populations",
        columns=(
            words("Population", [labels.get(name, name) for name in names]),
            words("Name in the plan", names),
            counts("Subjects", inside),
            counts("Not in", [analysis.height - n for n in inside]),
            words("Why not", why),
        ),
    )


def endpoints(outcomes: pl.DataFrame, labels: Mapping[str, str], reasons: Mapping[str, str]) -> DisplayTable | None:
    """Subjects by endpoint and class, those without a class by reason; None where there is no endpoint."""
    if outcomes.is_empty():
        return None
    kind = pl.col("kind")
    known = pl.any_horizontal(pl.col("category", "event", "grade", "time").is_not_null())
    shown = outcomes.with_columns(
        known=known,
        shown=pl.when(~known)
        .then(
            pl.concat_str(pl.lit(_UNDETERMINED), pl.col("reason").replace(dict(reasons)).fill_null("no reason given"))
        )
        .when(kind == OutcomeKind.BINARY.value)
        .then(pl.when("event").then(pl.lit("Yes")).otherwise(pl.lit("No")))
        .when(kind == OutcomeKind.GRADE.value)
        .then(pl.concat_str(pl.lit("Grade "), pl.col("grade").cast(pl.String)))
        .when(kind == OutcomeKind.TIME.value)
        .then(pl.when("event").then(pl.lit("Event")).otherwise(pl.lit("Censored")))
        .otherwise("category"),
    )
    keys = ["endpoint", "shown", "known"]
    rows = (
        shown.group_by(keys, maintain_order=True)
        .agg(n=pl.len())
        .join(shown.group_by("endpoint").agg(total=pl.len(), determined=pl.col("known").sum()), on="endpoint")
        .join(shown.select(pl.col("endpoint").unique(maintain_order=True)).with_row_index("place"), on="endpoint")
        .sort("place", "known", "n", "shown", descending=[False, True, True, False])
    )
    classes = [labels.get(f"class:{c}", c) for c in rows["shown"]]
    return DisplayTable(
        name="endpoints",
        title="Endpoints",
        columns=(
            words("Endpoint", [labels.get(e, e) for e in rows["endpoint"]], choose=True),
            words("Class", classes),
            counts("Subjects", rows["n"]),
            numbers("Of all", (rows["n"] / rows["total"]).to_list(), percent),
            numbers(
                "Of the determined",
                [n / d if k and d else None for n, d, k in rows.select("n", "determined", "known").iter_rows()],
                percent,
            ),
        ),
    )


def rules(outcomes: pl.DataFrame, labels: Mapping[str, str]) -> DisplayTable | None:
    """The rule of each endpoint in words; None where there is no endpoint."""
    if outcomes.is_empty():
        return None
    each = outcomes.unique(["endpoint", "rule"], maintain_order=True, keep="first")
    return DisplayTable(
        name="rules",
        title="How the endpoints are defined",
        columns=(
            words("Endpoint", [labels.get(e, e) for e in each["endpoint"]]),
            words("Name in the plan", each["endpoint"]),
            words("Rule", [in_words(json.loads(rule), labels) for rule in each["rule"]]),
        ),
    )


def exclusions(frame: pl.DataFrame, labels: Mapping[str, str], reasons: Mapping[str, str]) -> DisplayTable | None:
    """Who is not in a population or has no endpoint, and why; None where everybody is in everything."""
    if frame.is_empty():
        return None
    ordered = frame.sort("scope", "subject_id", "reason")
    scopes = [s.removeprefix(_POPULATION) for s in ordered["scope"]]
    return DisplayTable(
        name="exclusions",
        title="Who is not in, and why",
        columns=(
            words("Subject", ordered["subject_id"]),
            words("Not in", [labels.get(s, s) for s in scopes], choose=True),
            words("Reason", [reasons.get(r, r) for r in ordered["reason"]], choose=True),
            words("Detail", [d or NOTHING for d in ordered["detail"]]),
        ),
    )
