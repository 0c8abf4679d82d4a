"""Performance of a Cox predictor at a horizon, against R 4.2.2 (survival 3.5-3, explicit loops; ``horizon.R`` writes ``horizon.json``)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from correlates.stats.horizon import net_benefit_at
from correlates.stats.target import survival_target

_CASES = json.loads(Path(__file__).with_name("horizon.json").read_text())


@pytest.mark.parametrize("name", list(_CASES))
def test_measures_at_a_horizon_as_r_has_them(name: str) -> None:
    case = {key: np.array(value, dtype=float) for key, value in _CASES[name].items()}
    eta, horizon = case["eta"][None], float(case["horizon"][0])
    target = survival_target(case["time"], case["event"], horizon)
    everyone = np.ones(eta.shape)
    risk = target.risk(eta, everyone)
    np.testing.assert_allclose(risk[0], case["risk"], rtol=1e-12)
    found = target.measures(eta, everyone, risk)
    for ours, theirs in (
        ("c_index", "c"),
        ("uno_c", "uno_c"),
        ("auc_at_horizon", "auc"),
        ("brier_at_horizon", "brier"),
        ("scaled_brier_at_horizon", "scaled_brier"),
        ("observed_to_expected", "observed_to_expected"),
    ):
        assert found[ours][0] == pytest.approx(case[theirs][0], rel=1e-12), ours
    curve = net_benefit_at(risk[0], case["time"], case["event"], horizon, case["thresholds"])
    np.testing.assert_allclose(curve.model, case["net_benefit"], rtol=1e-12)
    # a resample is its rows repeated
    draws = np.random.default_rng(1).integers(0, eta.size, eta.size)
    weight = np.bincount(draws, minlength=eta.size).astype(float)[None]
    repeated = survival_target(case["time"][draws], case["event"][draws], horizon)
    again = repeated.measures(eta[:, draws], everyone)
    for measure, value in target.measures(eta, weight).items():
        assert value[0] == pytest.approx(again[measure][0], rel=1e-9), measure
