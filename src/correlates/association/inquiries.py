"""The inquiries there are: one record each."""

from __future__ import annotations

from correlates.association.efficacy_toxicity import EFFICACY_AGAINST_TOXICITY
from correlates.association.forests import BORUTA, CONDITIONAL_FOREST, CONDITIONAL_TREE, RANDOM_FOREST
from correlates.association.from_known_day import COX_FROM_KNOWN_DAY
from correlates.association.inquiry import Inquiry
from correlates.association.ratio import RATIO
from correlates.association.record import Method
from correlates.association.registry import METHODS
from correlates.association.subgroups import LOCAL_EFFECT, SUBGROUPS
from correlates.association.survival_curves import CUMULATIVE_INCIDENCE, KAPLAN_MEIER

INQUIRIES: tuple[Inquiry, ...] = (
    KAPLAN_MEIER,
    CUMULATIVE_INCIDENCE,
    EFFICACY_AGAINST_TOXICITY,
    RATIO,
    SUBGROUPS,
    LOCAL_EFFECT,
    COX_FROM_KNOWN_DAY,
    CONDITIONAL_TREE,
    CONDITIONAL_FOREST,
    RANDOM_FOREST,
    BORUTA,
)

RECORDS: tuple[Method | Inquiry, ...] = (*METHODS, *INQUIRIES)
"""Everything that a result can be of."""
