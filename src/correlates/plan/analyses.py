"""The analyses a plan can ask for: one class per word after ``do:``. Names they hold are followed by their annotations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from correlates.association.settings import (
    CensoredOptions,
    CurveOptions,
    ImputationOptions,
    RateOptions,
    SmallSampleOptions,
    SurvivalOptions,
    WilcoxonOptions,
)
from correlates.plan.exposure_analyses import Persistence, Sensitivity
from correlates.plan.strict import Refers, Strict

Adjustment = Literal["holm", "hochberg", "bh", "by", "bonferroni", "none"]
FamilyAdjustment = Literal[
    "holm",
    "hochberg",
    "bh",
    "by",
    "bonferroni",
    "storey",
    "westfall-young-maxt",
    "westfall-young-minp",
    "none",
]
UnivariableMethod = Literal[
    "wilcoxon",
    "kruskal_wallis",
    "dunn",
    "jonckheere",
    "spearman",
    "kendall",
    "firth",
    "logistic_ml",
    "firth_imputed",
    "response_curve",
    "quartile_rates",
    "proportional_odds",
    "fisher",
    "peto",
    "censored_regression",
    "log_rank",
    "cutpoint",
    "restricted_mean",
    "cox",
    "cox_firth",
    "gray",
    "fine_gray",
]


class Families(Strict):
    """What counts as one family of tests, and how P values are adjusted within it."""

    by: tuple[Literal["analysis", "group", "biomarker", "endpoint", "population", "method"], ...] = (
        "analysis",
        "group",
        "endpoint",
        "method",
    )
    """Tests that agree in all of these form a family."""
    adjust: FamilyAdjustment = "bh"
    """Holm, Hochberg, Benjamini-Hochberg, Benjamini-Yekutieli, Bonferroni, Storey's q, Westfall-Young, or none."""


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
    endpoints: Annotated[tuple[str, ...], Refers("endpoint"), Field(min_length=1)]
    """Endpoints of any kind; each is held against the biomarkers by the methods that take its kind."""
    methods: Annotated[tuple[UnivariableMethod, ...], Field(min_length=1)] = ("wilcoxon", "firth")
    """Methods; one that does not apply to a biomarker (Wilcoxon on a category, say) gives way to the one that does."""
    cause: str | None = None
    """Kind of event of interest of time endpoints that have several; the others compete with it. Null counts every event."""
    pairs: tuple[tuple[str, str], ...] = ()
    """Pairs of classes compared beside Kruskal-Wallis or by Dunn's test (which takes all pairs without any declared)."""
    pair_adjust: Adjustment = "holm"
    """Adjustment among the pairs of one biomarker."""
    populations: Annotated[tuple[str, ...], Refers("population"), Field(min_length=1)] = ("all",)
    """Populations, each analysed on its own."""
    families: Families = Families()
    """Families of tests for multiplicity."""
    unit_of: Annotated[str | None, Refers("parameter")] = None
    """Parameter that names the subject of a row, where rows are not subjects: repeated subjects get a notice."""
    level: float = Field(default=0.95, gt=0.5, lt=1.0)
    """Confidence level of all intervals."""
    few_events: int = Field(default=10, ge=0)
    """Size of the smaller class (or number with the event) below which a result says so."""
    high_censored_share: float = Field(default=0.5, ge=0.0, le=1.0)
    """Share of values beyond a limit of quantification from which a result warns."""
    censored: CensoredOptions = CensoredOptions()
    """What a regression does with a biomarker beyond a limit where it is the covariate."""
    rank_sum: WilcoxonOptions = WilcoxonOptions()
    """When Wilcoxon is exact."""
    rates: RateOptions = RateOptions()
    """Groups and interval of the rates by quartile."""
    curve: CurveOptions = CurveOptions()
    """Points of the response curves."""
    small_samples: SmallSampleOptions = SmallSampleOptions()
    """How P is found in few subjects: regressions and comparisons of times by permutation, or by the law of large samples."""
    survival: SurvivalOptions = SurvivalOptions()
    """Cut, weights, days and horizon of comparisons of times."""
    imputation: ImputationOptions = ImputationOptions()
    """Covariates and numbers of the multiple imputation."""
    permutations: int = Field(default=10_000, ge=100)
    """Orders of the outcome drawn for Westfall-Young, and for P values in few subjects."""
    landmark: Annotated[float, Field(gt=0)] | None = None
    """Day on which the clock starts: subjects whose outcome is still open after it, biomarkers known by it, times counted from it."""
    from_known_day: bool = False
    """Time endpoints by Cox regression in which a subject counts from the day its value is known."""
    naive: bool = False
    """Values known later are compared from the infusion all the same; every result of them is labelled immortal-time biased."""


class Correlation(Strict):
    """Biomarkers against other parameters, by rank."""

    do: Literal["correlation"]
    biomarkers: Annotated[Literal["all"] | tuple[str, ...], Refers("group")] = "all"
    """Groups or codes; all takes every declared biomarker."""
    against: Annotated[tuple[str, ...], Refers("biomarker"), Field(min_length=1)]
    """Codes of the parameters that take the place of an outcome."""
    methods: Annotated[tuple[Literal["spearman", "kendall"], ...], Field(min_length=1)] = ("spearman",)
    """Spearman, and Kendall for values beyond limits that differ."""
    populations: Annotated[tuple[str, ...], Refers("population"), Field(min_length=1)] = ("all",)
    """Populations, each analysed on its own."""
    families: Families = Families()
    """Families of tests for multiplicity."""
    level: float = Field(default=0.95, gt=0.5, lt=1.0)
    """Confidence level of all intervals."""


class MissingData(Strict):
    """Who is left out: every endpoint in every population side by side, and subjects with a biomarker against those without."""

    do: Literal["missing"]
    biomarkers: Annotated[Literal["all"] | tuple[str, ...], Refers("group")] = "all"
    """Biomarkers whose absence is looked at; those that nobody misses have nothing to compare."""
    covariates: Annotated[tuple[str, ...], Refers("biomarker")] = ()
    """Parameters in which the analysed and the excluded are compared."""
    endpoints: Annotated[tuple[str, ...], Refers("endpoint"), Field(min_length=1)]
    """Endpoints that are told in every population, and compared between the analysed and the excluded."""
    populations: Annotated[tuple[str, ...], Refers("population"), Field(min_length=1)] = ("all",)
    """Populations, side by side; the comparison of analysed and excluded is made in the first."""
    times: tuple[float, ...] = ()
    """Days at which the share without an event is told, for time endpoints."""
    level: float = Field(default=0.95, gt=0.5, lt=1.0)
    """Confidence level of all intervals."""


class Agreement(Strict):
    """Two assays of the same samples against each other."""

    do: Literal["agreement"]
    assays: Annotated[tuple[str, str], Refers("assay")]
    """The assay on the x axis (the one in use), and the one on the y axis that confirms it."""
    decision_points: tuple[float, ...] = ()
    """Values of the first assay at which the bias is stated."""
    error_ratio: float = 1.0
    """Variance of the error of the first assay over that of the second, for Deming lines."""


class Survival(Strict):
    """Kaplan-Meier curves and cumulative incidences of times to an event, of everybody or by group."""

    do: Literal["survival"]
    endpoints: Annotated[tuple[str, ...], Refers("endpoint"), Field(min_length=1)]
    """Times to an event."""
    by: Annotated[str | None, Refers("factor")] = None
    """Parameter or class endpoint that groups the subjects; null takes everybody together."""
    classes: tuple[str, ...] | None = None
    """Classes to compare, in order; null takes all."""
    cut: Literal["median"] | tuple[float, ...] | None = None
    """Where a parameter that is a number is divided; a subject at a cut is in the lower group."""
    landmark: Annotated[float, Field(gt=0)] | None = None
    """Day after the infusion from which time counts, for those still at risk then, grouped by what was known on it. Needed where the
    groups become known after the infusion."""
    naive: bool = False
    """Compare from the infusion although the groups become known later; every result says that it is biased."""
    days: tuple[float, ...] = ()
    """Days from the infusion (or the landmark) at which survival and incidence are told."""
    causes: bool = False
    """Whether the cumulative incidence of each kind of event is given, with Gray's test."""
    interval: Literal["log-log", "log", "plain"] = "log-log"
    """Scale on which the limits of survival are symmetric."""
    level: float = 0.95
    """Confidence level."""
    small_samples: SmallSampleOptions = SmallSampleOptions()
    """How P is found in few subjects: by permutation of the groups, or by the law of large samples."""
    permutations: int = Field(default=10_000, ge=100)
    """Orders of the groups drawn for P in few subjects."""
    population: Annotated[str, Refers("population")] = "all"
    """The population."""
    figure: bool = True
    """Whether the report shows it as figures."""


class Forest(Strict):
    """Trees and forests: which of many biomarkers tell an endpoint, without a model of how."""

    do: Literal["forest"]
    biomarkers: Annotated[Literal["all"] | tuple[str, ...], Refers("group")] = "all"
    """Groups or codes; all takes every declared biomarker."""
    endpoints: Annotated[tuple[str, ...], Refers("endpoint"), Field(min_length=1)]
    """Endpoints, each with a tree and forests of its own."""
    methods: tuple[Literal["conditional_tree", "conditional_forest", "random_forest", "boruta"], ...] = (
        "conditional_tree",
        "conditional_forest",
    )
    """Conditional inference tree and forest, random forest, and Boruta's choice of all that matters."""
    trees: int = Field(500, ge=10)
    """Trees of a forest."""
    permutations: int = Field(0, ge=0)
    """Forests grown on permuted outcomes for the P value of an importance; 0 gives none. A hundred take a hundred times as long."""
    rounds: int = Field(100, ge=5)
    """Most rounds of Boruta."""
    node_level: float = Field(0.05, gt=0, le=1)
    """A node of the single tree is split while the adjusted P value of the best biomarker is at most this."""
    least_split: int = Field(20, ge=4)
    """Subjects a node must have to be split."""
    least_leaf: int = Field(7, ge=1)
    """Subjects each part of a split must have."""
    population: Annotated[str, Refers("population")] = "all"
    """The population."""
    families: Families = Families(by=("analysis", "endpoint", "method"))
    """Families of tests for multiplicity."""
    figure: bool = True
    """Whether the report draws the tree and the importances."""


class ValidationPlan(Strict):
    """How a model is validated; everything done to the outcome is done again in each resample."""

    bootstrap: Annotated[int, Field(ge=0, le=10_000)] = 500
    """Resamples of the optimism bootstrap; 0 for none."""
    folds: Annotated[int, Field(ge=0)] = 10
    """Folds of cross-validation; as many as there are subjects, or more, leaves one out; 0 for none."""
    repeats: Annotated[int, Field(ge=1, le=100)] = 5
    """Repeats of cross-validation."""
    permutations: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Permuted outcomes for the test that the whole procedure beats chance; 0 for none."""
    learning: Annotated[int, Field(ge=0, le=1000)] = 0
    """Learning curve: models made from so many random draws of 40 to 90 % of the subjects each; 0 for none."""
    horizon: Annotated[float, Field(gt=0)] | None = None
    """Of a time to event: days by which the risk is predicted and judged (area under the curve, Uno's C, Brier score, calibration, decision curve)."""


class ImputationPlan(Strict):
    """Multiple imputation of missing covariates by chained equations (predictive mean matching), the outcome among the predictors."""

    imputations: Annotated[int, Field(ge=2, le=200)] = 20
    """Data sets the estimates are pooled over."""
    in_resamples: Annotated[int, Field(ge=1, le=50)] = 3
    """Data sets in each resample of the validation (of a selection, also those it is made from)."""
    iterations: Annotated[int, Field(ge=1, le=50)] = 5
    """Rounds over the variables for each data set."""
    donors: Annotated[int, Field(ge=1, le=20)] = 5
    """Subjects with a like prediction that a value is drawn from."""


TransformWord = Literal["log", "log2", "log10", "sqrt", "standardised", "as_is", "median", "tertiles", "quartiles"]


class Transform(Strict):
    """How a covariate enters a model, where not on the scale of its parameter."""

    take: Literal["log", "log2", "log10", "sqrt", "standardised", "as_is"] | None = None
    """A logarithm, the square root, its value in standard deviations, or its value."""
    per: Annotated[float, Field(gt=0)] | None = None
    """Units of that which an odds or hazard ratio is per: 10 for ten years."""
    cut: Annotated[tuple[float, ...], Field(min_length=1)] | Literal["median", "tertiles", "quartiles"] | None = None
    """Thresholds, or groups of about equal size; the lowest group is the reference."""


class Multivariable(Strict):
    """One model with declared covariates: logistic (Firth) for a binary endpoint, proportional odds for a grade or class, Cox for a time to event."""

    do: Literal["multivariable"]
    endpoint: Annotated[str, Refers("endpoint")]
    """The endpoint."""
    covariates: Annotated[tuple[str, ...], Refers("group")]
    """Groups or codes, in the order of the table; each is on the scale of its parameter (per doubling, standard deviation or unit)."""
    transforms: dict[str, TransformWord | Transform] = {}
    """Covariate: how it enters, as one word (log, log2, log10, sqrt, standardised, as_is, median, tertiles, quartiles) or with per or cut."""
    splines: dict[str, Annotated[int, Field(ge=3, le=7)]] = {}
    """Covariate: number of knots; it enters as a restricted cubic spline."""
    interactions: Annotated[tuple[tuple[str, str], ...], Refers("biomarker")] = ()
    """Pairs of covariates whose product enters too."""
    adds: Annotated[tuple[str, ...], Refers("biomarker")] = ()
    """Covariates that are tested together against the model of the others: do they add to it?"""
    population: Annotated[str, Refers("population")] = "all"
    """The population."""
    censored: Literal["exclude", "limit"] = "exclude"
    """A covariate beyond a limit of quantification: its subject is left out, or the limit takes its place."""
    missing: Literal["complete", "median", "imputed"] = "complete"
    """Subjects with every covariate; or gaps filled with the median (most frequent class), or imputed several times, inside each resample."""
    imputation: ImputationPlan = ImputationPlan()
    """How gaps are imputed."""
    validation: ValidationPlan = ValidationPlan()
    """How the model is validated."""


class Selection(Strict):
    """A model whose covariates are selected from candidates, the selection validated too."""

    do: Literal["selection"]
    endpoint: Annotated[str, Refers("endpoint")]
    """The endpoint: binary, or a time to event."""
    candidates: Annotated[Literal["all"] | tuple[str, ...], Refers("group")]
    """Groups or codes; all takes every declared biomarker."""
    method: Literal["elastic_net", "group_lasso", "adaptive_lasso", "stepwise", "stability"] = "elastic_net"
    """How covariates are selected; the group lasso takes the biomarker groups of the plan whole or not at all."""
    population: Annotated[str, Refers("population")] = "all"
    """The population."""
    transforms: dict[str, TransformWord | Transform] = {}
    """Candidate: how it enters, as for a declared model."""
    collinear: Annotated[float, Field(gt=0, lt=1)] | None = 0.9
    """Absolute rank correlation from which candidates form a cluster of which one takes part; null lets all take part."""
    representative: tuple[Literal["prespecified", "complete", "central"], ...] = ("prespecified", "complete", "central")
    """What is preferred within a cluster: prespecified, with the fewest missing values, most correlated with the rest."""
    least_present: Annotated[float, Field(ge=0, le=1)] = 0.7
    """Share of subjects with a value that a candidate needs."""
    missing: Literal["complete", "median", "imputed"] = "median"
    """Gaps filled with the median (most frequent class), or imputed several times, inside each resample; or subjects with every candidate."""
    imputation: ImputationPlan = ImputationPlan()
    """How gaps are imputed."""
    mixing: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Elastic net and stability selection: 1 is the lasso, towards 0 the ridge."""
    rule: Literal["min", "1se"] = "min"
    """Penalty with the best cross-validated likelihood, or the largest within one standard error of it."""
    criterion: Literal["aic", "bic"] = "aic"
    """Stepwise: the criterion."""
    direction: Literal["forward", "backward", "both"] = "forward"
    """Stepwise: from nothing, from all candidates, or from all with candidates let in again."""
    most: Annotated[int, Field(ge=1, le=50)] = 5
    """Stepwise: columns a forward search stops at."""
    grouped: bool = False
    """Stability selection: of whole biomarker groups of the plan, by the group lasso; picked and the bound are then of groups."""
    picked: Annotated[int, Field(ge=1)] | None = None
    """Stability selection: candidates let in per half-sample; by default the most at which at most one false selection is expected."""
    threshold: Annotated[float, Field(gt=0.5, le=1)] = 0.75
    """Stability selection: share of half-samples from which a candidate is selected."""
    pairs: Annotated[int, Field(ge=10, le=1000)] = 50
    """Stability selection: pairs of complementary halves."""
    assumption: Literal["none", "unimodal", "r_concave"] = "unimodal"
    """Stability selection: what the bound assumes (Meinshausen and Bühlmann; Shah and Samworth)."""
    validation: ValidationPlan | None = None
    """How the selection is validated; by default with 100 bootstrap resamples, of stability selection (100 paths each) with 20 and one repeat."""

    def validated(self) -> ValidationPlan:
        """How it is validated, as declared or by default."""
        if self.validation is not None:
            return self.validation
        return ValidationPlan(bootstrap=20, repeats=1) if self.method == "stability" else ValidationPlan(bootstrap=100)


class EfficacyAgainstToxicity(Strict):
    """Every biomarker against efficacy and toxicity at once: one joint model of the same patients."""

    do: Literal["efficacy_against_toxicity"]
    biomarkers: Annotated[Literal["all"] | tuple[str, ...], Refers("group")] = "all"
    """Groups or codes; all takes every declared biomarker."""
    efficacy: Annotated[str, Refers("endpoint")]
    """Binary endpoint whose event is wanted; or a time whose event is the loss of efficacy (progression, death): 1 / hazard ratio is told."""
    toxicity: Annotated[tuple[str, ...], Refers("endpoint"), Field(min_length=1)]
    """Binary endpoints or times whose event is not wanted, each held against efficacy on its own."""
    margin: float
    """Odds (or hazard) ratio per standard deviation, above 1, within which an effect counts as none: decides equivalence and the classes."""
    sure: float = 0.8
    """Probability of the likeliest class below which the class is called uncertain."""
    populations: Annotated[tuple[str, ...], Refers("population"), Field(min_length=1)] = ("all",)
    """Populations, each analysed on its own."""
    families: Families = Families()
    """Families of tests of equal effect for multiplicity."""
    censored: CensoredOptions = CensoredOptions()
    """What is done with a biomarker beyond a limit; without a likelihood for it here, such subjects are left out."""
    landmark: Annotated[float, Field(gt=0)] | None = None
    """Day on which the clock starts: subjects whose outcome is still open after it, biomarkers known by it."""
    curves: Annotated[tuple[str, ...], Refers("biomarker")] = ()
    """Biomarkers whose exposure-response curves and window are told, with a bootstrap check."""
    efficacy_at_least: float = 0.4
    """The window: least probability of efficacy."""
    toxicity_at_most: float = 0.2
    """The window: largest probability of toxicity."""
    replicates: int = Field(default=1000, ge=0)
    """Replicates of the bootstrap check."""
    named: int = Field(default=8, ge=0)
    """Exploratory biomarkers named in the map, those farthest from no effect; prespecified ones always are."""
    figure: bool = True
    """Whether the report shows the map and the curves."""


class RatioAnalysis(Strict):
    """Whether endpoints follow a ratio, or its numerator and denominator otherwise than as a ratio."""

    do: Literal["ratio"]
    of: Annotated[tuple[str, ...], Refers("parameter"), Field(min_length=1)]
    """Parameters that are a ratio of two others."""
    endpoints: Annotated[tuple[str, ...], Refers("endpoint"), Field(min_length=1)]
    """Binary endpoints."""
    population: Annotated[str, Refers("population")] = "all"
    """The population."""
    adjust: Adjustment = "holm"
    """Adjustment over ratios and endpoints."""
    censored: CensoredOptions = CensoredOptions()
    """What is done with a biomarker beyond a limit; without a likelihood for it here, such subjects are left out."""
    landmark: Annotated[float, Field(gt=0)] | None = None
    """Day on which the clock starts: subjects whose outcome is still open after it, biomarkers known by it."""


class Subgroup(Strict):
    """A declared subgroup."""

    of: Annotated[str, Refers("parameter")]
    """The parameter; the categories of a categorical one are the subgroups."""
    cut: tuple[float, ...] = ()
    """Of a number: the values at which it is cut, each the start of a subgroup."""


class Subgroups(Strict):
    """Effects of biomarkers in declared subgroups, with tests of interaction, and along declared modifiers."""

    do: Literal["subgroups"]
    biomarkers: Annotated[Literal["all"] | tuple[str, ...], Refers("group")]
    """Groups or codes."""
    endpoints: Annotated[tuple[str, ...], Refers("endpoint"), Field(min_length=1)]
    """Binary or time endpoints."""
    by: tuple[Subgroup, ...] = ()
    """The subgroups; there are no others."""
    across: Annotated[tuple[str, ...], Refers("parameter")] = ()
    """Numbers along which the effect is told in overlapping windows (binary endpoints)."""
    window_share: float = Field(default=0.4, gt=0, le=1)
    """Share of the subjects in a window."""
    shared_share: float = Field(default=0.75, ge=0, lt=1)
    """Share of a window that neighbours have in common."""
    population: Annotated[str, Refers("population")] = "all"
    """The population."""
    adjust: Adjustment = "holm"
    """Adjustment of the tests of interaction, over biomarkers and subgroups of an endpoint."""
    censored: CensoredOptions = CensoredOptions()
    """What is done with a biomarker beyond a limit; without a likelihood for it here, such subjects are left out."""
    permutations: int = Field(default=999, ge=19)
    """Permutations of the modifier."""
    landmark: Annotated[float, Field(gt=0)] | None = None
    """Day on which the clock starts: subjects whose outcome is still open after it, biomarkers known by it, times counted from it."""
    naive: bool = False
    """Values known later are compared from the infusion all the same; every result of them is labelled immortal-time biased."""
    figure: bool = True
    """Whether the report shows the effects as figures."""


AnalysisPlan = Annotated[
    Compare
    | Univariable
    | Correlation
    | MissingData
    | Agreement
    | Survival
    | Forest
    | Multivariable
    | Selection
    | EfficacyAgainstToxicity
    | RatioAnalysis
    | Subgroups
    | Persistence
    | Sensitivity,
    Field(discriminator="do"),
]
