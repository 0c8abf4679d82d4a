"""A plan that holds what is known only later against a time from the infusion is refused, whatever kind of analysis it asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from correlates.errors import PlanError
from correlates.plan import check_names, plan_from_text

PLAN = """
study: {id: S, title: T}
sources:
  clinical: {kind: sdtm, files: ["*.xpt"]}
  samples: {kind: samples, file: samples.csv, columns: {sample_id: S, subject_id: U}}
assays:
  qpcr: {kind: qpcr, files: ["*.txt"], targets: {CAR: [CAR]}, quantity: copies/reaction, lloq: 10}
parameters:
  CMAX: {take: cmax, of: qpcr, window: [0, 28]}
  LDH: {take: lab, test: LDH}
  CRP: {take: lab, test: CRP, window: [0, 7]}
  PER_LDH: {take: ratio, of: [CMAX, LDH]}
  LATE: {take: signature, of: [LDH, CRP], toward: CRP}
endpoints:
  os: {derive: time_to_event, measure: os}
  crs: {derive: max_grade, category: CRS, scale: lee_2014}
  crs3: {derive: at_least, of: crs, grade: 3}
biomarkers:
  exploratory: {all: [CMAX, LDH, CRP, PER_LDH, LATE]}
analyses:
  one: ANALYSIS
"""


def _problems(analysis: str) -> list[str]:
    file = plan_from_text(PLAN.replace("ANALYSIS", analysis), Path("plan.yaml"))
    try:
        check_names(file)
    except PlanError as error:
        return [p.code for p in error.problems]
    return []


@pytest.mark.parametrize(
    "analysis",
    [
        "{do: univariable, endpoints: [os], methods: [cox], biomarkers: [NAMES]}",
        "{do: forest, endpoints: [os], biomarkers: [NAMES]}",
        "{do: multivariable, endpoint: os, covariates: [NAMES]}",
        "{do: selection, endpoint: os, candidates: [NAMES]}",
    ],
)
@pytest.mark.parametrize("late", ["CMAX", "PER_LDH", "LATE", "CRP"])
def test_a_time_from_the_infusion_is_not_held_against_what_is_known_later(analysis: str, late: str) -> None:
    assert _problems(analysis.replace("NAMES", f"LDH, {late}")) == ["conditions-on-the-future"]
    assert _problems(analysis.replace("NAMES", "LDH")) == []


@pytest.mark.parametrize("do", ["forest", "univariable"])
def test_an_endpoint_without_a_clock_is_not_refused(do: str) -> None:
    assert _problems(f"{{do: {do}, endpoints: [crs3], biomarkers: [CMAX]}}") == []
