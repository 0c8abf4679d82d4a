"""Terminal lines and areas to infinity by hand."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats import terminal
from correlates.stats.terminal import infinite_areas, terminal_slopes


def batch(*profiles: list[tuple[float, float, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Padded arrays from (time, value, censoring) by profile; what stands beyond a profile must not matter."""
    m, k = len(profiles), max(map(len, profiles))
    t, v = np.full((m, k), 1e9), np.full((m, k), 1e9)
    c, valid = np.zeros((m, k), np.int8), np.zeros((m, k), bool)
    for i, points in enumerate(profiles):
        for j, (time, value, code) in enumerate(points):
            t[i, j], v[i, j], c[i, j], valid[i, j] = time, value, code, True
    return t, v, c, valid


def exact(*pairs: tuple[float, float]) -> list[tuple[float, float, int]]:
    return [(t, v, 0) for t, v in pairs]


HALVING = exact((0, 0.0), (7, 64.0), (14, 32.0), (21, 16.0), (28, 8.0))


def test_halving_every_week() -> None:
    found = terminal_slopes(*batch(HALVING))
    assert found.status.tolist() == [terminal.DEFINED]
    assert found.half_life[0] == pytest.approx(7.0, rel=1e-14)
    assert found.lambda_z[0] == pytest.approx(0.09902102579427789, rel=1e-14)  # ln 2 / 7
    assert (found.n_points[0], found.n_after_peak[0]) == (3, 3)
    assert (found.first_time[0], found.last_time[0], found.last_value[0]) == (14.0, 28.0, 8.0)
    assert found.span[0] == pytest.approx(2.0)
    assert found.adjusted_r2[0] == pytest.approx(1.0)
    assert found.used.tolist() == [[False, False, True, True, True]]


def test_area_to_infinity_of_halvings() -> None:
    # triangle 7 x 64 / 2 = 224, falls 7 (64 - 8) / ln 2 = 392 / ln 2, tail 8 / (ln 2 / 7) = 56 / ln 2
    found = infinite_areas(*batch(HALVING), window=(0.0, 28.0))
    assert found.area[0] == pytest.approx(870.3273783182556, rel=1e-14)
    assert found.share[0] == pytest.approx(0.092828198, rel=1e-8)
    assert found.censoring[0] == 0
    # from day 7 on, everything is the exponential 64 x 7 / ln 2
    late = infinite_areas(*batch(HALVING), window=(7.0, 28.0))
    assert late.area[0] == pytest.approx(646.3273783182556, rel=1e-14)


def test_an_area_to_infinity_needs_the_start_of_its_window() -> None:
    found = infinite_areas(*batch(HALVING[1:]), window=(3.0, 28.0), at_start="null")
    assert found.status.tolist() == [terminal.UNCOVERED]
    assert (found.area[0], found.share[0], found.used.any()) == (0.0, 0.0, False)


def test_values_below_the_limit_are_left_out_and_end_nothing() -> None:
    low = [*HALVING[:3], (17.0, 5.0, -1), *HALVING[3:], (60.0, 5.0, -1), (90.0, 5.0, -1)]
    slopes = terminal_slopes(*batch(low))
    assert slopes.half_life[0] == pytest.approx(7.0, rel=1e-14)
    assert slopes.last_time[0] == 28.0
    area = infinite_areas(*batch(low), window=(0.0, 90.0), between="drop")
    assert area.area[0] == pytest.approx(870.3273783182556, rel=1e-14)


def test_most_points_among_lines_that_fit_alike() -> None:
    found = terminal_slopes(*batch(exact((7, 64.0), (8, 32.0), (9, 16.0), (10, 8.0), (11, 4.0), (12, 2.0))))
    assert (found.n_points[0], found.first_time[0]) == (5, 8.0)


def test_the_straight_end_is_taken_from_a_bent_decline() -> None:
    found = terminal_slopes(*batch(exact((7, 4096.0), (8, 256.0), (14, 32.0), (28, 16.0), (42, 8.0))))
    assert (found.n_points[0], found.n_after_peak[0], found.half_life[0]) == (3, 4, pytest.approx(14.0, rel=1e-14))


@pytest.mark.parametrize(
    ("points", "status"),
    [
        ([], terminal.NO_SAMPLE),
        ([(7.0, 1.0, -1), (14.0, 1.0, -1)], terminal.NOTHING),
        (exact((7, 0.0), (14, 0.0), (21, -1.0)), terminal.NOTHING),
        (exact((7, 64.0), (14, 32.0), (21, 16.0)), terminal.TOO_FEW),
        (exact((7, 1.0), (14, 2.0), (21, 4.0), (28, 8.0)), terminal.TOO_FEW),
        ([(7.0, 64.0, 0), (14.0, 32.0, 0), (21.0, 16.0, 0), (28.0, 8.0, -1)], terminal.TOO_FEW),
        (exact((7, 64.0), (14, 5.0), (21, 5.0), (28, 5.0)), terminal.NOT_DECLINING),
        (exact((7, 64.0), (14, 5.1), (21, 9.3), (28, 5.1)), terminal.NOT_DECLINING),
        (exact((7, 64.0), (14, 4.0), (21, 5.0), (28, 6.0)), terminal.NOT_DECLINING),
        # the line through all four falls, but the last three rise almost exactly exponentially and fit better
        (exact((7, 64.0), (14, 20.0), (21, 3.0), (28, 4.1), (35, 5.9)), terminal.NOT_DECLINING),
    ],
)
def test_why_there_is_no_slope(points: list[tuple[float, float, int]], status: int) -> None:
    arrays = batch(points, HALVING)
    slopes = terminal_slopes(*arrays)
    areas = infinite_areas(*arrays, window=(0.0, 60.0))
    assert slopes.status.tolist() == [status, terminal.DEFINED]
    assert areas.status.tolist() == [status, terminal.DEFINED]
    assert (slopes.lambda_z[0], slopes.half_life[0], slopes.span[0], areas.area[0]) == (0.0, 0.0, 0.0, 0.0)
    assert not slopes.used[0].any()
    assert slopes.half_life[1] == pytest.approx(7.0)


def test_the_line_starts_after_the_last_value_above_the_upper_limit() -> None:
    above = [(5.0, 60.0, 1), (7.0, 64.0, 0), (8.0, 60.0, 1), *HALVING[2:]]
    found = infinite_areas(*batch(above), window=(0.0, 28.0), at_start="zero")
    assert found.slopes.first_time[0] == 14.0
    assert found.censoring[0] == 1


def test_the_first_of_equal_peaks_counts() -> None:
    found = terminal_slopes(*batch(exact((7, 64.0), (8, 64.0), (15, 32.0), (22, 16.0))))
    assert found.n_after_peak[0] == 3


def test_no_columns_and_no_rows() -> None:
    empty = np.zeros((2, 0))
    got = infinite_areas(empty, empty, empty.astype(np.int8), empty.astype(bool), window=(0.0, 28.0))
    assert got.status.tolist() == [terminal.NO_SAMPLE] * 2
    nothing = np.zeros((0, 3))
    assert terminal_slopes(nothing, nothing, nothing.astype(np.int8), nothing.astype(bool)).status.shape == (0,)
