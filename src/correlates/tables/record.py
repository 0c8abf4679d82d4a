"""What a display table is: columns of texts to show, and beside the numbers what they sort by."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import polars as pl

from correlates.rounding import NOTHING, number

Declared = Literal["", "prespecified", "exploratory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: its label, what each row shows, and for numbers what the rows are sorted by.

    Attributes
    ----------
    label
        Heading.
    texts
        What is shown, row by row.
    sort
        The unrounded numbers, for a column of numbers; None for a column of words, which sorts by its texts.
    choose
        Whether the page offers a choice of its values.
    """

    label: str
    texts: tuple[str, ...]
    sort: tuple[float | None, ...] | None = None
    choose: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayTable:
    """A table as shown; ``note`` says what the columns are, ``declared`` whether its results were prespecified."""

    name: str
    title: str
    columns: tuple[Column, ...]
    note: str = ""
    declared: Declared = ""

    def __post_init__(self) -> None:
        lengths = {len(c.texts) for c in self.columns} | {len(c.sort) for c in self.columns if c.sort is not None}
        assert len(lengths) == 1, f"columns of {self.name} differ in length"

    @property
    def height(self) -> int:
        """Number of rows."""
        return len(self.columns[0].texts)

    def column(self, label: str) -> Column:
        """The column of that label. Raises KeyError where there is none."""
        for column in self.columns:
            if column.label == label:
                return column
        raise KeyError(label)


def words(label: str, values: Iterable[object], *, choose: bool = False) -> Column:
    """A column of words; null is a dash."""
    return Column(label=label, texts=tuple(NOTHING if v is None or v == "" else str(v) for v in values), choose=choose)


def numbers(label: str, values: Iterable[float | None], show: Callable[[float | None], str] = number) -> Column:
    """A column of numbers, shown as ``show`` rounds them and sorted as they are."""
    kept = tuple(values)
    return Column(label=label, texts=tuple(show(v) for v in kept), sort=kept)


def counts(label: str, values: Iterable[int | None]) -> Column:
    """A column of counts."""
    return numbers(label, values, lambda n: NOTHING if n is None else f"{n:,}")


def marked(label: str, texts: Iterable[str], values: Iterable[float | None]) -> Column:
    """A column of numbers whose texts say more than the number, an interval say."""
    return Column(label=label, texts=tuple(texts), sort=tuple(values))


def ci_label(results: pl.DataFrame) -> str:
    """Heading of the intervals of results, with the level they were asked at; without one where it differs between them."""
    levels = _levels(results["settings"])
    return f"{levels[0]} CI" if len(set(levels)) == 1 else "CI"


def ci_levels(settings: pl.Series) -> list[Column]:
    """A column of the levels of intervals where they differ between rows; none where they do not."""
    levels = _levels(settings)
    return [words("CI of", levels)] if len(set(levels)) > 1 else []


def _levels(settings: pl.Series) -> list[str]:
    return [f"{100 * json.loads(text).get('level', 0.95):g} %" for text in settings]
