"""Contraction, second peaks and loss of detection: by hand, and what is undefined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from correlates.stats import contraction, detection_loss, rebound
from correlates.stats.contraction import contractions
from correlates.stats.detection_loss import losses
from correlates.stats.rebound import rebounds


def batch(*profiles: list[tuple[float, ...]]) -> tuple[Any, ...]:
    """Padded arrays of (time, value[, code])."""
    k = max(map(len, profiles), default=0)
    t, v, c, ok = (np.zeros((len(profiles), k)) for _ in range(4))
    for i, points in enumerate(profiles):
        for j, (time, value, *code) in enumerate(points):
            t[i, j], v[i, j], c[i, j], ok[i, j] = time, value, code[0] if code else 0, 1
    return t, v, c.astype(np.int8), ok.astype(bool)


HALVING = [(3.0, 10.0), (7.0, 64.0), (14.0, 32.0), (21.0, 16.0), (28.0, 8.0), (90.0, 7.0)]


def test_a_halving_contraction() -> None:
    found = contractions(*batch(HALVING), within=21.0)
    assert found.half_life[0] == pytest.approx(7.0, rel=1e-14)
    assert (found.n_points[0], found.first_time[0], found.last_time[0]) == (4, 7.0, 28.0)
    assert found.r2[0] == pytest.approx(1.0)
    assert found.used[0].tolist() == [False, True, True, True, True, False]
    longer = contractions(*batch(HALVING), within=83.0)
    assert longer.n_points[0] == 5
    assert longer.half_life[0] > 7.0


@pytest.mark.parametrize(
    ("points", "status"),
    [
        ([], contraction.NO_SAMPLE),
        ([(7.0, 1.0, -1), (14.0, 1.0, -1)], contraction.NOTHING),
        ([(7.0, 9.0)], contraction.TOO_FEW),
        ([(7.0, 1.0), (14.0, 9.0)], contraction.TOO_FEW),
        ([(7.0, 9.0), (29.0, 2.0)], contraction.TOO_FEW),
        ([(7.0, 9.0), (14.0, 9.0)], contraction.NOT_DECLINING),
        ([(7.0, 9.0, 1), (14.0, 5.0), (21.0, 2.0)], contraction.PEAK_ABOVE),
        ([(7.0, 9.0), (14.0, 3.0, -1)], contraction.TOO_FEW),
    ],
)
def test_no_contraction(points: list[tuple[float, ...]], status: int) -> None:
    found = contractions(*batch(points, HALVING), within=21.0)
    assert found.status.tolist() == [status, contraction.DEFINED]
    assert (found.half_life[0], found.n_points[0]) == (0.0, 0)
    assert not found.used[0].any()


def test_a_second_peak_after_a_deep_nadir() -> None:
    points = [(3.0, 10.0), (7.0, 90.0), (14.0, 20.0), (28.0, 5.0), (60.0, 40.0), (90.0, 6.0)]
    found = rebounds(*batch(points), rise=3.0)
    assert (found.first.value[0], found.nadir.value[0], found.second.value[0]) == (90.0, 5.0, 40.0)
    assert (found.second.time[0], found.rise[0], found.rise_censoring[0]) == (60.0, 8.0, 0)
    assert found.used[0].tolist() == [False, True, False, True, True, False]
    assert rebounds(*batch(points), rise=8.1).status[0] == rebound.NONE_FOUND
    assert rebounds(*batch(points), rise=8.0).status[0] == rebound.FOUND


def test_the_second_peak_may_be_the_higher_one() -> None:
    found = rebounds(*batch([(7.0, 30.0), (14.0, 4.0), (28.0, 300.0), (60.0, 100.0)]), rise=3.0)
    assert (found.first.time[0], found.nadir.time[0], found.second.time[0]) == (7.0, 14.0, 28.0)


def test_a_nadir_below_the_limit_counts_at_its_limit() -> None:
    found = rebounds(*batch([(7.0, 30.0), (14.0, 4.0, -1), (28.0, 40.0)]), rise=3.0)
    assert (found.rise[0], found.rise_censoring[0], found.nadir.censoring[0]) == (10.0, 1, -1)
    raised = rebounds(*batch([(7.0, 30.0), (14.0, 20.0, -1), (28.0, 40.0)]), rise=3.0)
    assert raised.status[0] == rebound.NONE_FOUND


@pytest.mark.parametrize(
    ("points", "status"),
    [
        ([], rebound.NO_SAMPLE),
        ([(7.0, 3.0, -1), (14.0, 3.0, -1)], rebound.NOTHING),
        ([(7.0, 9.0)], rebound.NONE_FOUND),
        ([(7.0, 9.0), (14.0, 1.0)], rebound.NONE_FOUND),
        ([(3.0, 1.0), (7.0, 9.0), (14.0, 1.0)], rebound.NONE_FOUND),
        ([(3.0, 9.0), (7.0, 0.0), (14.0, 9.0)], rebound.NONE_FOUND),
    ],
)
def test_no_second_peak(points: list[tuple[float, ...]], status: int) -> None:
    found = rebounds(*batch(points, HALVING), rise=3.0)
    assert found.status.tolist() == [status, rebound.NONE_FOUND]
    assert (found.second.value[0], found.rise[0]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("points", "status", "positive", "negative"),
    [
        ([], detection_loss.NO_SAMPLE, None, None),
        ([(7.0, 1.0, -1), (14.0, 1.0, -1)], detection_loss.NEVER_DETECTED, None, 7.0),
        ([(7.0, 9.0), (14.0, 1.0, -1), (28.0, 1.0, -1)], detection_loss.LOST, 7.0, 14.0),
        ([(7.0, 9.0), (14.0, 1.0, -1), (28.0, 9.0), (90.0, 1.0, -1)], detection_loss.LOST, 28.0, 90.0),
        ([(7.0, 9.0), (14.0, 1.0, -1), (28.0, 9.0)], detection_loss.STILL_DETECTED, 28.0, None),
        ([(7.0, 9.0, 1), (14.0, 1.0, -1)], detection_loss.LOST, 7.0, 14.0),
    ],
)
def test_loss_of_detection(points: Any, status: int, positive: float | None, negative: float | None) -> None:
    found = losses(*batch(points, HALVING))
    assert found.status.tolist() == [status, detection_loss.STILL_DETECTED]
    for point, expected in ((found.last_positive, positive), (found.first_negative, negative)):
        assert (point.found[0], point.time[0]) == (expected is not None, expected or 0.0)


def test_no_samples_at_all() -> None:
    arrays = batch([], [])
    assert contractions(*arrays, within=21.0).status.tolist() == [contraction.NO_SAMPLE] * 2
    assert rebounds(*arrays, rise=3.0).status.tolist() == [rebound.NO_SAMPLE] * 2
    assert losses(*arrays).status.tolist() == [detection_loss.NO_SAMPLE] * 2


def test_the_longer_the_window_the_more_persistence_is_in_the_contraction() -> None:
    """Stein 2019, typical values, sampled daily: contraction 4.33 days; the figures are those of the methods page."""
    alpha, beta, share, top = 0.16, 0.0032, 0.0079, 9.3
    days = np.concatenate([[5.0], top + np.arange(60.0)])
    after = days - top
    fall = (1 - share) * np.exp(-alpha * after) + share * np.exp(-beta * after)
    values = np.where(after < 0, 0.2, fall)
    points = [list(zip(days.tolist(), values.tolist(), strict=True))]
    found = [contractions(*batch(*points), within=w).half_life[0] for w in (14.0, 21.0, 28.0)]
    assert found == pytest.approx([4.45, 4.56, 4.78], abs=0.005)
