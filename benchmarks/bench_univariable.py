"""Time of each univariable kernel on a panel of 20,000 biomarkers of 100 subjects: ``python benchmarks/bench_univariable.py``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from correlates.stats.censored_covariate import censored_covariate
from correlates.stats.censored_regression import censored_regression
from correlates.stats.competing_risks import gray_screen
from correlates.stats.cox import cox_screen
from correlates.stats.cutpoint import DrawnOrders, log_rank_scores, maximally_selected
from correlates.stats.dunn import dunn
from correlates.stats.fine_gray_panel import fine_gray_screen
from correlates.stats.joint_logistic import joint_effects
from correlates.stats.joint_sides import Binary, Timed
from correlates.stats.log_rank import log_rank_rows, log_rank_screen
from correlates.stats.logistic import logistic_screen
from correlates.stats.pairs import jonckheere, kendall
from correlates.stats.proportional_hazards import proportional_hazards_screen
from correlates.stats.proportional_odds import proportional_odds_screen
from correlates.stats.ranks import midranks
from correlates.stats.rates import cochran_armitage
from correlates.stats.restricted_mean import restricted_mean_panel
from correlates.stats.spearman import spearman
from correlates.stats.survival_panel import quantile_panel, survival_panel
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
    days, cause = rng.exponential(100, n).round() + 1, rng.integers(0, 3, n)
    there = np.ones(x.shape, dtype=bool)
    high = (x > np.median(x, axis=1, keepdims=True)).astype(int)
    slopes = cox_screen(x, days, cause == 1).coefficient
    known = np.ones(n, dtype=bool)
    ends = (Timed(time=days, event=cause == 1, known=known), Binary(event=event, known=known))

    def cutpoints() -> None:
        orders, scores = DrawnOrders(1), log_rank_scores(days, cause == 1)
        for row in x:
            maximally_selected(row, scores, method="permutation", permutations=2000, orders=orders, exact_up_to=0)

    tasks: dict[str, Callable[[], object]] = {
        "spearman": lambda: spearman(cut, grade, censoring=sign),
        "kendall": lambda: kendall(cut, grade, censoring=sign),
        "jonckheere": lambda: jonckheere(cut, grade, 4, censoring=sign),
        "dunn": lambda: dunn(cut, grade, 4, [(0, 1), (0, 3)], censoring=sign),
        "cochran_armitage, exact": lambda: cochran_armitage(hits, np.full(hits.shape, 25), [1, 2, 3, 4]),
        "logistic_screen, Firth": lambda: logistic_screen(x, event),
        "censored_regression": lambda: censored_regression(cut, design, censoring=sign),
        "proportional_odds": lambda: proportional_odds_screen(x, grade),
        "Firth, every biomarker below a limit": lambda: censored_covariate(cut, event, censoring=sign, firth=True),
        "Peto-Peto, limits": lambda: log_rank_rows(-cut, sign == 0, grade, 4, there, rho=1.0),
        "log-rank of halves": lambda: log_rank_screen(days, cause == 1, high, 2),
        "Kaplan-Meier medians of a half": lambda: quantile_panel(survival_panel(days, cause == 1, high)),
        "restricted means of a half": lambda: restricted_mean_panel(survival_panel(days, cause == 1, high), 60.0),
        "Gray's test of halves": lambda: gray_screen(days, cause, high, 2),
        "Fine-Gray": lambda: fine_gray_screen(x, days, cause),
        "Cox, profile limits": lambda: cox_screen(x, days, cause == 1),
        "check of proportional hazards": lambda: proportional_hazards_screen(x, slopes, days, cause == 1),
        "cut-points, same subjects": cutpoints,
        "joint model, time and binary": lambda: joint_effects(x, ends),
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
