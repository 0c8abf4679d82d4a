"""Expansion phase of time courses, many at once: how fast, and how far.

Arrays are padded as in :mod:`correlates.stats.profiles`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from correlates.stats.log_line import log_lines
from correlates.stats.profiles import NONE, RIGHT, Codes, Floats, Ints, Mask, Points, some

DEFINED, NO_SAMPLE, NOTHING, TOO_FEW, NOT_RISING = 0, 1, 2, 3, 4
"""Why a doubling time is defined or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansions:
    """Regression lines of the expansion; every array has shape (m,) unless said otherwise. 0 where ``status`` is not 0.

    Attributes
    ----------
    doubling_time
        ln 2 over the slope.
    status
        0 defined; 1 no sample; 2 nothing quantifiable; 3 fewer than two points up to the peak; 4 not rising.
    n_points
        Points of the line.
    r2
        Coefficient of determination (1 with two points).
    first_time, last_time
        First and last point of the line.
    used
        The points of the line, (m, k).
    """

    doubling_time: Floats
    status: Codes
    n_points: Ints
    r2: Floats
    first_time: Floats
    last_time: Floats
    used: Mask


def first_quantifiable(times: Floats, values: Floats, censoring: Codes, select: Mask) -> Points:
    """The first selected sample of each profile at or above the lower limit and positive (shapes (m, k), result (m,))."""
    m, k = times.shape
    seen = select & (censoring >= NONE) & (values > 0)
    found = some(seen)
    if k == 0:
        nothing = np.zeros(m)
        return Points(
            found=found,
            value=nothing,
            censoring=np.zeros(m, dtype=np.int8),
            time=nothing,
            index=np.zeros(m, dtype=np.int64),
        )
    index = np.argmax(seen, axis=1).astype(np.int64)
    column = index[:, None]
    return Points(
        found=found,
        value=np.where(found, np.take_along_axis(values, column, axis=1)[:, 0], 0.0),
        censoring=np.where(found, np.take_along_axis(censoring, column, axis=1)[:, 0], 0).astype(np.int8),
        time=np.where(found, np.take_along_axis(times, column, axis=1)[:, 0], 0.0),
        index=index,
    )


def up_to_peak(values: Floats, censoring: Codes, select: Mask) -> Mask:
    """The points of the expansion: positive, uncensored, up to the peak and before any value above the upper limit.

    The peak is the first of the largest among quantified values and upper limits.
    """
    m, k = values.shape
    if k == 0:
        return np.zeros((m, 0), dtype=np.bool_)
    seen = select & (censoring >= NONE) & (values > 0)
    top = np.argmax(np.where(seen, values, -np.inf), axis=1)
    above = select & (censoring == RIGHT)
    first_above = np.where(some(above), np.argmax(above, axis=1), k)
    end = np.minimum(top, first_above)
    return np.asarray(seen & (censoring == NONE) & (np.arange(k)[None, :] <= end[:, None]), dtype=np.bool_)


def expansions(times: Floats, values: Floats, censoring: Codes, select: Mask) -> Expansions:
    r"""Doubling time by log-linear regression from the first quantifiable value to the peak, both included.

    Parameters
    ----------
    times, values, censoring
        Padded arrays (m, k); times ascending and without ties.
    select
        The samples that count, (m, k).

    Returns
    -------
    Expansions
        ``doubling_time = ln 2 / slope`` of the least-squares line of ln(value) on time.

    Notes
    -----
    Left-censored samples, and values that are not positive, are left out. The line ends before the first sample above
    the upper limit.

    Undefined when there is no sample, none is quantifiable, fewer than two points lie between the first quantifiable
    value and the peak (the peak is the first of them, say), or the line does not rise.
    """
    points = up_to_peak(values, censoring, select)
    line = log_lines(times, values, points)
    seen = some(select & (censoring >= NONE) & (values > 0))
    enough = points.sum(axis=1) >= 2
    defined = enough & line.rises
    status = np.where(
        ~some(select),
        NO_SAMPLE,
        np.where(~seen, NOTHING, np.where(~enough, TOO_FEW, np.where(defined, DEFINED, NOT_RISING))),
    ).astype(np.int8)
    return Expansions(
        doubling_time=np.divide(np.log(2.0), line.slope, out=np.zeros(line.slope.shape), where=defined),
        status=status,
        n_points=np.where(defined, line.n_points, 0),
        r2=np.where(defined, line.r2, 0.0),
        first_time=np.where(defined, line.first_time, 0.0),
        last_time=np.where(defined, line.last_time, 0.0),
        used=np.asarray(points & defined[:, None], dtype=np.bool_),
    )
