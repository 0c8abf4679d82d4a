"""What must hold of every history, whatever it is."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from correlates.endpoints import burden
from correlates.endpoints.history import Assessment, Event, History
from correlates.endpoints.response import RANK, best_response, durability
from correlates.endpoints.settings import BestResponse, DurableClass
from correlates.schema.clinical import LESIONS
from correlates.terms import Response

BEST = BestResponse(derive="best_response")


def event(day: int | None) -> Event | None:
    return None if day is None else Event(earliest=day, latest=day, source_id=f"ds/{day}")


def course(responses: dict[int, Response], therapy: int | None, death: int | None, contact: int) -> History:
    assessments = tuple(
        Assessment(day=d, earliest=d, latest=d, response=r, visit=None, source_ids=(f"rs/{d}",))
        for d, r in sorted(responses.items())
    )
    contacts = tuple((d, "visit") for d in sorted({*responses, contact}))
    return History(
        subject_id="P", assessments=assessments, new_therapy=event(therapy), death=event(death), contacts=contacts
    )


days = st.integers(1, 800)
courses = st.builds(
    course,
    st.dictionaries(days, st.sampled_from(list(Response)), max_size=8),
    st.none() | days,
    st.none() | days,
    days,
)


def seen(outcome: Any) -> tuple[object, ...]:
    return outcome.category, outcome.reason, outcome.day


@given(courses, st.sets(st.integers(1, 300), max_size=4))
def test_assessments_that_are_not_evaluable_change_no_class(history: History, more: set[int]) -> None:
    taken = {a.day for a in history.assessments}
    added = tuple(
        Assessment(day=d, earliest=d, latest=d, response=Response.NE, visit=None, source_ids=(f"ne/{d}",))
        for d in more - taken
    )
    wider = History(
        subject_id="P",
        assessments=tuple(sorted((*history.assessments, *added), key=lambda a: a.day or 0)),
        new_therapy=history.new_therapy,
        death=history.death,
        contacts=history.contacts,
    )
    assert seen(best_response(wider, BEST)) == seen(best_response(history, BEST))
    rule = DurableClass(derive="durability")
    assert seen(durability(wider, rule)) == seen(durability(history, rule))


@given(courses, st.integers(30, 400), st.integers(0, 300))
def test_a_later_landmark_makes_no_relapse_durable(history: History, landmark: int, later: int) -> None:
    first = durability(history, DurableClass(derive="durability", landmark=landmark))
    second = durability(history, DurableClass(derive="durability", landmark=landmark + later))
    if first.category in {"relapsed", "nonresponder"}:
        assert second.category == first.category
    if second.category == "durable":
        assert first.category == "durable"


@given(courses)
def test_classes_agree_with_the_best_response(history: History) -> None:
    best = best_response(history, BEST)
    found = durability(history, DurableClass(derive="durability"))
    assert (found.category is None) == (found.reason is not None)
    assert (best.category is None) == (found.reason is not None and found.reason.value == "no-assessment")
    if found.category is not None:
        assert (found.category == "nonresponder") == (best.category in {"SD", "PD"})
    if best.category is not None:
        # nothing before the first progression is better than the best
        rank = RANK.index(Response(best.category))
        stop = history.new_therapy.earliest if history.new_therapy else 10_000
        for assessment in history.assessments:
            if (assessment.day or 0) > stop:
                break
            if assessment.response is not Response.NE:
                assert RANK.index(assessment.response) >= rank
            if assessment.response is Response.PD:
                break


@given(courses)
def test_stricter_settings_only_take_classes_away(history: History) -> None:
    lenient = durability(history, DurableClass(derive="durability", follow_up_by="contact"))
    strict = durability(history, DurableClass(derive="durability", follow_up_by="assessment"))
    if strict.category is not None:
        assert strict.category == lenient.category
    any_time = durability(history, DurableClass(derive="durability", relapse="any_time"))
    if any_time.category == "durable":
        assert lenient.category == "durable"
    if lenient.category == "relapsed":
        assert any_time.category == "relapsed"


diameters = st.floats(5, 200).map(lambda x: round(x, 1))


@settings(max_examples=50)
@given(st.lists(st.tuples(diameters, diameters), min_size=1, max_size=9), st.randoms(use_true_random=False))
def test_burden_is_the_same_in_any_order_and_unit(sizes: list[tuple[float, float]], random: Any) -> None:
    rows = [
        {
            "subject_id": "P", "lesion_id": f"T{i}", "kind": "Target", "measure": measure, "value": value,
            "text": str(value), "unit": "mm", "day": -5, "source_id": f"{i}/{measure}",
        }
        for i, size in enumerate(sizes)
        for measure, value in zip(("LDIAM", "LPERP"), size, strict=True)
    ]  # fmt: skip
    total = burden(LESIONS.frame(rows))["spd"].item()
    shuffled = rows[:]
    random.shuffle(shuffled)
    assert abs(burden(LESIONS.frame(shuffled))["spd"].item() - total) <= 1e-9 * total
    cm = LESIONS.frame(rows).with_columns(value=pl.col("value") / 10, unit=pl.lit("cm"))
    assert abs(burden(cm)["spd"].item() - total) <= 1e-9 * total
    # at most six lesions, and none smaller than one that is left out
    assert total <= sum(sorted((a * b for a, b in sizes), reverse=True)[:6]) * (1 + 1e-12)
    assert total >= max(a * b for a, b in sizes) * (1 - 1e-12)
