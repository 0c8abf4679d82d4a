"""A plain table as biomarker source: the 24 published P values of a CAR T-cell proteome cohort, through a plan."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from openpyxl import load_workbook
from tests.external import external

from correlates.cli import main

COHORT = "data/cohorts/nulisa_cart"
DAYS = ("DA", "DAY_0", "DAY_1_2", "DAY_3_5", "DAY_6_9", "DAY_11_16")
EXPANSION = {"high": "High Expansion", "low": "Low Expansion"}

PLAN = """
study: {{id: NULISA, title: Plasma proteome after CAR T-cell infusion}}
sources:
  scores:
    kind: table
    file: {file}
    subject_id: patientID
    unit_of_analysis: SampleName          # the publication tests samples, one patient has two in a window
parameters:
  PATIENT:   {{take: characteristic, name: patientID, categorical: true}}
  DAY:       {{take: characteristic, name: day_cat, categorical: true}}
  EXPANSION: {{take: characteristic, name: expansion_group, categorical: true}}
  EFFECTOR:  {{take: characteristic, name: effector_score}}
  VASCULAR:  {{take: characteristic, name: vascular_score}}
endpoints:
  severe: {{derive: recorded, source: scores, column: any_severe_tox, yes: [Severe Toxicity], no: [No/Mild Toxicity]}}
populations:
{populations}
biomarkers:
  exploratory: {{scores: [EFFECTOR, VASCULAR]}}
analyses:
{analyses}
"""


def plan(file: Path) -> str:
    populations, analyses = [], []
    for name, group in EXPANSION.items():
        for day in DAYS:
            populations.append(f"  {name}_{day}: {{category: [[EXPANSION, {group}], [DAY, {day}]]}}")
        listed = ", ".join(f"{name}_{day}" for day in DAYS)
        analyses.append(
            f"  {name}:\n    do: univariable\n    endpoints: [severe]\n    methods: [wilcoxon]\n    unit_of: PATIENT\n"
            f"    populations: [{listed}]\n    families: {{by: [analysis, biomarker], adjust: bh}}"
        )
    return PLAN.format(file=file, populations="\n".join(populations), analyses="\n".join(analyses))


def test_all_24_published_p_values_and_their_adjustment(tmp_path: Path):
    scores, published = (
        external(f"{COHORT}/{name}.csv") for name in ("derived_combined_scores", "derived_pval_results")
    )
    (tmp_path / "plan.yaml").write_text(plan(scores))
    assert main(["run", str(tmp_path / "plan.yaml")]) == 0
    every = pl.read_parquet(tmp_path / "run" / "tables" / "results.parquet")
    results = every.filter(pl.col("level") == "")
    expected = pl.read_csv(published).to_dicts()
    assert len(expected) == 24
    for row in expected:
        name = next(n for n, group in EXPANSION.items() if group == row["expansion_group"])
        mine = results.filter(
            (pl.col("biomarker") == row["cluster"].upper()) & (pl.col("population") == f"{name}_{row['day_cat']}")
        )
        found = dict(mine.select("stat_name", "value").iter_rows())
        assert found["p"] == pytest.approx(row["p_value"], rel=1e-9)
        assert found["p_adjusted"] == pytest.approx(row["p_adj"], rel=1e-9)
    # the families of the plan: one per expansion group and score, the six windows in each, raw and adjusted side by side
    families = (
        results.filter(pl.col("stat_name") == "p").group_by("family").agg(n=pl.len(), days=pl.n_unique("population"))
    )
    assert sorted(families["family"]) == [
        f"Benjamini-Hochberg over: analysis_id {name}; biomarker {score}"
        for name in ("high", "low")
        for score in ("EFFECTOR", "VASCULAR")
    ]
    assert set(families.select("n", "days").rows()) == {(6, 6)}

    # the samples behind each published comparison
    book = load_workbook(external(f"{COHORT}/SuppTable6_decoupling_analysis.xlsx"), read_only=True)
    book["Group_Summary"].reset_dimensions()
    (headings, *cells) = book["Group_Summary"].iter_rows(values_only=True)
    assert len(cells) == 48
    for cell in cells:
        row = dict(zip(headings, cell, strict=True))
        name = next(n for n, group in EXPANSION.items() if group == row["expansion_group"])
        counted = every.filter(
            stat_name="n",
            level="yes" if row["any_severe_tox"] == "Severe Toxicity" else "no",
            biomarker=row["cluster"].upper(),
            population=f"{name}_{row['day_cat']}",
        )
        assert counted["value"].to_list() == [row["n_samples"]]
    twice = results.filter(pl.col("population") == "high_DAY_6_9")
    assert all("repeated-units" in notices for notices in twice["notices"].to_list())
    assert (tmp_path / "run" / "report.html").is_file()
