"""Settings of survival analyses: the endpoint, how subjects are grouped, from when, and what is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from correlates.association.settings import Biomarker, SmallSampleOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """How subjects are grouped.

    Attributes
    ----------
    by
        The column of the analysis table: a parameter, or an endpoint.
    levels
        Its classes in order; those not named are left out. Empty takes all, in the order of the words. Not for numbers.
    cut
        Of a number: where it is divided, ``median`` or values; a subject at a cut is in the lower group.
    """

    by: Biomarker
    levels: tuple[str, ...] = ()
    cut: Literal["median"] | tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """A survival analysis.

    Attributes
    ----------
    name
        ``analysis_id`` of the results.
    endpoint
        A time endpoint.
    causes
        The kinds of event, in order, for cumulative incidences; empty where none are asked for.
    grouping
        How subjects are grouped; None for everybody together.
    landmark
        Day after the infusion from which time counts, for those still at risk then, grouped by what was known on it.
    naive
        Compare from the start although the groups become known later: every result carries the notice ``immortal-time``.
    days
        Days from the start (or the landmark) at which survival and incidence are told.
    interval, level
        Scale and level of the limits.
    small_samples, permutations, seed
        Up to how many subjects P is by permutation of the groups, how many orders are drawn, and from which seed.
    """

    name: str
    endpoint: str
    causes: tuple[str, ...] = ()
    grouping: Grouping | None = None
    landmark: float | None = None
    naive: bool = False
    days: tuple[float, ...] = ()
    population: str = "all"
    interval: Literal["log-log", "log", "plain"] = "log-log"
    level: float = 0.95
    prespecified: bool = False
    small_samples: SmallSampleOptions = field(default_factory=SmallSampleOptions)
    permutations: int = 10_000
    seed: int = 20200101
