"""The command line as a user meets it: what a run makes, what it reuses, what it refuses and how."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from correlates.cli import main


def refuse(capsys: pytest.CaptureFixture[str], code: int, *argv: str) -> str:
    assert main(list(argv)) == code
    return capsys.readouterr().err


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_run_makes_a_whole_folder(demo: Path):
    run = demo / "run"
    whole = ["figures", "manifest.json", "methods.md", "models", "report.html", "tables"]
    assert sorted(p.name for p in run.iterdir()) == whole
    manifest = json.loads((run / "manifest.json").read_text())
    for name, rows in manifest["tables"].items():
        assert pl.read_parquet(run / "tables" / f"{name}.parquet").height == rows
    for name in manifest["figures"]:
        for ending in ("svg", "csv", "json"):
            assert (run / "figures" / f"{name}.{ending}").stat().st_size > 0
    assert not [p for p in demo.iterdir() if p.name.startswith(".run")]


def test_a_second_run_with_nothing_changed_says_so(demo: Path, capsys: pytest.CaptureFixture[str]):
    before = (demo / "run" / "manifest.json").stat().st_mtime_ns
    assert main(["run", str(demo / "plan.yaml"), "--json"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["unchanged"] is True
    assert (demo / "run" / "manifest.json").stat().st_mtime_ns == before


def test_a_changed_analysis_reuses_what_it_can_and_needs_force(finished: Path, capsys: pytest.CaptureFixture[str]):
    plan = finished / "plan.yaml"
    edit(plan, "methods: [wilcoxon, firth, fisher]", "methods: [wilcoxon]")
    assert "--force" in refuse(capsys, 2, "run", str(plan))
    assert main(["run", str(plan), "--force", "--json"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["reused"] == ["read", "quantify", "agreement", "endpoints", "population", "parameters", "dataset"]


def test_the_same_plan_and_data_give_the_same_bytes(small: Path, small_run: Path, tmp_path: Path):
    again = tmp_path / "again"
    assert main(["run", str(small / "plan.yaml"), "--out", str(again)]) == 0
    first = small_run / "run"
    files = [path.relative_to(first) for path in sorted(first.rglob("*")) if path.is_file()]
    assert len(files) > 20
    for name in files:
        if name.name != "manifest.json":
            assert (first / name).read_bytes() == (again / name).read_bytes(), name


def test_the_report_can_be_made_again(finished: Path, capsys: pytest.CaptureFixture[str]):
    report = finished / "run" / "report.html"
    first = report.read_bytes()
    report.write_text("spoiled")
    assert main(["report", str(finished / "run")]) == 0
    assert report.read_bytes() == first
    assert "Report:" in capsys.readouterr().out


def test_check_names_all_problems_and_computes_nothing(trial: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["check", str(trial / "plan.yaml")]) == 0
    assert "nothing wrong" in capsys.readouterr().out
    assert not (trial / "run").exists()
    edit(trial / "plan.yaml", "exports/qpcr/*", "exports/qpr/*")
    edit(trial / "plan.yaml", "biomarker: CMAX_PER_BURDEN", "biomarker: CMAX_PER_BRUDEN")
    said = refuse(capsys, 3, "check", str(trial / "plan.yaml"))
    assert "matches no file" in said
    assert "Did you mean 'CMAX_PER_BURDEN'?" in said


def test_an_unknown_key(trial: Path, capsys: pytest.CaptureFixture[str]):
    edit(trial / "plan.yaml", "    lloq: 10", "    llod: 10")
    said = refuse(capsys, 3, "run", str(trial / "plan.yaml"))
    assert "Unknown key 'llod' in assays.car_qpcr (plan.yaml:" in said
    assert "Did you mean 'lloq'?" in said


def test_problems_as_json(trial: Path, capsys: pytest.CaptureFixture[str]):
    edit(trial / "plan.yaml", "    lloq: 10", "    llod: 10")
    assert main(["run", str(trial / "plan.yaml"), "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["error"] == "plan"
    assert document["problems"][0]["code"] == "unknown-key"
    assert document["problems"][0]["where"]["row"] > 1


def test_a_truncated_workbook(trial: Path, capsys: pytest.CaptureFixture[str]):
    book = openpyxl.Workbook()
    for i in range(200):
        book.active.append([f"value {i}", i])
    book.save(trial / "whole.xlsx")
    broken = trial / "exports" / "qpcr" / "broken.xlsx"
    broken.write_bytes((trial / "whole.xlsx").read_bytes()[:3000])
    said = refuse(capsys, 4, "run", str(trial / "plan.yaml"))
    assert "broken.xlsx" in said
    assert not (trial / "run").exists()


def test_what_is_odd_but_clear_changes_no_number(trial: Path, small_run: Path):
    """Exports in UTF-16, a manifest with decimal commas, and a record that stands twice, which is named."""
    for path in (trial / "exports" / "ddpcr").glob("*.csv"):
        path.write_bytes(path.read_text(encoding="utf-8").encode("utf-16"))
    manifest = trial / "samples.csv"
    rows = manifest.read_text().splitlines()
    manifest.write_text("\n".join(";".join(cell.replace(".", ",") for cell in row.split(",")) for row in rows) + "\n")
    product = trial / "product.csv"
    lines = product.read_text().splitlines(keepends=True)
    product.write_text("".join([*lines, lines[1]]))
    assert main(["run", str(trial / "plan.yaml")]) == 0

    def table(folder: Path, name: str) -> pl.DataFrame:
        return pl.read_parquet(folder / "run" / "tables" / f"{name}.parquet")

    for name, columns in (
        ("measurements", ["measurement_id", "value", "censoring", "lower", "upper"]),
        ("parameters", ["subject_id", "code", "value", "unit", "reason"]),
    ):
        assert table(trial, name).select(columns).equals(table(small_run, name).select(columns)), name
    found = table(trial, "checks").filter(pl.col("rule") == "duplicate-subject").row(0, named=True)
    assert lines[1].split(",")[0] in found["item"]
    assert found["action"] == "kept one"


def test_two_files_that_claim_one_plate(trial: Path, capsys: pytest.CaptureFixture[str]):
    first = sorted((trial / "exports" / "qpcr").glob("*.txt"))[0]
    copy = first.with_name("copy.txt")
    copy.write_bytes(first.read_bytes() + b"\n")
    said = refuse(capsys, 4, "run", str(trial / "plan.yaml"))
    assert "claim plate" in said
    assert "copy.txt" in said
    assert first.name in said


def test_the_same_file_under_two_names(trial: Path, capsys: pytest.CaptureFixture[str]):
    first = sorted((trial / "exports" / "qpcr").glob("*.txt"))[0]
    shutil.copy(first, first.with_name("copy.txt"))
    assert "The same content stands in 2 files" in refuse(capsys, 4, "run", str(trial / "plan.yaml"))


def test_a_sample_that_is_not_in_the_manifest(trial: Path, capsys: pytest.CaptureFixture[str]):
    manifest = trial / "samples.csv"
    lines = manifest.read_text().splitlines(keepends=True)
    gone = next(line for line in lines if "-B-D014" in line)
    manifest.write_text("".join(line for line in lines if line != gone))
    sample = gone.split(",")[0]
    said = refuse(capsys, 4, "run", str(trial / "plan.yaml"))
    assert f"Sample {sample!r} of car_qpcr is not in the manifest" in said
    assert "row " in said


def test_units_that_cannot_be_converted(trial: Path, capsys: pytest.CaptureFixture[str]):
    edit(trial / "plan.yaml", "label: LDH at baseline}", "unit: cells/uL, label: LDH at baseline}")
    said = refuse(capsys, 5, "run", str(trial / "plan.yaml"))
    assert "cells/uL" in said
    assert "LDH" in said


def test_a_patient_twice_with_different_records(trial: Path, capsys: pytest.CaptureFixture[str]):
    product = trial / "product.csv"
    lines = product.read_text().splitlines(keepends=True)
    cells = lines[1].split(",")
    cells[1] = "999.9"
    product.write_text("".join([*lines, ",".join(cells)]))
    said = refuse(capsys, 4, "run", str(trial / "plan.yaml"))
    assert cells[0] in said
    assert f"product.csv, row {len(lines) + 1}" in said or "rows 2" in said


def test_a_subject_nobody_enrolled(trial: Path, capsys: pytest.CaptureFixture[str]):
    product = trial / "product.csv"
    product.write_text(product.read_text() + product.read_text().splitlines()[1].replace("C19-001", "C19-999") + "\n")
    assert "'C19-999'" in refuse(capsys, 4, "run", str(trial / "plan.yaml"))


def test_a_target_nobody_measured(trial: Path, capsys: pytest.CaptureFixture[str]):
    edit(trial / "plan.yaml", "targets: {CAR: [CAR]}", "targets: {CAR: [CART]}")
    said = refuse(capsys, 4, "run", str(trial / "plan.yaml"))
    assert "No file of car_qpcr holds a target named 'CART'" in said
    assert "Did you mean 'CAR'?" in said


def test_a_killed_run_leaves_nothing_half_written(trial: Path):
    target = trial / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "correlates", "run", str(trial / "plan.yaml")],
        stderr=subprocess.DEVNULL,
        env=dict(os.environ),
    )
    for _ in range(600):
        if list(trial.glob(".run.*.part/tables/*.parquet")):
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not target.exists()
    assert main(["run", str(trial / "plan.yaml")]) == 0
    assert (target / "report.html").is_file()
    assert not list(trial.glob(".run.*"))
