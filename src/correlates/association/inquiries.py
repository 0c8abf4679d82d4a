"""The inquiries there are: one record each."""

from __future__ import annotations

from correlates.association.forests import BORUTA, CONDITIONAL_FOREST, CONDITIONAL_TREE, RANDOM_FOREST
from correlates.association.inquiry import Inquiry
from correlates.association.record import Method
from correlates.association.registry import METHODS
from correlates.association.survival_curves import CUMULATIVE_INCIDENCE, KAPLAN_MEIER

INQUIRIES: tuple[Inquiry, ...] = (
    KAPLAN_MEIER,
    CUMULATIVE_INCIDENCE,
    CONDITIONAL_TREE,
    CONDITIONAL_FOREST,
    RANDOM_FOREST,
    BORUTA,
)

RECORDS: tuple[Method | Inquiry, ...] = (*METHODS, *INQUIRIES)
"""Everything that a result can be of."""
