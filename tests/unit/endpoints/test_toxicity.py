"""Maximum grades: by category and terms, window, scale, and what is not known."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.endpoints.clinic import dated

from correlates.endpoints import derive
from correlates.endpoints.settings import AtLeast, MaxGrade
from correlates.endpoints.words import scale
from correlates.errors import DerivationError
from correlates.terms import Scale

CRS = MaxGrade(derive="max_grade", category="CRS", scale=Scale.LEE_2014)


def event(grade: int | None, day: int | str | None = 3, **more: Any) -> dict[str, Any]:
    return {"term": "Cytokine release syndrome", "category": "CRS", "grade": grade, "date": day} | more


def outcome(spec: Any, *adverse: dict[str, Any], **given: Any) -> dict[str, Any]:
    return derive({"e": spec}, dated(adverse=adverse, **given)).outcomes.row(0, named=True)


@pytest.mark.parametrize(
    ("adverse", "grade", "day"),
    [
        ((), 0, None),
        ((event(2), event(3, 5), event(3, 9), event(1, 12)), 3, 5),
        ((event(2, -1), event(1, 0)), 1, 0),
        ((event(4, 91), event(2, 90)), 2, 90),
        ((event(4, category="NEUROLOGIC"),), 0, None),
        ((event(4, category=None),), 0, None),
        ((event(2, category="crs "),), 2, 3),
        ((event(2, scale="Lee 2014"), event(3, scale=None)), 3, 3),
        ((event(2), event(1, "2020-01")), 2, 3),  # whatever the day, it is not above
        ((event(5, 8), event(None)), 5, 8),
        ((event(2), event(4, "2020-01")), 4, None),  # every day of the month lies in the window
        ((event(2), event(4, "2018")), 2, 3),  # every day of the year lies before it
        ((event(2), event(4, "2020-12")), 2, 3),  # and after it
        ((event(2), event(None, "2019-06")), 2, 3),
    ],
)
def test_maximum_grade(adverse: tuple[dict[str, Any], ...], grade: int, day: int | None) -> None:
    found = outcome(CRS, *adverse)
    assert (found["grade"], found["day"], found["reason"], found["scale"]) == (grade, day, None, "lee_2014")


@pytest.mark.parametrize(
    ("adverse", "reason", "rule"),
    [
        ((event(2, scale="ASTCT 2019"),), "scale-mixed", "scale"),
        ((event(2, scale="Lee 2014"), event(3, scale="CTCAE 4.03")), "scale-mixed", "scale"),
        ((event(2, scale="our own"),), "scale-mixed", "scale"),
        ((event(2), event(None, grade_text="SEVERE")), "not-recorded", "grade"),
        ((event(7),), "not-recorded", "grade"),
        ((event(2), event(4, "2020")), "partial-date", None),  # the window ends within the year
        ((event(2), event(4, None)), "partial-date", None),
    ],
)
def test_grades_that_are_not_known(adverse: tuple[dict[str, Any], ...], reason: str, rule: str | None) -> None:
    derived = derive({"e": CRS}, dated(adverse=adverse))
    row = derived.outcomes.row(0, named=True)
    assert (row["grade"], row["reason"]) == (None, reason)
    assert derived.checks["rule"].to_list() == ([rule] if rule else [])


def test_terms_count_besides_the_category() -> None:
    spec = MaxGrade(derive="max_grade", category="CRS", terms=("pyrexia",), scale=Scale.LEE_2014)
    assert outcome(spec, event(1), event(3, term="PYREXIA", category=None))["grade"] == 3
    only = MaxGrade(derive="max_grade", terms=("Pyrexia",), scale=Scale.LEE_2014)
    assert outcome(only, event(3), event(1, term="PYREXIA", category=None))["grade"] == 1
    everything = MaxGrade(derive="max_grade", scale=Scale.LEE_2014)
    assert outcome(everything, event(2), event(3, term="X", category=None))["grade"] == 3


def test_the_window_and_the_untreated() -> None:
    narrow = MaxGrade(derive="max_grade", category="CRS", scale=Scale.LEE_2014, window=(0, 2))
    assert outcome(narrow, event(3))["grade"] == 0
    found = outcome(CRS, event(3), treated=False)
    assert (found["grade"], found["reason"]) == (None, "not-treated")


def test_a_category_that_no_event_has_is_noticed() -> None:
    derived = derive({"e": CRS}, dated(adverse=[event(3, category="CYTOKINE")]))
    assert derived.outcomes["grade"].to_list() == [0]
    assert derived.checks.select("rule", "found").rows() == [("no-event-counts", "categories CYTOKINE, OTHER")]


def test_a_window_that_was_not_covered_is_noticed() -> None:
    assert derive({"e": CRS}, dated(contact=40, adverse=[event(1)])).checks["rule"].to_list() == [
        "toxicity-window-not-covered"
    ]
    assert derive({"e": CRS}, dated(contact=40, adverse=[event(1)], death=40)).checks.is_empty()


def test_without_adverse_events_no_grade_is_known() -> None:
    given = dated()
    given["adverse_events"] = given["adverse_events"].clear()
    derived = derive({"e": CRS}, given)
    assert derived.outcomes.select("grade", "reason").rows() == [(None, "not-recorded")]
    assert derived.checks["rule"].to_list() == ["no-event-counts"]


def test_at_least_a_grade() -> None:
    specs = {"g": CRS, "y": AtLeast(derive="at_least", of="g", grade=3)}
    for adverse, expected in (([event(3, 4)], True), ([event(2)], False), ([], False), ([event(None)], None)):
        row = derive(specs, dated(adverse=adverse)).outcomes.row(1, named=True)
        assert row["event"] is expected
        assert (row["reason"] is None) == (expected is not None)
    for adverse, expected in (
        ([event(3, 4), event(None)], True),  # whatever the other one was
        ([event(2), event(None)], None),
        ([event(3, 4), event(4, "2020")], True),
        ([event(1), event(2, "2020")], False),  # wherever its onset lies
        ([event(1), event(3, "2020")], None),
        ([event(4, "2020-01")], True),
        ([event(3, scale="ASTCT 2019")], None),
    ):
        assert derive(specs, dated(adverse=adverse)).outcomes["event"].to_list()[1] is expected
    severe = derive(specs, dated(adverse=[event(3, 4)])).outcomes.row(1, named=True)
    assert (severe["day"], severe["known_on_day"], severe["scale"]) == (4, 4, "lee_2014")
    mild = derive(specs, dated(adverse=[event(2)])).outcomes.row(1, named=True)
    assert (mild["day"], mild["known_on_day"]) == (None, 90)  # that there was none is known at the end of the window


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LEE 2014", Scale.LEE_2014),
        ("lee_2014", Scale.LEE_2014),
        ("Modified Lee", Scale.LEE_2014),
        ("ASTCT 2019", Scale.ASTCT_2019),
        ("ASBMT consensus", Scale.ASTCT_2019),
        ("CTCAE v4.03", Scale.CTCAE_4_03),
        ("NCI-CTCAE 5.0", Scale.CTCAE_5_0),
        ("ctcae_4_03", Scale.CTCAE_4_03),
        ("CTCAE", None),
        ("CTCAE 3.0", None),
        ("Penn", None),
    ],
)
def test_scales_as_people_write_them(text: str, expected: Scale | None) -> None:
    assert scale(text) is expected


def test_at_least_needs_grades() -> None:
    specs = {
        "g": CRS,
        "a": AtLeast(derive="at_least", of="g", grade=3),
        "b": AtLeast(derive="at_least", of="a", grade=3),
    }
    with pytest.raises(DerivationError, match="needs an endpoint of grades"):
        derive(specs, dated())
