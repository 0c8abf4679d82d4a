"""A covariate beyond its limits: level, bias and coverage of the likelihood, of leaving out, and of substitution.

Figures are printed (``pytest -m calibration -s``) and stand in docs/methods/censored_values.md. Bounds of the likelihood are the nominal
value and 3.5 Monte Carlo standard errors and .01, because profile limits are of large samples and take the distribution as known; what
substitution does is told, not bound.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from scipy.special import expit

from correlates.stats.censored_covariate import censored_covariate
from correlates.stats.logistic import Penalty, logistic_screen

pytestmark = pytest.mark.calibration

TRIALS = int(os.environ.get("TRIALS", "2000"))
ROWS = 40


def _draw(rng, shape, size):
    """Logarithms (base 2) of a biomarker with mean 0 and standard deviation 1."""
    if shape == "normal":
        return rng.normal(size=size)
    if shape == "skewed":
        return (rng.gamma(2.0, size=size) - 2.0) / np.sqrt(2.0)
    return np.where(rng.random(size) < 0.5, -0.9, 0.9) + rng.normal(size=size) * np.sqrt(1 - 0.81)  # two peaks


@pytest.mark.parametrize("shape", ["normal", "skewed", "two peaks"])
@pytest.mark.parametrize("n", [20, 50, 101])
@pytest.mark.parametrize("share", [0.3, 0.5])
@pytest.mark.parametrize("slope", [0.0, 0.8])
def test_a_censored_covariate(slope, share, n, shape):
    rng = np.random.default_rng([70, n, int(10 * share), int(10 * slope), len(shape)])
    pool = _draw(rng, shape, 400_000)
    happens = rng.random(pool.size) < expit(slope * pool)
    with_event, without = pool[happens], pool[~happens]  # the biomarker given the outcome: many trials share an outcome
    cut = np.quantile(pool, share)
    limit = np.where(np.arange(n) % 2 == 0, cut, cut - 0.2)  # two plates
    ways: dict[str, list[tuple[float, float, float, float]]] = {}
    for _ in range(max(1, TRIALS // ROWS)):
        event = rng.random(n) < happens.mean()
        x = np.where(event, rng.choice(with_event, (ROWS, n)), rng.choice(without, (ROWS, n)))
        sign, given = np.where(x < limit, -1, 0), np.maximum(x, limit)
        half = np.where(sign < 0, given - 1.0, given)
        whole = np.ones(x.shape, dtype=bool)
        for name, fit in (
            ("likelihood", censored_covariate(given, event, censoring=sign)),
            ("likelihood, Firth", censored_covariate(given, event, censoring=sign, firth=True)),
            ("left out, Firth", logistic_screen(given, event, sign == 0, penalty=Penalty.FIRTH)),
            ("limit, Firth", logistic_screen(given, event, whole, penalty=Penalty.FIRTH)),
            ("half the limit, Firth", logistic_screen(half, event, whole, penalty=Penalty.FIRTH)),
        ):
            told = zip(fit.coefficient, fit.lower, fit.upper, fit.p_value, strict=True)
            ways.setdefault(name, []).extend(told)
    for name, found in ways.items():
        b, low, high, p = np.array(found).T
        fine = np.isfinite(p) & np.isfinite(low) & np.isfinite(high)
        level = float((p[fine] < 0.05).mean())
        covered = float(((low <= slope) & (slope <= high))[fine].mean())
        print(
            f"{shape:9s} n {n:3d} below {share:.0%} slope {slope:g} {name:22s} P<.05 {level:.4f} cover {covered:.4f} "
            f"median {np.median(b[fine]):+.3f} mean {b[fine].mean():+.3f} estimated {fine.mean():.3f}",
            flush=True,
        )
        if name == "likelihood, Firth" and n > 20 and (shape == "normal" or slope == 0):
            room = 3.5 * np.sqrt(0.05 * 0.95 / fine.sum()) + 0.01
            assert fine.mean() > 0.99
            assert covered > 0.95 - room
            if slope == 0:
                assert level < 0.05 + room
