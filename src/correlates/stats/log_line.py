"""Least-squares lines of ln(value) on time through marked points of time courses, many at once.

Arrays are padded as in :mod:`correlates.stats.profiles`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from correlates.stats.profiles import Floats, Ints, Mask

ROUNDING = 1e-12
"""A change of the logarithm over a line that is smaller than this is rounding, not rise or decline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLines:
    """One line per profile; every array has shape (m,). 0 where a profile has fewer than two points.

    Attributes
    ----------
    slope
        Of ln(value), 1 / time.
    n_points
        Points of the line.
    r2
        Coefficient of determination (1 with two points).
    first_time, last_time
        First and last point.
    rises, declines
        Whether the line goes up, or down, by more than rounding.
    """

    slope: Floats
    n_points: Ints
    r2: Floats
    first_time: Floats
    last_time: Floats
    rises: Mask
    declines: Mask


def log_lines(times: Floats, values: Floats, points: Mask) -> LogLines:
    """Lines through the marked points, which must be positive (shapes (m, k), results (m,))."""
    m = times.shape[0]
    n = points.sum(axis=1).astype(np.int64)
    share = 1.0 / np.maximum(n, 1)
    logs = np.log(np.where(points, values, 1.0))
    x = np.where(points, times - (np.where(points, times, 0.0).sum(axis=1) * share)[:, None], 0.0)
    y = np.where(points, logs - (logs.sum(axis=1) * share)[:, None], 0.0)
    sxx, sxy, syy = (x * x).sum(axis=1), (x * y).sum(axis=1), (y * y).sum(axis=1)
    enough = n >= 2
    slope = np.divide(sxy, sxx, out=np.zeros(m), where=enough & (sxx > 0))
    first = np.where(enough, np.min(np.where(points, times, np.inf), axis=1, initial=np.inf), 0.0)
    final = np.where(enough, np.max(np.where(points, times, -np.inf), axis=1, initial=-np.inf), 0.0)
    change = slope * (final - first)
    return LogLines(
        slope=slope,
        n_points=np.where(enough, n, 0),
        r2=np.clip(np.divide(sxy * slope, syy, out=np.zeros(m), where=enough & (syy > 0)), 0.0, 1.0),
        first_time=first,
        last_time=final,
        rises=np.asarray(change > ROUNDING, dtype=np.bool_),
        declines=np.asarray(change < -ROUNDING, dtype=np.bool_),
    )
