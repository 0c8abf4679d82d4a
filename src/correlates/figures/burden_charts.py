"""Waterfall and spider: change of the tumour burden from baseline, the best of each subject and all of it."""

from __future__ import annotations

from typing import Any

import polars as pl

from correlates.figures.record import Drawn, Figure, Tables
from correlates.figures.settings import FigureSettings, ResponseCharts
from correlates.figures.theme import GREY, PALE, RESPONSE_COLOURS, chart, colours, layer, rows, shapes, tip
from correlates.schema import COURSES, OUTCOMES, RESPONSES
from correlates.terms import Response

_ORDER = tuple(r.value for r in Response if r is not Response.NE)
_NONE = "not evaluable"
_MOST = 100.0
"""Percent above which a change is drawn at the end of the axis, with its number."""
_AT = -50.0
_UNITS = {"RECIST 1.1": ("sum of diameters (RECIST 1.1)", -30.0)}
_SPD = "sum of products of diameters (SPD)"


def _points(tables: Tables, wanted: ResponseCharts) -> pl.DataFrame:
    """Changes from baseline by evaluation, up to new therapy: of one evaluator, by the criteria that most rows have."""
    found = tables["responses"].filter(pl.col("from_baseline").is_not_null())
    if wanted.last_day is not None:
        found = found.filter(pl.col("day") <= wanted.last_day)
    if wanted.evaluator is not None:
        found = found.filter(pl.col("evaluator") == wanted.evaluator)
    for column in ("criteria", "evaluator"):
        counts = found.group_by(column).agg(n=pl.len()).sort("n", column, descending=[True, False])
        if counts.height > 1:
            found = found.filter(pl.col(column) == counts[column][0])
    later = (
        tables["courses"]
        .filter((pl.col("endpoint") == wanted.best) & pl.col("event").is_in(["new_therapy", "transplant"]))
        .group_by("subject_id")
        .agg(stop=pl.col("day").min())
    )
    found = found.join(later, on="subject_id", how="left").filter(
        (pl.col("day") <= pl.col("stop")).fill_null(value=True)
    )
    return found.drop("stop").sort("subject_id", "day")


def _classes(tables: Tables, endpoint: str) -> pl.DataFrame:
    return tables["outcomes"].filter(pl.col("endpoint") == endpoint).select("subject_id", group="category")


def _named(there: list[str], settings: FigureSettings, endpoint: str) -> list[str]:
    declared = settings.order.get(endpoint, _ORDER)
    return [*(c for c in declared if c in there), *(c for c in there if c not in declared and c != _NONE)]


def _palette(names: list[str], settings: FigureSettings, endpoint: str) -> list[str]:
    known = [n for n in names if n != _NONE]
    if set(known) <= set(RESPONSE_COLOURS):
        return [*(RESPONSE_COLOURS[n] for n in known), *([PALE] if _NONE in names else [])]
    return [*colours(known, settings.order.get(endpoint, ())), *([GREY] if _NONE in names else [])]


def _waterfall(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    wanted = settings.response
    if wanted is None:
        return ()
    points = _points(tables, wanted)
    if points.is_empty():
        return ()
    criteria = points["criteria"][0]
    words, line = _UNITS.get(criteria, (_SPD, _AT))
    best = (
        points.sort("subject_id", "from_baseline", "day")
        .group_by("subject_id", maintain_order=True)
        .agg(pl.col("from_baseline", "day").first(), evaluations=pl.len())
        .join(_classes(tables, wanted.best), on="subject_id", how="left")
        .with_columns(group=pl.col("group").fill_null(_NONE))
        .sort("from_baseline", "subject_id", descending=[True, False])
        .with_columns(
            place=pl.int_range(1, pl.len() + 1),
            drawn=pl.col("from_baseline").clip(upper_bound=_MOST),
        )
    )
    there = best["group"].unique().sort().to_list()
    names = [*_named(there, settings, wanted.best), *([_NONE] if _NONE in there else [])]
    sizes = dict(best.group_by("group").agg(pl.len()).iter_rows())
    titles = {n: f"{settings.class_label(n)} (n = {sizes[n]})" for n in names}
    data = best.with_columns(group=pl.col("group").replace_strict(titles, return_dtype=pl.String))
    colour = {
        "field": "group",
        "type": "nominal",
        "scale": {"domain": [titles[n] for n in names], "range": _palette(names, settings, wanted.best)},
        "legend": {"orient": "top", "title": settings.label(wanted.best)},
    }
    x = {
        "field": "place",
        "type": "ordinal",
        "axis": {
            "labels": False,
            "ticks": False,
            "title": f"Subjects (n = {data.height})",
            "domain": False,
            "grid": False,
        },
        "scale": {"paddingInner": 0.15},
    }
    y: dict[str, Any] = {
        "field": "drawn",
        "type": "quantitative",
        "title": "Best change from baseline (%)",
        "scale": {"domain": [-100, min(_MOST, max(20.0, float(data["drawn"].max())))]},  # type: ignore[arg-type]
    }
    says = [
        tip("subject_id", "subject"),
        tip("from_baseline", "best change (%)", number=True),
        tip("day", "on day", number=True),
        tip("group", "best response"),
        tip("evaluations", "evaluations", number=True),
    ]
    reference = {"y": {"datum": line, "type": "quantitative"}}
    layers = [
        layer("drawn", {"type": "bar"}, x=x, y=y, color=colour, tooltip=says),
        {
            "mark": {"type": "rule", "strokeDash": [4, 3], "color": GREY},
            "data": {"values": [{}]},
            "encoding": reference,
        },
    ]
    above = int((best["from_baseline"] > _MOST).sum())
    most = float(best["from_baseline"].max())  # type: ignore[arg-type]
    cut = f" {above} bars go beyond {_MOST:.0f} %, to {most:,.0f} % at most." if above else ""
    lost = tables["outcomes"].filter(pl.col("endpoint") == wanted.best)["subject_id"].n_unique() - data.height
    who = "1 subject has" if lost == 1 else f"{lost} subjects have"
    absent = f" {who} no evaluation with a change from baseline." if lost > 0 else ""
    drawn = Drawn(
        name="waterfall",
        title="Best change of tumour burden in each subject",
        caption=f"Smallest {words} after baseline against baseline, one bar per subject ({criteria}); dashed: {line:.0f} %, the "
        f"partial response by size. Colour: {settings.label(wanted.best).lower()}, which new lesions, PET and lesions that are not "
        f"measured decide too.{cut}{absent} Evaluations after new anticancer therapy do not count.",
        spec=chart({"width": 600, "height": 300, "layer": layers}, {"drawn": rows(data)}),
        data=data,
    )
    return (drawn,)


def _spider(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    wanted = settings.response
    if wanted is None:
        return ()
    points = _points(tables, wanted)
    if points.is_empty():
        return ()
    endpoint = wanted.by or wanted.best
    criteria = points["criteria"][0]
    words, line = _UNITS.get(criteria, (_SPD, _AT))
    start = points.group_by("subject_id", maintain_order=True).agg(
        day=pl.col("baseline_day").first(), from_baseline=pl.lit(0.0), response=pl.lit("baseline")
    )
    whole = (
        pl.concat([start, points.select("subject_id", "day", "from_baseline", "response")])
        .join(_classes(tables, endpoint), on="subject_id", how="left")
        .with_columns(
            group=pl.col("group").fill_null("undetermined"), drawn=pl.col("from_baseline").clip(upper_bound=_MOST)
        )
        .sort("subject_id", "day")
    )
    there = whole["group"].unique().sort().to_list()
    names = [c for c in _named(there, settings, endpoint) if c != "undetermined"]
    names += ["undetermined"] if "undetermined" in there else []
    sizes = dict(whole.group_by("group").agg(pl.col("subject_id").n_unique()).iter_rows())
    titles = {n: f"{settings.class_label(n)} (n = {sizes[n]})" for n in names}
    data = whole.with_columns(group=pl.col("group").replace_strict(titles, return_dtype=pl.String))
    known = [n for n in names if n != "undetermined"]
    declared = settings.order.get(endpoint, ())
    palette = [*colours(known, declared), *([GREY] if "undetermined" in names else [])]
    marks = [*shapes(known, declared), *(["stroke"] if "undetermined" in names else [])]
    panels = [titles[n] for n in names]
    colour = {"field": "group", "type": "nominal", "scale": {"domain": panels, "range": palette}, "legend": None}
    shape = {"field": "group", "type": "nominal", "scale": {"domain": panels, "range": marks}, "legend": None}
    x: dict[str, Any] = {
        "field": "day",
        "type": "quantitative",
        "title": "Days after infusion",
        "scale": {"nice": False, "domain": [float(data["day"].min()) - 5, float(data["day"].max()) + 10]},  # type: ignore[arg-type]
        "axis": {"grid": False, "labelOverlap": True},
    }
    y: dict[str, Any] = {
        "field": "drawn",
        "type": "quantitative",
        "title": "Change from baseline (%)",
        "scale": {"domain": [-100, min(_MOST, max(20.0, float(data["drawn"].max())))]},  # type: ignore[arg-type]
    }
    says = [
        tip("subject_id", "subject"),
        tip("day", "day", number=True),
        tip("from_baseline", "change (%)", number=True),
        tip("response", "response from lesions"),
    ]
    layers = [
        {
            "mark": {"type": "rule", "strokeDash": [4, 3], "color": GREY},
            "data": {"values": [{}]},
            "encoding": {"y": {"datum": line, "type": "quantitative"}},
        },
        layer(
            None,
            {"type": "line", "strokeWidth": 1, "opacity": 0.6},
            x=x,
            y=y,
            color=colour,
            detail={"field": "subject_id", "type": "nominal"},
        ),
        layer(
            None,
            {"type": "point", "filled": True, "size": 16, "opacity": 0.8},
            x=x,
            y=y,
            color=colour,
            shape=shape,
            tooltip=says,
        ),
    ]
    columns = 1 if len(panels) == 1 else 2
    body = {
        "data": {"name": "drawn"},
        "facet": {"field": "group", "type": "nominal", "title": None, "sort": panels},
        "columns": columns,
        "spec": {"width": 590 if columns == 1 else 285, "height": 300 if columns == 1 else 190, "layer": layers},
    }
    above = int((data["from_baseline"] > _MOST).sum())
    cut = f" {above} points above {_MOST:.0f} % are drawn there." if above else ""
    return (
        Drawn(
            name="spider",
            title="Tumour burden over time in each subject",
            caption=f"Change of the {words} from baseline at every evaluation, {data['subject_id'].n_unique()} subjects by "
            f"{settings.label(endpoint).lower()}; each line starts at the baseline of its subject; dashed: {line:.0f} %. Evaluations at "
            f"which a target lesion has no size, and those after new anticancer therapy, are not drawn.{cut}",
            spec=chart(body, {"drawn": rows(data)}),
            data=data,
        ),
    )


WATERFALL = Figure(
    code="waterfall",
    label="Waterfall of the best change of tumour burden",
    section="outcomes",
    needs=(RESPONSES, COURSES, OUTCOMES),
    draw=_waterfall,
    shows="Best percent change of the tumour burden from baseline, one bar per subject, coloured by best response",
    citation="Gillespie 2012, J Adv Pract Oncol 3:106",
)
SPIDER = Figure(
    code="spider",
    label="Spider plot of tumour burden",
    section="outcomes",
    needs=(RESPONSES, COURSES, OUTCOMES),
    draw=_spider,
    shows="Percent change of the tumour burden from baseline over time, one line per subject, by class",
    citation="Mercier 2019, Pharm Stat 18:526",
)
