"""``correlates export``: the demonstration out, read back, and the same as the tables of the run."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from correlates.cli import main
from correlates.pipeline.trace import trace_result
from correlates.readers.content import Content
from correlates.readers.dataset_json import read_dataset_json
from correlates.readers.sas import read_sas

NAMES = ("adae", "adpp", "adrs", "adsl", "adtr", "adtte", "results")


@pytest.fixture(scope="module")
def xpt(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "xpt"
    assert main(["export", str(demo / "run"), "--out", str(out)]) == 0
    return out


def frame(path: Path) -> pl.DataFrame:
    return read_sas(Content.of(path), path, path.name)[0]


def test_every_dataset_and_the_define_are_written(xpt: Path) -> None:
    assert sorted(p.name for p in xpt.iterdir()) == sorted([*(f"{n}.xpt" for n in NAMES), "define.xml"])


def test_times_and_results_are_those_of_the_run(xpt: Path, demo: Path) -> None:
    tables = demo / "run" / "tables"
    outcomes = pl.read_parquet(tables / "outcomes.parquet").filter(pl.col("kind") == "time")
    adtte = frame(xpt / "adtte.xpt").rename({"USUBJID": "subject_id", "CODE": "endpoint"})
    both = outcomes.join(adtte, on=["subject_id", "endpoint"])
    assert both.height == outcomes.height == adtte.height
    assert both["time"].to_list() == both["AVAL"].to_list()
    assert [None if e is None else int(not e) for e in both["event"]] == both["CNSR"].to_list()
    assert both.filter(pl.col("event"))["category"].to_list() == both.filter(pl.col("event"))["EVNTDESC"].to_list()
    results = pl.read_parquet(tables / "results.parquet").with_columns(pl.col("level").replace("", None))
    out = frame(xpt / "results.xpt")
    keys = ["result_id", "stat_name", "level"]
    names = {"RESULTID": "result_id", "STATNAM": "stat_name", "STATLVL": "level"}
    joined = results.join(out.rename(names), on=keys, nulls_equal=True)
    assert joined.height == results.height
    told = joined.select(a="value", b="STATVAL").filter(~pl.col("a").eq_missing(pl.col("b")))
    assert told.filter(pl.col("b").is_not_null()).is_empty()  # what differs is beyond the format, and told as text


def test_parameters_are_those_of_the_run(xpt: Path, demo: Path) -> None:
    parameters = pl.read_parquet(demo / "run" / "tables" / "parameters.parquet")
    adpp = frame(xpt / "adpp.xpt")
    assert adpp.select("USUBJID", "PARAMCD").is_unique().all()
    both = parameters.join(adpp.rename({"USUBJID": "subject_id", "CODE": "code"}), on=["subject_id", "code"])
    assert both.height == parameters.height
    assert both["value"].to_list() == both["AVAL"].to_list()
    assert both["category"].to_list() == both["AVALC"].to_list()


def test_json_is_the_same_data(xpt: Path, demo: Path, tmp_path: Path) -> None:
    out = tmp_path / "json"
    assert main(["export", str(demo / "run"), "--out", str(out), "--format", "json"]) == 0
    for name in ("adsl", "adtte", "adae", "adtr"):
        path = out / f"{name}.json"
        mine = read_dataset_json(Content.of(path), path.name)[0]
        other = frame(xpt / f"{name}.xpt")
        for column in (c for c in mine.columns if c in other.columns and not c.startswith("\x00")):
            if column not in ("DETAIL",):
                assert mine[column].to_list() == other[column].to_list(), f"{name}.{column}"


def test_a_folder_that_holds_something_is_left_alone(xpt: Path, demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(demo / "run"), "--out", str(xpt)]) == 2
    assert "not-empty" not in capsys.readouterr().out
    assert main(["export", str(xpt), "--out", str(xpt / "new")]) == 2


def test_a_result_of_everybody_is_traced_to_the_times_of_the_subjects(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = pl.read_parquet(demo / "run" / "tables" / "results.parquet")
    for analysis, said in (("survival", "none: everybody together"), ("relapse_by_crs", "crs3")):
        first = results.filter((pl.col("analysis_id") == analysis) & (pl.col("method") == "kaplan_meier"))["result_id"][
            0
        ]
        assert main(["trace", str(demo / "run"), "--result", first]) == 0
        out = capsys.readouterr().out
        assert said in out
        assert "(censored)" in out


def test_a_trace_lists_the_subjects_that_the_result_counts(demo: Path) -> None:
    results = pl.read_parquet(demo / "run" / "tables" / "results.parquet")
    told = results.filter(pl.col("error").is_null(), pl.col("stat_name") == "p", pl.col("level") == "")
    some = told.unique(["analysis_id", "method"], keep="last", maintain_order=True)
    assert (
        "relapse_by_crs" in some["analysis_id"].to_list()
    )  # from a landmark: only who is at risk after it, by what was known then
    for row in some.iter_rows(named=True):
        found = trace_result(demo / "run", row["result_id"])
        assert len(found.sources) == row["n"], (row["analysis_id"], row["method"])
