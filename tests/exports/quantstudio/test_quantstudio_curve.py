"""The standard curve that a QuantStudio 7 Pro printed into its own export, made again from the wells."""

from __future__ import annotations

import pytest
from tests.external import external

from correlates import readers
from correlates.quantify import quantify
from correlates.quantify.settings import Qpcr
from correlates.schema import PRODUCT, SAMPLES

FOLDER = "data/qpcr/quantstudio_design_analysis"


def test_printed_curve() -> None:
    """Printed: slope -3.3042, intercept 37.7468, R2 0.99002, efficiency 100.75 %."""
    path = external(f"{FOLDER}/appbio_quantstudio_designandanalysis_QS7Pro_Standard_Curve_example14.xlsx")
    wells = readers.read(path).wells
    made = quantify("q", wells, SAMPLES.empty(), PRODUCT.empty(), Qpcr(files=(), targets={"KAZ": ("KAZ",)}))
    curve = made.curves.row(0, named=True)
    assert (curve["n_wells"], curve["n_levels"]) == (92, 6)
    assert curve["slope"] == pytest.approx(-3.3042, abs=5e-5)
    assert curve["intercept"] == pytest.approx(37.7468, abs=5e-5)
    assert curve["r_squared"] == pytest.approx(0.99002, abs=5e-6)
    assert 100 * curve["efficiency"] == pytest.approx(100.75, abs=5e-3)
    assert curve["accepted"]


def test_unknowns_of_known_quantity_are_found_again() -> None:
    """An RNase P verification plate: its two unknown populations are named after their 5,000 and 10,000 copies."""
    wells = readers.read(external("data/qpcr/quantstudio_rt/appbio_quantstudio_example04.txt")).wells
    made = quantify("q", wells, SAMPLES.empty(), PRODUCT.empty(), Qpcr(files=(), targets={"RNase P": ("RNase P",)}))
    found = {r["sample_id"]: r for r in made.measurements.iter_rows(named=True)}
    assert found["5K"]["lower"] < found["5K"]["estimate"] < found["5K"]["upper"] < found["10K"]["lower"]
    assert found["10K"]["lower"] < 10_000 < found["10K"]["upper"]
    assert found["5K"]["lower"] < 5_000
    assert found["5K"]["estimate"] == pytest.approx(5_000, rel=0.1)
