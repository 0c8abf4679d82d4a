"""Firth logistic regression of a panel with profile limits, against loops over firthmodels and statsmodels in the same run.

Run: OMP_NUM_THREADS=1 python benchmarks/bench_firth.py [biomarkers] [subjects]
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
import statsmodels.api as sm
from firthmodels import FirthLogisticRegression

from correlates.stats.logistic import logistic_screen


def timed(function):
    """CPU seconds of this process (one thread), so that a busy machine does not count."""
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def _firthmodels(x, y):
    model = FirthLogisticRegression(gtol=1e-6, xtol=1e-6, max_iter=200).fit(x[:, None], y)
    model.lrt()
    return model.coef_[0], model.conf_int(method="pl")[0]


def main() -> None:
    m = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 101
    rng = np.random.default_rng(1)
    x = rng.normal(size=(m, n))
    y = np.arange(n) < round(0.37 * n)
    firth, mine = timed(lambda: logistic_screen(x, y))
    rare, _ = timed(lambda: logistic_screen(x, np.arange(n) < round(0.15 * n)))
    plain, _ = timed(lambda: logistic_screen(x, y, penalty="none"))
    some = min(m, 100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _firthmodels(x[0], y)  # compile what it compiles
        other, fits = timed(lambda: [_firthmodels(r, y) for r in x[:some]])
        stats, _ = timed(lambda: [sm.Logit(y.astype(float), sm.add_constant(r)).fit(disp=0).params for r in x[:some]])
    np.testing.assert_allclose(mine.coefficient[:some], [f[0] for f in fits], rtol=1e-4)
    print(f"{m} biomarkers x {n} subjects; {mine.converged.mean():.2%} converged")
    print(f"Firth with profile limits and P, 37 % events      {firth:8.3f} s")
    print(f"Firth with profile limits and P, 15 % events      {rare:8.3f} s")
    print(f"maximum likelihood with profile limits and P      {plain:8.3f} s")
    print(
        f"firthmodels loop (fit, test, profile limits)      {other * m / some:8.1f} s (from {some}); ratio {other * m / some / firth:.0f}"
    )
    print(
        f"statsmodels Logit loop (fit only)                 {stats * m / some:8.1f} s (from {some}); ratio {stats * m / some / plain:.0f}"
    )


if __name__ == "__main__":
    main()
