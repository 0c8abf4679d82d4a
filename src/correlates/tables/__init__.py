"""Results to display tables."""

from correlates.tables.overview import assays, checks, endpoints, exclusions, files, parameters
from correlates.tables.record import Cell, DisplayTable, Heading
from correlates.tables.univariable import univariable

__all__ = [
    "Cell",
    "DisplayTable",
    "Heading",
    "assays",
    "checks",
    "endpoints",
    "exclusions",
    "files",
    "parameters",
    "univariable",
]
