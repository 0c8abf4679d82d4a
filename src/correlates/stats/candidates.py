"""Candidate covariates of a multivariable model: raw values with gaps, filled inside each resample, and the columns made of them.

Every rule that looks at the data (the median a gap is filled with) looks only at the subjects its resample holds, so that a subject left
out for testing teaches the model nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats, Ints, panel, where


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Columns of n subjects by p: ``values`` (0 where absent), ``present``, and ``variable`` (p,) which variable each column belongs to.

    Columns of one variable (the classes of a category but its reference) are absent together, enter and leave together. ``group`` (p,): declared
    groups of columns, for methods that select whole groups; each variable is its own, when not told.
    """

    values: Floats
    present: Bools
    variable: Ints
    group: Ints | None = None

    @property
    def groups(self) -> Ints:
        """The group of each column (p,)."""
        return self.variable if self.group is None else self.group

    @property
    def columns(self) -> int:
        """P."""
        return int(self.values.shape[1])

    def rows(self, at: npt.ArrayLike) -> Candidates:
        """Some of the subjects."""
        index = np.asarray(at)
        return Candidates(
            values=self.values[index], present=self.present[index], variable=self.variable, group=self.group
        )

    def pick(self, at: Ints) -> Candidates:
        """Some of the columns."""
        group = None if self.group is None else self.group[at]
        return Candidates(
            values=self.values[:, at], present=self.present[:, at], variable=self.variable[at], group=group
        )


def candidates(
    values: npt.ArrayLike,
    present: npt.ArrayLike | None = None,
    variable: npt.ArrayLike | None = None,
    group: npt.ArrayLike | None = None,
) -> Candidates:
    """Candidates of values (n, p), checked; each column its own variable, when not told."""
    given, there = panel(values, present)
    number = np.arange(given.shape[1]) if variable is None else np.asarray(variable, dtype=np.int64)
    if number.shape != (given.shape[1],):
        raise ValueError(f"variable must be ({given.shape[1]},), found {number.shape}")
    together = None if group is None else np.asarray(group, dtype=np.int64)
    if together is not None and together.shape != number.shape:
        raise ValueError(f"group must be ({given.shape[1]},), found {together.shape}")
    return Candidates(values=given, present=there, variable=number, group=together)


def fillings(given: Candidates, weight: Floats) -> Floats:
    """What an absent value becomes in each resample (B, p): the weighted median; for a category its most frequent class.

    A column with no value in a resample gets 0, and being constant there does not enter.
    """
    count, p = weight.shape[0], given.columns
    found = np.zeros((count, p))
    sizes = np.bincount(given.variable, minlength=int(given.variable.max(initial=-1)) + 1)
    for variable in np.unique(given.variable):
        at = np.flatnonzero(given.variable == variable)
        if given.present[:, at].all():
            continue
        mass = weight * given.present[:, at[0]]
        if sizes[variable] == 1:
            found[:, at[0]] = _medians(given.values[:, at[0]], mass)
            continue
        classes = mass @ given.values[:, at]
        reference = mass.sum(axis=1) - classes.sum(axis=1)
        best = np.argmax(np.column_stack((reference, classes)), axis=1)
        found[:, at] = best[:, None] == np.arange(1, at.size + 1)
    return found


def _medians(values: Floats, mass: Floats) -> Floats:
    order = np.argsort(values, kind="stable")
    running = np.cumsum(mass[:, order], axis=1)
    total = running[:, -1:]
    half = total / 2.0
    low = (running < half).sum(axis=1)
    high = (running <= half).sum(axis=1)
    last = values.size - 1
    # the next value that counts, where half the mass lies exactly at its upper edge
    ordered = values[order]
    median = (ordered[np.minimum(low, last)] + ordered[np.minimum(high, last)]) / 2.0
    return where(total[:, 0] > 0, median, 0.0)


def filled(given: Candidates, weight: Floats) -> Floats:
    """Values (n, p) when nothing is absent, otherwise (B, n, p) with each resample's own fillings."""
    if given.present.all():
        return given.values
    return where(given.present[None], given.values[None], fillings(given, weight)[:, None, :])
