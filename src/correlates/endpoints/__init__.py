"""Clinical tables to outcomes: study days, tumour burden, response, durability, toxicity."""

from correlates.endpoints.burden import burden
from correlates.endpoints.days import Dated, study_days
from correlates.endpoints.derive import ENDPOINTS, Outcomes, derive, kind_of

__all__ = ["ENDPOINTS", "Dated", "Outcomes", "burden", "derive", "kind_of", "study_days"]
