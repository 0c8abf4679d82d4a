"""Pseudonyms: subjects and their samples under names that say nothing, the same in every table and figure of a report."""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from correlates.provenance import fingerprint, short_id
from correlates.terms import Role

_LETTER = r"A-Za-z0-9_"
_BARE = r"\d{1,4}"


def pseudonymise(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The tables with every subject and every sample under a pseudonym, wherever a text holds its identifier.

    Subjects are numbered in an order that follows from a digest of the whole table of subjects, dates included: the same data
    give the same pseudonyms, and who knows the identifiers but not the data cannot work them out. A sample is called by its
    subject, matrix and study day.

    An identifier is replaced as a whole word, never as a part of one. One that is a bare number of up to four digits is
    replaced where it is the whole text, or a part of a composed identifier (between slashes, or after an @), but not inside a
    sentence, where nobody could tell it from a count or a day.
    """
    names = subject_names(tables)
    for index, row in enumerate(_samples(tables).iter_rows(), start=1):
        sample, subject, day, matrix = row
        where = f"day {day:g}" if day is not None else "no day"
        names.setdefault(sample, f"{names.get(subject, 'unknown')} {matrix or 'sample'} {where} #{index}")
    replace = _Replacer(names)
    return {name: _replaced(frame, replace) for name, frame in tables.items()}


def subject_names(tables: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """The pseudonym of every subject."""
    key = fingerprint(tables["subjects"].sort("subject_id").rows())
    subjects = sorted(tables["subjects"]["subject_id"].to_list(), key=lambda s: short_id(key, s))
    width = len(str(len(subjects)))
    return {subject: f"P{i:0{width}d}" for i, subject in enumerate(subjects, start=1)}


def _samples(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Every sample name there is, in the order of its pseudonym: those of the manifest, then those only an instrument knows."""
    known = tables["samples"].select("sample_id", "subject_id", "study_day", "matrix")
    strange = pl.concat(
        [
            tables["measurements"].select("sample_id"),
            tables["wells"].filter(pl.col("role") == Role.UNKNOWN.value).select("sample_id"),
        ]
    )
    strange = strange.drop_nulls().unique().join(known, on="sample_id", how="anti")
    order = ["subject_id", "study_day", "matrix", "sample_id"]
    return pl.concat([known, strange], how="diagonal").sort(
        pl.col("sample_id").is_in(strange["sample_id"].to_list()), *order, nulls_last=True
    )


def _replaced(frame: pl.DataFrame, replace: _Replacer) -> pl.DataFrame:
    columns = []
    for column in frame.iter_columns():
        if column.dtype == pl.String:
            changed = replace.changes(column)
            columns.append(column.replace(changed) if changed else column)
        elif column.dtype == pl.List(pl.String):
            changed = replace.changes(column.explode())
            columns.append(column.list.eval(pl.element().replace(changed)) if changed else column)
    return frame.with_columns(columns)


class _Replacer:
    """Identifiers to names in any text; the patterns of identifiers that were met together are kept."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._known = list(names)
        self._patterns: dict[tuple[str, ...], re.Pattern[str]] = {}

    def changes(self, texts: pl.Series) -> dict[str, str]:
        """What each distinct text that holds an identifier becomes."""
        hits = texts.drop_nulls().unique().to_frame("text").filter(pl.col("text").str.contains_any(self._known))
        ids = pl.col("text").str.extract_many(self._known, overlapping=True).list.unique().list.sort()
        found = hits.with_columns(ids=ids)
        return {text: new for text, met in found.iter_rows() if (new := self._renamed(text, tuple(met))) != text}

    def _renamed(self, text: str, met: tuple[str, ...]) -> str:
        if text in self._names:
            return self._names[text]
        pattern = self._patterns.get(met)
        if pattern is None:
            pattern = re.compile("|".join(_pattern(name) for name in sorted(met, key=len, reverse=True)))
            self._patterns[met] = pattern
        return pattern.sub(lambda hit: self._names[hit.group(0)], text)


def _pattern(name: str) -> str:
    """An identifier as a whole word; a bare short number only between slashes or after an @."""
    if re.fullmatch(_BARE, name):
        return rf"(?:(?<=[/@])|^(?=[^ ]*[/@])){re.escape(name)}(?=[/@]|$)"
    return rf"(?<![{_LETTER}]){re.escape(name)}(?![{_LETTER}])"
