"""Area under the ROC curve of one biomarker for a binary outcome, with DeLong's interval.

Source: DeLong, DeLong and Clarke-Pearson, Biometrics 1988;44:837-845 (doi:10.2307/2531595); by ranks: Sun and Xu, IEEE Signal
Process Lett 2014;21:1389-1393. Limits on the scale of the logit: Pepe, The Statistical Evaluation of Medical Tests, 2003, section 5.2;
Qin and Hotilovac, Stat Methods Med Res 2008;17:207-221.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, ndtri

from correlates.stats.arrays import Bools, Floats, divide, membership, panel, where
from correlates.stats.ranks import midranks


class AucLimits(StrEnum):
    """Scale on which the limits are symmetric: the logit of the AUC, or the AUC itself (Wald, cut to 0..1, as pROC has it)."""

    LOGIT = "logit"
    WALD = "wald"


@dataclass(frozen=True, slots=True, kw_only=True)
class Auc:
    """AUC of m biomarkers; every array is (m,).

    ``estimate`` is the probability that a case is higher than a control, ties counting one half: above .5 cases are higher.
    ``degenerate`` marks AUC 0 or 1: every placement is equal, the variance is 0 and the interval is the single point, as pROC
    gives it. That is no statement of certainty: callers that print should leave such an interval out and say why.
    """

    estimate: Floats
    variance: Floats
    lower: Floats
    upper: Floats
    degenerate: Bools


def auc(
    x: npt.ArrayLike,
    group: npt.ArrayLike,
    present: npt.ArrayLike | None = None,
    *,
    censoring: npt.ArrayLike | None = None,
    level: float = 0.95,
    limits: AucLimits | str = AucLimits.WALD,
) -> Auc:
    """AUC of each biomarker with DeLong's variance and its interval.

    Parameters
    ----------
    x
        (m, n) biomarkers by subjects.
    group
        (n,) true for cases.
    present
        (m, n) which values are there; all, when not given.
    censoring
        (m, n) -1, 0 or +1: see :func:`correlates.stats.ranks.midranks`. Pairs that the limits do not order count as ties.
    level
        Confidence level.
    limits
        ``wald``: A -/+ z s, cut to 0..1, which holds too little with few cases (.83 of .95 with 3 of 20). ``logit``: expit(logit A -/+
        z s / (A (1 - A))), which does not (.92 to .97 with 3 of 20).

    Notes
    -----
    The placement of a case is the share of controls below it, ties counting one half, and the other way round for a control;
    var = s^2(cases) / n1 + s^2(controls) / n2 over the placements.

    Undefined: the estimate when a group is empty; variance and interval when a group has fewer than two subjects.
    """
    values, there = panel(x, present)
    cases = membership(group, values.shape[1])
    in_cases, in_controls = there & cases, there & ~cases
    n1, n2 = in_cases.sum(axis=1), in_controls.sum(axis=1)
    all_ranks = midranks(values, there, censoring).ranks
    beaten = where(in_cases, all_ranks - midranks(values, in_cases, censoring).ranks, 0.0)  # controls below each case
    above = divide(beaten, n2[:, None])
    below = 1.0 - divide(all_ranks - midranks(values, in_controls, censoring).ranks, n1[:, None])
    estimate = divide(
        beaten.sum(axis=1), n1 * n2
    )  # sums of halves are exact: the order of the subjects does not matter
    centred_cases = where(in_cases, above - estimate[:, None], 0.0)
    centred_controls = where(in_controls, below - estimate[:, None], 0.0)
    variance = divide((centred_cases**2).sum(axis=1), n1 * (n1 - 1)) + divide(
        (centred_controls**2).sum(axis=1), n2 * (n2 - 1)
    )
    degenerate = (estimate == 0.0) | (estimate == 1.0)
    variance = where(degenerate & np.isfinite(variance), 0.0, variance)
    reach = float(ndtri(0.5 + level / 2.0)) * np.sqrt(variance)
    lower, upper = np.clip(estimate - reach, 0.0, 1.0), np.clip(estimate + reach, 0.0, 1.0)
    if AucLimits(limits) is AucLimits.LOGIT:
        inside = (estimate > 0) & (estimate < 1)
        centre = where(inside, estimate, 0.5)
        wide = divide(reach, centre * (1.0 - centre))
        lower = where(inside, expit(logit(centre) - wide), lower)
        upper = where(inside, expit(logit(centre) + wide), upper)
    return Auc(
        estimate=estimate,
        variance=variance,
        lower=lower,
        upper=upper,
        degenerate=degenerate,
    )
