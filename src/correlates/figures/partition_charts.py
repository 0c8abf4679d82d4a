"""Digital PCR of an assay report: accepted partitions, and Poisson intervals beside the instrument's."""

from __future__ import annotations

import polars as pl

from correlates.figures.curve_charts import span
from correlates.figures.record import Drawn, Figure, Tables, file_name
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import BLUE, GREY, VERMILION, chart, layer, log_axis, log_scale, rows, tip
from correlates.rounding import counted
from correlates.schema.assay_review import PARTITION_WELLS

_WIDEST = 2.0  # ratio of two limits; what lies beyond is drawn at the edge


def _draw_partitions(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    made: list[Drawn] = []
    for (assay,), mine in tables["partition_wells"].group_by("assay", maintain_order=True):
        made.append(_accepted(str(assay), mine, settings))
        printed = mine.filter((pl.col("printed_lower") > 0) & (pl.col("lower") > 0) & pl.col("upper").is_not_null())
        if printed.height:
            made.append(_intervals(str(assay), printed, settings))
    return tuple(made)


def _accepted(assay: str, wells: pl.DataFrame, settings: FigureSettings) -> Drawn:
    data = (
        wells.group_by("file_id", "plate", "well", maintain_order=True)
        .agg(pl.col("partitions").first(), pl.col("sample_id").first())
        .select("plate", "well", "sample_id", "partitions")
    )
    plates = data["plate"].unique(maintain_order=True).to_list()
    x = {
        "field": "partitions",
        "type": "quantitative",
        "title": "Accepted partitions of a well",
        "scale": {"zero": True},
    }
    y = {
        "field": "plate",
        "type": "nominal",
        "title": None,
        "sort": plates,
        "axis": {"ticks": False, "labelLimit": 180},
    }
    mark = layer(
        "drawn",
        {"type": "tick", "size": 14, "thickness": 1.2, "opacity": 0.7, "color": BLUE},
        x=x,
        y=y,
        tooltip=[
            tip("plate", "plate"),
            tip("well", "well"),
            tip("sample_id", "sample"),
            tip("partitions", "partitions", number=True),
        ],
    )
    return Drawn(
        name=file_name("partitions", assay),
        title=f"Accepted partitions: {settings.label(assay)}",
        caption=f"{counted(data.height, 'well')} of {counted(len(plates), 'plate')}, a tick each.",
        spec=chart({"width": 500, "height": max(40, 24 * len(plates)), "layer": [mark]}, {"drawn": rows(data)}),
        data=data,
        responsive=True,
    )


def _intervals(assay: str, wells: pl.DataFrame, settings: FigureSettings) -> Drawn:
    ends = {"lower": ("lower limit", "triangle-down", BLUE), "upper": ("upper limit", "triangle-up", VERMILION)}
    data = pl.concat(
        wells.select(
            "plate",
            "well",
            "analyte",
            "positives",
            end=pl.lit(word),
            ratio=(pl.col(end) / pl.col(f"printed_{end}")).round(4),
        )
        for end, (word, _, _) in ends.items()
    ).filter(pl.col("ratio").is_finite() & (pl.col("positives") > 0))
    low, high = span(data["positives"].cast(pl.Float64), 1.3)
    least, most = span(data["ratio"], 1.02)
    ends_of = (max(min(least, 0.95), 1 / _WIDEST), min(max(most, 1.05), _WIDEST))
    ticks = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.25, 1.5, 2]
    beyond = data.filter((pl.col("ratio") < ends_of[0]) | (pl.col("ratio") > ends_of[1])).height
    edge = f" {beyond} beyond a factor of {_WIDEST:g} are drawn at the edge." if beyond else ""
    domain = [word for word, _, _ in ends.values()]
    legend = {"orient": "top", "title": None, "symbolSize": 55}
    mark = layer(
        "drawn",
        {"type": "point", "size": 26, "strokeWidth": 1.1, "opacity": 0.85},
        x={
            "field": "positives",
            "type": "quantitative",
            "title": "Positive partitions of the well",
            "scale": log_scale(low, high),
            "axis": log_axis(low, high, grid=False),
        },
        y={
            "field": "ratio",
            "type": "quantitative",
            "title": "This report's limit over the instrument's",
            "scale": {**log_scale(*ends_of), "clamp": True},
            "axis": {"values": [t for t in ticks if ends_of[0] <= t <= ends_of[1]], "format": "~g"},
        },
        color={
            "field": "end",
            "type": "nominal",
            "scale": {"domain": domain, "range": [c for _, _, c in ends.values()]},
            "legend": legend,
        },
        shape={
            "field": "end",
            "type": "nominal",
            "scale": {"domain": domain, "range": [s for _, s, _ in ends.values()]},
            "legend": legend,
        },
        tooltip=[
            tip("plate", "plate"),
            tip("well", "well"),
            tip("analyte", "target"),
            tip("ratio", "ratio", number=True),
        ],
    )
    one = layer("one", {"type": "rule", "color": GREY}, y={"field": "ratio", "type": "quantitative"})
    return Drawn(
        name=file_name("intervals", assay),
        title=f"Poisson intervals against the instrument's: {settings.label(assay)}",
        caption=f"Both ends of the 95 % interval of {counted(wells.height, 'well')} for which the file prints one. 1: the same. Wells without a positive "
        f"partition, or whose printed lower limit is 0 or below, are left out.{edge}",
        spec=chart({"width": 560, "height": 260, "layer": [one, mark]}, {"drawn": rows(data), "one": [{"ratio": 1}]}),
        data=data,
        responsive=True,
    )


PARTITIONS = Figure(
    code="partitions",
    label="Partitions and their intervals",
    section="partitions",
    needs=(PARTITION_WELLS,),
    draw=_draw_partitions,
    shows="Accepted partitions of every well, and the Poisson interval over the one that the instrument printed",
    citation="dMIQE Group 2020, Clin Chem 66:1012",
)
