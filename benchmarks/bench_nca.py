"""Time of the profile kernels and of the whole stage: python benchmarks/bench_nca.py [profiles] [samples]."""

from __future__ import annotations

import sys
import time

import numpy as np
import polars as pl

from correlates.parameters import derive
from correlates.parameters.settings import Profile
from correlates.schema import BURDEN, CHARACTERISTICS, LABS, MEASUREMENTS, PRODUCT, SUBJECTS
from correlates.stats.areas import window_areas
from correlates.stats.expansion import expansions
from correlates.stats.profiles import last_quantifiable, peak
from correlates.stats.terminal import infinite_areas, terminal_slopes

KINDS = ("cmax", "tmax", "auc", "clast", "tlast", "n_quantifiable")
PHASES = ("lambda_z", "half_life", "auc_inf", "doubling_time", "fold_expansion", "detectable_at")


def main(m: int, k: int) -> None:
    rng = np.random.default_rng(1)
    times = np.sort(rng.uniform(0, 60, (m, k)), axis=1)
    times[:, 0] = 0
    values = np.exp(rng.normal(2, 2, (m, k)))
    censoring = np.where(values < 1, -1, 0).astype(np.int8)
    valid = np.ones((m, k), dtype=bool)

    start = time.perf_counter()
    inside = valid & (times <= 28)
    peak(times, values, censoring, inside)
    last_quantifiable(times, values, censoring, inside)
    (inside & (censoring >= 0)).sum(axis=1)
    window_areas(times, values, censoring, valid, window=(0.0, 28.0))
    print(f"kernels, {m} profiles x {k} samples, peak and area: {time.perf_counter() - start:.2f} s")
    for kernel in (terminal_slopes, expansions):
        start = time.perf_counter()
        kernel(times, values, censoring, inside)
        print(f"  {kernel.__name__}: {time.perf_counter() - start:.2f} s")
    start = time.perf_counter()
    infinite_areas(times, values, censoring, valid, window=(0.0, 28.0))
    print(f"  infinite_areas: {time.perf_counter() - start:.2f} s")

    subject = np.repeat(np.arange(m), k)
    frame = pl.DataFrame(
        {
            "measurement_id": pl.Series(np.arange(m * k)).cast(pl.String),
            "assay": pl.Series(["car"]).new_from_index(0, m * k),
            "analyte": pl.Series(["CAR"]).new_from_index(0, m * k),
            "subject_id": pl.Series(subject).cast(pl.String),
            "study_day": times.ravel(),
            "value": np.where(censoring < 0, 1.0, values).ravel(),
            "unit": pl.Series(["cells/uL"]).new_from_index(0, m * k),
            "censoring": pl.Series(censoring.ravel()).replace_strict({-1: "left", 0: "none"}, return_dtype=pl.String),
            "status": pl.Series(["reported"]).new_from_index(0, m * k),
        }
    )
    missing = [pl.lit(None, dtype=c.dtype).alias(c.name) for c in MEASUREMENTS.columns if c.name not in frame.columns]
    subjects = pl.DataFrame({"subject_id": pl.Series(np.arange(m)).cast(pl.String)})
    for kinds in (KINDS, PHASES):
        start = time.perf_counter()
        derived = derive(
            {kind.upper(): Profile(take=kind, of="car", at_end="stop_at_last") for kind in kinds},
            measurements=frame.with_columns(missing),
            burden=BURDEN.empty(),
            product=PRODUCT.empty(),
            characteristics=CHARACTERISTICS.empty(),
            labs=LABS.empty(),
            subjects=subjects.with_columns(
                pl.lit(None, dtype=c.dtype).alias(c.name) for c in SUBJECTS.columns if c.name != "subject_id"
            ),
        )
        took = time.perf_counter() - start
        print(f"stage, {derived.parameters.height} parameters and {derived.checks.height} checks: {took:.2f} s")


if __name__ == "__main__":
    main(*(int(a) for a in (*sys.argv[1:], "100000", "12")[:2]))
