"""The methods there are: one record each."""

from __future__ import annotations

from correlates.association.censored_values import CENSORED_REGRESSION, PETO
from correlates.association.competing import FINE_GRAY, GRAY
from correlates.association.correlation import KENDALL, SPEARMAN
from correlates.association.cox import COX, COX_FIRTH
from correlates.association.curve import RESPONSE_CURVE
from correlates.association.dunn import DUNN
from correlates.association.fisher import FISHER
from correlates.association.imputed import FIRTH_IMPUTED
from correlates.association.jonckheere_terpstra import JONCKHEERE
from correlates.association.kruskal_wallis import KRUSKAL_WALLIS
from correlates.association.logistic import FIRTH, LOGISTIC_ML
from correlates.association.ordinal import PROPORTIONAL_ODDS
from correlates.association.rates import QUARTILE_RATES
from correlates.association.record import Method
from correlates.association.survival import CUTPOINT, LOG_RANK, RESTRICTED_MEAN
from correlates.association.wilcoxon import WILCOXON
from correlates.errors import DerivationError, unknown

METHODS: tuple[Method, ...] = (
    WILCOXON,
    KRUSKAL_WALLIS,
    DUNN,
    JONCKHEERE,
    SPEARMAN,
    KENDALL,
    FIRTH,
    LOGISTIC_ML,
    FIRTH_IMPUTED,
    RESPONSE_CURVE,
    QUARTILE_RATES,
    PROPORTIONAL_ODDS,
    FISHER,
    PETO,
    CENSORED_REGRESSION,
    LOG_RANK,
    CUTPOINT,
    RESTRICTED_MEAN,
    COX,
    COX_FIRTH,
    GRAY,
    FINE_GRAY,
)


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
