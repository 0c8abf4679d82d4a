"""Endpoints as arrays: the class, grade, number or time of every row of the analysis table, and what can be wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from correlates.association.record import Course
from correlates.association.settings import Endpoint
from correlates.errors import Problem, unknown
from correlates.schema.table import NUMBER
from correlates.stats.arrays import Bools, Floats, Ints
from correlates.terms import Censoring, OutcomeKind

_YES_NO = ("no", "yes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """An endpoint over all N rows of the analysis table; fields as in :class:`correlates.association.record.Block`.

    ``known`` (N,) is who has an outcome; what stands elsewhere means nothing.
    """

    kind: OutcomeKind
    known: Bools
    group: Ints
    levels: tuple[str, ...]
    score: Floats
    score_censoring: Ints
    course: Course | None


def outcomes(analysis: pl.DataFrame, endpoint: Endpoint) -> Outcomes:
    """The outcome of every row of the table."""
    if endpoint.kind is OutcomeKind.TIME:
        return _times(analysis, endpoint)
    if endpoint.kind in (OutcomeKind.GRADE, OutcomeKind.NUMBER):
        return _numbers(analysis, endpoint)
    group, levels = _classes(analysis, endpoint)
    return Outcomes(
        kind=endpoint.kind,
        known=group >= 0,
        group=group,
        levels=levels,
        score=group.astype(np.float64),
        score_censoring=np.zeros(group.size, dtype=np.int64),
        course=None,
    )


def signs(words: pl.Expr) -> pl.Expr:
    """Censoring as -1 (left), 0, +1 (right)."""
    return (words == Censoring.RIGHT.value).cast(pl.Int64) - (words == Censoring.LEFT.value).cast(pl.Int64)


def _numbers(analysis: pl.DataFrame, endpoint: Endpoint) -> Outcomes:
    column = endpoint.column or endpoint.name
    series = analysis[column].cast(NUMBER)
    score = series.fill_null(0.0).to_numpy()
    known: Bools = series.is_not_null().to_numpy() & np.isfinite(score)
    cut = np.zeros(known.size, dtype=np.int64)
    if f"{column}|censoring" in analysis.columns:
        words = pl.col(f"{column}|censoring").cast(pl.String).fill_null(Censoring.NONE.value)
        cut = analysis.select(signs(words)).to_numpy().reshape(-1)
    grades = np.unique(score[known]) if endpoint.kind is OutcomeKind.GRADE else np.empty(0)
    return Outcomes(
        kind=endpoint.kind,
        known=known,
        group=np.searchsorted(grades, score).astype(np.int64) if grades.size else np.zeros(known.size, dtype=np.int64),
        levels=tuple(f"{grade:g}" for grade in grades),
        score=np.where(known, score, 0.0),
        score_censoring=cut,
        course=None,
    )


def _times(analysis: pl.DataFrame, endpoint: Endpoint) -> Outcomes:
    column = endpoint.column or endpoint.name
    series = analysis[column].cast(NUMBER)
    seen = analysis[f"{column}|event"]
    time = series.fill_null(0.0).to_numpy()
    known: Bools = (series.is_not_null() & seen.is_not_null()).to_numpy() & np.isfinite(time)
    event: Bools = seen.fill_null(value=False).to_numpy().astype(np.bool_) & known
    words = _causes(analysis, column)
    mine = endpoint.event
    others = tuple(
        sorted(
            {
                word
                for word, hit in zip(words, event.tolist(), strict=True)
                if word is not None and ((hit and mine is not None and word != mine) or word in endpoint.competing)
            }
            - {mine}
        )
    )
    number = {name: i for i, name in enumerate(others, start=2)}
    cause = np.array(
        [number.get(word or "", int(hit)) for word, hit in zip(words, event.tolist(), strict=True)], dtype=np.int64
    )
    cause = np.where(known, cause, 0)
    group = (cause == 1).astype(np.int64)
    return Outcomes(
        kind=endpoint.kind,
        known=known,
        group=group,
        levels=_YES_NO,
        score=np.where(known, time, 0.0),
        score_censoring=1 - group,
        course=Course(time=np.where(known, time, 0.0), cause=cause, causes=(mine or "event", *others)),
    )


def _causes(analysis: pl.DataFrame, column: str) -> list[str | None]:
    name = f"{column}|cause"
    return analysis[name].cast(pl.String).to_list() if name in analysis.columns else [None] * analysis.height


def _number_problems(analysis: pl.DataFrame, endpoint: Endpoint, column: str) -> list[Problem]:
    """What is wrong with a grade, a number or a time."""
    series = analysis[column]
    if not series.dtype.is_numeric():
        return [
            Problem(
                code="endpoint-not-numeric",
                what=f"The endpoint {endpoint.name!r} is a {endpoint.kind.value} and its column is not numeric",
                found=str(series.dtype),
                expected="a column of numbers",
            )
        ]
    if endpoint.kind is not OutcomeKind.TIME:
        return []
    flag = f"{column}|event"
    if flag not in analysis.columns or analysis.schema[flag] != pl.Boolean:
        return [
            Problem(
                code="time-without-event",
                what=f"The time endpoint {endpoint.name!r} has no column {flag!r} of true and false",
                found=str(analysis.schema.get(flag, "no such column")),
                expected="true for an event, false for censoring",
            )
        ]
    problems = []
    negative = analysis.filter(pl.col(column) < 0)["subject_id"].to_list()
    if negative:
        problems.append(
            Problem(
                code="negative-time",
                what=f"The time endpoint {endpoint.name!r} has times before the infusion",
                found=", ".join(str(s) for s in negative[:20]),
                expected="0 or more days",
            )
        )
    causes = sorted({word for word in _causes(analysis, column) if word is not None})
    if causes and endpoint.event is not None and endpoint.event not in causes:
        problems.append(
            unknown(f"kind of event of endpoint {endpoint.name!r}", endpoint.event, causes, code="unknown-cause")
        )
    return problems


def endpoint_problems(analysis: pl.DataFrame, endpoint: Endpoint) -> list[Problem]:
    """What an endpoint declares and the table does not hold."""
    column = endpoint.column or endpoint.name
    if column not in analysis.columns:
        return [unknown("endpoint", column, analysis.columns, code="unknown-endpoint")]
    if endpoint.kind not in (OutcomeKind.BINARY, OutcomeKind.CLASS):
        return _number_problems(analysis, endpoint, column)
    series = analysis[column]
    levels = levels_of(endpoint, boolean=series.dtype == pl.Boolean)
    problems = []
    asked = [name for name in (endpoint.event, endpoint.reference) if name is not None]
    problems += [unknown("class", name, levels, code="unknown-class") for name in asked if name not in levels]
    if endpoint.kind is OutcomeKind.BINARY and (len(levels) != 2 or len(set(levels)) != 2):
        problems.append(
            Problem(
                code="not-binary",
                what=f"The binary endpoint {endpoint.name!r} needs two levels",
                found=", ".join(levels) or "none",
                expected="event and reference",
            )
        )
    elif series.dtype == pl.Boolean and len(levels) != 2:
        problems.append(
            Problem(
                code="levels-of-boolean",
                what=f"The column of endpoint {endpoint.name!r} holds true and false and needs two levels",
                found=", ".join(levels),
                expected="two levels: the one for false, then the one for true",
            )
        )
    elif not problems:
        words = _words(series, levels)
        strange = sorted(set(words.drop_nulls().to_list()) - set(levels) - set(endpoint.left_out))
        if strange:
            problems.append(
                Problem(
                    code="unknown-class",
                    what=f"The endpoint {endpoint.name!r} holds classes that are not declared",
                    found=", ".join(strange),
                    expected=", ".join(levels),
                    do="Add them to the levels or leave them out",
                )
            )
    return problems


def levels_of(endpoint: Endpoint, *, boolean: bool) -> tuple[str, ...]:
    """The classes in the order of the analysis: declared order, or reference before event for a binary endpoint."""
    levels = endpoint.levels or (_YES_NO if boolean else ())
    if endpoint.kind is OutcomeKind.BINARY and len(levels) == 2:
        event = endpoint.event or (
            next((name for name in levels if name != endpoint.reference), levels[1])
            if endpoint.reference
            else levels[1]
        )
        if event == levels[0] != levels[1]:
            return (levels[1], levels[0])
    return levels


def _words(series: pl.Series, levels: tuple[str, ...]) -> pl.Series:
    """The classes as words; true and false are the second and first declared level before any turning."""
    if series.dtype == pl.Boolean:
        words = pl.Series([None, *levels], dtype=pl.String)
        index = series.cast(pl.Int64).fill_null(-1) + 1
        return words.gather(index)
    return series.cast(pl.String)


def _classes(analysis: pl.DataFrame, endpoint: Endpoint) -> tuple[Ints, tuple[str, ...]]:
    """The number of each subject's class, -1 where undetermined or left out, and the classes in order."""
    series = analysis[endpoint.column or endpoint.name]
    boolean = series.dtype == pl.Boolean
    levels = levels_of(endpoint, boolean=boolean)
    declared = (endpoint.levels or _YES_NO) if boolean else levels
    number = {name: i for i, name in enumerate(levels)}
    words = _words(series, declared).to_list()
    return np.array([number.get(w, -1) if w is not None else -1 for w in words], dtype=np.int64), levels
