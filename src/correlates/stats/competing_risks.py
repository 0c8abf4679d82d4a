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

from correlates.stats.arrays import Bools, Floats, Ints, divide, where

_CELLS = 1 << 19  # numbers held at a time (groupings x groups x groups x subjects)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class GrayScreen:
    """Gray's tests of m groupings of the same subjects; (m,), or (m, k) where per group. NaN where ``df`` is 0."""

    chi_square: Floats
    df: Ints
    p_value: Floats
    n: Ints
    n_events: Ints


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
    rows = np.ones((causes, 1))
    variance = _variances(
        before * rows, after * rows, n_risk * rows, by_cause, deaths - by_cause, incidence, np.arange(at.size)
    )
    error = np.sqrt(variance)
    lower, upper = _limits(incidence, error, level)
    return CumulativeIncidence(
        time=at,
        n_risk=n_risk,
        n_event=by_cause,
        incidence=incidence,
        standard_error=error,
        lower=lower,
        upper=upper,
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


def incidence_at_panel(
    time: npt.ArrayLike,
    cause: npt.ArrayLike,
    member: npt.ArrayLike,
    times: npt.ArrayLike,
    *,
    of: int = 1,
    level: float = 0.95,
) -> IncidenceAt:
    """Cumulative incidence of one cause at given times in m groups of the same subjects: arrays (m, t), as :func:`incidence_at`.

    Parameters
    ----------
    time, cause, of, level
        As for :func:`cumulative_incidence`; every other cause competes.
    member
        (m, n) who is in the group. Everything is NaN for a group of nobody.
    times
        (t,).
    """
    end, outcome = _of_interest(time, cause, of)
    inside = np.atleast_2d(np.asarray(member, dtype=np.bool_))
    at = np.atleast_1d(np.asarray(times, dtype=np.float64))
    grid = np.unique(end[outcome > 0])
    kept = inside.astype(np.float64)
    n_risk, own, other = _panel_counts(kept, end, outcome, grid)
    after = np.asarray(np.cumprod(1.0 - where(n_risk > 0, divide(own + other, n_risk), 0.0), axis=1), dtype=np.float64)
    before = _lagged(after, 1.0)
    incidence = np.cumsum(where(n_risk > 0, before * divide(own, n_risk), 0.0), axis=1)
    index = np.searchsorted(grid, at, side="right")
    last = np.max(where(inside, end, -np.inf), axis=1, initial=-np.inf)
    begin = np.zeros((inside.shape[0], 1))
    found = np.concatenate((begin, incidence), axis=1)[:, index]
    variance = _variances(before, after, n_risk, own, other, incidence, index - 1)
    over = np.concatenate((begin + 1.0, after), axis=1)[:, index] == 0
    known = (at <= last[:, None]) | over
    error = np.sqrt(variance)
    lower, upper = _limits(found, error, level)
    estimate, spread, low, high = (where(known, v, np.nan) for v in (found, error, lower, upper))
    return IncidenceAt(time=at, incidence=estimate, standard_error=spread, lower=low, upper=high)


def _panel_counts(kept: Floats, times: Floats, outcome: Ints, at: Floats) -> tuple[Floats, Floats, Floats]:
    """Numbers at risk, with the event of interest and with another, of memberships (..., n) at each time: (..., T)."""
    on = times[:, None] == at
    own, other = (kept @ where(on & (outcome == code)[:, None], 1.0, 0.0) for code in (1, 2))
    return kept @ where(times[:, None] >= at, 1.0, 0.0), own, other


def _variances(
    before: Floats, after: Floats, n_risk: Floats, own: Floats | Ints, other: Floats | Ints, incidence: Floats, at: Ints
) -> Floats:
    """Variance (m, t) of incidences (m, K) at places ``at`` (t,) among the K times; 0 at place -1, before the first."""
    reciprocal = where(after > 0, divide(1.0, after), 0.0)
    first = _spread(before, n_risk, own)
    second = where(after > 0, _spread(before, n_risk, other), 0.0)
    found = np.zeros((before.shape[0], at.size))
    for column, place in enumerate(at.tolist()):
        here = slice(0, place + 1)
        gap = (incidence[:, place : place + 1] - incidence[:, here]) * reciprocal[:, here] if place >= 0 else 0.0
        found[:, column] = (first[:, here] * (1.0 - gap) ** 2 + second[:, here] * gap**2).sum(axis=1)
    return found


def _limits(incidence: Floats, error: Floats, level: float) -> tuple[Floats, Floats]:
    """Limits of incidences on the scale log(-log F); NaN at 0 and 1."""
    inside = (incidence > 0) & (incidence < 1)
    size = where(inside, -np.log(where(inside, incidence, 0.5)), np.nan)
    change = float(ndtri(0.5 + level / 2.0)) * error / (incidence * size + where(inside, 0.0, 1.0))
    change = np.clip(change, -700.0, 700.0)  # beyond, exp does not fit a number, and the limit is 0 or 1
    return np.exp(-size * np.exp(change)), np.exp(-size * np.exp(-change))


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
    times, outcome = _of_interest(time, cause, of)
    n = times.size
    label = np.asarray(group)
    if label.shape != (n,) or not np.isin(label, np.arange(groups)).all():
        raise ValueError(f"group must hold {n} whole numbers from 0 to {groups - 1}")
    strata = np.zeros(n, dtype=np.int64) if stratum is None else np.asarray(stratum)
    if strata.shape != (n,):
        raise ValueError(f"stratum must be ({n},), found {strata.shape}")
    score, covariance = np.zeros((1, groups)), np.zeros((1, groups, groups))
    kept = (np.arange(groups)[:, None] == label)[None]
    for block in np.unique(strata):
        rows = strata == block
        one, spread = _gray_scores(times[rows], outcome[rows], kept[:, :, rows], rho)
        score, covariance = score + one, covariance + spread
    n_events = (kept & (outcome == 1)).sum(axis=2)
    chi, df = _gray_chi_square(score, covariance, n_events.sum(axis=1))
    return Gray(
        score=score[0],
        covariance=covariance[0],
        chi_square=float(chi[0]) if df[0] else None,
        df=int(df[0]),
        p_value=float(chdtrc(df[0], chi[0])) if df[0] else None,
        n=kept.sum(axis=2)[0],
        n_events=n_events[0],
        rho=rho,
    )


def gray_screen(
    time: npt.ArrayLike,
    cause: npt.ArrayLike,
    group: npt.ArrayLike,
    groups: int,
    present: npt.ArrayLike | None = None,
    *,
    of: int = 1,
    rho: float = 0.0,
) -> GrayScreen:
    """Gray's tests of m groupings (biomarkers cut into k classes) of the same subjects.

    Parameters
    ----------
    time, cause, groups, of, rho
        As for :func:`gray_test`.
    group
        (m, n) whole numbers 0..k-1; what stands where a value is absent does not matter.
    present
        (m, n) which subjects have a class in the row; the others are left out of the row altogether. All, when not given.
    """
    times, outcome = _of_interest(time, cause, of)
    labels = np.atleast_2d(np.asarray(group))
    there = np.ones(labels.shape, dtype=np.bool_) if present is None else np.atleast_2d(np.asarray(present, np.bool_))
    if there.shape != labels.shape or labels.shape[1] != times.size:
        raise ValueError(f"group and present must be (m, {times.size}), found {labels.shape} and {there.shape}")
    if not np.isin(labels[there], np.arange(groups)).all():
        raise ValueError(f"group must hold whole numbers from 0 to {groups - 1}")
    m, n = labels.shape
    chi, df = np.full(m, np.nan), np.zeros(m, dtype=np.int64)
    size, n_events = np.zeros((m, groups), dtype=np.int64), np.zeros((m, groups), dtype=np.int64)
    step = max(1, _CELLS // max(groups * groups * n, 1))
    for start in range(0, m, step):
        rows = slice(start, start + step)
        kept = (np.arange(groups)[None, :, None] == labels[rows, None, :]) & there[rows, None, :]
        size[rows], n_events[rows] = kept.sum(axis=2), (kept & (outcome == 1)).sum(axis=2)
        score, covariance = _gray_scores(times, outcome, kept, rho)
        chi[rows], df[rows] = _gray_chi_square(score, covariance, n_events[rows].sum(axis=1))
    defined = df > 0
    return GrayScreen(
        chi_square=chi,
        df=df,
        p_value=where(defined, chdtrc(np.maximum(df, 1), where(defined, chi, 0.0)), np.nan),
        n=size,
        n_events=n_events,
    )


def _of_interest(time: npt.ArrayLike, cause: npt.ArrayLike, of: int) -> tuple[Floats, Ints]:
    """Times, and 0 for censoring, 1 for the cause tested, 2 for any other."""
    if of < 1:
        raise ValueError(f"the cause tested is a number from 1, found {of}")
    times, kind = _checked(time, cause, int(max(of, np.asarray(cause).max(initial=0))))
    return times, np.where(kind == 0, 0, np.where(kind == of, 1, 2))


def _gray_chi_square(score: Floats, covariance: Floats, n_events: Ints) -> tuple[Floats, Ints]:
    """Chi-square of scores (m, k) in the space their covariance spans, NaN where there is none, and its dimension: both (m,)."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > (_RANK * np.maximum(n_events, 1))[:, None]
    along = (np.swapaxes(vectors, 1, 2) @ score[:, :, None])[:, :, 0]
    df: Ints = kept.sum(axis=1)
    return where(df > 0, where(kept, along**2 / where(kept, values, 1.0), 0.0).sum(axis=1), np.nan), df


def _gray_scores(times: Floats, outcome: Ints, kept: Bools, rho: float) -> tuple[Floats, Floats]:
    """Scores (m, k) and their covariance (m, k, k) of groups given as memberships (m, k, n).

    Names: h = n/S(t-) of a group, R = h (1 - F(t-)); arrays are (m, k, T).
    """
    at = np.unique(times[outcome > 0])
    y, own, other = _panel_counts(kept.astype(np.float64), times, outcome, at)
    there = y > 0
    after = np.asarray(np.cumprod(1.0 - where(there, divide(own + other, y), 0.0), axis=2), dtype=np.float64)
    before = _lagged(after, 1.0)
    incidence = _lagged(np.cumsum(where(there, before * divide(own, y), 0.0), axis=2), 0.0)
    h = where(there, divide(y, before), 0.0)
    whole = h.sum(axis=1)
    d = own.sum(axis=1)
    jump = where(whole > 0, divide(d, whole), 0.0)
    pooled = np.cumsum(jump, axis=1)
    left = 1.0 - _lagged(pooled, 0.0)
    weight = np.maximum(left, 0.0) ** rho
    subdistribution = h * (1.0 - incidence)
    total = subdistribution.sum(axis=1)[:, None]
    share = where(total > 0, divide(subdistribution, total), 0.0)
    score = (weight[:, None] * (own - d[:, None] * share)).sum(axis=2)
    k = kept.shape[1]
    crossed = where(whole > 0, divide(1.0, whole), 0.0)[:, None, None] * h[:, :, None] * h[:, None]
    a = weight[:, None, None] * (np.eye(k)[:, :, None] * h[:, :, None] - crossed)
    c = np.cumsum(a * where(left > 0, divide(jump, left), 0.0)[:, None, None], axis=3)
    rest = c[..., -1:] - c
    free = where(after > 0, divide(1.0 - pooled[:, None], after), 0.0)
    crowd = where((d > 1)[:, None], divide((d - 1.0)[:, None], whole[:, None] * before - 1.0), 0.0)
    first = where(there, (1.0 - crowd) * before * divide(d[:, None], whole[:, None] * y), 0.0)
    second = where(after > 0, _spread(before, y, other), 0.0)
    influence = a + (1.0 - free)[:, None] * rest
    covariance = _weighted_products(influence, first) + _weighted_products(free[:, None] * rest, second)
    return score, covariance


def _lagged(values: Floats, start: float) -> Floats:
    """Values (..., T) just before each time."""
    found = np.empty(values.shape)
    found[..., :1], found[..., 1:] = start, values[..., :-1]
    return found


def _weighted_products(influence: Floats, weight: Floats) -> Floats:
    """Sums (m, k, k) over groups and times of influence_i influence_j weight; influence (m, k, k, T), weight (m, k, T)."""
    m, k = influence.shape[:2]
    left = (influence * weight[:, None]).reshape(m, k, -1)
    return np.asarray(left @ np.swapaxes(influence.reshape(m, k, -1), 1, 2))


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
