"""Outcomes of a simulated trial, from its SAS transport files, against the truth the simulator states independently."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from correlates.endpoints import burden, derive, study_days
from correlates.endpoints.settings import BestResponse, DurableClass, Infusion, MaxGrade
from correlates.readers.sdtm import read_sdtm
from correlates.simulate import draw
from correlates.simulate.clinical_files import write_sdtm
from correlates.terms import Scale

SPECS = {
    "best_response": BestResponse(derive="best_response"),
    "durability": DurableClass(derive="durability"),
    "crs_grade": MaxGrade(derive="max_grade", category="CRS", scale=Scale.LEE_2014),
    "ne_grade": MaxGrade(derive="max_grade", category="NEUROLOGIC", scale=Scale.CTCAE_4_03),
}


def test_every_outcome_is_recovered(tmp_path: Path) -> None:
    trial = draw(3, 150)
    write_sdtm(trial, tmp_path)
    clinical = read_sdtm(sorted(tmp_path.glob("*.xpt")))
    dated = study_days(clinical.tables, Infusion(category="STUDY TREATMENT"))
    outcomes = derive(SPECS, dated.tables).outcomes
    assert dated.exclusions.is_empty()
    for name in SPECS:
        column = "grade" if name.endswith("grade") else "category"
        found = outcomes.filter(pl.col("endpoint") == name).select("subject_id", found=pl.col(column))
        both = trial.patients.select("subject_id", truth=pl.col(name)).join(found, on="subject_id")
        # the truth has a word where the outcome is null with a reason
        truth = both["truth"].cast(pl.String).replace({"NE": None, "undetermined": None})
        assert both["found"].cast(pl.String).to_list() == truth.to_list(), name
    last = burden(dated.tables["lesions"]).filter(pl.col("day") < 0).sort("day").group_by("subject_id").last()
    spd = trial.patients.select("subject_id", truth="spd").join(last, on="subject_id")
    assert spd.height == 150
    assert spd["spd"].to_list() == pytest.approx(spd["truth"].to_list(), rel=1e-9)
