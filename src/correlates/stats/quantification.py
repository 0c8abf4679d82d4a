"""Limit of quantification by coefficient of variation, from replicates at known concentrations.

Sources: Forootan et al., Biomol Detect Quantif 2017;12:1-6; Klymus et al., Environmental DNA 2020;2:271-282.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Floats, Ints

__all__ = [
    "Decay",
    "NotQuantified",
    "Precision",
    "QuantificationLimit",
    "cv_at",
    "cv_of_cq",
    "precision_profile",
    "quantification_limit",
]

_GRID = np.geomspace(0.02, 50.0, 60)  # decay constants per decade tried before the least-squares polish
_ONE_STEP = 3.0  # decay constants from the lowest level to the next: 95 % of the fall


class NotQuantified(StrEnum):
    """Why a limit of quantification is undefined."""

    FEW_LEVELS = "too-few-levels"
    NOT_PRECISE = "cv-limit-not-reached"
    NO_DECAY = "cv-does-not-fall-with-level"
    ONE_STEP = "cv-falls-within-one-step"


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """Precision of back-calculated concentrations by level; every array is (k,), levels rising.

    ``n`` quantified replicates; ``cv`` is sd / mean (n - 1 in the sd), NaN for a single replicate; ``recovery`` mean / level.
    """

    level: Floats
    n: Ints
    mean: Floats
    sd: Floats
    cv: Floats
    recovery: Floats


def precision_profile(nominal: npt.ArrayLike, value: npt.ArrayLike) -> Precision:
    """Mean, sd and CV of the back-calculated concentration at each known level.

    Parameters
    ----------
    nominal, value
        (n,) known and back-calculated concentrations, positive. Replicates that were not detected are left out by the caller: at
        levels with such replicates the CV is that of the detected ones only.

    Raises
    ------
    ValueError
        Values that are not positive and finite, or shapes that do not agree.
    """
    known, found = np.asarray(nominal, dtype=np.float64), np.asarray(value, dtype=np.float64)
    if known.ndim != 1 or known.shape != found.shape:
        raise ValueError(f"nominal and value must be (n,) both, found {known.shape} and {found.shape}")
    if not ((known > 0) & (found > 0) & np.isfinite(known) & np.isfinite(found)).all():
        raise ValueError("nominal and value must be positive and finite")
    level, index, n = np.unique(known, return_inverse=True, return_counts=True)
    mean = np.bincount(index, weights=found, minlength=len(level)) / n
    squares = np.bincount(index, weights=(found - mean[index]) ** 2, minlength=len(level))
    sd = np.sqrt(np.divide(squares, n - 1, out=np.full(len(level), np.nan), where=n > 1))
    return Precision(level=level, n=n.astype(np.int64), mean=mean, sd=sd, cv=sd / mean, recovery=mean / level)


def cv_of_cq(sd: npt.ArrayLike, efficiency: float) -> Floats:
    """CV of the concentration that corresponds to a standard deviation of Cq, replicates being lognormal.

    ``efficiency`` as a ratio (1 is doubling each cycle). CV = sqrt((1 + E)^(sd^2 ln(1 + E)) - 1) (Forootan 2017).

    Raises
    ------
    ValueError
        A negative sd, or an efficiency that is not positive.
    """
    of = np.asarray(sd, dtype=np.float64)
    if not (of >= 0).all() or not efficiency > 0:
        raise ValueError("sd must not be negative and the efficiency must be positive")
    return np.asarray(np.sqrt(np.expm1((of * np.log1p(efficiency)) ** 2)), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decay:
    """CV falling with level: cv = floor + (at_one - floor) exp(-rate log10 c); ``residual_sd`` with k - 3 degrees of freedom."""

    floor: float
    at_one: float
    rate: float
    residual_sd: float


def cv_at(decay: Decay, concentration: npt.ArrayLike) -> Floats:
    """CV (a ratio) of a fitted decay curve at (m,) positive concentrations."""
    x = np.log10(np.asarray(concentration, dtype=np.float64))
    return np.asarray(decay.floor + (decay.at_one - decay.floor) * np.exp(-decay.rate * x), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantificationLimit:
    """Limit of quantification by coefficient of variation.

    Attributes
    ----------
    cv_limit
        The largest CV allowed, as a ratio.
    level, why_level
        The lowest level with a CV within the limit, all higher ones being within it too, or ``at_least`` where that is higher; or why
        there is none.
    modelled, decay, why_modelled
        Where the fitted decay curve crosses the limit, and the curve; or why it does not.
    extrapolated
        Whether ``modelled`` lies outside the levels.
    """

    cv_limit: float
    level: float | None
    why_level: NotQuantified | None
    modelled: float | None
    decay: Decay | None
    why_modelled: NotQuantified | None
    extrapolated: bool


def quantification_limit(
    level: npt.ArrayLike, cv: npt.ArrayLike, *, cv_limit: float = 0.35, at_least: float | None = None
) -> QuantificationLimit:
    """Limit of quantification: by the rule on tested levels, and by a fitted curve.

    Parameters
    ----------
    level, cv
        (k,) concentrations and the CV at each (ratios), of :func:`precision_profile` or :func:`cv_of_cq`.
    cv_limit
        Largest CV allowed (0.35 in Klymus 2020).
    at_least
        No limit below this concentration is given (the limit of detection, say): a lower level or crossing is raised to it. Above the
        highest level there is none by the rule.

    Raises
    ------
    ValueError
        Levels that are not positive and distinct, CVs that are negative or not finite, or shapes that do not agree.

    Notes
    -----
    The curve is the asymptotic exponential of Klymus 2020 on log10 concentration, least squares over the levels, unweighted:
    profiled over its rate, then polished. It needs four levels and a CV that falls. Where it falls in a straight line, or bends the other
    way, the curve is the straightest of the family (a fiftieth of a decay per decade). Where 95 % of the fall lie between the two lowest
    levels the points do not tell where in between: no crossing is given.
    """
    at, observed = np.asarray(level, dtype=np.float64), np.asarray(cv, dtype=np.float64)
    if at.ndim != 1 or at.shape != observed.shape:
        raise ValueError(f"level and cv must be (k,) both, found {at.shape} and {observed.shape}")
    if not ((at > 0) & np.isfinite(at) & (observed >= 0) & np.isfinite(observed)).all() or len(np.unique(at)) < len(at):
        raise ValueError("levels must be positive and distinct, and CVs finite and not negative")
    if not cv_limit > 0:
        raise ValueError(f"the CV limit must be positive, found {cv_limit}")
    order = np.argsort(at)
    at, observed = at[order], observed[order]
    floor = 0.0 if at_least is None else at_least
    within = np.logical_and.accumulate((observed <= cv_limit)[::-1])[::-1]
    if len(at) and floor > at[-1]:
        within[:] = False
    decay = _decay(np.log10(at), observed) if len(at) >= 4 else None
    modelled: float | None = None
    why: NotQuantified | None = NotQuantified.FEW_LEVELS if len(at) < 4 else NotQuantified.NO_DECAY
    if decay is not None:
        why = NotQuantified.NOT_PRECISE if decay.floor >= cv_limit else None
        if why is None and decay.rate * np.log10(at[1] / at[0]) > _ONE_STEP and cv_at(decay, at[:1])[0] > cv_limit:
            why = NotQuantified.ONE_STEP
    if decay is not None and why is None:
        crossing = 10.0 ** (np.log((decay.at_one - decay.floor) / (cv_limit - decay.floor)) / decay.rate)
        modelled = max(float(crossing), floor)
    return QuantificationLimit(
        cv_limit=cv_limit,
        level=max(float(at[within][0]), floor) if within.any() else None,
        why_level=None if within.any() else NotQuantified.NOT_PRECISE if len(at) else NotQuantified.FEW_LEVELS,
        modelled=modelled,
        decay=decay,
        why_modelled=why,
        extrapolated=modelled is not None and not at[0] <= modelled <= at[-1],
    )


def _decay(x: Floats, cv: Floats) -> Decay | None:
    """Least-squares asymptotic exponential; None where the CV does not fall."""
    from scipy.optimize import least_squares

    first = float(x.min())
    z = x - first

    def linear(rate: float) -> tuple[Floats, float]:
        design = np.stack((np.ones_like(z), np.exp(-rate * z)), axis=1)
        beta = np.linalg.lstsq(design, cv, rcond=None)[0]
        residual = cv - design @ beta
        return beta, float(residual @ residual)

    sums = np.array([linear(rate)[1] for rate in _GRID])
    best = int(sums.argmin())
    beta = linear(float(_GRID[best]))[0]
    if best == 0 or best == len(_GRID) - 1:  # the straightest and the steepest: no better rate lies in between
        return _falling(x, cv, first, float(beta[0]), float(beta[1]), float(_GRID[best]), float(sums[best]))

    def residuals(p: Floats) -> Floats:
        off: Floats = p[0] + p[1] * np.exp(-p[2] * z) - cv
        return off

    def jacobian(p: Floats) -> Floats:
        fall = np.exp(-p[2] * z)
        return np.stack((np.ones_like(z), fall, -p[1] * z * fall), axis=1)

    start = np.array([beta[0], beta[1], _GRID[best]])
    made = least_squares(residuals, start, jac=jacobian, method="lm", xtol=1e-14, ftol=1e-14, gtol=1e-14)
    floor, height, rate = (float(v) for v in made.x)
    return _falling(x, cv, first, floor, height, rate, 2.0 * float(made.cost))


def _falling(
    x: Floats, cv: Floats, first: float, floor: float, height: float, rate: float, squares: float
) -> Decay | None:
    if height <= 1e-9 * float(cv.max()) or rate <= 0:
        return None
    return Decay(
        floor=floor,
        at_one=floor + height * float(np.exp(rate * first)),
        rate=rate,
        residual_sd=float(np.sqrt(squares / (len(x) - 3))),
    )
