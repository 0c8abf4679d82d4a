"""Survival analyses and times to an event in a plan: what is refused before anything is computed."""

from __future__ import annotations

from pathlib import Path

import pytest

from correlates.errors import PlanError
from correlates.plan import check_names, load_plan

HEAD = """
study: {id: X, title: X}
sources:
  clinical: {kind: sdtm, files: [dm.csv]}
  ward: {kind: daily, file: w.csv, subject_id: ID, day: DAY, items: {temp: T, crs: C}}
parameters:
  AGE: {take: characteristic, name: AGE}
  SEX: {take: characteristic, name: SEX, categorical: true}
endpoints:
  os:   {derive: time_to_event, measure: os}
  pfs:  {derive: time_to_event, measure: pfs, rules: ema_2012}
  dor:  {derive: time_to_event, measure: dor, rules: ema_2012}
  crs:  {derive: max_grade, category: CRS, scale: lee_2014}
  crs3: {derive: at_least, of: crs, grade: 3}
"""


def found(tmp_path: Path, more: str) -> list[str]:
    path = tmp_path / "plan.yaml"
    path.write_text(HEAD + more)
    file = load_plan(path)
    try:
        check_names(file)
    except PlanError as error:
        return [p.code for p in error.problems]
    return []


def analysis(text: str) -> str:
    return f"analyses:\n  one: {{do: survival, {text}}}\n"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("endpoints: [os, pfs, dor], days: [365]", []),
        ("endpoints: [os], by: SEX", []),
        ("endpoints: [os], by: AGE, cut: median", []),
        ("endpoints: [os], by: AGE, cut: [60, 70]", []),
        ("endpoints: [os], by: crs3, landmark: 90", []),
        ("endpoints: [os], by: crs3, naive: true", []),
        ("endpoints: [dor], by: crs3", []),  # it may be known when the response begins
        ("endpoints: [os], by: crs3", ["immortal-time"]),
        ("endpoints: [crs3]", ["wrong-kind"]),
        ("endpoints: [osx]", ["unknown-endpoint"]),
        ("endpoints: [os], by: NOBODY", ["unknown-factor"]),
        ("endpoints: [dor], by: crs3, landmark: 90", ["landmark-of-duration"]),
        ("endpoints: [os], cut: median", ["no-groups"]),
        ("endpoints: [os], by: SEX, cut: median", ["cut-of-classes"]),
        ("endpoints: [os], population: some", ["unknown-population"]),
    ],
)
def test_analyses(tmp_path: Path, text: str, codes: list[str]) -> None:
    assert found(tmp_path, analysis(text)) == codes


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("x: {derive: time_to_event, measure: pfs}", ["missing-rule"]),
        ("x: {derive: time_to_event, measure: pfs, rules: fda_2018}", ["no-schedule"]),
        ("x: {derive: time_to_event, measure: pfs, rules: fda_2018, visits: [28, 84]}", []),
        (
            "x: {derive: time_to_event, measure: pfs, new_therapy: censor, transplant: ignore, missed_visits: 0, without_baseline: ignore}",
            [],
        ),
        ("x: {derive: crs_grade, source: ward, scale: astct_2019, fever: temp}", []),
        ("x: {derive: crs_grade, source: ward, scale: astct_2019, oxygen: crs}", ["no-fever"]),
        ("x: {derive: crs_grade, source: ward, scale: astct_2019, fever: temp, organ: crs}", ["not-of-the-scale"]),
        ("x: {derive: crs_grade, source: ward, scale: lee_2014}", ["no-components"]),
        ("x: {derive: crs_grade, source: ward, scale: astct_2019, recorded: crs}", []),
        ("x: {derive: daily_grade, source: ward, item: crz, scale: astct_2019}", ["unknown-item"]),
        ("x: {derive: daily_grade, source: clinical, item: crs, scale: astct_2019}", ["unknown-daily-source"]),
        ("x: {derive: onset, of: crs3}", ["unknown-endpoint"]),
        ("x: {derive: onset, of: crs}", []),
        ("x: {derive: given}", ["no-treatment"]),
        ("x: {derive: given, source: ward, items: [toci]}", ["unknown-item"]),
        ("x: {derive: cytopenia, test: NEUT, below: 1, unit: stones}", ["unknown-unit"]),
        ("x: {derive: icaht, phase: early}", []),
    ],
)
def test_endpoints(tmp_path: Path, text: str, codes: list[str]) -> None:
    assert found(tmp_path, f"  {text}\n") == codes


def test_a_scale_that_does_not_grade_from_components(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="lee_2014"):
        found(tmp_path, "  x: {derive: crs_grade, source: ward, scale: ctcae_5_0, fever: temp}\n")


def test_the_timeline_names_grades_and_treatments(tmp_path: Path) -> None:
    assert found(tmp_path, "report: {toxicity: {endpoints: [crs3], treatments: [crs]}}\n") == ["unknown-endpoint"] * 2
