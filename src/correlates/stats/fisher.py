"""Fisher's exact test of a contingency table, 2 x 2 with the conditional odds ratio, and r x c (Freeman-Halton).

Sources: Fisher, JRSS 1935;98:39-82. Freeman and Halton, Biometrika 1951;38:141-149. Mehta and Patel, JASA 1983;78:427-434
(doi:10.1080/01621459.1983.10477989), whose merging of equal histories is used here. Cornfield, Proc 3rd Berkeley Symp 1956;4:135-148.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from correlates.stats.arrays import Floats, Ints

_TIE = 1e-7  # relative: probabilities this close to the observed one count as equal to it, as in R


class TableVariant(StrEnum):
    """What the P value of a table was computed from."""

    EXACT = "exact"
    MONTE_CARLO = "Monte Carlo"
    UNDEFINED = "undefined"


@dataclass(frozen=True, slots=True, kw_only=True)
class FisherTest:
    """Fisher's exact test of one table.

    ``odds_ratio`` is the conditional maximum likelihood estimate of a 2 x 2 table with exact limits; each is None where it is
    infinite or the table is not 2 x 2, and ``unbounded`` then says whether it is infinity. ``p_standard_error`` belongs to a Monte
    Carlo P. ``variant`` is ``undefined`` (P None) for a table with fewer than two rows or columns that hold anything.
    """

    p_value: float | None
    variant: TableVariant
    p_standard_error: float | None
    odds_ratio: float | None
    lower: float | None
    upper: float | None
    unbounded: bool
    n: int


def fisher_exact(
    table: npt.ArrayLike,
    *,
    level: float = 0.95,
    most_nodes: int = 200_000,
    draws: int = 100_000,
    seed: int = 20200101,
) -> FisherTest:
    """Fisher's exact test of a table of counts (r, c).

    Parameters
    ----------
    table
        (r, c) counts. Empty rows and columns do not matter.
    level
        Confidence level of the odds ratio of a 2 x 2 table.
    most_nodes
        The exact P is computed while the network has at most this many nodes at any stage; beyond, by Monte Carlo.
    draws, seed
        Number of random tables with the same margins, and the seed they are drawn with.

    Notes
    -----
    Two-sided P is the probability of all tables that are no likelier than the observed one (relative tolerance 1e-7, as R).
    Odds ratio: the psi at which the expected upper left count of the noncentral hypergeometric law is the observed one; limits:
    the psi at which each tail is (1 - level) / 2. Monte Carlo P is (1 + hits) / (1 + draws).

    Undefined when fewer than two rows or columns hold anything.
    """
    counts = np.asarray(table)
    if counts.ndim != 2 or (counts < 0).any() or not np.array_equal(counts, np.rint(counts)):
        raise ValueError("table must be (r, c) whole counts")
    whole = counts.astype(np.int64)
    total = int(whole.sum())
    filled = whole[whole.sum(axis=1) > 0][:, whole.sum(axis=0) > 0]
    if min(filled.shape) < 2:
        return FisherTest(
            p_value=None,
            variant=TableVariant.UNDEFINED,
            p_standard_error=None,
            odds_ratio=None,
            lower=None,
            upper=None,
            unbounded=False,
            n=total,
        )
    variant, error = TableVariant.EXACT, None
    odds = _Odds(None, None, None, unbounded=False)
    if filled.shape == (2, 2):
        p = _two_by_two(filled)
        odds = _conditional_odds(filled, level)
    else:
        exact = _network(filled, most_nodes)
        if exact is None:
            variant = TableVariant.MONTE_CARLO
            p = _monte_carlo(filled, draws, seed)
            error = float(np.sqrt(p * (1.0 - p) / draws))
        else:
            p = exact
    return FisherTest(
        p_value=min(p, 1.0),
        variant=variant,
        p_standard_error=error,
        odds_ratio=odds.estimate,
        lower=odds.lower,
        upper=odds.upper,
        unbounded=odds.unbounded,
        n=total,
    )


@dataclass(frozen=True, slots=True)
class _Odds:
    estimate: float | None
    lower: float | None
    upper: float | None
    unbounded: bool


def _hypergeometric(table: Ints) -> tuple[Ints, Floats]:
    """Possible upper left counts and the log probability of each at odds ratio 1."""
    first, second = int(table[:, 0].sum()), int(table[:, 1].sum())
    row = int(table[0].sum())
    support = np.arange(max(0, row - second), min(row, first) + 1)

    def choose(n: int, k: Ints) -> Floats:
        value: Floats = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
        return value

    log = choose(first, support) + choose(second, row - support)
    log -= log.max()
    return support, log - np.log(np.exp(log).sum())


def _two_by_two(table: Ints) -> float:
    support, log = _hypergeometric(table)
    observed = log[support == table[0, 0]][0]
    return float(np.exp(log[log <= observed + np.log1p(_TIE)]).sum())


def _conditional_odds(table: Ints, level: float) -> _Odds:
    from scipy.optimize import brentq

    support, log = _hypergeometric(table)
    x = int(table[0, 0])
    lowest, highest = int(support[0]), int(support[-1])
    if lowest == highest:
        return _Odds(None, None, None, unbounded=False)

    def law(psi: float) -> Floats:
        tilted = log + psi * support
        weight = np.exp(tilted - tilted.max())
        share: Floats = weight / weight.sum()
        return share

    def solve(function: Callable[[float], float]) -> float:
        reach = 1.0
        while function(-reach) * function(reach) > 0 and reach < 700:
            reach *= 2.0
        root: Any = brentq(function, -reach, reach, xtol=1e-13, rtol=1e-14)
        return float(np.exp(root))

    alpha = (1.0 - level) / 2.0
    estimate = 0.0 if x == lowest else None if x == highest else solve(lambda psi: float(law(psi) @ support) - x)
    lower = 0.0 if x == lowest else solve(lambda psi: float(law(psi)[support >= x].sum()) - alpha)
    upper = None if x == highest else solve(lambda psi: float(law(psi)[support <= x].sum()) - alpha)
    return _Odds(estimate, lower, upper, unbounded=x == highest)


def _network(table: Ints, most_nodes: int) -> float | None:
    """Exact P of an r x c table, column by column; histories with equal remaining margins and probability are merged."""
    by_rows = table if table.shape[0] <= table.shape[1] else table.T
    rows, columns = by_rows.sum(axis=1), np.sort(by_rows.sum(axis=0))[::-1]
    constant = gammaln(rows + 1.0).sum() + gammaln(columns + 1.0).sum() - gammaln(rows.sum() + 1.0)
    observed = float(constant - gammaln(by_rows + 1.0).sum())
    remaining = rows[None, :].astype(np.int64)
    log = np.zeros(1)
    weight: Floats = np.ones(1)
    for column in columns[:-1]:
        parts = _fillings(rows, int(column))
        if parts is None or remaining.shape[0] * parts.shape[0] > 20 * most_nodes:
            return None
        cost = -gammaln(parts + 1.0).sum(axis=1)
        left = remaining[:, None, :] - parts[None, :, :]
        fits = (left >= 0).all(axis=2)
        node, part = np.nonzero(fits)
        remaining = left[node, part]
        log = log[node] + cost[part]
        weight = weight[node]
        key = np.column_stack((remaining, np.rint(log * 1e9).astype(np.int64)))
        _, first, back = np.unique(key, axis=0, return_index=True, return_inverse=True)
        remaining, log = remaining[first], log[first]
        merged: Floats = np.bincount(back.ravel(), weights=weight).astype(np.float64)
        weight = merged
        if remaining.shape[0] > most_nodes:
            return None
    final = log - gammaln(remaining + 1.0).sum(axis=1) + constant
    return float((weight * np.exp(final))[final <= observed + _TIE].sum())


def _fillings(rows: Ints, column: int) -> Ints | None:
    """Every way a column with this total can be filled without exceeding a row total; None when there are too many."""
    partial = np.zeros((1, 0), dtype=np.int64)
    for i, most in enumerate(rows):
        used = partial.sum(axis=1)
        room = int(rows[i + 1 :].sum())
        choices = np.arange(int(most) + 1)
        left = column - used[:, None] - choices[None, :]
        node, choice = np.nonzero((left >= 0) & (left <= room))
        partial = np.column_stack((partial[node], choices[choice]))
        if partial.shape[0] > 200_000:
            return None
    return partial


def _monte_carlo(table: Ints, draws: int, seed: int) -> float:
    """Share of random tables with these margins that are no likelier than the observed one."""
    generator = np.random.default_rng(seed)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    observed = -gammaln(table + 1.0).sum()
    left = np.repeat(rows[None, :], draws, axis=0)
    log = np.zeros(draws)
    for column in columns[:-1]:
        filled = np.empty_like(left)
        need = np.full(draws, int(column))
        rest = left.sum(axis=1)
        for i in range(rows.size):
            rest = rest - left[:, i]
            filled[:, i] = generator.hypergeometric(left[:, i], rest, need)
            need = need - filled[:, i]
        left = left - filled
        log -= gammaln(filled + 1.0).sum(axis=1)
    log -= gammaln(left + 1.0).sum(axis=1)
    hits = int((log <= observed + _TIE).sum())
    return (1 + hits) / (1 + draws)
