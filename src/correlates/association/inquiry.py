"""Methods with a question of their own: what such a method is, and how its findings become rows of results.

A method of :mod:`correlates.association.record` holds one biomarker against one endpoint. An inquiry asks something else of the same
table: two endpoints at once, a claim about a ratio, an effect in subgroups.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from correlates.association.associate import ADJUSTMENTS
from correlates.association.notices import Notice
from correlates.association.record import Statistic
from correlates.association.settings import Biomarker
from correlates.provenance import short_id
from correlates.schema import RESULTS
from correlates.stats.multiplicity import Adjust, adjust
from correlates.terms import Reason

BETWEEN = " & "
"""Between the names of two endpoints of one result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """The record of such a method: ``code`` is what stands in ``method`` of its results, ``does`` the word after ``do:`` in a plan."""

    code: str
    does: str
    label: str
    statistics: tuple[Statistic, ...]
    options: tuple[str, ...]
    formula: str
    citation: str
    docs: str

    def statistic(self, name: str) -> Statistic:
        """The statistic of that name. Raises KeyError for a name the method does not have."""
        for statistic in self.statistics:
            if statistic.name == name:
                return statistic
        raise KeyError(f"{self.code} has no statistic {name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One number or word of a result; a value that is NaN or None is none, and a notice or the reason of the result says why."""

    name: str
    level: str = ""
    value: float | None = None
    text: str | None = None
    n: int | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A result: what it is of, and what was found. With an ``error`` its statistics of the whole stand without values.

    ``of`` tells it from other results of the same biomarker, endpoint and population (the subgroup, say).
    """

    record: Inquiry
    analysis: str
    biomarker: Biomarker
    endpoint: str
    population: str
    n: int
    n_censored: int
    n_missing: int
    prespecified: bool
    settings: Mapping[str, object]
    found: tuple[Found, ...] = ()
    notices: tuple[Notice, ...] = ()
    error: Reason | None = None
    of: str = ""

    @property
    def p(self) -> float:
        """The P value that is adjusted within the family; NaN where there is none."""
        if self.error is None:
            for one in self.found:
                if one.name == "p" and one.level == "" and one.value is not None:
                    return one.value
        return float("nan")


def results_table(results: Sequence[Result], families: Sequence[str], how: Adjust) -> pl.DataFrame:
    """The rows of results, P adjusted within the families: results that agree in the columns ``families``."""
    if not results:
        return RESULTS.empty()
    p = np.array([r.p for r in results])
    adjusted = np.full(p.size, np.nan)
    names: list[str | None] = [None] * p.size
    if how is not Adjust.NONE:
        keys = [tuple(_column(r, c) for c in families) for r in results]
        for key in dict.fromkeys(keys):
            at = np.array([i for i, k in enumerate(keys) if k == key])
            adjusted[at] = adjust(p[at], how)
        names = [
            f"{ADJUSTMENTS[how]} over: " + "; ".join(f"{c} {v or '-'}" for c, v in zip(families, key, strict=True))
            for key in keys
        ]
    rows = [
        row
        for result, value, family in zip(results, adjusted.tolist(), names, strict=True)
        for row in _rows(result, value, family, how)
    ]
    return RESULTS.frame(rows)


def _column(result: Result, name: str) -> str:
    return {
        "analysis_id": result.analysis,
        "biomarker_group": result.biomarker.group,
        "biomarker": result.biomarker.code,
        "endpoint": result.endpoint,
        "population": result.population,
        "method": result.record.code,
    }[name]


def _rows(result: Result, adjusted: float, family: str | None, how: Adjust) -> list[dict[str, object]]:
    record, marker = result.record, result.biomarker
    key = {
        "result_id": short_id(
            result.analysis,
            marker.code,
            result.endpoint,
            result.population,
            record.code,
            *([result.of] if result.of else []),
        ),
        "analysis_id": result.analysis,
        "family": family,
        "biomarker": marker.code,
        "biomarker_group": marker.group or None,
        "endpoint": result.endpoint,
        "population": result.population,
        "method": record.code,
        "n_censored": result.n_censored,
        "n_missing": result.n_missing,
        "prespecified": result.prespecified,
        "settings": json.dumps(dict(result.settings), sort_keys=True, separators=(",", ":")),
        "error": None if result.error is None else result.error.value,
    }
    found = list(result.found)
    if result.error is not None:
        found = [Found(name=s.name, notices=()) for s in record.statistics if s.scopes == ("whole",)]
    else:
        unadjusted = (Notice.NOT_ADJUSTED,) if how is Adjust.NONE else ()
        place = next((i for i, f in enumerate(found) if f.name == "p"), -1) + 1
        found.insert(place, Found(name="p_adjusted", value=adjusted, notices=unadjusted))
    rows: list[dict[str, object]] = []
    for one in found:
        statistic = record.statistic(one.name)
        value = None if one.value is None or not np.isfinite(one.value) else float(one.value)
        unit = {"own": marker.unit, "ratio": "ratio", "none": None}[statistic.unit]
        rows.append(
            {
                **key,
                "stat_name": one.name,
                "stat_label": statistic.label.format(adjust=ADJUSTMENTS[how]),
                "level": one.level,
                "value": value,
                "text": one.text,
                "unit": unit,
                "n": result.n if one.n is None else one.n,
                "notices": [n.value for n in dict.fromkeys((*result.notices, *one.notices))],
            }
        )
    return rows
