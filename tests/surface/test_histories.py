"""Awkward histories of single subjects, from SDTM files (delimited and SAS transport) to outcomes."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyreadstat
import pytest

from correlates.endpoints import derive, study_days
from correlates.endpoints.settings import AtLeast, BestResponse, DurableClass, Infusion, MaxGrade
from correlates.readers.sdtm import read_sdtm
from correlates.terms import Scale

ZERO = datetime.date(2020, 3, 1)
NEW, SCT = "NEW ANTICANCER THERAPY", "STEM CELL TRANSPLANT"
CRS = "Cytokine release syndrome"

# what happened: rs (day, response[, visit]), ds (event, day), ex (day, dose), ae (day, grade[, scale]), death, end of
# participation; best response and durability, or why not
HISTORIES: dict[str, tuple[dict[str, Any], str, str]] = {
    "progression, then a complete response": ({"rs": [(28, "PD"), (90, "CR"), (400, "CR")]}, "PD", "nonresponder"),
    "one assessment, on the landmark": ({"rs": [(365, "CR")], "end": 365}, "CR", "durable"),
    "one assessment, progression on the landmark": ({"rs": [(365, "PD")], "end": 365}, "PD", "nonresponder"),
    "death on the landmark": ({"rs": [(28, "CR")], "death": 365, "end": 365}, "CR", "died-in-response"),
    "death before an assessment": ({"death": 20, "end": 20}, "no-assessment", "no-assessment"),
    "progression in a known month": ({"rs": [(28, "CR"), ("2020-07", "PD")]}, "CR", "relapsed"),
    "progression in a known year": ({"rs": [(28, "CR"), ("2020", "PD")]}, "partial-date", "partial-date"),
    "progression in the month of the landmark": ({"rs": [(28, "CR"), ("2021-03", "PD")]}, "CR", "partial-date"),
    "unscheduled visit": ({"rs": [(28, "CR"), (77, "PD", "UNSCHEDULED 3.01"), (90, "CR")]}, "CR", "relapsed"),
    "the same record twice": ({"rs": [(28, "CR"), (28, "CR"), (370, "CR")]}, "CR", "durable"),
    "contradicting records that decide": ({"rs": [(28, "CR"), (28, "PD"), (370, "CR")]}, "duplicated", "duplicated"),
    "contradicting records after the relapse": (
        {"rs": [(28, "CR"), (90, "PD"), (500, "CR"), (500, "PR")]}, "CR", "relapsed",
    ),
    "contradicting records of a response that stays one": (
        {"rs": [(28, "CR"), (28, "PR"), (60, "CR"), (90, "PD")]}, "CR", "relapsed",
    ),
    "not evaluable between responses": ({"rs": [(28, "CR"), (90, "NE"), (370, "CR")]}, "CR", "durable"),
    "not evaluable, blank and not done": ({"rs": [(28, ""), (60, "ND"), (90, "NE")]}, "no-assessment", "no-assessment"),
    "baseline scan on the day of infusion": ({"rs": [(0, "CR")]}, "no-assessment", "no-assessment"),
    "transplant in response": ({"rs": [(28, "CR"), (400, "CR")], "ds": [(SCT, 100)]}, "CR", "transplant"),
    "transplant by its short name": ({"rs": [(28, "CR"), (400, "CR")], "ds": [("ALLO-SCT", 100)]}, "CR", "transplant"),
    "transplant in response after the landmark": (
        {"rs": [(28, "CR"), (360, "CR")], "ds": [("ALLOGENEIC HSCT", 380)]}, "CR", "durable",
    ),
    "transplant before the infusion": ({"rs": [(28, "CR"), (400, "CR")], "ds": [(SCT, -400)]}, "CR", "durable"),
    "transplant on the day of progression": ({"rs": [(28, "CR"), (100, "PD")], "ds": [(SCT, 100)]}, "CR", "relapsed"),
    "new therapy in a known month": ({"rs": [(28, "CR"), (400, "CR")], "ds": [(NEW, "2020-08")]}, "CR", "new-therapy"),
    "new therapy without a date": ({"rs": [(28, "CR"), (400, "CR")], "ds": [(NEW, "")]}, "partial-date", "partial-date"),
    "lost in response": ({"rs": [(28, "CR")], "ds": [("LOST TO FOLLOW-UP", 200)], "end": ""}, "CR", "follow-up-too-short"),
    "seen last on the day before the landmark": ({"rs": [(28, "CR")], "end": 364}, "CR", "follow-up-too-short"),
    "dead in the month of the progression, seen alive at it": (
        {"rs": [(28, "CR"), (100, "PD")], "death": "2020-06", "end": ""}, "CR", "relapsed",
    ),
    "two infusions on one day, times of day": (
        {"rs": [("2020-03-29T10:00", "CR"), ("2020-06-01T23:30", "PD")],
         "ex": [("2020-03-01T14:00", 100), ("2020-03-01T15:00", 100)]}, "CR", "relapsed",
    ),
    "infused twice": ({"rs": [(28, "PR"), (60, "PD"), (120, "CR")], "ex": [(0, 100), (90, 100)]}, "PR", "relapsed"),
    "not infused": ({"rs": [(28, "PD")], "ex": []}, "not-treated", "not-treated"),
    "a dose of zero": ({"rs": [(28, "PD")], "ex": [(0, 0)]}, "not-treated", "not-treated"),
    "stopped for progression that nobody assessed": (
        {"rs": [(28, "CR")], "ds": [("PROGRESSIVE DISEASE", 200)]}, "CR", "durable",
    ),
}  # fmt: skip

# adverse events (day, grade[, scale]); maximum grade or why not; at least 3
GRADES: dict[str, tuple[list[tuple[Any, ...]], int | str, bool | None]] = {
    "grade as text": ([(2, "Grade 3")], 3, True),
    "Roman grade": ([(2, "IV")], 4, True),
    "no event": ([], 0, False),
    "onset before the infusion": ([(-1, "4")], 0, False),
    "onset on the day of infusion": ([(0, "3")], 3, True),
    "first and last day of the window": ([(90, "1"), (91, "5")], 1, False),
    "no grade": ([(2, "2"), (5, "")], "not-recorded", None),
    "no grade beside a grade 3": ([(2, "3"), (5, "")], "not-recorded", True),
    "no grade outside the window": ([(300, "")], 0, False),
    "a month inside the window": ([("2020-03", "3")], 3, True),
    "a year before the infusion": ([("2018", "3")], 0, False),
    "a month after the window": ([("2021-03", "4")], 0, False),
    "no date": ([("", "3")], "partial-date", None),
    "no date and below": ([(3, "1"), ("", "2")], "partial-date", False),
    "another scale": ([(3, "3", "ASTCT 2019")], "scale-mixed", None),
    "two scales": ([(3, "3", "ASTCT 2019"), (3, "2", "Lee 2014")], "scale-mixed", None),
}


def day(value: object) -> object:
    return (ZERO + datetime.timedelta(days=value)).isoformat() if isinstance(value, int) else value


def write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    if path.suffix == ".xpt":
        frame = pl.DataFrame(rows, infer_schema_length=None)
        pyreadstat.write_xport(frame, path, table_name=path.stem.upper(), file_format_version=5)
        return
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module", params=["csv", "xpt"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[pl.DataFrame, pl.DataFrame]:
    folder = tmp_path_factory.mktemp("histories")
    people = {name: given for name, (given, *_) in HISTORIES.items()}
    people |= {name: {"ae": events} for name, (events, *_) in GRADES.items()}
    ids = {name: f"S{i:03d}" for i, name in enumerate(people)}
    lines: dict[str, list[dict[str, object]]] = {code: [] for code in ("dm", "ex", "rs", "ds", "ae")}
    for name, given in people.items():
        who = {"USUBJID": ids[name]}
        end = day(given.get("end", 600))
        lines["dm"].append({"DOMAIN": "DM", **who, "DTHDTC": day(given.get("death", "")), "RFPENDTC": end})
        for when, dose in [(-5, 30), *given.get("ex", [(0, 100)])]:
            kind = "STUDY TREATMENT" if when != -5 else "LYMPHODEPLETION"
            lines["ex"].append(
                {"DOMAIN": "EX", **who, "EXTRT": kind, "EXCAT": kind, "EXDOSE": dose, "EXSTDTC": day(when)}
            )
        for when, word, *visit in given.get("rs", []):
            for evaluator, said in (("INVESTIGATOR", word), ("INDEPENDENT ASSESSOR", "SD")):
                lines["rs"].append(
                    {"DOMAIN": "RS", **who, "RSTESTCD": "OVRLRESP", "RSSTRESC": said, "RSEVAL": evaluator,
                     "RSCAT": "LUGANO 2014", "VISIT": "".join(visit), "RSDTC": day(when)}
                )  # fmt: skip
        for event, when in given.get("ds", []):
            lines["ds"].append({"DOMAIN": "DS", **who, "DSDECOD": event, "DSTERM": event, "DSSTDTC": day(when)})
        for when, grade, *scale in given.get("ae", []):
            lines["ae"].append(
                {"DOMAIN": "AE", **who, "AEDECOD": CRS, "AECAT": "CRS", "AETOXGR": grade,
                 "AESCALE": "".join(scale), "AESTDTC": day(when)}
            )  # fmt: skip
    for code, rows in lines.items():
        write(folder / f"{code}.{request.param}", rows)
    read = study_days(read_sdtm(sorted(folder.iterdir())).tables, Infusion(category="Study treatment"))
    specs = {
        "best": BestResponse(derive="best_response", evaluator="INVESTIGATOR"),
        "durability": DurableClass(derive="durability", evaluator="INVESTIGATOR"),
        "grade": MaxGrade(derive="max_grade", category="CRS", scale=Scale.LEE_2014),
        "severe": AtLeast(derive="at_least", of="grade", grade=3),
    }
    derived = derive(specs, read.tables)
    names = {v: k for k, v in ids.items()}
    outcomes = derived.outcomes.with_columns(pl.col("subject_id").replace_strict(names).alias("name"))
    return outcomes, pl.concat([read.checks, derived.checks]).with_columns(pl.col("item").replace(names))


def found(outcomes: pl.DataFrame, name: str, endpoint: str) -> dict[str, Any]:
    return outcomes.row(by_predicate=(pl.col("name") == name) & (pl.col("endpoint") == endpoint), named=True)


@pytest.mark.parametrize("name", HISTORIES)
def test_history(made: tuple[pl.DataFrame, pl.DataFrame], name: str) -> None:
    _, best, durability = HISTORIES[name]
    for endpoint, expected in (("best", best), ("durability", durability)):
        row = found(made[0], name, endpoint)
        assert (row["category"] or row["reason"]) == expected, row["detail"]
        assert (row["category"] is None) != (row["reason"] is None)


@pytest.mark.parametrize("name", GRADES)
def test_grades(made: tuple[pl.DataFrame, pl.DataFrame], name: str) -> None:
    _, grade, severe = GRADES[name]
    row = found(made[0], name, "grade")
    assert (row["reason"] if row["grade"] is None else row["grade"]) == grade, row["detail"]
    assert found(made[0], name, "severe")["event"] is severe


def test_what_is_strange_is_named(made: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    named = dict(made[1].select("item", "rule").iter_rows())
    assert named["stopped for progression that nobody assessed"] == "progression-not-assessed"
    assert named["a dose of zero"] == "dose-zero"
    assert named["infused twice"] == "several-infusions"


def test_a_response_that_rests_on_a_contact_says_when_it_was_last_assessed(
    made: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    detail = found(made[0], "stopped for progression that nobody assessed", "durability")["detail"]
    assert "last assessed on day 28 (CR), seen on day 600 (end of participation)" in detail
