"""Competing risks: cumulative incidence (Aalen-Johansen) with its variance, and Gray's test.

The hazard of one cause with the other causes as censoring (cause-specific Cox) is :func:`correlates.stats.cox.cox_model` with the
cause as the event; it answers another question than the cumulative incidence, and both belong in a report.

Sources: Aalen and Johansen, Scand J Statist 1978;5:141-150. Gray, Ann Statist 1988;16:1141-1154 (doi:10.1214/aos/1176350951). Choudhury,
Stat Med 2002;21:1129-1144 (doi:10.1002/sim.1098; intervals).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, ndtri

from correlates.stats.arrays import Floats, Ints, divide, where

_RANK = 1e-9  # an eigenvalue of the covariance this small beside the number of events is zero


@dataclass(frozen=True, slots=True, kw_only=True)
class CumulativeIncidence:
    """Cumulative incidence of c causes at the K distinct times with an event of any cause.

    ``incidence``, ``standard_error``, ``lower``, ``upper`` and ``n_event`` are (c, K); ``time``, ``n_risk`` and ``event_free`` (K,):
    incidences and the event-free share add to 1. Limits are NaN where an incidence is 0. ``last`` is the largest follow-up time:
    beyond it nothing is known unless nobody is event-free.
    """

    time: Floats
    n_risk: Ints
    n_event: Ints
    incidence: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    event_free: Floats
    n: int
    last: float | None
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidenceAt:
    """Cumulative incidence of c causes at given times, (c, t) each; NaN beyond the last follow-up while somebody is event-free."""

    time: Floats
    incidence: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Gray:
    """Gray's test of equal cumulative incidence of one cause in k groups.

    ``score`` (k,) and its ``covariance`` (k, k); ``df`` its rank, k - 1 where all groups take part. ``chi_square`` and ``p_value`` are
    None where undefined (``df`` 0). ``n_events`` (k,) of the cause.
    """

    score: Floats
    covariance: Floats
    chi_square: float | None
    df: int
    p_value: float | None
    n: Ints
    n_events: Ints
    rho: float


def cumulative_incidence(
    time: npt.ArrayLike, cause: npt.ArrayLike, causes: int, *, level: float = 0.95
) -> CumulativeIncidence:
    """Cumulative incidence of each cause in one group.

    Parameters
    ----------
    time
        (n,) time of the first event or of censoring.
    cause
        (n,) 0 for censoring, 1..c for the cause.
    causes
        c.
    level
        Confidence level of the limits, on the scale log(-log F).

    Notes
    -----
    F_j(t) = sum over times s <= t of S(s-) d_j / n, S the Kaplan-Meier estimate of being free of any event. Variance as in Gray's
    cmprsk: sum over s <= t of S(s-)^2 / n^2 (1 - (d - 1)/(n - 1)) d w^2, for events of the cause w = 1 - (F(t) - F(s)) / S(s), for
    those of other causes taken together w = (F(t) - F(s)) / S(s). Limits F^exp(-/+ z se / (F log F)).

    One minus the Kaplan-Meier estimate with other causes censored overstates the incidence; it is not offered.
    No event: K = 0, all incidences are 0.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, found {level}")
    times, kind = _checked(time, cause, causes)
    at, n_risk, by_cause = _table(times, kind, causes)
    deaths = by_cause.sum(axis=0)
    after = np.asarray(np.cumprod(1.0 - divide(deaths, n_risk)), dtype=np.float64)
    before = np.concatenate(([1.0], after))[:-1]
    rise = before * divide(by_cause, n_risk)
    incidence: Floats = np.cumsum(rise, axis=1)
    variance = np.zeros(incidence.shape)
    reciprocal = where(after > 0, divide(1.0, after), 0.0)
    earlier = np.arange(at.size)[:, None] <= np.arange(at.size)[None, :]  # (s, t)
    for j in range(causes):
        gap = (incidence[j][None, :] - incidence[j][:, None]) * reciprocal[:, None]
        own = _spread(before, n_risk, by_cause[j])
        other = where(after > 0, _spread(before, n_risk, deaths - by_cause[j]), 0.0)
        variance[j] = (earlier * (own[:, None] * (1.0 - gap) ** 2 + other[:, None] * gap**2)).sum(axis=0)
    error = np.sqrt(variance)
    inside = (incidence > 0) & (incidence < 1)
    size = where(inside, -np.log(where(inside, incidence, 0.5)), np.nan)
    change = float(ndtri(0.5 + level / 2.0)) * error / (incidence * size + where(inside, 0.0, 1.0))
    return CumulativeIncidence(
        time=at,
        n_risk=n_risk,
        n_event=by_cause,
        incidence=incidence,
        standard_error=error,
        lower=np.exp(-size * np.exp(change)),
        upper=np.exp(-size * np.exp(-change)),
        event_free=after,
        n=times.size,
        last=float(times.max()) if times.size else None,
        level=level,
    )


def incidence_at(curves: CumulativeIncidence, times: npt.ArrayLike) -> IncidenceAt:
    """Cumulative incidences at given times."""
    at = np.atleast_1d(np.asarray(times, dtype=np.float64))
    index = np.searchsorted(curves.time, at, side="right")
    over = np.concatenate(([1.0], curves.event_free))[index] == 0
    known = (at <= (-np.inf if curves.last is None else curves.last)) | over

    def step(first: float, values: Floats) -> Floats:
        padded = np.concatenate((np.full((values.shape[0], 1), first), values), axis=1)
        return where(known, padded[:, index], np.nan)

    return IncidenceAt(
        time=at,
        incidence=step(0.0, curves.incidence),
        standard_error=step(0.0, curves.standard_error),
        lower=step(np.nan, curves.lower),
        upper=step(np.nan, curves.upper),
    )


def gray_test(
    time: npt.ArrayLike,
    cause: npt.ArrayLike,
    group: npt.ArrayLike,
    groups: int,
    *,
    of: int = 1,
    stratum: npt.ArrayLike | None = None,
    rho: float = 0.0,
) -> Gray:
    """Gray's test: is the cumulative incidence of a cause the same in k groups?

    Parameters
    ----------
    time, cause
        (n,) as for :func:`cumulative_incidence`.
    group
        (n,) whole numbers 0..k-1.
    groups
        k.
    of
        The cause tested.
    stratum
        (n,) whole numbers from 0; scores and variances are summed over strata.
    rho
        Power of 1 - F(t-) in the weight.

    Notes
    -----
    Gray 1988: the score of group i is the sum over times of (1 - F0(t-))^rho (d_i - d R_i / R), with R_i = n_i (1 - F_i(t-)) /
    S_i(t-) the risk set of the subdistribution and F0 the pooled incidence; its variance from the martingales of both causes, with
    the finite-population factor of cmprsk for tied events.

    Undefined: no event of the cause, one group, groups never at risk together.
    """
    kinds = np.asarray(cause)
    times, kind = _checked(time, cause, int(max(of, kinds.max(initial=0))))
    n = times.size
    label = np.asarray(group)
    if label.shape != (n,) or not np.isin(label, np.arange(groups)).all():
        raise ValueError(f"group must hold {n} whole numbers from 0 to {groups - 1}")
    strata = np.zeros(n, dtype=np.int64) if stratum is None else np.asarray(stratum)
    if strata.shape != (n,):
        raise ValueError(f"stratum must be ({n},), found {strata.shape}")
    if of < 1:
        raise ValueError(f"the cause tested is a number from 1, found {of}")
    outcome = np.where(kind == 0, 0, np.where(kind == of, 1, 2))
    score, covariance = np.zeros(groups), np.zeros((groups, groups))
    for block in np.unique(strata):
        rows = strata == block
        one, spread = _gray_stratum(times[rows], outcome[rows], label[rows], groups, rho)
        score, covariance = score + one, covariance + spread
    values, vectors = np.linalg.eigh(covariance) if groups else (np.zeros(0), np.zeros((0, 0)))
    kept = values > _RANK * max(int((outcome == 1).sum()), 1)
    df = int(kept.sum())
    chi = float(((vectors.T @ score)[kept] ** 2 / values[kept]).sum()) if df else None
    return Gray(
        score=score,
        covariance=covariance,
        chi_square=chi,
        df=df,
        p_value=None if chi is None else float(chdtrc(df, chi)),
        n=np.bincount(label.astype(np.int64), minlength=groups),
        n_events=np.bincount(label[outcome == 1].astype(np.int64), minlength=groups),
        rho=rho,
    )


def _gray_stratum(times: Floats, outcome: Ints, label: Ints, groups: int, rho: float) -> tuple[Floats, Floats]:
    """Scores (k,) and their covariance (k, k). Names: h = n/S(t-) of a group, R = h (1 - F(t-)); arrays are (k, T)."""
    at = np.unique(times[outcome > 0])
    table = [_table(times[label == j], outcome[label == j], 2, at) for j in range(groups)]
    y = np.array([t[1] for t in table], dtype=np.float64).reshape(groups, at.size)
    own = np.array([t[2][0] for t in table], dtype=np.float64).reshape(groups, at.size)
    other = np.array([t[2][1] for t in table], dtype=np.float64).reshape(groups, at.size)
    there = y > 0
    after = np.cumprod(1.0 - where(there, divide(own + other, y), 0.0), axis=1)
    before = np.concatenate((np.ones((groups, 1)), after), axis=1)[:, :-1]
    rise = np.cumsum(where(there, before * divide(own, y), 0.0), axis=1)
    incidence = np.concatenate((np.zeros((groups, 1)), rise), axis=1)[:, :-1]
    h = where(there, divide(y, before), 0.0)
    whole = h.sum(axis=0)
    d = own.sum(axis=0)
    jump = divide(d, whole)
    pooled = np.cumsum(jump)
    left = 1.0 - np.concatenate(([0.0], pooled))[:-1]
    weight = np.maximum(left, 0.0) ** rho
    subdistribution = h * (1.0 - incidence)
    share = where(subdistribution.sum(axis=0) > 0, divide(subdistribution, subdistribution.sum(axis=0)), 0.0)
    score = (weight * (own - d * share)).sum(axis=1)
    a = weight * (np.eye(groups)[:, :, None] * h[:, None] - h[:, None] * h[None] / whole)
    c = np.cumsum(a * where(left > 0, divide(jump, left), 0.0), axis=2)
    rest = c[:, :, -1:] - c
    free = where(after > 0, divide(1.0 - pooled, after), 0.0)
    crowd = where(d > 1, divide(d - 1.0, whole * before - 1.0), 0.0)
    first = where(there, (1.0 - crowd) * before * divide(d, whole * y), 0.0)
    influence = a + (1.0 - free) * rest
    covariance = np.einsum("ikt,jkt,kt->ij", influence, influence, first)
    second = where(after > 0, _spread(before, y, other), 0.0)
    influence = free * rest
    covariance += np.einsum("ikt,jkt,kt->ij", influence, influence, second)
    return score, covariance


def _spread(before: Floats, n: Floats | Ints, d: Floats | Ints) -> Floats:
    """S(t-)^2 d / n^2, with the finite-population factor 1 - (d - 1)/(n - 1) for tied events."""
    factor = 1.0 - where(d > 1, divide(d - 1.0, n - 1.0), 0.0)
    return where(n > 0, before**2 * factor * divide(d, np.square(n)), 0.0)


def _checked(time: npt.ArrayLike, cause: npt.ArrayLike, causes: int) -> tuple[Floats, Ints]:
    times = np.asarray(time, dtype=np.float64)
    kind = np.asarray(cause)
    if times.ndim != 1 or kind.shape != times.shape:
        raise ValueError(f"time and cause must be (n,), found {times.shape} and {kind.shape}")
    if not np.isfinite(times).all():
        raise ValueError("time holds NaN or infinity")
    if causes < 1 or not np.isin(kind, np.arange(causes + 1)).all():
        raise ValueError(f"cause must be 0 for censoring or a number from 1 to {causes}")
    return times, kind.astype(np.int64)


def _table(times: Floats, kind: Ints, causes: int, at: Floats | None = None) -> tuple[Floats, Ints, Ints]:
    """Times (K,), numbers at risk (K,) and events by cause (c, K)."""
    grid = np.unique(times[kind > 0]) if at is None else at
    n_risk = times.size - np.searchsorted(np.sort(times), grid, side="left")
    events = np.zeros((causes, grid.size), dtype=np.int64)
    happened = kind > 0
    np.add.at(events, (kind[happened] - 1, np.searchsorted(grid, times[happened])), 1)
    return grid, n_risk.astype(np.int64), events
