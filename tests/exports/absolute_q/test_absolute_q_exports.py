"""Absolute Q: counts and concentrations that allotropy finds; combinations of channels add up to the summary's counts."""

from __future__ import annotations

import pytest
from tests.exports import allotrope
from tests.external import external

from correlates.readers import read

FOLDER = "data/dpcr/absolute_q/Appbio_AbsoluteQ_"


@pytest.mark.parametrize("file", ["example01.csv", "example05.csv"])
def test_counts_agree_with_allotropy(file: str) -> None:
    path = external(FOLDER + file)
    theirs = {
        (allotrope.text(m, "well location identifier"), allotrope.text(m, "target DNA description")): (
            allotrope.number(m, "positive partition count"),
            allotrope.number(m, "total partition count"),
            allotrope.number(m, "number concentration"),
        )
        for m in allotrope.measurements(allotrope.document(path, "APPBIO_ABSOLUTE_Q"))
    }
    wells = read(path).wells.select("well", "target", "positives", "partitions", "reported")
    assert {(w, t): (p, n, c) for w, t, p, n, c in wells.rows()} == theirs


def test_combinations_add_up_to_the_summary_of_the_same_run() -> None:
    """The two files are exports of one run: positives of FAM and VIC per well must agree."""
    channels = read(external(FOLDER + "multichannel.csv")).wells
    summary = read(external(FOLDER + "summary.csv")).wells
    dye = {"TARGET 1": "FAM", "TARGET 2": "VIC"}
    by_channel = {(w, t): (p, n) for w, t, p, n in channels.select("well", "target", "positives", "partitions").rows()}
    compared = 0
    for well, target, positives, total in summary.select("well", "target", "positives", "partitions").rows():
        if (well, dye[target]) in by_channel:
            assert by_channel[well, dye[target]] == (positives, total)
            compared += 1
    assert compared >= 6
