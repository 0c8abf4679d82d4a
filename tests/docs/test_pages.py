"""Links lead somewhere, the table of contents is whole, and commands that pages name exist."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from correlates.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
NAMES = [str(p.relative_to(ROOT)) for p in PAGES]


def _prose(path: Path) -> str:
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@cache
def _anchors(path: Path) -> set[str]:
    found = set()
    for heading in re.findall(r"^#+ (.*)$", _prose(path), re.MULTILINE):
        named = re.search(r"\{#(\S+)\}\s*$", heading)
        text = re.sub(r"[^\w\s-]", "", re.sub(r"[`*]", "", heading)).strip().lower()
        found.add(named[1] if named else re.sub(r"[\s-]+", "-", text))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_links_resolve(name: str) -> None:
    path = ROOT / name
    for target in re.findall(r"\]\(([^)\s]+)\)", _prose(path)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), target
        if anchor:
            assert anchor in _anchors(there), target


def test_every_page_is_in_the_table_of_contents() -> None:
    lines = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = re.findall(r"^\s+- (?:.*: )?(\S+\.md)$", lines[lines.index("nav:") :], re.MULTILINE)
    assert len(named) == len(set(named))
    assert sorted(named) == sorted(p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md"))


def test_the_site_fetches_nothing() -> None:
    settings = YAML(typ="safe", pure=True).load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert settings["theme"]["font"] is False
    assert settings["use_directory_urls"] is False
    for page in PAGES:
        assert not re.search(r"<(script|link|img|iframe)|!\[[^\]]*\]\(https?:", _prose(page)), page


@pytest.mark.parametrize("name", NAMES)
def test_commands_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    commands = set(re.findall(r"(?:^\$ |`)(?:\.venv/bin/)?correlates ([a-z]+)", text, re.MULTILINE))
    assert commands <= set(app)
    targets = set(re.findall(r"(?:^\$ |`)make ([a-z]+)", text, re.MULTILINE))
    rules = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert targets <= rules


@pytest.mark.parametrize("name", NAMES)
def test_options_exist(name: str) -> None:
    """Options of commands that pages show are those of the command."""
    for line in re.findall(
        r"^\$ (?:\.venv/bin/)?(correlates [^|#\n]*)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE
    ):
        _, command, *words = line.split()
        reference = (DOCS / "reference" / "command-line.md").read_text(encoding="utf-8")
        section = reference.split(f"\n## {command}\n")[1].split("\n## ")[0]
        for word in words:
            if word.startswith("--"):
                assert f"`{word}" in section, line
