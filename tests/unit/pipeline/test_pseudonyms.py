from __future__ import annotations

import polars as pl
import pytest
from tests.unit.figures.small_run import empty, measurement, measurements

from correlates.pipeline.pseudonyms import pseudonymise
from correlates.schema import CHECKS, SAMPLES, SUBJECTS, WELLS, conform


def _tables(subjects, samples, found="", **more):
    people = [
        {"subject_id": s, "infusion_date": f"2020-01-{i + 1:02d}", "source_id": f"f/{i}"}
        for i, s in enumerate(subjects)
    ]
    tubes = [{"sample_id": t, "subject_id": s, "study_day": float(d), "matrix": "blood"} for t, s, d in samples]
    check = {
        "check_id": "c",
        "stage": "read",
        "scope": "subject",
        "item": subjects[0],
        "rule": "r",
        "found": found,
        "required": "x",
        "passed": False,
        "action": "kept",
        "source_ids": [f"CMAX@{subjects[0]}", f"qpcr/CAR/{samples[0][0]}"],
    }
    values = [measurement(t, s, d, 1.0) for t, s, d in samples]
    return {
        **empty(),
        "subjects": conform(pl.DataFrame(people), SUBJECTS),
        "samples": conform(pl.DataFrame(tubes), SAMPLES),
        "checks": conform(pl.DataFrame([check]), CHECKS),
        "measurements": measurements(values),
        **more,
    }


def _all_texts(tables):
    for frame in tables.values():
        for column in frame.iter_columns():
            if column.dtype == pl.List(pl.String):
                yield from column.explode().drop_nulls()
            elif column.dtype == pl.String:
                yield from column.drop_nulls()


SUBJECTS_ = ["C19-001", "C19-002", "C19-0011"]
SAMPLES_ = [("001-B-D007", "C19-001", 7), ("002 B D7", "C19-002", 7), ("X", "C19-0011", 0)]


def test_no_identifier_is_left_anywhere_and_names_agree_between_tables():
    shown = pseudonymise(_tables(SUBJECTS_, SAMPLES_, found="C19-001, C19-0011: samples 001-B-D007;002 B D7"))
    texts = list(_all_texts(shown))
    for name in (*SUBJECTS_, *(s for s, _, _ in SAMPLES_ if len(s) > 1)):
        assert not [t for t in texts if name in t]
    assert sorted(shown["subjects"]["subject_id"]) == ["P1", "P2", "P3"]
    first = shown["subjects"]["subject_id"][0]
    assert shown["checks"]["item"].item() == first
    assert shown["checks"]["source_ids"].item().to_list()[0] == f"CMAX@{first}"
    assert shown["measurements"]["subject_id"].to_list() == shown["samples"]["subject_id"].to_list()
    assert shown["measurements"]["sample_id"].to_list() == shown["samples"]["sample_id"].to_list()


def test_an_identifier_is_a_whole_word_and_the_longest_that_fits():
    shown = pseudonymise(_tables(SUBJECTS_, SAMPLES_, found="C19-0011 and C19-00123 and XC19-001"))
    third = shown["subjects"]["subject_id"][2]
    assert shown["checks"]["found"].item() == f"{third} and C19-00123 and XC19-001"


def test_a_bare_number_is_replaced_where_it_is_an_identifier_and_not_where_it_is_a_day():
    tables = _tables(["7", "28"], [("101", "7", 28), ("102", "28", 7)], found="PR on day 28 of 101 days")
    shown = pseudonymise(tables)
    first = shown["subjects"]["subject_id"][0]
    assert shown["checks"]["found"].item() == "PR on day 28 of 101 days"
    assert shown["checks"]["item"].item() == first
    code, composed = shown["checks"]["source_ids"].item().to_list()
    assert code == f"CMAX@{first}"
    assert composed.startswith(f"qpcr/CAR/{first} blood day 28")


def test_a_sample_only_the_instrument_knows_has_a_pseudonym_too():
    well = {
        "well_id": "f/1/A1/CAR",
        "file_id": "f",
        "plate": "P",
        "well": "A1",
        "sample_id": "strange C19-x",
        "target": "CAR",
        "role": "unknown",
        "signal_kind": "cq",
        "dilution": 1.0,
        "row": 1,
        "extras": "{}",
    }
    wells = conform(
        pl.DataFrame([well, well | {"well_id": "f/1/A2/CAR", "role": "standard", "sample_id": "STD1"}]), WELLS
    )
    shown = pseudonymise(_tables(SUBJECTS_, SAMPLES_, found="strange C19-x is not in the manifest", wells=wells))
    name = shown["wells"]["sample_id"][0]
    assert name.startswith("unknown sample")
    assert shown["wells"]["sample_id"][1] == "STD1"
    assert shown["checks"]["found"].item() == f"{name} is not in the manifest"


def test_the_same_data_give_the_same_names_and_other_dates_others():
    subjects = [f"C19-{i:03d}" for i in range(60)]
    tables = _tables(subjects, SAMPLES_)
    one, two = (pseudonymise(tables)["subjects"]["subject_id"].to_list() for _ in range(2))
    assert one == two
    assert one != sorted(one)
    moved = tables["subjects"].with_columns(infusion_date=pl.lit("2021-05-05"))
    assert pseudonymise({**tables, "subjects": moved})["subjects"]["subject_id"].to_list() != one


@pytest.mark.parametrize("name", [r"a.b*c", "a[1]", "with space", "ünï/code"])
def test_identifiers_with_any_letters_are_replaced(name):
    shown = pseudonymise(_tables([name], [("s1-x", name, 1)], found=f"({name}), again {name}."))
    assert shown["checks"]["found"].item() == "(P1), again P1."


def test_subjects_that_the_plan_names_are_called_by_their_pseudonym() -> None:
    from correlates.pipeline.publish import plan_text
    from correlates.plan.model import Plan

    plan = Plan.model_validate(
        {
            "study": {"id": "S", "title": "T"},
            "parameters": {"H": {"take": "half_life", "of": "car", "line": {"days": {"101": [7, 14, 21]}}}},
        }
    )
    assert "101" in plan_text(plan)
    hidden = plan_text(plan, {"101": "P1"})
    assert "101" not in hidden
    assert "P1" in hidden
