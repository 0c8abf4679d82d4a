"""Simple Plex: concentrations recomputed from the factory's coefficients."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.unit.quantify.beads import bead_wells, signal_at

from correlates.quantify.immunoassay import quantify_immunoassay
from correlates.quantify.record import Quantified
from correlates.quantify.settings import Immunoassay
from correlates.schema import PRODUCT, SAMPLES

FACTORY = (0.2, 1.05, 2_000.0, 4_000.0, 1.1)


def inlet(name: str, *quantities: float, reported: float | None = None, printed: float | None = None, curve: Any = FACTORY, **other: Any) -> dict[str, object]:  # fmt: skip
    """An inlet whose three nano-reactors read the given quantities."""
    signals = [float(signal_at(q, FACTORY)) for q in quantities]
    mean = float(np.mean(signals))
    exact = float(np.mean(quantities)) if len(set(quantities)) == 1 else None
    extras = {f"Gnr{k + 1}Signal": f"{s:.12g}" for k, s in enumerate(signals)}
    extras |= {f"CurveCoefficient{n}": f"{v}" for n, v in zip("ABCDG", curve or (), strict=False)}
    printed = exact if printed is None else printed
    if printed is not None:
        extras["NonlimitedCalculatedConcentration"] = f"{printed:.12g}"
    return {
        "sample_id": name,
        "signal": mean,
        "signal_kind": "rfu",
        "count": None,
        "reported": reported,
        "reported_unit": "pg/mL",
        "extras": json.dumps(extras),
        **other,
    }


def run(rows: list[dict[str, object]], **settings: Any) -> Quantified:
    return quantify_immunoassay(
        "ella",
        bead_wells(rows),
        SAMPLES.empty(),
        PRODUCT.empty(),
        Immunoassay(files=("*",), curve="factory", **settings),
    )


def one(made: Quantified, sample_id: str) -> dict[str, Any]:
    return made.measurements.filter(sample_id=sample_id).row(0, named=True)


def test_the_concentration_is_recomputed_and_compared() -> None:
    made = run([inlet("S1", 50.0, 50.0, 50.0, reported=50.0)])
    row = one(made, "S1")
    assert row["value"] == pytest.approx(50.0, rel=1e-9)
    assert (row["method"], row["censoring"], row["lloq"], row["uloq"]) == ("factory_5pl", "none", None, None)
    check = made.checks.filter(rule="printed_concentration").row(0, named=True)
    assert check["passed"]
    assert check["value"] == pytest.approx(0.0, abs=1e-6)
    curve = made.curves.row(0, named=True)
    assert json.loads(curve["parameters"]) == dict(zip("ABCDG", FACTORY, strict=True))
    assert (curve["model"], curve["accepted"], curve["source_ids"]) == ("5PL", True, [])


def test_a_printed_concentration_that_the_coefficients_do_not_give() -> None:
    made = run([inlet("S1", 50.0, 50.0, 50.0, printed=60.0)])
    check = made.checks.filter(rule="printed_concentration").row(0, named=True)
    assert not check["passed"]
    assert check["value"] == pytest.approx(100 * (1 - 50 / 60), rel=1e-6)
    assert check["source_ids"] == ["f1/P1/A1/IL-6 (pg/mL)"]


def test_the_interval_is_t_of_three_nano_reactors() -> None:
    """ln 40, ln 50, ln 62.5: sd 0.22314355 (ln 1.25), t(2, 0.975) = 4.30265273, half width 0.554325..."""
    row = one(run([inlet("S1", 40.0, 50.0, 62.5)]), "S1")
    half = 4.302652729749464 * 0.22314355131420976 / 3**0.5
    assert row["upper"] / row["value"] == pytest.approx(np.exp(half), rel=1e-9)
    assert row["value"] / row["lower"] == pytest.approx(np.exp(half), rel=1e-9)
    assert row["cv"] == pytest.approx(100 * np.std([40, 50, 62.5], ddof=1) / np.mean([40, 50, 62.5]), rel=1e-9)
    assert float(signal_at(row["value"], FACTORY)) == pytest.approx(
        np.mean([signal_at(q, FACTORY) for q in (40.0, 50.0, 62.5)]), rel=1e-9
    )


def test_replicate_inlets_are_the_replicates() -> None:
    """ln 40 and ln 50: sd ln(1.25)/sqrt 2, t(1, 0.975) = 12.70620474."""
    row = one(run([inlet("S1", 40.0, 40.0, 40.0), inlet("S1", 50.0, 50.0, 50.0)]), "S1")
    half = 12.706204736174694 * 0.22314355131420976 / 2
    assert row["upper"] / row["value"] == pytest.approx(np.exp(half), rel=1e-9)
    assert row["n_replicates"] == 2


def test_limits_where_the_printed_concentration_is_cut_to_them() -> None:
    made = run(
        [
            inlet("low", 0.5, 0.5, 0.5, reported=1.0),
            inlet("mid", 50.0, 50.0, 50.0, reported=50.0),
            inlet("high", 9_000.0, 9_000.0, 9_000.0, reported=3_000.0),
        ]
    )
    assert (one(made, "low")["value"], one(made, "low")["censoring"]) == (1.0, "left")
    assert one(made, "low")["estimate"] == pytest.approx(0.5, rel=1e-9)
    assert (one(made, "high")["value"], one(made, "high")["censoring"]) == (3_000.0, "right")
    assert made.checks.filter(rule="limits_known")["passed"].all()


def test_limits_where_the_printed_concentration_is_left_blank() -> None:
    """The limit lies between 0.5 and 2: a value at most 2 is what the file shows."""
    made = run(
        [inlet("low", 0.5, 0.5, 0.5), inlet("a", 2.0, 2.0, 2.0, reported=2.0), inlet("b", 9.0, 9.0, 9.0, reported=9.0)]
    )
    assert (one(made, "low")["value"], one(made, "low")["censoring"]) == (2.0, "left")
    assert one(made, "b")["uloq"] is None


def test_declared_limits_come_first() -> None:
    made = run([inlet("low", 0.5, 0.5, 0.5, reported=1.0)], lloq={"IL-6": 3.0}, dilution=2.0)
    assert (one(made, "low")["value"], one(made, "low")["lloq"]) == (6.0, 6.0)


def test_without_coefficients_there_is_no_curve() -> None:
    made = run([inlet("S1", 50.0, 50.0, 50.0, curve=None)])
    row = one(made, "S1")
    assert (row["value"], row["reason"]) == (None, "no-curve")
    assert "CurveCoefficientA to G" in row["detail"]
    assert not made.checks.filter(rule="curve")["passed"].item()


def test_two_calibrations_on_one_plate_are_named() -> None:
    made = run([inlet("S1", 50.0, 50.0, 50.0), inlet("S2", 50.0, 50.0, 50.0, curve=(0.2, 1.0, 2_000.0, 4_000.0, 1.1))])
    assert not made.checks.filter(rule="one_calibration")["passed"].item()
    assert not made.curves["accepted"].item()


def test_a_signal_below_the_blank_is_censored_where_the_limit_is_known() -> None:
    rows = [inlet("low", 0.5, 0.5, 0.5, reported=1.0), {**inlet("zero", 5.0, 5.0, 5.0), "signal": 0.01}]
    made = run(rows)
    assert (one(made, "zero")["value"], one(made, "zero")["estimate"]) == (1.0, None)
    unknown = run([{**inlet("zero", 5.0, 5.0, 5.0), "signal": 0.01}])
    assert (one(unknown, "zero")["value"], one(unknown, "zero")["reason"]) == (None, "outside-curve")


def test_order_of_rows_does_not_matter() -> None:
    wells = bead_wells([inlet(f"S{k}", 5.0 * k, 5.0 * k, 6.0 * k) for k in range(1, 9)])
    settings = Immunoassay(files=("*",), curve="factory")
    first = quantify_immunoassay("e", wells, SAMPLES.empty(), PRODUCT.empty(), settings)
    second = quantify_immunoassay(
        "e", wells.sample(fraction=1.0, shuffle=True, seed=3), SAMPLES.empty(), PRODUCT.empty(), settings
    )
    assert first.measurements.equals(second.measurements)
    assert first.checks.equals(second.checks)
    assert isinstance(first.curves, pl.DataFrame)
