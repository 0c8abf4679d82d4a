"""Family-wise error, false discovery rate and power of every adjustment on correlated panels.

Figures are printed (``pytest -m calibration -s``) and stand in docs/methods/error_rates.md.
"""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.multiplicity import adjust
from correlates.stats.rank import wilcoxon
from correlates.stats.ranks import midranks
from correlates.stats.westfall_young import westfall_young

pytestmark = pytest.mark.calibration

PLAIN = ("none", "bonferroni", "holm", "hochberg", "bh", "by", "storey")
NAMES = (*PLAIN, "westfall-young-maxt", "westfall-young-minp")
N, TESTS, FAMILIES, ORDERS, SHIFT = 50, 50, 500, 4000, 1.2


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("real", [0, 5])
@pytest.mark.parametrize("part", [0, 1])
def test_adjustments_hold_their_rates_on_correlated_panels(rho, real, part):
    """Families of 50 tests of 50 subjects, equal correlation; ``real`` of them with a shift of 1.2 SD."""
    rng = np.random.default_rng([7, int(10 * rho), real, part])
    event = np.arange(N) < N // 2
    any_false, fdr, power = (dict.fromkeys(NAMES, 0.0) for _ in range(3))
    for _ in range(FAMILIES):
        x = np.sqrt(1 - rho) * rng.normal(size=(TESTS, N)) + np.sqrt(rho) * rng.normal(size=(1, N))
        x[:real] += SHIFT * event
        p = wilcoxon(x, event).p_value
        ranks = midranks(x, np.ones(x.shape, dtype=bool)).ranks
        permuted = westfall_young(ranks - ranks.mean(axis=1, keepdims=True), event, permutations=ORDERS, rng=rng)
        adjusted = {name: adjust(p, name) for name in PLAIN}
        adjusted |= {"westfall-young-maxt": permuted.max_t, "westfall-young-minp": permuted.min_p}
        for name, value in adjusted.items():
            hit = value <= 0.05
            false = int(hit[real:].sum())
            any_false[name] += false > 0
            fdr[name] += false / max(int(hit.sum()), 1)
            power[name] += hit[:real].mean() if real else 0.0
    for name in NAMES:
        rates = "|".join(f"{total[name] / FAMILIES:.4f}" for total in (any_false, fdr, power))
        print(f"|MULT|{name}|{rho}|{real}|{rates}|{FAMILIES}|", flush=True)
    slack = 3.5 * np.sqrt(0.05 * 0.95 / FAMILIES)
    for name in ("bonferroni", "holm", "hochberg", "westfall-young-maxt", "westfall-young-minp"):
        assert any_false[name] / FAMILIES <= 0.05 + slack, name
    for name in ("bh", "by"):
        assert fdr[name] / FAMILIES <= 0.05 + slack, name
    if real and rho > 0:  # they learn the dependence that Holm has to allow for
        assert power["westfall-young-maxt"] > power["holm"]
