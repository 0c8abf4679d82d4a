"""What a plan can declare of multivariable models, and what it is told when the declaration contradicts itself."""

from pathlib import Path

import pytest

from correlates.errors import PlanError
from correlates.plan import check_names, load_plan

PLAN = """study: {id: X, title: T}
sources:
  clinical: {kind: sdtm, files: [a.xpt]}
parameters:
  LDH: {take: lab, test: LDH, window: [-28, 0]}
  AGE: {take: characteristic, name: AGE}
  STAGE: {take: characteristic, name: STAGE, categorical: true}
endpoints:
  grade: {derive: max_grade, category: CRS, scale: lee_2014}
  crs: {derive: at_least, of: grade, grade: 3}
biomarkers:
  prespecified: {covariates: [AGE, STAGE, LDH]}
analyses:
"""
MODEL = "do: multivariable, endpoint: grade, covariates: [covariates]"


def _checked(folder: Path, analysis: str) -> None:
    path = folder / "plan.yaml"
    path.write_text(PLAN + f"  a: {{{analysis}}}\n")
    check_names(load_plan(path))


@pytest.mark.parametrize(
    "analysis",
    [
        MODEL + ", transforms: {LDH: log10, AGE: {per: 10}}, splines: {LDH: 3}",
        MODEL + ", transforms: {LDH: quartiles, AGE: {cut: [55, 65]}}",
        "do: selection, endpoint: crs, candidates: all, method: group_lasso, transforms: {LDH: sqrt}",
        "do: selection, endpoint: crs, candidates: [covariates], method: stability, grouped: true",
    ],
)
def test_what_a_model_can_declare(tmp_path: Path, analysis: str) -> None:
    _checked(tmp_path, analysis)


@pytest.mark.parametrize(
    ("analysis", "told"),
    [
        (MODEL + ", transforms: {LDHH: log}", "Did you mean 'LDH'?"),
        (MODEL + ", transforms: {LDH: exp}", "quartiles"),
        (MODEL + ", transforms: {STAGE: log}", "is a category"),
        (MODEL + ", splines: {STAGE: 3}", "is a category"),
        (MODEL + ", transforms: {LDH: quartiles}, splines: {LDH: 3}", "is a spline too"),
        (MODEL + ", transforms: {LDH: {cut: [5], per: 2}}", "mean nothing"),
        (MODEL + ", transforms: {LDH: {cut: [5, 5]}}", "do not rise"),
        (MODEL + ", transforms: {LDH: {}}", "says nothing"),
        (MODEL + ", transforms: {LDH: {take: standardised, per: 3}}", "per standard deviation and per 3"),
        (MODEL + ", transforms: {LDH: {per: -1}}", "greater than 0"),
        (MODEL + ", validation: {horizon: 180}", "no time to an event"),
        (MODEL + ", validation: {horizon: 0}", "greater than 0"),
        ("do: selection, endpoint: crs, candidates: all, validation: {horizon: 180}", "no time to an event"),
        ("do: selection, endpoint: grade, candidates: all", "No selection is for grades"),
        ("do: selection, endpoint: crs, candidates: [AGE], transforms: {LDH: log}", "Unknown covariate of the model"),
    ],
)
def test_what_a_model_cannot_mean_is_refused(tmp_path: Path, analysis: str, told: str) -> None:
    with pytest.raises(PlanError) as caught:
        _checked(tmp_path, analysis)
    assert told in str(caught.value)
