"""Whether the effect of a biomarker differs between declared subgroups: interaction tests, batched over a panel.

Binary endpoint: logit P = a_g + b_g x with an intercept and a slope for each subgroup g; time endpoint: a Cox model stratified by subgroup
with a slope for each. The test of b_1 = ... = b_k is the (penalised) likelihood ratio with k - 1 df, the penalty keeping the full design.
The effect within a subgroup is that of the same model: with intercepts (or strata) of their own, subgroups do not share information.

Sources: Firth, Biometrika 1993;80:27-38; Heinze and Schemper, Stat Med 2002;21:2409-2419 and Biometrics 2001;57:114-119. Assmann et al.,
Lancet 2000;355:1064-1069 and Wang et al., NEJM 2007;357:2189-2194 (declared subgroups, interaction tests, all of them reported).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from correlates.stats import cox_likelihood as cox
from correlates.stats.arrays import Bools, Floats, Ints, membership, panel, where
from correlates.stats.at_risk import follow_up, risk_sets
from correlates.stats.cox import CoxPenalty, CoxScreen, cox_screen
from correlates.stats.logistic import LogisticScreen, Penalty, logistic_screen
from correlates.stats.logistic_likelihood import batch, maximise


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """Effects of m biomarkers in k subgroups.

    ``coefficient``, ``lower``, ``upper``, ``p_value`` (m, k): Firth's estimate within each subgroup (log odds or log hazard ratio per
    unit of x), profile limits, P of the penalised likelihood ratio; NaN where ``usable`` (m, k) is false: no event, nobody without one
    (binary endpoint), or a single value of the biomarker. ``n``, ``n_events`` (m, k). ``chi_square``, ``p_interaction`` (m,) test that the
    usable subgroups have one effect, with ``df`` (m,) of them less 1; NaN where fewer than two are usable or no maximum was reached.
    """

    coefficient: Floats
    lower: Floats
    upper: Floats
    p_value: Floats
    n: Ints
    n_events: Ints
    usable: Bools
    chi_square: Floats
    df: Ints
    p_interaction: Floats


def interaction_logistic(
    x: npt.ArrayLike,
    outcome: npt.ArrayLike,
    subgroup: npt.ArrayLike,
    groups: int,
    present: npt.ArrayLike | None = None,
    *,
    level: float = 0.95,
) -> Interaction:
    """Effect of each biomarker on a binary endpoint in each subgroup, and whether it differs.

    Parameters
    ----------
    x
        (m, n) biomarkers by patients, on the scale of the odds ratio wanted.
    outcome
        (n,) true for an event.
    subgroup
        (n,) number of the subgroup, 0 to groups - 1; -1 takes no part.
    groups
        k, how many subgroups.
    present
        (m, n) which values are there.
    level
        Confidence level of the profile limits.
    """
    values, there = panel(x, present)
    events = membership(outcome, values.shape[1])
    member = _members(subgroup, groups, values.shape[1])
    fits = [
        logistic_screen(values, events, there & member[g], penalty=Penalty.FIRTH, level=level) for g in range(groups)
    ]
    n = np.stack([f.n for f in fits], axis=1)
    happened = np.stack([f.n_events for f in fits], axis=1)
    usable = np.stack([f.converged for f in fits], axis=1) & (happened > 0) & (happened < n)

    def ratio(at: Ints, used: Ints) -> Floats:
        here = there[at] & member[used].any(axis=0)
        centred = _centred(values[at], here)
        dummies = member[used].astype(np.float64)
        columns = [np.broadcast_to(d, centred.shape) for d in dummies]
        columns += [centred, *(centred * d for d in dummies[1:])]
        models = batch(
            np.stack(columns, axis=2),
            np.broadcast_to(events.astype(np.float64), centred.shape),
            here.astype(np.float64),
            firth=True,
        )
        size = len(columns)
        full = maximise(models, np.zeros((at.size, size)), np.ones(size, dtype=np.bool_))
        held = maximise(models, np.zeros((at.size, size)), np.arange(size) <= used.size)
        reached = full.converged & held.converged
        return where(reached, np.maximum(2.0 * (full.point.value - held.point.value), 0.0), np.nan)

    return _together(fits, n, happened, usable, ratio)


def interaction_cox(
    x: npt.ArrayLike,
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    subgroup: npt.ArrayLike,
    groups: int,
    present: npt.ArrayLike | None = None,
    *,
    entry: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> Interaction:
    """Effect of each biomarker on a time endpoint in each subgroup, and whether it differs; parameters as above, time as for ``cox_screen``."""
    values, there = panel(x, present)
    member = _members(subgroup, groups, values.shape[1])
    course = follow_up(time, event, entry)
    fits = [
        cox_screen(
            values, course.time, course.event, there & member[g], entry=entry, penalty=CoxPenalty.FIRTH, level=level
        )
        for g in range(groups)
    ]
    n = np.stack([f.n for f in fits], axis=1)
    happened = np.stack([f.n_events for f in fits], axis=1)
    usable = np.stack([f.converged & ~f.constant for f in fits], axis=1)

    def ratio(at: Ints, used: Ints) -> Floats:
        inside = member[used].any(axis=0)
        rows = np.flatnonzero(inside)
        here = there[np.ix_(at, rows)]
        centred = _centred(values[np.ix_(at, rows)], here)
        strata = member[used][:, rows].argmax(axis=0)
        risk = risk_sets(
            follow_up(course.time[rows], course.event[rows], None if entry is None else course.entry[rows], strata)
        )
        columns = [centred, *(centred * (strata == g) for g in range(1, used.size))]
        models = cox.batch(risk, np.stack(columns, axis=1), here.astype(np.float64), ties=cox.Ties.EFRON, firth=True)
        size = used.size
        full = cox.maximise(models, np.zeros((at.size, size)), np.ones(size, dtype=np.bool_))
        held = cox.maximise(models, np.zeros((at.size, size)), np.arange(size) < 1)
        reached = full.converged & held.converged
        return where(reached, np.maximum(2.0 * (full.point.value - held.point.value), 0.0), np.nan)

    return _together(fits, n, happened, usable, ratio)


def _members(subgroup: npt.ArrayLike, groups: int, n: int) -> Bools:
    numbers = np.asarray(subgroup)
    if numbers.shape != (n,) or not np.isin(numbers, range(-1, groups)).all():
        raise ValueError(f"subgroup must hold {n} whole numbers from -1 to {groups - 1}")
    found: Bools = numbers[None, :] == np.arange(groups)[:, None]
    return found


def _centred(values: Floats, here: Bools) -> Floats:
    """Each biomarker with mean 0 and variance 1 over those that take part: neither changes the test."""
    count = np.maximum(here.sum(axis=1), 1)[:, None]
    centred = where(here, values - (values * here).sum(axis=1)[:, None] / count, 0.0)
    spread = np.sqrt((centred**2).sum(axis=1)[:, None] / count)
    return centred / where(spread > 0, spread, 1.0)


def _together(
    fits: Sequence[LogisticScreen] | Sequence[CoxScreen],
    n: Ints,
    happened: Ints,
    usable: Bools,
    ratio: Callable[[Ints, Ints], Floats],
) -> Interaction:
    """Effects within the subgroups, and the test over those that are usable, models with the same ones at a time."""
    m = usable.shape[0]
    chi_square = np.full(m, np.nan)
    df = np.maximum(usable.sum(axis=1) - 1, 0)
    for pattern in np.unique(usable, axis=0):
        if pattern.sum() >= 2:
            at = np.flatnonzero((usable == pattern).all(axis=1))
            chi_square[at] = ratio(at, np.flatnonzero(pattern))
    known = np.isfinite(chi_square)
    p = where(known, chdtrc(np.maximum(df, 1), where(known, chi_square, 0.0)), np.nan)

    def each(name: str) -> Floats:
        return where(usable, np.stack([getattr(f, name) for f in fits], axis=1), np.nan)

    return Interaction(
        coefficient=each("coefficient"),
        lower=each("lower"),
        upper=each("upper"),
        p_value=each("p_value"),
        n=n,
        n_events=happened,
        usable=usable,
        chi_square=chi_square,
        df=df,
        p_interaction=p,
    )
