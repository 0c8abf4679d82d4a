"""Covariates that say the same: rank correlations, clusters of them, and variance inflation.

Clusters: agglomerative with distance 1 - |Spearman's rho|, complete linkage, so that within a cluster every pair is at least as
correlated as the cut. Variance inflation: Fox and Monette, JASA 1992;87:178-183 (for single columns the usual VIF).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats, Ints, divide, panel, where
from correlates.stats.ranks import midranks


def rank_correlations(x: npt.ArrayLike, present: npt.ArrayLike | None = None) -> Floats:
    """Spearman's rho (m, m) of biomarkers (m, n), each pair over the subjects that have both, ranked among them.

    Undefined (NaN): a pair with fewer than three subjects in common, or one value only among them. The diagonal is 1.
    """
    values, there = panel(x, present)
    m = values.shape[0]
    found = np.eye(m)
    complete: Bools = np.all(there, axis=1)
    whole = np.flatnonzero(complete)
    if whole.size:
        ranks = midranks(values[whole], there[whole]).ranks
        found[np.ix_(whole, whole)] = _correlate(ranks)
    for i in range(m):
        others = np.arange(i + 1, m)
        others = others[~(complete[i] & complete[others])]
        if others.size == 0:
            continue
        both = there[i] & there[others]
        mine = midranks(np.broadcast_to(values[i], both.shape), both).ranks
        theirs = midranks(values[others], both).ranks
        rho = _pairs(mine, theirs, both)
        found[i, others], found[others, i] = rho, rho
    np.fill_diagonal(found, 1.0)
    return found


def _correlate(ranks: Floats) -> Floats:
    away = ranks - ranks.mean(axis=1, keepdims=True)
    size = np.sqrt((away**2).sum(axis=1))
    enough = ranks.shape[1] >= 3
    return divide(away @ away.T, np.outer(size, size)) if enough else np.full((ranks.shape[0],) * 2, np.nan)


def _pairs(mine: Floats, theirs: Floats, both: Bools) -> Floats:
    n = both.sum(axis=1)
    a = where(both, mine - divide(mine.sum(axis=1), n)[:, None], 0.0)
    b = where(both, theirs - divide(theirs.sum(axis=1), n)[:, None], 0.0)
    rho = divide((a * b).sum(axis=1), np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1)))
    return where(n >= 3, rho, np.nan)


def clusters(correlation: Floats, least: float) -> Ints:
    """The cluster (m,) of each biomarker, numbered in the order of their first members; pairs without rho count as uncorrelated."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    m = correlation.shape[0]
    if m < 2:
        return np.zeros(m, dtype=np.int64)
    distance = 1.0 - np.abs(np.nan_to_num(correlation))
    np.fill_diagonal(distance, 0.0)
    distance = np.clip((distance + distance.T) / 2.0, 0.0, 1.0)
    tree = linkage(squareform(distance, checks=False), method="complete")
    label = fcluster(tree, t=1.0 - least + 1e-12, criterion="distance")
    _, first, place = np.unique(label, return_index=True, return_inverse=True)
    number = np.empty(first.size, dtype=np.int64)
    number[np.argsort(first)] = np.arange(first.size)
    return number[place]


def variance_inflation(covariance: Floats) -> Floats:
    """How many times the variance of each coefficient (p,) is what it would be with uncorrelated estimates.

    ``covariance`` (p, p) is that of the coefficients without intercept; of the columns X themselves, with its inverse taken
    first, it gives the VIF of X. NaN where the matrix is singular.
    """
    p = covariance.shape[0]
    if p == 0 or not np.isfinite(covariance).all():
        return np.full(p, np.nan)
    size = np.sqrt(np.diag(covariance))
    scaled = divide(covariance, np.outer(size, size))
    if not np.isfinite(scaled).all() or np.linalg.cond(scaled) > 1e14:
        return np.full(p, np.nan)
    found: Floats = np.diag(np.linalg.inv(scaled)).astype(np.float64)
    return found
