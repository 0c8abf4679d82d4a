import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from correlates.errors import UsageError
from correlates.pipeline.manifest import Manifest, read_manifest, write_manifest
from correlates.pipeline.store import Store, guard, open_run, staging
from correlates.schema import ANALYSIS


def manifest(**stages: str) -> Manifest:
    return Manifest(
        study="S",
        title="T",
        plan="",
        plan_sha256="",
        code="",
        stages=stages,
        inputs={},
        tables={},
        figures=(),
        environment={},
    )


def test_a_run_appears_whole(tmp_path: Path):
    target = tmp_path / "run"
    with staging(target) as folder:
        assert not target.exists()
        write_manifest(manifest(), folder)
    assert read_manifest(target) == manifest()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]


def test_a_run_that_fails_leaves_the_old_one(tmp_path: Path):
    target = tmp_path / "run"
    with staging(target) as folder:
        write_manifest(manifest(read="1"), folder)
    with pytest.raises(ZeroDivisionError), staging(target):
        raise ZeroDivisionError
    assert read_manifest(target) == manifest(read="1")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]


def test_what_a_killed_run_left_is_swept_away(tmp_path: Path):
    target = tmp_path / "run"
    code = (
        "import os, signal, sys; from pathlib import Path; from correlates.pipeline.store import staging\n"
        "with staging(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'tables' / 'half.parquet').write_text('x'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(target)], check=False)
    assert done.returncode == -9
    assert not target.exists()
    left = [p.name for p in tmp_path.iterdir()]
    assert len(left) == 1
    assert left[0].endswith(".part")
    with staging(target) as folder:
        write_manifest(manifest(), folder)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]


def test_an_old_run_moved_aside_by_a_killed_one_is_put_back(tmp_path: Path):
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    old = tmp_path / f".run.{int(gone.stdout)}.old"
    old.mkdir()
    write_manifest(manifest(read="1"), old)
    with pytest.raises(ZeroDivisionError), staging(tmp_path / "run"):
        raise ZeroDivisionError
    assert read_manifest(tmp_path / "run") == manifest(read="1")


def test_a_finished_run_is_not_replaced_without_force(tmp_path: Path):
    target = tmp_path / "run"
    with staging(target) as folder:
        write_manifest(manifest(), folder)
    with pytest.raises(UsageError, match="--force"):
        guard(target, force=False)
    guard(target, force=True)


def test_a_folder_that_is_no_run_is_never_replaced(tmp_path: Path):
    (tmp_path / "thesis.docx").write_text("x")
    with pytest.raises(UsageError, match="not a run folder"):
        guard(tmp_path, force=True)
    guard(tmp_path / "new", force=False)


def test_open_run_says_what_is_missing(tmp_path: Path):
    with pytest.raises(UsageError, match=r"not a finished run.*correlates run PLAN"):
        open_run(tmp_path)


def make(folder: Path, previous: Path | None, key: str, value: float, calls: list[str]) -> Store:
    (folder / "tables").mkdir(parents=True)
    store = Store(folder=folder, keys={"dataset": key}, previous=previous)

    def compute() -> dict[str, pl.DataFrame]:
        calls.append(key)
        return {"analysis": pl.DataFrame({"subject_id": ["s"], "X": [value]})}

    store.stage("dataset", ("analysis",), compute)
    store.close()
    write_manifest(manifest(dataset=key), folder)
    return store


def test_a_stage_with_the_same_key_is_taken_over(tmp_path: Path):
    calls: list[str] = []
    first = make(tmp_path / "a", None, "k1", 1.0, calls)
    again = make(tmp_path / "b", tmp_path / "a", "k1", 2.0, calls)
    changed = make(tmp_path / "c", tmp_path / "a", "k2", 3.0, calls)
    assert calls == ["k1", "k2"]
    assert again.reused == ["dataset"]
    assert again.tables["analysis"].equals(first.tables["analysis"])
    assert changed.tables["analysis"]["X"].to_list() == [3.0]


def test_a_stage_must_make_what_it_declares(tmp_path: Path):
    (tmp_path / "tables").mkdir()
    store = Store(folder=tmp_path, keys={"x": "k"}, previous=None)
    with pytest.raises(KeyError, match="declared"):
        store.stage("x", ("analysis", "burden"), lambda: {"analysis": ANALYSIS.empty()})
