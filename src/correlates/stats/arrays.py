"""The shape contract of the batched kernels: biomarkers by subjects, with a mask of the values that are there."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.str_]


def panel(x: npt.ArrayLike, present: npt.ArrayLike | None = None) -> tuple[Floats, Bools]:
    """A panel of biomarkers, checked.

    Parameters
    ----------
    x
        (m, n) biomarkers by subjects, or (n,) for one biomarker.
    present
        Mask of the same shape: which values are there. The others are never looked at. All, when not given.

    Returns
    -------
    values, present
        Both (m, n); values that are not present are 0.

    Raises
    ------
    ValueError
        A present value is NaN or infinite, or the shapes do not agree. An infinite concentration is an error of the step before,
        not a large value.
    """
    values = np.atleast_2d(np.asarray(x, dtype=np.float64))
    there = (
        np.ones(values.shape, dtype=np.bool_) if present is None else np.atleast_2d(np.asarray(present, dtype=np.bool_))
    )
    if values.ndim != 2 or there.shape != values.shape:
        raise ValueError(f"x must be (m, n) and present of the same shape, found {values.shape} and {there.shape}")
    values = np.where(there, values, 0.0)
    if not np.isfinite(values).all():
        raise ValueError("x holds NaN or infinity among its present values")
    return values, there


def membership(group: npt.ArrayLike, n: int) -> Bools:
    """Two groups as a mask (n,): true for the first group (cases, events), false for the second."""
    cases = np.asarray(group)
    if cases.shape != (n,):
        raise ValueError(f"group must be ({n},), found {cases.shape}")
    if cases.dtype != np.bool_:
        if not np.isin(cases, (0, 1)).all():
            raise ValueError("group must be boolean, or 0 and 1")
        cases = cases.astype(np.bool_)
    return cases


def where(condition: npt.ArrayLike, this: npt.ArrayLike, other: npt.ArrayLike) -> Floats:
    """``numpy.where`` for floats."""
    chosen: Any = np.where(condition, this, other)
    return np.asarray(chosen, dtype=np.float64)


def divide(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Floats:
    """Quotient; NaN where the denominator is zero."""
    a, b = np.broadcast_arrays(np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64))
    quotient: Floats = np.divide(a, b, out=np.full(a.shape, np.nan), where=b != 0)
    return quotient
