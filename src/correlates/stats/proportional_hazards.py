"""Check of proportional hazards: score test of a coefficient that changes with time, after a Cox fit.

Source: Grambsch and Therneau, Biometrika 1994;81:515-526 (doi:10.1093/biomet/81.3.515). The test is the score test itself, as in R's
``survival`` from version 3 on, not the approximation of the 1994 paper that took the information as constant over time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from correlates.stats.arrays import Floats, Ints, divide, panel, where
from correlates.stats.at_risk import FollowUp, RiskSets, follow_up, risk_sets
from correlates.stats.cox import covariates
from correlates.stats.cox_likelihood import Ties, batch, moments
from correlates.stats.kaplan_meier import kaplan_meier
from correlates.stats.ranks import midranks

_CHUNK = 1 << 18  # values (biomarkers x subjects) held at a time
_SINGULAR = 1e-12  # information this small beside what it was reduced from is zero


class TimeScale(StrEnum):
    """g(t), the scale of time on which a coefficient might change: 1 - S(t-) of everybody, t, its rank, or its logarithm."""

    KM = "km"
    IDENTITY = "identity"
    RANK = "rank"
    LOG = "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProportionalHazards:
    """Tests of proportional hazards of p covariates.

    ``chi_square`` and ``p_value`` (p,) with 1 df each, NaN where g does not vary over the events; the global test has ``df`` p and is
    None there. ``transformed`` (D,) is g at each event and ``residual`` (D, p) the scaled Schoenfeld residual, whose smooth over g
    estimates the coefficient's course; ``row`` (D,) the row with the event.
    """

    chi_square: Floats
    p_value: Floats
    global_chi_square: float | None
    df: int
    global_p_value: float | None
    scale: TimeScale
    row: Ints
    transformed: Floats
    residual: Floats


def proportional_hazards(
    design: npt.ArrayLike,
    coefficient: npt.ArrayLike,
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
    stratum: npt.ArrayLike | None = None,
    ties: Ties | str = Ties.EFRON,
    scale: TimeScale | str = TimeScale.KM,
) -> ProportionalHazards:
    """Test of proportional hazards for each covariate of a fitted Cox model, and for all together.

    Parameters
    ----------
    design, time, event, entry, stratum, ties
        What the model was fitted to.
    coefficient
        (p,) its maximum likelihood estimate.
    scale
        The transform g.

    Notes
    -----
    The model is widened by x g(t) with coefficients theta, and theta = 0 is tested: U = sum over events of g (x - mean at risk),
    information blocks sum V, sum g V and sum g^2 V, V the covariance of x over the risk set (with Efron's fractions); chi-square
    U' (I_tt - I_tb I_bb^-1 I_bt)^-1 U, over one theta or all.

    Undefined when g takes one value at all events (one event time; with ``km`` no event before), or the events leave no information
    about a change (the covariate varies in one risk set only).
    """
    given = covariates(design)
    beta = np.asarray(coefficient, dtype=np.float64)
    course = follow_up(time, event, entry, stratum)
    n, p = given.shape
    if course.time.shape != (n,) or beta.shape != (p,) or not np.isfinite(beta).all():
        raise ValueError("design, coefficient and time do not agree in shape, or the coefficient is not a number")
    kind = TimeScale(scale)
    risk = risk_sets(course)
    unit = np.maximum(given.std(axis=0), 1e-300) if n else np.ones(p)
    models = batch(risk, (given / unit).T[None], np.ones((1, n)), ties=Ties(ties), firth=False)
    at, _ = moments(models, (beta * unit)[None])
    g = _transformed(course, kind)[risk.deaths]
    centred = g - g.mean() if g.size else g
    residual = (models.x[0][:, risk.deaths] - at.mean[0]).T
    spread = np.moveaxis(at.covariance[0], 2, 0)
    plain, once, twice = (np.einsum("d,dij->ij", centred**k, spread) for k in range(3))
    score = centred @ residual
    chi, whole = np.full(p, np.nan), None
    varies = g.size > 0 and np.ptp(g) > 1e-12 * np.abs(g).max()
    if varies and p and np.linalg.matrix_rank(plain, hermitian=True) == p:
        left = twice - once @ np.linalg.solve(plain, once)
        alone = np.diag(left)
        chi = where(alone > _SINGULAR * np.diag(twice), divide(score**2, alone), np.nan)
        if np.isfinite(chi).all():
            whole = float(score @ np.linalg.solve(left, score))
        variance = np.linalg.inv(plain) / np.outer(unit, unit)
    else:
        variance = np.full((p, p), np.nan)
    known = np.isfinite(chi)
    scaled = g.size * (_less_mean(models.x[0][:, risk.deaths].T, at.mean[0].T, risk) * unit) @ variance + beta
    return ProportionalHazards(
        chi_square=chi,
        p_value=where(known, chdtrc(1.0, where(known, chi, 0.0)), np.nan),
        global_chi_square=whole,
        df=p,
        global_p_value=None if whole is None else float(chdtrc(p, whole)),
        scale=kind,
        row=risk.deaths,
        transformed=g,
        residual=scaled,
    )


def proportional_hazards_screen(
    x: npt.ArrayLike,
    coefficient: npt.ArrayLike,
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    present: npt.ArrayLike | None = None,
    *,
    ties: Ties | str = Ties.EFRON,
) -> Floats:
    """P (m,) of proportional hazards of the models of a panel, one biomarker each; g is 1 - S(t-) of the subjects of the row.

    Parameters
    ----------
    x, time, event, present, ties
        What :func:`correlates.stats.cox.cox_screen` fitted.
    coefficient
        (m,) what it found; P is NaN where that is.

    Notes
    -----
    As :func:`proportional_hazards`, with its cases of no test.
    """
    values, there = panel(x, present)
    beta = np.asarray(coefficient, dtype=np.float64)
    course = follow_up(time, event)
    m, n = values.shape
    if course.time.shape != (n,) or beta.shape != (m,):
        raise ValueError(f"coefficient must be ({m},) and time ({n},), found {beta.shape} and {course.time.shape}")
    risk, how = risk_sets(course), Ties(ties)
    chi = np.full(m, np.nan)
    step = max(1, _CHUNK // max(n, 1))
    for start in range(0, m if risk.times else 0, step):
        rows = start + np.flatnonzero(np.isfinite(beta[start : start + step]))
        if rows.size:
            chi[rows] = _chi_square(values[rows], beta[rows], there[rows].astype(np.float64), risk, how)
    return where(np.isnan(chi), np.nan, chdtrc(1.0, where(np.isnan(chi), 0.0, chi)))


def _chi_square(values: Floats, beta: Floats, there: Floats, risk: RiskSets, ties: Ties) -> Floats:
    """Chi-square (r,) of models with one covariate, NaN where there is no test."""
    mean = divide(values.sum(axis=1), there.sum(axis=1))[:, None]
    unit = np.maximum(np.sqrt(divide((((values - mean) * there) ** 2).sum(axis=1), there.sum(axis=1))), 1e-300)
    models = batch(risk, (values / unit[:, None])[:, None, :], there, ties=ties, firth=False)
    at, _ = moments(models, (beta * unit)[:, None])
    at_risk, died = risk.total(there), risk.died(there)
    survival = np.cumprod(1.0 - where(at_risk > 0, divide(died, at_risk), 0.0), axis=1)
    before = np.concatenate((np.ones((beta.size, 1)), survival), axis=1)[:, :-1]
    counts, g = models.counts, (1.0 - before)[:, risk.at]
    g = where(counts > 0, g - divide((counts * g).sum(axis=1), counts.sum(axis=1))[:, None], 0.0)
    residual = models.x[:, 0, risk.deaths] - at.mean[:, 0]
    spread = counts * at.covariance[:, 0, 0]
    plain, once, twice = ((spread * g**power).sum(axis=1) for power in range(3))
    varies = (np.ptp(g, axis=1) > 1e-12) & (plain > 0)
    left = twice - once**2 / where(varies, plain, 1.0)
    return where(varies & (left > _SINGULAR * twice), divide((counts * g * residual).sum(axis=1) ** 2, left), np.nan)


def _less_mean(x: Floats, mean: Floats, risk: RiskSets) -> Floats:
    """Schoenfeld residuals (D, p): events tied in time share the mean of their means."""
    if not risk.times:
        return x - mean
    sizes = np.diff(np.append(risk.starts, risk.deaths.size))
    shared = np.add.reduceat(mean, risk.starts, axis=0) / sizes[:, None]
    return x - shared[risk.at]


def _transformed(course: FollowUp, scale: TimeScale) -> Floats:
    """The transform at the time of each row (n,). Ranks are among the times of all rows; the Kaplan-Meier estimate is of all strata together."""
    times = course.time
    if scale is TimeScale.IDENTITY:
        return times
    if scale is TimeScale.RANK:
        ranks: Floats = midranks(times[None], np.ones((1, times.size), dtype=np.bool_)).ranks[0]
        return ranks
    if scale is TimeScale.LOG:
        if (times[course.event] <= 0).any():
            raise ValueError("the logarithm needs event times above 0")
        return np.asarray(np.log(np.maximum(times, 1e-300)), dtype=np.float64)
    curve = kaplan_meier(times, course.event, course.entry)
    before = np.concatenate(([1.0], curve.survival))[np.searchsorted(curve.time, times, side="left")]
    return np.asarray(1.0 - before, dtype=np.float64)
