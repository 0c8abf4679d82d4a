"""The methods there are: one record each."""

from __future__ import annotations

from correlates.association.fisher import FISHER
from correlates.association.kruskal_wallis import KRUSKAL_WALLIS
from correlates.association.logistic import FIRTH, LOGISTIC_ML
from correlates.association.record import Method
from correlates.association.wilcoxon import WILCOXON
from correlates.errors import DerivationError, unknown

METHODS: tuple[Method, ...] = (WILCOXON, KRUSKAL_WALLIS, FIRTH, LOGISTIC_ML, FISHER)


def method(code: str) -> Method:
    """The method of that code.

    Raises
    ------
    DerivationError
        There is none.
    """
    for record in METHODS:
        if record.code == code:
            return record
    raise DerivationError(unknown("method", code, [m.code for m in METHODS], code="unknown-method"))
