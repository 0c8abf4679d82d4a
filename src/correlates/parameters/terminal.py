"""Parameters of the terminal (contraction) phase: its rate, its half-life, the area to infinite time."""

from __future__ import annotations

import numpy as np

from correlates.parameters.checks import check
from correlates.parameters.courses import Courses
from correlates.parameters.emit import codes_of, rows_of
from correlates.parameters.kinetics import select
from correlates.parameters.record import Computed, Inputs
from correlates.parameters.settings import Profile
from correlates.stats import terminal
from correlates.stats.profiles import Floats, some
from correlates.stats.terminal import InfiniteAreas, TerminalSlopes
from correlates.terms import Reason

REASONS = (
    None,
    Reason.NO_SAMPLE,
    Reason.NOTHING_QUANTIFIABLE,
    Reason.TOO_FEW_AFTER_PEAK,
    Reason.NOT_DECLINING,
    Reason.WINDOW_NOT_COVERED,
)
"""The reasons in the order of the status of :mod:`correlates.stats.terminal`."""

LEAST_R2, LEAST_SPAN, MOST_EXTRAPOLATED = 0.9, 2.0, 0.2
"""Where a line, or an area that leans on it, is flagged: the default limits of the exclusion rules of PKNCA."""


def lambda_z(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """Rate of the terminal phase (see :func:`correlates.stats.terminal.terminal_slopes`)."""
    return _slope(code, settings, inputs, half_life=False)


def half_life(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """Half-life of the terminal phase: ln 2 over its rate."""
    return _slope(code, settings, inputs, half_life=True)


def _slope(code: str, settings: Profile, inputs: Inputs, *, half_life: bool) -> Computed:
    courses, family = select(settings, inputs)
    mask = courses.within(settings.window)
    found = terminal.terminal_slopes(courses.times, courses.values, courses.censoring, mask)
    rows = rows_of(
        code,
        courses,
        family=family,
        value=found.half_life if half_life else found.lambda_z,
        censoring=np.zeros(found.status.shape, dtype=np.int8),
        reasons=found.status.astype(np.int64),
        words=REASONS,
        known=_end(courses, settings),
        day=None,
        used=found.used,
        units=("day" if half_life else "1/day",) * len(courses.analytes),
    )
    return Computed(rows=rows, checks=tuple(slope_checks(code, courses, found, family=family)))


def auc_inf(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """Area to infinite time (see :func:`correlates.stats.terminal.infinite_areas`)."""
    courses, family = select(settings, inputs)
    found = terminal.infinite_areas(
        courses.times,
        courses.values,
        courses.censoring,
        courses.valid,
        window=settings.window,
        rule=settings.rule,
        before=settings.blq.before,
        between=settings.blq.between,
        at_start=settings.at_start,
    )
    rows = rows_of(
        code,
        courses,
        family=family,
        value=found.area,
        censoring=found.censoring,
        reasons=found.status.astype(np.int64),
        words=REASONS,
        known=_end(courses, settings),
        day=None,
        used=found.used,
        units=tuple(None if u is None else f"day x {u}" for u in courses.units),
    )
    notes = slope_checks(code, courses, found.slopes, family=family)
    return Computed(rows=rows, checks=(*notes, *_share_checks(code, courses, found, family=family)))


def _end(courses: Courses, settings: Profile) -> Floats:
    return np.full(courses.valid.shape[0], float(settings.window[1]))


def slope_checks(code: str, courses: Courses, found: TerminalSlopes, *, family: bool) -> list[dict[str, object]]:
    """The points of every line and how well they lie on it."""
    names, n = codes_of(code, courses, family=family), len(courses.subjects)
    ids = courses.source_ids(found.used).to_list()
    span = found.span
    notes = []
    for i in np.flatnonzero(found.status == terminal.DEFINED).tolist():
        name, r2 = names[i // n], float(found.adjusted_r2[i])
        fine = r2 >= LEAST_R2 and bool(span[i] >= LEAST_SPAN)
        notes.append(
            check(
                assay=courses.assay,
                subject=courses.subjects[i % n],
                target=courses.analytes[i // n],
                rule="terminal-line",
                found=(
                    f"{name}: {found.n_points[i]} of {found.n_after_peak[i]} points after the peak, day "
                    f"{found.first_time[i]:g} to {found.last_time[i]:g} ({span[i]:.3g} half-lives), adjusted R2 {r2:.3g}"
                ),
                value=float(found.n_points[i]),
                required=f"adjusted R2 of at least {LEAST_R2:g} over at least {LEAST_SPAN:g} half-lives",
                passed=fine,
                action="none" if fine else "flagged",
                source_ids=ids[i],
                parts=(name,),
            )
        )
    return notes


def _share_checks(code: str, courses: Courses, found: InfiniteAreas, *, family: bool) -> list[dict[str, object]]:
    names, n = codes_of(code, courses, family=family), len(courses.subjects)
    ids = courses.source_ids(found.slopes.used).to_list()
    low = (found.used & (courses.censoring < 0)).sum(axis=1)
    notes = []
    for i in np.flatnonzero(some(found.used)).tolist():
        name, share = names[i // n], float(found.share[i])
        fine = share <= MOST_EXTRAPOLATED
        joined = f"; {low[i]} samples below the limit in the area before" if low[i] else ""
        notes.append(
            check(
                assay=courses.assay,
                subject=courses.subjects[i % n],
                target=courses.analytes[i // n],
                rule="area-extrapolated-share",
                found=f"{name}: {100 * share:.3g} % of the area is extrapolated{joined}",
                value=share,
                required=f"at most {100 * MOST_EXTRAPOLATED:g} %",
                passed=fine,
                action="none" if fine else "flagged",
                source_ids=ids[i],
                parts=(name,),
            )
        )
    return notes
