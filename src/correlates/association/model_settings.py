"""Settings of the multivariable models: what a declared model and a selected one are made of, and how they are validated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from correlates.association.model_transforms import Transform


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """How a model is validated, everything done to the outcome done again in each resample."""

    bootstrap: int = 500
    """Resamples of the optimism bootstrap; 0 for none."""
    folds: int = 10
    """Folds of cross-validation; as many as there are subjects (or more) leaves one out; 0 for none."""
    repeats: int = 5
    """Repeats of cross-validation."""
    permutations: int = 0
    """Permuted outcomes for the test that the whole procedure beats chance; 0 for none."""
    learning: int = 0
    """Models made from random subjects at each size of the learning curve; 0 for none."""
    horizon: float | None = None
    """Of a time to event: days by which the risk is predicted, and judged."""


MissingCovariates = Literal["complete", "median", "imputed"]
"""What is done with a subject that lacks a covariate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imputation:
    """Data sets imputed for the estimates and in each resample, rounds over the variables, subjects a value is drawn from."""

    imputations: int = 20
    in_resamples: int = 3
    iterations: int = 5
    donors: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Multivariable:
    """A model whose covariates are declared.

    Attributes
    ----------
    name
        ``analysis_id``.
    population
        The population.
    transforms
        By covariate: how it enters, where not on the scale of its parameter.
    splines
        Number of knots by covariate: it enters as a restricted cubic spline.
    interactions
        Pairs of covariates whose product enters too.
    adds
        Covariates that are tested together against the model of the others.
    missing
        ``complete``: subjects with every covariate; ``median``: gaps are filled (median, or most frequent class) in each resample;
        ``imputed``: they are imputed several times by chained equations, in each resample anew.
    imputation
        How, where they are.
    courses
        By covariate that is a peak or an area: the time course it is of. Two of one course in a model set a notice.
    censored
        ``exclude``: subjects with a covariate beyond a limit of quantification are left out; ``limit``: the limit takes its place.
    high_correlation, high_inflation
        |Spearman's rho| of two covariates, and variance inflation, from which a notice is set.
    least_events_per_variable
        Events (of the rarer outcome) per column of the model below which a notice is set.
    level
        Confidence level.
    """

    name: str
    population: str = "all"
    transforms: Mapping[str, Transform] = field(default_factory=dict)
    splines: Mapping[str, int] = field(default_factory=dict)
    interactions: tuple[tuple[str, str], ...] = ()
    adds: tuple[str, ...] = ()
    missing: MissingCovariates = "complete"
    imputation: Imputation = field(default_factory=Imputation)
    courses: Mapping[str, str] = field(default_factory=dict)
    censored: Literal["exclude", "limit"] = "exclude"
    high_correlation: float = 0.8
    high_inflation: float = 5.0
    least_events_per_variable: float = 10.0
    level: float = 0.95
    prespecified: bool = False
    seed: int = 20200101
    validation: Validation = field(default_factory=Validation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A model whose covariates are selected from candidates.

    Attributes
    ----------
    name, population
        As for a declared model.
    method
        ``elastic_net``, ``group_lasso``, ``adaptive_lasso``, ``stepwise`` or ``stability``.
    transforms, courses
        As for a declared model.
    collinear
        |Spearman's rho| from which candidates form a cluster of which one takes part; None lets all take part.
    representative
        What is preferred within a cluster, in this order: ``prespecified`` candidates, those with the fewest missing values
        (``complete``), the one most correlated with the rest (``central``); then the first of the plan.
    least_present
        Share of subjects with a value that a candidate needs.
    missing
        As for a declared model; by default gaps are filled in each resample. Imputed: a candidate is in the model that at least half of the data sets
        select, with the mean of its coefficients.
    mixing
        Elastic net: 1 is the lasso.
    rule
        Penalty with the best cross-validated likelihood (min), or the largest within one standard error of it (1se).
    criterion, direction, most
        Stepwise: AIC or BIC; forward, backward or both; columns a forward search stops at.
    grouped
        Stability selection: of whole biomarker groups by the group lasso; picked and the bound are then of groups.
    picked, threshold, pairs, assumption
        Stability selection: candidates let in per half-sample (by default the most at which at most one false selection is
        expected), share of half-samples from which a candidate is selected, pairs of halves, bound.
    """

    name: str
    population: str = "all"
    method: Literal["elastic_net", "group_lasso", "adaptive_lasso", "stepwise", "stability"] = "elastic_net"
    transforms: Mapping[str, Transform] = field(default_factory=dict)
    courses: Mapping[str, str] = field(default_factory=dict)
    collinear: float | None = 0.9
    representative: tuple[Literal["prespecified", "complete", "central"], ...] = ("prespecified", "complete", "central")
    least_present: float = 0.7
    missing: MissingCovariates = "median"
    imputation: Imputation = field(default_factory=Imputation)
    mixing: float = 0.9
    rule: Literal["min", "1se"] = "min"
    inner_folds: int = 10
    criterion: Literal["aic", "bic"] = "aic"
    direction: Literal["forward", "backward", "both"] = "forward"
    most: int = 5
    grouped: bool = False
    picked: int | None = None
    threshold: float = 0.75
    pairs: int = 50
    assumption: Literal["none", "unimodal", "r_concave"] = "unimodal"
    level: float = 0.95
    prespecified: bool = False
    seed: int = 20200101
    validation: Validation = field(default_factory=lambda: Validation(bootstrap=100))
