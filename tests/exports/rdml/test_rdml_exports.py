"""RDML of LightCycler 96, StepOne and the Vermeulen standards: what rdmlpython finds, and the published amounts."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.external import external

from correlates.readers import read
from correlates.readers.cells import number

FILES = ("stepone_std", "lc96_bACTXY")  # rdmlpython 1.x refuses the version of the third file


def other(path: str) -> list[tuple[str, str, str, float | None]]:
    """Run, well, target and Cq as rdmlpython has them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import rdmlpython

        rows: list[tuple[str, str, str, float | None]] = []
        for experiment in rdmlpython.Rdml(path).experiments():
            for run in experiment.runs():
                data: dict[str, Any] = run.getreactjson()
                columns = int(run["pcrFormat_columns"] or 0)
                for react in data["reacts"]:
                    well = react["id"]
                    if well.isdigit() and columns > 0:
                        row, column = divmod(int(well) - 1, columns)
                        well = f"{chr(65 + row)}{column + 1}"
                    rows += [(run["id"], well, d["tar"], number(d.get("cq", ""))[0]) for d in react["datas"]]
        return rows


@pytest.mark.parametrize("name", FILES)
def test_cq_agrees_with_rdmlpython(name: str) -> None:
    path = external(f"data/qpcr/rdml/{name}.rdml")
    ours = {(p, w, t): c for p, w, t, c in read(path).wells.select("plate", "well", "target", "signal").rows()}
    theirs = {(p, w, t): c for p, w, t, c in other(str(path))}
    assert ours == {k: (None if c is not None and c < 0 else c) for k, c in theirs.items()}


def test_stepone_standards_give_the_printed_quantities() -> None:
    """Least squares over the 15 standard wells gives the quantities printed for the two populations.

    Tolerance 1 %: the software draws the same line from Cq it holds with more digits than it writes.
    """
    wells = read(external("data/qpcr/rdml/stepone_std.rdml")).wells
    standards = wells.filter(pl.col("role") == "standard")
    assert sorted(set(standards["nominal"])) == [625.0, 1250.0, 2500.0, 5000.0, 10000.0]
    slope, intercept = np.polyfit(standards["nominal"].log10().to_numpy(), standards["signal"].to_numpy(), 1)
    unknown = wells.filter(pl.col("role") == "unknown")
    assert unknown.height == 6
    computed = 10 ** ((unknown["signal"].to_numpy() - intercept) / slope)
    np.testing.assert_allclose(computed, unknown["reported"].to_numpy(), rtol=1e-2)


def test_vermeulen_standards_have_amounts_and_no_cq() -> None:
    """150000 to 15 copies in 8 uL reactions: the document states copies per uL, a tenfold series of five."""
    found = read(external("data/qpcr/rdml/data_vermeulen_std_150000_15.rdml"))
    assert found.wells["signal"].null_count() == found.wells.height == 960
    assert set(found.wells["flag"]) == {"missing"}
    assert sorted(set(found.wells["nominal"])) == [1.875, 18.75, 187.5, 1875.0, 18750.0]
    assert found.wells["target"].n_unique() == 64
    points = [json.loads(extras)["points"] for extras in found.wells["extras"]]
    assert sum(len(p["fluor"].split()) for p in points) == 47925
