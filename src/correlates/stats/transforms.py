"""Transformations of a covariate before it enters a model: logarithms and the square root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from correlates.stats.arrays import Bools, Floats

Take = Literal["as_is", "log", "log2", "log10", "sqrt"]
"""What is taken of a value."""

_FUNCTIONS: Mapping[Take, Callable[[Floats], Floats]] = {
    "as_is": lambda x: x,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "sqrt": np.sqrt,
}


def defined(values: Floats, take: Take) -> Bools:
    """Where the transformation of values (...) exists: above 0 for a logarithm, not below 0 for the square root."""
    if take == "as_is":
        return np.ones(values.shape, dtype=np.bool_)
    return np.asarray(values >= 0 if take == "sqrt" else values > 0, dtype=np.bool_)


def transformed(values: Floats, take: Take) -> Floats:
    """The transformation of values (...); 0 where it does not exist.

    Examples
    --------
    >>> transformed(np.array([4.0, 0.0]), "log2").tolist()
    [2.0, 0.0]
    """
    there = defined(values, take)
    found: Floats = np.where(there, _FUNCTIONS[take](np.where(there, values, 1.0)), 0.0)
    return found
