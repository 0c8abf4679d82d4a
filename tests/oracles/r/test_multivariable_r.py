"""Penalised paths, error bounds, stepwise selection, optimism and trees, against numbers computed with R."""

from __future__ import annotations

import numpy as np
import pytest
from tests.external import oracle

from correlates.stats.elastic_net import binary, elastic_net, survival

_LOGISTIC = [f"glmnet-logistic-alpha-{a}" for a in ("1", "0.5", "0")]
_COX = ["glmnet-cox-alpha-1", "glmnet-cox-alpha-0.5-ties", "glmnet-cox-alpha-0"]


@pytest.mark.parametrize("name", [*_LOGISTIC, *_COX])
@pytest.mark.parametrize("path", ["direct", "along a path"])
def test_elastic_net_as_glmnet(name: str, path: str) -> None:
    # glmnet stops at a tolerance of its own: its coefficients are good to about 1e-5
    case = oracle("multivariable")[name]
    given, expected = case["input"], case["expected"]
    x = np.array(given["x_columns"], dtype=float).T
    family = binary(given["y"]) if "y" in given else survival(given["time"], given["status"])
    target = case["settings"]["lambda"]
    steps = [target] if path == "direct" else [10.0, 1.0, 0.3, target]
    fit = elastic_net(x, family, steps, mixing=case["settings"]["alpha"])
    coefficient = np.array(expected["coef"], dtype=float)
    assert fit.converged.all()
    np.testing.assert_allclose(fit.coefficient[0, -1], coefficient, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(fit.coefficient[0, -1] == 0, coefficient == 0)
    if "intercept" in expected:
        assert fit.intercept[0, -1] == pytest.approx(expected["intercept"], rel=1e-5, abs=1e-7)
    else:
        assert fit.log_likelihood[0, -1] == pytest.approx(expected["breslow_partial_loglik"], rel=1e-7)
