"""Inquiry ``cox_from_known_day``: Cox regression in which a subject counts from the day the value of its biomarker is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import polars as pl

from correlates.association.blocks import Panel, members
from correlates.association.effect_scale import covariates
from correlates.association.inquiry import Found, Inquiry, Result, results_table
from correlates.association.notices import Notice
from correlates.association.outcomes import Outcomes, outcomes
from correlates.association.record import Statistic
from correlates.association.settings import Biomarker, CensoredOptions, Endpoint
from correlates.association.timing import FROM_KNOWN, on_clock
from correlates.errors import DerivationError, Problem
from correlates.stats.arrays import Bools, Floats
from correlates.stats.cox import CoxScreen, cox_screen
from correlates.stats.multiplicity import Adjust
from correlates.terms import OutcomeKind, Reason

_PER = {"log2": "doubling", "sd": "standard deviation", "unit": "unit"}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDaySettings:
    """Cox regression from the known day; ``name`` is the ``analysis_id`` of its results."""

    name: str
    populations: tuple[str, ...] = ("all",)
    families: tuple[str, ...] = ("analysis_id", "biomarker_group", "endpoint", "method")
    adjust: Adjust = Adjust.BH
    level: float = 0.95
    few_events: int = 10
    prespecified: bool = False
    censored: CensoredOptions = field(default_factory=CensoredOptions)


def from_known_day(
    analysis: pl.DataFrame,
    biomarkers: Sequence[Biomarker],
    endpoints: Sequence[Endpoint],
    parameters: pl.DataFrame,
    settings: KnownDaySettings,
) -> pl.DataFrame:
    """Each biomarker against each time endpoint, a subject being at risk from the day its value is known.

    Parameters
    ----------
    analysis, parameters
        The tables of those names; days on which values are known are those of ``parameters``.
    biomarkers
        Numeric biomarkers.
    endpoints
        Time endpoints.
    settings
        The analysis.

    Returns
    -------
    polars.DataFrame
        Table ``results``; the name of the endpoint says which clock it is on.

    Raises
    ------
    DerivationError
        An endpoint is not a time.
    """
    wrong = [e for e in endpoints if e.kind is not OutcomeKind.TIME]
    if wrong:
        raise DerivationError(
            [
                Problem(
                    code="endpoint-kind",
                    what=f"Only a time can be counted from the day a value is known, and {e.name!r} is none",
                    found=e.kind.value,
                    expected="a time endpoint",
                )
                for e in wrong
            ]
        )
    panel = Panel(analysis, biomarkers).as_covariates(settings.censored)
    days = _days(analysis, parameters, biomarkers)
    made = []
    for population in settings.populations:
        within = members(analysis, population)
        for endpoint in endpoints:
            target = outcomes(analysis, endpoint)
            made += _results(panel, days, within, target, endpoint, population, settings)
    return results_table(made, settings.families, settings.adjust)


def _days(analysis: pl.DataFrame, parameters: pl.DataFrame, biomarkers: Sequence[Biomarker]) -> Floats:
    """Day on which each value is known (m, N), NaN where nobody says."""
    place = {s: i for i, s in enumerate(analysis["subject_id"])}
    row_of = {b.code: i for i, b in enumerate(biomarkers)}
    days = np.full((len(biomarkers), analysis.height), np.nan)
    known = parameters.filter(pl.col("code").is_in(list(row_of)) & pl.col("known_on_day").is_not_null())
    for code, subject, day in known.select("code", "subject_id", "known_on_day").iter_rows():
        days[row_of[code], place[subject]] = day
    return days


def _results(
    panel: Panel,
    days: Floats,
    within: Bools,
    target: Outcomes,
    endpoint: Endpoint,
    population: str,
    settings: KnownDaySettings,
) -> list[Result]:
    course = target.course
    assert course is not None
    time, event = course.time, course.event
    valued = panel.present & (within & target.known)
    entry = np.maximum(np.where(np.isfinite(days), days, np.inf), 0.0)
    risk = valued & (time > entry)  # whose time ends before the value is known was never at risk with it
    scaled = covariates(
        panel.biomarkers, panel.values, risk, panel.censoring, panel.finite, panel.left_out & (time > entry)
    )
    own = np.array([b.scale != "sd" for b in panel.biomarkers], dtype=np.bool_)
    x = scaled.x * np.where(own & np.isfinite(scaled.sd), scaled.sd, 1.0)[:, None]
    fits: dict[int, tuple[CoxScreen, int]] = {}
    usable = [i for i, e in enumerate(scaled.errors) if e is None]
    patterns: dict[bytes, list[int]] = {}
    for i in usable:
        patterns.setdefault(np.where(risk[i], entry[i], -1.0).tobytes(), []).append(i)
    for rows in patterns.values():
        keep = risk[rows[0]]
        fit = cox_screen(
            x[np.ix_(rows, keep)], time[keep], event[keep], entry=entry[rows[0], keep], level=settings.level
        )
        fits |= {i: (fit, place) for place, i in enumerate(rows)}
    made = []
    for i, biomarker in enumerate(panel.biomarkers):
        error = scaled.errors[i]
        found: tuple[Found, ...] = ()
        notices: list[Notice] = []
        n = int(risk[i].sum())
        before = valued[i] & ~risk[i]
        if error is None:
            fit, row = fits[i]
            error, found = _found(fit, row, biomarker, before, event, n)
            if fit.n_events[row] < settings.few_events:
                notices.append(Notice.FEW_EVENTS)
        elif error is Reason.TOO_FEW and valued[i].sum() >= 3:
            error = Reason.NOBODY_AT_RISK
        cut = int((risk[i] & (panel.censoring[i] != 0)).sum())
        notices += panel.entered(i, within & target.known)
        made.append(
            Result(
                record=COX_FROM_KNOWN_DAY,
                analysis=settings.name,
                biomarker=biomarker,
                endpoint=on_clock(endpoint.name, FROM_KNOWN),
                population=population,
                n=n,
                n_censored=cut,
                n_missing=int(within.sum()) - n,
                prespecified=biomarker.prespecified and settings.prespecified,
                settings=_in_force(settings),
                found=found,
                notices=tuple(notices),
                error=error,
            )
        )
    return made


def _found(
    fit: CoxScreen, row: int, biomarker: Biomarker, before: Bools, event: Bools, n: int
) -> tuple[Reason | None, tuple[Found, ...]]:
    if fit.n_events[row] == 0:
        return Reason.NO_EVENT, ()
    if fit.constant[row]:
        return Reason.CONSTANT, ()
    if fit.monotone[row]:
        return Reason.SEPARATED, ()
    if not fit.converged[row]:
        return Reason.NOT_CONVERGED, ()
    ratios = {"hazard_ratio": fit.coefficient, "hazard_ratio_lower": fit.lower, "hazard_ratio_upper": fit.upper}
    return None, (
        Found(name="p", value=float(fit.p_value[row])),
        *(Found(name=name, value=float(np.exp(value[row]))) for name, value in ratios.items()),
        Found(name="log_hazard_ratio", value=float(fit.coefficient[row])),
        Found(name="standard_error", value=float(fit.standard_error[row])),
        Found(name="per", text=_PER[biomarker.scale]),
        Found(name="n_events", value=float(fit.n_events[row]), n=n),
        Found(name="n_events_before", value=float((before & event).sum())),
        Found(name="n_censored_before", value=float((before & ~event).sum())),
    )


def _in_force(settings: KnownDaySettings) -> dict[str, object]:
    return {
        "adjust": settings.adjust.value,
        "families": list(settings.families),
        "level": settings.level,
        "few_events": settings.few_events,
        "censored": asdict(settings.censored),
        "ties": "efron",
    }


COX_FROM_KNOWN_DAY = Inquiry(
    code="cox_from_known_day",
    does="univariable",
    label="Cox regression from the day the value is known",
    statistics=(
        Statistic(name="p", label="P value (likelihood ratio)"),
        Statistic(name="p_adjusted", label="P value, adjusted ({adjust})"),
        Statistic(name="hazard_ratio", label="Hazard ratio"),
        Statistic(name="hazard_ratio_lower", label="Hazard ratio, lower limit"),
        Statistic(name="hazard_ratio_upper", label="Hazard ratio, upper limit"),
        Statistic(name="log_hazard_ratio", label="Log hazard ratio"),
        Statistic(name="standard_error", label="Standard error of the log hazard ratio"),
        Statistic(name="per", label="What the hazard ratio is per"),
        Statistic(name="n_events", label="Events"),
        Statistic(name="n_events_before", label="Events before the value was known, left out"),
        Statistic(name="n_censored_before", label="Censored before the value was known, left out"),
    ),
    options=tuple(_in_force(KnownDaySettings(name=""))),
    formula="partial likelihood over rows (day the value is known, end of follow-up]: at each event the subjects are compared whose value was known by then; Efron's ties, profile limits",
    citation="Andersen and Gill, Ann Stat 1982;10:1100-1120; Therneau and Grambsch, Modeling Survival Data 2000, section 3.7; Suissa, Am J Epidemiol 2008;167:492-499",
    docs="methods/landmark.md",
)
