"""The whole folder: what stands in it, that it repeats, that its parts do not depend on each other."""

import hashlib

import polars as pl
import pytest
from tests.unit.simulate.small_trial import small_trial

from correlates.simulate.warts import DEFAULT
from correlates.simulate.write import LIGHT, write_trial


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    write_trial(small_trial(30), folder)
    return folder


def test_folders(whole):
    parts = {"/".join(name.split("/")[:2]) for name in digests(whole)}
    assert {"exports/qpcr", "exports/ddpcr", "exports/luminex", "exports/simple_plex"} <= parts
    domains = {"dm", "ex", "tu", "tr", "rs", "ae", "lb", "ds", "suppdm"}
    assert {path.stem for path in (whole / "clinical").glob("*.xpt")} == domains
    assert {"samples.csv", "product.csv", "truth.parquet"} <= parts


def test_same_trial_same_bytes(whole, tmp_path):
    write_trial(small_trial(30), tmp_path)
    assert digests(tmp_path) == digests(whole)


def test_another_seed_another_plate(whole, tmp_path):
    write_trial(small_trial(30, seed=8), tmp_path)
    assert digests(tmp_path)["exports/qpcr/CAR_qPCR_P01.txt"] != digests(whole)["exports/qpcr/CAR_qPCR_P01.txt"]


def test_light_extent_leaves_the_other_files_as_they_are(whole, tmp_path):
    write_trial(small_trial(30), tmp_path, extent=LIGHT)
    light, all_of_them = digests(tmp_path), digests(whole)
    left_out = {name.split("/")[1] for name in set(all_of_them) - set(light)}
    assert left_out == {"luminex", "simple_plex"}
    differ = {name for name in light if light[name] != all_of_them[name]}
    assert differ <= {"truth.parquet", "exports/luminex/Luminex_A_P01.csv"}


def test_a_wart_left_out_changes_only_its_own_files(whole, tmp_path):
    write_trial(small_trial(30), tmp_path, warts=DEFAULT.without("ddpcr_low_droplets"))
    without, with_all = digests(tmp_path), digests(whole)
    changed = {name for name in with_all if without.get(name) != with_all[name]}
    assert changed - {"truth.parquet"}
    assert all(name.startswith("exports/ddpcr/") for name in changed - {"truth.parquet"})


def test_truth_is_long_and_complete(whole):
    truth = pl.read_parquet(whole / "truth.parquet")
    assert truth.columns == ["level", "id", "name", "value", "text"]
    assert set(truth["level"]) == {"subject", "sample", "plate", "wart"}
    trial = small_trial(30)
    peak = truth.filter((pl.col("level") == "subject") & (pl.col("name") == "cmax")).sort("id")
    assert peak["value"].to_list() == trial.patients.sort("subject_id")["cmax"].to_list()
    cells = truth.filter((pl.col("level") == "sample") & (pl.col("name") == "car_cells_per_ul"))
    assert cells.height == trial.samples["car_cells_per_ul"].drop_nulls().len()
    plates = {path.stem for path in (whole / "exports/qpcr").glob("*.txt")}
    assert set(truth.filter(pl.col("name") == "qpcr_slope")["id"]) == plates
