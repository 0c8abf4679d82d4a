"""Wilcoxon, Hodges-Lehmann and AUC of a panel, against a loop over scipy.stats.mannwhitneyu in the same run.

Run: OMP_NUM_THREADS=1 python benchmarks/bench_wilcoxon.py [biomarkers] [subjects]
"""

from __future__ import annotations

import sys
import time

import numpy as np
from scipy.stats import mannwhitneyu

from correlates.stats.auc import auc
from correlates.stats.kruskal import kruskal_wallis
from correlates.stats.rank import hodges_lehmann, wilcoxon


def timed(function):
    """CPU seconds of this process (one thread), so that a busy machine does not count."""
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def main() -> None:
    m = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 101
    rng = np.random.default_rng(1)
    x = rng.lognormal(size=(m, n))
    group = np.arange(n) < round(0.37 * n)
    test, mine = timed(lambda: wilcoxon(x, group, exact="never"))
    shift, _ = timed(lambda: hodges_lehmann(x, group))
    area, _ = timed(lambda: auc(x, group))
    ranks, _ = timed(lambda: kruskal_wallis(x, group.astype(int), 2))
    some = min(m, 2000)
    loop, other = timed(lambda: [mannwhitneyu(r[group], r[~group], method="asymptotic").pvalue for r in x[:some]])
    batch, _ = timed(lambda: mannwhitneyu(x[:, group], x[:, ~group], axis=1, method="asymptotic"))
    np.testing.assert_allclose(mine.p_value[:some], other, rtol=1e-9)
    print(f"{m} biomarkers x {n} subjects")
    print(f"wilcoxon, normal approximation   {test:8.3f} s")
    print(f"Hodges-Lehmann with interval     {shift:8.3f} s")
    print(f"AUC with DeLong interval         {area:8.3f} s")
    print(f"Kruskal-Wallis                   {ranks:8.3f} s")
    print(
        f"scipy mannwhitneyu loop          {loop * m / some:8.3f} s (from {some}); ratio {loop * m / some / test:.1f}"
    )
    print(f"scipy mannwhitneyu, axis=1       {batch:8.3f} s; ratio {batch / test:.1f}")
    tied = np.round(rng.normal(size=(200, 50)), 1)
    permuted, _ = timed(lambda: wilcoxon(tied, np.arange(50) < 25))
    print(
        f"exact permutation with ties, 200 biomarkers x 50 subjects {permuted:.3f} s ({permuted / 200 * 1e3:.1f} ms each)"
    )


if __name__ == "__main__":
    main()
