"""Associations: the analysis table and settings in, results out.

Every method that holds a biomarker against an endpoint is a record in :data:`METHODS`, every other one in :data:`INQUIRIES`.
"""

from correlates.association.associate import ADJUSTMENTS, associate, compare
from correlates.association.conventions import CONVENTIONS, Convention
from correlates.association.forests import Forests, grow_forests
from correlates.association.inquiries import INQUIRIES, RECORDS
from correlates.association.inquiry import Inquiry
from correlates.association.missing import Missing, missing_data
from correlates.association.notices import Notice
from correlates.association.record import Method, Statistic
from correlates.association.registry import METHODS, method
from correlates.association.settings import (
    Biomarker,
    CensoredOptions,
    Comparison,
    CurveOptions,
    Endpoint,
    FisherOptions,
    ImputationOptions,
    RateOptions,
    SmallSampleOptions,
    SurvivalOptions,
    Univariable,
    WilcoxonOptions,
)

__all__ = [
    "ADJUSTMENTS",
    "CONVENTIONS",
    "INQUIRIES",
    "METHODS",
    "RECORDS",
    "Biomarker",
    "CensoredOptions",
    "Comparison",
    "Convention",
    "CurveOptions",
    "Endpoint",
    "FisherOptions",
    "Forests",
    "ImputationOptions",
    "Inquiry",
    "Method",
    "Missing",
    "Notice",
    "RateOptions",
    "SmallSampleOptions",
    "Statistic",
    "SurvivalOptions",
    "Univariable",
    "WilcoxonOptions",
    "associate",
    "compare",
    "grow_forests",
    "method",
    "missing_data",
]
