"""Content to one HTML file that opens offline and asks nothing of anywhere."""

from __future__ import annotations

import json
from importlib import resources

from correlates._version import __version__
from correlates.report.content import Content

PAGE_SIZE = 40
"""Rows of a table shown before 'Show all'."""


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

    charts = {figure.name: figure.spec for section in content.sections for figure in section.figures}
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(part("report.html.j2")).render(
        content=content,
        style=Markup(part("report.css")),  # noqa: S704 our own file
        script=Markup(part("report.js")),  # noqa: S704 our own file
        library=Markup(_inside_script(library)),  # noqa: S704 the charting library, made safe to stand in a script
        charts=Markup(_json_inside_script(charts)),  # noqa: S704 escaped there
        page_size=PAGE_SIZE,
        version=__version__,
    )


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
    return source.replace("</script", "<\\/script").replace("<!--", "<\\!--")
