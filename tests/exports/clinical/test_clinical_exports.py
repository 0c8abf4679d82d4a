"""Public clinical files: the CDISC pilot as SAS transport, the pharmaverse test data as CSV, published cohorts."""

from __future__ import annotations

import polars as pl
from tests.external import external

from correlates.readers.sdtm import read_sdtm
from correlates.readers.tables import read_table


def test_cdisc_pilot_transport_files() -> None:
    folder = external("data/clinical/cdisc_pilot_xpt")
    read = read_sdtm(sorted(folder.glob("*.xpt")), relative_to=folder)
    assert {name: t.height for name, t in read.tables.items() if t.height} == {
        "subjects": 306,
        "characteristics": 306 * 8,
        "exposure": 591,
        "disposition": 596,
    }
    assert read.files["reader"].to_list()[:3] == [f"sdtm-{n} (not used)" for n in ("ADAE", "ADSL", "ADTTE")]
    assert set(read.files["software"]) == {"SAS 9.3"}
    assert read.raw["ADSL"].height == 254


def test_pharmaverse_csv_files() -> None:
    folder = external("data/clinical/pharmaversesdtm")
    names = ("dm", "ae", "ex", "ds", "rs_onco_lymphoma", "tr_onco_recist", "tu_onco_recist")
    read = read_sdtm([folder / f"{n}.csv" for n in names])
    assert {name: t.height for name, t in read.tables.items() if t.height} == {
        "subjects": 306,
        "characteristics": 306 * 8,
        "exposure": 591,
        "lesions": 546,
        "assessments": 68,
        "adverse_events": 1191,
        "disposition": 850,
    }
    lesions = read.tables["lesions"]
    assert set(lesions["kind"]) == {"TARGET", "NON-TARGET"}
    assert lesions["location"].null_count() == 0
    first = lesions.filter((pl.col("measure") == "LDIAM") & (pl.col("evaluator") == "INVESTIGATOR")).row(0, named=True)
    assert (first["value"], first["unit"]) == (21.0, "mm")


def test_tumour_trajectories_are_read_whole() -> None:
    path = external("data/cohorts/tumour_trajectories/patient_data.csv")
    frame, checks, _ = read_table(path, "Pt_hashID")
    assert frame["subject_id"].n_unique() == 1461
    assert frame.height == 1461 * 10
    assert checks.is_empty()
    assert frame.filter(pl.col("name") == "readings")["value"].sum() == pl.read_csv(path)["readings"].sum()


def test_protein_cohort_by_sample() -> None:
    path = external("data/cohorts/nulisa_cart/derived_combined_scores.csv")
    frame, checks, _ = read_table(path, "patientID", "SampleName")
    assert frame["subject_id"].n_unique() == 397
    check = checks.filter(pl.col("rule") == "repeated-subjects").row(0, named=True)
    assert check["found"].endswith("of 71 subjects contribute more than one row")
    assert frame.filter(pl.col("name") == "effector_score")["value"].null_count() == 0
