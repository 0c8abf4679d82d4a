"""Contraction of time courses, many at once: how fast they fall from their peak.

Arrays are padded as in :mod:`correlates.stats.profiles`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from correlates.stats.log_line import log_lines
from correlates.stats.profiles import NONE, RIGHT, Codes, Floats, Ints, Mask, some

DEFINED, NO_SAMPLE, NOTHING, TOO_FEW, NOT_DECLINING, PEAK_ABOVE = 0, 1, 2, 3, 4, 5
"""Why a contraction half-life is defined or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contractions:
    """Regression lines of the contraction; every array has shape (m,) unless said otherwise. 0 where ``status`` is not 0.

    Attributes
    ----------
    half_life
        ln 2 over minus the slope.
    status
        0 defined; 1 no sample; 2 nothing quantifiable; 3 fewer than two points from the peak on; 4 not declining; 5 a sample is
        above the upper limit, so that nobody knows where the peak is.
    n_points
        Points of the line, the peak included.
    r2
        Coefficient of determination (1 with two points).
    first_time, last_time
        Time of the peak, and of the last point of the line.
    used
        The points of the line, (m, k).
    """

    half_life: Floats
    status: Codes
    n_points: Ints
    r2: Floats
    first_time: Floats
    last_time: Floats
    used: Mask


def contractions(times: Floats, values: Floats, censoring: Codes, select: Mask, *, within: float) -> Contractions:
    r"""Half-life of the contraction by log-linear regression from the peak, included, to ``within`` days after it.

    Parameters
    ----------
    times, values, censoring
        Padded arrays (m, k); times ascending and without ties.
    select
        The samples that count, (m, k).
    within
        Longest time after the peak of a point of the line.

    Returns
    -------
    Contractions
        ``half_life = -ln 2 / slope`` of the least-squares line of ln(value) on time.

    Notes
    -----
    The peak is the first of the largest quantified values. Left-censored samples, and values that are not positive, are left out.
    A second expansion within ``within`` bends the line, which R2 tells.

    Undefined when there is no sample, none is quantifiable, a sample is above the upper limit, fewer than two points lie on the
    line, or it does not decline.
    """
    k = values.shape[1]
    seen = select & (censoring >= NONE) & (values > 0)
    if k == 0:
        points = seen
    else:
        top = np.argmax(np.where(seen, values, -np.inf), axis=1)
        peak_time = np.take_along_axis(times, top[:, None], axis=1)
        late = (np.arange(k)[None, :] >= top[:, None]) & (times <= peak_time + within)
        points = np.asarray(seen & late, dtype=np.bool_)
    line = log_lines(times, values, points)
    enough, above = points.sum(axis=1) >= 2, some(select & (censoring == RIGHT))
    defined = enough & line.declines & ~above
    few = np.where(enough, np.where(defined, DEFINED, NOT_DECLINING), TOO_FEW)
    status = np.where(~some(select), NO_SAMPLE, np.where(above, PEAK_ABOVE, np.where(~some(seen), NOTHING, few)))
    return Contractions(
        half_life=np.divide(-np.log(2.0), line.slope, out=np.zeros(line.slope.shape), where=defined),
        status=status.astype(np.int8),
        n_points=np.where(defined, line.n_points, 0),
        r2=np.where(defined, line.r2, 0.0),
        first_time=np.where(defined, line.first_time, 0.0),
        last_time=np.where(defined, line.last_time, 0.0),
        used=np.asarray(points & defined[:, None], dtype=np.bool_),
    )
