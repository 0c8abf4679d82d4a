"""How far two assays of the same samples agree."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from correlates.rounding import NOTHING, fixed, interval
from correlates.tables.record import DisplayTable, counts, marked, words

_METHODS = {
    "pairs": "Pairs",
    "bland_altman": "Bland-Altman, differences",
    "bland_altman_ratio": "Bland-Altman, ratios",
    "concordance": "Concordance correlation",
    "deming": "Deming line",
    "weighted_deming": "Weighted Deming line",
    "passing_bablok": "Passing-Bablok line",
    "equivariant_passing_bablok": "Equivariant Passing-Bablok line",
}


def agreement(frame: pl.DataFrame, labels: Mapping[str, str]) -> DisplayTable | None:
    """The agreement of each declared pair of assays, statistic by statistic; None where none was declared."""
    if frame.is_empty():
        return None
    spans = [
        NOTHING if low is None and high is None else interval(low, high)
        for low, high in frame.select("lower", "upper").iter_rows()
    ]
    remarks = [
        "; ".join([*([reason] if reason else []), *cautions]).replace("-", " ").replace("_", " ")
        for reason, cautions in frame.select("reason", "cautions").iter_rows()
    ]
    pairs = [f"{labels.get(b, b)} against {labels.get(a, a)}" for a, b in frame.select("first", "second").iter_rows()]
    return DisplayTable(
        name="agreement",
        title="Agreement of assays",
        columns=(
            words("Assays", pairs, choose=True),
            words("Analyte", frame["analyte"], choose=True),
            words("Method", [_METHODS.get(m, m.replace("_", " ")) for m in frame["method"]], choose=True),
            words("Statistic", frame["stat_label"]),
            words("Of", frame["level"]),
            marked("Value", map(fixed, frame["value"]), frame["value"]),
            marked("95 % interval", spans, frame["lower"]),
            counts("Pairs", frame["n"]),
            words("Remarks", remarks),
        ),
        note="Lines and limits are of the pairs that both assays quantified.",
    )
