"""Assay quality: standard curves, recovery of the standards, agreement of two assays."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import (
    BLUE,
    CLASSES,
    GREY,
    INK,
    ORANGE,
    PALE,
    SHAPES,
    VERMILION,
    chart,
    decades,
    layer,
    log_axis,
    log_scale,
    rows,
    tip,
    with_unit,
)
from correlates.rounding import counted, unit_text
from correlates.schema import CURVE_POINTS, CURVES, MEASUREMENTS
from correlates.terms import Censoring, Role, Status

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_NAMED = 5  # failed plates that get a look of their own
_WITHIN, _OUTSIDE, _UNUSED = "within the limits of quantification", "outside them", "not used for the curve"
_COLUMNS = {"expr": "width < 480 ? 1 : 3"}  # of a legend, on a narrow screen and on a page
_SHOWN = (25.0, 175.0)  # per cent recovery; what lies beyond is drawn at the edge


def _draw_curves(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    curves = tables["curves"].filter(pl.col("slope").is_not_null() & pl.col("intercept").is_not_null())
    made = []
    for assay in curves["assay"].unique(maintain_order=True):
        targets = curves.filter(pl.col("assay") == assay)["target"].unique().sort().to_list()
        for target in targets:
            mine = curves.filter((pl.col("assay") == assay) & (pl.col("target") == target))
            points = (
                tables["curve_points"]
                .filter(
                    (pl.col("role") == Role.STANDARD.value) & pl.col("signal").is_not_null() & (pl.col("nominal") > 0)
                )
                .join(mine.select("curve_id", "plate", "slope", "intercept", "accepted"), on="curve_id")
            )
            if not points.is_empty():
                suffix = (target,) if len(targets) > 1 else ()
                made.append(_curves(assay, mine, points, settings, suffix))
    return tuple(made)


def _curves(
    assay: str, curves: pl.DataFrame, points: pl.DataFrame, settings: FigureSettings, suffix: tuple[str, ...]
) -> Drawn:
    unit = unit_text(curves["unit"][0]) or "quantity"
    failed = curves.filter(~pl.col("accepted"))["plate"].unique().sort().to_list()
    accepted = curves.filter("accepted")["plate"].n_unique()
    good = f"accepted ({accepted} plates)" if accepted != 1 else "accepted (1 plate)"
    named = {plate: f"failed: {plate}" for plate in failed}
    if len(failed) > _NAMED:
        named = dict.fromkeys(failed, f"failed ({len(failed)} plates)")
    data = points.select(
        "plate",
        "nominal",
        "signal",
        "used",
        line=pl.col("intercept") + pl.col("slope") * pl.col("nominal").log10(),
        state=pl.when("accepted").then(pl.lit(good)).otherwise(pl.col("plate").replace(named)),
    ).sort("plate", "nominal", "signal")
    states = [*([good] if accepted else []), *dict.fromkeys(named.values())]
    looks = [CLASSES[0], VERMILION, ORANGE, *CLASSES[3:]] if accepted else [VERMILION, ORANGE, *CLASSES[3:], INK]
    low, high = float(data["nominal"].min()) / 1.5, float(data["nominal"].max()) * 1.5  # type: ignore[arg-type]
    ticks = decades(low, high)
    first = round(math.log10(ticks[0])) if ticks else 0
    exponents = [f"10{str(first + i).translate(_SUPERSCRIPTS)}" for i in range(len(ticks))]
    x = {
        "field": "nominal",
        "type": "quantitative",
        "title": f"Nominal quantity ({unit})",
        "scale": log_scale(low, high),
        "axis": {
            **log_axis(low, high, grid=False),
            **({"labelExpr": f"{exponents!r}[round(log(datum.value) / LN10) - {first}]"} if len(ticks) > 1 else {}),
        },
    }
    scale = {"domain": states, "range": looks[: len(states)]}
    legend = {"orient": "top", "title": None, "columns": _COLUMNS, "symbolSize": 55, "symbolOpacity": 1}
    colour = {"field": "state", "type": "nominal", "scale": scale, "legend": legend}

    def y(field: str) -> dict[str, Any]:
        return {"field": field, "type": "quantitative", "title": "Cq", "scale": {"zero": False, "padding": 6}}

    layers = [
        layer(
            "drawn",
            {"type": "line", "strokeWidth": 1},
            x=x,
            y=y("line"),
            detail={"field": "plate", "type": "nominal"},
            color=colour,
        ),
        *(
            {
                **layer(
                    "drawn",
                    {"type": "point", "size": 26, "opacity": 0.85, **look},
                    x=x,
                    y=y("signal"),
                    color=colour,
                    shape={**colour, "scale": {"domain": states, "range": [SHAPES[i] for i in range(len(states))]}},
                    tooltip=[
                        tip("plate", "plate"),
                        tip("nominal", unit, number=True),
                        tip("signal", "Cq", number=True),
                    ],
                ),
                "transform": [{"filter": test}],
            }
            for used, test, look in (
                (True, "datum.used", {"filled": True}),
                (False, "!datum.used", {"fill": "white", "strokeWidth": 1.2}),
            )
            if used in data["used"]
        ),
    ]
    unused = data.filter(~pl.col("used")).height
    parts = [
        f"{counted(curves.height, 'curve')} of {counted(curves['plate'].n_unique(), 'plate')}, with the fitted line."
    ]
    if failed:
        parts.append(f"Failed an acceptance rule: {', '.join(failed)} (the rules are in the table of curves).")
    if unused:
        parts.append(f"Open: {counted(unused, 'well')} not used for the line.")
    return Drawn(
        name=file_name("standard_curves", assay, *suffix),
        title=f"Standard curves: {' '.join((settings.label(assay), *suffix))}",
        caption=" ".join(parts),
        spec=chart({"width": 600, "height": 320, "layer": layers}, {"drawn": rows(data)}),
        data=data,
        responsive=True,
    )


def _draw_recovery(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    curves = tables["curves"].filter(pl.col("slope").is_null() & pl.col("model").is_in(["4PL", "5PL"]))
    inside = (pl.col("nominal") >= pl.col("lowest")) & (pl.col("nominal") <= pl.col("highest"))
    made = []
    for assay in curves["assay"].unique(maintain_order=True):
        mine = curves.filter(pl.col("assay") == assay)
        points = (
            tables["curve_points"]
            .filter(
                (pl.col("role") == Role.STANDARD.value) & pl.col("recovery").is_not_null() & (pl.col("nominal") > 0)
            )
            .join(mine.select("curve_id", "plate", "target", "lowest", "highest"), on="curve_id")
            .group_by("target", "plate", "nominal", "lowest", "highest")
            .agg(recovery=pl.col("recovery").mean(), used=pl.col("used").any())
            .with_columns(
                state=pl.when(~pl.col("used"))
                .then(pl.lit(_UNUSED))
                .when(inside.fill_null(value=False))
                .then(pl.lit(_WITHIN))
                .otherwise(pl.lit(_OUTSIDE))
            )
            .select("target", "plate", "nominal", "recovery", "state")
            .sort("target", "plate", "nominal")
        )
        if not points.is_empty():
            made.append(_recovery(assay, mine, points, settings))
    return tuple(made)


def _recovery(assay: str, curves: pl.DataFrame, data: pl.DataFrame, settings: FigureSettings) -> Drawn:
    targets = data["target"].unique().sort().to_list()
    states = [s for s in (_WITHIN, _OUTSIDE, _UNUSED) if s in data["state"]]
    looks = {_WITHIN: ("stroke", BLUE), _OUTSIDE: ("circle", VERMILION), _UNUSED: ("cross", INK)}
    low, high = _SHOWN
    x = {
        "field": "recovery",
        "type": "quantitative",
        "title": "Recovery of a standard level (%)",
        "scale": {"domain": [low, high], "nice": False, "clamp": True},
        "axis": {"values": [40, 60, 80, 100, 120, 140, 160], "grid": False},
    }
    y = {"field": "target", "type": "nominal", "title": None, "sort": targets, "axis": {"grid": True, "ticks": False}}
    colour = {
        "field": "state",
        "type": "nominal",
        "scale": {"domain": states, "range": [looks[s][1] for s in states]},
        "legend": {
            "orient": "top",
            "title": None,
            "columns": _COLUMNS,
            "symbolOpacity": 1,
        },
    }
    shape = {
        "field": "state",
        "type": "nominal",
        "scale": {"domain": states, "range": [looks[s][0] for s in states]},
        "legend": colour["legend"],
    }
    says = [
        tip("target", "analyte"),
        tip("plate", "plate"),
        tip("nominal", unit_text(curves["unit"][0]) or "nominal", number=True),
        tip("recovery", "recovery (%)", number=True),
        tip("state", "level is"),
    ]
    layers = [
        layer("bounds", {"type": "rect", "color": PALE, "opacity": 0.35}, x={**x, "field": "from"}, x2={"field": "to"}),
        layer("bounds", {"type": "rule", "color": GREY}, x={**x, "field": "nominal"}),
        *(
            {
                **layer(
                    "drawn",
                    {"type": "point", "angle": 90, "size": size, "strokeWidth": width, "opacity": opacity},
                    x=x,
                    y=y,
                    color=colour,
                    shape=shape,
                    tooltip=says,
                ),
                "transform": [{"filter": f"datum.state {test} '{_WITHIN}'"}],
            }
            for test, size, width, opacity in (("==", 90, 1, 0.35), ("!=", 22, 1.2, 0.9))
        ),
    ]
    beyond = data.filter((pl.col("recovery") < low) | (pl.col("recovery") > high)).height
    edge = f" {beyond} values beyond {low:g} and {high:g} % are drawn at the edge." if beyond else ""
    body = {"width": 560, "height": 17 * len(targets), "layer": layers}
    return Drawn(
        name=file_name("recovery", assay),
        title=f"Recovery of the standards: {settings.label(assay)}",
        caption=f"{counted(curves.height, 'curve')}: {counted(len(targets), 'analyte')}, {counted(curves['plate'].n_unique(), 'plate')}. A mark is the mean back-calculated "
        f"concentration of the replicates of one level on one plate, in per cent of nominal; grey: 80 to 120 %.{edge}",
        spec=chart(body, {"drawn": rows(data), "bounds": [{"from": 80, "to": 120, "nominal": 100}]}),
        data=data,
        responsive=True,
    )


def _draw_agreement(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    made = (_agreement(tables["measurements"], first, second, settings) for first, second in settings.confirmations)
    return tuple(drawn for drawn in made if drawn is not None)


def _agreement(measurements: pl.DataFrame, first: str, second: str, settings: FigureSettings) -> Drawn | None:
    keys = ["sample_id", "analyte", "unit"]
    reported = measurements.filter((pl.col("status") == Status.REPORTED.value) & (pl.col("value") > 0))
    one, two = (
        reported.filter(pl.col("assay") == name).select(*keys, "value", "censoring") for name in (first, second)
    )
    pairs = one.join(two, on=keys, suffix="_second", maintain_order="left")
    if pairs.is_empty():
        return None
    names = (settings.label(first), settings.label(second))
    looks = {
        "both quantified": ("circle", BLUE),
        f"below LLOQ: {names[0]}": ("triangle-left", VERMILION),
        f"below LLOQ: {names[1]}": ("triangle-down", VERMILION),
        "below LLOQ: both": ("square", VERMILION),
        "above a limit": ("triangle-up", INK),
    }
    words = list(looks)
    left, left_second = (pl.col(c) == Censoring.LEFT.value for c in ("censoring", "censoring_second"))
    right = (pl.col("censoring") == Censoring.RIGHT.value) | (pl.col("censoring_second") == Censoring.RIGHT.value)
    data = pairs.select(
        "sample_id",
        "analyte",
        "value",
        "value_second",
        state=pl.when(right)
        .then(pl.lit(words[4]))
        .when(left & left_second)
        .then(pl.lit(words[3]))
        .when(left)
        .then(pl.lit(words[1]))
        .when(left_second)
        .then(pl.lit(words[2]))
        .otherwise(pl.lit(words[0])),
    ).sort("value", "value_second", "sample_id")
    unit = unit_text(pairs["unit"][0])
    span = pl.concat([data["value"], data["value_second"]])
    low, high = float(span.min()) / 1.4, float(span.max()) * 1.4  # type: ignore[arg-type]
    there = [w for w in words if w in data["state"]]

    def axis(field: str, name: str) -> dict[str, Any]:
        return {
            "field": field,
            "type": "quantitative",
            "title": with_unit(name, unit),
            "scale": log_scale(low, high),
            "axis": log_axis(low, high),
        }

    x, y = axis("value", names[0]), axis("value_second", names[1])
    legend = {"orient": "right", "title": None, "symbolSize": 55}
    colour = {
        "field": "state",
        "type": "nominal",
        "scale": {"domain": there, "range": [looks[w][1] for w in there]},
        "legend": legend,
    }
    shape = {**colour, "scale": {"domain": there, "range": [looks[w][0] for w in there]}}
    layers = [
        layer("identity", {"type": "line", "color": GREY, "strokeDash": [4, 3], "strokeWidth": 1}, x=x, y=y),
        layer(
            "drawn",
            {"type": "point", "size": 36, "opacity": 0.9},
            x=x,
            y=y,
            color=colour,
            shape=shape,
            tooltip=[
                tip("sample_id", "sample"),
                tip("value", names[0], number=True),
                tip("value_second", names[1], number=True),
                tip("state", "values are"),
            ],
        ),
    ]
    body = {"width": 340, "height": 340, "layer": layers}
    censored = data.filter(pl.col("state") != words[0]).height
    ends = [{"value": low, "value_second": low}, {"value": high, "value_second": high}]
    pointed = " Triangles point to where the true value lies; such pairs are drawn at the limit." if censored else ""
    return Drawn(
        name=file_name("agreement", first, second),
        title=f"{names[1]} against {names[0]}",
        caption=f"{data.height} samples reported by both; in {censored} a value lies beyond a limit of quantification.{pointed} "
        "Dashed: identity.",
        spec=chart(body, {"drawn": rows(data), "identity": ends}),
        data=data,
    )


STANDARD_CURVES = Figure(
    code="standard_curves",
    label="Standard curves",
    section="assays",
    needs=(CURVES, CURVE_POINTS),
    draw=_draw_curves,
    shows="Cq against nominal quantity with the fitted line of every plate; plates that failed are named",
    citation="Bustin 2009, Clin Chem 55:611 (MIQE)",
)
RECOVERY = Figure(
    code="recovery",
    label="Recovery of the standards",
    section="assays",
    needs=(CURVES, CURVE_POINTS),
    draw=_draw_recovery,
    shows="Back-calculated concentration of each standard level in per cent of its nominal one",
    citation="ICH M10 2022, section 4 (ligand binding assays)",
)
AGREEMENT = Figure(
    code="agreement",
    label="Agreement of two assays",
    section="assays",
    needs=(MEASUREMENTS,),
    draw=_draw_agreement,
    shows="Values of one assay against another's on the same samples, with the line of identity",
    citation="Bland and Altman 1986, Lancet 1:307",
)
