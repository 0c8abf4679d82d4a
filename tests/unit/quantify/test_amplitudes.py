"""Counts from the amplitudes of partitions."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.unit.quantify.plates import partition_wells

from correlates.cli import main
from correlates.errors import InputError, PlanError
from correlates.figures import FigureSettings
from correlates.figures.amplitude_charts import AMPLITUDES as AMPLITUDE_FIGURE
from correlates.pipeline import assay
from correlates.quantify.amplitudes import COUNTS, Counted, amplitude_bins, count_partitions, count_wells
from correlates.quantify.settings import Dpcr, Threshold
from correlates.readers import read
from correlates.readers.amplitudes import read_amplitudes
from correlates.schema import AMPLITUDES
from correlates.schema.assay_review import AMPLITUDE_BINS


def well(positives: int, n: int = 12_000, seed: int = 1) -> pl.Series:
    rng = np.random.default_rng(seed)
    values = np.concatenate((rng.normal(1200, 60, n - positives), rng.normal(7000, 300, positives)))
    return pl.Series(rng.permutation(values))


def test_every_channel_is_counted_on_its_own() -> None:
    by_channel = count_partitions(pl.DataFrame({"Ch1": well(600), "Ch2": well(3)}))
    assert by_channel.schema == COUNTS
    assert by_channel["positives"].to_list() == [600, 3]
    assert by_channel["partitions"].to_list() == [12_000, 12_000]
    assert by_channel["reason"].null_count() == 2


def test_a_well_without_positives_has_no_threshold_and_says_so() -> None:
    row = count_partitions(pl.DataFrame({"Ch1": well(0)})).row(0, named=True)
    assert (row["positives"], row["threshold"], row["reason"]) == (None, None, "not-estimable")
    declared = count_partitions(pl.DataFrame({"Ch1": well(0)}), Threshold(at={"Ch1": 4000.0})).row(0, named=True)
    assert (declared["positives"], declared["reason"]) == (0, None)


def test_a_declared_threshold_stands_before_the_rule_and_must_have_a_channel() -> None:
    frame = pl.DataFrame({"Ch1": well(600)})
    assert count_partitions(frame, Threshold(at={"Ch1": 20_000.0}))["positives"].item() == 0
    assert count_partitions(frame, Threshold(rule="mean_sd"))["positives"].item() == 600
    with pytest.raises(PlanError, match="Ch1"):
        count_partitions(frame, Threshold(at={"Ch3": 1.0}))


def test_empty_and_constant_channels_have_a_reason() -> None:
    frame = pl.DataFrame({"Ch1": [100.0] * 20, "Ch2": [None] * 20}, schema={"Ch1": pl.Float64, "Ch2": pl.Float64})
    assert count_partitions(frame)["reason"].to_list() == ["too-few-partitions"] * 2
    assert count_partitions(frame)["partitions"].to_list() == [20, 0]


def test_a_file_is_read_by_channel(tmp_path: Path) -> None:
    path = tmp_path / "A01_Amplitude.csv"
    path.write_text("Ch1 Amplitude,Ch2 Amplitude,Cluster\n100.5,200,1\n7000,,2\n")
    assert read_amplitudes(path).to_dict(as_series=False) == {"Ch1": [100.5, 7000.0], "Ch2": [200.0, None]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Well,Cq\nA1,20\n", "no droplet amplitudes"),
        ("Ch1 Amplitude,Cluster\n", "no droplets"),
        ("Ch1 Amplitude,Cluster\n100,1\nhigh,1\ninf,1\n", "not a number"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        read_amplitudes(path)
    if "high" in text:
        assert [(p.where.row, p.found) for p in caught.value.problems if p.where] == [(3, "'high'"), (4, "'inf'")]


def files(folder: Path, wells: dict[str, tuple[int, int]], *, clusters: bool = False) -> list[Path]:
    """A file for each well: positives in its two channels, the first of them shared."""
    paths = []
    for number, (name, (first, second)) in enumerate(wells.items()):
        one, two = well(first, seed=10 + number), well(second, seed=50 + number)
        lines = ["Ch1 Amplitude,Ch2 Amplitude" + (",Cluster" if clusters else "")]
        for a, b in zip(one, two, strict=True):
            cluster = {(False, False): 1, (True, False): 2, (True, True): 3, (False, True): 4}[a > 4000, b > 4000]
            lines.append(f"{a:.3f},{b:.3f}" + (f",{cluster}" if clusters else ""))
        path = folder / f"run_{name}_Amplitude.csv"
        path.write_text("\n".join(lines))
        paths.append(path)
    return paths


def counted(paths: list[Path], settings: Dpcr) -> Counted:
    read_files = [read(path) for path in paths]
    wells = pl.concat([f.wells for f in read_files])
    return count_wells(wells, pl.concat([f.amplitudes for f in read_files]), settings, "d")


SETTINGS = Dpcr(files=(), targets={"CAR": ("Ch1",), "RPP30": ("Ch2",)})


def test_a_well_without_positives_takes_the_threshold_of_the_plate(tmp_path: Path) -> None:
    """A no-template well holds one population: it is counted where the plate's other wells are parted, not left out."""
    paths = files(tmp_path, {"A01": (600, 900), "A02": (500, 0), "B01": (0, 800)})
    found = counted(paths, SETTINGS)
    assert found.wells.select("well", "target", "positives").rows() == [
        ("A1", "Ch1", 600), ("A1", "Ch2", 900), ("A2", "Ch1", 500), ("A2", "Ch2", 0), ("B1", "Ch1", 0), ("B1", "Ch2", 800),
    ]  # fmt: skip
    assert found.wells["flag"].null_count() == 6
    assert found.wells["signal"][0] == pytest.approx(600 / 12_000)
    by = dict(found.thresholds.select(pl.format("{} {}", "well", "channel"), "origin").iter_rows())
    assert by == {
        "A1 Ch1": "fitted", "A1 Ch2": "fitted", "A2 Ch1": "fitted", "A2 Ch2": "plate", "B1 Ch1": "plate", "B1 Ch2": "fitted",
    }  # fmt: skip
    assert found.checks.filter(~pl.col("passed")).is_empty()
    alone = counted(paths, replace(SETTINGS, threshold=Threshold(one_population="uncounted")))
    assert alone.wells["positives"].null_count() == 2
    flagged = alone.checks.filter(~pl.col("passed"))
    assert flagged["rule"].to_list() == ["threshold"] * 2
    assert flagged["found"].str.contains("one population").all()


def test_the_softwares_classes_stand_unless_thresholds_are_asked_for(tmp_path: Path) -> None:
    (path,) = files(tmp_path, {"C03": (400, 300)}, clusters=True)
    path.write_text(path.read_text().replace(",1\n", ",2\n", 300))  # droplets classed otherwise
    classes, thresholds = counted([path], SETTINGS), counted([path], replace(SETTINGS, counts="threshold"))
    assert classes.wells["positives"].to_list() == [700, 300]
    assert thresholds.wells["positives"].to_list() == [400, 300]
    assert classes.thresholds["counted_by"].to_list() == ["instrument"] * 2
    apart = classes.checks.filter(~pl.col("passed"))
    assert apart.select("rule", "found").rows() == [
        ("instrument_counts", "400 by threshold, 700 by the instrument's classes")
    ]


TABLE = """Well,Sample,TypeAssay,Assay,Concentration,Positives,AcceptedDroplets
A01,S-7,Ch1Unknown,CAR_FAM,60.3,601,12000
A01,S-7,Ch2Unknown,RPP30_HEX,92.0,905,12000
A03,NTC,Ch1NTC,CAR_FAM,0,0,12000
"""
BOTH = Dpcr(files=(), targets={"CAR": ("CAR_FAM",), "RPP30": ("RPP30_HEX",)})


@pytest.mark.parametrize(("counts", "positives"), [("instrument", [601, 905]), ("threshold", [600, 900])])
def test_a_well_that_a_results_table_holds_too_has_its_names_and_is_counted_once(
    tmp_path: Path, counts: str, positives: list[int]
) -> None:
    paths = files(tmp_path, {"A01": (600, 900), "A02": (500, 800)})
    (tmp_path / "run.csv").write_text(TABLE)
    found = counted([tmp_path / "run.csv", *paths], replace(BOTH, counts=counts))  # type: ignore[arg-type]
    wells = found.wells.sort("well", "target")
    assert wells.select("well", "sample_id", "target", "role").rows() == [
        ("A1", "S-7", "CAR_FAM", "unknown"),
        ("A1", "S-7", "RPP30_HEX", "unknown"),
        ("A2", "run A2", "Ch1", "unknown"),  # the table does not hold it
        ("A2", "run A2", "Ch2", "unknown"),
        ("A3", "NTC", "CAR_FAM", "ntc"),
    ]
    assert wells["positives"].to_list() == [*positives, 500, 800, 0]
    assert found.thresholds["sample_id"].to_list() == ["S-7", "S-7", "run A2", "run A2"]
    assert found.checks.filter(rule="results_table")["found"].to_list() == ["S-7 of the results table"] * 2


def test_a_channel_that_the_settings_name_keeps_its_name_and_an_ambiguous_row_names_nothing(tmp_path: Path) -> None:
    paths = files(tmp_path, {"A01": (600, 900)})
    (tmp_path / "run.csv").write_text(TABLE + "A01,S-8,Ch2Unknown,ACTB_HEX,92.0,905,12000\n")
    found = counted([tmp_path / "run.csv", *paths], replace(SETTINGS, counts="threshold"))
    mine = found.wells.filter(pl.col("target").is_in(["Ch1", "Ch2"]))
    assert mine.select("sample_id", "target").rows() == [("S-7", "Ch1"), ("run A1", "Ch2")]


def test_a_report_of_both_files_calls_the_samples_alike(tmp_path: Path) -> None:
    paths = files(tmp_path, {"A01": (600, 900)})
    (tmp_path / "run.csv").write_text(TABLE)
    groups, _ = assay._grouped(assay._read_all([*paths, tmp_path / "run.csv"], tmp_path), None, (), {})
    named = {group.name: group.wells.select("sample_id", "target").rows()[:2] for group in groups}
    assert named["droplet_amplitudes"] == named["quantasoft"] == [("S-7", "CAR_FAM"), ("S-7", "RPP30_HEX")]


def test_a_declared_threshold_of_a_channel_that_is_not_there(tmp_path: Path) -> None:
    paths = files(tmp_path, {"A01": (600, 900)})
    with pytest.raises(PlanError, match="Ch2"):
        counted(paths, replace(SETTINGS, threshold=Threshold(at={"Ch3": 1.0})))
    at = counted(paths, replace(SETTINGS, threshold=Threshold(at={"Ch1": 20_000.0})))
    assert at.wells["positives"].to_list() == [0, 900]
    assert at.thresholds["origin"].to_list() == ["declared", "fitted"]


def test_wells_of_other_files_are_left_alone() -> None:
    wells = partition_wells([{"sample_id": "S1", "positives": 10, "partitions": 12_000, "signal": 10 / 12_000}])
    found = count_wells(wells, AMPLITUDES.empty(), SETTINGS, "d")
    assert found.wells.equals(wells)
    assert found.thresholds.is_empty()


def test_what_the_pictures_show_is_every_partition_once(tmp_path: Path) -> None:
    paths = files(tmp_path, {"A01": (600, 900), "A02": (500, 0)})
    read_files = [read(path) for path in paths]
    wells, amplitudes = (pl.concat([getattr(f, name) for f in read_files]) for name in ("wells", "amplitudes"))
    found = count_wells(wells, amplitudes, SETTINGS, "d")
    bins, pairs, quadrants = amplitude_bins(found.thresholds, amplitudes, "d")
    assert bins.group_by("well_id").agg(pl.col("n").sum())["n"].to_list() == [12_000] * 4
    assert pairs.group_by("well").agg(pl.col("n").sum())["n"].to_list() == [12_000] * 2
    rows = {row["well"]: row for row in quadrants.iter_rows(named=True)}
    assert rows["A1"]["both"] + rows["A1"]["x_alone"] == 600
    assert rows["A1"]["both"] + rows["A1"]["y_alone"] == 900
    assert (rows["A2"]["both"], rows["A2"]["y_alone"], rows["A2"]["x_alone"]) == (0, 0, 500)
    assert AMPLITUDE_BINS.names == tuple(bins.columns)


def test_many_wells_are_drawn_side_by_side(tmp_path: Path) -> None:
    names = [f"{row}{column:02d}" for row in "ABC" for column in (1, 2, 3)]
    paths = files(tmp_path, dict.fromkeys(names, (300, 200)))
    _, tables = assay._grouped(assay._read_all(paths, tmp_path), None, (), {})
    charts = AMPLITUDE_FIGURE.draw(tables, FigureSettings())
    assert [chart.name for chart in charts] == [
        "amplitudes_droplet_amplitudes_Ch1", "amplitudes_droplet_amplitudes_Ch2", "amplitude_pairs_droplet_amplitudes",
    ]  # fmt: skip
    assert "9 thresholds fitted" in charts[0].caption


def test_one_channel_and_unknown_classes_are_no_counts(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("Ch1 Amplitude,Cluster\n100,1\n7000,2\n")
    row = read(path).wells.row(0, named=True)
    assert (row["positives"], row["partitions"], row["flag"], row["well"]) == (None, 2, "missing", "x")
    path.write_text("Ch1 Amplitude,Ch2 Amplitude,Cluster,Note\n100,90,1,a\n7000,80,9,b\n")
    found = read(path)
    assert found.wells["positives"].null_count() == 2
    assert json.loads(found.file["header"][0])["other columns"] == {"Note": ["a", "b"]}
    path.write_text("Ch1 Amplitude,Ch1 Amplitude\n100,1\n")
    with pytest.raises(InputError, match="stands more than once"):
        read(path)


def test_the_command_counts_where_the_file_does_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = files(tmp_path, {"A01": (600, 0)})
    assert main(["read", str(path), "--format", "json"]) == 0
    printed = capsys.readouterr()
    assert [row["positives"] for row in json.loads(printed.out)] == [600, None]
    assert "threshold of Ch1: " in printed.err
    assert "one population" in printed.err


PLAN = """
study: {id: X, title: Amplitudes}
sources:
  samples: {kind: samples, file: samples.csv, columns: {sample_id: sample, subject_id: subject, study_day: day}}
assays:
  dd: {kind: dpcr, files: ['*_Amplitude.csv'], targets: {CAR: [Ch1], RPP30: [Ch2]}, reference: {target: RPP30}}
"""


def test_files_of_a_plan_are_counted_as_they_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = files(tmp_path, {"A01": (600, 900), "A02": (500, 800)})
    (tmp_path / "samples.csv").write_text("sample,subject,day\nrun A1,001,7\nrun A2,002,7\n")
    (tmp_path / "plan.yaml").write_text(PLAN)
    assert main(["run", str(tmp_path / "plan.yaml")]) == 0
    tables = {
        n: pl.read_parquet(tmp_path / "run" / "tables" / f"{n}.parquet") for n in ("measurements", "checks", "wells")
    }
    assert tables["wells"]["positives"].to_list() == [600, 900, 500, 800]
    assert tables["checks"].filter(pl.col("rule") == "threshold").height == 4
    per_cell = 2 * np.log1p(-600 / 12_000) / np.log1p(-900 / 12_000)
    mine = tables["measurements"].filter(sample_id="run A1", analyte="CAR")
    assert mine["value"].item() == pytest.approx(per_cell, rel=1e-9)
    (tmp_path / "again_A01_Amplitude.csv").write_bytes(paths[0].read_bytes())
    assert main(["run", str(tmp_path / "plan.yaml"), "--force"]) == 4
    assert "The same content stands in 2 files" in capsys.readouterr().err
    (tmp_path / "again_A01_Amplitude.csv").unlink()
    (tmp_path / "run_A1_Amplitude.csv").write_bytes(paths[1].read_bytes() + b"\n1200,1200\n")
    assert main(["run", str(tmp_path / "plan.yaml"), "--force"]) == 4
    assert "claim plate 'run'" in capsys.readouterr().err
