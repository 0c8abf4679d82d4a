"""Effects in declared subgroups as a forest, and along a modifier as a band."""

from __future__ import annotations

from typing import Any

import polars as pl

from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import BLUE, GREY, INK, Rows, chart, layer, log_axis, log_scale, rows, tip, with_unit
from correlates.rounding import p_value, ratio, unit_text
from correlates.schema import PARAMETERS, RESULTS

_ROW, _NAMES, _PLOT = 18, 190, 210
_CLIP = (1 / 32, 32.0)


def _draw_forest(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    results = tables["results"].filter(
        (pl.col("method") == "subgroups") & pl.col("analysis_id").is_in(settings.subgroups) & pl.col("error").is_null()
    )
    return tuple(
        _forest(str(analysis), str(endpoint), mine, settings)
        for (analysis, endpoint), mine in results.group_by("analysis_id", "endpoint", maintain_order=True)
    )


def _forest(analysis: str, endpoint: str, mine: pl.DataFrame, settings: FigureSettings) -> Drawn:
    lines = _lines(mine, settings)
    data = pl.DataFrame([ln for ln in lines if not ln["heading"]], infer_schema_length=None)
    there = pl.concat([data["lower"], data["upper"], data["ratio"]]).drop_nulls()
    reach = min(max(float(there.max()), 1 / float(there.min()), 2.0) * 1.15, _CLIP[1])  # type: ignore[arg-type]
    measure = str(mine.filter(pl.col("stat_name") == "measure")["text"].drop_nulls().first())
    order = [ln["line"] for ln in lines]
    y = {
        "field": "line",
        "type": "nominal",
        "axis": None,
        "sort": order,
        "scale": {"type": "band", "domain": order},
    }
    label = settings.label(endpoint).replace(">= ", "\N{GREATER-THAN OR EQUAL TO}\N{NO-BREAK SPACE}")
    spec = chart(
        {
            "hconcat": [
                _text(y, len(lines), "label", _NAMES, "", bold=True),
                _text(y, len(lines), "counts", 74, "events / n"),
                _plot(y, len(lines), reach, measure),
                _text(y, len(lines), "estimate", 118, f"{measure} (95 % CI)"),
                _text(y, len(lines), "interaction", 84, "P interaction"),
            ],
            "spacing": 6,
        },
        {"lines": lines, "drawn": rows(data), "one": [{"one": 1}]},
    )
    return Drawn(
        name=file_name("subgroups", analysis, endpoint),
        title=f"{label}: effects in declared subgroups",
        caption=_caption(measure, mine),
        spec=spec,
        data=data,
    )


def _lines(mine: pl.DataFrame, settings: FigureSettings) -> Rows:
    """For each biomarker a heading and its effect in all; for each subgroup its levels, with the P of the interaction on the first."""
    lines: Rows = []
    for (code,), part in mine.group_by("biomarker", maintain_order=True):
        lines.append(_line(lines, settings.label(str(code)), heading=True))
        shown = False
        for _, result in part.group_by("result_id", maintain_order=True):
            whole = {r["stat_name"]: r for r in result.filter(pl.col("level") == "").iter_rows(named=True)}
            by = settings.label(str(whole["subgroup"]["text"]))
            levels = [lv for lv in result["level"].unique(maintain_order=True) if lv]
            for place, level in enumerate(levels):
                if level == "all" and shown:
                    continue
                got = {
                    r["stat_name"]: r["value"] for r in result.filter(pl.col("level") == level).iter_rows(named=True)
                }
                name = (
                    "All subjects" if level == "all" else f"{by}: {level}".replace(">=", "\N{GREATER-THAN OR EQUAL TO}")
                )
                interaction = p_value(whole["p"]["value"]) if place == 1 else ""
                lines.append(_line(lines, name, got=got, interaction=interaction, biomarker=str(code), level=level))
            shown = True
    return lines


def _line(
    lines: Rows,
    label: str,
    *,
    heading: bool = False,
    got: dict[str, Any] | None = None,
    interaction: str = "",
    biomarker: str = "",
    level: str = "",
) -> dict[str, Any]:
    found = got or {}
    estimate, low, high = (found.get(k) for k in ("ratio", "ratio_lower", "ratio_upper"))
    text = "" if heading else "no estimate"
    if estimate is not None:
        text = f"{ratio(estimate)} ({ratio(low)}\N{EN DASH}{ratio(high)})"
    return {
        "line": str(len(lines)),
        "label": label if heading else f"   {label}",
        "heading": heading,
        "biomarker": biomarker,
        "level": level,
        "ratio": estimate,
        "lower": low,
        "upper": high,
        "n": found.get("n"),
        "counts": "" if heading else f"{found.get('n_events', 0):.0f} / {found.get('n', 0):.0f}",
        "estimate": text,
        "interaction": interaction,
        "whole": level == "all",
    }


def _text(y: dict[str, Any], n: int, field: str, width: int, title: str, *, bold: bool = False) -> dict[str, Any]:
    mark = {"type": "text", "align": "left", "baseline": "middle", "limit": width, "fontSize": 10.5}
    text = {"field": field, "type": "nominal"}
    layers = [layer("lines", mark, y=y, x={"value": 0}, text=text)]
    if bold:
        layers = [
            {
                **layer("lines", {**mark, "limit": 2 * width, **look}, y=y, x={"value": 0}, text=text),
                "transform": [{"filter": f"datum.heading == {flag}"}],
            }
            for look, flag in (({"fontWeight": "bold"}, "true"), ({}, "false"))
        ]
    heading = {"text": title or " ", "fontSize": 10.5, "anchor": "start", "fontWeight": "normal", "offset": 4}
    return {"width": width, "height": _ROW * n, "title": heading, "layer": layers}


def _plot(y: dict[str, Any], n: int, reach: float, measure: str) -> dict[str, Any]:
    steps = [s for s in (2.0, 5.0, 20.0) if s <= reach]
    ticks = [*(1 / s for s in reversed(steps)), 1.0, *steps]

    def x(field: str) -> dict[str, Any]:
        return {
            "field": field,
            "type": "quantitative",
            "title": f"{measure.capitalize()} (95 % CI)",
            "scale": {**log_scale(1 / reach, reach), "clamp": True},
            "axis": {"values": ticks, "format": "~g", "grid": False, "titleFontSize": 10.5, "labelFontSize": 10},
        }

    shape = {
        "field": "whole",
        "type": "nominal",
        "scale": {"domain": [True, False], "range": ["diamond", "square"]},
        "legend": None,
    }
    colour = {
        "field": "whole",
        "type": "nominal",
        "scale": {"domain": [True, False], "range": [INK, BLUE]},
        "legend": None,
    }
    layers = [
        layer("one", {"type": "rule", "color": GREY, "strokeDash": [3, 3]}, x=x("one")),
        layer("drawn", {"type": "rule", "clip": True}, y=y, x=x("lower"), x2={"field": "upper"}, color=colour),
        layer(
            "drawn",
            {"type": "point", "size": 48, "filled": True, "opacity": 1},
            y=y,
            x=x("ratio"),
            color=colour,
            shape=shape,
            tooltip=[
                tip("biomarker", "biomarker"),
                tip("level", "subgroup"),
                tip("estimate", "ratio (95 % CI)"),
                tip("counts", "events / n"),
            ],
        ),
    ]
    heading = {"text": " ", "fontSize": 10.5, "anchor": "start", "offset": 4}
    return {"width": _PLOT, "height": _ROW * n, "title": heading, "layer": layers}


def _caption(measure: str, mine: pl.DataFrame) -> str:
    per = ", ".join(dict.fromkeys(mine.filter(pl.col("stat_name") == "per")["text"].drop_nulls().to_list()))
    tests = mine.filter((pl.col("stat_name") == "p") & (pl.col("level") == "")).height
    return (
        f"{measure.capitalize()} per {per} with 95 % profile interval (Firth) in all subjects with the biomarker and in each declared subgroup; no other subgroup was looked at. "
        f"P interaction: likelihood ratio that the effect is the same in all of them ({tests} test{'' if tests == 1 else 's'}, raw; the table adjusts). A difference between subgroups is judged by "
        "that P value alone, never by one interval that excludes 1 beside another that does not."
    )


def _draw_local(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    results = tables["results"].filter(
        (pl.col("method") == "local_effect")
        & pl.col("analysis_id").is_in(settings.subgroups)
        & pl.col("error").is_null()
    )
    parameters = tables["parameters"]
    return tuple(_local(mine, parameters, settings) for _, mine in results.group_by("result_id", maintain_order=True))


def _local(mine: pl.DataFrame, parameters: pl.DataFrame, settings: FigureSettings) -> Drawn:
    first = mine.row(0, named=True)
    whole = {r["stat_name"]: r for r in mine.filter(pl.col("level") == "").iter_rows(named=True)}
    modifier, per = str(whole["modifier"]["text"]), str(whole["per"]["text"])
    name = pl.col("stat_name")
    columns = (
        "modifier_low",
        "modifier_middle",
        "modifier_high",
        "ratio",
        "ratio_lower",
        "ratio_upper",
        "band_lower",
        "band_upper",
        "n_events",
    )
    data = (
        mine.filter(pl.col("level") != "")
        .group_by("level", maintain_order=True)
        .agg(pl.col("n").first(), *(pl.col("value").filter(name == c).first().alias(c) for c in columns))
    )
    low, high = float(data["modifier_low"].min()), float(data["modifier_high"].max())  # type: ignore[arg-type]
    logged = low > 0 and high / low > 20
    units = parameters.filter(pl.col("code") == modifier)["unit"].drop_nulls()
    title = with_unit(settings.label(modifier), "" if units.is_empty() else unit_text(units[0]))
    x: dict[str, Any] = {"type": "quantitative", "title": title}
    if logged:
        x |= {"scale": log_scale(low, high), "axis": {**log_axis(low, high, grid=False), "title": title}}
    else:
        x |= {"scale": {"domain": [low, high], "nice": False, "zero": False}, "axis": {"grid": False, "title": title}}
    ends = [v for c in ("band_lower", "band_upper") for v in data[c].drop_nulls()]
    reach = min(max(*ends, *(1 / v for v in ends), 2.0) * 1.1, _CLIP[1])
    y: dict[str, Any] = {
        "type": "quantitative",
        "scale": {**log_scale(1 / reach, reach), "clamp": True},
        "axis": {
            "values": [v for v in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if 1 / reach <= v <= reach],
            "format": "~g",
            "grid": False,
        },
    }
    label = settings.label(first["endpoint"]).replace(">= ", "\N{GREATER-THAN OR EQUAL TO}\N{NO-BREAK SPACE}")
    at = {"field": "modifier_middle", **x}
    layers = [
        layer("one", {"type": "rule", "color": GREY, "strokeDash": [3, 3]}, y={"field": "one", **y}),
        layer("one", {"type": "rule", "color": INK, "strokeWidth": 1}, y={"field": "overall", **y}),
        layer(
            "drawn",
            {"type": "area", "color": BLUE, "opacity": 0.14, "clip": True},
            x=at,
            y={"field": "band_lower", **y, "title": f"Odds ratio per {per}"},
            y2={"field": "band_upper"},
        ),
        layer(
            "drawn",
            {"type": "rule", "color": BLUE, "clip": True},
            x=at,
            y={"field": "ratio_lower", **y},
            y2={"field": "ratio_upper"},
        ),
        layer(
            "drawn",
            {"type": "point", "filled": True, "size": 50, "opacity": 1, "color": BLUE},
            x=at,
            y={"field": "ratio", **y},
            tooltip=[
                tip("n", "subjects", number=True),
                tip("n_events", "with the event", number=True),
                tip("ratio", "odds ratio", number=True),
                tip("modifier_low", "from", number=True),
                tip("modifier_high", "to", number=True),
            ],
        ),
    ]
    spec = chart(
        {"width": 520, "height": 260, "layer": layers},
        {"drawn": rows(data), "one": [{"one": 1, "overall": whole["ratio_overall"]["value"]}]},
    )
    sizes = data["n"]
    span = " to ".join(dict.fromkeys(str(v) for v in (sizes.min(), sizes.max())))
    return Drawn(
        name=file_name("local", str(first["analysis_id"]), str(first["biomarker"]), str(first["endpoint"]), modifier),
        title=f"{settings.label(first['biomarker'])} and {label}, along {settings.label(modifier)}",
        caption=f"Odds ratio per {per} in {data.height} overlapping windows of {span} subjects in the order of the modifier ({first['n']} in all): point at the median of the window, "
        f"with the 95 % interval of that window alone. Shaded: 95 % band that holds all windows at once. Line: all subjects, {ratio(whole['ratio_overall']['value'])}. "
        f"Test that the effect is the same along the modifier: {_said(whole['p']['value'])} (permutation). Neighbouring windows share subjects.",
        spec=spec,
        data=data,
        responsive=True,
    )


def _said(p: float | None) -> str:
    told = p_value(p)
    return f"P {told}" if told.startswith(("<", ">")) else f"P = {told}"


SUBGROUP_FOREST = Figure(
    code="subgroup_forest",
    label="Forest of subgroups",
    section="subgroups",
    needs=(RESULTS,),
    draw=_draw_forest,
    shows="Effects in declared subgroups with intervals, and the P value of each interaction",
    citation="Wang et al. 2007, N Engl J Med 357:2189-2194 (reporting of subgroup analyses)",
)

LOCAL_EFFECTS = Figure(
    code="local_effects",
    label="Local effects along a modifier",
    section="subgroups",
    needs=(RESULTS, PARAMETERS),
    draw=_draw_local,
    shows="Effect of a biomarker in overlapping windows of a continuous modifier, with a simultaneous band",
    citation="Bonetti and Gelber 2004, Biostatistics 5:465-481 (subpopulation effect pattern plots)",
)
