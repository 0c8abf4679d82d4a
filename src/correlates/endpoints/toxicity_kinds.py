"""The kinds of toxicity endpoint that are made of daily records, of other toxicity endpoints, of treatments and of blood counts."""

from correlates.endpoints.counts import derive_cytopenia, derive_icaht
from correlates.endpoints.daily import derive_crs_grade, derive_daily_grade, derive_icans_grade
from correlates.endpoints.record import EndpointKind
from correlates.endpoints.spells import derive_duration, derive_onset
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
from correlates.endpoints.treatments import derive_given

_PAGE = "methods/toxicity_grades.md"
_COUNTS = "methods/haematotoxicity.md"
_ASTCT = "Lee 2019, Biol Blood Marrow Transplant 25:625"
_ICAHT = "Rejeski 2023, Blood 142:865"

TOXICITIES = (
    EndpointKind(
        code="daily_grade",
        label="Maximum of a grade recorded day by day",
        settings=DailyGrade,
        needs=("subjects", "daily"),
        function=derive_daily_grade,
        formula="maximum of the grades recorded on the days of the window",
        citation="",
        page=_PAGE,
    ),
    EndpointKind(
        code="crs_grade",
        label="Maximum grade of cytokine release syndrome, from its components",
        settings=CrsGrade,
        needs=("subjects", "daily"),
        function=derive_crs_grade,
        formula="maximum over the days of the window of the grade that fever, hypotension, hypoxia and (Lee 2014) organ toxicity give",
        citation=f"{_ASTCT}; Lee 2014, Blood 124:188",
        page=_PAGE,
    ),
    EndpointKind(
        code="icans_grade",
        label="Maximum grade of ICANS, from its components",
        settings=IcansGrade,
        needs=("subjects", "daily"),
        function=derive_icans_grade,
        formula="maximum over the days of the window of the most severe of ICE score, consciousness, seizure, motor weakness and oedema",
        citation=_ASTCT,
        page=_PAGE,
    ),
    EndpointKind(
        code="onset",
        label="Onset of a toxicity",
        settings=Onset,
        needs=("subjects",),
        function=derive_onset,
        formula="days from the infusion to the first day of at least the grade; death before it competes",
        citation="",
        page=_PAGE,
    ),
    EndpointKind(
        code="duration",
        label="Duration of a toxicity",
        settings=Duration,
        needs=("subjects",),
        function=derive_duration,
        formula="days from the first to the last day of at least the grade, both counted; censored where it had not resolved",
        citation="",
        page=_PAGE,
    ),
    EndpointKind(
        code="given",
        label="Treatment given",
        settings=TreatmentGiven,
        needs=("exposure", "daily"),
        function=derive_given,
        formula="yes where any of the treatments was given on a day of the window",
        citation="",
        page=_PAGE,
    ),
    EndpointKind(
        code="icaht",
        label="Haematotoxicity (ICAHT) from neutrophil counts",
        settings=Icaht,
        needs=("labs", "assessments", "disposition"),
        function=derive_icaht,
        formula="early: longest period at or below 500/uL (up to 6 days 1, 7-13 days 2, from 14 days 3, never above 4) and at or below 100/uL "
        "(from 7 days 3, from 14 days 4); late: lowest count at or below 1500, 1000, 500, 100/uL",
        citation=_ICAHT,
        page=_COUNTS,
    ),
    EndpointKind(
        code="cytopenia",
        label="Prolonged cytopenia",
        settings=Cytopenia,
        needs=("labs",),
        function=derive_cytopenia,
        formula="yes where the count nearest to the day is below the limit",
        citation=_ICAHT,
        page=_COUNTS,
    ),
)
