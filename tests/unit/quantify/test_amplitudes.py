"""Counts from the amplitudes of partitions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from correlates.errors import InputError, PlanError
from correlates.quantify.amplitudes import COUNTS, count_partitions
from correlates.quantify.settings import Threshold
from correlates.readers.amplitudes import read_amplitudes


def well(positives: int, n: int = 12_000, seed: int = 1) -> pl.Series:
    rng = np.random.default_rng(seed)
    values = np.concatenate((rng.normal(1200, 60, n - positives), rng.normal(7000, 300, positives)))
    return pl.Series(rng.permutation(values))


def test_every_channel_is_counted_on_its_own() -> None:
    counted = count_partitions(pl.DataFrame({"Ch1": well(600), "Ch2": well(3)}))
    assert counted.schema == COUNTS
    assert counted["positives"].to_list() == [600, 3]
    assert counted["partitions"].to_list() == [12_000, 12_000]
    assert counted["reason"].null_count() == 2


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
