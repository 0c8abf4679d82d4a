"""Parameters of the expansion phase, how fast and how far, and whether cells are found in a window."""

from __future__ import annotations

import numpy as np
import polars as pl

from correlates.parameters.courses import Courses
from correlates.parameters.emit import rows_of
from correlates.parameters.kinetics import NO_SAMPLE, gap_checks, peak_checks, select, sparse
from correlates.parameters.profile_checks import line_checks
from correlates.parameters.record import Computed, Inputs
from correlates.parameters.settings import Profile
from correlates.parameters.windows import QUOTIENT
from correlates.stats import expansion
from correlates.stats.profiles import Floats, Mask, peak, quotient, some
from correlates.terms import Reason

DOUBLING = (
    None,
    Reason.NO_SAMPLE,
    Reason.NOTHING_QUANTIFIABLE,
    Reason.NO_EXPANSION_PHASE,
    Reason.NOT_RISING,
)
"""The reasons in the order of the status of :mod:`correlates.stats.expansion`."""

FOLD = (*QUOTIENT, Reason.NOTHING_QUANTIFIABLE, Reason.PEAK_NOT_DETERMINABLE)
"""The reasons of a quotient; then no sample, nothing quantifiable, and a peak among samples too far apart."""


def _after_infusion(courses: Courses, settings: Profile) -> Mask:
    return np.asarray(courses.within(settings.window) & (courses.times > 0), dtype=np.bool_)


def _end(courses: Courses, settings: Profile) -> Floats:
    return np.full(courses.valid.shape[0], float(settings.window[1]))


def doubling_time(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """Doubling time of the expansion (see :func:`correlates.stats.expansion.expansions`)."""
    courses, family = select(settings, inputs)
    found = expansion.expansions(courses.times, courses.values, courses.censoring, _after_infusion(courses, settings))
    rows = rows_of(
        code,
        courses,
        family=family,
        value=found.doubling_time,
        censoring=np.zeros(found.status.shape, dtype=np.int8),
        reasons=found.status.astype(np.int64),
        words=DOUBLING,
        known=_end(courses, settings),
        day=None,
        used=found.used,
        units=("day",) * len(courses.analytes),
    )
    notes = line_checks(code, courses, found, found.status == expansion.DEFINED, "expansion-line", family=family)
    return Computed(rows=rows, checks=notes)


def fold_expansion(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """The peak over the first quantifiable value after the infusion, with what censoring of the peak leaves known."""
    courses, family = select(settings, inputs)
    mask = _after_infusion(courses, settings)
    peaks = peak(courses.times, courses.values, courses.censoring, mask)
    top, wide = peaks.point, sparse(courses, peaks, settings.gap)
    first = expansion.first_quantifiable(courses.times, courses.values, courses.censoring, mask)
    found = quotient(top.value, top.censoring, first.value, first.censoring)
    rows = rows_of(
        code,
        courses,
        family=family,
        value=found.value,
        censoring=found.censoring,
        reasons=np.where(~some(mask), 4, np.where(first.found, np.where(wide, 6, found.status), 5)).astype(np.int64),
        words=FOLD,
        known=_end(courses, settings),
        day=top.time,
        used=np.asarray(courses.only(top.index, top.found) | courses.only(first.index, first.found), dtype=np.bool_),
        units=("ratio",) * len(courses.analytes),
    )
    notes = peak_checks(code, courses, peaks, mask, family=family)
    gaps = gap_checks(code, courses, peaks, wide, settings.gap, family=family)
    return Computed(rows=rows, checks=pl.concat([notes, gaps]))


def detectable_at(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """1 where a sample of the window is at or above its lower limit, 0 where all are below."""
    courses, family = select(settings, inputs)
    mask = courses.within(settings.window)
    seen = some(mask & (courses.censoring >= 0))
    rows = rows_of(
        code,
        courses,
        family=family,
        value=seen.astype(np.float64),
        censoring=np.zeros(seen.shape, dtype=np.int8),
        reasons=(~some(mask)).astype(np.int64),
        words=NO_SAMPLE,
        known=_end(courses, settings),
        day=None,
        used=mask,
        units=(None,) * len(courses.analytes),
    )
    return Computed(rows=rows)
