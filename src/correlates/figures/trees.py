"""Trees and forests: a conditional inference tree with its leaves, and the biomarkers that matter most to a forest."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import polars as pl

from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import BLUE, GREY, INK, PALE, Rows, chart, layer, rows, tip, with_unit
from correlates.rounding import number, p_value, percent, unit_text
from correlates.schema import PARAMETERS, RESULTS, TREES

_LEVEL, _LEAF, _SHOWN, _WRAP = 112, 150, 15, 30
_KEYS = ("analysis_id", "endpoint", "population")


def _draw_trees(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    found = tables["trees"].filter(pl.col("analysis_id").is_in(settings.forests))
    units = dict(tables["parameters"].select("code", "unit").unique("code").iter_rows())
    return tuple(
        drawn
        for nodes in found.partition_by(_KEYS, maintain_order=True)
        if (drawn := _tree(nodes.sort("node"), units, settings)) is not None
    )


def _tree(nodes: pl.DataFrame, units: dict[str, str | None], settings: FigureSettings) -> Drawn | None:
    if nodes.height < 2:
        return None
    placed = _placed(nodes)
    leaves = sum(1 for row in placed if row["biomarker"] is None)
    deepest = max(row["depth"] for row in placed)
    texts: Rows = []
    bars: Rows = []
    for row in placed:
        if row["biomarker"] is None:
            share = None if row["n_event"] is None else row["n_event"] / row["n"]
            line = f"n = {row['n']}"
            second = f"mean {number(row['mean'])}" if share is None else f"{row['n_event']} events ({percent(share)})"
            texts.append({"x": row["x"], "y": row["depth"] + 0.28, "text": line, "weight": "normal"})
            texts.append({"x": row["x"], "y": row["depth"] + 0.43, "text": second, "weight": "normal"})
            if share is not None:
                left = row["x"] - 0.3
                bars.append(
                    {
                        "left": left,
                        "right": row["x"] + 0.3,
                        "to": left + 0.6 * share,
                        "top": row["depth"] + 0.04,
                        "bottom": row["depth"] + 0.16,
                    }
                )
            continue
        lines = textwrap.wrap(_heading(row, units, settings), _WRAP)
        for place, text in enumerate(lines):
            texts.append(
                {"x": row["x"], "y": row["depth"] - 0.14 * (len(lines) - place) + 0.02, "text": text, "weight": "bold"}
            )
        texts.append(
            {
                "x": row["x"],
                "y": row["depth"] + 0.04,
                "text": f"P {_p(row['p_node'])}, n = {row['n']}",
                "weight": "normal",
            }
        )
    links = _links(placed)
    drawn = pl.DataFrame(
        [{k: v for k, v in row.items() if k != "categories"} for row in placed],
        infer_schema_length=None,
    )
    x = {"type": "quantitative", "axis": None, "scale": {"domain": [-0.6, leaves - 0.4], "nice": False}}
    y = {
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [-0.55, deepest + 0.55], "reverse": True, "nice": False},
    }

    def at(field: str, axis: dict[str, Any]) -> dict[str, Any]:
        return {"field": field, **axis}

    said = {"field": "text", "type": "nominal"}
    layers = [
        layer("links", {"type": "rule", "color": GREY}, x=at("x", x), x2={"field": "x2"}, y=at("y", y), y2={"field": "y2"}),
        layer(
            "links",
            {"type": "text", "color": INK, "fontSize": 10.5, "stroke": "white", "strokeWidth": 4, "strokeOpacity": 1},
            x=at("tx", x), y=at("ty", y), text=said,
        ),
        layer("links", {"type": "text", "color": INK, "fontSize": 10.5}, x=at("tx", x), y=at("ty", y), text=said),
        layer("bars", {"type": "rect", "color": PALE}, x=at("left", x), x2={"field": "right"}, y=at("top", y), y2={"field": "bottom"}),
        layer("bars", {"type": "rect", "color": BLUE}, x=at("left", x), x2={"field": "to"}, y=at("top", y), y2={"field": "bottom"}),
        *(
            layer(
                "texts",
                {"type": "text", "fontWeight": weight, "fontSize": 11},
                x=at("x", x), y=at("y", y), text=said,
                opacity={"condition": {"test": f"datum.weight === '{weight}'", "value": 1}, "value": 0},
            )
            for weight in ("bold", "normal")
        ),
    ]  # fmt: skip
    body = {"width": max(320, min(680, _LEAF * leaves)), "height": _LEVEL * (deepest + 1), "layer": layers}
    first = placed[0]
    name, endpoint = first["analysis_id"], first["endpoint"]
    return Drawn(
        name=file_name("tree", name, endpoint),
        title=f"Conditional inference tree: {settings.label(endpoint)}",
        caption=f"{first['n']} subjects. A node is split by the biomarker of smallest P, adjusted for the number of biomarkers tested in it; "
        + ("bars: share of the leaf with the event." if bars else "leaves: mean score of the outcome.")
        + " The tree describes the subjects it was grown on; it has not been validated on others.",
        spec=chart(body, {"drawn": rows(drawn), "links": links, "bars": bars, "texts": texts}),
        data=drawn,
    )


def _p(value: float | None) -> str:
    text = p_value(value)
    return text if text[0] in "<>" else f"= {text}"


def _placed(nodes: pl.DataFrame) -> Rows:
    """The nodes with their place: leaves from left to right, every other one above the middle of its children."""
    found = {row["node"]: dict(row) for row in nodes.iter_rows(named=True)}
    children: dict[int, list[int]] = {}
    for row in found.values():
        if row["parent"] is not None:
            children.setdefault(row["parent"], []).append(row["node"])
            row["depth"] = found[row["parent"]]["depth"] + 1
        else:
            row["depth"] = 0
    leaf = 0
    for number_, row in found.items():
        if number_ not in children:
            row["x"] = float(leaf)
            leaf += 1
    for number_ in sorted(children, reverse=True):
        found[number_]["x"] = sum(found[c]["x"] for c in children[number_]) / len(children[number_])
    return list(found.values())


def _heading(row: Mapping[str, Any], units: Mapping[str, str | None], settings: FigureSettings) -> str:
    """The biomarker of a split node, with its unit where it is split by a threshold."""
    label = settings.label(row["biomarker"])
    return label if row["threshold"] is None else with_unit(label, unit_text(units.get(row["biomarker"])))


def _links(placed: Rows) -> Rows:
    found = {row["node"]: row for row in placed}
    links = []
    for row in placed:
        if row["parent"] is None:
            continue
        above = found[row["parent"]]
        if above["threshold"] is not None:
            sign = "\N{LESS-THAN OR EQUAL TO}" if row["side"] == "left" else ">"
            text = f"{sign} {number(above['threshold'])}"
        else:
            listed = ", ".join(above["categories"])
            text = listed if row["side"] == "left" else f"not {listed}"
        links.append(
            {
                "x": above["x"], "y": above["depth"] + 0.14, "x2": row["x"],
                "y2": row["depth"] + (0.02 if row["biomarker"] is None else -0.34),
                "tx": 0.45 * above["x"] + 0.55 * row["x"], "ty": above["depth"] + 0.14 + 0.55 * (0.86 if row["biomarker"] is None else 0.5),
                "text": text,
            }
        )  # fmt: skip
    return links


def _draw_importances(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    found = tables["results"].filter(
        pl.col("analysis_id").is_in(settings.forests)
        & pl.col("stat_name").is_in(["importance", "importance_se", "p"])
        & pl.col("method").is_in(["conditional_forest", "random_forest"])
        & pl.col("error").is_null()
    )
    made = (_importances(part, settings) for part in found.partition_by("analysis_id", "method", maintain_order=True))
    return tuple(drawn for drawn in made if drawn is not None)


def _importances(part: pl.DataFrame, settings: FigureSettings) -> Drawn | None:
    name, method = part["analysis_id"][0], part["method"][0]
    keys = ["endpoint", "biomarker"]
    wide = part.group_by(keys, maintain_order=True).agg(
        n=pl.col("n").max(),
        **{s: pl.col("value").filter(pl.col("stat_name") == s).first() for s in ("importance", "importance_se", "p")},
    )
    top = (
        wide.sort("importance", descending=True, maintain_order=True)
        .group_by("endpoint", maintain_order=True)
        .head(_SHOWN)
        .filter(pl.col("importance") > 0)
    )
    if top.is_empty():
        return None
    panels = []
    data: dict[str, Rows] = {}
    drawn = top.with_columns(
        low=pl.col("importance") - pl.col("importance_se"),
        high=pl.col("importance") + pl.col("importance_se"),
        label=pl.col("biomarker").map_elements(settings.label, return_dtype=pl.String),
    )
    endpoints = drawn["endpoint"].unique(maintain_order=True).to_list()
    for index, endpoint in enumerate(endpoints):
        mine = drawn.filter(pl.col("endpoint") == endpoint)
        data[f"e{index}"] = rows(mine)
        y = {
            "field": "label",
            "type": "nominal",
            "sort": mine["label"].to_list(),
            "title": None,
            "axis": {"grid": False, "ticks": False, "labelLimit": 300},
        }
        x = {
            "field": "importance",
            "type": "quantitative",
            "title": "Rise of the squared error out of bag when permuted",
            "scale": {"zero": True, "nice": True},
            "axis": {"tickCount": 5, "format": "~g"},
        }
        panels.append(
            {
                "title": f"{settings.label(endpoint)} (n = {max(mine['n'].to_list()):,})",
                "width": 360,
                "height": 18 * mine.height,
                "layer": [
                    layer(f"e{index}", {"type": "rule", "color": BLUE, "strokeWidth": 1.5}, x={**x, "field": "low"}, x2={"field": "high"}, y=y),
                    layer(
                        f"e{index}",
                        {"type": "point", "filled": True, "color": BLUE, "size": 45, "opacity": 1},
                        x=x,
                        y=y,
                        tooltip=[tip("label", "biomarker"), tip("importance", "importance", number=True), tip("p", "P", number=True)],
                    ),
                ],
            }
        )  # fmt: skip
    return Drawn(
        name=file_name("importance", name, method),
        title="Importance of biomarkers: " + settings.label(method).lower(),
        caption=f"The {_SHOWN} biomarkers of largest importance above 0 for each endpoint; lines: one standard error over trees. Importance "
        "is a rank of what the forest uses, not an effect: correlated biomarkers share it, and its size depends on the endpoint.",
        spec=chart({"vconcat": panels, "spacing": 24}, data | {"drawn": rows(drawn)}),
        data=drawn,
    )


TREE = Figure(
    code="conditional_tree",
    label="Conditional inference tree",
    section="forests",
    needs=(TREES, PARAMETERS),
    draw=_draw_trees,
    shows="The splits of a conditional inference tree with their P values, and how many of each leaf have the event",
    citation="Hothorn 2006, J Comput Graph Stat 15:651",
)
IMPORTANCE = Figure(
    code="forest_importance",
    label="Importance of biomarkers to a forest",
    section="forests",
    needs=(RESULTS,),
    draw=_draw_importances,
    shows="The biomarkers whose permutation raises the error of a forest most, endpoint by endpoint",
    citation="Strobl 2007, BMC Bioinformatics 8:25",
)
