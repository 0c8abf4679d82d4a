"""Time courses, many at once: their peak, their last values, and the quotient of censored numbers.

A batch of ``m`` profiles stands in padded arrays ``(m, k)``: ``times`` ascending within the valid part of a row,
``values``, ``censoring`` (-1 at most the value, 0 the value itself, +1 at least the value) and a mask ``valid``. What
stands where the mask is false is never read. Every function takes the mask of the samples it shall look at, so a window
is a mask too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int8]
Mask = NDArray[np.bool_]

LEFT, NONE, RIGHT = -1, 0, 1
"""Censoring codes: at most the value, the value, at least the value."""

QUOTIENT_DEFINED, QUOTIENT_UNBOUNDED, QUOTIENT_DENOMINATOR, QUOTIENT_SIGN = 0, 1, 2, 3
"""Why a quotient is defined or not: see :func:`quotient`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """One sample chosen per profile; every array has shape (m,). Where ``found`` is false the others are 0.

    Attributes
    ----------
    found
        Whether the profile has such a sample.
    value
        Its value, or the limit it is censored at.
    censoring
        Its censoring code.
    time
        Its time.
    index
        Its column in the padded arrays.
    """

    found: Mask
    value: Floats
    censoring: Codes
    time: Floats
    index: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """Maxima of profiles; every array has shape (m,).

    Attributes
    ----------
    point
        The maximum and where it lies.
    hidden
        Largest limit among the left-censored samples where it exceeds a quantified maximum, else 0: the true maximum
        then lies between the reported one and this limit.
    """

    point: Points
    hidden: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotients:
    """Quotients of censored numbers; every array has shape (m,). ``value`` is 0 where ``status`` is not 0."""

    value: Floats
    censoring: Codes
    status: Codes


def pad(flat: NDArray[np.generic], row: Ints, column: Ints, shape: tuple[int, int]) -> NDArray[np.generic]:
    """A flat array as a padded one: element i goes to ``(row[i], column[i])``, everything else is 0."""
    padded = np.zeros(shape, dtype=flat.dtype)
    padded[row, column] = flat
    return padded


def some(mask: Mask) -> Mask:
    """Whether any sample of each profile is in the mask: (m, k) to (m,)."""
    return np.asarray(np.any(mask, axis=1), dtype=np.bool_)


def _at(times: Floats, values: Floats, censoring: Codes, index: Ints, found: Mask) -> Points:
    if times.shape[1] == 0:
        m = times.shape[0]
        return Points(
            found=np.zeros(m, dtype=bool),
            value=np.zeros(m),
            censoring=np.zeros(m, dtype=np.int8),
            time=np.zeros(m),
            index=np.zeros(m, dtype=np.int64),
        )
    column = index[:, None]
    return Points(
        found=found,
        value=np.where(found, np.take_along_axis(values, column, axis=1)[:, 0], 0.0),
        censoring=np.where(found, np.take_along_axis(censoring, column, axis=1)[:, 0], 0).astype(np.int8),
        time=np.where(found, np.take_along_axis(times, column, axis=1)[:, 0], 0.0),
        index=np.where(found, index, 0).astype(np.int64),
    )


def last(times: Floats, values: Floats, censoring: Codes, select: Mask) -> Points:
    """The last selected sample of each profile (shapes (m, k), result (m,))."""
    m, k = times.shape
    if k == 0:
        return _at(times, values, censoring, np.zeros(m, dtype=np.int64), np.zeros(m, dtype=bool))
    index = k - 1 - np.argmax(select[:, ::-1], axis=1)
    return _at(times, values, censoring, index.astype(np.int64), some(select))


def last_quantifiable(times: Floats, values: Floats, censoring: Codes, select: Mask) -> Points:
    """The last selected sample at or above the lower limit (not left-censored): Clast and Tlast."""
    return last(times, values, censoring, select & (censoring >= NONE))


def peak(times: Floats, values: Floats, censoring: Codes, select: Mask) -> Peaks:
    """The maximum of each profile, with what is known of it when samples are censored.

    Parameters
    ----------
    times, values, censoring
        Padded arrays (m, k).
    select
        The samples of the window, (m, k).

    Returns
    -------
    Peaks
        - Any sample right-censored: the maximum is at least the largest of the quantified values and upper limits, so it
          is right-censored there.
        - Otherwise, any sample quantified: the largest quantified value, uncensored. ``hidden`` names a larger lower
          limit of another sample, under which a higher value may be hidden.
        - All samples left-censored: each is at most its limit, so the maximum is at most the largest limit:
          left-censored there.
        Among equals the earliest sample is taken.

    Notes
    -----
    Undefined when the window has no sample (``found`` is false).
    """
    m, k = times.shape
    if k == 0:
        nothing = last(times, values, censoring, select)
        return Peaks(point=nothing, hidden=np.zeros(m))
    left = select & (censoring == LEFT)
    seen = select & (censoring >= NONE)
    quantified = some(seen)
    use = np.where(quantified[:, None], seen, left)
    index = np.argmax(np.where(use, values, -np.inf), axis=1).astype(np.int64)
    point = _at(times, values, censoring, index, some(use))
    above = some(select & (censoring == RIGHT))
    code = np.where(above, RIGHT, np.where(quantified, NONE, LEFT))
    limit = np.max(np.where(left, values, -np.inf), axis=1)
    hides = quantified & ~above & (limit > point.value)
    return Peaks(
        point=Points(
            found=point.found,
            value=point.value,
            censoring=np.where(point.found, code, 0).astype(np.int8),
            time=point.time,
            index=point.index,
        ),
        hidden=np.where(hides, limit, 0.0),
    )


def peak_gaps(times: Floats, valid: Mask, point: Points, *, origin: float = 0.0) -> tuple[Floats, Floats]:
    """How far the samples beside a chosen one lie from it (shapes (m, k), results (m,)).

    Returns
    -------
    before, after
        Time since the sample before, or since ``origin`` (the infusion) where that lies between or no sample came before; time to
        the next sample, infinite where none follows. 0 where no sample was chosen.
    """
    earlier = valid & (times < point.time[:, None])
    later = valid & (times > point.time[:, None])
    before = np.max(np.where(earlier, times, -np.inf), axis=1, initial=-np.inf)
    before = np.where(point.time > origin, np.maximum(before, origin), before)
    after = np.min(np.where(later, times, np.inf), axis=1, initial=np.inf)
    return np.where(point.found, point.time - before, 0.0), np.where(point.found, after - point.time, 0.0)


def quotient(numerator: Floats, numerator_code: Codes, denominator: Floats, denominator_code: Codes) -> Quotients:
    r"""Numerator over denominator when either may be censored.

    A bound of a part is a bound of the quotient of positive numbers: with a <= A, a/b <= A/b; with b <= B, a/b >= a/B.

    ========= ============ ============= =============
    a \ b     b known      b at most B   b at least B
    ========= ============ ============= =============
    known     none         right         left
    at most   left         no bound      left
    at least  right        right         no bound
    ========= ============ ============= =============

    Parameters
    ----------
    numerator, denominator
        Values or limits, shape (m,).
    numerator_code, denominator_code
        Censoring codes, shape (m,).

    Returns
    -------
    Quotients
        ``status`` is 0 where it is defined, 1 where both parts are censored on the same side (no bound), 2 where the
        denominator or its limit is not positive, 3 where a part is censored and the numerator is negative (a bound of
        a negative number does not carry over).
    """
    parts = numerator_code.astype(np.int8) - denominator_code.astype(np.int8)
    code = np.sign(parts).astype(np.int8)
    both = (numerator_code != NONE) & (numerator_code == denominator_code)
    censored = (numerator_code != NONE) | (denominator_code != NONE)
    status = np.where(
        denominator <= 0,
        QUOTIENT_DENOMINATOR,
        np.where(
            both,
            QUOTIENT_UNBOUNDED,
            np.where(censored & (numerator < 0), QUOTIENT_SIGN, QUOTIENT_DEFINED),
        ),
    ).astype(np.int8)
    fine = status == QUOTIENT_DEFINED
    value = np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=fine)
    return Quotients(value=value, censoring=np.where(fine, code, 0).astype(np.int8), status=status)
