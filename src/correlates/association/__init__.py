"""Associations: the analysis table and settings in, results out. Every method is a record in :data:`METHODS`."""

from correlates.association.associate import ADJUSTMENTS, associate, compare
from correlates.association.notices import Notice
from correlates.association.record import Method, Statistic
from correlates.association.registry import METHODS, method
from correlates.association.settings import (
    Biomarker,
    Comparison,
    Endpoint,
    FisherOptions,
    LogisticOptions,
    Univariable,
    WilcoxonOptions,
)

__all__ = [
    "ADJUSTMENTS",
    "METHODS",
    "Biomarker",
    "Comparison",
    "Endpoint",
    "FisherOptions",
    "LogisticOptions",
    "Method",
    "Notice",
    "Statistic",
    "Univariable",
    "WilcoxonOptions",
    "associate",
    "compare",
    "method",
]
