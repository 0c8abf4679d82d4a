"""Who is left out of an analysis: endpoints in every population side by side, and subjects with a biomarker against those without."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from correlates.association.associate import associate
from correlates.association.blocks import members
from correlates.association.outcomes import Outcomes, endpoint_problems, outcomes
from correlates.association.settings import Biomarker, Endpoint, Univariable
from correlates.errors import DerivationError, unknown
from correlates.provenance import short_id
from correlates.schema import RESULTS, conform
from correlates.stats.arrays import Bools
from correlates.stats.kaplan_meier import kaplan_meier, quantile, survival_at
from correlates.stats.multiplicity import Adjust
from correlates.stats.rates import RateInterval, rate
from correlates.terms import OutcomeKind, Reason

EVERYBODY = ""
"""A row about the subjects of a population has no biomarker."""

IN_POPULATION = "in_population"
"""The method of the rows that tell an endpoint in a population."""

_LABELS = {
    "rate": "Share of the subjects with an outcome",
    "events": "Subjects",
    "median_time": "Median time, day",
    "survival": "Share without the event",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Settings: populations side by side (``all`` is every row), days at which a time endpoint is told, level of the intervals.

    The comparison of the analysed with the excluded is made in the first population.
    """

    name: str
    populations: tuple[str, ...] = ("all",)
    times: tuple[float, ...] = ()
    level: float = 0.95
    interval: RateInterval = RateInterval.CLOPPER_PEARSON
    prespecified: bool = False


def missing_data(
    analysis: pl.DataFrame,
    biomarkers: Sequence[Biomarker],
    covariates: Sequence[Biomarker],
    endpoints: Sequence[Endpoint],
    settings: Missing,
) -> pl.DataFrame:
    """Tell every endpoint in every population, and compare the subjects with each biomarker with those without.

    Parameters
    ----------
    analysis
        Table ``analysis``.
    biomarkers
        Whose absence is looked at.
    covariates
        What the analysed and the excluded are compared in, by Wilcoxon or Fisher; so are the endpoints but times.
    endpoints
        What is told in every population.
    settings
        Populations, days, level.

    Returns
    -------
    polars.DataFrame
        Table ``results``. Rows of method ``in_population`` are about an endpoint in a population. In the other rows the endpoint is
        the biomarker that is or is not there (classes ``excluded`` and ``analysed``), and the biomarker what is compared.

    Raises
    ------
    DerivationError
        A population or endpoint that the table does not have.
    """
    problems = [p for e in endpoints for p in endpoint_problems(analysis, e)]
    known = [c.removeprefix("population:") for c in analysis.columns if c.startswith("population:")]
    problems += [
        unknown("population", name, known, code="unknown-population")
        for name in settings.populations
        if name not in ("all", *known)
    ]
    if problems:
        raise DerivationError(problems)
    rows = [
        row
        for endpoint in endpoints
        for population in settings.populations
        for row in _in_population(analysis, endpoint, population, settings)
    ]
    told = conform(pl.DataFrame(rows, schema=RESULTS.empty().schema), RESULTS)
    return pl.concat([told, _compared(analysis, biomarkers, covariates, endpoints, settings)])


def _in_population(
    analysis: pl.DataFrame, endpoint: Endpoint, population: str, settings: Missing
) -> Iterator[dict[str, Any]]:
    target = outcomes(analysis, endpoint)
    within = members(analysis, population)
    there = within & target.known
    n, total = int(there.sum()), int(within.sum())
    common = {
        "result_id": short_id(settings.name, EVERYBODY, endpoint.name, population, IN_POPULATION),
        "analysis_id": settings.name,
        "biomarker": EVERYBODY,
        "endpoint": endpoint.name,
        "population": population,
        "method": IN_POPULATION,
        "n": n,
        "n_missing": total - n,
        "prespecified": settings.prespecified,
        "settings": json.dumps(
            {"interval": settings.interval.value, "level": settings.level, "times": settings.times},
            sort_keys=True,
            separators=(",", ":"),
        ),
        "notices": [],
        "error": None if n else Reason.TOO_FEW.value,
    }
    told = _times(target, there, settings) if target.course is not None else _shares(target, there, settings)
    for stat, level, value in told:
        name, _, end = stat.partition("|")
        label = _LABELS[name] + (f", {end} limit" if end else "")
        yield {
            **common,
            "stat_name": f"{name}_{end}" if end else name,
            "stat_label": label,
            "level": level,
            "value": None if value is None or np.isnan(value) or not n else float(value),
            "notices": ["not-reached"] if n and (value is None or np.isnan(value)) else [],
        }


def _shares(target: Outcomes, there: Bools, settings: Missing) -> Iterator[tuple[str, str, float | None]]:
    n = int(there.sum())
    for number, level in enumerate(target.levels):
        hits = int((there & (target.group == number)).sum())
        found = rate(hits, n, level=settings.level, interval=settings.interval)
        yield "events", level, float(hits)
        yield "rate", level, float(found.estimate)
        yield "rate|lower", level, float(found.lower)
        yield "rate|upper", level, float(found.upper)


def _times(target: Outcomes, there: Bools, settings: Missing) -> Iterator[tuple[str, str, float | None]]:
    course = target.course
    assert course is not None
    time, event = course.time[there], course.event[there]
    yield "events", "yes", float(event.sum())
    if not time.size:
        return
    curve = kaplan_meier(time, event, level=settings.level)
    middle = quantile(curve)
    yield "median_time", "", middle.estimate
    yield "median_time|lower", "", middle.lower
    yield "median_time|upper", "", middle.upper
    at = survival_at(curve, np.array(settings.times, dtype=np.float64))
    for place, day in enumerate(settings.times):
        yield "survival", f"day {day:g}", float(at.survival[place])
        yield "survival|lower", f"day {day:g}", float(at.lower[place])
        yield "survival|upper", f"day {day:g}", float(at.upper[place])


def _compared(
    analysis: pl.DataFrame,
    biomarkers: Sequence[Biomarker],
    covariates: Sequence[Biomarker],
    endpoints: Sequence[Endpoint],
    settings: Missing,
) -> pl.DataFrame:
    """The subjects with each biomarker against those without, in the covariates and endpoints."""
    population = settings.populations[0]
    within = pl.Series(members(analysis, population))
    absent = [b for b in biomarkers if analysis[b.code].filter(within).null_count()]
    as_compared = [
        *covariates,
        *(
            Biomarker(
                code=e.column or e.name,
                label=e.label,
                group="endpoints",
                scale="unit",
                kind="numeric" if e.kind in (OutcomeKind.GRADE, OutcomeKind.NUMBER) else "categorical",
            )
            for e in endpoints
            if e.kind is not OutcomeKind.TIME
        ),
    ]
    parts = [RESULTS.empty()]
    for biomarker in absent:
        column = f"{biomarker.code}|analysed"
        frame = analysis.with_columns(pl.col(biomarker.code).is_not_null().alias(column))
        target = Endpoint(
            name=biomarker.code,
            label=biomarker.label,
            kind=OutcomeKind.BINARY,
            column=column,
            levels=("excluded", "analysed"),
        )
        parts.append(
            associate(
                frame,
                [b for b in as_compared if b.code != biomarker.code],
                (target,),
                Univariable(
                    name=settings.name,
                    methods=("wilcoxon", "fisher"),
                    adjust=Adjust.NONE,
                    populations=(population,),
                    level=settings.level,
                    least_per_class=1,
                    prespecified=settings.prespecified,
                ),
            )
        )
    return pl.concat(parts)
