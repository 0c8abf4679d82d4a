"""Share of subjects with detectable cells over time: the curve from intervals, and what is not known inside them."""

from __future__ import annotations

from typing import Any

import polars as pl

from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import INK, chart, colours, layer, rows, tip
from correlates.schema import PERSISTENCE, PERSISTENCE_AT

_DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [1, 3], [10, 4])
_EVERYBODY = "All subjects"


def _draw(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    made = []
    for analysis in settings.persistence:
        frame = tables["persistence"].filter(pl.col("analysis_id") == analysis)
        at = tables["persistence_at"].filter(pl.col("analysis_id") == analysis)
        if frame.height:
            made.append(_one(analysis, frame, at, settings))
    return tuple(made)


def _label(group: str, n: int, settings: FigureSettings) -> str:
    return f"{settings.class_label(group) if group else _EVERYBODY} (n = {n})"


def _steps(frame: pl.DataFrame, last: float) -> list[dict[str, Any]]:
    """The curve of a group: corners at the ends of every interval that carries mass, and its end."""
    carrying = frame.filter(pl.col("mass") > 1e-6).sort("lower")
    corners = [(0.0, 1.0)]
    level = 1.0
    for row in carrying.iter_rows(named=True):
        corners.append((row["lower"], level))
        if row["upper"] is None:
            break
        level = row["after"]
        corners.append((row["upper"], level))
    if corners[-1][0] < last and (carrying.is_empty() or carrying["upper"][-1] is not None):
        corners.append((last, level))
    return [{"day": day, "share": share, "place": i} for i, (day, share) in enumerate(corners)]


def _one(analysis: str, frame: pl.DataFrame, at: pl.DataFrame, settings: FigureSettings) -> Drawn:
    groups = frame["group"].unique(maintain_order=True).to_list()
    classes = [g for g in groups if g]
    shown = classes or groups
    sizes = dict(frame.select("group", "n").unique(maintain_order=True).iter_rows())
    names = {g: _label(g, sizes[g], settings) for g in groups}
    ends = frame.select(pl.max_horizontal(pl.col("lower").max(), pl.col("upper").max())).item()
    last = max(float(ends), float(at["day"].max() or 0.0)) * 1.02 if at.height else float(ends) * 1.02  # type: ignore[arg-type]
    carrying = frame.filter(
        pl.col("group").is_in(shown) & (pl.col("mass") > 1e-6) & pl.col("upper").is_not_null()
    ).select(group=pl.col("group").replace(names), lower="lower", upper="upper", after="after", before="before")
    data = pl.concat(
        [
            pl.DataFrame(_steps(frame.filter(pl.col("group") == g), last)).select(
                group=pl.lit(names[g]), day=pl.col("day").cast(pl.Float64), share="share", place="place"
            )
            for g in shown
        ]
    )
    declared = next((o for o in settings.order.values() if classes and set(classes) <= set(o)), ())
    labels = [names[g] for g in shown]
    palette = colours(shown, declared) if classes else [INK]
    legend = {"orient": "top", "title": None, "columns": 1 if len(labels) > 2 else 2, "symbolSize": 120}
    colour = {"field": "group", "type": "nominal", "scale": {"domain": labels, "range": palette}, "legend": legend}
    dash = {
        "field": "group",
        "type": "nominal",
        "scale": {"domain": labels, "range": list(_DASHES[: len(labels)])},
        "legend": legend,
    }
    x: dict[str, Any] = {
        "type": "quantitative",
        "title": "Days after infusion",
        "scale": {"domain": [0, last], "nice": False},
        "axis": {"grid": False, "tickCount": 8},
    }
    y: dict[str, Any] = {
        "type": "quantitative",
        "title": "Share with detectable cells (%)",
        "scale": {"domain": [0, 1]},
        "axis": {"labelExpr": "datum.value * 100", "values": [0, 0.25, 0.5, 0.75, 1]},
    }
    bars = at.filter(pl.col("group").is_in(shown) & pl.col("low").is_not_null()).select(
        "day", "low", "high", "lower", "upper", "n_followed", group=pl.col("group").replace(names)
    )
    step = 0.008 * last
    offset = pl.col("group").replace_strict(
        {label: (i - (len(labels) - 1) / 2) * step for i, label in enumerate(labels)}, return_dtype=pl.Float64
    )
    bars = bars.with_columns(place=pl.col("day") + offset)
    says = [
        tip("group", "group"),
        tip("day", "day", number=True),
        tip("low", "least share", number=True),
        tip("high", "largest share", number=True),
        tip("lower", "95 % limit, lower", number=True),
        tip("upper", "95 % limit, upper", number=True),
        tip("n_followed", "followed to that day", number=True),
    ]
    layers = [
        layer(
            "unknown",
            {"type": "rect", "opacity": 0.13},
            x={**x, "field": "lower"},
            x2={"field": "upper"},
            y={**y, "field": "after"},
            y2={"field": "before"},
            color={**colour, "legend": None},
        ),
        layer(
            "drawn",
            {"type": "line", "strokeWidth": 2},
            x={**x, "field": "day"},
            y={**y, "field": "share"},
            color=colour,
            strokeDash=dash,
            order={"field": "place", "type": "quantitative"},
        ),
        layer(
            "at",
            {"type": "rule", "strokeWidth": 1.2},
            x={**x, "field": "place"},
            y={**y, "field": "lower"},
            y2={"field": "upper"},
            color={**colour, "legend": None},
            tooltip=says,
        ),
    ]
    counts = {
        "width": 520,
        "height": 16 * len(labels),
        "title": {"text": "Followed to that day", "fontSize": 11, "fontWeight": "normal", "offset": 2},
        **layer(
            "at",
            {"type": "text", "fontSize": 9},
            x={**x, "field": "day", "axis": None},
            y={
                "field": "group",
                "type": "nominal",
                "sort": labels,
                "title": None,
                "axis": {"domain": False, "ticks": False, "labelExpr": "split(datum.label, ' (n')[0]"},
            },
            text={"field": "n_followed", "type": "quantitative"},
        ),
    }
    apart = {"legend": {"color": "independent", "strokeDash": "independent"}}  # only the lines have one
    top = {"width": 520, "height": 290, "layer": layers, "resolve": apart}
    body: dict[str, Any] = {"vconcat": [top, counts] if bars.height else [top], "spacing": 8}
    n, lost, never, still = frame.filter(pl.col("group") == "").select("n", "n_lost", "n_never", "n_still").row(0)
    return Drawn(
        name=file_name("persistence", analysis),
        title="Persistence of detectable cells",
        caption=f"{n} subjects with a sample after the infusion: in {lost} detection was lost between two samples, in {still} it was "
        f"present in the last one, in {never} it never was. Turnbull's estimate from these intervals; shaded: where in an interval "
        "the loss lies is not known, and the line is drawn straight through. Bars: 95 % limits at declared days, by the bootstrap over "
        "subjects, moved apart sideways. Death and progression end the follow-up as the last sample does.",
        spec=chart(body, {"drawn": rows(data), "unknown": rows(carrying), "at": rows(bars)}),
        data=data,
    )


PERSISTENCES = Figure(
    code="persistence",
    label="Persistence of detectable cells",
    section="kinetics",
    needs=(PERSISTENCE, PERSISTENCE_AT),
    draw=_draw,
    shows="Share of subjects with detectable cells over time, by class, from the intervals in which detection was lost",
    citation="Turnbull 1976, J R Stat Soc B 38:290 (the estimate)",
)
