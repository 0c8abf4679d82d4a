from __future__ import annotations

import polars as pl
import pytest
from tests.unit.figures.small_run import SETTINGS, curve, curves, empty, measurement, measurements, points

from correlates.figures.assays import AGREEMENT, RECOVERY, STANDARD_CURVES


def _curve_tables(failed=("P2",), plates=("P1", "P2", "P3")):
    made = [curve(p, -3.3, accepted=p not in failed) for p in plates]
    wells = [
        {
            "curve_id": c["curve_id"],
            "nominal": 10.0**k,
            "signal": 38.0 - 3.3 * k + 0.1,
            "used": not (p == "P1" and k == 1),
        }
        for c, p in zip(made, plates, strict=True)
        for k in (1, 2, 3)
    ]
    return {**empty(), "curves": curves(made), "curve_points": points(wells)}


def test_a_failed_plate_is_named_in_the_legend_and_in_the_caption():
    (drawn,) = STANDARD_CURVES.draw(_curve_tables(), SETTINGS)
    assert set(drawn.data["state"]) == {"accepted (2 plates)", "failed: P2"}
    assert "Failed an acceptance rule: P2" in drawn.caption
    assert "3 curves of 3 plates" in drawn.caption
    assert "Open: 1 well not used for the line." in drawn.caption


def test_the_line_is_that_of_the_curve():
    (drawn,) = STANDARD_CURVES.draw(_curve_tables(), SETTINGS)
    for nominal, line in drawn.data.select("nominal", "line").iter_rows():
        assert line == pytest.approx({10.0: 34.7, 100.0: 31.4, 1000.0: 28.1}[nominal], rel=1e-12)


def test_many_failed_plates_share_a_look_and_are_still_named():
    plates = [f"P{i}" for i in range(8)]
    (drawn,) = STANDARD_CURVES.draw(_curve_tables(plates[:7], plates), SETTINGS)
    assert set(drawn.data["state"]) == {"accepted (1 plate)", "failed (7 plates)"}
    assert "P0, P1, P2, P3, P4, P5, P6" in drawn.caption


def test_each_target_of_an_assay_has_its_own_chart():
    tables = _curve_tables()
    other = curve("P1", -3.4, target="a/b", curve_id="qpcr/f/P1/ab")
    tables["curves"] = pl.concat([tables["curves"], curves([other])])
    wells = points([{"curve_id": "qpcr/f/P1/ab", "nominal": 10.0, "signal": 30.0, "well_id": "other"}])
    tables["curve_points"] = pl.concat([tables["curve_points"], wells])
    names = [d.name for d in STANDARD_CURVES.draw(tables, SETTINGS)]
    assert names[0] == "standard_curves_qpcr_CAR"
    assert names[1].startswith("standard_curves_qpcr_a_b_")
    assert "/" not in names[1]


def test_recovery_is_the_mean_of_the_replicates_of_a_level():
    plate = curve("L1", None, model="5PL", target="IL6", lowest=2.0, highest=100.0, intercept=None)
    wells = [
        {"curve_id": plate["curve_id"], "nominal": n, "recovery": r, "used": u}
        for n, r, u in (
            (1.0, 60.0, True),
            (1.0, 80.0, True),
            (10.0, 101.0, True),
            (10.0, 99.0, True),
            (50.0, 900.0, False),
        )
    ]
    tables = {**empty(), "curves": curves([plate]), "curve_points": points(wells)}
    (drawn,) = RECOVERY.draw(tables, SETTINGS)
    assert drawn.data.select("nominal", "recovery", "state").rows() == [
        (1.0, 70.0, "outside them"),
        (10.0, 100.0, "within the limits of quantification"),
        (50.0, 900.0, "not used for the curve"),
    ]
    assert "1 values beyond 25 and 175 %" in drawn.caption


def _pairs(censoring):
    rows = []
    for i, (one, two) in enumerate(censoring):
        rows += [
            measurement(f"s{i}", "A", i, 5.0 + i, censoring=one),
            measurement(f"s{i}", "A", i, 6.0 + i, censoring=two, assay="ddpcr"),
        ]
    return {**empty(), "measurements": measurements(rows)}


def test_censored_pairs_point_to_where_the_truth_lies():
    tables = _pairs([("none", "none"), ("left", "none"), ("none", "left"), ("left", "left"), ("right", "none")])
    (drawn,) = AGREEMENT.draw(tables, SETTINGS)
    assert drawn.data["state"].to_list() == [
        "both quantified",
        "below LLOQ: Cells by qPCR",
        "below LLOQ: Cells by ddPCR",
        "below LLOQ: both",
        "above a limit",
    ]
    shape = drawn.spec["layer"][1]["encoding"]["shape"]["scale"]
    assert dict(zip(shape["domain"], shape["range"], strict=True))["below LLOQ: Cells by qPCR"] == "triangle-left"
    assert "5 samples reported by both; in 4 a value lies beyond" in drawn.caption


def test_without_censored_pairs_nothing_is_said_of_triangles():
    (drawn,) = AGREEMENT.draw(_pairs([("none", "none")]), SETTINGS)
    assert "riangle" not in drawn.caption


def test_samples_of_one_assay_alone_are_no_pairs():
    tables = {**empty(), "measurements": measurements([measurement("s", "A", 1, 5.0)])}
    assert AGREEMENT.draw(tables, SETTINGS) == ()
