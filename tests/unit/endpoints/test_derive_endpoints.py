"""All endpoints of a plan together: order, rules written beside outcomes, recorded outcomes, wrong plans."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import polars as pl
import pytest
from tests.unit.endpoints.clinic import dated

from correlates.endpoints import ENDPOINTS, derive, kind_of
from correlates.endpoints.settings import AtLeast, BestResponse, ClassIs, DurableClass, MaxGrade, Recorded
from correlates.errors import DerivationError
from correlates.schema.clinical import CHARACTERISTICS, CLINICAL
from correlates.terms import Scale


def recorded(*values: tuple[str, str | None], name: str = "response") -> dict[str, pl.DataFrame]:
    given = {"name": name, "label": name, "source": "t"}
    rows = [{"subject_id": s, "category": v, "source_id": f"t/{s}", **given} for s, v in values]
    return {"characteristics": CHARACTERISTICS.frame(rows)}


def test_one_row_per_subject_and_endpoint() -> None:
    specs: dict[str, Any] = {
        "yes": ClassIs(derive="class_is", of="durability", yes=("durable",)),
        "durability": DurableClass(derive="durability"),
        "best": BestResponse(derive="best_response"),
        "crs": MaxGrade(derive="max_grade", category="CRS", scale=Scale.LEE_2014),
        "crs3": AtLeast(derive="at_least", of="crs", grade=3),
    }
    derived = derive(specs, dated(subjects=("P", "Q"), responses=[(29, "CR")], contact=400))
    assert derived.outcomes.height == 2 * 5
    assert derived.outcomes["endpoint"].unique(maintain_order=True).to_list() == list(specs)
    rule = derived.outcomes.filter(pl.col("endpoint") == "durability")["rule"][0]
    assert json.loads(rule)["landmark"] == 365
    assert json.loads(rule)["nonresponder_best"] == ["SD", "PD"]
    undetermined = derived.outcomes.filter(pl.col("reason").is_not_null())
    assert sorted(undetermined.select("subject_id", "endpoint").rows()) == [
        ("Q", "best"), ("Q", "durability"), ("Q", "yes"),
    ]  # fmt: skip
    assert derived.exclusions.height == undetermined.height


def test_outcomes_as_recorded() -> None:
    tables = recorded(("a", "Responder"), ("b", "Non-responder"), ("c", None), ("d", "unknown"))
    classes = derive({"r": Recorded(derive="recorded", source="t", column="response")}, tables).outcomes
    assert classes.select("subject_id", "kind", "category", "reason").rows() == [
        ("a", "class", "Responder", None),
        ("b", "class", "Non-responder", None),
        ("c", "class", None, "not-recorded"),
        ("d", "class", "unknown", None),
    ]
    spec = Recorded(derive="recorded", source="t", column="response", yes=("responder",), no=("NON-RESPONDER",))
    binary = derive({"r": spec}, tables).outcomes
    assert binary.select("event", "reason").rows() == [
        (True, None), (False, None), (None, "not-recorded"), (None, "not-classed"),
    ]  # fmt: skip
    everything_else = Recorded(derive="recorded", source="t", column="response", yes=("responder",))
    assert derive({"r": everything_else}, tables).outcomes["event"].to_list() == [True, False, None, False]


def test_recorded_twice() -> None:
    tables = recorded(("a", "R"), ("a", "NR"), ("b", "R"), ("b", "R"))
    rows = derive({"r": Recorded(derive="recorded", source="t", column="response")}, tables).outcomes
    assert rows.select("category", "reason", "detail").rows() == [
        (None, "duplicated", "response = 'R' and 'NR'"),
        ("R", None, "response = R"),
    ]


def test_recorded_numbers_are_numbers() -> None:
    tables = recorded(("a", "1"), ("b", "0"), name="CRS_grade_2_4")
    spec = Recorded(derive="recorded", source="t", column="CRS_grade_2_4", yes=("1.0",), no=("0",))
    assert derive({"r": spec}, tables).outcomes["event"].to_list() == [True, False]


@pytest.mark.parametrize(
    ("specs", "code"),
    [
        ({"y": ClassIs(derive="class_is", of="durabilty", yes=("durable",))}, "unknown-endpoint"),
        (
            {"a": AtLeast(derive="at_least", of="b", grade=1), "b": AtLeast(derive="at_least", of="a", grade=1)},
            "circular",
        ),
        ({"r": Recorded(derive="recorded", source="t", column="respons")}, "unknown-column"),
        ({"r": Recorded(derive="recorded", source="t", column="response", yes=("Respnder",))}, "unknown-class"),
        (
            {
                "g": MaxGrade(derive="max_grade", scale=Scale.LEE_2014),
                "y": ClassIs(derive="class_is", of="g", yes=("3",)),
            },
            "wrong-kind",
        ),
    ],
)
def test_plans_that_cannot_be_derived(specs: dict[str, Any], code: str) -> None:
    with pytest.raises(DerivationError) as error:
        derive(specs, recorded(("a", "Responder")))
    assert [p.code for p in error.value.problems] == [code]


def test_all_wrong_endpoints_at_once() -> None:
    specs: dict[str, Any] = {
        "r": Recorded(derive="recorded", source="t", column="x"),
        "s": Recorded(derive="recorded", source="t", column="z"),
        "y": ClassIs(derive="class_is", of="r", yes=("a",)),
    }
    with pytest.raises(DerivationError) as error:
        derive(specs, recorded(("a", "Responder")))
    assert [p.code for p in error.value.problems] == ["unknown-column", "unknown-column"]


def test_records_of_the_kinds() -> None:
    assert len({k.code for k in ENDPOINTS}) == len(ENDPOINTS)
    for kind in ENDPOINTS:
        derive_field = next(f for f in fields(kind.settings) if f.name == "derive")
        assert repr(kind.code) in str(derive_field.type)
        assert set(kind.needs) <= {t.name for t in CLINICAL}
        assert kind.formula
        assert kind.page.startswith("methods/")
    assert kind_of(BestResponse(derive="best_response")).label == "Best overall response"
