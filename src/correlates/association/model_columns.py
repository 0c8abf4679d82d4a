"""From the analysis table to the columns of a multivariable model: who takes part, each covariate on its scale, gaps marked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from correlates.association.blocks import Panel, members
from correlates.association.model_transforms import Transform, division, scale_of, undefined
from correlates.association.outcomes import endpoint_problems, outcomes
from correlates.association.settings import Biomarker, Endpoint
from correlates.errors import DerivationError, Problem, unknown
from correlates.stats.arrays import Bools, Floats, Ints
from correlates.stats.candidates import Candidates
from correlates.stats.ordinal_target import OrdinalTarget
from correlates.stats.target import BinaryTarget, SurvivalTarget, Target
from correlates.stats.transforms import Take, transformed
from correlates.terms import OutcomeKind, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A covariate as it enters: ``take`` of it, then less ``centre`` and divided by ``unit``; ``per`` says what a coefficient is per.

    ``classes`` of a category, the reference (the most frequent) first, or of a number divided at ``cuts`` the groups that somebody is in, the lowest
    first, with their places in ``groups``. ``low`` and ``high``: range of the values in their own unit.
    """

    biomarker: Biomarker
    take: Take = "as_is"
    centre: float = 0.0
    unit: float = 1.0
    per: str = ""
    classes: tuple[str, ...] = ()
    cuts: tuple[float, ...] = ()
    groups: tuple[int, ...] = ()
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a model is made from: subjects (n), columns with their names, the outcome; and covariates that cannot take part.

    ``grades``: of an ordinal outcome, the grades or classes that occur, the lowest first. ``n_beyond``: subjects left out because a
    covariate lies beyond a limit.
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
    n_beyond: int = 0

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


def one_course_twice(codes: Iterable[str], courses: Mapping[str, str]) -> bool:
    """Whether two of the covariates are peaks or areas of one time course."""
    mine = [courses[code] for code in codes if code in courses]
    return len(mine) > len(set(mine))


def prepare(
    analysis: pl.DataFrame,
    biomarkers: Sequence[Biomarker],
    endpoint: Endpoint,
    population: str,
    *,
    complete: bool,
    least_present: float = 0.0,
    ordinal: bool = False,
    quantified: bool = False,
    transforms: Mapping[str, Transform] | None = None,
    horizon: float | None = None,
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
    quantified
        Whether subjects with a covariate beyond a limit of quantification are left out.
    transforms
        By covariate: how it enters, where not on the scale of its parameter.
    horizon
        Of a time to event: days by which the risk is predicted.

    Notes
    -----
    A censored value of who takes part enters as its limit. A covariate that cannot take part (constant, a logarithm of a value that is not positive, too
    few values) is left out with its reason.

    Raises
    ------
    DerivationError
        A column or a population that the table does not have, an endpoint of a kind that no model here is for, or a horizon for an endpoint
        that is no time.
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
    if horizon is not None and endpoint.kind is not OutcomeKind.TIME:
        problems.append(
            Problem(
                code="horizon-without-time",
                what=f"A horizon is declared for the endpoint {endpoint.name!r}",
                found=endpoint.kind.value,
                expected="a time to event",
                do="Take the horizon out of the validation",
            )
        )
    if population != "all" and f"population:{population}" not in analysis.columns:
        known = [c.removeprefix("population:") for c in analysis.columns if c.startswith("population:")]
        problems.append(unknown("population", population, known, code="unknown-population"))
    if problems:
        raise DerivationError(problems)
    found = outcomes(analysis, endpoint)
    within = members(analysis, population)
    panel = Panel(analysis, biomarkers)
    keep = within & found.known
    asked = transforms or {}
    kept: list[int] = []
    left: list[tuple[Biomarker, Reason]] = []
    for i, biomarker in enumerate(biomarkers):
        reason = _unfit(panel, i, biomarker, keep, least_present, asked.get(biomarker.code))
        if reason is None:
            kept.append(i)
        else:
            left.append((biomarker, reason))
    if complete and kept:
        keep = keep & panel.present[kept].all(axis=0)
    beyond = (
        (panel.present[kept] & (panel.censoring[kept] != 0)).any(axis=0) if quantified and kept else np.zeros_like(keep)
    )
    n_beyond = int((beyond & keep).sum())
    keep = keep & ~beyond
    rows = np.flatnonzero(keep)
    variables: list[Variable] = []
    names: list[str] = []
    columns: list[Floats] = []
    there: list[Bools] = []
    number: list[int] = []
    for i in kept:
        variable, made, labels = _variable(panel, i, biomarkers[i], rows, asked.get(biomarkers[i].code))
        if isinstance(variable, Reason):
            left.append((biomarkers[i], variable))
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
        target = SurvivalTarget(time=found.course.time[rows], event=found.course.cause[rows] == 1, horizon=horizon)
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
        n_beyond=n_beyond,
    )


def _unfit(
    panel: Panel, i: int, biomarker: Biomarker, keep: Bools, least_present: float, transform: Transform | None
) -> Reason | None:
    if not panel.finite[i]:
        return Reason.NOT_FINITE
    there = panel.present[i] & keep
    values = panel.values[i, there]
    if values.size < 3 or values.size < least_present * keep.sum():
        return Reason.TOO_FEW
    if np.ptp(values) == 0:
        return Reason.CONSTANT
    return undefined(values, biomarker, transform)


def _variable(
    panel: Panel, i: int, biomarker: Biomarker, rows: Ints, transform: Transform | None
) -> tuple[Variable | Reason, list[Floats], list[str]]:
    """A covariate, its columns and their names; or why it has none among the rows that take part."""
    there = panel.present[i, rows]
    values = panel.values[i, rows]
    if not there.any() or np.ptp(values[there]) == 0:
        return Reason.CONSTANT, [], []
    low, high = float(values[there].min()), float(values[there].max())
    if biomarker.kind == "categorical":
        count = np.bincount(values[there].astype(np.int64), minlength=len(panel.categories[i]))
        reference = int(count.argmax())
        others = [k for k in range(count.size) if k != reference and count[k]]
        words = panel.categories[i]
        classes = (words[reference], *(words[k] for k in others))
        return (
            Variable(biomarker=biomarker, classes=classes, per=f"against {classes[0]}"),
            [(values == k).astype(np.float64) for k in others],
            [f"{biomarker.code}={words[k]}" for k in others],
        )
    if transform is not None and transform.cut is not None:
        made = division(values, there, transform.cut)
        if made is None:
            return Reason.NO_GROUPS, [], []
        classes = tuple(made.names[k] for k in made.kept)
        group = made.group(values)
        variable = Variable(
            biomarker=biomarker,
            classes=classes,
            cuts=made.cuts,
            groups=made.kept,
            per=f"against {classes[0]}",
            low=low,
            high=high,
        )
        return (
            variable,
            [(group == k).astype(np.float64) for k in made.kept[1:]],
            [f"{biomarker.code}={name}" for name in classes[1:]],
        )
    scale = scale_of(biomarker, transform)
    scaled = transformed(np.where(there, values, 1.0), scale.take)
    known = scaled[there]
    centre = float(known.mean())
    unit = float(known.std(ddof=1)) if scale.standardised else scale.per
    variable = Variable(
        biomarker=biomarker,
        take=scale.take,
        centre=centre,
        unit=unit,
        per=scale.text(biomarker.unit),
        low=low,
        high=high,
    )
    return variable, [(scaled - centre) / unit], [biomarker.code]
