"""Times to an event of public clinical data against what other programs derived of the same records; every difference explained."""

from __future__ import annotations

import datetime
from pathlib import Path

import polars as pl
from tests.external import external

from correlates.endpoints import derive, study_days
from correlates.endpoints.settings import Infusion, MaxGrade
from correlates.endpoints.time_settings import TimeToEvent
from correlates.endpoints.toxicity_settings import Onset
from correlates.readers.content import Content
from correlates.readers.sas import read_sas
from correlates.readers.sdtm import read_sdtm
from correlates.schema.clinical import ADVERSE_EVENTS, SUBJECTS
from correlates.terms import Scale


def days(one: str | datetime.date, two: str | datetime.date) -> int:
    first, last = (datetime.date.fromisoformat(str(d)[:10]) for d in (one, two))
    return (last - first).days


def test_survival_progression_and_response_as_admiral_derives_them() -> None:
    # ADTTE of pharmaverseadam: progression and death are events whatever else happened, censored at the last tumour assessment
    adtte = pl.read_csv(external("data/clinical/pharmaverseadam/adtte_onco.csv"), infer_schema_length=None)
    folder = Path(external("data/clinical/pharmaversesdtm"))
    names = ("dm", "ex", "ds", "ae", "rs_onco_recist", "tu_onco_recist", "tr_onco_recist")
    tables = dict(read_sdtm([folder / f"{n}.csv" for n in names]).tables)
    drug = {"treatment": pl.lit("STUDY DRUG"), "dose": pl.lit(1.0)}  # a dose of 0, the placebo, would be no infusion
    tables["exposure"] = tables["exposure"].with_columns(**drug)
    dated = dict(study_days(tables, Infusion()).tables)
    specs = {
        measure: TimeToEvent(derive="time_to_event", measure=measure, rules="ema_2012", evaluator="INVESTIGATOR")
        for measure in ("os", "pfs", "dor")
    }
    rows = derive(specs, dated).outcomes  # type: ignore[arg-type]
    mine = {
        (e, s): (t, v, d)
        for e, s, t, v, d in rows.select("endpoint", "subject_id", "time", "event", "detail").iter_rows()
    }
    compared = dict.fromkeys(("os", "pfs", "dor"), 0)
    later = 0
    for code, subject, aval, cnsr in adtte.select("PARAMCD", "USUBJID", "AVAL", "CNSR").iter_rows():
        measure = {"OS": "os", "PFS": "pfs", "RSD": "dor"}[code]
        time, event, detail = mine[measure, subject]
        assert event is (cnsr == 0)
        compared[measure] += 1
        if measure == "os" and not event and time != aval - 1:
            # admiral's last day known alive reads adverse events, laboratory and vital signs; here disposition and the end of participation are contacts too
            assert time > aval - 1
            assert "disposition event" in detail or "end of participation" in detail
            later += 1
            continue
        assert time == aval - 1, (code, subject)  # AVAL counts the first day as 1
    assert compared == {"os": 254, "pfs": 254, "dor": 4}
    assert later == 92


def test_time_to_the_first_dermatologic_event_of_the_cdisc_pilot() -> None:
    # ADTTE of the pilot, parameter TTDE: first treatment-emergent event of the custom query in ADAE, else the end of the study
    folder = Path(external("data/clinical/cdisc_pilot_xpt"))
    adae, adsl, adtte = (
        read_sas(Content.of(folder / f"adam_{n}.xpt"), folder / f"adam_{n}.xpt", n)[0]
        for n in ("adae", "adsl", "adtte")
    )

    def date(value: object) -> datetime.date:
        return datetime.date(1960, 1, 1) + datetime.timedelta(days=int(float(str(value))))

    start = {s: date(d) for s, d in adsl.select("USUBJID", "TRTSDT").iter_rows()}
    end = {s: date(d) for s, d in adsl.select("USUBJID", "RFENDT").iter_rows()}
    subjects = [
        {
            "subject_id": s,
            "infusion_date": d.isoformat(),
            "last_contact_day": days(d, end[s]),
            "last_contact_date": end[s].isoformat(),
            "source_id": s,
        }
        for s, d in start.items()
    ]
    events = [
        {
            "subject_id": s,
            "term": term,
            "category": query,
            "grade": 1,
            "date": date(d).isoformat(),
            "day": days(start[s], date(d)),
            "source_id": f"{s}/{n}",
        }
        for n, (s, term, query, d, after) in enumerate(
            adae.select("USUBJID", "AEDECOD", "CQ01NAM", "ASTDT", "TRTEMFL").iter_rows()
        )
        if d is not None and after == "Y"
    ]
    specs = {
        "g": MaxGrade(derive="max_grade", category="DERMATOLOGIC EVENTS", scale=Scale.CTCAE_5_0, window=(0, 10_000)),
        "ttde": Onset(derive="onset", of="g"),
    }
    tables = {"subjects": SUBJECTS.frame(subjects), "adverse_events": ADVERSE_EVENTS.frame(events)}
    rows = derive(specs, tables).outcomes.filter(pl.col("endpoint") == "ttde")
    found = {s: (t, v) for s, t, v in rows.select("subject_id", "time", "event").iter_rows()}
    expected = {s: (aval - 1, cnsr == 0) for s, aval, cnsr in adtte.select("USUBJID", "AVAL", "CNSR").iter_rows()}
    assert len(expected) == 254
    assert found == expected  # 152 events and 102 censored, AVAL less the one day it adds
