"""Parameters of the terminal (contraction) phase: its rate, its half-life, the area to infinite time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from correlates.parameters.courses import Courses
from correlates.parameters.emit import rows_of
from correlates.parameters.kinetics import select
from correlates.parameters.profile_checks import numbers, profile_checks
from correlates.parameters.record import Computed, Inputs
from correlates.parameters.settings import Profile
from correlates.stats import censored_decline, terminal
from correlates.stats.censored_decline import CensoredSlopes
from correlates.stats.profiles import Floats, Mask, some
from correlates.stats.terminal import InfiniteAreas, TerminalSlopes
from correlates.terms import Reason

REASONS = (
    None,
    Reason.NO_SAMPLE,
    Reason.NOTHING_QUANTIFIABLE,
    Reason.TOO_FEW_AFTER_PEAK,
    Reason.NOT_DECLINING,
    Reason.WINDOW_NOT_COVERED,
    Reason.CHOSEN_POINT_MISSING,
)
"""The reasons in the order of the status of :mod:`correlates.stats.terminal`; then a chosen point that is not there."""

TOBIT = (
    None,
    Reason.NO_SAMPLE,
    Reason.NOTHING_QUANTIFIABLE,
    Reason.TOO_FEW_AFTER_PEAK,
    Reason.NOT_DECLINING,
    Reason.NOT_CONVERGED,
)
"""The reasons in the order of the status of :mod:`correlates.stats.censored_decline`."""

LEAST_R2, LEAST_SPAN, MOST_EXTRAPOLATED = 0.9, 2.0, 0.2
"""Where a line, or an area that leans on it, is flagged: the default limits of the exclusion rules of PKNCA."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The points chosen by hand, (m, k), the profiles in which one of them is not there, (m,), and what is there, (m, k)."""

    points: Mask
    missing: Mask
    there: Mask


def choice(courses: Courses, settings: Profile) -> Choice:
    """The points that the plan names for a subject, in each of its profiles."""
    points = np.zeros(courses.valid.shape, dtype=np.bool_)
    missing = np.zeros(courses.valid.shape[0], dtype=np.bool_)
    there = courses.within(settings.window) & (courses.censoring == 0) & (courses.values > 0)
    n = len(courses.subjects)
    for subject, days in settings.line.days.items():
        rows = np.arange(len(courses.analytes)) * n + courses.subjects.index(subject)
        for day in days:
            at = there[rows] & (courses.times[rows] == day)
            points[rows] |= at
            missing[rows] |= ~some(at)
    return Choice(points=points, missing=missing, there=there)


def _lines(courses: Courses, settings: Profile) -> tuple[TerminalSlopes, Choice]:
    picked = choice(courses, settings)
    found = terminal.terminal_slopes(
        courses.times,
        courses.values,
        courses.censoring,
        courses.within(settings.window),
        delay=settings.line.after_peak,
        last=settings.line.last,
        chosen=picked.points if settings.line.days else None,
    )
    return found, picked


def lambda_z(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """Rate of the terminal phase (see :func:`correlates.stats.terminal.terminal_slopes`)."""
    return _of_line(code, settings, inputs, lambda found: found.lambda_z, "1/day", told=True)


def half_life(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """Half-life of the terminal phase: ln 2 over its rate."""
    return _of_line(code, settings, inputs, lambda found: found.half_life, "day", told=True)


def lambda_z_points(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """Points of the terminal line."""
    return _of_line(code, settings, inputs, lambda found: found.n_points.astype(np.float64), None)


def lambda_z_r2(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """Adjusted R2 of the terminal line."""
    return _of_line(code, settings, inputs, lambda found: found.adjusted_r2, None)


def lambda_z_start(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """Day of the first point of the terminal line."""
    return _of_line(code, settings, inputs, lambda found: found.first_time, "day")


def lambda_z_end(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """Day of the last point of the terminal line."""
    return _of_line(code, settings, inputs, lambda found: found.last_time, "day")


def _of_line(
    code: str,
    settings: Profile,
    inputs: Inputs,
    value: Callable[[TerminalSlopes], Floats],
    unit: str | None,
    *,
    told: bool = False,
) -> Computed:
    courses, family = select(settings, inputs)
    found, picked = _lines(courses, settings)
    rows = rows_of(
        code,
        courses,
        family=family,
        value=value(found),
        censoring=np.zeros(found.status.shape, dtype=np.int8),
        reasons=np.where(picked.missing, len(REASONS) - 1, found.status).astype(np.int64),
        words=REASONS,
        known=_end(courses, settings),
        day=None,
        used=np.asarray(found.used & ~picked.missing[:, None], dtype=np.bool_),
        units=(unit,) * len(courses.analytes),
    )
    if not told:
        return Computed(rows=rows)
    return Computed(rows=rows, checks=slope_checks(code, courses, found, picked, settings, family=family))


def half_life_tobit(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """Half-life of the decline with the values below their limits in it (see :func:`correlates.stats.censored_decline.censored_slopes`)."""
    courses, family = select(settings, inputs)
    found = censored_decline.censored_slopes(
        courses.times,
        courses.values,
        courses.censoring,
        courses.within(settings.window),
        delay=settings.line.after_peak,
    )
    rows = rows_of(
        code,
        courses,
        family=family,
        value=found.half_life,
        censoring=np.zeros(found.status.shape, dtype=np.int8),
        reasons=found.status.astype(np.int64),
        words=TOBIT,
        known=_end(courses, settings),
        day=None,
        used=found.used,
        units=("day",) * len(courses.analytes),
    )
    return Computed(rows=rows, checks=_tobit_checks(code, courses, found, family=family))


def _tobit_checks(code: str, courses: Courses, found: CensoredSlopes, *, family: bool) -> pl.DataFrame:
    at = np.flatnonzero(found.status == censored_decline.DEFINED)
    return profile_checks(
        code,
        courses,
        at,
        family=family,
        rule="censored-line",
        found=(
            f"{quantified} quantified values and {low} below their limits after the peak, day {first:g} to {final:g}, "
            f"residual SD {sigma:.3g} (ln)"
            for quantified, low, first, final, sigma in numbers(
                at, found.n_quantified, found.n_censored, found.first_time, found.last_time, found.sigma
            )
        ),
        value=found.n_censored[at].astype(np.float64),
        required="more values quantified than below their limits",
        passed=found.n_quantified[at] > found.n_censored[at],
        used=found.used,
    )


def auc_inf(code: str, settings: Profile, inputs: Inputs) -> Computed:
    """Area to infinite time (see :func:`correlates.stats.terminal.infinite_areas`)."""
    courses, family = select(settings, inputs)
    picked = choice(courses, settings)
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
        delay=settings.line.after_peak,
        last=settings.line.last,
        chosen=picked.points if settings.line.days else None,
    )
    rows = rows_of(
        code,
        courses,
        family=family,
        value=found.area,
        censoring=found.censoring,
        reasons=np.where(picked.missing, len(REASONS) - 1, found.status).astype(np.int64),
        words=REASONS,
        known=_end(courses, settings),
        day=None,
        used=np.asarray(found.used & ~picked.missing[:, None], dtype=np.bool_),
        units=tuple(None if u is None else f"day x {u}" for u in courses.units),
    )
    notes = slope_checks(code, courses, found.slopes, picked, settings, family=family)
    shares = _share_checks(code, courses, found, picked, family=family)
    return Computed(rows=rows, checks=pl.concat([notes, shares]))


def _end(courses: Courses, settings: Profile) -> Floats:
    return np.full(courses.valid.shape[0], float(settings.window[1]))


def slope_checks(
    code: str, courses: Courses, found: TerminalSlopes, picked: Choice, settings: Profile, *, family: bool
) -> pl.DataFrame:
    """The points of every line and how well they lie on it; of a line whose chosen points are not all there, which are not."""
    lines = _line_checks(code, courses, found, picked, settings, family=family)
    return pl.concat([lines, _choice_checks(code, courses, picked, settings, family=family)])


def _choice_checks(code: str, courses: Courses, picked: Choice, settings: Profile, *, family: bool) -> pl.DataFrame:
    at = np.flatnonzero(picked.missing)

    def words(row: int) -> str:
        days = courses.times[row][picked.there[row]].tolist()
        absent = [d for d in settings.line.days[courses.subjects[row % len(courses.subjects)]] if d not in days]
        seen = f"there is one on day {', '.join(f'{d:g}' for d in days)}" if days else "there is none in the window"
        return f"no quantified value on day {', '.join(f'{d:g}' for d in absent)}; {seen}"

    return profile_checks(
        code,
        courses,
        at,
        family=family,
        rule="chosen-points-present",
        found=(words(row) for row in at.tolist()),
        value=np.full(at.size, np.nan),
        required="a quantified value on every day chosen by hand",
        action="excluded",
        used=picked.there,
    )


def _line_checks(
    code: str, courses: Courses, found: TerminalSlopes, picked: Choice, settings: Profile, *, family: bool
) -> pl.DataFrame:
    at = np.flatnonzero((found.status == terminal.DEFINED) & ~picked.missing)
    span = found.span
    by_hand = np.tile([subject in settings.line.days for subject in courses.subjects], len(courses.analytes))
    return profile_checks(
        code,
        courses,
        at,
        family=family,
        rule="terminal-line",
        found=(
            f"{n} of {after} points after the peak, {'chosen by hand, ' if chosen else ''}day {first:g} to {final:g} "
            f"({halves:.3g} half-lives), adjusted R2 {r2:.3g}"
            for n, after, chosen, first, final, halves, r2 in numbers(
                at,
                found.n_points,
                found.n_after_peak,
                by_hand,
                found.first_time,
                found.last_time,
                span,
                found.adjusted_r2,
            )
        ),
        value=found.n_points[at].astype(np.float64),
        required=f"adjusted R2 of at least {LEAST_R2:g} over at least {LEAST_SPAN:g} half-lives",
        passed=(found.adjusted_r2[at] >= LEAST_R2) & (span[at] >= LEAST_SPAN),
        used=found.used,
    )


def _share_checks(code: str, courses: Courses, found: InfiniteAreas, picked: Choice, *, family: bool) -> pl.DataFrame:
    at = np.flatnonzero(some(found.used) & ~picked.missing)
    low = (found.used & (courses.censoring < 0)).sum(axis=1)
    return profile_checks(
        code,
        courses,
        at,
        family=family,
        rule="area-extrapolated-share",
        found=(
            f"{100 * share:.3g} % of the area is extrapolated"
            + (f"; {n} samples below the limit in the area before" if n else "")
            for share, n in numbers(at, found.share, low)
        ),
        value=found.share[at],
        required=f"at most {100 * MOST_EXTRAPOLATED:g} %",
        passed=found.share[at] <= MOST_EXTRAPOLATED,
        used=found.slopes.used,
    )
