"""The errors of the package: one root, families by whose fault it is.

An error is made of problems. A problem says what is wrong, where, what was found, what was expected
and what to do; the same five fields serve the terminal, ``--json`` and the report.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A place in a file, as exactly as it is known. Rows, lines and columns count from 1."""

    file: str | None = None
    sheet: str | None = None
    row: int | None = None
    column: str | int | None = None

    def __str__(self) -> str:
        if self.file and self.row is not None and isinstance(self.column, int) and self.sheet is None:
            return f"{self.file}:{self.row}:{self.column}"
        parts = [self.file] if self.file else []
        if self.sheet:
            parts.append(f"sheet {self.sheet!r}")
        if self.row is not None:
            parts.append(f"row {self.row}")
        if self.column is not None:
            parts.append(f"column {self.column!r}" if isinstance(self.column, str) else f"column {self.column}")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong.

    ``code`` is stable and made for machines (``unknown-key``, ``no-match``, ``not-a-number``); ``what`` is a
    sentence; ``found`` and ``expected`` are given when there is something to compare; ``do`` says the remedy.
    """

    code: str
    what: str
    where: Where | None = None
    found: str | None = None
    expected: str | None = None
    do: str | None = None

    def __str__(self) -> str:
        text = self.what.rstrip(".")
        if self.where is not None and str(self.where):
            text += f" ({self.where})"
        text += "."
        if self.found is not None:
            text += f" Found: {self.found}."
        if self.expected is not None:
            text += f" Expected: {self.expected}."
        if self.do is not None:
            text += f" {self.do}" if self.do.endswith((".", "?")) else f" {self.do}."
        return text


class CorrelatesError(Exception):
    """Root of all errors. Carries every problem found, not only the first."""

    exit_code = 70
    family = "internal"

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))

    def as_dict(self) -> dict[str, object]:
        """The error for ``--json``: family, exit code and the problems field by field."""
        return {"error": self.family, "exit_code": self.exit_code, "problems": [asdict(p) for p in self.problems]}


class UsageError(CorrelatesError):
    """The command line asks for something that cannot be (exit code 2)."""

    exit_code = 2
    family = "usage"


class PlanError(CorrelatesError):
    """The plan file is wrong (exit code 3)."""

    exit_code = 3
    family = "plan"


class InputError(CorrelatesError):
    """A data file is wrong, unreadable or contradicts another (exit code 4)."""

    exit_code = 4
    family = "input"


class DerivationError(CorrelatesError):
    """The data are readable but a declared derivation or analysis cannot be made of them (exit code 5)."""

    exit_code = 5
    family = "derivation"


class InternalError(CorrelatesError):
    """A bug of ours (exit code 70)."""


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like ``name``, or None when nothing is close."""
    names = list(known)
    folded = {k.casefold(): k for k in names}
    hit = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[hit[0]] if hit else None


def unknown(kind: str, name: str, known: Sequence[str], *, where: Where | None = None, code: str) -> Problem:
    """The problem of a name nobody knows: lists what exists and suggests the closest."""
    guess = closest(name, known)
    shown = ", ".join(sorted(known)[:30]) + (", ..." if len(known) > 30 else "")
    return Problem(
        code=code,
        what=f"Unknown {kind} {name!r}",
        where=where,
        expected=f"one of {shown}" if known else "none is defined",
        do=f"Did you mean {guess!r}?" if guess else None,
    )
