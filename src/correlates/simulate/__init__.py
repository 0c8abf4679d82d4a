"""A trial with known truth: what happened to every subject, before any instrument has seen it."""

from correlates.simulate.assemble import draw
from correlates.simulate.causal import DEFAULT, Coefficients
from correlates.simulate.trial import Trial

__all__ = ["DEFAULT", "Coefficients", "Trial", "draw"]
