"""The agreement table: pairs are matched by sample, counted by what is known of them, and only quantified ones enter."""

from __future__ import annotations

import polars as pl
import pytest

from correlates.quantify.agreement import AgreementSettings, agreement
from correlates.schema import MEASUREMENTS

SETTINGS = AgreementSettings(assays=("a", "b"), decision_points=(10.0,))


def measured(
    assay: str, values: dict[str, float], censoring: dict[str, str] | None = None, **more: object
) -> pl.DataFrame:
    rows = [
        {
            "measurement_id": f"{assay}/CAR/{sample}",
            "assay": assay,
            "analyte": "CAR",
            "sample_id": sample,
            "value": value,
            "unit": "cells/uL",
            "censoring": (censoring or {}).get(sample, "none"),
            "method": "m",
            "status": "reported",
            "source_ids": [],
            **more,
        }
        for sample, value in values.items()
    ]
    return MEASUREMENTS.frame(rows)


X = {"s1": 1.0, "s2": 2.0, "s3": 4.0, "s4": 8.0, "s5": 16.0, "s6": 32.0}


def found(table: pl.DataFrame, method: str, name: str, level: str = "") -> dict[str, object]:
    rows = table.filter((pl.col("method") == method) & (pl.col("stat_name") == name) & (pl.col("level") == level))
    return rows.row(0, named=True)


def test_a_constant_ratio_is_told_by_every_method():
    twice = {s: 2.0 * v for s, v in X.items()}
    table = agreement("q", pl.concat([measured("a", X), measured("b", twice)]), SETTINGS)
    assert found(table, "bland_altman_ratio", "bias")["value"] == pytest.approx(2.0)
    for method in ("deming", "passing_bablok", "equivariant_passing_bablok"):
        assert found(table, method, "slope")["value"] == pytest.approx(2.0)
        assert found(table, method, "intercept")["value"] == pytest.approx(0.0, abs=1e-9)
    assert found(table, "deming", "bias_at", "10")["value"] == pytest.approx(10.0)


def test_censored_pairs_are_counted_and_do_not_enter():
    censored = {"s1": "left"}
    both = pl.concat([measured("a", X, censored), measured("b", {**X, "s2": 1000.0}, {"s2": "right"})])
    table = agreement("q", both, SETTINGS)
    counts = dict(table.filter(pl.col("stat_name") == "pairs").select("level", "value").iter_rows())
    assert counts == {
        "x quantified, y quantified": 4.0,
        "x quantified, y above limit": 1.0,
        "x below limit, y quantified": 1.0,
    }
    assert set(table["n"]) == {4}
    assert found(table, "bland_altman", "bias")["value"] == pytest.approx(0.0)


def test_excluded_measurements_and_unshared_samples_take_no_part():
    table = agreement(
        "q",
        pl.concat(
            [measured("a", X), measured("b", {"s1": 1.0, "zz": 3.0}), measured("b", {"s2": 9.0}, status="excluded")]
        ),
        SETTINGS,
    )
    assert table["n"].unique().to_list() == [1]
    assert found(table, "deming", "slope")["reason"] == "too-few-pairs"


def test_no_common_sample_gives_an_empty_table():
    assert agreement("q", pl.concat([measured("a", X), measured("b", {"zz": 1.0})]), SETTINGS).is_empty()
