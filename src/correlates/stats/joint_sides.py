"""One endpoint of a joint model: the effect of each biomarker of a panel on it, and what each patient moves the estimate by.

A binary endpoint has a logistic model, a time to an event a Cox model (Efron's ties), both by Firth's penalised likelihood. The influence
of patient i is A^-1 u_i / (1 - h_i)^k: u_i the score residual (of a Cox model Lin and Wei's, the event less what was expected of the
patient at every event time), A the information, h_i the patient's share of it.

Sources: Lin and Wei, JASA 1989;84:1074-1078 (doi:10.1080/01621459.1989.10478874). Firth, Biometrika 1993;80:27-38. Heinze and Schemper,
Biometrics 2001;57:114-119. Mancl and DeRouen, Biometrics 2001;57:126-134.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from correlates.stats.arrays import Bools, Floats, Ints, Words, divide, where
from correlates.stats.at_risk import RiskSets, follow_up, risk_sets
from correlates.stats.cox import CoxPenalty, cox_screen
from correlates.stats.cox_likelihood import Batch as CoxBatch
from correlates.stats.cox_likelihood import Ties, moments
from correlates.stats.cox_likelihood import batch as cox_batch
from correlates.stats.cox_likelihood import evaluate as cox_evaluate
from correlates.stats.logistic import Penalty, logistic_screen
from correlates.stats.logistic_likelihood import batch, evaluate, maximise

_CHUNK = 1 << 15  # design rows (models x subjects) worked on at a time
_CELLS = 1 << 22  # subjects x events x models held at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """A binary endpoint of n patients: ``event`` (n,), and whose outcome is ``known`` (n,)."""

    event: Bools
    known: Bools


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """A time to an event of n patients. ``turned``: the effect is told on staying free of the event, minus the log hazard ratio."""

    time: Floats
    event: Bools
    known: Bools
    turned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The effect of m biomarkers on one endpoint: (m,), and ``influence`` (m, 2, n) on intercept and effect.

    ``outside`` is the P of the test that the effect lies beyond the margin, NaN without margin. A time to an event has no intercept:
    it is NaN, and its influence 0. ``separation`` of a Cox model: ``complete`` where its partial likelihood has no maximum without
    the penalty.
    """

    intercept: Floats
    coefficient: Floats
    lower: Floats
    upper: Floats
    p_value: Floats
    outside: Floats
    influence: Floats
    n: Ints
    n_events: Ints
    separation: Words
    converged: Bools


def logistic_side(
    values: Floats, there: Bools, outcome: Binary, *, power: float, margin: float | None, level: float
) -> Side:
    """Firth's logistic model of each biomarker (m, n)."""
    m, n = values.shape
    here = there & outcome.known
    fit = logistic_screen(values, outcome.event & outcome.known, here, penalty=Penalty.FIRTH, level=level)
    fine = fit.converged & (fit.n_events > 0) & (fit.n_events < fit.n) & (fit.n > 2)
    moved, outside = np.zeros((m, 2, n)), np.full(m, np.nan)
    rows_all = np.flatnonzero(fine)
    step = max(1, _CHUNK // max(n, 1))
    for first in range(0, rows_all.size, step):
        at = rows_all[first : first + step]
        a, b = fit.intercept[at], fit.coefficient[at]
        moved[at] = influence(values[at], outcome.event, here[at], a, b, power)
        if margin is not None:
            outside[at] = _logistic_outside(values[at], outcome.event, here[at], a, b, margin)
    return Side(
        intercept=fit.intercept,
        coefficient=fit.coefficient,
        lower=fit.lower,
        upper=fit.upper,
        p_value=fit.p_value,
        outside=outside,
        influence=moved,
        n=fit.n,
        n_events=fit.n_events,
        separation=fit.separation,
        converged=fine,
    )


def cox_side(values: Floats, there: Bools, outcome: Timed, *, power: float, margin: float | None, level: float) -> Side:
    """Firth's Cox model of each biomarker (m, n), censoring taken as it is recorded."""
    m, n = values.shape
    time, event = where(outcome.known, outcome.time, 0.0), outcome.event & outcome.known
    here = there & outcome.known
    fit = cox_screen(values, time, event, here, penalty=CoxPenalty.FIRTH, level=level)
    fine = fit.converged & (fit.n_events > 0) & (fit.n > 2)
    moved, outside = np.zeros((m, 2, n)), np.full(m, np.nan)
    risk = risk_sets(follow_up(time, event))
    at_risk = np.zeros((n, risk.deaths.size))
    for place, k in enumerate(risk.at.tolist()):
        at_risk[risk.members(k), place] = 1.0
    rows_all = np.flatnonzero(fine)
    step = max(1, min(_CHUNK // max(n, 1), _CELLS // max(n * risk.deaths.size, 1)))
    for first in range(0, rows_all.size, step):
        at = rows_all[first : first + step]
        count = here[at].sum(axis=1)
        centre = divide(where(here[at], values[at], 0.0).sum(axis=1), count)
        centred = where(here[at], values[at] - centre[:, None], 0.0)
        unit = np.sqrt(divide((centred**2).sum(axis=1), count))
        models = cox_batch(
            risk, (centred / unit[:, None])[:, None, :], here[at].astype(np.float64), ties=Ties.EFRON, firth=True
        )
        b = fit.coefficient[at] * unit
        moved[at, 1] = _cox_influence(models, b, at_risk, risk, power) / unit[:, None]
        if margin is not None:
            outside[at] = _cox_outside(models, b, margin * unit)
    sign = -1.0 if outcome.turned else 1.0
    low, high = (fit.upper, fit.lower) if outcome.turned else (fit.lower, fit.upper)
    return Side(
        intercept=np.full(m, np.nan),
        coefficient=sign * fit.coefficient,
        lower=sign * low,
        upper=sign * high,
        p_value=fit.p_value,
        outside=outside,
        influence=sign * moved,
        n=fit.n,
        n_events=fit.n_events,
        separation=np.where(fit.monotone != 0, "complete", "none"),
        converged=fine,
    )


def influence(values: Floats, events: Bools, here: Bools, intercept: Floats, slope: Floats, power: float) -> Floats:
    """What each patient moves the estimate by, A^-1 u_i (m, 2, n) for intercept and slope, with residuals over (1 - h)^power.

    Parameters
    ----------
    values, here
        (m, n) biomarkers and who is in the model.
    events
        (n,) the outcome.
    intercept, slope
        (m,) the estimates.
    power
        Of the correction; see :class:`Correction`.
    """
    eta = intercept[:, None] + slope[:, None] * values
    decay = np.exp(-np.abs(eta))
    probability = where(eta >= 0, 1.0, decay) / (1.0 + decay)
    weight = where(here, decay / (1.0 + decay) ** 2, 0.0)
    total = weight.sum(axis=1)
    centre = divide((weight * values).sum(axis=1), total)
    centred = where(here, values - centre[:, None], 0.0)
    spread = (weight * centred**2).sum(axis=1)
    leverage = weight * (divide(1.0, total)[:, None] + centred**2 * divide(1.0, spread)[:, None])
    residual = where(here, events - probability, 0.0) / np.maximum(1.0 - leverage, 1e-12) ** power
    by_slope = centred * residual * divide(1.0, spread)[:, None]
    by_centre = residual * divide(1.0, total)[:, None]
    return np.stack((by_centre - centre[:, None] * by_slope, by_slope), axis=1)


def _logistic_outside(
    values: Floats, events: Bools, here: Bools, intercept: Floats, slope: Floats, margin: float
) -> Floats:
    """P (m,) that the slope is as near to 0 as it is although it lies at the margin: the larger of both sides."""
    scale = np.sqrt(divide((where(here, values, 0.0) ** 2).sum(axis=1), here.sum(axis=1)))
    scale = where(scale > 0, scale, 1.0)
    scaled = values / scale[:, None]
    design = np.stack((np.ones(scaled.shape), scaled), axis=2)
    models = batch(
        design, np.broadcast_to(events.astype(np.float64), scaled.shape), here.astype(np.float64), firth=True
    )
    top = evaluate(models, np.stack((intercept, slope * scale), axis=1))
    found = np.zeros(slope.shape)
    for side in (-1.0, 1.0):
        edge = side * margin
        start = np.stack((intercept, np.full(slope.shape, edge) * scale), axis=1)
        held = maximise(models, start, np.array([True, False]))
        root = np.sqrt(np.maximum(2.0 * (top.value - held.point.value), 0.0)) * np.sign(edge - slope) * side
        tail = where(held.converged, ndtr(-root), np.nan)
        found = np.maximum(found, tail)
    return found


def _cox_influence(models: CoxBatch, beta: Floats, at_risk: Floats, risk: RiskSets, power: float) -> Floats:
    """A^-1 u_i / (1 - h_i)^power of Cox models with one covariate (r, n); ``at_risk`` (n, D) who is at risk at each event."""
    at, eta = moments(models, beta[:, None])
    counts = models.counts
    total = where(counts > 0, np.exp(where(counts > 0, at.log_sum, 0.0)), 1.0)
    weight = models.present * np.exp(eta)
    x, mean = models.x[:, 0], where(counts > 0, at.mean[:, 0], 0.0)
    n = x.shape[1]
    own = np.zeros((n, risk.deaths.size))  # who has the event at the time of each event
    own[risk.deaths] = risk.at[:, None] == risk.at[None, :]
    # share of each patient in each risk set, less the fraction of the tied events that Efron takes out
    share = (
        weight[:, :, None] * (at_risk[None] - models.fraction[:, None, :] * own[None]) * divide(counts, total)[:, None]
    )
    away = x[:, :, None] - mean[:, None, :]
    expected = (share * away).sum(axis=2)
    tied = divide((counts[:, None] * own[None] * mean[:, None]).sum(axis=2), (counts[:, None] * own[None]).sum(axis=2))
    happened = np.zeros((x.shape[0], n))
    happened[:, risk.deaths] = counts
    residual = where(happened > 0, x - tied, 0.0) - expected
    by_patient = (share * away**2).sum(axis=2)
    information = by_patient.sum(axis=1)[:, None]
    leverage = by_patient / information
    return np.asarray(residual / information / np.maximum(1.0 - leverage, 1e-12) ** power, dtype=np.float64)


def _cox_outside(models: CoxBatch, beta: Floats, margin: Floats) -> Floats:
    """P (r,) that the effect is as near to 0 as it is although it lies at the margin: the larger of both sides."""
    top = cox_evaluate(models, beta[:, None]).value
    found = np.zeros(beta.shape)
    for side in (-1.0, 1.0):
        edge = side * margin
        lost = top - cox_evaluate(models, edge[:, None]).value
        root = np.sqrt(np.maximum(2.0 * lost, 0.0)) * np.sign(edge - beta) * side
        found = np.maximum(found, ndtr(-root))
    return found
