"""The share of subjects in whom cells are detectable over time, from the intervals in which detection was lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import polars as pl

from correlates.errors import DerivationError, Problem, unknown
from correlates.parameters.courses import Courses, courses
from correlates.parameters.prepare import usable
from correlates.parameters.settings import Clock
from correlates.schema import PERSISTENCE, PERSISTENCE_AT, conform
from correlates.stats import detection_loss
from correlates.stats.detection_loss import losses
from correlates.stats.profiles import Mask
from correlates.stats.turnbull import beyond, turnbull

EVERYBODY = ""
"""The group of all subjects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersistenceSettings:
    """What is estimated: of which analyte, over which days, at which days, by which clock, with how many draws of which seed."""

    assay: str
    analyte: str | None = None
    window: tuple[float, float] = (0.0, 730.0)
    at: tuple[float, ...] = (30.0, 91.0, 183.0, 365.0)
    days: Clock = "actual"
    level: float = 0.95
    draws: int = 500
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Persistence:
    """What is made: the tables ``persistence`` and ``persistence_at``."""

    intervals: pl.DataFrame
    at: pl.DataFrame


def persistence(
    name: str,
    measurements: pl.DataFrame,
    subjects: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    settings: PersistenceSettings,
) -> Persistence:
    """Share of subjects with detectable cells over time, in all and in each group.

    Parameters
    ----------
    name
        ``analysis_id`` of the rows.
    measurements
        Table of that name.
    subjects
        Who counts.
    groups
        Subjects of each group, in the order in which they are shown; none gives the whole alone.
    settings
        What is estimated.

    Returns
    -------
    Persistence
        A subject counts that has a sample after day 0 within the window. Detection is lost after its last value at or above the lower
        limit and no later than the first one below it that follows; not by the end where none follows; and before its first sample
        where it never had one at or above the limit.

    Raises
    ------
    DerivationError
        The analyte is not known, or not named where there are several.
    """
    mine = measurements.filter(pl.col("assay") == settings.assay)
    names = mine["analyte"].unique().sort().to_list()
    analyte = settings.analyte or (names[0] if len(names) == 1 else None)
    if settings.analyte is not None and settings.analyte not in names:
        raise DerivationError([unknown("analyte", settings.analyte, names, code="unknown-analyte")])
    if analyte is None and names:
        raise DerivationError(
            [
                Problem(
                    code="analyte-not-named",
                    what=f"{name} does not say which analyte of {settings.assay} it is of",
                    expected=f"one of {', '.join(names)}",
                    do="Give analyte",
                )
            ]
        )
    if analyte is None:
        return Persistence(intervals=PERSISTENCE.empty(), at=PERSISTENCE_AT.empty())
    samples, _ = usable(mine.filter(pl.col("analyte") == analyte), subjects, settings.days)
    course = courses(samples, assay=settings.assay, analytes=[analyte], subjects=subjects)
    select = np.asarray(course.within(settings.window) & (course.times > 0), dtype=np.bool_)
    found = losses(course.times, course.values, course.censoring, select)
    lower = np.where(found.last_positive.found, found.last_positive.time, 0.0)
    upper = np.where(found.first_negative.found, found.first_negative.time, np.inf)
    member = {EVERYBODY: list(subjects), **groups}
    rows, at = [], []
    for number, (group, who) in enumerate(member.items()):
        inside = np.isin(course.subjects, list(who)) & (found.status != detection_loss.NO_SAMPLE)
        fit = turnbull(
            lower[inside],
            upper[inside],
            level=settings.level,
            draws=settings.draws,
            seed=settings.seed + number,
        )
        if fit.n == 0:
            continue
        status = found.status[inside]
        keys = {"analysis_id": name, "assay": settings.assay, "analyte": analyte, "group": group}
        counts = {
            "n": fit.n,
            "n_lost": int((status == detection_loss.LOST).sum()),
            "n_never": int((status == detection_loss.NEVER_DETECTED).sum()),
            "n_still": int((status == detection_loss.STILL_DETECTED).sum()),
        }
        starts = np.concatenate([[1.0], fit.after[:-1]])
        rows += [
            {
                **keys,
                **counts,
                "lower": _number(low),
                "upper": _number(high),
                "mass": _number(mass),
                "before": _number(start),
                "after": _number(after) if np.isfinite(high) else None,
                "after_lower": _number(a) if np.isfinite(high) else None,
                "after_upper": _number(b) if np.isfinite(high) else None,
                "converged": fit.converged,
            }
            for low, high, mass, start, after, a, b in zip(
                fit.lower, fit.upper, fit.mass, starts, fit.after, fit.after_lower, fit.after_upper, strict=True
            )
        ]
        share = beyond(fit, settings.at)
        reach = np.max(np.where(select & inside[:, None], course.times, -np.inf), initial=-np.inf)
        at += [
            {
                **keys,
                "day": day,
                "n": fit.n,
                "n_followed": _followed(course, select, inside, day),
                "low": _number(share.low[i]) if day <= reach else None,
                "high": _number(share.high[i]) if day <= reach else None,
                "lower": _number(share.lower[i]) if day <= reach else None,
                "upper": _number(share.upper[i]) if day <= reach else None,
            }
            for i, day in enumerate(settings.at)
        ]
    return Persistence(
        intervals=conform(PERSISTENCE.frame(rows), PERSISTENCE), at=conform(PERSISTENCE_AT.frame(at), PERSISTENCE_AT)
    )


def _number(value: object) -> float | None:
    number = float(cast("float", value))
    return number if np.isfinite(number) else None


def _followed(course: Courses, select: Mask, inside: Mask, day: float) -> int:
    """Subjects whose last sample lies at that day or later."""
    latest = np.max(np.where(select, course.times, -np.inf), axis=1, initial=-np.inf)
    return int(((latest >= day) & inside).sum())
