"""Times to an event: every branch of the rules, one small history each, with the answer worked by hand and the rule's source."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from tests.unit.endpoints.clinic import date, dated

from correlates.endpoints import derive
from correlates.endpoints.settings import TimeToEvent
from correlates.endpoints.time_settings import Antigen
from correlates.errors import DerivationError
from correlates.schema.clinical import CHARACTERISTICS, LESIONS

VISITS = (28, 84, 168, 252, 336)
A = "FDA 2018, appendix 3, table A"
E = "EMA 2012, appendix 1"
NEW, SCT = "NEW ANTICANCER THERAPY", "STEM CELL TRANSPLANT"


def spec(measure: str = "pfs", rules: str | None = "fda_2018", **more: Any) -> TimeToEvent:
    return TimeToEvent(derive="time_to_event", measure=measure, rules=rules, visits=VISITS, **more)  # type: ignore[arg-type]


def outcome(of: TimeToEvent, responses: Any = (), *, baseline: bool = True, **given: Any) -> dict[str, Any]:
    tables = dated(responses=responses, **given)
    lesion = {"subject_id": "P" if baseline else "Q", "lesion_id": "T01", "measure": "LDIAM", "value": 20.0, "day": -10}
    tables["lesions"] = LESIONS.frame([{**lesion, "date": date(-10), "source_id": "tr/1"}])
    return derive({"t": of}, tables).outcomes.row(0, named=True)


CR, PR, SD, PD, NE = ((word,) for word in ("CR", "PR", "SD", "PD", "NE"))
GOOD = ((28, "PR"), (84, "CR"))

# measure, responses, other records; (days, event, kind of event or reason) by FDA, the same by EMA; the rule
PFS: list[tuple[str, Any, dict[str, Any], tuple[Any, ...], tuple[Any, ...], str]] = [
    ("pfs", (*GOOD, (168, "PD")), {}, (168, True, "progression"), (168, True, "progression"), f"{A}: documented progression"),
    ("pfs", (*GOOD, (120, "PD")), {}, (120, True, "progression"), (120, True, "progression"), f"{A}: between visits"),
    ("pfs", GOOD, {"contact": 400}, (84, False, "ongoing"), (84, False, "ongoing"), f"{A}: no progression: last assessment"),
    ("pfs", (*GOOD, (168, "NE")), {}, (84, False, "ongoing"), (84, False, "ongoing"), f"{A}: an adequate assessment is evaluable"),
    ("pfs", (), {"contact": 400}, (0, False, "censored-no-assessment"), (0, False, "censored-no-assessment"), f"{A}: none"),
    ("pfs", (), {"death": 20}, (20, True, "death without progression"), (20, True, "death without progression"), f"{A}: death before the first assessment"),
    ("pfs", GOOD, {"death": 100}, (100, True, "death without progression"), (100, True, "death without progression"), f"{A}: death between visits"),
    ("pfs", GOOD, {"death": 200}, (200, True, "death without progression"), (200, True, "death without progression"), f"{A}: one missed visit is not more than one"),
    ("pfs", GOOD, {"death": 300}, (84, False, "censored-missed-visits"), (300, True, "death without progression"), f"{A}: more than one missed visit; {E}: all deaths count"),
    ("pfs", (*GOOD, (330, "PD")), {}, (84, False, "censored-missed-visits"), (330, True, "progression"), f"{A}: more than one missed visit; {E}"),
    ("pfs", (*GOOD, (168, "NE"), (252, "NE"), (330, "PD")), {}, (84, False, "censored-missed-visits"), (330, True, "progression"), f"{A}: not evaluable is missed"),
    ("pfs", (), {"death": 120}, (0, False, "censored-missed-visits"), (120, True, "death without progression"), f"{A}: more than one missed visit, no assessment"),
    ("pfs", (*GOOD, (168, "PD")), {"events": [(NEW, 100)]}, (84, False, "censored-new-therapy"), (168, True, "progression"), f"{A}: new treatment; {E}: whatever was given"),
    ("pfs", (*GOOD, (168, "PD")), {"events": [(NEW, 168)]}, (168, True, "progression"), (168, True, "progression"), "the event goes before therapy of the same day"),
    ("pfs", (*GOOD, (168, "PD")), {"events": [(NEW, 180)]}, (168, True, "progression"), (168, True, "progression"), "therapy after progression"),
    ("pfs", GOOD, {"events": [(NEW, 100)], "death": 120}, (84, False, "censored-new-therapy"), (120, True, "death without progression"), f"{A}: new treatment; {E}"),
    ("pfs", (), {"events": [(NEW, 10)]}, (0, False, "censored-new-therapy"), (0, False, "censored-no-assessment"), f"{A}: new treatment before any assessment"),
    ("pfs", (*GOOD, (168, "PD")), {"events": [(SCT, 100)]}, (84, False, "censored-transplant"), (168, True, "progression"), f"{A}: a transplant is new treatment"),
    ("pfs", (*GOOD, (168, "PD")), {"baseline": False}, (0, False, "censored-no-assessment"), (168, True, "progression"), f"{A}: incomplete or no baseline"),
    ("pfs", GOOD, {"events": [("PROGRESSIVE DISEASE", 120)]}, (84, False, "ongoing"), (84, False, "ongoing"), f"{A}: undocumented progression is no event"),
    ("pfs", (*GOOD, (168, "PD")), {"death": 150}, (150, True, "death without progression"), (150, True, "death without progression"), "an assessment after death is none (and is named)"),
    ("pfs", ((28, "PD"), (84, "CR")), {}, (28, True, "progression"), (28, True, "progression"), "the first progression"),
    ("efs", GOOD, {"events": [(NEW, 100)]}, (100, True, "new anticancer therapy"), (100, True, "new anticancer therapy"), "ZUMA-7, N Engl J Med 2022;386:640: new therapy is an event"),
    ("efs", (*GOOD, (168, "PD")), {"events": [(SCT, 100)]}, (84, False, "censored-transplant"), (168, True, "progression"), "efs, transplant"),
    ("dor", (*GOOD, (168, "PD")), {}, (140, True, "progression"), (140, True, "progression"), "from the first response, day 28"),
    ("dor", ((28, "SD"), (84, "CR"), (168, "PD")), {}, (84, True, "progression"), (84, True, "progression"), "from the first response, day 84"),
    ("dor", GOOD, {"contact": 400}, (56, False, "ongoing"), (56, False, "ongoing"), "last assessment after the response"),
    ("dor", ((28, "CR"),), {}, (0, False, "ongoing"), (0, False, "ongoing"), "the response is the last assessment"),
    ("dor", GOOD, {"death": 130}, (102, True, "death without progression"), (102, True, "death without progression"), "death in response"),
    ("dor", ((28, "SD"), (84, "PD")), {}, (None, None, "no-response"), (None, None, "no-response"), "nonresponder"),
    ("dor", ((28, "PD"), (84, "CR")), {}, (None, None, "no-response"), (None, None, "no-response"), "response after progression"),
    ("dor", ((84, "CR"), (168, "PD")), {"events": [(NEW, 50)]}, (None, None, "no-response"), (84, True, "progression"), "response after new therapy"),
    ("dor", (*GOOD, (168, "PD")), {"events": [(NEW, 100)]}, (56, False, "censored-new-therapy"), (140, True, "progression"), f"{A}"),
    ("relapse", (*GOOD, (168, "PD")), {}, (168, True, "relapse"), (168, True, "relapse"), "relapse"),
    ("relapse", GOOD, {"death": 100}, (100, True, "death without progression"), (100, True, "death without progression"), "the competing event"),
    ("os", GOOD, {"death": 300}, (300, True, "death"), (300, True, "death"), "death, whatever was missed"),
    ("os", GOOD, {"contact": 400, "events": [(NEW, 100)]}, (400, False, "ongoing"), (400, False, "ongoing"), "last day known alive"),
    ("os", (), {}, (2, False, "ongoing"), (2, False, "ongoing"), "last seen at an adverse event"),
    ("os", (), {"treated": False}, (None, None, "not-treated"), (None, None, "not-treated"), "not treated"),
]  # fmt: skip


@pytest.mark.parametrize(("measure", "responses", "given", "fda", "ema", "rule"), PFS)
def test_every_branch_by_fda_and_by_ema(
    measure: str, responses: Any, given: dict[str, Any], fda: tuple[Any, ...], ema: tuple[Any, ...], rule: str
) -> None:
    for rules, expected in (("fda_2018", fda), ("ema_2012", ema)):
        found = outcome(spec(measure, rules), responses, **given)
        assert (found["time"], found["event"], found["category"] or found["reason"]) == expected, f"{rules}: {rule}"
        assert found["detail"]


def test_a_rule_of_the_plan_goes_before_the_preset() -> None:
    late = (*GOOD, (168, "PD"))
    assert outcome(spec(new_therapy="ignore"), late, events=[(NEW, 100)])["time"] == 168
    assert (
        outcome(spec(rules="ema_2012", transplant="event"), late, events=[(SCT, 100)])["category"]
        == "stem-cell transplant"
    )
    assert outcome(spec(missed_visits=0), GOOD, death=300)["event"] is True
    assert outcome(spec(without_baseline="ignore"), late, baseline=False)["event"] is True
    undocumented = [("PROGRESSIVE DISEASE", 120)]
    assert outcome(spec(unassessed_progression="event"), GOOD, events=undocumented)["time"] == 120


def test_what_follows_the_data_cut_is_not_looked_at() -> None:
    cut = {"data_cut": date(150)}
    found = outcome(spec(**cut), (*GOOD, (168, "PD")))
    assert (found["time"], found["event"], found["reason"]) == (84, False, "censored-data-cut")
    found = outcome(spec("os", None, **cut), GOOD, death=300)
    assert (found["time"], found["event"], found["reason"]) == (150, False, "censored-data-cut")
    assert outcome(spec("os", None, **cut), GOOD, contact=100)["time"] == 100  # lost before the cut
    assert outcome(spec("os", None, **cut), GOOD, death=120)["event"] is True
    assert outcome(spec("os", None, data_cut=date(-1)), GOOD)["reason"] == "not-treated"


def test_an_incomplete_date_matters_only_where_it_decides() -> None:
    sure = outcome(spec(rules="ema_2012"), (*GOOD, (168, "PD")), events=[(NEW, "2020-03")])
    assert (sure["time"], sure["reason"]) == (168, None)
    # 2020-05 is day 121 to 151: before the progression, and it censors at day 84 whichever day it was
    censored = outcome(spec(), (*GOOD, (168, "PD")), events=[(NEW, "2020-05")])
    assert (censored["time"], censored["reason"]) == (84, "censored-new-therapy")
    open_ = outcome(spec(), (*GOOD, (168, "PD")), events=[(NEW, "2020-06")])  # day 152 to 181
    assert (open_["time"], open_["reason"]) == (None, "partial-date")
    assert "168 days" in open_["detail"]
    death = outcome(spec("os", None), GOOD, death="2020-05")
    assert (death["time"], death["reason"]) == (None, "partial-date")


def test_contradicting_assessments_of_a_day() -> None:
    found = outcome(spec(), (*GOOD, (168, "PD"), (168, "CR")))
    assert (found["time"], found["reason"]) == (None, "duplicated")


def test_antigen_status_at_relapse_is_a_subtype() -> None:
    rule = spec("relapse", antigen=Antigen(name="CD19REL"))
    for word, cause in (
        ("Positive", "relapse, CD19 retained"),
        ("dim", "relapse, CD19 low"),
        ("NEG", "relapse, CD19 lost"),
        ("odd", "relapse, CD19 not known"),
        (None, "relapse, CD19 not known"),
    ):
        tables = dated(responses=(*GOOD, (168, "PD")))
        row = {"subject_id": "P", "name": "CD19REL", "category": word, "source": "flow", "source_id": "s/1"}
        tables["characteristics"] = CHARACTERISTICS.frame([row])
        derived = derive({"t": rule}, tables)
        assert derived.outcomes["category"].to_list() == [cause]
        assert ("antigen-not-known" in derived.checks["rule"].to_list()) == cause.endswith("not known")


def test_bad_input_is_named() -> None:
    with pytest.raises(DerivationError, match="neither the plan nor a preset gives new_therapy"):
        derive({"t": TimeToEvent(derive="time_to_event", measure="pfs")}, dated())
    with pytest.raises(DerivationError, match="scheduled assessments are not given"):
        derive({"t": TimeToEvent(derive="time_to_event", measure="pfs", rules="fda_2018")}, dated())
    with pytest.raises(DerivationError, match="data cut is no date"):
        derive({"t": spec("os", None, data_cut="June 2020")}, dated())
    with pytest.raises(DerivationError, match="CD19REL"):
        derive({"t": spec("relapse", antigen=Antigen(name="CD19REL"))}, dated())
    without = derive({"t": spec()}, dated(responses=(*GOOD, (168, "PD"))))
    assert without.outcomes["event"].to_list() == [True]
    assert "no-lesions" in without.checks["rule"].to_list()


def test_death_before_the_last_visit_is_named_and_nothing_is_lost() -> None:
    from tests.unit.endpoints.clinic import tables

    from correlates.endpoints import study_days
    from correlates.endpoints.settings import Infusion

    given = tables(responses=(*GOOD, (168, "CR")), death=150)
    dated_ = study_days(given, Infusion())
    assert "after-death" in dated_.checks["rule"].to_list()
    rows = derive({"t": spec(rules="ema_2012"), "os": spec("os", None)}, dict(dated_.tables)).outcomes
    assert rows.select("endpoint", "time", "event").rows() == [("t", 150, True), ("os", 150, True)]


def test_survival_needs_no_choice_of_evaluator() -> None:
    two = ((28, "PR", None, "INVESTIGATOR"), (28, "SD", None, "INDEPENDENT ASSESSOR"))
    assert outcome(spec("os", None), two)["time"] == 28
    with pytest.raises(DerivationError, match="more than one evaluator"):
        outcome(spec(), two)
    assert outcome(spec(evaluator="INVESTIGATOR"), two)["time"] == 28


def test_a_censored_time_is_no_exclusion() -> None:
    tables = dated(responses=GOOD)
    derived = derive({"t": spec(rules="ema_2012")}, tables)
    assert derived.exclusions.is_empty()
    assert derived.outcomes.filter(pl.col("event").is_null()).is_empty()
