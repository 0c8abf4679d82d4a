"""The straight calibration line: what it refuses, and its batched parts one by one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from correlates.stats import calibration


def line(x: list[float], y: list[float]) -> calibration.LineFits:
    return calibration.fit_lines(np.array(x), np.array(y), np.zeros(len(x), dtype=np.int64), 1)


@pytest.mark.parametrize(("x", "y"), [([1.0, 2.0], [30.0, 27.0]), ([3.0, 3.0, 3.0], [1.0, 2.0, 3.0])])
def test_a_line_without_residual_or_spread_is_refused(x: list[float], y: list[float]) -> None:
    with pytest.raises(ValueError, match="a line needs at least"):
        line(x, y)


def test_no_group_at_all_gives_empty_arrays() -> None:
    empty = np.array([], dtype=np.float64)
    fits = calibration.fit_lines(empty, empty, np.array([], dtype=np.int64), 0)
    assert fits.slope.shape == (0,)


def test_many_groups_at_once_are_each_the_line_of_scipy() -> None:
    rng = np.random.default_rng(5)
    group = rng.permutation(np.repeat(np.arange(7), [3, 4, 5, 6, 7, 8, 50]))
    x = rng.normal(size=len(group)) + 1000.0 * (group == 3)  # one group far from the origin
    y = 30 - 3.3 * x + rng.normal(size=len(group))
    fits = calibration.fit_lines(x, y, group, 7)
    for g in range(7):
        theirs = stats.linregress(x[group == g], y[group == g])
        assert fits.slope[g] == pytest.approx(theirs.slope, rel=1e-9)
        assert fits.intercept[g] == pytest.approx(theirs.intercept, rel=1e-9)
        assert fits.r_squared[g] == pytest.approx(theirs.rvalue**2, rel=1e-9)
        assert np.sqrt(fits.var_slope[g]) == pytest.approx(theirs.stderr, rel=1e-9)
        assert np.sqrt(fits.var_intercept[g]) == pytest.approx(theirs.intercept_stderr, rel=1e-9)


def test_a_flat_curve_explains_nothing_and_has_no_efficiency_and_no_inverse() -> None:
    fits = line([1.0, 2.0, 3.0], [40.0, 40.0, 40.0])
    assert fits.slope[0] == 0.0
    assert fits.r_squared[0] == 0.0
    with pytest.raises(ValueError, match="negative slopes"):
        calibration.efficiency(fits.slope)
    one = np.ones(1)
    with pytest.raises(ValueError, match="flat"):
        calibration.invert_line(
            one,
            one,
            intercept=fits.intercept,
            slope=fits.slope,
            var_intercept=one,
            covariance=one,
            var_slope=one,
            quantile=one,
        )


def test_doubling_each_cycle_is_an_efficiency_of_one() -> None:
    slope = np.array([-1.0 / np.log10(2.0), -1.0 / np.log10(1.9)])
    np.testing.assert_allclose(calibration.efficiency(slope), [1.0, 0.9], rtol=1e-12)


def predict(
    fits: calibration.LineFits, y: float, wells: int, confidence: float = 0.95
) -> calibration.InversePrediction:
    return calibration.invert_line(
        np.array([y]),
        fits.residual_sd**2 / wells,
        intercept=fits.intercept,
        slope=fits.slope,
        var_intercept=fits.var_intercept,
        covariance=fits.covariance,
        var_slope=fits.var_slope,
        quantile=calibration.student_quantile(confidence, fits.df.astype(np.float64)),
    )


def test_fieller_is_unbounded_when_the_slope_could_be_zero() -> None:
    fits = line([1.0, 2.0, 3.0, 4.0], [30.0, 34.0, 26.0, 31.0])
    found = predict(fits, 29.0, 3)
    assert found.g[0] > 1
    assert not found.bounded[0]
    assert (found.fieller_lower[0], found.fieller_upper[0]) == (-np.inf, np.inf)
    assert np.isfinite(found.delta_lower[0])


def test_fieller_limits_are_where_the_pivot_equals_the_quantile() -> None:
    """The limits are found again as roots of the test statistic, without the quadratic."""
    rng = np.random.default_rng(3)
    x = np.repeat([1.0, 2.0, 3.0, 4.0], 2)
    fits = line(list(x), list(38 - 3.4 * x + 0.6 * rng.normal(size=8)))
    found = predict(fits, 31.0, 2)
    quantile = stats.t.ppf(0.975, 6)

    def pivot(z: float) -> float:
        variance = (
            fits.residual_sd[0] ** 2 / 2
            + fits.var_intercept[0]
            + 2 * z * fits.covariance[0]
            + z * z * fits.var_slope[0]
        )
        return float(abs(31.0 - fits.intercept[0] - fits.slope[0] * z) - quantile * np.sqrt(variance))

    middle = float(found.x[0])
    assert found.fieller_lower[0] == pytest.approx(optimize.brentq(pivot, middle - 3, middle), rel=1e-9)
    assert found.fieller_upper[0] == pytest.approx(optimize.brentq(pivot, middle, middle + 3), rel=1e-9)


def test_with_equal_wells_on_the_line_the_level_covariance_is_the_ordinary_one() -> None:
    rng = np.random.default_rng(11)
    x = np.repeat([1.0, 2.0, 3.0, 5.0], 5)
    y = 30 - 3 * x + 0.01 * rng.normal(size=20)
    y -= np.repeat([y[x == v].mean() - (30 - 3 * v) for v in (1.0, 2.0, 3.0, 5.0)], 5)  # level means exactly on a line
    fits = line(list(x), list(y))
    group = np.zeros(4, dtype=np.int64)
    found = calibration.line_covariance(
        fits,
        np.array([1.0, 2.0, 3.0, 5.0]),
        np.array([27.0, 24.0, 21.0, 15.0]),
        np.full(4, 5),
        np.full(4, fits.residual_sd[0] ** 2),
        group,
    )
    assert found.level_variance[0] == 0.0
    np.testing.assert_allclose(found.var_slope, fits.var_slope, rtol=1e-9)
    np.testing.assert_allclose(found.var_intercept, fits.var_intercept, rtol=1e-9)
    np.testing.assert_allclose(found.covariance, fits.covariance, rtol=1e-9)


def test_the_level_covariance_is_the_variance_of_the_line_over_repeated_standards() -> None:
    """Against simulation: wells of unequal variance, levels with an error of their own (4 % at 20,000 repeats)."""
    rng = np.random.default_rng(2)
    levels = np.array([1.0, 2.0, 3.0, 4.0, 6.0])
    sd = np.array([0.5, 0.2, 0.1, 0.1, 0.1])
    shared, wells, repeats = 0.1, 3, 20_000
    x = np.tile(np.repeat(levels, wells), repeats)
    error = np.repeat(sd, wells) * rng.normal(size=(repeats, 15))
    error += np.repeat(shared * rng.normal(size=(repeats, 5)), wells, axis=1)
    y = (38 - 3.4 * np.repeat(levels, wells) + error).ravel()
    fits = calibration.fit_lines(x, y, np.repeat(np.arange(repeats), 15), repeats)
    one = line(list(np.repeat(levels, wells)), list(38 - 3.4 * np.repeat(levels, wells)))
    exact = calibration.line_covariance(
        one, levels, 38 - 3.4 * levels, np.ones(5, dtype=np.int64) * wells, sd**2 + wells * shared**2,
        np.zeros(5, dtype=np.int64),
    )  # fmt: skip
    assert np.var(fits.slope) == pytest.approx(exact.var_slope[0], rel=0.04)
    assert np.var(fits.intercept) == pytest.approx(exact.var_intercept[0], rel=0.04)
    assert np.cov(fits.slope, fits.intercept)[0, 1] == pytest.approx(exact.covariance[0], rel=0.04)


def test_level_variance_of_equal_levels_is_the_scatter_of_their_means_beyond_their_wells() -> None:
    """By hand: with one variance of the means the restricted estimate is their residual variance less that of the wells."""
    levels = np.arange(1.0, 7.0)
    means = 38 - 3.4 * levels + 0.3 * np.random.default_rng(8).normal(size=6)
    fits = line(list(np.repeat(levels, 3)), list(np.repeat(means, 3)))
    found = calibration.line_covariance(
        fits, levels, means, np.full(6, 3), np.full(6, 0.01), np.zeros(6, dtype=np.int64)
    )
    residual = float(np.polyfit(levels, means, 1, full=True)[1][0]) / 4
    assert found.level_variance[0] == pytest.approx(residual - 0.01 / 3, rel=1e-9)
    assert found.level_uncertainty[0] == pytest.approx(2 * residual**2 / 4, rel=1e-9)
    spread = np.sum((levels - 3.5) ** 2)
    assert found.var_slope[0] == pytest.approx(residual / spread, rel=1e-9)
    assert found.unit_var_slope[0] == pytest.approx(1 / spread, rel=1e-9)


def test_level_variance_maximises_the_restricted_likelihood() -> None:
    """By a search of the likelihood, written from its definition; levels of unequal wells and variances, two curves at once."""
    rng = np.random.default_rng(5)
    levels = np.array([1.0, 2.0, 3.0, 4.0, 6.0])
    variance, wells = np.array([0.3, 0.05, 0.02, 0.01, 0.02]), np.array([3, 3, 2, 4, 3])
    means = 38 - 3.4 * levels + np.array([[0.5], [1.0]]) * rng.normal(size=(2, 5))
    x = np.tile(np.repeat(levels, wells), 2)
    fits = calibration.fit_lines(x, np.concatenate([np.repeat(m, wells) for m in means]), np.repeat([0, 1], 15), 2)
    group = np.repeat([0, 1], 5)
    found = calibration.line_covariance(
        fits, np.tile(levels, 2), means.ravel(), np.tile(wells, 2), np.tile(variance, 2), group
    )
    design = np.column_stack((np.ones(5), levels))

    def minus_log(v: float, y: np.ndarray) -> float:
        cov = np.diag(variance / wells + v)
        precision = np.linalg.inv(cov)
        inner = design.T @ precision @ design
        off = y - design @ np.linalg.solve(inner, design.T @ precision @ y)
        return float(np.linalg.slogdet(cov)[1] + np.linalg.slogdet(inner)[1] + off @ precision @ off) / 2

    for y, got in zip(means, found.level_variance, strict=True):
        best = optimize.minimize_scalar(minus_log, args=(y,), bounds=(0, 5), method="bounded", options={"xatol": 1e-12})
        assert got > 0
        assert got == pytest.approx(best.x, rel=1e-6)  # a search by values finds no more digits


def test_level_variance_against_another_program() -> None:
    """R metafor 3.8-1, rma(y, v, mods = ~x, method = "REML"): tau2 0.231213422604309, its standard error 0.205856244584652."""
    levels, wells = np.array([1.0, 2.0, 3.0, 4.0, 6.0]), np.array([3, 3, 2, 4, 3])
    means = np.array([34.9, 30.8, 28.3, 24.0, 17.9])
    fits = line(list(np.repeat(levels, wells)), list(np.repeat(means, wells)))
    found = calibration.line_covariance(
        fits, levels, means, wells, np.array([0.3, 0.05, 0.02, 0.01, 0.02]), np.zeros(5, dtype=np.int64)
    )
    assert found.level_variance[0] == pytest.approx(0.231213422604309, rel=1e-9)
    assert np.sqrt(found.level_uncertainty[0]) == pytest.approx(0.205856244584652, rel=1e-9)


def test_technical_variance_takes_the_sampling_of_molecules_away() -> None:
    rng = np.random.default_rng(4)
    sampling = np.repeat([0.2, 0.0], 4000)
    sets = np.sqrt(0.04 + sampling)[:, None] * rng.normal(size=(8000, 3))
    found = calibration.technical_variance(
        sets.var(axis=1, ddof=1),
        np.full(8000, 2),
        sampling,
        np.zeros(8000, dtype=np.int64),
        fallback=np.array([9.0]),
        fallback_df=np.array([4]),
    )
    assert found.variance[0] == pytest.approx(0.04, rel=0.05)  # SE 2.2 %
    assert found.uncertainty[0] == pytest.approx(0.04**2 / 4000, rel=0.15)
    assert found.pooled.mean() == pytest.approx(0.999, abs=0.0015)


def test_a_failed_sample_does_not_widen_the_others() -> None:
    ordinary = np.full(30, 0.02)
    spoilt = np.append(ordinary, 25.0)
    df, group = np.full(31, 2), np.zeros(31, dtype=np.int64)
    found = calibration.technical_variance(
        spoilt, df, np.zeros(31), group, fallback=np.array([1.0]), fallback_df=np.array([4])
    )
    assert found.variance[0] == pytest.approx(0.02, rel=1e-9)
    assert list(found.pooled) == [True] * 30 + [False]


def test_without_replicates_the_residual_of_the_curve_stands_in() -> None:
    none = np.array([], dtype=np.float64)
    found = calibration.technical_variance(
        none,
        np.array([], dtype=np.int64),
        none,
        np.array([], dtype=np.int64),
        fallback=np.array([0.09]),
        fallback_df=np.array([6]),
    )
    assert found.variance[0] == 0.09
    assert found.uncertainty[0] == pytest.approx(2 * 0.09**2 / 6)
