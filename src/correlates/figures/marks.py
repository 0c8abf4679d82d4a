"""A value and what is known of it: filled where it was quantified, an open triangle at the limit where it was not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from correlates.figures.theme import INK, layer
from correlates.terms import Censoring

QUANTIFIED = "quantified"
_BEYOND = {"below LLOQ": "triangle-down", "above ULOQ": "triangle-up"}


def state() -> pl.Expr:
    """What is known of a value, in words."""
    below, above = _BEYOND
    return (
        pl.when(pl.col("censoring") == Censoring.LEFT.value)
        .then(pl.lit(below))
        .when(pl.col("censoring") == Censoring.RIGHT.value)
        .then(pl.lit(above))
        .otherwise(pl.lit(QUANTIFIED))
    )


def values(
    data: str | None, states: pl.Series, *, size: int, opacity: object, params: object = None, **encoding: Any
) -> list[dict[str, Any]]:
    """Marks of values by their ``state``; a legend names the open ones, where there are any."""
    there = [word for word in _BEYOND if word in states]
    quantified = layer(data, {"type": "point", "size": size, "filled": True}, **encoding, opacity=opacity)
    quantified["transform"] = [{"filter": f"datum.state == '{QUANTIFIED}'"}]
    if params is not None:
        quantified["params"] = params
    shape: Mapping[str, Any] = {
        "field": "state",
        "type": "nominal",
        "scale": {"domain": there, "range": [_BEYOND[word] for word in there]},
        "legend": {"orient": "top", "title": None, "symbolStrokeColor": INK, "symbolSize": 45, "symbolOpacity": 1},
    }
    beyond = layer(data, {"type": "point", "size": size, "strokeWidth": 1}, **encoding, opacity=opacity, shape=shape)
    beyond["transform"] = [{"filter": f"datum.state != '{QUANTIFIED}'"}]
    return [quantified, beyond] if there else [quantified]
