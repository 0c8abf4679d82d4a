"""Assay quality: standard curves, recovery of the standards, agreement of two assays."""

from __future__ import annotations

import altair as alt
import polars as pl

from correlates.figures.record import Drawn, Figure, Tables
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import BLUE, CONFIG, GREY, ORANGE, VERMILION, inline
from correlates.rounding import unit_text
from correlates.schema import CURVE_POINTS, CURVES, MEASUREMENTS
from correlates.terms import Censoring, Role, Status

_STATE = alt.Scale(domain=["accepted", "failed"], range=[BLUE, VERMILION])


def _draw_curves(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    curves = tables["curves"].filter(pl.col("slope").is_not_null())
    made = []
    for assay in curves["assay"].unique(maintain_order=True):
        mine = curves.filter(pl.col("assay") == assay)
        points = (
            tables["curve_points"]
            .filter((pl.col("role") == Role.STANDARD.value) & pl.col("signal").is_not_null() & (pl.col("nominal") > 0))
            .join(mine.select("curve_id", "plate", "slope", "intercept", "accepted"), on="curve_id")
            .with_columns(
                state=pl.when("accepted").then(pl.lit("accepted")).otherwise(pl.lit("failed")),
                line=pl.col("intercept") + pl.col("slope") * pl.col("nominal").log10(),
            )
        )
        if not points.is_empty():
            made.append(_curves(assay, mine, points, settings))
    return tuple(made)


def _curves(assay: str, curves: pl.DataFrame, points: pl.DataFrame, settings: FigureSettings) -> Drawn:
    unit = unit_text(curves["unit"][0]) or "quantity"
    data = points.select("plate", "nominal", "signal", "line", "state", "used").sort("plate", "nominal")
    base = alt.Chart(inline(data.to_dicts()))
    x = alt.X(
        "nominal:Q",
        title=f"Nominal quantity ({unit})",
        scale=alt.Scale(type="log"),
        axis=alt.Axis(format="~e", tickCount=7, grid=False),
    )
    colour = alt.Color("state:N", title=None, scale=_STATE, legend=alt.Legend(orient="top"))
    lines = base.mark_line(strokeWidth=1).encode(x=x, y=alt.Y("line:Q", title="Cq"), detail="plate:N", color=colour)
    dots = base.mark_point(size=24).encode(
        x=x,
        y=alt.Y("signal:Q", title="Cq", scale=alt.Scale(zero=False)),
        color=colour,
        tooltip=[
            "plate:N",
            alt.Tooltip("nominal:Q", format="~e"),
            alt.Tooltip("signal:Q", title="Cq", format=".2f"),
            "state:N",
        ],
    )
    chart = alt.layer(lines, dots).properties(width=560, height=320).configure(**CONFIG)
    failed = int((~curves["accepted"]).sum())
    return Drawn(
        name=f"standard_curves_{assay}",
        title=f"Standard curves: {settings.label(assay)}",
        caption=f"{curves.height} curves of {curves['plate'].n_unique()} plates; {failed} failed an acceptance rule (see the checks).",
        spec=chart.to_dict(),
        data=data,
    )


def _draw_recovery(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    curves = tables["curves"].filter(pl.col("slope").is_null() & pl.col("model").is_in(["4PL", "5PL"]))
    made = []
    for assay in curves["assay"].unique(maintain_order=True):
        mine = curves.filter(pl.col("assay") == assay)
        points = (
            tables["curve_points"]
            .filter(
                (pl.col("role") == Role.STANDARD.value) & pl.col("recovery").is_not_null() & (pl.col("nominal") > 0)
            )
            .join(mine.select("curve_id", "plate", "target", "lowest", "highest"), on="curve_id")
            .group_by("target", "plate", "nominal", "lowest", "highest", maintain_order=True)
            .agg(recovery=pl.col("recovery").mean())
            .with_columns(
                state=pl.when((pl.col("nominal") >= pl.col("lowest")) & (pl.col("nominal") <= pl.col("highest")))
                .then(pl.lit("within the limits of quantification"))
                .otherwise(pl.lit("outside"))
            )
        )
        if not points.is_empty():
            made.append(_recovery(assay, mine, points, settings))
    return tuple(made)


def _recovery(assay: str, curves: pl.DataFrame, points: pl.DataFrame, settings: FigureSettings) -> Drawn:
    data = points.select("target", "plate", "nominal", "recovery", "state").sort("target", "plate", "nominal")
    shown = data.with_columns(recovery=pl.col("recovery").clip(25.0, 175.0))
    targets = data["target"].unique().sort().to_list()
    words = ["within the limits of quantification", "outside"]
    x = alt.X(
        "recovery:Q",
        title="Back-calculated recovery of a standard level (%)",
        scale=alt.Scale(domain=[25, 175]),
        axis=alt.Axis(values=[40, 60, 80, 100, 120, 140, 160]),
    )
    bounds = alt.Chart(inline([{"x": 80}, {"x": 120}])).mark_rule(color=GREY, strokeDash=[3, 3]).encode(x="x:Q")
    dots = (
        alt.Chart(inline(shown.to_dicts()))
        .mark_point(size=18, opacity=0.6)
        .encode(
            x=x,
            y=alt.Y("target:N", title=None, sort=targets),
            color=alt.Color(
                "state:N",
                title=None,
                scale=alt.Scale(domain=words, range=[BLUE, ORANGE]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[
                "target:N",
                "plate:N",
                alt.Tooltip("nominal:Q", format=".3g"),
                alt.Tooltip("recovery:Q", format=".0f"),
            ],
        )
    )
    chart = alt.layer(bounds, dots).properties(width=560, height=15 * len(targets)).configure(**CONFIG)
    return Drawn(
        name=f"recovery_{assay}",
        title=f"Recovery of the standards: {settings.label(assay)}",
        caption=f"{curves.height} curves ({len(targets)} analytes, {curves['plate'].n_unique()} plates); a point is the mean of a level's "
        "replicates. Dashed: 80 and 120 %. Values beyond 25 and 175 % are drawn at the edge.",
        spec=chart.to_dict(),
        data=data,
    )


def _draw_agreement(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    made = (_agreement(tables["measurements"], first, second, settings) for first, second in settings.confirmations)
    return tuple(drawn for drawn in made if drawn is not None)


def _agreement(measurements: pl.DataFrame, first: str, second: str, settings: FigureSettings) -> Drawn | None:
    keys = ["sample_id", "analyte", "unit"]
    reported = measurements.filter((pl.col("status") == Status.REPORTED.value) & pl.col("value").is_not_null())
    one, two = (
        reported.filter(pl.col("assay") == name).select(*keys, "value", "censoring") for name in (first, second)
    )
    pairs = one.join(two, on=keys, suffix="_second").with_columns(
        state=pl.when(
            (pl.col("censoring") == Censoring.NONE.value) & (pl.col("censoring_second") == Censoring.NONE.value)
        )
        .then(pl.lit("both quantified"))
        .otherwise(pl.lit("one or both beyond a limit"))
    )
    if pairs.is_empty():
        return None
    unit = unit_text(pairs["unit"][0])
    span = pl.concat([pairs["value"], pairs["value_second"]])
    low, high = float(span.min()) / 1.4, float(span.max()) * 1.4  # type: ignore[arg-type]
    scale = alt.Scale(type="log", domain=[low, high], nice=False)
    axis = alt.Axis(format="~g", tickCount=6, grid=False)
    identity = (
        alt.Chart(inline([{"x": low, "y": low}, {"x": high, "y": high}]))
        .mark_line(color=GREY, strokeDash=[4, 3])
        .encode(x=alt.X("x:Q", scale=scale, title=""), y=alt.Y("y:Q", scale=scale, title=""))
    )
    dots = (
        alt.Chart(inline(pairs.to_dicts()))
        .mark_point(size=34)
        .encode(
            x=alt.X("value:Q", scale=scale, axis=axis, title=f"{settings.label(first)} ({unit})"),
            y=alt.Y("value_second:Q", scale=scale, axis=axis, title=f"{settings.label(second)} ({unit})"),
            color=alt.Color(
                "state:N",
                title=None,
                scale=alt.Scale(domain=["both quantified", "one or both beyond a limit"], range=[BLUE, ORANGE]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[
                "sample_id:N",
                alt.Tooltip("value:Q", format=".3g"),
                alt.Tooltip("value_second:Q", format=".3g"),
                "state:N",
            ],
        )
    )
    chart = alt.layer(identity, dots).properties(width=340, height=340).configure(**CONFIG)
    censored = int((pairs["state"] != "both quantified").sum())
    return Drawn(
        name=f"agreement_{first}_{second}",
        title=f"{settings.label(second)} against {settings.label(first)}",
        caption=f"{pairs.height} samples measured by both; {censored} with a value beyond a limit of quantification, drawn at the limit. Dashed: identity.",
        spec=chart.to_dict(),
        data=pairs,
        responsive=False,
    )


STANDARD_CURVES = Figure(
    code="standard_curves",
    label="Standard curves",
    section="assays",
    needs=(CURVES, CURVE_POINTS),
    draw=_draw_curves,
    shows="Cq against nominal quantity with the fitted line of every plate",
    citation="Bustin 2009, Clin Chem 55:611 (MIQE)",
)
RECOVERY = Figure(
    code="recovery",
    label="Recovery of the standards",
    section="assays",
    needs=(CURVES, CURVE_POINTS),
    draw=_draw_recovery,
    shows="Back-calculated concentration of each standard level in percent of its nominal one",
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
