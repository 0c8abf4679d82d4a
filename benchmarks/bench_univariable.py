"""Time of each univariable kernel on a panel of 20,000 biomarkers of 100 subjects: ``python benchmarks/bench_univariable.py``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from correlates.stats.censored_regression import censored_regression
from correlates.stats.dunn import dunn
from correlates.stats.logistic import logistic_screen
from correlates.stats.pairs import jonckheere, kendall
from correlates.stats.proportional_odds import proportional_odds_screen
from correlates.stats.ranks import midranks
from correlates.stats.rates import cochran_armitage
from correlates.stats.spearman import spearman
from correlates.stats.westfall_young import westfall_young


def main(m: int, n: int) -> None:
    """Print processor seconds of each kernel."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(m, n))
    sign = np.where(x < -0.5, -1, 0)
    cut = np.maximum(x, -0.5)
    event = rng.random(n) < 0.4
    grade = rng.integers(0, 4, n)
    design = np.stack((np.ones(n), event.astype(float)), axis=1)
    ranks = midranks(x, np.ones(x.shape, dtype=bool)).ranks
    ranks -= ranks.mean(axis=1, keepdims=True)
    hits = rng.binomial(25, 0.4, size=(m, 4))
    tasks: dict[str, Callable[[], object]] = {
        "spearman": lambda: spearman(cut, grade, censoring=sign),
        "kendall": lambda: kendall(cut, grade, censoring=sign),
        "jonckheere": lambda: jonckheere(cut, grade, 4, censoring=sign),
        "dunn": lambda: dunn(cut, grade, 4, [(0, 1), (0, 3)], censoring=sign),
        "cochran_armitage, exact": lambda: cochran_armitage(hits, np.full(hits.shape, 25), [1, 2, 3, 4]),
        "logistic_screen, Firth": lambda: logistic_screen(x, event),
        "censored_regression": lambda: censored_regression(cut, design, censoring=sign),
        "proportional_odds": lambda: proportional_odds_screen(x, grade),
        "Westfall-Young maxT, 1,000 orders": lambda: westfall_young(
            ranks, event, permutations=1000, rng=np.random.default_rng(2), min_p=False
        ),
        "Westfall-Young minP, 1,000 orders": lambda: westfall_young(
            ranks, event, permutations=1000, rng=np.random.default_rng(2)
        ),
    }
    for name, task in tasks.items():
        began = time.process_time()
        task()
        print(f"{name:36s} {time.process_time() - began:8.2f} s", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000, int(sys.argv[2]) if len(sys.argv) > 2 else 100)
