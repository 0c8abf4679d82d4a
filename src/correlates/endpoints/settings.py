"""Settings of the endpoints: every rule that decides a class is here, with its default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from correlates.endpoints.time_settings import TimeToEvent
from correlates.endpoints.toxicity_settings import (
    CrsGrade,
    Cytopenia,
    DailyGrade,
    Duration,
    Icaht,
    IcansGrade,
    Onset,
    TreatmentGiven,
)
from correlates.terms import Durability, Response, Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Infusion:
    """Which administration is the infusion, day 0."""

    category: str | None = None
    """Value of the exposure category (EXCAT) of the infusion."""
    treatment: str | None = None
    """Value of the treatment name (EXTRT) of the infusion."""
    which: Literal["first", "only"] = "first"
    """With several infusions: the first is day 0, or it is an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditioning:
    """Which administrations are the conditioning (lymphodepleting) chemotherapy: baseline ends before its first day."""

    category: str | None = None
    """Value of the exposure category (EXCAT) of the conditioning."""
    treatments: tuple[str, ...] = ()
    """Values of the treatment name (EXTRT) of the conditioning."""
    within: int = 30
    """Days before the infusion within which an administration is of the conditioning; earlier ones are prior therapy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imputation:
    """How a day is made of an incomplete date. Each imputed day is flagged and named by a check; the date stays as written."""

    rule: Literal["first", "middle", "last"]
    """The first day of the month or year, the middle (the 15th; 30 June where the month is missing), or the last."""
    missing: Literal["day", "month"] = "day"
    """What may be missing: the day only, or month and day too; a date with less stays without a day."""
    not_before_infusion: bool = False
    """A day imputed before the infusion becomes the day of infusion, where that lies in the month or year that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesions:
    """How lesions are measured and summed, for tumour burden and for responses derived from lesions."""

    one_diameter: Literal["circular", "missing"] = "circular"
    """A lesion with one diameter where two are needed: taken as circular, or without a size."""
    too_small_mm: float = 5.0
    """Diameter of a lesion that is seen but too small to measure (RECIST 1.1 and Lugano 2014: 5 mm)."""
    products: int = 6
    """Target lesions whose products are summed (SPD): the largest at baseline (Lugano 2014, Cheson 2007: up to six)."""
    diameters: int = 5
    """Target lesions whose diameters are summed: the largest at baseline (RECIST 1.1: up to five)."""
    baseline: Literal["before_conditioning", "before_infusion"] = "before_infusion"
    """Baseline of derived responses: the last evaluation before the first day of conditioning, or on or before day 0."""
    pet_within: int = 14
    """Days between an evaluation of lesions and a PET score without the same visit that still belong together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BestResponse:
    """Best overall response among evaluable assessments after infusion and before progression or new therapy."""

    derive: Literal["best_response"]
    criteria: str = "lugano_2014"
    """Response criteria of the assessments used; recorded with every outcome."""
    evaluator: str | None = None
    """Whose assessments count; null takes the only evaluator, and it is an error when there are several."""
    until_new_therapy: bool = True
    """Assessments after new anticancer therapy do not count."""
    stable_from: int = 1
    """First day on which stable disease counts as best response (RECIST 1.1 asks for a minimum interval, often 42 days)."""
    confirm: tuple[Response, ...] = ()
    """Responses that count only where a later assessment confirms them ([CR, PR] by RECIST 1.1 in trials without a comparator)."""
    confirm_after: int = 28
    """Days after which a response at least as good confirms one (RECIST 1.1: four weeks)."""
    confirm_across: int = 1
    """Assessments not evaluable that may lie between a response and its confirmation."""
    assessments: Literal["recorded", "lesions"] = "recorded"
    """Responses as recorded, or derived from lesions by the criteria (Lugano 2014, Cheson 2007, RECIST 1.1)."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DurableClass:
    """Durable responder, relapsed, nonresponder or undetermined."""

    derive: Literal["durability"]
    landmark: int = 365
    """Day on which a response must still be ongoing to be durable."""
    nonresponder_best: tuple[Response, ...] = (Response.SD, Response.PD)
    """Best responses that make a nonresponder."""
    relapse: Literal["by_landmark", "any_time"] = "by_landmark"
    """Whether a relapse after the landmark still makes a relapsed subject (any_time) or leaves a durable one."""
    death_in_response: Literal["undetermined", "relapsed"] = "undetermined"
    """Death in response before the landmark without documented progression."""
    new_therapy_in_response: Literal["undetermined", "relapsed", "ongoing"] = "undetermined"
    """New anticancer therapy in response before the landmark; ongoing follows the response beyond it."""
    transplant_in_response: Literal["undetermined", "ongoing"] = "undetermined"
    """Stem-cell transplant in response before the landmark."""
    follow_up_by: Literal["assessment", "contact"] = "contact"
    """What shows that a response is ongoing at the landmark: a response assessment, or any later contact, on or after the landmark."""
    window: int = 0
    """Days before the landmark within which the last assessment or contact still counts."""
    follow_up_too_short: Literal["undetermined", "durable", "relapsed"] = "undetermined"
    """In response when last seen, before the landmark: undetermined, or the best or the worst it may be."""
    assessments: Literal["recorded", "lesions"] = "recorded"
    """Responses as recorded, or derived from lesions by the criteria (Lugano 2014, Cheson 2007, RECIST 1.1)."""
    criteria: str | None = None
    """Response criteria of the assessments used; null takes the only criteria, and it is an error when there are several."""
    evaluator: str | None = None
    """Whose assessments count; null takes the only evaluator, and it is an error when there are several."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseTime:
    """Days from the infusion to the first response."""

    derive: Literal["time_to_response"]
    reach: Response = Response.PR
    """The least response that counts: PR for the first response, CR for the first complete one."""
    among: Literal["responders", "all"] = "responders"
    """Of whom: responders only, or all, those without a response censored at their last assessment."""
    until_new_therapy: bool = True
    """Assessments after new anticancer therapy or a transplant do not count."""
    criteria: str | None = None
    """Response criteria of the assessments used; null takes the only criteria, and it is an error when there are several."""
    evaluator: str | None = None
    """Whose assessments count; null takes the only evaluator, and it is an error when there are several."""
    assessments: Literal["recorded", "lesions"] = "recorded"
    """Responses as recorded, or derived from lesions by the criteria (Lugano 2014, Cheson 2007, RECIST 1.1)."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassIs:
    """A yes-or-no endpoint made of a class endpoint: event where the class is among ``yes``."""

    derive: Literal["class_is"]
    of: str
    """The class endpoint."""
    yes: tuple[str, ...]
    """Classes that count as the event."""
    no: tuple[str, ...] | None = None
    """Classes that count as no event; null takes all other determined classes."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxGrade:
    """Maximum toxicity grade."""

    derive: Literal["max_grade"]
    category: str | None = None
    """Category of the adverse events (AECAT) that count."""
    terms: tuple[str, ...] = ()
    """Preferred terms that count (case does not matter), in addition to the category."""
    scale: Scale
    """Grading scale the grades must be of; a file that says otherwise is an error."""
    window: tuple[int, int] = (0, 90)
    """First and last onset day that count."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AtLeast:
    """A yes-or-no endpoint made of a grade: event where the maximum grade is at least ``grade``."""

    derive: Literal["at_least"]
    of: str
    """The grade endpoint."""
    grade: int
    """Smallest grade that counts."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An outcome taken as recorded from a column of a table source."""

    derive: Literal["recorded"]
    source: str
    """The table source."""
    column: str
    """Column of the table."""
    yes: tuple[str, ...] | None = None
    """Values that count as the event (binary); null keeps the values as classes."""
    no: tuple[str, ...] | None = None
    """Values that count as no event; null takes all other values."""
    label: str | None = None


Endpoint = (
    BestResponse
    | DurableClass
    | ResponseTime
    | ClassIs
    | MaxGrade
    | AtLeast
    | Recorded
    | TimeToEvent
    | DailyGrade
    | CrsGrade
    | IcansGrade
    | Onset
    | Duration
    | TreatmentGiven
    | Icaht
    | Cytopenia
)

ORDER = (Durability.DURABLE, Durability.RELAPSED, Durability.NONRESPONDER)
