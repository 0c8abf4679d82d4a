"""Cellular kinetics: exponential expansion to the peak, then biexponential decline (Stein 2019, CPT-PSP 8:285).

Before the peak, ``f(t) = cmax / foldx * exp(rho t)`` with ``rho = ln(foldx) / tmax``; from the peak on,
``f(t) = cmax ((1 - fb) exp(-alpha (t - tmax)) + fb exp(-beta (t - tmax)))``. The unit of ``f`` is that of ``cmax``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = float | Floats
_STEPS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class KineticCurve:
    """Parameters of the time course, one value or one per subject.

    Attributes
    ----------
    foldx
        Fold expansion from infusion to peak.
    tmax
        Time of the peak (day).
    cmax
        Peak (cells/uL, or copies/ug DNA).
    alpha, beta
        Rates of contraction and of loss of persisting cells (1/day).
    fb
        Share of the peak that persists.
    """

    foldx: Numbers
    tmax: Numbers
    cmax: Numbers
    alpha: Numbers
    fb: Numbers
    beta: Numbers

    def at(self, time: Numbers) -> Floats:
        """The level at ``time`` (day, at least 0); arrays broadcast against the parameters."""
        t = np.asarray(time, dtype=np.float64)
        tmax = np.asarray(self.tmax, dtype=np.float64)
        rising = np.minimum(t, tmax) / tmax
        after = np.maximum(t - tmax, 0.0)
        up = np.power(self.foldx, rising - 1.0)
        down = (1.0 - np.asarray(self.fb)) * np.exp(-np.asarray(self.alpha) * after)
        down = down + self.fb * np.exp(-np.asarray(self.beta) * after)
        return np.asarray(self.cmax * np.where(t < tmax, up, down), dtype=np.float64)

    def auc(self, end: float = 28.0) -> Floats:
        """Area from 0 to ``end``, the integral in closed form (day x unit of ``cmax``).

        Up to the peak ``cmax/foldx (exp(rho t1) - 1) / rho`` with ``t1 = min(end, tmax)``, written with ``expm1`` so
        that it holds for ``foldx`` near 1; from there ``cmax ((1 - fb)(1 - exp(-alpha d))/alpha + fb (1 - exp(-beta d))/beta)``
        with ``d = end - tmax``.
        """
        tmax = np.asarray(self.tmax, dtype=np.float64)
        log_fold = np.log(np.asarray(self.foldx, dtype=np.float64))
        first = np.minimum(end, tmax)
        rho = log_fold / tmax
        with np.errstate(divide="ignore", invalid="ignore"):
            grown = np.where(rho == 0.0, first, np.expm1(rho * first) / rho)
        rest = np.maximum(end - tmax, 0.0)
        fb, alpha, beta = (np.asarray(v, dtype=np.float64) for v in (self.fb, self.alpha, self.beta))
        lost = (1.0 - fb) * -np.expm1(-alpha * rest) / alpha + fb * -np.expm1(-beta * rest) / beta
        return np.asarray(self.cmax * (grown / self.foldx + lost), dtype=np.float64)

    def peak(self, end: Numbers = 28.0) -> Floats:
        """The maximum of the curve from 0 to ``end``: the peak, or the level at ``end`` where the peak comes later."""
        return self.at(np.minimum(np.asarray(self.tmax, dtype=np.float64), end))

    def last_day_above(self, limit: Numbers) -> Floats:
        """The day on which the level falls below ``limit`` for good (day); NaN where it never reaches it.

        The root ``d`` of ``ln((1 - fb) exp(-alpha d) + fb exp(-beta d)) = ln(limit / cmax)``, plus ``tmax``. The left
        side is convex and falls, so that Newton's steps from ``d = 0`` approach the root from below and never pass it.

        Undefined when
            ``limit`` is above ``cmax``.
        """
        cmax, tmax, alpha, beta, fb = (
            np.asarray(v, dtype=np.float64) for v in (self.cmax, self.tmax, self.alpha, self.beta, self.fb)
        )
        level = np.log(np.asarray(limit, dtype=np.float64) / cmax)
        with np.errstate(divide="ignore"):
            fast, slow = np.log1p(-fb), np.log(fb)
        after = np.zeros(np.broadcast(level, tmax, alpha, beta, fb).shape)
        for _ in range(_STEPS):
            first, second = fast - alpha * after, slow - beta * after
            height = np.logaddexp(first, second)
            slope = -(alpha * np.exp(first - height) + beta * np.exp(second - height))
            step = (level - height) / slope
            after = np.maximum(after + step, 0.0)
            if np.all(np.abs(step) <= 1e-12 * (1.0 + after)):
                break
        return np.asarray(np.where(level > 0.0, np.nan, tmax + after), dtype=np.float64)


STEIN_2019 = KineticCurve(foldx=3900.0, tmax=9.3, cmax=24000.0, alpha=0.16, fb=0.0079, beta=0.0032)
"""Typical values of tisagenlecleucel in paediatric B-ALL (copies/ug DNA), Stein 2019 Table 1."""
