"""xPONENT and INTELLIFLEX: every median and bead count that allotropy finds."""

from __future__ import annotations

import math

import pytest
from tests.exports import allotrope
from tests.external import external

from correlates.readers import read

FOLDER = "data/immunoassay/luminex/luminex_"


@pytest.mark.parametrize(
    ("file", "vendor", "rows"),
    [
        ("xPONENT_example02.csv", "LUMINEX_XPONENT", 8),
        ("xPONENT_example03.csv", "LUMINEX_XPONENT", 8),
        ("xPONENT_NaN_and_not_reported_values.csv", "LUMINEX_XPONENT", 288),
        ("intelliflex_example_01.csv", "LUMINEX_INTELLIFLEX", 60),
    ],
)
def test_medians_and_counts_agree_with_allotropy(file: str, vendor: str, rows: int) -> None:
    path = external(FOLDER + file)
    theirs = {}
    for m in allotrope.measurements(allotrope.document(path, vendor)):
        for analyte in (a for group in allotrope.find(m, "analyte document") for a in group):
            median = None
            for statistics in (s for group in allotrope.find(analyte, "statistics document") for s in group):
                for value in allotrope.find(statistics, "statistical value"):
                    if (
                        statistics["statistical feature"] == "fluorescence"
                        and value["has statistic datum role"] == "median role"
                    ):
                        median = value["value"]
            count = allotrope.number(analyte, "assay bead count")
            theirs[allotrope.text(m, "location identifier"), analyte["analyte name"]] = (median, count)
    wells = read(path).wells.select("well", "target", "signal", "count")
    assert wells.height == rows
    for well, target, signal, count in wells.rows():
        median, beads = theirs[well, target]
        usable = isinstance(median, (int, float)) and math.isfinite(median) and not (median == 0 and signal is None)
        assert signal == (median if usable else None)
        assert count == beads


def test_values_not_reported_stay_missing() -> None:
    wells = read(external(FOLDER + "xPONENT_NaN_and_not_reported_values.csv")).wells
    assert set(wells["flag"]) == {"missing"}
    assert wells["signal"].null_count() == 288
    assert wells["extras"].str.json_path_match("$['Net MFI']").str.contains("^2$").any()
