"""Population models in a plan: every name and range is followed before anything is fitted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.conftest import plan_text

from correlates.errors import PlanError
from correlates.plan import check_names, plan_from_text

MODEL = "population_models:\n  kinetics: {assay: car_qpcr%s}\n"


def _codes(model: str = "", parameters: str = "") -> list[str]:
    text = plan_text().replace("parameters:\n", MODEL % model + "parameters:\n" + parameters, 1)
    file = plan_from_text(text, Path("plan.yaml"))
    try:
        check_names(file)
    except PlanError as error:
        return [p.code for p in error.problems if p.where is not None]
    return []


def test_a_model_with_a_covariate_and_a_parameter_of_it_is_fine() -> None:
    lines = "  AUC_MODEL: {take: population, of: kinetics, quantity: auc, day: 28}\n"
    assert _codes(", covariates: [{on: cmax, of: BURDEN}, {on: tmax, of: ECOG}]", lines) == []


@pytest.mark.parametrize(
    ("model", "parameters", "code"),
    [
        (", covariates: [{on: cmax, of: BURDN}]", "", "unknown-parameter"),
        (
            ", covariates: [{on: cmax, of: MINE}]",
            "  MINE: {take: population, of: kinetics, quantity: cmax}\n",
            "circular-parameters",
        ),
        (", method: nuts, chains: 1", "", "out-of-range"),
        (", draws: 10", "", "out-of-range"),
        (", interval: 95", "", "out-of-range"),
        (", window: [-3, 28]", "", "out-of-range"),
        (", window: [28, 14]", "", "out-of-range"),
        (", priors: {tmax: [0, 1]}", "", "out-of-range"),
        (", priors: {tmax: [null, 1]}", "", "out-of-range"),
        (", priors: {sigma: 0}", "", "out-of-range"),
        ("", "  MINE: {take: population, of: kinetic, quantity: cmax}\n", "unknown-population-model"),
        ("", "  MINE: {take: population, of: kinetics, quantity: auc}\n", "quantity-not-given"),
        ("", "  MINE: {take: population, of: kinetics, quantity: level, day: 90}\n", "quantity-not-given"),
        ("", "  MINE: {take: population, of: kinetics, quantity: cmax, day: 28}\n", "quantity-not-given"),
    ],
)
def test_what_is_wrong_is_said(model: str, parameters: str, code: str) -> None:
    assert _codes(model, parameters) == [code]


def test_an_unknown_assay_is_said() -> None:
    text = plan_text().replace("parameters:\n", "population_models:\n  k: {assay: car_qpr}\nparameters:\n", 1)
    with pytest.raises(PlanError, match="car_qpcr"):
        check_names(plan_from_text(text, Path("plan.yaml")))


@pytest.mark.parametrize(("method", "absent"), [("nuts", ["jax", "numpyro", "arviz"]), ("laplace", ["arviz"])])
def test_software_that_is_not_installed_is_said(
    method: str, absent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = plan_text().replace("parameters:\n", MODEL % f", method: {method}" + "parameters:\n", 1)
    file = plan_from_text(text, Path("plan.yaml"))
    check_names(file)
    for name in ("jax", "numpyro", "arviz"):
        monkeypatch.setitem(sys.modules, name, None)  # what an import of it then meets is ImportError
    with pytest.raises(PlanError) as caught:
        check_names(file)
    (problem,) = caught.value.problems
    assert (problem.code, problem.found) == ("extra-not-installed", f"no {', '.join(absent)}")
    assert problem.do == "pip install 'correlates[population]'"
    assert "plan.yaml" in str(problem.where)
