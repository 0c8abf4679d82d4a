"""The causal graph for people: drawn and tabulated from its own tables.

``python -m correlates.simulate.describe PAGE`` writes the tables into the marked parts of a Markdown page.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from correlates.simulate.causal import DEFAULT, Coefficients
from correlates.simulate.cytokines import ANALYTES

_SHAPES: dict[str, tuple[str, str]] = {"latent": ("([", "])"), "exact": ("{{", "}}"), "measured": ("[", "]")}


def mermaid(coefficients: Coefficients = DEFAULT, *, direction: Literal["LR", "TD"] = "LR") -> str:
    """The graph as a Mermaid flowchart; nodes and edges without any effect are left out.

    Measured quantities are boxes, latent ones rounded, exact products and quotients hexagons, outcomes circles.
    """
    drawn = [e for e in coefficients.edges if e.coefficient]
    used = {name for e in drawn for name in (e.cause, e.effect)}
    lines = [f"flowchart {direction}"]
    for node in coefficients.nodes:
        if node.name in used:
            kind = "exact" if node.exact else ("measured" if node.measured else "latent")
            opening, closing = _SHAPES[kind]
            lines.append(f'  {node.name}{opening}"{node.label}"{closing}')
    outcomes = used - {node.name for node in coefficients.nodes}
    lines.extend(f'  {name}(("{name.replace("_", " ")}"))' for name in sorted(outcomes))
    lines.extend(f'  {e.cause} -->|"{e.coefficient:+g}"| {e.effect}' for e in drawn)
    return "\n".join(lines)


def node_table(coefficients: Coefficients = DEFAULT) -> str:
    """Nodes as a Markdown table: median, spread, bounds, source."""
    rows = ["| node | label | unit | median | spread | bounds | source |", "|---|---|---|---|---|---|---|"]
    for n in coefficients.nodes:
        if n.exact:
            median, spread, bounds = "exact", "", ""
        else:
            median, spread = f"{n.typical:g}", f"{n.spread:g}{' (ln)' if n.transform == 'log' else ''}"
            sides = ("" if v is None else f"{v:g}" for v in (n.low, n.high))
            bounds = " to ".join(sides) if n.low is not None or n.high is not None else ""
        rows.append(f"| `{n.name}` | {n.label} | {n.unit} | {median} | {spread} | {bounds} | {n.source} |")
    return "\n".join(rows)


def edge_table(coefficients: Coefficients = DEFAULT) -> str:
    """Edges as a Markdown table."""
    rows = ["| cause | effect | coefficient | scale | why, source |", "|---|---|---|---|---|"]
    rows += [
        f"| `{e.cause}` | `{e.effect}` | {e.coefficient:+g} | {e.scale} | {e.source} |" for e in coefficients.edges
    ]
    return "\n".join(rows)


def constant_table(coefficients: Coefficients = DEFAULT) -> str:
    """Constants as a Markdown table."""
    rows = ["| constant | value | unit | source |", "|---|---|---|---|"]
    rows += [f"| `{c.name}` | {c.value:g} | {c.unit} | {c.source} |" for c in coefficients.constants]
    return "\n".join(rows)


def analyte_table() -> str:
    """Serum analytes as a Markdown table: levels, effects as natural logarithms of fold changes, range of the assay."""
    head = [
        "analyte",
        "assay",
        "baseline pg/mL",
        "inflammation",
        "conditioning",
        "rise",
        "peak",
        "CRS",
        "neurologic",
        "range pg/mL",
    ]
    rows = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    rows += [
        f"| {a.label} (`{a.code}`) | {a.panel} | {a.typical:g} | {a.inflammation:g} | {a.conditioning:+g} | {a.rise:+g} "
        f"| {a.expansion:+g} | {a.crs:+g} | {a.neurotoxicity:+g} | {a.lloq:g} to {a.uloq:g} |"
        for a in ANALYTES
    ]
    return "\n".join(rows)


_MADE: dict[str, Callable[[], str]] = {
    "mermaid": lambda: f"```mermaid\n{mermaid()}\n```",
    "node_table": node_table,
    "edge_table": edge_table,
    "constant_table": constant_table,
    "analyte_table": analyte_table,
}
_PART = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def refresh(page: str) -> str:
    """A Markdown page with each part between ``<!-- made: NAME -->`` and ``<!-- end -->`` made anew."""
    return _PART.sub(lambda found: f"{found[1]}{_MADE[found[2]]()}\n{found[3]}", page)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(refresh(target.read_text(encoding="utf-8")), encoding="utf-8")
