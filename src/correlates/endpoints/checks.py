"""Rows of the table of checks, for this stage."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from correlates.schema.checks import check_row

Check = dict[str, object]


check = partial(check_row, stage="endpoints")
"""A row of the table of checks, of the stage ``endpoints``; not passed unless it says so."""


def unique(checks: Sequence[Check]) -> list[Check]:
    """Checks without repetitions: two endpoints that read the same rows find the same."""
    return list({str(c["check_id"]): c for c in checks}.values())
