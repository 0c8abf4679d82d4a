"""Method ``jonckheere``: whether a biomarker rises or falls over ordered classes or grades."""

from __future__ import annotations

import numpy as np

from correlates.association.describe import COUNTS, QUARTILES, SHARE, counts, quartiles, share
from correlates.association.record import Block, Estimate, Method, Outcome, Scores, Statistic, centred
from correlates.association.settings import Univariable
from correlates.association.wilcoxon import P_ADJUSTED, P, unrankable
from correlates.stats.pairs import jonckheere
from correlates.stats.ranks import midranks
from correlates.terms import OutcomeKind


def _compute(block: Block, _: Univariable) -> Outcome:
    m = len(block.biomarkers)
    test = jonckheere(block.values, block.group, max(len(block.levels), 1), block.present, censoring=block.censoring)
    return Outcome(
        estimates=(
            Estimate(name="p", value=test.p_value),
            Estimate(name="variant", text=[str(v) for v in test.variant]),
            Estimate(name="j", value=test.j),
            Estimate(name="z", value=test.z),
            Estimate(name="share_increasing", value=test.share),
            *share(block),
            *counts(block),
            *quartiles(block)[0],
        ),
        errors=(None,) * m,
        notices=((),) * m,
    )


def outcome_ranks(block: Block) -> Scores:
    """Mid-ranks of biomarker and outcome: the linear statistic of rank correlations."""
    there = np.ones((1, block.score.size), dtype=np.bool_)
    y = midranks(block.score[None, :], there, block.score_censoring[None, :]).ranks[0]
    return Scores(biomarkers=centred(block.ranks(), block.present), outcome=y)


JONCKHEERE = Method(
    code="jonckheere",
    label="Jonckheere-Terpstra test",
    endpoints=(OutcomeKind.CLASS, OutcomeKind.GRADE),
    biomarkers=("numeric",),
    statistics=(
        P,
        P_ADJUSTED,
        Statistic(name="variant", label="What P was computed from"),
        Statistic(name="j", label="Jonckheere-Terpstra J"),
        Statistic(name="z", label="Standardised J"),
        Statistic(name="share_increasing", label="Share of pairs of classes in which the later is higher"),
        *SHARE,
        *COUNTS,
        *QUARTILES,
    ),
    unusable=unrankable,
    compute=_compute,
    options=("level", "few_events", "high_censored_share"),
    formula="J = sum over classes i < j of the pairs in which class j is higher, ties one half; z = (J - E J) / sd J, corrected for ties; exact without ties up to 100 subjects",
    citation="Jonckheere, Biometrika 1954;41:133-145; Hollander and Wolfe 1999, section 6.2",
    docs="methods/jonckheere_terpstra.md",
    scores=lambda block, _: outcome_ranks(block),
)
