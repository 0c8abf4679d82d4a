"""Peaks, last values and quotients of censored numbers."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.profiles import Peaks, last, last_quantifiable, peak, quotient


def of(values: list[float], codes: list[int]) -> Peaks:
    t = np.arange(len(values), dtype=float)[None, :]
    return peak(
        t,
        np.array([values], dtype=float).reshape(1, -1),
        np.array([codes], np.int8).reshape(1, -1),
        np.ones(t.shape, bool),
    )


@pytest.mark.parametrize(
    ("values", "codes", "value", "code", "time", "hidden"),
    [
        ([1, 5, 3], [0, 0, 0], 5, 0, 1, 0),
        ([5, 5, 3], [0, 0, 0], 5, 0, 0, 0),  # the first among equals
        ([1, 2, 2], [-1, -1, -1], 2, -1, 1, 0),  # at most the largest limit
        ([1, 5, 9], [0, 0, -1], 5, 0, 1, 9),  # a higher value may hide below the limit of 9
        ([1, 5, 5], [0, 0, -1], 5, 0, 1, 0),
        ([1, 5, 9], [0, 0, 1], 9, 1, 2, 0),  # at least the upper limit
        ([1, 12, 9], [0, 0, 1], 12, 1, 1, 0),  # at least the larger quantified value
        ([20, 9, 8], [-1, 1, 1], 9, 1, 1, 0),
        ([-3, -1, -2], [0, 0, 0], -1, 0, 1, 0),  # a logarithmic unit
    ],
)
def test_peak(values: list[float], codes: list[int], value: float, code: int, time: float, hidden: float) -> None:
    found = of(values, codes)
    got = (found.point.value[0], found.point.censoring[0], found.point.time[0], found.hidden[0])
    assert got == (value, code, time, hidden)


def test_peak_of_nothing() -> None:
    assert not of([], []).point.found[0]
    t = np.zeros((1, 3))
    found = peak(t, t, t.astype(np.int8), np.zeros((1, 3), bool))
    assert (found.point.found[0], found.point.value[0], found.hidden[0]) == (False, 0, 0)


def test_last_and_last_quantifiable() -> None:
    t = np.array([[0.0, 7, 14, 28]])
    v = np.array([[1.0, 8, 3, 1]])
    c = np.array([[-1, 0, 1, -1]], np.int8)
    every = np.ones(t.shape, bool)
    assert last(t, v, c, every).time[0] == 28
    found = last_quantifiable(t, v, c, every)
    assert (found.time[0], found.value[0], found.censoring[0], found.index[0]) == (14, 3, 1, 2)
    assert not last_quantifiable(t, v, c, c < 0).found[0]


# what follows for a / b from bounds of a and b, written out for a = 6, b = 2
@pytest.mark.parametrize(
    ("a", "b", "code", "status"),
    [
        (0, 0, 0, 0),  # 6 / 2
        (-1, 0, -1, 0),  # at most 6, over 2
        (1, 0, 1, 0),  # at least 6, over 2
        (0, -1, 1, 0),  # 6 over at most 2
        (0, 1, -1, 0),  # 6 over at least 2
        (-1, 1, -1, 0),  # at most 6, over at least 2
        (1, -1, 1, 0),  # at least 6, over at most 2
        (-1, -1, 0, 1),  # anything
        (1, 1, 0, 1),  # anything
    ],
)
def test_quotient_of_all_nine_combinations(a: int, b: int, code: int, status: int) -> None:
    one = np.ones(1)
    got = quotient(6 * one, one.astype(np.int8) * np.int8(a), 2 * one, one.astype(np.int8) * np.int8(b))
    assert (got.value[0], got.censoring[0], got.status[0]) == (3.0 if status == 0 else 0.0, code, status)


@pytest.mark.parametrize(
    ("numerator", "denominator", "code", "status"), [(1, 0, 0, 2), (1, -2, 0, 2), (-1, 2, -1, 3), (-1, 2, 0, 0)]
)
def test_quotient_of_unusual_numbers(numerator: float, denominator: float, code: int, status: int) -> None:
    one = np.ones(1)
    none = np.zeros(1, np.int8)
    assert quotient(numerator * one, none + np.int8(code), denominator * one, none).status[0] == status
