"""A real Bio-Plex plate whose expected concentrations were never typed in: every sample says why it has no value."""

from __future__ import annotations

import polars as pl
from tests.external import external

from correlates.quantify.immunoassay import quantify_immunoassay
from correlates.quantify.settings import Immunoassay
from correlates.readers import read
from correlates.schema import PRODUCT, SAMPLES

FILE = "data/immunoassay/bioplex/bio-rad_bio-plex_manager_example_01.xml"


def test_standards_of_zero_give_no_curve() -> None:
    """The software says so too: Unable to calculate regression - All expected values set to zero."""
    wells = read(external(FILE)).wells
    made = quantify_immunoassay("panel", wells, SAMPLES.empty(), PRODUCT.empty(), Immunoassay(files=("*",)))
    assert made.measurements.height == 15 * 32
    assert set(made.measurements["reason"]) == {"no-curve"}
    assert set(made.measurements["detail"]) == {"no standard well that can be used"}
    standards = made.curve_points.filter(role="standard")
    assert standards.height == 15 * 22
    assert set(standards["reason"]) <= {
        "no expected concentration in the file",
        "a zero standard is no part of the fit",
    }
    assert set(made.checks.filter(rule="control")["found"]) == {"no curve"}
    assert made.checks.filter(rule="instrument_concentration").height == 0


def test_the_same_plate_with_concentrations_typed_in() -> None:
    """The real readings of the standards, given a threefold series: nine of fifteen curves are accepted, and carry all samples."""
    wells = read(external(FILE)).wells
    names = wells.filter(role="standard").group_by("sample_id").agg(pl.col("signal").mean()).sort("signal")
    series = dict(zip(names["sample_id"], [3.0**k for k in range(names.height)], strict=True))
    typed = wells.with_columns(
        nominal=pl.when(pl.col("role") == "standard").then(
            pl.col("sample_id").replace_strict(series, default=None, return_dtype=pl.Float64)
        ),
        nominal_unit=pl.when(pl.col("role") == "standard").then(pl.lit("pg/mL")),
    )
    made = quantify_immunoassay("panel", typed, SAMPLES.empty(), PRODUCT.empty(), Immunoassay(files=("*",)))
    assert made.curves["parameters"].is_not_null().all()
    good = made.measurements.join(made.curves.filter("accepted").select("curve_id"), on="curve_id", how="semi")
    assert (good.height, good["value"].null_count()) == (9 * 32, 0)
    inside = good.filter(censoring="none")
    assert (inside["lower"] <= inside["value"]).all()
    assert (inside["value"] <= inside["upper"]).all()
