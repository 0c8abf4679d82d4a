"""What every part of a plan is: strict, frozen, described by its fields; and what a field that holds a name refers to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A part of a plan: an unknown key is refused, and the docstring of a field is its description."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Refers:
    """Annotation of a field that holds names (a text, or texts in lists): what they are names of.

    ``biomarker`` is a parameter code, or a pattern over a family; ``group`` is a group of biomarkers, or a biomarker;
    ``factor`` is a parameter or an endpoint.
    """

    to: Literal["endpoint", "parameter", "biomarker", "group", "population", "assay", "factor"]
