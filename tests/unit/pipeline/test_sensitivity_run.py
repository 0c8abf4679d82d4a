"""The sensitivity analysis of the demonstration against the run it is part of."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from correlates.association import associate
from correlates.association.settings import Biomarker, Endpoint, Univariable
from correlates.errors import PlanError
from correlates.pipeline.run import check
from correlates.pipeline.store import open_run
from correlates.tables import exposure_rules
from correlates.terms import OutcomeKind


def test_the_declared_variant_is_the_parameter_and_its_test(demo: Path) -> None:
    run = open_run(demo / "run")
    values, rows = run.table("exposure_rules_values"), run.table("exposure_rules")
    parameters, results = run.table("parameters"), run.table("results")
    assert set(rows["parameter"]) == {"AUC0_28", "AUC_PER_BURDEN"}
    for code in set(rows["parameter"]):
        own = parameters.filter(pl.col("code") == code).select("subject_id", "value", "censoring", "reason")
        declared = values.filter((pl.col("parameter") == code) & (pl.col("variant") == 0))
        assert declared.select("subject_id", "value", "censoring", "reason").equals(own)
        for endpoint in ("durable", "ne3"):
            one = rows.filter(
                (pl.col("parameter") == code) & (pl.col("endpoint") == endpoint) & (pl.col("variant") == 0)
            ).row(0, named=True)
            test = results.filter(
                (pl.col("biomarker") == code)
                & (pl.col("endpoint") == endpoint)
                & (pl.col("method") == "wilcoxon")
                & (pl.col("analysis_id") == "screen")
                & (pl.col("level") == "")
            )
            stats = dict(test.select("stat_name", "value").iter_rows())
            assert (one["p"], one["estimate"]) == (stats["p"], stats["auc"])
            assert one["n_analysed"] == test["n"].max()


def test_a_variant_is_tested_as_its_values_would_be(demo: Path) -> None:
    run = open_run(demo / "run")
    rows = run.table("exposure_rules").filter((pl.col("parameter") == "AUC0_28") & (pl.col("endpoint") == "durable"))
    values = run.table("exposure_rules_values").filter(pl.col("parameter") == "AUC0_28")
    number = rows.filter((pl.col("rule") == "log") & (pl.col("between") == "limit"))["variant"][0]
    mine = (
        values.filter(pl.col("variant") == number)
        .select("subject_id", X="value")
        .with_columns(values.filter(pl.col("variant") == number)["censoring"].alias("X|censoring"))
    )
    frame = run.table("analysis").select("subject_id", "durable").join(mine, on="subject_id", how="left")
    endpoint = Endpoint(name="durable", label="", kind=OutcomeKind.BINARY)
    found = associate(frame, [Biomarker(code="X", label="")], [endpoint], Univariable(name="x", methods=("wilcoxon",)))
    p = found.filter((pl.col("stat_name") == "p") & (pl.col("level") == ""))["value"][0]
    assert rows.filter(pl.col("variant") == number)["p"][0] == p
    size = values.filter(pl.col("variant") == number)["difference"].abs()
    assert rows.filter(pl.col("variant") == number)["median_difference"][0] == size.median()
    assert rows.filter(pl.col("variant") == number)["largest_difference"][0] == size.max()


def test_the_table_shows_every_variant(demo: Path) -> None:
    run = open_run(demo / "run")
    shown = exposure_rules(run.table("exposure_rules"), run.table("exposure_rules_values"), {"durable": "Durable"}, {})
    assert len(shown) == 2
    assert shown[0].height == 21
    assert shown[0].column("Area").texts[0] == "linear up, log down (declared)"
    assert "Over all 21 variants" in shown[0].note
    assert shown[0].column("P, Durable").sort is not None


def test_a_parameter_that_rests_on_no_area_is_refused_with_its_place(demo: Path, tmp_path: Path) -> None:
    text = (demo / "plan.yaml").read_text()
    for name in ("clinical", "exports", "product.csv", "samples.csv"):
        (tmp_path / name).symlink_to(demo / name)
    (tmp_path / "plan.yaml").write_text(
        text.replace("parameters: [AUC0_28, AUC_PER_BURDEN]", "parameters: [AUC0_28, CMAX]")
    )
    with pytest.raises(PlanError, match=r"CMAX rests on no area.*plan.yaml:\d+:\d+"):
        check(tmp_path / "plan.yaml")
