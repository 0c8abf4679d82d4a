"""Results to display tables."""

from correlates.tables.agreement import agreement
from correlates.tables.assays import assays, checks, checks_by_rule, curves
from correlates.tables.associations import associations, comparisons
from correlates.tables.details import categories, pairs
from correlates.tables.exposure_rules import exposure_rules
from correlates.tables.forests import forests
from correlates.tables.inquiries import APART, balance, ratios, subgroups, windows
from correlates.tables.left_out import by_group, left_out
from correlates.tables.models import models
from correlates.tables.parameters import files, parameters
from correlates.tables.persistence import persistence
from correlates.tables.population import population_estimates, population_fits
from correlates.tables.record import Column, DisplayTable
from correlates.tables.responses import agreements, disagreements, sensitivity
from correlates.tables.subjects import endpoints, exclusions, populations, rules
from correlates.tables.survival import METHODS as SURVIVAL_METHODS
from correlates.tables.survival import at_days, medians

__all__ = [
    "APART",
    "SURVIVAL_METHODS",
    "Column",
    "DisplayTable",
    "agreement",
    "agreements",
    "assays",
    "associations",
    "at_days",
    "balance",
    "by_group",
    "categories",
    "checks",
    "checks_by_rule",
    "comparisons",
    "curves",
    "disagreements",
    "endpoints",
    "exclusions",
    "exposure_rules",
    "files",
    "forests",
    "left_out",
    "medians",
    "models",
    "pairs",
    "parameters",
    "persistence",
    "population_estimates",
    "population_fits",
    "populations",
    "ratios",
    "rules",
    "sensitivity",
    "subgroups",
    "windows",
]
