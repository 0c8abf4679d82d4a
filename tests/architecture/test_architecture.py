"""The house keeps its shape: import contracts, a command line that answers at once, small files, plain words."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
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
    "vl_convert",
    "pyreadstat",
    "pydantic",
    "ruamel",
    "jinja2",
    "pandas",
    "rdmlpython",
}


# the words that tell the kinds of settings apart in a plan, and those that the pipeline reads for the stage
READ_ELSEWHERE = {"kind", "derive", "take", "label", "files", "labels", "scale"}


def _imports() -> Iterator[tuple[Path, str, tuple[str, ...]]]:
    """Every import of the source: file, module, names."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name, ()) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield path, node.module, tuple(alias.name for alias in node.names)


IMPORTS = tuple(_imports())


def _module(requirement: str) -> str:
    """The module that a requirement installs, where it is not called like it."""
    name = re.split(r"[<>=\[ ]", requirement, maxsplit=1)[0]
    called = {
        "ruamel.yaml": "ruamel",
        "vl-convert-python": "vl_convert",
        "scikit-learn": "sklearn",
        "pytest-xdist": "xdist",
    }
    return called.get(name, name.replace("import-linter", "importlinter").replace("-", "_"))


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


def test_only_figures_import_the_library_that_draws() -> None:
    """The contract passes over packages it does not name; the text does not."""
    assert {path.relative_to(SOURCE).parts[0] for path, module, _ in IMPORTS if module == "vl_convert"} <= {"figures"}


def test_dependencies_are_those_imported() -> None:
    """What is imported is declared, and what is declared is imported: by the package, or for development by the tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    third = {module.partition(".")[0] for _, module, _ in IMPORTS} - set(sys.stdlib_module_names) - {"correlates"}
    of_extra = {_module(line) for line in project["optional-dependencies"]["population"]}
    assert of_extra <= third
    assert {_module(line) for line in project["dependencies"]} == third - of_extra
    tools = {"importlinter", "mypy", "xdist", "ruff", "scipy_stubs"}
    others = "\n".join(p.read_text(encoding="utf-8") for p in KEPT if p.suffix == ".py" and SOURCE not in p.parents)
    for module in {_module(line) for line in project["optional-dependencies"]["dev"]} - tools:
        assert re.search(rf"(import|from|importorskip\(.) ?{module}\b", others), module


def test_the_package_does_not_import_from_its_own_top() -> None:
    """``from correlates import x`` loads the public names, and with them every stage, unless x is a module of its own."""
    modules = {path.stem for path in SOURCE.iterdir()}
    assert [
        (str(p), n) for p, module, names in IMPORTS if module == "correlates" for n in names if n not in modules
    ] == []


def test_every_test_file_has_a_name_of_its_own() -> None:
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


def test_every_setting_is_read() -> None:
    """A field of the settings of a stage that no module of the stage reads does nothing."""
    unread = []
    for settings in sorted(SOURCE.rglob("settings.py")):
        stage = [p.read_text(encoding="utf-8") for p in settings.parent.glob("*.py") if p != settings]
        read = {node.attr for text in stage for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
        words = {
            node.value
            for text in stage
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        for record in ast.parse(settings.read_text(encoding="utf-8")).body:
            if isinstance(record, ast.ClassDef):
                fields = [
                    f.target.id for f in record.body if isinstance(f, ast.AnnAssign) and isinstance(f.target, ast.Name)
                ]
                unread += [
                    f"{settings.parent.name}.{record.name}.{f}"
                    for f in fields
                    if f not in read | words | READ_ELSEWHERE
                ]
    assert unread == []
