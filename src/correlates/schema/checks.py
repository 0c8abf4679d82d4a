"""Checks: every acceptance rule that was applied, with what was found and what was required."""

from __future__ import annotations

from collections.abc import Sequence

from correlates.provenance import short_id
from correlates.schema.table import FLAG, NUMBER, TEXT, TEXTS, Column, Table

CHECKS = Table(
    name="checks",
    row="rule applied to a plate, sample, file or subject",
    key=("check_id",),
    columns=(
        Column(name="check_id", dtype=TEXT, nullable=False, meaning="content-derived id"),
        Column(name="stage", dtype=TEXT, nullable=False, meaning="the stage that applied it"),
        Column(name="assay", dtype=TEXT, meaning="name of the assay in the plan"),
        Column(
            name="scope",
            dtype=TEXT,
            nullable=False,
            meaning="plate, well, sample, standard, control, subject or source",
        ),
        Column(
            name="item",
            dtype=TEXT,
            nullable=False,
            meaning="which plate, well, sample, standard, control, subject or source",
        ),
        Column(name="target", dtype=TEXT, meaning="target or analyte"),
        Column(name="rule", dtype=TEXT, nullable=False, meaning="code of the rule"),
        Column(name="found", dtype=TEXT, meaning="what was found, as text"),
        Column(name="value", dtype=NUMBER, meaning="what was found, when it is a number"),
        Column(name="required", dtype=TEXT, nullable=False, meaning="what was required"),
        Column(name="passed", dtype=FLAG, nullable=False, meaning="whether it holds"),
        Column(
            name="action",
            dtype=TEXT,
            nullable=False,
            meaning="what was done about it (none, excluded, corrected, kept, flagged)",
        ),
        Column(name="source_ids", dtype=TEXTS, nullable=False, meaning="well_id or other ids concerned"),
    ),
)


def check_row(
    *,
    stage: str,
    scope: str,
    item: str,
    rule: str,
    found: str | None,
    required: str,
    action: str,
    passed: bool = False,
    assay: str | None = None,
    target: str | None = None,
    value: float | None = None,
    source_ids: Sequence[str] = (),
    identity: Sequence[object] | None = None,
) -> dict[str, object]:
    """One row of ``CHECKS``; ``identity`` is what its id is made of, where scope, item, rule, target, what was found and where do not do."""
    ids = list(source_ids)
    return {
        "check_id": short_id(stage, *((scope, item, rule, target, found, ids) if identity is None else identity)),
        "stage": stage,
        "assay": assay,
        "scope": scope,
        "item": item,
        "target": target,
        "rule": rule,
        "found": found,
        "value": value,
        "required": required,
        "passed": passed,
        "action": action,
        "source_ids": ids,
    }
