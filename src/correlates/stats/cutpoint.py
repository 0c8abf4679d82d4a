"""Maximally selected rank statistics: the best cut-point of a biomarker, with a P value that pays for having searched.

The P value of a test at a cut-point chosen because the test is best there is wrong by a factor of five to ten; it is not offered.

Sources: Lausen and Schumacher, Biometrics 1992;48:73-85 (doi:10.2307/2532740) and Comput Stat Data Anal 1996;21:307-326 (the improved
Bonferroni bound of 1994, after Worsley, Biometrika 1982;69:297-302). Hothorn and Lausen, Comput Stat Data Anal 2003;43:121-137
(doi:10.1016/S0167-9473(02)00225-6). Altman et al., J Natl Cancer Inst 1994;86:829-835.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from correlates.stats.arrays import Floats, Ints, divide, where
from correlates.stats.at_risk import follow_up
from correlates.stats.ranks import midranks

_CHUNK = 1 << 20  # permuted scores held at a time
_KEPT = 64  # sets of largest statistics held at a time


class CutpointP(StrEnum):
    """Where the P value comes from.

    ``hothorn-lausen``: upper bound from the exact conditional law of the score sums (scores rounded to whole numbers).
    ``lausen-1992``: limit process. ``lausen-1994``: improved Bonferroni bound with normal margins. ``permutation``: share of random
    permutations of the scores that reach the statistic.
    """

    HOTHORN_LAUSEN = "hothorn-lausen"
    LAUSEN_1992 = "lausen-1992"
    LAUSEN_1994 = "lausen-1994"
    PERMUTATION = "permutation"


class ScoreTies(StrEnum):
    """How log-rank scores treat tied times.

    ``hothorn-lausen``: the risk set of a time counts from the last of those tied at it (R's ``maxstat``). ``nelson-aalen``: everybody
    tied at a time is at risk there, so that the sum of scores of a group is its observed minus expected events.
    """

    HOTHORN_LAUSEN = "hothorn-lausen"
    NELSON_AALEN = "nelson-aalen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutpoint:
    """The maximally selected statistic of one biomarker.

    ``cutpoint``: subjects at or below it are the low group; the smallest one where several are equally good. ``statistic`` is the
    largest standardised score sum in absolute value, ``low_is_higher`` whether the low group has the higher scores (more events than
    expected). ``cuts`` (c,), ``n_low`` (c,) and ``standardised`` (c,) are the candidates, and the score sum of the low group at each.

    ``p_value`` is by ``method``; the others stand beside it. ``p_hothorn_lausen`` is None with more subjects than it is computed for
    (``p_value`` is then that of 1994, and ``method`` says so), ``p_permutation`` None unless draws were asked for. All None where
    undefined.
    """

    cutpoint: float | None
    statistic: float | None
    low_is_higher: bool | None
    p_value: float | None
    method: CutpointP | None
    p_hothorn_lausen: float | None
    p_lausen_1992: float | None
    p_lausen_1994: float | None
    p_permutation: float | None
    permutations: int
    cuts: Floats
    n_low: Ints
    standardised: Floats
    n: int


def log_rank_scores(
    time: npt.ArrayLike, event: npt.ArrayLike, *, ties: ScoreTies | str = ScoreTies.HOTHORN_LAUSEN
) -> Floats:
    """Log-rank scores (n,): event minus the cumulative hazard at the subject's time; high where the event came early.

    Without ties the two rules agree: event indicator minus the sum over events up to the time of 1 / number at risk.
    """
    course = follow_up(time, event)
    n = course.time.size
    ordered = np.sort(course.time)
    if ScoreTies(ties) is ScoreTies.HOTHORN_LAUSEN:
        at_risk = n - np.searchsorted(ordered, course.time, side="right") + 1
    else:
        at_risk = n - np.searchsorted(ordered, course.time, side="left")
    step = where(course.event, divide(1.0, at_risk), 0.0)
    order = np.argsort(course.time, kind="stable")
    summed = np.concatenate(([0.0], np.cumsum(step[order])))
    hazard: Floats = summed[np.searchsorted(ordered, course.time, side="right")]
    return where(course.event, 1.0, 0.0) - hazard


def rank_scores(y: npt.ArrayLike) -> Floats:
    """Wilcoxon scores (n,) of a continuous or ordinal outcome: its mid-ranks. For a binary outcome the outcome itself will do."""
    ranks: Floats = midranks(np.asarray(y, dtype=np.float64)[None], np.ones((1, np.size(y)), dtype=np.bool_)).ranks[0]
    return ranks


def maximally_selected(
    x: npt.ArrayLike,
    scores: npt.ArrayLike,
    *,
    min_share: float = 0.1,
    max_share: float = 0.9,
    method: CutpointP | str = CutpointP.HOTHORN_LAUSEN,
    permutations: int = 0,
    rng: np.random.Generator | None = None,
    orders: DrawnOrders | None = None,
    exact_up_to: int = 150,
    laws: SumLaws | None = None,
) -> Cutpoint:
    """Best cut-point of a biomarker, with corrected P.

    Parameters
    ----------
    x
        (n,) the biomarker.
    scores
        (n,) scores of the outcome: :func:`log_rank_scores`, :func:`rank_scores`, or 0 and 1.
    min_share, max_share
        Smallest and largest share of subjects in the low group; group sizes from floor(n min_share) to floor(n max_share), at least 1.
    method
        Which P value is reported.
    permutations, rng
        How many permutations are drawn, and from what; both are needed for ``permutation``.
    orders
        In the place of ``rng``: orders drawn once for all biomarkers of a panel.
    exact_up_to
        Largest n for the Hothorn-Lausen bound (its cost grows as n^4).
    laws
        Laws already computed; one object for all biomarkers of a panel saves computing those again that they share.

    Notes
    -----
    With a the scores and m subjects in the low group: T = (sum a - m mean(a)) / sqrt(m (n - m) / (n (n - 1)) sum (a - mean)^2), the
    permutation moments; the statistic is max abs(T) over the cuts.

    1992: phi(b) (b - 1/b) log(e2 (1 - e1) / (e1 (1 - e2))) + 4 phi(b) / b, for e1 <= share <= e2; below b = 1, where it is no tail,
    1. 1994: 2 (1 - Phi(b)) + sum over neighbouring cuts of exp(-b^2/2) / pi (t - (b^2/4 - 1) t^3/6), t^2 = 1 - m (n - m') / ((n - m) m').
    Hothorn-Lausen: sum over cuts of P(abs T > b), less the probability that this cut and the one before it both do for certain
    (the missing scores, be they the largest or smallest there are, cannot bring the sum back), over all permutations of the scores,
    mapped to 0..n and rounded. Permutation: (1 + number reaching b) / (1 + draws).

    Undefined: no cut between the shares (x constant, or tied across them), or all scores equal (no event).
    """
    values, given = np.asarray(x, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or given.shape != values.shape:
        raise ValueError(f"x and scores must be (n,), found {values.shape} and {given.shape}")
    if not (np.isfinite(values).all() and np.isfinite(given).all()):
        raise ValueError("x or scores hold NaN or infinity")
    if not 0 <= min_share < max_share <= 1:
        raise ValueError(f"the shares must be 0 <= min < max <= 1, found {min_share} and {max_share}")
    how = CutpointP(method)
    if (how is CutpointP.PERMUTATION or permutations > 0) and (permutations < 1 or (rng is None and orders is None)):
        raise ValueError("a permutation P value needs permutations, and rng or orders")
    n = values.size
    order = np.argsort(values, kind="stable")
    ordered, a = values[order], given[order]
    sizes = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    sizes = sizes[(sizes >= np.floor(n * min_share)) & (sizes <= np.floor(n * max_share))]
    if sizes.size == 0 or np.ptp(a) <= 1e-12 * np.abs(a).max():
        return _undefined(n, permutations)
    standardised = _standardised(a[None], sizes)[0]
    size = np.abs(standardised)
    best = int(np.flatnonzero(size >= size.max() * (1.0 - 1e-12))[0])
    statistic = float(size[best])
    p94 = _improved_bonferroni(statistic, n, sizes)
    exact = _hothorn_lausen(a, sizes, laws or SumLaws()) if n <= exact_up_to else None
    drawn = None
    if permutations:
        largest = orders.largest(a, sizes, permutations) if orders else _largest(a, sizes, permutations, rng)
        drawn = (1.0 + np.count_nonzero(largest >= statistic * (1.0 - 1e-10))) / (1.0 + permutations)
    by = {
        CutpointP.HOTHORN_LAUSEN: exact,
        CutpointP.LAUSEN_1992: lausen_1992(statistic, min_share, max_share),
        CutpointP.LAUSEN_1994: p94,
        CutpointP.PERMUTATION: drawn,
    }
    used = CutpointP.LAUSEN_1994 if by[how] is None else how
    return Cutpoint(
        cutpoint=float(ordered[sizes[best] - 1]),
        statistic=statistic,
        low_is_higher=bool(standardised[best] > 0),
        p_value=by[used],
        method=used,
        p_hothorn_lausen=exact,
        p_lausen_1992=by[CutpointP.LAUSEN_1992],
        p_lausen_1994=p94,
        p_permutation=drawn,
        permutations=permutations,
        cuts=ordered[sizes - 1],
        n_low=sizes,
        standardised=standardised,
        n=n,
    )


def _undefined(n: int, permutations: int) -> Cutpoint:
    return Cutpoint(
        cutpoint=None,
        statistic=None,
        low_is_higher=None,
        p_value=None,
        method=None,
        p_hothorn_lausen=None,
        p_lausen_1992=None,
        p_lausen_1994=None,
        p_permutation=None,
        permutations=permutations,
        cuts=np.zeros(0),
        n_low=np.zeros(0, dtype=np.int64),
        standardised=np.zeros(0),
        n=n,
    )


def _deviation(a: Floats, sizes: Ints) -> Floats:
    """Standard deviations (c,) of the score sums of ``sizes`` subjects over all permutations."""
    n = a.size
    total = ((a - a.mean()) ** 2).sum()
    deviation: Floats = np.sqrt(sizes * (n - sizes) / (n * (n - 1.0)) * total)
    return deviation


def _standardised(rows: Floats, sizes: Ints) -> Floats:
    """Standardised score sums (r, c) of the first ``sizes`` subjects of each row (r, n); rows hold the same scores in some order."""
    centred = rows - rows[0].mean()
    sums: Floats = np.cumsum(centred, axis=1)[:, sizes - 1]
    return sums / _deviation(rows[0], sizes)


def lausen_1992(b: float, low: float, high: float) -> float | None:
    """P of the largest standardised statistic b over cuts at shares from ``low`` to ``high`` (Lausen and Schumacher 1992).

    None where a share is 0 or 1, because the limit process is not bounded there. Below b = 1 the formula, which is of the tail, does
    not hold: 1.
    """
    if low <= 0 or high >= 1:
        return None
    if b < 1:
        return 1.0
    density = float(np.exp(-b * b / 2.0) / np.sqrt(2.0 * np.pi))
    p = 4.0 * density / b + density * (b - 1.0 / b) * float(np.log(high * (1.0 - low) / ((1.0 - high) * low)))
    return min(max(p, 0.0), 1.0)


def _improved_bonferroni(b: float, n: int, sizes: Ints) -> float:
    """Lausen and Schumacher 1994: normal margins, neighbouring cuts taken in pairs."""
    m, following = sizes[:-1].astype(np.float64), sizes[1:].astype(np.float64)
    t = np.sqrt(1.0 - m * (n - following) / ((n - m) * following))
    pairs = np.exp(-b * b / 2.0) / np.pi * (t - (b * b / 4.0 - 1.0) * t**3 / 6.0)
    return float(min(max(2.0 * ndtr(-b) + pairs.sum(), 0.0), 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tails:
    """P(sum <= s) and P(sum >= s) of m of n whole numbers of one ``total``, for m up to n // 2 and s = 0, 1, ...: (n // 2 + 1, s)."""

    lower: Floats
    upper: Floats
    n: int
    total: int

    def at_most(self, m: Ints, s: Ints) -> Floats:
        """P(sum of m <= s)."""
        return self._at(m, s, below=True)

    def at_least(self, m: Ints, s: Ints) -> Floats:
        """P(sum of m >= s)."""
        return self._at(m, s, below=False)

    def _at(self, m: Ints, s: Ints, *, below: bool) -> Floats:
        """More than half of the numbers sum to s or less where the others sum to the rest or more."""
        turned = m > self.n // 2
        few, c = np.where(turned, self.n - m, m), np.where(turned, self.total - s, s)
        width = self.lower.shape[1]
        inside = np.clip(c, 0, width - 1)
        down = where(c < 0, 0.0, self.lower[few, inside])
        up = where(c >= width, 0.0, self.upper[few, inside])
        return where(turned != below, down, up)


class SumLaws:
    """Laws of the sums of m of n whole numbers, all choices of m being equally likely; the last one asked for is kept.

    Biomarkers that the same subjects have share their scores, in another order, and so the laws: ask for them one after the other.
    """

    def __init__(self) -> None:
        self._kept: tuple[bytes, _Tails] | None = None

    def of(self, ordered: Ints) -> _Tails:
        """The laws of ascending whole numbers."""
        key = ordered.tobytes()
        if self._kept is not None and self._kept[0] == key:
            return self._kept[1]
        laws = _sum_laws(ordered, ordered.size // 2)
        lower, upper = np.cumsum(laws, axis=1), np.cumsum(laws[:, ::-1], axis=1)[:, ::-1]
        found = _Tails(lower=lower, upper=upper, n=ordered.size, total=int(ordered.sum()))
        self._kept = (key, found)
        return found


class DrawnOrders:
    """Largest statistics of drawn orders of the scores, as the seed and the number of subjects say; the last ones asked for are kept.

    Biomarkers that the same subjects have and whose cuts are of the same sizes share them: ask for those one after the other.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._kept: dict[tuple[bytes, bytes, int], Floats] = {}

    def largest(self, scores: Floats, sizes: Ints, draws: int) -> Floats:
        """Largest standardised sum of each order (draws,)."""
        ordered = np.sort(scores)
        key = ordered.tobytes(), sizes.tobytes(), draws
        if key not in self._kept:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[key] = _largest(ordered, sizes, draws, np.random.default_rng([self._seed, ordered.size]))
        return self._kept[key]


def _hothorn_lausen(a: Floats, sizes: Ints, laws: SumLaws) -> float:
    """The Hothorn-Lausen bound for scores in the order of x."""
    whole = _whole_numbers(a)
    n = whole.size
    if np.ptp(whole) == 0:
        return 1.0
    b = float(np.abs(_standardised(whole[None].astype(np.float64), sizes)).max())
    spread = b * _deviation(whole.astype(np.float64), sizes) * (1.0 - 1e-10)
    middle = sizes * whole.mean()
    ordered = np.sort(whole)
    tails = laws.of(ordered)
    smallest = np.concatenate(([0], np.cumsum(ordered)))
    largest = np.concatenate(([0], np.cumsum(ordered[::-1])))
    low = np.floor(middle - spread).astype(np.int64)
    high = np.ceil(middle + spread).astype(np.int64)
    added = np.diff(sizes)
    both = tails.at_most(sizes[:-1], np.minimum(low[:-1], low[1:] - largest[added]))
    both += tails.at_least(sizes[:-1], np.maximum(high[:-1], high[1:] - smallest[added]))
    p = float((tails.at_most(sizes, low) + tails.at_least(sizes, high)).sum() - both.sum())
    return min(max(p, 0.0), 1.0) if n > 1 else 1.0


def _whole_numbers(a: Floats) -> Ints:
    """Scores as whole numbers from 0: themselves, twice themselves (mid-ranks), or mapped to 0..n and rounded."""
    for factor in (1.0, 2.0):
        if (a * factor == np.rint(a * factor)).all():
            shifted = a * factor - (a * factor).min()
            if shifted.max() <= 4 * a.size:
                whole: Ints = shifted.astype(np.int64)
                return whole
    shifted = a - a.min()
    mapped: Ints = np.rint(shifted * a.size / shifted.max()).astype(np.int64)
    return mapped


def _sum_laws(ordered: Ints, largest: int) -> Floats:
    """Probability (largest + 1, S + 1) of each sum of m of the ascending whole numbers, for m up to ``largest``."""
    top = int(ordered[ordered.size - largest :].sum())
    laws = np.zeros((largest + 1, top + 1))
    laws[0, 0] = 1.0
    reach = 0  # largest sum so far
    for seen, step in enumerate(ordered.tolist()):
        rows, columns = min(seen + 1, largest), min(reach, top - step) + 1
        laws[1 : rows + 1, step : step + columns] += laws[:rows, :columns].copy()
        reach += step
    totals: Floats = laws.sum(axis=1, keepdims=True)
    return laws / totals


def _largest(a: Floats, sizes: Ints, draws: int, rng: np.random.Generator | None) -> Floats:
    """Largest standardised sum of each of so many orders of the scores (draws,)."""
    assert rng is not None
    found = np.empty(draws)
    rows = max(1, _CHUNK // a.size)
    for start in range(0, draws, rows):
        part = found[start : start + rows]
        shuffled = rng.permuted(np.broadcast_to(a, (part.size, a.size)), axis=1)
        part[:] = np.abs(_standardised(shuffled, sizes)).max(axis=1)
    return found
