"""Target lesions of 1,461 patients of five studies, lists in cells: read whole, every visit a burden, none lost."""

from __future__ import annotations

import json

import polars as pl
from tests.external import external

from correlates.endpoints import burden, study_days
from correlates.endpoints.assessed import CRITERIA, responses
from correlates.endpoints.settings import Infusion, Lesions
from correlates.readers.records import read_records
from correlates.readers.settings import Records

FILE = "data/cohorts/tumour_trajectories/patient_data.csv"


def test_every_visit_of_every_patient() -> None:
    path = external(FILE)
    people = Records(
        kind="records",
        file="",
        table="subjects",
        columns={"subject_id": "Pt_hashID", "arm": "Study_Arm"},
        constants={"infusion_date": "day 0"},
    )
    visits = Records(
        kind="records",
        file="",
        table="lesions",
        columns={"subject_id": "Pt_hashID", "day": "T_days", "value": "Lesion_diam"},
        constants={"lesion_id": "T1", "kind": "TARGET", "measure": "LDIAM", "unit": "mm"},
        unfold=("T_days", "Lesion_diam"),
    )
    tables = {"subjects": read_records(path, people)[0], "lesions": read_records(path, visits)[0]}
    raw = pl.read_csv(path)
    # no cell is lost: as many rows as there are readings, and the same sum of diameters
    assert tables["lesions"].height == raw["readings"].sum() == 8416
    whole = sum(sum(json.loads(cell)) for cell in raw["Lesion_diam"])
    assert abs(tables["lesions"]["value"].sum() - whole) < 1e-6
    assert tables["lesions"]["value"].null_count() == 0  # this copy of the data has numbers only
    dated = study_days(tables, Infusion())
    assert dated.exclusions.is_empty()
    made = burden(dated.tables["lesions"])
    assert made["subject_id"].n_unique() == 1461
    # seven days have two readings of one lesion: six agree, the one that does not is named
    assert made.height == 8416 - 7
    assert made.filter(pl.col("sld").is_null())["sld_reason"].to_list() == ["duplicated"]
    frame, checks = responses(dated.tables, [CRITERIA[2]], Lesions())
    assert frame.height > 6000
    without = {c["item"] for c in checks if c["rule"] == "no-baseline"}
    assert set(frame["subject_id"]) | without == set(raw["Pt_hashID"])
    assert not set(frame["subject_id"]) & without
