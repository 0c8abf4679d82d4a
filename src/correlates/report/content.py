"""What a report holds, before it is a page."""

from __future__ import annotations

from dataclasses import dataclass

from correlates.figures import Drawn
from correlates.tables import DisplayTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Paragraphs under a heading, which may be empty."""

    paragraphs: tuple[str, ...]
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The references: numbered, in the order of their use."""

    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Text shown as it is, folded away."""

    title: str
    text: str


Part = Text | Source | Drawn | DisplayTable | Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the report: its parts in the order in which they are read."""

    name: str
    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The whole report: ``brief`` holds the counts under the title, as (label, value)."""

    title: str
    study: str
    product: str | None
    brief: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
