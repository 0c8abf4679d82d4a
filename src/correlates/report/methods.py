"""The methods text, written from the records of what was used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Something a run used: what it is called there, what it is, by which formula, from where, under which settings."""

    topic: str
    names: tuple[str, ...]
    label: str
    formula: str
    citation: str
    settings: tuple[tuple[str, str], ...] = ()


def paragraphs(used: Sequence[Used], references: Sequence[str]) -> tuple[str, ...]:
    """One paragraph for each thing used, with numbers that point into the references."""
    lines = []
    for item in used:
        number = f" [{references.index(item.citation) + 1}]" if item.citation else ""
        named = f" ({', '.join(item.names)})" if item.names else ""
        shown = (f"{_plain(key)} {_WORDS.get(value, value)}" for key, value in item.settings)
        said = f" Settings: {'; '.join(shown)}." if item.settings else ""
        lines.append(f"{_sentence(_label(item.label))}{named}. {_sentence(item.formula)}{number}.{said}")
    return tuple(lines)


def references(used: Sequence[Used]) -> tuple[str, ...]:
    """Every source once, in the order of use."""
    return tuple(dict.fromkeys(item.citation for item in used if item.citation))


def markdown(title: str, used: Sequence[Used], text: Sequence[str]) -> str:
    """The methods as a document of their own."""
    sources = references(used)
    body = [f"# Methods: {title}", "", *(f"{paragraph}\n" for paragraph in text)]
    for topic in dict.fromkeys(item.topic for item in used):
        mine = [item for item in used if item.topic == topic]
        body += [f"## {topic}s", "", *(f"{paragraph}\n" for paragraph in paragraphs(mine, sources))]
    listed = [f"{index}. {source}" for index, source in enumerate(sources, start=1)]
    return "\n".join([*body, "## References", "", *listed, ""])


_WORDS = {"True": "yes", "False": "no"}


def _plain(key: str) -> str:
    return key.replace("_", " ").replace(".", " ")


def _label(label: str) -> str:
    """A label in general: what it leaves open is named without its braces."""
    return " ".join(re.sub(r"\{(\w+)\}", r" \1 ", label).split()).replace(" ,", ",")


def _sentence(text: str) -> str:
    return (text[:1].upper() + text[1:]).rstrip(".")
