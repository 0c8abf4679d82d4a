"""Parameters of the time course of one analyte: Cmax, Tmax, AUC, Clast, Tlast, quantifiable samples."""

from __future__ import annotations

import numpy as np

from correlates.parameters.checks import check
from correlates.parameters.courses import Courses
from correlates.parameters.emit import codes_of, rows_of
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


def peak_checks(code: str, courses: Courses, peaks: Peaks, mask: Mask, *, family: bool) -> list[dict[str, object]]:
    """What a reader of a maximum should know: hidden under a limit, or at the edge of what was sampled."""
    notes = []
    names = codes_of(code, courses, family=family)
    n = len(courses.subjects)
    ids = courses.source_ids(courses.only(peaks.point.index, peaks.point.found)).to_list()
    for i in np.flatnonzero(peaks.hidden > 0).tolist():
        limit, value = float(peaks.hidden[i]), float(peaks.point.value[i])
        notes.append(
            check(
                assay=courses.assay,
                subject=courses.subjects[i % n],
                target=courses.analytes[i // n],
                rule="peak-above-limits",
                found=f"{names[i // n]}: highest quantified value {value:g}; another sample is below its limit of {limit:g}",
                value=limit,
                required="no limit above the highest quantified value",
                passed=False,
                action="kept",
                source_ids=ids[i],
                parts=(names[i // n],),
            )
        )
    if mask.shape[1] == 0:
        return notes
    first = np.argmax(mask, axis=1)
    final = mask.shape[1] - 1 - np.argmax(mask[:, ::-1], axis=1)
    at_edge = (
        peaks.point.found & (peaks.point.censoring >= 0) & ((peaks.point.index == first) | (peaks.point.index == final))
    )
    for i in np.flatnonzero(at_edge).tolist():
        where = "first" if peaks.point.index[i] == first[i] else "last"
        notes.append(
            check(
                assay=courses.assay,
                subject=courses.subjects[i % n],
                target=courses.analytes[i // n],
                rule="peak-inside-profile",
                found=f"{names[i // n]}: the peak is the {where} sample of the window, day {peaks.point.time[i]:g}",
                value=float(peaks.point.time[i]),
                required="samples before and after the peak",
                passed=False,
                action="flagged",
                source_ids=ids[i],
                parts=(names[i // n],),
            )
        )
    return notes


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


def gap_checks(
    code: str, courses: Courses, peaks: Peaks, wide: Mask, gap: Gap, *, family: bool
) -> list[dict[str, object]]:
    """How far the samples beside a peak that is not determinable lie from it."""
    names, n = codes_of(code, courses, family=family), len(courses.subjects)
    before, after = peak_gaps(courses.times, courses.valid, peaks.point)
    ids = courses.source_ids(courses.only(peaks.point.index, wide)).to_list()
    asked = [
        f"{word} at most {days:g} days {side} it"
        for word, days, side in (("a sample or the infusion", gap.before, "before"), ("a sample", gap.after, "after"))
        if days is not None
    ]
    notes = []
    for i in np.flatnonzero(wide).tolist():
        first = (
            f"{before[i]:g} days after the sample before or the infusion"
            if np.isfinite(before[i])
            else "the first sample"
        )
        final = f"the next one {after[i]:g} days later" if np.isfinite(after[i]) else "no later one"
        notes.append(
            check(
                assay=courses.assay,
                subject=courses.subjects[i % n],
                target=courses.analytes[i // n],
                rule="peak-sampled-densely",
                found=f"{names[i // n]}: highest value {peaks.point.value[i]:g} on day {peaks.point.time[i]:g}, {first}, {final}",
                value=float(before[i]) if np.isfinite(before[i]) else None,
                required=" and ".join(asked),
                passed=False,
                action="excluded",
                source_ids=ids[i],
                parts=(names[i // n],),
            )
        )
    return notes


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
    return Computed(rows=rows, checks=(*notes, *gap_checks(code, courses, found, wide, settings.gap, family=family)))


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
    return Computed(rows=rows, checks=tuple(_area_checks(code, settings, courses, found, family=family)))


def _area_checks(
    code: str, settings: Profile, courses: Courses, found: areas.WindowAreas, *, family: bool
) -> list[dict[str, object]]:
    notes = []
    names = codes_of(code, courses, family=family)
    n = len(courses.subjects)

    def note(
        rule: str, i: int, text: str, value: float, ids: list[list[str]], *, required: str, action: str, passed: bool
    ) -> None:
        notes.append(
            check(
                assay=courses.assay,
                subject=courses.subjects[i % n],
                target=courses.analytes[i // n],
                rule=rule,
                found=f"{names[i // n]}: {text}",
                value=value,
                required=required,
                passed=passed,
                action=action,
                source_ids=ids[i],
                parts=(names[i // n],),
            )
        )

    low = found.used & (courses.censoring < 0)
    shares, bounds, counts = found.share.tolist(), found.area.tolist(), low.sum(axis=1).tolist()
    ids = courses.source_ids(low).to_list()
    for i in np.flatnonzero(some(low) & (found.censoring < 0)).tolist():
        text = f"all {counts[i]} samples are below their limits; the area is at most {bounds[i]:g}"
        note(
            "area-quantifiable",
            i,
            text,
            shares[i],
            ids,
            required="a quantifiable sample",
            action="flagged",
            passed=False,
        )
    for i in np.flatnonzero(some(low) & (found.censoring >= 0)).tolist():
        text = f"{100 * shares[i]:.3g} % of the area lies next to {counts[i]} samples below the limit"
        note(
            "area-censored-share",
            i,
            text,
            shares[i],
            ids,
            required="none (for information)",
            action="none",
            passed=True,
        )
    negative = found.used & (courses.values < 0)
    ids = courses.source_ids(negative).to_list()
    for i in np.flatnonzero(some(negative)).tolist():
        text, count = f"{len(ids[i])} negative values count as zero", float(len(ids[i]))
        note("area-not-negative", i, text, count, ids, required="no negative value", action="corrected", passed=False)
    first, final = settings.window
    whole = courses.source_ids(found.used).to_list()
    cut = (found.status == areas.DEFINED) & ((found.end < final) | (found.start > first))
    for i in np.flatnonzero(cut).tolist():
        start, end = float(found.start[i]), float(found.end[i])
        text = f"area of day {start:g} to {end:g}"
        note(
            "area-of-whole-window",
            i,
            text,
            end - start,
            whole,
            required=f"day {first:g} to {final:g}",
            action="flagged",
            passed=False,
        )
    for i in np.flatnonzero(found.end_share > INTERPOLATED).tolist():
        share, later = float(found.end_share[i]), float(found.last_time[i])
        text = f"{100 * share:.3g} % of the area lies between the last sample of the window and the next one, day {later:g}"
        note(
            "area-end-interpolated",
            i,
            text,
            share,
            whole,
            required=f"at most {100 * INTERPOLATED:g} % of the area",
            action="flagged",
            passed=False,
        )
    uncovered = found.status == areas.NOT_COVERED
    ids = courses.source_ids(courses.valid & uncovered[:, None]).to_list()
    required = f"day {first:g} to {final:g}, start {settings.at_start}, end {settings.at_end}"
    for i in np.flatnonzero(uncovered).tolist():
        days = courses.times[i][courses.valid[i]]
        text = f"samples from day {days[0]:g} to {days[-1]:g}"
        note("window-covered", i, text, float(days[-1]), ids, required=required, action="excluded", passed=False)
    return notes
