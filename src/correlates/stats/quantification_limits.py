"""Limits of quantification of fitted calibration curves: by their precision profile, and by the interval of their asymptotes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats, Ints, where
from correlates.stats.logistic_curve import LogisticCurves, inverse, precision_profile

_GRID = 129  # doses, even on the log scale
_HALVINGS = 45  # of the step of the grid: 1e-14 of it


def cv_limits(
    curves: LogisticCurves, lowest: npt.ArrayLike, highest: npt.ArrayLike, replicates: npt.ArrayLike, cv: float
) -> tuple[Floats, Floats]:
    """The range over which the predicted CV of the concentration is at most ``cv``.

    Parameters
    ----------
    curves
        n calibrations.
    lowest, highest
        (n,) doses to stay between: the lowest and highest standard. NaN for a curve to leave out.
    replicates
        (n,) wells in the mean that is read off.
    cv
        Percent.

    Returns
    -------
    tuple
        Lower and upper limit, (n,); NaN where the CV is above ``cv`` throughout, or there is no curve. The CV of a logistic curve falls
        from the lower asymptote and rises to the upper one; should it rise above ``cv`` in between, the widest range is taken.

    Notes
    -----
    CV: :func:`correlates.stats.logistic_curve.precision_profile`. On 129 doses even on the log scale, then each end by bisection.
    """
    low, high = np.asarray(lowest, dtype=np.float64), np.asarray(highest, dtype=np.float64)
    able = np.isfinite(low) & np.isfinite(high) & np.isfinite(curves.parameters).all(axis=1)
    low, high = where(able, low, 1.0), where(able, high, 1.0)
    step = (np.log(high) - np.log(low)) / (_GRID - 1)
    grid = np.log(low)[:, None] + np.arange(_GRID) * step[:, None]
    wells = np.asarray(replicates, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        fine = precision_profile(curves, np.exp(grid), wells) <= cv
    first, last = _widest(fine & able[:, None])
    found = first >= 0
    rows = np.arange(low.size)

    def end(at: Ints, outward: int) -> Floats:
        """The dose within a step of the grid beyond its last fine dose, where the CV reaches the limit; that dose at the end."""
        inside = grid[rows, np.maximum(at, 0)]
        outside = inside + outward * where((at + outward >= 0) & (at + outward < _GRID), step, 0.0)
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2.0
            with np.errstate(invalid="ignore"):
                good = precision_profile(curves, np.exp(middle)[:, None], wells)[:, 0] <= cv
            inside, outside = where(good, middle, inside), where(good, outside, middle)
        return np.asarray(np.exp(inside), dtype=np.float64)

    return (
        where(found, where(first == 0, low, end(first, -1)), np.nan),
        where(found, where(last == _GRID - 1, high, end(last, 1)), np.nan),
    )


def _widest(fine: Bools) -> tuple[Ints, Ints]:
    """First and last column of the longest run of true in each row; -1 where there is none."""
    n, m = fine.shape
    run, best = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    last = np.full(n, -1, dtype=np.int64)
    for column in range(m):
        run = np.where(fine[:, column], run + 1, 0)
        longer = run > best
        best, last = np.where(longer, run, best), np.where(longer, column, last)
    return np.where(best > 0, last - best + 1, -1), last


def asymptote_limits(
    curves: LogisticCurves, lowest: npt.ArrayLike, highest: npt.ArrayLike, confidence: float
) -> tuple[Floats, Floats]:
    """The range over which the curve lies beyond the confidence limits of both its asymptotes.

    Parameters
    ----------
    curves, lowest, highest
        As in :func:`cv_limits`.
    confidence
        Level of the intervals of the asymptotes, t(df) and their standard errors.

    Returns
    -------
    tuple
        Lower and upper limit, (n,), within ``lowest`` and ``highest``; NaN where the intervals meet, or there is no covariance.

    Notes
    -----
    Of a rising curve the lower limit is the dose whose response is the upper confidence limit of the lower asymptote, and the upper
    limit the dose whose response is the lower confidence limit of the upper asymptote.

    References
    ----------
    Sanz H et al., drLumi, PLoS ONE 2017;12:e0187901 (interval method; there, on the log scale and by default with the prediction
    band of the curve in place of the curve).
    """
    from scipy.special import stdtrit

    low, high = np.asarray(lowest, dtype=np.float64), np.asarray(highest, dtype=np.float64)
    ends, se = curves.asymptotes
    half = stdtrit(np.maximum(curves.df, 1), 0.5 + confidence / 2.0)[:, None] * se
    with np.errstate(invalid="ignore"):
        toward = np.sign(ends[:, 1] - ends[:, 0])
        near, far = ends[:, 0] + toward * half[:, 0], ends[:, 1] - toward * half[:, 1]
        apart = toward * (far - near) > 0
        first, last = inverse(curves.parameters, near)[0], inverse(curves.parameters, far)[0]
        first, last = np.maximum(first, low), np.minimum(last, high)
        found = apart & (first < last) & (curves.df > 0)
    return where(found, first, np.nan), where(found, last, np.nan)
