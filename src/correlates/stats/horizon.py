"""A time to an event as it stands at a horizon, for many weighted resamples at once: who counts as event and as free of it, and how much.

Who is censored before the horizon is neither; the others are weighted by the inverse probability of not having been censored (Robins and
Rotnitzky; for the Brier score Graf et al., Stat Med 1999;18:2529-2545; for the area under the ROC curve Uno et al., JASA 2007;102:527-537, and
Hung and Chiang, Can J Stat 2010;38:8-26; for C Uno et al., Stat Med 2011;30:1105-1117). Net benefit by Kaplan and Meier among those who are
treated: Vickers et al., BMC Med Inform Decis Mak 2008;8:53. Overview: McLernon et al., Ann Intern Med 2023;176:105-114.

A censoring at the time of an event counts as after it, and one at the horizon itself as free of the event then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats, divide, where
from correlates.stats.performance import DecisionCurve

__all__ = ["AtHorizon", "at_horizon", "free_at", "net_benefit_at", "predicted_risk"]

_STEEPEST = 700.0  # exp of more does not fit a number


@dataclass(frozen=True, slots=True, kw_only=True)
class AtHorizon:
    """How n subjects count at the horizon in B resamples; all (B, n), 0 for subjects of weight 0.

    ``case``: weight of an event by the horizon, 1 / G(T-); ``control``: of being free of it then, 1 / G(horizon-); G is the Kaplan-Meier
    estimate of not being censored, T- just before the time. ``uno``: 1 / G(T-)^2 of an event by the horizon. Each times the
    weight of the subject in the resample.
    """

    case: Floats
    control: Floats
    uno: Floats


def at_horizon(time: Floats, event: Bools, weight: Floats, horizon: float) -> AtHorizon:
    """Weights by the inverse probability of censoring.

    Parameters
    ----------
    time, event
        (n,) days, and whether the event was seen.
    weight
        (B, n) how often each subject counts; G is estimated in each resample.
    horizon
        Days.

    Notes
    -----
    Undefined (weight 0) where G is 0: nobody is then left to stand for the censored.
    """
    order = np.lexsort((~event, time))  # by time, events first
    ordered, mass = time[order], weight[:, order]
    at_risk = np.cumsum(mass[:, ::-1], axis=1)[:, ::-1]
    kept = 1.0 - where(event[order] | (at_risk == 0), 0.0, divide(mass, at_risk))
    free = np.concatenate((np.ones((mass.shape[0], 1)), np.cumprod(kept, axis=1)), axis=1)
    inverse = where(free > 0, divide(1.0, free), 0.0)
    own = inverse[:, np.searchsorted(ordered, time, side="left")]
    reach = inverse[:, [np.searchsorted(ordered, horizon, side="left")]]
    early = event & (time <= horizon)
    late = (time > horizon) | ((time == horizon) & ~event)
    return AtHorizon(
        case=weight * where(early, own, 0.0),
        control=weight * where(late, reach, 0.0),
        uno=weight * where(early, own**2, 0.0),
    )


def predicted_risk(eta: Floats, time: Floats, event: Bools, weight: Floats, horizon: float) -> Floats:
    """Probability of the event by the horizon (B, n) that Cox models predict: 1 - exp(-H0 exp(eta)).

    H0 is Breslow's cumulative hazard at the horizon among the subjects the model was made from.

    Parameters
    ----------
    eta
        (B, n) linear predictors of all subjects.
    time, event
        (n,) each.
    weight
        (B, n) how often each subject counted when the model was made.
    horizon
        Days.
    """
    made = where(weight > 0, eta, -np.inf).max(axis=1, keepdims=True)
    made = where(np.isfinite(made), made, 0.0)
    relative = np.exp(np.clip(eta - made, -_STEEPEST, _STEEPEST))
    order = np.argsort(time, kind="stable")
    ordered = time[order]
    mass = weight[:, order]
    at_risk = np.cumsum((mass * where(mass > 0, relative[:, order], 0.0))[:, ::-1], axis=1)[:, ::-1]
    first = np.searchsorted(ordered, ordered, side="left")
    happened = event[order] & (ordered <= horizon)
    hazard = where(happened & (mass > 0), divide(mass, at_risk[:, first]), 0.0).sum(axis=1, keepdims=True)
    found: Floats = -np.expm1(-hazard * relative)
    return found


def free_at(time: Floats, event: Bools, weight: Floats, horizon: float) -> Floats:
    """Kaplan-Meier estimate (B,) of being free of the event at the horizon.

    Undefined (NaN): nobody of the resample is followed to the horizon, and the estimate has not reached 0.
    """
    order = np.lexsort((~event, time))  # by time, events first
    ordered, mass = time[order], weight[:, order]
    at_risk = np.cumsum(mass[:, ::-1], axis=1)[:, ::-1]
    happened = event[order] & (ordered <= horizon) & (at_risk > 0)
    survival: Floats = (1.0 - where(happened, divide(mass, at_risk), 0.0)).prod(axis=1)
    seen = (mass * (ordered >= horizon)).sum(axis=1) > 0
    return where(seen | (survival <= 1e-12), survival, np.nan)


def net_benefit_at(
    risk: npt.ArrayLike, time: npt.ArrayLike, event: npt.ArrayLike, horizon: float, threshold: npt.ArrayLike
) -> DecisionCurve:
    """Net benefit of acting where the predicted risk of the event by the horizon (n,) is at least the threshold (T,).

    With S the Kaplan-Meier estimate at the horizon among those acted on and a their share: (1 - S) a - S a t / (1 - t).

    Notes
    -----
    Undefined (NaN): nobody of those acted on is followed to the horizon. At t = 1, which is refused with values outside 0 <= t < 1.
    """
    chance, times = np.asarray(risk, dtype=np.float64), np.asarray(time, dtype=np.float64)
    happened = np.asarray(event, dtype=np.bool_)
    at = np.asarray(threshold, dtype=np.float64)
    if ((at < 0) | (at >= 1)).any():
        raise ValueError("thresholds must be at least 0 and below 1")
    odds = at / (1.0 - at)
    acted = where(chance[None, :] >= at[:, None], 1.0, 0.0)
    share = acted.mean(axis=1)
    free = where(share > 0, free_at(times, happened, acted, horizon), 0.0)
    everybody = free_at(times, happened, np.ones((1, times.size)), horizon)[0]
    return DecisionCurve(
        threshold=at,
        model=share * ((1.0 - free) - free * odds),
        everybody=(1.0 - everybody) - everybody * odds,
    )
