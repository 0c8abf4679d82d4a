"""Trees and forests of the analysis table: rows for every biomarker, reasons where there is nothing, nodes that add up."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.unit.association.trial import (
    BIOMARKERS,
    CATEGORICAL,
    CRS3,
    DURABILITY,
    DURABLE,
    GRADE,
    NOBODY,
    PFS,
    TROUBLE,
    table,
)

from correlates.association import Biomarker, Forests, grow_forests
from correlates.schema import RESULTS, TREES, conform
from correlates.terms import Reason

EVERY = (*BIOMARKERS, *TROUBLE, *CATEGORICAL)
METHODS = ("conditional_tree", "conditional_forest", "random_forest", "boruta")


def _run(endpoints=(DURABLE,), biomarkers=EVERY, frame=None, **settings):
    given = {"name": "f", "methods": METHODS, "trees": 20, "rounds": 5, **settings}
    return grow_forests(table() if frame is None else frame, biomarkers, endpoints, Forests(**given))


@pytest.fixture(scope="module")
def found():
    return _run((DURABLE, CRS3, DURABILITY, GRADE, PFS))


def test_the_tables_are_those_declared(found) -> None:
    results, trees = found
    assert conform(results, RESULTS).equals(results)
    assert conform(trees, TREES).equals(trees)


def test_every_biomarker_has_a_row_for_every_endpoint_and_method(found) -> None:
    results, _ = found
    pairs = results.filter(pl.col("biomarker") != "(panel)").select("endpoint", "method", "biomarker").unique()
    assert pairs.height == 5 * 4 * len(EVERY)


def test_what_cannot_be_grown_on_says_why_and_harms_no_other(found) -> None:
    results, _ = found
    errors = dict(
        results.filter(endpoint="durable", method="conditional_forest").select("biomarker", "error").iter_rows()
    )
    assert errors["CONSTANT"] == errors["LOW"] == errors["EMPTY"] == Reason.CONSTANT.value
    assert errors["WILD"] == Reason.NOT_FINITE.value
    assert errors["PEAK"] is None
    alone, _ = _run(biomarkers=(*BIOMARKERS, TROUBLE[3], *CATEGORICAL))
    whole = results.filter(endpoint="durable", stat_name="importance").drop_nulls("value")
    again = alone.filter(stat_name="importance").drop_nulls("value")
    assert again["value"].to_list() == whole["value"].to_list()


def test_classes_are_not_for_a_forest_of_one_score(found) -> None:
    results, _ = found
    errors = results.filter(endpoint="durability").group_by("method").agg(pl.col("error").unique())
    told = {m: set(e) for m, e in errors.iter_rows()}
    assert told["random_forest"] == told["boruta"] == {Reason.NOT_APPLICABLE.value}
    assert None in told["conditional_forest"]


def test_the_nodes_of_a_tree_add_up_and_speak_in_values() -> None:
    frame = table()
    peak = frame["PEAK"].to_numpy()
    frame = frame.with_columns(durable=pl.Series(peak > np.quantile(peak, 0.6)))
    results, trees = _run(frame=frame, methods=("conditional_tree",))
    nodes = {row["node"]: row for row in trees.iter_rows(named=True)}
    root = nodes[1]
    assert (root["biomarker"], root["n"], root["n_event"]) == ("PEAK", 60, 24)
    assert root["threshold"] == pytest.approx(np.sort(peak)[35])
    for row in nodes.values():
        below = [c for c in nodes.values() if c["parent"] == row["node"]]
        if below:
            assert sum(c["n"] for c in below) == row["n"]
            assert sum(c["n_event"] for c in below) == row["n_event"]
            assert [c["side"] for c in below] == ["left", "right"]
    assert results.filter(biomarker="PEAK", stat_name="splits")["value"].to_list() == [1.0]


def test_a_split_by_categories_names_them() -> None:
    frame = table()
    frame = frame.with_columns(durable=frame["SUBTYPE"] == "PMBCL")
    _, trees = _run(frame=frame, methods=("conditional_tree",), biomarkers=CATEGORICAL)
    assert trees["biomarker"][0] == "SUBTYPE"
    assert trees["categories"][0].to_list() == ["DLBCL", "TFL"]
    assert trees["threshold"][0] is None


def test_ranks_make_one_extreme_value_harmless() -> None:
    frame = table()
    wild = frame.with_columns(PEAK=pl.when(pl.col("PEAK") == pl.col("PEAK").max()).then(1e9).otherwise("PEAK"))
    one, two = (
        _run(frame=f, methods=("conditional_tree",))[0].filter(biomarker="PEAK", stat_name="p") for f in (frame, wild)
    )
    assert one["value"].to_list() == two["value"].to_list()


def test_permutations_give_p_and_without_them_a_notice() -> None:
    few, _ = _run(methods=("conditional_forest",), permutations=9, biomarkers=BIOMARKERS)
    p = few.filter(stat_name="p", biomarker="PEAK")["value"][0]
    assert 0.1 <= p <= 1.0
    assert (p * 10) == pytest.approx(round(p * 10))
    none, _ = _run(methods=("conditional_forest",), biomarkers=BIOMARKERS)
    row = none.filter(stat_name="p", biomarker="PEAK").row(0, named=True)
    assert row["value"] is None
    assert "no-permutations" in row["notices"]


def test_the_whole_forest_is_told_of_binary_and_time_endpoints(found) -> None:
    results, _ = found
    for name, endpoints in (("auc", {"durable", "crs3"}), ("c", {"pfs"})):
        whole = results.filter(pl.col("biomarker") == "(panel)", pl.col("stat_name") == f"{name}_out_of_bag")
        assert set(whole["endpoint"]) == endpoints
        lower, upper = (
            results.filter(pl.col("biomarker") == "(panel)", pl.col("stat_name") == f"{name}_{end}")["value"]
            for end in ("lower", "upper")
        )
        assert ((lower < whole["value"]) & (whole["value"] < upper) & whole["value"].is_between(0, 1)).all()


def test_an_endpoint_of_one_class_is_a_reason() -> None:
    results, trees = _run((NOBODY,))
    assert set(results["error"]) == {Reason.ONE_CLASS.value}
    assert trees.is_empty()
    small, _ = _run(frame=table().head(12))
    assert set(small["error"]) == {Reason.TOO_FEW.value}


def test_no_biomarker_at_all() -> None:
    results, trees = _run(biomarkers=())
    assert results.is_empty()
    assert trees.is_empty()


def test_one_method_gives_the_same_numbers_with_or_without_the_others() -> None:
    alone, _ = _run(methods=("random_forest",), biomarkers=BIOMARKERS)
    both, _ = _run(methods=("conditional_tree", "random_forest"), biomarkers=BIOMARKERS)
    assert both.filter(method="random_forest")["value"].to_list() == alone["value"].to_list()


def test_biomarkers_that_are_not_prespecified_say_so() -> None:
    results, _ = _run(
        biomarkers=(*BIOMARKERS, Biomarker(code="ZERO", label="Z")), methods=("conditional_tree",), prespecified=True
    )
    told = dict(results.select("biomarker", "prespecified").unique().iter_rows())
    assert told == {"PEAK": True, "IL6": False, "AGE": True, "ECOG": True, "ZERO": False}
