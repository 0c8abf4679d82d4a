"""Settings of the stage: what a biomarker and an endpoint are to an analysis, the analyses, and the options of each method."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from correlates.stats.auc import AucLimits
from correlates.stats.multiplicity import Adjust
from correlates.stats.rank import Exact
from correlates.stats.rates import RateInterval
from correlates.terms import OutcomeKind

FAMILY_COLUMNS = ("analysis_id", "biomarker_group", "biomarker", "endpoint", "population", "method")


@dataclass(frozen=True, slots=True, kw_only=True)
class Biomarker:
    """A column of the analysis table that is tested.

    ``scale`` is what an odds ratio is per: ``log2`` a doubling (concentrations, counts and their ratios, all positive), ``sd`` one
    standard deviation of the subjects analysed, ``unit`` one unit. Differences of a ``log2`` biomarker are also given as ratios.
    """

    code: str
    label: str
    unit: str | None = None
    group: str = ""
    prespecified: bool = False
    scale: Literal["log2", "sd", "unit"] = "sd"
    kind: Literal["numeric", "categorical"] = "numeric"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An outcome that biomarkers are held against.

    ``column`` of the analysis table, the name when not given. ``levels`` are the classes of a binary or class endpoint in
    order; a column of true and false needs none (they are called no and yes). For a binary endpoint ``event`` is the class whose
    odds, shift and AUC are told (the last level, when not given) and ``reference`` the other. Subjects in a class ``left_out`` do
    not take part; a class that is neither a level nor left out is an error.

    A grade is a column of whole numbers. A number is a column of numbers with its ``|censoring``, such as another parameter. A time
    endpoint is a column of days with ``|event`` (true or false) beside it and, where events compete, ``|cause`` (text): then ``event``
    is the cause of interest; without it every event counts. A cause beside an event that is false names a competing event when it
    is one of ``competing``.
    """

    name: str
    label: str
    kind: OutcomeKind
    column: str | None = None
    levels: tuple[str, ...] = ()
    event: str | None = None
    reference: str | None = None
    left_out: tuple[str, ...] = ()
    competing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WilcoxonOptions:
    """When the rank-sum P is exact (see ``stats.rank.Exact``), and the scale on which the limits of the AUC are symmetric.

    ``continuity``: whether the normal approximation of P is corrected for it.
    """

    exact: Exact = Exact.WHILE_CHEAP
    exact_below: int = 50
    ties_up_to: int = 50
    continuity: bool = True
    auc_limits: AucLimits = AucLimits.LOGIT


@dataclass(frozen=True, slots=True, kw_only=True)
class CensoredOptions:
    """What a regression does with a biomarker beyond a limit where the biomarker is the covariate.

    Attributes
    ----------
    by
        ``likelihood``: the probability of the outcome over the distribution of the biomarker beyond the limit, in the methods that
        have such a likelihood (``firth``, ``logistic_ml``, ``proportional_odds``, ``response_curve``); in the others these subjects are
        left out. ``exclude``: they are left out of every regression. ``substitute``: the limit times a factor takes the place of the value.
    left_factor, right_factor
        Factors of ``substitute``, below and above quantification (1: the limit itself; 0.5: half of it).
    """

    by: Literal["likelihood", "exclude", "substitute"] = "likelihood"
    left_factor: float = 1.0
    right_factor: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a factor that would not be used."""
        if self.by != "substitute" and (self.left_factor, self.right_factor) != (1.0, 1.0):
            raise ValueError("a factor takes effect with `by: substitute` only")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallSampleOptions:
    """How P is found in few subjects, where the chi-square law of a likelihood ratio does not hold yet.

    Attributes
    ----------
    p
        ``permuted``: the share of pairings of biomarker and outcome that are at least as far from no association, which holds its level
        in any number of subjects; ``asymptotic``: the law of large samples, as most programs print it. Both are always told; this
        one is the P value.
    up_to
        Subjects up to which they are few; beyond it the P value is the asymptotic one.
    """

    p: Literal["permuted", "asymptotic"] = "permuted"
    up_to: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class FisherOptions:
    """Size of network up to which r x c P is exact; beyond it, random tables and the seed they are drawn with."""

    most_nodes: int = 200_000
    draws: int = 100_000
    seed: int = 20200101


@dataclass(frozen=True, slots=True, kw_only=True)
class RateOptions:
    """Into how many groups of about equal size a biomarker is cut (4: quartiles), and the interval of the rates."""

    groups: int = 4
    interval: RateInterval = RateInterval.WILSON

    def __post_init__(self) -> None:
        """Refuse groups that are none."""
        if self.groups < 2:
            raise ValueError("two groups or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveOptions:
    """How many points of the biomarker's range a fitted curve is given at."""

    points: int = 21

    def __post_init__(self) -> None:
        """Refuse a curve that is a point."""
        if self.points < 2:
            raise ValueError("two points or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class SurvivalOptions:
    """How times to an event are compared.

    Attributes
    ----------
    cut
        Where a biomarker is cut into groups: at its median, tertiles or quartiles, among the subjects analysed.
    rho, gamma
        Weight S^rho (1 - S)^gamma of the log-rank test (0 and 0: none; 1 and 0: Peto and Peto; 0 and 1: late differences).
    times
        Days at which the share without the event (or the cumulative incidence) of each group is given.
    horizon
        Day to which mean survival is restricted; the largest day both groups are followed to, when not given.
    min_share, max_share
        Smallest and largest share of subjects below a selected cut-point.
    cutpoint_p
        The corrected P of a selected cut-point: ``permutation`` (keeps its level) or ``bound`` (Hothorn and Lausen's, up to 150
        subjects; nothing is drawn, and with many cuts it is so conservative that a clear difference can have P above .99).
    permutations
        Orders drawn for the corrected P of a selected cut-point by permutation.
    """

    cut: Literal["median", "tertiles", "quartiles"] = "median"
    rho: float = 0.0
    gamma: float = 0.0
    times: tuple[float, ...] = ()
    horizon: float | None = None
    min_share: float = 0.1
    max_share: float = 0.9
    cutpoint_p: Literal["permutation", "bound"] = "permutation"
    permutations: int = 10_000

    def __post_init__(self) -> None:
        """Refuse shares that leave no cut, and days and weights that mean nothing."""
        if not 0 <= self.min_share < self.max_share <= 1:
            raise ValueError("min_share below max_share, both from 0 to 1")
        if self.horizon is not None and self.horizon <= 0:
            raise ValueError("a horizon after day 0")
        if min((self.rho, self.gamma, *self.times)) < 0:
            raise ValueError("rho, gamma and times that are not negative")
        if self.permutations < 100:
            raise ValueError("100 permutations or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImputationOptions:
    """Multiple imputation.

    Attributes
    ----------
    covariates
        Biomarkers of the analysis that help to predict what is missing, beside the outcome.
    imputations, iterations, donors
        Data sets made; rounds of the chained equations; subjects a value is drawn from.
    """

    covariates: tuple[str, ...] = ()
    imputations: int = 20
    iterations: int = 10
    donors: int = 5

    def __post_init__(self) -> None:
        """Refuse fewer data sets than can be pooled, and no rounds or donors."""
        if self.imputations < 2 or self.iterations < 1 or self.donors < 1:
            raise ValueError("two imputations or more, of one round and one donor or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Univariable:
    """Every biomarker against every endpoint, by every method that applies.

    Attributes
    ----------
    name
        ``analysis_id`` of the results.
    methods
        Codes of methods. A method that does not apply to a biomarker or endpoint is passed over where another one of the list does;
        where none does, each gives a row that says so.
    families
        Columns of the results whose values together make a family of tests.
    adjust
        Adjustment within a family.
    pairs
        Pairs of classes compared by Wilcoxon beside Kruskal-Wallis, or by Dunn's test, the first against the second. Dunn's test takes
        all pairs when none is given.
    pair_adjust
        Adjustment among the pairs of one biomarker.
    populations
        Each analysed on its own; ``all`` is every row of the table unless it has a column ``population:all``.
    level
        Confidence level of all intervals.
    least_per_class
        Subjects each class of a binary endpoint must have, otherwise the row says too few.
    least_subjects
        Subjects with a biomarker that a time, a grade or a number must have, otherwise the row says too few.
    few_events
        Size of the smaller class (or number with the event) below which the notice ``few-events`` is set.
    high_censored_share
        Share of censored values from which the notice ``censored-share-high`` is set.
    unit_of
        Column that names the subject a row belongs to, where rows are samples: repeated subjects get a notice.
    prespecified
        Whether this analysis was declared before the data were seen.
    permutations
        Orders of the outcome drawn for an adjustment by Westfall and Young, and for the P values of ``small_samples``.
    seed
        Of everything drawn; each family, biomarker and method has a stream of its own.
    """

    name: str
    methods: tuple[str, ...] = ("wilcoxon", "firth")
    families: tuple[str, ...] = ("analysis_id", "biomarker_group", "endpoint", "method")
    adjust: Adjust = Adjust.BH
    pairs: tuple[tuple[str, str], ...] = ()
    pair_adjust: Adjust = Adjust.HOLM
    populations: tuple[str, ...] = ("all",)
    level: float = 0.95
    least_per_class: int = 2
    least_subjects: int = 4
    few_events: int = 10
    high_censored_share: float = 0.5
    unit_of: str | None = None
    prespecified: bool = False
    permutations: int = 10_000
    seed: int = 20200101
    wilcoxon: WilcoxonOptions = field(default_factory=WilcoxonOptions)
    censored: CensoredOptions = field(default_factory=CensoredOptions)
    small_samples: SmallSampleOptions = field(default_factory=SmallSampleOptions)
    fisher: FisherOptions = field(default_factory=FisherOptions)
    rates: RateOptions = field(default_factory=RateOptions)
    curve: CurveOptions = field(default_factory=CurveOptions)
    survival: SurvivalOptions = field(default_factory=SurvivalOptions)
    imputation: ImputationOptions = field(default_factory=ImputationOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One biomarker across the classes of an endpoint: Kruskal-Wallis, and declared pairs by Wilcoxon adjusted among themselves."""

    name: str
    pairs: tuple[tuple[str, str], ...]
    pair_adjust: Adjust = Adjust.HOLM
    population: str = "all"
    level: float = 0.95
    prespecified: bool = False
    wilcoxon: WilcoxonOptions = field(default_factory=WilcoxonOptions)
