"""Parameters of the time course of one analyte: Cmax, Tmax, AUC, Clast, Tlast, quantifiable samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from correlates.parameters.courses import Courses
from correlates.parameters.emit import rows_of
from correlates.parameters.profile_checks import numbers, profile_checks
from correlates.parameters.record import Computed, Inputs
from correlates.parameters.settings import Gap, Profile, Window
from correlates.stats import areas
from correlates.stats.profiles import Floats, Ints, Mask, Peaks, last_quantifiable, peak, peak_gaps, some
from correlates.terms import Reason

NO_SAMPLE = (None, Reason.NO_SAMPLE)
PEAK = (None, Reason.NO_SAMPLE, Reason.PEAK_NOT_DETERMINABLE)
NOTHING = (None, Reason.NO_SAMPLE, Reason.NOTHING_QUANTIFIABLE)
PEAK_TIME = (*NOTHING, Reason.PEAK_NOT_DETERMINABLE)
INTERPOLATED = 0.2
"""Share of an area between its last sample and the end of the window from which a reader is told: what is customary for
the extrapolated part of AUC to infinity (Gabrielsson and Weiner)."""
AREA = (None, Reason.NO_SAMPLE, Reason.FEWER_THAN_TWO_QUANTIFIABLE, Reason.WINDOW_NOT_COVERED)


def select(settings: Profile | Window, inputs: Inputs) -> tuple[Courses, bool]:
    """The courses a parameter is about, and whether it is a family over analytes."""
    courses = (inputs.nominal_courses if settings.days == "nominal" else inputs.courses)[settings.of]
    if settings.each is not None:
        return courses, True
    return courses.of(settings.analyte or courses.analytes[0]), False


def _ends(courses: Courses, window: tuple[float, float]) -> Floats:
    return np.full(courses.valid.shape[0], float(window[1]))


def peak_checks(code: str, courses: Courses, peaks: Peaks, mask: Mask, *, family: bool) -> pl.DataFrame:
    """What a reader of a maximum should know: hidden under a limit, or at the edge of what was sampled."""
    point = peaks.point
    used = courses.only(point.index, point.found)
    hidden = np.flatnonzero(peaks.hidden > 0)
    under = profile_checks(
        code,
        courses,
        hidden,
        family=family,
        rule="peak-above-limits",
        found=(
            f"highest quantified value {value:g}; another sample is below its limit of {limit:g}"
            for value, limit in numbers(hidden, point.value, peaks.hidden)
        ),
        value=peaks.hidden[hidden],
        required="no limit above the highest quantified value",
        action="kept",
        used=used,
    )
    if mask.shape[1] == 0:
        return under
    first = np.argmax(mask, axis=1)
    final = mask.shape[1] - 1 - np.argmax(mask[:, ::-1], axis=1)
    quantified = point.found & (point.censoring >= 0)
    edge = np.flatnonzero(quantified & ((point.index == first) | (point.index == final)))
    at_edge = profile_checks(
        code,
        courses,
        edge,
        family=family,
        rule="peak-inside-profile",
        found=(
            f"the peak is the {'first' if is_first else 'last'} sample of the window, day {day:g}"
            for is_first, day in numbers(edge, point.index == first, point.time)
        ),
        value=point.time[edge],
        required="samples before and after the peak",
        used=used,
    )
    return pl.concat([under, at_edge])


def sparse(courses: Courses, peaks: Peaks, gap: Gap) -> Mask:
    """The profiles whose samples lie too far from a quantified peak for it to be one.

    A peak that is only known to be at most or at least a limit stays: the limit holds whatever was not sampled below or above it.
    """
    before, after = peak_gaps(courses.times, courses.valid, peaks.point)
    wide = np.zeros(before.shape, dtype=np.bool_)
    if gap.before is not None:
        wide |= before > gap.before
    if gap.after is not None:
        wide |= after > gap.after
    return np.asarray(wide & peaks.point.found & (peaks.point.censoring == 0), dtype=np.bool_)


def gap_checks(code: str, courses: Courses, peaks: Peaks, wide: Mask, gap: Gap, *, family: bool) -> pl.DataFrame:
    """How far the samples beside a peak that is not determinable lie from it."""
    point = peaks.point
    before, after = peak_gaps(courses.times, courses.valid, point)
    asked = [
        f"{word} at most {days:g} days {side} it"
        for word, days, side in (("a sample or the infusion", gap.before, "before"), ("a sample", gap.after, "after"))
        if days is not None
    ]

    def words(value: float, day: float, earlier: float, later: float) -> str:
        finite = np.isfinite(earlier)
        first = f"{earlier:g} days after the sample before or the infusion" if finite else "the first sample"
        final = f"the next one {later:g} days later" if np.isfinite(later) else "no later one"
        return f"highest value {value:g} on day {day:g}, {first}, {final}"

    at = np.flatnonzero(wide)
    return profile_checks(
        code,
        courses,
        at,
        family=family,
        rule="peak-sampled-densely",
        found=(words(*each) for each in numbers(at, point.value, point.time, before, after)),
        value=np.where(np.isfinite(before), before, np.nan)[at],
        required=" and ".join(asked),
        action="excluded",
        used=courses.only(point.index, wide),
    )


def cmax(code: str, settings: Profile | Window, inputs: Inputs) -> Computed:
    """Cmax: the highest value of the window, with its censoring (see :func:`correlates.stats.profiles.peak`)."""
    courses, family = select(settings, inputs)
    mask = courses.within(settings.window)
    found = peak(courses.times, courses.values, courses.censoring, mask)
    wide = sparse(courses, found, settings.gap)
    rows = rows_of(
        code,
        courses,
        family=family,
        value=found.point.value,
        censoring=found.point.censoring,
        reasons=np.where(found.point.found, np.where(wide, 2, 0), 1).astype(np.int64),
        words=PEAK,
        known=_ends(courses, settings.window),
        day=found.point.time,
        used=courses.only(found.point.index, found.point.found),
        units=courses.units,
    )
    notes = peak_checks(code, courses, found, mask, family=family)
    gaps = gap_checks(code, courses, found, wide, settings.gap, family=family)
    return Computed(rows=rows, checks=pl.concat([notes, gaps]))


def _time_reasons(found: Mask, any_sample: Mask) -> Ints:
    return np.where(~any_sample, 1, np.where(found, 0, 2)).astype(np.int64)


def tmax(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """Tmax: the day of Cmax, the first one among equals; null where nothing is quantifiable."""
    courses, family = select(settings, inputs)
    mask = courses.within(settings.window)
    peaks = peak(courses.times, courses.values, courses.censoring, mask)
    point = peaks.point
    found = some(mask & (courses.censoring >= 0))
    wide = sparse(courses, peaks, settings.gap)
    rows = rows_of(
        code,
        courses,
        family=family,
        value=point.time,
        censoring=np.zeros(found.shape, dtype=np.int8),
        reasons=np.where(wide, 3, _time_reasons(found, some(mask))).astype(np.int64),
        words=PEAK_TIME,
        known=_ends(courses, settings.window),
        day=point.time,
        used=courses.only(point.index, point.found),
        units=("day",) * len(courses.analytes),
    )
    return Computed(rows=rows)


def clast(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """Clast: the last quantifiable value of the window."""
    return _last(code, settings, inputs, take_time=False)


def tlast(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """Tlast: the day of the last quantifiable value of the window."""
    return _last(code, settings, inputs, take_time=True)


def _last(code: str, settings: Profile, inputs: Inputs, *, take_time: bool) -> Computed:
    courses, family = select(settings, inputs)
    mask = courses.within(settings.window)
    point = last_quantifiable(courses.times, courses.values, courses.censoring, mask)
    rows = rows_of(
        code,
        courses,
        family=family,
        value=point.time if take_time else point.value,
        censoring=np.zeros_like(point.censoring) if take_time else point.censoring,
        reasons=_time_reasons(point.found, some(mask)),
        words=NOTHING,
        known=_ends(courses, settings.window),
        day=point.time,
        used=courses.only(point.index, point.found),
        units=("day",) * len(courses.analytes) if take_time else courses.units,
    )
    return Computed(rows=rows)


def n_quantifiable(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """Number of samples of the window at or above the lower limit."""
    courses, family = select(settings, inputs)
    mask = courses.within(settings.window)
    count = (mask & (courses.censoring >= 0)).sum(axis=1).astype(np.float64)
    rows = rows_of(
        code,
        courses,
        family=family,
        value=count,
        censoring=np.zeros(count.shape, dtype=np.int8),
        reasons=np.where(some(mask), 0, 1).astype(np.int64),
        words=NO_SAMPLE,
        known=_ends(courses, settings.window),
        day=None,
        used=mask,
        units=(None,) * len(courses.analytes),
    )
    return Computed(rows=rows)


def auc(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """Area under the curve over the window (see :func:`correlates.stats.areas.window_areas`)."""
    courses, family = select(settings, inputs)
    found = areas.window_areas(
        courses.times,
        courses.values,
        courses.censoring,
        courses.valid,
        window=settings.window,
        rule=settings.rule,
        before=settings.blq.before,
        between=settings.blq.between,
        after=settings.blq.after,
        at_start=settings.at_start,
        at_end=settings.at_end,
    )
    rows = rows_of(
        code,
        courses,
        family=family,
        value=found.area,
        censoring=found.censoring,
        reasons=found.status.astype(np.int64),
        words=AREA,
        known=np.maximum(_ends(courses, settings.window), found.last_time),
        day=None,
        used=found.used,
        units=tuple(None if u is None else f"day x {u}" for u in courses.units),
    )
    return Computed(rows=rows, checks=_area_checks(code, settings, courses, found, family=family))


def _area_checks(
    code: str, settings: Profile, courses: Courses, found: areas.WindowAreas, *, family: bool
) -> pl.DataFrame:
    first, final = settings.window
    low = found.used & (courses.censoring < 0)
    negative = found.used & (courses.values < 0)
    n_low, n_negative = low.sum(axis=1), negative.sum(axis=1)
    all_low = np.flatnonzero(some(low) & (found.censoring < 0))
    some_low = np.flatnonzero(some(low) & (found.censoring >= 0))
    below_zero = np.flatnonzero(n_negative > 0)
    cut = np.flatnonzero((found.status == areas.DEFINED) & ((found.end < final) | (found.start > first)))
    interpolated = np.flatnonzero(found.end_share > INTERPOLATED)
    uncovered = np.flatnonzero(found.status == areas.NOT_COVERED)
    earliest = np.min(np.where(courses.valid, courses.times, np.inf), axis=1, initial=np.inf)
    latest = np.max(np.where(courses.valid, courses.times, -np.inf), axis=1, initial=-np.inf)

    def note(rule: str, at: Ints, **fields: Any) -> pl.DataFrame:
        return profile_checks(code, courses, at, family=family, rule=rule, **fields)

    return pl.concat(
        [
            note(
                "area-quantifiable",
                all_low,
                found=(
                    f"all {n} samples are below their limits; the area is at most {bound:g}"
                    for n, bound in numbers(all_low, n_low, found.area)
                ),
                value=found.share[all_low],
                required="a quantifiable sample",
                used=low,
            ),
            note(
                "area-censored-share",
                some_low,
                found=(
                    f"{100 * share:.3g} % of the area lies next to {n} samples below the limit"
                    for share, n in numbers(some_low, found.share, n_low)
                ),
                value=found.share[some_low],
                required="none (for information)",
                passed=np.ones(some_low.size, dtype=np.bool_),
                used=low,
            ),
            note(
                "area-not-negative",
                below_zero,
                found=(f"{n} negative values count as zero" for (n,) in numbers(below_zero, n_negative)),
                value=n_negative[below_zero].astype(np.float64),
                required="no negative value",
                action="corrected",
                used=negative,
            ),
            note(
                "area-of-whole-window",
                cut,
                found=(f"area of day {start:g} to {end:g}" for start, end in numbers(cut, found.start, found.end)),
                value=(found.end - found.start)[cut],
                required=f"day {first:g} to {final:g}",
                used=found.used,
            ),
            note(
                "area-end-interpolated",
                interpolated,
                found=(
                    f"{100 * share:.3g} % of the area lies between the last sample of the window and the next one, day {day:g}"
                    for share, day in numbers(interpolated, found.end_share, found.last_time)
                ),
                value=found.end_share[interpolated],
                required=f"at most {100 * INTERPOLATED:g} % of the area",
                used=found.used,
            ),
            note(
                "window-covered",
                uncovered,
                found=(f"samples from day {a:g} to {b:g}" for a, b in numbers(uncovered, earliest, latest)),
                value=latest[uncovered],
                required=f"day {first:g} to {final:g}, start {settings.at_start}, end {settings.at_end}",
                action="excluded",
                used=courses.valid,
            ),
        ]
    )
