"""Endpoints made of classes: yes or no by class, and outcomes taken as recorded."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from correlates.endpoints.record import Derived, Finding, Given
from correlates.endpoints.settings import ClassIs, Endpoint, Recorded
from correlates.endpoints.words import folded
from correlates.errors import DerivationError, Problem, unknown
from correlates.terms import OutcomeKind, Reason


def derive_class_is(name: str, spec: Endpoint, given: Given) -> Derived:
    """Whether the class is among ``yes``.

    Undefined when
        The class is (with its reason), or it is neither among ``yes`` nor among ``no`` (``not-classed``).
    """
    assert isinstance(spec, ClassIs)
    source = given.done[spec.of]
    if source.kind is not OutcomeKind.CLASS:
        raise DerivationError(
            Problem(
                code="wrong-kind",
                what=f"Endpoint {name!r} needs an endpoint of classes",
                found=f"{spec.of!r} is of kind {source.kind.value}",
                expected="an endpoint of classes (best response, durability, recorded)",
                do="Name a class endpoint in `of`",
            )
        )
    seen = {f.category for f in source.findings.values() if f.category is not None}
    _known(name, (*spec.yes, *(spec.no or ())), sorted(source.classes or seen))
    findings = {}
    for subject, found in source.findings.items():
        event = _yes_or_no(found.category, spec.yes, spec.no)
        if event is None:
            findings[subject] = Finding(
                reason=found.reason or Reason.NOT_CLASSED,
                detail=found.detail if found.reason else f"{found.category} is neither yes nor no",
                scale=found.scale,
                source_ids=found.source_ids,
            )
            continue
        findings[subject] = Finding(
            event=event,
            scale=found.scale,
            day=found.day,
            known_on_day=found.known_on_day,
            detail=found.detail,
            source_ids=found.source_ids,
        )
    return Derived(kind=OutcomeKind.BINARY, findings=findings)


def derive_recorded(name: str, spec: Endpoint, given: Given) -> Derived:
    """An outcome as a column of a table source records it: a class, or yes or no where ``yes`` is given.

    Rows of a file that was read without naming a source are of every source.

    Undefined when
        Nothing is recorded for the subject (``not-recorded``), two values are (``duplicated``), or what is recorded is neither among ``yes`` nor among
        ``no`` (``not-classed``).
    """
    assert isinstance(spec, Recorded)
    frame = given.tables["characteristics"].filter(pl.col("source").is_in([spec.source, ""]))
    rows = frame.filter((pl.col("name") == spec.column) | (pl.col("label") == spec.column))
    if rows.is_empty():
        names = [str(n) for n in frame["name"].unique(maintain_order=True)]
        raise DerivationError(unknown(f"column of endpoint {name!r}", spec.column, names, code="unknown-column"))
    recorded: dict[str, dict[str | None, str]] = {}
    for subject, category, row in rows.select("subject_id", "category", "source_id").iter_rows():
        recorded.setdefault(subject, {}).setdefault(category, row)
    if spec.yes is not None:
        values = sorted({c for found in recorded.values() for c in found if c is not None})
        _known(name, (*spec.yes, *(spec.no or ())), values)
    findings = {}
    for subject in given.subjects:
        mine = recorded.get(subject, {})
        ids = tuple(mine.values())
        value = next(iter(mine), None)
        if len(mine) > 1:
            both = " and ".join(repr(v) for v in mine)
            findings[subject] = Finding(reason=Reason.DUPLICATED, detail=f"{spec.column} = {both}", source_ids=ids)
            continue
        if value is None:
            findings[subject] = Finding(reason=Reason.NOT_RECORDED, detail=f"{spec.column} is blank", source_ids=ids)
            continue
        detail = f"{spec.column} = {value}"
        if spec.yes is None:
            findings[subject] = Finding(category=value, detail=detail, source_ids=ids)
            continue
        event = _yes_or_no(value, spec.yes, spec.no)
        reason = Reason.NOT_CLASSED if event is None else None
        findings[subject] = Finding(event=event, reason=reason, detail=detail, source_ids=ids)
    kind = OutcomeKind.CLASS if spec.yes is None else OutcomeKind.BINARY
    return Derived(kind=kind, findings=findings)


def _yes_or_no(value: str | None, yes: Sequence[str], no: Sequence[str] | None) -> bool | None:
    if value is None:
        return None
    if _among(value, yes):
        return True
    return False if no is None or _among(value, no) else None


def _among(value: str, words: Sequence[str]) -> bool:
    return any(folded(value) == folded(word) or _same_number(value, word) for word in words)


def _same_number(a: str, b: str) -> bool:
    try:
        return float(a) == float(b)
    except ValueError:
        return False


def _known(name: str, wanted: Sequence[str], classes: Sequence[str]) -> None:
    """Every class an endpoint names must exist: a misspelt one would make a wrong yes or no of everybody."""
    strange = [w for w in wanted if not any(_among(c, [w]) for c in classes)]
    if strange:
        raise DerivationError(
            unknown(f"class of endpoint {name!r}", w, list(classes), code="unknown-class") for w in strange
        )
