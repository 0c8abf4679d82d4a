"""Endpoints of public clinical data: worked by hand, and against what other programs made of the same records."""

from __future__ import annotations

import datetime
from pathlib import Path

import polars as pl
import pytest
from tests.external import external

from correlates.endpoints import burden, derive, study_days
from correlates.endpoints.settings import BestResponse, Infusion, MaxGrade
from correlates.readers.grid import read_grid
from correlates.readers.sdtm import read_sdtm
from correlates.schema.clinical import ADVERSE_EVENTS, SUBJECTS
from correlates.terms import Scale


def pharmaverse(*names: str) -> dict[str, pl.DataFrame]:
    """The records with days. Treatment or placebo, the first administration is day 0."""
    folder = external("data/clinical/pharmaversesdtm")
    tables = dict(read_sdtm([Path(folder) / f"{n}.csv" for n in ("dm", "ex", *names)]).tables)
    drug = {"treatment": pl.lit("STUDY DRUG"), "dose": pl.lit(1.0)}  # a dose of 0, the placebo, would be no infusion
    tables["exposure"] = tables["exposure"].with_columns(**drug)
    return dict(study_days(tables, Infusion()).tables)


def test_best_response_by_lugano_2014_worked_by_hand() -> None:
    # from the 68 records: PET-CT decides; CT where PET-CT is missing or, at first, not evaluable; up to progression
    by_hand = {
        "01-701-1015": ("CR", 167),  # NMR, PMR, CMR
        "01-701-1028": ("PR", 53),  # PMR, PMR, PMD
        "01-701-1034": ("SD", 56),  # NMR throughout
        "01-701-1097": ("SD", 56),  # NMR, then PMD although CT says partial
        "01-701-1115": ("PD", 54),  # CT only: progressive
        "01-701-1118": ("CR", 57),  # CMR throughout
        "01-701-1130": ("PR", 56),  # PMR, PMR, PMD
        "01-701-1133": ("SD", 57),  # NMR although CT says partial; week 16 PET-CT not evaluable: NMR stands
        "01-701-1148": ("PR", 56),  # PET-CT missing throughout: CT partial
        "01-701-1153": ("SD", 56),  # PET-CT not evaluable, none before: CT stable
        "01-701-1275": ("PD", 57),  # PMD, PMD
        "01-710-1315": ("PR", 111),  # NMR, PMR
        "01-716-1311": ("CR", 119),  # PMR with CT not evaluable, CMR
    }
    rows = derive({"best": BestResponse(derive="best_response")}, pharmaverse("rs_onco_lymphoma")).outcomes
    found = {s: (c, d) for s, c, d in rows.select("subject_id", "category", "day").iter_rows() if c is not None}
    assert found == by_hand
    assert rows.filter(pl.col("subject_id") == "01-701-1023")["reason"].to_list() == ["no-assessment"]


def test_best_response_by_recist_as_admiral_derives_it() -> None:
    # ADRS of pharmaverseadam, parameter BOR: stable disease counts from day 42 after randomisation (= first dose here)
    adrs = pl.read_csv(external("data/clinical/pharmaverseadam/adrs_onco.csv"), infer_schema_length=None)
    bor = adrs.filter((pl.col("PARAMCD") == "BOR") & (pl.col("AVALC") != "MISSING"))
    words = {"NON-CR/NON-PD": "SD", "NE": None}
    expected = {}
    for subject, value, date, start in bor.select("USUBJID", "AVALC", "ADT", "TRTSDT").iter_rows():
        day = (datetime.date.fromisoformat(date) - datetime.date.fromisoformat(start)).days
        response = words.get(value, value)
        expected[subject] = (response, day if response else None)
    assert len(expected) == 8
    spec = BestResponse(derive="best_response", criteria="recist_1_1", evaluator="INVESTIGATOR", stable_from=42)
    rows = derive({"best": spec}, pharmaverse("rs_onco_recist")).outcomes
    found = {s: (c, d) for s, c, d in rows.select("subject_id", "category", "day").iter_rows() if s in expected}
    assert found == expected


def test_burden_of_target_lesions_worked_by_hand() -> None:
    rows = burden(pharmaverse("tu_onco_recist", "tr_onco_recist")["lesions"])
    one = rows.filter((pl.col("subject_id") == "01-701-1015") & (pl.col("evaluator") == "INVESTIGATOR"))
    # screening: 21 x 20.37 + 33.28 x 32 + 24 x 22.8 + 19 x 17.86 = 427.77 + 1064.96 + 547.2 + 339.34
    assert one.filter(pl.col("day") == 0)["spd"].item() == pytest.approx(2379.27, rel=1e-12)


def test_maximum_grades_of_a_car_t_cohort() -> None:
    # one row per patient and day 0 to 14; published maxima CRS 0/1/2/3/4 and ICANS 0/1/2/3/4
    grid = read_grid(external("data/cohorts/nulisa_cart/swimmer_plot_data.xlsx"))
    daily = grid.frame.select(  # NA: not graded on that day
        "ID", pl.col("therapy_day", "crs_grade", "icans_grade").cast(pl.Float64, strict=False).cast(pl.Int64)
    )
    patients = daily["ID"].unique(maintain_order=True).to_list()
    events = [
        {"subject_id": s, "term": kind, "category": kind, "grade": g, "day": d, "source_id": f"{s}/{d}/{kind}"}
        for s, d, crs, icans in daily.iter_rows()
        for kind, g in (("CRS", crs), ("ICANS", icans))
        if g
    ]
    people = [{"subject_id": s, "infusion_date": "2020-01-01", "source_id": s} for s in patients]
    tables = {"subjects": SUBJECTS.frame(people), "adverse_events": ADVERSE_EVENTS.frame(events)}
    specs = {
        kind: MaxGrade(derive="max_grade", category=kind, scale=Scale.ASTCT_2019, window=(0, 14))
        for kind in ("CRS", "ICANS")
    }
    outcomes = derive(specs, tables).outcomes
    counts = {
        kind: [outcomes.filter((pl.col("endpoint") == kind) & (pl.col("grade") == g)).height for g in range(5)]
        for kind in ("CRS", "ICANS")
    }
    assert counts == {"CRS": [19, 18, 40, 2, 1], "ICANS": [47, 16, 5, 9, 3]}
