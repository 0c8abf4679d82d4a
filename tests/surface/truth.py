"""A run held against the truth of its simulated trial."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a run got right."""

    peak_error: float
    peak_spearman: float
    wrong_classes: tuple[str, ...]
    coverage: dict[str, tuple[int, int]]


def judge(folder: Path) -> Judged:
    """Compare the run in ``folder/run`` with ``folder/truth.parquet``; coverage counts (covered, all) by assay."""
    truth = pl.read_parquet(folder / "truth.parquet")

    def of(level: str, name: str, column: str) -> pl.DataFrame:
        return truth.filter((pl.col("level") == level) & (pl.col("name") == name)).select("id", truth=column)

    def table(name: str) -> pl.DataFrame:
        return pl.read_parquet(folder / "run" / "tables" / f"{name}.parquet")

    parameters, outcomes, measurements = table("parameters"), table("outcomes"), table("measurements")
    peaks = parameters.filter((pl.col("code") == "CMAX") & (pl.col("censoring") == "none"))
    peaks = peaks.join(of("subject", "peak", "value"), left_on="subject_id", right_on="id")
    error = ((pl.col("value") - pl.col("truth")).abs() / pl.col("truth")).median()
    wrong = []
    for endpoint, name in (("durability", "durability"), ("best_response", "best_response")):
        rows = outcomes.filter(pl.col("endpoint") == endpoint)
        classes = rows.join(of("subject", name, "text"), left_on="subject_id", right_on="id")
        mine = pl.col("category").fill_null("undetermined")
        wrong += classes.filter((mine != pl.col("truth")) & ~((mine == "undetermined") & (pl.col("truth") == "NE")))[
            "subject_id"
        ].to_list()
    for endpoint in ("crs_grade", "ne_grade"):
        rows = outcomes.filter(pl.col("endpoint") == endpoint)
        grades = rows.join(of("subject", endpoint, "value"), left_on="subject_id", right_on="id")
        wrong += grades.filter(pl.col("grade") != pl.col("truth"))["subject_id"].to_list()
    reported = measurements.filter((pl.col("status") == "reported") & (pl.col("censoring") == "none"))
    cells = reported.filter(pl.col("unit") == "cells/uL").join(
        of("sample", "car_cells_per_ul", "value"), left_on="sample_id", right_on="id"
    )
    serum = truth.filter((pl.col("level") == "sample") & pl.col("name").str.ends_with(" pg/mL"))
    serum = serum.select(sample_id="id", analyte=pl.col("name").str.strip_suffix(" pg/mL"), truth="value")
    analytes = reported.filter(pl.col("unit") == "pg/mL").join(serum, on=["sample_id", "analyte"])
    covered = (pl.col("lower") <= pl.col("truth")) & (pl.col("truth") <= pl.col("upper"))
    counts = pl.concat([cells.select("assay", covered=covered), analytes.select("assay", covered=covered)])
    by_assay = counts.drop_nulls().group_by("assay").agg(hit=pl.col("covered").sum(), n=pl.len()).sort("assay")
    return Judged(
        peak_error=float(peaks.select(error).item()),
        peak_spearman=float(peaks.select(pl.corr("value", "truth", method="spearman")).item()),
        wrong_classes=tuple(wrong),
        coverage={assay: (hit, n) for assay, hit, n in by_assay.iter_rows()},
    )
