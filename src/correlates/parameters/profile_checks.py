"""Checks of many profiles at once, as columns: one Python object per check would take longer than the parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from correlates.parameters.checks import STAGE
from correlates.parameters.courses import Courses
from correlates.parameters.emit import codes_of
from correlates.provenance import encoded, short_id_of
from correlates.schema import CHECKS
from correlates.schema.table import FLAG, NUMBER, TEXT
from correlates.stats.contraction import Contractions
from correlates.stats.expansion import Expansions
from correlates.stats.profiles import Floats, Ints, Mask


def profile_checks(
    code: str,
    courses: Courses,
    at: Ints,
    *,
    family: bool,
    rule: str,
    found: Iterable[str],
    value: Floats,
    required: str,
    used: Mask,
    passed: Mask | None = None,
    action: str = "flagged",
) -> pl.DataFrame:
    """A check of each of the profiles ``at``, as rows of the table ``checks``.

    Parameters
    ----------
    code, courses, family
        Of the parameter.
    at
        Which profiles, (c,).
    found
        What was found in each of them, without the code of the parameter.
    value
        The same as a number, (c,); NaN where it is none.
    used
        The samples concerned, of all profiles, (m, k).
    passed
        Whether the rule holds, (c,); nowhere, when not given.
    action
        What is done where it does not hold.
    """
    if at.size == 0:
        return CHECKS.empty()
    n = len(courses.subjects)
    fine = np.zeros(at.size, dtype=np.bool_) if passed is None else passed
    analyte, subject = np.divmod(at, n)
    names = codes_of(code, courses, family=family)
    head = f"{encoded(STAGE)},{encoded(courses.assay)}"
    tails = [f"{encoded(a)},{encoded(rule)},{encoded(name)}" for a, name in zip(courses.analytes, names, strict=True)]
    items = pl.Series(courses.subjects, dtype=TEXT).gather(subject)
    of_analyte = analyte.tolist()

    def same(word: str | None) -> pl.Series:
        return pl.Series([word], dtype=TEXT).new_from_index(0, at.size)

    return pl.DataFrame(
        {
            "check_id": pl.Series(
                [
                    short_id_of((head, encoded(who), tails[a]))
                    for a, who in zip(of_analyte, items.to_list(), strict=True)
                ],
                dtype=TEXT,
            ),
            "stage": same(STAGE),
            "assay": same(courses.assay),
            "scope": same("subject"),
            "item": items,
            "target": pl.Series(courses.analytes, dtype=TEXT).gather(analyte),
            "rule": same(rule),
            "found": pl.Series([f"{names[a]}: {text}" for a, text in zip(of_analyte, found, strict=True)], dtype=TEXT),
            "value": pl.Series(value, dtype=NUMBER).fill_nan(None),
            "required": same(required),
            "passed": pl.Series(fine, dtype=FLAG),
            "action": pl.Series(np.where(fine, 0, 1)).replace_strict({0: "none", 1: action}, return_dtype=TEXT),
            "source_ids": courses.source_ids(used, at),
        }
    )


def numbers(at: Ints, *columns: NDArray[Any]) -> Iterator[tuple[Any, ...]]:
    """What arrays over profiles hold at some of them, profile by profile."""
    return zip(*(column[at].tolist() for column in columns), strict=True)


def line_checks(
    code: str, courses: Courses, line: Expansions | Contractions, defined: Mask, rule: str, *, family: bool
) -> pl.DataFrame:
    """The points of the lines that are defined, and whether there are more than two."""
    at = np.flatnonzero(defined)
    return profile_checks(
        code,
        courses,
        at,
        family=family,
        rule=rule,
        found=(
            f"{n} points, day {first:g} to {final:g}, R2 {r2:.3g}"
            for n, first, final, r2 in numbers(at, line.n_points, line.first_time, line.last_time, line.r2)
        ),
        value=line.n_points[at].astype(np.float64),
        required="at least 3 points: two lie on any line",
        passed=line.n_points[at] >= 3,
        used=line.used,
    )
