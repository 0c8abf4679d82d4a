"""The course of each subject after the infusion, as best response and durability read it.

Response assessments of one evaluator and one set of criteria, in order; new anticancer therapy, transplant, death and
last contact. An incomplete date is an interval of days, so that what depends on it can be found out.
"""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from correlates.endpoints.checks import Check, check
from correlates.endpoints.days import DAY_ZERO
from correlates.endpoints.words import (
    ANATOMIC,
    METABOLIC,
    NOT_DONE,
    folded,
    is_death,
    is_new_therapy,
    is_transplant,
    response,
    tokens,
)
from correlates.errors import DerivationError, Problem, unknown
from correlates.terms import Reason, Response

TEST = "OVRLRESP"
_LATEST = 36525  # days: an event without any date may have been on any day after the infusion
_SHOWN = 20
_ALIVE = ("response assessment", "lesion measurement", "laboratory sample", "administration")
"""Contacts that show a subject alive on the day: an incomplete date of death cannot lie before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened between two days (the same where the date is complete)."""

    earliest: int
    latest: int
    source_id: str

    @property
    def exact(self) -> bool:
        """Whether the day is known."""
        return self.earliest == self.latest


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The overall response at one evaluation. ``day`` is null where the date is incomplete.

    Where assessments of the day contradict each other ``response`` is NE and ``possible`` holds what they say, best first.
    """

    day: int | None
    earliest: int
    latest: int
    response: Response
    possible: tuple[Response, ...] = ()
    visit: str | None
    source_ids: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.response.value} on day {self.day}" + (f" ({self.visit})" if self.visit else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The course of one subject.

    Attributes
    ----------
    reason
        Why nothing can be said (no infusion, its date incomplete), else null.
    assessments
        After the infusion (day 1 and later), in order, the response of PET-CT and CT combined.
    conflict
        Days on which assessments contradict each other, in words; null where none do.
    """

    subject_id: str
    reason: Reason | None = None
    assessments: tuple[Assessment, ...] = ()
    conflict: str | None = None
    new_therapy: Event | None = None
    transplant: Event | None = None
    death: Event | None = None
    contacts: tuple[tuple[int, str], ...] = ()
    """Days on which the subject is known to have been seen, in order, and by what."""
    before: int = 0
    """Assessments on or before the day of infusion, which do not count."""
    imputed: tuple[str, ...] = ()
    """Days that a declared rule made of incomplete dates, in words."""

    @property
    def exact(self) -> bool:
        """Whether every day that matters is known."""
        events = (self.new_therapy, self.transplant, self.death)
        return all(a.day is not None for a in self.assessments) and all(e is None or e.exact for e in events)

    def placed(self, *, assessments_late: bool, events_late: bool, best: bool) -> History:
        """The same course with incomplete dates at one end of their intervals and contradictions at the best or the worst."""
        moved = [
            replace(
                a,
                day=a.day if a.day is not None else (a.latest if assessments_late else a.earliest),
                response=(a.possible[0] if best else a.possible[-1]) if a.possible else a.response,
            )
            for a in self.assessments
        ]

        def put(event: Event | None) -> Event | None:
            if event is None:
                return None
            day = event.latest if events_late else event.earliest
            return replace(event, earliest=day, latest=day)

        return replace(
            self,
            assessments=tuple(sorted(moved, key=lambda a: (a.day or 0, a.source_ids))),
            new_therapy=put(self.new_therapy),
            transplant=put(self.transplant),
            death=put(self.death),
        )


def histories(
    subjects: Mapping[str, str | None],
    tables: Mapping[str, pl.DataFrame],
    *,
    evaluator: str | None,
    criteria: str | None,
    endpoint: str,
) -> tuple[dict[str, History], str | None, list[Check]]:
    """The course of every subject, the criteria found in the file, and what was found on the way.

    Raises
    ------
    DerivationError
        Several evaluators or criteria and none chosen, or one chosen that no record has.
    """
    rows = tables["assessments"].filter(pl.col("test").str.to_uppercase() == TEST)
    rows, found = _chosen(rows, evaluator, criteria, endpoint)
    checks = [*_unknown_words(rows), *_no_disposition(tables["disposition"])]
    by_subject = _by_subject(rows)
    events = _by_subject(tables["disposition"])
    people = {r["subject_id"]: r for r in tables["subjects"].iter_rows(named=True)}
    contacts = _contacts(tables)
    courses: dict[str, History] = {}
    for subject, infusion in subjects.items():
        if infusion is None:
            courses[subject] = History(subject_id=subject, reason=Reason.NOT_TREATED)
            continue
        zero = day_zero(infusion)
        if zero is None and infusion != DAY_ZERO:
            courses[subject] = History(subject_id=subject, reason=Reason.PARTIAL_DATE)
            continue
        courses[subject] = _course(
            subject,
            zero,
            by_subject.get(subject, []),
            events.get(subject, []),
            people.get(subject, {}),
            contacts.get(subject, ()),
        )
    return courses, found, checks


def _chosen(
    rows: pl.DataFrame, evaluator: str | None, criteria: str | None, endpoint: str
) -> tuple[pl.DataFrame, str | None]:
    known = [str(e) for e in rows["evaluator"].unique(maintain_order=True).drop_nulls()]
    if evaluator is not None:
        if rows.height and evaluator.casefold() not in {k.casefold() for k in known}:
            raise DerivationError(
                unknown(f"evaluator of endpoint {endpoint!r}", evaluator, known, code="unknown-evaluator")
            )
        rows = rows.filter(pl.col("evaluator").str.to_lowercase() == evaluator.lower())
    elif rows["evaluator"].n_unique() > 1:
        raise DerivationError(
            Problem(
                code="several-evaluators",
                what=f"Endpoint {endpoint!r}: the responses are of more than one evaluator",
                found=", ".join(known) + (", and not stated" if rows["evaluator"].null_count() else ""),
                expected="one evaluator",
                do="Set evaluator of the endpoint",
            )
        )
    stated = [str(c) for c in rows["criteria"].unique(maintain_order=True).drop_nulls()]
    fitting = stated if criteria is None else [s for s in stated if tokens(criteria) <= tokens(s)]
    if stated and (not fitting or len(fitting) > 1):
        raise DerivationError(
            Problem(
                code="response-criteria",
                what=f"Endpoint {endpoint!r}: "
                + (
                    "no response is by the declared criteria"
                    if not fitting
                    else "the responses are by more than one set of criteria"
                ),
                found=", ".join(stated),
                expected=criteria or "one set of criteria",
                do="Set criteria of the endpoint to those of the file",
            )
        )
    if fitting:
        rows = rows.filter(pl.col("criteria").is_null() | (pl.col("criteria") == fitting[0]))
    return rows, fitting[0] if fitting else criteria


def _unknown_words(rows: pl.DataFrame) -> list[Check]:
    words = [w for w in rows["response"].drop_nulls().unique(maintain_order=True) if response(w) is None]
    return [
        check(
            scope="source",
            item="assessments",
            target="response",
            rule="unknown-response",
            found=f"{word!r} in {(found := rows.filter(pl.col('response') == word)).height} assessments",
            value=float(found.height),
            required="CR, PR, SD, PD, NE or the words of Lugano 2014 for PET-CT and CT",
            action="taken as not evaluable",
            source_ids=found["source_id"].to_list(),
        )
        for word in words
    ]


def _no_disposition(disposition: pl.DataFrame) -> list[Check]:
    if not disposition.is_empty():
        return []
    return [
        check(
            scope="source",
            item="disposition",
            rule="no-disposition",
            found="no disposition events were read",
            required="new anticancer therapy and transplants (DS), which end a response's observation",
            action="none is assumed",
        )
    ]


def _by_subject(frame: pl.DataFrame) -> dict[str, list[dict[str, object]]]:
    grouped: dict[str, list[dict[str, object]]] = {}
    for row in frame.iter_rows(named=True):
        grouped.setdefault(row["subject_id"], []).append(row)
    return grouped


def _contacts(tables: Mapping[str, pl.DataFrame]) -> dict[str, tuple[tuple[int, str], ...]]:
    """The days on which each subject is known to have been seen, and by what."""
    named = (
        ("assessments", "response assessment"),
        ("lesions", "lesion measurement"),
        ("labs", "laboratory sample"),
        ("adverse_events", "adverse event"),
        ("exposure", "administration"),
        ("disposition", "disposition event"),
    )
    frames = [tables[name].select("subject_id", "day", what=pl.lit(what)) for name, what in named]
    for column, what in (("last_contact_day", "end of participation"), ("death_day", "death")):
        frames.append(tables["subjects"].select("subject_id", day=pl.col(column), what=pl.lit(what)))
    seen = (
        pl.concat(frames)
        .filter(pl.col("day").is_not_null())
        .unique(["subject_id", "day"], keep="first", maintain_order=True)
    )
    contacts: dict[str, list[tuple[int, str]]] = {}
    for subject, day, what in seen.sort("day", maintain_order=True).iter_rows():
        contacts.setdefault(subject, []).append((day, what))
    return {subject: tuple(days) for subject, days in contacts.items()}


def _course(
    subject: str,
    zero: datetime.date | None,
    rows: Sequence[dict[str, object]],
    events: Sequence[dict[str, object]],
    person: Mapping[str, object],
    contacts: tuple[tuple[int, str], ...],
) -> History:
    groups: dict[tuple[int, int], list[dict[str, object]]] = {}
    before = 0
    for row in rows:
        if row["date"] is None and row["day"] is None:
            if response(_text(row["response"])) in {Response.NE, None}:
                continue
            span = (1, _LATEST)
        else:
            span = days_of(row, zero)
        if span[1] <= 0:
            before += 1
            continue
        groups.setdefault((max(span[0], 1), span[1]), []).append(row)
    prior: Response | None = None
    assessments: list[Assessment] = []
    conflicts: list[str] = []
    for (low, high), group in sorted(groups.items()):
        words = [_text(r["response"]) for r in group]
        combined, metabolic, conflict = combine(words, prior)
        prior = metabolic if metabolic is not None else prior
        possible: tuple[Response, ...] = ()
        if conflict is not None:
            conflicts.append(f"{conflict} on day {low}")
            possible = tuple(r for r in Response if r in _decisive(words)[1])
        visits = dict.fromkeys(str(r["visit"]) for r in group if r["visit"] is not None)
        assessments.append(
            Assessment(
                day=low if low == high else None,
                earliest=low,
                latest=high,
                response=combined,
                possible=possible,
                visit=", ".join(visits) or None,
                source_ids=tuple(i for r in group for i in _ids(r)),
            )
        )
    happened = {
        name: _first([(r, days_of(r, zero)) for r in events if test(_text(r["event"]))])
        for name, test in (("new_therapy", is_new_therapy), ("transplant", is_transplant), ("death", is_death))
    }
    deaths = [happened["death"]]
    if person.get("death_date") is not None:
        known = {"date": person["death_date"], "day": person.get("death_day"), "source_id": person["source_id"]}
        deaths.insert(0, _first([(known, days_of(known, zero))]))
    recorded = [d for d in deaths if d is not None]
    death = next((d for d in recorded if d.exact), next(iter(recorded), None))
    if death is not None and not death.exact:
        seen = max((day for day, what in contacts if what in _ALIVE and day <= death.latest), default=0)
        death = replace(death, earliest=max(death.earliest, seen))
    return History(
        subject_id=subject,
        assessments=tuple(assessments),
        conflict="; ".join(conflicts) or None,
        new_therapy=happened["new_therapy"],
        transplant=happened["transplant"],
        death=death,
        contacts=contacts,
        before=before,
        imputed=tuple(_imputed(rows, events, person)),
    )


def _ids(row: Mapping[str, object]) -> tuple[str, ...]:
    """Where an assessment stands: its row, or the rows of the lesions it was derived from."""
    several = row.get("source_ids")
    return tuple(str(i) for i in several) if isinstance(several, list) and several else (str(row["source_id"]),)


def _imputed(
    rows: Sequence[dict[str, object]], events: Sequence[dict[str, object]], person: Mapping[str, object]
) -> list[str]:
    """The days of a subject that were made of incomplete dates by a declared rule, in words."""
    ended = [e for e in events if any(test(_text(e["event"])) for test in (is_new_therapy, is_transplant, is_death))]
    found = [("assessment", r["date"] or "lesions", r["day"]) for r in rows if r["day_imputed"] is not None]
    found += [(str(e["event"]).lower(), e["date"], e["day"]) for e in ended if e["day_imputed"] is not None]
    if person.get("death_day_imputed") is not None:
        found.append(("death", person["death_date"], person["death_day"]))
    return list(dict.fromkeys(f"{what} of {date} as day {day}" for what, date, day in found))


def combine(words: Sequence[str | None], prior: Response | None) -> tuple[Response, Response | None, str | None]:
    """The overall response of one day from its assessments.

    Parameters
    ----------
    words
        Categories as written, of PET-CT and of CT.
    prior
        The last metabolic response before this day, if any.

    Returns
    -------
    tuple
        The response; the metabolic response of this day, if any; a contradiction in words, if any (the response then
        is NE).

    Notes
    -----
    Where PET-CT was evaluable it decides. Where it was not evaluable and CT shows no progression, the response of the
    last evaluable PET-CT stands; without one, and where PET-CT was not done, CT decides.
    """
    known = [folded(w) for w in words]
    metabolic, decisive = _decisive(words)
    if len(decisive) > 1:
        return Response.NE, None, " and ".join(sorted(r.value for r in decisive))
    if metabolic:
        found = next(iter(metabolic))
        return found, found, None
    failed = any(w not in NOT_DONE and response(w) is Response.NE for w in known)
    by_ct = any(w in ANATOMIC for w in known)
    if failed and by_ct and prior is not None and decisive != {Response.PD}:
        return prior, None, None
    return next(iter(decisive), Response.NE), None, None


def _decisive(words: Sequence[str | None]) -> tuple[set[Response], set[Response]]:
    """The metabolic responses among the words, and those that decide: the metabolic ones where there are any."""
    known = [folded(w) for w in words]
    metabolic = {METABOLIC[w] for w in known if w in METABOLIC}
    others: set[Response] = {r for w in known if w not in METABOLIC and (r := response(w)) is not None}
    others.discard(Response.NE)
    return metabolic, metabolic or others


def _first(found: Sequence[tuple[Mapping[str, object], tuple[int, int]]]) -> Event | None:
    """The first of some events after the infusion (prior therapy and transplants lie before it)."""
    after = [(span, str(row["source_id"])) for row, span in found if span[1] >= 0]
    if not after:
        return None
    (low, high), source_id = min(after)
    return Event(earliest=max(low, 0), latest=high, source_id=source_id)


def days_of(row: Mapping[str, object], zero: datetime.date | None) -> tuple[int, int]:
    """First and last day a date may be; without a readable date, any day from the infusion on."""
    if row["day"] is not None:
        day = int(str(row["day"]))
        return day, day
    if zero is None:
        return 0, _LATEST
    text = _text(row["date"]) or ""
    parts = text.split("-")
    try:
        year = int(parts[0])
        month = int(parts[1]) if len(parts) > 1 else None
        low = datetime.date(year, month or 1, 1)
        high = datetime.date(year, month or 12, calendar.monthrange(year, month or 12)[1])
    except (ValueError, calendar.IllegalMonthError):
        return 0, _LATEST
    return (low - zero).days, (high - zero).days


def day_zero(text: str) -> datetime.date | None:
    """The date of infusion; None where it is incomplete."""
    try:
        return datetime.date.fromisoformat(text[:10])
    except ValueError:
        return None


def _text(value: object) -> str | None:
    return None if value is None else str(value)
