"""Settings of the parameters: what is taken, of what, in which window and by which rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from correlates.terms import Timing

AucRule = Literal["linear", "linear_up_log_down", "linear_log", "log"]
BlqRule = Literal["zero", "half", "limit", "drop"]
AtStart = Literal["predose", "zero", "interpolate", "first_sample", "null"]
AtEnd = Literal["interpolate", "stop_at_last", "null"]
Clock = Literal["actual", "nominal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blq:
    """What a value below the limit counts as in an area, by its place in the profile."""

    before: BlqRule = "zero"
    """Before the first quantifiable value."""
    between: BlqRule = "half"
    """Between quantifiable values."""
    after: BlqRule = "zero"
    """After the last quantifiable value: the first such value; later ones are zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """How close samples must lie to a peak; where they do not, the peak is not determinable and has no value."""

    before: float | None = None
    """Most days from the sample before the peak (or from the infusion, where that came in between); null asks for nothing."""
    after: float | None = None
    """Most days to the sample after the peak, without which there must be one; null asks for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Which points of the decline a line goes through."""

    after_peak: float = 0.0
    """A point of the terminal line lies more than this many days after the peak."""
    last: int | None = None
    """The terminal line goes through this many last points (at least 3); null takes those with the best adjusted R2."""
    days: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Points chosen by hand: for a subject, the days of the samples its terminal line goes through; the others follow the rule."""
    within: float = 21.0
    """Most days after the peak of a point of the contraction line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A parameter of the time course of one analyte."""

    take: Literal[
        "cmax",
        "tmax",
        "auc",
        "clast",
        "tlast",
        "n_quantifiable",
        "lambda_z",
        "half_life",
        "lambda_z_points",
        "lambda_z_r2",
        "lambda_z_start",
        "lambda_z_end",
        "half_life_tobit",
        "auc_inf",
        "contraction_half_life",
        "doubling_time",
        "fold_expansion",
        "second_peak",
        "second_peak_day",
        "re_expansion",
        "detectable_at",
        "last_positive",
        "first_negative",
    ]
    of: str
    """The assay."""
    analyte: str | None = None
    """The analyte; may be left out where the assay has one."""
    each: Literal["analyte"] | None = None
    """One parameter per analyte of the assay, named CODE.ANALYTE."""
    window: tuple[float, float] = (0.0, 28.0)
    """First and last day of the window, both included."""
    rule: AucRule = "linear_up_log_down"
    """Trapezoid rule of an area: linear; linear up, logarithmic down; linear to the peak, logarithmic after it; logarithmic."""
    blq: Blq = Blq()
    """Values below the limit in an area."""
    at_end: AtEnd = "interpolate"
    """Area up to a window end without sample: interpolated between the neighbours (null when no sample follows), the same but cut at the subject's last sample when none follows, or null."""
    at_start: AtStart = "predose"
    """Area before the first sample of the window: the last sample before the infusion stands for day 0 (null without one), from zero at day 0, interpolated with the last sample before the window, from the first sample, or null."""
    days: Clock = "actual"
    """Days of the samples: actual ones since the infusion, or the planned ones of the visits. Both are kept."""
    gap: Gap = Gap()
    """How close samples must lie to a peak for it to be determinable."""
    line: Line = field(default_factory=Line)
    """The points of terminal and contraction lines."""
    rise: float = 3.0
    """A second peak: the values fall at least this many times to a nadir, and rise at least this many times from it."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A parameter of one or two windows of a time course, for serum analytes."""

    take: Literal["baseline", "peak", "fold_change", "at_day"]
    of: str
    """The assay."""
    analyte: str | None = None
    """The analyte; may be left out where the assay has one."""
    each: Literal["analyte"] | None = None
    """One parameter per analyte of the assay, named CODE.ANALYTE."""
    window: tuple[float, float] = (1.0, 28.0)
    """Window of the peak, or of the sample (baseline and at_day take the last one in it)."""
    baseline: tuple[float, float] = (-14.0, -1.0)
    """Window of the baseline of a fold change, the last sample in it."""
    days: Clock = "actual"
    """Days of the samples: actual ones since the infusion, or the planned ones of the visits. Both are kept."""
    gap: Gap = Gap()
    """How close samples must lie to a peak for it to be determinable."""
    timing: Timing | None = None
    """Overrides the timing that follows from the window."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Burden:
    """Tumour burden at baseline: the last assessment on or before day ``until``."""

    take: Literal["spd", "sld", "mtv"]
    """Sum of products of diameters, sum of diameters (RECIST 1.1), or metabolic tumour volume."""
    until: int = -1
    """Last day that counts as baseline."""
    before: Literal["infusion", "conditioning"] = "infusion"
    """Whether baseline ends before the first day of conditioning too, where that is known (days.conditioning of the plan)."""
    evaluator: str | None = None
    """Whose measurements count; null takes the only evaluator, and it is an error when there are several."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """An attribute of the infused product, or a number of cells: attribute (percent or count) times dose."""

    take: Literal["product"]
    attribute: str
    """Attribute of the product table."""
    times: str | None = None
    """Another attribute it is multiplied with (the dose)."""
    percent: bool = False
    """Whether attribute is a percentage to be divided by 100 first."""
    unit: str | None = None
    """Unit of the result; without ``times`` the attribute's own unit stands."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Characteristic:
    """A recorded characteristic of the subject (age, ECOG, stage, a column of a covariate table)."""

    take: Literal["characteristic"]
    name: str
    """Name of the characteristic (AGE, SEX, a supplemental qualifier, or a column of a table source)."""
    source: str | None = None
    """The source it is taken from; null takes the only one that has it, and it is an error when there are several."""
    categorical: bool = False
    """Whether it is a category even if it looks like a number."""
    timing: Timing = Timing.BASELINE
    """When it is measured; a column of a covariate table may have been measured after the infusion."""
    known_on_day: float | None = None
    """Day on which it is known; null is day 0 for a timing up to day 0, and unknown for a timing after the infusion."""
    scale: Literal["log2", "sd", "unit"] | None = None
    """What an odds ratio is per: a doubling, a standard deviation, or a unit (the default)."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A laboratory value in a window: the last one in it."""

    take: Literal["lab"]
    test: str
    """Test code."""
    window: tuple[float, float] = (-28.0, -1.0)
    """First and last day, both included."""
    unit: str | None = None
    """Unit to report in; null keeps the file's when it is one."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """One parameter divided by another."""

    take: Literal["ratio"]
    of: tuple[str, str]
    """Codes of numerator and denominator."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Modelled:
    """What a population model gives for each subject: an exposure or a parameter of its curve."""

    take: Literal["population"]
    of: str
    """Name of the population model."""
    quantity: Literal[
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
    """The quantity."""
    day: float | None = None
    """End of the area, or day of the level; one that the model names in auc_to or level_on."""
    scale: Literal["log2", "sd", "unit"] | None = None
    """What an odds ratio is per: a doubling (the default), a standard deviation or a unit."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Composite:
    """A published composite of other parameters, brought to the units of its formula."""

    take: Literal["easix", "m_easix", "car_hematotox", "ipi"]
    of: Mapping[str, str]
    """Code of the parameter for each input of the formula: ``correlates explain`` names them."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Probability of the inflamed one of clusters of subjects, found in other parameters without any outcome."""

    take: Literal["signature"]
    of: tuple[str, ...]
    """Codes of the parameters the clusters are found in, at least two."""
    toward: str
    """One of them: the cluster with the highest mean of it is the one whose probability is told."""
    log: tuple[str, ...] = ()
    """Those of them that are taken as log10."""
    clusters: int | Literal["icl"] = "icl"
    """Number of clusters, or the one with the smallest integrated completed likelihood among 1 to ``most``."""
    most: int = 3
    """Most clusters tried."""
    covariance: Literal["full", "diagonal", "shared"] = "full"
    """Form of the covariances: one of its own for each cluster, variances only, or one for all."""
    least: int = 2
    """Values a subject must have."""
    label: str | None = None


Parameter = Profile | Window | Burden | Product | Characteristic | Lab | Ratio | Modelled | Composite | Signature
