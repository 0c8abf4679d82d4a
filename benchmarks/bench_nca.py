"""Time of every noncompartmental parameter of many profiles, kernels alone and the whole stage with its rows, traces and checks.

Run: OMP_NUM_THREADS=1 python benchmarks/bench_nca.py [profiles] [samples] [profiles of the stage]
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import polars as pl

from correlates.parameters import derive
from correlates.parameters.settings import Profile
from correlates.schema import BURDEN, CHARACTERISTICS, LABS, MEASUREMENTS, PRODUCT, SUBJECTS
from correlates.stats.areas import window_areas
from correlates.stats.censored_decline import censored_slopes
from correlates.stats.contraction import contractions
from correlates.stats.detection_loss import losses
from correlates.stats.expansion import expansions, first_quantifiable
from correlates.stats.profiles import last_quantifiable, peak, peak_gaps, quotient
from correlates.stats.rebound import rebounds
from correlates.stats.terminal import infinite_areas

KINDS = (
    "cmax",
    "tmax",
    "auc",
    "clast",
    "tlast",
    "n_quantifiable",
    "lambda_z",
    "half_life",
    "lambda_z_points",
    "auc_inf",
    "contraction_half_life",
    "doubling_time",
    "fold_expansion",
    "second_peak",
    "detectable_at",
    "last_positive",
    "first_negative",
)


def profiles(m: int, k: int) -> tuple[Any, Any, Any, Any]:
    """Expansion to a peak near day 10, contraction and persistence, with scatter; below 1 is below the limit."""
    rng = np.random.default_rng(1)
    nominal = np.resize([0.0, 3, 5, 7, 10, 14, 21, 28, 60, 90, 180, 365], k)
    times = np.sort(nominal + rng.uniform(0, 0.9, (m, k)), axis=1)
    times[:, 0] = 0
    top = np.exp(rng.normal(3.5, 1.5, (m, 1)))
    late = times - rng.uniform(7, 13, (m, 1))
    level = np.where(late < 0, np.exp(0.9 * late), 0.98 * np.exp(-0.16 * late) + 0.02 * np.exp(-0.004 * late))
    values = top * level * np.exp(rng.normal(0, 0.3, (m, k)))
    censoring = np.where(values < 1, -1, 0).astype(np.int8)
    return times, np.maximum(values, 1.0), censoring, np.ones((m, k), dtype=bool)


def kernels(times: Any, values: Any, censoring: Any, valid: Any) -> dict[str, float]:
    """CPU seconds of each kernel; together they give every parameter of the profiles."""
    early, whole = valid & (times <= 28), valid & (times > 0)
    spent: dict[str, float] = {}

    def timed(name: str, function: Any) -> Any:
        start = time.process_time()
        made = function()
        spent[name] = time.process_time() - start
        return made

    def peaks() -> Any:
        found = peak(times, values, censoring, early)
        first = first_quantifiable(times, values, censoring, early)
        quotient(found.point.value, found.point.censoring, first.value, first.censoring)
        return peak_gaps(times, valid, found.point)

    timed("Cmax, Tmax, fold expansion, gaps", peaks)
    timed("Clast, Tlast", lambda: last_quantifiable(times, values, censoring, valid))
    timed("samples, presence", lambda: ((early & (censoring >= 0)).sum(axis=1), (whole & (censoring >= 0)).any(axis=1)))
    timed("AUC0-28", lambda: window_areas(times, values, censoring, valid, window=(0.0, 28.0)))
    timed(
        "lambda_z, half-life, points, AUCinf",
        lambda: infinite_areas(times, values, censoring, valid, window=(0.0, 400.0)),
    )
    timed("doubling time", lambda: expansions(times, values, censoring, early))
    timed("contraction half-life", lambda: contractions(times, values, censoring, whole, within=21.0))
    timed("second peak", lambda: rebounds(times, values, censoring, whole, rise=3.0))
    timed("last positive, first negative", lambda: losses(times, values, censoring, whole))
    return spent


def stage(times: Any, values: Any, censoring: Any) -> tuple[float, pl.DataFrame, pl.DataFrame]:
    """CPU seconds of the stage on the same profiles, and what it made."""
    m, k = times.shape
    subject = np.repeat(np.arange(m), k)
    frame = pl.DataFrame(
        {
            "measurement_id": pl.Series(np.arange(m * k)).cast(pl.String),
            "assay": pl.Series(["car"]).new_from_index(0, m * k),
            "analyte": pl.Series(["CAR"]).new_from_index(0, m * k),
            "subject_id": pl.Series(subject).cast(pl.String),
            "study_day": times.ravel(),
            "value": values.ravel(),
            "unit": pl.Series(["cells/uL"]).new_from_index(0, m * k),
            "censoring": pl.Series(censoring.ravel()).replace_strict(
                {-1: "left", 0: "none", 1: "right"}, return_dtype=pl.String
            ),
            "status": pl.Series(["reported"]).new_from_index(0, m * k),
        }
    )
    missing = [pl.lit(None, dtype=c.dtype).alias(c.name) for c in MEASUREMENTS.columns if c.name not in frame.columns]
    subjects = pl.DataFrame({"subject_id": pl.Series(np.arange(m)).cast(pl.String)})
    specs = {kind.upper(): Profile(take=kind, of="car", window=(0.0, 400.0), at_end="stop_at_last") for kind in KINDS}
    start = time.process_time()
    derived = derive(
        specs,
        measurements=frame.with_columns(missing),
        burden=BURDEN.empty(),
        product=PRODUCT.empty(),
        characteristics=CHARACTERISTICS.empty(),
        labs=LABS.empty(),
        subjects=subjects.with_columns(
            pl.lit(None, dtype=c.dtype).alias(c.name) for c in SUBJECTS.columns if c.name != "subject_id"
        ),
    )
    return time.process_time() - start, derived.parameters, derived.checks


def main(m: int, k: int, of_stage: int) -> None:
    times, values, censoring, valid = profiles(m, k)
    kernels(*(a[:100] for a in (times, values, censoring, valid)))  # what is loaded once
    spent = kernels(times, values, censoring, valid)
    print(
        f"{m} profiles x {k} samples, {100 * (censoring < 0).mean():.0f} % below the limit; CPU seconds of this process"
    )
    for name, seconds in spent.items():
        print(f"  {name:40s}{seconds:8.3f}")
    print(f"  {'all noncompartmental parameters':40s}{sum(spent.values()):8.3f}")
    start = time.process_time()
    found = censored_slopes(times, values, censoring, valid & (times > 0))
    took = time.process_time() - start
    print(f"  {'half-life by censored regression':40s}{took:8.3f}   ({(found.status == 0).sum()} of them defined)")
    took, parameters, checks = stage(times[:of_stage], values[:of_stage], censoring[:of_stage])
    print(
        f"stage, {of_stage} profiles: {took:.2f} s for {parameters.height} rows with their sources and {checks.height} checks "
        f"({1e6 * took / parameters.height:.0f} us a row)"
    )


if __name__ == "__main__":
    main(*(int(a) for a in (*sys.argv[1:], *("100000", "12", "10000")[len(sys.argv) - 1 :])))
