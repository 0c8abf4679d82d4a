"""What a reader of a result must know: the codes in ``notices`` and the sentence of each, once."""

from __future__ import annotations

from enum import StrEnum


class Notice(StrEnum):
    """A notice; ``label`` is the sentence for people."""

    label: str

    def __new__(cls, code: str, label: str) -> Notice:
        """A member from its code and its sentence."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        return member

    # of a whole result
    FEW_EVENTS = (
        "few-events",
        "The smaller class (of a time: those with the event) has fewer subjects than the declared number",
    )
    SEPARATION = "separation", "The biomarker separates the classes: limits may be very wide"
    CENSORED_SHARE_HIGH = "censored-share-high", "The share of censored values is at or above the declared share"
    CENSORED_SUBSTITUTED = (
        "censored-substituted",
        "Censored values entered the model as their limit times the declared factor",
    )
    CENSORED_EXCLUDED = (
        "censored-excluded",
        "Subjects whose value lies beyond a limit are left out of the regression: n counts the quantified",
    )
    CENSORED_LIKELIHOOD = (
        "censored-likelihood",
        "Values beyond a limit entered by the probability of the outcome over the biomarker's distribution there",
    )
    REPEATED_UNITS = "repeated-units", "Subjects contribute more than one row: P values treat them as independent"
    EXACT_NOT_USED = (
        "exact-not-used",
        "The P value is a normal approximation although a class has fewer than 10 subjects",
    )
    DESCRIBES = (
        "describes",
        "In some subjects the outcome was decided before the biomarker was known: the association describes, it does not predict",
    )
    IMMORTAL = (
        "immortal-time-biased",
        "Naive: the value was known only after the infusion, and whoever has it lived to have it (immortal-time bias)",
    )
    INDICATION = (
        "confounded-by-indication",
        "Tocilizumab and corticosteroids are given for toxicity that follows expansion: what they change is part of the association",
    )
    ODDS_AND_HAZARD = (
        "odds-and-hazard",
        "One effect is an odds ratio and the other a hazard ratio: where events are frequent the first is the larger of the two for the same risk",
    )
    CLASS_UNCERTAIN = (
        "class-uncertain",
        "The likeliest class has less than the declared probability: the data do not settle the class",
    )
    IMMORTAL_TIME = (
        "immortal-time",
        "The groups became known after the start and are compared from it: subjects who lived long enough to be known look better for that alone",
    )
    FROM_LANDMARK = (
        "from-landmark",
        "Time counts from the landmark, for those still at risk after it, by what was known then",
    )
    MONTE_CARLO = "monte-carlo", "The P value is estimated from random tables with the declared seed"
    # of one statistic
    AUC_DEGENERATE = "auc-degenerate", "The AUC is 0 or 1: DeLong's interval has no width and is left out"
    TOO_FEW_FOR_INTERVAL = "too-few-for-interval", "The interval is not defined with one subject in a class"
    LEVEL_NOT_REACHED = (
        "level-not-reached",
        "The classes are too small for an interval of the declared level: it has the level given",
    )
    NOT_LOG2 = "not-log2", "A ratio is given for biomarkers on a log2 scale only"
    VALUES_NOT_POSITIVE = "values-not-positive", "A ratio needs positive values"
    INFINITE = "infinite", "The quantity is infinite, or beyond what a number can hold"
    AT_LIMIT = "at-limit", "The quantile depends on where censored values really lie: it is a bound"
    LIMITS_COUNTED = "limits-counted", "Censored values count as their limits: the estimate leans on them"
    NOT_ADJUSTED = "not-adjusted", "No adjustment for multiplicity is declared"
    NOT_TWO_BY_TWO = "not-two-by-two", "An odds ratio is given for two by two tables only"
    NOT_MONTE_CARLO = "not-monte-carlo", "A Monte Carlo error is given for Monte Carlo P values only"
    SUBGROUP_UNUSABLE = (
        "subgroup-unusable",
        "No estimate in this subgroup: nobody with or nobody without the event, or a single value of the biomarker",
    )
    NO_LIKELIHOOD = "no-likelihood", "The classes are separated: no maximum of the likelihood exists"
    NO_LIMIT = "no-limit", "The data set no limit: neither coefficient is known to differ from zero"
    SAME_ORDER = (
        "same-order",
        "The two markers order the subjects alike, or both separate the classes: no variance to judge by",
    )
    NO_WINDOW = "no-window", "At no exposure observed is efficacy likely enough and toxicity unlikely enough"
    NO_PERMUTATIONS = "no-permutations", "A P value of an importance needs permutations, and none are declared"
    NO_GROUPS = "no-groups", "There are no groups to compare, or no events to compare them by"
    EMPTY_CLASS = "empty-class", "A class of the pair has no subject with a value"
    NO_LEVEL = "asymptotic-interval", "The limits are asymptotic: the level is the declared one"
    EMPTY_GROUP = "empty-group", "Ties at a cut leave the group empty"
    TIES_AT_CUT = "ties-at-cut", "Ties at a cut make the groups unequal"
    NOT_REACHED = "not-reached", "The curve, or its band, does not reach it within the follow-up"
    BEYOND_FOLLOW_UP = "beyond-follow-up", "The group is not followed that far"
    NOT_PROPORTIONAL = (
        "not-proportional",
        "The hazards do not look proportional (P below .05): one ratio is an average over time",
    )
    NOT_PARALLEL = (
        "not-parallel",
        "The odds ratio seems to differ between thresholds (P below .05): one ratio is an average",
    )
    PERFECT = "perfect", "The correlation is perfect: its interval has no width and is left out"
    NO_TEST = "no-test", "The test is not defined for these data"
    MARGINAL = "marginal", "The interval is not defined: the likelihood does not fall far enough"
    LIMITS_DIFFER = "limits-differ", "Limits of quantification differ between subjects"
    WEIGHTED = (
        "weighted",
        "The test is weighted by the declared powers of the survival curve: it is not the plain log-rank test",
    )
    COMPETING = "competing", "Competing events count as censoring: hazard ratios are specific to the cause"
    # of multivariable models
    FEW_EVENTS_PER_COLUMN = (
        "few-events-per-column",
        "Fewer subjects with the rarer outcome per column of the model than the declared number",
    )
    COLLINEAR_COVARIATES = (
        "collinear-covariates",
        "Two covariates say nearly the same: their coefficients share one effect and mean little alone",
    )
    SAME_COURSE = (
        "same-course",
        "A peak and an area (or two of either) of the same course are in the model: they share one effect, which neither coefficient tells alone",
    )
    BOOTSTRAP_OPTIMISTIC = (
        "bootstrap-optimistic",
        "The bootstrap corrects a procedure that can fit any outcome too little: the cross-validated figure is the corrected one",
    )
    HORIZON_NOT_JUDGED = (
        "horizon-not-judged",
        "Nobody has the event by the declared horizon, or nobody is followed to it: what is predicted by then cannot be judged",
    )
    GAPS_FILLED = (
        "gaps-filled",
        "Missing covariates were filled inside each resample; P values and limits do not know of it",
    )
    GAPS_IMPUTED = (
        "gaps-imputed",
        "Missing covariates were imputed several times, in each resample anew; P values and limits, where there are any, are pooled over the data sets",
    )
    COVARIATE_LEFT_OUT = "covariate-left-out", "A declared covariate could not take part and is left out"
    RESAMPLES_WITHOUT_MODEL = "resamples-without-model", "Some resamples gave no model and count in no mean"
    SELECTED_COEFFICIENTS = (
        "selected-coefficients",
        "The coefficients are of covariates chosen on the same data: they are too large, and have no limits",
    )
