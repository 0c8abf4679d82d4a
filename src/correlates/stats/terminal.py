"""Terminal phase of time courses, many at once: its slope, and the area extrapolated with it.

Arrays are padded as in :mod:`correlates.stats.profiles`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from correlates.stats.areas import DEFINED as AREA_DEFINED
from correlates.stats.areas import AtStart, Rule, Substitute, window_areas
from correlates.stats.log_line import ROUNDING
from correlates.stats.profiles import NONE, RIGHT, Codes, Floats, Ints, Mask, some
from correlates.stats.profiles import last as last_sample

DEFINED, NO_SAMPLE, NOTHING, TOO_FEW, NOT_DECLINING, UNCOVERED = 0, 1, 2, 3, 4, 5
"""Why a terminal slope or an area to infinity is defined or not."""

MIN_POINTS = 3
"""Fewest points of a terminal regression line."""

TOLERANCE = 1e-4
"""Adjusted R2 this close to the best counts as equal: then the line through most points is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalSlopes:
    """Terminal regression lines; every array has shape (m,) unless said otherwise. 0 where ``status`` is not 0.

    Attributes
    ----------
    lambda_z
        First-order rate of decline, 1 / time.
    half_life
        ln 2 / lambda_z.
    status
        0 defined; 1 no sample; 2 nothing quantifiable; 3 fewer than three points after the peak; 4 not declining.
    n_points
        Points of the line.
    n_after_peak
        Points there were to choose from, whatever the status.
    adjusted_r2
        Of the line.
    first_time, last_time
        The line's first and last point.
    last_value
        The value observed at the last point.
    used
        The points of the line, (m, k).
    """

    lambda_z: Floats
    half_life: Floats
    status: Codes
    n_points: Ints
    n_after_peak: Ints
    adjusted_r2: Floats
    first_time: Floats
    last_time: Floats
    last_value: Floats
    used: Mask

    @property
    def span(self) -> Floats:
        """Half-lives between the first and the last point of the line."""
        spanned = self.last_time - self.first_time
        return np.divide(spanned, self.half_life, out=np.zeros(spanned.shape), where=self.half_life > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class InfiniteAreas:
    """Areas to infinite time; every array has shape (m,) unless said otherwise. 0 where ``status`` is not 0.

    Attributes
    ----------
    area
        Area to Tlast plus Clast / lambda_z.
    censoring
        Right where a sample above the upper limit is joined: the area is at least this.
    status
        That of the slope; 5 where the samples do not cover the window's start.
    share
        Share of the area that is extrapolated.
    used
        The samples joined, (m, k).
    slopes
        The terminal lines.
    """

    area: Floats
    censoring: Codes
    status: Codes
    share: Floats
    used: Mask
    slopes: TerminalSlopes


def _to_the_end(values: Floats) -> Floats:
    """Sums from each column to the last one."""
    return np.asarray(np.cumsum(values[:, ::-1], axis=1)[:, ::-1])


def after_peak(times: Floats, values: Floats, censoring: Codes, select: Mask, *, delay: float = 0.0) -> Mask:
    """The samples of the decline: after the peak, by more than ``delay``, and after any value above the upper limit.

    The peak is the first of the largest among quantified values and upper limits. Values that are not positive are left out; the
    others may be quantified or below their limit. Without quantified value there is no decline.
    """
    m, k = values.shape
    if k == 0:
        return np.zeros((m, 0), dtype=np.bool_)
    seen = select & (censoring >= NONE) & (values > 0)
    top = np.argmax(np.where(seen, values, -np.inf), axis=1)
    above = select & (censoring == RIGHT)
    last_above = np.where(some(above), k - 1 - np.argmax(above[:, ::-1], axis=1), -1)
    start = np.maximum(top, last_above)
    late = np.arange(k)[None, :] > start[:, None]
    if delay > 0:
        late &= times > np.take_along_axis(times, top[:, None], axis=1) + delay
    return np.asarray(select & (values > 0) & (censoring <= NONE) & late & some(seen)[:, None], dtype=np.bool_)


def terminal_slopes(
    times: Floats,
    values: Floats,
    censoring: Codes,
    select: Mask,
    *,
    delay: float = 0.0,
    last: int | None = None,
    chosen: Mask | None = None,
) -> TerminalSlopes:
    r"""Rate of the terminal phase by log-linear regression.

    Lines ``ln(value) = a - lambda_z time`` are drawn through the last 3, 4, ... points after the peak. Among those whose
    adjusted R2, ``1 - (1 - R2) (n - 1) / (n - 2)``, lies within 1e-4 of the best, the one through most points is taken.

    Parameters
    ----------
    times, values, censoring
        Padded arrays (m, k); times ascending and without ties.
    select
        The samples of the window, (m, k).
    delay
        A point lies more than this after the peak.
    last
        The line goes through this many last points; null looks for the best adjusted R2.
    chosen
        Points chosen by hand, (m, k): where a profile has any, its line goes through exactly these, wherever they stand, as far
        as they are quantified and positive.

    Returns
    -------
    TerminalSlopes

    Notes
    -----
    Left-censored samples, and values that are not positive, are left out wherever they stand. The line starts after the
    last sample above the upper limit. Lines that rise take part in the search for the best adjusted R2: where a rising
    line describes the last samples best (a second expansion), no slope is reported.

    Undefined when there is no sample, none is quantifiable, fewer than three points (or than ``last``) follow the peak, or the line
    does not decline.

    Sources: Gabrielsson J, Weiner D. Pharmacokinetic and Pharmacodynamic Data Analysis, 5th ed., 2016, section 2.8; the
    choice of points is that of PKNCA (Denney W, Duvvuri S, Buckeridge C. J Pharmacokinet Pharmacodyn 2015;42:S65).
    """
    m, k = times.shape
    points = after_peak(times, values, censoring, select, delay=delay) & (censoring == NONE)
    by_hand = np.zeros(m, dtype=np.bool_)
    if chosen is not None:
        by_hand = some(chosen)
        quantified = chosen & select & (censoring == NONE) & (values > 0)
        points = np.where(by_hand[:, None], quantified, points)
    n_after = points.sum(axis=1).astype(np.int64)
    if k == 0:
        nothing, count = np.zeros(m), np.zeros(m, dtype=np.int64)
        return TerminalSlopes(
            lambda_z=nothing,
            half_life=nothing,
            status=np.full(m, NO_SAMPLE, dtype=np.int8),
            n_points=count,
            n_after_peak=count,
            adjusted_r2=nothing,
            first_time=nothing,
            last_time=nothing,
            last_value=nothing,
            used=points,
        )
    fewest = MIN_POINTS if last is None else last
    final = (k - 1 - np.argmax(points[:, ::-1], axis=1))[:, None]
    last_time = np.take_along_axis(times, final, axis=1)
    last_value = np.take_along_axis(values, final, axis=1)
    # relative to the last point: equal values give exact zeros, and the sums lose nothing to cancellation
    x = np.where(points, times - last_time, 0.0)
    y = np.where(points, np.log(np.where(points, values, 1.0)), 0.0)
    y = np.where(points, y - np.take_along_axis(y, final, axis=1), 0.0)
    n = np.maximum(_to_the_end(points.astype(np.float64)), 1.0)
    sx, sy = _to_the_end(x), _to_the_end(y)
    sxx, sxy, syy = (_to_the_end(p) - q / n for p, q in ((x * x, sx * sx), (x * y, sx * sy), (y * y, sy * sy)))
    line = points & (n >= MIN_POINTS) & (syy > 0)
    if last is not None:
        line &= (n == last) | by_hand[:, None]
    line &= (n == n_after[:, None]) | ~by_hand[:, None]
    slope = np.divide(sxy, sxx, out=np.zeros((m, k)), where=line)
    r2 = np.clip(np.divide(sxy * slope, syy, out=np.zeros((m, k)), where=line), 0.0, 1.0)
    adjusted = np.where(line, 1.0 - (1.0 - r2) * (n - 1.0) / np.where(line, n - 2.0, 1.0), -np.inf)
    best = np.max(adjusted, axis=1)
    fine = line & (slope * x > ROUNDING) & (adjusted > best[:, None] - TOLERANCE)
    defined = some(fine)
    start = np.argmax(fine, axis=1)[:, None]

    def taken(array: Floats) -> Floats:
        return np.where(defined, np.take_along_axis(array, start, axis=1)[:, 0], 0.0)

    status = np.where(
        ~some(select),
        NO_SAMPLE,
        np.where(
            ~some(select & (censoring >= NONE) & (values > 0)),
            NOTHING,
            np.where(
                n_after < np.where(by_hand, MIN_POINTS, fewest), TOO_FEW, np.where(defined, DEFINED, NOT_DECLINING)
            ),
        ),
    ).astype(np.int8)
    rate = -taken(slope)
    return TerminalSlopes(
        lambda_z=np.where(defined, rate, 0.0),
        half_life=np.divide(np.log(2.0), rate, out=np.zeros(m), where=defined),
        status=status,
        n_points=taken(n).astype(np.int64),
        n_after_peak=n_after,
        adjusted_r2=taken(adjusted),
        first_time=taken(times),
        last_time=np.where(defined, last_time[:, 0], 0.0),
        last_value=np.where(defined, last_value[:, 0], 0.0),
        used=np.asarray(points & (np.arange(k)[None, :] >= start) & defined[:, None], dtype=np.bool_),
    )


def infinite_areas(
    times: Floats,
    values: Floats,
    censoring: Codes,
    valid: Mask,
    *,
    window: tuple[float, float],
    rule: Rule = "linear_up_log_down",
    before: Substitute = "zero",
    between: Substitute = "half",
    at_start: AtStart = "predose",
    delay: float = 0.0,
    last: int | None = None,
    chosen: Mask | None = None,
) -> InfiniteAreas:
    """Area from the window's start to infinite time: the area to Tlast plus Clast / lambda_z, with the observed Clast.

    Parameters
    ----------
    times, values, censoring, valid
        Padded arrays (m, k); times ascending and without ties.
    window
        The first time of the area, and the last time of the samples that count: Tlast is the last positive quantified
        sample in it.
    rule, before, between, at_start
        As in :func:`correlates.stats.areas.window_areas`; samples after Tlast do not count.
    delay, last, chosen
        As in :func:`terminal_slopes`.

    Returns
    -------
    InfiniteAreas

    Notes
    -----
    Undefined where the slope is (see :func:`terminal_slopes`), and where the samples do not cover the window's start.
    """
    inside = valid & (times >= window[0]) & (times <= window[1])
    slopes = terminal_slopes(times, values, censoring, inside, delay=delay, last=last, chosen=chosen)
    fine = slopes.status == DEFINED
    final = last_sample(times, values, censoring, inside & (censoring >= NONE) & (values > 0))
    found = window_areas(
        times,
        values,
        censoring,
        valid & (times <= final.time[:, None]) & fine[:, None],
        window=window,
        rule=rule,
        before=before,
        between=between,
        after="drop",
        at_start=at_start,
        at_end="stop_at_last",
    )
    joined = fine & (found.status == AREA_DEFINED)
    tail = np.divide(final.value, slopes.lambda_z, out=np.zeros(fine.shape), where=joined)
    area = np.where(joined, found.area + tail, 0.0)
    return InfiniteAreas(
        area=area,
        censoring=np.where(joined, found.censoring, 0).astype(np.int8),
        status=np.where(fine & ~joined, UNCOVERED, slopes.status).astype(np.int8),
        share=np.divide(tail, area, out=np.zeros(fine.shape), where=joined & (area > 0)),
        used=np.asarray(found.used & joined[:, None], dtype=np.bool_),
        slopes=slopes,
    )
