"""What must hold of quantities whatever the plate."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tests.unit.quantify.plates import drawn_plates, manifest, partition_wells

from correlates.quantify import Quantified, quantify
from correlates.quantify.settings import Dpcr, Qpcr, ReplicateRules, Step
from correlates.schema import PRODUCT
from correlates.stats import poisson

CHAIN = (Step(divide_by="samples.dna_ng", scale=1000.0, gives="copies/ug DNA", cv=10.0),)
NUMBERS = ("value", "estimate", "lower", "upper", "lloq", "uloq")


def plates(seed: int, plates_: int = 2) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    wells = drawn_plates(10.0 ** rng.uniform(-1, 7, (plates_, 6)), rng)
    # the first two samples of every plate are the same two people, so there are reruns
    return wells.with_columns(pl.col("sample_id").str.replace(r"^\d+-([01])$", "again-${1}"))


def names(wells: pl.DataFrame) -> list[str]:
    return wells.filter(role="unknown")["sample_id"].unique().sort().to_list()


def run(wells: pl.DataFrame, dna_ng: float = 200.0, **declared: object) -> Quantified:
    rules = Qpcr(files=(), targets={"CAR": ("CAR",)}, chain=CHAIN, **declared)  # type: ignore[arg-type]
    return quantify("q", wells, manifest(names(wells), dna_ng=dna_ng), PRODUCT.empty(), rules)


@given(st.integers(0, 10_000), st.sampled_from(["last_accepted", "mean"]), st.sampled_from(["keep", "drop_one"]))
@settings(max_examples=15, deadline=None)
def test_the_order_of_rows_does_not_matter(seed: int, reruns: str, outliers: str) -> None:
    wells = plates(seed)
    declared = {"reruns": reruns, "replicates": ReplicateRules(outliers=outliers)}  # type: ignore[arg-type]
    once, shuffled = run(wells, **declared), run(wells.sample(fraction=1.0, shuffle=True, seed=seed), **declared)
    # text is identical up to the last digit of sums of numbers taken in another order
    for name in ("measurements", "curves", "curve_points", "checks"):
        a, b = getattr(once, name), getattr(shuffled, name)
        plain = [c for c in a.columns if c not in {"chain", "parameters", "covariance"}]
        assert_frame_equal(a.select(plain), b.select(plain), rel_tol=1e-9, abs_tol=1e-9)


@given(st.integers(0, 10_000), st.floats(0.1, 10))
@settings(max_examples=15, deadline=None)
def test_more_dna_for_the_same_copies_is_proportionally_less_per_ug(seed: int, factor: float) -> None:
    wells = plates(seed)
    one, other = run(wells).measurements, run(wells, dna_ng=200.0 * factor).measurements
    for column in NUMBERS:
        np.testing.assert_allclose(
            (other[column] * factor).drop_nulls().to_numpy(), one[column].drop_nulls().to_numpy(), rtol=1e-9
        )
    assert_frame_equal(one.select("censoring", "status", "reason"), other.select("censoring", "status", "reason"))


@given(st.integers(0, 10_000), st.floats(0.01, 100))
@settings(max_examples=10, deadline=None)
def test_a_scale_of_the_standards_is_a_scale_of_the_quantities(seed: int, factor: float) -> None:
    """In a unit that is not counted (no sampling variance), so that the intervals scale too."""
    wells = plates(seed)
    scaled = wells.with_columns(pl.col("nominal") * factor)
    rules = {"files": (), "targets": {"CAR": ("CAR",)}, "quantity": "ng"}
    known = manifest(names(wells))
    one = quantify("q", wells, known, PRODUCT.empty(), Qpcr(**rules)).measurements  # type: ignore[arg-type]
    other = quantify("q", scaled, known, PRODUCT.empty(), Qpcr(**rules, lloq=10.0 * factor)).measurements  # type: ignore[arg-type]
    for column in NUMBERS:
        np.testing.assert_allclose(
            other[column].drop_nulls().to_numpy(), (one[column] * factor).drop_nulls().to_numpy(), rtol=1e-6
        )


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_every_row_keeps_to_its_meaning(seed: int) -> None:
    made = run(plates(seed))
    rows = made.measurements
    assert rows["measurement_id"].to_list() == [f"q/CAR/{s}" for s in rows["sample_id"]]
    valued = rows.filter(pl.col("value").is_not_null())
    assert valued["censoring"].null_count() == 0
    left, right = valued.filter(censoring="left"), valued.filter(censoring="right")
    assert_frame_equal(left.select("value"), left.select(value="lloq"))
    assert_frame_equal(right.select("value"), right.select(value="uloq"))
    within = valued.filter(pl.col("estimate").is_not_null() & pl.col("lower").is_not_null())
    assert ((within["lower"] < within["estimate"]) & (within["estimate"] < within["upper"])).all()
    assert (rows["value"].is_null() == rows["censoring"].is_null()).all()
    assert rows.filter(pl.col("value").is_null())["reason"].null_count() == 0
    used = set(rows["source_ids"].explode(empty_as_null=False))
    assert len(used) == rows["source_ids"].list.len().sum()


@given(st.integers(1, 30_000), st.integers(0, 30_000), st.integers(0, 30_000))
@settings(max_examples=300, deadline=None)
def test_more_positives_are_more_copies(n: int, a: int, b: int) -> None:
    low, high = sorted((a % (n + 1), b % (n + 1)))
    found = poisson.copies_per_partition(np.array([low, high]), np.array([n, n]))
    for values in (found.copies, found.lower, found.upper):
        assert values[0] <= values[1]
    assert (found.lower <= found.copies).all()
    assert (found.copies <= found.upper).all()


@given(st.lists(st.integers(0, 12_000), min_size=1, max_size=5), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_merged_wells_do_not_depend_on_their_order(positives: list[int], random: object) -> None:
    rows = [
        {"sample_id": "A", "positives": k, "partitions": 12_000, "well": f"A{i + 1}"} for i, k in enumerate(positives)
    ]
    rules = Dpcr(files=(), targets={"CAR": ("CAR",)}, instrument="qx200")
    once = quantify("d", partition_wells(rows), manifest(["A"]), PRODUCT.empty(), rules)
    random.shuffle(rows)  # type: ignore[attr-defined]
    again = quantify("d", partition_wells(rows), manifest(["A"]), PRODUCT.empty(), rules)
    assert_frame_equal(once.measurements, again.measurements, rel_tol=1e-12)
    total = poisson.copies_per_partition(np.array([sum(positives)]), np.array([12_000 * len(positives)]))
    if 0 < sum(positives) < 12_000 * len(positives):
        assert once.measurements["estimate"].item() == pytest.approx(total.copies[0] * 20_000 / 0.85)
