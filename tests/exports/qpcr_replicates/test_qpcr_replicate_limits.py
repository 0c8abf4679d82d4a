"""Limits of a real assay: 1,344 probe-qPCR reactions of the USGS, 96 replicates per level and target."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from tests.external import external

from correlates.cli import main
from correlates.stats import calibration
from correlates.stats.detection import detection_limit
from correlates.stats.quantification import cv_of_cq, precision_profile, quantification_limit


@pytest.fixture(scope="module")
def reactions() -> pl.DataFrame:
    """Copies, Cq (null where nothing was detected) and target of the reactions with template."""
    path = external("data/qpcr/lod_replicates/Data.csv")
    everything = pl.read_csv(path, null_values=["NA", "N/A", "NaN"], infer_schema_length=None)
    assert everything.height == 1344
    controls = everything.filter(pl.col("SQ").is_null())
    assert controls.height == 192
    assert controls["Cq"].is_null().all()
    return everything.filter(pl.col("SQ").is_not_null()).select(
        pl.col("Target"), copies=pl.col("SQ").cast(pl.Float64), cq=pl.col("Cq").cast(pl.Float64)
    )


def _levels(reactions: pl.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    counted = reactions.group_by("copies").agg(n=pl.len(), k=pl.col("cq").is_not_null().sum()).sort("copies")
    return tuple(counted[name].to_numpy() for name in ("copies", "n", "k"))


def _profile(reactions: pl.DataFrame, target: str):
    """Quantities read back from the target's own curve over the levels that were always detected."""
    found = reactions.filter((pl.col("Target") == target) & pl.col("cq").is_not_null())
    on_curve = found.filter(pl.col("copies") >= 10)
    x, y = on_curve["copies"].log10().to_numpy(), on_curve["cq"].to_numpy()
    line = calibration.fit_lines(x, y, np.zeros(len(x), dtype=np.int64), 1)
    back = 10 ** ((found["cq"].to_numpy() - line.intercept[0]) / line.slope[0])
    return precision_profile(found["copies"].to_numpy(), back), float(calibration.efficiency(line.slope)[0]), found


def test_share_detected(reactions):
    copies, tested, detected = _levels(reactions)
    assert list(copies) == [1, 5, 10, 100, 1000, 10000]
    assert np.round(100 * detected / tested, 1) == pytest.approx([26.0, 61.5, 100, 100, 100, 100])


@pytest.mark.parametrize("target", ["SVC", "BHC"])
def test_lod95(reactions, target):
    made = detection_limit(*_levels(reactions.filter(pl.col("Target") == target)))
    assert made.limit == pytest.approx(13.62, abs=0.005)
    assert made.fieller[0] < made.limit < made.fieller[1]
    assert made.rule == 10.0
    assert made.all_from == 10.0
    # the curve is too flat for a step from 61.5 % to 100 %: the test of fit says so, and the heterogeneity widens the interval
    assert made.deviance_p < 1e-4
    wide = detection_limit(*_levels(reactions.filter(pl.col("Target") == target)), heterogeneity=True)
    assert wide.limit == made.limit
    assert wide.fieller[0] < made.fieller[0] < made.fieller[1] < wide.fieller[1]


def test_cv_of_quantities_read_back(reactions):
    profile, _, _ = _profile(reactions, "SVC")
    at = dict(zip(profile.level, 100 * profile.cv, strict=True))
    assert at[10.0] == pytest.approx(34.9, abs=0.06)
    assert at[100.0] == pytest.approx(12.7, abs=0.05)
    assert at[1000.0] < at[100.0]


@pytest.mark.parametrize("target", ["SVC", "BHC"])
def test_loq(reactions, target):
    profile, _, _ = _profile(reactions, target)
    made = quantification_limit(profile.level, profile.cv, cv_limit=0.35)
    assert made.level == 10.0
    assert 5 < made.modelled < 30
    assert quantification_limit(profile.level, profile.cv, cv_limit=0.25).level == 100.0
    # not below the limit of detection
    assert quantification_limit(profile.level, profile.cv, cv_limit=0.35, at_least=13.62).level == 13.62


@pytest.mark.parametrize("target", ["SVC", "BHC"])
def test_the_cv_that_cq_predicts(reactions, target):
    """Quantities of replicates are close to lognormal from 10 copies up: both ways to a CV agree within a tenth of it."""
    profile, efficiency, found = _profile(reactions, target)
    spread = found.group_by("copies").agg(pl.col("cq").std()).sort("copies")["cq"].to_numpy()
    assert cv_of_cq(spread[2:], efficiency) == pytest.approx(profile.cv[2:], rel=0.1)


def test_the_command_gives_the_published_limits(capsys, tmp_path):
    """From the file as published to its LOD95, detection and CV by level."""
    path = external("data/qpcr/lod_replicates/Data.csv")
    assert main(["assay", str(path), "--out", str(tmp_path / "out"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    limits = {(row["analyte"], row["limit"]): row["value"] for row in told["limits"]}
    assert limits["SVC", "lod_probit"] == pytest.approx(13.62, abs=0.005)
    assert limits["SVC", "loq_rule"] == limits["SVC", "lod_reduced"]
    levels = {row["level"]: row for row in told["levels"] if row["analyte"] == "SVC"}
    assert [round(100 * levels[c]["detected"] / levels[c]["tested"], 1) for c in (1, 5, 10, 100)] == [
        26,
        61.5,
        100,
        100,
    ]
    assert levels[10]["cv"] == pytest.approx(34.9, abs=0.06)
    assert levels[100]["cv"] == pytest.approx(12.7, abs=0.05)
