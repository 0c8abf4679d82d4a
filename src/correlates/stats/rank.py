"""Wilcoxon rank-sum test (Mann-Whitney), exact and asymptotic, and the Hodges-Lehmann shift with its interval.

Sources: Hollander and Wolfe, Nonparametric Statistical Methods, 2nd ed. 1999, sections 4.1-4.3. Lehmann, Nonparametrics, 1975,
section 1.4 (ties). Streitberg and Roehmel, EDV Med Biol 1986;17:187-196 (shift algorithm).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from correlates.stats.arrays import Bools, Floats, Ints, Words, membership, panel, where
from correlates.stats.ranks import Ranked, midranks

__all__ = ["Exact", "Shift", "Variant", "Wilcoxon", "hodges_lehmann", "wilcoxon"]

_CHUNK = 1 << 21  # differences held at a time


class Exact(StrEnum):
    """When the exact distribution is used.

    ``while-cheap`` (default): without ties when both groups have fewer than ``exact_below`` subjects (50: R's rule, so P values
    published from R are reproduced); with ties by exact permutation of the mid-ranks when the groups together have at most
    ``ties_up_to`` subjects. ``no-ties``: R's ``wilcox.test``: the first half only, the normal approximation as soon as two values
    are equal. ``never``: always the normal approximation.
    """

    WHILE_CHEAP = "while-cheap"
    NO_TIES = "no-ties"
    NEVER = "never"


class Variant(StrEnum):
    """What a rank-sum P value was computed from."""

    EXACT = "exact"
    PERMUTATION = "exact permutation with ties"
    NORMAL = "normal approximation"
    UNDEFINED = "undefined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wilcoxon:
    """Wilcoxon rank-sum tests of m biomarkers; every array is (m,).

    ``w`` is the Mann-Whitney count: pairs in which the case is higher plus half of the ties (R's W). ``p_greater`` is for cases
    tending to be higher. ``z`` is the tie-corrected standardised statistic without continuity correction. ``variant`` says what P
    was computed from; ``undefined`` (P is NaN) where a group is empty or no two values can be ordered.
    """

    w: Floats
    n_cases: Ints
    n_controls: Ints
    ties: Bools
    z: Floats
    p_value: Floats
    p_greater: Floats
    p_less: Floats
    variant: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Hodges-Lehmann shifts (cases minus controls) of m biomarkers; every array is (m,).

    ``attained`` is the confidence level the exact order-statistic interval has under a continuous shift model; NaN where the limits
    come from the normal approximation (``exact`` false). In very small groups no interval reaches the level asked for: the limits
    are then the smallest and the largest difference and ``attained`` is below it.
    """

    estimate: Floats
    lower: Floats
    upper: Floats
    exact: Bools
    attained: Floats


def wilcoxon(
    x: npt.ArrayLike,
    group: npt.ArrayLike,
    present: npt.ArrayLike | None = None,
    *,
    censoring: npt.ArrayLike | None = None,
    exact: Exact | str = Exact.WHILE_CHEAP,
    exact_below: int = 50,
    ties_up_to: int = 50,
    continuity: bool = True,
) -> Wilcoxon:
    """Wilcoxon rank-sum test of each biomarker between two groups.

    Parameters
    ----------
    x
        (m, n) biomarkers by subjects; of a censored value its limit.
    group
        (n,) true for cases.
    present
        (m, n) which values are there; all, when not given.
    censoring
        (m, n) -1, 0 or +1: see :func:`correlates.stats.ranks.midranks`. Pairs that the limits do not order count as ties.
    exact, exact_below, ties_up_to
        See :class:`Exact`.
    continuity
        Whether the normal approximation moves W by 1/2 towards its mean.

    Raises
    ------
    ValueError
        Infinite or NaN values among the present ones; shapes that do not agree.

    Notes
    -----
    Exact two-sided P is P(abs(W - E W) >= abs(w - E W)), which is twice the smaller tail where the law is symmetric (always,
    without ties); with ties the law of the mid-ranks given the tie pattern is used, by the shift algorithm. Normal approximation:
    var W = n1 n2 / 12 (N + 1 - sum(t^3 - t) / (N (N - 1))).

    Undefined when a group has no value or no two values can be ordered. One subject in a group is allowed (the exact P is then at
    least 2/N).

    Examples
    --------
    >>> test = wilcoxon([1.1, 2.2, 3.3, 4.4, 5.5, 6.6], [0, 0, 0, 1, 1, 1])
    >>> float(test.w[0]), round(float(test.p_value[0]), 10), str(test.variant[0])
    (9.0, 0.1, 'exact')
    """
    values, there = panel(x, present)
    cases = membership(group, values.shape[1])
    rule = Exact(exact)
    ranked = midranks(values, there, censoring)
    n1 = (there & cases).sum(axis=1)
    n2 = (there & ~cases).sum(axis=1)
    rank_sum = (ranked.ranks * cases).sum(axis=1)
    w = rank_sum - n1 * (n1 + 1) / 2.0
    variance = _variance(n1, n2, ranked.tie_sum)
    defined = variance > 0
    spread = np.sqrt(where(defined, variance, 1.0))
    deviation = w - n1 * n2 / 2.0
    half = 0.5 if continuity else 0.0
    two = 2.0 * ndtr(-np.abs(deviation - half * np.sign(deviation)) / spread)
    greater = ndtr(-(deviation - half) / spread)
    less = ndtr((deviation + half) / spread)
    ties = ranked.tie_sum > 0
    variant = np.where(defined, Variant.NORMAL.value, Variant.UNDEFINED.value)
    two, greater, less = (where(defined, p, np.nan) for p in (np.minimum(two, 1.0), greater, less))

    small = defined & (n1 < exact_below) & (n2 < exact_below) & (rule is not Exact.NEVER)
    permuted = small & ties & (n1 + n2 <= ties_up_to) & (rule is Exact.WHILE_CHEAP)
    plain = small & ~ties
    _exact(ranked, cases, n1, n2, plain | permuted, two, greater, less)
    variant = np.where(plain, Variant.EXACT.value, np.where(permuted, Variant.PERMUTATION.value, variant))
    return Wilcoxon(
        w=w,
        n_cases=n1,
        n_controls=n2,
        ties=ties,
        z=where(defined, deviation / spread, np.nan),
        p_value=two,
        p_greater=greater,
        p_less=less,
        variant=variant,
    )


def hodges_lehmann(
    x: npt.ArrayLike,
    group: npt.ArrayLike,
    present: npt.ArrayLike | None = None,
    *,
    level: float = 0.95,
    exact: Exact | str = Exact.WHILE_CHEAP,
    exact_below: int = 50,
) -> Shift:
    """Hodges-Lehmann shift of each biomarker, cases minus controls: the median of all n1 n2 differences, with its interval.

    On log2 values the shift is a ratio: take 2 to its power.

    Parameters
    ----------
    x, group, present
        As for :func:`wilcoxon`; a censored value takes part as its limit.
    level
        Confidence level.
    exact, exact_below
        Exact order statistics are taken when both groups have fewer than ``exact_below`` subjects. With ``no-ties`` they are taken
        only without ties (R's rule); with ``never``, not at all. With ties the closed exact interval covers at least at its level
        (Randles and Wolfe, Introduction to the Theory of Nonparametric Statistics, 1979, section 6.2), so the default keeps it.

    Notes
    -----
    Exact: limits D(q) and D(n1 n2 + 1 - q), q the smallest integer with P(W <= q) >= (1 - level) / 2. Normal approximation: q =
    floor(n1 n2 / 2 - 1/2 - z s) + 1, with s^2 the variance of W with the ties within each group only, because a shift breaks
    those between the groups; these are the jump points at which R's root of the z statistic lies. Hollander and Wolfe 1999,
    equations 4.30 and 4.34.

    Undefined when a group has no value. All values equal gives 0 with limits 0.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, found {level}")
    values, there = panel(x, present)
    cases = membership(group, values.shape[1])
    rule = Exact(exact)
    in_cases, in_controls = there & cases, there & ~cases
    n1, n2 = in_cases.sum(axis=1), in_controls.sum(axis=1)
    pairs = n1 * n2
    defined = pairs > 0
    small = defined & (n1 < exact_below) & (n2 < exact_below) & (rule is not Exact.NEVER)
    if rule is Exact.NO_TIES:
        small &= midranks(values, there).tie_sum == 0
    attained = np.full(pairs.shape, np.nan)
    index = np.ones(pairs.shape, dtype=np.int64)

    large = defined & ~small
    if large.any():
        within = midranks(values, in_cases).tie_sum + midranks(values, in_controls).tie_sum
        spread = np.sqrt(np.maximum(_variance(n1, n2, within), 0.0))
        position = np.floor(pairs / 2.0 - 0.5 - float(ndtri(0.5 + level / 2.0)) * spread) + 1.0
        index = np.where(large, np.maximum(position, 1.0), index).astype(np.int64)
    for a, b in sorted({(int(i), int(j)) for i, j in zip(n1[small], n2[small], strict=True)}):
        q, reached = _order_statistic(a, b, level)
        rows = small & (n1 == a) & (n2 == b)
        index[rows], attained[rows] = q, reached

    estimate, lower, upper = (np.full(pairs.shape, np.nan) for _ in range(3))
    high = where(there, values, np.inf)[:, cases]
    low = where(there, values, -np.inf)[:, ~cases]
    size = max(1, high.shape[1] * low.shape[1])
    rows_defined = np.flatnonzero(defined)
    step = max(1, _CHUNK // size)
    for start in range(0, rows_defined.size, step):
        rows = rows_defined[start : start + step]
        differences = np.sort((high[rows][:, :, None] - low[rows][:, None, :]).reshape(rows.size, -1), axis=1)
        k = pairs[rows]

        def nth(at: Ints, ordered: Floats = differences) -> Floats:
            return np.take_along_axis(ordered, at[:, None], axis=1)[:, 0]

        estimate[rows] = (nth((k - 1) // 2) + nth(k // 2)) / 2.0
        lower[rows] = nth(index[rows] - 1)
        upper[rows] = nth(k - index[rows])
    return Shift(estimate=estimate, lower=lower, upper=upper, exact=small, attained=attained)


def _variance(n1: Ints, n2: Ints, tie_sum: Floats) -> Floats:
    total = (n1 + n2).astype(np.float64)
    correction = tie_sum / np.maximum(total * (total - 1.0), 1.0)
    variance = n1 * n2 / 12.0 * (total + 1.0 - correction)
    return where((n1 * n2 > 0) & (variance > 1e-12 * total**3), variance, 0.0)


def _exact(
    ranked: Ranked, cases: Bools, n1: Ints, n2: Ints, rows: Bools, two: Floats, greater: Floats, less: Floats
) -> None:
    """Replace P by exact P in the rows asked for. Rows with the same group sizes and tie pattern share one distribution."""
    doubled = np.rint(2.0 * ranked.ranks).astype(np.int64)
    shared: dict[tuple[int, int, bytes], list[int]] = {}
    for row in np.flatnonzero(rows):
        pattern = b"" if ranked.tie_sum[row] == 0 else np.sort(doubled[row][doubled[row] > 0]).tobytes()
        shared.setdefault((int(n1[row]), int(n2[row]), pattern), []).append(int(row))
    for (a, b, pattern), members in shared.items():
        scale = 2 if pattern else 1  # without ties the ranks are whole numbers and need no doubling
        ranks = np.frombuffer(pattern, dtype=np.int64) if pattern else np.arange(1, a + b + 1)
        take = min(a, b)
        law = subset_sum_law(ranks, take)
        at = np.array(members)
        chosen = cases if a <= b else ~cases
        observed = ((doubled[at] * chosen).sum(axis=1) * scale) // 2
        centred = np.abs((a + b) * np.arange(law.size) - take * int(ranks.sum()))
        upper_tail = np.cumsum(law[::-1])[::-1]
        lower_tail = np.cumsum(law)
        sums, back = np.unique(observed, return_inverse=True)
        both = np.array([law[centred >= centred[s]].sum() for s in sums])
        two[at] = np.minimum(both[back], 1.0)
        high, low = np.minimum(upper_tail[observed], 1.0), np.minimum(lower_tail[observed], 1.0)
        greater[at], less[at] = (high, low) if a <= b else (low, high)


def subset_sum_law(ranks: Ints, take: int) -> Floats:
    """Probability of each sum of ``take`` of the given whole numbers, every subset being equally likely.

    The shift algorithm: after each number, ``count[k, s]`` is how many subsets of k numbers seen so far have the sum s. All
    terms are positive, so small tails keep their relative precision. Counts stay below 1e29 for up to 98 numbers.
    """
    highest = int(np.sort(ranks)[ranks.size - take :].sum())
    count = np.zeros((take + 1, highest + 1))
    count[0, 0] = 1.0
    for rank in ranks:
        step = int(rank)
        if step <= highest:
            count[1:, step:] += count[:-1, : highest + 1 - step].copy()
    law: Floats = count[take] / count[take].sum()
    return law


def _order_statistic(n1: int, n2: int, level: float) -> tuple[int, float]:
    """Which difference is the lower limit (from 1), and the level reached."""
    take = min(n1, n2)
    law = subset_sum_law(np.arange(1, n1 + n2 + 1), take)[take * (take + 1) // 2 :]
    tail = np.cumsum(law)
    q = int(np.searchsorted(tail, (1.0 - level) / 2.0 * (1.0 - 1e-12)))
    q = max(q, 1)
    return q, float(1.0 - 2.0 * tail[q - 1])
