"""One biomarker across response classes: box with whiskers to the extremes, every subject, the declared pairs' P values."""

from __future__ import annotations

import math

import altair as alt
import polars as pl

from correlates.figures.record import Drawn, Figure, Tables
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import CONFIG, GREY, INK, colours, inline
from correlates.rounding import p_value, unit_text
from correlates.schema import ANALYSIS, PARAMETERS, RESULTS
from correlates.terms import Censoring

_SPREAD = 0.32  # share of a class's width over which its subjects are spread


def _draw(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    made = (_comparison(name, tables, settings) for name in settings.comparisons)
    return tuple(drawn for drawn in made if drawn is not None)


def _comparison(analysis_id: str, tables: Tables, settings: FigureSettings) -> Drawn | None:
    results = tables["results"].filter(pl.col("analysis_id") == analysis_id)
    if results.is_empty():
        return None
    first = results.row(0, named=True)
    code, endpoint, population = first["biomarker"], first["endpoint"], first["population"]
    inside = tables["analysis"].filter(pl.col(f"population:{population}")) if population else tables["analysis"]
    columns = {"subject_id": "subject_id", "value": code, "class": endpoint, "censoring": f"{code}|censoring"}
    points = inside.select(**{k: pl.col(v) for k, v in columns.items()}).drop_nulls(["value", "class"])
    order = [c for c in settings.order.get(endpoint, ()) if c in points["class"]]
    order = order or points["class"].unique().sort().to_list()
    points = points.filter(pl.col("class").is_in(order))
    if points.is_empty():
        return None
    unit = _unit(tables["parameters"], code)
    sizes = dict(points.group_by("class").agg(pl.len()).iter_rows())
    names = {c: f"{settings.class_label(c)}\nn = {sizes[c]}" for c in order}
    log = float(points["value"].min()) > 0  # type: ignore[arg-type]
    data = _placed(points, order).with_columns(
        name=pl.col("class").replace_strict(names),
        limit=pl.when(pl.col("censoring") == Censoring.NONE.value)
        .then(pl.lit("quantified"))
        .otherwise(pl.lit("censored")),
    )
    pairs = _pairs(results)
    chart = _chart(data, [names[c] for c in order], names, pairs, settings.label(code), unit, log=log)
    censored = int((data["limit"] == "censored").sum())
    overall = results.filter(
        (pl.col("stat_name") == "p") & (pl.col("level") == "") & (pl.col("method") == "kruskal_wallis")
    )
    said = f" Kruskal-Wallis over the classes: {_p(overall['value'][0])}." if overall.height else ""
    note = f" {censored} values lie beyond a limit of quantification and are drawn at it (open)." if censored else ""
    adjusted = ", ".join(sorted({str(p["adjust"]) for p in pairs if p["adjust"]}))
    tests = (
        f" Brackets: Wilcoxon rank-sum, P unadjusted{f' and {adjusted}-adjusted' if adjusted else ''}." if pairs else ""
    )
    return Drawn(
        name=f"compare_{analysis_id}",
        title=f"{settings.label(code)} by {settings.label(endpoint).lower()}",
        caption="Box: median and quartiles; whiskers: minimum and maximum; points: subjects." + tests + said + note,
        spec=chart.configure(**CONFIG).to_dict(),
        data=data.drop("name", "x"),
        responsive=False,
    )


def _unit(parameters: pl.DataFrame, code: str) -> str:
    units = parameters.filter((pl.col("code") == code) & pl.col("unit").is_not_null())["unit"]
    return "" if units.is_empty() else unit_text(units[0])


def _placed(points: pl.DataFrame, order: list[str]) -> pl.DataFrame:
    """Subjects side by side within their class, in the order of a van der Corput sequence over their rank."""

    def offset(rank: int) -> float:
        share, base, index = 0.0, 0.5, rank + 1
        while index:
            share += base * (index & 1)
            index >>= 1
            base /= 2
        return (share - 0.5) * 2 * _SPREAD

    ranked = points.with_columns(rank=pl.col("value").rank("ordinal").over("class") - 1)
    centre = {c: float(i) for i, c in enumerate(order)}
    return ranked.with_columns(
        x=pl.col("class").replace_strict(centre, return_dtype=pl.Float64)
        + pl.col("rank").map_elements(offset, return_dtype=pl.Float64)
    ).drop("rank")


def _pairs(results: pl.DataFrame) -> list[dict[str, object]]:
    """The declared pairs: classes, P value and adjusted P value of each."""
    pairs: dict[str, dict[str, object]] = {}
    for row in results.filter(pl.col("level").str.contains(" vs ", literal=True)).iter_rows(named=True):
        if row["stat_name"] in ("p", "p_adjusted") and row["value"] is not None:
            entry = pairs.setdefault(
                row["level"], {"classes": row["level"].split(" vs "), "p": None, "p_adjusted": None, "adjust": None}
            )
            entry[row["stat_name"]] = row["value"]
            if row["stat_name"] == "p_adjusted":
                entry["adjust"] = _adjustment(row["stat_label"])
    return list(pairs.values())


def _adjustment(label: str) -> str:
    for word in ("Holm", "Hochberg", "Benjamini-Hochberg", "Benjamini-Yekutieli", "Bonferroni"):
        if word.lower() in label.lower():
            return word
    return ""


def _chart(
    data: pl.DataFrame,
    classes: list[str],
    names: dict[str, str],
    pairs: list[dict[str, object]],
    label: str,
    unit: str,
    *,
    log: bool,
) -> alt.LayerChart | alt.FacetChart:
    low, high = float(data["value"].min()), float(data["value"].max())  # type: ignore[arg-type]
    step = (math.log(high / low) if log else high - low) * 0.09 or 1.0
    top = _up(high, step * (len(pairs) + 0.6), log=log)
    scale = alt.Scale(type="log" if log else "linear", domain=[_up(low, -step * 0.5, log=log), top], nice=False)
    title = f"{label} ({unit})" if unit else label
    y = alt.Y("value:Q", title=title, scale=scale, axis=alt.Axis(format="~g", tickCount=6))
    names_js = "[" + ", ".join("[" + ", ".join(repr(part) for part in c.split("\n")) + "]" for c in classes) + "]"
    across = alt.Scale(domain=[-0.6, len(classes) - 0.4], nice=False)
    x = alt.X(
        "x:Q",
        title=None,
        scale=across,
        axis=alt.Axis(
            values=list(range(len(classes))),
            labelExpr=f"{names_js}[datum.value]",
            grid=False,
            ticks=False,
            labelPadding=6,
        ),
    )
    palette = alt.Scale(domain=classes, range=colours(classes))
    colour = alt.Color("name:N", scale=palette, legend=None)
    boxes = (
        data.group_by("name", maintain_order=True)
        .agg(
            low=pl.col("value").min(),
            q1=pl.col("value").quantile(0.25, "linear"),
            median=pl.col("value").median(),
            q3=pl.col("value").quantile(0.75, "linear"),
            high=pl.col("value").max(),
        )
        .with_columns(x=pl.col("name").replace_strict({c: float(i) for i, c in enumerate(classes)}))
        .with_columns(left=pl.col("x") - 0.38, right=pl.col("x") + 0.38)
    )
    box = alt.Chart(inline(boxes.to_dicts()))
    whisker = box.mark_rule(color=INK).encode(x=x, y=alt.Y("low:Q", title=title, scale=scale), y2="high:Q")
    body = box.mark_rect(fillOpacity=0.15, stroke=INK, strokeWidth=1).encode(
        x=alt.X("left:Q", scale=across, title=None),
        x2="right:Q",
        y=alt.Y("q1:Q", title=title, scale=scale),
        y2="q3:Q",
        color=colour,
    )
    middle = box.mark_rule(strokeWidth=2.5, color=INK).encode(
        x="left:Q", x2="right:Q", y=alt.Y("median:Q", title=title, scale=scale)
    )
    dots = (
        alt.Chart(inline(data.to_dicts()))
        .mark_point(size=26, opacity=0.85)
        .encode(
            x=x,
            y=y,
            color=colour,
            fill=alt.condition(
                "datum.limit == 'quantified'", alt.Fill("name:N", scale=palette, legend=None), alt.value("white")
            ),
            tooltip=[
                alt.Tooltip("subject_id:N", title="subject"),
                alt.Tooltip("value:Q", title=unit or "value", format=".3g"),
                alt.Tooltip("limit:N", title="value is"),
            ],
        )
    )
    layers = [whisker, body, middle, dots]
    positions = {name: float(i) for i, name in enumerate(names)}
    for rung, pair in enumerate(sorted(pairs, key=lambda p: _span(p, positions))):
        layers += _bracket(pair, positions, _up(high, step * (rung + 0.75), log=log), scale, title)
    return alt.layer(*layers).properties(width=130 * len(classes), height=360)


def _p(value: float | None) -> str:
    shown = p_value(value)
    return f"P {shown}" if shown[0] in "<>" else f"P = {shown}"


def _up(value: float, distance: float, *, log: bool) -> float:
    return value * math.exp(distance) if log else value + distance


def _span(pair: dict[str, object], positions: dict[str, float]) -> float:
    left, right = (positions.get(str(c), 0.0) for c in pair["classes"])  # type: ignore[attr-defined]
    return abs(left - right)


def _bracket(
    pair: dict[str, object], positions: dict[str, float], y: float, scale: alt.Scale, title: str
) -> list[alt.Chart]:
    left, right = sorted(positions[str(c)] for c in pair["classes"])  # type: ignore[attr-defined]
    text = _p(pair["p"])  # type: ignore[arg-type]
    if pair["p_adjusted"] is not None:
        text += f" (adjusted {_p(pair['p_adjusted']).removeprefix('P ').removeprefix('= ')})"  # type: ignore[arg-type]
    data = inline([{"x": left, "x2": right, "middle": (left + right) / 2, "y": y, "text": text}])
    height = alt.Y("y:Q", scale=scale, title=title)
    rule = alt.Chart(data).mark_rule(color=GREY).encode(x="x:Q", x2="x2:Q", y=height)
    label = (
        alt.Chart(data).mark_text(baseline="bottom", dy=-2, fontSize=11).encode(x="middle:Q", y=height, text="text:N")
    )
    return [rule, label]


COMPARISON = Figure(
    code="comparison",
    label="Biomarker by response class",
    section="associations",
    needs=(ANALYSIS, PARAMETERS, RESULTS),
    draw=_draw,
    shows="One biomarker across the classes of an endpoint, with the P values of the declared pairs",
    citation="Locke 2020, Blood Adv 4:4898, Figure 1E; whiskers to the extremes as Neelapu 2017, N Engl J Med 377:2531, Figure 3",
)
