"""Second peaks of time courses, many at once: a fall to a nadir and a rise from it.

Arrays are padded as in :mod:`correlates.stats.profiles`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from correlates.stats.profiles import LEFT, NONE, Codes, Floats, Ints, Mask, Points, some

FOUND, NO_SAMPLE, NOTHING, NONE_FOUND = 0, 1, 2, 3
"""What was found: a second peak, no sample, nothing quantifiable, no second peak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebounds:
    """Second peaks; every array has shape (m,) unless said otherwise. 0 where ``status`` is not 0.

    Attributes
    ----------
    status
        0 a second peak; 1 no sample; 2 nothing quantifiable; 3 no second peak.
    first, nadir, second
        The peak before the nadir, the nadir (its value or its limit) and the peak after it.
    rise
        Second peak over nadir; at least this where the nadir is below its limit or the peak above it.
    rise_censoring
        Right where it is at least ``rise``.
    used
        The three samples, (m, k).
    """

    status: Codes
    first: Points
    nadir: Points
    second: Points
    rise: Floats
    rise_censoring: Codes
    used: Mask


def _points(times: Floats, values: Floats, censoring: Codes, index: Ints, found: Mask) -> Points:
    column = index[:, None]
    return Points(
        found=found,
        value=np.where(found, np.take_along_axis(values, column, axis=1)[:, 0], 0.0),
        censoring=np.where(found, np.take_along_axis(censoring, column, axis=1)[:, 0], 0).astype(np.int8),
        time=np.where(found, np.take_along_axis(times, column, axis=1)[:, 0], 0.0),
        index=np.where(found, index, 0).astype(np.int64),
    )


def rebounds(times: Floats, values: Floats, censoring: Codes, select: Mask, *, rise: float) -> Rebounds:
    """A second peak: where the values fall at least ``rise``-fold to a nadir and rise at least ``rise``-fold from it.

    For every sample as a nadir, the largest quantified value before it and the largest after it are set over its value (its
    limit, where it is below the limit; a raised limit can only hide a second peak, never make one). The nadir with the largest
    smaller one of the two quotients is taken, the first among equals; it is a second peak when that is at least ``rise``.

    Parameters
    ----------
    times, values, censoring
        Padded arrays (m, k); times ascending and without ties.
    select
        The samples that count, (m, k).
    rise
        The fold that fall and rise must reach, above 1.

    Returns
    -------
    Rebounds

    Notes
    -----
    Undefined without sample, or when nothing is quantifiable. Which of the two peaks is higher has no part in it: the second one
    is the later.
    """
    m, k = values.shape
    if k == 0:
        nothing, none = np.zeros(m), np.zeros(m, dtype=np.int64)
        points = Points(
            found=np.zeros(m, dtype=bool), value=nothing, censoring=none.astype(np.int8), time=nothing, index=none
        )
        return Rebounds(
            status=np.full(m, NO_SAMPLE, dtype=np.int8),
            first=points,
            nadir=points,
            second=points,
            rise=nothing,
            rise_censoring=none.astype(np.int8),
            used=np.zeros((m, 0), dtype=bool),
        )
    seen = select & (censoring >= NONE) & (values > 0)
    high = np.where(seen, values, 0.0)
    before = np.zeros((m, k))
    after = np.zeros((m, k))
    np.maximum.accumulate(high[:, :-1], axis=1, out=before[:, 1:])
    after[:, :-1] = np.maximum.accumulate(high[:, :0:-1], axis=1)[:, ::-1]
    low = select & (censoring <= NONE) & (values > 0)
    fold = np.divide(np.minimum(before, after), values, out=np.zeros((m, k)), where=low)
    index = np.argmax(fold, axis=1).astype(np.int64)
    best = np.take_along_axis(fold, index[:, None], axis=1)[:, 0]
    found = np.asarray(best >= rise, dtype=np.bool_)
    place = np.arange(k)[None, :]
    first = np.argmax(np.where(place < index[:, None], high, -1.0), axis=1).astype(np.int64)
    second = np.argmax(np.where(place > index[:, None], high, -1.0), axis=1).astype(np.int64)
    a, b, c = (_points(times, values, censoring, i, found) for i in (first, index, second))
    used = np.zeros((m, k), dtype=bool)
    rows = np.flatnonzero(found)
    for point in (a, b, c):
        used[rows, point.index[rows]] = True
    status = np.where(
        ~some(select), NO_SAMPLE, np.where(~some(seen), NOTHING, np.where(found, FOUND, NONE_FOUND))
    ).astype(np.int8)
    return Rebounds(
        status=status,
        first=a,
        nadir=b,
        second=c,
        rise=np.divide(c.value, b.value, out=np.zeros(m), where=found),
        rise_censoring=np.where(found & ((b.censoring == LEFT) | (c.censoring > NONE)), 1, 0).astype(np.int8),
        used=used,
    )
