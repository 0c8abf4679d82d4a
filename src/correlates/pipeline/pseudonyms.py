"""Pseudonyms: subjects and their samples under names that say nothing, the same in every table and figure of a report."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from correlates.provenance import short_id


def pseudonymise(tables: Mapping[str, pl.DataFrame], seed: int) -> dict[str, pl.DataFrame]:
    """The tables with every subject, sample and source under a pseudonym.

    Subjects are numbered in an order that follows from the seed and their identifier, not from the order of enrolment.
    Texts that carry an identifier inside them are replaced as a whole word.
    """
    subjects = sorted(tables["subjects"]["subject_id"].to_list(), key=lambda s: short_id(seed, s))
    width = len(str(len(subjects)))
    names = {subject: f"P{i:0{width}d}" for i, subject in enumerate(subjects, start=1)}
    samples = tables["samples"].select("sample_id", "subject_id", "study_day", "matrix")
    for index, (sample, subject, day, matrix) in enumerate(samples.sort("sample_id").iter_rows(), start=1):
        where = f"day {day:g}" if day is not None else "no day"
        names.setdefault(sample, f"{names.get(subject, 'unknown')} {matrix or 'sample'} {where} #{index}")
    order = sorted(names, key=len, reverse=True)
    return {name: _replaced(frame, order, [names[key] for key in order]) for name, frame in tables.items()}


def _replaced(frame: pl.DataFrame, old: list[str], new: list[str]) -> pl.DataFrame:
    exact = dict(zip(old, new, strict=True))
    columns = []
    for name, dtype in frame.schema.items():
        column = pl.col(name)
        if dtype == pl.String:
            columns.append(_text(column, exact, old, new) if name in _FREE else column.replace(exact))
        elif dtype == pl.List(pl.String):
            columns.append(column.list.eval(pl.element().str.replace_many(old, new)))
    return frame.with_columns(columns)


_FREE = frozenset({"item", "detail", "found", "required", "measurement_id", "text", "chain", "source_id"})
"""Columns whose texts may carry an identifier among other words."""


def _text(column: pl.Expr, exact: Mapping[str, str], old: list[str], new: list[str]) -> pl.Expr:
    return column.replace(exact).str.replace_many(old, new)
