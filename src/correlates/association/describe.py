"""What is told of each class beside a test: subjects, censored values, median and quartiles, and the share censored."""

from __future__ import annotations

import numpy as np

from correlates.association.notices import Notice
from correlates.association.record import Block, Estimate, Statistic, censored, flagged
from correlates.stats.arrays import Floats, divide, where
from correlates.stats.ranks import quantiles

COUNTS = (
    Statistic(name="n", label="Subjects", scopes=("group",)),
    Statistic(name="n_censored", label="Subjects with a censored value", scopes=("group",)),
)
QUARTILES = (
    Statistic(name="median", label="Median", unit="own", scopes=("group",)),
    Statistic(name="q1", label="First quartile", unit="own", scopes=("group",)),
    Statistic(name="q3", label="Third quartile", unit="own", scopes=("group",)),
)
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


def quartiles(block: Block, ranked: Floats) -> list[Estimate]:
    """Median and quartiles of each class; a quantile at a limit of quantification is marked as a bound."""
    floor = np.max(where(block.present & (block.censoring < 0), ranked, -np.inf), axis=1, initial=-np.inf)
    ceiling = np.min(where(block.present & (block.censoring > 0), ranked, np.inf), axis=1, initial=np.inf)
    found = []
    for number, level in enumerate(block.levels):
        members = block.members(number)
        n, cut = members.sum(axis=1), (members & (block.censoring != 0)).sum(axis=1)
        three = quantiles(ranked, members, (0.5, 0.25, 0.75))
        for column, name in enumerate(("median", "q1", "q3")):
            value = three[:, column]
            bound = (value <= floor) | (value >= ceiling)
            notices = flagged(bound, Notice.AT_LIMIT)
            found.append(Estimate(name=name, level=level, value=value, n=n, n_censored=cut, notices=notices))
    return found


def share(block: Block) -> list[Estimate]:
    """Share of the values that are censored."""
    return [Estimate(name="share_censored", value=divide(censored(block), block.present.sum(axis=1)))]
