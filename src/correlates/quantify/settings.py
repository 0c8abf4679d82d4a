"""Settings of the quantifications. Each is a plain value with its default and, where it is a convention, its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One factor of a unit chain, applied to the quantity in order.

    Exactly one of ``multiply_by`` and ``divide_by`` is given (or neither, for a change of unit alone). A factor is a
    number, or a column of the manifest (``samples.dna_ng``) or of the product table (``product.VCN``).
    """

    multiply_by: float | str | None = None
    """A number, or samples.COLUMN or product.ATTRIBUTE."""
    divide_by: float | str | None = None
    """A number, or samples.COLUMN or product.ATTRIBUTE."""
    scale: float = 1.0
    """A plain number multiplied in, for the change of unit of the factor (1000 from ng to ug, say)."""
    gives: str
    """Unit of the quantity after this step."""
    cv: float = 0.0
    """Relative standard uncertainty of the factor in percent; carried into the interval by the delta method."""
    name: str | None = None
    """What the factor is, in words; shown in the trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveRules:
    """Acceptance rules of a qPCR standard curve."""

    slope: tuple[float, float] = (-3.6, -3.1)
    """Allowed slope, Cq per log10 quantity (efficiency 90 to 110 %)."""
    efficiency: tuple[float, float] = (90.0, 110.0)
    """Allowed efficiency in percent, 100 x (10^(-1/slope) - 1)."""
    r_squared: float = 0.98
    """Smallest coefficient of determination."""
    levels: int = 5
    """Fewest standard levels with a Cq."""
    accuracy: float = 25.0
    """Largest deviation of a level's mean back-calculated quantity from nominal, percent."""
    accuracy_levels: float = 0.75
    """Smallest share of levels that must meet the accuracy."""
    ntc: Literal["undetermined", "below_lloq", "any"] = "below_lloq"
    """What a no-template control may show: no Cq at all, a quantity below the lower limit, or anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicateRules:
    """What is done with replicate wells of a sample."""

    minimum: int = 2
    """Fewest wells with a usable signal."""
    max_sd: float = 0.5
    """Largest standard deviation of Cq among replicates whose mean quantity is at or above the lower limit."""
    max_cv: float = 25.0
    """Largest coefficient of variation of the quantity among replicates at or above the lower limit, percent."""
    sampling: Literal["allowed", "ignored"] = "allowed"
    """Whether max_sd and max_cv are widened by what the Poisson sampling of that many copies explains."""
    outliers: Literal["keep", "drop_one"] = "keep"
    """Whether one replicate further than the limit of the SD from the median of three or more is dropped."""
    on_failure: Literal["exclude", "flag"] = "flag"
    """A sample that fails is excluded, or kept and flagged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRules:
    """How quality control samples of PCR plates are judged."""

    accuracy: float = 25.0
    """Largest deviation of a control's mean quantity from nominal, percent."""
    max_cv: float = 25.0
    """Largest coefficient of variation of a control's wells, percent; sampling is allowed for as in replicates."""
    share: float = 0.66
    """Smallest share of a plate's controls that must meet both (ICH M10: two thirds)."""
    on_failure: Literal["fail_plate", "flag"] = "flag"
    """A plate whose controls fail fails with them, or is flagged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A reference target that counts cells."""

    target: str
    """Analyte name of the reference target (a key of targets)."""
    copies_per_cell: float = 2.0
    """Copies of the reference per diploid cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """Limits of detection and quantification from replicates of the standards (Forootan 2017, Klymus 2020)."""

    link: Literal["probit", "logit", "cloglog"] = "probit"
    """Shape of the detection curve on log10 quantity; the report shows all three."""
    estimate: Literal["reduced", "maximum_likelihood"] = "reduced"
    """Which limit of that curve is the limit of detection: with its bias reduced, or by maximum likelihood; the report shows both."""
    probability: float = 0.95
    """Probability of detection that defines the limit of detection."""
    cv: float = 35.0
    """Largest coefficient of variation of the back-calculated quantity at the limit of quantification, percent (Klymus 2020)."""
    replicates: int = 8
    """Fewest replicates of a level, over all plates; levels with fewer do not take part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Qpcr:
    """Absolute quantification by a standard curve on each plate."""

    kind: Literal["qpcr"] = "qpcr"
    label: str | None = None
    """Name of the assay in figures and tables."""
    files: tuple[str, ...]
    """Globs relative to the plan."""
    controls: tuple[str, ...] = ()
    """Names (or patterns, QC-*) of control samples that the instrument file calls unknown: not in the manifest, never reported."""
    targets: Mapping[str, tuple[str, ...]]
    """Analyte: the names of its target in the files."""
    cq: Literal["instrument", "second_derivative"] = "instrument"
    """Cq as the instrument called it, or from the amplification points of the file (maximum of the second derivative of a sigmoid)."""
    quantity: str = "copies/reaction"
    """Unit of the nominal quantities of the standards."""
    curve_levels: Literal["all", "always_detected"] = "all"
    """Standards the line is fitted to: all with a Cq, or only levels without an undetermined replicate on the plate, whose detected replicates hold more than the nominal copies."""
    accept: CurveRules = CurveRules()
    """When a plate is accepted."""
    on_failure: Literal["exclude", "flag"] = "exclude"
    """A plate that fails is excluded, or kept and flagged."""
    reruns: Literal["last_accepted", "mean", "refuse"] = "last_accepted"
    """A sample measured on several plates: the last accepted plate by file name, the mean, or an error."""
    replicates: ReplicateRules = ReplicateRules()
    """Replicate wells."""
    controls_nominal: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Control sample: analyte: nominal quantity, where the file does not hold it (in the unit of quantity)."""
    control_rules: ControlRules = ControlRules()
    """Quality control samples."""
    reference: Reference | None = None
    """When given, the quantity is copies per cell: target over reference, both measured on the same plate."""
    detection: Detection = Detection()
    """How limits are found from replicates of the standards; the lower limit below is checked against them, never replaced."""
    lloq: float = 10.0
    """Lower limit of quantification per reaction, in the unit of quantity."""
    uloq: Literal["highest_standard"] | float = "highest_standard"
    """Upper limit of quantification per reaction."""
    chain: tuple[Step, ...] = ()
    """From quantity (or copies/cell with a reference) to the reported unit; empty reports it as it is."""
    interval: Literal["fieller", "delta"] = "fieller"
    """Interval of the quantity read off the line: Fieller's, or the delta method's, which ignores that the slope is estimated in its denominator."""
    confidence: float = 0.95
    """Level of the intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """How the amplitudes of the partitions of a well are parted into negative and positive."""

    rule: Literal["posterior", "mean_sd"] = "posterior"
    """Where a partition belongs to either population with probability 0.5, or k SD above the mean of the negatives."""
    k: float = 5.0
    """Standard deviations: of mean_sd, and of what counts as rain between the populations."""
    shared_sd: bool = True
    """One standard deviation for both populations; with one each, the positives take the rain."""
    separation: float = 5.0
    """Smallest distance of the two populations, in their SD; below it there is one, skewed."""
    one_population: Literal["plate", "uncounted"] = "plate"
    """A channel of a well with one population has no threshold of its own: it takes the median one of the plate's other wells, or is not counted."""
    at: Mapping[str, float] = field(default_factory=dict)
    """Declared threshold by channel, as an analyst set it; stands before the rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dpcr:
    """Absolute quantification by counting partitions."""

    kind: Literal["dpcr"] = "dpcr"
    label: str | None = None
    """Name of the assay in figures and tables."""
    files: tuple[str, ...]
    """Globs relative to the plan."""
    controls: tuple[str, ...] = ()
    """Names (or patterns, QC-*) of control samples that the instrument file calls unknown: not in the manifest, never reported."""
    targets: Mapping[str, tuple[str, ...]]
    """Analyte: the names of its target in the files."""
    instrument: Literal["qx200", "absolute_q", "qiacuity_26k", "qiacuity_8k5"] | None = None
    """The instrument, for the three defaults below; null takes what each file says."""
    counts: Literal["instrument", "threshold"] = "instrument"
    """Of files that list every amplitude: positives as the instrument's software classed the partitions, where it did, or always by threshold."""
    threshold: Threshold = Threshold()
    """How thresholds are found from amplitudes."""
    partition_nl: float | None = None
    """Volume of a partition in nanolitre; null takes that of the file's own concentrations, else the instrument's."""
    reaction_ul: float | None = None
    """Volume of the reaction in microlitre; null takes the instrument's."""
    min_partitions: int | None = None
    """Fewest accepted partitions of a well; null takes the instrument's."""
    controls_nominal: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Control sample: analyte: nominal quantity (copies/reaction, or copies/cell with a reference)."""
    control_rules: ControlRules = ControlRules()
    """Quality control samples."""
    on_failure: Literal["exclude", "flag"] = "exclude"
    """A plate whose controls fail it (control_rules) is excluded, or kept and flagged."""
    reference: Reference | None = None
    """When given, the quantity is copies per cell; otherwise copies per reaction."""
    lloq: float = 3.0
    """Fewest positive partitions (merged over replicate wells) that are quantified."""
    chain: tuple[Step, ...] = ()
    """From copies/reaction (or copies/cell with a reference) to the reported unit."""
    interval: Literal["mid_p", "exact", "normal"] = "mid_p"
    """Interval of the share of positive partitions: mid-P, Clopper-Pearson (never below its level, wider), or the normal approximation that instruments print."""
    confidence: float = 0.95
    """Level of the intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standards:
    """Typed-in expected concentrations that cannot be true."""

    check: bool = True
    """Look for values that break a monotone, near-geometric series."""
    tolerance: float = 1.5
    """Factor by which a step of the series may differ from the common one."""
    on_impossible: Literal["correct", "exclude", "keep"] = "exclude"
    """The value is replaced by the one of the series, its wells are left out, or it is kept; always named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationLimits:
    """Limits of quantification of each plate and analyte (thresholds of ICH M10: within 20 %, 25 % at the limits)."""

    rule: Literal["recovery", "cv_profile", "asymptote_interval"] = "recovery"
    """recovery: the widest run of standard levels that meet recovery and cv; cv_profile: where the predicted CV of the concentration is at most cv; asymptote_interval: where the signal lies beyond the confidence limits of both asymptotes."""
    recovery: tuple[float, float] = (80.0, 120.0)
    """Allowed mean recovery of a standard level, percent."""
    recovery_at_limits: tuple[float, float] = (75.0, 125.0)
    """Allowed mean recovery of the lowest and highest level, percent."""
    cv: float = 25.0
    """Largest coefficient of variation of the back-calculated replicates of a level, and of cv_profile, percent."""
    share: float = 0.75
    """Smallest share of the levels from LLOQ to ULOQ that must meet the recovery and the CV (ICH M10)."""
    levels: int = 6
    """Fewest levels within the limits for a curve to be accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KitControls:
    """How controls of an immunoassay are judged (ICH M10 for ligand-binding assays)."""

    ranges: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)
    """Control sample: analyte: its range, in unit (that of the kit's certificate); stands before the file's range."""
    nominal: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Control sample: analyte: nominal concentration, in unit, for a control without a range."""
    recovery: tuple[float, float] = (80.0, 120.0)
    """Allowed recovery of a control without a range, percent of nominal, else of the median over the plates."""
    max_cv: float = 20.0
    """Largest coefficient of variation of a control's wells on a plate, and of its means over the plates, percent."""
    share: float = 0.66
    """Smallest share of a plate's controls that must meet their rule (two thirds)."""
    on_failure: Literal["fail_plate", "flag"] = "flag"
    """A plate and analyte whose controls fail fails with them, or is flagged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Immunoassay:
    """Quantification of a multiplex immunoassay by a weighted logistic curve per analyte and plate."""

    kind: Literal["immunoassay"] = "immunoassay"
    label: str | None = None
    """Name of the assay in figures and tables."""
    files: tuple[str, ...]
    """Globs relative to the plan."""
    controls: tuple[str, ...] = ()
    """Names (or patterns, QC-*) of control samples that the instrument file calls unknown: not in the manifest, never reported."""
    analytes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name in the analysis: names in the files. Analytes not named keep their own name without the unit."""
    curve: Literal["5PL", "4PL", "auto", "factory"] = "5PL"
    """Model; auto takes 5PL where it is better by AICc; factory uses the instrument's calibration (Simple Plex)."""
    weight: Literal["1/y2", "1/y", "none", "variance_function"] = "1/y2"
    """Weight of a standard well, y being the fitted signal; variance_function estimates 1/y^theta over all plates of an analyte."""
    background: Literal["none", "subtract_blank"] = "none"
    """Whether the mean blank signal is subtracted first."""
    standards: Standards = Standards()
    """Check of the typed-in expected concentrations."""
    limits: CalibrationLimits = CalibrationLimits()
    """How LLOQ and ULOQ are found."""
    lloq: Mapping[str, float] = field(default_factory=dict)
    """Declared LLOQ by analyte in unit, before dilution; overrides the curve's."""
    uloq: Mapping[str, float] = field(default_factory=dict)
    """Declared ULOQ by analyte in unit, before dilution; overrides the curve's."""
    control_rules: KitControls = KitControls()
    """Controls: their ranges and how they are judged."""
    instrument_difference: float = 25.0
    """Largest difference between a concentration within the limits and the instrument's own, percent; only flagged."""
    bridging: Literal["none", "by_common_samples"] = "none"
    """Whether plates are scaled to a reference plate by the geometric mean ratio of samples measured on both."""
    bridging_samples: int = 5
    """Fewest samples, quantified on both plates, that a plate is scaled by."""
    bridging_reference: str | None = None
    """Name of the reference plate; null takes the plate that shares samples with most others."""
    min_beads: int = 30
    """Fewest beads of a well."""
    max_cv: float = 25.0
    """Largest coefficient of variation of replicate concentrations, percent."""
    on_failure: Literal["exclude", "flag"] = "flag"
    """A sample that fails a rule is excluded, or kept and flagged."""
    dilution: float | None = None
    """Dilution of the samples made by hand; null takes the manifest's, then the file's, then 1."""
    unit: str = "pg/mL"
    """Unit of the standards and of the report."""
    confidence: float = 0.95
    """Level of the intervals."""


Assay = Qpcr | Dpcr | Immunoassay
