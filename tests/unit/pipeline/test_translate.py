"""What the plan says is what the analyses get."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from correlates.errors import DerivationError
from correlates.pipeline.run import compute, stage_keys
from correlates.pipeline.store import Store, silent
from correlates.pipeline.translate import used
from correlates.plan import find_inputs, plan_from_text
from correlates.provenance import file_sha256

PLAN = """
study: {id: S, title: T, seed: SEED}
sources:
  rows: {kind: table, file: rows.csv, subject_id: SUBJECT}
parameters:
  GROUP: {take: characteristic, name: GROUP, categorical: true}
endpoints:
  outcome: {derive: recorded, source: rows, column: OUTCOME}
biomarkers:
  exploratory:
    groups: [GROUP]
analyses:
  all: {do: univariable, endpoints: [outcome], methods: [fisher]}
"""


@pytest.fixture
def rows(tmp_path):
    rng = np.random.default_rng(0)
    drawn = zip(rng.choice(list("abcd"), 300), rng.choice(["x", "y", "z"], 300), strict=True)
    lines = [f"P{i},{group},{outcome}" for i, (group, outcome) in enumerate(drawn)]
    (tmp_path / "rows.csv").write_text("\n".join(["SUBJECT,GROUP,OUTCOME", *lines]) + "\n")
    return tmp_path


def _computed(folder, plan):
    file = plan_from_text(plan, folder / "plan.yaml")
    inputs = find_inputs(file)
    keys = stage_keys(file, inputs, {str(p): file_sha256(p) for p in inputs.all})
    (folder / "run" / "tables").mkdir(parents=True, exist_ok=True)
    store = Store(folder=folder / "run", keys=keys, previous=None, progress=silent)
    compute(file, inputs, store)
    return store.tables


def _p(folder, seed):
    results = _computed(folder, PLAN.replace("SEED", str(seed)))["results"]
    return results.filter(pl.col("stat_name") == "p")["value"].item()


def test_the_seed_of_the_plan_is_that_of_random_tables(rows):
    first, again, other = _p(rows, 1), _p(rows, 1), _p(rows, 2)
    assert first == again
    assert first != other
    # 100,000 tables each: two estimates of one P differ by less than 5 standard errors of the difference, 0.01
    assert first == pytest.approx(other, abs=0.01)


TWO = """
study: {id: S, title: T}
sources:
  one: {kind: table, file: a.csv, subject_id: S}
  two: {kind: table, file: b.csv, subject_id: S}
parameters:
  X: {take: characteristic, name: X, source: SOURCE}
endpoints:
  first: {derive: recorded, source: one, column: OUTCOME}
  second: {derive: recorded, source: two, column: OUTCOME}
"""


@pytest.fixture
def two(tmp_path):
    (tmp_path / "a.csv").write_text("S,OUTCOME,X\nA,y,1\nB,n,2\nC,y,3\n")
    (tmp_path / "b.csv").write_text("S,OUTCOME,X\nA,n,10\nB,y,20\nD,y,40\n")
    return tmp_path


def test_an_outcome_and_a_characteristic_are_of_the_source_they_name(two):
    tables = _computed(two, TWO.replace("SOURCE", "two"))
    outcomes = tables["outcomes"].pivot("endpoint", index="subject_id", values="category")
    assert outcomes.rows_by_key("subject_id") == {
        "A": [("y", "n")],
        "B": [("n", "y")],
        "C": [("y", None)],
        "D": [(None, "y")],
    }
    values = dict(tables["parameters"].select("subject_id", "value").iter_rows())
    assert values == {"A": 10.0, "B": 20.0, "C": None, "D": 40.0}


def test_a_characteristic_of_two_sources_has_to_say_which(two):
    with pytest.raises(DerivationError, match="does not say which source") as refused:
        _computed(two, TWO.replace(", source: SOURCE", ""))
    assert refused.value.problems[0].found == "X in one and two"


def test_the_methods_say_by_which_rules_a_parameter_is_taken():
    lines = {
        "AUC7": "{take: auc, of: qpcr, window: [0, 7], rule: linear, gap: {before: 3}}",
        "AUC28": "{take: auc, of: qpcr, blq: {after: drop}, at_start: zero}",
        "CMAX": "{take: cmax, of: qpcr, gap: {before: 3, after: 7}, rule: log}",
        "HALF": "{take: half_life, of: qpcr, line: {days: {S-1: [14, 21, 28]}}}",
    }
    text = "study: {id: S, title: T}\nassays:\n  qpcr: {kind: qpcr, files: [x], targets: {CAR: [CAR]}}\nparameters:\n"
    plan = plan_from_text(text + "".join(f"  {k}: {v}\n" for k, v in lines.items()), Path("plan.yaml")).plan
    said = {item.names: dict(item.settings) for item in used(plan, ()) if item.topic == "Parameter"}
    area = said["AUC7", "AUC28"]
    assert area["window"] == "day 0 to 7 (AUC7), day 0 to 28 (AUC28)"
    assert area["trapezoids"] == "linear (AUC7), linear up, logarithmic down (AUC28)"
    assert area["below the limit"].endswith("half the limit between two, left out after the last (AUC28)")
    assert area["at the end"] == "interpolated"
    assert "samples around a peak" not in area
    assert said[("CMAX",)] == {
        "window": "day 0 to 28",
        "days": "actual",
        "samples around a peak": "at most 3 days before and at most 7 days after",
    }
    assert said[("HALF",)]["points of the line"] == "chosen by hand for 1 subject"
