"""Settings of the analysis table: populations."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Who belongs to a population. All conditions given must hold."""

    treated: bool = True
    """Only subjects with a recorded infusion (where exposure is known)."""
    has: tuple[str, ...] = ()
    """Parameters that must have a value (censored values count)."""
    category: tuple[tuple[str, str], ...] = ()
    """Pairs of parameter and category that must agree (a declared subgroup)."""
    label: str | None = None
