"""The house keeps its shape: import contracts, a command line that answers at once, small files, plain words."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "correlates"
KEPT = [
    path
    for folder in ("src", "tests", "scripts", "benchmarks", "docs")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".md", ".yaml", ".j2", ".js", ".css"} and path.is_file()
]
HEAVY = {
    "polars",
    "numpy",
    "scipy",
    "altair",
    "vl_convert",
    "pyreadstat",
    "pydantic",
    "ruamel",
    "jinja2",
    "pandas",
    "rdmlpython",
}


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "code",
    [
        "import correlates",
        "from correlates.cli import main; main(['--help'])",
        "from correlates.cli import main; main(['run', '--help'])",
        "from correlates.cli import main; main(['--version'])",
    ],
)
def test_nothing_heavy_is_loaded_to_answer(code: str) -> None:
    text = f"import sys\n{code}\nprint('loaded', *sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split()[1:])
    assert "correlates" in loaded
    assert not loaded & HEAVY


def test_files_are_small() -> None:
    code = [path for path in KEPT if path.suffix == ".py"]
    assert len(code) > 150
    assert {
        str(p.relative_to(ROOT)): n for p in code if (n := len(p.read_text(encoding="utf-8").splitlines())) > 600
    } == {}


def test_no_module_is_a_drawer() -> None:
    """A name that says nothing of what is in it."""
    assert not [p for p in SOURCE.rglob("*.py") if p.stem in {"utils", "util", "helpers", "common", "misc"}]


def test_no_word_that_does_not_belong() -> None:
    words = ["TO" + "DO", "FIX" + "ME", "pragma: no " + "cover", "coming " + "soon", "/wo" + "rk/", "lorem " + "ipsum"]
    found = [
        (str(path.relative_to(ROOT)), word)
        for path in KEPT
        for word in words
        if word in path.read_text(encoding="utf-8")
    ]
    assert found == []


def test_random_identifiers_are_not_made() -> None:
    for path in SOURCE.rglob("*.py"):
        assert not re.search(
            r"\buuid\b|np\.random\.(?!default_rng|Generator|SeedSequence|PCG64)\w+\(", path.read_text(encoding="utf-8")
        ), path


def test_only_figures_import_the_charting_library_at_all() -> None:
    """The contract passes over imports inside functions of packages it does not name; the text does not."""
    users = {
        p.relative_to(SOURCE).parts[0]
        for p in SOURCE.rglob("*.py")
        if re.search(r"^\s*(import|from) (altair|vl_convert)\b", p.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert users <= {"figures"}
