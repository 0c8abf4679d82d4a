"""How long quantification takes: from tidy wells to measurements, for 1,000 plates of 96 wells and 10 of 384.

Run: python benchmarks/bench_qpcr_plates.py
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.unit.quantify.plates import drawn_plates, manifest

from correlates.quantify import quantify
from correlates.quantify.settings import Qpcr, Step
from correlates.schema import PRODUCT

CHAIN = (
    Step(divide_by="samples.dna_ng", scale=1000.0, gives="copies/ug DNA", cv=5.0, name="DNA in the reaction"),
    Step(multiply_by=6.6e-6, gives="copies/cell", name="DNA of a diploid cell, ug"),
)


def bench(plates: int, samples: int) -> float:
    rng = np.random.default_rng(1)
    wells = drawn_plates(10.0 ** rng.uniform(0, 6, (plates, samples)), rng)
    names = wells.filter(pl.col("role") == "unknown")["sample_id"].unique().to_list()
    known = manifest(names, dna_ng=200.0)
    settings = Qpcr(files=("*",), targets={"CAR": ("CAR",)}, chain=CHAIN)
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        made = quantify("car_qpcr", wells, known, PRODUCT.empty(), settings)
        best = min(best, time.perf_counter() - began)
    print(
        f"{plates} plates, {wells.height} wells: {best:.2f} s for {made.measurements.height} measurements and "
        f"{made.checks.height} checks; peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"
    )
    return best


if __name__ == "__main__":
    bench(10, 121)
    bench(1000, 25)
