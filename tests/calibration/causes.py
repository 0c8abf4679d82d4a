"""The simulated trial as a table of candidates and outcomes, and which candidates cause which outcome."""

from __future__ import annotations

import polars as pl

from correlates.simulate import draw
from correlates.terms import Durability

CAUSES = {  # direct causes in the graph of the trial that are measured
    "durable": ("RATIO", "NAIVE", "CD8"),
    "crs3": ("PEAK", "BURDEN"),
    "ne3": ("PEAK", "IFNG", "IL15"),
}
MEASURED = ("PEAK", "BURDEN", "RATIO", "NAIVE", "CD8", "IFNG", "IL15", "DOUBLING", "VCN")


def analysis(seed: int, n: int = 101) -> pl.DataFrame:
    """One trial of n subjects, a row each."""
    trial = draw(seed, n)
    frame = trial.patients.join(trial.product, on="subject_id", how="left", maintain_order="left")
    known = pl.col("durability").is_in([d.value for d in Durability if d is not Durability.UNDETERMINED])
    return frame.select(
        "subject_id",
        PEAK="peak",
        BURDEN="spd",
        RATIO=pl.col("peak") / pl.col("spd"),
        NAIVE="ccr7_cd45ra_1e6",
        CD8="cd8_1e6",
        IFNG="ifng_coculture_pg_ml",
        IL15="il15_day0_pg_ml",
        DOUBLING="doubling_time_days",
        VCN="vcn",
        AGE="age",
        IPI="ipi",
        ECOG=pl.col("ecog").cast(pl.String),
        SUBTYPE="subtype",
        STAGE=pl.col("stage").cast(pl.String),
        durable=pl.when(known).then(pl.col("durability") == Durability.DURABLE.value),
        crs3=pl.col("crs_grade") >= 3,
        ne3=pl.col("ne_grade") >= 3,
    )
