"""Study days, infusions, and dates that contradict each other."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from tests.unit.endpoints.clinic import date, tables

from correlates.endpoints import study_days
from correlates.endpoints.settings import Infusion
from correlates.errors import DerivationError
from correlates.schema.clinical import EXPOSURE


def exposure(*rows: tuple[str, str, int | str | None]) -> pl.DataFrame:
    return EXPOSURE.frame(
        [
            {"subject_id": "P", "treatment": t, "category": c, "date": date(d), "source_id": f"ex/{i}"}
            for i, (t, c, d) in enumerate(rows)
        ]
    )


def rules(**given: Any) -> list[str]:
    return study_days(tables(**given), Infusion()).checks["rule"].to_list()


def test_days_count_from_the_infusion() -> None:
    made = study_days(
        tables(responses=[(-21, "PD"), (0, "CR"), (29, "CR")], death=400, contact="2021-03-01T10:30"), Infusion()
    )
    assert made.tables["assessments"]["day"].to_list() == [-21, 0, 29]
    person = made.tables["subjects"].row(0, named=True)
    assert (person["death_day"], person["last_contact_day"], person["infusion_date"]) == (400, 425, "2020-01-01")
    assert made.exclusions.is_empty()


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("2020-02", "partial-date"),
        ("2020", "partial-date"),
        ("2020---15", "partial-date"),
        ("2020-02-30", "unreadable-date"),
        ("05MAR2020", "unreadable-date"),
        ("05/03/2020", "unreadable-date"),
    ],
)
def test_dates_without_a_day(text: str, rule: str) -> None:
    made = study_days(tables(responses=[(text, "CR")]), Infusion())
    assert made.tables["assessments"]["day"].to_list() == [None]
    check = made.checks.row(0, named=True)
    assert (check["rule"], check["item"], check["value"], check["found"]) == (rule, "assessments", 1.0, f"P: {text}")


def test_which_administration_is_the_infusion() -> None:
    given = tables()
    given["exposure"] = exposure(("FLUDARABINE", "CONDITIONING", -5), ("CAR T", "STUDY", 0))
    with pytest.raises(DerivationError, match="does not say which is the infusion"):
        study_days(given, Infusion())
    for rule in (Infusion(category="study"), Infusion(treatment="CAR T")):
        made = study_days(given, rule)
        assert made.tables["exposure"]["day"].to_list() == [-5, 0]
    with pytest.raises(DerivationError, match="Did you mean 'STUDY'"):
        study_days(given, Infusion(category="STUDDY"))


def test_two_infusions() -> None:
    given = tables()
    given["exposure"] = exposure(("CAR T", "STUDY", 30), ("CAR T", "STUDY", 0), ("CAR T", "STUDY", 0))
    made = study_days(given, Infusion())
    assert made.tables["subjects"]["infusion_date"].to_list() == ["2020-01-01"]
    assert made.checks.select("rule", "found").rows() == [("several-infusions", "infusions on 2020-01-01, 2020-01-31")]
    with pytest.raises(DerivationError, match="Subject P has infusions on more than one day"):
        study_days(given, Infusion(which="only"))


def test_no_infusion_is_not_treated() -> None:
    made = study_days(tables(subjects=("P", "Q"), treated=False, responses=[(29, "CR")]), Infusion())
    assert made.tables["assessments"]["day"].to_list() == [None]
    assert made.exclusions.select("subject_id", "scope", "reason").rows() == [
        ("P", "treated", "not-treated"),
        ("Q", "treated", "not-treated"),
    ]


def test_an_infusion_without_a_date_is_an_infusion() -> None:
    given = tables(responses=[(29, "CR")])
    given["exposure"] = exposure(("CAR T", "STUDY", None))
    made = study_days(given, Infusion())
    assert made.exclusions.select("reason", "detail").rows() == [("partial-date", "infusion on -")]


def test_an_incomplete_infusion_date_gives_no_days() -> None:
    given = tables(responses=[(29, "CR")])
    given["exposure"] = exposure(("CAR T", "STUDY", "2020-01"), ("CAR T", "STUDY", 9))
    made = study_days(given, Infusion())
    assert made.tables["assessments"]["day"].to_list() == [None]
    assert made.exclusions["reason"].to_list() == ["partial-date"]


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"responses": [(29, "CR")], "death": 20}, "after-death"),
        ({"labs": [29], "contact": 20}, "after-last-contact"),
        ({"death": 20, "contact": 30}, "contact-after-death"),
        ({"death": 20, "events": [("DEATH", 21)]}, "death-dates-differ"),
        ({"responses": [(-1, "PD")]}, "progression-before-infusion"),
        ({"responses": [(0, "PMD")]}, "progression-before-infusion"),
        ({"adverse": [{"term": "X", "date": 5, "end_date": 4}]}, "end-before-start"),
    ],
)
def test_dates_that_contradict_each_other(given: dict[str, Any], rule: str) -> None:
    assert rules(**given) == [rule]


def test_a_death_before_the_infusion() -> None:
    # the infusion and an adverse event come after it
    assert rules(death=-1) == ["after-death", "after-death", "death-before-infusion"]


def test_dates_that_agree_raise_nothing() -> None:
    assert rules(responses=[(29, "CR", "W4"), (91, "PD", "M3")], death=120, contact=120, events=[("DEATH", 120)]) == []


def test_visits_out_of_order_are_named() -> None:
    given = tables(subjects=("P", "Q", "R"))
    rows = [(s, v, d) for s in ("P", "Q", "R") for v, d in (("Week 4", 28), ("Month 3", 91), ("UNSCHEDULED", 3))]
    rows = [(s, v, 12 if (s, v) == ("R", "Month 3") else d) for s, v, d in rows]
    given["assessments"] = given["assessments"].clear()
    given["assessments"] = pl.DataFrame(
        {
            "subject_id": [r[0] for r in rows],
            "visit": [r[1] for r in rows],
            "date": [date(r[2]) for r in rows],
            "test": "OVRLRESP",
            "response": "CR",
            "source_id": [f"rs/{i}" for i in range(len(rows))],
        }
    ).select(*[pl.col(c) if c in {"subject_id", "visit", "date", "test", "response", "source_id"} else pl.lit(None).alias(c)
               for c in given["assessments"].columns])  # fmt: skip
    checks = study_days(given, Infusion()).checks
    assert checks.select("item", "rule", "found").rows() == [
        ("R", "visits-reversed", "Week 4 on day 28, Month 3 on day 12")
    ]


def test_every_check_is_one_row() -> None:
    checks = study_days(tables(responses=[(29, "CR"), (30, "CR")], death=20), Infusion()).checks
    assert checks["check_id"].is_unique().all()
    assert checks["source_ids"].to_list() == [["rs/0", "rs/1"]]
