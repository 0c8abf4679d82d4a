"""Expansion curves: every subject in the panel of its class, and the median with quartiles by class; log axis, LLOQ drawn."""

from __future__ import annotations

from typing import Any

import polars as pl

from correlates.figures.marks import state, values
from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import Expansion, FigureSettings
from correlates.figures.theme import (
    GREY,
    INK,
    Rows,
    chart,
    colours,
    day_axis,
    layer,
    log_axis,
    log_scale,
    rows,
    shapes,
    tip,
    with_unit,
)
from correlates.rounding import unit_text
from correlates.schema import MEASUREMENTS, OUTCOMES
from correlates.terms import Censoring, Status

_UNDETERMINED, _EVERYBODY = "undetermined", "All subjects"
_MEDIAN_QUANTIFIED, _MEDIAN_BOUND = "median quantified", "median at or below LLOQ"
_LEAST = 3  # subjects a class must have on a day for its median and quartiles to be drawn


def _draw(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    wanted = settings.expansion
    if wanted is None:
        return ()
    points = _points(tables, wanted, settings)
    analytes = points["analyte"].unique().sort().to_list()
    made: list[Drawn | None] = []
    for analyte in analytes:
        mine = points.filter(pl.col("analyte") == analyte)
        suffix = (analyte,) if len(analytes) > 1 else ()
        made += [_individual(mine, wanted, settings, suffix), _median(mine, wanted, settings, suffix)]
    return tuple(drawn for drawn in made if drawn is not None)


def _points(tables: Tables, wanted: Expansion, settings: FigureSettings) -> pl.DataFrame:
    """Reported values of the assay whose actual or planned day is among those asked for, with the class of the subject.

    A logarithmic axis has no place for zero: a value that is not positive is left out here and counted in the caption.
    """
    measured = tables["measurements"].filter(
        (pl.col("assay") == wanted.assay)
        & (pl.col("status") == Status.REPORTED.value)
        & pl.col("value").is_not_null()
        & pl.col("subject_id").is_not_null()
        & (_among("study_day", wanted) | _among("nominal_day", wanted))
    )
    kept = measured.select("analyte", "subject_id", "study_day", "nominal_day", "value", "censoring", "lloq", "unit")
    if wanted.by is None:
        return kept.with_columns(group=pl.lit(_EVERYBODY))
    classes = tables["outcomes"].filter(pl.col("endpoint") == wanted.by).select("subject_id", group="category")
    known = settings.order.get(wanted.by, ()) or tuple(classes["group"].drop_nulls().unique().sort())
    return kept.join(classes, on="subject_id", how="left").with_columns(
        group=pl.when(pl.col("group").is_in(known)).then("group").otherwise(pl.lit(_UNDETERMINED))
    )


def _among(day: str, wanted: Expansion) -> pl.Expr:
    """Whether a day is one of those asked for; not where it is unknown."""
    return pl.col(day).is_between(0, wanted.last_day).fill_null(value=False)


def _order(points: pl.DataFrame, wanted: Expansion, settings: FigureSettings) -> list[str]:
    """The classes that have points, in their order; the undetermined last."""
    if wanted.by is None:
        return [_EVERYBODY]
    there = points["group"].unique().sort().to_list()
    known = [c for c in settings.order.get(wanted.by, ()) if c in there]
    known = known or [c for c in there if c != _UNDETERMINED]
    return [*known, *([_UNDETERMINED] if _UNDETERMINED in there else [])]


def _declared(wanted: Expansion, settings: FigureSettings) -> tuple[str, ...]:
    return settings.order.get(wanted.by or "", ())


def _titles(points: pl.DataFrame, order: list[str], settings: FigureSettings) -> dict[str, str]:
    sizes = dict(points.group_by("group").agg(pl.col("subject_id").n_unique()).iter_rows())
    return {c: f"{settings.class_label(c)} (n = {sizes[c]})" for c in order}


def _span(values: pl.Series) -> tuple[float, float]:
    return float(values.min()) / 1.5, float(values.max()) * 1.5  # type: ignore[arg-type]


def _height(field: str, span: tuple[float, float], title: str) -> dict[str, Any]:
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": log_scale(*span),
        "axis": log_axis(*span),
    }


def _limit(points: pl.DataFrame, span: tuple[float, float]) -> Rows:
    """The median limit of quantification, where there is one and the axis reaches it."""
    limits = points["lloq"].drop_nulls()
    middle = None if limits.is_empty() else float(limits.median())  # type: ignore[arg-type]
    return [] if middle is None or not span[0] < middle < span[1] else [{"value": middle, "text": "median LLOQ"}]


def _individual(
    points: pl.DataFrame, wanted: Expansion, settings: FigureSettings, suffix: tuple[str, ...]
) -> Drawn | None:
    dated = points.filter(_among("study_day", wanted))
    shown = dated.filter(pl.col("value") > 0)
    if shown.is_empty():
        return None
    order, unit = _order(shown, wanted, settings), unit_text(shown["unit"][0])
    titles, span = _titles(shown, order, settings), _span(shown["value"])
    last = min(wanted.last_day, float(shown["study_day"].max()) * 1.03 + 1)  # type: ignore[arg-type]
    data = shown.select(
        "subject_id",
        "study_day",
        "nominal_day",
        "value",
        "lloq",
        panel=pl.col("group").replace_strict(titles, return_dtype=pl.String),
        state=state(),
    ).sort("subject_id", "study_day")
    classes = [c for c in order if c != _UNDETERMINED]
    palette = [
        *(colours(classes, _declared(wanted, settings)) if wanted.by else [INK]),
        *([GREY] if _UNDETERMINED in order else []),
    ]
    panels = [titles[c] for c in order]
    colour = {"field": "panel", "type": "nominal", "scale": {"domain": panels, "range": palette}, "legend": None}
    x, y = day_axis(last), _height("value", span, with_unit(settings.label(wanted.assay), unit))
    picked = {"param": "subject", "empty": False, "value": 1}
    layers = [
        layer("limit", {"type": "rule", "strokeDash": [4, 3], "color": GREY}, y=y),
        layer(
            None,
            {"type": "line", "strokeWidth": 1},
            x=x,
            y=y,
            detail={"field": "subject_id", "type": "nominal"},
            color=colour,
            opacity={"condition": picked, "value": 0.45},
        ),
        *values(
            None,
            data["state"],
            size=18,
            opacity={"condition": picked, "value": 0.7},
            params=[
                {
                    "name": "subject",
                    "select": {"type": "point", "fields": ["subject_id"], "on": "pointerover", "nearest": True},
                }
            ],
            x=x,
            y=y,
            color=colour,
            tooltip=[
                tip("subject_id", "subject"),
                tip("study_day", "day", number=True),
                tip("value", unit or "value", number=True),
                tip("state", "value is"),
                tip("lloq", "LLOQ of the sample", number=True),
            ],
        ),
    ]
    columns = 1 if len(order) == 1 else 2
    body = {
        "data": {"name": "drawn"},
        "facet": {"field": "panel", "type": "nominal", "title": None, "sort": panels},
        "columns": columns,
        "spec": {"width": 590 if columns == 1 else 285, "height": 340 if columns == 1 else 200, "layer": layers},
    }
    below, absent = (data["state"] == "below LLOQ").sum(), dated.height - shown.height
    lost = f" {absent:,} values that are not positive have no place on the axis." if absent else ""
    if later := points.height - dated.height:
        lost += f" {later:,} samples of a planned day up to {wanted.last_day:g} were taken on a day that is not drawn."
    by = f", by {settings.label(wanted.by).lower()}" if wanted.by else ""
    return Drawn(
        name=file_name("expansion_individual", *suffix),
        title=" ".join(("CAR T-cell expansion, contraction and persistence in each subject", *suffix)),
        caption=f"{data['subject_id'].n_unique()} subjects, {data.height:,} samples by actual day{by}. Open triangles: {below:,} values "
        "below the lower limit of quantification (LLOQ), drawn at the limit of their own sample, which moves with the DNA in the "
        "reaction and the cell count; dashed: the median of these limits. Day axis compressed after day 10." + lost,
        spec=chart(body, {"drawn": rows(data), "limit": _limit(points, span)}),
        data=data,
    )


def _median(points: pl.DataFrame, wanted: Expansion, settings: FigureSettings, suffix: tuple[str, ...]) -> Drawn | None:
    points = points.filter(_among("nominal_day", wanted))  # the visit as a whole, whatever the days it took place on
    if points.is_empty():
        return None
    order = [c for c in _order(points, wanted, settings) if c != _UNDETERMINED]
    titles, unit = _titles(points, order, settings), unit_text(points["unit"][0])
    below = pl.col("censoring") == Censoring.LEFT.value
    data = (
        points.filter(pl.col("group").is_in(order))
        .group_by("group", "nominal_day")
        .agg(
            n=pl.len(),
            n_below=below.sum(),
            median=pl.col("value").median(),
            q1=pl.col("value").quantile(0.25, "linear"),
            q3=pl.col("value").quantile(0.75, "linear"),
        )
        .filter((pl.col("n") >= _LEAST) & (pl.col("q1") > 0))
        .rename({"nominal_day": "study_day"})
        .with_columns(
            group=pl.col("group").replace_strict(titles, return_dtype=pl.String),
            state=pl.when(pl.col("n_below") * 2 >= pl.col("n"))
            .then(pl.lit(_MEDIAN_BOUND))
            .otherwise(pl.lit(_MEDIAN_QUANTIFIED)),
        )
        .sort("group", "study_day")
    )
    if data.is_empty():
        return None
    names, declared = [titles[c] for c in order], _declared(wanted, settings)
    span = _span(pl.concat([data["q1"], data["q3"]]))
    last = min(wanted.last_day, float(data["study_day"].max()) * 1.03 + 1)  # type: ignore[arg-type]
    x, scale = day_axis(last), {"domain": names, "range": colours(order, declared)}
    legend = {"orient": "top", "title": None, "symbolSize": 60, "symbolOpacity": 1}
    colour = {"field": "group", "type": "nominal", "scale": scale, "legend": legend}
    title = with_unit(settings.label(wanted.assay), unit)
    shape = {
        "field": "group",
        "type": "nominal",
        "scale": {"domain": names, "range": shapes(order, declared)},
        "legend": legend,
    }
    says = [
        tip("group", "class"),
        tip("study_day", "nominal day", number=True),
        tip("median", f"median ({unit})", number=True),
        tip("q1", "first quartile", number=True),
        tip("q3", "third quartile", number=True),
        tip("n", "samples", number=True),
        tip("n_below", "of them below LLOQ", number=True),
    ]
    layers = [
        layer("limit", {"type": "rule", "strokeDash": [4, 3], "color": GREY}, y=_height("value", span, title)),
        layer(
            "limit",
            {"type": "text", "align": "left", "dx": 4, "color": GREY, "fontSize": 10},
            x={"value": "width"},
            y=_height("value", span, title),
            text={"field": "text", "type": "nominal"},
        ),
        layer(
            "drawn",
            {"type": "area", "opacity": 0.15, "line": False},
            x=x,
            y=_height("q1", span, title),
            y2={"field": "q3"},
            color=colour,
        ),
        layer("drawn", {"type": "line", "strokeWidth": 2}, x=x, y=_height("median", span, title), color=colour),
        *(
            {
                **layer(
                    "drawn",
                    {"type": "point", "size": 55, "opacity": 1, **look},
                    x=x,
                    y=_height("median", span, title),
                    color=colour,
                    shape=shape,
                    tooltip=says,
                ),
                "transform": [{"filter": f"datum.state == '{state_}'"}],
            }
            for state_, look in (
                (_MEDIAN_QUANTIFIED, {"filled": True}),
                (_MEDIAN_BOUND, {"fill": "white", "strokeWidth": 1.5}),
            )
            if state_ in data["state"]
        ),
    ]
    counts = {
        "width": 500,
        "height": 16 * len(names),
        "title": {"text": "Samples", "fontSize": 11, "fontWeight": "normal", "offset": 2},
        **layer(
            "drawn",
            {"type": "text", "fontSize": 9},
            x={**x, "axis": None},
            y={
                "field": "group",
                "type": "nominal",
                "sort": names,
                "title": None,
                "axis": {"domain": False, "ticks": False, "labelExpr": "split(datum.label, ' (n')[0]"},
            },
            text={"field": "n", "type": "quantitative"},
        ),
    }
    body = {"vconcat": [{"width": 500, "height": 300, "layer": layers}, counts], "spacing": 6}
    return Drawn(
        name=file_name("expansion_median", *suffix),
        title=" ".join(("CAR T cells over time: median and quartiles", *suffix)),
        caption="Line: median; band: first to third quartile, by nominal day, where at least three subjects of the class have a sample "
        "(their number stands below). Values below the LLOQ rank lowest and count at the limit of their sample; an open symbol marks a "
        "median at or below the LLOQ, which is an upper bound. Day axis compressed after day 10.",
        spec=chart(body, {"drawn": rows(data), "limit": _limit(points, span)}),
        data=data,
    )


EXPANSION = Figure(
    code="expansion",
    label="Expansion curves",
    section="kinetics",
    needs=(MEASUREMENTS, OUTCOMES),
    draw=_draw,
    shows="CAR T cells per uL over time: each subject, and median with quartiles by class; log axis; LLOQ",
    citation="Neelapu 2017, N Engl J Med 377:2531, Figure 3 (median with first and third quartile)",
)
