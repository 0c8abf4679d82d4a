"""Share of subjects with detectable cells at declared days."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from correlates.rounding import NOTHING, percent
from correlates.tables.record import DisplayTable, counts, marked, numbers, words


def persistence(frame: pl.DataFrame, labels: Mapping[str, str]) -> tuple[DisplayTable, ...]:
    """One table per analysis: the share by group and day, with its limits."""
    made = []
    for (analysis,), rows in frame.group_by("analysis_id", maintain_order=True):
        spans = [
            NOTHING if low is None else percent(low) if high - low < 0.005 else f"{percent(low)} to {percent(high)}"
            for low, high in rows.select("low", "high").iter_rows()
        ]
        limits = [
            NOTHING if low is None or high is None else f"{percent(low)} to {percent(high)}"
            for low, high in rows.select("lower", "upper").iter_rows()
        ]
        made.append(
            DisplayTable(
                name=f"persistence_{analysis}",
                title="Share of subjects with detectable cells",
                columns=(
                    words(
                        "Group",
                        [labels.get(f"class:{g}", g) if g else "All subjects" for g in rows["group"]],
                        choose=True,
                    ),
                    numbers("Day", rows["day"]),
                    counts("n", rows["n"]),
                    counts("Followed to that day", rows["n_followed"]),
                    marked("Share detectable", spans, rows["low"]),
                    marked("95 % limits", limits, rows["lower"]),
                ),
                note="Two shares are given where the day lies between the samples in which detection was lost: the data do not say "
                "more. No share is given beyond the last sample of the group.",
            )
        )
    return tuple(made)
