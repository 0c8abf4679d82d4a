"""Analyses of exposure that a plan can ask for: its sensitivity to rules, and persistence."""

from __future__ import annotations

from typing import Annotated, Literal

from correlates.parameters.settings import AtEnd, AtStart, AucRule, Blq, Clock
from correlates.plan.strict import Refers, Strict


class Sensitivity(Strict):
    """Exposure parameters under other rules, how far each subject's value moves, and the association with it."""

    do: Literal["sensitivity"]
    parameters: Annotated[tuple[str, ...], Refers("biomarker")]
    """Parameters with take: auc or auc_inf, or ratios of them."""
    rules: tuple[AucRule, ...] = ("linear", "linear_up_log_down", "linear_log", "log")
    """Trapezoid rules, each combined with each way of counting values below the limit; the declared one is always there."""
    blq: tuple[Blq, ...] = (
        Blq(before="zero", between="zero", after="zero"),
        Blq(before="half", between="half", after="half"),
        Blq(before="limit", between="limit", after="limit"),
        Blq(before="zero", between="drop", after="zero"),
        Blq(before="zero", between="drop", after="drop"),
    )
    """What values below the limit count as before the first, between, and after the last quantifiable value."""
    at_start: tuple[AtStart, ...] = ()
    """Ways of starting the area; empty keeps the declared one."""
    at_end: tuple[AtEnd, ...] = ()
    """Ways of ending the area; empty keeps the declared one."""
    endpoints: Annotated[tuple[str, ...], Refers("endpoint")] = ()
    """Endpoints with two classes whose P value is shown under every variant."""
    method: Literal["wilcoxon", "firth"] = "wilcoxon"
    """Method of the association."""
    population: Annotated[str, Refers("population")] = "all"
    """The population of the association."""
    figure: bool = True
    """Whether the report shows it as a figure."""


class Persistence(Strict):
    """The share of subjects in whom cells are detectable over time, in all and by class."""

    do: Literal["persistence"]
    of: Annotated[str, Refers("assay")]
    """The assay."""
    analyte: str | None = None
    """The analyte; may be left out where the assay has one."""
    by: Annotated[str | None, Refers("endpoint")] = None
    """Class endpoint by which subjects are shown beside all of them."""
    window: tuple[float, float] = (0.0, 730.0)
    """First and last day; samples after day 0 count."""
    at: tuple[float, ...] = (30.0, 91.0, 183.0, 365.0)
    """Days at which the share is stated."""
    days: Clock = "actual"
    """Days of the samples: actual ones since the infusion, or the planned ones of the visits."""
    draws: int = 500
    """Draws of the bootstrap behind the intervals of confidence; 0 for none."""
