"""Rows of the table of checks, for this stage."""

from __future__ import annotations

from collections.abc import Sequence

from correlates.provenance import short_id

Check = dict[str, object]


def check(
    *,
    scope: str,
    item: str,
    rule: str,
    found: str,
    required: str,
    action: str,
    target: str | None = None,
    value: float | None = None,
    passed: bool = False,
    source_ids: Sequence[str] = (),
) -> Check:
    """A row of ``CHECKS`` of the stage ``endpoints``."""
    return {
        "check_id": short_id("endpoints", scope, item, rule, target, found, list(source_ids)),
        "stage": "endpoints",
        "scope": scope,
        "item": item,
        "target": target,
        "rule": rule,
        "found": found,
        "value": value,
        "required": required,
        "passed": passed,
        "action": action,
        "source_ids": list(source_ids),
    }


def unique(checks: Sequence[Check]) -> list[Check]:
    """Checks without repetitions: two endpoints that read the same rows find the same."""
    return list({str(c["check_id"]): c for c in checks}.values())
