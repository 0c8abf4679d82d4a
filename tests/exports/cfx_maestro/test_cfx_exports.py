"""CFX Maestro: every Cq that allotropy finds."""

from __future__ import annotations

from collections import Counter

from tests.exports import allotrope
from tests.external import external

from correlates.readers import read
from correlates.readers.cells import position


def test_cq_agrees_with_allotropy() -> None:
    path = external("data/qpcr/cfx_maestro/example01.csv")
    other = Counter(
        (
            position(str(allotrope.text(m, "well location identifier"))),
            allotrope.text(m, "sample identifier"),
            allotrope.number(m, "cycle threshold result (qPCR)"),
        )
        for m in allotrope.measurements(allotrope.document(path, "CFXMAESTRO"))
    )
    ours = Counter(read(path).wells.select("well", "sample_id", "signal").rows())
    assert ours == other
    assert ours.total() == 48
