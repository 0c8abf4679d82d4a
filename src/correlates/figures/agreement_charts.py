"""Agreement of two assays on the log scale: scatter with fitted lines, and ratios against the level."""

from __future__ import annotations

import polars as pl

from correlates.figures.curve_charts import span
from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import (
    BLUE,
    GREEN,
    GREY,
    INK,
    VERMILION,
    chart,
    layer,
    log_axis,
    log_scale,
    rows,
    tip,
    with_unit,
)
from correlates.rounding import number, unit_text
from correlates.schema import AGREEMENT, MEASUREMENTS
from correlates.terms import Censoring, Status

_DIGITS = 5
_RATIOS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)


def _draw_agreement(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    found = tables["agreement"]
    pairs = found.select("first", "second", "analyte", "unit").unique(maintain_order=True)
    made = [
        _agreement(tables["measurements"], found, (first, second), (analyte, unit), settings)
        for first, second, analyte, unit in pairs.iter_rows()
    ]
    return tuple(drawn for drawn in made if drawn is not None)


def _agreement(
    measurements: pl.DataFrame,
    found: pl.DataFrame,
    assays: tuple[str, str],
    of_what: tuple[str, str],
    settings: FigureSettings,
) -> Drawn | None:
    (first, second), (analyte, unit) = assays, of_what
    usable = (
        (pl.col("status") == Status.REPORTED.value)
        & (pl.col("censoring") == Censoring.NONE.value)
        & (pl.col("value") > 0)
        & (pl.col("analyte") == analyte)
        & (pl.col("unit") == unit)
    )
    x_, y_ = (
        measurements.filter(usable & (pl.col("assay") == a)).select("sample_id", "value") for a in (first, second)
    )
    data = x_.join(y_, on="sample_id", suffix="_y").select(
        "sample_id",
        x=pl.col("value").round_sig_figs(_DIGITS),
        y=pl.col("value_y").round_sig_figs(_DIGITS),
        ratio=(pl.col("value_y") / pl.col("value")).round_sig_figs(_DIGITS),
        mean=(pl.col("value") * pl.col("value_y")).sqrt().round_sig_figs(_DIGITS),
    )
    if data.height < 3:
        return None
    of = found.filter((pl.col("first") == first) & (pl.col("second") == second) & (pl.col("analyte") == analyte))
    stats = {(m, s): v for m, s, v in of.select("method", "stat_name", "value").iter_rows()}
    low, high = span(pl.concat([data["x"], data["y"]]))
    names = (settings.label(first), settings.label(second))
    fits = {
        "passing_bablok": ("Passing-Bablok", VERMILION, [1, 0]),
        "weighted_deming": ("weighted Deming", GREEN, [6, 3]),
    }
    lines = [
        {"line": word, "a": stats[m, "intercept"], "b": stats[m, "slope"], "from": low, "to": high}
        for m, (word, _, _) in fits.items()
        if stats.get((m, "slope")) is not None
    ]
    both = {
        "scale": log_scale(low, high),
        "axis": {**log_axis(low, high), "labelOverlap": True},
        "type": "quantitative",
    }
    x, y = (
        {**both, "field": "x", "title": with_unit(names[0], unit_text(unit))},
        {**both, "field": "y", "title": with_unit(names[1], unit_text(unit))},
    )
    point = {"type": "point", "size": 22, "strokeWidth": 1, "color": BLUE, "opacity": 0.75}
    says = [
        tip("sample_id", "sample"),
        tip("x", names[0], number=True),
        tip("y", names[1], number=True),
        tip("ratio", "ratio", number=True),
    ]
    drawn = [line["line"] for line in lines]
    scatter = {
        "width": 270,
        "height": 270,
        "layer": [
            layer("identity", {"type": "line", "color": GREY, "strokeDash": [3, 3]}, x=x, y=y),
            layer("drawn", point, x=x, y=y, tooltip=says),
            {
                **layer(
                    "lines",
                    {"type": "line", "strokeWidth": 1.6, "clip": True},
                    x=x,
                    y=y,
                    color={
                        "field": "line",
                        "type": "nominal",
                        "scale": {"domain": drawn, "range": [c for w, c, _ in fits.values() if w in drawn]},
                        "legend": {"orient": "top", "title": None},
                    },
                    strokeDash={
                        "field": "line",
                        "type": "nominal",
                        "scale": {"domain": drawn, "range": [d for w, _, d in fits.values() if w in drawn]},
                        "legend": None,
                    },
                ),
                "transform": [
                    {"calculate": "sequence(0, 1.001, 0.02)", "as": "step"},
                    {"flatten": ["step"]},
                    {"calculate": "datum.from * pow(datum.to / datum.from, datum.step)", "as": "x"},
                    {"calculate": "datum.a + datum.b * datum.x", "as": "y"},
                    {"filter": f"datum.y > {low!r} && datum.y < {high!r}"},
                ],
            },
        ],
    }
    ends = [
        {"limit": stats[key], "kind": kind}
        for key, kind in (
            (("bland_altman_ratio", "lower_limit"), "limit"),
            (("bland_altman_ratio", "bias"), "bias"),
            (("bland_altman_ratio", "upper_limit"), "limit"),
        )
        if stats.get(key) is not None
    ]
    reach = pl.concat([data["ratio"], pl.Series([e["limit"] for e in ends], dtype=pl.Float64), pl.Series([1.0])])
    lowest, highest = span(reach, 1.15)
    mean = span(data["mean"])
    ratio = {
        "field": "ratio",
        "type": "quantitative",
        "title": f"{names[1]} / {names[0]}",
        "scale": log_scale(lowest, highest),
        "axis": {"values": [v for v in _RATIOS if lowest <= v <= highest], "format": "~g", "grid": False},
    }
    level = {
        "field": "mean",
        "type": "quantitative",
        "title": with_unit("Geometric mean", unit_text(unit)),
        "scale": log_scale(*mean),
        "axis": {**log_axis(*mean, grid=False), "labelOverlap": True},
    }
    bland = {
        "width": 270,
        "height": 270,
        "layer": [
            layer("one", {"type": "rule", "color": GREY, "strokeDash": [3, 3]}, y=ratio),
            layer(
                "limits",
                {"type": "rule", "strokeWidth": 1.4},
                y={**ratio, "field": "limit"},
                color={"condition": {"test": "datum.kind === 'bias'", "value": VERMILION}, "value": INK},
                strokeDash={"condition": {"test": "datum.kind === 'bias'", "value": [1, 0]}, "value": [5, 3]},
            ),
            layer("drawn", point, x=level, y=ratio, tooltip=says),
        ],
    }
    bias = stats.get(("bland_altman_ratio", "bias"))
    span_text = " to ".join(number(stats.get(("bland_altman_ratio", w))) for w in ("lower_limit", "upper_limit"))
    return Drawn(
        name=file_name("bland_altman", first, second, analyte),
        title=f"{names[1]} against {names[0]}: {analyte}",
        caption=f"{data.height} samples quantified by both. Left: lines of the table, identity dashed. Right: ratios against the geometric mean; "
        f"bias {number(bias)} (solid), limits of agreement {span_text} (dashed). Censored pairs are counted in the table.",
        spec=chart(
            {"hconcat": [scatter, bland], "spacing": 40},
            {
                "drawn": rows(data),
                "lines": lines,
                "limits": ends,
                "one": [{"ratio": 1}],
                "identity": [{"x": low, "y": low}, {"x": high, "y": high}],
            },
        ),
        data=data,
    )


BLAND_ALTMAN = Figure(
    code="bland_altman",
    label="Agreement of two assays on the log scale",
    section="agreement",
    needs=(MEASUREMENTS, AGREEMENT),
    draw=_draw_agreement,
    shows="Scatter with Passing-Bablok and weighted Deming line, and ratios against the geometric mean with limits of agreement",
    citation="Bland and Altman 1986, Lancet 1:307; Passing and Bablok 1983, J Clin Chem Clin Biochem 21:709",
)
