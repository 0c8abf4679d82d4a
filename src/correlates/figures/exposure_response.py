"""Exposure and response: the probability of efficacy and of toxicity along one biomarker, and the window between them."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import (
    BLUE,
    GREEN,
    VERMILION,
    chart,
    layer,
    log_axis,
    log_scale,
    rows,
    tip,
    with_unit,
)
from correlates.rounding import number, percent, unit_text
from correlates.schema import ANALYSIS, RESULTS

_WIDTH, _HEIGHT, _STRIP = 560, 270, 70
_METHOD = "efficacy_against_toxicity"
_SIDES = ("efficacy", "toxicity")


def _draw(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    results = tables["results"].filter(
        (pl.col("method") == _METHOD) & pl.col("analysis_id").is_in(list(settings.maps)) & pl.col("error").is_null()
    )
    with_curves = results.filter(pl.col("stat_name") == "exposure")["result_id"].unique(maintain_order=True)
    several = results["population"].n_unique() > 1
    return tuple(
        _curves(results.filter(pl.col("result_id") == r), tables["analysis"], settings, told=several)
        for r in with_curves
    )


def _curves(mine: pl.DataFrame, analysis: pl.DataFrame, settings: FigureSettings, *, told: bool) -> Drawn:
    first = mine.row(0, named=True)
    rules = json.loads(first["settings"])
    asked = {"efficacy": rules["efficacy_at_least"], "toxicity": rules["toxicity_at_most"]}
    sides = settings.label(first["endpoint"]).split(" | ")
    named = {
        s: t.replace(">= ", "\N{GREATER-THAN OR EQUAL TO}\N{NO-BREAK SPACE}")
        for s, t in zip(_SIDES, sides, strict=True)
    }
    whole = {r["stat_name"]: r for r in mine.filter(pl.col("level") == "").iter_rows(named=True)}
    data = _data(mine, named)
    exposures = data["exposure"]
    low, high = float(exposures.min()), float(exposures.max())  # type: ignore[arg-type]
    unit = unit_text(whole["observed_lower"]["unit"])
    logged = low > 0 and str(whole["per"]["text"]).endswith("log2")
    title = with_unit(settings.label(first["biomarker"]), unit)
    x = _axis(title, low, high, logged=logged)
    window = (whole["window_lower"]["value"], whole["window_upper"]["value"])
    ticks = _ticks(first, analysis, named)
    population = settings.label(first["population"]) if told else ""
    spec = chart(
        {
            "vconcat": [_panel(x, named, window, ticks), _strip(x, named["efficacy"])],
            "spacing": 14,
        },
        {
            "drawn": rows(data),
            "asked": [{"side": named[s], "at": asked[s]} for s in _SIDES],
            "window": [{"low": window[0], "high": window[1], "zero": 0.0, "one": 1.0}] if window[0] is not None else [],
            "ticks": ticks,
        },
    )
    return Drawn(
        name=file_name(
            "exposure",
            str(first["analysis_id"]),
            str(first["biomarker"]),
            str(first["endpoint"]).replace(" & ", "-"),
            *([str(first["population"])] if told else []),
        ),
        title=f"{settings.label(first['biomarker'])}: {named['efficacy']} and {named['toxicity']}"
        + (f", {population}" if population else ""),
        caption=_caption(whole, mine, asked, named, unit),
        spec=spec,
        data=data,
    )


def _data(mine: pl.DataFrame, named: dict[str, str]) -> pl.DataFrame:
    """One row per exposure and endpoint: probability with limits, and the probability that both conditions hold."""
    name = pl.col("stat_name")

    def value(stat: str) -> pl.Expr:
        return pl.col("value").filter(name == stat).first()

    wide = (
        mine.filter(pl.col("level").str.starts_with("at "))
        .group_by("level", maintain_order=True)
        .agg(
            exposure=value("exposure"),
            both=value("both_probability"),
            **{f"{s}{e}": value(f"{s}_probability{e}") for s in _SIDES for e in ("", "_lower", "_upper")},
        )
        .drop_nulls("exposure")
    )
    return pl.concat(
        [
            wide.select(
                "exposure",
                "both",
                endpoint=pl.lit(named[side]),
                probability=side,
                lower=f"{side}_lower",
                upper=f"{side}_upper",
            )
            for side in _SIDES
        ]
    )


def _axis(title: str, low: float, high: float, *, logged: bool) -> dict[str, Any]:
    if logged:
        return {
            "type": "quantitative",
            "scale": log_scale(low, high),
            "axis": {**log_axis(low, high, grid=False), "title": title},
        }
    scale = {"domain": [low, high], "nice": False, "zero": False}
    return {"type": "quantitative", "scale": scale, "axis": {"title": title, "grid": False}}


def _panel(
    x: dict[str, Any],
    named: dict[str, str],
    window: tuple[float | None, float | None],
    ticks: list[dict[str, Any]],
) -> dict[str, Any]:
    colour = {
        "field": "endpoint",
        "type": "nominal",
        "scale": {"domain": list(named.values()), "range": [BLUE, VERMILION]},
        "legend": {"orient": "top", "title": None, "symbolType": "stroke", "symbolStrokeWidth": 3, "symbolOpacity": 1},
    }
    dash = {
        "field": "endpoint",
        "type": "nominal",
        "scale": {"domain": list(named.values()), "range": [[1, 0], [7, 3]]},
        "legend": {"orient": "top", "title": None},
    }
    y = {
        "type": "quantitative",
        "scale": {"domain": [0, 1]},
        "axis": {"title": "Probability", "format": ".0%", "grid": False},
    }
    layers: list[dict[str, Any]] = []
    if window[0] is not None:
        layers.append(
            layer(
                "window",
                {"type": "rect", "color": GREEN, "opacity": 0.16},
                x={"field": "low", **x},
                x2={"field": "high"},
                y={"field": "zero", **y},
                y2={"field": "one"},
            )
        )
    layers += [
        layer(
            "drawn",
            {"type": "area", "opacity": 0.16},
            x={"field": "exposure", **x},
            y={"field": "lower", **y},
            y2={"field": "upper"},
            color=colour,
        ),
        layer(
            "drawn",
            {"type": "line", "strokeWidth": 2},
            x={"field": "exposure", **x},
            y={"field": "probability", **y},
            color=colour,
            strokeDash=dash,
            tooltip=[
                tip("endpoint", "endpoint"),
                tip("exposure", "exposure", number=True),
                tip("probability", "probability", number=True),
                tip("lower", "95 % lower", number=True),
                tip("upper", "95 % upper", number=True),
                tip("both", "both conditions hold", number=True),
            ],
        ),
        layer(
            "asked",
            {"type": "rule", "strokeDash": [2, 3], "strokeWidth": 1},
            y={"field": "at", **y},
            color={**colour, "field": "side"},
        ),
    ]
    if ticks:
        layers.append(
            layer(
                "ticks",
                {"type": "tick", "orient": "vertical", "size": 7, "thickness": 1, "clip": True},
                x={"field": "exposure", **x},
                y={"field": "at", **y},
                color={**colour, "field": "side"},
            )
        )
    return {"width": _WIDTH, "height": _HEIGHT, "layer": layers}


def _strip(x: dict[str, Any], one: str) -> dict[str, Any]:
    y = {
        "field": "both",
        "type": "quantitative",
        "stack": None,
        "scale": {"domain": [0, 1]},
        "axis": {"title": ["Both", "hold"], "format": ".0%", "values": [0, 0.5, 1], "grid": True},
    }
    area = layer(
        "drawn",
        {"type": "area", "color": GREEN, "opacity": 0.35, "line": {"color": GREEN}},
        x={"field": "exposure", **x},
        y=y,
    )
    area["transform"] = [{"filter": {"field": "endpoint", "equal": one}}]  # it stands beside both endpoints
    return {"width": _WIDTH, "height": _STRIP, "layer": [area]}


def _ticks(first: dict[str, Any], analysis: pl.DataFrame, named: dict[str, str]) -> list[dict[str, Any]]:
    """The exposure of each subject, above the curve for those with the event and below for those without; where columns are at hand."""
    code, population = first["biomarker"], f"population:{first['population']}"
    endpoints = str(first["endpoint"]).split(" & ")
    if any("[" in e for e in endpoints) or not {code, *endpoints} <= set(analysis.columns):
        return []
    inside = analysis.filter(pl.col(population)) if population in analysis.columns else analysis
    found: list[dict[str, Any]] = []
    for place, (side, column) in enumerate(zip(_SIDES, endpoints, strict=True)):
        for value, event in inside.select(code, column).drop_nulls().iter_rows():
            if isinstance(event, bool):
                at = 0.985 - 0.03 * place if event else 0.015 + 0.03 * (1 - place)
                found.append({"exposure": value, "at": at, "side": named[side], "event": event})
    return found


def _caption(
    whole: dict[str, dict[str, Any]],
    mine: pl.DataFrame,
    asked: dict[str, float],
    named: dict[str, str],
    unit: str,
) -> str:
    def events(side: str) -> str:
        part = mine.filter(pl.col("level") == side)
        got = {r["stat_name"]: r["value"] for r in part.iter_rows(named=True)}
        return f"{got['n_events']:.0f} of {got['n']:.0f} subjects with {_lower(named[side])}"

    conditions = (
        f"{_lower(named['efficacy'])} at least {percent(asked['efficacy'])} and {_lower(named['toxicity'])} at most {percent(asked['toxicity'])} "
        "(dotted lines)"
    )
    low, high = whole["window_lower"]["value"], whole["window_upper"]["value"]
    share = whole.get("window_share", {}).get("value")
    if low is None:
        text = f"No exposure observed has {conditions}"
    else:
        text = (
            f"Shaded: the window, {number(low)} to {number(high)} {unit}".rstrip()
            + f", in which the curves have {conditions}"
        )
    text += (
        ""
        if share is None
        else f"; {percent(share)} of {whole['replicates']['value']:,.0f} bootstrap samples have a window."
    )
    best = whole["best_probability"]["value"]
    where = f"{number(whole['best_exposure']['value'])} {unit}".rstrip()
    return (
        f"Joint logistic model with 95 % limits at each exposure: {events('efficacy')}, {events('toxicity')}. Short lines: subjects, with the event above and without it "
        f"below. {text} Below: the probability that both conditions hold at an exposure, given how well the curves are known; it is highest, {percent(best)}, at {where}. "
        "The window describes these patients: it does not say that bringing a patient's exposure into it would bring the outcome."
    )


def _lower(label: str) -> str:
    """A label inside a sentence: abbreviations keep their capitals."""
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


EXPOSURE_RESPONSE = Figure(
    code="exposure_response",
    label="Exposure and response",
    section="balance",
    needs=(RESULTS, ANALYSIS),
    draw=_draw,
    shows="Probability of efficacy and of toxicity along one biomarker with limits, and the window between them",
    citation="Overgaard et al. 2015, CPT Pharmacometrics Syst Pharmacol 4:565-575 (exposure-response figures)",
)
