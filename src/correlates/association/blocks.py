"""From the analysis table to blocks: who is in a population, which class each subject is in, and the biomarkers as arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl

from correlates.association.record import Block
from correlates.association.registry import METHODS
from correlates.association.settings import FAMILY_COLUMNS, Biomarker, Endpoint, Univariable
from correlates.errors import DerivationError, Problem, unknown
from correlates.schema.table import NUMBER
from correlates.stats.arrays import Bools, Floats, Ints
from correlates.terms import Censoring, OutcomeKind

ALL = "all"
_YES_NO = ("no", "yes")


def check(
    analysis: pl.DataFrame, biomarkers: Sequence[Biomarker], endpoints: Sequence[Endpoint], settings: Univariable
) -> None:
    """Refuse what cannot be meant.

    Raises
    ------
    DerivationError
        With every problem: a column that the table does not have or that is of the wrong type, a name declared twice, a class
        that is neither a level nor left out, a pair of unknown classes, an unknown method or family column.
    """
    problems: list[Problem] = []
    columns = analysis.columns
    types = analysis.schema
    known_columns = set(columns)
    for kind, names in (("biomarker", [b.code for b in biomarkers]), ("endpoint", [e.name for e in endpoints])):
        twice = sorted(name for name, times in Counter(names).items() if times > 1)
        problems += [Problem(code="declared-twice", what=f"The {kind} {name!r} is declared twice") for name in twice]
    for biomarker in biomarkers:
        if biomarker.code not in known_columns:
            problems.append(unknown("biomarker", biomarker.code, columns, code="unknown-biomarker"))
        elif biomarker.kind == "numeric" and not types[biomarker.code].is_numeric():
            problems.append(
                Problem(
                    code="not-numeric",
                    what=f"The biomarker {biomarker.code!r} is declared numeric and its column is not",
                    found=str(types[biomarker.code]),
                    expected="a column of numbers",
                    do="Declare it categorical",
                )
            )
    for endpoint in endpoints:
        problems += _endpoint_problems(analysis, endpoint)
    for endpoint in endpoints:
        if endpoint.kind is OutcomeKind.CLASS and "kruskal_wallis" in settings.methods:
            asked = dict.fromkeys(name for pair in settings.pairs for name in pair)
            problems += [
                unknown(f"class of endpoint {endpoint.name!r}", name, endpoint.levels, code="unknown-class")
                for name in asked
                if name not in endpoint.levels
            ]
    codes = [m.code for m in METHODS]
    problems += [
        unknown("method", name, codes, code="unknown-method") for name in settings.methods if name not in codes
    ]
    problems += [
        unknown("family column", name, FAMILY_COLUMNS, code="unknown-family")
        for name in settings.families
        if name not in FAMILY_COLUMNS
    ]
    for name in settings.populations:
        if name != ALL and f"population:{name}" not in columns:
            known = [c.removeprefix("population:") for c in columns if c.startswith("population:")]
            problems.append(unknown("population", name, known, code="unknown-population"))
    if settings.unit_of is not None and settings.unit_of not in columns:
        problems.append(unknown("column", settings.unit_of, columns, code="unknown-column"))
    if problems:
        raise DerivationError(problems)


def _endpoint_problems(analysis: pl.DataFrame, endpoint: Endpoint) -> list[Problem]:
    column = endpoint.column or endpoint.name
    if column not in analysis.columns:
        return [unknown("endpoint", column, analysis.columns, code="unknown-endpoint")]
    if endpoint.kind not in (OutcomeKind.BINARY, OutcomeKind.CLASS):
        return [
            Problem(
                code="endpoint-kind",
                what=f"The endpoint {endpoint.name!r} is of a kind that has no classes",
                found=endpoint.kind.value,
                expected="binary or class",
            )
        ]
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


def members(analysis: pl.DataFrame, population: str) -> Bools:
    """Who is in a population (rows of the table)."""
    column = f"population:{population}"
    if column not in analysis.columns:
        return np.ones(analysis.height, dtype=np.bool_)
    found: Bools = analysis[column].fill_null(value=False).to_numpy().astype(np.bool_)
    return found


def classes(analysis: pl.DataFrame, endpoint: Endpoint) -> tuple[Ints, tuple[str, ...]]:
    """The number of each subject's class, -1 where undetermined or left out, and the classes in order."""
    series = analysis[endpoint.column or endpoint.name]
    boolean = series.dtype == pl.Boolean
    levels = levels_of(endpoint, boolean=boolean)
    declared = (endpoint.levels or _YES_NO) if boolean else levels
    number = {name: i for i, name in enumerate(levels)}
    words = _words(series, declared).to_list()
    return np.array([number.get(w, -1) if w is not None else -1 for w in words], dtype=np.int64), levels


class Panel:
    """The biomarkers of an analysis as arrays over all rows of the table; made once and cut per endpoint and population."""

    def __init__(self, analysis: pl.DataFrame, biomarkers: Sequence[Biomarker]) -> None:
        self.biomarkers = tuple(biomarkers)
        codes = [b.code for b in biomarkers]
        words = {
            b.code: tuple(analysis[b.code].cast(pl.String).drop_nulls().unique().sort().to_list())
            for b in biomarkers
            if b.kind == "categorical"
        }
        self.categories = tuple(words.get(code, ()) for code in codes)
        numbers = analysis.select(
            pl.col(code)
            .cast(pl.String)
            .replace_strict(words[code], list(range(len(words[code]))), default=None)
            .cast(NUMBER)
            if words.get(code)
            else pl.col(code).cast(NUMBER)
            for code in codes
        )
        shape = (analysis.height, len(codes))
        there: Bools = numbers.select(pl.all().is_not_null()).to_numpy().reshape(shape).T
        values: Floats = numbers.fill_null(0.0).to_numpy().reshape(shape).T
        self.finite: Bools = np.all(np.isfinite(values), axis=1)
        self.present: Bools = there & self.finite[:, None]
        self.values: Floats = np.where(self.present, values, 0.0)
        known = set(analysis.columns)
        limits = [(row, f"{code}|censoring") for row, code in enumerate(codes) if f"{code}|censoring" in known]
        self.censoring: Ints = np.zeros(self.values.shape, dtype=np.int64)
        if limits:
            columns = pl.col([name for _, name in limits]).cast(pl.String).fill_null(Censoring.NONE.value)
            sign = (columns == Censoring.RIGHT.value).cast(pl.Int64) - (columns == Censoring.LEFT.value).cast(pl.Int64)
            found = analysis.select(sign).to_numpy().reshape(analysis.height, len(limits)).T
            self.censoring[[row for row, _ in limits]] = found

    def block(self, group: Ints, levels: tuple[str, ...], within: Bools) -> Block:
        """The biomarkers of the subjects of a population that have an outcome."""
        keep = np.flatnonzero(within & (group >= 0))
        return Block(
            biomarkers=self.biomarkers,
            values=self.values[:, keep],
            present=self.present[:, keep],
            censoring=self.censoring[:, keep],
            categories=self.categories,
            group=group[keep],
            levels=levels,
        )
