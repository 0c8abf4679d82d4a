"""From arrays over profiles to rows of the table ``parameters``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from correlates.parameters.courses import WORD_OF, Courses
from correlates.schema.table import NUMBER, TEXT, TEXTS
from correlates.stats.profiles import Codes, Floats, Mask
from correlates.terms import Reason

ROWS = {
    "subject_id": TEXT,
    "code": TEXT,
    "analyte": TEXT,
    "value": NUMBER,
    "category": TEXT,
    "unit": TEXT,
    "censoring": TEXT,
    "reason": TEXT,
    "timing": TEXT,
    "known_on_day": NUMBER,
    "day": NUMBER,
    "nominal_day": NUMBER,
    "source_ids": TEXTS,
}


def codes_of(code: str, courses: Courses, *, family: bool) -> list[str]:
    """The code of each analyte: CODE, or CODE.ANALYTE in a family."""
    return [f"{code}.{a}" if family else code for a in courses.analytes]


def rows_of(
    code: str,
    courses: Courses,
    *,
    family: bool,
    value: Floats,
    censoring: Codes,
    reasons: NDArray[np.int64],
    words: tuple[Reason | None, ...],
    known: Floats,
    day: Floats | None,
    used: Mask,
    units: tuple[str | None, ...],
) -> pl.DataFrame:
    """Rows of every profile.

    ``reasons`` indexes ``words``; where the word is None the value stands. ``day`` is the day of the deciding sample;
    ``known`` the day the value is known; ``used`` the samples behind it.
    """
    n = len(courses.subjects)
    absent = np.isin(reasons, [i for i, w in enumerate(words) if w is not None])
    named = {i: None if w is None else w.value for i, w in enumerate(words)}
    actual, nominal = (None, None) if day is None else _both_days(courses, day, ~absent)

    def numbers(array: Floats | None) -> pl.Series:
        if array is None:
            return pl.Series([None], dtype=NUMBER).new_from_index(0, absent.size)
        return pl.Series(np.where(absent, np.nan, array), dtype=NUMBER).fill_nan(None)

    frame = pl.DataFrame(
        {
            "subject_id": pl.Series(list(courses.subjects) * len(courses.analytes), dtype=TEXT),
            "code": _each(codes_of(code, courses, family=family), n),
            "analyte": _each(courses.analytes, n),
            "value": numbers(value),
            "category": pl.Series([None], dtype=TEXT).new_from_index(0, absent.size),
            "unit": _each(units, n),
            "censoring": pl.Series(np.where(absent, 9, censoring).astype(np.int8)).replace_strict(
                {**WORD_OF, 9: None}, return_dtype=TEXT
            ),
            "reason": pl.Series(reasons.astype(np.int64)).replace_strict(named, return_dtype=TEXT),
            "timing": pl.Series([None], dtype=TEXT).new_from_index(0, absent.size),
            "known_on_day": numbers(known),
            "day": numbers(actual),
            "nominal_day": numbers(nominal),
            "source_ids": courses.source_ids(used),
        }
    )
    return frame.select(list(ROWS))


def _each(words: Sequence[str | None], n: int) -> pl.Series:
    """Every word n times."""
    return pl.Series(words, dtype=TEXT).gather(np.repeat(np.arange(len(words)), n))


def _both_days(courses: Courses, day: Floats, there: Mask) -> tuple[Floats, Floats]:
    """The actual and the planned day of the sample of each profile that stands at a day of the clock in use; NaN without one."""
    if courses.times.shape[1] == 0:
        empty = np.full(day.shape, np.nan)
        return empty, empty
    at = courses.valid & (courses.times == day[:, None])
    index, found = np.argmax(at, axis=1), there & np.any(at, axis=1)
    rows = np.arange(day.size)
    actual, nominal = (np.where(found, part[rows, index], np.nan) for part in (courses.actual, courses.nominal))
    return actual, nominal
