"""Therapeutic map: the effect of every biomarker on efficacy by its effect on toxicity."""

from __future__ import annotations

import json
import math
from typing import Any

import polars as pl

from correlates.figures.placing import place
from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import BLUE, GREY, INK, ORANGE, PALE, PURPLE, VERMILION, Rows, chart, layer, rows, tip
from correlates.rounding import ratio
from correlates.schema import RESULTS

_WIDTH, _HEIGHT = 560, 470
_WIDEST = 12.0  # odds ratio at which the axes end
_METHOD = "efficacy_against_toxicity"
_CLASSES: dict[str, tuple[str, str, str]] = {
    "efficacy_only": ("efficacy only", BLUE, "circle"),
    "toxicity_only": ("toxicity only", VERMILION, "square"),
    "trade_off": ("trade-off: both rise together", PURPLE, "diamond"),
    "concordant": ("concordant: one direction is better for both", ORANGE, "triangle-up"),
    "neither": ("neither", GREY, "cross"),
}
_TICKS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def _draw(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    results = tables["results"].filter(
        (pl.col("method") == _METHOD) & pl.col("analysis_id").is_in(list(settings.maps)) & pl.col("error").is_null()
    )
    made = []
    several = results["population"].n_unique() > 1
    for (analysis, endpoint, population), mine in results.group_by(
        "analysis_id", "endpoint", "population", maintain_order=True
    ):
        data = _points(mine, settings)
        if not data.is_empty():
            made.append(_map(str(analysis), str(endpoint), str(population) if several else "", mine, data, settings))
    return tuple(made)


def _points(mine: pl.DataFrame, settings: FigureSettings) -> pl.DataFrame:
    """One row per biomarker: both odds ratios with limits, the class and its probability."""
    name, level = pl.col("stat_name"), pl.col("level")

    def value(stat: str, side: str = "") -> pl.Expr:
        return pl.col("value").filter((name == stat) & (level == side)).first()

    sides = ("efficacy", "toxicity")
    columns = {
        f"{side}_{short}": value(stat, side)
        for side in sides
        for stat, short in (
            ("odds_ratio", "or"),
            ("odds_ratio_lower", "lower"),
            ("odds_ratio_upper", "upper"),
            ("log_odds_ratio", "log"),
            ("standard_error", "se"),
        )
    }
    wide = mine.group_by("biomarker", maintain_order=True).agg(
        pl.col("biomarker_group", "prespecified", "n").first(),
        **columns,
        correlation=value("correlation"),
        p=value("p"),
        kind=pl.col("text").filter(name == "class").first(),
        probability=pl.col("value").filter(name == "class_probability").max(),
        uncertain=pl.col("notices").filter(name == "p").first().list.contains("class-uncertain"),
        decided_before=pl.col("value").filter((name == "n_decided_before") & (level == "toxicity")).first(),
    )
    wide = wide.drop_nulls(["efficacy_or", "toxicity_or"])
    labels = [settings.label(c) for c in wide["biomarker"]]
    twice = {x for x in labels if labels.count(x) > 1}
    told = [f"{x} [{c}]" if x in twice else x for x, c in zip(labels, wide["biomarker"], strict=True)]
    sure = pl.when(pl.col("uncertain")).then(pl.lit("uncertain")).otherwise(pl.lit("settled"))
    return wide.with_columns(
        label=pl.Series(told, dtype=pl.String),
        sure=sure,
        named_class=pl.col("kind").replace_strict({k: v[0] for k, v in _CLASSES.items()}, default=None),
        efficacy_text=_interval(wide, "efficacy"),
        toxicity_text=_interval(wide, "toxicity"),
    ).with_columns(
        x=pl.col("toxicity_or").clip(1 / _WIDEST, _WIDEST), y=pl.col("efficacy_or").clip(1 / _WIDEST, _WIDEST)
    )


def _interval(wide: pl.DataFrame, side: str) -> pl.Series:
    parts = wide.select(f"{side}_or", f"{side}_lower", f"{side}_upper").iter_rows()
    return pl.Series([f"{ratio(a)} ({ratio(b)} to {ratio(c)})" for a, b, c in parts], dtype=pl.String)


def _map(
    analysis: str, endpoint: str, population: str, mine: pl.DataFrame, data: pl.DataFrame, settings: FigureSettings
) -> Drawn:
    margin = float(json.loads(mine["settings"][0])["margin"])
    reach = _reach(data, margin)
    named = _named(data, settings.maps[analysis])
    efficacy, toxicity = _sides(settings.label(endpoint))
    measures = dict(mine.filter(pl.col("stat_name") == "measure").select("level", "text").drop_nulls().iter_rows())
    titles = [
        f"{side}: {measures.get(k, 'odds ratio')} per SD"
        for k, side in (("efficacy", efficacy), ("toxicity", toxicity))
    ]
    spec = chart(
        {
            "width": _WIDTH,
            "height": _HEIGHT,
            "layer": [
                *_ground(reach, *titles),
                *_ellipses(reach, data.filter("prespecified"), *titles),
                *_marks(reach, data, *titles),
                *_labels(named, data, reach),
            ],
        },
        {
            "drawn": rows(data),
            "zone": [{"low": 1 / margin, "high": margin, "least": 1 / reach, "most": reach, "one": 1.0}],
            "corners": _corners(),
            "ellipses": _outlines(data.filter("prespecified"), reach),
            **_label_data(named, data, reach),
        },
    )
    title = f"Therapeutic map: {efficacy} against {toxicity}" + (
        f", {settings.label(population)}" if population else ""
    )
    return Drawn(
        name=file_name("map", analysis, endpoint.replace(" & ", "-"), *([population] if population else [])),
        title=title,
        caption=_caption(data, named, margin),
        spec=spec,
        data=data,
    )


def _sides(label: str) -> tuple[str, str]:
    first, _, second = label.partition(" | ")
    return first, second.replace(">= ", "\N{GREATER-THAN OR EQUAL TO}\N{NO-BREAK SPACE}")


def _reach(data: pl.DataFrame, margin: float) -> float:
    """Where both axes end, the same in all four directions: the points and the ellipses of the prespecified biomarkers in view."""
    logs = [abs(math.log(v)) for v in (*data["x"], *data["y"])]
    wide = [
        abs(v) + 2.1 * s
        for side in ("efficacy", "toxicity")
        for v, s in data.filter("prespecified").select(f"{side}_log", f"{side}_se").iter_rows()
    ]
    return min(math.exp(1.12 * max([*logs, *wide, math.log(2 * margin)])), _WIDEST * 1.05)


def _named(data: pl.DataFrame, exploratory: int) -> pl.DataFrame:
    """The biomarkers with a name in the map: prespecified ones, and those farthest from no effect in their own standard errors."""
    far = (pl.col("efficacy_log") / pl.col("efficacy_se")) ** 2 + (pl.col("toxicity_log") / pl.col("toxicity_se")) ** 2
    rest = data.filter(~pl.col("prespecified")).sort(far, descending=True, maintain_order=True).head(exploratory)
    return pl.concat([data.filter("prespecified"), rest])


def _axis(title: str) -> dict[str, Any]:
    return {"title": title, "values": list(_TICKS), "format": "~g", "grid": False}


def _x(field: str, reach: float, title: str | None = None) -> dict[str, Any]:
    scale = {"type": "log", "domain": [1 / reach, reach], "nice": False}
    return {"field": field, "type": "quantitative", "scale": scale, "axis": _axis(title or "")}


def _ground(reach: float, y_title: str, x_title: str) -> list[dict[str, Any]]:
    """The zone of no effect, the lines of odds ratio 1, and what the corners mean."""
    zone = {"type": "rect", "color": PALE, "opacity": 0.45}
    rule = {"type": "rule", "color": GREY, "strokeDash": [3, 3]}
    words = [
        {
            **layer(
                "corners",
                {"type": "text", "fontSize": 10, "fontStyle": "italic", "color": GREY, "align": align},
                x={"field": "x", "type": "quantitative", "scale": None},
                y={"field": "y", "type": "quantitative", "scale": None},
                text={"field": "text", "type": "nominal"},
            ),
            "transform": [{"filter": f"datum.align == '{align}'"}],
        }
        for align in ("left", "right")
    ]
    return [
        layer(
            "zone",
            zone,
            x=_x("low", reach, x_title),
            x2={"field": "high"},
            y=_x("least", reach, y_title),
            y2={"field": "most"},
        ),
        layer(
            "zone",
            zone,
            x=_x("least", reach, x_title),
            x2={"field": "most"},
            y=_x("low", reach, y_title),
            y2={"field": "high"},
        ),
        layer("zone", rule, x=_x("one", reach, x_title)),
        layer("zone", rule, y=_x("one", reach, y_title)),
        *words,
    ]


def _corners() -> Rows:
    return [
        {"x": 8, "y": 12, "text": "more efficacy, less toxicity", "align": "left"},
        {"x": _WIDTH - 8, "y": 12, "text": "more efficacy, more toxicity", "align": "right"},
        {"x": 8, "y": _HEIGHT - 10, "text": "less efficacy, less toxicity", "align": "left"},
        {"x": _WIDTH - 8, "y": _HEIGHT - 10, "text": "less efficacy, more toxicity", "align": "right"},
    ]


def _outlines(data: pl.DataFrame, reach: float) -> Rows:
    """The 95 % confidence ellipse of each biomarker, as a closed line."""
    found: Rows = []
    radius = math.sqrt(5.991464547107979)  # chi-square quantile, 2 df
    names = ("biomarker", "toxicity_log", "toxicity_se", "efficacy_log", "efficacy_se", "correlation")
    for code, mx, sx, my, sy, r in data.select(names).iter_rows():
        for step in range(73):
            turn = 2 * math.pi * step / 72
            u, v = math.cos(turn), math.sin(turn)
            x = mx + radius * sx * u
            y = my + radius * sy * (r * u + math.sqrt(max(1 - r * r, 0.0)) * v)
            limit = math.log(reach)
            inside = abs(x) <= limit and abs(y) <= limit
            found.append(
                {
                    "biomarker": code,
                    "step": step,
                    "x": math.exp(x) if inside else None,
                    "y": math.exp(y) if inside else None,
                }
            )
    return found


def _ellipses(reach: float, data: pl.DataFrame, y_title: str, x_title: str) -> list[dict[str, Any]]:
    if data.is_empty():
        return []
    mark = {
        "type": "line",
        "strokeWidth": 0.8,
        "opacity": 0.5,
        "clip": True,
        "invalid": "break-paths-show-path-domains",
    }
    return [
        layer(
            "ellipses",
            mark,
            x=_x("x", reach, x_title),
            y=_x("y", reach, y_title),
            detail={"field": "biomarker", "type": "nominal"},
            order={"field": "step", "type": "quantitative"},
            color={"value": INK},
        )
    ]


def _marks(reach: float, data: pl.DataFrame, y_title: str, x_title: str) -> list[dict[str, Any]]:
    there = [v for k, v in _CLASSES.items() if k in data["kind"].to_list()]
    legend = {"orient": "top", "title": "Likeliest class", "columns": 3, "symbolSize": 60, "titleOrient": "left"}
    domain = [v[0] for v in there]

    def look(which: int) -> dict[str, Any]:
        return {
            "field": "named_class",
            "type": "nominal",
            "scale": {"domain": domain, "range": [v[which] for v in there]},
            "legend": legend,
        }

    sure = {"condition": {"test": "datum.sure === 'settled'", "value": 1}, "value": 0.12}
    return [
        layer(
            "drawn",
            {"type": "point", "size": 46, "strokeWidth": 1.2, "clip": True},
            x=_x("x", reach, x_title),
            y=_x("y", reach, y_title),
            stroke=look(1),
            fill=look(1),
            shape=look(2),
            fillOpacity=sure,
            tooltip=[
                tip("label", "biomarker"),
                tip("biomarker", "code"),
                tip("efficacy_text", "effect on efficacy (95 % CI)"),
                tip("toxicity_text", "effect on toxicity (95 % CI)"),
                tip("p", "P, equal effect", number=True),
                tip("named_class", "likeliest class"),
                tip("probability", "its probability", number=True),
                tip("n", "subjects", number=True),
                tip("decided_before", "toxicity began before it was known", number=True),
            ],
        )
    ]


def _pixels(data: pl.DataFrame, reach: float) -> list[tuple[float, float]]:
    span = 2 * math.log(reach)
    return [
        (_WIDTH * (math.log(x) / span + 0.5), _HEIGHT * (0.5 - math.log(y) / span))
        for x, y in data.select("x", "y").iter_rows()
    ]


def _label_data(named: pl.DataFrame, data: pl.DataFrame, reach: float) -> dict[str, Rows]:
    at = _pixels(named, reach)
    texts = [t if len(t) <= 34 else f"{t[:33]}\N{HORIZONTAL ELLIPSIS}" for t in named["label"]]
    corners = [(p, c["y"]) for c in _corners() for p in ((30, 80, 130) if c["align"] == "left" else (430, 480, 530))]
    bold = named["prespecified"].to_list()
    places = place(texts, at, [*_pixels(data, reach), *corners], width=_WIDTH, height=_HEIGHT, bold=bold)
    names: Rows = [{"x": p.x, "y": p.y, "text": t, "bold": b} for p, t, b in zip(places, texts, bold, strict=True)]
    leads: Rows = []
    for p, (x, y), t in zip(places, at, texts, strict=True):
        if p.led:
            end = min(max(x, p.x), p.x + 5.6 * len(t))
            leads.append({"x": x, "y": y, "x2": end, "y2": p.y + (5 if p.y < y else -5)})
    return {"names": names, "leads": leads}


def _labels(named: pl.DataFrame, data: pl.DataFrame, reach: float) -> list[dict[str, Any]]:
    def pixel(field: str) -> dict[str, Any]:
        return {"field": field, "type": "quantitative", "scale": None, "axis": None}

    found: list[dict[str, Any]] = []
    if _label_data(named, data, reach)["leads"]:
        lead = {"type": "rule", "color": GREY, "strokeWidth": 0.6}
        found.append(layer("leads", lead, x=pixel("x"), y=pixel("y"), x2={"field": "x2"}, y2={"field": "y2"}))
    halo = {"stroke": "white", "strokeWidth": 3, "strokeJoin": "round", "opacity": 0.85}
    for look in (halo, {}):
        for bold in ("true", "false"):
            mark = {"type": "text", "align": "left", "baseline": "middle", "fontSize": 10, **look}
            weight = {"fontWeight": "bold"} if bold == "true" else {}
            text = {"field": "text", "type": "nominal"}
            found.append(
                {
                    **layer("names", {**mark, **weight}, x=pixel("x"), y=pixel("y"), text=text),
                    "transform": [{"filter": f"datum.bold == {bold}"}],
                }
            )
    return found


def _caption(data: pl.DataFrame, named: pl.DataFrame, margin: float) -> str:
    n = data["n"]
    sizes = " to ".join(dict.fromkeys(str(v) for v in (n.min(), n.max())))
    settled = data.filter(~pl.col("uncertain")).height
    parts = [
        f"{data.height} biomarkers in {sizes} subjects with either endpoint: effect per standard deviation (of log2 for concentrations, counts and their ratios) by a "
        f"joint model. Grey: ratios within {ratio(1 / margin)} to {ratio(margin)}, the declared margin, which count as no effect. Symbol: likeliest of five "
        f"classes, filled where its probability reaches the declared one ({settled} of {data.height}), open where the data do not settle it. Bold, with 95 % confidence "
        "ellipse: prespecified."
    ]
    others = data.height - named.height
    if others > 0:
        parts.append(
            f"Named beside them: the exploratory biomarkers farthest from no effect; that choice makes their effects look larger than they are. {others} are not named; all "
            "are in the table."
        )
    beyond = data.filter((pl.col("x") != pl.col("toxicity_or")) | (pl.col("y") != pl.col("efficacy_or"))).height
    if beyond:
        parts.append(f"{beyond} lie beyond the axes and stand at their end.")
    if data.filter(pl.col("decided_before") > 0).height:
        parts.append(
            "Biomarkers known only after the toxicity began describe it and do not predict it: the table says of how many subjects that is true."
        )
    return " ".join(parts)


THERAPEUTIC_MAP = Figure(
    code="therapeutic_map",
    label="Therapeutic map",
    section="balance",
    needs=(RESULTS,),
    draw=_draw,
    shows="Effect of every biomarker on efficacy by its effect on toxicity, with margin, classes and confidence ellipses",
    citation="own design; ellipses: Johnson and Wichern, Applied Multivariate Statistical Analysis, 6th ed. 2007, section 5.4",
)
