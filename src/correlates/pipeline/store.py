"""A run on disk: written beside its target, renamed when whole; tables of unchanged stages are taken over."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from correlates.errors import Problem, UsageError
from correlates.pipeline.manifest import MANIFEST, Manifest, read_manifest
from correlates.schema import CHECKS, TABLES, conform

Progress = Callable[[str], None]
Tables = dict[str, pl.DataFrame]
_DECLARED = {table.name: table for table in TABLES}


def silent(message: str) -> None:
    """Progress that is not shown."""
    del message


@dataclass(slots=True, kw_only=True)
class Store:
    """The tables of one run while it is made. ``keys`` are the stage keys of this run, ``previous`` a finished one."""

    folder: Path
    keys: Mapping[str, str]
    previous: Path | None
    progress: Progress = silent
    tables: Tables = field(default_factory=dict)
    checks: list[pl.DataFrame] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    reused: list[str] = field(default_factory=list)

    def stage(
        self, name: str, produces: tuple[str, ...], make: Callable[[], Tables], *, writes: str | None = None
    ) -> None:
        """Make the tables of a stage, or take them over from the previous run when its key is the same.

        ``make`` returns the tables in ``produces`` and, where it has any, ``checks``. ``writes`` names the folder of the run
        into which it writes files of its own, which are taken over with the tables.
        """
        began = time.perf_counter()
        old = read_manifest(self.previous) if self.previous is not None else None
        if old is not None and self.previous is not None and old.stages.get(name) == self.keys[name]:
            made = {table: pl.read_parquet(self.previous / "tables" / f"{table}.parquet") for table in produces}
            checks = pl.read_parquet(self.previous / "tables" / "checks.parquet").filter(pl.col("stage") == name)
            if writes is not None and (self.previous / writes).is_dir():
                shutil.copytree(self.previous / writes, self.folder / writes)
            self.reused.append(name)
        else:
            made = make()
            checks = made.pop("checks", CHECKS.empty()).with_columns(stage=pl.lit(name))
            made = {table: conform(frame, _DECLARED[table]) for table, frame in made.items()}
        if set(made) != set(produces):
            raise KeyError(f"stage {name} made {sorted(made)}, declared {sorted(produces)}")
        self.checks.append(checks)
        self.tables.update(made)
        for table, frame in made.items():
            frame.write_parquet(self.folder / "tables" / f"{table}.parquet")
        self.seconds[name] = round(time.perf_counter() - began, 3)
        self.progress(
            f"{name}: {self._summary(made)} ({self.seconds[name]:.1f} s{', unchanged' if name in self.reused else ''})"
        )

    def close(self) -> None:
        """Write the checks of all stages."""
        merged = conform(pl.concat(self.checks).unique(maintain_order=True), CHECKS)
        self.tables["checks"] = merged
        merged.write_parquet(self.folder / "tables" / "checks.parquet")

    @staticmethod
    def _summary(made: Tables) -> str:
        return ", ".join(f"{frame.height:,} {name.replace('_', ' ')}" for name, frame in made.items() if frame.height)


def guard(target: Path, *, force: bool) -> None:
    """Refuse a target that must not be replaced.

    Raises
    ------
    UsageError
        The target holds a finished run and ``force`` is not given, or something that is not a run.
    """
    if not target.exists():
        return
    if not target.is_dir() or (any(target.iterdir()) and not (target / MANIFEST).is_file()):
        raise UsageError(
            Problem(
                code="not-a-run",
                what=f"{str(target)!r} exists and is not a run folder",
                do="Choose another folder with --out",
            )
        )
    if any(target.iterdir()) and not force:
        raise UsageError(
            Problem(
                code="run-exists",
                what=f"{str(target)!r} holds a finished run made from other inputs, another plan or other code",
                do="Replace it with --force (unchanged stages are reused), or write elsewhere with --out",
            )
        )


@contextmanager
def staging(target: Path) -> Iterator[Path]:
    """A folder beside ``target`` that takes its place when the block ends well, and vanishes when it does not."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target)
    folder = target.parent / f".{target.name}.{os.getpid()}.part"
    (folder / "tables").mkdir(parents=True)
    (folder / "figures").mkdir()
    try:
        yield folder
        if not (folder / MANIFEST).is_file():
            raise FileNotFoundError(folder / MANIFEST)
        _replace(folder, target)
    finally:
        if folder.exists():
            shutil.rmtree(folder)


def _replace(folder: Path, target: Path) -> None:
    old = target.parent / f".{target.name}.{os.getpid()}.old"
    if target.exists():
        target.rename(old)
    try:
        folder.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    if old.exists():
        shutil.rmtree(old)


def _sweep(target: Path) -> None:
    """Remove what killed runs left beside the target; a run that was moved aside and not replaced is put back."""
    pattern = re.compile(re.escape(f".{target.name}.") + r"(\d+)\.(part|old)$")
    for path in target.parent.glob(f".{target.name}.*"):
        match = pattern.match(path.name)
        if match is None or _alive(int(match[1])):
            continue
        if match[2] == "old" and not target.exists():
            path.rename(target)
        else:
            shutil.rmtree(path)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """A finished run on disk."""

    folder: Path
    manifest: Manifest

    def table(self, name: str) -> pl.DataFrame:
        """A table of the run; empty where the run has none of that name."""
        path = self.folder / "tables" / f"{name}.parquet"
        return pl.read_parquet(path) if path.is_file() else _DECLARED[name].empty()


def open_run(folder: Path) -> FinishedRun:
    """Open a run folder.

    Raises
    ------
    UsageError
        There is no finished run.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise UsageError(
            Problem(
                code="no-run",
                what=f"{str(folder)!r} is not a finished run",
                expected=f"a folder with {MANIFEST}",
                do="Make one with 'correlates run PLAN'",
            )
        )
    return FinishedRun(folder=folder, manifest=manifest)
