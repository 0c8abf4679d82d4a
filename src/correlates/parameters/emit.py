"""From arrays over profiles to rows of the table ``parameters``."""

from __future__ import annotations

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
    absent = pl.Series("absent", np.isin(reasons, [i for i, w in enumerate(words) if w is not None]))
    named = {i: None if w is None else w.value for i, w in enumerate(words)}
    wide = {
        "subject_id": pl.Series(list(courses.subjects) * len(courses.analytes), dtype=TEXT),
        "code": pl.Series([c for c in codes_of(code, courses, family=family) for _ in range(n)], dtype=TEXT),
        "analyte": pl.Series([a for a in courses.analytes for _ in range(n)], dtype=TEXT),
        "unit": pl.Series([u for u in units for _ in range(n)], dtype=TEXT),
        "value": pl.Series(value, dtype=NUMBER),
        "censoring": pl.Series(censoring).replace_strict(WORD_OF, return_dtype=TEXT),
        "reason": pl.Series(reasons.astype(np.int64)).replace_strict(named, return_dtype=TEXT),
        "known_on_day": pl.Series(known, dtype=NUMBER),
        "day": pl.Series(np.zeros(value.shape) if day is None else day, dtype=NUMBER),
        "absent": absent,
        "source_ids": courses.source_ids(used),
    }
    frame = pl.DataFrame(wide)
    blank = ["value", "censoring", "known_on_day", "day"]
    frame = frame.with_columns(pl.when(~pl.col("absent")).then(pl.col(name)).alias(name) for name in blank)
    if day is None:
        frame = frame.with_columns(day=pl.lit(None, dtype=NUMBER))
    return frame.with_columns(category=pl.lit(None, dtype=TEXT), timing=pl.lit(None, dtype=TEXT)).select(list(ROWS))
