"""The stage: its tables, its reasons, its errors."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.unit.population.trial import TYPICAL, simulate

from correlates.errors import DerivationError
from correlates.population import Covariate, PopulationModel
from correlates.population.fit import fit
from correlates.population.settings import Convergence
from correlates.schema import PARAMETERS, POPULATION
from correlates.terms import Reason

MODEL = PopulationModel(assay="qpcr", covariance="diagonal", draws=200)
NONE = PARAMETERS.empty()


def covariates(values: dict[str, object], *, timing: str = "baseline", kind: str = "value") -> pl.DataFrame:
    rows = [
        {
            "subject_id": subject,
            "code": "BURDEN",
            "kind": "spd",
            "label": "Tumour burden",
            kind: value,
            "unit": "mm2",
            "censoring": "none" if kind == "value" and value is not None else None,
            "timing": timing,
            "rule": "{}",
            "source_ids": [],
        }
        for subject, value in values.items()
    ]
    return PARAMETERS.frame(rows)


def _without_the_extra(patch: pytest.MonkeyPatch) -> None:
    for name in ("numpyro", "arviz"):  # SciPy itself looks for jax among what is imported
        patch.setitem(sys.modules, name, None)  # what an import of it then meets is ImportError


@pytest.fixture(scope="module")
def fitted():
    shift = np.linspace(-1.0, 1.0, 30)
    made, subjects, phi = simulate(3, 30, lloq=0.5, shift=np.outer(shift, [1.0, 0, 0, 0, 0, 0]))
    burden = covariates({s: 2.0 ** (x * 2.0) for s, x in zip(subjects, shift, strict=True)})
    model = PopulationModel(
        assay="qpcr", covariance="diagonal", draws=300, covariates=(Covariate(on="cmax", of="BURDEN"),)
    )
    with pytest.MonkeyPatch.context() as patch:
        _without_the_extra(patch)  # the fast mode needs none of it
        return fit("kinetics", model, measurements=made, covariates=burden, subjects=[*subjects, "S999"], seed=8), phi


def _estimate(tables, kind: str, name: str) -> dict[str, object]:
    return tables["population_estimates"].row(
        by_predicate=(pl.col("kind") == kind) & (pl.col("name") == name), named=True
    )


def test_it_converged_and_tells_what_it_fitted(fitted) -> None:
    row = fitted[0].tables["population_fits"].row(0, named=True)
    assert row["converged"]
    assert row["reason"] is None
    assert (row["n_subjects"], row["n_samples"]) == (30, 420)
    assert 0 < row["n_below"] < 420
    assert row["seed"] == 8
    assert json.loads(row["settings"])["covariates"][0]["of"] == "BURDEN"


def test_typical_values_and_the_covariate_are_found(fitted) -> None:
    tables = fitted[0].tables
    for name, truth in TYPICAL.items():
        row = _estimate(tables, "typical", name)
        spread = np.log(row["upper"] / row["lower"])
        assert abs(np.log(row["value"] / truth)) < 1.2 * spread, name
    effect = _estimate(tables, "effect", "cmax~BURDEN")
    assert effect["lower"] < np.exp(0.5) < effect["upper"]  # one unit of ln cmax for two doublings
    assert "per doubling of Tumour burden" in effect["label"]
    # the median of an even number of draws is a mean of two, which a reciprocal does not carry over exactly
    assert _estimate(tables, "derived", "terminal_half_life")["value"] == pytest.approx(
        np.log(2) / _estimate(tables, "typical", "beta")["value"], rel=1e-4
    )


def test_subjects_are_near_the_truth_and_within_their_intervals(fitted) -> None:
    found, phi = fitted
    rows = found.tables["population_subjects"].filter((pl.col("quantity") == "cmax") & pl.col("value").is_not_null())
    assert rows["subject_id"].to_list() == [f"S{i:03d}" for i in range(30)]
    assert np.corrcoef(np.log(rows["value"]), phi[:, 0])[0, 1] > 0.95
    inside = (rows["lower"].to_numpy() < np.exp(phi[:, 0])) & (np.exp(phi[:, 0]) < rows["upper"].to_numpy())
    assert inside.mean() > 0.7
    assert rows["known_on_day"].to_list() == [180.0] * 30
    assert rows["source_ids"][0].len() == 14


def test_a_subject_without_samples_has_rows_with_the_reason(fitted) -> None:
    rows = fitted[0].tables["population_subjects"].filter(pl.col("subject_id") == "S999")
    assert set(rows["reason"]) == {Reason.NO_SAMPLE.value}
    assert rows["value"].null_count() == rows.height == 12


def test_residuals_are_standard_with_the_censored_ones(fitted) -> None:
    points = fitted[0].tables["population_points"]
    assert points.height == 420
    assert abs(points["residual"].mean()) < 0.15
    assert 0.7 < points["residual"].std() < 1.1  # below one: every subject's curve was fitted to its own samples
    assert abs(points["discrepancy"].mean()) < 0.25
    assert 0.8 < points["discrepancy"].std() < 1.2
    limits = points.filter(pl.col("censoring") == "left")
    bound = (np.log(limits["value"]) - np.log(limits["individual"])) / float(
        _estimate(fitted[0].tables, "residual", "sigma")["value"]
    )
    assert (limits["residual"].to_numpy() <= bound.to_numpy() + 1e-2).all()


def test_the_predictive_check_counts_what_is_below(fitted) -> None:
    found = fitted[0].tables
    checks = found["population_predictive"].filter(pl.col("statistic") == "below")
    assert checks["n"].sum() == 420
    assert (checks["observed"] * checks["n"]).sum() == pytest.approx(found["population_fits"]["n_below"][0])
    medians = found["population_predictive"].filter(pl.col("statistic") == "p50").drop_nulls()
    inside = (medians["observed"] >= medians["lower"] / 1.2) & (medians["observed"] <= medians["upper"] * 1.2)
    assert inside.mean() > 0.8


def _reasons(measurements: pl.DataFrame, subjects: list[str], model: PopulationModel = MODEL):
    made = fit("kinetics", model, measurements=measurements, covariates=NONE, subjects=subjects)
    for table in POPULATION:
        assert made.tables[table.name].columns == list(table.names)
    return made, made.tables["population_fits"].row(0, named=True)


def test_one_sample_of_each_is_too_few_for_all() -> None:
    measurements, subjects, _ = simulate(1, 12)
    made, row = _reasons(measurements.filter(pl.col("study_day") == 9), subjects)
    assert (row["converged"], row["reason"], row["n_subjects"]) == (False, Reason.MODEL_NOT_FITTED.value, 0)
    assert set(made.tables["population_subjects"]["reason"]) == {Reason.TOO_FEW_SAMPLES.value}
    assert set(made.tables["population_estimates"]["reason"]) == {Reason.MODEL_NOT_FITTED.value}
    assert made.tables["checks"].filter(pl.col("rule") == "enough-to-fit").height == 12
    assert made.posterior is None


def test_all_below_the_limit_is_a_reason() -> None:
    measurements, subjects, _ = simulate(1, 12, lloq=1e6)
    model = replace(MODEL, covariates=(Covariate(on="cmax", of="BURDEN"),))
    burden = covariates({s: 2.0 + i for i, s in enumerate(subjects)})
    made = fit("kinetics", model, measurements=measurements, covariates=burden, subjects=subjects)
    row = made.tables["population_fits"].row(0, named=True)
    assert row["reason"] == Reason.MODEL_NOT_FITTED.value
    assert set(made.tables["population_subjects"]["reason"]) == {Reason.NOTHING_QUANTIFIABLE.value}


@pytest.mark.parametrize("case", ["all the same", "all below, and kept", "no limit, two subjects"])
def test_data_that_tell_little_are_fitted_or_refused_without_a_warning(case: str) -> None:
    measurements, subjects, _ = simulate(1, 2 if "two" in case else 3, lloq=1e6 if "below" in case else 0.0)
    if "same" in case:
        measurements = measurements.with_columns(value=pl.lit(5.0))
    settings = PopulationModel(
        assay="qpcr", covariance="diagonal", draws=50, least_subjects=2, least_quantifiable=0 if "below" in case else 1
    )
    made, row = _reasons(measurements, subjects, settings)
    assert made.posterior is not None
    assert np.isfinite(made.posterior.theta).all()
    assert row["converged"] is (row["reason"] is None)


def test_no_infusion_day_is_a_reason() -> None:
    measurements, subjects, _ = simulate(1, 12)
    undated = measurements.with_columns(study_day=pl.when(pl.col("subject_id") != "S003").then("study_day"))
    made, row = _reasons(undated, subjects, PopulationModel(assay="qpcr", least_subjects=20))
    reasons = dict(made.tables["population_subjects"].select("subject_id", "reason").iter_rows())
    assert reasons["S003"] == Reason.NO_STUDY_DAY.value
    assert row["detail"] == "11 subjects with enough samples; 20 are required"
    assert made.tables["checks"].filter(pl.col("rule") == "study-day-known")["item"].to_list() == ["S003"]


def test_values_without_logarithm_are_below_their_limit_or_left_out() -> None:
    measurements, subjects, _ = simulate(1, 12)
    spoiled = measurements.with_columns(
        value=pl.when(pl.col("study_day") == 1).then(0.0).when(pl.col("study_day") == 3).then(-2.0).otherwise("value"),
        lloq=pl.when(pl.col("study_day") == 1).then(0.7),
    )
    made, _ = _reasons(spoiled, subjects, PopulationModel(assay="qpcr", least_subjects=20))
    points = made.prepared.points
    assert points.filter(pl.col("day") == 1).select("value", "code").unique().row(0) == (0.7, -1)
    assert points.filter(pl.col("day") == 3).is_empty()
    assert made.tables["checks"].filter(pl.col("rule") == "value-positive").height == 12


def test_a_model_that_does_not_converge_reports_nothing() -> None:
    measurements, subjects, _ = simulate(1, 12)
    strict = PopulationModel(assay="qpcr", covariance="diagonal", draws=100, convergence=Convergence(importance=0.999))
    made, row = _reasons(measurements, subjects, strict)
    assert (row["converged"], row["reason"]) == (False, Reason.MODEL_NOT_CONVERGED.value)
    assert "importance samples are effective, at least 99.9% is required" in row["detail"]
    assert made.posterior is not None
    for name in ("population_estimates", "population_subjects"):
        assert made.tables[name]["value"].null_count() == made.tables[name].height > 0
        assert set(made.tables[name]["reason"]) == {Reason.MODEL_NOT_CONVERGED.value}
    for name in ("population_points", "population_curves", "population_predictive"):
        assert made.tables[name].is_empty()


@pytest.mark.parametrize(
    ("change", "rows", "code"),
    [
        ({"assay": "elispot"}, None, "unknown-assay"),
        ({"analyte": "CD19"}, None, "unknown-analyte"),
        ({"covariates": (Covariate(on="cmax", of="LDH"),)}, None, "unknown-parameter"),
        ({}, ("post", "value", [1.0, 2.0]), "covariate-after-infusion"),
        ({}, ("baseline", "value", [1.0, 1.0]), "constant-covariate"),
        ({}, ("baseline", "value", [1.0, 0.0]), "not-positive"),
        ({}, ("baseline", "category", ["a", "a"]), "constant-covariate"),
    ],
)
def test_what_cannot_be_fitted_is_an_error(change, rows, code) -> None:
    measurements, subjects, _ = simulate(1, 4)
    table = covariates({"S000": 1.0})
    settings = {"assay": "qpcr", "least_subjects": 4, **change}
    if rows is not None:
        timing, kind, values = rows
        table = covariates({s: values[i % 2] for i, s in enumerate(subjects)}, timing=timing, kind=kind)
        settings["covariates"] = (Covariate(on="cmax", of="BURDEN"),)
    with pytest.raises(DerivationError) as caught:
        fit("kinetics", PopulationModel(**settings), measurements=measurements, covariates=table, subjects=subjects)
    assert caught.value.problems[0].code == code


def test_the_sampler_without_its_software_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    made, subjects, _ = simulate(3, 12)
    _without_the_extra(monkeypatch)
    with pytest.raises(DerivationError) as caught:
        fit("kinetics", replace(MODEL, method="nuts"), measurements=made, covariates=NONE, subjects=subjects)
    assert [p.code for p in caught.value.problems] == ["extra-not-installed"]


def test_units_that_do_not_convert_are_an_error() -> None:
    measurements, subjects, _ = simulate(1, 4)
    mixed = measurements.with_columns(
        unit=pl.when(pl.col("subject_id") == "S000").then(pl.lit("pg/mL")).otherwise("unit")
    )
    with pytest.raises(DerivationError, match="kinetics"):
        fit("kinetics", MODEL, measurements=mixed, covariates=NONE, subjects=subjects)


def test_a_category_is_compared_with_its_most_frequent_one_and_a_missing_one_leaves_the_subject_out() -> None:
    from correlates.population.prepare import prepare

    measurements, subjects, _ = simulate(1, 6)
    table = covariates(dict(zip(subjects, ["b", "a", "b", "a", "b", None], strict=True)), kind="category")
    made = prepare(
        "kinetics",
        PopulationModel(assay="qpcr", covariates=(Covariate(on="tmax", of="BURDEN"),)),
        measurements,
        table,
        subjects,
    )
    assert [e.name for e in made.effects] == ["tmax~BURDEN=a"]
    assert made.data.design[:, 0].tolist() == [0, 1, 0, 1, 0]
    assert made.data.target.tolist() == [[0, 1, 0, 0, 0, 0]]
    assert made.left_out == {"S005": Reason.COVARIATE_MISSING}
