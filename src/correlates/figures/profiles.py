"""Individual time courses as small multiples: samples, limits, the peak, and a fitted curve where there is one."""

from __future__ import annotations

from typing import Any

import polars as pl

from correlates.figures.marks import QUANTIFIED, state
from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import FigureSettings, Profiles
from correlates.figures.theme import (
    BLUE,
    GREY,
    INK,
    VERMILION,
    chart,
    log_axis,
    log_scale,
    rows,
    with_unit,
)
from correlates.rounding import unit_text
from correlates.schema import MEASUREMENTS, PARAMETERS
from correlates.terms import Censoring, Reason, Status

_DAYS = (0, 7, 28, 90, 365, 730, 1825)
_COLUMNS = 5
CURVE = "curve"
"""The state of a row that is a point of a fitted curve."""


def _draw(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    wanted = settings.profiles
    if wanted is None:
        return ()
    points = _points(tables["measurements"], wanted)
    made: list[Drawn] = []
    analytes = points["analyte"].unique().sort().to_list()
    for analyte in analytes:
        mine = points.filter(pl.col("analyte") == analyte)
        whole = _with_peaks(mine, tables["parameters"], wanted, analyte, len(analytes))
        suffix = (analyte,) if len(analytes) > 1 else ()
        subjects = mine["subject_id"].unique().sort().to_list()
        pages = [subjects[i : i + wanted.per_page] for i in range(0, len(subjects), wanted.per_page)]
        span = _span(mine)
        made += [
            _page(
                whole,
                _curves(tables, wanted, page),
                page,
                (i, len(pages)),
                span,
                wanted,
                settings,
                suffix,
            )
            for i, page in enumerate(pages, start=1)
        ]
    return tuple(made)


def _points(measurements: pl.DataFrame, wanted: Profiles) -> pl.DataFrame:
    """Reported positive values of the assay over the days asked for; a logarithmic axis has no place for the others."""
    keep = (
        (pl.col("assay") == wanted.assay)
        & (pl.col("status") == Status.REPORTED.value)
        & (pl.col("value") > 0)
        & pl.col("subject_id").is_not_null()
        & (pl.col("study_day") >= 0)
        & (pl.col("study_day") <= wanted.last_day)
    )
    columns = (
        "analyte",
        "subject_id",
        "study_day",
        "value",
        "censoring",
        "lloq",
        "unit",
        "measurement_id",
    )
    return measurements.filter(keep).select(columns)


def _with_peaks(
    points: pl.DataFrame,
    parameters: pl.DataFrame,
    wanted: Profiles,
    analyte: str,
    analytes: int,
) -> pl.DataFrame:
    """The samples in order, those that gave the declared peak marked: the trace of the parameter says which they are.

    A highest sample that is no peak, because those beside it lie too far apart, is marked as unsure.
    """
    marked = unsure = pl.lit(value=False)
    if wanted.peak is not None:
        code = pl.col("code").is_in([wanted.peak, f"{wanted.peak}.{analyte}"] if analytes > 1 else [wanted.peak])
        of_peak = parameters.filter(code)

        def samples(rows: pl.Expr) -> pl.Expr:
            return pl.col("measurement_id").is_in(of_peak.filter(rows)["source_ids"].explode().drop_nulls().to_list())

        marked = samples(pl.col("censoring") == Censoring.NONE.value)
        unsure = samples(pl.col("reason") == Reason.PEAK_NOT_DETERMINABLE.value)
    return points.select(
        "subject_id",
        "study_day",
        "value",
        "lloq",
        "unit",
        state=state(),
        peak=marked.cast(pl.Boolean),
        unsure=unsure.cast(pl.Boolean),
    ).sort("subject_id", "study_day", "value")


def _curves(tables: Tables, wanted: Profiles, subjects: list[str]) -> pl.DataFrame:
    """Points of the fitted curves of the subjects: ``subject_id, study_day, value``; none where no model is named."""
    empty = pl.DataFrame(schema={"subject_id": pl.String, "study_day": pl.Float64, "value": pl.Float64})
    frame = tables.get("population_curves")
    if wanted.curve is None or frame is None:
        return empty
    keep = (
        (pl.col("model") == wanted.curve)
        & pl.col("subject_id").is_in(subjects)
        & (pl.col("value") > 0)
        & (pl.col("day") >= 0)
        & (pl.col("day") <= wanted.last_day)
    )
    return (
        frame.filter(keep)
        .select("subject_id", pl.col("day").alias("study_day"), "value")
        .sort("subject_id", "study_day")
    )


def _span(points: pl.DataFrame) -> tuple[float, float]:
    values = pl.concat(
        [
            points["value"],
            points["lloq"].drop_nulls().filter(points["lloq"].drop_nulls() > 0),
        ]
    )
    return float(values.min()) / 1.5, float(values.max()) * 1.5  # type: ignore[arg-type]


def _page(
    points: pl.DataFrame,
    curves: pl.DataFrame,
    subjects: list[str],
    place: tuple[int, int],
    span: tuple[float, float],
    wanted: Profiles,
    settings: FigureSettings,
    suffix: tuple[str, ...],
) -> Drawn:
    samples = points.filter(pl.col("subject_id").is_in(subjects))
    unit = unit_text(samples["unit"][0])
    data = pl.concat(
        [
            samples.drop("unit"),
            curves.filter(pl.col("value").is_between(*span)).with_columns(
                lloq=pl.lit(None, dtype=pl.Float64),
                state=pl.lit(CURVE),
                peak=pl.lit(value=False),
                unsure=pl.lit(value=False),
            ),
        ],
        how="diagonal",
    )
    last = min(wanted.last_day, float(points["study_day"].max()) * 1.05 + 1)  # type: ignore[arg-type]
    x: dict[str, Any] = {
        "field": "study_day",
        "type": "quantitative",
        "title": None,
        "scale": {"type": "symlog", "constant": 10, "domain": [0, last], "nice": False},
        "axis": {
            "values": [d for d in _DAYS if d <= last],
            "grid": False,
            "labelFontSize": 9,
        },
    }
    axis = {**log_axis(*span), "labelFontSize": 9, "titleFontSize": 9}
    y: dict[str, Any] = {
        "field": "value",
        "type": "quantitative",
        "title": unit or None,
        "scale": log_scale(*span),
        "axis": axis,
    }
    below = (samples["state"] == "below LLOQ").sum()

    def only(test: str, mark: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "transform": [{"filter": test}],
            "mark": mark,
            "encoding": {"x": x, "y": y, **more},
        }

    says = [
        {"field": "subject_id", "type": "nominal", "title": "subject"},
        {
            "field": "study_day",
            "type": "quantitative",
            "title": "day",
            "format": ".3~g",
        },
        {
            "field": "value",
            "type": "quantitative",
            "title": unit or "value",
            "format": ".3~g",
        },
        {"field": "state", "type": "nominal", "title": "value is"},
        {
            "field": "lloq",
            "type": "quantitative",
            "title": "LLOQ of the sample",
            "format": ".3~g",
        },
    ]
    fit = (
        [only(f"datum.state == '{CURVE}'", {"type": "line", "color": BLUE, "strokeWidth": 1.3})]
        if curves.height
        else []
    )
    layers = [
        *fit,
        only(
            "isValid(datum.lloq) && datum.lloq > 0",
            {"type": "line", "strokeDash": [3, 2], "color": GREY, "strokeWidth": 1},
            y={**y, "field": "lloq"},
        ),
        only(
            f"datum.state != '{CURVE}'",
            {"type": "line", "color": INK, "strokeWidth": 0.8, "opacity": 0.5},
        ),
        only(
            f"datum.state == '{QUANTIFIED}'",
            {"type": "point", "filled": True, "size": 16, "color": INK},
            tooltip=says,
        ),
        only(
            "datum.state == 'below LLOQ'",
            {
                "type": "point",
                "shape": "triangle-down",
                "size": 18,
                "color": INK,
                "strokeWidth": 1,
            },
            tooltip=says,
        ),
        only(
            "datum.state == 'above ULOQ'",
            {
                "type": "point",
                "shape": "triangle-up",
                "size": 18,
                "color": INK,
                "strokeWidth": 1,
            },
            tooltip=says,
        ),
        only(
            "datum.peak",
            {"type": "point", "size": 60, "color": VERMILION, "strokeWidth": 1.5},
        ),
        only(
            "datum.unsure",
            {"type": "point", "size": 60, "color": GREY, "strokeWidth": 1.5, "strokeDash": [2, 2]},
        ),
    ]
    body = {
        "data": {"name": "drawn"},
        "facet": {
            "field": "subject_id",
            "type": "nominal",
            "title": None,
            "sort": subjects,
            "header": {"labelFontSize": 10, "labelPadding": 2},
        },
        "columns": _COLUMNS,
        "spacing": {"row": 8, "column": 10},
        "title": {
            "text": with_unit(settings.label(wanted.assay), unit),
            "subtitle": "against days after infusion",
            "fontWeight": "normal",
        },
        "spec": {"width": 104, "height": 72, "layer": layers},
    }
    number, of = place
    page = f", page {number} of {of}" if of > 1 else ""
    peak = f" Ring: {settings.label(wanted.peak)}." if wanted.peak is not None else ""
    unsure = samples.filter("unsure")["subject_id"].n_unique()
    if unsure:
        peak += f" Dashed ring: the highest sample of {unsure:,} in whom no peak is reported, those beside it lying too far apart."
    fitted = (
        f" Line without points: fitted curve of {settings.label(wanted.curve)}."
        if wanted.curve and curves.height
        else ""
    )
    return Drawn(
        name=file_name("profiles", *suffix, *([str(number)] if of > 1 else [])),
        title=" ".join((f"Individual time courses{page}", *suffix)),
        caption=f"{len(subjects)} subjects, {samples.height:,} samples by actual day. Open triangles: {below:,} values below the lower "
        "limit of quantification, drawn at their limit; dashed: the limit of each sample."
        + peak
        + fitted
        + " Axes are common to all subjects; the day axis is compressed after day 10.",
        spec=chart(body, {"drawn": rows(data)}),
        data=data,
    )


PROFILES = Figure(
    code="profiles",
    label="Individual time courses",
    section="kinetics",
    needs=(MEASUREMENTS, PARAMETERS),
    draw=_draw,
    shows="Each subject in a panel of its own: samples, censored ones open, limits of quantification, the peak, a fitted curve",
    citation="Stein 2019, CPT Pharmacometrics Syst Pharmacol 8:285 (individual fits)",
)
