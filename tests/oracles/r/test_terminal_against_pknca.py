"""Terminal rate, half-life and area to infinity against PKNCA 0.12.1 (R 4.2.2). There 0 means below the limit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.external import oracle

from correlates.stats import terminal
from correlates.stats.terminal import infinite_areas, terminal_slopes

DEFINED = (
    "typical",
    "blq-before-inside-after",
    "last-sample-before-28",
    "day28-missing",
    "tied-peak",
    "second-rise",
    "fast-then-slow",
)
NULL = {"all-blq": terminal.NOTHING, "single-positive": terminal.TOO_FEW, "still-rising": terminal.TOO_FEW}
EXACT = 1e-10  # closed forms: both programs work in double precision


def arrays(case: dict[str, Any]) -> dict[str, Any]:
    t = np.array([case["input"]["time"]], dtype=float)
    v = np.array([case["input"]["conc"]], dtype=float)
    return {"times": t, "values": v, "censoring": np.where(v == 0, -1, 0).astype(np.int8)}


@pytest.mark.parametrize("name", DEFINED)
def test_line(name: str) -> None:
    case = oracle("nca")[name]
    given, expected = arrays(case), case["expected"]
    found = terminal_slopes(**given, select=np.ones(given["times"].shape, bool))
    assert found.status[0] == terminal.DEFINED
    assert found.lambda_z[0] == pytest.approx(expected["hl_lambda_z"], rel=EXACT)
    assert found.half_life[0] == pytest.approx(expected["hl_half_life"], rel=EXACT)
    assert found.n_points[0] == expected["hl_lambda_z_n_points"]
    assert found.first_time[0] == expected["hl_lambda_z_time_first"]
    assert found.last_time[0] == expected["tlast"]
    assert found.adjusted_r2[0] == pytest.approx(expected["hl_adj_r_squared"], rel=EXACT)
    assert found.span[0] == pytest.approx(expected["hl_span_ratio"], rel=EXACT)


@pytest.mark.parametrize("name", DEFINED)
def test_area_to_infinity(name: str) -> None:
    case = oracle("nca")[name]
    given = arrays(case)
    # PKNCA counts a value below the limit between quantified ones as zero
    found = infinite_areas(**given, valid=np.ones(given["times"].shape, bool), window=(0.0, 180.0), between="zero")
    assert found.area[0] == pytest.approx(case["expected"]["aucinf_obs_linup_logdown"], rel=EXACT)


@pytest.mark.parametrize(("name", "status"), NULL.items())
def test_no_line_where_pknca_has_none(name: str, status: int) -> None:
    case = oracle("nca")[name]
    given = arrays(case)
    assert case["expected"]["hl_lambda_z"] is None
    found = infinite_areas(**given, valid=np.ones(given["times"].shape, bool), window=(0.0, 180.0))
    assert found.status[0] == status
