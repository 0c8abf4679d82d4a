"""Nomogram of a declared logistic model: points of each covariate, and the probability that their sum stands for."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import polars as pl

from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import INK, chart, layer, rows, tip, with_unit
from correlates.rounding import number, unit_text
from correlates.schema import MODELS
from correlates.stats.transforms import transformed

_APART = 8.0  # points between two texts
_CHANCES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)


def _draw(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    found = tables["models"].filter(pl.col("stat_name") == "json")
    made = [
        _nomogram(name, json.loads(text), settings) for name, text in found.select("analysis_id", "text").iter_rows()
    ]
    return tuple(drawn for drawn in made if drawn is not None)


def _nomogram(name: str, model: dict[str, Any], settings: FigureSettings) -> Drawn | None:
    terms, variables = model["terms"], model["variables"]
    if model["kind"] != "logistic" or not terms or any(len(t["of"]) > 1 or t["knots"] for t in terms):
        return None
    scales = _scales(terms, variables, settings)
    widest = max(max(log for _, log in ticks) - min(log for _, log in ticks) for _, ticks in scales)
    if widest <= 0:
        return None
    unit = 100.0 / widest
    marks: list[dict[str, Any]] = []
    least = model["intercept"]
    for label, ticks in scales:
        low = min(log for _, log in ticks)
        least += low
        marks += _spaced([{"scale": label, "points": (log - low) * unit, "text": text} for text, log in ticks])
    most = sum(max(log for _, log in ticks) - min(log for _, log in ticks) for _, ticks in scales) * unit
    total = [
        {"scale": "Probability", "points": at, "text": number(p, 2)}
        for p in _CHANCES
        if 0 <= (at := (math.log(p / (1 - p)) - least) * unit) <= most
    ]
    data = pl.DataFrame(marks + total, schema={"scale": pl.String, "points": pl.Float64, "text": pl.String})
    spec = chart(
        {
            "vconcat": [
                _panel([label for label, _ in scales], "above", 100.0, "Points of each covariate"),
                _panel(["Probability"], "below", most, "Total points"),
            ]
        },
        {
            "drawn": rows(data),
            "above": rows(data.filter(pl.col("scale") != "Probability")),
            "below": rows(data.filter(pl.col("scale") == "Probability")),
        },
    )
    return Drawn(
        name=file_name("nomogram", name),
        title=f"Nomogram: {model['label']}, {name.replace('_', ' ')}; n = {model['n']}",
        caption="Read the points above each value, add them, and read the probability at their total below. It shows what the model says, "
        "for the ranges it was made from; whether it is right, the corrected performance tells. Not for use on patients.",
        spec=spec,
        data=data,
    )


def _spaced(ticks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The ticks from left to right, without the texts that would stand on another; the two ends keep theirs."""
    placed = sorted(ticks, key=lambda t: t["points"])
    end = placed[-1]["points"]
    last = -math.inf
    for i, tick in enumerate(placed):
        at = tick["points"]
        inner = 0 < i < len(placed) - 1
        if inner and (at - last < _APART or end - at < _APART):
            tick["text"] = ""
        else:
            last = at
    return placed


def _scales(
    terms: list[dict[str, Any]], variables: list[dict[str, Any]], settings: FigureSettings
) -> list[tuple[str, list[tuple[str, float]]]]:
    """Of each covariate: its label, and values with what each adds to the log odds."""
    found: list[tuple[str, list[tuple[str, float]]]] = []
    classes: dict[str, list[tuple[str, float]]] = {}
    for term in terms:
        variable = variables[term["of"][0]]
        label = settings.label(variable["code"])
        if "classes" in variable:
            if label not in classes:
                classes[label] = [(variable["classes"][0], 0.0)]
                found.append((label, classes[label]))
            classes[label].append((variable["is"], term["coefficient"]))
            continue
        ticks = []
        for value in _ticks(*variable["range"], log=variable["take"].startswith("log")):
            scaled = float(transformed(np.array([value]), variable["take"])[0])
            ticks.append((number(value), term["coefficient"] * (scaled - variable["centre"]) / variable["divided_by"]))
        found.append((with_unit(label, unit_text(variable["unit"])), ticks))
    return found


def _ticks(low: float, high: float, *, log: bool) -> list[float]:
    """About five round values that span the range."""
    if log:
        first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
        decades = [10.0**k for k in range(first, last + 1)]
        step = max(1, len(decades) // 5)
        return decades[::step] if len(decades) > 2 else [low, math.sqrt(low * high), high]
    if high <= low:
        return [low]
    rough = (high - low) / 4
    size = 10.0 ** math.floor(math.log10(rough))
    step_size = min((m * size for m in (1, 2, 5, 10)), key=lambda s: abs(s - rough))
    first = math.ceil(low / step_size)
    return [k * step_size for k in range(first, math.floor(high / step_size) + 1)]


def _panel(labels: list[str], data: str, top: float, title: str) -> dict[str, Any]:
    x = {
        "field": "points",
        "type": "quantitative",
        "title": title,
        "scale": {"domain": [0, top], "nice": False, "padding": 16},
        "axis": {"orient": "top", "tickCount": 10, "grid": True},
    }
    y = {
        "field": "scale",
        "type": "nominal",
        "sort": labels,
        "title": None,
        "axis": {"labelLimit": 340, "minExtent": 200, "domain": False, "ticks": False},
    }
    says = [tip("scale", "covariate"), tip("text", "value"), tip("points", "points", number=True)]
    return {
        "width": 420,
        "height": {"step": 38},
        "layer": [
            layer(data, {"type": "line", "color": INK, "strokeWidth": 1}, x=x, y=y, detail={"field": "scale"}),
            layer(data, {"type": "tick", "color": INK, "thickness": 1.2, "size": 10}, x=x, y=y, tooltip=says),
            layer(
                data,
                {"type": "text", "dy": 13, "fontSize": 10, "color": INK},
                x=x,
                y=y,
                text={"field": "text", "type": "nominal"},
            ),
        ],
    }


NOMOGRAM = Figure(
    code="nomogram",
    label="Nomogram of a multivariable model",
    section="models",
    needs=(MODELS,),
    draw=_draw,
    shows="points of each covariate of a logistic model without splines and products, and the probability at their total",
    citation="Harrell, Regression Modeling Strategies, 2nd ed. 2015, section 5.5.2",
)
