"""What a display table is: texts to show, and beside each the value it sorts by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell: what is shown, and what it is sorted by (a number, or the text itself)."""

    text: str
    sort: float | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A column: label, whether it holds numbers, and whether the page offers a choice of its values."""

    label: str
    numeric: bool = False
    choose: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayTable:
    """A table as shown; ``note`` says what the columns are."""

    name: str
    title: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


def text(value: object) -> Cell:
    """A cell of text; null is a dash."""
    return Cell(text="\N{EN DASH}" if value is None else str(value), sort="" if value is None else str(value))
