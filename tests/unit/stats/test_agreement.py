"""Rules of Bland-Altman analysis, concordance and censored pairs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from correlates.stats.agreement import PairKind, bland_altman, concordance, line_bias, split_pairs

RNG = np.random.default_rng(3)
X = np.exp(RNG.normal(3, 1, 40))
Y = X * np.exp(RNG.normal(0.1, 0.2, 40))


def test_pairs_are_counted_by_kind_and_none_is_lost():
    x = [5.0, 10.0, 2.0, 2.0, 900.0, np.nan, 7.0]
    y = [6.0, 3.0, 4.0, 3.0, 800.0, 1.0, np.nan]
    made = split_pairs(x, y, [0, 0, -1, -1, 1, 0, 0], [0, -1, 0, -1, 0, 0, -1])
    assert list(made.uncensored) == [True, False, False, False, False, False, False]
    assert list(made.kind[:5]) == [
        PairKind.QUANTIFIED,
        PairKind.QUANTIFIED_BELOW,
        PairKind.BELOW_QUANTIFIED,
        PairKind.BELOW_BELOW,
        PairKind.ABOVE_QUANTIFIED,
    ]
    counts = dict(made.counts)
    assert counts[PairKind.MISSING] == 2
    assert sum(counts.values()) == 7
    assert list(counts) == list(PairKind)


def test_statements_that_exclude_each_other():
    # x at most 2 and y is 4: apart. x is 10 and y at most 3: apart. x at most 5 and y is 4: agree. Both below: agree.
    made = split_pairs([2.0, 10.0, 5.0, 2.0], [4.0, 3.0, 4.0, 30.0], [-1, 0, -1, -1], [0, -1, 0, -1])
    assert list(made.excluding) == [True, True, False, False]


@pytest.mark.parametrize(
    "arguments",
    [
        ([1.0], [1.0, 2.0], [0], [0, 0]),
        ([1.0], [1.0], [2], [0]),
        ([np.inf], [1.0], [0], [0]),
    ],
)
def test_pairs_that_cannot_be(arguments):
    with pytest.raises(ValueError, match=r"must|infinity"):
        split_pairs(*arguments)


def test_trend_of_differences_is_the_least_squares_slope():
    made = bland_altman(X, Y).trend
    line = stats.linregress((X + Y) / 2, Y - X)
    assert (made.estimate, made.se) == pytest.approx((line.slope, line.stderr), rel=1e-10)


def test_exact_limits_are_those_of_the_noncentral_t():
    made = bland_altman(X, Y, scale="ratio", coverage=0.9, confidence=0.8)
    n, d = len(X), np.log(Y / X)
    t = stats.nct.ppf([0.1, 0.9], n - 1, stats.norm.ppf(0.95) * np.sqrt(n)) / np.sqrt(n)
    assert np.log(made.upper_limit.exact) == pytest.approx(d.mean() + t * d.std(ddof=1), rel=1e-7)


def test_proportional_error_belongs_on_the_ratio_scale():
    x = np.geomspace(1, 1000, 200)
    y = x * np.exp(np.random.default_rng(1).normal(0, 0.2, 200)) * 1.3
    difference, ratio = bland_altman(x, y), bland_altman(x, y, scale="ratio")
    assert difference.trend.lower > 0
    assert ratio.trend.lower < 0 < ratio.trend.upper
    assert ratio.bias.lower < 1.3 < ratio.bias.upper


@pytest.mark.parametrize(
    ("x", "y", "scale", "why"),
    [
        ([1.0], [2.0], "difference", "too-few-pairs"),
        ([], [], "difference", "too-few-pairs"),
        ([1.0, 0.0, 2.0], [1.0, 2.0, 3.0], "ratio", "values-not-positive"),
    ],
)
def test_undefined_bland_altman(x, y, scale, why):
    made = bland_altman(x, y, scale=scale)
    assert (made.why, made.bias, made.sd, made.lower_limit, made.trend) == (why, None, None, None, None)


def test_no_trend_over_one_level():
    assert bland_altman([1.0, 1.0, 1.0], [1.0, 1.0, 1.0]).trend is None


def test_nan_is_refused():
    with pytest.raises(ValueError, match="split_pairs"):
        bland_altman([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(ValueError, match="must be"):
        concordance([1.0], [1.0, 2.0])


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_shares_that_cannot_be(share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        bland_altman(X, Y, coverage=share)
    with pytest.raises(ValueError, match="between 0 and 1"):
        bland_altman(X, Y, confidence=share)


def test_concordance_of_identical_assays_is_one():
    made = concordance(X, X)
    assert made.ccc.estimate == pytest.approx(1.0, abs=1e-12)
    assert made.ccc.lower == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("x", "y", "why"),
    [
        ([1.0, 2.0], [1.0, 2.0], "too-few-pairs"),
        ([1.0, 1.0, 1.0], [1.0, 2.0, 3.0], "no-variation"),
        ([], [], "too-few-pairs"),
    ],
)
def test_undefined_concordance(x, y, why):
    made = concordance(x, y)
    assert (made.why, made.ccc, made.pearson) == (why, None, None)


def test_bias_of_a_line_at_points():
    made = line_bias(2.0, 1.1, (4.0, -0.1, 0.01), 2.0, [0.0, 10.0])
    assert made.bias == pytest.approx([2.0, 3.0])
    assert made.se == pytest.approx([2.0, 3.0**0.5])  # 4 - 2 + 1
    assert made.lower == pytest.approx([-2.0, 3.0 - 2 * 3.0**0.5])
    assert np.isnan(made.relative[0])
    assert made.relative[1] == pytest.approx(0.3)
