"""What is derived from SDTM against the ADaM that another program (admiral, admiralonco) made of the same records."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.external import external

from correlates.endpoints import burden, derive, study_days
from correlates.endpoints.assessed import CRITERIA, responses
from correlates.endpoints.settings import BestResponse, Imputation, Infusion, Lesions, ResponseTime
from correlates.readers.records import read_records
from correlates.readers.sdtm import read_sdtm
from correlates.readers.settings import Records
from correlates.terms import Response

FIRST = {"lesions": Imputation(rule="first"), "assessments": Imputation(rule="first")}
"""admiral imputes the first day of the month, and says so in ADTF."""


@pytest.fixture(scope="module")
def sdtm() -> dict[str, pl.DataFrame]:
    folder = external("data/clinical/pharmaversesdtm")
    names = ("dm", "ex", "tu_onco_recist", "tr_onco_recist", "rs_onco_recist")
    tables = dict(read_sdtm([Path(folder) / f"{n}.csv" for n in names]).tables)
    drug = {"treatment": pl.lit("STUDY DRUG"), "dose": pl.lit(1.0)}  # a dose of 0, the placebo, would be no infusion
    tables["exposure"] = tables["exposure"].with_columns(**drug)
    return dict(study_days(tables, Infusion(), imputation=FIRST).tables)


def adam(name: str) -> pl.DataFrame:
    return pl.read_csv(external(f"data/clinical/pharmaverseadam/{name}.csv"), infer_schema_length=None)


def days(parameter: str, value: str | None = None) -> dict[str, int]:
    """Day of a parameter of ADRS after the first treatment, by subject."""
    rows = adam("adrs_onco").filter(pl.col("PARAMCD") == parameter)
    rows = rows if value is None else rows.filter(pl.col("AVALC") == value)
    made = {}
    for subject, date, start in rows.drop_nulls("ADT").select("USUBJID", "ADT", "TRTSDT").iter_rows():
        made[subject] = (datetime.date.fromisoformat(date) - datetime.date.fromisoformat(start)).days
    return made


def outcomes(sdtm: dict[str, pl.DataFrame], spec: Any) -> dict[str, tuple[Any, ...]]:
    rows = derive({"e": spec}, sdtm).outcomes
    return {s: (c, d, t) for s, c, d, t in rows.select("subject_id", "category", "day", "time").iter_rows()}


def test_sums_of_diameters(sdtm: dict[str, pl.DataFrame]) -> None:
    made = burden(sdtm["lesions"]).filter(pl.col("evaluator") == "INVESTIGATOR")
    theirs = adam("adtr_onco").filter(pl.col("PARAMCD") == "SDIAM")
    both = theirs.select("AVAL", "LSEXP", "LSASS", subject_id="USUBJID", day=pl.col("ADY") - 1).join(
        made, on=["subject_id", "day"], how="left"
    )
    assert both.height == 25
    whole = both.filter(pl.col("LSEXP") == pl.col("LSASS"))
    assert whole.height == 22
    assert whole["sld"].to_list() == pytest.approx(whole["AVAL"].to_list(), rel=1e-12)
    # the other three: admiral sums the lesions that were assessed; here a sum over fewer lesions is not given
    fewer = both.filter(pl.col("LSEXP") != pl.col("LSASS"))
    assert fewer.select("subject_id", "AVAL", "sld", "sld_reason").rows() == [
        ("01-701-1015", 38.0, None, "lesion-not-evaluable"),
        ("01-701-1028", 110.0, None, "lesion-not-evaluable"),
        ("01-701-1118", 14.0, None, "lesion-not-evaluable"),
    ]


def test_responses_from_lesions_are_the_recorded_ones(sdtm: dict[str, pl.DataFrame]) -> None:
    recist, lugano = (responses(sdtm, [c], Lesions())[0] for c in (CRITERIA[2], CRITERIA[0]))
    compared = recist.filter(pl.col("agrees").is_not_null())
    assert compared.height == 52  # 22 of the investigator, 30 of independent readers
    assert compared["agrees"].all()
    # the responses of the file are by RECIST 1.1; by Lugano 2014 three of the investigator's evaluations differ, each by its own rule
    differ = lugano.filter((pl.col("evaluator") == "INVESTIGATOR") & ~pl.col("agrees"))
    assert differ.select("subject_id", "day", "response", "recorded", "rule").rows() == [
        ("01-701-1028", 63, "PD", "SD", "T04: product +112 % from nadir, diameter +8 mm"),  # one lesion is enough
        (
            "01-701-1133",
            21,
            "SD",
            "PR",
            "SPD -49.7 % from baseline",
        ),  # -30 % of a sum of diameters is not half of products
        ("01-701-1133", 63, "PR", "PD", "SPD -97.9 % from baseline"),  # 5 mm after 0 mm: below 15 mm, no progression
    ]


def test_best_response(sdtm: dict[str, pl.DataFrame]) -> None:
    spec = BestResponse(derive="best_response", criteria="recist_1_1", evaluator="INVESTIGATOR", stable_from=42)
    for assessments in ("recorded", "lesions"):
        made = {}
        rows = _best(sdtm, spec, assessments)
        for word in ("CR", "PR", "SD", "NON-CR/NON-PD", "PD"):
            for subject, day in days("BOR", word).items():
                made[subject] = rows[subject][:2] == (word if len(word) == 2 else "SD", day)
        assert len(made) == 7
        assert all(made.values())
        # admiral's NE (one evaluation, before day 42) has no outcome here, with the reason no-assessment
        assert [rows[s][0] for s in days("BOR", "NE")] == [None]


def _best(sdtm: dict[str, pl.DataFrame], spec: BestResponse, assessments: Any) -> dict[str, tuple[Any, ...]]:
    from dataclasses import replace

    found = responses(sdtm, [CRITERIA[2]], Lesions())[0]
    rows = derive({"e": replace(spec, assessments=assessments)}, sdtm, found).outcomes
    return {s: (c, d) for s, c, d in rows.select("subject_id", "category", "day").iter_rows()}


def test_confirmed_best_response(sdtm: dict[str, pl.DataFrame]) -> None:
    spec = BestResponse(
        derive="best_response",
        criteria="recist_1_1",
        evaluator="INVESTIGATOR",
        stable_from=42,
        confirm=(Response.CR, Response.PR),
        confirm_after=28,
        confirm_across=1,
    )
    rows = outcomes(sdtm, spec)
    made = {}
    for word in ("CR", "PR", "SD", "NON-CR/NON-PD", "PD"):
        for subject, day in days("CBOR", word).items():
            made[subject] = rows[subject][:2] == (word if len(word) == 2 else "SD", day)
    assert len(made) == 7
    assert all(made.values())


def test_time_to_response_and_progression(sdtm: dict[str, pl.DataFrame]) -> None:
    spec = ResponseTime(derive="time_to_response", evaluator="INVESTIGATOR")
    rows = outcomes(sdtm, spec)
    assert {s: int(t) for s, (_, _, t) in rows.items() if t is not None} == days("RSP", "Y")
    seen = sdtm["assessments"].filter((pl.col("evaluator") == "INVESTIGATOR") & (pl.col("response") == "PD"))
    assert dict(seen.group_by("subject_id").agg(pl.col("day").min()).iter_rows()) == days("PD", "Y")


def test_adam_itself_can_be_the_source() -> None:
    path = external("data/clinical/pharmaverseadam/adrs_onco.csv")
    mapping = Records(
        kind="records",
        file="",
        table="assessments",
        columns={"subject_id": "USUBJID", "response": "AVALC", "date": "ADT", "visit": "AVISIT", "evaluator": "RSEVAL"},
        constants={"test": "OVRLRESP", "criteria": "RECIST 1.1"},
        keep={"PARAMCD": ("OVR",)},
    )
    frame, checks, _ = read_records(path, mapping)
    assert frame.height == 22
    assert checks.select("rule", "value").rows() == [("rows-kept", 3694.0 - 22)]


def test_a_transport_file_of_adam_by_mapping() -> None:
    path = external("data/clinical/cdisc_pilot_xpt/adam_adtte.xpt")
    mapping = Records(
        kind="records",
        file="",
        table="disposition",
        columns={"subject_id": "USUBJID", "event": "EVNTDESC", "date": "ADT"},
        keep={"CNSR": ("0",)},
    )
    frame, _, _ = read_records(path, mapping)
    assert frame.height == 152
    assert set(frame["event"]) == {"Dematologic Event Occured"}  # as the file spells it
    assert frame["date"].str.contains(r"^201[234]-\d\d-\d\d$").all()
