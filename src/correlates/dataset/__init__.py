"""Dataset: parameters and outcomes in, the analysis table and the exclusions out."""

from correlates.dataset.build import Dataset, build

__all__ = ["Dataset", "build"]
