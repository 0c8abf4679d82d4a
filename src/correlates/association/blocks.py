"""From the analysis table to blocks: who is in a population, what each subject's outcome is, and the biomarkers as arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from copy import copy

import numpy as np
import polars as pl

from correlates.association.notices import Notice
from correlates.association.outcomes import Outcomes, endpoint_problems, signs
from correlates.association.record import Block, Course
from correlates.association.registry import METHODS
from correlates.association.settings import FAMILY_COLUMNS, Biomarker, CensoredOptions, Endpoint, Univariable
from correlates.errors import DerivationError, Problem, unknown
from correlates.schema.table import NUMBER
from correlates.stats.arrays import Bools, Floats, Ints
from correlates.stats.multiplicity import NEEDS_DATA
from correlates.terms import Censoring, OutcomeKind

ALL = "all"


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
        problems += endpoint_problems(analysis, endpoint)
    for endpoint in endpoints:
        if endpoint.kind is OutcomeKind.CLASS and set(settings.methods) & {"kruskal_wallis", "dunn"}:
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
    if settings.adjust in NEEDS_DATA:
        problems += permutation_problems(settings.name, settings.families, settings.populations, settings.methods)
    problems += [
        unknown("covariate of the imputation", name, [b.code for b in biomarkers], code="unknown-covariate")
        for name in settings.imputation.covariates
        if name not in {b.code for b in biomarkers}
    ]
    for name in settings.populations:
        if name != ALL and f"population:{name}" not in columns:
            known = [c.removeprefix("population:") for c in columns if c.startswith("population:")]
            problems.append(unknown("population", name, known, code="unknown-population"))
    if settings.unit_of is not None and settings.unit_of not in columns:
        problems.append(unknown("column", settings.unit_of, columns, code="unknown-column"))
    if problems:
        raise DerivationError(problems)


def permutation_problems(
    name: str, families: Collection[str], populations: Collection[str], methods: Collection[str]
) -> list[Problem]:
    """What an adjustment by Westfall and Young cannot be made of, in the analysis of that name; ``families`` are columns of the results."""
    problems = []
    wanted = ("endpoint", "population", "method")
    lacking = [column for column in wanted if column not in families]
    several = {
        "population": len(populations) > 1,
        "method": len(methods) > 1,
        "endpoint": True,
    }
    lacking = [column for column in lacking if several[column]]
    if lacking:
        problems.append(
            Problem(
                code="permuted-family",
                what=f"The analysis {name!r} permutes one outcome, and its families hold more than one",
                found=f"families by {', '.join(families)}",
                expected="families that also tell apart " + ", ".join(lacking),
                do="Add them to the families, or adjust by Holm or Benjamini-Hochberg",
            )
        )
    able = [m.code for m in METHODS if m.scores is not None]
    problems += [
        Problem(
            code="not-permutable",
            what=f"The method {code!r} has no permutation form, and the analysis {name!r} adjusts by Westfall and Young",
            expected="methods among " + ", ".join(able),
            do="Put it in an analysis of its own with another adjustment",
        )
        for code in methods
        if code in {m.code for m in METHODS} and code not in able
    ]
    return problems


def members(analysis: pl.DataFrame, population: str) -> Bools:
    """Who is in a population (rows of the table)."""
    column = f"population:{population}"
    if column not in analysis.columns:
        return np.ones(analysis.height, dtype=np.bool_)
    found: Bools = analysis[column].fill_null(value=False).to_numpy().astype(np.bool_)
    return found


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
            found = analysis.select(signs(columns)).to_numpy().reshape(analysis.height, len(limits)).T
            self.censoring[[row for row, _ in limits]] = found

        self.left_out: Bools = np.zeros(self.present.shape, dtype=np.bool_)
        """Values that are there and take no part, because they lie beyond a limit."""

    def as_covariates(self, options: CensoredOptions) -> Panel:
        """The panel as regressions without a likelihood for values beyond limits take it: without them, or with what is substituted."""
        made = copy(self)
        beyond: Bools = self.present & (self.censoring != 0)
        if options.by == "substitute":
            factor = np.where(self.censoring < 0, options.left_factor, options.right_factor)
            made.values = np.where(beyond, self.values * factor, self.values)
            return made
        made.present, made.left_out = self.present & ~beyond, beyond
        return made

    def entered(self, row: int, subjects: Bools | Ints) -> tuple[Notice, ...]:
        """How values beyond limits of a biomarker entered, among some of the rows of the table; nothing where there is none."""
        if self.left_out[row, subjects].any():
            return (Notice.CENSORED_EXCLUDED,)
        if (self.present[row, subjects] & (self.censoring[row, subjects] != 0)).any():
            return (Notice.CENSORED_SUBSTITUTED,)
        return ()

    def block(self, outcomes: Outcomes, within: Bools) -> Block:
        """The biomarkers of the subjects of a population (mask over the rows of the table) that have an outcome."""
        keep = np.flatnonzero(within & outcomes.known)
        course = outcomes.course
        return Block(
            biomarkers=self.biomarkers,
            values=self.values[:, keep],
            present=self.present[:, keep],
            censoring=self.censoring[:, keep],
            categories=self.categories,
            kind=outcomes.kind,
            group=outcomes.group[keep],
            levels=outcomes.levels,
            score=outcomes.score[keep],
            score_censoring=outcomes.score_censoring[keep],
            course=None
            if course is None
            else Course(time=course.time[keep], cause=course.cause[keep], causes=course.causes),
            rows_of=keep,
        )
