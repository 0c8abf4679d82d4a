"""ICAHT and prolonged cytopenia from neutrophil counts, worked by hand: each limit just met and just missed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest
from tests.unit.endpoints.clinic import dated

from correlates.endpoints import derive
from correlates.endpoints.settings import AtLeast, Cytopenia, Icaht
from correlates.schema.clinical import LABS

EARLY = Icaht(derive="icaht", phase="early")
LATE = Icaht(derive="icaht", phase="late")


def labs(counts: Mapping[int, float], *, unit: str = "cells/uL", **given: Any) -> dict[str, pl.DataFrame]:
    tables = dated(**given)
    tables["labs"] = LABS.frame(
        [
            {"subject_id": "P", "test": "NEUT", "value": v, "unit": unit, "day": d, "source_id": f"lb/{d}"}
            for d, v in counts.items()
        ]
    )
    return tables


def daily(low: range, value: float = 400.0, *, high: float = 2000.0) -> dict[int, float]:
    """A count every day 0 to 30."""
    return {d: value if d in low else high for d in range(31)}


def grade(spec: Icaht, counts: Mapping[int, float], **given: Any) -> tuple[int | None, str | None]:
    row = derive({"g": spec}, labs(counts, **given)).outcomes.row(0, named=True)
    assert row["scale"] == "icaht_2023"
    return row["grade"], row["reason"]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (daily(range(0)), 0),
        (daily(range(5, 6), 500.0), 1),  # at the limit
        (daily(range(5, 6), 501.0), 0),
        (daily(range(5, 11)), 1),  # 6 days
        (daily(range(5, 12)), 2),  # 7
        (daily(range(5, 18)), 2),  # 13
        (daily(range(5, 19)), 3),  # 14
        (daily(range(5, 11), 100.0), 1),  # 6 days at 100
        (daily(range(5, 12), 100.0), 3),  # 7
        (daily(range(5, 18), 100.0), 3),  # 13
        (daily(range(5, 19), 100.0), 4),  # 14
        (daily(range(5, 19), 101.0), 3),
        (daily(range(31)), 4),  # never above 500
        (daily(range(3, 31)), 4),  # from day 3 on
        (daily(range(4, 31)), 3),
        (daily(range(5, 9)) | dict.fromkeys(range(11, 15), 400.0), 2),  # two days above end nothing: 5 to 14
        (daily(range(5, 9)) | dict.fromkeys(range(12, 16), 400.0), 1),  # three days do
        ({0: 3000.0, 10: 400.0, 11: 2000.0}, None),  # 9 days without a count before
        ({0: 100.0, 8: 100.0, 16: 100.0}, 4),  # 7 days between: filled; to the last count
    ],
)
def test_early(counts: Mapping[int, float], expected: int | None) -> None:
    found, reason = grade(EARLY, counts)
    assert found == expected
    assert (reason is None) == (expected is not None)


def test_interpolation_between_counts() -> None:
    # 400 on day 2, 600 on day 6: 450, 500, 550 between, so that day 4 is the last at or below 500
    assert grade(EARLY, {0: 2000.0, 1: 2000.0, 2: 400.0, 6: 600.0, 7: 2000.0, 8: 2000.0}) == (1, None)
    seven = {0: 2000.0, 1: 501.0, 2: 500.0, 8: 500.0, 9: 2000.0}
    assert grade(EARLY, seven) == (2, None)  # days 2 to 8


def test_a_gap_that_is_not_filled_leaves_bounds_and_matters_only_where_it_decides() -> None:
    spec = {
        "g": EARLY,
        "one": AtLeast(derive="at_least", of="g", grade=1),
        "four": AtLeast(derive="at_least", of="g", grade=4),
    }
    gap = {0: 3000.0, 5: 400.0, 6: 2000.0, 20: 2000.0, 21: 2000.0}
    rows = derive(spec, labs(gap)).outcomes
    assert rows["reason"].to_list()[0] == "window-not-covered"
    assert rows["event"].to_list()[1:] == [True, False]
    low = daily(range(31), 90.0)
    for day in range(16, 24):
        del low[day]
    assert grade(EARLY, low) == (4, None)  # whatever the counts in the gap were


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({40: 1600.0, 60: 1501.0}, 0),
        ({40: 1500.0, 60: 1500.0}, 1),
        ({40: 1000.0, 60: 1500.0}, 2),
        ({40: 500.0, 60: 1400.0}, 3),
        ({40: 100.0, 60: 1400.0}, 4),
        ({40: 100.0, 60: 3000.0}, 0),  # on one day of several: transient
        ({40: 100.0}, 4),  # the only count
        ({30: 100.0, 40: 2000.0, 60: 2000.0}, 0),  # day 30 is early
        ({40: 2000.0, 60: 2000.0, 101: 100.0}, 0),  # after day 100
    ],
)
def test_late(counts: Mapping[int, float], expected: int) -> None:
    assert grade(LATE, counts) == (expected, None)


def test_settings_of_the_late_phase() -> None:
    assert grade(Icaht(derive="icaht", phase="late", single="transient"), {40: 100.0}) == (0, None)
    assert grade(Icaht(derive="icaht", phase="late", times=1), {40: 100.0, 60: 3000.0}) == (4, None)
    assert grade(Icaht(derive="icaht", phase="late", until=200), {40: 2000.0, 150: 400.0, 160: 900.0}) == (3, None)


def test_counts_after_progression_or_new_therapy_do_not_count() -> None:
    counts = {40: 2000.0, 70: 90.0, 80: 90.0}
    assert grade(LATE, counts) == (4, None)
    assert grade(LATE, counts, responses=[(60, "PD")]) == (0, None)
    assert grade(LATE, counts, events=[("NEW ANTICANCER THERAPY", 60)]) == (0, None)
    assert grade(Icaht(derive="icaht", phase="late", end_at_relapse=False), counts, responses=[(60, "PD")]) == (4, None)


def test_units_convert_or_are_named() -> None:
    assert grade(LATE, {40: 0.5, 60: 1.4}, unit="10^9/L") == (3, None)
    derived = derive({"g": LATE}, labs({40: 5.0}, unit="%"))
    assert derived.outcomes["reason"].to_list() == ["no-sample"]
    assert derived.checks["rule"].to_list() == ["unit"]
    none = derive({"g": Icaht(derive="icaht", phase="late", test="ANC")}, labs({40: 5.0}))
    assert none.checks["rule"].to_list() == ["no-test"]
    assert grade(EARLY, {5: 5.0}, treated=False) == (None, "not-treated")
    assert grade(EARLY, {}) == (None, "no-sample")


def test_prolonged_cytopenia() -> None:
    spec = Cytopenia(derive="cytopenia", test="NEUT", below=1.0, unit="1e9/L")
    for counts, expected, day in (
        ({28: 900.0}, True, 28),
        ({28: 1000.0}, False, 28),
        ({28: 900.0, 31: 1200.0}, False, 31),  # the nearest
        ({28: 900.0, 32: 1200.0}, False, 32),  # as near: the later
        ({22: 900.0, 38: 900.0}, None, None),
    ):
        row = derive({"c": spec}, labs(counts)).outcomes.row(0, named=True)
        assert (row["event"], row["day"]) == (expected, day)
