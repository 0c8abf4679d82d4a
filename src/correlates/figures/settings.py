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
class Profiles:
    """What the panels of individual subjects show."""

    assay: str
    """The assay."""
    peak: str | None = None
    """Code of the parameter (take: cmax or peak) whose sample is ringed."""
    curve: str | None = None
    """Population model whose fitted curve is drawn, where the run has one."""
    last_day: float = 365.0
    """Last day of the axis."""
    per_page: int = 30
    """Subjects on one chart."""


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
class ResponseCharts:
    """What the waterfall, the spider and the swimmer plot show."""

    best: str
    """The endpoint of best response: colours the waterfall, and its course is what the swimmer plot draws."""
    by: str | None = None
    """Class endpoint that colours the lines of the spider plot; null takes the best response."""
    evaluator: str | None = None
    """Whose measurements of lesions are drawn; null takes the only evaluator, or the one with the most evaluations."""
    last_day: float | None = None
    """Last day of the axis; null draws all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What the flow of subjects shows: from all subjects to those that an analysis sees, with why the others are not in it."""

    endpoints: tuple[str, ...]
    """Endpoints, each a branch: evaluable subjects, and those without an outcome by reason."""
    populations: tuple[str, ...] = ()
    """Populations within each branch: the subjects of the endpoint that are in them too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Toxicity:
    """What the timeline of toxicities shows."""

    endpoints: tuple[str, ...]
    """Grade endpoints, side by side."""
    treatments: tuple[str, ...] = ()
    """Endpoints of treatments given, marked on the day of the first."""
    last_day: int = 30
    """Last day of the axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panels:
    """Which biomarkers (rows) and endpoints (columns) a figure shows; an analysis of the plan has to hold them against each other."""

    biomarkers: tuple[str, ...]
    """Codes of the biomarkers."""
    endpoints: tuple[str, ...]
    """Endpoints, side by side."""
    population: str = "all"
    """The population."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureSettings:
    """All that the figures need to know beside the tables."""

    expansion: Expansion | None = None
    """Expansion curves; none without."""
    profiles: Profiles | None = None
    """Panels of individual subjects; none without."""
    forest: Forest | None = None
    """Forest of associations; none without."""
    response: ResponseCharts | None = None
    """Waterfall, spider and swimmer plot; none without."""
    flow: Flow | None = None
    """Flow of subjects; none without."""
    toxicity: Toxicity | None = None
    """Timeline of toxicities; none without."""
    survivals: tuple[str, ...] = ()
    """Survival analyses that are drawn."""
    curves: Panels | None = None
    """Response curves (of method response_curve); none without."""
    rates: Panels | None = None
    """Rates by quartile (of method quartile_rates); none without."""
    by_biomarker: Panels | None = None
    """Kaplan-Meier curves (of methods log_rank and cutpoint); none without."""
    comparisons: tuple[str, ...] = ()
    """Analyses that compare a biomarker across classes and are drawn as group figures."""
    forests: tuple[str, ...] = ()
    """Analyses of trees and forests that are drawn."""
    maps: Mapping[str, int] = field(default_factory=dict)
    """Analyses of efficacy against toxicity that are drawn, and how many exploratory biomarkers are named in the map of each."""
    subgroups: tuple[str, ...] = ()
    """Analyses of subgroups that are drawn."""
    confirmations: tuple[tuple[str, str], ...] = ()
    """Pairs of assays of which the second confirms the first."""
    sensitivities: tuple[str, ...] = ()
    """Sensitivity analyses that are drawn."""
    persistence: tuple[str, ...] = ()
    """Analyses of persistence that are drawn."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Label of a biomarker, endpoint or assay, and of a class as ``class:NAME``; without one a name is shown as it is."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Sentence of a reason."""
    order: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Classes of a class endpoint in the order in which they are drawn."""

    def label(self, name: str) -> str:
        """The label of a name."""
        return self.labels.get(name, name)

    def class_label(self, name: str) -> str:
        """The label of a class."""
        return self.labels.get(f"class:{name}", name)
