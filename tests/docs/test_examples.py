"""Examples of the pages print what the pages show, and examples of docstrings are true."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest
from scripts.doc_examples import pages, refreshed

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
PAGES = [str(page.relative_to(ROOT)) for page in pages()]
MODULES = [
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(SOURCE.rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", PAGES)
def test_examples_of_a_page(name: str, demo: Path, tmp_path: Path) -> None:
    (tmp_path / "demo").symlink_to(demo, target_is_directory=True)
    text = (ROOT / name).read_text(encoding="utf-8")
    assert refreshed(text, tmp_path) == text, "see the last paragraph of CONTRIBUTING.md"


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings(name: str) -> None:
    outcome = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_there_are_examples() -> None:
    assert len(PAGES) >= 7
    assert MODULES
