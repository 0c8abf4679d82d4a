"""Analysis: one row per subject, what the models see."""

from correlates.schema.table import TEXT, Column, Table

ANALYSIS = Table(
    name="analysis",
    row="subject",
    key=("subject_id",),
    open=True,
    columns=(Column(name="subject_id", dtype=TEXT, nullable=False, meaning="the subject"),),
)
"""Further columns: ``CODE`` (a biomarker, number or category), ``CODE|censoring``, ``endpoint`` (class, event, grade, or
days with ``endpoint|event`` and ``endpoint|cause``) and ``population:NAME`` (true or false)."""
