"""Population models of cellular kinetics: expansion, contraction and persistence of the cells, all subjects at once."""

from correlates.population.record import MODELS, Model
from correlates.population.settings import NAMES, Covariate, PopulationModel, Priors

__all__ = ["MODELS", "NAMES", "Covariate", "Model", "PopulationModel", "Priors"]
