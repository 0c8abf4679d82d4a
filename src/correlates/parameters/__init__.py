"""Parameters: measurements and clinical tables in, one row per subject and parameter out."""

from correlates.parameters.derive import Derived, derive
from correlates.parameters.record import Parameter
from correlates.parameters.registry import PARAMETERS, record

__all__ = ["PARAMETERS", "Derived", "Parameter", "derive", "record"]
