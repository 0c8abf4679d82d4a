"""Results and tables to charts. Nothing that is printed is computed here."""

from correlates.figures.assays import AGREEMENT, RECOVERY, STANDARD_CURVES
from correlates.figures.burden_charts import SPIDER, WATERFALL
from correlates.figures.expansion import EXPANSION
from correlates.figures.export import library, png, save, svg
from correlates.figures.exposure_response import EXPOSURE_RESPONSE
from correlates.figures.flow import FLOW
from correlates.figures.forest import FOREST
from correlates.figures.groups import COMPARISON
from correlates.figures.models import CALIBRATION, COLLINEARITY, DECISION_CURVE, LEARNING_CURVE, SELECTION_FREQUENCY
from correlates.figures.nomogram import NOMOGRAM
from correlates.figures.persistence import PERSISTENCES
from correlates.figures.population import POPULATION_MODEL
from correlates.figures.profiles import PROFILES
from correlates.figures.record import Drawn, Figure
from correlates.figures.response import QUARTILE_BARS, RESPONSE_CURVES
from correlates.figures.sensitivity import SENSITIVITIES
from correlates.figures.settings import (
    Expansion,
    FigureSettings,
    Flow,
    Forest,
    Panels,
    Profiles,
    ResponseCharts,
    Toxicity,
)
from correlates.figures.subgroup_forest import LOCAL_EFFECTS, SUBGROUP_FOREST
from correlates.figures.survival import CURVES, INCIDENCES
from correlates.figures.survival_by_biomarker import SURVIVAL_BY_BIOMARKER
from correlates.figures.swimmer import SWIMMER
from correlates.figures.therapeutic_map import THERAPEUTIC_MAP
from correlates.figures.toxicity import TOXICITIES
from correlates.figures.trees import IMPORTANCE, TREE

FIGURES = (
    FLOW,
    STANDARD_CURVES,
    RECOVERY,
    AGREEMENT,
    EXPANSION,
    POPULATION_MODEL,
    PERSISTENCES,
    SENSITIVITIES,
    PROFILES,
    SWIMMER,
    WATERFALL,
    SPIDER,
    CURVES,
    INCIDENCES,
    TOXICITIES,
    COMPARISON,
    FOREST,
    THERAPEUTIC_MAP,
    EXPOSURE_RESPONSE,
    SUBGROUP_FOREST,
    LOCAL_EFFECTS,
    RESPONSE_CURVES,
    QUARTILE_BARS,
    SURVIVAL_BY_BIOMARKER,
    TREE,
    IMPORTANCE,
    CALIBRATION,
    DECISION_CURVE,
    LEARNING_CURVE,
    COLLINEARITY,
    SELECTION_FREQUENCY,
    NOMOGRAM,
)
"""Every kind of figure, in the order of the report."""

__all__ = [
    "FIGURES",
    "Drawn",
    "Expansion",
    "Figure",
    "FigureSettings",
    "Flow",
    "Forest",
    "Panels",
    "Profiles",
    "ResponseCharts",
    "Toxicity",
    "library",
    "png",
    "save",
    "svg",
]
