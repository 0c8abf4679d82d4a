"""Counts of partitions: edges, exactness, and against other programs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from correlates.stats import poisson


def counts(*pairs: tuple[int, int]) -> poisson.PartitionEstimate:
    k, n = np.array(pairs).T
    return poisson.copies_per_partition(k, n, interval="exact")


def test_all_negative_has_an_upper_bound_only() -> None:
    found = counts((0, 15_000))
    assert found.copies[0] == 0
    assert found.lower[0] == 0
    assert found.upper[0] == pytest.approx(-np.log(0.025) / 15_000, rel=1e-9)  # q^n = 0.025
    assert found.all_negative[0]
    assert found.log_se[0] == np.inf


def test_all_positive_has_no_upper_bound() -> None:
    found = counts((15_000, 15_000))
    assert found.copies[0] == np.inf
    assert found.upper[0] == np.inf
    assert found.lower[0] == pytest.approx(-np.log1p(-(0.025 ** (1 / 15_000))), rel=1e-9)  # p^n = 0.025
    assert found.all_positive[0]


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_impossible_counts_are_refused(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="counts must satisfy"):
        counts((k, n))


def test_exact_interval_is_clopper_pearson_of_statsmodels_transformed() -> None:
    for k, n in [(1, 12_000), (3, 15_000), (57, 18_321), (9_000, 15_000), (19_990, 20_000)]:
        low, high = proportion_confint(k, n, alpha=0.05, method="beta")
        found = counts((k, n))
        assert found.lower[0] == pytest.approx(-np.log1p(-low), rel=1e-9)
        assert found.upper[0] == pytest.approx(-np.log1p(-high), rel=1e-9)


def test_exact_interval_holds_its_level_by_enumeration() -> None:
    n = 200
    found = poisson.copies_per_partition(np.arange(n + 1), np.full(n + 1, n), interval="exact")
    for lam in (0.001, 0.02, 0.3, 1.0, 2.5):
        inside = (found.lower <= lam) & (lam <= found.upper)
        assert stats.binom.pmf(np.arange(n + 1), n, -np.expm1(-lam))[inside].sum() >= 0.95


@pytest.mark.parametrize(
    ("k", "n"), [(1, 12_000), (3, 15_000), (57, 18_321), (9_000, 15_000), (14_999, 15_000), (2, 3)]
)
def test_mid_p_limits_leave_half_of_what_was_seen_in_the_tail(k: int, n: int) -> None:
    """By scipy's binomial law; 1e-8 of a tail of 0.025 is what its sums of 15,000 terms hold."""
    low, high = (float(v[0]) for v in poisson.mid_p_share(np.array([k]), np.array([n])))
    assert stats.binom.sf(k, n, low) + stats.binom.pmf(k, n, low) / 2 == pytest.approx(0.025, rel=1e-8)
    assert stats.binom.cdf(k - 1, n, high) + stats.binom.pmf(k, n, high) / 2 == pytest.approx(0.025, rel=1e-8)


def test_mid_p_limits_of_none_and_all() -> None:
    found = poisson.copies_per_partition(np.array([0, 15_000]), np.array([15_000, 15_000]))
    assert found.upper[0] == pytest.approx(np.log(20) / 15_000, rel=1e-9)  # q^n / 2 = 0.025
    assert found.lower[0] == 0
    assert found.lower[1] == pytest.approx(-np.log1p(-(0.05 ** (1 / 15_000))), rel=1e-9)
    assert found.upper[1] == np.inf


def test_mid_p_holds_its_level_on_average_over_neighbouring_shares() -> None:
    """By enumeration: means of 3 and more expected positives within 0.6 % of the level, single shares from ten within 2 %."""
    n, k = 400, np.arange(401)
    low, high = poisson.mid_p_share(k, np.full(401, n))
    for least, most, margin in ((3.0, 6.0, 0.036), (6.0, 10.0, 0.028), (10.0, 40.0, 0.02)):
        shares = np.geomspace(least, most, 400) / n
        inside = (low <= shares[:, None]) & (shares[:, None] <= high)
        level = (stats.binom.pmf(k, n, shares[:, None]) * inside).sum(axis=1)
        assert level.mean() == pytest.approx(0.95, abs=0.006)
        assert np.abs(level - 0.95).max() <= margin


def test_delta_standard_error_is_the_curvature_of_the_likelihood() -> None:
    k, n, step = 4_000, 15_000, 1e-4
    found = counts((k, n))

    def minus_log_likelihood(log_lambda: float) -> float:
        lam = np.exp(log_lambda)
        return float(-(k * np.log(-np.expm1(-lam)) - (n - k) * lam))

    at = float(np.log(found.copies[0]))
    curvature = (
        minus_log_likelihood(at + step) - 2 * minus_log_likelihood(at) + minus_log_likelihood(at - step)
    ) / step**2
    assert found.log_se[0] == pytest.approx(curvature**-0.5, rel=1e-4)  # second difference


def test_merging_equal_wells_is_one_well_of_their_sums() -> None:
    one, both = counts((300, 15_000)), counts((600, 30_000))
    assert both.copies[0] == one.copies[0]
    assert both.log_se[0] == pytest.approx(one.log_se[0] / np.sqrt(2), rel=1e-12)


def test_ratio_of_two_plain_targets_is_close_to_the_delta_interval() -> None:
    x, y = counts((6_000, 18_000)), counts((9_000, 18_000))
    found = poisson.ratio_of_targets(x, y, 0.95)
    assert found.ratio[0] == pytest.approx(np.log(1.5) / np.log(2.0), rel=1e-12)  # ln(18/12), ln(18/9)
    assert found.lower[0] == pytest.approx(found.delta_lower[0], rel=2e-3)
    assert found.upper[0] == pytest.approx(found.delta_upper[0], rel=2e-3)


def test_ratio_edges() -> None:
    x = counts((0, 15_000), (15_000, 15_000), (10, 15_000), (10, 15_000))
    y = counts((5_000, 15_000), (5_000, 15_000), (0, 15_000), (15_000, 15_000))
    found = poisson.ratio_of_targets(x, y, 0.95)
    assert list(found.undefined) == [False, False, True, True]
    assert found.ratio[0] == 0
    assert found.lower[0] == 0
    assert found.upper[0] > x.upper[0] / y.copies[0]
    assert found.ratio[1] == np.inf
    assert found.upper[1] == np.inf
    assert 0 < found.lower[1] < x.lower[1] / y.copies[1]
    assert list(found.upper[2:]) == [np.inf, np.inf]
    assert list(found.lower[2:]) == [0, 0]


@pytest.mark.parametrize("copies", [3.5, 5.0, 9.9, 10.0, 25.0, 59.0, 61.0, 150.0])
def test_log_sampling_variance_is_that_of_a_truncated_poisson(copies: float) -> None:
    """Against scipy's Poisson; 2e-3 covers the two-term series above 60 copies and the table below."""
    count = np.arange(1, 1000)
    weight = stats.poisson.pmf(count, copies)
    weight /= weight.sum()
    exact = (weight * np.log(count) ** 2).sum() - (weight * np.log(count)).sum() ** 2
    assert poisson.log_sampling_variance(np.array([copies]))[0] == pytest.approx(exact, rel=2e-3)


def test_log_sampling_variance_never_rises_with_the_copies() -> None:
    found = poisson.log_sampling_variance(np.geomspace(1e-3, 1e7, 500))
    assert (np.diff(found) <= 0).all()
    assert found[0] == pytest.approx(0.317, abs=1e-3)


def test_limits_as_printed_hold_the_density_and_the_level() -> None:
    """Below 100 positives: the posterior density is the same at both ends, and 95 % lies between."""
    k, n = np.array([1, 5, 30, 99]), np.full(4, 1_000_000)
    low, high = poisson.bio_rad_limits(k, n)
    ends = [-np.expm1(-limit) * n for limit in (low, high)]
    posterior = stats.gamma(k + 1)
    np.testing.assert_allclose(posterior.pdf(ends[0]), posterior.pdf(ends[1]), rtol=1e-6)
    np.testing.assert_allclose(posterior.cdf(ends[1]) - posterior.cdf(ends[0]), 0.95, rtol=1e-9)
    assert poisson.bio_rad_limits(np.array([0]), np.array([15_000]))[0][0] == 0
    assert poisson.bio_rad_limits(np.array([0]), np.array([15_000]))[1][0] == pytest.approx(
        -np.log(0.05) / 15_000, rel=1e-3
    )


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (5, 5)])
def test_limits_as_printed_need_a_negative_partition(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="counts must satisfy"):
        poisson.bio_rad_limits(np.array([k]), np.array([n]))


def test_the_normal_interval_is_statsmodels() -> None:
    k, n = np.array([1901, 100, 12_000]), np.array([15_820, 14_000, 15_000])
    found = poisson.copies_per_partition(k, n, interval="normal")
    low, high = proportion_confint(k, n, method="normal")
    np.testing.assert_allclose(found.lower, -np.log1p(-low), rtol=1e-9)
    np.testing.assert_allclose(found.upper, -np.log1p(-high), rtol=1e-9)


def test_the_normal_interval_has_no_width_where_all_are_alike_and_gives_way_to_the_exact() -> None:
    k, n = np.array([0, 7]), np.array([10, 7])
    normal, exact = (poisson.copies_per_partition(k, n, interval=kind) for kind in ("normal", "exact"))
    assert (normal.lower == exact.lower).all()
    assert (normal.upper == exact.upper).all()
    assert (poisson.normal_share(k, n)[0] == k / n).all()
