"""Study days, infusions, and dates that contradict each other."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from tests.unit.endpoints.clinic import date, tables

from correlates.endpoints import derive, study_days
from correlates.endpoints.settings import BestResponse, Conditioning, Imputation, Infusion
from correlates.errors import DerivationError
from correlates.schema.clinical import ASSESSMENTS, EXPOSURE, SUBJECTS


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


@pytest.mark.parametrize(
    ("rule", "missing", "bounded", "text", "day", "flag"),
    [  # the infusion is on 2020-01-01; 2020 is a leap year
        ("first", "day", False, "2020-02", 31, "D"),
        ("middle", "day", False, "2020-02", 45, "D"),
        ("last", "day", False, "2020-02", 59, "D"),
        ("last", "day", False, "2020-02--", 59, "D"),
        ("first", "day", False, "2020", None, None),  # the month is missing, and the rule covers the day only
        ("first", "month", False, "2020", 0, "M"),
        ("middle", "month", False, "2020", 181, "M"),  # 30 June
        ("last", "month", False, "2020", 365, "M"),
        ("last", "month", False, "2020---15", 365, "M"),
        ("first", "month", False, "2019", -365, "M"),
        ("first", "day", False, "2020-01", 0, "D"),
        ("first", "day", True, "2019-12", -31, "D"),  # the month lies before the infusion: nothing is moved
        ("middle", "month", True, "2019", -185, "M"),
        ("first", "month", True, "2020-01", 0, "D"),
        ("last", "day", False, "2020-02-30", None, None),  # no date at all
        ("last", "day", False, "2020-13", None, None),
        ("last", "day", False, "2020-02-03", 33, None),  # complete: nothing to impute
    ],
)
def test_incomplete_dates_by_declared_rule(rule, missing, bounded, text, day, flag):
    given = tables(responses=[(text, "CR")])
    how = Imputation(rule=rule, missing=missing, not_before_infusion=bounded)
    made = study_days(given, Infusion(), imputation={"assessments": how})
    row = made.tables["assessments"].row(0, named=True)
    assert (row["day"], row["day_imputed"], row["date"]) == (day, flag, text)
    named = made.checks.filter(pl.col("rule") == "imputed-date")
    assert named.height == (flag is not None)
    if flag is not None:
        assert f"P: {text} as day {day}" in named["found"][0]
        assert named["source_ids"].to_list() == [["rs/0"]]


def test_a_day_imputed_before_the_infusion_can_be_moved_to_it():
    given = tables(adverse=[{"term": "CRS", "date": "2019"}], treated=False)
    given["exposure"] = EXPOSURE.frame(
        [{"subject_id": "P", "treatment": "CAR T", "date": "2019-06-10", "source_id": "ex/P"}]
    )
    how = Imputation(rule="first", missing="month", not_before_infusion=True)
    made = study_days(given, Infusion(), imputation={"adverse_events": how}).tables["adverse_events"]
    assert made.filter(pl.col("term") == "CRS").select("day", "day_imputed").rows() == [(0, "M")]


def test_the_rule_of_a_date_goes_before_the_rule_of_its_table():
    given = tables(death="2020-02", contact="2020-02")
    rules = {"subjects": Imputation(rule="first"), "subjects.death_date": Imputation(rule="last")}
    row = study_days(given, Infusion(), imputation=rules).tables["subjects"].row(0, named=True)
    assert (row["death_day"], row["death_day_imputed"]) == (59, "D")
    assert (row["last_contact_day"], row["last_contact_day_imputed"]) == (31, "D")


def test_the_infusion_is_never_imputed():
    given = tables(treated=False)
    given["exposure"] = EXPOSURE.frame(
        [{"subject_id": "P", "treatment": "CAR T", "date": "2020-01", "source_id": "ex/P"}]
    )
    made = study_days(given, Infusion(), imputation={"exposure": Imputation(rule="first")})
    assert made.tables["exposure"]["day"].to_list() == [None]
    assert made.exclusions["reason"].to_list() == ["partial-date"]


def test_conditioning_is_found_within_its_days():
    given = tables()
    rows = [("CYCLOPHOSPHAMIDE", -5), ("FLUDARABINE", -4), ("CYCLOPHOSPHAMIDE", -200), ("BRIDGING", -15)]
    more = [
        {"subject_id": "P", "treatment": t, "category": "CONDITIONING", "date": date(d), "source_id": f"ex/{d}"}
        for t, d in rows
    ]
    given["exposure"] = pl.concat([given["exposure"], EXPOSURE.frame(more)])
    infusion = Infusion(treatment="CAR T")
    by_treatment = Conditioning(treatments=("cyclophosphamide", "FLUDARABINE"))
    made = study_days(given, infusion, by_treatment)
    assert made.tables["subjects"]["conditioning_day"].to_list() == [-5]
    assert study_days(given, infusion).tables["subjects"]["conditioning_day"].to_list() == [None]
    with pytest.raises(DerivationError, match="category of the conditioning"):
        study_days(given, infusion, Conditioning(category="LYMPHODEPLETION"))
    none = study_days(given, infusion, Conditioning(treatments=("FLUDARABINE",), within=2))
    assert none.checks.filter(pl.col("rule") == "no-conditioning")["item"].to_list() == ["P"]


def test_records_that_count_days_from_the_infusion_need_no_dates():
    people = SUBJECTS.frame([{"subject_id": "P", "infusion_date": "day 0", "source_id": "p"}])
    seen = ASSESSMENTS.frame(
        [
            {"subject_id": "P", "test": "OVRLRESP", "response": r, "day": d, "source_id": f"{d}"}
            for r, d in (("PR", 30), ("PD", 90))
        ]
    )
    made = study_days({"subjects": people, "assessments": seen}, Infusion())
    assert made.exclusions.is_empty()
    found = derive({"best": BestResponse(derive="best_response")}, dict(made.tables)).outcomes.row(0, named=True)
    assert (found["category"], found["day"]) == ("PR", 30)


def test_a_day_that_contradicts_its_date_is_named():
    given = tables(responses=[(30, "PR")])
    given["assessments"] = given["assessments"].with_columns(day=pl.lit(29, pl.Int64))
    made = study_days(given, Infusion())
    assert made.tables["assessments"]["day"].to_list() == [30]
    named = made.checks.filter(pl.col("rule") == "day-differs").row(0, named=True)
    assert named["found"] == "2020-01-31 is day 30, the file says day 29"
