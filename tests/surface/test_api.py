"""The public names: there, cheap, the same objects as in their modules, and documented."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import correlates

ROOT = Path(__file__).resolve().parents[2]
NAMES = [name for name in correlates.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", NAMES)
def test_name_is_there_and_documented(name: str) -> None:
    value = getattr(correlates, name)
    if name.isupper():
        assert isinstance(value, tuple)
        assert value
    else:
        assert inspect.getdoc(value)
    assert f"`{name}" in (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")


def test_what_a_type_checker_sees_is_what_a_user_gets() -> None:
    """The block under TYPE_CHECKING names the same objects as the lazy imports."""
    tree = ast.parse(Path(str(correlates.__file__)).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    declared = {
        alias.asname or alias.name: (str(line.module), alias.name)
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }
    assert set(declared) == set(NAMES)
    for name, (module, attribute) in declared.items():
        assert getattr(correlates, name) is getattr(importlib.import_module(module), attribute)


def test_no_name_is_that_of_a_subpackage() -> None:
    """Importing a subpackage sets an attribute of its name, which would take the place of a function."""
    assert not {module.name for module in pkgutil.iter_modules(correlates.__path__)} & set(NAMES)


def test_all_is_complete_and_listed() -> None:
    assert set(correlates.__all__) <= set(dir(correlates))
    assert len(correlates.__all__) == len(set(correlates.__all__))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'analyse'"):
        correlates.analyse  # noqa: B018


def test_import_loads_no_library() -> None:
    code = "import sys; before = set(sys.modules); import correlates; print(*sorted(set(sys.modules) - before))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert {
        name.partition(".")[0] for name in out.split() if name.partition(".")[0] not in sys.stdlib_module_names
    } == {"correlates"}
