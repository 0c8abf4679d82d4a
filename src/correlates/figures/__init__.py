"""Results and tables to charts. Nothing that is printed is computed here."""

from correlates.figures.assays import AGREEMENT, RECOVERY, STANDARD_CURVES
from correlates.figures.expansion import EXPANSION
from correlates.figures.export import library, png, save, svg
from correlates.figures.forest import FOREST
from correlates.figures.groups import COMPARISON
from correlates.figures.record import Drawn, Figure
from correlates.figures.settings import Expansion, FigureSettings, Forest

FIGURES = (STANDARD_CURVES, RECOVERY, AGREEMENT, EXPANSION, COMPARISON, FOREST)
"""Every kind of figure, in the order of the report."""

__all__ = [
    "FIGURES",
    "Drawn",
    "Expansion",
    "Figure",
    "FigureSettings",
    "Forest",
    "library",
    "png",
    "save",
    "svg",
]
