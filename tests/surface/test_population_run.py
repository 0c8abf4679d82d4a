"""A population model in a run: fitted once, fed back as parameters, shown, kept, and reused."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from correlates.cli import main

pytest.importorskip("arviz")

MODEL = """population_models:
  kinetics: {assay: car_qpcr, covariance: diagonal, draws: 200, covariates: [{on: cmax, of: BURDEN}]}

parameters:
  CMAX_MODEL: {take: population, of: kinetics, quantity: cmax}
  AUC_MODEL: {take: population, of: kinetics, quantity: auc, day: 28}
"""


@pytest.fixture
def modelled(trial: Path) -> Path:
    plan = trial / "plan.yaml"
    text = plan.read_text().replace("parameters:\n", MODEL, 1)
    assert "kinetics: [TMAX," in text
    plan.write_text(text.replace("kinetics: [TMAX,", "kinetics: [TMAX, CMAX_MODEL, AUC_MODEL,"))
    return plan


def test_a_model_is_fitted_shown_fed_back_kept_and_reused(modelled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = modelled.parent / "run"
    assert main(["run", str(modelled)]) == 0
    fits = pl.read_parquet(run / "tables" / "population_fits.parquet").row(0, named=True)
    assert fits["converged"], fits["detail"]
    assert (run / fits["file"]).is_file()

    parameters = pl.read_parquet(run / "tables" / "parameters.parquet")
    model = parameters.filter(pl.col("code") == "CMAX_MODEL")
    assert model["kind"].unique().to_list() == ["population"]
    known = model.drop_nulls("value").row(0, named=True)
    rule = json.loads(known["rule"])
    assert rule["diagnostics"]["converged"]
    assert rule["interval"]["lower"] < known["value"] < rule["interval"]["upper"]
    assert rule["model"]["method"] == "laplace"
    assert known["timing"] == "post"
    measured = pl.read_parquet(run / "tables" / "measurements.parquet")
    used = measured.filter(pl.col("measurement_id").is_in(known["source_ids"]))
    assert used["study_day"].max() == known["known_on_day"]
    both = model.join(parameters.filter(pl.col("code") == "CMAX"), on="subject_id").drop_nulls("value")
    assert both.select(pl.corr("value", "value_right", method="spearman")).item() > 0.9
    results = pl.read_parquet(run / "tables" / "results.parquet")
    assert results.filter((pl.col("biomarker") == "AUC_MODEL") & (pl.col("stat_name") == "p")).height

    page = (run / "report.html").read_text()
    for words in (
        "Population models of cellular kinetics",
        "Estimates of the population models",
        "visual predictive check",
    ):
        assert words in page
    assert "(M3)" in (run / "methods.md").read_text()

    capsys.readouterr()
    assert main(["trace", str(run), "CMAX_MODEL", "--subject", known["subject_id"]]) == 0
    assert known["source_ids"][0].split("/")[-1] in capsys.readouterr().out

    before = (run / fits["file"]).read_bytes()
    modelled.write_text(modelled.read_text().replace("adjust: bh", "adjust: holm"))
    assert main(["run", str(modelled), "--force"]) == 0
    assert "population: 1 population fits" in (told := capsys.readouterr().err)
    assert "unchanged" in next(line for line in told.splitlines() if "population:" in line)
    assert (run / fits["file"]).read_bytes() == before
    assert main(["report", str(run)]) == 0
    assert (run / fits["file"]).read_bytes() == before


def test_explain_knows_the_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "stein_2019"]) == 0
    assert "Stein AM" in capsys.readouterr().out
