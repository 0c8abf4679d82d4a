"""How a covariate enters a model: on the scale of its parameter, or transformed as the plan declares; divided into groups, where it says so."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from correlates.association.settings import Biomarker
from correlates.stats.arrays import Bools, Floats, Ints
from correlates.stats.transforms import Take, defined
from correlates.terms import Reason

GROUPS = {"median": 2, "tertiles": 3, "quartiles": 4}
_STEPS = {
    "log2": "doubling",
    "log10": "tenfold",
    "log": "unit of the natural logarithm",
    "sqrt": "unit of the square root",
}
_MORE = {
    "log2": "doublings",
    "log10": "tenfolds",
    "log": "units of the natural logarithm",
    "sqrt": "units of the square root",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """What a plan declares of a covariate.

    Attributes
    ----------
    take
        ``log``, ``log2``, ``log10``, ``sqrt``, ``standardised`` (per standard deviation), ``as_is``; None: the scale of its parameter.
    per
        Units (after ``take``) that the coefficient is per; 1 when not given.
    cut
        Values at which it is divided, or into how many groups of about equal size; the lowest group is the reference.
    """

    take: Literal["log", "log2", "log10", "sqrt", "standardised", "as_is"] | None = None
    per: float | None = None
    cut: tuple[float, ...] | Literal["median", "tertiles", "quartiles"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What is done to a number: ``take`` of it, then divided by ``per``, or by its standard deviation."""

    take: Take
    standardised: bool
    per: float

    def text(self, unit: str | None) -> str:
        """What a coefficient is per."""
        if self.standardised:
            return "standard deviation"
        if self.take != "as_is":
            return _STEPS[self.take] if self.per == 1.0 else f"{self.per:g} {_MORE[self.take]}"
        if self.per == 1.0:
            return unit or "unit"
        return f"{self.per:g}{' ' + unit if unit else ' units'}"


def scale_of(biomarker: Biomarker, transform: Transform | None) -> Scale:
    """As declared, otherwise the scale of the parameter."""
    take = None if transform is None else transform.take
    if take is None:
        take = {"log2": "log2", "sd": "standardised", "unit": "as_is"}[biomarker.scale]  # type: ignore[assignment]
    per = 1.0 if transform is None or transform.per is None else transform.per
    if take == "standardised" and transform is not None and transform.per is not None:
        take = "as_is"  # a step in units is declared: no standard deviation
    return Scale(take="as_is" if take == "standardised" else take, standardised=take == "standardised", per=per)  # type: ignore[arg-type]


def undefined(values: Floats, biomarker: Biomarker, transform: Transform | None) -> Reason | None:
    """Why the transformation of values (k,) does not exist."""
    if biomarker.kind != "numeric" or (transform is not None and transform.cut is not None):
        return None
    take = scale_of(biomarker, transform).take
    if defined(values, take).all():
        return None
    return Reason.NEGATIVE if take == "sqrt" else Reason.NOT_POSITIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """Groups of a number: ``cuts`` between them, ``names``, ``kept`` those that somebody is in, the lowest first."""

    cuts: tuple[float, ...]
    names: tuple[str, ...]
    kept: tuple[int, ...]

    def group(self, values: Floats) -> Ints:
        """The group of each value (n,); one at a cut belongs below it."""
        return grouped(values, self.cuts)


def grouped(values: Floats, cuts: tuple[float, ...]) -> Ints:
    """The group (n,) of values at the cuts between groups; one at a cut belongs below it."""
    found: Ints = (values[:, None] > np.array(cuts)[None, :]).sum(axis=1)
    return found


def division(values: Floats, there: Bools, cut: tuple[float, ...] | str) -> Division | None:
    """The groups of values (n,), cut where declared or at quantiles (type 7) of those ``there``; None where all are in one."""
    if isinstance(cut, str):
        k = GROUPS[cut]
        at = np.unique(np.quantile(values[there], [j / k for j in range(1, k)]))
    else:
        at = np.array(cut, dtype=np.float64)
    cuts = tuple(float(c) for c in at)
    shown = [f"{c:.4g}" for c in cuts]
    names = (
        f"up to {shown[0]}",
        *(f"{a} to {b}" for a, b in pairwise(shown)),
        f"above {shown[-1]}",
    )
    kept = tuple(np.unique(grouped(values[there], cuts)).tolist())
    return Division(cuts=cuts, names=names, kept=kept) if len(kept) > 1 else None
