"""The tables of a run as a statistician continues with them: ADaM-like datasets as SAS transport or Dataset-JSON, with a define."""

from correlates.standards.adam import datasets
from correlates.standards.dataset_json import write_dataset_json
from correlates.standards.define import write_define
from correlates.standards.record import Dataset, Variable
from correlates.standards.xpt import write_xpt

__all__ = ["Dataset", "Variable", "datasets", "write_dataset_json", "write_define", "write_xpt"]
