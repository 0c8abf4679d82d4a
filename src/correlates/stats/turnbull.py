"""Distribution of a time that is only known to lie in an interval: Turnbull's nonparametric maximum likelihood estimate.

Sources: Turnbull BW. J R Stat Soc B 1976;38:290-295. Gentleman R, Geyer CJ. Biometrika 1994;81:618-623 (the conditions that tell the
maximum). Intervals of confidence by the bootstrap over subjects.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats

_STEPS = 20_000
GAP = 1e-7
"""Largest gradient of the mean log-likelihood towards any interval at which the estimate counts as the maximum."""

_DRAW_GAP = 1e-4  # for the draws of the bootstrap, whose own scatter is far larger


@dataclass(frozen=True, slots=True, kw_only=True)
class Turnbull:
    """The estimate on its k innermost intervals, in the order of time; every array is (k,) unless said otherwise.

    Attributes
    ----------
    lower, upper
        The intervals ``(lower, upper]`` that may carry mass; upper is infinite where the event may never come.
    mass
        The probability of each. Where in its interval it lies, the data do not say.
    after
        Probability that the event comes later than ``upper``: 1 minus the masses so far.
    after_lower, after_upper
        Its limits of confidence, NaN without draws.
    gap
        How far from the maximum: largest gradient of the mean log-likelihood towards an interval.
    converged
        Whether ``gap`` is at most 1e-7.
    n
        Subjects.
    """

    lower: Floats
    upper: Floats
    mass: Floats
    after: Floats
    after_lower: Floats
    after_upper: Floats
    gap: float
    converged: bool
    n: int


def innermost(lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """The intervals that may carry mass: from a lower end to the next upper end, no other end between.

    At one time upper ends stand before lower ends, because intervals are open on the left.
    """
    ends = [(float(t), 1) for t in np.unique(lower)] + [(float(t), 0) for t in np.unique(upper)]
    ends.sort()
    found = [(a[0], b[0]) for a, b in pairwise(ends) if a[1] == 1 and b[1] == 0]
    return np.array([a for a, _ in found]), np.array([b for _, b in found])


def _fit(covers: Floats, weight: Floats, gap: float) -> tuple[Floats, Floats]:
    """Self-consistent masses of w weightings at once: covers (n, k), weight (w, n) with sums of 1; masses (w, k), gaps (w,)."""
    w, k = weight.shape[0], covers.shape[1]
    mass = np.full((w, k), 1.0 / k)
    gaps = np.full(w, np.inf)
    active = np.arange(w)
    for _ in range(_STEPS):
        chance = mass[active] @ covers.T
        gradient = np.divide(weight[active], chance, out=np.zeros(chance.shape), where=weight[active] > 0) @ covers
        gaps[active] = gradient.max(axis=1) - 1.0
        open_ = gaps[active] > gap
        if not open_.any():
            break
        active, gradient = active[open_], gradient[open_]
        mass[active] *= gradient
    return mass, gaps


def _beyond_each(mass: Floats) -> Floats:
    """Probability beyond each interval: the masses of those after it, (w, k)."""
    later = np.cumsum(mass[:, ::-1], axis=1)[:, ::-1] - mass
    return np.asarray(np.clip(later, 0.0, 1.0))


def turnbull(
    lower: npt.ArrayLike, upper: npt.ArrayLike, *, level: float = 0.95, draws: int = 0, seed: int = 0
) -> Turnbull:
    r"""Estimate the distribution of a time from intervals that hold it.

    Parameters
    ----------
    lower, upper
        The time of each subject lies in ``(lower, upper]``, (n,); upper is infinite where it was not seen to come.
    level
        Of the intervals of confidence.
    draws
        Draws of the bootstrap over subjects; none gives no intervals.
    seed
        Of the draws.

    Returns
    -------
    Turnbull

    Raises
    ------
    ValueError
        An interval is empty, or an end is not a number.

    Notes
    -----
    Self-consistency, ``p_j = mean_i [a_ij p_j / sum_k a_ik p_k]``, until no interval has a gradient above 1 by more than 1e-7: then the
    estimate is the maximum (Gentleman and Geyer). Without subjects every array is empty.

    The intervals of confidence are percentiles of the bootstrap. The estimate converges slowly where visits are irregular, and the
    percentiles are then approximate; with common visits it is a multinomial and they are not.
    """
    left, right = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
    if left.shape != right.shape or left.ndim != 1:
        raise ValueError(f"lower and upper must be (n,), found {left.shape} and {right.shape}")
    if not (left < right).all() or not np.isfinite(left).all():
        raise ValueError("every interval must begin before it ends, at a finite time")
    n = left.size
    if n == 0:
        nothing = np.zeros(0)
        return Turnbull(
            lower=nothing,
            upper=nothing,
            mass=nothing,
            after=nothing,
            after_lower=nothing,
            after_upper=nothing,
            gap=0.0,
            converged=True,
            n=0,
        )
    begins, ends = innermost(left, right)
    pairs, place, count = np.unique(np.stack([left, right], axis=1), axis=0, return_inverse=True, return_counts=True)
    covers = ((pairs[:, :1] <= begins) & (ends <= pairs[:, 1:])).astype(np.float64)
    mass, gaps = _fit(covers, count[None, :] / n, GAP)
    after = _beyond_each(mass)[0]
    low = high = np.full(begins.size, np.nan)
    if draws:
        rng = np.random.default_rng(seed)
        drawn = rng.multinomial(n, np.full(n, 1.0 / n), size=draws)
        member: Bools = place.ravel()[:, None] == np.arange(len(pairs))[None, :]
        redrawn, _ = _fit(covers, (drawn @ member) / n, _DRAW_GAP)
        over = _beyond_each(redrawn)
        low, high = np.quantile(over, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return Turnbull(
        lower=begins,
        upper=ends,
        mass=mass[0],
        after=after,
        after_lower=low,
        after_upper=high,
        gap=float(gaps[0]),
        converged=bool(gaps[0] <= GAP),
        n=n,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """Probability that the time lies beyond given times; every array has their shape.

    ``low`` and ``high`` bound it: they differ inside an interval that carries mass. ``lower`` and ``upper`` are the limits of
    confidence of the two, NaN without draws.
    """

    low: Floats
    high: Floats
    lower: Floats
    upper: Floats


def beyond(found: Turnbull, times: npt.ArrayLike) -> Beyond:
    """The estimate at given times (see :class:`Beyond`)."""
    t = np.atleast_1d(np.asarray(times, dtype=np.float64))
    over = np.concatenate([[1.0], found.after])
    over_low, over_high = np.concatenate([[1.0], found.after_lower]), np.concatenate([[1.0], found.after_upper])
    passed = (found.upper[None, :] <= t[:, None]).sum(axis=1)  # intervals that lie wholly before
    begun = (found.lower[None, :] < t[:, None]).sum(axis=1)  # intervals that have begun
    return Beyond(low=over[begun], high=over[passed], lower=over_low[begun], upper=over_high[passed])
