"""Restricted mean survival time, and its difference and ratio between two groups.

Source: Irwin, J Hyg 1949;47:188-189. Klein and Moeschberger, Survival Analysis, 2nd ed. 2003, section 4.5, formulas 4.5.1-4.5.3.
Uno et al., J Clin Oncol 2014;32:2380-2385 (doi:10.1200/JCO.2014.55.2208).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from correlates.stats.arrays import Floats, Ints, divide, where
from correlates.stats.kaplan_meier import kaplan_meier
from correlates.stats.survival_panel import SurvivalPanel


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
    log_ratio_error: float | None


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
    ends = np.array([horizon], dtype=np.float64)
    area, error = areas(curve.time[None], curve.survival[None], curve.n_risk[None], curve.n_event[None], ends)
    lower, upper = _limits(area, error, ends, level)
    return RestrictedMean(
        estimate=float(area[0]),
        standard_error=float(error[0]),
        lower=float(lower[0]),
        upper=float(upper[0]),
        horizon=float(horizon),
        n=curve.n,
        n_events=curve.n_events,
    )


def areas(
    time: Floats, survival: Floats, n_risk: Floats | Ints, n_event: Floats | Ints, horizon: Floats
) -> tuple[Floats, Floats]:
    """Area under m curves (m, K), steps at ``time``, up to the horizon (m,) of each, and its standard error: both (m,)."""
    m = time.shape[0]
    cut = np.minimum(time, horizon[:, None])
    edges = np.concatenate((np.zeros((m, 1)), cut, horizon[:, None]), axis=1)
    areas = np.concatenate((np.ones((m, 1)), survival), axis=1) * np.diff(edges, axis=1)
    after = np.cumsum(areas[:, ::-1], axis=1)[:, ::-1][:, 1:]
    counted = (time <= horizon[:, None]) & (n_risk > n_event)
    variance = where(counted, after**2 * divide(n_event, n_risk * (n_risk - n_event)), 0.0).sum(axis=1)
    return areas.sum(axis=1), np.sqrt(variance)


def restricted_mean_panel(curves: SurvivalPanel, horizon: npt.ArrayLike, *, level: float = 0.95) -> Floats:
    """Restricted mean survival time of each row of a panel up to its horizon (m,), its standard error and its limits: (4, m).

    NaN where :func:`restricted_mean` gives None: a horizon that is not above 0, or beyond the last follow-up of a curve above 0.
    """
    table = curves.table
    ends = np.broadcast_to(np.asarray(horizon, dtype=np.float64), curves.last.shape)
    if (table.time < 0).any():
        raise ValueError("time must not be below 0, where the area begins")
    ended = curves.survival[:, -1:].min(axis=1, initial=1.0) == 0
    known = (ends > 0) & np.isfinite(curves.last) & ((ends <= curves.last) | ended)
    area, error = areas(table.time, curves.survival, table.n_risk, table.n_event, where(known, ends, 0.0))
    return where(known, np.stack((area, error, *_limits(area, error, ends, level))), np.nan)


def _limits(area: Floats, error: Floats, horizon: Floats, level: float) -> tuple[Floats, Floats]:
    """Normal limits of restricted means, cut to 0 and the horizon."""
    half = float(ndtri(0.5 + level / 2.0)) * error
    return np.maximum(area - half, 0.0), np.minimum(area + half, horizon)


def restricted_mean_contrast(
    first: RestrictedMean, second: RestrictedMean, *, level: float = 0.95
) -> RestrictedMeanContrast:
    """Difference (first minus second) and ratio (first over second) of two independent restricted means of the same horizon."""
    if first.horizon != second.horizon:
        raise ValueError(f"the horizons differ: {first.horizon} and {second.horizon}")
    found = contrast_panel(*_pair(first), *_pair(second), level=level)
    return contrast_of(found, 0, first.horizon)


def _pair(side: RestrictedMean) -> tuple[Floats, Floats]:
    """Estimate and standard error of one group, (1,) each; NaN for None."""
    both = (side.estimate, side.standard_error)
    estimate, error = (np.array([np.nan if value is None else value]) for value in both)
    return estimate, error


def contrast_of(panel: dict[str, Floats], row: int, horizon: float) -> RestrictedMeanContrast:
    """One row of what :func:`contrast_panel` gives."""
    return RestrictedMeanContrast(
        horizon=horizon, **{name: _or_none(float(array[row])) for name, array in panel.items()}
    )


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value


def contrast_panel(a: Floats, sa: Floats, b: Floats, sb: Floats, *, level: float = 0.95) -> dict[str, Floats]:
    """Restricted means ``a`` against ``b`` (m,) with standard errors: the fields of :class:`RestrictedMeanContrast`, NaN for None."""
    z = float(ndtri(0.5 + level / 2.0))
    difference, error = a - b, np.hypot(sa, sb)
    some = error > 0
    positive = (a > 0) & (b > 0)
    top, bottom = where(positive, a, 1.0), where(positive, b, 1.0)
    log_ratio = where(positive, np.log(top / bottom), np.nan)
    log_error = where(positive, np.hypot(sa / top, sb / bottom), np.nan)
    uncertain = log_error > 0
    return {
        "difference": difference,
        "standard_error": error,
        "lower": difference - z * error,
        "upper": difference + z * error,
        "p_value": where(some, 2.0 * ndtr(-np.abs(divide(difference, error))), np.nan),
        "ratio": where(positive, top / bottom, np.nan),
        "ratio_lower": np.exp(log_ratio - z * log_error),
        "ratio_upper": np.exp(log_ratio + z * log_error),
        "log_ratio_error": log_error,
        "ratio_p_value": where(uncertain, 2.0 * ndtr(-np.abs(divide(log_ratio, log_error))), np.nan),
    }
