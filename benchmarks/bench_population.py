"""Population cellular kinetics of 100 subjects with 14 samples each: the fast mode, and four chains of 1,000 kept draws.

Each is timed in a fresh process, from the import of its software to the summary of the draws: jax compiles the sampler within
that time. Set against 11 s of saemix 3.4 (SAEM, 40 subjects) and the 60 s and 5 s that a user is willing to wait on 2 cores.

python benchmarks/bench_population.py [laplace | nuts]
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

SUBJECTS, DAYS, LLOQ = 100, (1, 3, 5, 7, 9, 11, 14, 18, 21, 28, 42, 60, 90, 180), 0.3
LIMITS = {"laplace": 5.0, "nuts": 60.0}


def once(method: str) -> None:
    began, cpu = time.perf_counter(), time.process_time()
    import numpy as np

    from correlates.population import NAMES, PopulationModel
    from correlates.population.density import Data, log_level
    from correlates.population.fit import infer
    from correlates.population.prepare import Prepared

    rng = np.random.default_rng(1)
    middle = np.log([50.0, 9.0, 200.0, 0.16, 0.05, 0.012])
    phi = middle + np.array([0.8, 0.2, 0.6, 0.3, 0.6, 0.5]) * rng.standard_normal((SUBJECTS, len(NAMES)))
    days = np.tile(np.array(DAYS, dtype=np.float64), (SUBJECTS, 1))
    logs = log_level(phi[:, None, :], days, np) + 0.3 * rng.standard_normal(days.shape)
    below = logs < np.log(LLOQ)
    data = Data(
        days=days,
        logs=np.where(below, np.log(LLOQ), logs),
        code=np.where(below, -1, 0).astype(np.int8),
        valid=np.ones(days.shape, dtype=np.bool_),
        design=np.zeros((SUBJECTS, 0)),
        target=np.zeros((0, len(NAMES))),
    )
    import polars as pl

    prepared = Prepared(
        data=data,
        points=pl.DataFrame(),
        subjects=tuple(map(str, range(SUBJECTS))),
        left_out={},
        effects=(),
        analyte="CAR",
        unit="cells/uL",
        checks=(),
    )
    posterior, found = infer(prepared, PopulationModel(assay="qpcr", method=method, seed=1))  # type: ignore[arg-type]
    wall, used = time.perf_counter() - began, time.process_time() - cpu
    told = f"{100 * below.mean():.0f} % below the limit, {posterior.theta.shape[0]} x {posterior.theta.shape[1]} draws"
    if found.rhat is not None and found.ess_bulk is not None:
        told += (
            f", R-hat {found.rhat.max():.4f}, smallest ESS {found.ess_bulk.min():.0f}, {found.divergences} divergences"
        )
    verdict = "within" if wall <= LIMITS[method] else "above"
    print(f"{method}: {wall:.1f} s on the clock ({verdict} {LIMITS[method]:.0f} s), {used:.1f} s of CPU; {told}")


def main() -> None:
    if len(sys.argv) > 1:
        once(sys.argv[1])
        return
    for method in LIMITS:
        subprocess.run([sys.executable, __file__, method], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
