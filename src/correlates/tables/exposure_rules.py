"""Exposure parameters under other rules, as people read them."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from correlates.rounding import number, p_value, percent, unit_text
from correlates.tables.record import Column, DisplayTable, counts, numbers, words

RULES = {
    "linear": "linear",
    "linear_up_log_down": "linear up, log down",
    "linear_log": "linear to the peak, log after",
    "log": "logarithmic",
}
BELOW = {"zero": "0", "half": "limit / 2", "limit": "limit", "drop": "left out"}
_EFFECTS = {"wilcoxon": "AUC of ranks", "firth": "Odds ratio"}


def exposure_rules(
    frame: pl.DataFrame, values: pl.DataFrame, labels: Mapping[str, str], reasons: Mapping[str, str]
) -> tuple[DisplayTable, ...]:
    """One table per analysis and parameter: every variant, how far the values move, and the association with it."""
    made = []
    for (analysis, parameter), rows in frame.group_by("analysis_id", "parameter", maintain_order=True):
        mine = values.filter((pl.col("analysis_id") == analysis) & (pl.col("parameter") == parameter))
        made.append(_one(str(analysis), str(parameter), rows, mine, labels, reasons))
    return tuple(made)


def _one(
    analysis: str,
    parameter: str,
    rows: pl.DataFrame,
    values: pl.DataFrame,
    labels: Mapping[str, str],
    reasons: Mapping[str, str],
) -> DisplayTable:
    one = rows.unique("variant", keep="first", maintain_order=True).sort("variant")
    unit, method = unit_text(one["unit"][0]), one["method"][0]
    columns: list[Column] = [
        words("Area", [RULES[r] + (" (declared)" if d else "") for r, d in one.select("rule", "declared").iter_rows()]),
        words("Before the first", [BELOW[w] for w in one["before"]]),
        words("Between", [BELOW[w] for w in one["between"]]),
        words("After the last", [BELOW[w] for w in one["after"]]),
    ]
    columns += [
        words(title, [w.replace("_", " ") for w in one[name]])
        for name, title in (("at_start", "Start"), ("at_end", "End"))
        if one[name].n_unique() > 1
    ]
    columns += [
        counts("n", one["n"]),
        counts("Lost", one["n_lost"]),
        counts("Gained", one["n_gained"]),
        numbers(f"Median ({unit})" if unit else "Median", one["median"]),
        numbers("Median difference", one["median_difference"], _tenths),
        numbers("Largest difference", one["largest_difference"], _tenths),
    ]
    for endpoint in rows["endpoint"].unique(maintain_order=True):
        if not endpoint:
            continue
        mine = rows.filter(pl.col("endpoint") == endpoint).sort("variant")
        name = labels.get(endpoint, endpoint)
        columns += [
            numbers(f"P, {name}", mine["p"], p_value),
            numbers(f"{_EFFECTS[method]}, {name}", mine["estimate"]),
        ]
    errors = sorted({reasons.get(e, e) for e in rows["error"].drop_nulls()})
    spread = _spread(values)
    note = (
        "Differences are of each subject's value from the declared one, in size. Lost and gained: subjects with a value as declared and "
        "none here, and the other way round. P values are not adjusted: the declared one is the test." + spread
    )
    return DisplayTable(
        name=f"exposure_rules_{analysis}_{parameter}",
        title=f"{labels.get(parameter, parameter)} under other rules",
        columns=tuple(columns),
        note=note + (f" {'; '.join(errors)}." if errors else ""),
    )


def _tenths(share: float | None) -> str:
    return percent(share, 1)


def _spread(values: pl.DataFrame) -> str:
    """How far the values of one subject lie apart over all variants, relative to the declared one."""
    each = values.group_by("subject_id").agg(
        spread=pl.col("difference").max() - pl.col("difference").min(), n=pl.col("difference").count()
    )
    known = each.filter(pl.col("n") > 1)
    if known.is_empty():
        return ""
    middle, largest = known["spread"].median(), known["spread"].max()
    assert isinstance(middle, float)
    assert isinstance(largest, float)
    return (
        f" Over all {values['variant'].n_unique()} variants the values of one subject lie apart by {_tenths(middle)} of the declared "
        f"one in the median and by {_tenths(largest)} at most ({number(known.height)} subjects)."
    )
