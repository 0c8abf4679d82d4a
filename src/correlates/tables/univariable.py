"""Univariable associations: one row per biomarker, endpoint and method."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from correlates.rounding import NOTHING, fixed, interval, p_value, percent
from correlates.tables.record import Cell, DisplayTable, Heading, text

_KEYS = ("analysis_id", "biomarker", "biomarker_group", "endpoint", "population", "method")

_EFFECTS: Mapping[str, tuple[str, str]] = {
    "wilcoxon": ("auc", "AUC"),
    "firth": ("odds_ratio", "OR"),
    "logistic_ml": ("odds_ratio", "OR"),
    "fisher": ("odds_ratio", "OR"),
}
"""Statistic that stands for the effect of a method, with its abbreviation; its interval has the same name with _lower and _upper."""


def univariable(
    results: pl.DataFrame, labels: Mapping[str, str], reasons: Mapping[str, str], notices: Mapping[str, str]
) -> DisplayTable | None:
    """The table of all associations; None where there is none.

    Parameters
    ----------
    results
        The results table.
    labels, reasons, notices
        Labels of biomarkers, endpoints and methods; sentences of reasons and notices, by code.
    """
    whole = results.filter(pl.col("level") == "")
    if whole.is_empty():
        return None
    rows = []
    for key, group in whole.group_by(["result_id", *_KEYS], maintain_order=True):
        _, _, biomarker, in_group, endpoint, population, method = (str(part) for part in key)
        stats = dict(group.select("stat_name", "value").iter_rows())
        first = group.row(0, named=True)
        name, abbreviation = _EFFECTS.get(method, ("statistic", ""))
        effect = stats.get(name)
        estimate = f"{abbreviation} {fixed(effect)}".strip() if effect is not None else NOTHING
        remarks = [reasons.get(first["error"], first["error"])] if first["error"] else []
        remarks += [notices.get(code, code) for code in first["notices"]]
        censored = first["n_censored"] / first["n"] if first["n"] and first["n_censored"] is not None else None
        rows.append(
            (
                text(labels.get(biomarker, biomarker)),
                text(in_group),
                text("prespecified" if first["prespecified"] else "exploratory"),
                text(labels.get(endpoint, endpoint)),
                text(population),
                text(labels.get(method, method)),
                Cell(text=str(first["n"] if first["n"] is not None else NOTHING), sort=first["n"]),
                Cell(text=percent(censored), sort=censored),
                Cell(text=estimate, sort=effect),
                Cell(
                    text=interval(stats.get(f"{name}_lower"), stats.get(f"{name}_upper")),
                    sort=stats.get(f"{name}_lower"),
                ),
                Cell(text=p_value(stats.get("p")), sort=stats.get("p")),
                Cell(text=p_value(stats.get("p_adjusted")), sort=stats.get("p_adjusted")),
                text("; ".join(remarks) or None),
                text(first["result_id"]),
            )
        )
    return DisplayTable(
        name="univariable",
        title="All associations",
        headings=(
            Heading(label="Biomarker"),
            Heading(label="Group", choose=True),
            Heading(label="Declared", choose=True),
            Heading(label="Endpoint", choose=True),
            Heading(label="Population", choose=True),
            Heading(label="Method", choose=True),
            Heading(label="n", numeric=True),
            Heading(label="Censored", numeric=True),
            Heading(label="Effect", numeric=True),
            Heading(label="95 % CI", numeric=True),
            Heading(label="P", numeric=True),
            Heading(label="P adjusted", numeric=True),
            Heading(label="Remarks"),
            Heading(label="Result"),
        ),
        rows=tuple(rows),
        note="AUC: probability that a subject with the event has the higher value, ties counted half (DeLong interval). "
        "OR: odds ratio per doubling for concentrations, counts and their ratios, per standard deviation or unit otherwise "
        "(profile interval). P adjusted: within the declared family. Result: what 'correlates trace RUN --result' takes.",
    )
