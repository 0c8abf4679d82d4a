"""Charts of an assay report: controls over plates, replicates, plates held together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from correlates.figures.agreement_charts import BLAND_ALTMAN
from correlates.figures.amplitude_charts import AMPLITUDES
from correlates.figures.curve_charts import (
    CALIBRATION,
    PANELS,
    RESIDUALS,
    chunks,
    grid,
    panel_size,
    span,
)
from correlates.figures.limit_charts import DETECTION
from correlates.figures.partition_charts import PARTITIONS
from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    VERMILION,
    chart,
    layer,
    log_axis,
    log_scale,
    only,
    rows,
    tip,
    with_unit,
)
from correlates.rounding import counted, unit_text
from correlates.schema.assay_review import CONTROL_RESULTS, PLATE_RATIOS, REPLICATE_SETS

_DIGITS = 5
_TICKS = (0.1, 0.2, 0.5, 0.8, 1.0, 1.25, 2.0, 5.0, 10.0)
_ROWS = 40  # plate ratios drawn
_POINTS = 4000  # replicate sets drawn one by one
_LIMITS = ((-3.0, [4, 3]), (-2.0, [2, 2]), (0.0, [1, 0]), (2.0, [2, 2]), (3.0, [4, 3]))
_IN, _WARNED, _FLAGGED = "within 2 SD", "beyond 2 SD (1_2s)", "flagged (1_3s or 2_2s)"


def _draw_controls(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    made: list[Drawn] = []
    valued = tables["control_results"].filter(pl.col("estimate") > 0)
    several = valued.filter(pl.len().over("assay", "analyte", "sample_id") > 1)
    serious = pl.col("rules").list.contains("1_3s") | pl.col("rules").list.contains("2_2s")
    states = several.with_columns(
        state=pl.when(serious)
        .then(pl.lit(_FLAGGED))
        .when(pl.col("rules").list.contains("1_2s"))
        .then(pl.lit(_WARNED))
        .otherwise(pl.lit(_IN)),
        panel=pl.format("{}, {}", "analyte", "sample_id"),
    )
    for (assay,), mine in states.group_by("assay", maintain_order=True):
        order = (
            mine.group_by("panel", maintain_order=True)
            .agg(flags=(pl.col("state") == _FLAGGED).sum())
            .sort("flags", descending=True, maintain_order=True)
        )
        chosen = order["panel"].head(2 * PANELS).to_list()
        left = order.height - len(chosen)
        for index, panels in chunks(chosen):
            made.append(_controls(str(assay), mine, panels, index, left, settings))
    return tuple(made)


def _controls(
    assay: str, frame: pl.DataFrame, names: Sequence[str], index: int, left: int, settings: FigureSettings
) -> Drawn:
    data = frame.filter(pl.col("panel").is_in(names)).select(
        "panel",
        "plate",
        "plate_order",
        pl.col("estimate", "centre", "nominal").round_sig_figs(_DIGITS),
        "log_sd",
        pl.col("z").round(3),
        "state",
        "n_plates",
    )
    limits = [
        {"panel": row["panel"], "limit": row["centre"] * 10 ** (k * row["log_sd"]), "dash": str(abs(int(k)))}
        for row in data.group_by("panel", maintain_order=True).first().iter_rows(named=True)
        if row["centre"] is not None
        for k, _ in _LIMITS
    ]
    there = [s for s in (_IN, _WARNED, _FLAGGED) if s in data["state"]]
    look = {_IN: (BLUE, "circle"), _WARNED: (ORANGE, "square"), _FLAGGED: (VERMILION, "diamond")}
    legend = {"orient": "top", "title": None, "symbolSize": 60}
    unit = unit_text(frame["unit"][0])
    size = panel_size(len(names), height=120)
    panels = []
    for place, panel in enumerate(names):
        mine = data.filter(pl.col("panel") == panel)
        drawn_limits = pl.Series([row["limit"] for row in limits if row["panel"] == panel], dtype=pl.Float64)
        low, high = span(pl.concat([mine["estimate"].cast(pl.Float64), drawn_limits]), 1.08)
        y = {
            "field": "estimate",
            "type": "quantitative",
            "title": unit if place % 3 == 0 else None,
            "scale": log_scale(low, high),
            "axis": {"tickCount": 4, "grid": False, "format": ",.3~r"},
        }
        first, last = (int(p) for p in (mine["plate_order"].min(), mine["plate_order"].max()))  # type: ignore[arg-type]
        x = {
            "field": "plate_order",
            "type": "quantitative",
            "title": "Plate, in order" if place >= len(names) - 3 else None,
            "scale": {"domain": [first - 0.5, last + 0.5], "nice": False},
            "axis": {"tickMinStep": 1, "format": "d", "grid": False},
        }
        dash = {"condition": [{"test": f"datum.dash === '{k}'", "value": v} for k, v in (("2", [5, 3]), ("3", [2, 2]))]}
        rules = {
            **layer(
                "limits",
                {"type": "rule"},
                y={**y, "field": "limit"},
                strokeDash={**dash, "value": [1, 0]},
                color={"condition": {"test": "datum.dash === '3'", "value": VERMILION}, "value": GREY},
            ),
            "transform": [only(panel=panel)],
        }
        line = {
            **layer("drawn", {"type": "line", "color": PALE, "strokeWidth": 1}, x=x, y=y),
            "transform": [only(panel=panel)],
        }
        marks = {
            **layer(
                "drawn",
                {"type": "point", "filled": True, "size": 36, "opacity": 1},
                x=x,
                y=y,
                color={
                    "field": "state",
                    "type": "nominal",
                    "scale": {"domain": there, "range": [look[s][0] for s in there]},
                    "legend": legend,
                },
                shape={
                    "field": "state",
                    "type": "nominal",
                    "scale": {"domain": there, "range": [look[s][1] for s in there]},
                    "legend": legend,
                },
                tooltip=[
                    tip("plate", "plate"),
                    tip("estimate", unit, number=True),
                    tip("z", "z", number=True),
                    tip("nominal", "nominal", number=True),
                ],
            ),
            "transform": [only(panel=panel)],
        }
        panels.append({"title": panel, "layer": [rules, line, marks], **size})
    flagged = data.filter(pl.col("state") == _FLAGGED).height
    few = data.filter(pl.col("n_plates") < 11).height
    parts = [
        "Each control over the plates in their order: geometric mean, 2 SD (dashed) and 3 SD (dotted) of log10 over all plates.",
        f"{flagged} of {data.height} results are flagged by 1_3s or 2_2s.",
    ]
    if few:
        parts.append(
            "No point can lie beyond 3 SD with fewer than eleven plates, as the limits are of the same plates."
        )
    if left:
        parts.append(f"{left} further controls are in the table.")
    suffix = (str(index),) if index else ()
    return Drawn(
        name=file_name("control_charts", assay, *suffix),
        title=f"Levey-Jennings charts: {settings.label(assay)}" + (f" ({index})" if index else ""),
        caption=" ".join(parts),
        spec=chart(grid(panels), {"drawn": rows(data), "limits": limits}),
        data=data,
        responsive=len(panels) == 1,
    )


def _draw_replicates(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    made: list[Drawn] = []
    sets = tables["replicate_sets"].filter(pl.col("spread").is_not_null() & pl.col("level").is_not_null())
    for (assay, measure), mine in sets.group_by("assay", "measure", maintain_order=True):
        names = mine["analyte"].unique(maintain_order=True).to_list()
        if len(names) <= PANELS and mine.height <= _POINTS:
            made.append(_profile(str(assay), str(measure), mine, names, settings))
        else:
            made.append(_spreads(str(assay), str(measure), mine, settings))
    return tuple(made)


def _profile(assay: str, measure: str, sets: pl.DataFrame, names: Sequence[str], settings: FigureSettings) -> Drawn:
    """Spread against level, a mark per set."""
    cq = "Cq" in measure
    unit = next(iter(sets["unit"].drop_nulls().to_list()), None)
    data = sets.select(
        "analyte", "sample_id", "plate", "role", "n", pl.col("level", "spread").round_sig_figs(_DIGITS)
    ).filter(pl.lit(cq) | (pl.col("level") > 0))
    roles = {"unknown": ("samples", BLUE), "qc": ("controls", ORANGE), "standard": ("standards", GREY)}
    data = data.with_columns(role=pl.col("role").replace({k: v[0] for k, v in roles.items()}))
    there = [v for v in roles.values() if v[0] in data["role"]]
    panels = []
    for index, name in enumerate(names):
        mine = data.filter(pl.col("analyte") == name)
        x: dict[str, Any] = {
            "field": "level",
            "type": "quantitative",
            "title": None
            if index < len(names) - 3
            else "Mean Cq"
            if cq
            else with_unit("Quantity", unit_text(unit))
            if "quantity" in measure
            else "Signal",
            "scale": {"zero": False},
            "axis": {"grid": False},
        }
        if not cq and mine.height:
            low, high = span(mine["level"].cast(pl.Float64))
            x |= {"scale": log_scale(low, high), "axis": {**log_axis(low, high, grid=False), "labelOverlap": True}}
        y = {
            "field": "spread",
            "type": "quantitative",
            "title": measure if index % 3 == 0 else None,
            "scale": {"zero": True},
        }
        mark = layer(
            "drawn",
            {"type": "point", "size": 16, "strokeWidth": 1, "opacity": 0.7},
            x=x,
            y=y,
            color={
                "field": "role",
                "type": "nominal",
                "scale": {"domain": [r[0] for r in there], "range": [r[1] for r in there]},
                "legend": {"orient": "top", "title": None, "symbolOpacity": 1},
            },
            tooltip=[
                tip("sample_id", "sample"),
                tip("plate", "plate"),
                tip("n", "wells", number=True),
                tip("level", "level", number=True),
                tip("spread", measure, number=True),
            ],
        )
        panels.append({"title": name, "layer": [{**mark, "transform": [only(analyte=name)]}], **panel_size(len(names))})
    return Drawn(
        name=file_name("replicates", assay, *([] if cq or "quantity" in measure else ["signal"])),
        title=f"Replicate wells: {settings.label(assay)}",
        caption=f"{counted(data.height, 'set')} of two wells or more on {counted(data['plate'].n_unique(), 'plate')}: {measure} against the level.",
        spec=chart(grid(panels), {"drawn": rows(data)}),
        data=data,
        responsive=len(panels) == 1,
    )


def _spreads(assay: str, measure: str, sets: pl.DataFrame, settings: FigureSettings) -> Drawn:
    """Percentiles of the spread, a row per analyte."""
    spread = pl.col("spread")
    data = (
        sets.group_by("analyte")
        .agg(
            n=pl.len(),
            **{f"p{p}": spread.quantile(p / 100, "linear").round_sig_figs(_DIGITS) for p in (5, 25, 50, 75, 95)},
        )
        .sort("analyte")
    )
    names = data["analyte"].to_list()
    y = {"field": "analyte", "type": "nominal", "title": None, "sort": names, "axis": {"ticks": False}}
    x = {"field": "p5", "type": "quantitative", "title": measure, "scale": {"zero": True}}
    says = [
        tip("analyte", "analyte"),
        tip("n", "sets", number=True),
        tip("p50", "median", number=True),
        tip("p95", "95th percentile", number=True),
    ]
    layers = [
        layer("drawn", {"type": "rule", "color": GREY}, x=x, x2={"field": "p95"}, y=y),
        layer(
            "drawn",
            {"type": "bar", "height": 7, "color": BLUE, "opacity": 0.45},
            x={**x, "field": "p25"},
            x2={"field": "p75"},
            y=y,
        ),
        layer(
            "drawn",
            {"type": "tick", "color": INK, "thickness": 2, "size": 11},
            x={**x, "field": "p50"},
            y=y,
            tooltip=says,
        ),
    ]
    return Drawn(
        name=file_name("replicates", assay),
        title=f"Replicate wells: {settings.label(assay)}",
        caption=f"{sets.height:,} sets of two wells or more. Line: 5th to 95th percentile; bar: quartiles; tick: median.",
        spec=chart({"width": 520, "height": max(60, 15 * len(names)), "layer": layers}, {"drawn": rows(data)}),
        data=data,
        responsive=True,
    )


def _draw_ratios(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    made: list[Drawn] = []
    valued = tables["plate_ratios"].filter(pl.col("ratio") > 0)
    for (assay,), mine in valued.group_by("assay", maintain_order=True):
        far = mine.with_columns(away=pl.col("ratio").log().abs()).sort("away", descending=True).head(_ROWS)
        kept = far.sort("analyte", "first_plate", "plate")
        several = kept["analyte"].n_unique() > 1
        named = pl.format("{} / {} (n = {})", "plate", "first_plate", "n")
        data = kept.select(
            row=pl.format("{}: {}", "analyte", named) if several else named,
            ratio=pl.col("ratio").round_sig_figs(_DIGITS),
            lower=pl.col("lower").round_sig_figs(_DIGITS),
            upper=pl.col("upper").round_sig_figs(_DIGITS),
            n="n",
            clear=((pl.col("lower") > 1) | (pl.col("upper") < 1)).fill_null(value=False),
        )
        low, high = span(pl.concat([data["ratio"], data["lower"].drop_nulls(), data["upper"].drop_nulls()]), 1.1)
        edges = (max(min(low, 0.9), 0.05), min(max(high, 1.1), 20.0))
        x = {
            "field": "ratio",
            "type": "quantitative",
            "title": "Ratio of results, later over earlier plate",
            "scale": {**log_scale(*edges), "clamp": True},
            "axis": {"values": [t for t in _TICKS if edges[0] <= t <= edges[1]], "format": "~g"},
        }
        y = {"field": "row", "type": "nominal", "title": None, "sort": None, "axis": {"ticks": False}}
        colour = {"condition": {"test": "datum.clear", "value": VERMILION}, "value": BLUE}
        layers = [
            layer("one", {"type": "rule", "color": GREY}, x=x),
            layer(
                "drawn",
                {"type": "rule", "strokeWidth": 1.5},
                x={**x, "field": "lower"},
                x2={"field": "upper"},
                y=y,
                color=colour,
            ),
            layer(
                "drawn",
                {"type": "point", "filled": True, "size": 40, "opacity": 1},
                x=x,
                y=y,
                color=colour,
                shape={"condition": {"test": "datum.clear", "value": "diamond"}, "value": "circle"},
                tooltip=[
                    tip("row", "plates"),
                    tip("ratio", "ratio", number=True),
                    tip("lower", "from", number=True),
                    tip("upper", "to", number=True),
                ],
            ),
        ]
        body = {"width": 420, "height": max(40, 17 * data.height), "layer": layers}
        rest = mine.height - data.height
        made.append(
            Drawn(
                name=file_name("plate_ratios", str(assay)),
                title=f"Common samples between plates: {settings.label(str(assay))}",
                caption="Geometric mean ratio with 95 % interval. Red diamonds: the interval excludes 1."
                + (f" The {data.height} furthest from 1; {rest} further pairs are in the table." if rest else ""),
                spec=chart(body, {"drawn": rows(data), "one": [{"ratio": 1}]}),
                data=data,
                responsive=True,
            )
        )
    return tuple(made)


CONTROL_CHARTS = Figure(
    code="control_charts",
    label="Levey-Jennings charts",
    section="controls",
    needs=(CONTROL_RESULTS,),
    draw=_draw_controls,
    shows="Each control sample over the plates in their order, with mean, 2 and 3 SD and the results that Westgard rules flag",
    citation="Levey and Jennings 1950, Am J Clin Pathol 20:1059; Westgard 1981, Clin Chem 27:493",
)
REPLICATES = Figure(
    code="replicate_spread",
    label="Spread of replicate wells",
    section="replicates",
    needs=(REPLICATE_SETS,),
    draw=_draw_replicates,
    shows="SD of Cq or CV of replicate wells against their level; for many analytes percentiles by analyte",
    citation="Sadler and Smith 1990, Clin Chem 36:1346 (precision profile)",
)
PLATES = Figure(
    code="plate_ratios",
    label="Plates held together by common samples",
    section="plates",
    needs=(PLATE_RATIOS,),
    draw=_draw_ratios,
    shows="Geometric mean ratio between plates of the samples measured on both, with interval",
    citation="ICH M10 2022 (cross validation)",
)

ASSAY_FIGURES = (
    CALIBRATION,
    RESIDUALS,
    DETECTION,
    REPLICATES,
    CONTROL_CHARTS,
    PLATES,
    AMPLITUDES,
    PARTITIONS,
    BLAND_ALTMAN,
)
"""Every kind of figure of an assay report beside those of a run, in its order."""
