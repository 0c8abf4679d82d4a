"""Two endpoints of the same patients on one biomarker: stacked estimating equations, batched over a panel.

Each endpoint has its own model, logistic for a binary one and Cox's for a time to an event (:mod:`correlates.stats.joint_sides`); the pair (a0, b0, a1, b1) solves both score equations at once, so the estimates are those of the
two models, and the sandwich of the stacked scores holds how they vary together because the patients are shared: V = A^-1 B A^-1, A the
block-diagonal Fisher information, B = sum u_i u_i'. A patient without one of the endpoints contributes to the other alone.

Small samples: u_i = x_i (y_i - p_i) / (1 - h_i)^k, h_i the leverage. k = 1 is the correction of Mancl and DeRouen, which is HC3; k = 1/2 that
of Kauermann and Carroll, which is HC2; k = 0 the plain sandwich, too small.

Sources: Liang and Zeger, Biometrika 1986;73:13-22. Huber 1967; White, Econometrica 1980;48:817-838. Mancl and DeRouen, Biometrics
2001;57:126-134 (doi:10.1111/j.0006-341X.2001.00126.x). Kauermann and Carroll, JASA 2001;96:1387-1396. Firth, Biometrika 1993;80:27-38.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtr, stdtrit

from correlates.stats.arrays import Bools, Floats, Ints, Words, divide, panel, where
from correlates.stats.joint_sides import Binary, Timed, cox_side, logistic_side
from correlates.stats.logistic_likelihood import batch, maximise

_CHUNK = 1 << 15  # design rows (models x subjects) worked on at a time
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
_PANELS = 8


class Correction(StrEnum):
    """Small-sample correction of the residuals of a sandwich: none, Kauermann-Carroll (HC2), Mancl-DeRouen (HC3)."""

    NONE = "none"
    KAUERMANN_CARROLL = "kauermann_carroll"
    MANCL_DEROUEN = "mancl_derouen"

    @property
    def power(self) -> float:
        """The power of 1 - h by which a residual is divided."""
        return {"none": 0.0, "kauermann_carroll": 0.5, "mancl_derouen": 1.0}[self.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class JointScreen:
    """Two logistic models of each of m biomarkers, endpoint 0 and endpoint 1.

    ``intercept``, ``coefficient``, ``lower``, ``upper``, ``p_value`` (m, 2): Firth's estimate per unit of x, profile limits and P of the
    penalised likelihood ratio, endpoint by endpoint. ``covariance`` (m, 4, 4) is the sandwich of (a0, b0, a1, b1).

    ``difference`` (m,) is b0 - b1, with standard error, limits and P of the test that it is 0 (t with n - 2 degrees of freedom, n the
    patients with either endpoint).
    ``outside`` (m, 2) is the P of the test that the effect lies beyond the margin: small says that it is within (equivalence, the larger
    of two one-sided tests by the signed root of the penalised likelihood ratio). NaN without margin.
    ``n``, ``n_events`` (m, 2); ``n_shared`` (m,) patients with both endpoints. ``separation`` (m, 2). ``converged`` (m,) of both models;
    where false everything is NaN.
    """

    intercept: Floats
    coefficient: Floats
    lower: Floats
    upper: Floats
    p_value: Floats
    covariance: Floats
    difference: Floats
    difference_error: Floats
    difference_lower: Floats
    difference_upper: Floats
    difference_p: Floats
    outside: Floats
    n: Ints
    n_events: Ints
    n_shared: Ints
    separation: Words
    converged: Bools

    def slopes(self) -> Floats:
        """Covariance (m, 2, 2) of the two slopes."""
        found: Floats = self.covariance[:, 1::2, 1::2]
        return found


def joint_logistic(
    x: npt.ArrayLike,
    outcomes: npt.ArrayLike,
    present: npt.ArrayLike | None = None,
    *,
    known: npt.ArrayLike | None = None,
    margin: float | None = None,
    correction: Correction | str = Correction.MANCL_DEROUEN,
    level: float = 0.95,
) -> JointScreen:
    """Effect of each biomarker of a panel on two endpoints of the same patients.

    Parameters
    ----------
    x
        (m, n) biomarkers by patients, on the scale of the odds ratios wanted.
    outcomes
        (2, n) true for an event.
    present
        (m, n) which values are there; all, when not given.
    known
        (2, n) whose outcome is known; all, when not given. The others are never looked at.
    margin
        Log odds ratio (above 0) within which an effect counts as none.
    correction, level
        Of the sandwich; of all limits.

    Notes
    -----
    With separation Firth's estimates and profile limits are finite, and so are p_i: the sandwich is defined, but normal theory is
    poor there, and ``separation`` says so. Undefined (NaN): a constant biomarker, an endpoint with one class among the patients with
    the biomarker, fewer than three patients in a model.

    Examples
    --------
    >>> x = [0.0, 1, 2, 3, 4, 5, 6, 7]
    >>> fit = joint_logistic(x, [[0, 0, 1, 0, 1, 1, 0, 1], [0, 1, 0, 0, 1, 0, 1, 0]])
    >>> [round(float(v), 3) for v in (*fit.coefficient[0], fit.difference[0])]
    [0.308, 0.037, 0.271]
    """
    values, there = panel(x, present)
    events, counted = _outcomes(outcomes, known, values.shape[1])
    ends = [Binary(event=events[k], known=counted[k]) for k in (0, 1)]
    return joint_effects(values, ends, there, margin=margin, correction=correction, level=level)


def joint_effects(
    x: npt.ArrayLike,
    endpoints: Sequence[Binary | Timed],
    present: npt.ArrayLike | None = None,
    *,
    margin: float | None = None,
    correction: Correction | str = Correction.MANCL_DEROUEN,
    level: float = 0.95,
) -> JointScreen:
    """Effect of each biomarker of a panel on two endpoints of the same patients, each binary or a time to an event.

    Parameters
    ----------
    x, present, margin, correction, level
        As for :func:`joint_logistic`; the margin is a log odds ratio or a log hazard ratio.
    endpoints
        The two.

    Notes
    -----
    Of a time to an event the estimating equation is the score of Cox's partial likelihood, whose residuals are Lin and Wei's: the sandwich
    is that of their robust variance, and the covariance with the other endpoint the sum of the products of both influences.
    """
    values, there = panel(x, present)
    n = values.shape[1]
    if len(endpoints) != 2 or any(e.event.shape != (n,) or e.known.shape != (n,) for e in endpoints):
        raise ValueError(f"two endpoints of {n} patients are needed")
    if margin is not None and not margin > 0:
        raise ValueError(f"margin must be above 0, found {margin}")
    power = Correction(correction).power
    sides = [
        logistic_side(values, there, e, power=power, margin=margin, level=level)
        if isinstance(e, Binary)
        else cox_side(values, there, e, power=power, margin=margin, level=level)
        for e in endpoints
    ]
    fine: Bools = np.asarray(sides[0].converged & sides[1].converged, dtype=np.bool_)

    def both(name: str) -> Floats:
        return where(fine[:, None], np.stack([getattr(side, name) for side in sides], axis=1), np.nan)

    coefficient = both("coefficient")
    stacked = np.concatenate([side.influence for side in sides], axis=1)  # (m, 4, n)
    covariance = where(fine[:, None, None], stacked @ np.swapaxes(stacked, 1, 2), np.nan)
    counted = np.stack([e.known for e in endpoints])
    either = (there & counted.any(axis=0)).sum(axis=1)
    difference = coefficient[:, 0] - coefficient[:, 1]
    error = np.sqrt(covariance[:, 1, 1] + covariance[:, 3, 3] - 2.0 * covariance[:, 1, 3])
    df = where(fine, either - 2.0, 1.0)
    reach = stdtrit(df, 0.5 + level / 2.0) * error
    ratio = np.abs(divide(difference, error))
    return JointScreen(
        intercept=both("intercept"),
        coefficient=coefficient,
        lower=both("lower"),
        upper=both("upper"),
        p_value=both("p_value"),
        covariance=covariance,
        difference=difference,
        difference_error=error,
        difference_lower=difference - reach,
        difference_upper=difference + reach,
        difference_p=where(np.isfinite(ratio), 2.0 * stdtr(df, -where(np.isfinite(ratio), ratio, 0.0)), np.nan),
        outside=both("outside"),
        n=np.stack([side.n for side in sides], axis=1),
        n_events=np.stack([side.n_events for side in sides], axis=1),
        n_shared=(there & counted.all(axis=0)).sum(axis=1),
        separation=np.stack([side.separation for side in sides], axis=1),
        converged=fine,
    )


def _outcomes(outcomes: npt.ArrayLike, known: npt.ArrayLike | None, n: int) -> tuple[Bools, Bools]:
    counted = np.ones((2, n), dtype=np.bool_) if known is None else np.asarray(known, dtype=np.bool_)
    given = np.asarray(outcomes)
    if given.shape != (2, n) or counted.shape != (2, n):
        raise ValueError(f"outcomes and known must be (2, {n}), found {given.shape} and {counted.shape}")
    if not np.isin(given[counted], (0, 1)).all():
        raise ValueError("outcomes must be boolean, or 0 and 1")
    return np.where(counted, given, 0).astype(np.bool_), counted


def normal_rectangle(mean: Floats, covariance: Floats, low: npt.ArrayLike, high: npt.ArrayLike) -> Floats:
    """Probability (m,) that a bivariate normal lies between low and high (2,) in both coordinates; infinite ends are allowed.

    Parameters
    ----------
    mean, covariance
        (m, 2) and (m, 2, 2).

    Notes
    -----
    P = integral over u of phi(u) [Phi((b - r u) / s) - Phi((a - r u) / s)], r the correlation and s = sqrt(1 - r^2), by 8 panels of
    20-point Gauss-Legendre within 9 standard deviations. Correlations are held within .9999.
    """
    error = np.sqrt(np.stack((covariance[:, 0, 0], covariance[:, 1, 1]), axis=1))
    correlation = np.clip(covariance[:, 0, 1] / (error[:, 0] * error[:, 1]), -0.9999, 0.9999)
    a = (np.asarray(low, dtype=np.float64) - mean) / error
    b = (np.asarray(high, dtype=np.float64) - mean) / error
    first, last = np.clip(a[:, 0], -9.0, 9.0), np.clip(b[:, 0], -9.0, 9.0)
    panels = np.concatenate([(_NODES + 1.0 + 2.0 * k) / (2.0 * _PANELS) for k in range(_PANELS)])
    u = first[:, None] + (last - first)[:, None] * panels
    rest = np.sqrt(1.0 - correlation**2)[:, None]
    inner = ndtr((b[:, 1:] - correlation[:, None] * u) / rest) - ndtr((a[:, 1:] - correlation[:, None] * u) / rest)
    density = np.exp(-(u**2) / 2.0) / np.sqrt(2.0 * np.pi)
    total: Floats = (density * inner * np.tile(_WEIGHTS / (2.0 * _PANELS), _PANELS)).sum(axis=1) * (last - first)
    return total


def joint_bootstrap(
    x: npt.ArrayLike, outcomes: npt.ArrayLike, known: npt.ArrayLike | None = None, *, replicates: int, seed: int
) -> Floats:
    """Estimates (replicates, 4) of a0, b0, a1, b1 of one biomarker in patients drawn with replacement.

    Parameters
    ----------
    x
        (n,) the biomarker; a patient without it is left out before.
    outcomes, known
        (2, n) as for :func:`joint_logistic`.
    replicates, seed
        How many, and the seed of their generator.

    Notes
    -----
    A patient is drawn with both endpoints. A replicate in which an endpoint has one class, or no maximum was reached, is NaN.
    """
    values, _ = panel(x)
    n = values.shape[1]
    events, counted = _outcomes(outcomes, known, n)
    drawn = np.random.default_rng(seed).integers(0, n, (replicates, n))
    centre, spread = values.mean(), values.std()
    if not spread > 0:
        return np.full((replicates, 4), np.nan)
    scaled = (values[0] - centre) / spread
    found = np.full((replicates, 4), np.nan)
    step = max(1, 4 * _CHUNK // max(n, 1))
    for first in range(0, replicates, step):
        at = drawn[first : first + step]
        design = np.stack((np.ones(at.shape), scaled[at]), axis=2)
        for k in (0, 1):
            y, weight = events[k][at].astype(np.float64), counted[k][at].astype(np.float64)
            models = batch(design, y, weight, firth=True)
            top = maximise(models, np.zeros((at.shape[0], 2)), np.ones(2, dtype=np.bool_))
            happened = (y * weight).sum(axis=1)
            fine = top.converged & (happened > 0) & (happened < weight.sum(axis=1))
            slope = top.beta[:, 1] / spread
            found[first : first + step, 2 * k] = where(fine, top.beta[:, 0] - slope * centre, np.nan)
            found[first : first + step, 2 * k + 1] = where(fine, slope, np.nan)
    found[np.isnan(found).any(axis=1)] = np.nan
    return found
