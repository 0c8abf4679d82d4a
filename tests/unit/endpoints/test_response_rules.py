"""Confirmation, time to response, IMWG, imputed dates, and how the durable classes depend on their settings; worked by hand."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from tests.unit.endpoints.clinic import date, dated, tables

from correlates.endpoints import derive, study_days
from correlates.endpoints.sensitivity import VARIATIONS
from correlates.endpoints.settings import BestResponse, DurableClass, Imputation, Infusion, ResponseTime
from correlates.errors import DerivationError
from correlates.terms import Response

NEW, SCT = "NEW ANTICANCER THERAPY", "STEM CELL TRANSPLANT"
CONFIRMED = BestResponse(
    derive="best_response", criteria="recist_1_1", stable_from=42, confirm=(Response.CR, Response.PR)
)


def outcome(spec: Any, **given: Any) -> dict[str, Any]:
    return derive({"e": spec}, dated(**given)).outcomes.row(0, named=True)


# RECIST 1.1, Table 3: best overall response when confirmation of CR and PR is required. Days; stable disease counts from day 42
TABLE_3: list[tuple[str, list[tuple[int, str]], str | None, int | None]] = [
    ("CR, CR", [(30, "CR"), (60, "CR")], "CR", 30),
    ("CR, CR 28 days later", [(30, "CR"), (58, "CR")], "CR", 30),
    ("CR, CR 27 days later: stable disease once it counts", [(30, "CR"), (57, "CR")], "SD", 57),
    ("CR, PR: not confirmed, SD if the minimum was met", [(50, "CR"), (80, "PR")], "SD", 50),
    ("CR, SD: SD if the minimum was met", [(50, "CR"), (80, "SD")], "SD", 50),
    ("CR before the minimum, PD: PD", [(30, "CR"), (60, "PD")], "PD", 60),
    ("CR after the minimum, PD: SD", [(50, "CR"), (80, "PD")], "SD", 50),
    ("CR before the minimum, NE: NE", [(30, "CR"), (60, "NE")], None, None),
    ("CR after the minimum, NE: SD", [(50, "CR"), (80, "NE")], "SD", 50),
    ("PR, CR: PR", [(30, "PR"), (60, "CR")], "PR", 30),
    ("PR, PR: PR", [(30, "PR"), (60, "PR")], "PR", 30),
    ("PR, SD: SD", [(50, "PR"), (80, "SD")], "SD", 50),
    ("PR after the minimum, PD: SD", [(50, "PR"), (80, "PD")], "SD", 50),
    ("PR before the minimum, PD: PD", [(30, "PR"), (60, "PD")], "PD", 60),
    ("PR before the minimum, NE: NE", [(30, "PR"), (60, "NE")], None, None),
    ("NE, NE: NE", [(50, "NE"), (80, "NE")], None, None),
    ("PR, NE, PR: one in between may not be evaluable", [(30, "PR"), (60, "NE"), (90, "PR")], "PR", 30),
    ("PR, NE, NE, PR: two may not", [(30, "PR"), (50, "NE"), (70, "NE"), (90, "PR")], "SD", 90),
    ("PR, SD, PR: the chain is broken", [(30, "PR"), (60, "SD"), (90, "PR")], "SD", 60),
    ("PR, PR, CR, CR: confirmed CR betters confirmed PR", [(30, "PR"), (60, "PR"), (90, "CR"), (120, "CR")], "CR", 90),
    ("PR, CR, PD: CR not confirmed, PR is", [(30, "PR"), (60, "CR"), (90, "PD")], "PR", 30),
]


@pytest.mark.parametrize(("case", "responses", "expected", "day"), TABLE_3, ids=[c[0] for c in TABLE_3])
def test_confirmation(case: str, responses: list[tuple[int, str]], expected: str | None, day: int | None) -> None:
    found = outcome(CONFIRMED, responses=responses, contact=400)
    assert (found["category"], found["day"]) == (expected, day), found["detail"]


def test_what_confirmed_it_and_when_it_is_known_is_said() -> None:
    found = outcome(CONFIRMED, responses=[(30, "CR"), (60, "CR"), (90, "CR")])
    assert found["detail"] == "CR on day 30, confirmed on day 60, the best of 3 assessments"
    assert found["known_on_day"] == 60
    found = outcome(CONFIRMED, responses=[(50, "CR"), (60, "PD")])
    assert found["detail"] == "CR on day 50, not confirmed: counts as SD, progression on day 60"


TIMES: list[tuple[str, dict[str, Any], dict[str, Any], float | None, bool | None, str | None]] = [
    ("first response", {"responses": [(29, "SD"), (60, "PR"), (90, "CR")]}, {}, 60, True, None),
    ("first complete response", {"responses": [(29, "PR"), (90, "CR")]}, {"reach": Response.CR}, 90, True, None),
    ("no response", {"responses": [(29, "SD"), (60, "PD")]}, {}, None, None, "no-response"),
    ("no response, among all: censored", {"responses": [(29, "SD"), (60, "PD")]}, {"among": "all"}, 60, False, "no-response"),
    ("a response after progression does not count", {"responses": [(29, "PD"), (60, "CR")]}, {}, None, None, "no-response"),
    ("nor after new therapy", {"responses": [(29, "SD"), (60, "CR")], "events": [(NEW, 40)]}, {}, None, None, "no-response"),
    ("unless it does", {"responses": [(29, "SD"), (60, "CR")], "events": [(NEW, 40)]}, {"until_new_therapy": False}, 60, True, None),
    ("nothing assessed", {}, {}, None, None, "no-assessment"),
    ("an incomplete date decides it", {"responses": [("2020-02", "PR")]}, {}, None, None, "partial-date"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "given", "settings", "time", "event", "reason"), TIMES, ids=[c[0] for c in TIMES])
def test_time_to_response(
    case: str,
    given: dict[str, Any],
    settings: dict[str, Any],
    time: float | None,
    event: bool | None,
    reason: str | None,
) -> None:
    found = outcome(ResponseTime(derive="time_to_response", **settings), **given)
    assert (found["kind"], found["time"], found["event"], found["reason"]) == ("time", time, event, reason)


# International Myeloma Working Group (Kumar 2016, Lancet Oncol 17:e328), as recorded
@pytest.mark.parametrize(
    ("words", "best", "durable"),
    [
        (["MR", "VGPR", "CR", "sCR"], "sCR", "durable"),
        (["PR", "VERY GOOD PARTIAL RESPONSE"], "VGPR", "durable"),
        (["MINIMAL RESPONSE", "SD"], "MR", None),
        (["SD", "PD"], "SD", "nonresponder"),
        (["VGPR", "PD"], "VGPR", "relapsed"),
    ],
)
def test_imwg_as_recorded(words: list[str], best: str, durable: str | None) -> None:
    rows = [(30 * (i + 1), word, None, None, "IMWG 2016") for i, word in enumerate(words)]
    spec = BestResponse(derive="best_response", criteria="imwg")
    assert outcome(spec, responses=rows, contact=400)["category"] == best
    found = outcome(DurableClass(derive="durability", criteria="imwg"), responses=rows, contact=400)
    assert found["category"] == durable
    if durable is None:
        assert found["reason"] == "not-classed"
        wider = DurableClass(
            derive="durability", criteria="imwg", nonresponder_best=(Response.MR, Response.SD, Response.PD)
        )
        assert outcome(wider, responses=rows, contact=400)["category"] == "nonresponder"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [({}, None), ({"follow_up_too_short": "durable"}, "durable"), ({"follow_up_too_short": "relapsed"}, "relapsed")],
)
def test_follow_up_that_is_too_short(settings: dict[str, Any], expected: str | None) -> None:
    found = outcome(DurableClass(derive="durability", **settings), responses=[(29, "CR")], contact=200)
    assert found["category"] == expected
    assert found["reason"] == (None if expected else "follow-up-too-short")


def test_new_therapy_that_does_not_end_the_response() -> None:
    given: dict[str, Any] = {"responses": [(29, "PR"), (200, "PD")], "events": [(NEW, 100)], "contact": 400}
    assert outcome(DurableClass(derive="durability"), **given)["reason"] == "new-therapy"
    found = outcome(DurableClass(derive="durability", new_therapy_in_response="ongoing"), **given)
    assert (found["category"], found["day"]) == ("relapsed", 200)


def test_an_imputed_day_is_said_with_the_outcome() -> None:
    given = tables(responses=[(29, "CR"), ("2020-06", "PD")], contact=400)
    made = dict(study_days(given, Infusion(), imputation={"assessments": Imputation(rule="last")}).tables)
    found = derive({"e": DurableClass(derive="durability")}, made).outcomes.row(0, named=True)
    assert (found["category"], found["day"]) == ("relapsed", 181)
    assert found["detail"].endswith("; imputed: assessment of 2020-06 as day 181")


def test_sensitivity_counts_every_setting() -> None:
    given = tables(responses=[(29, "CR")], contact=200, events=[("INFORMED CONSENT OBTAINED", -30)])
    made = dict(study_days(given, Infusion()).tables)
    table = derive({"d": DurableClass(derive="durability")}, made).sensitivity
    wide = table.pivot("category", index=["setting", "value", "changed"], values="n", maintain_order=True)
    assert wide.row(0, named=True) == {
        "setting": "as declared", "value": "as declared", "changed": 0,
        "durable": 0, "relapsed": 0, "nonresponder": 0, "undetermined": 1,
    }  # fmt: skip
    changed = {(s, v): (d, r) for s, v, n, d, r, _, _ in wide.iter_rows() if n}
    # in response when last seen, on day 200
    assert changed == {
        ("landmark", "183"): (1, 0),
        ("follow_up_too_short", "durable"): (1, 0),
        ("follow_up_too_short", "relapsed"): (0, 1),
    }
    tried = set(wide["setting"]) - {"as declared"}
    assert tried == {v.setting for v in VARIATIONS}
    assert (
        wide.select(pl.sum_horizontal("durable", "relapsed", "nonresponder", "undetermined")).to_series() == 1
    ).all()


def test_derived_responses_need_criteria_that_lesions_decide() -> None:
    with pytest.raises(DerivationError, match="not derived from lesions"):
        outcome(
            BestResponse(derive="best_response", criteria="imwg_2016", assessments="lesions"), responses=[(29, "CR")]
        )


def test_bad_histories_are_named_and_none_is_lost() -> None:
    """Progression before infusion, death before the last visit, two infusions, visit dates reversed."""
    given = tables(
        subjects=("P", "Q", "S"),
        responses=[(-10, "PD", "Screening"), (60, "CR", "Month 2"), (30, "PR", "Month 3"), (400, "CR", "Month 12")],
        death=100,
        contact=420,
    )
    more = given["exposure"].with_columns(date=pl.lit(date(200)), source_id=pl.lit("ex/again")).head(1)
    given["exposure"] = pl.concat([given["exposure"], more])
    others = given["assessments"].with_columns(
        subject_id=pl.lit("Q"), source_id=pl.concat_str("source_id", pl.lit("q"))
    )
    days = {"Screening": -10, "Month 2": 60, "Month 3": 90, "Month 12": 400}
    others = others.with_columns(date=pl.col("visit").replace_strict({v: date(d) for v, d in days.items()}))
    third = pl.concat(others.with_columns(subject_id=pl.lit(s)) for s in ("R", "S"))
    given["subjects"] = pl.concat([given["subjects"], given["subjects"].tail(1).with_columns(subject_id=pl.lit("R"))])
    given["assessments"] = pl.concat([given["assessments"], others, third])
    made = study_days(given, Infusion())
    found = {(c["item"], c["rule"]) for c in made.checks.to_dicts()}
    assert {
        ("P", "progression-before-infusion"),
        ("P", "after-death"),
        ("P", "contact-after-death"),
        ("P", "several-infusions"),
        ("P", "visits-reversed"),
    } <= found
    specs = {"b": BestResponse(derive="best_response"), "d": DurableClass(derive="durability")}
    outcomes = derive(specs, dict(made.tables)).outcomes
    assert outcomes.height == 2 * 4
    assert (outcomes["category"].is_not_null() != outcomes["reason"].is_not_null()).all()
    reasons = outcomes.filter(pl.col("subject_id") == "R")["reason"].to_list()
    assert reasons == ["not-treated", "not-treated"]
