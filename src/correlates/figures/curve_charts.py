"""Calibration of an assay report: curves and residuals of every target, a panel each."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import (
    BLUE,
    GREY,
    INK,
    VERMILION,
    chart,
    decades,
    layer,
    log_axis,
    log_scale,
    only,
    rows,
    tip,
)
from correlates.rounding import counted, unit_text
from correlates.schema import CURVE_POINTS, CURVES
from correlates.terms import Role

PANELS = 12
"""Panels of one chart; more targets make more charts."""
_COLUMNS = 3
_WIDTH = {1: 600, 2: 280, 3: 180}
_FEW = 3  # targets that have a large chart of their own among the figures of a run
_ACCEPTED, _FAILED = "accepted", "plate failed a rule"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_DIGITS = 5  # significant figures of what is drawn


def chunks(items: Sequence[str], size: int = PANELS) -> Iterator[tuple[int, Sequence[str]]]:
    """Groups of at most ``size``, numbered from 1 where there are several, else 0."""
    several = len(items) > size
    for start in range(0, len(items), size):
        yield (start // size + 1 if several else 0), items[start : start + size]


def grid(panels: Sequence[dict[str, Any]], *, columns: int | None = None) -> dict[str, Any]:
    """Panels side by side and below each other; one panel stands alone, and can take the width of the page."""
    if len(panels) == 1:
        return dict(panels[0])
    across = columns or min(_COLUMNS, len(panels))
    return {"concat": list(panels), "columns": across, "spacing": {"row": 22, "column": 20}}


def panel_size(count: int, *, height: int = 150) -> dict[str, int]:
    """Width and height of one of so many panels."""
    across = min(_COLUMNS, count)
    return {"width": _WIDTH[across], "height": height if across > 1 else 240}


def looks(states: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour and shape of accepted and failed plates."""
    table = {_ACCEPTED: (BLUE, "circle"), _FAILED: (VERMILION, "diamond")}
    there = [s for s in table if s in states]
    legend = {"orient": "top", "title": None, "symbolSize": 55} if len(there) > 1 else None
    return {
        name: {
            "field": "state",
            "type": "nominal",
            "scale": {"domain": there, "range": [table[s][i] for s in there]},
            "legend": legend,
        }
        for i, name in enumerate(("color", "shape"))
    }


def span(values: pl.Series, factor: float = 1.4) -> tuple[float, float]:
    """Ends of a logarithmic axis around positive values."""
    kept = values.filter(values > 0)
    low, high = kept.min(), kept.max()
    assert isinstance(low, float)
    assert isinstance(high, float)
    return low / factor, high * factor


def _points(tables: Tables, models: Sequence[str]) -> pl.DataFrame:
    curves = tables["curves"].filter(pl.col("model").is_in(models) & pl.col("parameters").is_not_null())
    return (
        tables["curve_points"]
        .filter((pl.col("role") == Role.STANDARD.value) & (pl.col("nominal") > 0) & pl.col("signal").is_not_null())
        .join(curves.select("curve_id", "assay", "plate", "target", "unit", "accepted"), on="curve_id")
        .with_columns(state=pl.when("accepted").then(pl.lit(_ACCEPTED)).otherwise(pl.lit(_FAILED)))
        .sort("assay", "target", "plate", "nominal")
    )


def quantity_axis(
    values: pl.Series, unit: str, *, title: bool, field: str = "nominal", factor: float = 1.4
) -> dict[str, Any]:
    """A logarithmic axis of nominal quantities, powers of ten written as such."""
    low, high = span(values, factor)
    axis = log_axis(low, high, grid=False)
    ticks = decades(low, high)
    if len(ticks) > 1:
        first = round(math.log10(ticks[0]))
        exponents = [f"10{str(first + i).translate(_SUPERSCRIPTS)}" for i in range(len(ticks))]
        axis["labelExpr"] = f"{exponents!r}[round(log(datum.value) / LN10) - {first}]"
    return {
        "field": field,
        "type": "quantitative",
        "title": f"Nominal ({unit})" if title else None,
        "scale": log_scale(low, high),
        "axis": {**axis, "labelOverlap": True},
    }


def _draw_residuals(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    made: list[Drawn] = []
    for models, title, what, expression in (
        (
            ("linear",),
            "Residuals of the standard curves",
            "Observed less fitted Cq",
            pl.col("signal") - pl.col("fitted"),
        ),
        (
            ("4PL", "5PL"),
            "Residuals of the calibration curves",
            "Signal above fit (%)",
            100.0 * (pl.col("signal") / pl.col("fitted") - 1.0),
        ),
    ):
        points = _points(tables, models).with_columns(residual=expression)
        points = points.filter(pl.col("residual").is_finite())
        for (assay,), mine in points.group_by("assay", maintain_order=True):
            names = mine["target"].unique(maintain_order=True).to_list()
            for number, targets in chunks(names):
                made.append(_residuals(str(assay), mine, targets, title, what, number, settings))
    return tuple(made)


def _residuals(
    assay: str,
    points: pl.DataFrame,
    targets: Sequence[str],
    title: str,
    what: str,
    number: int,
    settings: FigureSettings,
) -> Drawn:
    data = points.filter(pl.col("target").is_in(targets)).select(
        "target", "plate", pl.col("nominal", "residual").round_sig_figs(_DIGITS), "used", "state"
    )
    unit = unit_text(points["unit"][0]) or "quantity"
    marks = looks(points["state"].unique().to_list())
    panels = []
    for index, target in enumerate(targets):
        mine = data.filter(pl.col("target") == target)
        y = {
            "field": "residual",
            "type": "quantitative",
            "title": what if index % _COLUMNS == 0 else None,
            "scale": {"padding": 6},
        }
        x = quantity_axis(mine["nominal"], unit, title=index >= len(targets) - _COLUMNS)
        body = [
            layer("zero", {"type": "rule", "color": GREY}, y={**y, "field": "residual"}),
            {
                **layer(
                    "drawn",
                    {"type": "point", "size": 22, "strokeWidth": 1.1, "opacity": 0.8},
                    x=x,
                    y=y,
                    **marks,
                    fill={"condition": {**marks["color"], "legend": None, "test": "datum.used"}, "value": "white"},
                    tooltip=[
                        tip("plate", "plate"),
                        tip("nominal", unit, number=True),
                        tip("residual", what, number=True),
                    ],
                ),
                "transform": [only(target=target)],
            },
        ]
        panels.append({"title": target, "layer": body, **panel_size(len(targets))})
    unused = data.filter(~pl.col("used")).height
    parts = [f"{counted(data.height, 'standard well')} of {counted(data['plate'].n_unique(), 'plate')}."]
    if "%" in what:
        parts.append("In per cent of the fitted signal, which is the residual under weight 1/y\N{SUPERSCRIPT TWO}.")
    if unused:
        parts.append(f"Open: {counted(unused, 'well')} not used for the fit.")
    suffix = (str(number),) if number else ()
    return Drawn(
        name=file_name("residuals", assay, *suffix),
        title=f"{title}: {settings.label(assay)}" + (f" ({number})" if number else ""),
        caption=" ".join(parts),
        spec=chart(grid(panels), {"drawn": rows(data), "zero": [{"residual": 0}]}),
        data=data,
        responsive=len(panels) == 1,
    )


def _draw_curves(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    made: list[Drawn] = []
    for models in (("linear",), ("4PL", "5PL")):
        points = _points(tables, models)
        for (assay,), mine in points.group_by("assay", maintain_order=True):
            names = mine["target"].unique(maintain_order=True).to_list()
            if models == ("linear",) and len(names) <= _FEW:
                continue
            lines = _lines(tables["curves"].filter((pl.col("assay") == assay) & pl.col("model").is_in(models)))
            for number, targets in chunks(names):
                made.append(_curves(str(assay), mine, lines, targets, number, settings))
    return tuple(made)


def _lines(curves: pl.DataFrame) -> pl.DataFrame:
    """Parameters of each curve as columns, all models in one form."""
    kept = curves.filter(pl.col("parameters").is_not_null())
    found = [json.loads(text) for text in kept["parameters"]]
    names = ("A", "B", "C", "D", "G")
    return kept.select("target", "plate", "slope", "intercept").with_columns(
        pl.Series(n, [f.get(n, 1.0 if n == "G" else None) for f in found], dtype=pl.Float64) for n in names
    )


_STEPS = [
    {"calculate": "sequence(0, 1.001, 0.0625)", "as": "step"},
    {"flatten": ["step"]},
    {"calculate": "pow(10, datum.from + (datum.to - datum.from) * datum.step)", "as": "nominal"},
]
_LOGISTIC = "datum.D + (datum.A - datum.D) / pow(1 + pow(datum.nominal / datum.C, datum.B), datum.G)"
_LINEAR = "datum.intercept + datum.slope * log(datum.nominal) / LN10"


def _curves(
    assay: str,
    points: pl.DataFrame,
    lines: pl.DataFrame,
    targets: Sequence[str],
    number: int,
    settings: FigureSettings,
) -> Drawn:
    straight = bool(lines["slope"].is_not_null().any())
    data = (
        points.filter(pl.col("target").is_in(targets))
        .group_by("target", "plate", "nominal", "state", maintain_order=True)
        .agg(pl.col("signal").mean(), used=pl.col("used").any())
        .filter((pl.col("signal") > 0) | straight)
        .with_columns(pl.col("nominal", "signal").round_sig_figs(_DIGITS))
    )
    ends = data.group_by("target").agg(
        **{"from": pl.col("nominal").min().log10(), "to": pl.col("nominal").max().log10()}
    )
    drawn_lines = lines.join(ends, on="target").join(
        data.select("target", "plate", "state").unique(), on=["target", "plate"]
    )
    unit = unit_text(points["unit"][0]) or "quantity"
    marks = looks(points["state"].unique().to_list())
    panels = []
    for index, target in enumerate(targets):
        mine = data.filter(pl.col("target") == target)
        low, high = span(mine["signal"])
        name = "Cq" if straight else "Signal"
        scale = {"zero": False, "padding": 5} if straight else log_scale(low, high)
        axis = {} if straight else {"axis": {**log_axis(low, high, grid=False), "labelOverlap": True}}
        y = {
            "field": "signal",
            "type": "quantitative",
            "title": name if index % _COLUMNS == 0 else None,
            "scale": scale,
        } | axis
        x = quantity_axis(mine["nominal"], unit, title=index >= len(targets) - _COLUMNS)
        body = [
            {
                **layer(
                    "lines",
                    {"type": "line", "strokeWidth": 0.8, "opacity": 0.7, "clip": True},
                    x=x,
                    y=y,
                    detail={"field": "plate", "type": "nominal"},
                    color=marks["color"],
                ),
                "transform": [
                    only(target=target),
                    *_STEPS,
                    {"calculate": _LINEAR if straight else _LOGISTIC, "as": "signal"},
                ],
            },
            {
                **layer(
                    "drawn",
                    {"type": "point", "size": 18, "strokeWidth": 1, "opacity": 0.85},
                    x=x,
                    y=y,
                    **marks,
                    fill={"condition": {**marks["color"], "legend": None, "test": "datum.used"}, "value": "white"},
                    tooltip=[
                        tip("plate", "plate"),
                        tip("nominal", unit, number=True),
                        tip("signal", name, number=True),
                    ],
                ),
                "transform": [only(target=target)],
            },
        ]
        panels.append({"title": {"text": target, "color": INK}, "layer": body, **panel_size(len(targets))})
    suffix = (str(number),) if number else ()
    drawn = {"drawn": rows(data), "lines": rows(drawn_lines)}
    return Drawn(
        name=file_name("calibration", assay, *suffix),
        title=f"Calibration curves: {settings.label(assay)}" + (f" ({number})" if number else ""),
        caption=f"Mean signal of each standard level and fitted curve, {counted(data['plate'].n_unique(), 'plate')}. "
        "Open: levels that were not used.",
        spec=chart(grid(panels), drawn),
        data=data,
        responsive=len(panels) == 1,
    )


CALIBRATION = Figure(
    code="calibration",
    label="Calibration curves",
    section="curves",
    needs=(CURVES, CURVE_POINTS),
    draw=_draw_curves,
    shows="Signal of the standards against nominal quantity with the fitted curve of every plate, a panel per target",
    citation="Gottschalk and Dunn 2005, Anal Biochem 343:54",
)
RESIDUALS = Figure(
    code="residuals",
    label="Residuals of the calibration",
    section="curves",
    needs=(CURVES, CURVE_POINTS),
    draw=_draw_residuals,
    shows="Cq residual, or relative residual of the signal, of every standard well against its nominal quantity",
    citation="ICH M10 2022; Bustin 2009, Clin Chem 55:611 (MIQE)",
)
