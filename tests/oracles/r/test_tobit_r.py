"""Left-censored regression against survival::survreg of R 4.2.2."""

from __future__ import annotations

import numpy as np
import pytest
from tests.external import oracle

from correlates.stats.tobit import tobit


@pytest.mark.parametrize(
    ("name", "logs", "columns"),
    [
        ("tobit-normal", False, ("x", "g")),
        ("tobit-lognormal-two-limits", True, ("x",)),
        ("tobit-heavy-censoring", True, ("g",)),
    ],
)
def test_against_survreg(name: str, logs: bool, columns: tuple[str, ...]) -> None:
    case = oracle("censored")[name]
    y = np.array(case["input"]["y"])
    code = -np.array(case["input"]["censored"], dtype=np.int8)
    x = np.stack([np.ones(y.size), *(np.array(case["input"][c], dtype=float) for c in columns)], axis=1)
    found = tobit((np.log(y) if logs else y)[None], code[None], np.ones((1, y.size), bool), x[None])
    expected = case["expected"]
    errors = np.sqrt(np.diag(found.covariance[0]))
    # their log-likelihood is that of y, ours of ln(y)
    likelihood = found.log_likelihood[0] - (np.log(y)[code == 0].sum() if logs else 0.0)
    assert found.converged[0]
    assert found.coefficient[0] == pytest.approx(expected["coef"], rel=1e-9)
    assert found.sigma[0] == pytest.approx(expected["scale_sigma"], rel=1e-9)
    assert likelihood == pytest.approx(expected["loglik"], rel=1e-9)
    assert errors[:-1] == pytest.approx(expected["se"], rel=1e-6)
    assert errors[-1] == pytest.approx(expected["se_log_scale"], rel=1e-6)
