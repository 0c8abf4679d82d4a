from __future__ import annotations

import dataclasses

import pytest

from correlates.endpoints import ENDPOINTS
from correlates.endpoints.settings import AtLeast, BestResponse, ClassIs, DurableClass, MaxGrade, Recorded
from correlates.tables.rules import SENTENCES, in_words
from correlates.terms import Scale

LABELS = {"durability": "Durability", "crs_grade": "Maximum CRS grade", "class:durable": "Durable responders"}


def _rule(settings):
    return {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(settings).items()}


@pytest.mark.parametrize("record", ENDPOINTS, ids=lambda r: r.code)
def test_every_kind_of_endpoint_has_a_sentence(record):
    assert record.code in SENTENCES


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            BestResponse(derive="best_response"),
            "Best overall response (Lugano 2014) of the evaluable assessments after the infusion and up to progression or new "
            "anticancer therapy.",
        ),
        (
            BestResponse(derive="best_response", stable_from=42, until_new_therapy=False, evaluator="IRC"),
            "Best overall response (Lugano 2014, read by IRC) of the evaluable assessments after the infusion and up to "
            "progression. Stable disease counts from day 42.",
        ),
        (
            DurableClass(derive="durability"),
            "Durable: response without progression by day 365, shown by any contact on or after that day. Relapsed: response, "
            "then progression by day 365. Nonresponder: best response SD or PD. In response before day 365, death or new "
            "anticancer therapy or stem-cell transplant: undetermined.",
        ),
        (
            DurableClass(
                derive="durability",
                landmark=180,
                relapse="any_time",
                death_in_response="relapsed",
                transplant_in_response="ongoing",
                follow_up_by="assessment",
                window=14,
            ),
            "Durable: response without progression by day 180, shown by a response assessment on or after that day (or up to 14 "
            "days before). Relapsed: response, then progression at any time. Nonresponder: best response SD or PD. In response "
            "before day 180, death: relapsed; new anticancer therapy: undetermined; stem-cell transplant: does not end the response.",
        ),
        (
            ClassIs(derive="class_is", of="durability", yes=("durable",), no=("relapsed", "nonresponder")),
            "Durability: yes for Durable responders; no for relapsed or nonresponder. The undetermined have no outcome.",
        ),
        (
            MaxGrade(derive="max_grade", category="CRS", scale=Scale.LEE_2014, window=(0, 30)),
            "Highest grade (Lee 2014) of adverse events of category CRS with onset on days 0 to 30; 0 where there was none.",
        ),
        (AtLeast(derive="at_least", of="crs_grade", grade=3), "Yes where Maximum CRS grade is 3 or higher."),
        (
            Recorded(derive="recorded", source="cohort", column="RESP", yes=("CR", "PR")),
            "As recorded in column RESP of cohort. Yes: CR or PR; no: every other value.",
        ),
    ],
)
def test_the_sentence_follows_the_settings(settings, sentence):
    assert in_words(_rule(settings), LABELS) == sentence


def test_a_kind_without_a_sentence_is_told_by_its_settings():
    assert in_words({"derive": "new_kind", "some_days": 3, "label": "x"}, {}) == "derive new_kind; some days 3"
