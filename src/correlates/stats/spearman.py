"""Spearman's rank correlation of a panel with an outcome, censored values by their generalised ranks.

Sources: Spearman, Am J Psychol 1904;15:72-101. Hollander and Wolfe 1999, section 8.5. Bonett and Wright, Psychometrika
2000;65:23-28 (doi:10.1007/BF02294183) (interval).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtr

from correlates.stats.arrays import Floats, Ints, Words, divide, panel, where
from correlates.stats.ranks import midranks

_EXACT_UP_TO = 8
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Spearman:
    """Spearman's rho of m biomarkers with an outcome; every array is (m,).

    ``variant`` says what P was computed from. ``lower`` and ``upper`` are NaN with fewer than four subjects, and at rho -1 or 1.
    """

    rho: Floats
    lower: Floats
    upper: Floats
    p_value: Floats
    variant: Words
    n: Ints


def spearman(
    x: npt.ArrayLike,
    outcome: npt.ArrayLike,
    present: npt.ArrayLike | None = None,
    *,
    censoring: npt.ArrayLike | None = None,
    outcome_censoring: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> Spearman:
    """Spearman's rho of each biomarker with an outcome.

    Parameters
    ----------
    x, present, censoring
        (m, n) biomarkers by subjects; see :func:`correlates.stats.ranks.midranks`.
    outcome, outcome_censoring
        (n,) the outcome and the signs of its limits.
    level
        Confidence level.

    Notes
    -----
    The correlation of the mid-ranks of the subjects present. P: t = rho sqrt((n - 2) / (1 - rho^2)) with n - 2 df; up to 8 subjects
    the share of all n! orders whose abs(rho) is at least the observed, ties as they are. Interval: tanh(atanh rho -/+ z
    sqrt((1 + rho^2 / 2) / (n - 3))).

    Undefined where biomarker or outcome has no two values that can be ordered, or with fewer than three subjects.
    """
    values, there = panel(x, present)
    y = np.asarray(outcome, dtype=np.float64)
    if y.shape != (values.shape[1],) or not np.isfinite(y).all():
        raise ValueError(f"outcome must hold {values.shape[1]} finite numbers")
    n = there.sum(axis=1)
    a = _centred(midranks(values, there, censoring).ranks, there)
    cut = None if outcome_censoring is None else np.broadcast_to(np.asarray(outcome_censoring), values.shape)
    b = _centred(midranks(np.broadcast_to(y, values.shape), there, cut).ranks, there)
    scale = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    rho = divide((a * b).sum(axis=1), where(n > 2, scale, 0.0))
    rho = where(np.isnan(rho), np.nan, np.clip(rho, -1.0, 1.0))
    df = np.maximum(n - 2.0, 1.0)
    inside = np.abs(rho) < 1.0
    safe = where(inside, rho, 0.0)
    p = where(inside, 2.0 * stdtr(df, -np.abs(safe) * np.sqrt(df / (1.0 - safe**2))), where(np.isnan(rho), np.nan, 0.0))
    variant = np.full(n.size, "t approximation", dtype="<U24")
    for row in np.flatnonzero((n <= _EXACT_UP_TO) & ~np.isnan(rho)).tolist():
        at = there[row]
        p[row] = _exact(a[row, at], b[row, at])
        variant[row] = "exact permutation"
    variant[np.isnan(rho)] = "undefined"
    half = float(ndtri(0.5 + level / 2.0)) * np.sqrt(divide(1.0 + safe**2 / 2.0, np.maximum(n - 3.0, 0.0)))
    centre = np.arctanh(safe)
    return Spearman(
        rho=rho,
        lower=where(inside, np.tanh(centre - half), np.nan),
        upper=where(inside, np.tanh(centre + half), np.nan),
        p_value=p,
        variant=variant,
        n=n,
    )


def _centred(ranks: Floats, there: npt.NDArray[np.bool_]) -> Floats:
    mean = divide(ranks.sum(axis=1), there.sum(axis=1))
    return where(there, ranks - mean[:, None], 0.0)


def _exact(a: Floats, b: Floats) -> float:
    every = np.array(list(permutations(range(a.size))), dtype=np.int64)
    found = np.abs(b[every] @ a)
    observed = abs(float(a @ b))
    return float(np.mean(found >= observed * (1.0 - _TOLERANCE) - _TOLERANCE))
