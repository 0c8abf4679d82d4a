"""Over 200 simulated trials: how often the true causes of each endpoint are found, how often what causes nothing is, and at which FDR."""

from __future__ import annotations

import polars as pl
import pytest
from tests.calibration.causes import CAUSES, MEASURED, analysis

from correlates.association import Biomarker, Endpoint, Univariable, associate
from correlates.stats.multiplicity import Adjust
from correlates.terms import OutcomeKind

pytestmark = pytest.mark.calibration

TRIALS, PARTS = 200, 4
NULLS = ("AGE", "ECOG", "IPI", "SUBTYPE", "STAGE")
BIOMARKERS = (
    *(Biomarker(code=code, label=code, scale="log2") for code in MEASURED),
    Biomarker(code="AGE", label="Age"),
    Biomarker(code="IPI", label="IPI", scale="unit"),
    *(Biomarker(code=code, label=code, kind="categorical") for code in ("ECOG", "SUBTYPE", "STAGE")),
)
ENDPOINTS = tuple(Endpoint(name=name, label=name, kind=OutcomeKind.BINARY) for name in CAUSES)


@pytest.mark.parametrize("part", range(PARTS))
def test_causes_are_found_and_what_causes_nothing_is_not(part):
    parts = []
    for seed in range(part, TRIALS, PARTS):
        settings = Univariable(
            name="screen", methods=("wilcoxon", "fisher"), families=("endpoint",), adjust=Adjust.BH, least_per_class=2
        )
        found = associate(analysis(20_000 + seed), BIOMARKERS, ENDPOINTS, settings)
        wide = found.filter((pl.col("level") == "") & pl.col("stat_name").is_in(["p", "p_adjusted"]))
        parts.append(
            wide.pivot("stat_name", index=["biomarker", "endpoint"], values="value").with_columns(seed=pl.lit(seed))
        )
    tests = pl.concat(parts, how="diagonal").with_columns(
        hit=pl.col("p_adjusted") <= 0.05, raw=pl.col("p") < 0.05, null=pl.col("biomarker").is_in(NULLS)
    )
    told = tests.group_by("endpoint", "biomarker", maintain_order=True).agg(pl.col("raw", "hit").sum(), n=pl.len())
    for row in told.iter_rows(named=True):
        kind = "cause" if row["biomarker"] in CAUSES[row["endpoint"]] else "null" if row["biomarker"] in NULLS else ""
        print(f"|POWER|{row['endpoint']}|{row['biomarker']}|{kind}|{row['raw']}|{row['hit']}|{row['n']}|")
    for endpoint in CAUSES:
        mine = tests.filter(endpoint=endpoint)
        each = mine.group_by("seed").agg(hits=pl.col("hit").sum(), false=(pl.col("hit") & pl.col("null")).sum())
        fdr = each.select((pl.col("false") / pl.max_horizontal("hits", 1)).mean()).item()
        nulls = mine.filter("null")["raw"]
        print(f"|FDR|{endpoint}|{fdr:.4f}|{each.height}|{nulls.sum()}|{nulls.len()}|")
        assert fdr <= 0.05 + 3.5 * (0.05 * 0.95 / each.height) ** 0.5
        assert nulls.mean() <= 0.05 + 3.5 * (0.05 * 0.95 / nulls.len()) ** 0.5
    ratio = told.filter((pl.col("endpoint") == "durable") & (pl.col("biomarker") == "RATIO"))
    assert ratio["hit"][0] > 0.5 * ratio["n"][0]
