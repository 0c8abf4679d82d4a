"""Quantification cycles of curves whose second derivative is known."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.amplification import quantification_cycle

CYCLES = np.arange(1.0, 46.0)


def sigmoid(middle: float, *, slope: float = 0.7, foot: float = 0.5, top: float = 10.0) -> np.ndarray:
    return foot + (top - foot) / (1.0 + np.exp(-slope * (CYCLES - middle)))


def call(*curves: np.ndarray):
    y = np.stack(curves)
    return quantification_cycle(np.tile(CYCLES, (len(y), 1)), y, np.ones(y.shape, dtype=bool))


def test_a_symmetric_sigmoid_by_hand():
    # the second derivative of a logistic with slope b is largest where s = (3 - sqrt 3)/6, ln(2 + sqrt 3)/b before the middle
    found = call(sigmoid(20.0), sigmoid(28.0, slope=0.5))
    expected = [20.0 - np.log(2.0 + np.sqrt(3.0)) / 0.7, 28.0 - np.log(2.0 + np.sqrt(3.0)) / 0.5]
    assert found.cq == pytest.approx(expected, abs=1e-3)
    assert found.rise == pytest.approx([9.5, 9.5], rel=1e-4)


def test_one_cycle_later_is_one_cycle_later_and_scale_does_not_matter():
    found = call(sigmoid(20.0), sigmoid(23.0), 100.0 * sigmoid(20.0) + 7.0)
    assert found.cq[1] - found.cq[0] == pytest.approx(3.0, abs=1e-3)
    assert found.cq[2] == pytest.approx(found.cq[0], abs=1e-3)


def test_noise_without_amplification_has_no_cq():
    rng = np.random.default_rng(1)
    found = call(*(0.5 + 0.01 * rng.standard_normal(CYCLES.size) for _ in range(20)))
    assert not found.amplified.any()
    assert np.isnan(found.cq).all()


def test_a_drifting_baseline_has_no_cq():
    assert not call(0.5 + 0.002 * CYCLES).amplified.any()


def test_a_curve_that_rises_after_the_last_cycle_has_no_cq():
    assert not call(sigmoid(60.0)).amplified.any()


def test_padding_does_not_matter():
    y = np.stack([sigmoid(20.0), sigmoid(20.0)])
    present = np.ones(y.shape, dtype=bool)
    present[1, 40:] = False
    y[1, 40:] = 1e9
    found = quantification_cycle(np.tile(CYCLES, (2, 1)), y, present)
    assert found.cq[1] == pytest.approx(found.cq[0], abs=1e-3)


def test_too_few_cycles_and_empty_reactions():
    present = np.zeros((2, 45), dtype=bool)
    present[0, :6] = True
    found = quantification_cycle(np.tile(CYCLES, (2, 1)), np.tile(sigmoid(20.0), (2, 1)), present)
    assert not found.amplified.any()


def test_nan_is_refused():
    y = sigmoid(20.0)
    y[3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        call(y)
