"""QuantStudio files: the instrument's own curve, and every Cq and nominal quantity that allotropy finds."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from tests.exports import allotrope
from tests.external import external

from correlates.errors import InputError
from correlates.readers import read
from correlates.readers.cells import position

DA = "data/qpcr/quantstudio_design_analysis/appbio_quantstudio_designandanalysis_QS7Pro_Standard_Curve_example14.xlsx"
RT = "data/qpcr/quantstudio_rt/appbio_quantstudio_example"


def test_instrument_curve_of_the_7_pro() -> None:
    """The file prints slope, intercept and R2 of least squares of Cq on log10 quantity over its 92 standard wells.

    Tolerance: half a unit of the last printed decimal of slope and intercept; R2 is printed in full.
    """
    wells = read(external(DA)).wells.filter(pl.col("role") == "standard")
    assert wells.height == 92
    x, y = wells["nominal"].log10().to_numpy(), wells["signal"].to_numpy()
    slope, intercept = np.polyfit(x, y, 1)
    printed = json.loads(wells["extras"][0])
    assert slope == pytest.approx(float(printed["Slope"]), abs=5e-5)
    assert slope == pytest.approx(-3.3042, abs=5e-5)
    assert intercept == pytest.approx(37.7468, abs=5e-5)
    assert np.corrcoef(x, y)[0, 1] ** 2 == pytest.approx(float(printed["R2"]), rel=1e-6)
    assert np.corrcoef(x, y)[0, 1] ** 2 == pytest.approx(0.99002, abs=5e-6)


@pytest.mark.parametrize(("file", "target"), [("04.txt", "RNase P"), ("07.txt", "RNaseP"), ("07.txt", "IPC")])
def test_instrument_quantities_of_real_time_software(file: str, target: str) -> None:
    """Cq, printed slope and printed intercept give the quantity the instrument printed.

    Tolerance: all three are printed with three decimals, which is 0.2 % of the quantity.
    """
    wells = read(external(RT + file)).wells.filter(pl.col("target") == target, pl.col("signal").is_not_null())
    seen = 0
    for row in wells.iter_rows(named=True):
        quantity = row["reported"]
        if quantity is None:
            continue
        curve = json.loads(row["extras"])
        computed = 10 ** ((row["signal"] - float(curve["Y-Intercept"])) / float(curve["Slope"]))
        assert quantity == pytest.approx(computed, rel=2e-3)
        seen += 1
    assert seen == (71 if file == "04.txt" else 0)
    standards = wells.filter(pl.col("role") == "standard")
    assert standards["nominal"].null_count() == 0


@pytest.mark.parametrize(
    ("file", "vendor"),
    [
        (DA, "APPBIO_QUANTSTUDIO_DESIGNANDANALYSIS"),
        (RT + "04.txt", "APPBIO_QUANTSTUDIO"),
        (RT + "05.txt", "APPBIO_QUANTSTUDIO"),
        (RT + "07.txt", "APPBIO_QUANTSTUDIO"),
        (RT + "10.xlsx", "APPBIO_QUANTSTUDIO"),
    ],
)
def test_cq_and_quantity_agree_with_allotropy(file: str, vendor: str) -> None:
    path = external(file)
    wells = read(path).wells
    other = allotrope.document(path, vendor)
    cq, names = {}, {}
    for measurement in allotrope.measurements(other):
        target = allotrope.text(measurement, "target DNA description")
        key = (position(str(allotrope.text(measurement, "well location identifier"))), target)
        cq[key] = allotrope.number(measurement, "cycle threshold result (qPCR)")
        names[str(measurement["measurement identifier"])] = key
        for processed in allotrope.find(measurement, "processed data identifier"):
            names[str(processed)] = key
    ours = {(w, t): s for w, t, s in wells.select("well", "target", "signal").rows()}
    # of the cut example 05 allotropy reads only the wells that its Sample Setup still lists
    assert len(cq) == (3 if file.endswith("05.txt") else len(ours))
    assert {k: ours.get(k) for k in cq} == cq
    quantities = {(w, t): q for w, t, q in wells.select("well", "target", pl.coalesce("nominal", "reported")).rows()}
    compared = 0
    for group in allotrope.find(other, "calculated data document"):
        for calculated in group:
            if calculated["calculated data name"] != "quantity":
                continue
            sources = [
                s["data source identifier"]
                for s in calculated["data source aggregate document"]["data source document"]
            ]
            key = next((names[s] for s in sources if s in names), None)
            if key is not None:
                assert quantities[key] == calculated["calculated result"]["value"]
                compared += 1
    assert compared >= (92 if file == DA else 0)


def test_genotyping_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="genotyping"):
        read(external(RT + "03.txt"))
