"""How well a forest ranks subjects it has not seen: each pair is compared by the trees that were grown without either of the two.

The usual figure compares each subject's mean over the trees that have not seen it. Those of an event are grown with one event
fewer, those of a non-event with one more, which alone makes the area fall below one half when nothing is true. Trees that have seen neither
do not care which of the two had the event: without any effect the area is one half, whatever the forest. It is leave-pair-out validation
(Airola et al., Comput Stat Data Anal 2011;55:1828-1844) done out of bag.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from correlates.stats.arrays import Bools, Floats, where

__all__ = ["OutOfBag", "out_of_bag_concordance"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfBag:
    """Share of ``pairs`` that trees which saw neither subject order as the outcome does, and its limits; NaN where not defined.

    An area under the ROC curve for a binary outcome, Harrell's C for a time to event. ``lower`` and ``upper`` are Wald limits cut to 0..1, by
    the infinitesimal jackknife (for a binary outcome DeLong's variance with n for n - 1); NaN where every pair is ordered alike.
    """

    estimate: float
    lower: float
    upper: float
    pairs: int


def out_of_bag_concordance(by_tree: Floats, earlier: Bools, *, level: float = 0.95) -> OutOfBag:
    """Concordance over pairs of subjects, out of bag of both.

    Parameters
    ----------
    by_tree
        (t, n) score that each tree predicts for the subjects it has not seen, NaN for those it was grown on; higher means the event,
        or an earlier one.
    earlier
        (n, n) whether the row's subject has the event and the column's has not (or has it later): the pairs that are compared.
    level
        Confidence level.

    Notes
    -----
    A pair counts when a tree has seen neither; a tie counts half. Undefined: no such pair.
    """
    known = np.isfinite(by_tree)
    there = where(known, 1.0, 0.0)
    score = where(known, by_tree, 0.0)
    own = score.T @ there  # sum of the row's scores over trees that saw neither
    both = there.T @ there
    counted = earlier & (both > 0)
    gap = own - own.T
    near = np.abs(gap) <= 1e-10 * (np.abs(own) + np.abs(own.T))  # equal sums in another order of addition are ties
    won = where(counted, where(near, 0.5, where(gap > 0, 1.0, 0.0)), 0.0)
    pairs = float(counted.sum())
    if pairs == 0:
        return OutOfBag(estimate=float("nan"), lower=float("nan"), upper=float("nan"), pairs=0)
    estimate = float(won.sum() / pairs)
    excess = where(counted, won - estimate, 0.0)
    influence = (excess.sum(axis=1) + excess.sum(axis=0)) / pairs
    spread = float((influence**2).sum())
    if spread <= 1e-14:
        return OutOfBag(estimate=estimate, lower=float("nan"), upper=float("nan"), pairs=int(pairs))
    reach = float(ndtri(0.5 + level / 2.0)) * float(np.sqrt(spread))
    return OutOfBag(
        estimate=estimate, lower=max(estimate - reach, 0.0), upper=min(estimate + reach, 1.0), pairs=int(pairs)
    )
