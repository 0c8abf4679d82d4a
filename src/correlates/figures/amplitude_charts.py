"""Amplitudes of digital PCR: histograms or strips with thresholds, and two channels against each other with counts."""

from __future__ import annotations

from typing import Any

import polars as pl

from correlates.figures.curve_charts import PANELS, chunks, grid, panel_size
from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import BLUE, VERMILION, chart, layer, only, rows, tip
from correlates.rounding import counted
from correlates.schema.assay_review import AMPLITUDE_BINS, AMPLITUDE_PAIRS, THRESHOLDS

_WELLS = 48  # of a strip chart
_SCATTERS = 12  # wells whose channels are drawn against each other
_ORIGINS = {"fitted": "fitted", "declared": "declared", "plate": "of the plate's other wells"}
_DASH = {"condition": [{"test": "datum.origin === 'plate'", "value": [4, 3]}], "value": [1, 0]}


def _place() -> pl.Expr:
    """The well in words: its sample, where it has another name than plate and position."""
    at = pl.format("{} {}", "plate", "well")
    own = pl.col("sample_id").is_not_null() & (pl.col("sample_id") != at)
    return pl.when(own).then(pl.format("{} ({})", "sample_id", at)).otherwise(at)


def _draw_amplitudes(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    made: list[Drawn] = []
    for (assay,), thresholds in tables["thresholds"].group_by("assay", maintain_order=True):
        name = str(assay)
        bins = tables["amplitude_bins"].filter(pl.col("assay") == name)
        titled = thresholds.with_columns(place=_place()).with_columns(panel=pl.format("{}, {}", "place", "channel"))
        if titled.height <= PANELS:
            made.append(_histograms(name, titled, bins, settings))
        else:
            for channel in titled["channel"].unique(maintain_order=True):
                mine = titled.filter(pl.col("channel") == channel)
                for index, wells in chunks(mine["well_id"].to_list(), _WELLS):
                    part = mine.filter(pl.col("well_id").is_in(wells))
                    made.append(_strips(name, str(channel), part, bins, index, settings))
        pairs = tables["amplitude_pairs"].filter(pl.col("assay") == name)
        if pairs.height:
            made.append(_scatters(name, titled, pairs, tables["quadrants"].filter(pl.col("assay") == name), settings))
    return tuple(made)


def _in_words(thresholds: pl.DataFrame) -> str:
    """How many wells have which threshold, and what the counts rest on."""
    none = thresholds.filter(pl.col("threshold").is_null()).height
    parts = [
        f"{counted(n, 'threshold')} {_ORIGINS[origin]}"
        for origin, n in thresholds["origin"].drop_nulls().value_counts(sort=True).iter_rows()
    ]
    if none:
        parts.append(f"none in {counted(none, 'well')} of one population")
    by = thresholds["counted_by"].drop_nulls().unique().to_list()
    used = {
        "instrument": "The counts that are used are those of the instrument's classes.",
        "threshold": "The counts that are used are those above the thresholds.",
    }
    told = used[by[0]] if len(by) == 1 else "The table says which count of a well is used."
    return f"{'; '.join(parts)}. {told}"


def _histograms(assay: str, thresholds: pl.DataFrame, bins: pl.DataFrame, settings: FigureSettings) -> Drawn:
    data = (
        bins.join(thresholds.select("well_id", "panel"), on="well_id")
        .select("panel", "plate", "well", "channel", pl.col("low", "high").round_sig_figs(6), "n")
        .sort("panel", "low")
    )
    lines = thresholds.filter(pl.col("threshold").is_not_null()).select(
        "panel", "threshold", "origin", "positives", "partitions", "instrument_positives"
    )
    names = thresholds["panel"].to_list()
    columns = 2 if thresholds["channel"].n_unique() == 2 else 3
    size = panel_size(min(columns, len(names)), height=130)
    panels = []
    for place, row in enumerate(thresholds.iter_rows(named=True)):
        mine = [only(panel=row["panel"])]
        x = {"type": "quantitative", "axis": {"grid": False, "tickCount": 4}, "scale": {"zero": False, "nice": False}}
        y: dict[str, Any] = {
            "type": "quantitative",
            "title": "Partitions" if place % columns == 0 else None,
            "scale": {"type": "log", "domainMin": 0.7, "nice": False},
            "axis": {"values": [1, 10, 100, 1000, 10000], "grid": False, "format": ",d"},
        }
        bars = {
            **layer(
                "drawn",
                {"type": "rect", "color": BLUE, "opacity": 0.75},
                x={**x, "field": "low", "title": "Amplitude" if place >= len(names) - columns else None},
                x2={"field": "high"},
                y={**y, "field": "n"},
                y2={"datum": 0.7},
                tooltip=[tip("low", "from", number=True), tip("n", "partitions", number=True)],
            ),
            "transform": mine,
        }
        line = {
            **layer(
                "lines",
                {"type": "rule", "color": VERMILION, "strokeWidth": 1.4},
                x={**x, "field": "threshold"},
                strokeDash=_DASH,
            ),
            "transform": mine,
        }
        panels.append({"title": {"text": row["panel"], "subtitle": _counts(row)}, "layer": [bars, line], **size})
    return Drawn(
        name=file_name("amplitudes", assay),
        title=f"Amplitudes of the partitions: {settings.label(assay)}",
        caption=f"Partitions by amplitude, counts on a logarithmic axis; vertical line: threshold (dashed: that of the plate's other wells). {_in_words(thresholds)}",
        spec=chart(grid(panels, columns=columns), {"drawn": rows(data), "lines": rows(lines)}),
        data=data,
        responsive=len(panels) == 1,
    )


def _counts(row: dict[str, Any]) -> str:
    """What a panel says of its counts."""
    if row["positives"] is None:
        return f"no threshold; {row['partitions']:,} partitions"
    theirs = f" (instrument: {row['instrument_positives']:,})" if row["instrument_positives"] is not None else ""
    return f"{row['positives']:,} of {row['partitions']:,}{theirs}"


def _strips(
    assay: str, channel: str, thresholds: pl.DataFrame, bins: pl.DataFrame, index: int, settings: FigureSettings
) -> Drawn:
    """Amplitudes of many wells, side by side."""
    named = thresholds
    data = (
        bins.join(named.select("well_id", "place"), on="well_id")
        .select("place", "channel", pl.col("low", "high").round_sig_figs(6), "n")
        .sort("place", "low")
    )
    lines = named.filter(pl.col("threshold").is_not_null()).select(
        "place", "threshold", "origin", "positives", "partitions"
    )
    order = named["place"].to_list()
    x = {
        "field": "place",
        "type": "nominal",
        "title": None,
        "sort": order,
        "axis": {"labelAngle": -90, "labelFontSize": 9, "labelLimit": 90, "ticks": False},
    }
    y = {"type": "quantitative", "title": f"Amplitude, {channel}", "axis": {"grid": False}}
    mark = layer(
        "drawn",
        {"type": "rect"},
        x=x,
        y={**y, "field": "low"},
        y2={"field": "high"},
        color={
            "field": "n",
            "type": "quantitative",
            "title": "Partitions",
            "scale": {"type": "log", "scheme": "blues"},
            "legend": {"orient": "right", "gradientLength": 90, "format": ",d"},
        },
        tooltip=[tip("place", "well"), tip("low", "from", number=True), tip("n", "partitions", number=True)],
    )
    line = layer(
        "lines",
        {
            "type": "tick",
            "color": VERMILION,
            "thickness": 1.6,
            "orient": "horizontal",
            "size": max(7, 400 // len(order)),
        },
        x=x,
        y={**y, "field": "threshold"},
        tooltip=[tip("place", "well"), tip("positives", "positive", number=True), tip("partitions", "of", number=True)],
    )
    suffix = (str(index),) if index else ()
    return Drawn(
        name=file_name("amplitudes", assay, channel, *suffix),
        title=f"Amplitudes of the partitions, {channel}: {settings.label(assay)}" + (f" ({index})" if index else ""),
        caption=f"{counted(len(order), 'well')}, the darker the more partitions; line: threshold of the well. {_in_words(thresholds)}",
        spec=chart(
            {"width": max(160, min(560, 26 * len(order))), "height": 240, "layer": [mark, line]},
            {"drawn": rows(data), "lines": rows(lines)},
        ),
        data=data,
    )


def _scatters(
    assay: str, thresholds: pl.DataFrame, pairs: pl.DataFrame, quadrants: pl.DataFrame, settings: FigureSettings
) -> Drawn:
    """The first two channels of each well against each other."""
    key = ("file_id", "plate", "well")
    wells = (
        thresholds.select(*key, panel="place")
        .unique(subset=key, maintain_order=True)
        .join(pairs.select(key).unique(), on=key, maintain_order="left")
    )
    four = {row[:3]: row[3:] for row in quadrants.select(*key, "both", "x_alone", "y_alone", "neither").iter_rows()}
    drawn = wells.head(_SCATTERS)
    data = pairs.join(drawn, on=key).select("panel", "channel_x", "channel_y", pl.col("x", "y").round_sig_figs(6), "n")
    at = (
        thresholds.drop("panel")
        .join(drawn, on=key)
        .select("panel", "channel", "threshold", "origin", "positives", "partitions")
    )
    names = drawn["panel"].to_list()
    size = panel_size(len(names), height=180)
    panels = []
    for place, name in enumerate(names):
        first = data.filter(pl.col("panel") == name).row(0, named=True)
        mine = [only(panel=name)]
        x = {
            "type": "quantitative",
            "title": f"Amplitude, {first['channel_x']}",
            "axis": {"grid": False, "tickCount": 4},
        }
        y = {
            "type": "quantitative",
            "title": f"Amplitude, {first['channel_y']}" if place % 3 == 0 else None,
            "axis": {"grid": False, "tickCount": 4},
        }
        points = {
            **layer(
                "drawn",
                {"type": "square", "size": 7, "opacity": 1},
                x={**x, "field": "x", "scale": {"zero": False}},
                y={**y, "field": "y", "scale": {"zero": False}},
                color={
                    "field": "n",
                    "type": "quantitative",
                    "title": "Partitions",
                    "scale": {"type": "log", "range": ["#b9d6ea", "#08306b"]},
                    "legend": {"orient": "bottom", "direction": "horizontal", "gradientLength": 120, "format": ",d"},
                },
                tooltip=[
                    tip("x", first["channel_x"], number=True),
                    tip("y", first["channel_y"], number=True),
                    tip("n", "partitions", number=True),
                ],
            ),
            "transform": mine,
        }
        rules = [
            {
                **layer(
                    "lines",
                    {"type": "rule", "color": VERMILION, "strokeWidth": 1.2},
                    strokeDash=_DASH,
                    **{side: {**spec, "field": "threshold"}},
                ),
                "transform": [*mine, only(channel=first[f"channel_{side}"])],
            }
            for side, spec in (("x", x), ("y", y))
        ]
        counts = four.get(drawn.select(key).row(place))
        told = (
            "thresholds: not both"
            if counts is None
            else "++ {:,}  +\u2212 {:,}  \u2212+ {:,}  \u2212\u2212 {:,}".format(*counts)
        )
        panels.append({"title": {"text": name, "subtitle": told}, "layer": [points, *rules], **size})
    left = wells.height - len(names)
    return Drawn(
        name=file_name("amplitude_pairs", assay),
        title=f"Two channels of each well: {settings.label(assay)}",
        caption="Partitions by their amplitudes in both channels, the darker the more; lines: thresholds. Counts: above both, the first "
        "alone, the second alone, neither." + (f" {counted(left, 'further well')} not drawn." if left else ""),
        spec=chart(
            {**grid(panels), "resolve": {"scale": {"color": "shared"}}}, {"drawn": rows(data), "lines": rows(at)}
        ),
        data=data,
    )


AMPLITUDES = Figure(
    code="amplitudes",
    label="Amplitudes and thresholds",
    section="partitions",
    needs=(THRESHOLDS, AMPLITUDE_BINS, AMPLITUDE_PAIRS),
    draw=_draw_amplitudes,
    shows="Partitions by amplitude with the threshold of each channel and its counts, and two channels against each other",
    citation="dMIQE Group 2020, Clin Chem 66:1012",
)
