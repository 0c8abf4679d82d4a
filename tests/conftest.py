"""A small and a whole simulated trial, made once for all workers."""

from __future__ import annotations

import os
import re

# before numpy is loaded: two workers with as many BLAS threads each as there are cores wait for each other (measured: 60 times)
os.environ.setdefault("OMP_NUM_THREADS", "1")

import shutil
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import settings

# The tests pass or fail alike for everybody; ``--hypothesis-profile search`` looks for examples that nobody has seen.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile("same")


def _once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Make a folder once, whichever worker comes first; the others wait for it."""
    done, lock, failed = (folder.with_suffix(ending) for ending in (".done", ".lock", ".failed"))
    try:
        os.mkdir(lock)  # noqa: PTH102 the return of mkdir is the lock
    except FileExistsError:
        for _ in range(2400):
            if done.exists():
                return folder
            if failed.exists():
                break
            time.sleep(0.1)
        raise RuntimeError(f"{folder} was not made: see the error of the worker that tried") from None
    try:
        make(folder)
    except BaseException:
        failed.touch()
        raise
    done.touch()
    return folder


def _shared(factory: pytest.TempPathFactory, name: str) -> Path:
    base = factory.getbasetemp()
    return (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / name


def plan_text() -> str:
    """The plan of the simulated trial."""
    return resources.files("correlates.simulate").joinpath("plan.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration, simulated and run: its folder holds plan.yaml, the raw files, truth.parquet and run/."""

    def make(folder: Path) -> None:
        from correlates.cli import main

        assert main(["demo", "--out", str(folder)]) == 0

    return _once(_shared(tmp_path_factory, "demo"), make)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw files of a small trial with a plan that leaves the serum analytes out; not run."""

    def make(folder: Path) -> None:
        from correlates.simulate import draw
        from correlates.simulate.warts import CLEAN
        from correlates.simulate.write import Extent, write_trial

        write_trial(draw(7, n=20), folder, warts=CLEAN, extent=Extent(ddpcr=True, luminex_panels=0, simple_plex=False))
        (folder / "plan.yaml").write_text(_without_serum(plan_text()))

    return _once(_shared(tmp_path_factory, "small"), make)


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory, small: Path) -> Path:
    """The small trial with its finished run in run/; not to be spoiled."""

    def make(folder: Path) -> None:
        from correlates.cli import main

        shutil.copytree(small, folder)
        assert main(["run", str(folder / "plan.yaml")]) == 0

    return _once(_shared(tmp_path_factory, "small_run"), make)


@pytest.fixture
def trial(small: Path, tmp_path: Path) -> Path:
    """A copy of the small trial that a test may spoil."""
    return Path(shutil.copytree(small, tmp_path / "trial"))


@pytest.fixture
def finished(small_run: Path, tmp_path: Path) -> Path:
    """A copy of the small trial with its run that a test may spoil."""
    return Path(shutil.copytree(small_run, tmp_path / "finished"))


_LEFT_OUT = (
    "exposure_rules",
    "forest",
    "selected",
    "balance",
    "ratio_or_parts",
    "by_patient",
    "curves",
    "who_is_missing",
    "survival_by_burden",
    "pfs_by_risk_factors",
    "crs_by_grade",
)
"""Analyses that the small trial leaves out: whole runs of it are made many times, and the demonstration has them."""


def _without_serum(text: str) -> str:
    start, end = text.index("  cytokines:\n"), text.index("parameters:\n")
    kept = text[:start] + text[end:]
    lines = [line for line in kept.splitlines() if "of: cytokines" not in line and "of: simple_plex" not in line]
    kept = "\n".join(line for line in lines if not line.strip().startswith(("day_0:", "pharmacodynamics:")))
    kept = kept.replace(", BASELINE.*]", "]").replace("bootstrap: 200, repeats: 2", "bootstrap: 20, repeats: 1")
    before, analyses, after = re.split(r"^(analyses:\n(?:  .*\n|\n)*)", kept, maxsplit=1, flags=re.MULTILINE)
    for name in _LEFT_OUT:
        analyses, found = re.subn(rf"^  {name}:.*\n(?:    .*\n)*", "", analyses, flags=re.MULTILINE)
        assert found == 1, f"the plan of the simulated trial has no analysis {name}"
    kept = before + analyses + re.sub(r"^  (response_curves|quartile_rates):.*\n", "", after, flags=re.MULTILINE)
    return kept + "\n"
