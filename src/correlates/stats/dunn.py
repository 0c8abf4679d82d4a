"""Dunn's test: pairs of groups after Kruskal-Wallis, on the ranks of all groups together.

Source: Dunn, Technometrics 1964;6:241-252 (doi:10.1080/00401706.1964.10490181).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from correlates.stats.arrays import Floats, Ints, divide, panel, where
from correlates.stats.ranks import midranks


@dataclass(frozen=True, slots=True, kw_only=True)
class Dunn:
    """Dunn's tests of q pairs of groups for m biomarkers; arrays are (m, q), ``n`` (m, q) the subjects of both groups.

    ``difference`` is the mean rank of the first group less that of the second.
    """

    difference: Floats
    z: Floats
    p_value: Floats
    n: Ints


def dunn(
    x: npt.ArrayLike,
    group: npt.ArrayLike,
    groups: int,
    pairs: Sequence[tuple[int, int]],
    present: npt.ArrayLike | None = None,
    *,
    censoring: npt.ArrayLike | None = None,
) -> Dunn:
    """Dunn's test of declared pairs of groups.

    Parameters
    ----------
    x, group, groups, present, censoring
        As for :func:`correlates.stats.kruskal.kruskal_wallis`.
    pairs
        q pairs of group numbers, the first against the second.

    Notes
    -----
    z = (mean rank i - mean rank j) / sqrt((N (N + 1) / 12 - sum(t^3 - t) / (12 (N - 1))) (1/n_i + 1/n_j)), two-sided P unadjusted.

    Undefined when a group of the pair has no value or no two values can be ordered.
    """
    values, there = panel(x, present)
    label = np.asarray(group)
    if label.shape != (values.shape[1],) or not np.isin(label, np.arange(groups)).all():
        raise ValueError(f"group must hold {values.shape[1]} whole numbers from 0 to {groups - 1}")
    ranked = midranks(values, there, censoring)
    one_hot = (label[:, None] == np.arange(groups)[None, :]).astype(np.float64)
    n = there @ one_hot
    mean = divide(ranked.ranks @ one_hot, n)
    total = ranked.n
    pooled = total * (total + 1.0) / 12.0 - np.nan_to_num(divide(ranked.tie_sum, 12.0 * (total - 1.0)))
    first, second = [i for i, _ in pairs], [j for _, j in pairs]
    difference = mean[:, first] - mean[:, second]
    both = (n[:, first] > 0) & (n[:, second] > 0)
    per = where(both, 1.0 / np.maximum(n[:, first], 1.0) + 1.0 / np.maximum(n[:, second], 1.0), 0.0)
    square = where(pooled[:, None] > 1e-12, pooled[:, None] * per, 0.0)
    z = divide(where(both, difference, np.nan), np.sqrt(square))
    p = where(np.isnan(z), np.nan, 2.0 * ndtr(-np.abs(where(np.isnan(z), 0.0, z))))
    return Dunn(difference=difference, z=z, p_value=p, n=np.rint(n[:, first] + n[:, second]).astype(np.int64))
