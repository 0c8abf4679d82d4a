"""Control charts over runs: limits from the runs themselves or established ones, and the rules that flag a run.

The values are on the scale on which the errors are even: logarithms of quantities.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats

__all__ = ["FEWEST", "ControlChart", "control_chart", "largest_z"]

FEWEST = 3
"""Runs below which no limits are drawn from the runs themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlChart:
    """A control over its runs; every array is (n,), in the order of the runs.

    Attributes
    ----------
    centre, sd
        Mean and standard deviation of the limits; None where there are none.
    z
        (value - centre) / sd; empty where there are no limits.
    beyond_2s
        Warning 1_2s: beyond 2 SD.
    beyond_3s
        Rule 1_3s: beyond 3 SD.
    two_beyond_2s
        Rule 2_2s: this and a neighbouring run beyond 2 SD on the same side.
    largest_z
        Largest |z| that can occur; None where the limits were given and there is no bound.
    """

    n: int
    centre: float | None
    sd: float | None
    z: Floats
    beyond_2s: Bools
    beyond_3s: Bools
    two_beyond_2s: Bools
    largest_z: float | None


def control_chart(values: npt.ArrayLike, *, centre: float | None = None, sd: float | None = None) -> ControlChart:
    """Judge a control over its runs.

    Parameters
    ----------
    values
        One value per run, shape (n,), in the order of the runs, on the scale on which errors are even.
    centre, sd
        Established limits; without them mean and SD (n - 1) of the values.

    Raises
    ------
    ValueError
        The values are not (n,) or not finite, or one of centre and sd is given without the other.

    Notes
    -----
    Undefined for fewer than three runs, or runs that do not vary, where no limits are given. Limits from the same n runs
    cannot flag everything: |z| is at most (n - 1)/sqrt(n) (Shiffler 1988, Am Stat 42:79), so that 1_3s needs eleven runs.
    Rules: Westgard JO et al. 1981, Clin Chem 27:493. Charts: Levey S, Jennings ER 1950, Am J Clin Pathol 20:1059.
    """
    y = np.asarray(values, dtype=np.float64)
    if y.ndim != 1 or not np.isfinite(y).all():
        raise ValueError("values must be (n,) and finite")
    if (centre is None) != (sd is None):
        raise ValueError("centre and sd are given together or not at all")
    given = centre is not None
    n = len(y)
    if not given and n >= FEWEST and np.ptp(y) > 0:
        centre, sd = float(y.mean()), float(y.std(ddof=1))
    none = np.zeros(n, dtype=np.bool_)
    if centre is None or sd is None or not sd > 0:
        return ControlChart(
            n=n,
            centre=None,
            sd=None,
            z=np.empty(0),
            beyond_2s=none,
            beyond_3s=none,
            two_beyond_2s=none,
            largest_z=None,
        )
    z = (y - centre) / sd
    pairs = np.zeros(n, dtype=np.bool_)
    for side in (1.0, -1.0):
        beyond = side * z > 2.0
        both = beyond[1:] & beyond[:-1]
        pairs[1:] |= both
        pairs[:-1] |= both
    return ControlChart(
        n=n,
        centre=centre,
        sd=sd,
        z=z,
        beyond_2s=np.abs(z) > 2.0,
        beyond_3s=np.abs(z) > 3.0,
        two_beyond_2s=pairs,
        largest_z=None if given else largest_z(n),
    )


def largest_z(n: int) -> float:
    """Largest |z| among n values whose mean and SD are their own: (n - 1)/sqrt(n).

    Examples
    --------
    >>> round(largest_z(10), 3), round(largest_z(11), 3)
    (2.846, 3.015)
    """
    return (n - 1) / math.sqrt(n)
