"""Clinical files: SDTM transport files, manifest and product table, read back by other programs' readers."""

from datetime import timedelta

import polars as pl
import pyreadstat
import pytest
from tests.external import external
from tests.unit.simulate.small_trial import small_trial

from correlates.simulate.clinical_files import write_manifest, write_product, write_sdtm
from correlates.simulate.warts import CLEAN, DEFAULT

TRIAL = small_trial(12)


@pytest.fixture(scope="module")
def sdtm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clinical")
    write_sdtm(TRIAL, folder)
    read = {path.stem: pyreadstat.read_xport(path, output_format="polars") for path in folder.glob("*.xpt")}
    return {name: frame for name, (frame, _) in read.items()}, {name: meta for name, (_, meta) in read.items()}


def test_names_and_labels_obey_version_5(sdtm):
    frames, metas = sdtm
    for name, meta in metas.items():
        assert meta.table_name == name.upper()
        assert all(len(column) <= 8 for column in meta.column_names)
        assert all(label and len(label) <= 40 for label in meta.column_labels)
        assert frames[name].height > 0


def test_labels_are_those_of_published_sdtm(sdtm):
    _, metas = sdtm
    for name in ("dm", "ds"):
        _, real = pyreadstat.read_xport(external(f"data/clinical/cdisc_pilot_xpt/sdtm_{name}.xpt"))
        known = real.column_names_to_labels
        for column, label in metas[name].column_names_to_labels.items():
            assert known[column] == label


def test_sequence_numbers_are_unique_within_a_subject(sdtm):
    frames, _ = sdtm
    for name in ("ex", "tu", "tr", "rs", "ae", "lb", "ds"):
        keys = frames[name].select("USUBJID", f"{name.upper()}SEQ")
        assert keys.is_duplicated().sum() == 0


def test_dates_are_days_from_the_infusion_and_study_days_have_no_zero(sdtm):
    frames, _ = sdtm
    infused = dict(TRIAL.patients.select("subject_id", "infusion_date").iter_rows())
    given = frames["ex"].filter(pl.col("EXCAT") == "STUDY TREATMENT")
    assert dict(given.select("USUBJID", "EXSTDTC").iter_rows()) == {s: str(d) for s, d in infused.items()}
    assert set(given["EXSTDY"]) == {1.0}
    conditioning = frames["ex"].filter(pl.col("EXCAT") == "CONDITIONING")
    assert set(conditioning["EXSTDY"]) == {-5.0}
    for subject, date in conditioning.select("USUBJID", "EXSTDTC").iter_rows():
        assert date == str(infused[subject] - timedelta(days=5))


def test_open_events_have_no_end(sdtm):
    frames, _ = sdtm
    neurologic = frames["ae"].filter(pl.col("AECAT") == "NEUROLOGIC")
    assert set(neurologic["AEENDTC"]) <= {"", None}
    assert set(frames["ae"].filter(pl.col("AECAT") == "CRS")["AEGRSCL"]) == {"LEE 2014"}
    assert set(neurologic["AEGRSCL"]) == {"CTCAE v4.03"}
    assert set(neurologic["AEBODSYS"]) == {"NERVOUS SYSTEM DISORDERS"}


def test_lesions(sdtm):
    frames, _ = sdtm
    later = frames["tr"].filter(pl.col("VISIT") == "Week 4")
    assert set(later["TRORRES"]) == {"TOO SMALL TO MEASURE"}
    assert later["TRSTRESN"].drop_nulls().drop_nans().is_empty()
    baseline = frames["tr"].filter((pl.col("VISIT") == "Baseline") & (pl.col("TRLNKID") == "T01"))
    assert dict(baseline.select("TRTESTCD", "TRSTRESN").unique().iter_rows()) == {"LDIAM": 31.0, "LPERP": 20.0}
    states = frames["tr"].filter(pl.col("TRTESTCD") == "TUMSTATE")
    assert set(states["TRORRES"]) == {"PRESENT"}
    keys = ["USUBJID", "TRLNKID"]
    assert set(frames["tr"].select(keys).iter_rows()) == set(frames["tu"].select("USUBJID", "TULNKID").iter_rows())


def test_characteristics_stand_in_suppdm(sdtm):
    frames, _ = sdtm
    ipi = frames["suppdm"].filter(pl.col("QNAM") == "IPI")
    assert dict(ipi.select("USUBJID", "QVAL").iter_rows()) == {
        s: str(v) for s, v in TRIAL.patients.select("subject_id", "ipi").iter_rows()
    }
    assert set(frames["suppdm"]["QNAM"]) == {"ECOG", "SUBTYPE", "STAGE", "IPI"}


def test_manifest_has_no_row_of_a_missed_visit(tmp_path):
    truth = write_manifest(TRIAL, tmp_path / "samples.csv", DEFAULT)
    rows = pl.read_csv(tmp_path / "samples.csv")
    missed = TRIAL.samples.filter("missed")["sample_id"].to_list()
    assert missed
    assert sorted(truth["name"]) == sorted(missed)
    assert rows.height == TRIAL.samples.height - len(missed)
    assert not set(missed) & set(rows["SAMPLE"])
    serum = rows.filter(pl.col("MATRIX") == "serum")
    assert serum["DILUTION"].null_count() == serum.height
    assert serum["DNA_NG"].null_count() == serum.height


def test_product_has_units_in_its_headings_and_one_record_twice(tmp_path):
    truth = write_product(TRIAL, tmp_path / "product.csv", DEFAULT)
    rows = pl.read_csv(tmp_path / "product.csv")
    assert {"VCN (copies/cell)", "DOUBLING_TIME (day)", "VIABLE_DOSE (1e6 cells)"} < set(rows.columns)
    assert rows.filter(rows.is_duplicated())["USUBJID"].to_list() == truth["name"].to_list() * 2
    write_product(TRIAL, tmp_path / "clean.csv", CLEAN)
    assert pl.read_csv(tmp_path / "clean.csv").is_duplicated().sum() == 0


def test_factors_are_stated_with_their_measurement_error(tmp_path):
    trial = small_trial(60)
    write_manifest(trial, tmp_path / "samples.csv", CLEAN)
    write_product(trial, tmp_path / "product.csv", CLEAN)
    blood = (
        pl.read_csv(tmp_path / "samples.csv")
        .drop_nulls("DNA_NG")
        .join(trial.samples, left_on="SAMPLE", right_on="sample_id")
    )
    product = pl.read_csv(tmp_path / "product.csv").join(trial.product, left_on="USUBJID", right_on="subject_id")

    def log_ratio(frame, stated, true):
        return frame.select((pl.col(stated) / pl.col(true)).log()).to_series()

    # 479 samples and 60 subjects: the standard error of an SD is SD / sqrt(2 n).
    assert log_ratio(blood, "DNA_NG", "dna_ng").std() == pytest.approx(0.03, rel=0.15)
    assert log_ratio(blood, "LYMPH", "lymphocytes_per_ul").std() == pytest.approx(0.05, rel=0.15)
    assert log_ratio(product, "VCN (copies/cell)", "vcn").std() == pytest.approx(0.05, rel=0.35)
    share = blood.select(pl.col("MONO") / pl.col("LYMPH")).to_series()
    assert share.to_list() == pytest.approx([0.6] * len(share), rel=1e-3)
