"""Associations: the analysis table and settings in, results out. Every method is a record in :data:`METHODS`."""

from correlates.association.associate import ADJUSTMENTS, associate, compare
from correlates.association.missing import Missing, missing_data
from correlates.association.notices import Notice
from correlates.association.record import Method, Statistic
from correlates.association.registry import METHODS, method
from correlates.association.settings import (
    Biomarker,
    Comparison,
    CurveOptions,
    Endpoint,
    FisherOptions,
    ImputationOptions,
    LogisticOptions,
    RateOptions,
    SurvivalOptions,
    Univariable,
    WilcoxonOptions,
)

__all__ = [
    "ADJUSTMENTS",
    "METHODS",
    "Biomarker",
    "Comparison",
    "CurveOptions",
    "Endpoint",
    "FisherOptions",
    "ImputationOptions",
    "LogisticOptions",
    "Method",
    "Missing",
    "Notice",
    "RateOptions",
    "Statistic",
    "SurvivalOptions",
    "Univariable",
    "WilcoxonOptions",
    "associate",
    "compare",
    "method",
    "missing_data",
]
