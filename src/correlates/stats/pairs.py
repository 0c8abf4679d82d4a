"""Statistics of pairs of subjects: Kendall's tau and the Jonckheere-Terpstra test, censored values among them.

Sources: Kendall, Rank Correlation Methods, 4th ed. 1970, chapters 3 and 5. Daniels, Biometrika 1944;33:129-135 (doi:10.1093/biomet/33.2.129)
(variance of a sum over pairs under permutation). Brown, Hollander and Korwar, in: Reliability and Biometry, SIAM 1974:327-354, and Oakes,
Biometrics 1982;38:451-455 (censored values). Fieller, Hartley and Pearson, Biometrika 1957;44:470-481 (interval). Jonckheere, Biometrika
1954;41:133-145 (doi:10.1093/biomet/41.1-2.133). Terpstra, Indag Math 1952;14:327-333.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from correlates.stats.arrays import Bools, Floats, Ints, Words, divide, panel, where
from correlates.stats.rank import subset_sum_law

_CELLS = 500_000  # pairs held at once
_EXACT_BELOW = 50  # R's rule for Kendall's exact law


@dataclass(frozen=True, slots=True, kw_only=True)
class Kendall:
    """Kendall's tau-b of m biomarkers with an outcome; every array is (m,).

    ``concordant`` and ``discordant`` are numbers of pairs; a pair that limits do not order counts as neither. ``z`` is S over its
    permutation standard deviation, without continuity correction. ``variant`` says what P was computed from. ``lower`` and ``upper``
    are NaN with fewer than five subjects, and at tau -1 or 1.
    """

    tau: Floats
    lower: Floats
    upper: Floats
    z: Floats
    p_value: Floats
    variant: Words
    concordant: Floats
    discordant: Floats
    n: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Jonckheere:
    """Jonckheere-Terpstra tests of m biomarkers over ordered groups; every array is (m,).

    ``j`` counts pairs of different groups in which the later group is higher, plus half of those that cannot be ordered; ``mean`` and
    ``variance`` are those of its permutation law. ``variant`` says what P was computed from; ``share`` is J over all pairs of different
    groups: 1/2 without a trend.
    """

    j: Floats
    mean: Floats
    variance: Floats
    z: Floats
    p_value: Floats
    p_increasing: Floats
    p_decreasing: Floats
    variant: Words
    share: Floats
    n: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """Sums over ordered pairs: of the product of signs, its permutation variance, and the pairs ordered on either side; (m,)."""

    product: Floats
    variance: Floats
    ordered_x: Floats
    ordered_y: Floats
    absolute: Floats


def kendall(
    x: npt.ArrayLike,
    outcome: npt.ArrayLike,
    present: npt.ArrayLike | None = None,
    *,
    censoring: npt.ArrayLike | None = None,
    outcome_censoring: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> Kendall:
    """Kendall's tau-b of each biomarker with an outcome.

    Parameters
    ----------
    x, present, censoring
        (m, n) biomarkers by subjects; see :func:`correlates.stats.ranks.midranks` for the signs of limits.
    outcome, outcome_censoring
        (n,) the outcome and the signs of its limits.
    level
        Confidence level.

    Notes
    -----
    tau-b = S / sqrt(pairs ordered in x times pairs ordered in the outcome), S = concordant - discordant. Censored values take part in
    the pairs that their limits order (the sign matrices of Brown, Hollander and Korwar). var S under permutation from the sign matrices
    a, b: 4 (sum a_i.^2 - sum a_ij^2)(sum b_i.^2 - sum b_ij^2) / (n (n-1)(n-2)) + 2 sum a_ij^2 sum b_ij^2 / (n (n-1)), which with ties
    is the variance of R's ``cor.test``. P is exact without ties and censoring below 50 subjects, else normal. Interval: tanh(atanh tau
    -/+ z sqrt(0.437 / (n - 4))).

    Undefined where the biomarker or the outcome has no two values that can be ordered.
    """
    values, there, low, high = _ends(x, present, censoring)
    y_low, y_high = _outcome_ends(outcome, outcome_censoring, values.shape[1])
    sums = _sums(low, high, y_low, y_high, there)
    n = there.sum(axis=1)
    s = sums.product / 2.0
    tau = divide(sums.product, np.sqrt(sums.ordered_x * sums.ordered_y))
    tau = where(np.isnan(tau), np.nan, np.clip(tau, -1.0, 1.0))
    spread = np.sqrt(sums.variance / 4.0)
    z = divide(s, where(sums.variance > 0, spread, 0.0))
    p = where(np.isnan(z), np.nan, 2.0 * ndtr(-np.abs(where(np.isnan(z), 0.0, z))))
    variant = np.full(n.size, "normal approximation", dtype="<U24")
    whole = n * (n - 1.0)
    clean = (sums.ordered_x == whole) & (sums.ordered_y == whole) & (n < _EXACT_BELOW) & (n > 1)
    for size in np.unique(n[clean]).tolist():
        rows = clean & (n == size)
        p[rows] = _kendall_exact(np.rint((s[rows] + whole[rows] / 2.0) / 2.0).astype(np.int64), size)
        variant[rows] = "exact"
    variant[np.isnan(p)] = "undefined"
    half = float(ndtri(0.5 + level / 2.0)) * np.sqrt(divide(0.437, np.maximum(n - 4.0, 0.0)))
    inside = np.abs(tau) < 1.0
    centre = np.arctanh(where(inside, tau, 0.0))
    return Kendall(
        tau=tau,
        lower=where(inside, np.tanh(centre - half), np.nan),
        upper=where(inside, np.tanh(centre + half), np.nan),
        z=z,
        p_value=p,
        variant=variant,
        concordant=(sums.absolute / 2.0 + s) / 2.0,
        discordant=(sums.absolute / 2.0 - s) / 2.0,
        n=n,
    )


def jonckheere(
    x: npt.ArrayLike,
    group: npt.ArrayLike,
    groups: int,
    present: npt.ArrayLike | None = None,
    *,
    censoring: npt.ArrayLike | None = None,
    exact_up_to: int = 100,
) -> Jonckheere:
    """Jonckheere-Terpstra test of each biomarker for a trend over k ordered groups.

    Parameters
    ----------
    x, present, censoring
        (m, n) biomarkers by subjects; see :func:`correlates.stats.ranks.midranks`.
    group
        (n,) whole numbers 0..k-1 in the order of the alternative.
    groups
        k. A group without values in a row does not count for that row.
    exact_up_to
        Subjects up to which P is exact where no two values of the row are tied or unordered.

    Notes
    -----
    J = sum over groups i < j of the Mann-Whitney counts. z = (J - E J) / sd(J) with the variance corrected for ties, no continuity
    correction; exact two-sided P is twice the smaller tail, at most 1. With two groups J is the Mann-Whitney count.

    Undefined when fewer than two groups have values or no two values can be ordered.
    """
    values, there, low, high = _ends(x, present, censoring)
    label = np.asarray(group)
    if label.shape != (values.shape[1],) or not np.isin(label, np.arange(groups)).all():
        raise ValueError(f"group must hold {values.shape[1]} whole numbers from 0 to {groups - 1}")
    y = label.astype(np.float64)
    sums = _sums(low, high, y, y, there)
    n = there.sum(axis=1)
    between = sums.ordered_y / 2.0
    j = (sums.product / 2.0 + between) / 2.0
    variance = sums.variance / 16.0
    z = divide(j - between / 2.0, where(variance > 0, np.sqrt(variance), 0.0))
    safe = where(np.isnan(z), 0.0, z)
    up, down = where(np.isnan(z), np.nan, ndtr(-safe)), where(np.isnan(z), np.nan, ndtr(safe))
    p = 2.0 * np.minimum(up, down)
    variant = np.full(n.size, "normal approximation", dtype="<U24")
    clean = (sums.ordered_x == n * (n - 1.0)) & (n <= exact_up_to) & (between > 0)
    counts = there @ (label[:, None] == np.arange(groups)[None, :]).astype(np.int64)
    for sizes in np.unique(counts[clean], axis=0):
        rows = clean & (counts == sizes).all(axis=1)
        law = _jonckheere_law(sizes[sizes > 0])
        at = np.rint(j[rows]).astype(np.int64)
        below, above = np.cumsum(law), np.cumsum(law[::-1])[::-1]
        up[rows], down[rows] = np.minimum(above[at], 1.0), np.minimum(below[at], 1.0)
        p[rows] = np.minimum(2.0 * np.minimum(above[at], below[at]), 1.0)
        variant[rows] = "exact"
    variant[np.isnan(p)] = "undefined"
    return Jonckheere(
        j=j,
        mean=between / 2.0,
        variance=variance,
        z=z,
        p_value=p,
        p_increasing=up,
        p_decreasing=down,
        variant=variant,
        share=divide(j, between),
        n=n,
    )


def _ends(
    x: npt.ArrayLike, present: npt.ArrayLike | None, censoring: npt.ArrayLike | None
) -> tuple[Floats, Bools, Floats, Floats]:
    """Values, and between which ends each lies."""
    values, there = panel(x, present)
    sign = np.zeros(values.shape) if censoring is None else np.atleast_2d(np.asarray(censoring))
    if sign.shape != values.shape:
        raise ValueError(f"censoring must have the shape of x, found {sign.shape} and {values.shape}")
    return values, there, where(sign < 0, -np.inf, values), where(sign > 0, np.inf, values)


def _outcome_ends(outcome: npt.ArrayLike, censoring: npt.ArrayLike | None, n: int) -> tuple[Floats, Floats]:
    y = np.asarray(outcome, dtype=np.float64)
    if y.shape != (n,) or not np.isfinite(y).all():
        raise ValueError(f"outcome must hold {n} finite numbers")
    sign = np.zeros(n) if censoring is None else np.asarray(censoring)
    return where(sign < 0, -np.inf, y), where(sign > 0, np.inf, y)


def _signs(low: Floats, high: Floats) -> npt.NDArray[np.int8]:
    """+1 where the second of a pair is certainly the higher, -1 where it is the lower (..., n, n)."""
    above = high[..., :, None] < low[..., None, :]
    found: npt.NDArray[np.int8] = above.astype(np.int8) - np.swapaxes(above, -1, -2).astype(np.int8)
    return found


def _sums(low: Floats, high: Floats, y_low: Floats, y_high: Floats, there: Bools) -> _Sums:
    m, n = there.shape
    b_all = _signs(y_low, y_high).astype(np.float64)
    out = np.zeros((5, m))
    step = max(1, _CELLS // max(n * n, 1))
    for start in range(0, m, step):
        rows = slice(start, start + step)
        both = there[rows, :, None] & there[rows, None, :]
        a = np.where(both, _signs(low[rows], high[rows]), 0).astype(np.float64)
        b = np.where(both, b_all, 0.0)
        count = there[rows].sum(axis=1).astype(np.float64)
        aa, bb = (a * a).sum(axis=(1, 2)), (b * b).sum(axis=(1, 2))
        ai, bi = (a.sum(axis=2) ** 2).sum(axis=1), (b.sum(axis=2) ** 2).sum(axis=1)
        product = a * b
        first = divide(4.0 * (ai - aa) * (bi - bb), count * (count - 1.0) * (count - 2.0))
        second = divide(2.0 * aa * bb, count * (count - 1.0))
        out[:, rows] = (
            product.sum(axis=(1, 2)),
            np.nan_to_num(first) + np.nan_to_num(second),
            aa,
            bb,
            np.abs(product).sum(axis=(1, 2)),
        )
    # the variance is of the sum over ordered pairs; rounding must not make a constant row look variable
    variance = where((out[2] > 0) & (out[3] > 0), np.maximum(out[1], 0.0), 0.0)
    return _Sums(product=out[0], variance=variance, ordered_x=out[2], ordered_y=out[3], absolute=out[4])


def _kendall_exact(concordant: Ints, n: int) -> Floats:
    """Two-sided P of the number of concordant pairs of n untied subjects: twice the smaller tail."""
    law = np.ones(1)
    for i in range(2, n + 1):
        law = np.convolve(law, np.full(i, 1.0 / i))
    below, above = np.cumsum(law), np.cumsum(law[::-1])[::-1]
    found: Floats = np.minimum(2.0 * np.minimum(below[concordant], above[concordant]), 1.0)
    return found


def _jonckheere_law(sizes: Ints) -> Floats:
    """Probability of each J of untied values: a sum of independent Mann-Whitney counts of each group with all before it."""
    law, before = np.ones(1), int(sizes[0])
    for size in sizes[1:].tolist():
        total = before + size
        ranks = subset_sum_law(np.arange(1, total + 1, dtype=np.int64), size)
        first = size * (size + 1) // 2
        law = np.convolve(law, ranks[first : first + before * size + 1])
        before = total
    return law
