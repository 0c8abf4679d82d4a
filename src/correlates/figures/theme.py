"""How charts look: one typeface, one palette that colour-blind readers can tell apart, sizes for a column of 180 mm.

A chart is at most 680 px wide, which is 180 mm at the 96 px per inch of SVG: text of 11 px prints as 8 pt, the smallest (9 px)
as 7 pt. Colour never stands alone: what it tells is told by a shape, a panel or a label too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

FONT = "Helvetica, Arial, 'DejaVu Sans', sans-serif"
INK = "#222222"
GREY = "#6e6e6e"
PALE = "#d9d9d9"

# Okabe and Ito 2008: distinguishable with every common colour-vision deficiency
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
CLASSES = (BLUE, ORANGE, VERMILION, GREEN, PURPLE, SKY)
RESPONSE_COLOURS = {
    "sCR": "#005486",
    "CR": BLUE,
    "VGPR": "#2a9bd8",
    "PR": SKY,
    "MR": "#b9c9d6",
    "SD": "#a8a8a8",
    "PD": VERMILION,
}
"""A response has one colour in every figure: the better the deeper blue, progression vermilion."""
SHAPES = ("circle", "square", "diamond", "triangle-up", "cross", "triangle-right")

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
"""Name of the grammar the specifications are written in; nothing is ever fetched from there."""

CONFIG: dict[str, Any] = {
    "font": FONT,
    "background": "white",
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelColor": INK,
        "titleColor": INK,
        "domainColor": INK,
        "tickColor": INK,
        "gridColor": "#ebebeb",
        "labelLimit": 260,
    },
    "legend": {
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "labelLimit": 320,
        "labelColor": INK,
    },
    "header": {"labelFontSize": 12, "labelFontWeight": "bold", "labelColor": INK, "title": None},
    "title": {
        "fontSize": 12,
        "fontWeight": "bold",
        "anchor": "start",
        "color": INK,
        "subtitleFontSize": 11,
        "subtitleColor": INK,
    },
    "text": {"font": FONT, "fontSize": 11, "color": INK},
    "concat": {"spacing": 12},
}

Rows = list[dict[str, Any]]


def chart(body: Mapping[str, Any], datasets: Mapping[str, Rows]) -> dict[str, Any]:
    """A whole specification: the body, the data it names, and how it looks."""
    return {"$schema": SCHEMA, "config": CONFIG, **_one_line({"datasets": datasets, **body})}


def rows(frame: pl.DataFrame) -> Rows:
    """The rows of a frame as the data of a chart."""
    return frame.to_dicts()


def layer(data: str | None, mark: Mapping[str, Any], **encoding: object) -> dict[str, Any]:
    """A mark over a named dataset; without a name, over the data of the view it is in."""
    return {**({"data": {"name": data}} if data else {}), "mark": dict(mark), "encoding": encoding}


def colours(names: Sequence[str], declared: Sequence[str] = ()) -> list[str]:
    """A colour for each name: by its place among the declared names, so that a class has one colour in every figure."""
    return [CLASSES[place % len(CLASSES)] for place in _places(names, declared)]


def shapes(names: Sequence[str], declared: Sequence[str] = ()) -> list[str]:
    """A shape for each name, by the same rule."""
    return [SHAPES[place % len(SHAPES)] for place in _places(names, declared)]


def _places(names: Sequence[str], declared: Sequence[str]) -> list[int]:
    known = [*declared, *(name for name in names if name not in declared)]
    return [known.index(name) for name in names]


def tip(field: str, title: str, *, number: bool = False) -> dict[str, Any]:
    """A line of the text that shows when a mark is pointed at."""
    line = {"field": field, "type": "quantitative" if number else "nominal", "title": title}
    return {**line, "format": ".3~g"} if number else line


def decades(low: float, high: float) -> list[float]:
    """The powers of ten inside a range."""
    return [10.0**k for k in range(-12, 13) if low <= 10.0**k <= high]


def log_axis(low: float, high: float, *, grid: bool = True) -> dict[str, Any]:
    """Axis of a logarithmic scale: labels and gridlines at powers of ten; at 1, 2 and 5 where there are fewer than two."""
    values = decades(low, high)
    if len(values) < 2:
        values = [m * 10.0**k for k in range(-12, 13) for m in (1, 2, 5) if low <= m * 10.0**k <= high]
    label = "datum.value >= 1000 && datum.value < 1e6 ? format(datum.value, ',') : format(datum.value, '~g')"
    return {"values": values, "labelExpr": label, "grid": grid}


_LINE_SEPARATORS = str.maketrans({"\u2028": " ", "\u2029": " "})


def _one_line(value: Any) -> Any:
    """A specification with a blank for every Unicode line separator in its texts.

    Vega-Lite writes the values of ``sort`` and of filters into expressions as JSON, where these two are legal; the parser of the
    expressions takes them for the end of a line, and the chart fails. No label of a chart shows them.
    """
    if isinstance(value, str):
        return value.translate(_LINE_SEPARATORS)
    if isinstance(value, Mapping):
        return {_one_line(key): _one_line(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_one_line(one) for one in value]
    return value


def literal(value: object) -> str:
    """A text, or a list of texts, as a literal of a Vega expression; it closes no quotes and no element of a page, whatever it holds."""
    text = json.dumps(_one_line(value))  # in ASCII
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def only(**fields: str) -> dict[str, str]:
    """A filter: rows whose fields have these values."""
    return {"filter": " && ".join(f"datum[{literal(field)}] === {literal(value)}" for field, value in fields.items())}


_DAYS = (0, 3, 7, 14, 28, 60, 90, 180, 270, 365, 545, 730, 1095, 1460, 1825)
_FEW_DAYS = (0, 14, 60, 365, 1095)
_FLUSH = 14  # px from the end of an axis within which a label ends there, so that it does not reach into the next panel


def day_axis(last: float, field: str = "study_day", *, few: bool = False) -> dict[str, Any]:
    """Position of a day: even steps up to about day 10, then logarithmic; ``few`` labels for a small panel."""
    return {
        "field": field,
        "type": "quantitative",
        "title": "Days after infusion",
        "scale": {"type": "symlog", "constant": 10, "domain": [0, last], "nice": False},
        "axis": {
            "values": [d for d in (_FEW_DAYS if few else _DAYS) if d <= last],
            "grid": False,
            "labelOverlap": "greedy",
            "labelSeparation": 6,
            **({"labelFlush": _FLUSH} if few else {}),
        },
    }


def log_scale(low: float, high: float) -> dict[str, Any]:
    """A logarithmic scale that ends where it is told to."""
    return {"type": "log", "domain": [low, high], "nice": False}


def with_unit(label: str, unit: str) -> str:
    """Title of an axis: label and unit."""
    if not unit or label.endswith(f" {unit}"):  # a score (score)
        return label
    return f"{label}, {unit}" if "(" in unit else f"{label} ({unit})"


def level_percent(results: pl.DataFrame) -> str:
    """Confidence level of results as it is printed, ``95 %``; those of several levels are told as such."""
    levels = sorted({json.loads(text).get("level", 0.95) for text in results["settings"].drop_nulls().unique()})
    return f"{', '.join(f'{100 * level:g}' for level in levels or [0.95])} %"
