"""Timeline of toxicities: the grade of every subject on every day, toxicities side by side, treatments marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from correlates.figures.record import Drawn, Figure, Tables
from correlates.figures.settings import FigureSettings, Toxicity
from correlates.figures.theme import GREY, INK, PALE, chart, layer, rows, tip
from correlates.schema import OUTCOMES, TOXICITY

_WIDTH, _MOST_HEIGHT, _LEAST_ROW, _MOST_ROW = 600, 640, 4.0, 14.0
_GRADES = ("0", "1", "2", "3", "4", "5")
_SHADES = ("#f2f2f2", "#fde0c5", "#facba6", "#eb7f54", "#c1433c", "#5b1a18")
"""From pale to dark: in grey the grades keep their order."""
_SCALES = {"lee_2014": "Lee 2014", "astct_2019": "ASTCT 2019", "ctcae_4_03": "CTCAE 4.03", "ctcae_5_0": "CTCAE 5.0"}
_MARKS = ("circle", "triangle-up", "diamond", "square")


def _draw(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    asked = settings.toxicity
    if asked is None:
        return ()
    course = tables["toxicity"].filter(pl.col("endpoint").is_in(asked.endpoints))
    if course.is_empty():
        return ()
    days = _by_day(course, asked.last_day)
    order = _order(tables["outcomes"], asked)
    marks = _marks(tables["outcomes"], asked, settings)
    place = {s: i for i, s in enumerate(order)}
    days = days.filter(pl.col("subject_id").is_in(order)).with_columns(
        place=pl.col("subject_id").replace_strict(place, return_dtype=pl.Int64),
        grade_text=pl.col("grade").cast(pl.String),
    )
    marks = marks.filter(pl.col("subject_id").is_in(order)).with_columns(
        place=pl.col("subject_id").replace_strict(place, return_dtype=pl.Int64)
    )
    if days.is_empty():
        return ()
    row = min(_MOST_ROW, max(_LEAST_ROW, _MOST_HEIGHT / len(order)))
    there = sorted(days["grade"].unique().to_list())
    panels = [
        _panel(endpoint, asked, settings, order, row, there, first=i == 0, treatments=_named(marks))
        for i, endpoint in enumerate(asked.endpoints)
    ]
    body = {"hconcat": panels, "spacing": 14, "resolve": {"scale": {"color": "shared", "shape": "shared"}}}
    return (
        Drawn(
            name="toxicity",
            title="Toxicity day by day",
            caption=_caption(days, marks, order, asked, settings, tables["outcomes"]),
            spec=chart(body, {"drawn": rows(days), "treatments": rows(marks)}),
            data=days,
        ),
    )


def _by_day(course: pl.DataFrame, last: int) -> pl.DataFrame:
    """The highest grade of every subject and day to the end of the axis; an event without an end is drawn on its first day."""
    known = course.filter(pl.col("day").is_not_null() & (pl.col("day") <= last)).with_columns(
        end=pl.min_horizontal(pl.max_horizontal("day", pl.coalesce("end_day", "day")), pl.lit(float(last))),
        start=pl.max_horizontal("day", pl.lit(0.0)),
    )
    spans = known.filter(pl.col("end") >= pl.col("start")).with_columns(
        on=pl.int_ranges(pl.col("start").cast(pl.Int64), pl.col("end").cast(pl.Int64) + 1)
    )
    return (
        spans.explode("on")
        .group_by("endpoint", "subject_id", day="on", maintain_order=True)
        .agg(pl.col("grade").max(), pl.col("scale").first())
        .sort("endpoint", "subject_id", "day")
    )


def _order(outcomes: pl.DataFrame, asked: Toxicity) -> list[str]:
    """Subjects with a grade of any of the toxicities: the highest of the first first, the earlier before the later."""
    known = outcomes.filter(pl.col("endpoint").is_in(asked.endpoints) & pl.col("grade").is_not_null())
    subjects = known.select("subject_id").unique(maintain_order=True)
    keys = []
    for endpoint in asked.endpoints:
        mine = known.filter(pl.col("endpoint") == endpoint)
        renamed = mine.select(
            "subject_id", pl.col("grade").alias(f"{endpoint}|grade"), pl.col("day").alias(f"{endpoint}|day")
        )
        subjects = subjects.join(renamed, on="subject_id", how="left")
        keys += [(f"{endpoint}|grade", True), (f"{endpoint}|day", False)]
    by = [k for k, _ in keys]
    ordered = subjects.sort([*by, "subject_id"], descending=[*(d for _, d in keys), False], nulls_last=True)
    return [str(s) for s in ordered["subject_id"]]


def _marks(outcomes: pl.DataFrame, asked: Toxicity, settings: FigureSettings) -> pl.DataFrame:
    rows_ = outcomes.filter(
        pl.col("endpoint").is_in(asked.treatments)
        & pl.col("event").fill_null(value=False)
        & pl.col("day").is_not_null()
    ).filter((pl.col("day") >= 0) & (pl.col("day") <= asked.last_day))
    names = {t: settings.label(t) for t in asked.treatments}
    return rows_.select(
        "subject_id", "day", treatment=pl.col("endpoint").replace_strict(names, default=None, return_dtype=pl.String)
    )


def _named(marks: pl.DataFrame) -> list[str]:
    return [str(t) for t in marks["treatment"].unique(maintain_order=True)]


def _panel(
    endpoint: str,
    asked: Toxicity,
    settings: FigureSettings,
    order: Sequence[str],
    row: float,
    there: Sequence[int],
    *,
    first: bool,
    treatments: Sequence[str],
) -> dict[str, Any]:
    words = [g for g in _GRADES if int(g) in there]
    width = _WIDTH // len(asked.endpoints) - 20
    x = {
        "type": "quantitative",
        "title": "Day after infusion",
        "scale": {"domain": [-0.5, asked.last_day + 0.5], "nice": False},
        "axis": {"tickMinStep": 1, "tickCount": min(8, asked.last_day), "grid": False},
    }
    y = {
        "type": "quantitative",
        "title": f"Subjects (n = {len(order)}), the most severe first" if first else None,
        "scale": {"domain": [len(order) - 0.5, -0.5], "nice": False},
        "axis": {"labels": False, "ticks": False, "grid": False, "domain": False},
    }
    colour = {
        "field": "grade_text",
        "type": "nominal",
        "scale": {"domain": words, "range": [_SHADES[int(g)] for g in words]},
        "legend": {
            "orient": "top",
            "title": "Grade",
            "symbolType": "square",
            "symbolStrokeWidth": 0.5,
            "symbolStrokeColor": GREY,
        },
    }
    cells = layer(
        "drawn",
        {"type": "rect", "stroke": "white", "strokeWidth": 0.4 if row >= 6 else 0.15},
        x={**x, "field": "left"},
        x2={"field": "right"},
        y={**y, "field": "top"},
        y2={"field": "bottom"},
        color=colour,
        tooltip=[tip("subject_id", "subject"), tip("day", "day", number=True), tip("grade_text", "grade")],
    )
    cells["transform"] = [
        {"filter": {"field": "endpoint", "equal": endpoint}},
        {"calculate": "datum.day - 0.5", "as": "left"},
        {"calculate": "datum.day + 0.5", "as": "right"},
        {"calculate": "datum.place - 0.5", "as": "top"},
        {"calculate": "datum.place + 0.5", "as": "bottom"},
    ]
    layers = [cells]
    if row >= 11:
        digits = layer(
            "drawn",
            {"type": "text", "fontSize": 9},
            x={**x, "field": "day"},
            y={**y, "field": "place"},
            text={"field": "grade_text", "type": "nominal"},
            color={"condition": {"test": "datum.grade >= 3", "value": "white"}, "value": INK},
        )
        digits["transform"] = [
            {"filter": {"field": "endpoint", "equal": endpoint}},
            {"filter": "datum.grade > 0"},
        ]
        layers.append(digits)
    if treatments:
        layers.append(_treatments(x, y, treatments, row))
    return {
        "width": width,
        "height": row * len(order),
        "title": {"text": _titled(settings, endpoint), "fontSize": 12},
        "view": {"stroke": PALE},
        "layer": layers,
    }


def _treatments(x: Mapping[str, Any], y: Mapping[str, Any], treatments: Sequence[str], row: float) -> dict[str, Any]:
    legend = {"orient": "top", "title": "First given", "symbolStrokeWidth": 1, "symbolSize": 60}
    shape = {
        "field": "treatment",
        "type": "nominal",
        "scale": {"domain": list(treatments), "range": [_MARKS[i % len(_MARKS)] for i in range(len(treatments))]},
        "legend": legend,
    }
    return layer(
        "treatments",
        {"type": "point", "size": max(12, row * 3.2), "filled": False, "strokeWidth": 0.9, "opacity": 1},
        x={**x, "field": "day"},
        y={**y, "field": "place"},
        shape=shape,
        stroke={
            "field": "treatment",
            "type": "nominal",
            "scale": {"domain": list(treatments), "range": [INK] * len(treatments)},
            "legend": legend,
        },
        fill={"value": "white"},
        tooltip=[tip("subject_id", "subject"), tip("treatment", "treatment"), tip("day", "day", number=True)],
    )


def _titled(settings: FigureSettings, endpoint: str) -> list[str]:
    label = settings.label(endpoint)
    return [label] if len(label) <= 44 else [label[:42] + "..."]


def _caption(
    days: pl.DataFrame,
    marks: pl.DataFrame,
    order: Sequence[str],
    asked: Toxicity,
    settings: FigureSettings,
    outcomes: pl.DataFrame,
) -> str:
    scales = dict(days.select("endpoint", "scale").unique(maintain_order=True).iter_rows())
    parts = [f"{len(order)} subjects with a grade, one row each in every panel."]
    for endpoint in asked.endpoints:
        mine = outcomes.filter((pl.col("endpoint") == endpoint) & pl.col("grade").is_not_null())
        named = scales.get(endpoint) or "no scale"
        scale = _SCALES.get(named, named)
        told = ", ".join(f"grade {g}: {n}" for g, n in mine.group_by("grade").agg(n=pl.len()).sort("grade").iter_rows())
        parts.append(f"{settings.label(endpoint)} ({scale}), maximum: {told}.")
    parts.append("White: not graded, or no event.")
    if marks.height:
        n = marks.group_by("treatment", maintain_order=True).agg(pl.col("subject_id").n_unique())
        parts.append("First given: " + ", ".join(f"{t} {k}" for t, k in n.iter_rows()) + ".")
    return " ".join(parts)


TOXICITIES = Figure(
    code="toxicity",
    label="Toxicity day by day",
    section="outcomes",
    needs=(TOXICITY, OUTCOMES),
    draw=_draw,
    shows="The grade of every subject on every day, toxicities side by side, with the first day of treatments",
    citation="Lee 2019, Biol Blood Marrow Transplant 25:625 (daily grading)",
)
