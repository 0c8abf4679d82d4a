"""What a figure is: one record per kind, and what it gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from correlates.figures.settings import FigureSettings
from correlates.provenance import short_id
from correlates.schema import Table

Tables = Mapping[str, pl.DataFrame]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A chart: its specification (Vega-Lite) with the drawn data inside, and the same data as a table.

    Attributes
    ----------
    name
        File name without ending.
    title, caption
        Title, and the legend under it: what is drawn, n, units, tests.
    spec
        Vega-Lite specification with fixed size; its dataset ``drawn`` holds the rows of ``data``.
    data
        What is drawn, one row per mark.
    responsive
        Whether the chart may take the width of the page.
    """

    name: str
    title: str
    caption: str
    spec: dict[str, Any]
    data: pl.DataFrame
    responsive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A kind of figure. ``draw`` gives no chart when its settings or data do not ask for one."""

    code: str
    label: str
    section: str
    needs: tuple[Table, ...]
    draw: Callable[[Tables, FigureSettings], tuple[Drawn, ...]]
    shows: str
    citation: str


def file_name(*parts: str) -> str:
    """A file name of words from a plan or a file; where letters had to go, an id keeps it apart from all others."""
    whole = "_".join(parts)
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", whole).strip("_")
    return plain if plain == whole else f"{plain}_{short_id(whole)[:6]}"
