from __future__ import annotations

import polars as pl
from tests.unit.figures.small_run import LABELS, empty, outcomes

from correlates.schema import EXCLUSIONS, conform
from correlates.tables import endpoints, exclusions, populations, rules

REASONS = {"follow-up-too-short": "In response at last contact", "no-value": "No value"}
CLASSED = {"A": "durable", "B": "durable", "C": "relapsed", "D": None}


def test_classes_are_counted_of_all_and_of_the_determined():
    table = endpoints(outcomes(CLASSED), LABELS, REASONS)
    rows = list(zip(*(c.texts for c in table.columns), strict=True))
    assert rows == [
        ("Durability at one year", "Durable responders", "2", "50 %", "67 %"),
        ("Durability at one year", "Relapsed", "1", "25 %", "33 %"),
        ("Durability at one year", "Undetermined: In response at last contact", "1", "25 %", "–"),
    ]


def test_the_rule_stands_once_per_endpoint_in_words():
    table = rules(outcomes(CLASSED), LABELS)
    assert table.height == 1
    assert table.column("Rule").texts[0].startswith("Durable: response without progression by day 365")


def test_no_endpoint_is_no_table():
    assert endpoints(empty()["outcomes"], {}, {}) is None
    assert rules(empty()["outcomes"], {}) is None


def _excluded():
    rows = [
        {"subject_id": "B", "scope": "population:ev", "reason": "no-value", "detail": "CMAX has no value"},
        {"subject_id": "D", "scope": "durability", "reason": "follow-up-too-short", "detail": None},
    ]
    return conform(pl.DataFrame(rows), EXCLUSIONS)


def test_a_population_says_who_is_in_and_why_the_others_are_not():
    analysis = pl.DataFrame({"subject_id": ["A", "B"], "population:all": [True, True], "population:ev": [True, False]})
    table = populations(analysis, _excluded(), {"ev": "Evaluable"}, REASONS)
    rows = list(zip(*(c.texts for c in table.columns), strict=True))
    assert rows == [("all", "all", "2", "0", "–"), ("Evaluable", "ev", "1", "1", "No value: 1")]


def test_exclusions_are_told_in_words():
    table = exclusions(_excluded(), LABELS | {"ev": "Evaluable"}, REASONS)
    rows = list(zip(*(c.texts for c in table.columns), strict=True))
    assert rows == [
        ("D", "Durability at one year", "In response at last contact", "–"),
        ("B", "Evaluable", "No value", "CMAX has no value"),
    ]
    assert exclusions(empty()["exclusions"], {}, {}) is None
