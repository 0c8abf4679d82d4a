"""Cox regression of a panel with profile limits and three tests, against loops over lifelines and firthmodels in the same run.

Run: OMP_NUM_THREADS=1 python benchmarks/bench_cox.py [biomarkers] [subjects]
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
import pandas as pd
from firthmodels import FirthCoxPH
from lifelines import CoxPHFitter
from lifelines.statistics import multivariate_logrank_test

from correlates.stats.concordance import concordance
from correlates.stats.cox import cox_screen
from correlates.stats.log_rank import log_rank_screen


def timed(function):
    """CPU seconds of this process (one thread), so that a busy machine does not count."""
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def _lifelines(x, days, event):
    frame = pd.DataFrame({"x": x, "days": days, "event": event})
    return CoxPHFitter().fit(frame, "days", "event").params_.iloc[0]


def _firthmodels(x, days, event):
    model = FirthCoxPH(gtol=1e-6, xtol=1e-6, max_iter=200).fit(x[:, None], (event, days))
    model.lrt()
    return model.coef_[0], model.conf_int(method="pl")[0]


def main() -> None:
    m = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 101
    rng = np.random.default_rng(1)
    x = rng.normal(size=(m, n))
    days = np.ceil(rng.exponential(300, n))
    event = rng.random(n) < 0.6
    entry = np.floor(days * rng.random(n) * 0.4) - 0.5
    efron, mine = timed(lambda: cox_screen(x, days, event))
    late, _ = timed(lambda: cox_screen(x, days, event, entry=entry))
    firth, penalised = timed(lambda: cox_screen(x, days, event, penalty="firth", ties="breslow"))
    c, _ = timed(lambda: concordance(x, days, event))
    classes = (x > 0).astype(int)
    rank, ranked = timed(lambda: log_rank_screen(days, event, classes, 2))
    some = min(m, 50)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _firthmodels(x[0], days, event)  # compile what it compiles
        other, theirs = timed(lambda: [_lifelines(r, days, event) for r in x[:some]])
        loop, fits = timed(lambda: [_firthmodels(r, days, event) for r in x[:some]])
        tests, chis = timed(lambda: [multivariate_logrank_test(days, r, event).test_statistic for r in classes[:some]])
    np.testing.assert_allclose(
        mine.coefficient[:some], theirs, rtol=1e-3, atol=1e-4
    )  # it stops at 1e-7 of the likelihood
    np.testing.assert_allclose(penalised.coefficient[:some], [f[0] for f in fits], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(ranked.chi_square[:some], chis, rtol=1e-6)
    print(f"{m} biomarkers x {n} subjects, {int(event.sum())} events; {mine.converged.mean():.2%} converged")
    print(f"Efron, profile limits, three tests                {efron:8.3f} s")
    print(f"the same with delayed entry                       {late:8.3f} s")
    print(f"Firth, profile limits and P                       {firth:8.3f} s")
    print(f"Harrell's C with standard error                   {c:8.3f} s")
    print(f"log-rank, two classes                             {rank:8.3f} s")
    scale = m / some
    print(
        f"lifelines CoxPHFitter loop (Wald only)            {other * scale:8.1f} s (from {some}); ratio {other * scale / efron:.0f}"
    )
    print(
        f"firthmodels loop (fit, test, profile limits)      {loop * scale:8.1f} s (from {some}); ratio {loop * scale / firth:.0f}"
    )
    print(
        f"lifelines log-rank loop                           {tests * scale:8.1f} s (from {some}); ratio {tests * scale / rank:.0f}"
    )


if __name__ == "__main__":
    main()
