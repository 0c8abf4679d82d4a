"""Response curves with their band, and rates by quartile: efficacy and toxicity side by side, one biomarker a row."""

from __future__ import annotations

from typing import Any

import polars as pl

from correlates.figures.record import Drawn, Figure, Tables
from correlates.figures.settings import FigureSettings, Panels
from correlates.figures.theme import (
    BLUE,
    GREY,
    INK,
    Rows,
    chart,
    layer,
    level_percent,
    log_axis,
    log_scale,
    only,
    rows,
    tip,
    with_unit,
)
from correlates.rounding import number, p_value, unit_text
from correlates.schema import ANALYSIS, PARAMETERS, RESULTS

_HEIGHT, _GAP = 130, 14
_PERCENT = {"format": "%", "values": [0, 0.25, 0.5, 0.75, 1]}


def panel_title(label: str) -> str:
    """An endpoint over its panel; a comparison with its sign."""
    return label.replace(">= ", "\N{GREATER-THAN OR EQUAL TO}\N{NO-BREAK SPACE}")


def panel_width(endpoints: int) -> int:
    """Width of each of the panels that share a column of 680 px."""
    return max(120, (640 - 58 * endpoints) // max(endpoints, 1))


def chosen(results: pl.DataFrame, wanted: Panels, method: str) -> pl.DataFrame:
    """The results of a method for the biomarkers, endpoints and population of the panels, one analysis each."""
    mine = results.filter(
        (pl.col("method") == method)
        & pl.col("biomarker").is_in(wanted.biomarkers)
        & pl.col("endpoint").is_in(wanted.endpoints)
        & (pl.col("population") == wanted.population)
        & pl.col("error").is_null()
    )
    first = mine.unique(["biomarker", "endpoint"], keep="first", maintain_order=True).select("result_id")
    return mine.join(first, on="result_id", how="semi", maintain_order="left")


def wide(mine: pl.DataFrame, stats: tuple[str, ...]) -> pl.DataFrame:
    """One row per biomarker, endpoint and level that has any of the statistics, with a column for each."""
    kept = mine.filter(pl.col("stat_name").is_in(stats) & (pl.col("level") != ""))
    columns = {s: pl.col("value").filter(pl.col("stat_name") == s).first() for s in stats}
    counts = {"n": pl.col("n").first(), "unit": pl.col("unit").drop_nulls().first()}
    return kept.group_by("biomarker", "endpoint", "level", maintain_order=True).agg(**columns, **counts)


def whole(mine: pl.DataFrame, stat: str) -> dict[tuple[str, str], float]:
    """A statistic of the whole, by biomarker and endpoint."""
    found = mine.filter((pl.col("stat_name") == stat) & (pl.col("level") == "") & pl.col("value").is_not_null())
    return {(b, e): v for b, e, v in found.select("biomarker", "endpoint", "value").iter_rows()}


def events(mine: pl.DataFrame) -> dict[tuple[str, str], str]:
    """Subjects with the event of all analysed, by biomarker and endpoint."""
    told = mine.filter((pl.col("stat_name") == "n") & (pl.col("level") == "yes"))
    totals = {
        (b, e): n for b, e, n in mine.filter(pl.col("level") == "").select("biomarker", "endpoint", "n").iter_rows()
    }
    found = told.select("biomarker", "endpoint", "value").iter_rows()
    return {(b, e): f"{v:.0f} of {totals[b, e]} subjects" for b, e, v in found}


def subtitle(key: tuple[str, str], sizes: dict[tuple[str, str], str], p: dict[tuple[str, str], float]) -> str:
    """Sizes and P value under the title of a panel."""
    said = p_value(p[key]) if key in p else ""
    shown = f"P {said}" if said.startswith(("<", ">")) else f"P = {said}"
    return "; ".join(part for part in (sizes.get(key, ""), shown if said else "") if part)


def _curves(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    wanted = settings.curves
    if wanted is None:
        return ()
    mine = chosen(tables["results"], wanted, "response_curve")
    data = wide(mine, ("x", "probability", "probability_lower", "probability_upper")).drop_nulls("probability")
    if data.is_empty():
        return ()
    people = _people(tables, wanted, data)
    p, sizes = whole(mine, "p"), events(mine)
    width = panel_width(len(wanted.endpoints))
    grid = []
    for biomarker in dict.fromkeys(data["biomarker"]):
        line = []
        for endpoint in wanted.endpoints:
            one = data.filter(biomarker=biomarker, endpoint=endpoint)
            if one.is_empty():
                continue
            line.append(_curve(one, settings, width, subtitle((biomarker, endpoint), sizes, p)))
        grid.append({"hconcat": line, "spacing": _GAP})
    spec = chart({"vconcat": grid, "spacing": 22}, {"drawn": rows(data), "subjects": rows(people)})
    caption = (
        "Probability of the event by Firth-penalised logistic regression along the biomarker, over the range of the subjects "
        f"analysed; shaded: pointwise {level_percent(mine)} band. Ticks: subjects with the event (top) and without (bottom); a pale tick is a value "
        "beyond a limit of quantification, drawn at it. P: penalised likelihood ratio, unadjusted; adjusted P values are in the table."
    )
    return (Drawn(name="response_curves", title="Response curves", caption=caption, spec=spec, data=data),)


def _people(tables: Tables, wanted: Panels, data: pl.DataFrame) -> pl.DataFrame:
    """Every subject of a panel: value, whether it had the event, whether the value is beyond a limit."""
    analysis = tables["analysis"]
    mask = f"population:{wanted.population}"
    inside = analysis.filter(pl.col(mask)) if mask in analysis.columns else analysis
    parts = []
    for biomarker, endpoint in data.select("biomarker", "endpoint").unique(maintain_order=True).iter_rows():
        cut = f"{biomarker}|censoring"
        beyond = pl.col(cut).is_in(["left", "right"]) if cut in inside.columns else pl.lit(value=False)
        parts.append(
            inside.select(
                biomarker=pl.lit(biomarker),
                endpoint=pl.lit(endpoint),
                x=pl.col(biomarker).cast(pl.Float64),
                event=pl.col(endpoint).cast(pl.Float64),
                beyond=beyond.fill_null(value=False),
            ).drop_nulls(["x", "event"])
        )
    return pl.concat(parts)


def _curve(data: pl.DataFrame, settings: FigureSettings, width: int, under: str) -> dict[str, Any]:
    biomarker, endpoint = data["biomarker"][0], data["endpoint"][0]
    low, high = float(data["x"].min()), float(data["x"].max())  # type: ignore[arg-type]
    steps = data["x"].to_list()
    # the points are equidistant on the scale of the model: quotients that agree are a logarithmic one
    geometric = low > 0 and high / low > 3 and abs(steps[1] / steps[0] / (steps[-1] / steps[-2]) - 1) < 1e-6
    unit = data["unit"].drop_nulls()
    title = with_unit(settings.label(biomarker), unit_text(unit[0]) if unit.len() else "")
    scale = log_scale(low, high) if geometric else {"domain": [low, high], "nice": False, "zero": False}
    axis = {**(log_axis(low, high) if geometric else {"grid": True, "tickCount": 4}), "labelOverlap": "greedy"}
    x = {"field": "x", "type": "quantitative", "scale": scale, "axis": {**axis, "title": _wrap(title, width)}}
    keep = [only(biomarker=biomarker, endpoint=endpoint)]
    y = {
        "field": "probability",
        "type": "quantitative",
        "scale": {"domain": [-0.06, 1.06], "nice": False},
        "axis": {**_PERCENT, "title": "Probability"},
    }
    band = layer(
        "drawn",
        {"type": "area", "opacity": 0.2, "color": BLUE},
        x=x,
        y={**y, "field": "probability_lower"},
        y2={"field": "probability_upper"},
    )
    line = layer("drawn", {"type": "line", "color": BLUE, "strokeWidth": 2}, x=x, y=y)
    tick = layer(
        "subjects",
        {"type": "tick", "orient": "vertical", "size": 9, "thickness": 1.2, "yOffset": 0},
        x=x,
        y={"field": "at", "type": "quantitative"},
        color={
            "condition": {"test": "datum.beyond", "value": GREY},
            "value": INK,
        },
        opacity={"condition": {"test": "datum.beyond", "value": 0.45}, "value": 0.8},
    )
    tick["transform"] = [*keep, {"calculate": "datum.event > 0.5 ? 1.035 : -0.035", "as": "at"}]
    for mark in (band, line):
        mark["transform"] = keep
    return {
        "width": width,
        "height": _HEIGHT,
        "title": _title(endpoint, under, settings),
        "layer": [band, line, tick],
    }


def _title(endpoint: str, under: str, settings: FigureSettings) -> dict[str, Any]:
    text = panel_title(settings.label(endpoint))
    return {"text": text, "subtitle": under, "fontSize": 11, "frame": "group", "offset": 6}


def _wrap(text: str, width: int) -> list[str]:
    """A title in lines that fit under a panel."""
    import textwrap

    return textwrap.wrap(text, max(16, width // 6)) or [text]


def _rates(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    wanted = settings.rates
    if wanted is None:
        return ()
    mine = chosen(tables["results"], wanted, "quartile_rates")
    data = wide(mine, ("rate", "rate_lower", "rate_upper", "group_n", "group_events", "bound")).drop_nulls("rate")
    if data.is_empty():
        return ()
    data = data.with_columns(
        count=pl.concat_str(pl.col("group_events").cast(pl.Int64), pl.lit("/"), pl.col("group_n").cast(pl.Int64))
    )
    p, sizes = whole(mine, "p"), events(mine)
    width = panel_width(len(wanted.endpoints))
    grid = []
    for biomarker in dict.fromkeys(data["biomarker"]):
        line = []
        for endpoint in wanted.endpoints:
            one = data.filter(biomarker=biomarker, endpoint=endpoint)
            if not one.is_empty():
                line.append(_bars(one, settings, width, subtitle((biomarker, endpoint), sizes, p)))
        grid.append({"hconcat": line, "spacing": _GAP})
    interval = mine.filter(pl.col("stat_name") == "interval")["text"].drop_nulls()
    spec = chart({"vconcat": grid, "spacing": 22}, {"drawn": rows(data)})
    caption = (
        f"Share of the subjects with the event in each group of the biomarker, with its {level_percent(mine)} interval ({interval[0].title()}); the number "
        "with the event of those in the group above each. P: Cochran-Armitage trend, exact, unadjusted. A value at a cut is in "
        "the group below it."
    )
    return (Drawn(name="quartile_rates", title="Rates by quartile", caption=caption, spec=spec, data=data),)


def _groups_title(data: pl.DataFrame, label: str) -> str:
    """The biomarker, and where it is cut in its unit."""
    bounds, unit = data["bound"].drop_nulls().to_list(), data["unit"].drop_nulls()
    if not bounds:
        return label
    said = ", ".join(number(b) for b in bounds)
    return f"{label}, cut at {said} {unit_text(unit[0]) if unit.len() else ''}".rstrip()


def _bars(data: pl.DataFrame, settings: FigureSettings, width: int, under: str) -> dict[str, Any]:
    biomarker, endpoint = data["biomarker"][0], data["endpoint"][0]
    keep = [only(biomarker=biomarker, endpoint=endpoint)]
    order: Rows | list[str] = data["level"].to_list()
    title = _wrap(_groups_title(data, settings.label(biomarker)), width)
    x = {"field": "level", "type": "nominal", "sort": order, "axis": {"title": title, "labelAngle": 0, "grid": False}}
    y = {
        "field": "rate",
        "type": "quantitative",
        "scale": {"domain": [0, 1.12], "nice": False},
        "axis": {**_PERCENT, "title": "Share with the event"},
    }
    layers = [
        layer("drawn", {"type": "bar", "color": BLUE, "opacity": 0.35, "width": {"band": 0.62}}, x=x, y=y),
        layer(
            "drawn",
            {"type": "rule", "color": INK, "strokeWidth": 1.2},
            x=x,
            y={**y, "field": "rate_lower"},
            y2={"field": "rate_upper"},
        ),
        layer(
            "drawn",
            {"type": "point", "filled": True, "color": INK, "size": 28, "opacity": 1},
            x=x,
            y=y,
            tooltip=[tip("level", "group"), tip("count", "with the event"), tip("rate", "share", number=True)],
        ),
        layer(
            "drawn",
            {"type": "text", "dy": -7, "fontSize": 9.5, "color": INK},
            x=x,
            y={**y, "field": "rate_upper"},
            text={"field": "count", "type": "nominal"},
        ),
    ]
    for mark in layers:
        mark["transform"] = keep
    return {
        "width": width,
        "height": _HEIGHT,
        "title": _title(endpoint, under, settings),
        "layer": layers,
    }


RESPONSE_CURVES = Figure(
    code="response_curves",
    label="Response curves",
    section="associations",
    needs=(RESULTS, ANALYSIS, PARAMETERS),
    draw=_curves,
    shows="Probability of efficacy and of toxicity along a biomarker, with confidence band and every subject",
    citation="Hosmer, Lemeshow and Sturdivant, Applied Logistic Regression, 3rd ed. 2013, section 2.6",
)

QUARTILE_BARS = Figure(
    code="quartile_rates",
    label="Rates by quartile",
    section="associations",
    needs=(RESULTS,),
    draw=_rates,
    shows="Share of subjects with the event in each quartile of a biomarker, with intervals and trend",
    citation="Locke et al., Blood Adv 2020;4:4898-4911 (response by quartile of expansion)",
)
