"""The analysis table: columns, populations, and who is missing and why."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from correlates.dataset import Dataset, build
from correlates.dataset.settings import Population
from correlates.errors import DerivationError
from correlates.schema import OUTCOMES, PARAMETERS, SUBJECTS


def parameter(
    subject: str, code: str, value: Any, *, censoring: str | None = None, reason: str | None = None
) -> dict[str, Any]:
    text = isinstance(value, str)
    return {
        "subject_id": subject,
        "code": code,
        "kind": "cmax",
        "label": code,
        "value": None if text else value,
        "category": value if text else None,
        "censoring": censoring or (None if text or value is None else "none"),
        "reason": reason,
        "timing": "post",
        "rule": "{}",
        "source_ids": [],
    }


def outcome(subject: str, endpoint: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"subject_id": subject, "endpoint": endpoint, "kind": kind, "rule": "{}", "source_ids": []} | more


def people(*treated: bool) -> pl.DataFrame:
    return SUBJECTS.frame(
        [
            {"subject_id": s, "source_id": s, "infusion_date": "2020-01-01" if t else None}
            for s, t in zip("ABCD", treated, strict=False)
        ]
    )


PARAMS = PARAMETERS.frame(
    [
        parameter("A", "CMAX", 5.0),
        parameter("B", "CMAX", 1.0, censoring="left"),
        parameter("C", "CMAX", None, reason="no-sample"),
        parameter("A", "STAGE", "III"),
        parameter("B", "STAGE", "IV"),
        parameter("C", "STAGE", None, reason="not-recorded"),
    ]
)
RESULTS = OUTCOMES.frame(
    [
        outcome("A", "durability", "class", category="durable"),
        outcome("B", "durability", "class", reason="follow-up-too-short", detail="day 200 of 365"),
        outcome("A", "crs3", "binary", event=True),
        outcome("B", "crs3", "binary", event=False),
        outcome("C", "crs3", "binary", event=False),
        outcome("A", "crs", "grade", grade=3),
        outcome("B", "crs", "grade", grade=0),
        outcome("C", "crs", "grade", grade=2),
        outcome("A", "pfs", "time", time=300.0, event=False, reason="new-therapy"),
        outcome("B", "pfs", "time", time=90.0, event=True, category="progression"),
        outcome("C", "pfs", "time", reason="no-assessment"),
    ]
)


def made(**populations: Population) -> Dataset:
    return build(PARAMS, RESULTS, people(True, True, False), populations)


def test_one_row_per_subject_and_the_types_of_columns() -> None:
    frame = made().analysis
    assert frame.columns == [
        "subject_id", "CMAX", "CMAX|censoring", "STAGE", "STAGE|censoring", "durability", "crs3", "crs", "pfs", "pfs|event", "pfs|cause",
    ]  # fmt: skip
    assert [frame[c].dtype for c in ("CMAX", "STAGE", "durability", "crs3", "crs", "pfs", "pfs|event", "pfs|cause")] == [
        pl.Float64, pl.String, pl.String, pl.Boolean, pl.Int64, pl.Float64, pl.Boolean, pl.String,
    ]  # fmt: skip
    assert frame.row(1) == ("B", 1.0, "left", "IV", None, None, False, 0, 90.0, True, "progression")


def test_populations_and_who_is_not_in_them() -> None:
    got = made(
        all=Population(treated=False),
        treated=Population(),
        evaluable=Population(treated=False, has=("CMAX", "STAGE")),
        stage4=Population(treated=False, category=(("STAGE", "IV"),)),
    )
    columns = [c for c in got.analysis.columns if c.startswith("population:")]
    assert {c: got.analysis[c].to_list() for c in columns} == {
        "population:all": [True, True, True],
        "population:treated": [True, True, False],
        "population:evaluable": [True, True, False],
        "population:stage4": [False, True, False],
    }
    rows = set(got.exclusions.filter(pl.col("scope").str.starts_with("population")).iter_rows())
    assert rows == {
        ("C", "population:treated", "not-treated", "No infusion recorded"),
        ("C", "population:evaluable", "no-sample", "CMAX has no value"),
        ("C", "population:evaluable", "not-recorded", "STAGE has no value"),
        ("A", "population:stage4", "not-in-subgroup", "STAGE is III, not IV"),
        ("C", "population:stage4", "not-recorded", "STAGE has no category"),
    }


def test_undetermined_endpoints_are_listed_with_their_reason() -> None:
    rows = set(made().exclusions.iter_rows())
    assert rows == {
        ("B", "durability", "follow-up-too-short", "day 200 of 365"),
        ("C", "durability", "not-recorded", None),
        ("C", "pfs", "no-assessment", None),
    }


def test_two_missing_values_with_one_reason_are_one_row() -> None:
    params = PARAMETERS.frame([parameter("A", c, None, reason="no-sample") for c in ("X", "Y")])
    got = build(params, OUTCOMES.empty(), people(True), {"p": Population(has=("X", "Y"))})
    assert got.exclusions.row(0) == ("A", "population:p", "no-sample", "X has no value; Y has no value")


def test_treated_excludes_nobody_where_exposure_is_not_known() -> None:
    got = build(PARAMS, RESULTS, people(False, False, False), {"treated": Population()})
    assert got.analysis["population:treated"].all()


def test_nothing_derived_gives_the_subjects() -> None:
    got = build(PARAMETERS.empty(), OUTCOMES.empty(), people(True, True), {})
    assert got.analysis.columns == ["subject_id"]
    assert (got.analysis.height, got.exclusions.height) == (2, 0)


def test_contradictions_are_told_at_once() -> None:
    params = pl.concat([PARAMS, PARAMETERS.frame([parameter("Z", "crs3", 1.0)])])
    results = pl.concat([RESULTS, OUTCOMES.frame([outcome("C", "durability", "binary", event=True)])])
    with pytest.raises(DerivationError) as caught:
        build(params, results, people(True, True, True), {"p": Population(has=("CMX",))})
    assert [p.code for p in caught.value.problems] == [
        "unknown-subject",
        "mixed-endpoint",
        "name-used-twice",
        "unknown-parameter",
    ]
    assert "Did you mean 'CMAX'" in str(caught.value)
