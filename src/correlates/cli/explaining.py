"""``explain``: what a parameter, endpoint, method, assay, figure or reader is, read from its record."""

from __future__ import annotations

import json as json_module
from dataclasses import fields
from typing import Any

from correlates.errors import UsageError, unknown

_SKIPPED = (
    "label",
    "compute",
    "function",
    "draw",
    "recognise",
    "read",
    "settings",
    "judge",
    "unusable",
    "scores",
    "kind",
    "code",
)


def explain_code(code: str | None, *, json: bool) -> None:
    """Print the record of a code, or all codes.

    Raises
    ------
    UsageError
        Nobody knows the code.
    """
    records = _records()
    if code is None:
        listing = {topic: {key: record.label for key, record in found.items()} for topic, found in records.items()}
        print(json_module.dumps(listing, indent=1) if json else _listed(listing))
        return
    asked = code.casefold()
    hits = [(topic, r) for topic, found in records.items() for key, r in found.items() if key.casefold() == asked]
    if not hits:
        known = sorted({key for found in records.values() for key in found})
        raise UsageError(unknown("code", code, known, code="unknown-code"))
    if json:
        print(
            json_module.dumps(
                [{"topic": topic, "code": asked, "label": r.label, **_facts(r)} for topic, r in hits], indent=1
            )
        )
        return
    for topic, record in hits:
        print(f"{asked} ({topic}): {_plain(record.label)}")
        for name, value in _facts(record).items():
            print(f"  {name}: {value}")


def _records() -> dict[str, dict[str, Any]]:
    from correlates.association import CONVENTIONS, RECORDS
    from correlates.association.model_record import MODEL_METHODS
    from correlates.endpoints import ENDPOINTS
    from correlates.endpoints.assessed import CRITERIA
    from correlates.figures import FIGURES
    from correlates.figures.assay_charts import ASSAY_FIGURES
    from correlates.parameters import PARAMETERS
    from correlates.population import MODELS
    from correlates.quantify import QUANTIFIERS
    from correlates.readers import READERS

    return {
        "assay": {str(record.code): record for record in QUANTIFIERS},
        "population model": {record.code: record for record in MODELS},
        "parameter": {record.kind: record for record in PARAMETERS},
        "endpoint": {record.code: record for record in ENDPOINTS},
        "response rule": {record.code: record for record in CRITERIA},
        "method": {record.code: record for record in RECORDS},
        "convention": {record.code: record for record in CONVENTIONS},
        "model": {record.code: record for record in MODEL_METHODS},
        "figure": {record.code: record for record in (*FIGURES, *ASSAY_FIGURES)},
        "reader": {record.code: record for record in READERS},
    }


def _facts(record: Any) -> dict[str, str]:
    found = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if field.name not in _SKIPPED and value not in (None, "", (), {}):
            found[field.name] = _words(value)
    return found


def _words(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_words(part)}" for key, part in value.items())
    if isinstance(value, tuple):
        return ", ".join(_words(part) for part in value)
    name = getattr(value, "name", None)
    if isinstance(name, str) and not isinstance(value, str):
        label = getattr(value, "label", None)
        return f"{name} ({_plain(label)})" if isinstance(label, str) else name
    return _plain(str(value))


def _plain(text: str) -> str:
    """A text of a record in general: what it leaves open is named without its braces."""
    return text.replace("{", "").replace("}", "")


def _listed(listing: dict[str, dict[str, str]]) -> str:
    lines = []
    for topic, found in listing.items():
        lines.append(f"{topic}s")
        width = max((len(key) for key in found), default=0)
        lines += [f"  {key:<{width}}  {_plain(label)}" for key, label in found.items()]
    return "\n".join(lines)
