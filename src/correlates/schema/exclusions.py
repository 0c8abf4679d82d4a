"""Exclusions: who or what is not in a population or an analysis, and why (long: one row per reason)."""

from correlates.schema.table import TEXT, Column, Table

EXCLUSIONS = Table(
    name="exclusions",
    row="subject, scope and reason",
    key=("subject_id", "scope", "reason"),
    columns=(
        Column(name="subject_id", dtype=TEXT, nullable=False, meaning="the subject"),
        Column(name="scope", dtype=TEXT, nullable=False, meaning="population or endpoint it is absent from"),
        Column(name="reason", dtype=TEXT, nullable=False, meaning="why (a term of Reason)"),
        Column(name="detail", dtype=TEXT, meaning="in words"),
    ),
)
