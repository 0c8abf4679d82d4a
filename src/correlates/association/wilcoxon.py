"""Method ``wilcoxon``: a biomarker between the two classes of a binary endpoint."""

from __future__ import annotations

import numpy as np

from correlates.association.describe import COUNTS, QUARTILES, SHARE, counts, quartiles, share
from correlates.association.notices import Notice
from correlates.association.record import (
    Block,
    Estimate,
    Method,
    Outcome,
    Scores,
    Statistic,
    all_positive,
    censored,
    centred,
    constant,
    flagged,
    merged,
)
from correlates.association.settings import Univariable
from correlates.association.two_groups import compare_two, statistics
from correlates.stats.arrays import divide, where
from correlates.terms import OutcomeKind, Reason

P = Statistic(name="p", label="P value (two-sided)")
P_ADJUSTED = Statistic(name="p_adjusted", label="P value, adjusted ({adjust})")


def unrankable(block: Block) -> tuple[Reason | None, ...]:
    """Why a biomarker cannot be ranked: one value only, or limits that order no two values."""
    flat = constant(block.ranks(), block.present)
    limits = censored(block) > 0
    return tuple(
        (Reason.ALL_CENSORED if cut else Reason.CONSTANT) if same else None
        for same, cut in zip(flat.tolist(), limits.tolist(), strict=True)
    )


def _compute(block: Block, analysis: Univariable) -> Outcome:
    two = compare_two(block, 1, 0, analysis, "")
    by_class, known = quartiles(block)
    medians = {e.level: e.value for e in by_class if e.name == "median"}
    event, reference = medians[block.levels[1]], medians[block.levels[0]]
    assert event is not None
    assert reference is not None
    positive = all_positive(block)
    bound = ~(known[block.levels[1]] & known[block.levels[0]])
    nothing = ~(known[block.levels[1]] | known[block.levels[0]])  # two bounds bound no ratio
    ratio = where(positive & ~nothing, divide(event, where(positive, reference, 1.0)), np.nan)
    why = merged(flagged(~positive, Notice.VALUES_NOT_POSITIVE), flagged(bound, Notice.AT_LIMIT))
    return Outcome(
        estimates=(
            two.p,
            *two.estimates,
            Estimate(name="ratio_of_medians", value=ratio, notices=why),
            *share(block),
            *counts(block),
            *by_class,
        ),
        errors=(None,) * len(block.biomarkers),
        notices=tuple(tuple(row) for row in two.notices),
    )


WILCOXON = Method(
    code="wilcoxon",
    label="Wilcoxon rank-sum test",
    endpoints=(OutcomeKind.BINARY,),
    biomarkers=("numeric",),
    statistics=(
        P,
        P_ADJUSTED,
        *statistics("whole"),
        Statistic(name="ratio_of_medians", label="Ratio of medians", unit="ratio"),
        *SHARE,
        *COUNTS,
        *QUARTILES,
    ),
    unusable=unrankable,
    compute=_compute,
    options=("level", "least_per_class", "few_events", "high_censored_share", "wilcoxon"),
    formula="W = sum of mid-ranks of the event class - n1 (n1 + 1) / 2; shift = median of the n1 n2 differences; AUC = W / (n1 n2)",
    citation="Hollander and Wolfe, Nonparametric Statistical Methods, 2nd ed. 1999, sections 4.1-4.3; DeLong et al., Biometrics 1988;44:837-845; Gehan, Biometrika 1965;52:203-223 (censored values)",
    docs="methods/wilcoxon.md",
    scores=lambda block, _: Scores(
        biomarkers=centred(block.ranks(), block.present), outcome=(block.group == 1).astype(np.float64)
    ),
)
