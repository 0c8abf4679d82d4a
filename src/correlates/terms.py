"""Controlled words. Every word that is stored in a table and compared in code is here, once."""

from __future__ import annotations

from enum import StrEnum


class AssayKind(StrEnum):
    """What kind of measurement an assay makes."""

    QPCR = "qpcr"
    DPCR = "dpcr"
    IMMUNOASSAY = "immunoassay"
    TABLE = "table"


class Role(StrEnum):
    """What a well holds."""

    UNKNOWN = "unknown"
    STANDARD = "standard"
    NTC = "ntc"
    QC = "qc"
    BLANK = "blank"


class SignalKind(StrEnum):
    """What the instrument's number is."""

    CQ = "cq"
    MFI = "mfi"
    RFU = "rfu"
    ECL = "ecl"
    PARTITIONS = "partitions"
    CONCENTRATION = "concentration"


class Flag(StrEnum):
    """What the instrument wrote where a number was expected."""

    UNDETERMINED = "undetermined"
    NO_CALL = "no_call"
    BELOW_RANGE = "below_range"
    ABOVE_RANGE = "above_range"
    MISSING = "missing"
    OMITTED = "omitted"


class Censoring(StrEnum):
    """What is known of a value: the number itself (none), only that it is at most (left) or at least (right) it."""

    NONE = "none"
    LEFT = "left"
    RIGHT = "right"


class Status(StrEnum):
    """Whether a value takes part in what follows."""

    REPORTED = "reported"
    EXCLUDED = "excluded"


class Response(StrEnum):
    """Response categories of Lugano 2014, Cheson 2007, RECIST 1.1 and IMWG (sCR, VGPR, MR), best first."""

    SCR = "sCR"
    CR = "CR"
    VGPR = "VGPR"
    PR = "PR"
    MR = "MR"
    SD = "SD"
    PD = "PD"
    NE = "NE"

    @property
    def responds(self) -> bool:
        """Whether it is a response: partial or better."""
        return self in (Response.SCR, Response.CR, Response.VGPR, Response.PR)


class Durability(StrEnum):
    """Classes of durable response."""

    DURABLE = "durable"
    RELAPSED = "relapsed"
    NONRESPONDER = "nonresponder"
    UNDETERMINED = "undetermined"


class Timing(StrEnum):
    """When a biomarker is measured relative to treatment."""

    BASELINE = "baseline"
    PRODUCT = "product"
    DAY_0 = "day 0"
    POST = "post"


class OutcomeKind(StrEnum):
    """What an endpoint is; a number is another parameter that takes the place of an outcome, in a correlation."""

    BINARY = "binary"
    CLASS = "class"
    GRADE = "grade"
    TIME = "time"
    NUMBER = "number"


class Scale(StrEnum):
    """Toxicity grading scales. Grades of different scales are never mixed silently."""

    LEE_2014 = "lee_2014"
    ASTCT_2019 = "astct_2019"
    CTCAE_4_03 = "ctcae_4_03"
    CTCAE_5_0 = "ctcae_5_0"
    ICAHT_2023 = "icaht_2023"


class Pressors(StrEnum):
    """Support of blood pressure, vasopressin left out: it is told apart."""

    NONE = "none"
    FLUIDS = "fluids"
    ONE_LOW = "one_low"
    ONE_HIGH = "one_high"
    MULTIPLE = "multiple"


class Oxygen(StrEnum):
    """Oxygen support: nasal cannula up to 6 L/min or blow-by; more, or a mask; CPAP or BiPAP; intubation."""

    NONE = "none"
    LOW_FLOW = "low_flow"
    HIGH_FLOW = "high_flow"
    POSITIVE_PRESSURE = "positive_pressure"
    VENTILATION = "ventilation"


class Arousal(StrEnum):
    """Level of consciousness, as the ICANS grading asks for it."""

    ALERT = "alert"
    SPONTANEOUS = "spontaneous"
    VOICE = "voice"
    TACTILE = "tactile"
    UNAROUSABLE = "unarousable"


class Seizure(StrEnum):
    """Seizure: one that resolves rapidly or with intervention; longer than 5 minutes, or without return to baseline."""

    NONE = "none"
    BRIEF = "brief"
    PROLONGED = "prolonged"


class Oedema(StrEnum):
    """Raised intracranial pressure or cerebral oedema: focal on imaging; diffuse, or posturing, palsy, papilloedema."""

    NONE = "none"
    FOCAL = "focal"
    DIFFUSE = "diffuse"


class Declared(StrEnum):
    """Whether an analysis was prespecified."""

    PRESPECIFIED = "prespecified"
    EXPLORATORY = "exploratory"


class Reason(StrEnum):
    """Why a value is null, a sample excluded or a class undetermined. ``label`` is the sentence for people."""

    label: str

    def __new__(cls, code: str, label: str) -> Reason:
        """A member from its code and its sentence."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        return member

    # measurements
    NO_CURVE = "no-curve", "No standard curve could be fitted on the plate"
    PLATE_FAILED = "plate-failed", "The plate failed its acceptance rule"
    SAMPLE_FAILED = "sample-failed", "The sample failed its acceptance rule"
    SIGNAL_MISSING = "signal-missing", "The instrument gave no usable signal"
    OUTSIDE_CURVE = "outside-curve", "The signal lies outside what the curve can invert"
    FACTOR_MISSING = "factor-missing", "A factor of the unit chain is missing for this sample"
    TOO_FEW_PARTITIONS = "too-few-partitions", "Fewer partitions accepted than the rule asks for"
    ALL_PARTITIONS_POSITIVE = (
        "all-partitions-positive",
        "Every partition is positive: the concentration has no upper bound",
    )
    TOO_FEW_BEADS = "too-few-beads", "Fewer beads counted than the rule asks for"
    # parameters
    NO_SAMPLE = "no-sample", "No measurement in the window"
    FEWER_THAN_TWO_QUANTIFIABLE = "fewer-than-two-quantifiable", "Fewer than two quantifiable values in the window"
    NOTHING_QUANTIFIABLE = "nothing-quantifiable", "No quantifiable value in the window"
    WINDOW_NOT_COVERED = "window-not-covered", "The samples do not cover the window and the rule does not extrapolate"
    TOO_FEW_AFTER_PEAK = "too-few-after-peak", "Fewer quantifiable values after the peak than the line needs"
    NOT_DECLINING = "not-declining", "The last values do not decline: there is no terminal rate"
    NO_EXPANSION_PHASE = "no-expansion-phase", "Fewer than two quantifiable values from the first one to the peak"
    NOT_RISING = "not-rising", "The regression line up to the peak does not rise"
    PEAK_NOT_DETERMINABLE = "peak-not-determinable", "The samples around the peak are too far apart to say where it is"
    PEAK_ABOVE_LIMIT = "peak-above-limit", "A value above the upper limit hides where the peak is"
    CHOSEN_POINT_MISSING = "chosen-point-missing", "A day chosen for the terminal line has no quantified value"
    NO_SECOND_PEAK = "no-second-peak", "The values do not fall and rise again as far as the rule asks for"
    STILL_DETECTED = "still-detected", "Quantifiable in the last sample: loss of detection was not observed"
    NO_STUDY_DAY = "no-study-day", "No sample has a day relative to the infusion"
    UNIT_MISSING = "unit-missing", "An input has no unit"
    POINTS_OPEN = "points-open", "A censored input leaves the number of points open"
    NOT_READABLE = "not-readable", "An input is recorded in words the score does not know"
    DENOMINATOR_NOT_POSITIVE = "denominator-not-positive", "The denominator is zero, missing or censored"
    BOTH_CENSORED = "both-censored", "Numerator and denominator are both censored: the ratio has no bound"
    TOO_FEW_VALUES = "too-few-values", "Fewer values recorded than the rule asks for"
    ONE_CLUSTER = "one-cluster", "The values do not part the subjects into clusters"
    SINGULAR_CLUSTERS = (
        "singular-clusters",
        "The covariance of a cluster is singular: too few subjects for so many values, or a value that others determine",
    )
    NOT_MEASURABLE = "not-measurable", "No measurable lesion at baseline"
    NOT_RECORDED = "not-recorded", "Not recorded for this subject"
    DUPLICATED = "duplicated", "Recorded more than once with different values"
    NOT_IN_SUBGROUP = "not-in-subgroup", "Not in the declared subgroup"
    TOO_FEW_SAMPLES = "too-few-samples", "Fewer samples in the window than the model asks for"
    COVARIATE_MISSING = "covariate-missing", "A covariate of the model is missing or censored"
    MODEL_NOT_FITTED = "model-not-fitted", "Too few subjects for the population model"
    MODEL_NOT_CONVERGED = "model-not-converged", "The population model did not converge by its declared rules"
    NEVER_ABOVE_LIMIT = "never-above-limit", "The curve does not reach the limit of quantification"
    # outcomes
    NOT_TREATED = "not-treated", "No infusion recorded"
    NO_ASSESSMENT = "no-assessment", "No evaluable response assessment after infusion"
    FOLLOW_UP_TOO_SHORT = "follow-up-too-short", "In response at last contact, before the landmark"
    NEW_THERAPY = "new-therapy", "New anticancer therapy in response before the landmark"
    TRANSPLANT = "transplant", "Stem-cell transplant in response before the landmark"
    DIED_IN_RESPONSE = "died-in-response", "Died in response without documented progression"
    PARTIAL_DATE = "partial-date", "The date is incomplete and no imputation rule is declared"
    LESION_NOT_EVALUABLE = "lesion-not-evaluable", "A target lesion was not evaluable or not recorded"
    NOT_CLASSED = "not-classed", "The rule gives this history no class"
    SCALE_MIXED = "scale-mixed", "Grades of more than one scale for one subject"
    NOT_AFFECTED = "not-affected", "The subject did not have the toxicity"
    NO_RESPONSE = "no-response", "The subject had no response whose duration could be measured"
    # why a time to event is censored
    ONGOING = "ongoing", "Censored: no event by the last assessment or contact"
    CENSORED_NO_ASSESSMENT = "censored-no-assessment", "Censored at the start: no evaluable assessment after it"
    CENSORED_NEW_THERAPY = "censored-new-therapy", "Censored at the last assessment before new anticancer therapy"
    CENSORED_TRANSPLANT = "censored-transplant", "Censored at the last assessment before stem-cell transplant"
    CENSORED_MISSED_VISITS = (
        "censored-missed-visits",
        "Censored at the last assessment before the declared number of missed visits",
    )
    CENSORED_DATA_CUT = "censored-data-cut", "Censored at the data cut: what followed is not looked at"
    # analyses
    ONE_CLASS = "one-class", "All subjects are in one class of the endpoint"
    NO_EVENT = "no-event", "No subject with a value has the event"
    OUTCOME_CONSTANT = "outcome-constant", "The outcome takes a single value among the subjects with a biomarker"
    NOBODY_AT_RISK = "nobody-at-risk", "Nobody is at risk any more when the value is known"
    ONE_SUBGROUP = "one-subgroup", "Fewer than two subgroups have an estimate: there is nothing to compare"
    CONSTANT = "constant", "The biomarker takes a single value"
    ALL_CENSORED = "all-censored", "Values are censored, and the limits leave no two of them that can be ordered"
    TOO_FEW = "too-few", "Too few subjects for the method"
    NOT_CONVERGED = "not-converged", "The fit did not converge"
    SEPARATED = "separated", "The biomarker separates the classes: no finite maximum likelihood estimate exists"
    MONOTONE = (
        "monotone",
        "The biomarker orders the outcome without exception: no finite maximum likelihood estimate exists",
    )
    NO_GROUPS = "no-groups", "The biomarker is tied at the cut: all subjects are in one group"
    CENSORED_BOTH_WAYS = "censored-both-ways", "Values are censored below and above: the test takes one side only"
    CLASS_ALL_CENSORED = "class-all-censored", "A class has no quantified value: its mean has no bound"
    NOTHING_MISSING = "nothing-missing", "No value is missing: there is nothing to impute"
    NOT_POSITIVE = "not-positive", "A logarithm is declared and a value is zero or negative"
    NEGATIVE = "negative", "A square root is declared and a value is negative"
    NOT_FINITE = "not-finite", "A value is infinite or not a number"
    NOT_APPLICABLE = "not-applicable", "The method does not apply to this kind of biomarker or endpoint"
    IMMORTAL_TIME = (
        "immortal-time",
        "The groups become known after the start, and no landmark is declared: compared from the start they would be biased",
    )
    UNKNOWN_CLASS = "unknown-class", "The model has not seen this class"
    MORE_COLUMNS_THAN_EVENTS = (
        "more-columns-than-events",
        "The model has as many columns as subjects with the rarer outcome, or more",
    )
    COLLINEAR = "collinear", "Columns of the model are linearly dependent"
    TOO_TIED = "too-tied", "The values are too tied for the knots of a spline"
    NOTHING_SELECTED = "nothing-selected", "No candidate was selected"
    NO_ERROR_BOUND = (
        "no-error-bound",
        "No bound on false selections holds for this many candidates and these settings",
    )
    NOT_ESTIMABLE = "not-estimable", "The quantity is not defined for these data"
