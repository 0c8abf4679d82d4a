"""Adjusted P values for a family of tests: Bonferroni, Holm, Hochberg, Benjamini-Hochberg, Benjamini-Yekutieli.

Sources: Holm, Scand J Statist 1979;6:65-70. Hochberg, Biometrika 1988;75:800-802 (doi:10.1093/biomet/75.4.800). Benjamini and
Hochberg, JRSS B 1995;57:289-300. Benjamini and Yekutieli, Ann Statist 2001;29:1165-1188 (doi:10.1214/aos/1013699998).
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


def adjust(p: npt.ArrayLike, method: Adjust | str) -> Floats:
    """Adjusted P values of one family, in the order given.

    Parameters
    ----------
    p
        (k,) P values. NaN stands for a test that gave none: it stays NaN and is left out of the count, as in R.
    method
        ``holm`` and ``bonferroni`` control the family-wise error whatever the dependence; ``hochberg`` does under independence or
        positive dependence; ``bh`` controls the false discovery rate under the same; ``by`` whatever the dependence.

    Returns
    -------
    numpy.ndarray
        (k,), never below the raw P, never above 1, and monotone: a smaller raw P never has the larger adjusted one.

    Raises
    ------
    ValueError
        A P value outside 0..1, or an unknown method.

    Notes
    -----
    With p(1) <= ... <= p(k): Holm max_{j<=i} (k-j+1) p(j); Hochberg min_{j>=i} (k-j+1) p(j); BH min_{j>=i} k p(j)/j;
    BY is BH times 1 + 1/2 + ... + 1/k.

    Examples
    --------
    >>> [float(round(v, 3)) for v in adjust([0.01, 0.04, 0.03], "holm")]
    [0.03, 0.06, 0.06]
    """
    how = Adjust(method)
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
            factor = k / position * (np.sum(1.0 / position) if how is Adjust.BY else 1.0)
        stepped = np.minimum.accumulate((factor * ranked)[::-1])[::-1]
    adjusted = np.empty(k)
    adjusted[order] = np.minimum(stepped, 1.0)
    result[there] = adjusted
    return result
