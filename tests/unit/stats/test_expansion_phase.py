"""Doubling times and first quantifiable values by hand."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats import expansion
from correlates.stats.expansion import expansions, first_quantifiable

Sample = tuple[float, float, int]


def arrays(points: list[Sample]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    t, v, c = (np.array([[p[i] for p in points]], dtype=float) for i in range(3))
    return t, v, c.astype(np.int8), np.ones(t.shape, bool)


def test_quadrupling_every_two_days() -> None:
    found = expansions(*arrays([(1, 2, 0), (3, 8, 0), (5, 32, 0), (9, 1, 0)]))
    assert found.doubling_time[0] == pytest.approx(1.0, rel=1e-14)
    assert (found.n_points[0], found.first_time[0], found.last_time[0]) == (3, 1.0, 5.0)
    assert found.r2[0] == pytest.approx(1.0)
    assert found.used.tolist() == [[True, True, True, False]]


def test_a_line_that_misses_its_points() -> None:
    # log2 of 1, 2, 32 is 0, 1, 5: slope 2.5 doublings a day; R2 = 2.5^2 x 2 / (4 + 1 + 9)
    found = expansions(*arrays([(1, 1, 0), (2, 2, 0), (3, 32, 0)]))
    assert found.doubling_time[0] == pytest.approx(0.4, rel=1e-14)
    assert found.r2[0] == pytest.approx(12.5 / 14, rel=1e-14)


@pytest.mark.parametrize(
    ("points", "status"),
    [
        ([], expansion.NO_SAMPLE),
        ([(1, 1, -1), (3, 2, -1)], expansion.NOTHING),
        ([(1, 1, -1), (3, 8, 0), (5, 4, 0)], expansion.TOO_FEW),
        ([(1, 2, 0), (3, 8, 1), (5, 4, 0)], expansion.TOO_FEW),
        # a fall from day 0 that a peak a moment later does not make up for
        ([(0, 10, 0), (1, 1, 0), (1.1, 11, 0)], expansion.NOT_RISING),
    ],
)
def test_why_there_is_no_doubling_time(points: list[Sample], status: int) -> None:
    found = expansions(*arrays(points))
    assert (found.status[0], found.doubling_time[0], found.n_points[0]) == (status, 0.0, 0)


def test_values_below_the_limit_and_above_it_are_not_points() -> None:
    found = expansions(*arrays([(1, 2, 0), (2, 9, -1), (3, 8, 0), (5, 20, 1), (6, 25, 0)]))
    assert (found.n_points[0], found.doubling_time[0]) == (2, pytest.approx(1.0))


def test_first_quantifiable() -> None:
    found = first_quantifiable(*arrays([(1, 5, -1), (2, 0, 0), (3, 8, 0), (5, 20, 0)]))
    assert (found.found[0], found.value[0], found.time[0], found.index[0]) == (True, 8.0, 3.0, 2)
    assert not first_quantifiable(*arrays([(1, 5, -1)])).found[0]
    assert not first_quantifiable(*arrays([])).found[0]
