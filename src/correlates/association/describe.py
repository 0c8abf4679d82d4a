"""What is told of each class beside a test: subjects, censored values, median and quartiles, and the share censored."""

from __future__ import annotations

import numpy as np

from correlates.association.notices import Notice
from correlates.association.record import Block, Estimate, Statistic, censored, flagged
from correlates.stats.arrays import Bools, divide
from correlates.stats.ranks import quantiles, undetermined

COUNTS = (
    Statistic(name="n", label="Subjects", scopes=("group",)),
    Statistic(name="n_censored", label="Subjects with a censored value", scopes=("group",)),
)
QUARTILES = (
    Statistic(name="median", label="Median", unit="own", scopes=("group",)),
    Statistic(name="q1", label="First quartile", unit="own", scopes=("group",)),
    Statistic(name="q3", label="Third quartile", unit="own", scopes=("group",)),
)
_AT = (0.5, 0.25, 0.75)
SHARE = (Statistic(name="share_censored", label="Share of values censored"),)


def counts(block: Block) -> list[Estimate]:
    """Subjects and censored values of each class."""
    found = []
    for number, level in enumerate(block.levels):
        members = block.members(number)
        n, cut = members.sum(axis=1), (members & (block.censoring != 0)).sum(axis=1)
        found += [
            Estimate(name="n", level=level, value=n.astype(np.float64), n=n, n_censored=cut),
            Estimate(name="n_censored", level=level, value=cut.astype(np.float64), n=n, n_censored=cut),
        ]
    return found


def quartiles(block: Block) -> tuple[list[Estimate], dict[str, Bools]]:
    """Median and quartiles of each class, and for which biomarkers the median is known by class.

    A censored value counts as its limit; a quantile that depends on where it really lies is marked as a bound.
    """
    found: list[Estimate] = []
    known: dict[str, Bools] = {}
    for number, level in enumerate(block.levels):
        members = block.members(number)
        n, cut = members.sum(axis=1), (members & (block.censoring != 0)).sum(axis=1)
        three = quantiles(block.values, members, _AT)
        open_ = undetermined(block.values, members, block.censoring, _AT)
        known[level] = ~open_[:, 0]
        for column, name in enumerate(("median", "q1", "q3")):
            notices = flagged(open_[:, column], Notice.AT_LIMIT)
            found.append(Estimate(name=name, level=level, value=three[:, column], n=n, n_censored=cut, notices=notices))
    return found, known


def share(block: Block) -> list[Estimate]:
    """Share of the values that are censored."""
    return [Estimate(name="share_censored", value=divide(censored(block), block.present.sum(axis=1)))]
