"""qPCR per cell: the reference target on the same plate, its failures, and the uncertainty of both curves."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.unit.quantify.plates import cq_wells, exact_cq, exact_standards, manifest, no_template

from correlates.errors import PlanError
from correlates.quantify import Quantified, quantify
from correlates.quantify.settings import CurveRules, Qpcr, Reference, ReplicateRules, Step
from correlates.schema import PRODUCT, SAMPLES

SECOND = {"slope": -3.3, "intercept": 37.0}  # the line of the reference


def reference_cq(quantity: float) -> float:
    return SECOND["intercept"] + SECOND["slope"] * float(np.log10(quantity))


def plate(
    car: list[float | None],
    reference: list[float | None] | None,
    *,
    shift: float = 0.0,
    standards: list[dict[str, object]] | None = None,
    **where: str,
) -> pl.DataFrame:
    """Both curves, controls without a Cq, and sample A; quantities in copies, null for no Cq."""
    first = [*exact_standards(), *no_template()]
    first += [{"sample_id": "A", "signal": None if q is None else exact_cq(q)} for q in car]
    second = [*(exact_standards(**SECOND) if standards is None else standards), *no_template()]
    second += [{"sample_id": "A", "signal": None if q is None else reference_cq(q) + shift} for q in reference or []]
    return cq_wells([*first, *({**row, "target": "RPP"} for row in second)], **where)


def run(wells: pl.DataFrame, samples: pl.DataFrame | None = None, **settings: Any) -> Quantified:
    declared = {
        "files": (),
        "targets": {"CAR": ("CAR",), "RPP30": ("RPP",)},
        "reference": Reference(target="RPP30"),
        **settings,
    }
    return quantify("q", wells, SAMPLES.empty() if samples is None else samples, PRODUCT.empty(), Qpcr(**declared))


def only(made: Quantified) -> dict[str, Any]:
    assert made.measurements.height == 1
    return made.measurements.row(0, named=True)


def test_copies_per_cell_are_twice_the_ratio() -> None:
    row = only(run(plate([500, 500, 500], [20_000, 20_000])))
    assert row["value"] == pytest.approx(2 * 500 / 20_000, rel=1e-9)
    assert (row["unit"], row["analyte"], row["method"]) == ("copies/cell", "CAR", "qpcr_reference")
    assert row["lower"] < row["value"] < row["upper"]
    assert row["lloq"] == pytest.approx(2 * 10 / 20_000)
    assert len(row["source_ids"]) == 5
    steps = json.loads(row["chain"])
    assert [s["factor"] for s in steps] == [
        "quantity of the standard curve",
        "cells per reaction by RPP30, 2 copies per cell",
    ]
    assert [s["value"] for s in steps] == pytest.approx([500, 10_000])
    assert steps[-1]["quantity"] == pytest.approx(row["value"])


def test_the_dna_put_in_does_not_matter() -> None:
    """Half the DNA halves both targets, so that copies per cell stay; the limit per cell doubles."""
    full, half = only(run(plate([500, 500], [20_000, 20_000]))), only(run(plate([250, 250], [10_000, 10_000])))
    assert half["value"] == pytest.approx(full["value"], rel=1e-9)
    assert half["lloq"] == pytest.approx(2 * full["lloq"], rel=1e-9)


def test_a_chain_goes_on_from_copies_per_cell() -> None:
    chain = (
        Step(divide_by=2.0, gives="ratio", name="vector copies per CAR T cell"),
        Step(multiply_by="samples.leukocytes_per_ul", gives="cells/uL", cv=20.0),
    )
    made = only(run(plate([500, 500], [20_000, 20_000]), manifest(["A"], leukocytes_per_ul=1000.0), chain=chain))
    assert made["value"] == pytest.approx(25.0)
    plain = only(run(plate([500, 500], [20_000, 20_000])))
    widths = [np.log(r["upper"] / r["lower"]) / 2 for r in (made, plain)]
    assert widths[0] == pytest.approx(np.hypot(widths[1], 1.96 * 0.2), rel=0.03)  # the cv enters once, not twice


def test_the_interval_holds_the_uncertainty_of_both() -> None:
    """The squared half-widths on the log scale add: target alone, reference alone, ratio."""
    wells = plate([100, 120, 140], [300, 250, 200])
    ratio = only(run(wells, replicates=ReplicateRules(minimum=2)))
    alone = run(wells, reference=None).measurements
    up, down = {}, {}
    for row in (ratio, *alone.iter_rows(named=True)):
        name = row["analyte"] + row["method"]
        up[name], down[name] = np.log(row["upper"] / row["estimate"]), np.log(row["estimate"] / row["lower"])
    target, other = "CARqpcr_standard_curve", "RPP30qpcr_standard_curve"
    assert up["CARqpcr_reference"] == pytest.approx(np.hypot(up[target], down[other]), rel=1e-9)
    assert down["CARqpcr_reference"] == pytest.approx(np.hypot(down[target], up[other]), rel=1e-9)


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        (None, "reference RPP30 was not measured on the plate"),
        ([None, None], "a Cq in 0 wells gives no quantity"),
        ([4, 4], "reference RPP30 is below the lower limit"),
        ([5e6, 5e6], "reference RPP30 is above the upper limit"),
    ],
)
def test_a_reference_that_counts_no_cells(reference: list[float | None] | None, says: str) -> None:
    row = only(run(plate([500, 500], reference)))
    assert (row["reason"], row["value"], row["estimate"], row["censoring"]) == (
        "denominator-not-positive",
        None,
        None,
        None,
    )
    assert says in row["detail"]


def test_a_reference_without_a_curve() -> None:
    row = only(run(plate([500, 500], [20_000, 20_000], standards=[])))
    assert row["reason"] == "denominator-not-positive"
    assert "reference RPP30 has no standard curve" in row["detail"]


def test_a_failed_curve_of_the_reference_fails_the_sample() -> None:
    steep = exact_standards(slope=-4.2, intercept=45.0)
    row = only(run(plate([500, 500], [20_000, 20_000], standards=steep)))
    assert (row["status"], row["reason"]) == ("excluded", "plate-failed")
    assert "of RPP30" in row["detail"]


def test_replicates_of_the_reference_that_fail_are_said() -> None:
    row = only(run(plate([500, 500], [2000, 20_000])))
    assert "replicate_sd, replicate_cv of RPP30" in row["detail"]
    excluded = only(run(plate([500, 500], [2000, 20_000]), replicates=ReplicateRules(on_failure="exclude")))
    assert excluded["reason"] == "sample-failed"


def test_no_target_is_left_censored_at_the_limit_per_cell() -> None:
    row = only(run(plate([None, None], [20_000, 20_000])))
    assert (row["censoring"], row["estimate"]) == ("left", None)
    assert row["value"] == row["lloq"] == pytest.approx(1e-3)


def test_the_reference_is_that_of_the_plate() -> None:
    """A rerun with another amount of DNA: the pair of the last plate, or the mean of the pairs, never a mixture."""
    wells = pl.concat(
        [
            plate([500, 500], [20_000, 20_000], file="f1", plate="P1"),
            plate([100, 100], [2000, 2000], file="f2", plate="P2"),
        ]
    )
    assert only(run(wells))["value"] == pytest.approx(0.1)
    mean = only(run(wells, reruns="mean"))
    assert mean["value"] == pytest.approx(np.sqrt(0.05 * 0.1))
    assert json.loads(mean["chain"])[-1]["quantity"] == pytest.approx(mean["value"])
    without = pl.concat(
        [
            plate([500, 500], [20_000, 20_000], file="f1", plate="P1"),
            plate([100, 100], None, file="f2", plate="P2"),
        ]
    )
    assert only(run(without))["value"] == pytest.approx(0.05)  # the last plate on which both were measured


def test_settings_of_the_reference_that_cannot_be() -> None:
    with pytest.raises(PlanError, match="RPP3"):
        run(plate([500], [500]), reference=Reference(target="RPP3"))
    with pytest.raises(PlanError, match="not in copies"):
        run(plate([500], [500]), quantity="ng")
    with pytest.raises(PlanError):
        run(plate([500], [500]), chain=(Step(divide_by="samples.dna_ng", gives="copies/ug DNA"),), lloq=-1.0)


def test_one_curve_that_fails_a_rule_is_enough() -> None:
    made = run(plate([500, 500], [20_000, 20_000]), accept=CurveRules(slope=(-3.6, -3.35)))
    assert only(made)["reason"] == "plate-failed"
    assert made.curves.sort("target")["accepted"].to_list() == [True, False]
