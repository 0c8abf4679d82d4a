"""Settings of the figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """What the expansion figures show."""

    assay: str
    """The assay of the cells."""
    by: str | None = None
    """Class endpoint by which the median and quartiles are drawn."""
    last_day: float = 365.0
    """Last day of the axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """What the forest of associations shows."""

    endpoints: tuple[str, ...]
    """Endpoints, side by side."""
    method: Literal["firth", "logistic_ml"] = "firth"
    """Method whose odds ratios are shown."""
    exploratory: int = 20
    """Exploratory biomarkers shown: those with the smallest P value for any of the endpoints; all are in the table."""
    population: str = "all"
    """The population."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureSettings:
    """All that the figures need to know beside the tables."""

    expansion: Expansion | None = None
    """Expansion curves; none without."""
    forest: Forest | None = None
    """Forest of associations; none without."""
    comparisons: tuple[str, ...] = ()
    """Analyses that compare a biomarker across classes and are drawn as group figures."""
    confirmations: tuple[tuple[str, str], ...] = ()
    """Pairs of assays of which the second confirms the first."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Label of a biomarker, endpoint or assay, and of a class as ``class:NAME``; without one a name is shown as it is."""
    order: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Classes of a class endpoint in the order in which they are drawn."""

    def label(self, name: str) -> str:
        """The label of a name."""
        return self.labels.get(name, name)

    def class_label(self, name: str) -> str:
        """The label of a class."""
        return self.labels.get(f"class:{name}", name)
