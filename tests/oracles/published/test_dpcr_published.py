"""Concentrations, intervals and ratios that a Bio-Rad instrument printed (QuantaSoft Analysis Pro, sample data of the R
package ddpcr by D. Attali, MIT): counts in, printed figures out. Bio-Rad's droplet is 0.85 nL."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats import poisson

# accepted, positives: concentration, lower, upper in copies/uL
PRINTED = [
    (20486, 10940, 898.375854492188, 881.25439453125, 915.750244140625),
    (20486, 11037, 910.391479492188, 893.107421875, 927.933349609375),
    (19626, 15347, 1791.92456054688, 1761.15856933594, 1823.51672363281),
    (18701, 9790, 872.1064453125, 854.56396484375, 889.914489746094),
]


@pytest.mark.parametrize(("n", "k", "concentration", "lower", "upper"), PRINTED)
def test_concentration_and_the_instruments_interval(
    n: int, k: int, concentration: float, lower: float, upper: float
) -> None:
    found = poisson.copies_per_partition(np.array([k]), np.array([n]))
    per_ul = 1000.0 / 0.85
    # printed in single precision
    assert found.copies[0] * per_ul == pytest.approx(concentration, rel=2e-7)
    low, high = poisson.bio_rad_limits(np.array([k]), np.array([n]))
    assert low[0] * per_ul == pytest.approx(lower, rel=2e-7)
    assert high[0] * per_ul == pytest.approx(upper, rel=2e-7)


# accepted, positives: limits in copies/uL, 0.795 nL (QX Manager 2.0, sample data of Q4ddPCR, MIT)
FEW = [
    (17366, 0, 0.0, 0.21702629327774048),
    (15252, 16, 0.7718439698219299, 2.0821588039398193),
    (21617, 90, 4.23446, 6.41217),
]


@pytest.mark.parametrize(("n", "k", "lower", "upper"), FEW)
def test_limits_of_few_positives_are_of_highest_posterior_density(n: int, k: int, lower: float, upper: float) -> None:
    """Tolerance: the instrument's search for them stops within 0.0025 counts."""
    low, high = poisson.bio_rad_limits(np.array([k]), np.array([n]))
    assert low[0] * n == pytest.approx(lower * 0.795e-3 * n, abs=0.0025)
    assert high[0] * n == pytest.approx(upper * 0.795e-3 * n, abs=0.0025)


def test_ratio_of_target_and_reference() -> None:
    """Printed ratio 0.986801694358231, interval 0.960058820946972 to 1.01354456776949 (symmetric)."""
    x = poisson.copies_per_partition(np.array([10940]), np.array([20486]))
    y = poisson.copies_per_partition(np.array([11037]), np.array([20486]))
    found = poisson.ratio_of_targets(x, y, 0.95)
    assert found.ratio[0] == pytest.approx(0.986801694358231, rel=2e-7)
    half = (1.01354456776949 - 0.960058820946972) / 2
    assert 1.96 * found.log_se[0] * found.ratio[0] == pytest.approx(
        half, rel=1e-3
    )  # its delta method is not on the log scale


# Newcombe, Stat Med 1998;17:857, Table I, method 6 (mid-P): four digits
MID_P = [(81, 263, 0.2544, 0.3658), (15, 148, 0.0601, 0.1581), (0, 20, 0.0, 0.1391), (1, 29, 0.0017, 0.1585)]


@pytest.mark.parametrize(("k", "n", "lower", "upper"), MID_P)
def test_mid_p_limits_of_a_share(k: int, n: int, lower: float, upper: float) -> None:
    found = poisson.mid_p_share(np.array([k]), np.array([n]))
    assert (float(found[0][0]), float(found[1][0])) == pytest.approx((lower, upper), abs=5e-5)
