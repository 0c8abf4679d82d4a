"""QuantaSoft tables: the vendor's formulas against the vendor's own output, and the truth recovered from droplets."""

import csv
import math

import numpy as np
import polars as pl
import pytest
from tests.external import external
from tests.unit.simulate.small_trial import small_trial

from correlates.simulate.exports import quantasoft
from correlates.simulate.exports.quantasoft import COLUMNS, write_quantasoft
from correlates.simulate.exports.source import copies_per_reaction
from correlates.simulate.warts import CLEAN, DEFAULT

TRIAL = small_trial(30)
# Amplitudes are measured and marks are the operator's; all else is computed from the droplets.
GIVEN = ("Sample", "Experiment", "SampleType", "Target", "ReferenceUsed", "Amplitude", "Status", "Threshold")


def table(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_columns_and_numbers_are_those_the_vendor_prints_for_the_same_droplets():
    path = external("data/dpcr/quantasoft/quant.csv")
    real = table(path)
    assert list(real[0]) == list(COLUMNS)
    for first, second in zip(real[::2], real[1::2], strict=True):
        quadrants = np.array([int(first[q]) for q in ("Ch1+Ch2+", "Ch1+Ch2-", "Ch1-Ch2+", "Ch1-Ch2-")])
        made = quantasoft._rows(first["Well"], "x", quadrants, np.zeros(4))
        for printed, row in zip((first, second), made, strict=True):
            mine = dict(zip(COLUMNS, row.split(","), strict=True))
            for column in COLUMNS:
                if any(word in column for word in GIVEN):
                    continue
                if printed[column] == "" or not printed[column].replace(".", "").isdigit():
                    assert mine[column] == printed[column], column
                else:
                    # Printed from single precision, 24 bits.
                    assert float(mine[column]) == pytest.approx(float(printed[column]), rel=2e-6, abs=1e-6), column


@pytest.fixture(scope="module")
def wells(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ddpcr")
    truth = write_quantasoft(TRIAL, folder, DEFAULT)
    return [(path.name, row) for path in sorted(folder.glob("*.csv")) for row in table(path)], truth


def test_two_targets_two_wells_and_two_ntc_wells_per_plate(wells):
    rows, _ = wells
    frame = pl.DataFrame({"plate": [p for p, _ in rows], "name": [r["Sample description 1"] for _, r in rows]})
    assert set(frame.group_by("plate", "name").len()["len"]) == {4}
    assert frame.filter(pl.col("name") == "NTC")["plate"].n_unique() == frame["plate"].n_unique()
    assert {r["DyeName(s)"] for _, r in rows if r["Target"] == "RPP30"} == {"HEX"}


def test_ntc_has_no_call(wells):
    rows, _ = wells
    for _, row in rows:
        if row["SampleType"] == "NTC":
            assert row["Conc(copies/µL)"] == "No Call"
            assert row["Positives"] == "0"


def test_counts_add_up(wells):
    rows, _ = wells
    for _, row in rows:
        accepted = int(row["Accepted Droplets"])
        assert int(row["Positives"]) + int(row["Negatives"]) == accepted
        assert sum(int(row[q]) for q in COLUMNS[-4:]) == accepted


def test_one_well_makes_too_few_droplets(wells):
    rows, truth = wells
    low = {(p, r["Well"], r["Sample description 1"]) for p, r in rows if int(r["Accepted Droplets"]) < 10_000}
    recorded = truth.filter(pl.col("id") == "ddpcr_low_droplets").row(0, named=True)
    assert low == {(*recorded["name"].split(" "), recorded["text"])}
    assert {r["Status"] for p, r in rows if (p, r["Well"]) == tuple(recorded["name"].split(" "))} == {"Low Droplets"}
    assert all(
        14_999 < int(r["Accepted Droplets"]) < 19_001
        for p, r in rows
        if (p, r["Well"], r["Sample description 1"]) not in low
    )


def test_copies_per_genome_recover_the_truth(tmp_path):
    write_quantasoft(TRIAL, tmp_path, CLEAN)
    dna = {row["sample_id"]: row for row in copies_per_reaction(TRIAL, CLEAN).iter_rows(named=True)}
    errors = []
    for path in sorted(tmp_path.glob("*.csv")):
        for row in table(path):
            name = row["Sample description 1"]
            if row["Target"] == "CAR" and row["Ratio"] and dna[name]["copies"] > 200:
                half = (float(row["PoissonRatioMax"]) - float(row["PoissonRatioMin"])) / 2 / 1.96
                true = dna[name]["copies"] / (2 * dna[name]["genomes"])
                errors.append((float(row["Ratio"]) - true) / half)
    assert len(errors) > 60
    # Standardised errors of an unbiased count have mean 0 and SD 1.
    assert abs(np.mean(errors)) < 3 / math.sqrt(len(errors))
    assert 0.8 < np.std(errors) < 1.25


def test_no_sample_no_plate(tmp_path):
    truth = write_quantasoft(small_trial(2, blood_days=()), tmp_path, DEFAULT)
    assert list(tmp_path.glob("*")) == []
    assert truth.is_empty()
