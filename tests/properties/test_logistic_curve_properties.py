"""What must hold of calibration curves and of immunoassays whatever the data."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.quantify.beads import SERIES, bead_wells, sample, signal_at, standards

from correlates.quantify.immunoassay import quantify_immunoassay
from correlates.quantify.settings import Immunoassay
from correlates.schema import PRODUCT, SAMPLES
from correlates.stats.logistic_curve import fit_logistic, predict_dose, response

DOSE = np.repeat(10_000.0 / 4.0 ** np.arange(8), 2)


@st.composite
def noisy_curves(draw: st.DrawFn) -> np.ndarray:
    curve = (
        draw(st.floats(5_000, 50_000)),
        -draw(st.floats(0.7, 1.6)),
        draw(st.floats(100, 3_000)),
        draw(st.floats(5, 80)),
        draw(st.floats(0.4, 2.0)),
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    signal: np.ndarray = np.asarray(signal_at(DOSE, curve)) * np.exp(0.04 * rng.standard_normal(DOSE.size))
    return signal


@given(signal=noisy_curves(), dose_factor=st.floats(1e-6, 1e6), signal_factor=st.floats(1e-3, 1e3))
@settings(max_examples=30, deadline=None)
def test_units_of_dose_and_signal_do_not_matter(signal: np.ndarray, dose_factor: float, signal_factor: float) -> None:
    """Fitted signals and read-off doses scale; a curve without a plateau is flat in its parameters, hence 1e-4."""
    one = fit_logistic(DOSE, signal)
    other = fit_logistic(DOSE * dose_factor, signal * signal_factor)
    assert np.allclose(other.fitted / signal_factor, one.fitted, rtol=1e-4)
    middle = np.array([np.sqrt(one.fitted[0].min() * one.fitted[0].max())])
    a = predict_dose(one, [0], middle, [2.0])
    b = predict_dose(other, [0], middle * signal_factor, [2.0])
    assert np.allclose(b.dose / dose_factor, a.dose, rtol=1e-4)
    assert np.allclose(np.log(b.upper / b.lower), np.log(a.upper / a.lower), rtol=1e-2)


@given(signal=noisy_curves(), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_order_of_points_does_not_matter(signal: np.ndarray, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(DOSE.size)
    one, other = fit_logistic(DOSE, signal), fit_logistic(DOSE[order], signal[order])
    assert np.allclose(other.fitted[0], one.fitted[0][order], rtol=1e-4)


@given(signal=noisy_curves())
@settings(max_examples=30, deadline=None)
def test_a_fitted_curve_rises_and_reads_back_its_own_response(signal: np.ndarray) -> None:
    fit = fit_logistic(DOSE, signal)
    x = np.geomspace(DOSE.min(), DOSE.max(), 40)
    y = response(fit.parameters[0], x)
    assert (np.diff(y) >= 0).all()
    # on the plateau two doses have one response in double precision
    ends = fit.parameters[0, [0, 3]]
    steep = (np.abs(y[:, None] - ends) > 1e-6 * y[:, None]).all(axis=1)
    assert steep.sum() >= 20
    x, y = x[steep], y[steep]
    assert (np.diff(y) > 0).all()
    found = predict_dose(fit, np.zeros(x.size, dtype=int), y, np.full(x.size, 2.0))
    assert np.allclose(found.dose, x, rtol=1e-6)
    known = np.isfinite(found.lower)
    assert (found.lower[known] < x[known]).all()
    assert (x[known] < found.upper[known]).all()


@given(seed=st.integers(0, 10_000))
@settings(max_examples=8, deadline=None)
def test_order_of_wells_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    noise = tuple(np.exp(0.03 * rng.standard_normal(2)))
    rows = [*standards(noise=noise), *(r for k in range(12) for r in sample(f"S{k}", *rng.uniform(1, 9_000, 2)))]
    wells = pl.concat([bead_wells(rows), bead_wells(rows, target="TNF-a", plate="P2")])
    assay = Immunoassay(files=("*",))
    first = quantify_immunoassay("a", wells, SAMPLES.empty(), PRODUCT.empty(), assay)
    mixed = wells.sample(fraction=1.0, shuffle=True, seed=seed)
    second = quantify_immunoassay("a", mixed, SAMPLES.empty(), PRODUCT.empty(), assay)
    assert first.measurements.equals(second.measurements)
    assert first.curves.equals(second.curves)
    assert first.curve_points.equals(second.curve_points)
    assert first.checks.equals(second.checks)


@given(factor=st.floats(0.01, 100.0))
@settings(max_examples=15, deadline=None)
def test_dilution_multiplies_everything(factor: float) -> None:
    wells = bead_wells([*standards(), *sample("in", 100.0, 110.0), *sample("low", 0.1), *sample("high", SERIES[0] * 9)])
    plain = quantify_immunoassay("a", wells, SAMPLES.empty(), PRODUCT.empty(), Immunoassay(files=("*",), dilution=1.0))
    times = quantify_immunoassay(
        "a", wells, SAMPLES.empty(), PRODUCT.empty(), Immunoassay(files=("*",), dilution=factor)
    )
    assert times.measurements["censoring"].equals(plain.measurements["censoring"])
    for column in ("value", "estimate", "lower", "upper", "lloq", "uloq"):
        a = plain.measurements[column].fill_null(-1.0).to_numpy()
        b = times.measurements[column].fill_null(-factor).to_numpy()
        assert np.allclose(b, a * factor, rtol=1e-12)
