"""Method ``kruskal_wallis``: a biomarker across the classes of an endpoint, with declared pairs by Wilcoxon."""

from __future__ import annotations

import numpy as np

from correlates.association.describe import COUNTS, QUARTILES, SHARE, counts, quartiles, share
from correlates.association.notices import Notice
from correlates.association.record import Block, Estimate, Method, Outcome, Scores, Statistic, centred, merged
from correlates.association.settings import Univariable
from correlates.association.two_groups import compare_two, statistics
from correlates.association.wilcoxon import unrankable
from correlates.stats.kruskal import kruskal_wallis
from correlates.stats.multiplicity import adjust
from correlates.terms import OutcomeKind


def pair_level(first: str, second: str) -> str:
    """How a pair of classes is called in ``level``."""
    return f"{first} vs {second}"


def _compute(block: Block, analysis: Univariable) -> Outcome:
    test = kruskal_wallis(block.values, block.group, len(block.levels), block.present, censoring=block.censoring)
    m = len(block.biomarkers)
    found: list[Estimate] = []
    notices: list[list[Notice]] = [[] for _ in range(m)]
    p = np.full((len(analysis.pairs), m), np.nan)
    parts = []
    for row, (first, second) in enumerate(analysis.pairs):
        two = compare_two(
            block,
            block.levels.index(first),
            block.levels.index(second),
            analysis,
            pair_level(first, second),
        )
        p[row] = two.p.value
        parts.append(two)
        notices = merged(notices, two.notices)
    adjusted = np.full(p.shape, np.nan)
    for column in range(m):
        adjusted[:, column] = adjust(p[:, column], analysis.pair_adjust)
    for row, (first, second) in enumerate(analysis.pairs):
        name = pair_level(first, second)
        one = parts[row].p
        found += [
            one,
            Estimate(name="p_adjusted", level=name, value=adjusted[row], n=one.n, n_censored=one.n_censored),
            *parts[row].estimates,
        ]
    return Outcome(
        estimates=(
            Estimate(name="p", value=test.p_value),
            Estimate(name="h", value=test.h),
            Estimate(name="df", value=test.df.astype(np.float64)),
            Estimate(name="epsilon_squared", value=test.epsilon_squared),
            *share(block),
            *counts(block),
            *quartiles(block)[0],
            *found,
        ),
        errors=(None,) * m,
        notices=tuple(tuple(dict.fromkeys(row)) for row in notices),
    )


KRUSKAL_WALLIS = Method(
    code="kruskal_wallis",
    label="Kruskal-Wallis test",
    endpoints=(OutcomeKind.CLASS, OutcomeKind.BINARY),
    biomarkers=("numeric",),
    statistics=(
        Statistic(name="p", label="P value (two-sided)", scopes=("whole", "pair")),
        Statistic(name="p_adjusted", label="P value, adjusted ({adjust})", scopes=("whole", "pair")),
        Statistic(name="h", label="Kruskal-Wallis H"),
        Statistic(name="df", label="Degrees of freedom"),
        Statistic(name="epsilon_squared", label="Epsilon squared"),
        *SHARE,
        *COUNTS,
        *QUARTILES,
        *statistics("pair"),
    ),
    unusable=unrankable,
    compute=_compute,
    options=("level", "least_per_class", "few_events", "high_censored_share", "pairs", "pair_adjust", "wilcoxon"),
    formula="H = (12 / (N (N + 1)) sum R_j^2 / n_j - 3 (N + 1)) / (1 - sum(t^3 - t) / (N^3 - N)), chi-square with k - 1 df",
    citation="Kruskal and Wallis, JASA 1952;47:583-621; Hollander and Wolfe 1999, section 6.1; Holm, Scand J Statist 1979;6:65-70",
    docs="methods/kruskal_wallis.md",
    scores=lambda block, _: Scores(
        biomarkers=centred(block.ranks(), block.present),
        outcome=(block.group[:, None] == np.arange(len(block.levels))[None, :]).astype(np.float64),
    ),
)
