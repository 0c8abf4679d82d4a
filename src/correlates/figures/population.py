"""Population models of cellular kinetics: goodness of fit, individual fits and the visual predictive check."""

from __future__ import annotations

from typing import Any

import polars as pl

from correlates.figures.marks import state, values
from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    VERMILION,
    chart,
    day_axis,
    layer,
    log_axis,
    log_scale,
    rows,
    tip,
    with_unit,
)
from correlates.rounding import percent, unit_text
from correlates.schema import (
    POPULATION_CURVES,
    POPULATION_FITS,
    POPULATION_POINTS,
    POPULATION_PREDICTIVE,
    POPULATION_SUBJECTS,
)

_DIGITS, _PANELS = 5, 15
_RANKS = {"p10": "10th percentile", "p50": "median", "p90": "90th percentile"}


def _draw(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    fits = tables["population_fits"].filter("converged").sort("model")
    made: list[Drawn] = []
    for fit in fits.iter_rows(named=True):
        label, unit = settings.label(fit["assay"]), unit_text(fit["unit"])
        mine = {
            name: tables[name].filter(pl.col("model") == fit["model"])
            for name in ("population_points", "population_curves", "population_predictive", "population_subjects")
        }
        made += [
            _goodness(fit, mine["population_points"], label, unit),
            _individual(fit, mine, label, unit),
            _predictive(fit, mine["population_predictive"], label, unit),
        ]
    return tuple(made)


def _height(field: str, span: tuple[float, float], title: str) -> dict[str, Any]:
    axis = {**log_axis(*span), "labelOverlap": True}
    return {"field": field, "type": "quantitative", "title": title, "scale": log_scale(*span), "axis": axis}


def _span(*columns: pl.Series) -> tuple[float, float]:
    every = pl.concat([c.cast(pl.Float64).rename("v") for c in columns]).drop_nulls()
    every = every.filter(every > 0)
    return float(every.min()) / 1.3, float(every.max()) * 1.3  # type: ignore[arg-type]


def _goodness(fit: dict[str, Any], points: pl.DataFrame, label: str, unit: str) -> Drawn:
    data = points.select(
        "subject_id",
        "day",
        pl.col("value", "individual", "population", "residual", "discrepancy").round_sig_figs(_DIGITS),
        state=state(),
    ).sort("subject_id", "day", "value")
    span = _span(data["value"], data["individual"])
    low = max(span[0], float(data["value"].min()) / 30.0)  # type: ignore[arg-type]
    span = (low, span[1])
    shown = {"domain": [-4, 4], "clamp": True}
    said = [
        tip("subject_id", "subject"),
        tip("day", "day", number=True),
        tip("value", with_unit("observed", unit), number=True),
        tip("individual", "predicted for the subject", number=True),
        tip("population", "predicted for a typical subject", number=True),
        tip("state", "value is"),
    ]
    days = day_axis(float(data["day"].max()) * 1.03 + 1, "day")  # type: ignore[arg-type]

    def against(field: str, title: str) -> dict[str, Any]:
        x = _height(field, span, with_unit(title, unit))
        x["scale"] = {**x["scale"], "clamp": True}
        y = _height("value", span, with_unit("Observed", unit))
        ends = [{"a": span[0], "b": span[0]}, {"a": span[1], "b": span[1]}]
        line = {
            "data": {"values": ends},
            "mark": {"type": "line", "color": GREY, "strokeDash": [4, 3]},
            "encoding": {"x": {**x, "field": "a"}, "y": {**y, "field": "b"}},
        }
        marks = values(
            None, data["state"], size=14, opacity={"value": 0.6}, x=x, y=y, color={"value": BLUE}, tooltip=said
        )
        return {"width": 265, "height": 220, "layer": [line, *marks]}

    def spread(x: dict[str, Any], field: str, title: str) -> dict[str, Any]:
        y = {"field": field, "type": "quantitative", "title": title, "scale": shown, "axis": {"grid": False}}
        guides = [
            {
                "data": {"values": [{"at": at}]},
                "mark": {"type": "rule", "color": GREY, "strokeDash": [] if at == 0 else [4, 3]},
                "encoding": {"y": {**y, "field": "at"}},
            }
            for at in (-1.96, 0, 1.96)
        ]
        marks = values(
            None, data["state"], size=14, opacity={"value": 0.6}, x=x, y=y, color={"value": BLUE}, tooltip=said
        )
        return {"width": 265, "height": 180, "layer": [*guides, *marks]}

    body = {
        "data": {"name": "drawn"},
        "vconcat": [
            {
                "hconcat": [
                    against("individual", "Predicted for the subject"),
                    against("population", "Predicted for a typical subject"),
                ]
            },
            {
                "hconcat": [
                    spread(days, "residual", "Individual residual"),
                    spread(days, "discrepancy", "Prediction discrepancy"),
                ]
            },
        ],
    }
    censored = (data["state"] != "quantified").sum()
    return Drawn(
        name=file_name("population_goodness", fit["model"]),
        title=f"Population model of {label}: goodness of fit",
        caption=f"{data['subject_id'].n_unique()} subjects, {data.height:,} samples; {censored:,} beyond a limit of quantification are open "
        "triangles: above, at their limit; below, at a quantile drawn from what the limit leaves, so that they spread like the others where "
        "the model holds. Individual residual: distance from the subject's curve in residual standard deviations. Prediction discrepancy: normal "
        "quantile of the share of simulated subjects below the value. Dashed: identity, and the range that holds 95 % of a normal "
        "distribution; values beyond the axes stand at their edge.",
        spec=chart(body, {"drawn": rows(data)}),
        data=data,
    )


def _individual(fit: dict[str, Any], mine: dict[str, pl.DataFrame], label: str, unit: str) -> Drawn:
    peaks = mine["population_subjects"].filter((pl.col("quantity") == "cmax") & pl.col("value").is_not_null())
    order = peaks.sort("value", "subject_id", descending=[True, False])["subject_id"].to_list()
    steps = max(1, min(_PANELS, len(order)) - 1)
    chosen = list(dict.fromkeys(order[round(i * (len(order) - 1) / steps)] for i in range(steps + 1)))
    points = mine["population_points"].filter(pl.col("subject_id").is_in(chosen))
    curves = mine["population_curves"].filter(pl.col("subject_id").is_in(chosen))
    low, high = _span(points["value"], peaks.filter(pl.col("subject_id").is_in(chosen))["value"])
    span = (low, high * (high / low) ** 0.12)  # the mark of a peak stands above it, inside the panel
    last = float(points["day"].max()) * 1.03 + 1  # type: ignore[arg-type]
    top = (
        mine["population_subjects"]
        .filter(pl.col("subject_id").is_in(chosen) & pl.col("quantity").is_in(["cmax", "tmax"]))
        .pivot("quantity", index="subject_id", values="value")
    )
    data = pl.concat(
        [
            points.select("subject_id", "day", "value", "lloq", state=state(), what=pl.lit("sample")),
            curves.select("subject_id", "day", "value", "lower", "upper", what=pl.lit("curve")),
            top.select("subject_id", day="tmax", value="cmax", what=pl.lit("peak")),
        ],
        how="diagonal",
    ).with_columns(pl.col("value", "lower", "upper", "day", "lloq").round_sig_figs(_DIGITS))
    data = data.sort("subject_id", "what", "day", "value")
    x, y = day_axis(last, "day", few=True), _height("value", span, with_unit("Level", unit))
    x["title"] = "Days"

    def of(what: str, made: dict[str, Any]) -> dict[str, Any]:
        return {**made, "transform": [{"filter": f"datum.what == '{what}'"}, *made.get("transform", [])]}

    says = [tip("day", "day", number=True), tip("value", unit or "value", number=True), tip("state", "value is")]
    band = {"type": "area", "color": BLUE, "opacity": 0.2, "clip": True}
    layers = [
        of("curve", layer(None, band, x=x, y={**y, "field": "lower"}, y2={"field": "upper"})),
        of("curve", layer(None, {"type": "line", "color": BLUE, "strokeWidth": 1.5, "clip": True}, x=x, y=y)),
        of("sample", layer(None, {"type": "line", "color": GREY, "strokeDash": [3, 3]}, x=x, y={**y, "field": "lloq"})),
        of(
            "peak",
            layer(
                None,
                {
                    "type": "point",
                    "shape": "triangle-up",
                    "color": VERMILION,
                    "size": 45,
                    "strokeWidth": 1.2,
                    "yOffset": -7,
                },
                x=x,
                y=y,
            ),
        ),
        *(
            of("sample", mark)
            for mark in values(
                None,
                points.select(state=state())["state"],
                size=22,
                opacity={"value": 0.9},
                x=x,
                y=y,
                color={"value": INK},
                tooltip=says,
            )
        ),
    ]
    body = {
        "data": {"name": "drawn"},
        "facet": {"field": "subject_id", "type": "nominal", "title": None, "sort": chosen},
        "columns": 5,
        "spacing": 8,
        "spec": {"width": 108, "height": 90, "layer": layers},
    }
    return Drawn(
        name=file_name("population_individual", fit["model"]),
        title=f"Population model of {label}: individual fits",
        caption=f"{len(chosen)} of {len(order)} subjects, from the highest to the lowest peak in even steps of its rank; all are in the table "
        f"population_curves. {with_unit(label, unit)}; line and band: fitted curve, posterior median and {percent(curves['level'][0])} interval; "
        "red triangle: peak of the curve; open triangles: samples beyond the limit of quantification, at their limit; dashed: that limit.",
        spec=chart(body, {"drawn": rows(data)}),
        data=data,
    )


def _predictive(fit: dict[str, Any], found: pl.DataFrame, label: str, unit: str) -> Drawn:
    data = found.select(
        "bin",
        "day",
        "first",
        "last",
        "n",
        "statistic",
        pl.col("observed", "median", "lower", "upper").round_sig_figs(_DIGITS),
    ).sort("bin", "statistic")
    ranked = data.filter(pl.col("statistic") != "below")
    span = _span(ranked["observed"], ranked["lower"], ranked["upper"])
    x = day_axis(float(data["day"].max()) * 1.03 + 1, "day")  # type: ignore[arg-type]
    names = list(_RANKS.values())
    colour = {
        "field": "rank",
        "type": "nominal",
        "scale": {"domain": names, "range": [BLUE, VERMILION, ORANGE]},
        "legend": {"orient": "top", "title": None, "symbolOpacity": 1},
    }
    shape = {**colour, "scale": {"domain": names, "range": ["circle", "square", "diamond"]}}
    named = [
        {"filter": "datum.statistic != 'below'"},
        {
            "calculate": " : ".join([*(f"datum.statistic == '{k}' ? '{v}'" for k, v in _RANKS.items()), "''"]),
            "as": "rank",
        },
    ]
    title = with_unit(label, unit)
    says = [
        tip("day", "median day", number=True),
        tip("n", "samples", number=True),
        tip("observed", "observed", number=True),
        tip("median", "simulated", number=True),
        tip("lower", "from", number=True),
        tip("upper", "to", number=True),
    ]

    def plot(height: int, y: dict[str, Any], filters: list[dict[str, Any]], **look: Any) -> dict[str, Any]:
        band, line = (
            layer(
                "drawn",
                {"type": "area", "opacity": 0.22, "clip": True},
                x=x,
                y={**y, "field": "lower"},
                y2={"field": "upper"},
                **look,
            ),
            layer(
                "drawn", {"type": "line", "strokeDash": [5, 3], "clip": True}, x=x, y={**y, "field": "median"}, **look
            ),
        )
        seen = layer(
            "drawn", {"type": "line", "strokeWidth": 1, "clip": True}, x=x, y={**y, "field": "observed"}, **look
        )
        dots = layer(
            "drawn",
            {"type": "point", "filled": True, "size": 38, "opacity": 1},
            x=x,
            y={**y, "field": "observed"},
            tooltip=says,
            **look,
            **({"shape": shape} if "detail" not in look else {}),
        )
        return {
            "width": 560,
            "height": height,
            "layer": [{**part, "transform": filters} for part in (band, line, seen, dots)],
        }

    below = {
        "field": "observed",
        "type": "quantitative",
        "title": "Below LLOQ",
        "scale": {"domain": [0, 1]},
        "axis": {"format": "%", "tickCount": 4, "grid": True},
    }
    body = {
        "vconcat": [
            plot(270, _height("observed", span, title), named, color=colour),
            plot(
                90,
                below,
                [{"filter": "datum.statistic == 'below'"}],
                color={"value": GREY},
                detail={"field": "statistic"},
            ),
        ],
        "spacing": 8,
    }
    return Drawn(
        name=file_name("population_predictive", fit["model"]),
        title=f"Population model of {label}: visual predictive check",
        caption="Points and thin lines: percentiles of all samples of a visit, those below the LLOQ ranking lowest. Dashed lines and bands: the "
        f"same of trials simulated from the model with the same days, covariates and limits, median and {percent(found['level'][0])} prediction "
        "interval. A percentile that falls among values below the LLOQ is not drawn. Lower panel: share of samples below the LLOQ. "
        f"{fit['n_subjects']} subjects, {fit['n_samples']:,} samples.",
        spec=chart(body, {"drawn": rows(data)}),
        data=data,
    )


POPULATION_MODEL = Figure(
    code="population_model",
    label="Population models of cellular kinetics",
    section="kinetics",
    needs=(POPULATION_FITS, POPULATION_POINTS, POPULATION_CURVES, POPULATION_PREDICTIVE, POPULATION_SUBJECTS),
    draw=_draw,
    shows="goodness of fit with censored samples, individual fits with the limit and the peak, visual predictive check with the share below the limit; "
    "only of models that converged",
    citation="Bergstrand 2011, AAPS J 13:143 (visual predictive check); Nguyen 2017, CPT-PSP 6:87 (evaluation of population models)",
)
