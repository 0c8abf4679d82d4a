"""Survival curves with their limits and the numbers at risk under them, and cumulative incidences of several kinds of event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import INK, chart, colours, layer, rows, tip
from correlates.rounding import number, p_value
from correlates.schema import RESULTS, SURVIVAL

_WIDTH, _HEIGHT, _ROW = 560, 260, 17
_LINES = {"symbolType": "stroke", "symbolOpacity": 1, "symbolStrokeWidth": 2, "symbolSize": 300}
_DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 1], [1, 3])


def _draw_curves(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    return tuple(
        drawn
        for name in settings.survivals
        for endpoint in _endpoints(tables, name)
        if (drawn := _curve(tables, settings, name, endpoint)) is not None
    )


def _draw_incidences(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    return tuple(
        drawn
        for name in settings.survivals
        for endpoint in _endpoints(tables, name)
        if (drawn := _incidence(tables, settings, name, endpoint)) is not None
    )


def _endpoints(tables: Tables, analysis: str) -> list[str]:
    mine = tables["survival"].filter(pl.col("analysis_id") == analysis)
    return [str(e) for e in mine["endpoint"].unique(maintain_order=True)]


def _curve(tables: Tables, settings: FigureSettings, analysis: str, endpoint: str) -> Drawn | None:
    mine = _mine(tables["survival"], analysis, endpoint).filter(pl.col("cause") == "")
    steps, censored = mine.filter(pl.col("kind") == "step"), mine.filter(pl.col("kind") == "censored")
    if steps.is_empty():
        return None
    groups = _in_order(steps, "group", "place")
    results = _results(tables["results"], analysis, endpoint, "kaplan_meier")
    shown = {g: _shown(settings, results, g) for g in groups}
    risk = mine.filter(pl.col("kind") == "at_risk")
    days = risk["day"].unique().sort().to_list()
    last = max(float(steps["day"].max() or 0.0), float(days[-1] if days else 0.0))  # type: ignore[arg-type]
    drawn = _labelled(pl.concat([steps, censored, risk]), shown)
    colour = _colour("label", list(shown.values()), several=len(groups) > 1)
    dash = _dash(list(shown.values())) if len(groups) > 1 else {}
    x = _x(days, last, _axis_title(results))
    y = _y("Probability without the event")
    top = {
        "width": _WIDTH,
        "height": _HEIGHT,
        "layer": [
            _filtered(
                layer(
                    "drawn",
                    {"type": "area", "interpolate": "step-after", "fillOpacity": 0.13},
                    x=x,
                    y={**y, "field": "lower"},
                    y2={"field": "upper"},
                    color=colour,
                ),
                "datum.kind == 'step' && datum.lower != null",
            ),
            _filtered(
                layer(
                    "drawn",
                    {"type": "line", "interpolate": "step-after", "strokeWidth": 1.8},
                    x=x,
                    y={**y, "field": "estimate"},
                    color=colour,
                    **dash,
                ),
                "datum.kind == 'step'",
            ),
            _filtered(
                layer(
                    "drawn",
                    {"type": "point", "shape": "stroke", "angle": 90, "size": 45, "strokeWidth": 1.2},
                    x=x,
                    y={**y, "field": "estimate"},
                    color=colour,
                    tooltip=[tip("day", "day", number=True), tip("n_censored", "censored", number=True)],
                ),
                "datum.kind == 'censored'",
            ),
        ],
    }
    table = _risk_table(list(shown.values()), x, colour)
    body = {
        "vconcat": [top, table],
        "spacing": 6,
        "resolve": {"scale": {"color": "shared"}, "legend": {"color": "independent", "strokeDash": "independent"}},
    }
    return Drawn(
        name=file_name("survival", analysis, endpoint),
        title=_title(settings, endpoint, results),
        caption=_curve_caption(results, groups, shown),
        spec=chart(body, {"drawn": rows(drawn)}),
        data=drawn,
    )


def _risk_table(labels: Sequence[str], x: Mapping[str, Any], colour: Mapping[str, Any]) -> dict[str, Any]:
    quiet = {**x, "axis": None}
    several = len(labels) > 1
    y = {
        "field": "label",
        "type": "nominal",
        "sort": list(labels),
        "title": None,
        "axis": {"domain": False, "ticks": False, "labelLimit": 210, "labelPadding": 16, "labels": several},
    }
    return {
        "width": _WIDTH,
        "height": _ROW * len(labels) + 4,
        "title": {"text": "Number at risk", "fontSize": 11, "fontWeight": "normal", "anchor": "start", "offset": 2},
        "transform": [{"filter": "datum.kind == 'at_risk'"}],
        **layer(
            "drawn",
            {"type": "text", "fontSize": 11},
            x=quiet,
            y=y,
            text={"field": "n_risk", "type": "quantitative"},
            color={**colour, "legend": None} if several else {"value": INK},
        ),
    }


def _curve_caption(results: pl.DataFrame, groups: Sequence[str], shown: Mapping[str, str]) -> str:
    parts = []
    for group in groups:
        told = dict(results.filter(pl.col("level") == group).select("stat_name", "value").iter_rows())
        n, events = told.get("n") or 0.0, told.get("n_events") or 0.0
        name = shown[group] if len(groups) > 1 else f"{n:.0f} subjects"
        size = f"n = {n:.0f}, {events:.0f} events" if len(groups) > 1 else f"{events:.0f} events"
        middle = _limits(told.get("median"), told.get("median_lower"), told.get("median_upper"))
        follow = told.get("follow_up")
        seen = f", median follow-up {number(follow)} days" if follow is not None else ""
        parts.append(f"{name}: {size}, median {middle}{seen}.")
    p = results.filter((pl.col("stat_name") == "p") & (pl.col("level") == ""))["value"].to_list()
    if p and p[0] is not None:
        said = p_value(p[0])
        parts.append(f"Log-rank P {said if said[0] in '<>' else '= ' + said} (two-sided, not adjusted).")
    notices = {n for row in results["notices"].to_list() for n in row}
    if "immortal-time" in notices:
        parts.append(
            "BIASED: the groups became known after day 0 and are compared from it; who lived long enough to be known looks better for "
            "that alone (immortal time)."
        )
    level = results["settings"].to_list()[0] if results.height else ""
    if '"cut":"median"' in level:
        parts.append("Divided at the median.")
    parts.append(f"Band: pointwise {_percent(level)} % limits; strokes: censored subjects.")
    return " ".join(parts)


def _limits(value: float | None, lower: float | None, upper: float | None) -> str:
    """A median with its limits; a limit that is not reached is said to be so."""
    if value is None:
        return "not reached" if lower is None else f"not reached (from {number(lower)} days)"
    ends = f"{number(lower) if lower is not None else 'not reached'} to {number(upper) if upper is not None else 'not reached'}"
    return f"{number(value)} days ({ends})"


def _shown(settings: FigureSettings, results: pl.DataFrame, group: str) -> str:
    """What a group is called: a yes or no with what it answers."""
    by = settings.label(results["biomarker"].to_list()[0]) if results.height else ""
    return f"{by}: {group}" if group in ("yes", "no") else settings.class_label(group) or "All subjects"


def _percent(settings: str) -> str:
    import json

    return f"{100 * float(json.loads(settings).get('level', 0.95)):g}" if settings else "95"


def _incidence(tables: Tables, settings: FigureSettings, analysis: str, endpoint: str) -> Drawn | None:
    mine = _mine(tables["survival"], analysis, endpoint).filter((pl.col("cause") != "") & (pl.col("kind") == "step"))
    if mine.is_empty():
        return None
    groups = _in_order(mine, "group", "place")
    results = _results(tables["results"], analysis, endpoint, "cumulative_incidence")
    causes = _causes(results, set(mine["cause"]))
    shown = {g: _shown(settings, results, g) for g in groups}
    risk = _mine(tables["survival"], analysis, endpoint).filter(pl.col("kind") == "at_risk")
    days = risk["day"].unique().sort().to_list()
    last = max(float(mine["day"].max() or 0.0), float(days[-1] if days else 0.0))  # type: ignore[arg-type]
    top = float(mine["upper"].fill_null(0.0).max() or 0.0)  # type: ignore[arg-type]
    colour = _colour("cause", causes, several=True)
    x = _x(days, last, _axis_title(results))
    width = _WIDTH if len(groups) == 1 else max(200, (_WIDTH + 60) // len(groups) - 30)
    drawn = _labelled(pl.concat([mine, risk]), shown)
    panels = []
    for place, group in enumerate(groups):
        y = _y("Cumulative incidence" if place == 0 else None, top=min(1.0, max(0.2, top * 1.05)))
        panel: dict[str, Any] = {
            "width": width,
            "height": _HEIGHT,
            "transform": [{"filter": {"field": "label", "equal": shown[group]}}, {"filter": "datum.kind == 'step'"}],
            "data": {"name": "drawn"},
            "layer": [
                {
                    "mark": {"type": "area", "interpolate": "step-after", "fillOpacity": 0.13},
                    "transform": [{"filter": "datum.lower != null"}],
                    "encoding": {"x": x, "y": {**y, "field": "lower"}, "y2": {"field": "upper"}, "color": colour},
                },
                {
                    "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.8},
                    "encoding": {"x": x, "y": {**y, "field": "estimate"}, "color": colour, **_dash(causes, "cause")},
                },
            ],
        }
        if len(groups) > 1:
            panel["title"] = {
                "text": _wrapped(shown[group]),
                "fontSize": 11,
                "fontWeight": "normal",
            }
        panels.append({"vconcat": [panel, _risk_row(shown[group], x, width)], "spacing": 4})
    body = panels[0] if len(panels) == 1 else {"hconcat": panels, "resolve": {"scale": {"color": "shared"}}}
    return Drawn(
        name=file_name("incidence", analysis, endpoint),
        title=f"{_title(settings, endpoint, results)}: cumulative incidence",
        caption=_incidence_caption(results, groups, causes, settings),
        spec=chart(body, {"drawn": rows(drawn)}),
        data=drawn,
    )


def _risk_row(group: str, x: Mapping[str, Any], width: int) -> dict[str, Any]:
    """Numbers at risk of one group, under its panel."""
    text = {
        "text": "Number at risk",
        "fontSize": 11,
        "fontWeight": "normal",
        "anchor": "start",
        "offset": 2,
    }
    return {
        "width": width,
        "height": _ROW,
        "title": text,
        "transform": [{"filter": {"field": "label", "equal": group}}, {"filter": "datum.kind == 'at_risk'"}],
        **layer(
            "drawn",
            {"type": "text", "fontSize": 11, "color": INK},
            x={**x, "axis": None},
            text={"field": "n_risk", "type": "quantitative"},
        ),
    }


def _incidence_caption(
    results: pl.DataFrame, groups: Sequence[str], causes: Sequence[str], settings: FigureSettings
) -> str:
    told = {(s, v): value for s, v, value in results.select("stat_name", "level", "value").iter_rows()}
    parts = []
    for group in groups:
        levels = [f"{group}; {c}" if group else c for c in causes]
        n = told.get(("n", levels[0])) or 0.0
        events = ", ".join(f"{c} {told.get(('n_events', lv)) or 0.0:.0f}" for c, lv in zip(causes, levels, strict=True))
        parts.append(f"{_shown(settings, results, group) + ', ' if group else ''}n = {n:.0f}: {events}.")
    tests = [
        f"{c} P {said if said[0] in '<>' else '= ' + said}"
        for c in causes
        if (p := told.get(("p_cause", c))) is not None
        for said in [p_value(p)]
    ]
    if tests:
        parts.append(f"Gray's test: {'; '.join(tests)} (two-sided, not adjusted).")
    if any("immortal-time" in row for row in results["notices"].to_list()):
        parts.append("BIASED: the groups became known after day 0 and are compared from it (immortal time).")
    level = results["settings"].to_list()[0] if results.height else ""
    parts.append(f"Competing kinds of event (Aalen-Johansen); bands: pointwise {_percent(level)} % limits.")
    return " ".join(parts)


def _causes(results: pl.DataFrame, there: set[str]) -> list[str]:
    """The kinds of event in the order of the results."""
    told = results.filter(pl.col("stat_name") == "n_events")["level"]
    return list(dict.fromkeys(c for level in told if (c := level.rpartition("; ")[2]) in there))


def _labelled(rows_: pl.DataFrame, shown: Mapping[str, str]) -> pl.DataFrame:
    """The rows that are drawn, with the label of their group, in an order of their own."""
    label = pl.col("group").replace_strict(dict(shown), return_dtype=pl.String)
    cause = pl.when(pl.col("cause") == "").then(pl.lit("any event")).otherwise("cause")
    kept = ("analysis_id", "endpoint", "population", "label", "place", "cause", "kind", "day", "estimate", "lower")
    named = rows_.with_columns(label=label, cause=cause).select(*kept, "upper", "n_risk", "n_event", "n_censored")
    return named.sort("place", "cause", "kind", "day")


def _mine(survival: pl.DataFrame, analysis: str, endpoint: str) -> pl.DataFrame:
    return survival.filter((pl.col("analysis_id") == analysis) & (pl.col("endpoint") == endpoint))


def _results(results: pl.DataFrame, analysis: str, endpoint: str, method: str) -> pl.DataFrame:
    return results.filter(
        (pl.col("analysis_id") == analysis) & (pl.col("endpoint") == endpoint) & (pl.col("method") == method)
    )


def _in_order(frame: pl.DataFrame, name: str, place: str) -> list[str]:
    return [str(v) for v in frame.select(name, place).unique().sort(place)[name]]


def _title(settings: FigureSettings, endpoint: str, results: pl.DataFrame) -> str:
    by = results["biomarker"].to_list()[0] if results.height else ""
    label = settings.label(endpoint)
    return f"{label} by {_lowered(settings.label(by))}" if by else label


def _lowered(label: str) -> str:
    """A label inside a sentence: its first letter small, unless it begins with an abbreviation."""
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


def _axis_title(results: pl.DataFrame) -> str:
    import json

    landmark = json.loads(results["settings"].to_list()[0]).get("landmark") if results.height else None
    return f"Time from the landmark, day {landmark:g} (days)" if landmark is not None else "Time (days)"


def _x(days: Sequence[float], last: float, title: str) -> dict[str, Any]:
    return {
        "field": "day",
        "type": "quantitative",
        "title": title,
        "scale": {"domain": [0, last], "nice": False},
        "axis": {"values": list(days), "grid": False},
    }


def _y(title: str | None, *, top: float = 1.0) -> dict[str, Any]:
    return {
        "type": "quantitative",
        "title": title,
        "scale": {"domain": [0, top], "nice": False},
        "axis": {"format": "%", "tickCount": 6},
    }


def _colour(field: str, names: Sequence[str], *, several: bool) -> dict[str, Any]:
    legend = {
        "orient": "top",
        "title": None,
        "columns": 1 if any(len(n) > 45 for n in names) else 3,
        "symbolType": "stroke",
    }
    return {
        "field": field,
        "type": "nominal",
        "scale": {"domain": list(names), "range": colours(names) if several else [INK]},
        "legend": legend if several else None,
    }


def _dash(names: Sequence[str], field: str = "label") -> dict[str, Any]:
    """Lines told apart by their dashes too."""
    styles = [list(_DASHES[i % len(_DASHES)]) for i in range(len(names))]
    return {
        "strokeDash": {
            "field": field,
            "type": "nominal",
            "scale": {"domain": list(names), "range": styles},
            "legend": {
                "orient": "top",
                "title": None,
                "columns": 1 if any(len(n) > 45 for n in names) else 3,
                **_LINES,
            },
        }
    }


def _filtered(one: dict[str, Any], test: str) -> dict[str, Any]:
    return {**one, "transform": [{"filter": test}]}


def _wrapped(text: str, width: int = 34) -> list[str]:
    """A title in lines of a width."""
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line]


CURVES = Figure(
    code="survival",
    label="Kaplan-Meier curves",
    section="outcomes",
    needs=(SURVIVAL, RESULTS),
    draw=_draw_curves,
    shows="The probability of being without the event, by group, with limits, censored subjects and the numbers at risk",
    citation="Kaplan and Meier 1958, JASA 53:457; Pocock 2002, Lancet 359:1686 (numbers at risk, limits)",
)
INCIDENCES = Figure(
    code="incidence",
    label="Cumulative incidence",
    section="outcomes",
    needs=(SURVIVAL, RESULTS),
    draw=_draw_incidences,
    shows="The cumulative incidence of each kind of event that competes, by group, with limits",
    citation="Aalen and Johansen 1978, Scand J Statist 5:141",
)
