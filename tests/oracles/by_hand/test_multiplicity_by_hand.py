"""Four P values on paper: .01, .02, .03, .04."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.multiplicity import adjust


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("none", [0.01, 0.02, 0.03, 0.04]),
        ("bonferroni", [0.04, 0.08, 0.12, 0.16]),
        ("holm", [0.04, 0.06, 0.06, 0.06]),
        ("hochberg", [0.04, 0.04, 0.04, 0.04]),
        ("bh", [0.04, 0.04, 0.04, 0.04]),
        ("by", [25 / 12 * 0.04] * 4),
    ],
)
def test_four(method, expected):
    assert adjust([0.01, 0.02, 0.03, 0.04], method).tolist() == pytest.approx(expected)


def test_a_missing_test_is_left_out_of_the_count():
    found = adjust([0.04, np.nan, 0.01], "holm")
    assert found[[0, 2]].tolist() == pytest.approx([0.04, 0.02])
    assert np.isnan(found[1])
