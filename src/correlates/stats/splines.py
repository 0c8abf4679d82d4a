"""Restricted cubic splines: smooth, and straight beyond the outer knots.

Source: Harrell, Regression Modeling Strategies, 2nd ed. 2015, section 2.4.5 (basis, divided by the squared distance of the outer knots)
and table 2.3 (quantiles at which the knots stand).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Floats

QUANTILES = {
    3: (0.10, 0.50, 0.90),
    4: (0.05, 0.35, 0.65, 0.95),
    5: (0.05, 0.275, 0.50, 0.725, 0.95),
    6: (0.05, 0.23, 0.41, 0.59, 0.77, 0.95),
    7: (0.025, 0.1833, 0.3417, 0.50, 0.6583, 0.8167, 0.975),
}
"""By number of knots: where they stand."""


def knots(x: npt.ArrayLike, count: int) -> tuple[float, ...]:
    """Knots at Harrell's quantiles of the values (n,).

    Raises
    ------
    ValueError
        A number of knots that is not 3 to 7, or values so tied that two knots fall together.
    """
    if count not in QUANTILES:
        raise ValueError(f"a spline has 3 to 7 knots, found {count}")
    at = np.quantile(np.asarray(x, dtype=np.float64), QUANTILES[count])
    if not (np.diff(at) > 0).all():
        raise ValueError(f"the values are too tied for {count} knots")
    return tuple(float(v) for v in at)


def restricted_cubic(x: npt.ArrayLike, at: tuple[float, ...]) -> Floats:
    """The basis (..., k - 1) of values (...) for k knots: x itself, then k - 2 columns that are 0 below the first knot.

    Examples
    --------
    >>> restricted_cubic([0.0, 1.0, 2.0, 4.0], (0.0, 1.0, 2.0)).round(3).tolist()
    [[0.0, 0.0], [1.0, 0.25], [2.0, 1.5], [4.0, 4.5]]
    """
    values = np.asarray(x, dtype=np.float64)
    t = np.asarray(at, dtype=np.float64)
    last, before = t[-1], t[-2]
    columns = [values]
    for knot in t[:-2]:
        part = (
            np.maximum(values - knot, 0.0) ** 3
            - np.maximum(values - before, 0.0) ** 3 * (last - knot) / (last - before)
            + np.maximum(values - last, 0.0) ** 3 * (before - knot) / (last - before)
        )
        columns.append(part / (last - t[0]) ** 2)
    return np.stack(columns, axis=-1)
