"""Columns of a declared model, made of the raw variables after their gaps are filled: variables, splines, products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from correlates.stats.arrays import Floats
from correlates.stats.splines import restricted_cubic


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One column: the product of raw columns ``of``; with ``knots``, column ``part`` of the spline of the first of them."""

    name: str
    of: tuple[int, ...]
    knots: tuple[float, ...] = ()
    part: int = 0


def expand(terms: tuple[Term, ...], raw: Floats) -> Floats:
    """The columns (..., p) of raw values (..., q)."""
    columns = []
    for term in terms:
        first = raw[..., term.of[0]]
        column = restricted_cubic(first, term.knots)[..., term.part] if term.knots else first
        for other in term.of[1:]:
            column = column * raw[..., other]
        columns.append(column)
    return np.stack(columns, axis=-1) if columns else np.empty((*raw.shape[:-1], 0))
