"""Best response and durability: small histories, each with the class a clinician would give it and why."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.endpoints.clinic import dated

from correlates.endpoints import derive
from correlates.endpoints.history import combine
from correlates.endpoints.settings import BestResponse, ClassIs, DurableClass
from correlates.errors import DerivationError
from correlates.terms import Response

DURABLE = DurableClass(derive="durability")
BEST = BestResponse(derive="best_response")

NEW, SCT = "NEW ANTICANCER THERAPY", "STEM CELL TRANSPLANT"


def outcome(spec: Any, **given: Any) -> dict[str, Any]:
    return derive({"e": spec}, dated(**given)).outcomes.row(0, named=True)


# history (responses, events, death, contact), expected class or reason, best response, and words of the detail
HISTORIES: dict[str, tuple[dict[str, Any], str, str | None, str]] = {
    "CR, followed past the landmark": (
        {"responses": [(29, "CR"), (91, "CR")], "contact": 400},
        "durable", "CR", "seen on day 400 (end of participation)",
    ),
    "PR then CR, assessed past the landmark": (
        {"responses": [(29, "PR"), (91, "CR"), (370, "CR")]},
        "durable", "CR", "PR on day 29, CR on day 91",
    ),
    "relapse on the landmark": (
        {"responses": [(29, "CR"), (365, "PD")], "contact": 500},
        "relapsed", "CR", "progression on day 365: relapsed by day 365",
    ),
    "relapse the day after the landmark": (
        {"responses": [(29, "CR"), (366, "PD")], "contact": 500},
        "durable", "CR", "progression on day 366, after the landmark",
    ),
    "relapse early": (
        {"responses": [(29, "CR", "Week 4"), (180, "PD", "M6")]},
        "relapsed", "CR", "CR on day 29 (Week 4), progression on day 180 (M6): relapsed by day 365",
    ),
    "progression first, then a response (pseudo-progression)": (
        {"responses": [(29, "PD"), (91, "CR"), (400, "CR")]},
        "nonresponder", "PD", "PD on day 29",
    ),
    "stable, progression, then a response": (
        {"responses": [(29, "SD"), (60, "PD"), (120, "PR")], "contact": 500},
        "nonresponder", "SD", "SD on day 29, progression on day 60",
    ),
    "stable then progression": (
        {"responses": [(29, "SD"), (60, "PD")]},
        "nonresponder", "SD", "nonresponder",
    ),
    "progression as best": (
        {"responses": [(29, "PD")]},
        "nonresponder", "PD", "nonresponder",
    ),
    "stable only, short follow-up": (
        {"responses": [(29, "SD")], "contact": 40},
        "nonresponder", "SD", "SD on day 29",
    ),
    "a response that shrinks to stable is not lost": (
        {"responses": [(29, "PR"), (91, "SD"), (370, "SD")]},
        "durable", "PR", "assessed on day 370 (SD)",
    ),
    "a response after stable disease": (
        {"responses": [(29, "SD"), (91, "PR"), (200, "PD")]},
        "relapsed", "PR", "PR on day 91, progression on day 200",
    ),
    "death in response": (
        {"responses": [(29, "CR")], "death": 200},
        "died-in-response", "CR", "death in response on day 200, without progression",
    ),
    "death recorded only as disposition": (
        {"responses": [(29, "CR")], "events": [("DEATH", 200)]},
        "died-in-response", "CR", "death in response on day 200",
    ),
    "death on the landmark": (
        {"responses": [(29, "CR")], "death": 365},
        "died-in-response", "CR", "day 365",
    ),
    "death in response after the landmark": (
        {"responses": [(29, "CR"), (360, "CR")], "death": 366},
        "durable", "CR", "death on day 366, after the landmark",
    ),
    "progression and death on one day": (
        {"responses": [(29, "CR"), (200, "PD")], "death": 200},
        "relapsed", "CR", "relapsed by day 365",
    ),
    "new therapy in response": (
        {"responses": [(29, "CR"), (180, "PD")], "events": [(NEW, 120)], "contact": 500},
        "new-therapy", "CR", "new anticancer therapy in response on day 120",
    ),
    "new therapy after progression": (
        {"responses": [(29, "CR"), (100, "PD")], "events": [(NEW, 120)], "contact": 500},
        "relapsed", "CR", "relapsed by day 365",
    ),
    "new therapy after the landmark": (
        {"responses": [(29, "CR"), (200, "CR")], "events": [(NEW, 380)], "contact": 500},
        "durable", "CR", "new anticancer therapy on day 380, after the landmark",
    ),
    "a response after new therapy does not count": (
        {"responses": [(29, "SD"), (91, "CR")], "events": [(NEW, 40)], "contact": 500},
        "nonresponder", "SD", "1 after new therapy or transplant on day 40 do not count",
    ),
    "the scan on the day new therapy starts counts": (
        {"responses": [(29, "PR"), (91, "PD")], "events": [(NEW, 91)]},
        "relapsed", "PR", "relapsed by day 365",
    ),
    "transplant in response": (
        {"responses": [(29, "CR"), (400, "CR")], "events": [(SCT, 100)]},
        "transplant", "CR", "stem-cell transplant in response on day 100",
    ),
    "a transplant before the infusion is history": (
        {"responses": [(29, "CR"), (400, "CR")], "events": [("Autologous Transplantation", -300)]},
        "durable", "CR", "assessed on day 400 (CR)",
    ),
    "follow-up too short": (
        {"responses": [(29, "CR"), (180, "CR")], "contact": 364},
        "follow-up-too-short", "CR", "last seen on day 364 (end of participation), before the landmark, day 365",
    ),
    "followed to the landmark": (
        {"responses": [(29, "CR")], "contact": 365},
        "durable", "CR", "seen on day 365",
    ),
    "followed by a laboratory sample": (
        {"responses": [(29, "CR")], "labs": [100, 372, 500]},
        "durable", "CR", "seen on day 372 (laboratory sample)",
    ),
    "not evaluable only": (
        {"responses": [(29, "NE"), (91, "NE")], "contact": 500},
        "no-assessment", None, "2 not evaluable",
    ),
    "assessed on the day of infusion and before only": (
        {"responses": [(-20, "PD"), (0, "CR")], "contact": 500},
        "no-assessment", None, "2 on or before the day of infusion",
    ),
    "an assessment before the infusion is ignored": (
        {"responses": [(-20, "PD"), (29, "CR")], "contact": 500},
        "durable", "CR", "CR on day 29",
    ),
    "not evaluable between responses": (
        {"responses": [(29, "CR"), (91, "NE"), (200, "PD")]},
        "relapsed", "CR", "progression on day 200",
    ),
    "early death without assessment": (
        {"death": 12},
        "no-assessment", None, "death on day 12",
    ),
    "not treated": (
        {"treated": False, "responses": [(29, "CR")]},
        "not-treated", None, "No infusion",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history(name: str) -> None:
    given, expected, best, words = HISTORIES[name]
    rows = derive({"durability": DURABLE, "best": BEST}, dated(**given)).outcomes
    durability, response = rows.row(0, named=True), rows.row(1, named=True)
    assert (durability["category"] or durability["reason"]) == expected
    assert words in durability["detail"]
    assert response["category"] == best
    for row in (durability, response):
        assert (row["category"] is None) == (row["reason"] is not None)


@pytest.mark.parametrize(
    ("setting", "history", "expected"),
    [
        ({"relapse": "any_time"}, "relapse the day after the landmark", "relapsed"),
        ({"landmark": 366}, "relapse the day after the landmark", "relapsed"),
        ({"landmark": 180}, "relapse early", "relapsed"),
        ({"landmark": 179}, "relapse early", "durable"),
        ({"death_in_response": "relapsed"}, "death in response", "relapsed"),
        ({"new_therapy_in_response": "relapsed"}, "new therapy in response", "relapsed"),
        ({"transplant_in_response": "ongoing"}, "transplant in response", "durable"),
        ({"follow_up_by": "assessment"}, "CR, followed past the landmark", "follow-up-too-short"),
        ({"follow_up_by": "assessment"}, "PR then CR, assessed past the landmark", "durable"),
        ({"follow_up_by": "assessment", "window": 5}, "death in response after the landmark", "durable"),
        ({"follow_up_by": "assessment", "window": 4}, "death in response after the landmark", "follow-up-too-short"),
        ({"window": 1}, "follow-up too short", "durable"),
        ({"nonresponder_best": (Response.SD,)}, "progression as best", "not-classed"),
        ({"nonresponder_best": (Response.SD,)}, "stable then progression", "nonresponder"),
        (
            {"nonresponder_best": (Response.SD, Response.PD, Response.PR)},
            "a response after stable disease",
            "nonresponder",
        ),
    ],
)
def test_what_the_paper_leaves_open_is_a_setting(setting: dict[str, Any], history: str, expected: str) -> None:
    found = outcome(DurableClass(derive="durability", **setting), **HISTORIES[history][0])
    assert (found["category"] or found["reason"]) == expected


def test_after_new_therapy_on_request() -> None:
    given = HISTORIES["a response after new therapy does not count"][0]
    assert outcome(BestResponse(derive="best_response", until_new_therapy=False), **given)["category"] == "CR"


@pytest.mark.parametrize(
    ("responses", "day", "known"),
    [
        ([(29, "CR"), (91, "CR"), (180, "PD")], 29, 29),  # a complete response cannot be bettered
        ([(29, "PR"), (91, "PR"), (180, "PD")], 29, 180),  # a partial one can, until progression
        ([(29, "SD"), (91, "SD")], 29, 91),
    ],
)
def test_when_a_best_response_is_known(responses: list[tuple[Any, ...]], day: int, known: int) -> None:
    found = outcome(BEST, responses=responses)
    assert (found["day"], found["known_on_day"]) == (day, known)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # progression in a month that lies wholly before the landmark is a relapse whatever the day
        ({"responses": [(29, "CR"), ("2020-06", "PD")]}, "relapsed"),
        # day 365 is 2020-12-31: progression in December 2020 is too; in 2020 it may precede the response
        ({"responses": [(29, "CR"), ("2020-12", "PD")]}, "relapsed"),
        ({"responses": [(29, "CR"), ("2020", "PD")]}, "partial-date"),
        ({"responses": [(29, "CR"), ("2021-01", "PD")]}, "durable"),
        ({"responses": [(60, "CR")], "contact": 500, "events": [(NEW, "2020")]}, "partial-date"),
        ({"responses": [(29, "CR")], "death": "2020-07", "contact": 500}, "died-in-response"),
        ({"responses": [(29, "CR"), (None, "PD")], "contact": 500}, "partial-date"),
        ({"responses": [(29, "CR"), (None, "NE")], "contact": 500}, "durable"),
        ({"responses": [(29, "SD"), ("2020-02", "SD")], "contact": 500}, "nonresponder"),
        # a death in the month of the progression comes after it: the subject was alive to be assessed
        ({"responses": [(29, "CR"), (170, "PD")], "death": "2020-06"}, "relapsed"),
        (
            {"responses": [(29, "CR")], "labs": [366], "death": "2020"},
            "died-in-response",
        ),  # the sample is later than 2020
        ({"responses": [(29, "CR")], "labs": [366], "death": "2021"}, "durable"),  # alive on the landmark
        (
            {"responses": [(29, "CR")], "death": "2020", "events": [("DEATH", 300)]},
            "died-in-response",
        ),  # DS has the day
    ],
)
def test_incomplete_dates_matter_only_where_they_decide(given: dict[str, Any], expected: str) -> None:
    found = outcome(DURABLE, **given)
    assert (found["category"] or found["reason"]) == expected


def test_an_incomplete_date_of_infusion() -> None:
    given = dated(responses=[(29, "CR")])
    given["subjects"] = given["subjects"].with_columns(infusion_date=given["subjects"]["infusion_date"].str.slice(0, 7))
    assert derive({"e": BEST}, given).outcomes["reason"].to_list() == ["partial-date"]


def test_contradicting_assessments_of_one_day() -> None:
    found = outcome(DURABLE, responses=[(29, "CR"), (29, "PD")], contact=500)
    assert found["reason"] == "duplicated"
    assert "CR and PD on day 29" in found["detail"]
    assert found["source_ids"] == ["rs/0", "rs/1"]
    assert outcome(DURABLE, responses=[(29, "CR"), (29, "CR")], contact=500)["category"] == "durable"


@pytest.mark.parametrize(
    ("words", "prior", "expected"),
    [
        (["CMR", "PAR"], None, "CR"),  # PET-CT decides
        (["PMR", "PAD"], None, "PR"),
        (["NMR", "SAD"], None, "SD"),
        (["PMD", "PAR"], Response.CR, "PD"),
        (["NE", "PAR"], None, "PR"),  # no PET-CT yet: CT
        (["NE", "PAR"], Response.SD, "SD"),  # the last PET-CT stands
        (["NE", "PAD"], Response.SD, "PD"),  # progression on CT counts
        (["ND", "PAR"], Response.SD, "PR"),  # PET-CT not done: CT
        ([None, "PAR"], Response.SD, "PR"),
        (["ND", "NE"], Response.SD, "NE"),
        (["NE", "NE"], Response.CR, "NE"),
        (["PR"], None, "PR"),
        (["NON-CR/NON-PD"], None, "SD"),
        (["complete response"], None, "CR"),
        (["GREAT"], None, "NE"),
        ([], None, "NE"),
    ],
)
def test_pet_ct_and_ct_of_one_day(words: list[str | None], prior: Response | None, expected: str) -> None:
    response, _, conflict = combine(words, prior)
    assert (response.value, conflict) == (expected, None)


def test_a_word_nobody_knows_is_named() -> None:
    derived = derive({"e": BEST}, dated(responses=[(29, "GREAT"), (60, "PR")]))
    assert derived.outcomes["category"].to_list() == ["PR"]
    check = derived.checks.row(0, named=True)
    assert (check["rule"], check["found"]) == ("unknown-response", "'GREAT' in 1 assessments")


def test_without_disposition_new_therapy_is_not_known() -> None:
    given = dated(responses=[(29, "CR")], contact=400)
    assert derive({"e": DURABLE}, given).checks.is_empty()
    given["disposition"] = given["disposition"].clear()
    assert derive({"e": DURABLE}, given).checks["rule"].to_list() == ["no-disposition"]


@pytest.mark.parametrize(
    ("responses", "expected"),
    [
        ([(21, "SD"), (42, "PD")], "PD"),
        ([(21, "SD"), (42, "SD")], "SD"),
        ([(21, "SD"), (30, "PR")], "PR"),
        ([(21, "SD")], None),
    ],
)
def test_stable_disease_counts_from_a_day(responses: list[tuple[Any, ...]], expected: str | None) -> None:
    assert outcome(BestResponse(derive="best_response", stable_from=42), responses=responses)["category"] == expected


def test_evaluators_are_not_mixed() -> None:
    responses = [(29, "CR", None, "INVESTIGATOR"), (29, "PR", None, "INDEPENDENT ASSESSOR")]
    with pytest.raises(DerivationError, match="more than one evaluator"):
        outcome(BEST, responses=responses)
    chosen = BestResponse(derive="best_response", evaluator="Independent Assessor")
    assert outcome(chosen, responses=responses)["category"] == "PR"
    with pytest.raises(DerivationError, match="Did you mean 'INVESTIGATOR'"):
        outcome(BestResponse(derive="best_response", evaluator="INVESTIGATORS"), responses=responses)


def test_criteria_are_not_mixed() -> None:
    lugano, recist = (29, "CR", None, None, "LUGANO 2014"), (29, "PR", None, None, "RECIST 1.1")
    assert outcome(BEST, responses=[lugano, recist])["category"] == "CR"
    assert outcome(BEST, responses=[lugano])["scale"] == "LUGANO 2014"
    assert (
        outcome(BestResponse(derive="best_response", criteria="recist_1_1"), responses=[lugano, recist])["category"]
        == "PR"
    )
    with pytest.raises(DerivationError, match="by the declared criteria"):
        outcome(BEST, responses=[recist])
    with pytest.raises(DerivationError, match="more than one set of criteria"):
        outcome(DURABLE, responses=[lugano, recist])
    chosen = DurableClass(derive="durability", criteria="recist_1_1")
    assert outcome(chosen, responses=[lugano, recist, (400, "PR", None, None, "RECIST 1.1")])["category"] == "durable"


def test_yes_or_no_of_a_class() -> None:
    yes = ClassIs(derive="class_is", of="d", yes=("durable",))
    for name, expected in (
        ("relapse early", False),
        ("PR then CR, assessed past the landmark", True),
        ("follow-up too short", None),
    ):
        rows = derive({"y": yes, "d": DURABLE}, dated(**HISTORIES[name][0])).outcomes
        assert rows["endpoint"].to_list() == ["y", "d"]  # in the order of the plan, derived in the order needed
        first = rows.row(0, named=True)
        assert first["event"] is expected
        assert first["reason"] == rows.row(1, named=True)["reason"]
    neither = ClassIs(derive="class_is", of="d", yes=("durable",), no=("nonresponder",))
    rows = derive({"d": DURABLE, "y": neither}, dated(**HISTORIES["relapse early"][0]))
    assert rows.outcomes["reason"].to_list() == [None, "not-classed"]
    assert rows.exclusions.select("scope", "reason").rows() == [("y", "not-classed")]
    with pytest.raises(DerivationError, match="Did you mean 'durable'"):
        derive({"d": DURABLE, "y": ClassIs(derive="class_is", of="d", yes=("durabel",))}, dated())
