"""Toxicity from daily records: grade per day, maximum, onset, duration, treatments; what is blank or wrong is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pytest
from tests.unit.endpoints.clinic import dated

from correlates.endpoints import derive
from correlates.endpoints.settings import (
    AtLeast,
    CrsGrade,
    DailyGrade,
    Duration,
    IcansGrade,
    MaxGrade,
    Onset,
    TreatmentGiven,
)
from correlates.errors import DerivationError
from correlates.schema.clinical import EXPOSURE
from correlates.schema.daily import DAILY
from correlates.terms import Scale

CRS = CrsGrade(
    derive="crs_grade",
    source="ward",
    scale=Scale.ASTCT_2019,
    fever="TEMP",
    pressors="PRESSORS",
    oxygen="OXYGEN",
    therapy=("TOCI",),
    recorded="CRS",
)
GRADE = DailyGrade(derive="daily_grade", source="ward", item="CRS", scale=Scale.ASTCT_2019, window=(0, 14))


def daily(days: Mapping[int, Mapping[str, str | None]], **given: Any) -> dict[str, pl.DataFrame]:
    """Tables with daily records of subject P: day -> item -> cell."""
    tables = dated(**given)
    items = ("TEMP", "PRESSORS", "OXYGEN", "TOCI", "CRS", "ICE", "AROUSAL", "SEIZURE", "ORGAN", "O2")
    rows = [
        {"subject_id": "P", "source": "ward", "item": i, "day": d, "text": cells.get(i), "source_id": f"w/{d}"}
        for d, cells in days.items()
        for i in items
    ]
    tables["daily"] = DAILY.frame(rows)
    return tables


def grades(of: Any, days: Mapping[int, Mapping[str, str | None]], **given: Any) -> dict[str, Any]:
    return derive({"g": of}, daily(days, **given)).outcomes.row(0, named=True)


def signs(
    temp: str | None = "37", pressors: str | None = "none", oxygen: str | None = "none", **more: str
) -> dict[str, str | None]:
    return {"TEMP": temp, "PRESSORS": pressors, "OXYGEN": oxygen, **more}


COURSE = {
    0: signs(),
    3: signs("38.4"),
    4: signs("39.1", "fluids", TOCI="1"),
    5: signs("37.2", "one_low"),  # no fever, after tocilizumab: still CRS
    6: signs("37.0", "none", "nasal cannula"),
    7: signs(),
    9: signs("37.0", "none", "low_flow"),  # the CRS was over: without fever it is none
}


def test_a_course_by_astct() -> None:
    found = grades(CRS, COURSE)
    assert (found["grade"], found["day"], found["scale"]) == (3, 5, "astct_2019")
    assert "hypotension" in found["detail"]


def test_the_same_course_by_lee_and_without_therapy() -> None:
    lee = CrsGrade(derive="crs_grade", source="ward", scale=Scale.LEE_2014, fever="TEMP", pressors="PRESSORS")
    assert grades(lee, COURSE)["grade"] == 2  # one pressor at low dose
    untold = CrsGrade(
        derive="crs_grade", source="ward", scale=Scale.ASTCT_2019, fever="TEMP", pressors="PRESSORS", oxygen="OXYGEN"
    )
    assert grades(untold, COURSE)["grade"] == 2  # no therapy is read: day 5 has no fever


def test_onset_and_duration_of_a_course() -> None:
    specs = {
        "g": CRS,
        "on": Onset(derive="onset", of="g"),
        "on3": Onset(derive="onset", of="g", grade=3),
        "on4": Onset(derive="onset", of="g", grade=4),
        "span": Duration(derive="duration", of="g"),
        "days": Duration(derive="duration", of="g", count="days"),
        "span4": Duration(derive="duration", of="g", grade=4),
        "three": AtLeast(derive="at_least", of="g", grade=3),
    }
    rows = derive(specs, daily(COURSE)).outcomes
    found = {
        e: (t, v, c, r) for e, t, v, c, r in rows.select("endpoint", "time", "event", "category", "reason").iter_rows()
    }
    assert found["on"] == (3, True, "onset", None)
    assert found["on3"] == (5, True, "onset", None)
    assert found["on4"] == (9, False, None, "ongoing")  # the last day graded
    assert found["span"] == (4, True, "resolved", None)  # day 3 to day 6
    assert found["days"] == (4, True, "resolved", None)
    assert found["span4"] == (None, None, None, "not-affected")
    assert found["three"][1] is True


def test_a_toxicity_that_had_not_resolved_is_censored_and_death_competes() -> None:
    specs = {"g": GRADE, "d": Duration(derive="duration", of="g"), "o": Onset(derive="onset", of="g", grade=3)}
    open_ = {2: {"CRS": "1"}, 3: {"CRS": "2"}}
    row = derive(specs, daily(open_)).outcomes.row(1, named=True)
    assert (row["time"], row["event"], row["reason"]) == (2, False, "ongoing")
    died = derive(specs, daily(open_, death=3)).outcomes
    assert died.select("time", "event", "category").rows() == [
        (None, None, None),
        (2, True, "death"),
        (3, True, "death"),
    ]
    gap = derive(specs, daily({2: {"CRS": "1"}, 3: {"CRS": "0"}, 4: {"CRS": "1"}, 5: {"CRS": "0"}})).outcomes
    assert gap["time"].to_list()[1] == 3  # day 2 to day 4


def test_blank_components_leave_the_grade_open_or_count_as_absent() -> None:
    days = {3: signs("38.5", "fluids", None), 4: signs()}
    open_ = grades(CRS, days)
    assert (open_["grade"], open_["reason"]) == (None, "not-recorded")
    assert "hypoxia not recorded" in open_["detail"]
    absent = CrsGrade(
        derive="crs_grade",
        source="ward",
        scale=Scale.ASTCT_2019,
        fever="TEMP",
        pressors="PRESSORS",
        oxygen="OXYGEN",
        missing="absent",
    )
    assert grades(absent, days)["grade"] == 2
    decided = {**days, 5: signs("38.5", "multiple", None)}
    assert grades(CRS, decided)["grade"] == 4  # whatever the oxygen was
    at_least = {
        "g": CRS,
        "two": AtLeast(derive="at_least", of="g", grade=2),
        "four": AtLeast(derive="at_least", of="g", grade=4),
    }
    assert derive(at_least, daily(days)).outcomes["event"].to_list() == [None, True, None]


def test_recorded_grades_stand_where_there_are_no_components_and_disagreements_are_listed() -> None:
    days = {2: {"CRS": "1"}, 3: {**signs("38.5", "one_low"), "CRS": "2"}, 4: {**signs(), "CRS": "0"}}
    derived = derive({"g": CRS}, daily(days))
    assert derived.outcomes["grade"].to_list() == [3]
    differs = derived.checks.filter(pl.col("rule") == "grade-differs")
    assert differs["found"].to_list() == ["day 3: recorded 2, by its components 3 (hypotension)"]


def test_grade_7_and_words_nobody_knows_are_found_and_named() -> None:
    derived = derive({"g": GRADE}, daily({2: {"CRS": "7"}, 3: {"CRS": "1"}, 14: {"CRS": "0"}}))
    row = derived.outcomes.row(0, named=True)
    assert (row["grade"], row["reason"]) == (None, "not-recorded")
    assert derived.checks.filter(pl.col("rule") == "grade")["found"].to_list() == ["day 2: '7' is no grade"]
    strange = derive({"g": CRS}, daily({3: signs("38.5", "a lot")}))
    assert strange.checks.filter(pl.col("rule") == "unknown-word")["found"].to_list() == ["PRESSORS on day 3: 'a lot'"]
    assert strange.outcomes["grade"].to_list() == [None]


def test_who_has_no_record_and_whom_the_records_do_not_cover() -> None:
    derived = derive({"g": GRADE}, daily({}, subjects=("P", "Q")) | {"daily": DAILY.frame([
        {"subject_id": "P", "source": "ward", "item": "CRS", "day": d, "text": t, "source_id": f"w/{d}"}
        for d, t in ((0, "0"), (5, "0"), (6, None))
    ])})  # fmt: skip
    assert derived.outcomes.select("grade", "reason").rows() == [(0, None), (None, "not-recorded")]
    assert derived.checks.select("item", "rule").rows() == [("P", "toxicity-window-not-covered")]
    with pytest.raises(DerivationError, match="Unknown item of daily source 'ward'"):
        derive(
            {"g": DailyGrade(derive="daily_grade", source="ward", item="CRZ", scale=Scale.ASTCT_2019)}, daily({1: {}})
        )


def test_icans_from_its_components() -> None:
    spec = IcansGrade(derive="icans_grade", source="ward", ice="ICE", arousal="AROUSAL", seizure="SEIZURE")
    days = {
        4: {"ICE": "8", "AROUSAL": "alert", "SEIZURE": "none"},
        5: {"ICE": "0", "AROUSAL": "awake", "SEIZURE": "none"},
    }
    found = grades(spec, days)
    assert (found["grade"], found["day"], found["scale"]) == (3, 5, "astct_2019")
    coma = {**days, 6: {"ICE": None, "AROUSAL": "coma", "SEIZURE": "none"}}
    assert grades(spec, coma)["grade"] == 4
    assert grades(spec, {4: {"ICE": "11", "AROUSAL": "alert", "SEIZURE": "none"}})["reason"] == "not-recorded"


def test_the_worst_record_of_a_day_counts() -> None:
    spec = IcansGrade(derive="icans_grade", source="ward", ice="ICE")
    tables = daily({3: {"ICE": "9"}})
    again = DAILY.frame(
        [{"subject_id": "P", "source": "ward", "item": "ICE", "day": 3, "text": "4", "source_id": "w/3b"}]
    )
    tables["daily"] = pl.concat([tables["daily"], again])
    assert derive({"g": spec}, tables).outcomes["grade"].to_list() == [2]


def event(grade: int | None, day: int | str, end: int | None = None, **more: Any) -> dict[str, Any]:
    return {"term": "CRS", "category": "CRS", "grade": grade, "date": day, "end_date": end} | more


EVENTS: Sequence[tuple[list[dict[str, Any]], tuple[Any, ...], tuple[Any, ...], dict[str, Any]]] = [
    ([event(1, 2, 3), event(3, 4, 9)], (2, True, None), (8, True, None), {}),
    ([event(2, 3)], (3, True, None), (38, False, "ongoing"), {"contact": 40}),  # no end: to the last contact
    ([event(2, 3)], (3, True, None), (18, True, None), {"death": 20}),  # died with it
    ([event(2, "2020-01")], (None, None, "partial-date"), (None, None, "partial-date"), {}),
    ([event(2, 5, 8), event(None, 2, 3)], (None, None, "not-recorded"), (None, None, "not-recorded"), {}),
    ([], (90, False, "ongoing"), (None, None, "not-affected"), {}),
    ([], (40, False, "ongoing"), (None, None, "not-affected"), {"contact": 40}),
    ([], (20, True, None), (None, None, "not-affected"), {"death": 20}),
    ([event(2, 8, 5)], (8, True, None), (1, False, "ongoing"), {}),  # ends before it begins: as without an end
    ([event(2, 3, scale="ASTCT 2019")], (None, None, "scale-mixed"), (None, None, "scale-mixed"), {}),
]


@pytest.mark.parametrize(("adverse", "onset", "duration", "given"), EVENTS)
def test_onset_and_duration_of_adverse_events(adverse: Any, onset: Any, duration: Any, given: Any) -> None:
    specs = {
        "g": MaxGrade(derive="max_grade", category="CRS", scale=Scale.LEE_2014),
        "o": Onset(derive="onset", of="g"),
        "d": Duration(derive="duration", of="g"),
    }
    rows = derive(specs, dated(adverse=adverse, **given)).outcomes
    assert rows.select("time", "event", "reason").rows()[1:] == [onset, duration]


def test_treatments_given() -> None:
    tables = daily({1: {"TOCI": "0"}, 2: {"TOCI": "1"}, 3: {"TOCI": None}})
    by_item = TreatmentGiven(derive="given", source="ward", items=("TOCI",))
    row = derive({"t": by_item}, tables).outcomes.row(0, named=True)
    assert (row["event"], row["day"]) == (True, 2)
    never = derive({"t": by_item}, daily({1: {"TOCI": "0"}})).outcomes.row(0, named=True)
    assert (never["event"], never["known_on_day"]) == (False, 1)
    blank = derive({"t": by_item}, daily({1: {}})).outcomes.row(0, named=True)
    assert (blank["event"], blank["reason"]) == (None, "not-recorded")
    drug = {
        "subject_id": "P",
        "treatment": "Tocilizumab",
        "category": "CONCOMITANT",
        "dose": 560.0,
        "source_id": "ex/t",
    }
    given = dated()
    by_name = TreatmentGiven(derive="given", treatments=("TOCILIZUMAB",))
    for when, expected in (
        (("2020-01-05", 4), (True, None)),
        (("2020", None), (None, "partial-date")),
        (("2020-01", None), (True, None)),
        (("2020-03-05", 64), (False, None)),
    ):
        dose = EXPOSURE.frame([{**drug, "date": when[0], "day": when[1]}])
        tables = {**given, "exposure": pl.concat([given["exposure"], dose])}
        found = derive({"t": by_name}, tables).outcomes.row(0, named=True)
        assert (found["event"], found["reason"]) == expected
    unknown = derive({"t": TreatmentGiven(derive="given", treatments=("SILTUXIMAB",))}, given)
    assert unknown.checks["rule"].to_list() == ["no-treatment-counts"]
