"""Adjusted P values for a family of tests: Bonferroni, Holm, Hochberg, Benjamini-Hochberg, Benjamini-Yekutieli, Storey's q.

Those that need the data (Westfall and Young) are in :mod:`correlates.stats.westfall_young`.

Sources: Holm, Scand J Statist 1979;6:65-70. Hochberg, Biometrika 1988;75:800-802 (doi:10.1093/biomet/75.4.800). Benjamini and
Hochberg, JRSS B 1995;57:289-300. Benjamini and Yekutieli, Ann Statist 2001;29:1165-1188 (doi:10.1214/aos/1013699998). Storey, JRSS B 2002;64:479-498; Storey, Taylor and Siegmund, JRSS B
2004;66:187-205 (the share of true null hypotheses by bootstrap).
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Floats


class Adjust(StrEnum):
    """How P values of one family are adjusted, and what that controls."""

    NONE = "none"
    BONFERRONI = "bonferroni"
    HOLM = "holm"
    HOCHBERG = "hochberg"
    BH = "bh"
    BY = "by"
    STOREY = "storey"
    MAX_T = "westfall-young-maxt"
    MIN_P = "westfall-young-minp"


NEEDS_DATA = (Adjust.MAX_T, Adjust.MIN_P)
"""Adjustments that permute the data and cannot be made from P values alone."""


LEAST_FOR_SHARE = 50
"""Tests a family must have for the share of true null hypotheses to be estimated; a smaller one counts as all null."""


def adjust(p: npt.ArrayLike, method: Adjust | str) -> Floats:
    """Adjusted P values of one family, in the order given.

    Parameters
    ----------
    p
        (k,) P values. NaN stands for a test that gave none: it stays NaN and is left out of the count, as in R.
    method
        ``holm`` and ``bonferroni`` control the family-wise error whatever the dependence; ``hochberg`` does under independence or
        positive dependence; ``bh`` controls the false discovery rate under the same; ``by`` whatever the dependence; ``storey``
        gives q values: BH times the estimated share of true null hypotheses, for large families with weak dependence.

    Returns
    -------
    numpy.ndarray
        (k,), never below the raw P (a q value may be), never above 1, and monotone: a smaller raw P never has the larger adjusted one.

    Raises
    ------
    ValueError
        A P value outside 0..1, an unknown method, or one that needs the data.

    Notes
    -----
    With p(1) <= ... <= p(k): Holm max_{j<=i} (k-j+1) p(j); Hochberg min_{j>=i} (k-j+1) p(j); BH min_{j>=i} k p(j)/j;
    BY is BH times 1 + 1/2 + ... + 1/k; the q value is BH times :func:`null_share`
    in families of at least 50 tests, and BH in smaller ones.

    Examples
    --------
    >>> [float(round(v, 3)) for v in adjust([0.01, 0.04, 0.03], "holm")]
    [0.03, 0.06, 0.06]
    """
    how = Adjust(method)
    if how in NEEDS_DATA:
        raise ValueError(f"{how.value} permutes the data: it is not made from P values alone")
    raw = np.asarray(p, dtype=np.float64)
    if raw.ndim != 1:
        raise ValueError(f"p must be one family (k,), found shape {raw.shape}")
    there = ~np.isnan(raw)
    known = raw[there]
    if ((known < 0) | (known > 1)).any():
        raise ValueError("p holds a value outside 0..1")
    result = raw.copy()
    k = known.size
    if how is Adjust.NONE or k == 0:
        return result
    order = np.argsort(known, kind="stable")
    ranked = known[order]
    position = np.arange(1, k + 1)
    if how is Adjust.BONFERRONI:
        stepped = k * ranked
    elif how is Adjust.HOLM:
        stepped = np.maximum.accumulate((k - position + 1) * ranked)
    else:
        if how is Adjust.HOCHBERG:
            factor = (k - position + 1).astype(np.float64)
        else:
            scale = np.sum(1.0 / position) if how is Adjust.BY else 1.0
            factor = k / position * (null_share(known) if how is Adjust.STOREY and k >= LEAST_FOR_SHARE else scale)
        stepped = np.minimum.accumulate((factor * ranked)[::-1])[::-1]
    adjusted = np.empty(k)
    adjusted[order] = np.minimum(stepped, 1.0)
    result[there] = adjusted
    return result


def null_share(p: npt.ArrayLike) -> float:
    """Estimated share of true null hypotheses in a family (pi0), by Storey's bootstrap rule; 1 where it cannot be estimated.

    Parameters
    ----------
    p
        (k,) P values without NaN.

    Notes
    -----
    pi0(l) = #{p >= l} / (k (1 - l)) for l = 0.05, 0.10, ..., 0.95; taken where the estimated mean squared error W / (k^2 (1 - l)^2)
    (1 - W/k) + (pi0(l) - q10)^2 is least, W = #{p >= l} and q10 the tenth percentile of the pi0(l); at most 1. An estimate of 0 (no P
    value at or above the l chosen) would make every q value 0: the family then counts as all null.
    """
    known = np.asarray(p, dtype=np.float64)
    k = known.size
    if k == 0:
        return 1.0
    at = np.arange(1, 20) / 20.0
    above = np.array([(known >= level).sum() for level in at], dtype=np.float64)
    share = above / (k * (1.0 - at))
    low = float(np.quantile(share, 0.1))
    error = above / (k**2 * (1.0 - at) ** 2) * (1.0 - above / k) + (share - low) ** 2
    found = min(1.0, float(share[error == error.min()].min()))
    return found if found > 0 else 1.0
