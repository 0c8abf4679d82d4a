"""Charts as pictures, and the charting library for a page that is opened offline."""

from __future__ import annotations

import json
from pathlib import Path

from correlates.figures.record import Drawn


def svg(drawn: Drawn) -> str:
    """The chart as SVG."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(drawn.spec))


def png(drawn: Drawn, *, scale: float = 2.0) -> bytes:
    """The chart as PNG; a ``scale`` of 3.125 gives 300 dots per inch at the printed size."""
    import vl_convert

    return bytes(vl_convert.vegalite_to_png(drawn.spec, scale=scale))


def save(drawn: Drawn, folder: Path) -> None:
    """Write the chart as SVG, its data as CSV and its specification as JSON."""
    (folder / f"{drawn.name}.svg").write_text(svg(drawn), encoding="utf-8")
    drawn.data.write_csv(folder / f"{drawn.name}.csv")
    text = json.dumps(drawn.spec, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    (folder / f"{drawn.name}.json").write_text(text + "\n", encoding="utf-8")


def library() -> str:
    """The JavaScript that draws the specifications: one text, no request to anywhere.

    It is the bundle that vl-convert carries (Vega, Vega-Lite and Vega-Embed), put together anew: about two seconds, in which
    other threads can work.
    """
    import vl_convert

    return str(vl_convert.javascript_bundle(None))  # type: ignore[arg-type]  # None asks for the whole bundle
