"""Figures of multivariable models: calibration, decision curve, how often candidates are selected, and which of them say the same."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import BLUE, GREY, INK, ORANGE, VERMILION, Rows, chart, layer, rows, tip
from correlates.rounding import number
from correlates.schema import MODELS

_MOST = 20  # candidates drawn
_LARGEST = 40  # candidates of a map
_TOLD = 12  # candidates of a map whose squares have room for their figures
_APART = "#e4e4e4"  # where two candidates share no cluster: white would say a correlation of 0


def _each(tables: Tables, part: str) -> list[tuple[str, pl.DataFrame]]:
    found = tables["models"].filter((pl.col("part") == part) & pl.col("value").is_not_null())
    return [
        (name, found.filter(pl.col("analysis_id") == name)) for name in found["analysis_id"].unique(maintain_order=True)
    ]


def _wide(mine: pl.DataFrame, key: str) -> pl.DataFrame:
    stats = sorted(mine["stat_name"].unique())
    return (
        mine.group_by(key).agg(**{s: pl.col("value").filter(pl.col("stat_name") == s).first() for s in stats}).sort(key)
    )


def _axis(field: str, title: str, low: float, high: float) -> dict[str, Any]:
    scale = {"domain": [low, high], "nice": False}
    return {"field": field, "type": "quantitative", "title": title, "scale": scale, "axis": {"tickCount": 6}}


def _said(mine: pl.DataFrame, settings: FigureSettings) -> str:
    return f"{settings.label(mine['endpoint'][0])}, {mine['analysis_id'][0].replace('_', ' ')}; n = {mine['n'][0]}"


def _by(mine: pl.DataFrame) -> str:
    """By when the event is counted, of a time to event."""
    horizon = json.loads(mine["settings"][0])["validation"]["horizon"]
    return f", events by day {number(horizon)}" if horizon else ""


def _calibration(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    made = []
    for name, mine in _each(tables, "calibration"):
        data = _wide(mine, "level")
        by = _by(mine)
        x = _axis("predicted", "Mean predicted probability of the event", 0, 1)
        y = _axis("observed", "Observed share with the event", 0, 1)
        how = (
            "share with the event by the horizon (Kaplan-Meier) with its 95 % interval"
            if by
            else "share with its 95 % Wilson interval"
        )
        says = [
            tip("level", "group"),
            tip("predicted", "predicted", number=True),
            tip("observed", "observed", number=True),
        ]
        says.append(tip("subjects", "n", number=True))
        spec = chart(
            {
                "width": 280,
                "height": 280,
                "layer": [
                    layer("ideal", {"type": "line", "color": GREY, "strokeDash": [4, 3]}, x=x, y=y),
                    layer(
                        "drawn",
                        {"type": "rule", "color": BLUE, "strokeWidth": 1.4},
                        x=x,
                        y={**y, "field": "observed_lower"},
                        y2={"field": "observed_upper"},
                    ),
                    layer("drawn", {"type": "line", "color": BLUE, "strokeWidth": 1}, x=x, y=y),
                    layer(
                        "drawn", {"type": "point", "filled": True, "size": 50, "color": BLUE}, x=x, y=y, tooltip=says
                    ),
                ],
            },
            {"drawn": rows(data), "ideal": [{"predicted": v, "observed": v} for v in (0, 1)]},
        )
        made.append(
            Drawn(
                name=file_name("calibration", name),
                title=f"Calibration{by}: {_said(mine, settings)}",
                caption="Fifths of the subjects by the probability that models which did not see them predict (cross-validation): mean "
                "predicted probability and observed "
                f"{how}. On the dashed line both are equal.",
                spec=spec,
                data=data,
            )
        )
    return tuple(made)


def _decision(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    made = []
    for name, mine in _each(tables, "decision"):
        wide = _wide(mine, "level").with_columns(threshold=pl.col("level").cast(pl.Float64)).sort("threshold")
        lines = {"model_benefit": "by the model", "everybody_benefit": "everybody", "nobody": "nobody"}
        data = (
            wide.with_columns(nobody=pl.lit(0.0))
            .unpivot(on=list(lines), index="threshold", variable_name="who", value_name="benefit")
            .with_columns(pl.col("who").replace_strict(lines))
        )
        top = float(data["benefit"].max()) * 1.15 + 0.01  # type: ignore[arg-type]
        low = -0.1
        kept = data.filter(pl.col("benefit") >= low)
        order = list(lines.values())
        x = _axis("threshold", "Threshold probability", 0, 1)
        y = _axis("benefit", "Net benefit (true positives per subject)", low, top)
        colour = {
            "field": "who",
            "type": "nominal",
            "scale": {"domain": order, "range": [BLUE, VERMILION, INK]},
            "legend": {"orient": "top", "title": "Treated"},
        }
        dash = {
            "field": "who",
            "type": "nominal",
            "scale": {"domain": order, "range": [[1, 0], [6, 3], [2, 2]]},
            "legend": {"orient": "top", "title": "Treated"},
        }
        spec = chart(
            {
                "width": 340,
                "height": 240,
                "layer": [
                    layer(
                        "drawn",
                        {"type": "line", "strokeWidth": 1.6, "clip": True},
                        x=x,
                        y=y,
                        color=colour,
                        strokeDash=dash,
                    )
                ],
            },
            {"drawn": rows(kept)},
        )
        made.append(
            Drawn(
                name=file_name("decision_curve", name),
                title=f"Decision curve{_by(mine)}: {_said(mine, settings)}",
                caption="Net benefit of acting on those whose probability, predicted by models that did not see them, is at least the "
                "threshold: share of true positives less share of false positives times the odds of the threshold."
                + (
                    " Positives: events by the horizon, estimated by Kaplan and Meier among those acted on."
                    if _by(mine)
                    else ""
                ),
                spec=spec,
                data=kept,
            )
        )
    return tuple(made)


def _learning(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    made = []
    for name, mine in _each(tables, "learning"):
        data = (
            _wide(mine, "level")
            .with_columns(size=pl.col("level").cast(pl.Int64))
            .sort("size")
            .with_columns(
                low=(pl.col("learning_mean") - pl.col("learning_sd")).clip(0, 1),
                high=(pl.col("learning_mean") + pl.col("learning_sd")).clip(0, 1),
            )
            .drop("level")
        )
        first, last = int(data["size"][0]), int(data["size"][-1])
        margin = max(1, round(0.08 * (last - first)))
        judged = tables["models"].filter(analysis_id=name, part="performance")["term"]
        measure = "AUC" if "auc" in judged else "C"
        x = _axis("size", "Subjects the model was made from", first - margin, last + margin)
        low = min(0.4, float(data["low"].min()))  # type: ignore[arg-type]
        y = _axis("learning_mean", f"{measure} in the subjects left out", low, 1)
        says = [
            tip("size", "subjects", number=True),
            tip("learning_mean", "mean", number=True),
            tip("learning_sd", "SD", number=True),
        ]
        spec = chart(
            {
                "width": 340,
                "height": 220,
                "layer": [
                    layer("chance", {"type": "line", "color": GREY, "strokeDash": [4, 3]}, x=x, y=y),
                    layer(
                        "drawn",
                        {"type": "rule", "color": BLUE, "strokeWidth": 1.4},
                        x=x,
                        y={**y, "field": "low"},
                        y2={"field": "high"},
                    ),
                    layer("drawn", {"type": "line", "color": BLUE, "strokeWidth": 1}, x=x, y=y),
                    layer(
                        "drawn", {"type": "point", "filled": True, "size": 50, "color": BLUE}, x=x, y=y, tooltip=says
                    ),
                ],
            },
            {
                "drawn": rows(data),
                "chance": [{"size": v, "learning_mean": 0.5} for v in (first - margin, last + margin)],
            },
        )
        made.append(
            Drawn(
                name=file_name("learning_curve", name),
                title=f"Learning curve: {_said(mine, settings)}",
                caption="Discrimination in the subjects left out of models made from random shares of the subjects: mean and standard deviation over "
                "the draws (not a confidence interval: the draws share subjects). A curve that still rises says that more subjects would make a better model. Dashed: chance.",
                spec=spec,
                data=data,
            )
        )
    return tuple(made)


_SHARES = {
    "frequency": "half-samples",
    "bootstrap_frequency": "bootstrap resamples",
    "fold_frequency": "cross-validation models",
}


def _selection(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    made = []
    for name, mine in _each(tables, "candidate"):
        shares = mine.filter(pl.col("stat_name").is_in(list(_SHARES)))
        if shares.is_empty():
            continue
        inside = set(mine.filter((pl.col("stat_name") == "in_model") & (pl.col("value") > 0))["term"])
        order = shares.group_by("term").agg(pl.col("value").max(), mean=pl.col("value").mean())
        order = order.sort("value", "mean", "term", descending=[True, True, False])
        order = order.filter(pl.col("value") > 0).head(_MOST)
        if order.is_empty():
            continue
        labels = {t: _label(t, settings) + (" *" if t in inside else "") for t in order["term"]}
        data = (
            shares.filter(pl.col("term").is_in(order["term"].implode()))
            .select("term", "value", where=pl.col("stat_name").replace_strict(_SHARES))
            .with_columns(label=pl.col("term").replace_strict(labels))
            .sort("term", "where")
        )
        there = [w for w in _SHARES.values() if w in data["where"]]
        marks: dict[str, Any] = {
            "field": "where",
            "type": "nominal",
            "legend": {"orient": "top", "title": "Selected in"},
        }
        colour = {**marks, "scale": {"domain": there, "range": [BLUE, ORANGE, VERMILION][: len(there)]}}
        shape = {**marks, "scale": {"domain": there, "range": ["circle", "square", "diamond"][: len(there)]}}
        y = {
            "field": "label",
            "type": "nominal",
            "sort": [labels[t] for t in order["term"]],
            "title": None,
            "axis": {"grid": True, "labelLimit": 300},
        }
        spec = chart(
            {
                "width": 330,
                "height": {"step": 20, "for": "position"},
                "layer": [
                    layer(
                        "drawn",
                        {"type": "point", "filled": True, "size": 45, "opacity": 1},
                        x=_axis("value", "Share of the resamples that select the candidate", 0, 1),
                        y=y,
                        yOffset={"field": "where", "type": "nominal", "scale": {"domain": there}},
                        color=colour,
                        shape=shape,
                        tooltip=[tip("label", "candidate"), tip("where", "in"), tip("value", "share", number=True)],
                    )
                ],
            },
            {"drawn": rows(data)},
        )
        made.append(
            Drawn(
                name=file_name("selection", name),
                title=f"How often candidates are selected: {_said(mine, settings)}",
                caption=f"The {order.height} candidates selected most often; * in the model made from all subjects. A candidate that few "
                "resamples select would probably not be selected in another trial.",
                spec=spec,
                data=data,
            )
        )
    return tuple(made)


def _label(term: str, settings: FigureSettings) -> str:
    code, equals, level = term.partition("=")
    return settings.label(code) + (f": {level}" if equals else "")


def _collinearity(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    made = []
    for name, mine in _each(tables, "correlation"):
        first = mine.group_by("term").agg(cluster=pl.col("level").min()).sort("cluster", "term")
        order = first["term"][:_LARGEST]
        kept = mine.filter(pl.col("term").is_in(order.implode()) & pl.col("level").is_in(order.implode()))
        data = kept.sort("term", "level").select(
            rho=pl.col("value").round(3),
            row=pl.col("term").map_elements(settings.label, return_dtype=pl.String),
            column=pl.col("level").map_elements(settings.label, return_dtype=pl.String),
        )
        names = [settings.label(c) for c in order]
        nominal = {"type": "nominal", "sort": names, "title": None}
        x = {**nominal, "field": "column", "axis": {"labelAngle": -60, "labelLimit": 230, "grid": False}}
        y = {**nominal, "field": "row", "axis": {"labelLimit": 230, "grid": False}}
        colour = {
            "field": "rho",
            "type": "quantitative",
            "scale": {"domain": [-1, 0, 1], "range": [VERMILION, "#ffffff", BLUE], "interpolate": "rgb"},
            "legend": {"title": "Spearman's rho", "orient": "right"},
        }
        told = order.len() <= _TOLD
        size = 36 if told else 14
        text: Rows = rows(data)
        says = [tip("row", "one"), tip("column", "other"), tip("rho", "rho", number=True)]
        squares = layer("drawn", {"type": "rect", "stroke": "#ffffff"}, x=x, y=y, color=colour, tooltip=says)
        figures = layer(
            "drawn",
            {"type": "text", "fontSize": 10},
            x=x,
            y=y,
            text={"field": "rho", "type": "quantitative", "format": ".2f"},
            color={"condition": {"test": "abs(datum.rho) > 0.6", "value": "#ffffff"}, "value": INK},
        )
        spec = chart(
            {
                "width": {"step": size},
                "height": {"step": size},
                "view": {"fill": _APART},
                "layer": [squares, figures] if told else [squares],
            },
            {"drawn": text},
        )
        clusters = mine["term"].n_unique()
        made.append(
            Drawn(
                name=file_name("collinearity", name),
                title=f"Candidates that say the same: {_said(mine, settings)}",
                caption=f"Spearman's rank correlation within clusters of candidates (complete linkage); {clusters} candidates are in a cluster"
                + (f", the first {order.len()} are drawn" if clusters > order.len() else "")
                + ". Grey: the two are in different clusters. Of each cluster one candidate takes part in the selection.",
                spec=spec,
                data=data,
            )
        )
    return tuple(made)


CALIBRATION = Figure(
    code="calibration",
    label="Calibration of a multivariable model",
    section="models",
    needs=(MODELS,),
    draw=_calibration,
    shows="observed shares against predicted probabilities, by models that did not see the subject",
    citation="Van Calster et al., BMC Med 2019;17:230",
)
DECISION_CURVE = Figure(
    code="decision_curve",
    label="Decision curve of a multivariable model",
    section="models",
    needs=(MODELS,),
    draw=_decision,
    shows="net benefit of acting by the model, on everybody and on nobody, by threshold",
    citation="Vickers and Elkin, Med Decis Making 2006;26:565-574",
)
SELECTION_FREQUENCY = Figure(
    code="selection_frequency",
    label="How often candidates are selected",
    section="models",
    needs=(MODELS,),
    draw=_selection,
    shows="share of the resamples that select each candidate",
    citation="Sauerbrei and Schumacher, Stat Med 1992;11:2093-2109",
)
COLLINEARITY = Figure(
    code="collinearity",
    label="Map of candidates that say the same",
    section="models",
    needs=(MODELS,),
    draw=_collinearity,
    shows="Spearman's rank correlations within clusters of candidates",
    citation="Harrell, Regression Modeling Strategies, 2nd ed. 2015, section 4.7",
)
LEARNING_CURVE = Figure(
    code="learning_curve",
    label="Learning curve of a multivariable model",
    section="models",
    needs=(MODELS,),
    draw=_learning,
    shows="discrimination in subjects left out, by the number of subjects a model was made from",
    citation="Mukherjee et al., J Comput Biol 2003;10:119-142",
)
