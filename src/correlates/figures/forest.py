"""Forest of associations: odds ratios of one biomarker a row, endpoints side by side, prespecified above exploratory."""

from __future__ import annotations

import math
import textwrap
from typing import Any

import polars as pl

from correlates.figures.record import Drawn, Figure, Tables
from correlates.figures.settings import FigureSettings, Forest
from correlates.figures.theme import BLUE, GREY, INK, Rows, chart, layer, level_percent, log_scale, only, rows, tip
from correlates.rounding import interval, ratio
from correlates.schema import RESULTS

_ROW, _LABELS, _WIDTH, _TEXTS = 17, 202, 688, 82
_CLIP = (1 / 32, 32.0)
_STATISTICS = ("odds_ratio", "odds_ratio_lower", "odds_ratio_upper", "p", "p_adjusted", "per")
_KEYS = ("biomarker", "biomarker_group", "endpoint", "prespecified", "n")


def _draw(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    wanted = settings.forest
    if wanted is None or not wanted.endpoints:
        return ()
    estimates = _estimates(tables["results"], wanted)
    if estimates.is_empty():
        return ()
    lines = _lines(estimates, wanted, settings)
    data = _placed(estimates, lines)
    low, high = _domain(data)
    panels = [_panel(e, lines, data, wanted, settings, (low, high)) for e in wanted.endpoints]
    spec = chart(
        {"hconcat": [_labels(lines), *panels], "spacing": _TEXTS + 8, "bounds": "flush"},
        {"drawn": rows(data), "lines": lines, "one": [{"one": 1}]},
    )
    return (
        Drawn(
            name="forest",
            title="Associations with efficacy and toxicity",
            caption=_caption(estimates, data, wanted, (low, high)),
            spec=spec,
            data=data,
        ),
    )


def _estimates(results: pl.DataFrame, wanted: Forest) -> pl.DataFrame:
    """One row per biomarker and endpoint, a column per statistic, in the order of the results."""
    whole = results.filter(
        (pl.col("method") == wanted.method)
        & pl.col("endpoint").is_in(wanted.endpoints)
        & (pl.col("population") == wanted.population)
        & pl.col("error").is_null()
    )
    if whole.is_empty():
        return whole
    mine = whole.filter((pl.col("level") == "") & pl.col("stat_name").is_in(_STATISTICS))
    columns = {name: pl.col("value").filter(pl.col("stat_name") == name).first() for name in _STATISTICS[:-1]}
    columns["per"] = pl.col("text").filter(pl.col("stat_name") == "per").first()
    events = (
        whole.filter((pl.col("stat_name") == "n") & (pl.col("level") == "yes"))
        .select("biomarker", "endpoint", n_events=pl.col("n"))
        .unique(["biomarker", "endpoint"], keep="first", maintain_order=True)
    )
    wide = mine.group_by(_KEYS, maintain_order=True).agg(**columns).drop_nulls("odds_ratio")
    wide = wide.unique(["biomarker", "endpoint"], keep="first", maintain_order=True)
    joined = wide.join(events, on=["biomarker", "endpoint"], how="left", maintain_order="left")
    return joined.with_columns(ci=pl.lit(level_percent(whole)))


def _lines(estimates: pl.DataFrame, wanted: Forest, settings: FigureSettings) -> Rows:
    """The lines of the forest from top to bottom: headings of the groups, and under each its biomarkers.

    All prespecified ones in the order of the plan, then the exploratory ones with the smallest P value for any endpoint.
    """
    each = estimates.group_by("biomarker", maintain_order=True).agg(
        pl.col("biomarker_group", "prespecified").first(), pl.col("p").min()
    )
    best = each.filter(~pl.col("prespecified")).sort("p", nulls_last=True, maintain_order=True).head(wanted.exploratory)
    chosen = pl.concat([each.filter("prespecified"), best])
    twice = [settings.label(c) for c in chosen["biomarker"]]
    groups = each.unique(["biomarker_group", "prespecified"], maintain_order=True)
    lines: Rows = []
    for declared in (True, False):
        for group in groups.filter(pl.col("prespecified") == declared)["biomarker_group"]:
            members = chosen.filter((pl.col("biomarker_group") == group) & (pl.col("prespecified") == declared))
            if members.is_empty():
                continue
            word = "Prespecified" if declared else "Exploratory"
            name = f"{word}: {str(group).replace('_', ' ')}" if group else word
            lines.append({"line": str(len(lines)), "label": name, "heading": True, "biomarker": None})
            for code in members["biomarker"]:
                label = settings.label(code)
                label = f"{label} [{code}]" if twice.count(label) > 1 else label
                lines.append({"line": str(len(lines)), "label": label, "heading": False, "biomarker": code})
    return lines


def _placed(estimates: pl.DataFrame, lines: Rows) -> pl.DataFrame:
    """The estimates of the lines shown, with the line of each and its text."""
    places = pl.DataFrame(
        [(ln["biomarker"], ln["line"], ln["label"]) for ln in lines if not ln["heading"]],
        schema={"biomarker": pl.String, "line": pl.String, "label": pl.String},
        orient="row",
    )
    shown = places.join(estimates, on="biomarker", maintain_order="left_right").rename(
        {"odds_ratio_lower": "lower", "odds_ratio_upper": "upper"}
    )
    text = pl.Series(
        "text",
        [f"{ratio(v)} ({_span(a, b)})" for v, a, b in shown.select("odds_ratio", "lower", "upper").iter_rows()],
        dtype=pl.String,
    )
    declared = pl.when(pl.col("prespecified")).then(pl.lit("prespecified")).otherwise(pl.lit("exploratory"))
    adjusted = pl.col("p_adjusted").is_not_null() & (pl.col("p_adjusted") < 0.05)
    return shown.with_columns(
        text,
        declared=declared,
        marker=pl.concat_str(declared, pl.when(adjusted).then(pl.lit(", adjusted P < .05")).otherwise(pl.lit(""))),
    )


def _span(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return interval(low, high, 2)
    return f"{ratio(low)}\N{EN DASH}{ratio(high)}"


def _domain(data: pl.DataFrame) -> tuple[float, float]:
    """A range that is symmetric about 1 and holds every estimate and nine of ten intervals, within the clip.

    One very wide interval would otherwise leave the others no room; those that reach beyond end in an arrowhead.
    """
    points = data["odds_ratio"].drop_nulls().log().abs()
    far = data.select(pl.max_horizontal(pl.col("lower", "upper").clip(1e-9, 1e9).log().abs())).to_series().drop_nulls()
    most = float(far.quantile(0.9, "higher") or 0.0)
    farthest = float(points.max() or 0.0)  # type: ignore[arg-type]
    high = min(math.exp(max(most, farthest)) * 1.15, _CLIP[1])
    return 1 / max(high, 2.3), max(high, 2.3)


def _ticks(high: float) -> list[float]:
    steps = (2.0, 4.0) if high < 6 else (4.0,) if high < 12 else (5.0, 20.0)
    kept = [s for s in steps if s <= high]
    return [*(1 / s for s in reversed(kept)), 1.0, *kept]


def _y(lines: Rows) -> dict[str, Any]:
    names = [line["line"] for line in lines]
    scale = {"type": "band", "domain": names}
    return {"field": "line", "type": "nominal", "title": None, "axis": None, "sort": names, "scale": scale}


def _labels(lines: Rows) -> dict[str, Any]:
    """The column of names; headings bold."""
    mark = {"type": "text", "align": "left", "baseline": "middle", "limit": _LABELS}
    y, text = _y(lines), {"field": "label", "type": "nominal"}
    layers = [
        {
            **layer("lines", {**mark, **look}, y=y, x={"value": offset}, text=text, tooltip=tip("label", "biomarker")),
            "transform": [{"filter": f"datum.heading == {flag}"}],
        }
        for look, offset, flag in (
            ({"fontWeight": "bold", "limit": 2 * _LABELS}, 0, "true"),
            ({"limit": _LABELS - 10}, 10, "false"),
        )
    ]
    return {"width": _LABELS - _TEXTS, "height": _ROW * len(lines), "layer": layers}


def _panel(
    endpoint: str,
    lines: Rows,
    data: pl.DataFrame,
    wanted: Forest,
    settings: FigureSettings,
    domain: tuple[float, float],
) -> dict[str, Any]:
    room = (_WIDTH - _LABELS) / len(wanted.endpoints) - 8
    width = max(70.0, room - _TEXTS)
    low, high = domain
    y = _y(lines)
    axis = {"values": _ticks(high), "format": "~g", "grid": False, "labelFontSize": 10}

    def x(field: str) -> dict[str, Any]:
        return {
            "field": field,
            "type": "quantitative",
            "title": f"Odds ratio ({data['ci'][0]} CI)",
            "scale": {**log_scale(low, high), "clamp": True},
            "axis": {**axis, "titleFontSize": 10},
        }

    kinds = ("prespecified", "prespecified, adjusted P < .05", "exploratory", "exploratory, adjusted P < .05")
    there = [k for k in kinds if k in data["marker"]]
    looks = {k: ("square" if k.startswith("pre") else "circle", BLUE if k.startswith("pre") else INK) for k in kinds}
    legend = {"orient": "top", "title": None, "direction": "horizontal", "columns": 4, "symbolSize": 55}

    def look(which: list[str]) -> dict[str, Any]:
        scale = {"domain": there, "range": which}
        return {"field": "marker", "type": "nominal", "scale": scale, "legend": legend}

    stroke = look([looks[k][1] for k in there])
    shape = look([looks[k][0] for k in there])
    fill = look([looks[k][1] if "," in k else "white" for k in there])
    mine = {"transform": [only(endpoint=endpoint)]}
    outside = [
        {
            **layer(
                "drawn",
                {"type": "point", "shape": shape_, "size": 30},
                y=y,
                x={"value": at},
                stroke=stroke,
            ),
            "transform": [*mine["transform"], {"filter": test}],
        }
        for shape_, at, test in (
            ("triangle-left", 0, f"datum.lower !== null && datum.lower < {low!r}"),
            ("triangle-right", "width", f"datum.upper !== null && datum.upper > {high!r}"),
        )
    ]
    layers = [
        layer("one", {"type": "rule", "color": GREY, "strokeDash": [3, 3]}, x=x("one")),
        {
            **layer("drawn", {"type": "rule", "clip": True}, y=y, x=x("lower"), x2={"field": "upper"}, stroke=stroke),
            **mine,
        },
        *outside,
        {
            **layer(
                "drawn",
                {"type": "point", "size": 42, "opacity": 1, "strokeWidth": 1.3},
                y=y,
                x=x("odds_ratio"),
                stroke=stroke,
                fill=fill,
                shape=shape,
                tooltip=[
                    tip("label", "biomarker"),
                    tip("biomarker_group", "group"),
                    tip("text", f"odds ratio ({data['ci'][0]} CI)"),
                    tip("per", "per"),
                    tip("p", "P", number=True),
                    tip("p_adjusted", "P adjusted", number=True),
                    tip("n", "subjects", number=True),
                    tip("n_events", "with the event", number=True),
                ],
            ),
            **mine,
        },
        {
            **layer(
                "drawn",
                {"type": "text", "align": "left", "dx": 6, "fontSize": 9.5},
                y=y,
                x={"value": "width"},
                text={"field": "text", "type": "nominal"},
            ),
            **mine,
        },
    ]
    return {
        "width": width,
        "height": _ROW * len(lines),
        "title": {
            "text": _wrapped(settings.label(endpoint)),
            "subtitle": _size(data, endpoint),
            "fontSize": 11,
            "frame": "group",
            "offset": 8,
        },
        "layer": layers,
    }


def _wrapped(label: str) -> list[str]:
    """A label in lines that fit over a panel; a comparison stays together."""
    return textwrap.wrap(label.replace(">= ", "\N{GREATER-THAN OR EQUAL TO}\N{NO-BREAK SPACE}"), 26) or [label]


def _size(data: pl.DataFrame, endpoint: str) -> str:
    """Subjects with the event of those analysed, of the biomarker that most subjects have."""
    mine = data.filter(pl.col("endpoint") == endpoint).drop_nulls("n_events").sort("n", descending=True)
    if mine.is_empty():
        return "no estimate"
    return f"{mine['n_events'][0]} of {mine['n'][0]} subjects"


def _caption(estimates: pl.DataFrame, data: pl.DataFrame, wanted: Forest, domain: tuple[float, float]) -> str:
    method = "Firth-penalised logistic regression" if wanted.method == "firth" else "logistic regression"
    total, shown = estimates["biomarker"].n_unique(), data["biomarker"].n_unique()
    parts = [
        f"Odds ratio and {estimates['ci'][0]} profile interval by {method}: per doubling for concentrations, counts and their ratios, per standard "
        "deviation or unit otherwise (the table of associations says which). Above each panel: subjects with the event of all "
        "analysed; a biomarker that is missing in some has fewer. Filled: P below .05 after adjustment within its family."
    ]
    cut = data.filter((pl.col("lower") < domain[0]) | (pl.col("upper") > domain[1])).height
    if cut:
        parts.append(f"{cut} interval{'s reach' if cut > 1 else ' reaches'} beyond the panel (arrowhead).")
    if total > shown:
        parts.append(
            f"{shown} of {total} biomarkers: every prespecified one, and the exploratory ones with the smallest P value for any of "
            "the endpoints, which makes their estimates look larger than they are; all are in the table."
        )
    return " ".join(parts)


FOREST = Figure(
    code="forest",
    label="Forest of associations",
    section="associations",
    needs=(RESULTS,),
    draw=_draw,
    shows="Odds ratios with intervals for efficacy beside toxicity, one biomarker a row",
    citation="Lewis and Clarke 2001, BMJ 322:1479 (forest plots)",
)
