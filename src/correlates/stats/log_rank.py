"""Log-rank test and its weighted forms (Fleming-Harrington, Peto-Peto), for k groups, stratified; one grouping or a panel of them.

Sources: Mantel, Cancer Chemother Rep 1966;50:163-170. Peto and Peto, JRSS A 1972;135:185-206 (doi:10.2307/2344317). Harrington and
Fleming, Biometrika 1982;69:553-566 (doi:10.1093/biomet/69.3.553). Klein and Moeschberger, Survival Analysis, 2nd ed. 2003, sections
7.3 and 7.5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from correlates.stats.arrays import Bools, Floats, Ints, divide, where
from correlates.stats.at_risk import RiskSets, follow_up, risk_sets
from correlates.stats.survival_panel import time_table

_CHUNK = 1 << 19  # group memberships (groupings x groups x subjects) held at a time
_RANK = 1e-9  # an eigenvalue of the covariance this small beside the sum of w^2 d is zero


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRank:
    """A log-rank test of k groups.

    ``observed`` and ``expected`` (k,) events, weighted when rho or gamma is not 0; ``covariance`` (k, k) of their difference; ``n``
    and ``n_events`` (k,). ``df`` is the rank of the covariance: the groups that share a risk set, minus 1. ``chi_square`` and
    ``p_value`` are None where undefined (``df`` 0).
    """

    observed: Floats
    expected: Floats
    covariance: Floats
    chi_square: float | None
    df: int
    p_value: float | None
    n: Ints
    n_events: Ints
    rho: float
    gamma: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRankScreen:
    """Log-rank tests of m groupings of the same subjects; (m,), or (m, k) where per group. NaN where ``df`` is 0."""

    observed: Floats
    expected: Floats
    chi_square: Floats
    df: Ints
    p_value: Floats
    n: Ints
    n_events: Ints


def log_rank(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    group: npt.ArrayLike,
    groups: int,
    *,
    entry: npt.ArrayLike | None = None,
    stratum: npt.ArrayLike | None = None,
    rho: float = 0.0,
    gamma: float = 0.0,
) -> LogRank:
    """Log-rank test of equal hazards in k groups.

    Parameters
    ----------
    time, event, entry, stratum
        (n,) each; see :func:`correlates.stats.at_risk.follow_up`.
    group
        (n,) whole numbers 0..k-1.
    groups
        k.
    rho, gamma
        Weight S(t-)^rho (1 - S(t-))^gamma, S the pooled Kaplan-Meier estimate of the stratum. rho = 1 is the Peto-Peto test in the
        form of R's ``survdiff``; 0 and 0 the log-rank test; rho = 0, gamma = 1 weighs late differences.

    Notes
    -----
    With n_j of n at risk and d events at a time: O_j - E_j = sum w (d_j - d n_j / n), covariance sum w^2 d (n - d) / (n - 1)
    (n_i / n) (delta_ij - n_j / n), chi-square (O - E)' V^- (O - E). Strata are summed.

    Undefined: no events, one group, or groups that are never at risk together. A group without events counts like any other.

    Examples
    --------
    >>> test = log_rank([1, 2, 3, 4], [1, 1, 1, 1], [0, 0, 1, 1], 2)
    >>> [round(float(e), 4) for e in test.expected], test.df
    ([0.8333, 3.1667], 1)
    """
    course = follow_up(time, event, entry, stratum)
    label = _labels(group, groups, (course.time.size,))
    risk = risk_sets(course)
    one_hot = (np.arange(groups)[:, None] == label)[None].astype(np.float64)
    found = _shared(risk, one_hot, rho, gamma)
    n, n_events = _counts(one_hot, course.event)
    df = int(found.df[0])
    return LogRank(
        observed=found.observed[0],
        expected=found.expected[0],
        covariance=found.covariance[0],
        chi_square=float(found.chi_square[0]) if df else None,
        df=df,
        p_value=float(chdtrc(df, found.chi_square[0])) if df else None,
        n=n[0],
        n_events=n_events[0],
        rho=rho,
        gamma=gamma,
    )


def log_rank_screen(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    group: npt.ArrayLike,
    groups: int,
    present: npt.ArrayLike | None = None,
    *,
    entry: npt.ArrayLike | None = None,
    stratum: npt.ArrayLike | None = None,
    rho: float = 0.0,
    gamma: float = 0.0,
) -> LogRankScreen:
    """Log-rank tests of m groupings (biomarkers cut into k classes) of the same subjects.

    Parameters
    ----------
    time, event, entry, stratum, groups, rho, gamma
        As for :func:`log_rank`.
    group
        (m, n) whole numbers 0..k-1; what stands where a value is absent does not matter.
    present
        (m, n) which subjects have a class in the row; the others are left out of the row altogether. All, when not given.
    """
    course = follow_up(time, event, entry, stratum)
    labels = np.atleast_2d(np.asarray(group))
    there = np.ones(labels.shape, dtype=np.bool_) if present is None else np.atleast_2d(np.asarray(present, np.bool_))
    if there.shape != labels.shape:
        raise ValueError(f"group and present must have the same shape, found {labels.shape} and {there.shape}")
    labels = _labels(np.where(there, labels, 0), groups, (labels.shape[0], course.time.size))
    m, n = labels.shape
    risk = risk_sets(course)
    observed, expected = np.zeros((m, groups)), np.zeros((m, groups))
    chi, df = np.full(m, np.nan), np.zeros(m, dtype=np.int64)
    size, n_events = np.zeros((m, groups), dtype=np.int64), np.zeros((m, groups), dtype=np.int64)
    step = max(1, _CHUNK // max(groups * n, 1))
    for start in range(0, m, step):
        rows = slice(start, start + step)
        kept = (np.arange(groups)[None, :, None] == labels[rows, None, :]) & there[rows, None, :]
        one_hot = kept.astype(np.float64)
        found = _shared(risk, one_hot, rho, gamma)
        observed[rows], expected[rows] = found.observed, found.expected
        chi[rows], df[rows] = found.chi_square, found.df
        size[rows], n_events[rows] = _counts(one_hot, course.event)
    return _screen(observed, expected, chi, df, size, n_events)


def _screen(observed: Floats, expected: Floats, chi: Floats, df: Ints, n: Ints, n_events: Ints) -> LogRankScreen:
    defined = df > 0
    return LogRankScreen(
        observed=observed,
        expected=expected,
        chi_square=chi,
        df=df,
        p_value=where(defined, chdtrc(np.maximum(df, 1), where(defined, chi, 0.0)), np.nan),
        n=n,
        n_events=n_events,
    )


def two_group_chi_squares(
    time: npt.ArrayLike, event: npt.ArrayLike, *, rho: float = 0.0, gamma: float = 0.0
) -> Callable[[Ints], Floats]:
    """What gives the chi-squares (b,) of groupings (b, n) of the same subjects into groups 0 and 1, for many groupings.

    The numbers of :func:`log_rank_screen` but for rounding, NaN where it has none; observed less expected events are a sum of scores of
    the subjects, and their variance follows from the share at risk of group 1 at each time, (n,) by (n, K) products.

    Parameters
    ----------
    time, event, rho, gamma
        As for :func:`log_rank`.
    """
    course = follow_up(time, event)
    at = np.unique(course.time[course.event])
    at_risk = (course.time[:, None] >= at).astype(np.float64)
    died = ((course.time[:, None] == at) & course.event[:, None]).astype(np.float64)
    n, d = at_risk.sum(axis=0), died.sum(axis=0)
    before = _before(n[None], d[None])[0]
    weight = before**rho * (1.0 - before) ** gamma
    scores = died @ weight - at_risk @ (weight * d / n)
    spread = weight**2 * d * where(n > 1, divide(n - d, n - 1.0), 0.0)
    share_of = at_risk / n

    def chi_squares(groups: Ints) -> Floats:
        first = groups.astype(np.float64)
        share = first @ share_of
        variance = (share * (1.0 - share)) @ spread
        known = 2.0 * variance > _RANK * max(float(spread.sum()), 1e-300)  # its eigenvalue
        return where(known, (first @ scores) ** 2 / where(known, variance, 1.0), np.nan)

    return chi_squares


def log_rank_rows(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    group: npt.ArrayLike,
    groups: int,
    present: npt.ArrayLike,
    *,
    rho: float = 0.0,
    gamma: float = 0.0,
) -> LogRankScreen:
    """Log-rank tests of one grouping of the subjects, each row with times of its own (values of a biomarker turned into times).

    Parameters
    ----------
    time, event, present
        (m, n): time of the event or of censoring, whether it was an event, and who is in the row.
    group, groups, rho, gamma
        As for :func:`log_rank`.
    """
    there = np.atleast_2d(np.asarray(present, dtype=np.bool_))
    times, happened = np.atleast_2d(np.asarray(time, np.float64)), np.atleast_2d(np.asarray(event, np.bool_))
    m, n = there.shape
    label = _labels(group, groups, (n,))
    observed, expected = np.zeros((m, groups)), np.zeros((m, groups))
    chi, df = np.full(m, np.nan), np.zeros(m, dtype=np.int64)
    size, n_events = np.zeros((m, groups), dtype=np.int64), np.zeros((m, groups), dtype=np.int64)
    belongs = np.arange(groups)[:, None] == label
    step = max(1, _CHUNK // max(groups * n, 1))
    for start in range(0, m, step):
        rows = slice(start, start + step)
        table = time_table(times[rows], happened[rows], there[rows])
        one_hot = (belongs & there[rows, None, :]).astype(np.float64)
        size[rows], n_events[rows] = _counts(one_hot, happened[rows, None, :])
        before = _before(table.n_risk, table.n_event)
        weight = before**rho * (1.0 - before) ** gamma
        found = _tests(table.at_risk(one_hot), table.together(one_hot * happened[rows, None, :]), weight)
        observed[rows], expected[rows] = found.observed, found.expected
        chi[rows], df[rows] = found.chi_square, found.df
    return _screen(observed, expected, chi, df, size, n_events)


def log_rank_contributions(
    time: npt.ArrayLike, event: npt.ArrayLike, present: npt.ArrayLike, *, rho: float = 0.0, gamma: float = 0.0
) -> Floats:
    """Scores (m, n) of which the sum over a group is its observed minus expected (weighted) events; 0 of who is not in the row.

    w(t) at the time of an event (0 for a censored subject), minus the sum over event times up to the subject's of w d / n; time,
    event and present as of :func:`log_rank_rows`.
    """
    there = np.atleast_2d(np.asarray(present, dtype=np.bool_))
    times, happened = np.atleast_2d(np.asarray(time, np.float64)), np.atleast_2d(np.asarray(event, np.bool_))
    table = time_table(times, happened, there)
    before = _before(table.n_risk, table.n_event)
    weight = before**rho * (1.0 - before) ** gamma
    begins = np.maximum.accumulate(np.where(table.first, np.arange(there.shape[1]), 0), axis=1)
    lost = np.cumsum(weight * where(table.n_risk > 0, divide(table.n_event, table.n_risk), 0.0), axis=1)
    own = np.take_along_axis(weight, begins, axis=1)
    found = np.zeros(there.shape)
    seen = np.take_along_axis(happened & there, table.order, axis=1)
    np.put_along_axis(found, table.order, where(seen, own, 0.0) - lost, axis=1)
    return where(there, found, 0.0)


def _labels(group: npt.ArrayLike, groups: int, shape: tuple[int, ...]) -> Ints:
    label = np.asarray(group)
    if label.shape != shape or not np.isin(label, np.arange(groups)).all():
        raise ValueError(f"group must be {shape} with whole numbers from 0 to {groups - 1}")
    return label.astype(np.int64)


def _counts(one_hot: Floats, happened: Bools) -> tuple[Ints, Ints]:
    """Subjects and events (m, k) of memberships (m, k, n)."""
    n = np.rint(one_hot.sum(axis=2)).astype(np.int64)
    return n, np.rint((one_hot * happened).sum(axis=2)).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tests:
    observed: Floats
    expected: Floats
    covariance: Floats
    chi_square: Floats
    df: Ints


def _shared(risk: RiskSets, one_hot: Floats, rho: float, gamma: float) -> _Tests:
    """The tests of groupings of one follow-up given as memberships (m, k, n), 0 in every group where absent."""
    at_risk, died = risk.total(one_hot), risk.died(one_hot)
    return _tests(at_risk, died, _weights(risk, at_risk.sum(axis=1), died.sum(axis=1), rho, gamma))


def _tests(at_risk: Floats, died: Floats, weight: Floats) -> _Tests:
    """The tests from numbers at risk and events (m, k, K) at K times, and the weight of each (m, K)."""
    m, k, times = at_risk.shape
    n, d = at_risk.sum(axis=1), died.sum(axis=1)
    share = where(n[:, None] > 0, divide(at_risk, n[:, None]), 0.0)
    observed = (weight[:, None] * died).sum(axis=2)
    expected = ((weight * d)[:, None] * share).sum(axis=2)
    spread = weight**2 * d * where(n > 1, divide(n - d, n - 1.0), 0.0)
    crossed = (share * spread[:, None]) @ np.swapaxes(share, 1, 2)
    covariance = (share * spread[:, None]).sum(axis=2)[:, :, None] * np.eye(k) - crossed
    if k < 2 or times == 0:
        nothing = np.full(m, np.nan)
        return _Tests(
            observed=observed,
            expected=expected,
            covariance=covariance,
            chi_square=nothing,
            df=np.zeros(m, dtype=np.int64),
        )
    values, vectors = np.linalg.eigh(covariance)
    kept = values > _RANK * np.maximum(spread.sum(axis=1), 1e-300)[:, None]
    along = (np.swapaxes(vectors, 1, 2) @ (observed - expected)[:, :, None])[:, :, 0]
    chi = where(kept, along**2 / where(kept, values, 1.0), 0.0).sum(axis=1)
    df = kept.sum(axis=1)
    return _Tests(
        observed=observed,
        expected=expected,
        covariance=covariance,
        chi_square=where(df > 0, chi, np.nan),
        df=df,
    )


def _weights(risk: RiskSets, n: Floats, d: Floats, rho: float, gamma: float) -> Floats:
    """Weights (m, K) from the pooled Kaplan-Meier estimate just before each time, within the stratum."""
    if rho == 0 and gamma == 0:
        return np.ones(n.shape)
    before = np.ones(n.shape)
    for block in np.unique(risk.stratum):
        columns = np.flatnonzero(risk.stratum == block)
        before[:, columns] = _before(n[:, columns], d[:, columns])
    return before**rho * (1.0 - before) ** gamma


def _before(n: Floats | Ints, d: Floats | Ints) -> Floats:
    """The Kaplan-Meier estimate (m, K) just before each time."""
    found = np.ones(n.shape)
    found[:, 1:] = np.cumprod(1.0 - where(n > 0, divide(d, n), 0.0), axis=1)[:, :-1]
    return found
