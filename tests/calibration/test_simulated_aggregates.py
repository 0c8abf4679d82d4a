"""Two hundred simulated trials against the published aggregates, and the tests of true causes and negative controls."""

from __future__ import annotations

import polars as pl
import pytest

from correlates.simulate import DEFAULT
from correlates.simulate.calibration import AGGREGATES, Calibration, calibrate

pytestmark = pytest.mark.calibration
TRIALS = 200


@pytest.fixture(scope="module")
def result() -> Calibration:
    return calibrate(TRIALS)


@pytest.mark.parametrize("code", [a.code for a in AGGREGATES if a.kind != "context"])
def test_published_aggregate_is_matched(result: Calibration, code: str) -> None:
    # rates within 2 points: the Monte-Carlo error of a mean over 200 trials of 101 is below 0.4 points
    # medians and ratios within 10 %: the error of a median over 200 trials is 2 to 4 %
    row = result.aggregates.row(by_predicate=pl.col("code") == code, named=True)
    assert abs(row["deviation"]) <= (2.0 if row["kind"] == "rate" else 10.0), row
    assert row["low"] < row["published"] < row["high"], row


def test_true_causes_are_found_more_often_than_chance(result: Calibration) -> None:
    assert result.drivers.filter("true")["rejected"].min() > 20.0


def test_negative_controls_are_rejected_at_the_level(result: Calibration) -> None:
    # binomial error of 5 % in 200 trials is 1.5 points: four of them for one pair, and for the mean of 15 pairs 0.4
    rejected = result.drivers.filter(~pl.col("true"))["rejected"]
    assert rejected.len() == 15
    assert rejected.max() <= 11.2
    assert rejected.mean() == pytest.approx(5.0, abs=1.6)


def test_no_effect_no_rejection() -> None:
    nothing = DEFAULT.without("efficacy").without("crs").without("neurotoxicity")
    rejected = calibrate(TRIALS, seed=5001, coefficients=nothing).drivers["rejected"]
    assert rejected.max() <= 11.2
    assert rejected.mean() == pytest.approx(5.0, abs=1.6)
