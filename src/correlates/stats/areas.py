"""Areas under time courses, many at once: which rule holds on which interval, and the arithmetic of it, apart.

Arrays are padded as in :mod:`correlates.stats.profiles`. The decision (:func:`interval_rules`,
:func:`substitute`, the use of neighbours in :func:`window_areas`) yields values that can be looked at; the arithmetic
(:func:`clipped_areas`) knows no rule but the code of each interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from correlates.stats.profiles import LEFT, NONE, RIGHT, Codes, Floats, Mask, some

Rule = Literal["linear", "linear_up_log_down", "linear_log", "log"]
Substitute = Literal["zero", "half", "limit", "drop"]
AtStart = Literal["predose", "zero", "interpolate", "first_sample", "null"]
AtEnd = Literal["interpolate", "stop_at_last", "null"]

NO_INTERVAL, LINEAR, LOG = 0, 1, 2
"""Codes of an interval: none, linear trapezoid, logarithmic trapezoid."""

DEFINED, NO_SAMPLE, TOO_FEW, NOT_COVERED = 0, 1, 2, 3
"""Why an area is defined or not: see :func:`window_areas`."""

_SHARE = {"zero": 0.0, "half": 0.5, "limit": 1.0, "drop": 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowAreas:
    """Areas over a window; every array has shape (m,) unless said otherwise. 0 where ``status`` is not 0.

    Attributes
    ----------
    area
        The area, or the bound it is censored at.
    censoring
        Left where no sample is quantifiable (the area is at most this), right where a sample is above the upper limit.
    status
        0 defined; 1 no sample in the window; 2 fewer than two samples to join; 3 the window is not covered.
    share
        Share of the area that lies in intervals with a substituted value at an end.
    end_share
        Share of the area that is interpolated between the last sample of the window and one after it.
    used
        The samples joined, (m, k).
    last_time
        Time of the last sample used (it may lie after the window, as a neighbour).
    start, end
        The part of the window that the area covers.
    """

    area: Floats
    censoring: Codes
    status: Codes
    share: Floats
    end_share: Floats
    used: Mask
    last_time: Floats
    start: Floats
    end: Floats


def interval_rules(values: Floats, valid: Mask, times: Floats, *, rule: Rule, peak_time: Floats) -> Codes:
    """Which trapezoid each interval between neighbouring samples takes.

    Parameters
    ----------
    values, valid, times
        Padded arrays (m, k), valid samples leftmost.
    rule
        ``linear``: linear everywhere. ``linear_up_log_down``: logarithmic where the value falls. ``linear_log``: linear
        up to the peak, logarithmic after it. ``log``: logarithmic everywhere. A logarithmic trapezoid needs two positive
        and different values; elsewhere it is linear.
    peak_time
        Time of the peak (m,), read by ``linear_log`` alone.

    Returns
    -------
    ndarray (m, k - 1)
        ``NO_INTERVAL``, ``LINEAR`` or ``LOG``.
    """
    a, b = values[:, :-1], values[:, 1:]
    can = (a > 0) & (b > 0) & (a != b)
    if rule == "linear":
        wants = np.zeros_like(can)
    elif rule == "linear_up_log_down":
        wants = b < a
    elif rule == "linear_log":
        wants = times[:, :-1] >= peak_time[:, None]
    else:
        wants = np.ones_like(can)
    return np.where(valid[:, 1:], np.where(can & wants, LOG, LINEAR), NO_INTERVAL).astype(np.int8)


def _log_mean(a: Floats, b: Floats) -> Floats:
    """(a - b) / ln(a / b) of positive, different numbers, without cancellation where they are close."""
    excess = (a - b) / b
    close = np.abs(excess) < 0.5
    logs = np.where(close, np.log1p(np.where(close, excess, 0.0)), np.log(a) - np.log(b))
    return np.asarray((a - b) / np.where(logs == 0, 1.0, logs))


def _between(a: Floats, b: Floats, share: Floats, codes: Codes) -> Floats:
    """The value at a share of the way from a to b, by the rule of the interval."""
    found = np.where(share <= 0, a, b)
    inside = (share > 0) & (share < 1)  # few: the intervals that a window cuts
    if inside.any():
        start, end, part = a[inside], b[inside], share[inside]
        log = codes[inside] == LOG
        la, lb = np.log(np.where(log, start, 1.0)), np.log(np.where(log, end, 1.0))
        found[inside] = np.where(log, np.exp(la + (lb - la) * part), start + (end - start) * part)
    return np.asarray(found)


def clipped_areas(times: Floats, values: Floats, codes: Codes, *, start: Floats, end: Floats) -> Floats:
    """The area of each interval that lies within ``start`` to ``end``.

    Linear: ``dt (a + b) / 2``. Logarithmic: ``dt (a - b) / ln(a / b)``. A window end inside an interval cuts it at the
    value interpolated by the interval's own rule, so that areas of adjoining windows add up exactly.

    Parameters
    ----------
    times, values
        Padded arrays (m, k).
    codes
        Codes of the intervals (m, k - 1).
    start, end
        The window of each profile (m,).

    Returns
    -------
    ndarray (m, k - 1)
    """
    t0, t1 = times[:, :-1], times[:, 1:]
    there = codes != NO_INTERVAL
    width = np.where(there, t1 - t0, 1.0)
    first = np.clip((start[:, None] - t0) / width, 0.0, 1.0)
    final = np.clip((end[:, None] - t0) / width, 0.0, 1.0)
    a, b = values[:, :-1], values[:, 1:]
    left, right = _between(a, b, first, codes), _between(a, b, final, codes)
    mean = (left + right) / 2
    log = (codes == LOG) & (left != right) & (final > first)
    mean[log] = _log_mean(left[log], right[log])
    return np.asarray(np.where(there & (final > first), (final - first) * width * mean, 0.0))


def substitute(
    values: Floats, censoring: Codes, use: Mask, *, before: Substitute, between: Substitute, after: Substitute
) -> tuple[Floats, Mask]:
    """What left-censored values count as, by their place among the samples used.

    Before the first quantifiable value, between two, or after the last one, each counts as ``zero``, ``half`` its limit,
    its ``limit``, or is dropped. After the last one the rule holds for the first such value and the later ones are zero
    (all are dropped by ``drop``). In a profile without quantifiable value all stand before the first.

    Returns
    -------
    values, keep
        Padded arrays (m, k).
    """
    seen = use & (censoring >= NONE)
    left = use & (censoring == LEFT)
    passed = np.cumsum(seen, axis=1)
    to_come = passed[:, -1:] - passed if seen.shape[1] else passed
    is_before = left & (passed == 0)
    is_after = left & (passed > 0) & (to_come == 0)
    is_between = left & ~is_before & ~is_after
    later = is_after & (np.cumsum(is_after, axis=1) > 1)
    share = np.ones(values.shape)
    keep = use.copy()
    for mask, rule in ((is_before, before), (is_between, between), (is_after, after)):
        share = np.where(mask, _SHARE[rule], share)
        if rule == "drop":
            keep &= ~mask
    share = np.where(later, 0.0, share)
    return values * share, keep


def _leftmost(keep: Mask, times: Floats, values: Floats, marked: Mask) -> tuple[Mask, Floats, Floats, Mask]:
    """The samples kept, moved to the left of each row."""
    if not (keep[:, 1:] & ~keep[:, :-1]).any():
        return keep, times, values, marked
    order = np.argsort(~keep, axis=1, kind="stable")
    return (
        np.take_along_axis(keep, order, axis=1),
        np.take_along_axis(times, order, axis=1),
        np.take_along_axis(values, order, axis=1),
        np.take_along_axis(marked, order, axis=1),
    )


def _neighbours(times: Floats, valid: Mask, begin: float, end: float, at_start: AtStart, at_end: AtEnd) -> Mask:
    """The samples of the window and the neighbours its ends are interpolated with."""
    used = valid & (times >= begin) & (times <= end)
    if at_start in {"predose", "zero", "interpolate"}:
        earlier = valid & (times < begin) & ((times >= 0) if at_start == "zero" else True)
        latest = np.max(np.where(earlier, times, -np.inf), axis=1, initial=-np.inf)
        absent = ~some(valid & (times == begin))
        used = used | (earlier & (times == latest[:, None]) & absent[:, None])
    if at_end != "null":
        later = valid & (times > end)
        earliest = np.min(np.where(later, times, np.inf), axis=1, initial=np.inf)
        absent = ~some(valid & (times == end))
        used = used | (later & (times == earliest[:, None]) & absent[:, None])
    return used


def _from_predose(times: Floats, valid: Mask) -> tuple[Floats, Mask]:
    """Time courses from time 0 on: without sample at time 0 the last one before it is moved there; all earlier ones go."""
    early = valid & (times < 0)
    if not early.any():
        return times, valid
    latest = np.max(np.where(early, times, -np.inf), axis=1, initial=-np.inf)
    moved = early & (times == latest[:, None]) & ~some(valid & (times == 0))[:, None]
    return np.where(moved, 0.0, times), np.asarray(valid & (~early | moved), dtype=np.bool_)


def window_areas(
    times: Floats,
    values: Floats,
    censoring: Codes,
    valid: Mask,
    *,
    window: tuple[float, float],
    rule: Rule = "linear_up_log_down",
    before: Substitute = "zero",
    between: Substitute = "half",
    after: Substitute = "zero",
    at_start: AtStart = "predose",
    at_end: AtEnd = "interpolate",
) -> WindowAreas:
    """Area under each profile over a window.

    Parameters
    ----------
    times, values, censoring, valid
        Padded arrays (m, k); times ascending and without ties. Negative values count as zero.
    window
        First and last time.
    rule
        See :func:`interval_rules`; the peak of ``linear_log`` is the one within the window.
    before, between, after
        See :func:`substitute`; the place is judged among the samples used.
    at_start
        ``predose``: the last sample before time 0 stands for time 0, unless one was taken then (the others before time 0 are not
        used); without either the curve has no start, and a window from 0 is not covered. ``zero``: the curve starts from zero at time 0 unless a sample was taken then (samples before time 0 are not
        used). ``interpolate``: the value at the window's start is interpolated with the last sample before it.
        ``first_sample``: the area starts at the first sample of the window. ``null``: a sample at the start is required.
    at_end
        ``interpolate``: the value at the window's end is interpolated with the first sample after it; without one the
        window is not covered. ``stop_at_last``: the same, but a profile that ends before the window is cut at its last
        sample. ``null``: a sample at the end is required.

    Returns
    -------
    WindowAreas

    Notes
    -----
    A profile without quantifiable value has an area of at most the one under its limits: left-censored at the linear
    trapezoid through the limits. A profile with values above the upper limit has at least the area through the limits:
    right-censored.
    """
    m, k = times.shape
    low, high = window
    begin = max(low, 0.0) if at_start in {"predose", "zero"} else low
    if k == 0:
        nothing = np.zeros(m)
        none = np.zeros(m, dtype=np.int8)
        return WindowAreas(
            area=nothing,
            censoring=none,
            status=np.full(m, NO_SAMPLE, dtype=np.int8),
            share=nothing,
            end_share=nothing,
            used=np.zeros((m, 0), dtype=bool),
            last_time=nothing,
            start=nothing,
            end=nothing,
        )
    inside = valid & (times >= begin) & (times <= high)
    if at_start == "predose":
        times, valid = _from_predose(times, valid)
    used = _neighbours(times, valid, begin, high, at_start, at_end)
    values = np.where(valid, np.maximum(values, 0.0), 0.0)
    all_left = some(used) & ~some(used & (censoring >= NONE))
    counted, keep = substitute(values, censoring, used, before=before, between=between, after=after)
    counted = np.where(all_left[:, None], values, counted)
    keep = np.where(all_left[:, None], used, keep)

    first_time = np.min(np.where(keep, times, np.inf), axis=1)
    from_zero = (first_time > begin) if at_start == "zero" else np.zeros(m, dtype=bool)
    every, at, number, low_one = keep, times, counted, np.asarray(censoring == LEFT, dtype=np.bool_)
    if from_zero.any():
        column = np.zeros((m, 1))
        every = np.hstack([from_zero[:, None], keep])
        at, number = np.hstack([column, times]), np.hstack([column, counted])
        low_one = np.hstack([column.astype(bool), low_one])
    ready, t, v, marked = _leftmost(every, at, number, low_one)
    in_window = ready & (t >= begin) & (t <= high)
    peak_time = np.take_along_axis(t, np.argmax(np.where(in_window, v, -np.inf), axis=1)[:, None], axis=1)[:, 0]
    codes = interval_rules(v, ready, t, rule=rule, peak_time=peak_time)
    codes = np.where(all_left[:, None] & (codes == LOG), LINEAR, codes).astype(np.int8)

    first_time = np.where(from_zero, 0.0, first_time)
    final_time = np.max(np.where(keep, times, -np.inf), axis=1)
    few = keep.sum(axis=1) < 2
    start = np.maximum(begin, first_time) if at_start == "first_sample" else np.full(m, begin)
    end = np.minimum(high, final_time) if at_end == "stop_at_last" else np.full(m, high)
    uncovered = (first_time > start) | (final_time < end) | (start >= end)
    status = np.where(
        ~some(inside), NO_SAMPLE, np.where(few, TOO_FEW, np.where(uncovered, NOT_COVERED, DEFINED))
    ).astype(np.int8)
    fine = status == DEFINED
    start, end = np.where(fine, start, 0.0), np.where(fine, end, 0.0)
    parts = clipped_areas(t, v, codes, start=start, end=end)
    area = np.where(fine, parts.sum(axis=1), 0.0)
    touched = np.where(marked[:, :-1] | marked[:, 1:], parts, 0.0).sum(axis=1)
    across = np.where(ready[:, 1:] & (t[:, 1:] > end[:, None]), parts, 0.0).sum(axis=1)
    above = some(keep & (censoring == RIGHT))
    code = np.where(above, RIGHT, np.where(all_left, LEFT, NONE))
    return WindowAreas(
        area=area,
        censoring=np.where(fine, code, 0).astype(np.int8),
        status=status,
        share=np.divide(touched, area, out=np.zeros(m), where=fine & (area > 0)),
        end_share=np.divide(across, area, out=np.zeros(m), where=fine & (area > 0)),
        used=keep & fine[:, None],
        last_time=np.where(fine, final_time, 0.0),
        start=start,
        end=end,
    )
