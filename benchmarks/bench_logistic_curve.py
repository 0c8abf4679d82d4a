"""How long calibration curves take: 10,000 weighted five-parameter curves of 16 standards, beside scipy's curve_fit; and an assay.

Run: OMP_NUM_THREADS=1 python benchmarks/bench_logistic_curve.py
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from scipy.optimize import curve_fit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.unit.quantify.beads import SERIES

from correlates.quantify.immunoassay import quantify_immunoassay
from correlates.quantify.settings import Immunoassay
from correlates.schema import PRODUCT, SAMPLES, WELLS
from correlates.stats.logistic_curve import Family, fit_logistic, response


def drawn(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Curves of eight fourfold levels in duplicate, 5 % noise, with midpoints from 1/100 to 1/2 of the highest standard."""
    rng = np.random.default_rng(seed)
    top = rng.uniform(1_000, 20_000, n)
    x = np.repeat(top[:, None] / 4.0 ** np.arange(7, -1, -1), 2, axis=1)
    parameters = np.stack(
        [
            rng.uniform(8_000, 40_000, n),
            -rng.uniform(0.7, 1.6, n),
            top * 10 ** rng.uniform(-2, -0.3, n),
            rng.uniform(5, 60, n),
            rng.uniform(0.4, 2, n),
        ],
        axis=1,
    )
    return x, response(parameters[:, None, :], x) * np.exp(0.05 * rng.standard_normal(x.shape))


def five(x: np.ndarray, a: float, b: float, c: float, d: float, g: float) -> np.ndarray:
    return d + (a - d) / (1 + (x / c) ** b) ** g


def best_of(times: int, work: Callable[[], object]) -> float:
    found = []
    for _ in range(times):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def curves(n: int = 10_000, compared: int = 1_000) -> None:
    x, y = drawn(n)
    theirs, below = np.full(compared, np.inf), np.zeros(compared, dtype=bool)
    began = time.process_time()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for i in range(compared):
            start = [y[i].max() * 1.1, -1.0, float(np.exp(np.log(x[i]).mean())), y[i].min() * 0.9, 1.0]
            try:
                p, _ = curve_fit(five, x[i], y[i], p0=start, sigma=y[i], maxfev=5_000)
            except RuntimeError:
                continue
            theirs[i], below[i] = (((y[i] - five(x[i], *p)) / y[i]) ** 2).sum(), p[1] < 0
    scipy_each = (time.process_time() - began) / compared
    print(f"curve_fit: {scipy_each * 1e6:.0f} us a curve, gives up on {np.isinf(theirs).sum()} of {compared}")
    families: tuple[Family, ...] = ("negative", "either")
    for family in families:
        fit = fit_logistic(x, y, variance="observed", family=family)
        each = best_of(3, lambda: fit_logistic(x, y, variance="observed", family=family)) / n  # noqa: B023
        ours = fit.rss[:compared]
        print(
            f"family {family}: {each * 1e6:.0f} us a curve, {scipy_each / each:.0f} times faster; "
            f"{(~fit.converged).sum()} of {n} did not converge; sum of squares larger than curve_fit's in "
            f"{(below & (ours > theirs * (1 + 1e-6))).sum()} of the {below.sum()} with B below 0, "
            f"smaller in {(ours < theirs * (1 - 1e-6)).sum()} of {compared}"
        )


def assay(plates: int = 20, analytes: int = 36) -> None:
    """Wells to measurements: 20 plates of 36 analytes and 96 wells."""
    rng = np.random.default_rng(2)
    frames = []
    names = [*(f"Standard{k // 2 + 1}" for k in range(16)), *(f"S{k // 2}" for k in range(80))]
    wells = [f"{'ABCDEFGH'[i % 8]}{i // 8 + 1}" for i in range(96)]
    for p in range(plates):
        for a in range(analytes):
            curve = np.array(
                [
                    rng.uniform(1e4, 4e4),
                    -rng.uniform(0.8, 1.3),
                    rng.uniform(500, 4_000),
                    rng.uniform(10, 50),
                    rng.uniform(0.6, 1.5),
                ]
            )
            quantity = np.concatenate([np.repeat(SERIES, 2), np.repeat(np.exp(rng.uniform(-1, 10, 40)), 2)])
            signal = response(curve, quantity) * np.exp(0.05 * rng.standard_normal(96))
            frames.append(
                pl.DataFrame(
                    {
                        "file_id": f"f{p:02d}",
                        "plate": f"P{p:02d}",
                        "well": wells,
                        "target": f"A{a} (pg/mL)",
                        "sample_id": [n if n.startswith("Standard") else f"P{p}{n}" for n in names],
                        "role": ["standard"] * 16 + ["unknown"] * 80,
                        "nominal": [*quantity[:16].tolist(), *([None] * 80)],
                        "signal": signal,
                        "count": rng.integers(40, 120, 96),
                        "signal_kind": "mfi",
                        "extras": "{}",
                    },
                    schema_overrides={"nominal": pl.Float64},
                )
            )
    table = pl.concat(frames).with_columns(well_id=pl.concat_str("file_id", "well", "target", separator="/"))
    table = pl.concat([WELLS.empty(), table], how="diagonal_relaxed").select(WELLS.names)
    settings = Immunoassay(files=("*",))
    found = []
    for _ in range(3):
        began = time.perf_counter()
        made = quantify_immunoassay("a", table, SAMPLES.empty(), PRODUCT.empty(), settings)
        found.append(time.perf_counter() - began)
    print(
        f"{table.height} wells: {min(found):.2f} s for {made.measurements.height} measurements of {made.curves.height} curves"
    )


if __name__ == "__main__":
    curves()
    assay()
