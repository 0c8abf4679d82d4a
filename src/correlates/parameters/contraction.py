"""Parameters of what follows the peak: the contraction, a second peak, the loss of detection."""

from __future__ import annotations

import numpy as np

from correlates.parameters.courses import Courses
from correlates.parameters.emit import rows_of
from correlates.parameters.kinetics import select
from correlates.parameters.profile_checks import line_checks, numbers, profile_checks
from correlates.parameters.record import Computed, Inputs
from correlates.parameters.settings import Profile
from correlates.stats import contraction, detection_loss, rebound
from correlates.stats.profiles import Floats, Mask
from correlates.terms import Reason

CONTRACTION = (
    None,
    Reason.NO_SAMPLE,
    Reason.NOTHING_QUANTIFIABLE,
    Reason.TOO_FEW_AFTER_PEAK,
    Reason.NOT_DECLINING,
    Reason.PEAK_ABOVE_LIMIT,
)
"""The reasons in the order of the status of :mod:`correlates.stats.contraction`."""

SECOND = (None, Reason.NO_SAMPLE, Reason.NOTHING_QUANTIFIABLE, Reason.NO_SECOND_PEAK)
"""The reasons in the order of the status of :mod:`correlates.stats.rebound`."""

LAST_POSITIVE = (None, Reason.NO_SAMPLE, Reason.NOTHING_QUANTIFIABLE)
FIRST_NEGATIVE = (*LAST_POSITIVE, Reason.STILL_DETECTED)
"""The reasons in the order of the status of :mod:`correlates.stats.detection_loss`."""


def _after_infusion(courses: Courses, settings: Profile) -> Mask:
    return np.asarray(courses.within(settings.window) & (courses.times > 0), dtype=np.bool_)


def _end(courses: Courses, settings: Profile) -> Floats:
    return np.full(courses.valid.shape[0], float(settings.window[1]))


def contraction_half_life(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """Half-life of the contraction (see :func:`correlates.stats.contraction.contractions`)."""
    courses, family = select(settings, inputs)
    found = contraction.contractions(
        courses.times,
        courses.values,
        courses.censoring,
        _after_infusion(courses, settings),
        within=settings.line.within,
    )
    rows = rows_of(
        code,
        courses,
        family=family,
        value=found.half_life,
        censoring=np.zeros(found.status.shape, dtype=np.int8),
        reasons=found.status.astype(np.int64),
        words=CONTRACTION,
        known=_end(courses, settings),
        day=None,
        used=found.used,
        units=("day",) * len(courses.analytes),
    )
    notes = line_checks(code, courses, found, found.status == contraction.DEFINED, "contraction-line", family=family)
    return Computed(rows=rows, checks=notes)


def _rebounds(courses: Courses, settings: Profile) -> rebound.Rebounds:
    mask = _after_infusion(courses, settings)
    return rebound.rebounds(courses.times, courses.values, courses.censoring, mask, rise=settings.rise)


def second_peak(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """The second peak: the highest value after the nadir (see :func:`correlates.stats.rebound.rebounds`)."""
    return _second(code, settings, inputs, take_time=False)


def second_peak_day(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """The day of the second peak."""
    return _second(code, settings, inputs, take_time=True)


def _second(code: str, settings: Profile, inputs: Inputs, *, take_time: bool) -> Computed:
    courses, family = select(settings, inputs)
    found = _rebounds(courses, settings)
    rows = rows_of(
        code,
        courses,
        family=family,
        value=found.second.time if take_time else found.second.value,
        censoring=np.zeros_like(found.second.censoring) if take_time else found.second.censoring,
        reasons=found.status.astype(np.int64),
        words=SECOND,
        known=_end(courses, settings),
        day=found.second.time,
        used=found.used,
        units=("day",) * len(courses.analytes) if take_time else courses.units,
    )
    at = np.flatnonzero(found.status == rebound.FOUND)
    first, nadir, second = found.first, found.nadir, found.second
    notes = profile_checks(
        code,
        courses,
        at,
        family=family,
        rule="second-peak",
        found=(
            f"{a:.4g} on day {on_a:g}, nadir {'below ' if low else ''}{b:.4g} on day {on_b:g}, then {c:.4g} on day {on_c:g}"
            for a, on_a, low, b, on_b, c, on_c in numbers(
                at, first.value, first.time, nadir.censoring < 0, nadir.value, nadir.time, second.value, second.time
            )
        ),
        value=found.rise[at],
        required="none (for information)",
        passed=np.ones(at.size, dtype=np.bool_),
        used=found.used,
    )
    return Computed(rows=rows, checks=notes)


def re_expansion(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """1 where there is a second peak, 0 where there is none."""
    courses, family = select(settings, inputs)
    found = _rebounds(courses, settings)
    rows = rows_of(
        code,
        courses,
        family=family,
        value=(found.status == rebound.FOUND).astype(np.float64),
        censoring=np.zeros(found.status.shape, dtype=np.int8),
        reasons=np.where(found.status == rebound.NONE_FOUND, 0, found.status).astype(np.int64),
        words=SECOND,
        known=_end(courses, settings),
        day=None,
        used=_after_infusion(courses, settings),
        units=(None,) * len(courses.analytes),
    )
    return Computed(rows=rows)


def last_positive(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """The last day of detection: the loss came later, so that the value is right-censored."""
    courses, family = select(settings, inputs)
    found = _losses(courses, settings)
    point = found.last_positive
    rows = rows_of(
        code,
        courses,
        family=family,
        value=point.time,
        censoring=point.found.astype(np.int8),
        reasons=np.where(point.found, 0, np.where(found.status == detection_loss.NO_SAMPLE, 1, 2)).astype(np.int64),
        words=LAST_POSITIVE,
        known=_end(courses, settings),
        day=point.time,
        used=courses.only(point.index, point.found),
        units=("day",) * len(courses.analytes),
    )
    return Computed(rows=rows)


def first_negative(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """The first day without detection after the last one with it: the loss came no later, so that the value is left-censored."""
    courses, family = select(settings, inputs)
    found = _losses(courses, settings)
    point, lost = found.first_negative, found.status == detection_loss.LOST
    rows = rows_of(
        code,
        courses,
        family=family,
        value=np.where(lost, point.time, 0.0),
        censoring=np.where(lost, -1, 0).astype(np.int8),
        reasons=found.status.astype(np.int64),
        words=FIRST_NEGATIVE,
        known=_end(courses, settings),
        day=point.time,
        used=courses.only(point.index, np.asarray(lost, dtype=np.bool_)),
        units=("day",) * len(courses.analytes),
    )
    return Computed(rows=rows)


def _losses(courses: Courses, settings: Profile) -> detection_loss.Losses:
    mask = _after_infusion(courses, settings)
    return detection_loss.losses(courses.times, courses.values, courses.censoring, mask)
