"""The reference says what the source says: pages made from it are those committed, and every code and page is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from scripts.make_reference import pages

from correlates.association import INQUIRIES, METHODS
from correlates.endpoints import ENDPOINTS
from correlates.parameters import PARAMETERS

MADE = pages()
ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
SOURCE = ROOT / "src" / "correlates"


@pytest.mark.parametrize("name", sorted(MADE))
def test_committed_page_is_the_one_the_source_makes(name: str) -> None:
    committed = (REFERENCE / name).read_text(encoding="utf-8")
    assert committed == MADE[name], "run scripts/make_reference.py"


def test_every_error_code_is_documented() -> None:
    """Codes are found here by the text of the source, where the page finds them in its syntax tree."""
    documented = set(re.findall(r"^### (\S+)$", (REFERENCE / "errors.md").read_text(encoding="utf-8"), re.MULTILINE))
    codes = set()
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        codes |= set(re.findall(r"Problem\(\s*code=\"([a-z0-9-]+)\"", text))
        codes |= set(re.findall(r"unknown\([^()]*?code=\"([a-z0-9-]+)\"\)", text))
    assert len(codes) > 80
    assert codes <= documented


def test_every_exit_code_is_documented() -> None:
    text = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    tree = ast.parse((SOURCE / "errors.py").read_text(encoding="utf-8"))
    found = {
        node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and getattr(node.targets[0], "id", "") == "exit_code"
        and isinstance(node.value, ast.Constant)
    }
    assert found == {2, 3, 4, 5, 70}
    assert all(f"| {code} |" in text for code in found)


@pytest.mark.parametrize(
    "page",
    sorted({p.docs for p in PARAMETERS} | {e.page for e in ENDPOINTS} | {m.docs for m in (*METHODS, *INQUIRIES)}),
)
def test_page_of_a_record_exists_and_says_something(page: str) -> None:
    assert len((ROOT / "docs" / page).read_text(encoding="utf-8")) > 500
