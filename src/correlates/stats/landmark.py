"""Landmark sets, and splitting of follow-up where a covariate changes: the two ways round immortal-time bias.

A value that becomes known on day d says, by being known, that the subject was alive on day d. Compared from day 0, subjects who
lived long enough to have it look better for that alone. Either the clock starts at the landmark, for those still at risk, with what
was known by then; or the value counts only from the day it was known.

Sources: Anderson, Cain and Gelber, J Clin Oncol 1983;1:710-719 (doi:10.1200/JCO.1983.1.11.710). van Houwelingen, Scand J Statist
2007;34:70-85. Suissa, Am J Epidemiol 2008;167:492-499 (doi:10.1093/aje/kwm324).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats, Ints
from correlates.stats.at_risk import follow_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmark:
    """Who is still at risk after the landmark, and their follow-up counted from it.

    ``at_risk`` (n,) of all subjects; ``index`` (r,) the subjects at risk, ``time`` and ``event`` (r,) theirs, time from the landmark.
    ``excluded_events`` and ``excluded_censored`` count those whose follow-up ended on or before it.
    """

    day: float
    at_risk: Bools
    index: Ints
    time: Floats
    event: Bools
    excluded_events: int
    excluded_censored: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Rows (start, stop] of a follow-up split where a covariate changes, in the order of the subjects; every array is (r,).

    ``subject`` is the index of the subject, ``changed`` whether the row lies after the change, ``event`` whether it ends with the
    event.
    """

    subject: Ints
    start: Floats
    stop: Floats
    event: Bools
    changed: Bools


def landmark(time: npt.ArrayLike, event: npt.ArrayLike, day: float) -> Landmark:
    """The landmark set: subjects with time > day (event-free and under follow-up after it), their time counted from the day.

    Parameters
    ----------
    time, event
        (n,) each.
    day
        The landmark, on the scale of the times. Use a covariate only as far as it was known on this day: :func:`known_by`.

    Notes
    -----
    A subject whose follow-up ends on the landmark itself is not at risk after it. Everybody may be excluded: the arrays are
    then empty.
    """
    course = follow_up(time, event)
    if not np.isfinite(day):
        raise ValueError(f"the landmark must be a number, found {day}")
    at_risk = course.time > day
    index = np.flatnonzero(at_risk)
    return Landmark(
        day=float(day),
        at_risk=at_risk,
        index=index,
        time=course.time[index] - day,
        event=course.event[index],
        excluded_events=int((~at_risk & course.event).sum()),
        excluded_censored=int((~at_risk & ~course.event).sum()),
    )


def known_by(change: npt.ArrayLike, happened: npt.ArrayLike, day: float) -> Bools:
    """Which subjects had their change (response, peak) by the landmark: it happened, on or before the day.

    Parameters
    ----------
    change
        (n,) day of the change; not looked at where it did not happen.
    happened
        (n,) whether it ever happened.
    """
    days = np.asarray(change, dtype=np.float64)
    did = np.asarray(happened, dtype=np.bool_)
    if did.shape != days.shape:
        raise ValueError(f"happened must have the shape of change, found {did.shape} and {days.shape}")
    if np.isnan(days[did]).any():
        raise ValueError("change holds NaN where it happened")
    known: Bools = did & (np.where(did, days, np.inf) <= day)
    return known


def split_at_change(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    change: npt.ArrayLike,
    happened: npt.ArrayLike,
    entry: npt.ArrayLike | None = None,
) -> Split:
    """Follow-up as counting process with a covariate that changes once: (entry, change] before and (change, time] after.

    Parameters
    ----------
    time, event
        (n,) each.
    change, happened
        (n,) day of the change, and whether it happened.
    entry
        (n,) start of follow-up; 0 when not given.

    Notes
    -----
    A change on or after the end of follow-up does not count: nobody was observed after it. A change on or before the entry gives
    one row, all of it after. The covariate of an event at the day of the change is the one before: an effect follows its cause.
    """
    times = np.asarray(time, dtype=np.float64)
    start = np.zeros(times.shape) if entry is None else np.asarray(entry, dtype=np.float64)
    course = follow_up(times, event, start)
    n = course.time.size
    did = np.asarray(happened, dtype=np.bool_)
    days = np.asarray(change, dtype=np.float64)
    if did.shape != (n,) or days.shape != (n,):
        raise ValueError(f"change and happened must be ({n},), found {days.shape} and {did.shape}")
    if np.isnan(days[did]).any():
        raise ValueError("change holds NaN where it happened")
    days = np.where(did, days, np.inf)
    changes = days < course.time
    before = ~changes | (days > course.entry)
    subject = np.concatenate((np.flatnonzero(before), np.flatnonzero(changes)))
    changed = np.repeat([False, True], [int(before.sum()), int(changes.sum())])
    starts = np.where(changed, np.maximum(days[subject], course.entry[subject]), course.entry[subject])
    ends_early = ~changed & changes[subject]
    stops = np.where(ends_early, days[subject], course.time[subject])
    order = np.lexsort((changed, subject))
    return Split(
        subject=subject[order],
        start=starts[order],
        stop=stops[order],
        event=(course.event[subject] & ~ends_early)[order],
        changed=changed[order],
    )
