"""Sum of the products of diameters, worked by hand."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from correlates.endpoints import burden
from correlates.schema.clinical import LESIONS


def lesion(name: str, long: Any, across: Any = None, *, day: int | None = -5, **more: Any) -> list[dict[str, Any]]:
    """Rows of one lesion: numbers are mm, texts stand where a number should, None is not recorded."""
    rows = []
    for measure, value in (("LDIAM", long), ("LPERP", across)):
        if value is None:
            continue
        number = value if isinstance(value, int | float) else None
        rows.append(
            {
                "subject_id": "P",
                "lesion_id": name,
                "kind": "TARGET",
                "measure": measure,
                "value": number,
                "text": str(value),
                "unit": "mm",
                "day": day,
                "source_id": f"{name}/{measure}/{day}",
            }
            | more
        )
    return rows


def spd(*lesions: list[dict[str, Any]]) -> pl.DataFrame:
    return burden(LESIONS.frame([row for rows in lesions for row in rows]))


def one(*lesions: list[dict[str, Any]]) -> dict[str, Any]:
    frame = spd(*lesions)
    assert frame.height == 1
    return frame.row(0, named=True)


@pytest.mark.parametrize(
    ("lesions", "total", "n", "words"),
    [
        ([lesion("T1", 30, 20), lesion("T2", 10, 5)], 650.0, 2, None),
        ([lesion("T1", 3.0, 2.0, unit="cm")], 600.0, 1, None),
        ([lesion("T1", 20)], 400.0, 1, "T1: one diameter, taken as circular"),
        ([lesion("T1", 30, 20), lesion("T2", "TOO SMALL TO MEASURE")], 625.0, 2, "T2 too small to measure: 5 x 5 mm"),
        ([lesion("T1", "TOO SMALL TO MEASURE", "TOO SMALL TO MEASURE", value=5.0)], 25.0, 1, "5 x 5 mm"),
        ([lesion("T1", 12, "too small to measure")], 60.0, 1, "one diameter too small to measure: 5 mm"),
        ([lesion("T1", 30, 20), lesion("T2", "ABSENT", measure="TUMSTATE")], 600.0, 2, "T2 absent: 0 mm2"),
        ([lesion("T1", 0, 0, unit=None)], 0.0, 1, None),
        ([lesion("T1", 30, 20), lesion("N1", 50, 50, kind="NON-TARGET")], 600.0, 1, None),
        ([lesion("T1", 30, 20), lesion("T1", 30, 20)], 600.0, 1, None),
        (
            [lesion("T1", 30, 20, visit="V1"), lesion("T2", 10, 5, visit="V1", day=-3)],
            650.0,
            2,
            "measured on days -5 to -3",
        ),
    ],
)
def test_burden(lesions: list[list[dict[str, Any]]], total: float, n: int, words: str | None) -> None:
    found = one(*lesions)
    assert (found["spd"], found["n_lesions"], found["reason"]) == (total, n, None)
    assert found["detail"] == words or (words is not None and words in found["detail"])


@pytest.mark.parametrize(
    ("lesions", "reason", "words"),
    [
        ([lesion("T1", 30, 20), lesion("T2", "NOT EVALUABLE")], "lesion-not-evaluable", "T2 LDIAM: not evaluable"),
        ([lesion("T1", 30, 20, unit=None)], "not-recorded", "unit None is no length"),
        ([lesion("T1", 30, 20, unit="day")], "not-recorded", "unit 'day' is no length"),
        ([lesion("T1", 30, 20), lesion("T1", 31, 20)], "duplicated", "30 and 31 mm"),
        ([lesion("N1", 30, 20, kind="NON-TARGET")], "not-measurable", "no target lesion"),
        ([lesion("T1", 30, 20, measure="VOLUME")], "not-measurable", "no target lesion"),
    ],
)
def test_burden_that_is_not_known(lesions: list[list[dict[str, Any]]], reason: str, words: str) -> None:
    found = one(*lesions)
    assert (found["spd"], found["reason"]) == (None, reason)
    assert words in found["detail"]


def test_the_six_largest_at_baseline_count_throughout() -> None:
    baseline = [lesion(f"T{i}", 10 * i, 10) for i in range(1, 8)]  # T1 is the smallest
    later = [lesion(f"T{i}", 10, 10, day=29) for i in range(1, 8)]
    later[0] = lesion("T1", 90, 90, day=29)  # has grown, but is not among the six
    frame = spd(*baseline, *later)
    assert frame["day"].to_list() == [-5, 29]
    assert frame["spd"].to_list() == [100.0 * (2 + 3 + 4 + 5 + 6 + 7), 600.0]
    assert "6 largest of 7 target lesions at baseline" in frame["detail"][0]


def test_a_target_that_is_not_measured_again_makes_no_shrinkage() -> None:
    frame = spd(lesion("T1", 30, 20), lesion("T2", 10, 5), lesion("T1", 30, 20, day=29))
    assert frame["spd"].to_list() == [650.0, None]
    assert frame["reason"].to_list() == [None, "lesion-not-evaluable"]
    assert frame["detail"][1] == "T2 is not recorded"


def test_a_lesion_called_target_later_is_not_counted() -> None:
    frame = spd(lesion("T1", 30, 20), lesion("T1", 30, 20, day=29), lesion("T9", 9, 9, day=29))
    assert frame["spd"].to_list() == [600.0, 600.0]
    assert frame["detail"][1] == "not a target at baseline, not counted: T9"


def test_evaluators_and_visits_stay_apart() -> None:
    frame = spd(
        lesion("T1", 30, 20, evaluator="A", visit="UNSCHEDULED"),
        lesion("T1", 20, 20, evaluator="B"),
        lesion("T1", 10, 10, evaluator="A", visit="UNSCHEDULED", day=40),
        lesion("T1", 5, 5, day=None),
    )
    assert frame.select("evaluator", "day", "spd").rows() == [("A", -5, 600.0), ("A", 40, 100.0), ("B", -5, 400.0)]
    assert frame["source_ids"].to_list()[0] == ["T1/LDIAM/-5", "T1/LPERP/-5"]


def test_no_lesions() -> None:
    assert burden(LESIONS.empty()).is_empty()
