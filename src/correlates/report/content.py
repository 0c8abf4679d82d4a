"""What a report holds, before it is a page."""

from __future__ import annotations

from dataclasses import dataclass

from correlates.figures import Drawn
from correlates.tables import DisplayTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Text shown as it is, folded away unless ``open``."""

    title: str
    text: str
    open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the report."""

    name: str
    title: str
    text: tuple[str, ...] = ()
    figures: tuple[Drawn, ...] = ()
    tables: tuple[DisplayTable, ...] = ()
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The whole report: ``brief`` holds the counts under the title, as (label, value)."""

    title: str
    study: str
    product: str | None
    brief: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
