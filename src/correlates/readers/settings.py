"""Settings of the readers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """Populations gated from one parent that exclude each other: no cell is in two of them."""

    of: tuple[str, ...]
    """The populations, as paths; the last parts of a path are enough where they name one population."""
    complete: bool = False
    """Whether every cell of the parent is in one of them, as in the quadrants of two markers."""
    tolerance: float = 1.0
    """Percentage points that a sum may be off for rounding."""
