"""Two markers of the same patients: whether their areas under the ROC curve differ.

Source: DeLong, DeLong and Clarke-Pearson, Biometrics 1988;44:837-845 (doi:10.2307/2531595).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import erfc, ndtri

from correlates.stats.arrays import Floats, membership, panel
from correlates.stats.ranks import midranks


@dataclass(frozen=True, slots=True, kw_only=True)
class AucPair:
    """AUC of two markers, and their difference (first less second) with limits and P; None where there is no variance to judge by."""

    first: float
    second: float
    difference: float
    standard_error: float | None
    lower: float | None
    upper: float | None
    z: float | None
    p_value: float | None


def auc_pair(
    first: npt.ArrayLike, second: npt.ArrayLike, group: npt.ArrayLike, *, level: float = 0.95
) -> AucPair | None:
    """DeLong's test of two markers measured in the same patients.

    Parameters
    ----------
    first, second
        (n,) each; higher values are expected in cases.
    group
        (n,) true for cases.
    level
        Confidence level of the limits of the difference.

    Returns
    -------
    AucPair or None
        None where a class has fewer than two patients.

    Notes
    -----
    z = (A1 - A2) / sqrt(S11 + S22 - 2 S12), S the covariance of the placements over cases plus that over controls. Not for a model
    against a larger one that holds it, fitted to the same data: under no difference z is then not normal (Demler, Pencina and D'Agostino,
    Stat Med 2012;31:2577-2587); compare their likelihoods.

    Undefined (error, limits, z and P None): both markers order the patients alike, or both separate the classes.
    """
    values, there = panel(np.stack((np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64))))
    cases = membership(group, values.shape[1])
    n1, n0 = int(cases.sum()), int((~cases).sum())
    if n1 < 2 or n0 < 2:
        return None
    whole = midranks(values, there).ranks
    above = (whole - midranks(values, there & cases).ranks)[:, cases] / n0
    below = 1.0 - (whole - midranks(values, there & ~cases).ranks)[:, ~cases] / n1
    area = above.mean(axis=1)
    spread: Floats = np.cov(above) / n1 + np.cov(below) / n0
    variance = float(spread[0, 0] + spread[1, 1] - 2.0 * spread[0, 1])
    difference = float(area[0] - area[1])
    base = {"first": float(area[0]), "second": float(area[1]), "difference": difference}
    if variance <= 1e-14:
        return AucPair(**base, standard_error=None, lower=None, upper=None, z=None, p_value=None)
    error = float(np.sqrt(variance))
    reach = float(ndtri(0.5 + level / 2.0)) * error
    z = difference / error
    return AucPair(
        **base,
        standard_error=error,
        lower=difference - reach,
        upper=difference + reach,
        z=z,
        p_value=float(erfc(abs(z) / np.sqrt(2.0))),
    )
