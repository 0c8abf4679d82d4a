"""Quantities worked out on paper."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.unit.quantify.plates import attributes, cq_wells, manifest, no_template, partition_wells

from correlates.quantify import quantify
from correlates.quantify.settings import Dpcr, Qpcr, Reference, Step
from correlates.schema import PRODUCT
from correlates.stats import calibration


def test_a_line_through_four_points() -> None:
    """x 1 2 3 4, y 34 31 27 24: slope -3.4, intercept 37.5, RSS 0.2, s2 0.1, Sxx 5, Syy 58, R2 = 1 - 0.2/58."""
    fits = calibration.fit_lines(np.array([1.0, 2, 3, 4]), np.array([34.0, 31, 27, 24]), np.zeros(4, dtype=np.int64), 1)
    assert fits.slope[0] == pytest.approx(-3.4)
    assert fits.intercept[0] == pytest.approx(37.5)
    assert fits.residual_sd[0] ** 2 == pytest.approx(0.1)
    assert fits.r_squared[0] == pytest.approx(1 - 0.2 / 58)
    assert fits.var_slope[0] == pytest.approx(0.02)  # 0.1/5
    assert fits.var_intercept[0] == pytest.approx(0.15)  # 0.1 (1/4 + 6.25/5)
    assert fits.covariance[0] == pytest.approx(-0.05)  # -0.1 x 2.5/5


def test_from_cq_to_cells_per_ul() -> None:
    """Standards on Cq = 40 - 10/3 log10 copies. A mean Cq of 30 is 10^3 copies in 200 ng DNA: 5,000 copies/ug.

    At 6.6 pg per diploid cell, 1 ug is 151,515 cells: 0.033 copies per cell; at 2 copies per CAR T cell 0.0165 CAR T cells per
    cell; with 1,000 cells/uL of blood 16.5 CAR T cells/uL. The limit of 10 copies is a hundredth of it.
    """
    standards = [
        {"role": "standard", "sample_id": "S", "nominal": 10.0**k, "signal": 40 - 10 / 3 * k}
        for k in (1, 2, 3, 4, 5, 6)
        for _ in range(2)
    ]
    unknown = [{"sample_id": "A", "signal": cq} for cq in (29.9, 30.0, 30.1)]
    chain = (
        Step(divide_by="samples.dna_ng", scale=1000.0, gives="copies/ug DNA"),
        Step(multiply_by=6.6e-6, gives="copies/cell", name="DNA per diploid cell in ug"),
        Step(divide_by="product.VCN", gives="ratio"),
        Step(multiply_by="samples.leukocytes_per_ul", gives="cells/uL"),
    )
    made = quantify(
        "car",
        cq_wells(standards + unknown + no_template()),
        manifest(["A"], dna_ng=200.0, leukocytes_per_ul=1000.0),
        attributes({"U-A": {"VCN": 2.0}}),
        Qpcr(files=(), targets={"CAR": ("CAR",)}, chain=chain),
    )
    row = made.measurements.row(0, named=True)
    assert row["value"] == pytest.approx(16.5)
    assert row["unit"] == "cells/uL"
    assert row["lloq"] == pytest.approx(0.165)
    assert row["uloq"] == pytest.approx(16500.0)
    assert [step["quantity"] for step in json.loads(row["chain"])] == pytest.approx(
        [1000.0, 5000.0, 0.033, 0.0165, 16.5]
    )
    curve = made.curves.row(0, named=True)
    assert curve["efficiency"] == pytest.approx(10**0.3 - 1)


def test_copies_per_cell_through_a_reference() -> None:
    """A quarter of the droplets holds CAR (lambda ln 4/3), half holds RPP30 (lambda ln 2, two a cell): 2 ln(4/3)/ln 2."""
    wells = partition_wells(
        [
            {"sample_id": "A", "target": "CAR", "positives": 4000, "partitions": 16000},
            {"sample_id": "A", "target": "RPP", "positives": 8000, "partitions": 16000},
        ]
    )
    settings = Dpcr(files=(), targets={"CAR": ("CAR",), "RPP30": ("RPP",)}, reference=Reference(target="RPP30"))
    made = quantify("dd", wells, manifest(["A"]), PRODUCT.empty(), settings)
    assert made.measurements["value"].to_list() == pytest.approx([2 * np.log(4 / 3) / np.log(2)])
    assert made.measurements["unit"].to_list() == ["copies/cell"]


def test_copies_per_reaction_of_merged_wells() -> None:
    """1,000 and 3,000 of twice 10,000 droplets: p = 0.2; 20 uL hold 25,000 droplets of 0.8 nL."""
    wells = partition_wells(
        [
            {"sample_id": "A", "positives": 1000, "partitions": 10000},
            {"sample_id": "A", "positives": 3000, "partitions": 10000},
        ]
    )
    made = quantify(
        "dd",
        wells,
        manifest(["A"]),
        PRODUCT.empty(),
        Dpcr(files=(), targets={"CAR": ("CAR",)}, partition_nl=0.8, reaction_ul=20.0, min_partitions=10_000),
    )
    row = made.measurements.row(0, named=True)
    assert row["value"] == pytest.approx(25000 * np.log(1.25))
    wells_apart = [np.log(1 / 0.9), np.log(1 / 0.7)]
    assert row["cv"] == pytest.approx(100 * np.std(wells_apart, ddof=1) / np.mean(wells_apart))
    failed = made.checks.filter(~made.checks["passed"])["rule"].to_list()
    assert failed == ["between_wells", "replicates_agree"]  # 1,000 and 3,000 are not the same concentration
