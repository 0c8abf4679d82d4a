"""How charts look: one typeface, one palette that colour-blind readers can tell apart, units on every axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

FONT = "Helvetica, Arial, 'DejaVu Sans', sans-serif"
INK = "#222222"
GREY = "#8a8a8a"
PALE = "#d9d9d9"

# Okabe and Ito 2008: distinguishable with every common colour-vision deficiency
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, YELLOW = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
)
CLASSES = (BLUE, ORANGE, VERMILION, GREEN, PURPLE, SKY)

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
        "gridColor": "#eeeeee",
        "labelLimit": 260,
    },
    "legend": {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal", "labelLimit": 260},
    "header": {"labelFontSize": 12, "titleFontSize": 12, "labelFontWeight": "bold"},
    "title": {"fontSize": 13, "fontWeight": "bold", "anchor": "start", "color": INK},
    "text": {"font": FONT, "fontSize": 11, "color": INK},
}


def colours(names: list[str]) -> list[str]:
    """A colour for each name, in order; they repeat after six."""
    return [CLASSES[i % len(CLASSES)] for i in range(len(names))]


def inline(rows: Sequence[dict[str, Any]]) -> alt.Data:
    """Rows as the data of a chart."""
    return alt.Data(values=list(rows))  # type: ignore[no-untyped-call]  # altair leaves this constructor untyped
