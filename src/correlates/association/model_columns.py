"""From the analysis table to the columns of a multivariable model: who takes part, each covariate on its scale, gaps marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from correlates.association.blocks import Panel, members
from correlates.association.outcomes import endpoint_problems, outcomes
from correlates.association.settings import Biomarker, Endpoint
from correlates.errors import DerivationError, Problem, unknown
from correlates.stats.arrays import Bools, Floats, Ints
from correlates.stats.candidates import Candidates
from correlates.stats.ordinal_target import OrdinalTarget
from correlates.stats.target import BinaryTarget, SurvivalTarget, Target
from correlates.terms import OutcomeKind, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A covariate as it enters: transformed by ``log2`` or not, then less ``centre`` and divided by ``unit``.

    ``classes`` of a category, the reference (the most frequent) first. ``low`` and ``high``: range of the values in their own unit.
    """

    biomarker: Biomarker
    log2: bool = False
    centre: float = 0.0
    unit: float = 1.0
    classes: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None

    @property
    def per(self) -> str:
        """What a coefficient is per."""
        if self.classes:
            return f"against {self.classes[0]}"
        return "doubling" if self.log2 else "standard deviation" if self.biomarker.scale == "sd" else "unit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a model is made from: subjects (n), columns with their names, the outcome; and covariates that cannot take part.

    ``grades``: of an ordinal outcome, the grades or classes that occur, the lowest first.
    """

    subjects: tuple[str, ...]
    variables: tuple[Variable, ...]
    names: tuple[str, ...]
    given: Candidates
    target: Target
    n_missing: int
    censored: Ints
    left_out: tuple[tuple[Biomarker, Reason], ...]
    grades: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Subjects."""
        return len(self.subjects)

    @property
    def rarer(self) -> float:
        """Subjects with the rarer outcome: events, or non-events where they are fewer (events, for a time to event).

        Of an ordinal outcome the effective number, n - sum n_j^3 / n^2.
        """
        if isinstance(self.target, OrdinalTarget):
            return self.target.effective
        events = int(self.target.event.sum())
        return min(events, self.n - events) if isinstance(self.target, BinaryTarget) else events

    def columns_of(self, code: str) -> Ints:
        """The columns of a covariate."""
        number = next(i for i, v in enumerate(self.variables) if v.biomarker.code == code)
        return np.flatnonzero(self.given.variable == number)


def prepare(
    analysis: pl.DataFrame,
    biomarkers: Sequence[Biomarker],
    endpoint: Endpoint,
    population: str,
    *,
    complete: bool,
    least_present: float = 0.0,
    ordinal: bool = False,
) -> Prepared:
    """Columns and outcome of the subjects of a population with an outcome.

    Parameters
    ----------
    analysis
        Table ``analysis``.
    biomarkers, endpoint, population
        Covariates (in order), outcome, and who takes part.
    complete
        Whether only subjects with every covariate take part.
    least_present
        Share of subjects with a value below which a covariate is left out.
    ordinal
        Whether the outcome may be a grade or a class, whose order is then that of the declaration.

    Notes
    -----
    A censored value enters as its limit. A covariate that cannot take part (constant, a logarithm of a value that is not positive, too
    few values) is left out with its reason.

    Raises
    ------
    DerivationError
        A column or a population that the table does not have, an endpoint of a kind that no model here is for.
    """
    problems = [
        unknown("biomarker", b.code, analysis.columns, code="unknown-biomarker")
        for b in biomarkers
        if b.code not in analysis.columns
    ]
    graded = endpoint.kind in (OutcomeKind.GRADE, OutcomeKind.CLASS)
    if endpoint.kind is OutcomeKind.NUMBER or (graded and not ordinal):
        problems.append(
            Problem(
                code="endpoint-kind",
                what=f"No {'declared model' if ordinal else 'selection'} is for the endpoint {endpoint.name!r}",
                found=endpoint.kind.value,
                expected="binary, a grade or a class, or a time to event" if ordinal else "binary, or a time to event",
            )
        )
    else:
        problems += endpoint_problems(analysis, endpoint)
    if population != "all" and f"population:{population}" not in analysis.columns:
        known = [c.removeprefix("population:") for c in analysis.columns if c.startswith("population:")]
        problems.append(unknown("population", population, known, code="unknown-population"))
    if problems:
        raise DerivationError(problems)
    found = outcomes(analysis, endpoint)
    within = members(analysis, population)
    panel = Panel(analysis, biomarkers)
    keep = within & found.known
    kept: list[int] = []
    left: list[tuple[Biomarker, Reason]] = []
    for i, biomarker in enumerate(biomarkers):
        reason = _unfit(panel, i, biomarker, keep, least_present)
        if reason is None:
            kept.append(i)
        else:
            left.append((biomarker, reason))
    if complete and kept:
        keep = keep & panel.present[kept].all(axis=0)
    rows = np.flatnonzero(keep)
    variables: list[Variable] = []
    names: list[str] = []
    columns: list[Floats] = []
    there: list[Bools] = []
    number: list[int] = []
    for i in kept:
        variable, made, labels = _variable(panel, i, biomarkers[i], rows)
        if variable is None:  # complete cases left one value
            left.append((biomarkers[i], Reason.CONSTANT))
            continue
        for column, label in zip(made, labels, strict=True):
            columns.append(column)
            names.append(label)
            there.append(panel.present[i, rows])
            number.append(len(variables))
        variables.append(variable)
    shape = (rows.size, len(columns))
    present: Bools = np.array(there, dtype=np.bool_).reshape(len(columns), rows.size).T
    values: Floats = np.array(columns, dtype=np.float64).reshape(len(columns), rows.size).T.reshape(shape)
    target: Target
    grades: tuple[str, ...] = ()
    if graded:
        there_at, code = np.unique(found.group[rows], return_inverse=True)
        grades = tuple(found.levels[k] for k in there_at)
        target = OrdinalTarget(grade=code.astype(np.int64), levels=len(grades))
    elif found.course is None:
        target = BinaryTarget(event=found.group[rows] == 1)
    else:
        target = SurvivalTarget(time=found.course.time[rows], event=found.course.cause[rows] == 1)
    subjects = tuple(str(s) for s in analysis["subject_id"].gather(rows).to_list())
    return Prepared(
        subjects=subjects,
        variables=tuple(variables),
        names=tuple(names),
        given=Candidates(
            values=np.where(present, values, 0.0), present=present, variable=np.array(number, dtype=np.int64)
        ),
        target=target,
        n_missing=int(within.sum()) - rows.size,
        censored=(panel.present[kept] & (panel.censoring[kept] != 0))[:, rows].sum(axis=1),
        left_out=tuple(left),
        grades=grades,
    )


def _unfit(panel: Panel, i: int, biomarker: Biomarker, keep: Bools, least_present: float) -> Reason | None:
    if not panel.finite[i]:
        return Reason.NOT_FINITE
    there = panel.present[i] & keep
    values = panel.values[i, there]
    if values.size < 3 or values.size < least_present * keep.sum():
        return Reason.TOO_FEW
    if np.ptp(values) == 0:
        return Reason.CONSTANT
    if biomarker.kind == "numeric" and biomarker.scale == "log2" and not (values > 0).all():
        return Reason.NOT_POSITIVE
    return None


def _variable(
    panel: Panel, i: int, biomarker: Biomarker, rows: Ints
) -> tuple[Variable | None, list[Floats], list[str]]:
    there = panel.present[i, rows]
    values = panel.values[i, rows]
    if not there.any() or np.ptp(values[there]) == 0:
        return None, [], []
    if biomarker.kind == "categorical":
        count = np.bincount(values[there].astype(np.int64), minlength=len(panel.categories[i]))
        reference = int(count.argmax())
        others = [k for k in range(count.size) if k != reference and count[k]]
        words = panel.categories[i]
        variable = Variable(biomarker=biomarker, classes=(words[reference], *(words[k] for k in others)))
        return (
            variable,
            [(values == k).astype(np.float64) for k in others],
            [f"{biomarker.code}={words[k]}" for k in others],
        )
    logged = biomarker.scale == "log2"
    scaled = np.log2(np.where(there, values, 1.0)) if logged else values
    known = scaled[there]
    centre = float(known.mean())
    unit = float(known.std(ddof=1)) if biomarker.scale == "sd" else 1.0
    variable = Variable(
        biomarker=biomarker,
        log2=logged,
        centre=centre,
        unit=unit,
        low=float(values[there].min()),
        high=float(values[there].max()),
    )
    return variable, [(scaled - centre) / unit], [biomarker.code]
