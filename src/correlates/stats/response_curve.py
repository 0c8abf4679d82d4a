"""The fitted curve of a logistic model with one covariate: probability of the event along the biomarker, with a pointwise band.

Source: Hosmer, Lemeshow and Sturdivant, Applied Logistic Regression, 3rd ed. 2013, section 2.6; Heinze and Schemper, Stat Med
2002;21:2409-2419 (Firth: the information at the penalised estimate).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, ndtri

from correlates.stats.arrays import Bools, Floats, panel, where


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseCurve:
    """Curves of m biomarkers at q points; every array is (m, q)."""

    probability: Floats
    lower: Floats
    upper: Floats


def response_curve(
    x: npt.ArrayLike,
    intercept: npt.ArrayLike,
    coefficient: npt.ArrayLike,
    at: npt.ArrayLike,
    present: npt.ArrayLike | None = None,
    *,
    covariance: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> ResponseCurve:
    """Probability of the event at given points of each biomarker.

    Parameters
    ----------
    x, present
        (m, n) what the models were fitted to.
    intercept, coefficient
        (m,) the estimates.
    at
        (m, q) points.
    covariance
        (m, 2, 2) of intercept and coefficient, where not from the Fisher information of x; NaN elsewhere.
    level
        Confidence level of the pointwise band.

    Notes
    -----
    expit(a + b x) with limits expit(a + b x -/+ z sqrt(var)), the variance from the inverse Fisher information at the estimate. NaN
    where the estimate is, or the information is singular.
    """
    values, there = panel(x, present)
    a, b = np.asarray(intercept, dtype=np.float64), np.asarray(coefficient, dtype=np.float64)
    points = np.asarray(at, dtype=np.float64)
    known = np.isfinite(a) & np.isfinite(b)
    a, b = where(known, a, 0.0), where(known, b, 0.0)
    eta = a[:, None] + b[:, None] * values
    weight = where(there, expit(eta) * expit(-eta), 0.0)
    total = weight.sum(axis=1)
    safe = where(total > 0, total, 1.0)
    centre = (weight * values).sum(axis=1) / safe
    spread = (weight * (values - centre[:, None]) ** 2).sum(axis=1)
    fine = known & (total > 0) & (spread > 0)
    variance = 1.0 / safe[:, None] + (points - centre[:, None]) ** 2 / where(fine, spread, 1.0)[:, None]
    if covariance is not None:
        own = np.asarray(covariance, dtype=np.float64)
        told: Bools = np.all(np.isfinite(own), axis=(1, 2))
        spelled = own[:, 0, 0, None] + 2.0 * own[:, 0, 1, None] * points + own[:, 1, 1, None] * points**2
        variance = where(told[:, None], np.maximum(where(told[:, None], spelled, 0.0), 0.0), variance)
        fine = fine | (known & told)
    line = a[:, None] + b[:, None] * points
    half = float(ndtri(0.5 + level / 2.0)) * np.sqrt(variance)
    keep = fine[:, None]
    return ResponseCurve(
        probability=where(known[:, None], expit(line), np.nan),
        lower=where(keep, expit(line - half), np.nan),
        upper=where(keep, expit(line + half), np.nan),
    )
