"""Results to display tables."""

from correlates.tables.agreement import agreement
from correlates.tables.assays import assays, checks, checks_by_rule, curves
from correlates.tables.associations import associations, comparisons
from correlates.tables.forests import forests
from correlates.tables.parameters import files, parameters
from correlates.tables.record import Column, DisplayTable
from correlates.tables.responses import agreements, disagreements, sensitivity
from correlates.tables.subjects import endpoints, exclusions, populations, rules

__all__ = [
    "Column",
    "DisplayTable",
    "agreement",
    "agreements",
    "assays",
    "associations",
    "checks",
    "checks_by_rule",
    "comparisons",
    "curves",
    "disagreements",
    "endpoints",
    "exclusions",
    "files",
    "forests",
    "parameters",
    "populations",
    "rules",
    "sensitivity",
]
