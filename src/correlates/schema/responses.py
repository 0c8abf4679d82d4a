"""Responses: the response at each evaluation, derived from lesions, beside the one that was recorded."""

from correlates.schema.table import FLAG, NUMBER, TEXT, TEXTS, WHOLE, Column, Table
from correlates.terms import Response

RESPONSES = Table(
    name="responses",
    row="subject, criteria, evaluator and evaluation",
    key=("subject_id", "criteria", "evaluator", "day"),
    columns=(
        Column(name="subject_id", dtype=TEXT, nullable=False, meaning="the subject"),
        Column(name="criteria", dtype=TEXT, nullable=False, meaning="response criteria it was derived by"),
        Column(
            name="evaluator",
            dtype=TEXT,
            nullable=False,
            meaning="who measured the lesions; empty text when the file does not say",
        ),
        Column(name="day", dtype=WHOLE, unit="day", nullable=False, meaning="day relative to the infusion"),
        Column(
            name="day_imputed", dtype=TEXT, meaning="part of the date of the lesions that was imputed for day (D, M)"
        ),
        Column(name="visit", dtype=TEXT, meaning="visit as written"),
        Column(name="response", dtype=TEXT, nullable=False, terms=Response, meaning="derived response"),
        Column(name="ct", dtype=TEXT, terms=Response, meaning="part of it that CT gives, where PET has a part too"),
        Column(name="pet", dtype=TEXT, terms=Response, meaning="part of it that PET gives"),
        Column(name="rule", dtype=TEXT, nullable=False, meaning="what decided, in words"),
        Column(name="detail", dtype=TEXT, meaning="what stood against a better response, and what stood in for a size"),
        Column(
            name="baseline_day", dtype=WHOLE, unit="day", meaning="day of the evaluation that was taken as baseline"
        ),
        Column(
            name="total",
            dtype=NUMBER,
            meaning="sum of the target lesions the criteria use: products in mm2, of RECIST 1.1 diameters in mm",
        ),
        Column(name="from_baseline", dtype=NUMBER, unit="%", meaning="change of the sum from baseline"),
        Column(name="from_nadir", dtype=NUMBER, unit="%", meaning="change of the sum from the smallest one before"),
        Column(name="recorded", dtype=TEXT, meaning="response recorded by the same evaluator, as written"),
        Column(name="recorded_day", dtype=WHOLE, unit="day", meaning="day of the recorded response"),
        Column(name="agrees", dtype=FLAG, meaning="whether both say the same; null where either is missing"),
        Column(name="source_ids", dtype=TEXTS, nullable=False, meaning="source_id of the rows used"),
    ),
)
