"""Real Luminex exports: none has standards, so no concentration can be claimed, and every sample says why."""

from __future__ import annotations

import pytest
from tests.external import external

from correlates.quantify.immunoassay import quantify_immunoassay
from correlates.quantify.settings import Immunoassay
from correlates.readers import read
from correlates.schema import PRODUCT, SAMPLES

FILES = (
    "luminex_xPONENT_example02.csv",
    "luminex_xPONENT_example03.csv",
    "luminex_xPONENT_NaN_and_not_reported_values.csv",
    "luminex_intelliflex_example_01.csv",
)


@pytest.mark.parametrize("name", FILES)
def test_no_standards_no_concentrations(name: str) -> None:
    wells = read(external(f"data/immunoassay/luminex/{name}")).wells
    made = quantify_immunoassay("panel", wells, SAMPLES.empty(), PRODUCT.empty(), Immunoassay(files=("*",)))
    found = made.measurements
    samples = wells.filter(role="unknown").select("sample_id", "target").unique().height
    assert found.height == samples
    assert found["value"].null_count() == found.height
    assert set(found["reason"]) == {"no-curve"}
    assert set(found["detail"].str.split(";").list.first()) == {"no standard well that can be used"}
    assert made.curves.height == wells["target"].n_unique()
    assert not made.curves["accepted"].any()
    assert not made.checks.filter(rule="curve")["passed"].any()
