"""Run the examples of the documentation, and write their output into the pages.

A comment before a fenced block says what is done with it:

``<!-- run -->``
    A ``console`` block: lines that begin with ``$`` are commands, the lines after one are its standard output. A ``python``
    block is run; blocks of a page share their names.
``<!-- output -->``
    What the Python block before it printed.
``<!-- file: PATH -->``
    The block is written to PATH first.

All of it happens in a fresh folder per page that holds ``demo``, the simulated trial and its run.
``python scripts/doc_examples.py DEMO [PAGE ...]`` refreshes the outputs; a test holds the pages against them.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_BLOCK = re.compile(r"^<!-- (run|output|file: (\S+)) -->\n```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Pages with examples that run."""
    return [p for p in sorted((ROOT / "docs").rglob("*.md")) if _BLOCK.search(p.read_text(encoding="utf-8"))]


def refreshed(text: str, folder: Path) -> str:
    """The text of a page with the outputs that its examples give now.

    Parameters
    ----------
    text
        The page.
    folder
        Where the examples run.
    """
    names: dict[str, object] = {"__name__": "page"}
    printed = ""
    parts: list[str] = []
    end = 0
    for match in _BLOCK.finditer(text):
        what, path, language, body = match.groups()
        if path:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(body, encoding="utf-8")
        elif what == "output":
            body = printed
        elif language == "python":
            printed = _python(body, names, folder)
        else:
            body = "".join(f"$ {command}\n{_shell(command, folder)}" for command in _commands(body))
        parts += [text[end : match.start()], f"<!-- {what} -->\n```{language}\n{body}```"]
        end = match.end()
    return "".join([*parts, text[end:]])


def _commands(body: str) -> Iterator[str]:
    return (line[2:] for line in body.splitlines() if line.startswith("$ "))


def _shell(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(  # noqa: S603 commands of our own documentation
        [shutil.which("bash") or "/bin/bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and not done.stdout:
        raise RuntimeError(f"{command}: exit {done.returncode}: {done.stderr}")
    return _trimmed(done.stdout)


def _python(body: str, names: dict[str, object], folder: Path) -> str:
    out = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out):
        exec(compile(body, "<page>", "exec"), names)  # noqa: S102 examples of our own documentation
    return _trimmed(out.getvalue())


def _trimmed(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def main(argv: list[str]) -> int:
    """Refresh the pages named (all without names) by the demonstration in a folder."""
    demo = Path(argv[0]).resolve()
    for page in [Path(name).resolve() for name in argv[1:]] or pages():
        before = page.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "demo").symlink_to(demo, target_is_directory=True)
            after = refreshed(before, Path(folder))
        if after != before:
            page.write_text(after, encoding="utf-8")
            sys.stderr.write(f"refreshed {page.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
