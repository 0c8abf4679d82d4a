"""One biomarker across response classes: box with whiskers to the extremes, every subject, the declared pairs' P values."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from correlates.figures.marks import QUANTIFIED, state, values
from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import (
    INK,
    Rows,
    chart,
    colours,
    layer,
    literal,
    log_axis,
    log_scale,
    rows,
    tip,
    with_unit,
)
from correlates.rounding import p_value, unit_text
from correlates.schema import ANALYSIS, PARAMETERS, RESULTS

_SPREAD = 0.3  # share of a class's width over which its subjects are spread


def _draw(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    made = (_comparison(name, tables, settings) for name in settings.comparisons)
    return tuple(drawn for drawn in made if drawn is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """A declared pair of classes with its P values, and how they were adjusted."""

    classes: tuple[str, str]
    p: float
    adjusted: float | None
    method: str

    @property
    def text(self) -> str:
        """What stands over the bracket."""
        said = _p(self.p)
        return said if self.adjusted is None else f"{said} ({self.method}-adjusted {p_value(self.adjusted)})"


def _comparison(analysis_id: str, tables: Tables, settings: FigureSettings) -> Drawn | None:
    results = tables["results"].filter(pl.col("analysis_id") == analysis_id)
    if results.is_empty():
        return None
    first = results.row(0, named=True)
    code, endpoint, population = first["biomarker"], first["endpoint"], first["population"]
    analysis = tables["analysis"]
    if not {code, endpoint} <= set(analysis.columns) or not analysis.schema[code].is_numeric():
        return None
    mask = f"population:{population}"
    inside = analysis.filter(pl.col(mask)) if mask in analysis.columns else analysis
    columns = {"subject_id": "subject_id", "value": code, "class": endpoint, "censoring": f"{code}|censoring"}
    points = inside.select(**{k: pl.col(v) for k, v in columns.items()}).drop_nulls(["value", "class"])
    order = _order(results, points, settings.order.get(endpoint, ()))
    points = points.filter(pl.col("class").is_in(order))
    if points.is_empty():
        return None
    unit = _unit(tables["parameters"], code)
    sizes = dict(points.group_by("class").agg(pl.len()).iter_rows())
    data = _placed(points, order).with_columns(state=state()).drop("censoring")
    pairs, boxes = _pairs(results, order), _boxes(results, points, order)
    ticks = [[settings.class_label(c), f"n = {sizes[c]}"] for c in order]
    palette = colours(order, settings.order.get(endpoint, ()))
    spec = _spec(
        data, boxes, pairs, dict(zip(order, palette, strict=True)), ticks, with_unit(settings.label(code), unit)
    )
    return Drawn(
        name=file_name("compare", analysis_id),
        title=f"{settings.label(code)} by {settings.label(endpoint).lower()}",
        caption=_caption(results, data, pairs, boxes),
        spec=spec,
        data=data,
    )


def _order(results: pl.DataFrame, points: pl.DataFrame, declared: tuple[str, ...]) -> list[str]:
    """The classes compared that have a value, in the order of the endpoint; else in the order of the results."""
    told = results.filter((pl.col("stat_name") == "n") & (pl.col("level") != ""))["level"]
    compared = told.unique(maintain_order=True).to_list() or points["class"].unique().sort().to_list()
    there = set(points["class"])
    known = [c for c in declared if c in compared and c in there]
    return known + [c for c in compared if c in there and c not in known]


def _caption(results: pl.DataFrame, data: pl.DataFrame, pairs: list[_Pair], boxes: Rows) -> str:
    parts = [f"{data.height} subjects."]
    if boxes:
        parts.append("Box: median and quartiles; whiskers: minimum and maximum; points: subjects.")
    if pairs:
        methods = sorted({p.method for p in pairs if p.method})
        adjusted = f" and {', '.join(methods)}-adjusted among the declared pairs" if methods else ""
        parts.append(f"Brackets: Wilcoxon rank-sum, two-sided P unadjusted{adjusted}.")
    overall = results.filter(
        (pl.col("stat_name") == "p") & (pl.col("level") == "") & (pl.col("method") == "kruskal_wallis")
    )
    if overall.height and overall["value"][0] is not None:
        parts.append(f"Kruskal-Wallis over the classes: {_p(overall['value'][0])}.")
    censored = data.filter(pl.col("state") != QUANTIFIED).height
    if censored:
        parts.append(f"{censored} values beyond a limit of quantification are drawn at it (open triangles).")
    return " ".join(parts)


def _unit(parameters: pl.DataFrame, code: str) -> str:
    units = parameters.filter((pl.col("code") == code) & pl.col("unit").is_not_null())["unit"]
    return "" if units.is_empty() else unit_text(units[0])


def _placed(points: pl.DataFrame, order: list[str]) -> pl.DataFrame:
    """Subjects side by side within their class, in the order of a van der Corput sequence over their rank."""

    def offset(rank: int) -> float:
        share, base, index = 0.0, 0.5, rank + 1
        while index:
            share += base * (index & 1)
            index >>= 1
            base /= 2
        return (share - 0.5) * 2 * _SPREAD

    ranked = points.sort("class", "value", "subject_id").with_columns(
        rank=pl.col("value").rank("ordinal").over("class") - 1
    )
    centre = {c: float(i) for i, c in enumerate(order)}
    return ranked.with_columns(
        x=pl.col("class").replace_strict(centre, return_dtype=pl.Float64)
        + pl.col("rank").map_elements(offset, return_dtype=pl.Float64)
    ).drop("rank")


def _boxes(results: pl.DataFrame, points: pl.DataFrame, order: list[str]) -> Rows:
    """Median and quartiles of each class as the results have them; the whiskers reach the extremes of the points."""
    told: dict[str, dict[str, float]] = {}
    for row in results.filter(pl.col("stat_name").is_in(["median", "q1", "q3"])).iter_rows(named=True):
        if row["value"] is not None:
            told.setdefault(row["level"], {})[row["stat_name"]] = row["value"]
    ends = {
        name: (low, high)
        for name, low, high in points.group_by("class")
        .agg(low=pl.col("value").min(), high=pl.col("value").max())
        .iter_rows()
    }
    return [
        {
            "class": c,
            "x": float(i),
            "left": i - 0.38,
            "right": i + 0.38,
            "low": ends[c][0],
            "high": ends[c][1],
            **told[c],
        }
        for i, c in enumerate(order)
        if len(told.get(c, {})) == 3
    ]


def _pairs(results: pl.DataFrame, order: list[str]) -> list[_Pair]:
    """The declared pairs of drawn classes with a P value, the narrow ones first."""
    said = results.filter(pl.col("stat_name").is_in(["p", "p_adjusted"]) & pl.col("value").is_not_null())
    found: dict[str, dict[str, float]] = {}
    methods: dict[str, str] = {}
    for level, stat, value, label in said.select("level", "stat_name", "value", "stat_label").iter_rows():
        found.setdefault(level, {})[stat] = value
        if stat == "p_adjusted":
            methods[level] = label.partition("(")[2].rstrip(")")
    pairs = []
    for row in results.unique("analysis_id").iter_rows(named=True):
        settings = json.loads(row["settings"])
        for one, two in settings.get("pairs", ()):
            values = found.get(f"{one} vs {two}", {})
            if "p" in values and {one, two} <= set(order):
                adjusted, method = values.get("p_adjusted"), methods.get(f"{one} vs {two}", "")
                pairs.append(_Pair(classes=(one, two), p=values["p"], adjusted=adjusted, method=method))
    place = {c: i for i, c in enumerate(order)}
    return sorted(pairs, key=lambda p: abs(place[p.classes[0]] - place[p.classes[1]]))


def _p(value: float) -> str:
    text = p_value(value)
    return f"P {text}" if text[0] in "<>" else f"P = {text}"


def _spec(
    data: pl.DataFrame, boxes: Rows, pairs: list[_Pair], palette: Mapping[str, str], ticks: list[list[str]], title: str
) -> dict[str, Any]:
    order = list(palette)
    low, high = float(data["value"].min()), float(data["value"].max())  # type: ignore[arg-type]
    log = low > 0
    step = ((math.log(high / low) if log else high - low) or 1.0) * 0.1
    bottom, top = _up(low, -step * 0.5, log=log), _up(high, step * (len(pairs) + 0.5), log=log)

    def y(field: str) -> dict[str, Any]:
        scale = log_scale(bottom, top) if log else {"domain": [bottom, top], "nice": False, "zero": False}
        axis = log_axis(bottom, high) if log else {"tickCount": 6, "format": "~g"}
        return {"field": field, "type": "quantitative", "title": title, "scale": scale, "axis": axis}

    x = {
        "field": "x",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [-0.6, len(order) - 0.4], "nice": False},
        "axis": {
            "values": list(range(len(order))),
            "labelExpr": f"{literal(ticks)}[datum.value]",
            "grid": False,
            "ticks": False,
            "labelPadding": 6,
        },
    }
    colour = {
        "field": "class",
        "type": "nominal",
        "scale": {"domain": order, "range": list(palette.values())},
        "legend": None,
    }
    layers = [
        layer("boxes", {"type": "rule", "color": INK}, x=x, y=y("low"), y2={"field": "high"}),
        *(
            layer(
                "boxes",
                {"type": "rule", "color": INK},
                x={**x, "field": "cap_left"},
                x2={"field": "cap_right"},
                y=y(end),
            )
            for end in ("low", "high")
        ),
        layer(
            "boxes",
            {"type": "rect", "fillOpacity": 0.15, "stroke": INK, "strokeWidth": 1},
            x={**x, "field": "left"},
            x2={"field": "right"},
            y=y("q1"),
            y2={"field": "q3"},
            color=colour,
        ),
        layer(
            "boxes",
            {"type": "rule", "strokeWidth": 2.5, "color": INK},
            x={**x, "field": "left"},
            x2={"field": "right"},
            y=y("median"),
        ),
        *values(
            "drawn",
            data["state"],
            size=30,
            opacity={"value": 0.9},
            x=x,
            y=y("value"),
            color=colour,
            tooltip=[tip("subject_id", "subject"), tip("value", title, number=True), tip("state", "value is")],
        ),
        *_brackets(x, y),
    ]
    place = {c: float(i) for i, c in enumerate(order)}
    rungs = [_bracket(pair, place, _up(high, step * (rung + 0.75), log=log)) for rung, pair in enumerate(pairs)]
    drops = [
        {"x": end, "y": rung["y"], "down": _up(high, step * (i + 0.6), log=log)}
        for i, rung in enumerate(rungs)
        for end in (rung["x"], rung["x2"])
    ]
    caps = [{**box, "cap_left": box["x"] - 0.1, "cap_right": box["x"] + 0.1} for box in boxes]
    body = {"width": max(240, 130 * len(order)), "height": 350, "layer": layers}
    return chart(body, {"drawn": rows(data), "boxes": caps, "pairs": rungs, "ends": drops})


def _brackets(x: Mapping[str, Any], y: Any) -> list[dict[str, Any]]:
    return [
        layer("pairs", {"type": "rule", "color": INK}, x=x, x2={"field": "x2"}, y=y("y")),
        layer("ends", {"type": "rule", "color": INK}, x=x, y=y("y"), y2={"field": "down"}),
        layer(
            "pairs",
            {"type": "text", "baseline": "bottom", "dy": -2},
            x={**x, "field": "middle"},
            y=y("y"),
            text={"field": "text", "type": "nominal"},
        ),
    ]


def _bracket(pair: _Pair, place: Mapping[str, float], y: float) -> dict[str, Any]:
    left, right = sorted(place[c] for c in pair.classes)
    return {"x": left, "x2": right, "middle": (left + right) / 2, "y": y, "text": pair.text}


def _up(value: float, step: float, *, log: bool) -> float:
    return value * math.exp(step) if log else value + step


COMPARISON = Figure(
    code="comparison",
    label="Biomarker by response class",
    section="associations",
    needs=(ANALYSIS, PARAMETERS, RESULTS),
    draw=_draw,
    shows="One biomarker across the classes of an endpoint, with the P values of the declared pairs",
    citation="Locke 2020, Blood Adv 4:4898, Figure 1E; whiskers to the extremes as Neelapu 2017, N Engl J Med 377:2531, Figure 3",
)
