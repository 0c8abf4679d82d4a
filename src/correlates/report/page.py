"""Content to one HTML file that opens offline and asks nothing of anywhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from importlib import resources

from correlates._version import __version__
from correlates.figures import Drawn
from correlates.report.content import Block, Content, Part, Source, Text
from correlates.tables import Column, DisplayTable

PAGE_SIZE = 20
"""Rows of a table that stand in the page; the others wait as data until they are asked for."""


def render(content: Content, library: str) -> str:
    """The page.

    Parameters
    ----------
    content
        What it holds. Every text from a file is escaped.
    library
        The JavaScript that draws the charts.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    folder = resources.files("correlates.report").joinpath("assets")

    def part(name: str) -> str:
        return folder.joinpath(name).read_text(encoding="utf-8")

    parts = [p for section in content.sections for p in section.parts]
    charts = {p.name: p.spec for p in parts if isinstance(p, Drawn)}
    tables = {p.name: [_packed(c) for c in p.columns] for p in parts if isinstance(p, DisplayTable)}
    library, script = _inside_script(library), part("report.js")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(part("report.html.j2")).render(
        content=content,
        sections=[(s, [(_kind(p), p) for p in s.parts]) for s in content.sections],
        policy=Markup(_policy((library, script))),  # noqa: S704 made here, of base64 and our own words
        style=Markup(part("report.css")),  # noqa: S704 our own file
        script=Markup(script),  # noqa: S704 our own file
        library=Markup(library),  # noqa: S704 the charting library, made safe to stand in a script
        charts=Markup(_json_inside_script(charts)),  # noqa: S704 escaped there
        tables=Markup(_json_inside_script(tables)),  # noqa: S704 escaped there
        page_size=PAGE_SIZE,
        version=__version__,
    )


def _kind(part: Part) -> str:
    match part:
        case Text():
            return "text"
        case Source():
            return "source"
        case Drawn():
            return "figure"
        case DisplayTable():
            return "table"
        case Block():
            return "block"


def _policy(scripts: Iterable[str]) -> str:
    """What the page may do: run the two scripts it was made with, and nothing else; load nothing."""
    digests = (base64.b64encode(hashlib.sha256(s.encode("utf-8")).digest()).decode() for s in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _packed(column: Column) -> dict[str, object]:
    """A column as data: texts once each with the place of every row's, and the rank of its number."""
    places: dict[str, int] = {}
    rows = [places.setdefault(text, len(places)) for text in column.texts]
    packed: dict[str, object] = {"texts": list(places), "rows": rows}
    if column.sort is not None:
        order = {value: rank for rank, value in enumerate(sorted({v for v in column.sort if v is not None}))}
        packed["ranks"] = [None if v is None else order[v] for v in column.sort]
    return packed


def _json_inside_script(value: object) -> str:
    """JSON that cannot end the script element it stands in, whatever texts it holds."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return (
        text.replace("&", "\\u0026")
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )


def _inside_script(source: str) -> str:
    """Program text in which no string can end the script element it stands in."""
    return source.replace("</script", "<\\/script").replace("<!--", "<\\!--").replace("\r\n", "\n").replace("\r", "\n")
