"""Restricted mean survival time, and its difference and ratio between two groups.

Source: Irwin, J Hyg 1949;47:188-189. Klein and Moeschberger, Survival Analysis, 2nd ed. 2003, section 4.5, formulas 4.5.1-4.5.3.
Uno et al., J Clin Oncol 2014;32:2380-2385 (doi:10.1200/JCO.2014.55.2208).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from correlates.stats.arrays import divide, where
from correlates.stats.kaplan_meier import kaplan_meier


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictedMean:
    """Mean survival time up to ``horizon``: area under the Kaplan-Meier curve. None beyond the follow-up (see the function)."""

    horizon: float
    estimate: float | None
    standard_error: float | None
    lower: float | None
    upper: float | None
    n: int
    n_events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictedMeanContrast:
    """First group against second: difference in time and ratio, each with interval and P (normal; the ratio on the log scale).

    All None where a restricted mean is not defined; P None where both standard errors are 0 (no event before the horizon).
    """

    horizon: float
    difference: float | None
    standard_error: float | None
    lower: float | None
    upper: float | None
    p_value: float | None
    ratio: float | None
    ratio_lower: float | None
    ratio_upper: float | None
    ratio_p_value: float | None


def restricted_mean(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    horizon: float,
    entry: npt.ArrayLike | None = None,
    *,
    level: float = 0.95,
) -> RestrictedMean:
    """Restricted mean survival time of one group.

    Parameters
    ----------
    time, event, entry
        (n,) each; see :func:`correlates.stats.at_risk.follow_up`. Time counts from 0.
    horizon
        Time up to which the area is taken; above 0.
    level
        Confidence level of the normal interval (cut to 0 and the horizon).

    Notes
    -----
    mu = integral of S from 0 to the horizon; var mu = sum over event times s <= horizon of (area from s to the horizon)^2
    d / (n (n - d)), the Greenwood-type estimate R's ``survfit`` prints (no n/(n - 1) factor).

    Undefined when the horizon is beyond the last follow-up and the curve has not reached 0: the area there is not known. No
    events: the mean is the horizon, its standard error 0.
    """
    if not horizon > 0:
        raise ValueError(f"horizon must be above 0, found {horizon}")
    curve = kaplan_meier(time, event, entry, level=level)
    if (np.asarray(time, dtype=np.float64) < 0).any():
        raise ValueError("time must not be below 0, where the area begins")
    ended = curve.survival.size > 0 and curve.survival[-1] == 0
    if curve.last is None or (horizon > curve.last and not ended):
        return RestrictedMean(
            estimate=None,
            standard_error=None,
            lower=None,
            upper=None,
            horizon=float(horizon),
            n=curve.n,
            n_events=curve.n_events,
        )
    inside = curve.time <= horizon
    edges = np.concatenate(([0.0], curve.time[inside], [horizon]))
    areas = np.concatenate(([1.0], curve.survival[inside])) * np.diff(edges)
    estimate = float(areas.sum())
    after = np.cumsum(areas[::-1])[::-1][1:]
    d, n = curve.n_event[inside], curve.n_risk[inside]
    error = float(np.sqrt(where(n > d, after**2 * divide(d, n * (n - d)), 0.0).sum()))
    half = float(ndtri(0.5 + level / 2.0)) * error
    return RestrictedMean(
        estimate=estimate,
        standard_error=error,
        lower=max(estimate - half, 0.0),
        upper=min(estimate + half, float(horizon)),
        horizon=float(horizon),
        n=curve.n,
        n_events=curve.n_events,
    )


def restricted_mean_contrast(
    first: RestrictedMean, second: RestrictedMean, *, level: float = 0.95
) -> RestrictedMeanContrast:
    """Difference (first minus second) and ratio (first over second) of two independent restricted means of the same horizon."""
    if first.horizon != second.horizon:
        raise ValueError(f"the horizons differ: {first.horizon} and {second.horizon}")
    a, b, sa, sb = first.estimate, second.estimate, first.standard_error, second.standard_error
    if a is None or b is None or sa is None or sb is None:
        return RestrictedMeanContrast(
            horizon=first.horizon,
            difference=None,
            standard_error=None,
            lower=None,
            upper=None,
            p_value=None,
            ratio=None,
            ratio_lower=None,
            ratio_upper=None,
            ratio_p_value=None,
        )
    z = float(ndtri(0.5 + level / 2.0))
    difference, error = a - b, float(np.hypot(sa, sb))
    p = float(2.0 * ndtr(-abs(difference) / error)) if error > 0 else None
    ratio = ratio_lower = ratio_upper = ratio_p = None
    if a > 0 and b > 0:
        log_error = float(np.hypot(sa / a, sb / b))
        ratio = a / b
        ratio_lower, ratio_upper = ratio * float(np.exp(-z * log_error)), ratio * float(np.exp(z * log_error))
        ratio_p = float(2.0 * ndtr(-abs(np.log(ratio)) / log_error)) if log_error > 0 else None
    return RestrictedMeanContrast(
        horizon=first.horizon,
        difference=difference,
        standard_error=error,
        lower=difference - z * error,
        upper=difference + z * error,
        p_value=p,
        ratio=ratio,
        ratio_lower=ratio_lower,
        ratio_upper=ratio_upper,
        ratio_p_value=ratio_p,
    )
