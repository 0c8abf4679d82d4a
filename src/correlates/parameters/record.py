"""What a parameter is: one frozen record with everything that is printed or asked about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from correlates.parameters.courses import Courses
from correlates.schema import CHECKS, Table

UnitRule = Literal[
    "own", "day x own", "day", "1/day", "none", "ratio", "mm2", "mm", "mL", "as recorded", "as published", "quotient"
]
ScaleHint = Literal["log2", "sd", "unit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the functions of the records read.

    Attributes
    ----------
    subjects
        The subjects, in the order of the result (table ``subjects``).
    courses, nominal_courses
        Time courses by assay, over actual and over planned days.
    lab_courses
        Time courses of laboratory tests by code of the parameter.
    burden, product, characteristics, population_fits, population_subjects
        The tables of those names.
    done
        Rows of the parameters already computed, by declared code (a family over analytes is one frame).
    """

    subjects: pl.DataFrame
    courses: Mapping[str, Courses]
    nominal_courses: Mapping[str, Courses]
    lab_courses: Mapping[str, Courses]
    burden: pl.DataFrame
    product: pl.DataFrame
    characteristics: pl.DataFrame
    population_fits: pl.DataFrame
    population_subjects: pl.DataFrame
    done: Mapping[str, pl.DataFrame]


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """One parameter (or one family over analytes): a row per subject and code, and what was noticed.

    ``rows`` has the columns ``subject_id, code, analyte, value, category, unit, censoring, reason, known_on_day, day,
    nominal_day, source_ids``, plus ``timing`` where it follows from other parameters (null otherwise); ``checks`` are rows of the
    table ``checks``. Rows whose rule differs from subject to subject bring a column ``rule``.
    """

    rows: pl.DataFrame
    checks: pl.DataFrame = field(default_factory=CHECKS.empty)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A kind of parameter.

    Attributes
    ----------
    kind
        The word of ``take`` in the plan.
    label
        Template of the label; fields of the settings and ``{analyte}`` may stand in it.
    unit
        Where the unit comes from.
    needs
        The tables it reads.
    settings
        The class of its settings.
    compute
        The function, of (code, settings, inputs).
    formula
        In words and symbols of the field.
    citation
        Where the definition stands.
    docs
        The page that explains it.
    timing
        The rule of its timing and of the day it is known.
    scale
        How an odds ratio is expressed: per doubling (log2), per standard deviation (sd) or per unit.
    testcd
        CDISC PPTESTCD, where the terminology has one.
    """

    kind: str
    label: str
    unit: UnitRule
    needs: tuple[Table, ...]
    settings: type
    compute: Callable[[str, Any, Inputs], Computed]
    formula: str
    citation: str
    docs: str
    timing: str
    scale: ScaleHint
    testcd: str | None = None
