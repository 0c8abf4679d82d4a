"""Settings of a population cellular-kinetics model: what is fitted, how, with which priors, and when it may be reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ParameterName = Literal["cmax", "tmax", "foldx", "alpha", "fb", "beta"]
Quantity = Literal[
    "cmax",
    "tmax",
    "foldx",
    "alpha",
    "fb",
    "beta",
    "auc",
    "level",
    "days_above_lloq",
    "doubling_time",
    "contraction_half_life",
    "terminal_half_life",
]

NAMES: tuple[ParameterName, ...] = ("cmax", "tmax", "foldx", "alpha", "fb", "beta")
"""The parameters of the curve, in the order of every array of this stage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Priors:
    """Weakly informative priors. A typical value is log-normal about its median; a median of null is taken from the data."""

    cmax: tuple[float | None, float] = (None, 2.0)
    """Peak: median (null: the median over subjects of the highest sample) and standard deviation of its logarithm."""
    tmax: tuple[float | None, float] = (10.0, 0.5)
    """Day of the peak: median and standard deviation of its logarithm."""
    foldx: tuple[float | None, float] = (500.0, 2.0)
    """Fold expansion from infusion to peak: median and standard deviation of its logarithm."""
    alpha: tuple[float | None, float] = (0.15, 1.0)
    """Rate of contraction (1/day): median and standard deviation of its logarithm."""
    fb: tuple[float | None, float] = (0.02, 1.5)
    """Share of the peak that persists: median and standard deviation of its logarithm."""
    beta: tuple[float | None, float] = (0.01, 1.5)
    """Rate of loss of persisting cells (1/day): median and standard deviation of its logarithm."""
    omega: float = 1.0
    """Scale of the half-normal prior of the standard deviation between subjects (log scale)."""
    correlation: float = 2.0
    """Shape of the LKJ prior of the correlations between subjects: 1 is uniform, above 1 favours none."""
    sigma: float = 1.0
    """Scale of the half-normal prior of the residual standard deviation (log scale)."""
    effect: float = 1.0
    """Standard deviation of the normal prior of a covariate effect (log scale, per unit of its scale)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Covariate:
    """The effect of a baseline covariate on one parameter of the curve."""

    on: ParameterName
    """The parameter it acts on."""
    of: str
    """Code of a parameter of the plan that is known by the infusion."""
    scale: Literal["log2", "sd", "unit"] = "log2"
    """What the effect is per: a doubling, a standard deviation or a unit; a category is compared with its most frequent one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Convergence:
    """What must hold before individual and population numbers are reported."""

    rhat: float = 1.01
    """Largest rank-normalised split R-hat of the population parameters and of every subject's parameters."""
    ess: float = 400.0
    """Smallest bulk and tail effective sample size of the population parameters."""
    divergences: float = 0.005
    """Largest share of divergent transitions."""
    step: float = 0.25
    """Fast mode: largest last step to the maximum when the importance samples are drawn anew, in standard errors."""
    importance: float = 0.02
    """Fast mode: smallest share of effective importance samples that a subject may have."""
    pareto: float = 0.7
    """Fast mode: largest Pareto shape of the tail of the population's importance weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationModel:
    """A population model of expansion, contraction and persistence of the cells one assay measures."""

    assay: str
    """The assay."""
    analyte: str | None = None
    """The analyte; may be left out where the assay has one."""
    model: Literal["stein_2019"] = "stein_2019"
    """The curve: exponential expansion to the peak, then biexponential decline."""
    method: Literal["nuts", "laplace"] = "laplace"
    """Markov chain Monte Carlo (No-U-Turn sampler), or the fast mode: Laplace's approximation, importance-sampled."""
    window: tuple[float, float | None] = (0.0, None)
    """Samples after the first day (exclusive: blood of day 0 may be drawn before the infusion) up to the last (null: all)."""
    covariance: Literal["full", "diagonal"] = "full"
    """Whether the parameters of the curve may correlate between subjects."""
    covariates: tuple[Covariate, ...] = ()
    """Covariates."""
    priors: Priors = Priors()
    """Priors."""
    chains: int = 4
    """Markov chains (nuts)."""
    warmup: int = 150
    """Iterations of each chain that find the step of the sampler and are thrown away (nuts)."""
    draws: int = 1000
    """Draws kept of each chain (nuts), or in all (laplace)."""
    seed: int | None = None
    """Seed; null takes that of the study."""
    least_subjects: int = 10
    """Fewest subjects with enough samples for the model to be fitted."""
    least_samples: int = 2
    """Fewest samples of a subject for the subject to take part."""
    least_quantifiable: int = 1
    """Fewest quantifiable samples of a subject for the subject to take part; 0 keeps those who never expanded."""
    auc_to: tuple[float, ...] = (28.0,)
    """Ends of the areas from day 0 (day)."""
    level_on: tuple[float, ...] = (180.0,)
    """Days on which the level of each subject is given."""
    interval: float = 0.9
    """Level of the posterior intervals."""
    convergence: Convergence = Convergence()
    """What must hold before numbers are reported."""
    label: str | None = None
