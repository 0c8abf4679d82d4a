"""Trees and forests as tables: the importance of each biomarker, how well the forests predict, and the nodes of the trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from correlates.rounding import NOTHING, fixed, interval, number, p_value, percent
from correlates.tables.record import DisplayTable, counts, marked, numbers, words

Texts = Mapping[str, str]

_UNTESTED = "no-permutations"
"""Notice of an importance without P: said once below the table and not in each row."""
_METHODS = ("conditional_tree", "conditional_forest", "random_forest", "boruta")


def forests(
    results: pl.DataFrame,
    trees: pl.DataFrame,
    analyses: Sequence[str],
    labels: Texts,
    reasons: Texts,
    notices: Texts,
) -> tuple[DisplayTable, ...]:
    """The tables of the analyses of trees and forests; none where there are none.

    Parameters
    ----------
    results, trees
        The tables of those names.
    analyses
        Which analyses are of trees and forests.
    labels, reasons, notices
        Labels of biomarkers, endpoints, populations and methods; sentences of reasons and notices, by code.
    """
    mine = results.filter(pl.col("analysis_id").is_in(analyses) & pl.col("method").is_in(_METHODS))
    if mine.is_empty():
        return ()
    keys = ["analysis_id", "endpoint", "population", "method", "biomarker"]
    wide = mine.group_by(keys, maintain_order=True).agg(
        *(_of(name, "value") for name in ("p", "p_adjusted", "importance", "importance_se", "rank", "splits", "hits")),
        _of("rounds", "value"),
        *(_either(name) for name in ("out_of_bag", "lower", "upper")),
        decision=_of("decision", "text"),
        told=pl.col("notices").explode().drop_nulls().unique(maintain_order=True),
        n=pl.col("n").max(),
        error=pl.col("error").first(),
    )
    whole = wide.filter(pl.col("out_of_bag").is_not_null())
    single = wide.filter(pl.col("out_of_bag").is_null())
    tables = [_importances(single, labels, reasons, notices)]
    if whole.height:
        tables.insert(0, _predictions(whole, labels))
    drawn = trees.filter(pl.col("analysis_id").is_in(analyses))
    if drawn.height:
        tables.append(_nodes(drawn, labels))
    return tuple(tables)


def _of(name: str, column: str) -> pl.Expr:
    return pl.col(column).filter(pl.col("stat_name") == name).first().alias(name)


def _either(name: str) -> pl.Expr:
    """Of an area under the curve, or of Harrell's C for a time to event."""
    return pl.coalesce(_of(f"auc_{name}", "value"), _of(f"c_{name}", "value")).alias(name)


def _predictions(rows: pl.DataFrame, labels: Texts) -> DisplayTable:
    spans = [interval(a, b) for a, b in rows.select("lower", "upper").iter_rows()]
    return DisplayTable(
        name="forest_predictions",
        title="How well forests predict subjects they have not seen",
        columns=(
            words("Endpoint", [labels.get(e, e) for e in rows["endpoint"]]),
            words("Forest", [labels.get(m, m) for m in rows["method"]]),
            words("Population", [labels.get(p, p) for p in rows["population"]]),
            numbers("AUC or C out of bag", rows["out_of_bag"], fixed),
            marked("95 % interval", spans, rows["lower"]),
            counts("n", rows["n"]),
        ),
        note="AUC of a binary endpoint, Harrell's C of a time to event; 0.5 is chance. Each pair of subjects is compared by the trees grown "
        "without either of the two. The interval (infinitesimal jackknife) takes the predictions as given.",
    )


def _importances(rows: pl.DataFrame, labels: Texts, reasons: Texts, notices: Texts) -> DisplayTable:
    rows = rows.sort("analysis_id", "endpoint", "method", pl.col("rank").fill_null(1e9), "p", maintain_order=True)
    remarks = []
    for row in rows.iter_rows(named=True):
        told = [n for n in row["told"] if n != _UNTESTED]
        parts = [reasons.get(row["error"], row["error"])] if row["error"] else [notices.get(n, n) for n in told]
        if row["decision"]:
            parts.insert(0, f"{row['decision']} ({row['hits']:.0f} of {row['rounds']:.0f} rounds)")
        if row["splits"]:
            parts.insert(0, f"splits {row['splits']:.0f} node{'' if row['splits'] == 1 else 's'}")
        remarks.append("; ".join(parts))
    untested = any(_UNTESTED in told for told in rows["told"].to_list())
    why = f" {notices.get(_UNTESTED, _UNTESTED)}." if untested else ""
    return DisplayTable(
        name="forest_importances",
        title="Trees and forests, biomarker by biomarker",
        columns=(
            words("Endpoint", [labels.get(e, e) for e in rows["endpoint"]], choose=True),
            words("Method", [labels.get(m, m) for m in rows["method"]], choose=True),
            words("Biomarker", [labels.get(b, b) for b in rows["biomarker"]]),
            numbers("Place", rows["rank"], lambda v: NOTHING if v is None else f"{v:.0f}"),
            numbers("Importance", rows["importance"], number),
            numbers("SE", rows["importance_se"], number),
            numbers("P", rows["p"], p_value),
            numbers("Adjusted P", rows["p_adjusted"], p_value),
            counts("n", rows["n"]),
            words("Remarks", remarks),
        ),
        note="Importance: rise of the squared error out of bag when the biomarker is permuted. P of a tree: test of independence in the root; P "
        f"of an importance: from forests on permuted outcomes, where declared.{why} Correlated biomarkers share their importance.",
    )


def _nodes(rows: pl.DataFrame, labels: Texts) -> DisplayTable:
    parents = {(r["analysis_id"], r["endpoint"], r["population"], r["node"]): r for r in rows.iter_rows(named=True)}
    conditions = []
    for row in rows.iter_rows(named=True):
        above = parents.get((row["analysis_id"], row["endpoint"], row["population"], row["parent"]))
        conditions.append(
            "all subjects"
            if above is None
            else f"{labels.get(above['biomarker'], above['biomarker'])} {condition(above, row['side'])}"
        )
    shares = [NOTHING if e is None else f"{e:,} ({percent(e / n)})" for e, n in rows.select("n_event", "n").iter_rows()]
    return DisplayTable(
        name="tree_nodes",
        title="Conditional inference trees, node by node",
        columns=(
            words("Endpoint", [labels.get(e, e) for e in rows["endpoint"]], choose=True),
            counts("Node", rows["node"]),
            counts("Of", rows["parent"]),
            words("Where", conditions),
            counts("n", rows["n"]),
            marked("With the event", shares, rows["n_event"].cast(pl.Float64)),
            words("Split by", [None if b is None else labels.get(b, b) for b in rows["biomarker"]]),
            numbers("Smallest adjusted P", rows["p_node"], p_value),
        ),
        note="A node is split while the smallest adjusted P is at most the declared level. The tree describes the subjects it was grown on.",
    )


def condition(node: Mapping[str, object], side: str | None) -> str:
    """What sends a subject to a side of a split node, in words: a threshold, or categories."""
    threshold, chosen = node["threshold"], node["categories"]
    if isinstance(threshold, float):
        return f"\N{LESS-THAN OR EQUAL TO} {number(threshold)}" if side == "left" else f"> {number(threshold)}"
    listed = ", ".join(str(c) for c in chosen) if isinstance(chosen, list) else ""
    return listed if side == "left" else f"other than {listed}"
