"""The stage: parameters and outcomes in, the analysis table out, with who is missing from what and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from correlates.dataset.populations import members
from correlates.dataset.settings import Population
from correlates.errors import DerivationError, Problem
from correlates.schema import ANALYSIS, EXCLUSIONS, conform
from correlates.schema.table import FLAG, NUMBER, TEXT, WHOLE
from correlates.terms import OutcomeKind, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """What the stage makes: the tables ``analysis`` and ``exclusions``."""

    analysis: pl.DataFrame
    exclusions: pl.DataFrame


def build(
    parameters: pl.DataFrame,
    outcomes: pl.DataFrame,
    subjects: pl.DataFrame,
    populations: Mapping[str, Population],
) -> Dataset:
    """Build the analysis table.

    Parameters
    ----------
    parameters, outcomes, subjects
        The tables of those names.
    populations
        Definitions by name.

    Returns
    -------
    Dataset
        ``analysis``: one row per subject in the order of ``subjects``. For each parameter a column CODE (number, or text
        for a categorical one) and ``CODE|censoring``; for each endpoint a column of its name (class: text; binary: true
        or false; grade: whole number; time: number of days, with ``NAME|event`` and ``NAME|cause``); for each population ``population:NAME``.
        ``exclusions``: one row per subject, column (``population:NAME`` or endpoint) and reason.

    Raises
    ------
    DerivationError
        With every problem: a subject that is not in ``subjects``, an endpoint of more than one kind, a name used by both
        a parameter and an endpoint, a population that names an unknown parameter.
    """
    kinds = {
        str(name): part["kind"].unique().sort().to_list()
        for (name,), part in outcomes.group_by("endpoint", maintain_order=True)
    }
    codes = parameters["code"].unique(maintain_order=True).to_list()
    found, absent, wrong = members(parameters, subjects, populations)
    wrong = [*_problems(parameters, outcomes, subjects, kinds, codes), *wrong]
    if wrong:
        raise DerivationError(wrong)
    frame = subjects.select("subject_id")
    frame = frame.with_columns(_wide(parameters, subjects, codes))
    for name, (kind,) in kinds.items():
        part = _endpoint(outcomes.filter(pl.col("endpoint") == name), name, OutcomeKind(kind))
        frame = frame.join(part, on="subject_id", how="left", maintain_order="left")
    frame = frame.join(found, on="subject_id", how="left", maintain_order="left")
    exclusions = pl.concat([absent, *(_undetermined(outcomes, subjects, name) for name in kinds)])
    return Dataset(analysis=conform(frame, ANALYSIS), exclusions=conform(exclusions, EXCLUSIONS))


def _problems(
    parameters: pl.DataFrame,
    outcomes: pl.DataFrame,
    subjects: pl.DataFrame,
    kinds: Mapping[str, list[str]],
    codes: list[str],
) -> list[Problem]:
    found = []
    for table, frame in (("parameters", parameters), ("outcomes", outcomes)):
        strange = frame.join(subjects, on="subject_id", how="anti")["subject_id"].unique().sort().to_list()
        if strange:
            shown = ", ".join(strange[:20]) + (f" and {len(strange) - 20} more" if len(strange) > 20 else "")
            found.append(
                Problem(
                    code="unknown-subject",
                    what=f"The table {table} has subjects that the table of subjects has not",
                    found=shown,
                    do="Add them to the table of subjects, or correct their identifiers",
                )
            )
    found += [
        Problem(code="mixed-endpoint", what=f"The endpoint {name!r} is of more than one kind", found=", ".join(words))
        for name, words in kinds.items()
        if len(words) > 1
    ]
    found += [
        Problem(code="name-used-twice", what=f"{name!r} names both a parameter and an endpoint", do="Rename one")
        for name in kinds
        if name in codes
    ]
    return found


def _wide(parameters: pl.DataFrame, subjects: pl.DataFrame, codes: list[str]) -> list[pl.Series]:
    """``CODE`` and ``CODE|censoring`` of every parameter, in the order of the subjects.

    Each column is gathered from the long table by position: a panel of thousands of parameters costs no more than its
    values.
    """
    places = pl.DataFrame({"code": codes, "column": range(len(codes))}, schema={"code": TEXT, "column": WHOLE})
    people = subjects.select("subject_id").with_row_index("row")
    found = parameters.with_row_index("at").join(places, on="code").join(people, on="subject_id")
    index = np.full((len(codes), subjects.height), -1, dtype=np.int64)
    index[found["column"].to_numpy(), found["row"].to_numpy()] = found["at"].to_numpy()
    values, texts, words = (parameters[c] for c in ("value", "category", "censoring"))
    categorical = set(parameters.filter(pl.col("category").is_not_null())["code"].unique().to_list())
    columns = []
    for code, at in zip(codes, index, strict=True):
        picked = pl.Series(at).set(pl.Series(at < 0), None)
        columns.append((texts if code in categorical else values).gather(picked).alias(code))
        columns.append(words.gather(picked).alias(f"{code}|censoring"))
    return columns


def _endpoint(rows: pl.DataFrame, name: str, kind: OutcomeKind) -> pl.DataFrame:
    columns: dict[str, pl.Expr] = {}
    if kind is OutcomeKind.CLASS:
        columns[name] = pl.col("category").cast(TEXT)
    elif kind is OutcomeKind.BINARY:
        columns[name] = pl.col("event").cast(FLAG)
    elif kind is OutcomeKind.GRADE:
        columns[name] = pl.col("grade").cast(WHOLE)
    else:
        columns[name] = pl.col("time").cast(NUMBER)
        columns[f"{name}|event"] = pl.col("event").cast(FLAG)
        columns[f"{name}|cause"] = pl.col("category").cast(TEXT)
    return rows.select("subject_id", **columns)


_VALUE = {
    OutcomeKind.CLASS.value: "category",
    OutcomeKind.BINARY.value: "event",
    OutcomeKind.GRADE.value: "grade",
    OutcomeKind.TIME.value: "time",
}


def _undetermined(outcomes: pl.DataFrame, subjects: pl.DataFrame, name: str) -> pl.DataFrame:
    """The subjects without an outcome of an endpoint, and why."""
    rows = outcomes.filter(pl.col("endpoint") == name)
    known = pl.lit(value=False)
    for kind, column in _VALUE.items():
        known = known | ((pl.col("kind") == kind) & pl.col(column).is_not_null())
    return (
        subjects.select("subject_id")
        .join(rows, on="subject_id", how="left", maintain_order="left")
        .filter(~known.fill_null(value=False))
        .select(
            "subject_id",
            scope=pl.lit(name),
            reason=pl.coalesce("reason", pl.lit(Reason.NOT_RECORDED.value)),
            detail="detail",
        )
    )
