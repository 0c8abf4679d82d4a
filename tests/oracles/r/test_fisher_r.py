"""Fisher's exact test against R 4.2.2: P 1e-8 relative; odds ratio and limits solved in R to 1e-12, here met to 1e-8."""

from __future__ import annotations

import pytest
from tests.external import oracle

from correlates.stats.fisher import fisher_exact


@pytest.mark.parametrize("name", ["typical-2x2", "zero-cell", "small", "large-unbalanced", "group-of-one"])
def test_two_by_two(name):
    case = oracle("contingency")[f"fisher-chisq-{name}"]
    expected = case["expected"]
    result = fisher_exact(case["input"]["table_rows"])
    assert result.p_value == pytest.approx(expected["p_two_sided"], rel=1e-8)
    infinite = expected["or_conditional_mle"] is None
    assert result.unbounded == infinite
    found = [result.odds_ratio, result.lower, result.upper]
    for ours, theirs in zip(found, [expected["or_conditional_mle"], *expected["or_ci95"]], strict=True):
        assert (ours is None) == (theirs is None)
        if theirs is not None:
            assert ours == pytest.approx(theirs, rel=1e-8)


def test_empty_margin_is_undefined():
    # R answers P = 1 and an odds ratio of 0 by convention; one class tells nothing, and we say so
    case = oracle("contingency")["fisher-chisq-zero-margin-row-events"]
    result = fisher_exact(case["input"]["table_rows"])
    assert result.variant == "undefined"
    assert result.p_value is None
    assert result.odds_ratio is None


@pytest.mark.parametrize("name", ["3x2-crs-by-response", "3x4-small", "2x5-grades"])
def test_r_by_c(name):
    case = oracle("contingency")[f"fisher-rxc-{name}"]
    exact = fisher_exact(case["input"]["table_rows"])
    assert exact.variant == "exact"
    assert exact.p_value == pytest.approx(case["expected"]["fisher_p"], rel=1e-8)
    drawn = fisher_exact(case["input"]["table_rows"], most_nodes=1)
    assert drawn.variant == "Monte Carlo"
    # a seeded draw: 4 standard errors
    assert drawn.p_value == pytest.approx(case["expected"]["fisher_p"], abs=4 * drawn.p_standard_error)
