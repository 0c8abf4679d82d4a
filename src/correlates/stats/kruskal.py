"""Kruskal-Wallis test of a biomarker across groups.

Source: Kruskal and Wallis, JASA 1952;47:583-621 (doi:10.1080/01621459.1952.10483441); Hollander and Wolfe 1999, section 6.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from correlates.stats.arrays import Floats, Ints, divide, panel, where
from correlates.stats.ranks import midranks


@dataclass(frozen=True, slots=True, kw_only=True)
class KruskalWallis:
    """Kruskal-Wallis tests of m biomarkers.

    ``h`` (m,) is tie-corrected; ``df`` (m,) is the number of groups with values minus 1; ``epsilon_squared`` (m,) is
    H / (N - 1), from 0 to 1; ``n`` (m, k) values per group.
    """

    h: Floats
    df: Ints
    p_value: Floats
    epsilon_squared: Floats
    n: Ints


def kruskal_wallis(
    x: npt.ArrayLike,
    group: npt.ArrayLike,
    groups: int,
    present: npt.ArrayLike | None = None,
    *,
    censoring: npt.ArrayLike | None = None,
) -> KruskalWallis:
    """Kruskal-Wallis test of each biomarker across k groups, by the chi-square approximation with k - 1 degrees of freedom.

    Parameters
    ----------
    x
        (m, n) biomarkers by subjects.
    group
        (n,) whole numbers 0..k-1.
    groups
        k. A group without values in a row does not count for that row.
    present
        (m, n) which values are there; all, when not given.
    censoring
        (m, n) -1, 0 or +1: see :func:`correlates.stats.ranks.midranks`.

    Notes
    -----
    H = (12 / (N (N + 1)) sum R_j^2 / n_j - 3 (N + 1)) / (1 - sum(t^3 - t) / (N^3 - N)). With two groups it is the square of the
    tie-corrected Wilcoxon z without continuity correction.

    Undefined when fewer than two groups have values or no two values can be ordered.
    """
    values, there = panel(x, present)
    label = np.asarray(group)
    if label.shape != (values.shape[1],) or not np.isin(label, np.arange(groups)).all():
        raise ValueError(f"group must hold {values.shape[1]} whole numbers from 0 to {groups - 1}")
    ranked = midranks(values, there, censoring)
    one_hot = (label[:, None] == np.arange(groups)[None, :]).astype(np.float64)
    n = there @ one_hot
    sums = ranked.ranks @ one_hot
    total = ranked.n
    # sums of squared deviations of the mean ranks: the same H, without the cancellation of the textbook form
    mean = (total + 1.0) / 2.0
    between = where(n > 0, (sums - n * mean[:, None]) ** 2 / np.maximum(n, 1.0), 0.0).sum(axis=1)
    tie_factor = 1.0 - divide(ranked.tie_sum, total**3 - total)
    df = (n > 0).sum(axis=1) - 1
    defined = (df > 0) & (tie_factor > 1e-12)
    h = where(defined, divide(12.0 * between, total * (total + 1.0)), np.nan)
    h = divide(h, where(defined, tie_factor, 1.0))
    p = where(defined, chdtrc(np.maximum(df, 1), where(defined, h, 0.0)), np.nan)
    return KruskalWallis(h=h, df=df, p_value=p, epsilon_squared=divide(h, total - 1.0), n=np.rint(n).astype(np.int64))
