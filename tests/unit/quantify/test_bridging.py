"""Plate effects and bridging, by hand: plates without noise of their own, so that what is left is the factor."""

from __future__ import annotations

import json
import math

import polars as pl
import pytest
from tests.unit.quantify.beads import bead_wells, sample, standards
from tests.unit.quantify.test_immunoassay import checks, one, run

from correlates.errors import PlanError

FIRST = {"B1": 50.0, "B2": 100.0, "B3": 200.0, "B4": 400.0}
SECOND = {"B1": 60.0, "B2": 115.0, "B3": 250.0, "B4": 480.0}
"""Ratios 1.2, 1.15, 1.25, 1.2."""
LOGS = [math.log(SECOND[k] / FIRST[k]) for k in FIRST]
MEAN = sum(LOGS) / 4
SE = (sum((x - MEAN) ** 2 for x in LOGS) / 3) ** 0.5 / 2
T3 = 3.182446305284263


def plate(file: str, name: str, quantities: dict[str, float], noise: tuple[float, float] = (1.0, 1.0)) -> pl.DataFrame:
    rows = [*standards(noise=noise), *(r for s, q in quantities.items() for r in sample(s, q, q))]
    return bead_wells(rows, file=file, plate=name)


def two(second: dict[str, float] = SECOND) -> pl.DataFrame:
    return pl.concat([plate("f1", "P1", FIRST | {"S1": 90.0}), plate("f2", "P2", second | {"S2": 90.0})])


def test_the_plate_effect_is_told_though_nothing_is_scaled() -> None:
    made = run(two(), files={"f1": "a.csv", "f2": "b.csv"})
    effect = checks(made, "plate_effect")
    assert len(effect) == 1
    assert (effect[0]["item"], effect[0]["target"], effect[0]["passed"], effect[0]["action"]) == (
        "f2/P2",
        "IL-6",
        False,
        "flagged",
    )
    assert effect[0]["value"] == pytest.approx(math.exp(MEAN), rel=1e-6)
    low, high = math.exp(MEAN - T3 * SE), math.exp(MEAN + T3 * SE)
    assert f"({low:.4g} to {high:.4g}), 4 samples" in effect[0]["found"]
    assert one(made, "S2")["value"] == pytest.approx(90.0, rel=1e-6)
    assert checks(made, "bridging") == []
    assert len(json.loads(one(made, "S2")["chain"])) == 2


def test_a_plate_is_scaled_to_the_reference() -> None:
    made = run(two(), files={"f1": "a.csv", "f2": "b.csv"}, bridging="by_common_samples", bridging_samples=4)
    reference, scaled = one(made, "S1"), one(made, "S2")
    factor = math.exp(-MEAN)
    assert reference["value"] == pytest.approx(90.0, rel=1e-6)
    assert scaled["value"] == scaled["estimate"] == pytest.approx(90.0 * factor, rel=1e-6)
    assert (scaled["lloq"] / reference["lloq"], scaled["uloq"] / reference["uloq"]) == pytest.approx((factor, factor))
    entries = json.loads(scaled["chain"])
    assert [e["factor"] for e in entries] == ["quantity of the curve", "plate bridging", "dilution"]
    assert entries[0]["quantity"] == pytest.approx(90.0, rel=1e-6)
    assert entries[1]["value"] == pytest.approx(factor, rel=1e-6)
    assert entries[1]["cv"] == pytest.approx(100 * SE, rel=1e-6)
    assert entries[1]["source"] == "4 samples also on f1/P1"
    assert entries[2]["quantity"] == pytest.approx(scaled["value"], rel=1e-9)
    told = {c["item"]: c for c in checks(made, "bridging")}
    assert told["f1/P1"]["found"] == "the reference plate"
    assert told["f2/P2"]["value"] == pytest.approx(factor, rel=1e-6)
    assert checks(made, "plate_effect")[0]["action"] == "corrected"


def test_the_uncertainty_of_the_factor_is_in_the_interval() -> None:
    """The curve has no noise here, so that half the interval is t(3) SE of the factor; with noise the halves add as squares."""
    files = {"f1": "a.csv", "f2": "b.csv"}
    exact = one(run(two(), files=files, bridging="by_common_samples", bridging_samples=4), "S2")
    assert math.log(exact["upper"] / exact["value"]) == pytest.approx(T3 * SE, rel=1e-4)
    assert math.log(exact["value"] / exact["lower"]) == pytest.approx(T3 * SE, rel=1e-4)
    noisy = pl.concat([plate("f1", "P1", FIRST), plate("f2", "P2", SECOND | {"S2": 90.0}, (0.97, 1.03))])
    alone, both = (
        one(run(noisy, files=files, bridging=b, bridging_samples=4), "S2") for b in ("none", "by_common_samples")
    )
    cv = json.loads(both["chain"])[1]["cv"] / 100
    own = math.log(alone["upper"] / alone["value"])
    assert math.log(both["upper"] / both["value"]) == pytest.approx((own**2 + (T3 * cv) ** 2) ** 0.5, rel=1e-6)


def test_too_few_common_samples_leave_a_plate_as_it_is() -> None:
    made = run(two(), files={"f1": "a.csv", "f2": "b.csv"}, bridging="by_common_samples", bridging_samples=5)
    assert one(made, "S2")["value"] == pytest.approx(90.0, rel=1e-6)
    told = {c["item"]: c for c in checks(made, "bridging")}["f2/P2"]
    assert (told["passed"], told["action"]) == (False, "kept")
    assert told["found"] == "4 samples in common with f1/P1; not scaled"
    assert checks(made, "plate_effect")[0]["action"] == "flagged"


def test_samples_beyond_the_limits_are_no_bridge() -> None:
    made = run(two(SECOND | {"B4": 50_000.0}), files={"f1": "a.csv", "f2": "b.csv"})
    assert checks(made, "plate_effect")[0]["found"].endswith("3 samples")


def test_one_common_sample_has_a_ratio_and_no_interval() -> None:
    wells = pl.concat([plate("f1", "P1", {"B1": 50.0}), plate("f2", "P2", {"B1": 60.0})])
    effect = checks(run(wells), "plate_effect")[0]
    assert (effect["value"], effect["passed"]) == (pytest.approx(1.2, rel=1e-6), False)
    assert effect["found"].endswith("from one sample")


def test_the_reference_can_be_declared() -> None:
    made = run(two(), bridging="by_common_samples", bridging_samples=4, bridging_reference="P2")
    assert one(made, "S2")["value"] == pytest.approx(90.0, rel=1e-6)
    assert one(made, "S1")["value"] == pytest.approx(90.0 * math.exp(MEAN), rel=1e-6)


def test_a_reference_that_is_not_there_scales_nothing() -> None:
    made = run(two(), bridging="by_common_samples", bridging_samples=4, bridging_reference="P9")
    assert one(made, "S2")["value"] == pytest.approx(90.0, rel=1e-6)
    assert {c["found"] for c in checks(made, "bridging")} == {"no plate to bridge to"}


def test_the_plate_with_most_partners_is_the_reference() -> None:
    """P2 shares its samples with P1 and with P3, which share none with each other."""
    other = {f"C{k}": 50.0 * k for k in range(1, 5)}
    wells = pl.concat(
        [plate("f1", "P1", FIRST), plate("f2", "P2", SECOND | other), plate("f3", "P3", other | {"S3": 90.0})]
    )
    made = run(wells, bridging="by_common_samples", bridging_samples=4)
    told = {c["item"]: c["found"] for c in checks(made, "bridging")}
    assert told["f2/P2"] == "the reference plate"
    assert {c["item"] for c in checks(made, "plate_effect")} == {"f1/P1", "f3/P3"}
    assert one(made, "S3")["value"] == pytest.approx(90.0, rel=1e-6)


def test_plates_without_common_samples_say_nothing_of_an_effect() -> None:
    wells = pl.concat([plate("f1", "P1", {"S1": 50.0}), plate("f2", "P2", {"S2": 60.0})])
    assert checks(run(wells), "plate_effect") == []


def test_a_bridge_of_one_sample_is_refused() -> None:
    with pytest.raises(PlanError, match="two samples"):
        run(two(), bridging="by_common_samples", bridging_samples=1)


def test_the_order_of_wells_does_not_matter() -> None:
    wells = two()
    settings = {"bridging": "by_common_samples", "bridging_samples": 4}
    first, second = (run(w, **settings) for w in (wells, wells.sample(fraction=1.0, shuffle=True, seed=7)))
    assert first.measurements.equals(second.measurements)
    assert first.checks.equals(second.checks)
