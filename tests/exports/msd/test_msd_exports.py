"""MSD Workbench and Methodical Mind: every signal and nominal concentration that allotropy finds."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from tests.exports import allotrope
from tests.external import external

from correlates.readers import read
from correlates.readers.cells import position


def finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


FOLDER = "data/immunoassay/msd/"


@pytest.mark.parametrize(
    "file", ["msd_workbench_test_1.csv", "msd_workbench_test_2.csv", "test_msd_workbench_xlsx.xlsx"]
)
def test_workbench_agrees_with_allotropy(file: str) -> None:
    path = external(FOLDER + file)
    theirs = Counter(
        (
            position(str(allotrope.text(m, "well location identifier"))),
            allotrope.number(m, "luminescence"),
            finite(allotrope.number(m, "mass concentration")),
        )
        for m in allotrope.measurements(allotrope.document(path, "MSD_WORKBENCH"))
    )
    assert Counter(read(path).wells.select("well", "signal", "nominal").rows()) == theirs


def test_methodical_mind_agrees_with_allotropy() -> None:
    path = external(FOLDER + "methodical_test_1.txt")
    theirs = Counter(
        (
            str(allotrope.text(m, "well plate identifier")).strip("*"),
            allotrope.text(m, "well location identifier"),
            allotrope.number(m, "luminescence"),
        )
        for m in allotrope.measurements(allotrope.document(path, "METHODICAL_MIND"))
    )
    assert Counter(read(path).wells.select("plate", "well", "signal").rows()) == theirs
