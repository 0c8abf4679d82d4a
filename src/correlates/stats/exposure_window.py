"""The exposures at which efficacy is likely enough and toxicity unlikely enough: curves of both endpoints and the window between them.

logit P_k(x) = a_k + b_k x for efficacy (k = 0) and toxicity (k = 1), fitted to the same patients with the joint covariance V of the four
coefficients (:mod:`correlates.stats.joint_logistic`). The window is {x: P_0(x) >= e and P_1(x) <= t}: two half lines that may meet in an
interval or not at all. How sure one can be of an exposure is the probability that both hold there, from the bivariate normal of the two
logits: high only where both curves are known well enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, ndtri

from correlates.stats.arrays import Floats
from correlates.stats.joint_logistic import normal_rectangle


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Both curves along g exposures: ``probability``, ``lower``, ``upper`` (2, g), and ``both`` (g,) the probability that both hold."""

    exposure: Floats
    probability: Floats
    lower: Floats
    upper: Floats
    both: Floats


def curves(
    exposure: npt.ArrayLike,
    coefficients: npt.ArrayLike,
    covariance: npt.ArrayLike,
    *,
    efficacy: float,
    toxicity: float,
    level: float = 0.95,
) -> Curves:
    """Both curves with limits point by point.

    Parameters
    ----------
    exposure
        (g,) on the scale of the model.
    coefficients, covariance
        (4,) and (4, 4) of a0, b0, a1, b1.
    efficacy, toxicity
        The least probability of efficacy, and the largest of toxicity.
    level
        Of the limits: normal on the logit scale.
    """
    x = np.asarray(exposure, dtype=np.float64)
    beta, v = np.asarray(coefficients, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    at = np.stack((np.ones(x.shape), x), axis=1)
    rows = np.zeros((x.size, 2, 4))
    rows[:, 0, :2], rows[:, 1, 2:] = at, at
    mean = rows @ beta
    spread = rows @ v @ np.swapaxes(rows, 1, 2)
    error = np.sqrt(np.stack((spread[:, 0, 0], spread[:, 1, 1]), axis=1))
    reach = float(ndtri(0.5 + level / 2.0)) * error
    both = normal_rectangle(mean, spread, [logit(efficacy), -np.inf], [np.inf, logit(toxicity)])
    return Curves(
        exposure=x,
        probability=expit(mean).T,
        lower=expit(mean - reach).T,
        upper=expit(mean + reach).T,
        both=both,
    )


def window(
    coefficients: npt.ArrayLike, low: float, high: float, *, efficacy: float, toxicity: float
) -> tuple[Floats, Floats]:
    """First and last exposure of each window (r,), within low to high; NaN where no exposure there will do.

    Parameters
    ----------
    coefficients
        (r, 4) a0, b0, a1, b1 of r fits (one, or those of a bootstrap).
    low, high
        The exposures observed: nothing is said beyond them.
    efficacy, toxicity
        As for :func:`curves`.

    Examples
    --------
    >>> first, last = window([[-1.0, 1.0, -3.0, 1.0]], -2.0, 5.0, efficacy=0.5, toxicity=0.25)
    >>> round(float(first[0]), 3), round(float(last[0]), 3)
    (1.0, 1.901)
    """
    beta = np.atleast_2d(np.asarray(coefficients, dtype=np.float64))
    first, last = np.full(beta.shape[0], low), np.full(beta.shape[0], high)
    for k, (bound, sign) in enumerate(((logit(efficacy), 1.0), (logit(toxicity), -1.0))):
        a, b = sign * (beta[:, 2 * k] - bound), sign * beta[:, 2 * k + 1]  # a + b x >= 0
        edge = np.divide(-a, b, out=np.zeros_like(a), where=b != 0)
        first = np.where(b > 0, np.maximum(first, edge), first)
        last = np.where(b < 0, np.minimum(last, edge), last)
        never = (b == 0) & (a < 0)
        first = np.where(never, np.inf, first)
    empty = ~(first <= last)
    return np.where(empty, np.nan, first), np.where(empty, np.nan, last)
