"""LOD95 against R 4.2.2 (glm, dose.p of MASS, Fieller by formula). Iterative fits: 1e-6 relative."""

from __future__ import annotations

import pytest
from tests.external import oracle

from correlates.stats.detection import detection_limit


@pytest.mark.parametrize("link", ["probit", "logit", "cloglog"])
def test_lod95(link):
    case = oracle("curves")[f"lod95-{link}"]
    given, expected = case["input"], case["expected"]
    data = given["concentration"], given["n_tested"], given["n_detected"]
    made = detection_limit(*data, link=link)
    found = {
        "coef": [made.intercept, made.slope],
        "se": [made.intercept_se, made.slope_se],
        "lod95": made.limit,
        "log10_lod95_se": made.log10_se,
        "lod95_delta_ci": made.delta,
        "lod95_fieller_ci": made.fieller,
        "deviance": made.deviance,
        "pearson_chisq": made.pearson,
        "residual_df": made.df,
    }
    for key, value in found.items():
        assert value == pytest.approx(expected[key], rel=1e-6), key
    assert detection_limit(*data, link=link, probability=0.5).limit == pytest.approx(expected["lod50"], rel=1e-6)


def test_all_or_nothing_is_bracketed_not_estimated():
    case = oracle("curves")["lod95-step-data-separation"]
    given, expected = case["input"], case["expected"]
    made = detection_limit(given["concentration"], given["n_tested"], given["n_detected"])
    assert (made.why, made.limit, made.fieller) == ("detection-all-or-nothing", None, None)
    assert (made.none_up_to, made.all_from) == (expected["highest_none_detected"], expected["lowest_all_detected"])
