"""The demonstration against the truth it was made from."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from tests.surface.truth import judge


def test_peaks_classes_and_grades_are_those_of_the_truth(demo: Path):
    judged = judge(demo)
    assert judged.peak_error < 0.15
    assert judged.peak_spearman > 0.97
    assert judged.wrong_classes == ()


def test_every_planted_fault_is_found_and_named(demo: Path):
    truth = pl.read_parquet(demo / "truth.parquet").filter(pl.col("level") == "wart")
    checks = pl.read_parquet(demo / "run" / "tables" / "checks.parquet").filter(~pl.col("passed"))
    kinds = dict(truth.select("id", "name").iter_rows())

    def named(kind: str) -> list[str]:
        return [name for code, name in truth.select("id", "name").iter_rows() if code == kind]

    assert set(kinds) >= {"qpcr_failed_plate", "luminex_shifted_decimal", "duplicated_subject", "luminex_low_beads"}
    failed = checks.filter((pl.col("scope") == "plate") & (pl.col("assay") == "car_qpcr"))
    assert set(named("qpcr_failed_plate")) <= {item.split("/")[-1] for item in failed["item"]}
    assert named("duplicated_subject")[0] in " ".join(checks.filter(pl.col("rule") == "duplicate-subject")["item"])
    plate, analyte, _ = named("luminex_shifted_decimal")[0].replace(".csv", "").split(" ")
    shifted = checks.filter((pl.col("scope") == "standard") & (pl.col("target") == analyte))
    assert any(plate in item for item in shifted["item"])


def test_the_intervals_of_the_demonstration_cover_about_as_often_as_they_say(demo: Path):
    for assay, (hit, n) in judge(demo).coverage.items():
        assert 0.90 < hit / n < 0.99, assay
