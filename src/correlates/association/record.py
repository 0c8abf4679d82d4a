"""What a method is: one frozen record with everything that is printed or asked about it, and what its function takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from correlates.association.notices import Notice
from correlates.association.settings import Biomarker, Univariable
from correlates.stats.arrays import Bools, Floats, Ints, divide
from correlates.stats.ranks import midranks
from correlates.terms import OutcomeKind, Reason

Scope = Literal["whole", "group", "pair", "cell"]
UnitRule = Literal["none", "own", "ratio"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """A number (or word) a method gives: ``unit`` own is the biomarker's; ``scopes`` say what it is given of.

    ``whole``: the biomarker; ``group``: each class; ``pair``: each declared pair; ``cell``: each category in each class.
    """

    name: str
    label: str
    unit: UnitRule = "none"
    scopes: tuple[Scope, ...] = ("whole",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Time to an event: ``time`` (n,) days from the infusion to the first event or to censoring, ``cause`` (n,) of it.

    ``cause`` is 0 for censoring, 1 for the event of interest, 2 and more for competing events; ``causes`` names 1, 2, ....
    """

    time: Floats
    cause: Ints
    causes: tuple[str, ...]

    @property
    def event(self) -> Bools:
        """Who had the event of interest (n,); a competing event counts as censoring."""
        found: Bools = self.cause == 1
        return found

    @property
    def any_event(self) -> Bools:
        """Who had an event of any cause (n,)."""
        found: Bools = self.cause > 0
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Biomarkers (m) of one endpoint in one population (n subjects with an outcome), as the methods see them.

    Attributes
    ----------
    values
        (m, n), the limit where ``censoring`` (m, n) is -1 or +1; for categorical biomarkers the number of the category in
        ``categories``.
    kind
        Kind of the endpoint.
    group
        (n,) the number of the class in ``levels``. Binary: 0 is the reference, 1 the event; grade: the place of the grade among
        those that occur; time: 1 where the event of interest was seen; number: 0, with no levels.
    score
        (n,) the outcome as a number that can be ranked: class number, grade, or the value of the other parameter (its limit where
        ``score_censoring`` (n,) is -1 or +1); for a time endpoint the time, right-censored where there was no event.
    course
        Follow-up of a time endpoint; None for the others.
    rows_of
        (n,) the row of the analysis table each subject is.
    helpers
        Covariates that help to impute, as a block of the same subjects; None where none are declared.
    """

    biomarkers: tuple[Biomarker, ...]
    values: Floats
    present: Bools
    censoring: Ints
    categories: tuple[tuple[str, ...], ...]
    kind: OutcomeKind
    group: Ints
    levels: tuple[str, ...]
    score: Floats
    score_censoring: Ints
    course: Course | None
    rows_of: Ints
    helpers: Block | None = None

    def follow_up(self) -> Course:
        """Follow-up of a time endpoint. Raises TypeError for any other: methods of time are asked about time endpoints only."""
        if self.course is None:
            raise TypeError("the endpoint has no follow-up")
        return self.course

    def ranks(self) -> Floats:
        """Mid-ranks, values that their limits do not order sharing theirs (m, n)."""
        return midranks(self.values, self.present, self.censoring).ranks

    def rows(self, at: Ints) -> Block:
        """Some of the biomarkers."""
        return replace(
            self,
            biomarkers=tuple(self.biomarkers[i] for i in at),
            values=self.values[at],
            present=self.present[at],
            censoring=self.censoring[at],
            categories=tuple(self.categories[i] for i in at),
        )

    def subjects(self, keep: Bools) -> Block:
        """Some of the subjects (a mask (n,)); classes, grades and causes keep their numbers."""
        course = self.course
        if course is not None:
            course = Course(time=course.time[keep], cause=course.cause[keep], causes=course.causes)
        return replace(
            self,
            values=self.values[:, keep],
            present=self.present[:, keep],
            censoring=self.censoring[:, keep],
            group=self.group[keep],
            score=self.score[keep],
            score_censoring=self.score_censoring[keep],
            course=course,
            rows_of=self.rows_of[keep],
            helpers=None if self.helpers is None else self.helpers.subjects(keep),
        )

    def members(self, level: int) -> Bools:
        """Who has a value and is in that class (m, n)."""
        found: Bools = self.present & (self.group == level)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One statistic of m biomarkers: ``value`` (m,) with NaN where there is none, or ``text``; ``notices`` (m) of this statistic alone."""

    name: str
    level: str = ""
    value: Floats | None = None
    text: Sequence[str | None] | None = None
    n: Ints | None = None
    n_censored: Ints | None = None
    notices: Sequence[Sequence[Notice]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a method found for m biomarkers: estimates, why a biomarker gave none, and what to know of each."""

    estimates: tuple[Estimate, ...]
    errors: tuple[Reason | None, ...]
    notices: tuple[tuple[Notice, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """A linear statistic: ``biomarkers`` (m, n), centred over those with a value and 0 elsewhere, and ``outcome`` (n,) or (n, c)."""

    biomarkers: Floats
    outcome: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A method of association.

    ``options`` are the fields of the analysis in force, printed with every result. ``unusable`` says, per biomarker, why the method
    cannot be asked (constant, not positive) before it is. ``scores`` give the linear statistic that Westfall and Young's adjustment
    permutes; a method without it cannot be adjusted so. ``covariate`` says that the biomarker is the covariate of a regression, and
    whether values beyond limits can enter its likelihood; where they cannot, or shall not, the method is asked without them.
    """

    code: str
    label: str
    endpoints: tuple[OutcomeKind, ...]
    biomarkers: tuple[Literal["numeric", "categorical"], ...]
    statistics: tuple[Statistic, ...]
    unusable: Callable[[Block], tuple[Reason | None, ...]]
    compute: Callable[[Block, Univariable], Outcome]
    options: tuple[str, ...]
    formula: str
    citation: str
    docs: str
    scores: Callable[[Block, Univariable], Scores] | None = None
    covariate: Literal["no", "quantified", "likelihood"] = "no"

    def leaves_out(self, settings: Univariable) -> bool:
        """Whether subjects whose value lies beyond a limit take no part."""
        by = settings.censored.by
        return self.covariate != "no" and (by == "exclude" or (by == "likelihood" and self.covariate == "quantified"))

    def statistic(self, name: str) -> Statistic:
        """The statistic of that name. Raises KeyError for a name the method does not have."""
        for statistic in self.statistics:
            if statistic.name == name:
                return statistic
        raise KeyError(f"{self.code} has no statistic {name}")


def centred(values: Floats, present: Bools) -> Floats:
    """Values less their mean over the subjects present, 0 elsewhere (m, n)."""
    mean = divide(values.sum(axis=1, where=present), present.sum(axis=1))
    found: Floats = np.where(present, values - mean[:, None], 0.0)
    return found


def flagged(mask: Bools, notice: Notice) -> list[list[Notice]]:
    """The notice where the mask (m,) is true."""
    return [[notice] if hit else [] for hit in mask.tolist()]


def merged(*parts: Sequence[Sequence[Notice]]) -> list[list[Notice]]:
    """Notices of several sources, biomarker by biomarker."""
    return [[notice for part in row for notice in part] for row in zip(*parts, strict=True)]


def constant(values: Floats, present: Bools) -> Bools:
    """Which rows take a single value (or none)."""
    high = np.max(np.where(present, values, -np.inf), axis=1, initial=-np.inf)
    low = np.min(np.where(present, values, np.inf), axis=1, initial=np.inf)
    found: Bools = high <= low
    return found


def censored(block: Block) -> Ints:
    """How many of the values are censored (m,)."""
    found: Ints = (block.present & (block.censoring != 0)).sum(axis=1)
    return found


def beyond_one_side(block: Block) -> Bools:
    """Which biomarkers have no value but such as lie below a limit, or none but such as lie above one (m,): nothing orders them."""
    sides = [np.all(~block.present | (block.censoring == side), axis=1) for side in (-1, 1)]
    found: Bools = block.present.any(axis=1) & (sides[0] | sides[1])
    return found


def quantified(block: Block) -> Block:
    """The block without the values beyond limits."""
    return replace(block, present=block.present & (block.censoring == 0))


def all_positive(block: Block) -> Bools:
    """Which biomarkers have positive values only (m,)."""
    found: Bools = np.all(np.where(block.present, block.values, 1.0) > 0, axis=1)
    return found
