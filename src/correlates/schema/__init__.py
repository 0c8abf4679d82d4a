"""What flows between the stages: one file per table, and :func:`conform`, which checks a frame against one."""

from correlates.schema.agreement import AGREEMENT
from correlates.schema.amplitudes import AMPLITUDES
from correlates.schema.analysis import ANALYSIS
from correlates.schema.burden import BURDEN
from correlates.schema.checks import CHECKS
from correlates.schema.clinical import (
    ADVERSE_EVENTS,
    ASSESSMENTS,
    CHARACTERISTICS,
    CLINICAL,
    DISPOSITION,
    EXPOSURE,
    LABS,
    LESIONS,
    PRODUCT,
    SUBJECTS,
)
from correlates.schema.courses import COURSES
from correlates.schema.curves import CURVE_POINTS, CURVES
from correlates.schema.daily import DAILY
from correlates.schema.exclusions import EXCLUSIONS
from correlates.schema.exposure_rules import EXPOSURE_RULES, EXPOSURE_RULES_VALUES
from correlates.schema.files import FILES
from correlates.schema.measurements import MEASUREMENTS
from correlates.schema.models import MODELS, PREDICTIONS
from correlates.schema.outcomes import OUTCOMES
from correlates.schema.parameters import PARAMETERS
from correlates.schema.persistence import PERSISTENCE, PERSISTENCE_AT
from correlates.schema.population import (
    POPULATION,
    POPULATION_CURVES,
    POPULATION_ESTIMATES,
    POPULATION_FITS,
    POPULATION_POINTS,
    POPULATION_PREDICTIVE,
    POPULATION_SUBJECTS,
)
from correlates.schema.responses import RESPONSES
from correlates.schema.results import RESULTS
from correlates.schema.samples import SAMPLES
from correlates.schema.sensitivity import SENSITIVITY
from correlates.schema.survival import SURVIVAL
from correlates.schema.table import Column, Table, conform
from correlates.schema.toxicity import TOXICITY
from correlates.schema.trees import TREES
from correlates.schema.wells import WELLS

TABLES = (
    FILES,
    WELLS,
    AMPLITUDES,
    SAMPLES,
    CURVES,
    CURVE_POINTS,
    CHECKS,
    MEASUREMENTS,
    AGREEMENT,
    *CLINICAL,
    BURDEN,
    RESPONSES,
    *POPULATION,
    PARAMETERS,
    OUTCOMES,
    COURSES,
    SENSITIVITY,
    TOXICITY,
    ANALYSIS,
    EXCLUSIONS,
    RESULTS,
    TREES,
    SURVIVAL,
    MODELS,
    PREDICTIONS,
    EXPOSURE_RULES,
    EXPOSURE_RULES_VALUES,
    PERSISTENCE,
    PERSISTENCE_AT,
)

__all__ = [
    "ADVERSE_EVENTS",
    "AGREEMENT",
    "AMPLITUDES",
    "ANALYSIS",
    "ASSESSMENTS",
    "BURDEN",
    "CHARACTERISTICS",
    "CHECKS",
    "CLINICAL",
    "COURSES",
    "CURVES",
    "CURVE_POINTS",
    "DAILY",
    "DISPOSITION",
    "EXCLUSIONS",
    "EXPOSURE",
    "EXPOSURE_RULES",
    "EXPOSURE_RULES_VALUES",
    "FILES",
    "LABS",
    "LESIONS",
    "MEASUREMENTS",
    "MODELS",
    "OUTCOMES",
    "PARAMETERS",
    "PERSISTENCE",
    "PERSISTENCE_AT",
    "POPULATION",
    "POPULATION_CURVES",
    "POPULATION_ESTIMATES",
    "POPULATION_FITS",
    "POPULATION_POINTS",
    "POPULATION_PREDICTIVE",
    "POPULATION_SUBJECTS",
    "PREDICTIONS",
    "PRODUCT",
    "RESPONSES",
    "RESULTS",
    "SAMPLES",
    "SENSITIVITY",
    "SUBJECTS",
    "SURVIVAL",
    "TABLES",
    "TOXICITY",
    "TREES",
    "WELLS",
    "Column",
    "Table",
    "conform",
]
