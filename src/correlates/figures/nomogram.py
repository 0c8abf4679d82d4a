"""Nomogram of a multivariable model: points of each covariate, and the probability that their sum stands for."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import INK, chart, layer, rows, tip, with_unit
from correlates.rounding import number, unit_text
from correlates.schema import MODELS
from correlates.stats.splines import restricted_cubic
from correlates.stats.transforms import transformed

_GAP, _LETTER = 2.5, 1.6  # hundredths of an axis between two texts, and of one letter
_DAYS = (182.0, 365.0)  # by which a model of a time is told
_FINE = tuple(k / 100 for k in range(2, 99, 2))
_FINEST = tuple(k / 1000 for k in range(5, 1000, 5))
_CHANCES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)


def _draw(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    found = tables["models"].filter(pl.col("stat_name") == "json")
    made = [
        _nomogram(name, json.loads(text), settings) for name, text in found.select("analysis_id", "text").iter_rows()
    ]
    return tuple(drawn for drawn in made if drawn is not None)


def _nomogram(name: str, model: dict[str, Any], settings: FigureSettings) -> Drawn | None:
    terms, variables = model["terms"], model["variables"]
    if not terms or any(len(t["of"]) > 1 for t in terms):
        return None
    scales = _scales(terms, variables, settings)
    ranges: dict[str, list[float]] = {}
    for scale in scales:
        ranges.setdefault(scale.code, []).extend(log for _, log in scale.ticks)
    widest = max(max(logs) - min(logs) for logs in ranges.values())
    if widest <= 0:
        return None
    unit = 100.0 / widest
    marks: list[dict[str, Any]] = []
    least = model["intercept"] + sum(min(logs) for logs in ranges.values())
    for scale in scales:
        low = min(ranges[scale.code])
        ticks: list[dict[str, Any]] = [
            {"scale": scale.label, "points": (log - low) * unit, "text": text} for text, log in scale.ticks
        ]
        placed = _sided(ticks) if scale.classes else _spaced(ticks, 100.0)
        if placed is None:  # classes too near each other: a line for each
            placed = [
                {
                    "scale": f"{scale.label}: {t['text']}",
                    "points": t["points"],
                    "text": number(t["points"], 2),
                    "side": 0,
                }
                for t in ticks
            ]
        marks += placed
    most = sum(max(logs) - min(logs) for logs in ranges.values()) * unit
    total = []
    outcomes = _outcomes(model)
    for label, at_eta in outcomes:
        there: list[dict[str, Any]] = []
        for chances in (_CHANCES, _FINE, _FINEST):
            there = [
                {"scale": label, "points": at, "text": number(p, 3)}
                for p in chances
                if 0 <= (at := (at_eta(p) - least) * unit) <= most
            ]
            if len(there) > 2:
                break
        total += _spaced(there, most) if there else []
    told = [label for label, _ in outcomes if any(t["scale"] == label for t in total)]
    if not told:
        return None
    shape = {"scale": pl.String, "points": pl.Float64, "text": pl.String, "side": pl.Int64}
    data = pl.DataFrame(marks + total, schema=shape)
    spec = chart(
        {
            "vconcat": [
                _panel(list(dict.fromkeys(str(m["scale"]) for m in marks)), "above", 100.0, "Points of each covariate"),
                _panel(told, "below", most, "Total points"),
            ]
        },
        {
            "drawn": rows(data),
            "above": rows(pl.DataFrame(marks, schema=shape)),
            "below": rows(pl.DataFrame(total, schema=shape)),
        },
    )
    return Drawn(
        name=file_name("nomogram", name),
        title=f"Nomogram: {model['label']}, {name.replace('_', ' ')}; n = {model['n']}",
        caption="Read the points above each value, add them, and read the probability at their total below. It shows what the model says, "
        "for the ranges it was made from; whether it is right, the corrected performance tells. Not for use on patients.",
        spec=spec,
        data=data,
    )


def _outcomes(model: dict[str, Any]) -> list[tuple[str, Callable[[float], float]]]:
    """What a total stands for: its label, and the linear predictor at which it has a probability."""
    if model["kind"] == "ordinal":
        grades = model["grades"]
        return [
            (f"P of {grade} or higher", partial(_from_threshold, alpha))
            for grade, alpha in zip(grades["names"][1:], grades["threshold"], strict=True)
        ]
    if model["kind"] == "cox":
        days, survival = model["baseline"]["day"], model["baseline"]["survival"]
        asked = [day for day in _DAYS if days and days[0] <= day <= days[-1]] or days[
            len(days) // 2 : len(days) // 2 + 1
        ]
        found: list[tuple[str, Callable[[float], float]]] = []
        for day in asked:
            hazard = -math.log([s for d, s in zip(days, survival, strict=True) if d <= day][-1])
            found.append((f"P of no event by day {day:g}", partial(_from_hazard, hazard)))
        return found
    return [("Probability", _log_odds)]


def _from_threshold(alpha: float, p: float) -> float:
    return _log_odds(p) - alpha


def _from_hazard(hazard: float, p: float) -> float:
    return math.log(-math.log(p) / hazard)


def _log_odds(p: float) -> float:
    return math.log(p / (1.0 - p))


def _spaced(ticks: list[dict[str, Any]], top: float) -> list[dict[str, Any]]:
    """The ticks of numbers from left to right, without the texts that would stand on another; the two ends keep theirs, above and below the line where it is short."""
    placed = sorted(ticks, key=lambda t: t["points"])
    end = placed[-1]
    short = len(placed) > 1 and _near(placed[0], end, top)
    last: dict[str, Any] | None = None
    for i, tick in enumerate(placed):
        tick["side"] = 0
        inner = 0 < i < len(placed) - 1
        if inner and ((last is not None and _near(last, tick, top)) or _near(tick, end, top)):
            tick["text"] = ""
        else:
            last = tick
    end["side"] = int(short)
    return placed


def _sided(ticks: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """The ticks of classes, each text on the side of the line where it stands on no other, below first; None where there is no room."""
    last: dict[int, dict[str, Any]] = {}
    for tick in sorted(ticks, key=lambda t: t["points"]):
        free = [side for side in (0, 1) if side not in last or not _near(last[side], tick, 100.0)]
        if not free:
            return None
        tick["side"] = free[0]
        last[free[0]] = tick
    return ticks


def _near(one: dict[str, Any], other: dict[str, Any], top: float) -> bool:
    """Whether two texts on one side would touch, on an axis that ends at ``top``."""
    needed = _GAP + _LETTER * (len(one["text"]) + len(other["text"])) / 2
    return bool(abs(other["points"] - one["points"]) < needed * top / 100.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """A line of values: of which covariate, its label, and values with what each adds to the linear predictor."""

    code: str
    label: str
    ticks: list[tuple[str, float]]
    classes: bool = False


def _scales(terms: list[dict[str, Any]], variables: list[dict[str, Any]], settings: FigureSettings) -> list[_Scale]:
    """A line for each covariate; of a spline that turns, one for each stretch that rises or falls."""
    found: list[_Scale] = []
    by_code: dict[str, list[dict[str, Any]]] = {}
    for term in terms:
        by_code.setdefault(variables[term["of"][0]]["code"], []).append(term)
    for code, own in by_code.items():
        first = variables[own[0]["of"][0]]
        label = settings.label(code)
        if "classes" in first:
            title = with_unit(label, unit_text(first["unit"])) if "cuts" in first else label
            ticks = [(first["classes"][0], 0.0)]
            ticks += [(variables[t["of"][0]]["is"], t["coefficient"]) for t in own]
            found.append(_Scale(code=code, label=title, ticks=ticks, classes=True))
            continue
        title = with_unit(label, unit_text(first["unit"]))
        values = _ticks(*first["range"], log=first["take"].startswith("log"))
        scaled = (transformed(np.array(values), first["take"]) - first["centre"]) / first["divided_by"]
        logs = np.zeros(len(values))
        for term in own:
            knots = tuple(term["knots"])
            logs += term["coefficient"] * (restricted_cubic(scaled, knots)[:, term["part"]] if knots else scaled)
        stretches = _stretches(logs.tolist())
        for start, end in stretches:
            part = [
                (number(v), log) for v, log in zip(values[start : end + 1], logs[start : end + 1].tolist(), strict=True)
            ]
            more = "" if len(stretches) == 1 else f", from {number(values[start])} to {number(values[end])}"
            found.append(_Scale(code=code, label=title + more, ticks=part))
    return found


def _stretches(logs: list[float]) -> list[tuple[int, int]]:
    """First and last place of each run in one direction; neighbours share the place at which they turn."""
    found: list[tuple[int, int]] = []
    start = 0
    for i in range(1, len(logs) - 1):
        if (logs[i] - logs[i - 1]) * (logs[i + 1] - logs[i]) < 0:
            found.append((start, i))
            start = i
    return [*found, (start, len(logs) - 1)]


def _ticks(low: float, high: float, *, log: bool) -> list[float]:
    """About five round values that span the range."""
    if log:
        first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
        decades = [10.0**k for k in range(first, last + 1)]
        step = max(1, len(decades) // 5)
        return decades[::step] if len(decades) > 2 else [low, math.sqrt(low * high), high]
    if high <= low:
        return [low]
    rough = (high - low) / 4
    size = 10.0 ** math.floor(math.log10(rough))
    step_size = min((m * size for m in (1, 2, 5, 10)), key=lambda s: abs(s - rough))
    first = math.ceil(low / step_size)
    return [k * step_size for k in range(first, math.floor(high / step_size) + 1)]


def _panel(labels: list[str], data: str, top: float, title: str) -> dict[str, Any]:
    x = {
        "field": "points",
        "type": "quantitative",
        "title": title,
        "scale": {"domain": [0, top], "nice": False, "padding": 16},
        "axis": {"orient": "top", "tickCount": 10, "grid": True},
    }
    y = {
        "field": "scale",
        "type": "nominal",
        "sort": labels,
        "title": None,
        "axis": {"labelLimit": 340, "minExtent": 200, "domain": False, "ticks": False},
    }
    says = [tip("scale", "covariate"), tip("text", "value"), tip("points", "points", number=True)]
    return {
        "width": 420,
        "height": {"step": 38},
        "layer": [
            layer(data, {"type": "line", "color": INK, "strokeWidth": 1}, x=x, y=y, detail={"field": "scale"}),
            layer(data, {"type": "tick", "color": INK, "thickness": 1.2, "size": 10}, x=x, y=y, tooltip=says),
            *(
                {
                    **layer(
                        data,
                        {"type": "text", "dy": dy, "fontSize": 10, "color": INK},
                        x=x,
                        y=y,
                        text={"field": "text", "type": "nominal"},
                    ),
                    "transform": [{"filter": {"field": "side", "equal": side}}],
                }
                for side, dy in ((0, 13), (1, -11))
            ),
        ],
    }


NOMOGRAM = Figure(
    code="nomogram",
    label="Nomogram of a multivariable model",
    section="models",
    needs=(MODELS,),
    draw=_draw,
    shows="points of each covariate of a model without products, and the probability at their total: of the event, of a grade or higher, or of no event by a day",
    citation="Harrell, Regression Modeling Strategies, 2nd ed. 2015, section 5.5.2",
)
