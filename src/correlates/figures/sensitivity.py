"""Exposure parameters under other rules: how far the values move, and the P value with them."""

from __future__ import annotations

from typing import Any

import polars as pl

from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.response import panel_title
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import CLASSES, GREY, INK, SHAPES, chart, layer, rows, tip
from correlates.rounding import number
from correlates.schema import EXPOSURE_RULES

_RULES = {
    "linear": "linear",
    "linear_up_log_down": "linear up, log down",
    "linear_log": "linear to peak, then log",
    "log": "logarithmic",
}
_BELOW = {"zero": "0", "half": "½", "limit": "1", "drop": "–"}
_P_TICKS = (1.0, 0.2, 0.05, 0.01, 0.001, 1e-4, 1e-5, 1e-6, 1e-8)


def _draw(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    frame = tables["exposure_rules"].filter(pl.col("analysis_id").is_in(list(settings.sensitivities)))
    made = []
    for (analysis, parameter), part in frame.group_by("analysis_id", "parameter", maintain_order=True):
        made.append(_one(str(analysis), str(parameter), part, settings))
    return tuple(made)


def _names(frame: pl.DataFrame) -> pl.Expr:
    """A variant in words: the rule, and what values below the limit count as in multiples of their limit."""
    below = pl.concat_str(
        *(pl.col(c).replace_strict(_BELOW, return_dtype=pl.String) for c in ("before", "between", "after")),
        separator=" ",
    )
    parts = [pl.col("rule").replace_strict(_RULES, return_dtype=pl.String), pl.lit(" | "), below]
    for column in ("at_start", "at_end"):
        if frame[column].n_unique() > 1:
            parts += [pl.lit(" | "), pl.col(column).str.replace_all("_", " ")]
    return pl.concat_str(*parts) + pl.when("declared").then(pl.lit(" (declared)")).otherwise(pl.lit(""))


def _one(analysis: str, parameter: str, frame: pl.DataFrame, settings: FigureSettings) -> Drawn:
    tested = [e for e in frame["endpoint"].unique(maintain_order=True) if e]
    data = frame.with_columns(
        name=_names(frame),
        tested=pl.when(pl.col("endpoint") == "").then(None).otherwise("endpoint"),
    ).select(
        "variant",
        "name",
        "declared",
        "n",
        "n_lost",
        percent_median=pl.col("median_difference") * 100,
        percent_largest=pl.col("largest_difference") * 100,
        endpoint=pl.col("tested").replace({e: panel_title(settings.label(e)) for e in tested}),
        p="p",
    )
    order = data.sort("variant")["name"].unique(maintain_order=True).to_list()
    y: dict[str, Any] = {
        "field": "name",
        "type": "nominal",
        "sort": order,
        "title": None,
        "axis": {"domain": False, "ticks": False, "offset": 8, "labelFontSize": 10, "labelLimit": 330},
    }
    bold = {"condition": {"test": "datum.declared", "value": INK}, "value": GREY}
    span = {"title": "Difference from the declared value (%)", "type": "quantitative"}
    says = [
        tip("name", "variant"),
        tip("percent_median", "median difference (%)", number=True),
        tip("percent_largest", "largest difference (%)", number=True),
        tip("n", "subjects", number=True),
        tip("n_lost", "of the declared lost", number=True),
    ]
    height = {"step": 15}
    left = {
        "width": 190,
        "height": height,
        "layer": [
            layer(
                "drawn",
                {"type": "rule", "strokeWidth": 1.5},
                y=y,
                x={**span, "field": "percent_median"},
                x2={"field": "percent_largest"},
                color=bold,
            ),
            layer(
                "drawn",
                {"type": "point", "filled": True, "size": 40, "opacity": 1},
                y=y,
                x={**span, "field": "percent_median"},
                color=bold,
                tooltip=says,
            ),
            layer(
                "drawn",
                {"type": "tick", "thickness": 1.5, "height": 8},
                y=y,
                x={**span, "field": "percent_largest"},
                color=bold,
            ),
        ],
    }
    panels: list[dict[str, Any]] = [left]
    known = data["p"].drop_nulls()
    if tested and known.len():
        low = min(0.04, float(known.min()) / 1.5)  # type: ignore[arg-type]
        labels = [panel_title(settings.label(e)) for e in tested]
        endpoint = {"field": "endpoint", "type": "nominal", "legend": {"orient": "bottom", "title": None}}
        x = {
            "field": "p",
            "type": "quantitative",
            "title": "P value (log scale)",
            "scale": {"type": "log", "domain": [low, 1], "reverse": True, "nice": False},
            "axis": {"values": [t for t in _P_TICKS if t >= low], "labelOverlap": "greedy", "labelSeparation": 5},
        }
        panels.append(
            {
                "width": 190,
                "height": height,
                "layer": [
                    layer("level", {"type": "rule", "strokeDash": [4, 3], "color": GREY}, x={**x, "field": "value"}),
                    layer(
                        "drawn",
                        {"type": "point", "filled": True, "size": 45, "opacity": 0.9},
                        y={**y, "axis": None},
                        x=x,
                        color={**endpoint, "scale": {"domain": labels, "range": list(CLASSES[: len(labels)])}},
                        shape={**endpoint, "scale": {"domain": labels, "range": list(SHAPES[: len(labels)])}},
                        tooltip=[tip("name", "variant"), tip("endpoint", "endpoint"), tip("p", "P value", number=True)],
                    ),
                ],
            }
        )
    body = {"hconcat": panels, "spacing": 14}
    label = settings.label(parameter)
    largest = data["percent_largest"].max()
    at_most = (
        "" if not isinstance(largest, float) else f" The largest difference of any subject is {number(largest)} %."
    )
    return Drawn(
        name=file_name("exposure_rules", analysis, parameter),
        title=f"{label} under other rules",
        caption=f"{data['variant'].n_unique()} variants. Each row: trapezoid rule | what a value below the limit counts as before the "
        "first, between, and after the last quantifiable value, in multiples of its limit (– left out). Left: median (dot) and largest "
        "(tick) difference of a subject's value from the declared one, in size. "
        + (
            "Right: P value of the association, not adjusted; dashed: .05."
            if len(panels) > 1
            else "No endpoint was asked for."
        )
        + at_most,
        spec=chart(body, {"drawn": rows(data), "level": [{"value": 0.05}]}),
        data=data,
    )


SENSITIVITIES = Figure(
    code="exposure_rules",
    label="Sensitivity of exposure to its rules",
    section="kinetics",
    needs=(EXPOSURE_RULES,),
    draw=_draw,
    shows="An exposure parameter under every trapezoid rule and every way of counting values below the limit, with its P values",
    citation="Gabrielsson and Weiner 2016, Pharmacokinetic and Pharmacodynamic Data Analysis, section 2.8 (the rules)",
)
