"""What an endpoint is: one record per kind, what its function is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl

from correlates.endpoints.checks import Check
from correlates.endpoints.settings import Endpoint
from correlates.terms import OutcomeKind, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome of one subject: one of ``category``, ``event``, ``grade`` or ``time`` with ``event`` is set, or ``reason`` is.

    Of a time to event, ``time`` is in days from the infusion, ``event`` says whether it ended in an event, ``category`` in
    which of several (competing events), and ``reason`` why it was censored. The columns are those of ``schema.OUTCOMES``.
    """

    category: str | None = None
    event: bool | None = None
    grade: int | None = None
    time: float | None = None
    scale: str | None = None
    day: float | None = None
    known_on_day: float | None = None
    reason: Reason | None = None
    detail: str | None = None
    source_ids: tuple[str, ...] = ()
    bounds: tuple[int, int] | None = None
    """Of a grade that is not known: the least and the most it may be, where that much is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """Days on which a toxicity had a grade: from ``first`` (null: not known) to ``last`` (null: no end recorded).

    ``least`` and ``most`` bound the grade. ``daily``: graded day by day, zeros included, so that the days say when it was over; an
    adverse event says so by its end date.
    """

    first: int | None
    last: int | None
    least: int
    most: int
    source_ids: tuple[str, ...]
    daily: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """An endpoint of all subjects."""

    kind: OutcomeKind
    findings: Mapping[str, Finding]
    classes: tuple[str, ...] | None = None
    """The classes it can take, where they are known beforehand."""
    checks: tuple[Check, ...] = field(default=())
    courses: Mapping[str, tuple[Spell, ...]] | None = None
    """Of a grade: the course of each subject who was treated and graded; null where the kind has none."""
    window: tuple[int, int] | None = None
    """Of a grade: first and last day that count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What an endpoint is derived from.

    ``subjects`` maps each subject to the date of infusion as written (null: not treated); ``tables`` are the clinical
    tables by name, all present; ``done`` are the endpoints derived before this one.
    """

    subjects: Mapping[str, str | None]
    tables: Mapping[str, pl.DataFrame]
    done: Mapping[str, Derived]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointKind:
    """A kind of endpoint: ``code`` is the word after ``derive:`` in a plan, ``settings`` the class of its rules."""

    code: str
    label: str
    settings: type
    needs: tuple[str, ...]
    """Tables it reads; a kind made of another endpoint needs none."""
    function: Callable[[str, Endpoint, Given], Derived]
    formula: str
    citation: str
    page: str
    """Page of the documentation, under docs/."""
