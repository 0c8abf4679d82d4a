"""Rows of the table ``checks`` that this stage writes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from correlates.provenance import short_id


def check(
    *,
    subject: str | None,
    rule: str,
    found: str,
    required: str,
    passed: bool,
    action: str,
    assay: str | None = None,
    target: str | None = None,
    value: object = None,
    source_ids: object = (),
    parts: tuple[object, ...] = (),
) -> dict[str, object]:
    """One check of a subject (or of a source, where ``subject`` is null); ``parts`` make its id unique."""
    item = subject if subject is not None else (assay or "parameters")
    return {
        "check_id": short_id("parameters", assay, item, target, rule, *parts),
        "stage": "parameters",
        "assay": assay,
        "scope": "source" if subject is None else "subject",
        "item": item,
        "target": target,
        "rule": rule,
        "found": found,
        "value": None if value is None else float(cast("float", value)),
        "required": required,
        "passed": passed,
        "action": action,
        "source_ids": [str(i) for i in cast("Iterable[object]", source_ids)],
    }
