"""The analyses a plan can ask for: one class per word after ``do:``. Names they hold are followed by their annotations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from correlates.plan.strict import Refers, Strict

Adjustment = Literal["holm", "hochberg", "bh", "by", "bonferroni", "none"]


class Families(Strict):
    """What counts as one family of tests, and how P values are adjusted within it."""

    by: tuple[Literal["analysis", "group", "biomarker", "endpoint", "population", "method"], ...] = (
        "analysis",
        "group",
        "endpoint",
        "method",
    )
    """Tests that agree in all of these form a family."""
    adjust: Adjustment = "bh"
    """Holm, Hochberg, Benjamini-Hochberg, Benjamini-Yekutieli, Bonferroni, or none."""


class Compare(Strict):
    """One biomarker across the classes of an endpoint, with declared pairs."""

    do: Literal["compare"]
    biomarker: Annotated[str, Refers("biomarker")]
    """Code of the parameter."""
    across: Annotated[str, Refers("endpoint")]
    """The class endpoint."""
    classes: tuple[str, ...] | None = None
    """Classes to compare, in order; null takes all."""
    pairs: tuple[tuple[str, str], ...] = ()
    """Pairs of classes compared by Wilcoxon rank-sum."""
    adjust: Adjustment = "holm"
    """Adjustment among the declared pairs."""
    population: Annotated[str, Refers("population")] = "all"
    """The population."""
    figure: bool = True
    """Whether the report shows it as a figure."""


class Univariable(Strict):
    """Every biomarker against every endpoint by every method."""

    do: Literal["univariable"]
    biomarkers: Annotated[Literal["all"] | tuple[str, ...], Refers("group")] = "all"
    """Groups or codes; all takes every declared biomarker."""
    endpoints: Annotated[tuple[str, ...], Refers("endpoint")]
    """Endpoints with two classes (or with several, for Kruskal-Wallis)."""
    methods: tuple[Literal["wilcoxon", "kruskal_wallis", "firth", "logistic_ml", "fisher"], ...] = ("wilcoxon", "firth")
    """Methods; one that does not apply to a biomarker (Wilcoxon on a category, say) gives way to the one that does."""
    populations: Annotated[tuple[str, ...], Refers("population")] = ("all",)
    """Populations, each analysed on its own."""
    families: Families = Families()
    """Families of tests for multiplicity."""
    unit_of: Annotated[str | None, Refers("parameter")] = None
    """Parameter that names the subject of a row, where rows are not subjects: repeated subjects get a notice."""


class Agreement(Strict):
    """Two assays of the same samples against each other."""

    do: Literal["agreement"]
    assays: Annotated[tuple[str, str], Refers("assay")]
    """The assay on the x axis (the one in use), and the one on the y axis that confirms it."""
    decision_points: tuple[float, ...] = ()
    """Values of the first assay at which the bias is stated."""
    error_ratio: float = 1.0
    """Variance of the error of the first assay over that of the second, for Deming lines."""


AnalysisPlan = Annotated[Compare | Univariable | Agreement, Field(discriminator="do")]
