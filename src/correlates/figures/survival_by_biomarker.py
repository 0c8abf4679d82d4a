"""Kaplan-Meier curves of the groups a biomarker was cut into, with their bands and the numbers at risk."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.response import chosen, whole
from correlates.figures.settings import FigureSettings, Panels
from correlates.figures.theme import CLASSES, INK, Rows, chart, layer, literal, rows
from correlates.rounding import number, p_value, unit_text
from correlates.schema import ANALYSIS, PARAMETERS, RESULTS

_WIDTH, _HEIGHT = 560, 230
_QUANTILES = {2: "the median", 3: "tertiles", 4: "quartiles"}
_METHODS = {"log_rank": "log-rank", "cutpoint": "maximally selected log-rank, corrected for the choice of the cut"}


def _draw(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    wanted = settings.by_biomarker
    if wanted is None:
        return ()
    made = []
    for method in _METHODS:
        mine = chosen(tables["results"], wanted, method)
        for biomarker, endpoint in mine.select("biomarker", "endpoint").unique(maintain_order=True).iter_rows():
            one = mine.filter(biomarker=biomarker, endpoint=endpoint)
            drawn = _curve(one, method, tables["analysis"], wanted, settings)
            if drawn is not None:
                made.append(drawn)
    return tuple(made)


def _curve(
    mine: pl.DataFrame, method: str, analysis: pl.DataFrame, wanted: Panels, settings: FigureSettings
) -> Drawn | None:
    biomarker, endpoint = mine["biomarker"][0], mine["endpoint"][0]
    columns = (biomarker, endpoint, f"{endpoint}|event")
    if not set(columns) <= set(analysis.columns):
        return None
    mask = f"population:{wanted.population}"
    inside = analysis.filter(pl.col(mask)) if mask in analysis.columns else analysis
    people = inside.select(
        x=pl.col(biomarker).cast(pl.Float64), time=pl.col(endpoint), event=pl.col(f"{endpoint}|event")
    ).drop_nulls()
    groups = mine.filter(pl.col("stat_name") == "group_n")["level"].to_list()
    bounds = _bounds(mine, method)
    if len(groups) != len(bounds) + 1 or people.is_empty():
        return None
    place = np.searchsorted(bounds, people["x"].to_numpy(), side="left")
    people = people.with_columns(group=pl.Series([groups[i] for i in place]))
    last = float(people["time"].max())  # type: ignore[arg-type]
    lines, marks, risk = _steps(people, groups, last)
    unit = mine.filter(pl.col("stat_name").is_in(["bound", "cutpoint"]))["unit"].drop_nulls()
    legend = _legend(groups, bounds, unit[0] if unit.len() else "")
    spec = _spec(lines, marks, risk, groups, legend, last)
    p = whole(mine, "p")[biomarker, endpoint]
    said = p_value(p)
    band = " with pointwise 95 % band (log-log)" if len(groups) < 3 else ""
    told = f"P {said}" if said.startswith(("<", ">")) else f"P = {said}"
    return Drawn(
        name=file_name("survival_by_biomarker", method, biomarker, endpoint),
        title=f"{settings.label(endpoint)} by {settings.label(biomarker)}, cut "
        + (f"at {_QUANTILES[len(groups)]}" if method == "log_rank" else "where the groups differ most"),
        caption=(
            f"Kaplan-Meier estimates{band}; ticks: censored. {people.height} subjects, "
            f"{int(people['event'].sum())} with the event. {told} ({_METHODS[method]}), unadjusted for the other biomarkers."
        ),
        spec=spec,
        data=pl.DataFrame(lines),
    )


def _bounds(mine: pl.DataFrame, method: str) -> list[float]:
    stat = "cutpoint" if method == "cutpoint" else "bound"
    return [v for v in mine.filter(pl.col("stat_name") == stat)["value"].to_list() if v is not None]


def _legend(groups: list[str], bounds: list[float], unit: str) -> dict[str, str]:
    """What each group is, in the unit of the biomarker."""
    words = {}
    for i, group in enumerate(groups):
        if i == 0:
            span = f"up to {number(bounds[0])}"
        elif i == len(bounds):
            span = f"above {number(bounds[-1])}"
        else:
            span = f"{number(bounds[i - 1])} to {number(bounds[i])}"
        words[group] = f"{group}: {span} {unit_text(unit)}".strip()
    return words


def _steps(people: pl.DataFrame, groups: list[str], last: float) -> tuple[Rows, Rows, Rows]:
    """Curves as steps, ticks of the censored, and numbers at risk at the ticks of the axis."""
    from correlates.stats.kaplan_meier import kaplan_meier, number_at_risk, survival_at

    lines: Rows = []
    marks: Rows = []
    risk: Rows = []
    step = _step(last)
    at = np.arange(0.0, last + 1e-9, step)
    for row, group in enumerate(groups):
        mine = people.filter(pl.col("group") == group)
        if mine.is_empty():
            continue
        time, event = mine["time"].to_numpy(), mine["event"].to_numpy().astype(bool)
        curve = kaplan_meier(time, event)
        lines.append({"group": group, "day": 0.0, "survival": 1.0, "lower": 1.0, "upper": 1.0})
        for k, day in enumerate(curve.time.tolist()):
            low, high = float(curve.lower[k]), float(curve.upper[k])
            lines.append(
                {
                    "group": group,
                    "day": day,
                    "survival": float(curve.survival[k]),
                    "lower": None if np.isnan(low) else low,
                    "upper": None if np.isnan(high) else high,
                }
            )
        lines.append({**lines[-1], "day": float(time.max())})
        ended = np.unique(time[~event])
        for day, height in zip(ended.tolist(), survival_at(curve, ended).survival.tolist(), strict=True):
            marks.append({"group": group, "day": day, "survival": height})
        for day, n in zip(at.tolist(), number_at_risk(time, at).tolist(), strict=True):
            risk.append({"group": group, "row": row, "day": day, "n": n})
    return lines, marks, risk


def _step(last: float) -> float:
    """Distance of the ticks: a round number of days that makes at most eight of them."""
    least = max(1.0, last / 7)
    power = 10.0 ** np.floor(np.log10(least))
    return float(min(f * power for f in (1, 1.5, 2, 2.5, 3, 4, 5, 10) if f * power >= least * (1 - 1e-9)))


def _spec(
    lines: Rows, marks: Rows, risk: Rows, groups: list[str], legend: dict[str, str], last: float
) -> dict[str, Any]:
    ticks = sorted({r["day"] for r in risk})
    colour = {
        "field": "group",
        "type": "nominal",
        "scale": {"domain": groups, "range": list(CLASSES[: len(groups)])},
        "legend": {
            "orient": "top",
            "title": None,
            "columns": 2,
            "symbolType": "stroke",
            "symbolStrokeWidth": 3,
            "symbolOpacity": 1,
            "labelExpr": f"{literal([legend[g] for g in groups])}[indexof({literal(groups)}, datum.label)]",
        },
    }
    dash = {
        "field": "group",
        "type": "nominal",
        "scale": {"domain": groups, "range": [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3]][: len(groups)]},
        "legend": colour["legend"],
    }
    x = {
        "field": "day",
        "type": "quantitative",
        "scale": {"domain": [0, last], "nice": False},
        "axis": {"title": "Time (days)", "values": ticks, "grid": True},
    }
    y = {
        "field": "survival",
        "type": "quantitative",
        "scale": {"domain": [0, 1]},
        "axis": {"title": "Probability without the event", "format": "%", "values": [0, 0.25, 0.5, 0.75, 1]},
    }
    step = {"interpolate": "step-after"}
    band = layer(
        "drawn",
        {"type": "area", "opacity": 0.13, **step},
        x=x,
        y={**y, "field": "lower"},
        y2={"field": "upper"},
        color=colour,
    )
    top = {
        "width": _WIDTH,
        "height": _HEIGHT,
        "layer": [
            *([band] if len(groups) < 3 else []),
            layer("drawn", {"type": "line", "strokeWidth": 2, **step}, x=x, y=y, color=colour, strokeDash=dash),
            layer(
                "censored",
                {"type": "tick", "orient": "vertical", "size": 8, "thickness": 1.2},
                x=x,
                y=y,
                color=colour,
            ),
        ],
    }
    under = {
        "width": _WIDTH,
        "height": 18 * len(groups),
        "title": {"text": "Number at risk", "fontSize": 11, "fontWeight": "normal", "frame": "group", "offset": 2},
        "layer": [
            layer(
                "risk",
                {"type": "text", "fontSize": 11, "color": INK},
                x={**x, "axis": None},
                y={
                    "field": "group",
                    "type": "nominal",
                    "sort": groups,
                    "axis": {"title": None, "domain": False, "ticks": False, "grid": False, "offset": 14},
                },
                text={"field": "n", "type": "quantitative"},
            )
        ],
    }
    return chart(
        {"vconcat": [top, under], "spacing": 6},
        {"drawn": rows(pl.DataFrame(lines)), "censored": marks, "risk": risk},
    )


SURVIVAL_BY_BIOMARKER = Figure(
    code="survival_by_biomarker",
    label="Time to an event by biomarker",
    section="associations",
    needs=(RESULTS, ANALYSIS, PARAMETERS),
    draw=_draw,
    shows="Kaplan-Meier curves of the groups of a biomarker, cut at quantiles or at a selected cut-point with its corrected P",
    citation="Kaplan and Meier, JASA 1958;53:457-481; Pocock, Clayton and Altman, Lancet 2002;359:1686-1689 (how to draw them)",
)
