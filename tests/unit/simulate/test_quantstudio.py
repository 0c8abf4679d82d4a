"""QuantStudio text exports: layout as in real files, numbers as the software would print, truth recovered from Cq."""

import numpy as np
import polars as pl
import pytest
from tests.external import external
from tests.unit.simulate.small_trial import small_trial

from correlates.simulate.exports.quantstudio import RESULT_COLUMNS, SETUP_COLUMNS, write_quantstudio
from correlates.simulate.exports.source import copies_per_reaction
from correlates.simulate.warts import CLEAN, DEFAULT

TRIAL = small_trial(40)


def section(path, name):
    lines = path.read_text(encoding="utf-8").split("\n")
    start = lines.index(f"[{name}]") + 1
    block = []
    for line in lines[start:]:
        if not line:
            break
        block.append(line.split("\t"))
    return pl.DataFrame(block[1:], schema=block[0], orient="row")


def number(cell):
    return float(cell.replace(",", ""))


@pytest.fixture(scope="module")
def plates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("qpcr")
    truth = write_quantstudio(TRIAL, folder, DEFAULT)
    return {path.stem: section(path, "Results") for path in sorted(folder.glob("*.txt"))}, truth, folder


def test_headings_are_those_of_real_exports():
    real = external("data/qpcr/quantstudio_rt/appbio_quantstudio_example04.txt").read_text().split("\n")
    assert "\t".join(SETUP_COLUMNS) in real
    results = real[real.index("[Results]") + 1].split("\t")
    assert list(RESULT_COLUMNS[: len(results)]) == results


def test_header_keys_are_those_of_real_exports(plates):
    real = external("data/qpcr/quantstudio_rt/appbio_quantstudio_example04.txt").read_text().split("\n")
    known = {line.partition(" =")[0].rstrip() for line in real if line.startswith("* ")}
    _, _, folder = plates
    written = (folder / "CAR_qPCR_P01.txt").read_text().split("\n")
    assert {line.partition(" =")[0] for line in written if line.startswith("* ")} <= known


def test_setup_lists_the_whole_plate(plates):
    _, _, folder = plates
    for path in folder.glob("*.txt"):
        setup = section(path, "Sample Setup")
        assert setup["Well"].to_list() == [str(i) for i in range(1, 385)]
        assert setup["Well Position"][0] == "A1"
        assert setup["Well Position"][383] == "P24"


def test_three_wells_of_every_sample_ntc_and_standard(plates):
    results, _, _ = plates
    for frame in results.values():
        assert frame["Well"].n_unique() == frame.height
        assert set(frame["Task"]) == {"NTC", "STANDARD", "UNKNOWN"}
        named = frame.filter(pl.col("Task") == "UNKNOWN").group_by("Sample Name").len()
        assert set(named["len"]) == {3}
        standards = frame.filter(pl.col("Task") == "STANDARD").group_by("Quantity").len()
        assert sorted(map(number, standards["Quantity"])) == [10.0**k for k in range(1, 8)]
        assert frame.filter(pl.col("Task") == "NTC")["CT"].to_list() == ["Undetermined"] * 3


def test_printed_curve_is_the_least_squares_line_of_the_printed_standards(plates):
    results, _, _ = plates
    for frame in results.values():
        standards = frame.filter(pl.col("Task") == "STANDARD", pl.col("CT") != "Undetermined")
        x = np.log10([number(q) for q in standards["Quantity"]])
        y = np.array([number(c) for c in standards["CT"]])
        slope, intercept = np.polyfit(x, y, 1)
        printed = frame.row(0, named=True)
        assert number(printed["Slope"]) == pytest.approx(slope, abs=6e-4)
        assert number(printed["Y-Intercept"]) == pytest.approx(intercept, abs=6e-4)
        assert number(printed["R(superscript 2)"]) == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2, abs=6e-4)
        # A slope of -3.3219 is a doubling per cycle.
        assert (number(printed["Efficiency"]) > 100) == (slope > -1 / np.log10(2))


def test_one_plate_fails_and_part_of_it_is_repeated_last(plates):
    results, truth, _ = plates
    slopes = {name: number(frame["Slope"][0]) for name, frame in results.items()}
    failed = [name for name, slope in slopes.items() if not -3.6 <= slope <= -3.1]
    assert failed == truth.filter(pl.col("id") == "qpcr_failed_plate")["name"].to_list()
    repeated = max(results)
    assert results[repeated].height < results[failed[0]].height
    again = set(results[repeated]["Sample Name"]) - {"", "QC-HIGH", "QC-LOW"}
    before = set(results[failed[0]]["Sample Name"])
    assert again < before
    lost = set(truth.filter((pl.col("id") == "qpcr_rerun") & pl.col("value").is_null())["name"])
    assert lost == before - again - {"", "QC-HIGH", "QC-LOW"}


def test_quantities_recover_the_truth_within_the_noise_of_the_assay(tmp_path):
    write_quantstudio(TRIAL, tmp_path, CLEAN)
    true = dict(copies_per_reaction(TRIAL, CLEAN).select("sample_id", "copies").iter_rows())
    found = {}
    for path in sorted(tmp_path.glob("*.txt")):
        wells = section(path, "Results").filter(pl.col("Task") == "UNKNOWN", pl.col("Quantity Mean") != "")
        here = {name: number(mean) for name, mean in wells.select("Sample Name", "Quantity Mean").iter_rows()}
        error = np.log([amount / true[name] for name, amount in here.items() if true[name] > 300])
        assert error.size > 25
        # The curve is shared by a plate: its lowest level, ten copies in three wells, has an SD of 0.27 Cq and moves the
        # line by a quarter of that in mid-range (7 %). Within a plate: 0.08 Cq per well of three, 0.05 per sample.
        assert abs(error.mean()) < 0.2
        assert 0.02 < error.std() < 0.10
        found |= here
    none = [name for name, copies in true.items() if copies == 0]
    assert none
    assert not set(none) & set(found)


def test_scatter_grows_at_low_copies(tmp_path):
    write_quantstudio(TRIAL, tmp_path, CLEAN)
    standards = pl.concat(
        section(path, "Results").filter(pl.col("Task") == "STANDARD") for path in sorted(tmp_path.glob("*.txt"))
    ).unique("Well Position")
    sd = {q: number(s) for q, s in standards.select("Quantity", "Ct SD").iter_rows()}
    assert sd["10.000"] > 2 * sd["10,000.000"]


def test_controls_can_be_left_out(tmp_path):
    write_quantstudio(TRIAL, tmp_path, CLEAN)
    names = section(min(tmp_path.glob("*.txt")), "Results")["Sample Name"]
    assert not names.str.starts_with("QC").any()


def test_a_trial_without_dna_writes_no_plate(tmp_path):
    truth = write_quantstudio(small_trial(2, blood_days=()), tmp_path, DEFAULT)
    assert list(tmp_path.glob("*.txt")) == []
    assert truth.filter(pl.col("level") == "wart").is_empty()
