"""Charts as pictures, and the charting library for a page that is opened offline."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from correlates.figures.record import Drawn


def svg(drawn: Drawn) -> str:
    """The chart as SVG."""
    import vl_convert

    return _numbered_anew(str(vl_convert.vegalite_to_svg(drawn.spec)))


def _numbered_anew(text: str) -> str:
    """The picture with its clip paths and gradients numbered from 1: the renderer counts on over all pictures it has made."""
    names = dict.fromkeys(re.findall(r'id="((?:clip|gradient_)\d+)"', text))
    for index, name in enumerate(names, start=1):
        stem = name.rstrip("0123456789")
        text = re.sub(rf'(["#]){name}(["\)])', rf"\1@{stem}{index}\2", text)
    return re.sub(r'(["#])@(clip|gradient_)', r"\1\2", text)


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


_BUNDLE = "import sys, vl_convert; sys.stdout.buffer.write(vl_convert.javascript_bundle(None).encode())"


@contextmanager
def library() -> Iterator[Callable[[], str]]:
    """The JavaScript that draws the specifications: one text, no request to anywhere.

    It is the bundle that vl-convert carries (Vega, Vega-Lite and Vega-Embed), put together anew. That takes two seconds in which
    vl-convert lets no other thread work, so a process of its own does it: it starts with the context, and the function that
    the context gives waits for it.
    """
    import vl_convert

    def text() -> str:
        made, _ = process.communicate()
        if process.returncode == 0:
            return made.decode("utf-8")
        return str(vl_convert.javascript_bundle(None))  # type: ignore[arg-type]  # None asks for the whole bundle

    command = [sys.executable, "-P", "-c", _BUNDLE]
    with subprocess.Popen(  # noqa: S603 our own words
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield text
        finally:
            process.kill()
