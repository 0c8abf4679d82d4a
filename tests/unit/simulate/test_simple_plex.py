"""Simple Plex CSV: one row per inlet and analyte, concentrations that follow from the factory curve."""

import csv

import numpy as np
import pytest
from tests.unit.simulate.small_trial import SIMPLE, small_trial

from correlates.simulate.exports.simple_plex import COLUMNS, write_simple_plex
from correlates.simulate.warts import DEFAULT

TRIAL = small_trial(30)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ella")
    truth = write_simple_plex(TRIAL, folder, DEFAULT)
    rows = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as stream:
            rows += list(csv.DictReader(stream))
    return rows, truth


def test_columns_and_cartridges(written):
    rows, _ = written
    assert list(rows[0]) == list(COLUMNS)
    kits = {}
    for row in rows:
        kits.setdefault(row["KitId"], []).append(row)
    assert all(len(kit) <= 16 * len(SIMPLE) for kit in kits.values())
    first = next(iter(kits.values()))
    assert len(first) == 16 * len(SIMPLE)
    assert [row["AnalyteName"] for row in first[:2]] == [f"{a} (pg/mL)" for a in SIMPLE]
    samples = {row["SampleName"] for row in rows} - {"LowControl", "HighControl"}
    assert samples == set(TRIAL.cytokines["sample_id"])


def test_concentration_on_the_factory_curve_gives_the_signal(written):
    rows, _ = written
    for row in rows:
        a, b, c, d, g = (float(row[f"CurveCoefficient{name}"]) for name in "ABCDG")
        for gnr in ("Gnr1", "Gnr2", "Gnr3"):
            x = row[f"{gnr}CalculatedConcentration"]
            signal = float(row[f"{gnr}RFU"]) - float(row["Gnr1Background"])
            assert float(row[f"{gnr}Signal"]) == pytest.approx(signal, rel=1e-5, abs=1e-6)
            if x != "NaN":
                assert d + (a - d) / (1 + (float(x) / c) ** b) ** g == pytest.approx(signal, rel=2e-4, abs=2e-3)


def test_limits_cut_one_concentration_and_not_the_other(written):
    rows, truth = written
    limits = {
        (row["id"].split("/")[1], row["name"]): row["value"]
        for row in truth.iter_rows(named=True)
        if "loq" in row["name"]
    }
    cut = 0
    for row in rows:
        analyte = row["AnalyteName"].split(" ")[0]
        free = float(row["NonlimitedCalculatedConcentration"])
        inside = limits[analyte, "lloq"] <= free <= limits[analyte, "uloq"]
        assert (row["CalculatedConcentration"] != "NaN") == inside
        cut += not inside
    assert cut < 0.2 * len(rows)


def test_truth_is_recovered(written):
    rows, _ = written
    true = {(s, a): v for s, a, v in TRIAL.cytokines.select("sample_id", "analyte", "pg_ml").iter_rows()}
    error = [
        np.log(float(row["CalculatedConcentration"]) / true[row["SampleName"], row["AnalyteName"].split(" ")[0]])
        for row in rows
        if "Control" not in row["SampleName"] and row["CalculatedConcentration"] != "NaN"
    ]
    # Three nano-reactors with 4 % noise each.
    assert abs(np.mean(error)) < 0.02
    assert np.std(error) < 0.06


def test_no_analytes_no_files(tmp_path):
    assert write_simple_plex(small_trial(2, blood_days=()), tmp_path, DEFAULT).is_empty()
    assert list(tmp_path.glob("*")) == []
