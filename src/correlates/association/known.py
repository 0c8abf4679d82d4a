"""When a biomarker is known, and what an outcome was by then: whether an association looks back or ahead."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

Decided = Mapping[tuple[str, str], int]
"""By biomarker and endpoint: subjects whose outcome was decided before the biomarker was known."""


def decided_before(parameters: pl.DataFrame, outcomes: pl.DataFrame, codes: list[str], endpoints: list[str]) -> Decided:
    """Subjects whose outcome was known before the biomarker was.

    Parameters
    ----------
    parameters, outcomes
        The tables of those names; ``known_on_day`` of each is compared, both on the axis of the infusion.
    codes, endpoints
        Which of them.

    Notes
    -----
    For a toxicity of grade 3 the day is that of its onset, for somebody without it the end of its observation; for a relapse the day
    of the relapse. Subjects without biomarker, outcome or either day are not counted; a pair with none is not in the mapping.
    """
    known = parameters.filter(
        pl.col("code").is_in(codes)
        & (pl.col("value").is_not_null() | pl.col("category").is_not_null())
        & (pl.col("known_on_day") > 0)
    ).select("subject_id", "code", biomarker_day="known_on_day")
    decided = outcomes.filter(
        pl.col("endpoint").is_in(endpoints)
        & pl.any_horizontal(pl.col(c).is_not_null() for c in ("category", "event", "grade"))
    ).select("subject_id", "endpoint", outcome_day="known_on_day")
    early = (
        known.join(decided, on="subject_id")
        .filter(pl.col("outcome_day") < pl.col("biomarker_day"))
        .group_by("code", "endpoint")
        .len()
    )
    return {(code, endpoint): int(n) for code, endpoint, n in early.iter_rows()}
