"""Settings of the readers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """Populations gated from one parent that exclude each other: no cell is in two of them."""

    of: tuple[str, ...]
    """The populations, as paths; the last parts of a path are enough where they name one population."""
    complete: bool = False
    """Whether every cell of the parent is in one of them, as in the quadrants of two markers."""
    tolerance: float = 1.0
    """Percentage points that a sum may be off for rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Clinical records that are not SDTM (ADaM, an EDC export, a spreadsheet): how their columns become a clinical table."""

    kind: Literal["records"]
    file: str
    """Path relative to the plan: SAS transport, SAS7BDAT, Dataset-JSON, CSV, XLSX or Parquet."""
    table: Literal["subjects", "exposure", "lesions", "assessments", "adverse_events", "labs", "disposition"]
    """The clinical table the rows are of."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column of the clinical table: column of the file."""
    constants: Mapping[str, str] = field(default_factory=dict)
    """Column of the clinical table: what it holds in every row (test: OVRLRESP, say)."""
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Column of the clinical table: word of the file: word it stands for; case and blanks do not matter. Words not named stay."""
    keep: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Column of the file: its values that are kept (PARAMCD: [OVR], say); all other rows are counted and left out."""
    wide: Mapping[str, str] = field(default_factory=dict)
    """Test or measure: column of the file that holds its result, for files with one column per test (LDIAM: LONG_MM)."""
    unfold: tuple[str, ...] = ()
    """Columns of the file whose cells are lists, [13, 11, 10]: one row per place, the lists of a row in step."""
    date_format: str | None = None
    """How dates are written where not by ISO 8601, as strftime has it (%d%b%Y for 05MAR2021); never guessed."""
    first_day: Literal[0, 1] = 0
    """Number the file gives the day of infusion, where columns of days are mapped: 0, or 1 with no day 0 as in SDTM's --DY."""
