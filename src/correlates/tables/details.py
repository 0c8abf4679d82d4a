"""What stands behind a P value over several classes: the pairs of classes of each biomarker, and the counts of a categorical one."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from correlates.rounding import NOTHING, fixed, interval, p_value, unit_text
from correlates.tables.record import DisplayTable, ci_label, ci_levels, counts, marked, numbers, words

Texts = Mapping[str, str]
_PAIRED = ("kruskal_wallis", "dunn")
_VERSUS, _IN = " vs ", " in "
"""Between the classes of a pair, and a category and its class, in the level of a statistic."""


def pairs(results: pl.DataFrame, labels: Texts, without: tuple[str, ...] = ()) -> DisplayTable | None:
    """The pairs of classes of every biomarker compared over several; None where there is none. ``without``: analyses shown elsewhere."""
    mine = results.filter(
        pl.col("method").is_in(_PAIRED)
        & pl.col("error").is_null()
        & pl.col("level").str.contains(_VERSUS, literal=True)
        & ~pl.col("analysis_id").is_in(without)
    )
    if mine.is_empty():
        return None
    name = pl.col("stat_name")

    def value(stat: str) -> pl.Expr:
        return pl.col("value").filter(name == stat).first().alias(stat)

    kept = ("biomarker", "endpoint", "population", "method", "settings")
    ends = ("", "_lower", "_upper")
    rows = mine.group_by("result_id", "level", maintain_order=True).agg(
        *(pl.col(k).first() for k in kept),
        *(value(f"{s}{e}") for s in ("auc", "ratio", "shift") for e in ends),
        value("p"),
        value("p_adjusted"),
        value("z"),
        n=pl.col("n").filter(name == "p").first(),
        unit=pl.col("unit").filter(name == "shift").drop_nulls().first(),
        variant=pl.col("text").filter(name == "variant").first(),
        adjusted=pl.col("stat_label").filter(name == "p_adjusted").first(),
    )
    labelled = [tuple(labels.get(f"class:{side}", side) for side in level.split(_VERSUS)) for level in rows["level"]]
    ci = ci_label(mine)

    def told(stat: str) -> list[str]:
        columns = rows.select(*(f"{stat}{e}" for e in ends)).iter_rows()
        return [NOTHING if v is None else f"{fixed(v)} ({interval(low, high)})" for v, low, high in columns]

    return DisplayTable(
        name="pairs_of_classes",
        title="Pairs of classes",
        columns=(
            words("Biomarker", [labels.get(b, b) for b in rows["biomarker"]]),
            words("Endpoint", [labels.get(e, e) for e in rows["endpoint"]], choose=True),
            words("Population", [labels.get(p, p) for p in rows["population"]], choose=True),
            words("Compared", [f"{one} against {other}" for one, other in labelled], choose=True),
            words("Test", [_test(m, v) for m, v in rows.select("method", "variant").iter_rows()], choose=True),
            counts("n", rows["n"]),
            *ci_levels(rows["settings"]),
            marked(f"HL ratio ({ci})", told("ratio"), rows["ratio"]),
            marked(f"HL shift ({ci})", told("shift"), rows["shift"]),
            words("Unit", [unit_text(u) for u in rows["unit"]]),
            marked(f"AUC ({ci})", told("auc"), rows["auc"]),
            numbers("Dunn's z", rows["z"], fixed),
            numbers("P", rows["p"], p_value),
            numbers("P adjusted", rows["p_adjusted"], p_value),
            words("Adjusted by", [_within(text) for text in rows["adjusted"]]),
            words("Result", rows["result_id"]),
        ),
        note="P adjusted: among the pairs of the biomarker. HL (Hodges-Lehmann) ratio, shift and AUC: the first class against the second.",
    )


def _test(method: str, variant: str | None) -> str:
    return "Dunn" if method == "dunn" else "Wilcoxon rank-sum" + (f", {variant}" if variant else "")


def _within(label: str | None) -> str:
    """The adjustment named in the label of an adjusted P."""
    return "" if label is None else label.partition("(")[2].removesuffix(")")


def categories(results: pl.DataFrame, labels: Texts, without: tuple[str, ...] = ()) -> DisplayTable | None:
    """Subjects of each category of a categorical biomarker in each class; None where there is none."""
    cells = results.filter(
        (pl.col("method") == "fisher")
        & (pl.col("stat_name") == "count")
        & pl.col("error").is_null()
        & ~pl.col("analysis_id").is_in(without)
    )
    if cells.is_empty():
        return None
    cells = cells.unique(["biomarker", "endpoint", "population", "level"], maintain_order=True)
    halves = [level.rpartition(_IN) for level in cells["level"]]
    parted = cells.with_columns(
        pl.Series("category", [category for category, _, _ in halves]),
        pl.Series("klass", [klass for _, _, klass in halves]),
    )
    keys = ("biomarker", "endpoint", "population", "category")
    rows = parted.group_by(*keys, maintain_order=True).agg("klass", "value", n=pl.col("value").sum())
    told = [
        ", ".join(f"{labels.get(f'class:{c}', c)} {v:.0f}" for c, v in zip(classes, values, strict=True))
        for classes, values in rows.select("klass", "value").iter_rows()
    ]
    return DisplayTable(
        name="categories_by_class",
        title="Categories of biomarkers by class",
        columns=(
            words("Biomarker", [labels.get(b, b) for b in rows["biomarker"]]),
            words("Endpoint", [labels.get(e, e) for e in rows["endpoint"]], choose=True),
            words("Population", [labels.get(p, p) for p in rows["population"]], choose=True),
            words("Category", rows["category"]),
            counts("n", rows["n"].cast(pl.Int64)),
            words("Subjects by class", told),
        ),
        note="The tables that Fisher's exact test is of.",
    )
