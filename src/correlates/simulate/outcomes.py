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

NEVER = np.inf
LANDMARK = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The clinical course of every subject; days are infinite where the event never happens.

    ``first`` is the response at the first scan (week 4), ``best`` the best response reached, ``reached`` the place in
    the visits at which the best is first seen. ``progression``, ``death``, ``new_therapy`` and ``transplant`` are what
    happens without an end of follow-up; ``end`` is the day at which follow-up ends (data cut-off or loss).
    """

    first: npt.NDArray[np.str_]
    best: npt.NDArray[np.str_]
    reached: Ints
    progression: Floats
    death: Floats
    new_therapy: Floats
    transplant: Floats
    end: Floats
    lost: Bools
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
    rng = stream(seed, "response")
    get = coefficients.constant
    efficacy = scores["efficacy"]
    n = efficacy.size
    best, first, reached = _responses(rng, efficacy, coefficients)
    crs = grades(scores["crs"], coefficients, ("crs_any", "crs_2", "crs_3", "crs_4", "crs_5"))
    ne = grades(scores["neurotoxicity"], coefficients, ("ne_any", "ne_2", "ne_3", "ne_4"))

    responder = np.isin(best, ("CR", "PR"))
    lasting = get("lasting_logit") + coefficients.edge("efficacy", "lasting_response") * efficacy
    lasts = rng.random(n) < _expit(lasting)
    time = get("relapse_median") * np.exp(
        coefficients.edge("efficacy", "time_to_relapse") * efficacy + get("relapse_spread") * rng.standard_normal(n)
    )
    earliest = day[np.arange(n), reached] + 21.0
    relapse = np.where(lasts, NEVER, np.maximum(time, earliest + rng.integers(0, 15, n)))
    stable = 40.0 + 55.0 * rng.random(n)
    week_4 = day[:, PLACE["Week 4"]].astype(np.float64)
    primary = np.where(rng.random(n) < 0.25, np.floor(15.0 + 10.0 * rng.random(n)), week_4)
    progression = np.where(responder, relapse, np.where(best == "PD", primary, stable))
    progression = _documented(progression, day)
    return _rest(seed, scores, coefficients, best, first, reached, progression, crs, ne)


def _responses(
    rng: np.random.Generator, efficacy: Floats, coefficients: Coefficients
) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.str_], Ints]:
    get = coefficients.constant
    cuts = np.array([upper(1.0 - get(s)) for s in ("share_pd_best", "share_nonresponse", "share_not_cr")])
    best = np.array(["PD", "SD", "PR", "CR"])[np.searchsorted(cuts, efficacy)]
    u, v = rng.random(efficacy.size), rng.random(efficacy.size)
    first = best.copy()
    first[(best == "CR") & (u < 0.28)] = "PR"
    first[(best == "CR") & (u > 0.96)] = "SD"
    first[(best == "PR") & (u > 0.92)] = "SD"
    later = first != best
    reached = np.where(later, PLACE["Month 3"], PLACE["Week 4"])
    reached = np.where((best == "CR") & (first == "PR") & (v < 0.2), PLACE["Month 6"], reached)
    return best, first, reached.astype(np.int64)


def _documented(progression: Floats, day: Ints) -> Floats:
    """Days of progression as documented: on a scan within 12 days, else on an unscheduled scan."""
    scans = day[:, list(SCANS)].astype(np.float64)
    gap = np.abs(scans - progression[:, None])
    nearest = np.argmin(gap, axis=1)
    rows = np.arange(progression.size)
    finite = np.isfinite(progression)
    close = finite & (gap[rows, nearest] <= 12.0)
    return np.where(close, scans[rows, nearest], np.where(finite, np.rint(np.where(finite, progression, 0.0)), NEVER))


def _rest(
    seed: int,
    scores: dict[str, Floats],
    coefficients: Coefficients,
    best: npt.NDArray[np.str_],
    first: npt.NDArray[np.str_],
    reached: Ints,
    progression: Floats,
    crs: Ints,
    ne: Ints,
) -> Course:
    get = coefficients.constant
    rng = stream(seed, "survival")
    n = progression.size
    responder = np.isin(best, ("CR", "PR"))
    salvaged = rng.random(n) < get("salvaged")
    weibull = (rng.exponential(size=n) / math.log(2.0)) ** (1.0 / get("survival_shape"))
    after = np.maximum(np.rint(get("survival_after_progression") * weibull), 3.0)
    in_response = np.rint(60.0 + rng.exponential(size=n) * 365.25 / get("death_in_response_per_year"))
    death = np.where(np.isfinite(progression), np.where(salvaged, NEVER, progression + after), in_response)
    late = np.rint(1200.0 + rng.exponential(size=n) * 365.25 / 0.12)
    death = np.where(np.isfinite(progression) & salvaged, late, death)
    toxic = np.where(crs == 5, 6.0 + rng.integers(0, 16, n), NEVER)
    early = np.where(rng.random(n) < get("early_death"), 10.0 + rng.integers(0, 14, n), NEVER)
    death = np.minimum(death, np.minimum(toxic, early))
    in_response_death = responder & (death < progression)
    progression = np.where(death <= progression, NEVER, progression)
    death = np.where(in_response_death & (death == LANDMARK), death + 1.0, death)

    rng = stream(seed, "further therapy")
    u = rng.random((4, n))
    gap = 20.0 + rng.integers(0, 60, n)
    treated = np.isfinite(progression) & (u[0] < get("new_therapy_after_progression"))
    new_therapy = np.where(treated, progression + gap, NEVER)
    transplanted = treated & (u[1] < get("transplant_after_new_therapy"))
    transplant = np.where(transplanted, new_therapy + 40.0 + rng.integers(0, 80, n), NEVER)
    reached_day = np.array([VISITS[r].latest for r in reached])
    in_response_day = reached_day + 25.0 + rng.integers(0, 120, n)
    new_in_response = responder & (u[2] < get("new_therapy_in_response")) & (in_response_day < progression - 14.0)
    sct_in_response = responder & (u[3] < get("transplant_in_response")) & (in_response_day < progression - 14.0)
    new_therapy = np.where(new_in_response, in_response_day, new_therapy)
    transplant = np.where(sct_in_response, in_response_day, transplant)
    stable_switch = (best == "SD") & (u[2] > 0.85)
    new_therapy = np.where(stable_switch, 36.0 + np.floor(u[3] * 10.0), new_therapy)
    progression = np.where(stable_switch | new_in_response | sct_in_response, NEVER, progression)
    new_therapy = np.where(new_therapy < death, new_therapy, NEVER)
    transplant = np.where(transplant < death, transplant, NEVER)

    rng = stream(seed, "follow-up")
    cutoff = get("follow_up_least") + np.floor(rng.random(n) * get("accrual"))
    lost = rng.random(n) < get("lost")
    gone = 120.0 + np.floor(rng.random(n) * 500.0)
    lost &= gone < np.minimum(cutoff, death)
    end = np.where(lost, gone, cutoff)

    rng = stream(seed, "toxicity")
    crs_onset = np.clip(np.rint(2.0 * np.exp(0.6 * rng.standard_normal(n))), 1, 12).astype(np.int64)
    ne_onset = np.clip(np.rint(5.0 * np.exp(0.45 * rng.standard_normal(n))), 1, 17).astype(np.int64)
    ready = np.maximum(crs_onset, 1)
    toci = _given(rng, scores, coefficients, "tocilizumab") & (crs >= 1)
    ster = _given(rng, scores, coefficients, "steroids") & ((crs >= 2) | (ne >= 1))
    last = np.minimum(death, 28.0) - 1.0
    toci_day = np.minimum(ready + rng.integers(1, 5, n), last)
    ster_day = np.minimum(np.where(ne >= 1, ne_onset, ready + 2) + rng.integers(0, 4, n), last)
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
        crs=crs,
        ne=ne,
        crs_onset=crs_onset,
        ne_onset=ne_onset,
        tocilizumab=np.where(toci, toci_day, NEVER),
        steroids=np.where(ster, ster_day, NEVER),
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
