"""Response, relapse, survival and toxicity of the simulated trial, from the scores of the causal graph."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from correlates.simulate.causal import Coefficients, stream
from correlates.simulate.schedule import PLACE, SCANS, VISITS
from correlates.terms import Durability, Response

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.str_]

NEVER = np.inf
LANDMARK = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The clinical course of every subject; days are infinite where the event never happens.

    ``first`` is the response at the first scan (week 4), ``best`` the best response reached, ``reached`` the place in
    the visits at which the best is first seen. ``progression``, ``death``, ``new_therapy`` and ``transplant`` are what
    happens without an end of follow-up; ``end`` is the day at which follow-up ends, ``cut_off`` or the day of loss.
    """

    first: Texts
    best: Texts
    reached: Ints
    progression: Floats
    death: Floats
    new_therapy: Floats
    transplant: Floats
    end: Floats
    lost: Bools
    cut_off: Floats
    crs: Ints
    ne: Ints
    crs_onset: Ints
    ne_onset: Ints
    tocilizumab: Floats
    steroids: Floats


def upper(share: float) -> float:
    """The score above which that share of the population lies."""
    from scipy.special import ndtri

    return float(-ndtri(share))


def grades(score: Floats, coefficients: Coefficients, shares: tuple[str, ...]) -> Ints:
    """Grade of each subject: grade g where the score lies above the cut of the g-th share."""
    cuts = np.array([upper(coefficients.constant(s)) for s in shares])
    return np.searchsorted(cuts, score).astype(np.int64)


def _expit(x: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-x)), dtype=np.float64)


def course(seed: int, scores: dict[str, Floats], day: Ints, coefficients: Coefficients) -> Course:
    """Draw the clinical course.

    Parameters
    ----------
    scores
        Scores of the causal graph.
    day
        Actual days of the visits, subject x visit: progression is documented on days of scans.
    """
    crs = grades(scores["crs"], coefficients, ("crs_any", "crs_2", "crs_3", "crs_4", "crs_5"))
    ne = grades(scores["neurotoxicity"], coefficients, ("ne_any", "ne_2", "ne_3", "ne_4"))
    first, best, reached, progression = _response(seed, scores["efficacy"], day, coefficients)
    death = _death(seed, progression, crs, coefficients)
    progression = np.where(progression < death, progression, NEVER)
    progression, new_therapy, transplant = _further_therapy(seed, best, reached, progression, death, coefficients)
    end, lost, cut_off = _follow_up(seed, death, coefficients)
    crs_onset, ne_onset, tocilizumab, steroids = _toxicity(seed, scores, crs, ne, death, coefficients)
    return Course(
        first=first,
        best=best,
        reached=reached,
        progression=progression,
        death=death,
        new_therapy=new_therapy,
        transplant=transplant,
        end=end,
        lost=lost,
        cut_off=cut_off,
        crs=crs,
        ne=ne,
        crs_onset=crs_onset,
        ne_onset=ne_onset,
        tocilizumab=tocilizumab,
        steroids=steroids,
    )


def _response(seed: int, efficacy: Floats, day: Ints, coefficients: Coefficients) -> tuple[Texts, Texts, Ints, Floats]:
    """Response at the first scan, best response, the visit it is reached at, and the documented day of progression.

    A responder's response lasts with a probability that rises with the score, or ends after a log-normal time, three
    weeks after the best response at the earliest. Primary progression is seen at week 4 or before, progression from
    stable disease between day 40 and 95.
    """
    get = coefficients.constant
    rng = stream(seed, "response")
    n = efficacy.size
    cuts = np.array([upper(1.0 - get(s)) for s in ("share_pd_best", "share_nonresponse", "share_not_cr")])
    best = np.array(["PD", "SD", "PR", "CR"])[np.searchsorted(cuts, efficacy)]
    kind, later = rng.random(n), rng.random(n)
    first = best.copy()
    first[(best == "CR") & (kind < get("cr_after_pr"))] = "PR"
    first[(best == "CR") & (kind > 1.0 - get("cr_after_sd"))] = "SD"
    first[(best == "PR") & (kind > 1.0 - get("pr_after_sd"))] = "SD"
    reached = np.where(first != best, PLACE["Month 3"], PLACE["Week 4"])
    reached = np.where((best == "CR") & (first == "PR") & (later < 0.2), PLACE["Month 6"], reached).astype(np.int64)

    lasts = rng.random(n) < _expit(get("lasting_logit") + coefficients.edge("efficacy", "lasting_response") * efficacy)
    log_time = coefficients.edge("efficacy", "time_to_relapse") * efficacy + get(
        "relapse_spread"
    ) * rng.standard_normal(n)
    earliest = day[np.arange(n), reached] + 21.0 + rng.integers(0, 15, n)
    relapse = np.where(lasts, NEVER, np.maximum(get("relapse_median") * np.exp(log_time), earliest))
    from_stable = 40.0 + 55.0 * rng.random(n)
    week_4 = day[:, PLACE["Week 4"]].astype(np.float64)
    primary = np.where(rng.random(n) < 0.25, np.floor(15.0 + 10.0 * rng.random(n)), week_4)
    progression = np.select([best == "PD", best == "SD"], [primary, from_stable], relapse)
    return first, best, reached, _documented(progression, day)


def _documented(progression: Floats, day: Ints) -> Floats:
    """Days of progression as documented: on the nearest scan within 12 days, else on an unscheduled scan."""
    scans = day[:, list(SCANS)].astype(np.float64)
    gap = np.abs(scans - progression[:, None])
    nearest = np.argmin(gap, axis=1)
    rows = np.arange(progression.size)
    day_seen = np.where(gap[rows, nearest] <= 12.0, scans[rows, nearest], np.rint(progression))
    return np.asarray(day_seen, dtype=np.float64)


def _death(seed: int, progression: Floats, crs: Ints, coefficients: Coefficients) -> Floats:
    """Day of death, after progression or without it.

    After progression a share is rescued by later therapy and dies at a constant rate from three years on; the others
    die after a Weibull time. In response a small constant rate holds. Grade 5 CRS is fatal within three weeks.
    """
    get = coefficients.constant
    rng = stream(seed, "survival")
    n = progression.size
    rescued = rng.random(n) < get("salvaged")
    weibull = (rng.exponential(size=n) / math.log(2.0)) ** (1.0 / get("survival_shape"))
    refractory = progression + np.maximum(np.rint(get("survival_after_progression") * weibull), 3.0)
    in_response = 60.0 + np.rint(rng.exponential(size=n) * 365.25 / get("death_in_response_per_year"))
    late = progression + 1100.0 + np.rint(rng.exponential(size=n) * 365.25 / get("death_rescued_per_year"))
    toxic = np.where(crs == 5, 6.0 + rng.integers(0, 16, n), NEVER)
    early = np.where(rng.random(n) < get("early_death"), 10.0 + rng.integers(0, 14, n), NEVER)
    progressed = np.isfinite(progression)
    death = np.select([progressed & rescued, progressed], [late, refractory], in_response)
    return np.asarray(np.minimum(death, np.minimum(toxic, early)), dtype=np.float64)


def _further_therapy(
    seed: int, best: Texts, reached: Ints, progression: Floats, death: Floats, coefficients: Coefficients
) -> tuple[Floats, Floats, Floats]:
    """Progression, new anticancer therapy and transplant: therapy after progression, or without it.

    Therapy before progression ends the observation of the response: the progression is taken away.
    """
    get = coefficients.constant
    rng = stream(seed, "further therapy")
    n = best.size
    u = rng.random((5, n))
    after = progression + 20.0 + rng.integers(0, 60, n)
    before = np.array([VISITS[r].latest for r in reached]) + 25.0 + rng.integers(0, 120, n)
    stable = 36.0 + rng.integers(0, 10, n)
    ongoing = np.isin(best, ("CR", "PR")) & (before < np.minimum(progression - 14.0, death))
    consolidated = ongoing & (u[0] < get("transplant_in_response"))
    switched = ongoing & ~consolidated & (u[1] < get("new_therapy_in_response"))
    unsatisfied = (best == "SD") & (u[2] < get("new_therapy_in_stable")) & (stable < death)
    new_therapy = np.select(
        [switched, unsatisfied, u[3] < get("new_therapy_after_progression")], [before, stable, after], NEVER
    )
    new_therapy = np.where(new_therapy < death, new_therapy, NEVER)
    grafted = np.where(u[4] < get("transplant_after_new_therapy"), new_therapy + 40.0 + np.floor(80.0 * u[4]), NEVER)
    transplant = np.where(consolidated, before, grafted)
    transplant = np.where(transplant < death, transplant, NEVER)
    progression = np.where(switched | unsatisfied | consolidated, NEVER, progression)
    new_therapy = np.where(consolidated, NEVER, new_therapy)
    return progression, new_therapy, transplant


def _follow_up(seed: int, death: Floats, coefficients: Coefficients) -> tuple[Floats, Bools, Floats]:
    """Last day of follow-up, whether it ended by loss, and the day of the data cut-off: accrual is uniform before one common cut-off."""
    get = coefficients.constant
    rng = stream(seed, "follow-up")
    n = death.size
    cut_off = get("follow_up_least") + np.floor(rng.random(n) * get("accrual"))
    gone = 120.0 + np.floor(rng.random(n) * 500.0)
    lost = (rng.random(n) < get("lost")) & (gone < np.minimum(cut_off, death))
    return np.where(lost, gone, cut_off), lost, cut_off


def _toxicity(
    seed: int, scores: dict[str, Floats], crs: Ints, ne: Ints, death: Floats, coefficients: Coefficients
) -> tuple[Ints, Ints, Floats, Floats]:
    """Onsets of CRS and neurologic events, days of tocilizumab and corticosteroids."""
    rng = stream(seed, "toxicity")
    n = crs.size
    crs_onset = np.clip(np.rint(2.0 * np.exp(0.6 * rng.standard_normal(n))), 1.0, np.clip(death - 5.0, 1.0, 12.0))
    ne_onset = np.clip(np.rint(5.0 * np.exp(0.45 * rng.standard_normal(n))), 1.0, np.clip(death - 1.0, 1.0, 17.0))
    delay, wait = rng.integers(1, 5, n), rng.integers(0, 4, n)
    tocilizumab = _given(rng, scores, coefficients, "tocilizumab") & (crs >= 1)
    steroids = _given(rng, scores, coefficients, "steroids") & ((crs >= 2) | (ne >= 1))
    last = np.minimum(death - 1.0, 28.0)
    toci_day = np.minimum(crs_onset + delay, last)
    steroid_day = np.minimum(np.where(ne >= 1, ne_onset, crs_onset + 2.0) + wait, last)
    return (
        crs_onset.astype(np.int64),
        ne_onset.astype(np.int64),
        np.where(tocilizumab, toci_day, NEVER),
        np.where(steroids, steroid_day, NEVER),
    )


def _given(rng: np.random.Generator, scores: dict[str, Floats], coefficients: Coefficients, drug: str) -> Bools:
    odds = np.full(scores["crs"].size, coefficients.constant(f"{drug}_logit"))
    for cause, b in coefficients.causes(drug, "logit").items():
        odds = odds + b * scores[cause]
    return np.asarray(rng.random(odds.size) < _expit(odds))


def durability(patients: pl.DataFrame, landmark: int = LANDMARK) -> pl.Series:
    """Class of durable response under the default rules, from what is documented.

    In this order, with ``event`` the first of progression, death, new anticancer therapy and transplant:

    1. best response SD or PD: nonresponder;
    2. no evaluable assessment: undetermined;
    3. progression on or before the landmark, before any new therapy or transplant: relapsed;
    4. death, new therapy or transplant on or before the landmark: undetermined;
    5. last contact before the landmark: undetermined;
    6. otherwise durable (a later relapse does not change the class).
    """
    best = pl.col("best_response")
    progressed = pl.col("progression_day") <= landmark
    event = pl.min_horizontal("death_day", "new_therapy_day", "transplant_day")
    first = progressed & (pl.col("progression_day") <= event).fill_null(value=True)
    rule = (
        pl.when(best.is_in([Response.SD.value, Response.PD.value]))
        .then(pl.lit(Durability.NONRESPONDER.value))
        .when(~best.is_in([Response.CR.value, Response.PR.value]))
        .then(pl.lit(Durability.UNDETERMINED.value))
        .when(first.fill_null(value=False))
        .then(pl.lit(Durability.RELAPSED.value))
        .when((event <= landmark).fill_null(value=False) | (pl.col("last_contact_day") < landmark))
        .then(pl.lit(Durability.UNDETERMINED.value))
        .otherwise(pl.lit(Durability.DURABLE.value))
    )
    return patients.select(rule.alias("durability")).to_series()
