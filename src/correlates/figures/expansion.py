"""Expansion curves: every subject, and the median with quartiles by class; log axis, LLOQ drawn."""

from __future__ import annotations

import altair as alt
import polars as pl

from correlates.figures.record import Drawn, Figure, Tables
from correlates.figures.settings import Expansion, FigureSettings
from correlates.figures.theme import CONFIG, GREY, INK, colours, inline
from correlates.rounding import unit_text
from correlates.schema import MEASUREMENTS, OUTCOMES
from correlates.terms import Censoring, Status

_DAYS = (0, 7, 14, 28, 60, 90, 180, 270, 365, 545, 730)
_WIDTH, _HEIGHT = 620, 340


def _draw(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    wanted = settings.expansion
    if wanted is None:
        return ()
    points = _points(tables, wanted, settings)
    if points.is_empty():
        return ()
    unit = unit_text(points["unit"][0])
    classes = [c for c in settings.order.get(wanted.by or "", ()) if c in points["group"]]
    lloq = float(points["lloq"].drop_nulls().median() or 0.0)  # type: ignore[arg-type]
    return (
        _individual(points, wanted, settings, unit, lloq, classes),
        _median(points, wanted, settings, unit, lloq, classes),
    )


def _points(tables: Tables, wanted: Expansion, settings: FigureSettings) -> pl.DataFrame:
    measured = tables["measurements"].filter(
        (pl.col("assay") == wanted.assay)
        & (pl.col("status") == Status.REPORTED.value)
        & pl.col("value").is_not_null()
        & pl.col("subject_id").is_not_null()
        & (pl.col("study_day") >= 0)
        & (pl.col("study_day") <= wanted.last_day)
    )
    kept = measured.select("subject_id", "study_day", "nominal_day", "value", "censoring", "lloq", "unit")
    if wanted.by is None:
        return kept.with_columns(group=pl.lit("all subjects"))
    classes = tables["outcomes"].filter(pl.col("endpoint") == wanted.by).select("subject_id", group="category")
    known = settings.order.get(wanted.by, ())
    return kept.join(classes, on="subject_id", how="left").with_columns(
        group=pl.when(pl.col("group").is_in(known)).then("group").otherwise(pl.lit("undetermined"))
    )


def _axis(last_day: float) -> alt.X:
    days = [d for d in _DAYS if d <= last_day]
    return alt.X(
        "study_day:Q",
        title="Days after infusion",
        scale=alt.Scale(type="symlog", constant=10, domain=[0, last_day], nice=False),
        axis=alt.Axis(values=days, grid=False, labelOverlap=True),
    )


def _height(values: pl.Series, unit: str) -> alt.Y:
    low, high = float(values.min() or 1e-3), float(values.max() or 1.0)  # type: ignore[arg-type]
    return alt.Y(
        "value:Q",
        title=f"CAR T cells in blood ({unit})",
        scale=alt.Scale(type="log", domain=[low / 1.5, high * 1.5], nice=False),
        axis=alt.Axis(format="~g", values=[10.0**k for k in range(-5, 7)]),
    )


def _limit(lloq: float, unit: str) -> alt.LayerChart | alt.FacetChart:
    data = inline([{"value": lloq, "text": f"median LLOQ {lloq:.2g} {unit}"}])
    rule = alt.Chart(data).mark_rule(strokeDash=[4, 3], color=GREY).encode(y="value:Q")
    text = (
        alt.Chart(data)
        .mark_text(align="right", baseline="bottom", dx=-2, dy=-3, color=GREY)
        .encode(y="value:Q", x=alt.value("width"), text="text:N")
    )
    return alt.layer(rule, text)


def _individual(
    points: pl.DataFrame, wanted: Expansion, settings: FigureSettings, unit: str, lloq: float, classes: list[str]
) -> Drawn:
    order = [*classes, *(["undetermined"] if "undetermined" in points["group"] else [])] or ["all subjects"]
    names = [settings.class_label(c) for c in order]
    data = points.with_columns(
        group=pl.col("group").replace_strict(dict(zip(order, names, strict=True)), default=pl.col("group")),
        limit=pl.when(pl.col("censoring") == Censoring.NONE.value)
        .then(pl.lit("quantified"))
        .otherwise(pl.lit("below LLOQ")),
    ).sort("subject_id", "study_day")
    palette = [*colours(classes), *([GREY] if "undetermined" in order else [])] if classes else [INK]
    pick = alt.selection_point(fields=["subject_id"], on="pointerover", nearest=True, empty=False)
    base = alt.Chart(inline(data.drop("unit").to_dicts()))
    lines = base.mark_line(strokeWidth=1).encode(
        x=_axis(wanted.last_day),
        y=_height(points["value"], unit),
        detail="subject_id:N",
        color=alt.Color(
            "group:N", title=None, scale=alt.Scale(domain=names, range=palette), legend=alt.Legend(orient="top")
        ),
        opacity=alt.condition(pick, alt.value(1.0), alt.value(0.35)),
    )
    dots = (
        base.mark_point(size=22, filled=True)
        .encode(
            x=_axis(wanted.last_day),
            y=_height(points["value"], unit),
            color=alt.Color("group:N", scale=alt.Scale(domain=names, range=palette), legend=None),
            shape=alt.Shape(
                "limit:N",
                title=None,
                scale=alt.Scale(domain=["quantified", "below LLOQ"], range=["circle", "triangle-down"]),
                legend=alt.Legend(orient="top"),
            ),
            opacity=alt.condition(pick, alt.value(1.0), alt.value(0.45)),
            tooltip=[
                alt.Tooltip("subject_id:N", title="subject"),
                alt.Tooltip("study_day:Q", title="day"),
                alt.Tooltip("value:Q", title=unit, format=".3g"),
                alt.Tooltip("limit:N", title="value is"),
                alt.Tooltip("group:N", title="class"),
            ],
        )
        .add_params(pick)
    )
    chart = alt.layer(_limit(lloq, unit), lines, dots).properties(width=_WIDTH, height=_HEIGHT).configure(**CONFIG)
    n = points["subject_id"].n_unique()
    below = int((points["censoring"] != Censoring.NONE.value).sum())
    return Drawn(
        name="expansion_individual",
        title="CAR T-cell expansion, contraction and persistence in each subject",
        caption=f"{n} subjects, {points.height} samples by actual day; {below} below the lower limit of quantification (LLOQ), "
        "drawn at the limit of their own sample (triangles), which moves with the DNA input. Day axis compressed after day 10.",
        spec=chart.to_dict(),
        data=data,
    )


def _median(
    points: pl.DataFrame, wanted: Expansion, settings: FigureSettings, unit: str, lloq: float, classes: list[str]
) -> Drawn:
    groups = classes or points["group"].unique().to_list()
    sizes = points.group_by("group").agg(n=pl.col("subject_id").n_unique())
    counts = dict(sizes.iter_rows())
    names = {c: f"{settings.class_label(c)} (n = {counts.get(c, 0)})" for c in groups}
    data = (
        points.filter(pl.col("group").is_in(groups))
        .drop_nulls("nominal_day")
        .group_by("group", "nominal_day")
        .agg(
            value=pl.col("value").median(),
            q1=pl.col("value").quantile(0.25, "linear"),
            q3=pl.col("value").quantile(0.75, "linear"),
            n=pl.len(),
            n_below=(pl.col("censoring") != Censoring.NONE.value).sum(),
        )
        .filter(pl.col("n") >= 3)
        .rename({"nominal_day": "study_day"})
        .with_columns(group=pl.col("group").replace_strict(names))
        .sort("group", "study_day")
    )
    spread = pl.concat([data["q1"], data["q3"]])
    colour = alt.Color(
        "group:N",
        title=None,
        scale=alt.Scale(domain=[names[g] for g in groups], range=colours(groups)),
        legend=alt.Legend(orient="top"),
    )
    base = alt.Chart(inline(data.to_dicts()))
    band = base.mark_area(opacity=0.18).encode(
        x=_axis(wanted.last_day), y=_height(spread, unit), y2="q3:Q", color=colour
    )
    band.encoding.y.shorthand = "q1:Q"
    line = base.mark_line(point=alt.OverlayMarkDef(size=40, filled=True)).encode(
        x=_axis(wanted.last_day),
        y=_height(spread, unit),
        color=colour,
        tooltip=[
            alt.Tooltip("group:N", title="class"),
            alt.Tooltip("study_day:Q", title="nominal day"),
            alt.Tooltip("value:Q", title=f"median ({unit})", format=".3g"),
            alt.Tooltip("q1:Q", title="Q1", format=".3g"),
            alt.Tooltip("q3:Q", title="Q3", format=".3g"),
            alt.Tooltip("n:Q", title="n"),
            alt.Tooltip("n_below:Q", title="of them below LLOQ"),
        ],
    )
    chart = alt.layer(_limit(lloq, unit), band, line).properties(width=_WIDTH, height=_HEIGHT).configure(**CONFIG)
    return Drawn(
        name="expansion_median",
        title="CAR T cells over time by class: median and quartiles",
        caption="Line: median; band: first to third quartile, by nominal day, where at least three subjects of the class have a "
        "sample. Values below the LLOQ rank lowest and count at the limit of their sample.",
        spec=chart.to_dict(),
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
