"""The conventions of the analyses as rows of a reference page."""

from __future__ import annotations

from correlates.association import CONVENTIONS

HEAD = ["# Conventions", "", "What an analysis declares beside its methods.", ""]
COLUMNS = ("code", "rule", "source")
ROWS = [(f"[`{c.code}`](../{c.docs})", f"{c.label}: {c.formula}", c.citation) for c in CONVENTIONS]
