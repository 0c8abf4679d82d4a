"""Limits of detection and quantification from the standards of an assay, and the declared limit held against them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.unit.quantify.plates import cq_wells

from correlates.cli import main
from correlates.errors import PlanError
from correlates.quantify import detection, quantify
from correlates.quantify.settings import Detection, Qpcr
from correlates.schema import PRODUCT, SAMPLES

SETTINGS = Qpcr(files=(), targets={"CAR": ("CAR",)}, detection=Detection(link="logit", replicates=4))


def line(level: float, slope: float = -3.4, top: float = 38.0) -> float:
    return top + slope * float(np.log10(level))


def standards(
    counts: dict[float, tuple[int, int]], *, spread: float = 0.1, top: float = 38.0, plate: str = "P1"
) -> pl.DataFrame:
    """Levels with (tested, detected) replicates whose Cq lie ``spread`` above and below the line in turn."""
    rows = [
        {
            "role": "standard",
            "nominal": level,
            "signal": line(level, top=top) + spread * (-1) ** i if i < detected else None,
        }
        for level, (tested, detected) in counts.items()
        for i in range(tested)
    ]
    return cq_wells(rows, plate=plate)


def limits_of(wells: pl.DataFrame, settings: Qpcr = SETTINGS) -> dict[str, dict[str, object]]:
    found = detection.of_wells(wells, settings, "a").limits
    return {row["limit"]: row for row in found.iter_rows(named=True)}


def test_two_levels_are_met_exactly() -> None:
    """10 of 20 at 1 and 15 of 20 at 10: logit 0 and ln 3, so the slope is ln 3 and LOD95 = 10^(ln 19/ln 3)."""
    wells = standards({1.0: (20, 10), 10.0: (20, 15), 1000.0: (2, 2), 10000.0: (2, 2)})
    row = limits_of(wells)["lod_logit"]
    assert row["value"] == pytest.approx(10 ** (np.log(19) / np.log(3)), rel=1e-8)
    assert row["extrapolated"] is True
    plain = replace(SETTINGS, detection=replace(SETTINGS.detection, estimate="maximum_likelihood"))
    assert [name for name, row in limits_of(wells, plain).items() if row["chosen"]] == ["lod_logit", "loq_rule"]


def test_the_limit_of_reduced_bias_is_chosen_and_tells_where_its_bias_is_not_known() -> None:
    shown = {2.0: (12, 3), 4.0: (12, 7), 8.0: (12, 10), 16.0: (12, 12), 32.0: (12, 12)}
    found = limits_of(standards(shown))
    assert [name for name, row in found.items() if row["chosen"]] == ["lod_reduced", "loq_rule"]
    row = found["lod_reduced"]
    assert row["value"] > found["lod_logit"]["value"]
    assert (row["lower"], row["upper"]) == (found["lod_logit"]["lower"], found["lod_logit"]["upper"])
    assert row["why"] is None
    coarse = limits_of(standards({1.0: (12, 9), 10.0: (12, 11), 100.0: (12, 12)}))["lod_reduced"]
    for words in ("3 levels", "75 % detected at the lowest level", "12 replicates at steps of 10"):
        assert words in coarse["why"]


def test_quantities_are_read_back_from_levels_that_were_always_detected() -> None:
    """The line is exact at 100 to 10,000; 4 of 8 at 10 copies lie at the Cq of 20 copies and are no part of it."""
    wells = standards({100.0: (8, 8), 1000.0: (8, 8), 10000.0: (8, 8)}, spread=0.0)
    few = cq_wells(
        [{"role": "standard", "nominal": 10.0, "signal": line(20.0) if i < 4 else None} for i in range(8)], plate="P1"
    ).with_columns(well=pl.format("H{}", pl.int_range(1, 9)), well_id=pl.format("few/{}", pl.int_range(1, 9)))
    levels = detection.of_wells(pl.concat([wells, few]), SETTINGS, "a").levels
    assert levels["level"].to_list() == [10.0, 100.0, 1000.0, 10000.0]
    assert levels["detected"].to_list() == [4, 8, 8, 8]
    assert levels["recovery"].to_list() == pytest.approx([200.0, 100.0, 100.0, 100.0], rel=1e-9)


def test_each_plate_is_read_by_its_own_line() -> None:
    """Two plates a cycle apart: within a plate the line is exact, so that no CV is left."""
    counts = {100.0: (4, 4), 1000.0: (4, 4), 10000.0: (4, 4)}
    wells = pl.concat([standards(counts, spread=0.0), standards(counts, spread=0.0, top=39.0, plate="P2")])
    levels = detection.of_wells(wells, SETTINGS, "a").levels
    assert levels["plates"].to_list() == [2, 2, 2]
    assert levels["tested"].to_list() == [8, 8, 8]
    assert levels["cv"].to_list() == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)


def test_plates_of_one_level_share_a_line() -> None:
    wells = pl.concat(
        [standards({level: (4, 4)}, spread=0.0, plate=f"P{i}") for i, level in enumerate((10.0, 100.0, 1000.0))]
    )
    assert detection.of_wells(wells, SETTINGS, "a").levels["recovery"].to_list() == pytest.approx([100.0] * 3)


@pytest.mark.parametrize(
    ("counts", "limit", "why"),
    [
        ({10.0: (8, 8), 100.0: (8, 8), 1000.0: (8, 8)}, "lod_logit", "every replicate was detected"),
        ({10.0: (8, 0), 100.0: (8, 8), 1000.0: (8, 8)}, "lod_logit", "always or never"),
        ({10.0: (8, 8), 100.0: (8, 4), 1000.0: (8, 8)}, "lod_logit", "does not rise"),
        ({10.0: (8, 8), 100.0: (8, 8)}, "loq_curve", "fewer than two levels"),
    ],
)
def test_why_there_is_no_limit(counts: dict[float, tuple[int, int]], limit: str, why: str) -> None:
    row = limits_of(standards(counts))[limit]
    assert row["value"] is None
    assert why in str(row["why"])


def test_too_few_replicates_say_nothing() -> None:
    found = detection.of_wells(standards({10.0: (3, 3), 100.0: (3, 3)}), SETTINGS, "a")
    assert found.levels.is_empty()
    assert found.limits.is_empty()
    nothing = detection.of_wells(standards({10.0: (8, 0), 100.0: (8, 0)}), SETTINGS, "a")
    assert nothing.levels["cv"].null_count() == 2
    assert set(nothing.limits["value"]) == {None}


def test_the_declared_limit_is_held_against_what_was_found() -> None:
    wells = standards({1.0: (20, 4), 5.0: (20, 12), 10.0: (20, 19), 100.0: (20, 20), 1000.0: (20, 20)})

    def verdicts(lloq: float) -> dict[str, bool]:
        settings = replace(SETTINGS, lloq=lloq)
        checks = quantify("a", wells, SAMPLES.empty(), PRODUCT.empty(), settings).checks
        mine = checks.filter(pl.col("rule").is_in(["limit_of_detection", "limit_of_quantification"]))
        return dict(mine.select("rule", "passed").iter_rows())

    assert verdicts(5.0) == {"limit_of_detection": False, "limit_of_quantification": False}
    assert verdicts(200.0) == {"limit_of_detection": True, "limit_of_quantification": True}


@pytest.mark.parametrize("wrong", [{"probability": 95.0}, {"cv": 0.0}, {"replicates": 1}])
def test_rules_that_cannot_be(wrong: dict[str, float]) -> None:
    settings = replace(SETTINGS, detection=Detection(**wrong))  # type: ignore[arg-type]
    with pytest.raises(PlanError, match=f"detection.{next(iter(wrong))}"):
        quantify("a", standards({10.0: (4, 4)}), SAMPLES.empty(), PRODUCT.empty(), settings)


def test_levels_with_an_undetermined_replicate_may_be_left_out_of_the_curve() -> None:
    counts = {10.0: (4, 2), 100.0: (4, 4), 1000.0: (4, 4)}
    found = {
        choice: quantify(
            "a", standards(counts), SAMPLES.empty(), PRODUCT.empty(), replace(SETTINGS, curve_levels=choice)
        )
        for choice in ("all", "always_detected")
    }
    assert [found[c].curves["n_levels"].item() for c in found] == [3, 2]
    left = found["always_detected"].curve_points.filter(~pl.col("used"))
    assert left["reason"].value_counts().sort("reason").rows() == [
        ("a replicate of the level is undetermined", 2),
        ("undetermined: no Cq", 2),
    ]


def test_the_command_prints_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = standards({1.0: (20, 4), 5.0: (20, 12), 10.0: (20, 19), 100.0: (20, 20), 1000.0: (20, 20)})
    lines = [
        f"CAR,{c},{q}" for c, q in rows.select(pl.col("signal").cast(pl.String).fill_null("NaN"), "nominal").iter_rows()
    ]
    path = tmp_path / "levels.csv"
    path.write_text("\n".join(["Target,Cq,Copies", *lines]))
    assert main(["assay", str(path), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "12/20   60.0 %" in printed
    assert "LOD95, probit: " in printed
    assert (tmp_path / "out" / "figures" / "detection_cq_table.svg").is_file()
