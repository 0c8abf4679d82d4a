"""What trials really bring: one class only, three subjects, a biomarker that separates, a category of one; every method gives rows with reasons."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from correlates.association import (
    METHODS,
    Biomarker,
    Endpoint,
    ImputationOptions,
    Missing,
    Univariable,
    associate,
    missing_data,
)
from correlates.terms import OutcomeKind, Reason

KINDS = {
    OutcomeKind.BINARY: Endpoint(name="event", label="e", kind=OutcomeKind.BINARY),
    OutcomeKind.CLASS: Endpoint(name="klass", label="c", kind=OutcomeKind.CLASS, levels=("a", "b", "c")),
    OutcomeKind.GRADE: Endpoint(name="grade", label="g", kind=OutcomeKind.GRADE),
    OutcomeKind.TIME: Endpoint(name="time", label="t", kind=OutcomeKind.TIME),
    OutcomeKind.NUMBER: Endpoint(name="number", label="n", kind=OutcomeKind.NUMBER),
}
BIOMARKERS = (
    Biomarker(code="GOOD", label="good", scale="log2"),
    Biomarker(code="SPLIT", label="split", scale="log2"),
    Biomarker(code="TWO", label="two values", scale="unit"),
    Biomarker(code="SHORT", label="two subjects", scale="sd"),
    Biomarker(code="SEX", label="sex", kind="categorical"),
    Biomarker(code="RARE", label="category of one", kind="categorical"),
)


def _table(n=30):
    rng = np.random.default_rng(5)
    event = np.arange(n) % 2 == 0
    good = np.exp(rng.normal(size=n))
    split = np.where(event, 10.0, 1.0) + rng.random(n)
    return pl.DataFrame(
        {
            "subject_id": [f"S{i}" for i in range(n)],
            "GOOD": [None if i == 4 else float(v) for i, v in enumerate(good)],
            "GOOD|censoring": ["left" if v == good.min() else "none" for v in good],
            "SPLIT": split,
            "TWO": (np.arange(n) % 3 == 0).astype(float),
            "SHORT": [float(v) if i < 2 else None for i, v in enumerate(good)],
            "SEX": [None if i == 3 else "FM"[i % 3 > 0] for i in range(n)],
            "RARE": ["only one" if i == 0 else "others" for i in range(n)],
            "event": event,
            "klass": [("a", "b", "c")[i % 3] for i in range(n)],
            "grade": np.where(event, 3, np.arange(n) % 3),
            "time": np.where(event, 5.0, 50.0) + np.arange(n) / 10,
            "time|event": event,
            "number": np.where(event, 3.0, 1.0) + np.arange(n) / 100,
        }
    )


def _run(record, frame, endpoint=None):
    target = endpoint or KINDS[record.endpoints[0]]
    settings = Univariable(
        name="a", methods=(record.code,), imputation=ImputationOptions(imputations=3, iterations=2), permutations=300
    )
    return associate(frame, BIOMARKERS, (target,), settings)


def _sound(results):
    """Every row has a value, a word, an error or a notice; no value is infinite."""
    assert results["value"].drop_nulls().is_finite().all()
    silent = results.filter(
        pl.col("value").is_null()
        & pl.col("text").is_null()
        & pl.col("error").is_null()
        & (pl.col("notices").list.len() == 0)
    )
    assert silent.is_empty(), silent.select("biomarker", "stat_name", "level")
    return dict(
        results.filter((pl.col("stat_name") == "p") & (pl.col("level") == "")).select("biomarker", "error").iter_rows()
    )


@pytest.mark.parametrize("record", METHODS, ids=lambda r: r.code)
def test_three_subjects(record):
    errors = _sound(_run(record, _table(3)))
    assert set(errors) == {b.code for b in BIOMARKERS}


@pytest.mark.parametrize("record", METHODS, ids=lambda r: r.code)
def test_one_class_only_or_no_event(record):
    frame = _table().with_columns(
        event=pl.lit(value=False),
        klass=pl.lit("a"),
        grade=pl.lit(0),
        number=pl.lit(1.0),
        **{"time|event": pl.lit(value=False)},
    )
    errors = _sound(_run(record, frame))
    assert all(errors.values())
    wanted = {Reason.ONE_CLASS, Reason.NO_EVENT, Reason.OUTCOME_CONSTANT, Reason.TOO_FEW, Reason.NOT_APPLICABLE}
    assert {Reason(e) for e in errors.values()} <= wanted


def test_separation_is_told_by_every_regression():
    by_code = {r.code: r for r in METHODS}
    errors = {
        code: _sound(_run(by_code[code], _table()))["SPLIT"] for code in ("logistic_ml", "cox", "proportional_odds")
    }
    assert errors["logistic_ml"] == Reason.SEPARATED.value
    firth = _run(by_code["firth"], _table())
    row = firth.filter(biomarker="SPLIT", stat_name="p")
    assert row["error"][0] is None
    assert "separation" in row["notices"][0]
    monotone = _table().with_columns(SPLIT=100.0 - pl.col("time"))
    assert _sound(_run(by_code["cox"], monotone))["SPLIT"] == Reason.MONOTONE.value
    assert _sound(_run(by_code["cox_firth"], monotone))["SPLIT"] != Reason.MONOTONE.value


def test_who_is_missing_with_nobody_missing_and_an_empty_population():
    frame = _table().with_columns(pl.lit(value=False).alias("population:nobody"))
    endpoints = (KINDS[OutcomeKind.BINARY], KINDS[OutcomeKind.TIME], KINDS[OutcomeKind.GRADE])
    found = missing_data(
        frame,
        BIOMARKERS,
        BIOMARKERS[1:3],
        endpoints,
        Missing(name="m", populations=("all", "nobody"), times=(20.0, 900.0)),
    )
    told = found.filter(method="in_population")
    assert told.filter(pl.col("population") == "nobody", pl.col("value") > 0).is_empty()
    whole = told.filter(endpoint="event", population="all", stat_name="rate", level="yes")
    assert whole["value"][0] == 0.5
    assert set(found.filter(pl.col("method") != "in_population")["endpoint"]) == {"GOOD", "SHORT", "SEX"}
    p = found.filter(endpoint="GOOD", biomarker="SPLIT", stat_name="p")
    assert p["value"][0] is not None
