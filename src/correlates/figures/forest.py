"""Forest of associations: odds ratios of one biomarker a row, endpoints side by side."""

from __future__ import annotations

import altair as alt
import polars as pl

from correlates.figures.record import Drawn, Figure, Tables
from correlates.figures.settings import FigureSettings, Forest
from correlates.figures.theme import BLUE, CONFIG, GREY, INK, inline
from correlates.schema import PARAMETERS, RESULTS

_ROW, _PANEL = 18, 190
_CLIP = (1 / 32, 32.0)


def _draw(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    wanted = settings.forest
    if wanted is None:
        return ()
    rows = _rows(tables["results"], wanted)
    if rows.is_empty():
        return ()
    chosen = _chosen(rows, wanted)
    data = (
        rows.filter(pl.col("biomarker").is_in(chosen))
        .with_columns(
            label=pl.col("biomarker").replace_strict({c: settings.label(c) for c in chosen}),
            endpoint_label=pl.col("endpoint").replace_strict({e: settings.label(e) for e in wanted.endpoints}),
            declared=pl.when(pl.col("prespecified")).then(pl.lit("prespecified")).otherwise(pl.lit("exploratory")),
            low=pl.col("lower").clip(*_CLIP),
            high=pl.col("upper").clip(*_CLIP),
        )
        .with_columns(cut=(pl.col("low") != pl.col("lower")) | (pl.col("high") != pl.col("upper")))
    )
    labels = [settings.label(c) for c in chosen]
    chart = alt.hconcat(
        *(
            _panel(data.filter(pl.col("endpoint") == endpoint), labels, settings.label(endpoint), first=index == 0)
            for index, endpoint in enumerate(wanted.endpoints)
        ),
        spacing=14,
    ).configure(**CONFIG)
    method = "Firth-penalised logistic regression" if wanted.method == "firth" else "logistic regression"
    total, left_out = rows["biomarker"].n_unique(), rows["biomarker"].n_unique() - len(chosen)
    rest = (
        f" Of {total} biomarkers, {left_out} exploratory ones with larger P values are in the table only."
        if left_out
        else ""
    )
    return (
        Drawn(
            name="forest",
            title="Associations with efficacy and toxicity",
            caption=f"Odds ratio and 95 % profile interval by {method}; per doubling for concentrations, counts and their ratios, "
            f"per standard deviation or unit otherwise. Filled: adjusted P < .05 in its family. Intervals are cut at "
            f"{_CLIP[0]:.2g} and {_CLIP[1]:.2g}." + rest,
            spec=chart.to_dict(),
            data=data.drop("low", "high", "cut"),
            responsive=False,
        ),
    )


def _rows(results: pl.DataFrame, wanted: Forest) -> pl.DataFrame:
    """One row per biomarker and endpoint, a column per statistic."""
    mine = results.filter(
        (pl.col("method") == wanted.method)
        & pl.col("endpoint").is_in(wanted.endpoints)
        & (pl.col("population") == wanted.population)
        & pl.col("error").is_null()
        & pl.col("stat_name").is_in(["odds_ratio", "odds_ratio_lower", "odds_ratio_upper", "p", "p_adjusted"])
        & (pl.col("level") == "")
    )
    index = ["biomarker", "biomarker_group", "endpoint", "prespecified", "n"]
    wide = mine.pivot("stat_name", index=index, values="value", aggregate_function="first")
    names = {"odds_ratio_lower": "lower", "odds_ratio_upper": "upper"}
    return (
        wide.rename({k: v for k, v in names.items() if k in wide.columns}).drop_nulls("odds_ratio")
        if wide.height
        else wide
    )


def _chosen(rows: pl.DataFrame, wanted: Forest) -> list[str]:
    """Prespecified biomarkers in the order of the plan, then the exploratory ones with the smallest P value."""
    declared = rows.filter(pl.col("prespecified"))["biomarker"].unique(maintain_order=True).to_list()
    best = (
        rows.filter(~pl.col("prespecified"))
        .group_by("biomarker", maintain_order=True)
        .agg(pl.col("p").min())
        .sort("p", nulls_last=True, maintain_order=True)
    )
    return declared + best["biomarker"].head(wanted.exploratory).to_list()


def _panel(data: pl.DataFrame, labels: list[str], title: str, *, first: bool) -> alt.LayerChart | alt.FacetChart:
    scale = alt.Scale(type="log", domain=list(_CLIP), nice=False)
    x = alt.X(
        "odds_ratio:Q",
        title="Odds ratio (95 % CI)",
        scale=scale,
        axis=alt.Axis(values=[0.05, 0.2, 1, 5, 20], format="~g", grid=False),
    )
    y = alt.Y(
        "label:N",
        title=None,
        sort=labels,
        scale=alt.Scale(domain=labels),
        axis=alt.Axis(labelLimit=280, ticks=False, domain=False, labelPadding=8) if first else None,
    )
    base = alt.Chart(inline(data.to_dicts()))
    one = (
        alt.Chart(inline([{"one": 1}]))
        .mark_rule(color=GREY, strokeDash=[3, 3])
        .encode(x=alt.X("one:Q", scale=scale, title="Odds ratio (95 % CI)"))
    )
    palette = alt.Scale(domain=["prespecified", "exploratory"], range=[BLUE, INK])
    colour = alt.Color(
        "declared:N",
        title=None,
        scale=palette,
        legend=alt.Legend(orient="top", direction="horizontal") if first else None,
    )
    bars = base.mark_rule().encode(
        y=y, x=alt.X("low:Q", scale=scale, title="Odds ratio (95 % CI)"), x2="high:Q", color=colour
    )
    dots = base.mark_point(size=46).encode(
        y=y,
        x=x,
        color=colour,
        fill=alt.condition(
            "datum.p_adjusted !== null && datum.p_adjusted < 0.05",
            alt.Fill("declared:N", scale=palette, legend=None),
            alt.value("white"),
        ),
        tooltip=[
            alt.Tooltip("label:N", title="biomarker"),
            alt.Tooltip("biomarker_group:N", title="group"),
            alt.Tooltip("odds_ratio:Q", format=".3g"),
            alt.Tooltip("lower:Q", format=".3g"),
            alt.Tooltip("upper:Q", format=".3g"),
            alt.Tooltip("p:Q", title="P", format=".3g"),
            alt.Tooltip("p_adjusted:Q", title="P adjusted", format=".3g"),
            alt.Tooltip("n:Q", title="n"),
        ],
    )
    return alt.layer(one, bars, dots).properties(
        width=_PANEL, height=_ROW * len(labels), title=alt.TitleParams(title, frame="group")
    )


FOREST = Figure(
    code="forest",
    label="Forest of associations",
    section="associations",
    needs=(RESULTS, PARAMETERS),
    draw=_draw,
    shows="Odds ratios with intervals for efficacy beside toxicity, one biomarker a row",
    citation="Lewis and Clarke 2001, BMJ 322:1479 (forest plots)",
)
