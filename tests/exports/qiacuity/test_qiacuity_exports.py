"""QIAcuity: every count and concentration that allotropy finds."""

from __future__ import annotations

import pytest
from tests.exports import allotrope
from tests.external import external

from correlates.readers import read


@pytest.mark.parametrize(("file", "rows"), [("03", 24), ("04", 32)])
def test_counts_agree_with_allotropy(file: str, rows: int) -> None:
    path = external(f"data/dpcr/qiacuity/qiacuity_dpcr_example{file}.csv")
    theirs = {
        (allotrope.text(m, "well location identifier"), allotrope.text(m, "target DNA description")): (
            allotrope.number(m, "positive partition count"),
            allotrope.number(m, "total partition count"),
            allotrope.number(m, "number concentration"),
        )
        for m in allotrope.measurements(allotrope.document(path, "QIACUITY_DPCR"))
    }
    wells = read(path).wells.select("well", "target", "positives", "partitions", "reported")
    assert {(w, t): (p, n, c) for w, t, p, n, c in wells.rows()} == theirs
    assert wells.height == rows
