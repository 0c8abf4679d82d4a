"""Is a ratio right: likelihoods against statsmodels, profile limits by refitting, Fieller by hand, AUC pairs against pROC."""

from __future__ import annotations

import numpy as np
import pytest
from tests.external import oracle

from correlates.stats.auc import auc
from correlates.stats.auc_pairs import auc_pair
from correlates.stats.logistic import logistic_model
from correlates.stats.ratio_claim import Shape, fieller, likelihood_ratio_p, ratio_claim


def _data(b1, b2, n=120, seed=4):
    rng = np.random.default_rng(seed)
    top = rng.normal(5, 2, n)
    bottom = 0.3 * top + rng.normal(11, 1.2, n)
    events = rng.random(n) < 1 / (1 + np.exp(-(b1 * (top - 5) + b2 * (bottom - 12.5))))
    return top, bottom, events


def test_likelihoods_are_those_of_statsmodels():
    statsmodels = pytest.importorskip("statsmodels.api")
    top, bottom, events = _data(0.5, -0.5)
    claim = ratio_claim(top, bottom, events)
    columns = {
        "both": [top, bottom],
        "ratio": [top - bottom],
        "numerator": [top],
        "denominator": [bottom],
        "none": [],
    }
    for name, terms in columns.items():
        design = np.column_stack([np.ones(top.size), *terms])
        other = statsmodels.Logit(events.astype(float), design).fit(disp=0, tol=1e-12)
        assert claim.fit(name).log_likelihood == pytest.approx(other.llf, rel=1e-9)
        assert claim.fit(name).aic == pytest.approx(other.aic, rel=1e-9)
    gained = 2 * (claim.fit("both").log_likelihood - claim.fit("ratio").log_likelihood)
    from scipy.stats import chi2

    assert likelihood_ratio_p(claim.fit("ratio"), claim.fit("both")) == pytest.approx(chi2.sf(gained, 1), rel=1e-9)
    assert likelihood_ratio_p(claim.fit("ratio"), claim.fit("numerator")) is None


def test_claim_is_a_coefficient_of_the_turned_model():
    top, bottom, events = _data(0.5, -0.2)
    claim = ratio_claim(top, bottom, events)
    b = claim.model.coefficient
    assert claim.sum_coefficient == pytest.approx(b[1] + b[2], rel=1e-7)
    assert claim.exponent == pytest.approx(-b[2] / b[1], rel=1e-12)


@pytest.mark.parametrize(("b1", "b2"), [(0.6, -0.6), (0.6, 0.0), (0.3, -0.9)])
def test_profile_limits_of_the_exponent_lose_the_quantile(b1, b2):
    top, bottom, events = _data(b1, b2, n=200)
    claim = ratio_claim(top, bottom, events)
    assert claim.profile.shape in (Shape.INTERVAL, Shape.BEYOND)
    for k in (claim.profile.lower, claim.profile.upper):
        # at exponent k the model depends on log N - k log D alone: log D beside it loses exactly the quantile
        refit = logistic_model(np.column_stack((top - k * bottom, bottom - bottom.mean())), events)
        assert refit.chi_square[2] == pytest.approx(3.841458820694124, rel=1e-6)


def test_limits_hold_one_where_the_claim_is_not_refuted():
    for seed in range(5):
        top, bottom, events = _data(0.5, -0.5, seed=seed)
        claim = ratio_claim(top, bottom, events)
        if claim.profile.shape is Shape.INTERVAL:
            assert (claim.profile.lower <= 1 <= claim.profile.upper) == (claim.claim_p >= 0.05)


def test_no_effect_sets_no_limit():
    rng = np.random.default_rng(11)
    top, bottom = rng.normal(size=60), rng.normal(size=60)
    events = np.arange(60) % 3 == 0
    claim = ratio_claim(top, bottom, events)
    assert claim.overall_p > 0.05
    assert claim.profile.shape is Shape.EVERYTHING
    assert claim.profile.lower is None
    assert claim.fieller.shape is Shape.EVERYTHING


def test_fieller_by_hand():
    # independent coefficients 2 and -1 with variance .04 and .09: (1 - 2 k)^2 <= z^2 (.09 + .04 k^2)
    z2 = 1.959963984540054**2
    a, b, c = 4 - 0.04 * z2, -2.0, 1 - 0.09 * z2
    roots = sorted(((-b - np.sqrt(b * b - a * c)) / a, (-b + np.sqrt(b * b - a * c)) / a))
    found = fieller(2.0, -1.0, np.diag([0.04, 0.09]))
    assert found.shape is Shape.INTERVAL
    assert [found.lower, found.upper] == pytest.approx(roots, rel=1e-12)
    for k in roots:
        assert (-1 + 2 * k) ** 2 == pytest.approx(z2 * (0.09 + 0.04 * k * k), rel=1e-9)
    # numerator not known to matter, denominator is: every exponent but those near 0
    outside = fieller(0.1, -1.0, np.diag([0.04, 0.01]))
    assert outside.shape is Shape.BEYOND
    assert outside.lower < 0 < outside.upper


def test_base_of_the_logarithm_and_direction_do_not_matter():
    top, bottom, events = _data(0.5, -0.5)
    one, other = ratio_claim(top, bottom, events), ratio_claim(top * np.log(2), bottom * np.log(2), events)
    assert one.claim_p == pytest.approx(other.claim_p, rel=1e-7)
    assert one.exponent == pytest.approx(other.exponent, rel=1e-7)
    assert one.profile.upper == pytest.approx(other.profile.upper, rel=1e-6)
    turned = ratio_claim(bottom, top, events)
    assert turned.claim_p == pytest.approx(one.claim_p, rel=1e-6)
    assert turned.exponent == pytest.approx(1 / one.exponent, rel=1e-6)


def test_separation_keeps_the_test_and_drops_the_likelihood():
    top = np.arange(20.0)
    bottom = np.tile([1.0, 2.0, 4.0, 3.0], 5)
    claim = ratio_claim(top, bottom, top > 9.5)
    assert claim.model.separation == "complete"
    assert claim.fit("both").log_likelihood is None
    assert claim.fit("none").log_likelihood is not None
    assert 0 <= claim.claim_p <= 1


def test_what_has_no_answer_is_none():
    top, bottom, events = _data(0.5, -0.5)
    assert ratio_claim(top, 2 * top + 1, events) is None
    assert ratio_claim(top, bottom, np.ones(top.size)) is None
    assert ratio_claim(top[:3], bottom[:3], [0, 1, 0]) is None
    assert ratio_claim(np.ones(20), np.arange(20.0), np.arange(20) % 2) is None


def test_paired_auc_is_that_of_proc():
    case = oracle("rank")["auc-delong-paired-test"]
    found = auc_pair(case["input"]["marker1"], case["input"]["marker2"], case["input"]["y"])
    expected = case["expected"]
    assert [found.first, found.second, found.z, found.p_value] == pytest.approx(
        [expected[k] for k in ("auc1", "auc2", "z", "p")], rel=1e-8
    )
    assert [found.lower, found.upper] == pytest.approx(expected["diff_ci95"], rel=1e-8)


def test_paired_auc_by_hand():
    # two cases, two controls: placements of the cases (1, 1/2) and (1/2, 0), of the controls (1/2, 1) and (0, 1/2)
    found = auc_pair([4.0, 2.0, 3.0, 1.0], [2.0, 1.0, 3.0, 1.5], [1, 1, 0, 0])
    assert found.first == 0.75
    assert found.second == 0.25
    assert found.standard_error is None  # both markers have the same placements but for a constant
    one = auc([4.0, 2.0, 3.0, 1.0], [1, 1, 0, 0])
    assert one.estimate[0] == 0.75


def test_paired_auc_variance_is_that_of_the_parts():
    rng = np.random.default_rng(2)
    group = np.arange(50) % 3 == 0
    first, second = rng.normal(size=50) + group, rng.normal(size=50)
    found = auc_pair(first, second, group)
    alone = auc(np.stack((first, second)), group)
    assert [found.first, found.second] == pytest.approx(alone.estimate, rel=1e-12)
    assert found.standard_error**2 <= (np.sqrt(alone.variance).sum()) ** 2
    assert auc_pair(second, first, group).z == pytest.approx(-found.z, rel=1e-12)
    assert auc_pair(first, np.exp(first), group).p_value is None
    assert auc_pair(first[:3], second[:3], [1, 0, 0]) is None
