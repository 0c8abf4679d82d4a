"""Biomarkers cut into groups of about equal size: the groups, their names and bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from correlates.association.notices import Notice
from correlates.association.record import Block, Estimate, Statistic, beyond_one_side, censored, constant, flagged
from correlates.stats.arrays import Floats, Ints
from correlates.stats.ranks import quantiles
from correlates.terms import Reason

NAMES = {
    2: ("low", "high"),
    3: ("lowest third", "middle third", "highest third"),
    4: ("Q1", "Q2", "Q3", "Q4"),
}
CUTS = {"median": 2, "tertiles": 3, "quartiles": 4}
BOUND = Statistic(name="bound", label="Upper bound of the group", unit="own", scopes=("group",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """m biomarkers cut into k groups: ``group`` (m, n), the ``bounds`` (m, k - 1) between them, subjects of each (m, k)."""

    names: tuple[str, ...]
    group: Ints
    bounds: Floats
    sizes: Ints


def names(k: int) -> tuple[str, ...]:
    """Names of k groups, the lowest first."""
    return NAMES.get(k) or tuple(f"group {j + 1} of {k}" for j in range(k))


def cut(block: Block, k: int) -> Groups:
    """Cut at the quantiles (type 7) of the subjects with a value; a value at a bound belongs below it, a censored one counts as its limit."""
    bounds = quantiles(block.values, block.present, tuple(j / k for j in range(1, k)))
    group = (block.values[:, :, None] > np.nan_to_num(bounds)[:, None, :]).sum(axis=2)
    sizes = np.stack([(block.present & (group == j)).sum(axis=1) for j in range(k)], axis=1)
    return Groups(names=names(k), group=group.astype(np.int64), bounds=bounds, sizes=sizes)


def unequal(groups: Groups) -> list[list[Notice]]:
    """Whether ties at a cut make the groups of a biomarker unequal by more than two subjects."""
    spread = groups.sizes.max(axis=1, initial=0) - groups.sizes.min(axis=1, initial=10**9)
    return flagged(spread > 2, Notice.TIES_AT_CUT)


def bound_estimates(groups: Groups) -> list[Estimate]:
    """The upper bound of every group but the highest."""
    return [Estimate(name="bound", level=name, value=groups.bounds[:, j]) for j, name in enumerate(groups.names[:-1])]


def uncut(block: Block) -> tuple[Reason | None, ...]:
    """Why a biomarker cannot be cut: one value only, or nothing but limits of one side, however they differ."""
    beyond = beyond_one_side(block)
    flat = constant(block.values, block.present) | beyond
    limits = (censored(block) > 0) | beyond
    return tuple(
        (Reason.ALL_CENSORED if hit else Reason.CONSTANT) if same else None
        for same, hit in zip(flat.tolist(), limits.tolist(), strict=True)
    )


def one_group(groups: Groups) -> list[Reason | None]:
    """Why the groups cannot be compared: ties at the cut leave everybody in one."""
    return [Reason.NO_GROUPS if few < 2 else None for few in (groups.sizes > 0).sum(axis=1).tolist()]
