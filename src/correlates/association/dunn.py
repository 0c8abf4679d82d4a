"""Method ``dunn``: Kruskal-Wallis with pairs of classes compared on the ranks of all classes together."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from correlates.association.describe import COUNTS, SHARE, counts, share
from correlates.association.kruskal_wallis import pair_level
from correlates.association.notices import Notice
from correlates.association.record import Block, Estimate, Method, Outcome, Statistic, flagged
from correlates.association.settings import Univariable
from correlates.association.wilcoxon import unrankable
from correlates.stats.dunn import dunn
from correlates.stats.kruskal import kruskal_wallis
from correlates.stats.multiplicity import adjust
from correlates.terms import OutcomeKind


def _compute(block: Block, analysis: Univariable) -> Outcome:
    m, k = len(block.biomarkers), len(block.levels)
    overall = kruskal_wallis(block.values, block.group, k, block.present, censoring=block.censoring)
    named = _pairs(block, analysis.pairs)
    place = {level: i for i, level in enumerate(block.levels)}
    pairs = [(place.get(a, k), place.get(b, k)) for a, b in named]  # k: a grade that nobody has
    test = dunn(block.values, block.group, k + 1, pairs, block.present, censoring=block.censoring)
    adjusted = np.full(test.p_value.shape, np.nan)
    for row in range(m):
        adjusted[row] = adjust(test.p_value[row], analysis.pair_adjust)
    found: list[Estimate] = []
    for column, (first, second) in enumerate(named):
        level = pair_level(first, second)
        inside = block.present & np.isin(block.group, pairs[column])
        n, cut = test.n[:, column], (inside & (block.censoring != 0)).sum(axis=1)
        empty = flagged(np.isnan(test.p_value[:, column]), Notice.EMPTY_CLASS)
        for name, value in (
            ("p", test.p_value),
            ("p_adjusted", adjusted),
            ("z", test.z),
            ("mean_rank_difference", test.difference),
        ):
            found.append(Estimate(name=name, level=level, value=value[:, column], n=n, n_censored=cut, notices=empty))
    return Outcome(
        estimates=(
            Estimate(name="p", value=overall.p_value),
            Estimate(name="h", value=overall.h),
            Estimate(name="epsilon_squared", value=overall.epsilon_squared),
            *share(block),
            *counts(block),
            *found,
        ),
        errors=(None,) * m,
        notices=((),) * m,
    )


def _pairs(block: Block, declared: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The declared pairs, or all; of grades those that are pairs of grades, the others being of another endpoint."""
    if block.kind is OutcomeKind.GRADE:
        declared = tuple(pair for pair in declared if all(side.isdigit() for side in pair))
    return declared or tuple(combinations(block.levels, 2))


DUNN = Method(
    code="dunn",
    label="Dunn's test after Kruskal-Wallis",
    endpoints=(OutcomeKind.CLASS, OutcomeKind.GRADE),
    biomarkers=("numeric",),
    statistics=(
        Statistic(name="p", label="P value (two-sided)", scopes=("whole", "pair")),
        Statistic(name="p_adjusted", label="P value, adjusted ({adjust})", scopes=("whole", "pair")),
        Statistic(name="h", label="Kruskal-Wallis H"),
        Statistic(name="epsilon_squared", label="Epsilon squared"),
        Statistic(name="z", label="Dunn's z", scopes=("pair",)),
        Statistic(name="mean_rank_difference", label="Difference of mean ranks", scopes=("pair",)),
        *SHARE,
        *COUNTS,
    ),
    unusable=unrankable,
    compute=_compute,
    options=("level", "few_events", "high_censored_share", "pairs", "pair_adjust"),
    formula="z = (mean rank i - mean rank j) / sqrt((N (N + 1) / 12 - sum(t^3 - t) / (12 (N - 1))) (1/n_i + 1/n_j))",
    citation="Dunn, Technometrics 1964;6:241-252",
    docs="methods/kruskal_wallis.md",
)
