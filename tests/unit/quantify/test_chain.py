"""Unit chains: what is refused, what is looked up, what is missing."""

from __future__ import annotations

import json

import polars as pl
import pytest
from tests.unit.quantify.plates import attributes, manifest

from correlates.errors import PlanError
from correlates.quantify import chain
from correlates.quantify.settings import Step
from correlates.schema import PRODUCT


def problems(*steps: Step, start: str = "copies/reaction") -> list[str]:
    with pytest.raises(PlanError) as caught:
        chain.checked(steps, start)
    return [p.code for p in caught.value.problems]


def test_every_problem_is_named_at_once() -> None:
    assert problems(
        Step(divide_by="samples.dna_ng", gives="copies/furlong"),
        Step(multiply_by=2.0, divide_by=3.0, gives="copies/cell"),
        Step(multiply_by="VCN", gives="copies/cell"),
        Step(multiply_by=-1.0, gives="copies/cell"),
        Step(multiply_by="product.", gives="copies/cell"),
        Step(multiply_by=1.0, scale=0.0, gives="copies/cell"),
        Step(multiply_by=1.0, cv=-1.0, gives="cells/uL"),
    ) == ["unknown-unit", "two-factors", "unknown-factor", "not-positive", "no-column", "not-positive", "not-positive"]


def test_a_change_of_unit_needs_no_number_within_a_dimension() -> None:
    made = chain.checked([Step(gives="copies/1e6 cells")], "copies/cell")
    assert made.scales == pytest.approx((1e6,))
    assert chain.checked([Step(gives="copies/1e6 cells", scale=1e6)], "copies/cell").scales == pytest.approx((1e6,))


def test_a_change_of_unit_that_contradicts_the_units_is_refused() -> None:
    assert problems(Step(gives="copies/1e6 cells", scale=1e3), start="copies/cell") == ["scale-contradicts-units"]


def test_a_change_of_dimension_needs_a_number() -> None:
    assert problems(Step(gives="cells/uL")) == ["units-do-not-convert"]
    assert chain.checked([Step(gives="cells/uL", scale=0.5)], "copies/reaction").scales == (0.5,)


def test_factors_come_from_manifest_extras_and_product() -> None:
    steps = (
        Step(divide_by="samples.dna_ng", scale=1000.0, gives="copies/ug DNA", cv=3.0),
        Step(multiply_by="samples.yield", gives="copies/ug DNA", cv=4.0),
        Step(divide_by="product.VCN", gives="copies/ug DNA"),
    )
    made = chain.checked(steps, "copies/reaction")
    samples = manifest(["A"], dna_ng=200.0, extras='{"yield": "0.5"}')
    product = attributes({"U-A": {"VCN": 2.0}})
    found = chain.resolve(made, samples.select("sample_id", "subject_id"), samples, product).row(0, named=True)
    assert (found["factor_1"], found["factor_2"], found["factor_3"]) == (200.0, 0.5, 2.0)
    assert found["multiplier"] == pytest.approx(1000 / 200 * 0.5 / 2)
    assert found["relative_variance"] == pytest.approx(0.05**2)  # 3 and 4 %
    assert found["missing"] is None


def test_what_is_missing_or_not_positive_is_named_with_its_owner() -> None:
    steps = (
        Step(divide_by="samples.dna_ng", scale=1000.0, gives="copies/ug DNA"),
        Step(divide_by="product.vcn", gives="copies/ug DNA"),
    )
    made = chain.checked(steps, "copies/reaction")
    samples = manifest(["A", "B"], dna_ng=[0.0, 100.0])
    product = attributes({"U-A": {"VCN": 2.0}})
    found = chain.resolve(made, samples.select("sample_id", "subject_id"), samples, product)
    assert found["multiplier"].to_list() == [None, None]
    assert found["missing"].to_list() == [
        "samples.dna_ng of sample A is 0.0, not positive; "
        "product.vcn of subject U-A is missing (did you mean product.VCN?)",
        "product.vcn of subject U-B is missing (did you mean product.VCN?)",
    ]


def test_the_trace_names_every_factor_and_the_quantity_after_it() -> None:
    steps = (
        Step(divide_by="samples.dna_ng", scale=1000.0, gives="copies/ug", cv=3.0, name="DNA in the reaction"),
        Step(multiply_by=0.5, gives="copies/ug DNA"),
        Step(gives="copies/ng DNA"),
    )
    made = chain.checked(steps, "copies")
    samples = manifest(["A"], dna_ng=200.0)
    members = samples.select("sample_id", "subject_id")
    frame = chain.resolve(made, members, samples, PRODUCT.empty()).join(members, on="sample_id")
    text = frame.select(chain.trace(made, [], pl.lit(40.0))).item()
    assert json.loads(text) == [
        {
            "factor": "DNA in the reaction", "operation": "divide", "value": 200.0, "scale": 1000.0,
            "unit": "copies/ug DNA", "cv": 3.0, "source": "samples.dna_ng of A", "quantity": 200.0,
        },
        {
            "factor": "to copies/ug DNA", "operation": "multiply", "value": 0.5, "scale": 1.0,
            "unit": "copies/ug DNA", "cv": 0.0, "source": "declared", "quantity": 100.0,
        },
        {
            "factor": "to copies/ng DNA", "operation": "convert", "value": 1.0, "scale": 0.001,
            "unit": "copies/ng DNA", "cv": 0.0, "source": "declared", "quantity": 0.1,
        },
    ]  # fmt: skip


@pytest.mark.parametrize(("scale", "passed"), [(1000.0, True), (1.0, False)])
def test_the_scale_of_the_dna_step_is_checked(scale: float, passed: bool) -> None:
    made = chain.checked([Step(divide_by="samples.dna_ng", scale=scale, gives="copies/ug DNA")], "copies/reaction")
    found = chain.notices(made, "q")
    assert found["passed"].to_list() == [passed]
    assert found["required"].to_list() == ["scale 1000.0"]
