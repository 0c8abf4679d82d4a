"""Parameters of one or two windows: baseline, peak, fold change, the value of a day, a laboratory value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from correlates.parameters.courses import Courses
from correlates.parameters.emit import rows_of
from correlates.parameters.kinetics import NO_SAMPLE, cmax, gap_checks, select, sparse
from correlates.parameters.record import Computed, Inputs
from correlates.parameters.settings import Lab, Window
from correlates.stats.profiles import last, peak, quotient
from correlates.terms import Reason

QUOTIENT = (
    None,
    Reason.BOTH_CENSORED,
    Reason.DENOMINATOR_NOT_POSITIVE,
    Reason.NOT_ESTIMABLE,
    Reason.NO_SAMPLE,
)
"""The reasons of a quotient, in the order of its status; then the one of an absent part."""

FOLD_CHANGE = (*QUOTIENT, Reason.PEAK_NOT_DETERMINABLE)


def _last_in(code: str, courses: Courses, window: tuple[float, float], *, family: bool) -> Computed:
    point = last(courses.times, courses.values, courses.censoring, courses.within(window))
    rows = rows_of(
        code,
        courses,
        family=family,
        value=point.value,
        censoring=point.censoring,
        reasons=(~point.found).astype(np.int64),
        words=NO_SAMPLE,
        known=np.full(point.value.shape, float(window[1])),
        day=point.time,
        used=courses.only(point.index, point.found),
        units=courses.units,
    )
    return Computed(rows=rows)


def last_value(code: str, settings: Window, inputs: Inputs) -> Computed:
    """The last sample of the window: a baseline, or the value of a day."""
    courses, family = select(settings, inputs)
    return _last_in(code, courses, settings.window, family=family)


def peak_value(code: str, settings: Window, inputs: Inputs) -> Computed:
    """The highest value of the window, with its censoring: Cmax, without its checks of an expansion profile."""
    made = cmax(code, settings, inputs)
    kept = ("peak-above-limits", "peak-sampled-densely")
    return replace(made, checks=made.checks.filter(pl.col("rule").is_in(kept)))


def fold_change(code: str, settings: Window, inputs: Inputs) -> Computed:
    """Peak of the window over the last value of the baseline window."""
    courses, family = select(settings, inputs)
    peaks = peak(courses.times, courses.values, courses.censoring, courses.within(settings.window))
    top, wide = peaks.point, sparse(courses, peaks, settings.gap)
    base = last(courses.times, courses.values, courses.censoring, courses.within(settings.baseline))
    ratio = quotient(top.value, top.censoring, base.value, base.censoring)
    both = top.found & base.found
    rows = rows_of(
        code,
        courses,
        family=family,
        value=ratio.value,
        censoring=ratio.censoring,
        reasons=np.where(both, np.where(wide, 5, ratio.status), 4).astype(np.int64),
        words=FOLD_CHANGE,
        known=np.full(top.value.shape, float(max(settings.window[1], settings.baseline[1]))),
        day=top.time,
        used=courses.only(top.index, top.found) | courses.only(base.index, base.found),
        units=("ratio",) * len(courses.analytes),
    )
    return Computed(rows=rows, checks=gap_checks(code, courses, peaks, wide, settings.gap, family=family))


def lab(code: str, settings: Lab, inputs: Inputs) -> Computed:
    """The last result of a laboratory test in the window."""
    return _last_in(code, inputs.lab_courses[code], settings.window, family=False)
