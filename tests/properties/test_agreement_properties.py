"""What must hold of two assays compared, whatever the numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correlates.stats.agreement import bland_altman, concordance, split_pairs
from correlates.stats.deming import deming, weighted_deming
from correlates.stats.passing_bablok import equivariant, passing_bablok

SEEDS = st.integers(0, 10**6)
SIZES = st.integers(6, 40)
FACTORS = st.sampled_from([1e-4, 0.03, 0.5, 3.0, 700.0])


def _assays(seed, n):
    rng = np.random.default_rng(seed)
    true = np.exp(rng.uniform(1, 5, n))
    return true * np.exp(rng.normal(0, 0.15, n)), rng.uniform(0.5, 2) * true * np.exp(rng.normal(0, 0.15, n))


def _three(estimate):
    return np.array([estimate.estimate, estimate.lower, estimate.upper])


@given(SEEDS, SIZES, st.sampled_from([0.25, 1.0, 3.0]))
@settings(max_examples=60, deadline=None)
def test_interchanging_the_assays_inverts_the_deming_slope(seed, n, ratio):
    x, y = _assays(seed, n)
    for fit in (deming, weighted_deming):
        there, back = fit(x, y, error_ratio=ratio), fit(y, x, error_ratio=1.0 / ratio)
        if fit is weighted_deming and (there.slope is None or back.slope is None):
            continue  # weights that do not settle
        assert back.slope.estimate == pytest.approx(1.0 / there.slope.estimate, rel=1e-6)
        assert back.intercept.estimate == pytest.approx(
            -there.intercept.estimate / there.slope.estimate, rel=1e-6, abs=1e-6 * y.max()
        )


@given(SEEDS, SIZES, FACTORS, FACTORS)
@settings(max_examples=60, deadline=None)
def test_a_change_of_unit_scales_the_deming_line(seed, n, c, d):
    x, y = _assays(seed, n)
    plain, scaled = deming(x, y), deming(c * x, d * y, error_ratio=(c / d) ** 2)
    assert _three(scaled.slope) == pytest.approx(d / c * _three(plain.slope), rel=1e-6)
    assert _three(scaled.intercept) == pytest.approx(d * _three(plain.intercept), rel=1e-5, abs=1e-7 * d * y.max())


@given(SEEDS, SIZES)
@settings(max_examples=60, deadline=None)
def test_interchanging_the_assays_inverts_the_equivariant_slope(seed, n):
    x, y = _assays(seed, n)
    there, back = equivariant(x, y), equivariant(y, x)
    assert _three(back.slope) == pytest.approx(1.0 / _three(there.slope)[[0, 2, 1]], rel=1e-9)


@given(SEEDS, SIZES.filter(lambda n: (n * (n - 1) // 2) % 2 == 1), FACTORS, FACTORS)
@settings(max_examples=60, deadline=None)
def test_a_change_of_unit_scales_the_equivariant_slope(seed, n, c, d):
    """Exactly so with an odd number of slopes; the interval lies between slopes, whose angles do not scale."""
    x, y = _assays(seed, n)
    plain, scaled = equivariant(x, y), equivariant(c * x, d * y)
    assert scaled.slope.estimate == pytest.approx(d / c * plain.slope.estimate, rel=1e-9)
    assert scaled.intercept.estimate == pytest.approx(d * plain.intercept.estimate, rel=1e-7, abs=1e-9 * d * y.max())


@given(SEEDS, SIZES, FACTORS, st.floats(-100, 100))
@settings(max_examples=60, deadline=None)
def test_a_common_unit_and_a_shift_leave_the_classical_slope(seed, n, c, shift):
    x, y = _assays(seed, n)
    plain, moved = passing_bablok(x, y), passing_bablok(c * x, c * (y + shift))
    assert _three(moved.slope) == pytest.approx(_three(plain.slope), rel=1e-7)
    assert moved.intercept.estimate == pytest.approx(
        c * (plain.intercept.estimate + shift), rel=1e-6, abs=1e-8 * c * (y.max() + 100)
    )


@given(SEEDS, SIZES)
@settings(max_examples=60, deadline=None)
def test_order_of_samples_does_not_matter(seed, n):
    x, y = _assays(seed, n)
    order = np.random.default_rng(seed).permutation(n)
    for fit in (deming, passing_bablok, equivariant):
        assert _three(fit(x[order], y[order]).slope) == pytest.approx(_three(fit(x, y).slope), rel=1e-9)


@given(SEEDS, SIZES)
@settings(max_examples=60, deadline=None)
def test_interchanging_the_assays_mirrors_bland_altman(seed, n):
    x, y = _assays(seed, n)
    there, back = bland_altman(x, y), bland_altman(y, x)
    assert back.upper_limit.estimate == pytest.approx(-there.lower_limit.estimate, rel=1e-9)
    assert back.upper_limit.exact == pytest.approx((-there.lower_limit.exact[1], -there.lower_limit.exact[0]), rel=1e-9)
    there, back = bland_altman(x, y, scale="ratio"), bland_altman(y, x, scale="ratio")
    assert back.bias.estimate == pytest.approx(1 / there.bias.estimate, rel=1e-9)
    assert back.lower_limit.exact == pytest.approx(
        (1 / there.upper_limit.exact[1], 1 / there.upper_limit.exact[0]), rel=1e-9
    )


@given(SEEDS, SIZES)
@settings(max_examples=60, deadline=None)
def test_concordance_is_symmetric_and_at_most_the_correlation(seed, n):
    x, y = _assays(seed, n)
    there, back = concordance(x, y), concordance(y, x)
    assert there.ccc.estimate == pytest.approx(back.ccc.estimate, rel=1e-12)
    assert abs(there.ccc.estimate) <= abs(there.pearson) + 1e-15
    assert there.ccc.lower < there.ccc.estimate < there.ccc.upper < 1


@given(st.lists(st.tuples(*[st.sampled_from([1.0, 2.0, float("nan")])] * 2, *[st.sampled_from([-1, 0, 1])] * 2)))
@settings(max_examples=60, deadline=None)
def test_every_pair_is_counted_once(rows):
    x, y, a, b = (np.array(c) for c in zip(*rows, strict=True)) if rows else (np.empty(0),) * 4
    made = split_pairs(x, y, a, b)
    counts = dict(made.counts)
    assert sum(counts.values()) == len(rows)
    assert counts["x quantified, y quantified"] == made.uncensored.sum()
    assert not (made.excluding & made.uncensored).any()
