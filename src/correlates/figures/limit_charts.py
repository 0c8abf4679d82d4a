"""Limits of an assay report: detection and precision by level, with the fitted curves and the limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from correlates.figures.curve_charts import chunks, quantity_axis
from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import BLUE, GREY, INK, ORANGE, PALE, chart, layer, only, rows, tip
from correlates.rounding import number, unit_text
from correlates.schema.assay_review import DETECTION_CURVES, DETECTION_LEVELS, DETECTION_LIMITS

_TARGETS = 6  # of one chart
_LINKS = ("probit", "logit", "cloglog")
_DASHES = ([1, 0], [5, 3], [1, 2])


def _draw_detection(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    made: list[Drawn] = []
    for (assay,), levels in tables["detection_levels"].group_by("assay", maintain_order=True):
        limits = tables["detection_limits"].filter(pl.col("assay") == assay)
        curves = tables["detection_curves"].filter(pl.col("assay") == assay)
        several = limits["analyte"].unique()
        names = [n for n in levels["analyte"].unique(maintain_order=True) if n in several]
        for index, part in chunks(names, _TARGETS):
            mine = levels.filter(pl.col("analyte").is_in(part))
            made.append(_detection(str(assay), part, mine, limits, curves, index, settings))
    return tuple(made)


def _detection(
    assay: str,
    names: Sequence[str],
    levels: pl.DataFrame,
    limits: pl.DataFrame,
    curves: pl.DataFrame,
    index: int,
    settings: FigureSettings,
) -> Drawn:
    unit = unit_text(levels["unit"][0])
    data = levels.select(
        "analyte",
        "level",
        "tested",
        "detected",
        pl.col("share_lower", "share_upper", "cv", "recovery").round_sig_figs(5),
        share=(pl.col("detected") / pl.col("tested")).round_sig_figs(5),
    )
    drawn = limits.filter(pl.col("analyte").is_in(names) & pl.col("chosen") & pl.col("value").is_not_null()).select(
        "analyte", "limit", "label", "criterion", pl.col("value", "lower", "upper").round_sig_figs(5)
    )
    fitted = curves.filter(pl.col("analyte").is_in(names)).select(
        "analyte", "curve", pl.col("level", "fitted").round_sig_figs(5)
    )
    panels = []
    for place, name in enumerate(names):
        last = place == len(names) - 1
        at = quantity_axis(data["level"], unit, title=last, field="level", factor=1.6)
        links = [link for link in _LINKS if link in fitted.filter(pl.col("analyte") == name)["curve"]]
        panels += [_shares(name, at, links), _precision(name, at, data)]
    words = [_in_words(name, drawn, unit) for name in names]
    suffix = (str(index),) if index else ()
    return Drawn(
        name=file_name("detection", assay, *suffix),
        title=f"Detection and precision by level: {settings.label(assay)}" + (f" ({index})" if index else ""),
        caption="Left: share of replicates with a Cq, with its exact 95 % interval; curves fitted on log10 quantity; band: the limit of "
        "detection with Fieller's interval. Right: CV of the back-calculated quantity of the detected replicates, with the fitted "
        f"decay; vertical line: limit of quantification. Dashed: what is asked for. {' '.join(words)}",
        spec=chart(
            {"concat": panels, "columns": 2, "spacing": {"row": 22, "column": 34}},
            {"drawn": rows(data), "limits": rows(drawn), "fitted": rows(fitted)},
        ),
        data=data,
    )


def _in_words(analyte: str, limits: pl.DataFrame, unit: str) -> str:
    told = [
        f"{'LOQ' if row['limit'].startswith('loq') else row['label']} {number(row['value'], 4)} {unit}"
        for row in limits.filter(pl.col("analyte") == analyte).iter_rows(named=True)
    ]
    return f"{analyte}: {'; '.join(told) if told else 'no limit can be given, see the table'}."


def _shares(analyte: str, x: dict[str, Any], links: Sequence[str]) -> dict[str, Any]:
    mine = [only(analyte=analyte)]
    y = {
        "type": "quantitative",
        "title": "Share detected",
        "scale": {"domain": [0, 1]},
        "axis": {"format": "%", "grid": False, "tickCount": 5},
    }
    legend = {"orient": "top", "title": None, "symbolType": "stroke", "symbolSize": 160}
    lod = {"transform": [*mine, {"filter": "!test(/^loq/, datum.limit)"}]}
    band = {
        **layer(
            "limits", {"type": "rect", "color": PALE, "opacity": 0.6}, x={**x, "field": "lower"}, x2={"field": "upper"}
        ),
        "transform": [*lod["transform"], {"filter": "datum.lower !== null && datum.upper !== null"}],
    }
    line = {**layer("limits", {"type": "rule", "color": INK}, x={**x, "field": "value"}), **lod}
    asked = {
        **layer("limits", {"type": "rule", "color": GREY, "strokeDash": [2, 2]}, y={**y, "field": "criterion"}),
        **lod,
    }
    dashes = dict(zip(_LINKS, _DASHES, strict=True))
    fits = {
        **layer(
            "fitted",
            {"type": "line", "color": GREY, "strokeWidth": 1.4, "clip": True},
            x=x,
            y={**y, "field": "fitted"},
            strokeDash={
                "field": "curve",
                "type": "nominal",
                "scale": {"domain": list(links), "range": [dashes[link] for link in links]},
                "legend": legend,
            },
        ),
        "transform": [*mine, {"filter": "datum.curve !== 'cv'"}],
    }
    spread = {
        **layer(
            "drawn", {"type": "rule", "color": BLUE}, x=x, y={**y, "field": "share_lower"}, y2={"field": "share_upper"}
        ),
        "transform": mine,
    }
    marks = {
        **layer(
            "drawn",
            {"type": "point", "filled": True, "size": 45, "color": BLUE, "opacity": 1},
            x=x,
            y={**y, "field": "share"},
            tooltip=[
                tip("level", "level", number=True),
                tip("detected", "detected", number=True),
                tip("tested", "of", number=True),
            ],
        ),
        "transform": mine,
    }
    return {
        "title": analyte,
        "layer": [band, asked, line, *([fits] if links else []), spread, marks],
        "width": 270,
        "height": 170,
    }


def _precision(analyte: str, x: dict[str, Any], data: pl.DataFrame) -> dict[str, Any]:
    mine = [only(analyte=analyte)]
    top = data.filter(pl.col("analyte") == analyte)["cv"].max()
    y = {
        "type": "quantitative",
        "title": "CV (%)",
        "scale": {"domain": [0, max(40.0, 1.1 * float(top))] if top is not None else [0, 100]},  # type: ignore[arg-type]
        "axis": {"grid": False, "tickCount": 5},
    }
    loq = {"transform": [*mine, {"filter": "test(/^loq/, datum.limit)"}]}
    line = {**layer("limits", {"type": "rule", "color": INK}, x={**x, "field": "value"}), **loq}
    asked = {
        **layer("limits", {"type": "rule", "color": GREY, "strokeDash": [2, 2]}, y={**y, "field": "criterion"}),
        **loq,
    }
    fits = {
        **layer(
            "fitted",
            {"type": "line", "color": GREY, "strokeWidth": 1.4, "clip": True},
            x=x,
            y={**y, "field": "fitted"},
        ),
        "transform": [*mine, {"filter": "datum.curve === 'cv'"}],
    }
    marks = {
        **layer(
            "drawn",
            {"type": "point", "filled": True, "shape": "diamond", "size": 50, "color": ORANGE, "opacity": 1},
            x=x,
            y={**y, "field": "cv"},
            tooltip=[
                tip("level", "level", number=True),
                tip("cv", "CV (%)", number=True),
                tip("detected", "replicates", number=True),
            ],
        ),
        "transform": [*mine, {"filter": "datum.cv !== null"}],
    }
    return {"title": " ", "layer": [asked, line, fits, marks], "width": 270, "height": 170}


DETECTION = Figure(
    code="detection",
    label="Detection and precision by level",
    section="limits",
    needs=(DETECTION_LEVELS, DETECTION_LIMITS, DETECTION_CURVES),
    draw=_draw_detection,
    shows="Share of replicates detected at each level with the fitted curves and the limit of detection; CV by level and the limit of quantification",
    citation="Forootan et al. 2017, Biomol Detect Quantif 12:1; Klymus et al. 2020, Environmental DNA 2:271",
)
