"""Names and units of analytes as files write them."""

from __future__ import annotations

import pytest

from correlates.quantify.analyte_names import split_unit


@pytest.mark.parametrize(
    ("written", "name", "unit"),
    [
        ("IL-6 (pg/mL)", "IL-6", "pg/mL"),
        ("  IL-6  ", "IL-6", None),
        ("Ferritin [ng/ml]", "Ferritin", "ng/mL"),
        ("IL-12 (p70)", "IL-12 (p70)", None),
        ("IL-12 (p70) (pg/mL)", "IL-12 (p70)", "pg/mL"),
        ("(pg/mL)", "(pg/mL)", None),
        ("CRP (µg/mL)", "CRP", "ug/mL"),
    ],
)
def test_split(written: str, name: str, unit: str | None) -> None:
    assert split_unit(written) == (name, unit)
