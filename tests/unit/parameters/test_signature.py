"""The inflammation signature: clusters that are there are found, missing values do not draw, and what cannot be had says why."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.unit.parameters.frames import one, run

from correlates.errors import DerivationError
from correlates.parameters.settings import Lab, Signature
from correlates.schema import LABS

TESTS = {"LDH": ("U/L", 250.0), "CRP": ("mg/L", 20.0), "ALB": ("g/L", 38.0)}
SPECS: dict[str, Any] = {name: Lab(take="lab", test=name) for name in TESTS}
PLAIN = Signature(take="signature", of=("LDH", "CRP", "ALB"), toward="CRP", log=("LDH", "CRP"))


def _labs(n: int = 80, apart: float = 2.0, seed: int = 3) -> tuple[pl.DataFrame, list[str], np.ndarray]:
    rng = np.random.default_rng(seed)
    inflamed = rng.random(n) < 0.3
    who = [f"S{i:02d}" for i in range(n)]
    rows = []
    for test, (unit, typical) in TESTS.items():
        shift = np.where(inflamed, apart, 0.0)
        noise = rng.normal(size=n)
        value = typical - 2.0 * (noise + shift) if test == "ALB" else typical * np.exp(0.4 * (noise + shift))
        rows += [
            {
                "subject_id": s,
                "test": test,
                "day": -7 if test != "ALB" else -3,
                "value": float(v),
                "unit": unit,
                "source_id": f"LB/{test}/{s}",
            }
            for s, v in zip(who, value, strict=True)
        ]
    return LABS.frame(rows), who, inflamed


def test_clusters_that_are_there_are_found() -> None:
    labs, who, inflamed = _labs(apart=4.0)
    derived = run(SPECS | {"SIG": PLAIN}, who, labs=labs)
    rows = derived.parameters.filter(code="SIG")
    assert rows["subject_id"].to_list() == who
    assert ((rows["value"].to_numpy() > 0.5) == inflamed).mean() > 0.97
    assert rows["known_on_day"].unique().to_list() == [-1.0]  # the end of the window of the tests
    assert rows["timing"].unique().to_list() == ["baseline"]
    assert rows["source_ids"][0].to_list() == ["LDH@S00", "CRP@S00", "ALB@S00"]
    told = derived.checks.filter(rule="clusters").row(0, named=True)
    assert told["passed"]
    assert told["found"].startswith("2 of 1, 2, 3 clusters by ICL")


def test_a_subject_with_too_few_values_has_a_reason_and_one_with_two_a_probability() -> None:
    labs, who, _ = _labs(apart=4.0)
    gone = (pl.col("subject_id") == "S00") & pl.col("test").is_in(["LDH", "ALB"])
    labs = labs.filter(~gone & ~((pl.col("subject_id") == "S01") & (pl.col("test") == "CRP")))
    derived = run(SPECS | {"SIG": PLAIN}, who, labs=labs)
    first, second = one(derived, "SIG", "S00"), one(derived, "SIG", "S01")
    assert (first["value"], first["reason"]) == (None, "too-few-values")
    assert second["reason"] is None
    assert second["source_ids"] == ["LDH@S01", "ALB@S01"]


def test_one_population_has_no_signature() -> None:
    labs, who, _ = _labs(apart=0.0)
    derived = run(SPECS | {"SIG": PLAIN}, who, labs=labs)
    assert set(derived.parameters.filter(code="SIG")["reason"]) == {"one-cluster"}
    assert derived.checks.filter(rule="clusters")["passed"].to_list() == [False]


def test_the_number_of_clusters_may_be_declared() -> None:
    labs, who, _ = _labs(apart=0.0)
    spec = Signature(take="signature", of=("LDH", "CRP", "ALB"), toward="CRP", clusters=2, covariance="diagonal")
    values = run(SPECS | {"SIG": spec}, who, labs=labs).parameters.filter(code="SIG")["value"]
    assert values.is_between(0, 1).all()


def test_a_value_of_zero_has_no_logarithm_and_is_missing() -> None:
    labs, who, _ = _labs(apart=4.0)
    zero = (pl.col("subject_id") == "S05") & (pl.col("test") == "CRP")
    labs = labs.with_columns(value=pl.when(zero).then(0.0).otherwise("value"))
    row = one(run(SPECS | {"SIG": PLAIN}, who, labs=labs), "SIG", "S05")
    assert row["source_ids"] == ["LDH@S05", "ALB@S05"]


def test_the_order_of_subjects_does_not_matter() -> None:
    labs, who, _ = _labs(apart=4.0)
    one_way, other = (
        run(SPECS | {"SIG": PLAIN}, order, labs=labs).parameters.filter(code="SIG") for order in (who, who[::-1])
    )
    assert other.sort("subject_id")["value"].to_numpy() == pytest.approx(one_way["value"].to_numpy(), abs=1e-4)


def test_without_what_it_points_toward_no_cluster_is_called_inflamed() -> None:
    labs, who, _ = _labs(apart=4.0)
    flat = labs.with_columns(value=pl.when(pl.col("test") == "CRP").then(5.0).otherwise("value"))
    derived = run(SPECS | {"SIG": PLAIN}, who, labs=flat)
    assert derived.parameters.filter(code="SIG")["value"].null_count() == len(who)
    assert derived.checks.filter(rule="clusters")["found"].to_list() == ["CRP takes fewer than two values"]


def test_a_value_that_others_determine_makes_no_signature() -> None:
    labs, who, _ = _labs(apart=4.0)
    twice = labs.filter(test="LDH").with_columns(test=pl.lit("LDH2"), value=2.0 * pl.col("value"))
    specs = SPECS | {"LDH2": Lab(take="lab", test="LDH2")}
    for clusters in ("icl", 2):
        spec = Signature(
            take="signature", of=(*PLAIN.of, "LDH2"), toward="CRP", log=("LDH", "CRP", "LDH2"), clusters=clusters
        )
        derived = run(specs | {"SIG": spec}, who, labs=pl.concat([labs, twice]))
        assert set(derived.parameters.filter(code="SIG")["reason"]) == {"singular-clusters"}
        assert "singular" in derived.checks.filter(rule="clusters")["found"][0]


def test_too_few_subjects_are_a_reason() -> None:
    labs, who, _ = _labs(n=12)
    assert set(run(SPECS | {"SIG": PLAIN}, who, labs=labs).parameters.filter(code="SIG")["reason"]) == {"too-few"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"of": ("LDH",), "log": (), "toward": "LDH"}, "wrong-rule"),
        ({"toward": "ALBUMIN"}, "unknown-parameter"),
        ({"log": ("FERR",)}, "unknown-parameter"),
        ({"of": ("LDH", "CRP", "NO")}, "unknown-parameter"),
        ({"least": 4}, "wrong-rule"),
        ({"clusters": 1}, "wrong-rule"),
    ],
)
def test_what_cannot_be_meant_is_refused(change: dict[str, Any], code: str) -> None:
    labs, who, _ = _labs()
    spec = Signature(**({"take": "signature", "of": PLAIN.of, "toward": "CRP", "log": PLAIN.log} | change))
    with pytest.raises(DerivationError) as error:
        run(SPECS | {"SIG": spec}, who, labs=labs)
    assert code in {problem.code for problem in error.value.problems}
