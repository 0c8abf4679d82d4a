"""Quantification cycle of an amplification curve: the cycle at which the second derivative of the fitted sigmoid is largest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from correlates.stats.arrays import Bools, Floats
from correlates.stats.logistic_curve import fit_logistic

_STEP = 0.01  # cycles between the points at which the second derivative is compared; then refined by a parabola
_LATE = 3.0  # cycles after the last one within which the maximum may lie and is still not a Cq


@dataclass(frozen=True, slots=True, kw_only=True)
class Amplification:
    """What m amplification curves say.

    Attributes
    ----------
    cq
        (m,) quantification cycle; NaN where the reaction did not amplify.
    rise
        (m,) height of the sigmoid over its foot, in the unit of the fluorescence.
    residual_sd
        (m,) residual standard deviation of the fit.
    amplified
        (m,) whether the sigmoid rises by more than ``least_rise`` residual standard deviations within the cycles run.
    """

    cq: Floats
    rise: Floats
    residual_sd: Floats
    amplified: Bools


def quantification_cycle(
    cycle: Floats, fluorescence: Floats, present: Bools, *, skip: int = 2, least_rise: float = 20.0
) -> Amplification:
    """Quantification cycles of m reactions.

    Parameters
    ----------
    cycle, fluorescence
        (m, k) cycles and fluorescence (background not subtracted; the foot of the sigmoid is the baseline), padded at the end.
    present
        (m, k) false where padded.
    skip
        Cycles at the start that are left out: the first readings of most instruments drift.
    least_rise
        Residual standard deviations the sigmoid must rise by for the reaction to have amplified.

    Raises
    ------
    ValueError
        Shapes that do not agree, or NaN among the present values.

    Notes
    -----
    The sigmoid is f(x) = d + (a - d) / (1 + exp(b (x - e)))^g, a five-parameter logistic in the cycle x. With
    s = 1 / (1 + exp(-b (x - e))), f''(x) = (d - a) g b^2 s ((1 - s) - g s) / (1 + exp(b (x - e)))^g. Cq is where f'' is largest
    (Spiess, Feig and Ritz 2008, BMC Bioinformatics 9:221: "cpD2").

    Undefined when fewer than eight cycles are present, when the fit does not settle, or when the maximum lies outside the cycles
    run: the reaction counts as not amplified.
    """
    x, y, there = (np.asarray(v) for v in (cycle, fluorescence, present))
    if x.ndim != 2 or not x.shape == y.shape == there.shape:
        raise ValueError(f"all must be (m, k), found {x.shape}, {y.shape} and {there.shape}")
    if np.isnan(x[there]).any() or np.isnan(y[there]).any():
        raise ValueError("a cycle or a fluorescence is NaN")
    first = np.min(np.where(there, x, np.inf), axis=1, initial=np.inf)
    last = np.max(np.where(there, x, -np.inf), axis=1, initial=-np.inf)
    used = there & (x >= first[:, None] + skip)
    enough = used.sum(axis=1) >= 8
    safe_x, safe_y = np.where(used, x, 1.0), np.where(used, y, 1.0)
    fit = fit_logistic(np.exp(safe_x), safe_y, used & enough[:, None], model="5PL", weight="none", family="positive")
    rise = fit.parameters[:, 3] - fit.parameters[:, 0]
    top = np.array([_steepening(p, low, high) for p, low, high in zip(fit.parameters, first, last, strict=True)])
    with np.errstate(invalid="ignore"):
        amplified = enough & fit.converged & (rise > least_rise * fit.sigma) & (top > first + skip) & (top < last)
    return Amplification(
        cq=np.where(amplified, top, np.nan),
        rise=np.asarray(rise, dtype=np.float64),
        residual_sd=np.asarray(fit.sigma, dtype=np.float64),
        amplified=np.asarray(amplified, dtype=np.bool_),
    )


def _steepening(parameters: Floats, low: float, high: float) -> float:
    """The cycle at which the second derivative is largest; NaN without a curve."""
    if not np.isfinite(parameters).all() or not np.isfinite(low + high):
        return np.nan
    a, b, c, d, g = parameters
    grid = np.arange(low, high + _LATE, _STEP)
    z = b * (grid - np.log(c))
    s = 1.0 / (1.0 + np.exp(-np.clip(z, -700.0, 700.0)))
    bend = (d - a) * np.exp(-g * np.logaddexp(0.0, z)) * s * ((1.0 - s) - g * s)
    at = int(np.argmax(bend))
    if not 0 < at < len(grid) - 1:
        return float(grid[at])
    before, here, after = bend[at - 1], bend[at], bend[at + 1]
    return float(grid[at] + 0.5 * _STEP * (before - after) / (before - 2.0 * here + after))
