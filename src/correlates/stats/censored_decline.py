"""The decline of time courses with values below their limits, many at once.

Arrays are padded as in :mod:`correlates.stats.profiles`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from correlates.stats.log_line import ROUNDING, log_lines
from correlates.stats.profiles import LEFT, NONE, Codes, Floats, Ints, Mask, some
from correlates.stats.terminal import MIN_POINTS, after_peak
from correlates.stats.tobit import tobit

DEFINED, NO_SAMPLE, NOTHING, TOO_FEW, NOT_DECLINING, NOT_CONVERGED = 0, 1, 2, 3, 4, 5
"""Why the half-life of a censored decline is defined or not."""

_EXACT = 1e-11  # distance of ln(value) from a line that goes through it


@dataclass(frozen=True, slots=True, kw_only=True)
class CensoredSlopes:
    """Declines with values below their limits; every array has shape (m,) unless said otherwise. 0 where ``status`` is not 0.

    Attributes
    ----------
    half_life
        ln 2 over minus the slope.
    standard_error
        Of the slope of ln(value) on time; 0 where all quantified values lie on the line.
    sigma
        Standard deviation of ln(value) about the line.
    status
        0 defined; 1 no sample; 2 nothing quantifiable; 3 fewer than three quantified values after the peak; 4 not declining; 5 the
        likelihood has no maximum.
    n_quantified, n_censored
        Values of the line, at or above their limits and below them.
    first_time, last_time
        Time of its first and last value.
    used
        The values, (m, k).
    """

    half_life: Floats
    standard_error: Floats
    sigma: Floats
    status: Codes
    n_quantified: Ints
    n_censored: Ints
    first_time: Floats
    last_time: Floats
    used: Mask


def censored_slopes(
    times: Floats, values: Floats, censoring: Codes, select: Mask, *, delay: float = 0.0
) -> CensoredSlopes:
    r"""Half-life of the decline by left-censored normal regression of ln(value) on time, values below their limits included.

    Parameters
    ----------
    times, values, censoring
        Padded arrays (m, k); times ascending and without ties.
    select
        The samples of the window, (m, k).
    delay
        A value counts that lies more than this after the peak.

    Returns
    -------
    CensoredSlopes
        ``half_life = -ln 2 / slope`` of the line of largest likelihood through all values after the peak; one below its limit
        says that the line's value there was at most the limit.

    Notes
    -----
    All values after the peak take part: which of them make the straightest line, and would be chosen by adjusted R2, depends on
    which are below the limit. A decline of two phases is described by one line; ``delay`` leaves the first phase out.

    Where all quantified values lie on one line and every limit is above it, the likelihood grows without bound towards that line:
    it is reported, with sigma 0.

    Undefined when there is no sample, none is quantifiable, fewer than three quantified values follow the peak, the line does not
    decline, or no maximum is found.
    """
    m = times.shape[0]
    use = after_peak(times, values, censoring, select, delay=delay)
    count = (use & (censoring == NONE)).sum(axis=1).astype(np.int64)
    rows = np.flatnonzero(count >= MIN_POINTS)
    found = _lines(times[rows], values[rows], censoring[rows], use[rows])
    fine = rows[found.declines]

    def spread(part: Floats) -> Floats:
        whole = np.zeros(m)
        whole[rows] = np.where(found.declines, part, 0.0)
        return whole

    status = np.full(m, TOO_FEW, dtype=np.int8)
    status[rows] = np.where(found.known, np.where(found.declines, DEFINED, NOT_DECLINING), NOT_CONVERGED)
    status[~some(select & (censoring >= NONE) & (values > 0))] = NOTHING
    status[~some(select)] = NO_SAMPLE
    used = np.zeros(times.shape, dtype=np.bool_)
    used[fine] = use[fine]
    return CensoredSlopes(
        half_life=spread(np.divide(-np.log(2.0), found.slope, out=np.zeros(rows.size), where=found.declines)),
        standard_error=spread(found.standard_error),
        sigma=spread(found.sigma),
        status=status,
        n_quantified=np.where(status == DEFINED, count, 0),
        n_censored=used.sum(axis=1) - np.where(status == DEFINED, count, 0),
        first_time=spread(found.first),
        last_time=spread(found.final),
        used=used,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lines:
    """Lines of ln(value) on time of profiles with enough quantified values; each (m,)."""

    slope: Floats
    standard_error: Floats
    sigma: Floats
    known: Mask
    declines: Mask
    first: Floats
    final: Floats


def _lines(times: Floats, values: Floats, censoring: Codes, use: Mask) -> _Lines:
    quantified = use & (censoring == NONE)
    logs = np.log(np.where(use, values, 1.0))
    share, own = 1.0 / use.sum(axis=1), 1.0 / quantified.sum(axis=1)
    middle = np.where(use, times, 0.0).sum(axis=1) * share
    level = np.where(use, logs, 0.0).sum(axis=1) * share
    x, y = np.where(use, times - middle[:, None], 0.0), np.where(use, logs - level[:, None], 0.0)
    line = log_lines(times, values, quantified)
    at = np.where(quantified, y, 0.0).sum(axis=1) * own - line.slope * (np.where(quantified, x, 0.0).sum(axis=1) * own)
    above = y - (at[:, None] + line.slope[:, None] * x)
    beneath = ~some(use & (censoring == LEFT) & (above < -1e-9))
    through = ~some(quantified & (np.abs(above) >= _EXACT)) & beneath
    fit = tobit(y, censoring, use & ~through[:, None], np.stack([np.ones(x.shape), x], axis=2))
    slope, known = np.where(through, line.slope, fit.coefficient[:, 1]), through | fit.converged
    first = np.min(np.where(use, times, np.inf), axis=1, initial=np.inf)
    final = np.max(np.where(use, times, -np.inf), axis=1, initial=-np.inf)
    return _Lines(
        slope=slope,
        standard_error=np.sqrt(fit.covariance[:, 1, 1]),
        sigma=fit.sigma,
        known=known,
        declines=np.asarray(known & (slope * (first - final) > ROUNDING), dtype=np.bool_),
        first=first,
        final=final,
    )
