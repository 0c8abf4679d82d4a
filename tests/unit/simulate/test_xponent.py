"""xPONENT CSV: layout as in real files, printed results that follow from the printed coefficients, truth recovered."""

import csv
import io
import zlib

import numpy as np
import polars as pl
import pytest
from tests.external import external
from tests.unit.simulate.small_trial import ANALYTES, small_trial

from correlates.simulate.exports.xponent import write_xponent
from correlates.simulate.warts import CLEAN, DEFAULT

TRIAL = small_trial(30)


def blocks(path):
    """DataType -> rows, headings first."""
    found, name = {}, None
    for row in csv.reader(io.StringIO(path.read_bytes().decode("utf-8"), newline="")):
        if row[:1] == ["DataType:"]:
            name = row[1]
            found[name] = []
        elif not row or row[0].startswith("-- CRC"):
            name = None
        elif name is not None:
            found[name].append(row)
    return found


def frame(rows):
    return pl.DataFrame(rows[1:], schema=rows[0], orient="row")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("luminex")
    truth = write_xponent(TRIAL, folder, DEFAULT)
    return folder, truth


def test_kits_cover_the_analytes_and_abundant_ones_stand_apart(written):
    folder, _ = written
    panels = [blocks(folder / f"Luminex_{kit}_P01.csv")["Median"][0][2:-1] for kit in "ABC"]
    assert [analyte for panel in panels for analyte in panel] == list(ANALYTES)
    assert panels[2] == ["SICAM1"]


def test_header_keys_and_blocks_of_real_files(written):
    folder, _ = written
    real = external("data/immunoassay/luminex/luminex_xPONENT_example03.csv")
    assert set(blocks(real)) <= set(blocks(folder / "Luminex_A_P01.csv"))

    def head(path):
        text = path.read_text(encoding="utf-8-sig").split("Results")[0]
        return [row[0] for row in csv.reader(io.StringIO(text)) if row and row[0] and not row[0].startswith("B9")]

    mine = head(folder / "Luminex_A_P01.csv")
    theirs = [key for key in head(real) if key in mine]
    assert theirs == mine


def test_layout(written):
    folder, _ = written
    for path in folder.glob("*.csv"):
        content = path.read_bytes()
        assert content.count(b"\n") == content.count(b"\r\n")
        body, _, crc = content.partition(b"-- CRC --\r\nCRC32: ")
        assert int(crc.strip(), 16) == zlib.crc32(body)
        median = frame(blocks(path)["Median"])
        assert median["Location"][:3].to_list() == ["1(1,A1)", "2(1,B1)", "3(1,C1)"]
        assert median.height <= 96
        assert set(median.group_by("Sample").len()["len"]) == {2}
        assert {"Background0", "Standard1", "Standard8", "Control1", "Control2"} < set(median["Sample"])


def test_printed_results_follow_from_printed_coefficients(written):
    folder, _ = written
    for path in folder.glob("*.csv"):
        parts = blocks(path)
        rows = {row[0]: row[1:] for row in parts["Analysis Coefficients"][1:]}
        net, result, factor = (frame(parts[name]) for name in ("Net MFI", "Result", "Dilution Factor"))
        for i, analyte in enumerate(parts["Median"][0][2:-1]):
            a, b, c, d, f = (float(rows[name][i]) for name in "ABCDF")
            for y, printed, dilution in zip(net[analyte], result[analyte], factor["Dilution Factor"], strict=True):
                if printed[0] in "<>" or printed == "NaN":
                    continue
                x = float(printed) / float(dilution)
                # Results are printed with four digits, coefficients with six, of which a few cancel at the foot of a curve.
                assert a + b / (1 + (x / c) ** d) ** f == pytest.approx(float(y), rel=2e-3, abs=0.1)


def test_marks_out_of_range_name_the_limit(written):
    folder, _ = written
    parts = blocks(folder / "Luminex_A_P01.csv")
    expected = frame(parts["Standard Expected Concentration"])
    result = frame(parts["Result"])
    for analyte in expected.columns[1:]:
        limits = [float(v) for v in expected[analyte]]
        dilution = float(parts["Dilution Factor"][-1][-1])
        marks = {m for m in result.filter(pl.col("Sample").str.contains("-S-"))[analyte] if m[0] in "<>"}
        for mark in marks:
            limit = min(limits) if mark[0] == "<" else max(limits)
            assert float(mark[1:]) == pytest.approx(limit * dilution, rel=1e-3)


def test_truth_is_recovered(tmp_path):
    write_xponent(TRIAL, tmp_path, CLEAN)
    true = {(s, a): v for s, a, v in TRIAL.cytokines.select("sample_id", "analyte", "pg_ml").iter_rows()}
    error = []
    for path in tmp_path.glob("*.csv"):
        average = frame(blocks(path)["Avg Result"])
        for analyte in average.columns[1:]:
            for name, printed in average.select("Sample", analyte).iter_rows():
                if (name, analyte) in true and printed[0] not in "<>":
                    error.append(np.log(float(printed) / true[name, analyte]))
    assert len(error) > 500
    # Duplicates with 5 % noise on a curve of eight duplicate standards; flatter at its ends.
    assert abs(np.median(error)) < 0.02
    assert np.quantile(np.abs(error), 0.8) < 0.15


def test_one_expected_concentration_breaks_the_series(written):
    folder, truth = written
    broken = []
    for path in sorted(folder.glob("*.csv")):
        expected = frame(blocks(path)["Standard Expected Concentration"])
        for analyte in expected.columns[1:]:
            values = np.array([float(v) for v in expected[analyte]])
            steps = values[:-1] / values[1:]
            if not np.allclose(steps, 3.0, rtol=1e-4):
                broken.append(f"{path.name} {analyte} {expected['Reagent'][int(np.argmax(steps)) + 1]}")
    assert broken == truth.filter(pl.col("id") == "luminex_shifted_decimal")["name"].to_list()


def test_one_well_has_few_beads_and_a_warning(written):
    folder, truth = written
    where = truth.filter(pl.col("id") == "luminex_low_beads").row(0, named=True)
    few = []
    for path in sorted(folder.glob("*.csv")):
        parts = blocks(path)
        counts = frame(parts["Count"])
        low = counts.filter(pl.min_horizontal(pl.col(counts.columns[2:-1]).cast(pl.Int64)) < 30)
        few += [(path.name, w, s) for w, s in low.select("Location", "Sample").iter_rows()]
        assert len(parts["Warnings/Errors"]) - 1 == low.height
    assert [(f"{name} {well.split(',')[1].strip(')')}", sample) for name, well, sample in few] == [
        (where["name"], where["text"])
    ]


def test_no_luminex_analytes_no_files(tmp_path):
    trial = small_trial(2, blood_days=())
    assert write_xponent(trial, tmp_path, DEFAULT).is_empty()
    assert list(tmp_path.glob("*")) == []
