"""What the plan says is what the analyses get."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from correlates.pipeline.run import compute, stage_keys
from correlates.pipeline.store import Store, silent
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


def _p(folder, seed):
    file = plan_from_text(PLAN.replace("SEED", str(seed)), folder / "plan.yaml")
    inputs = find_inputs(file)
    keys = stage_keys(file, inputs, {str(p): file_sha256(p) for p in inputs.all})
    target = folder / f"run{seed}"
    (target / "tables").mkdir(parents=True, exist_ok=True)
    store = Store(folder=target, keys=keys, previous=None, progress=silent)
    compute(file, inputs, store)
    return store.tables["results"].filter(pl.col("stat_name") == "p")["value"].item()


def test_the_seed_of_the_plan_is_that_of_random_tables(rows):
    first, again, other = _p(rows, 1), _p(rows, 1), _p(rows, 2)
    assert first == again
    assert first != other
    # 100,000 tables each: two estimates of one P differ by less than 5 standard errors of the difference, 0.01
    assert first == pytest.approx(other, abs=0.01)
