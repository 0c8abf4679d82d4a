"""Firth's estimate in closed form: for a saturated 2 x 2 model it adds one half to each cell (Firth 1993, section 3)."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.logistic import logistic_model, logistic_screen, separation


@pytest.mark.parametrize(("a", "b", "c", "d"), [(14, 6, 7, 15), (9, 0, 5, 8), (12, 0, 0, 7), (1, 30, 6, 3)])
def test_half_is_added_to_each_cell(a, b, c, d):
    marker = np.repeat([1.0, 1.0, 0.0, 0.0], [a, b, c, d])
    event = np.repeat([1, 0, 1, 0], [a, b, c, d])
    fit = logistic_screen(marker, event)
    model = logistic_model(marker[:, None], event)
    by_hand = np.log((a + 0.5) * (d + 0.5) / ((b + 0.5) * (c + 0.5)))
    assert fit.coefficient[0] == pytest.approx(by_hand, rel=1e-9)
    assert model.coefficient[1] == pytest.approx(by_hand, rel=1e-9)
    assert fit.intercept[0] == pytest.approx(np.log((c + 0.5) / (d + 0.5)), rel=1e-9)


def test_maximum_likelihood_of_a_two_by_two_table():
    marker = np.repeat([1.0, 1.0, 0.0, 0.0], [14, 6, 7, 15])
    event = np.repeat([1, 0, 1, 0], [14, 6, 7, 15])
    fit = logistic_screen(marker, event, penalty="none")
    assert fit.coefficient[0] == pytest.approx(np.log(14 * 15 / (6 * 7)), rel=1e-9)
    assert fit.standard_error[0] == pytest.approx(np.sqrt(1 / 14 + 1 / 15 + 1 / 6 + 1 / 7), rel=1e-9)


def test_separation_in_a_combination_only():
    # neither column separates, their difference does: events lie below the diagonal
    design = np.array([[1, 1, 2], [1, 2, 4], [1, 3, 4.5], [1, 2, 1], [1, 4, 3], [1, 3, 1]], dtype=float)
    assert separation(design, [0, 0, 0, 1, 1, 1]) == "complete"
    touching = np.vstack((design, [[1, 2, 2], [1, 2, 2]]))
    assert separation(touching, [0, 0, 0, 1, 1, 1, 0, 1]) == "quasi"
    crossed = np.vstack((design, [[1, 1, 9]]))
    assert separation(crossed, [0, 0, 0, 1, 1, 1, 1]) == "none"
