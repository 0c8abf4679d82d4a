"""Whether a treatment was given: tocilizumab, corticosteroids, siltuximab, anakinra."""

from __future__ import annotations

import polars as pl

from correlates.endpoints.checks import Check, check
from correlates.endpoints.history import day_zero, days_of
from correlates.endpoints.record import Derived, Finding, Given
from correlates.endpoints.settings import Endpoint
from correlates.endpoints.toxicity_settings import TreatmentGiven
from correlates.endpoints.words import flag, folded
from correlates.errors import DerivationError, unknown
from correlates.schema.daily import DAILY
from correlates.terms import OutcomeKind, Reason


def derive_given(name: str, spec: Endpoint, given: Given) -> Derived:
    """Whether any of the treatments was given on a day of the window; the day is the first.

    Undefined when
        Not treated; an administration with an incomplete date may lie inside the window or outside it (``partial-date``); of a daily
        source, no day of the window was recorded (``not-recorded``).
    """
    assert isinstance(spec, TreatmentGiven)
    wanted = [folded(t) for t in spec.treatments]
    exposure = given.tables["exposure"].filter((pl.col("dose") != 0).fill_null(value=True))
    mine = exposure.filter(pl.col("treatment").str.strip_chars().str.to_uppercase().is_in(wanted))
    daily = given.tables.get("daily", DAILY.empty()).filter(pl.col("source") == (spec.source or ""))
    known = daily["item"].unique(maintain_order=True).to_list()
    if absent := [item for item in spec.items if item not in known]:
        raise DerivationError(
            unknown(f"item of daily source {spec.source!r} (endpoint {name!r})", item, known, code="unknown-item")
            for item in absent
        )
    daily = daily.filter(pl.col("item").is_in(spec.items))
    administered: dict[str, list[dict[str, object]]] = {}
    for row in mine.iter_rows(named=True):
        administered.setdefault(row["subject_id"], []).append(row)
    recorded: dict[str, list[tuple[int, bool, str]]] = {}
    for subject, day, text, origin in daily.select("subject_id", "day", "text", "source_id").iter_rows():
        if text is not None and (yes := flag(text)) is not None and spec.window[0] <= day <= spec.window[1]:
            recorded.setdefault(subject, []).append((day, yes, origin))
    exposed = any(date is not None for date in given.subjects.values())
    findings = {
        subject: _of_subject(
            infusion,
            administered.get(subject, []),
            recorded.get(subject, []) if spec.items else None,
            spec,
            exposed=exposed,
        )
        for subject, infusion in given.subjects.items()
    }
    return Derived(kind=OutcomeKind.BINARY, findings=findings, checks=tuple(_unmatched(name, spec, exposure, mine)))


def _of_subject(
    infusion: str | None,
    administered: list[dict[str, object]],
    recorded: list[tuple[int, bool, str]] | None,
    spec: TreatmentGiven,
    *,
    exposed: bool,
) -> Finding:
    if infusion is None and exposed:
        return Finding(reason=Reason.NOT_TREATED, detail=Reason.NOT_TREATED.label)
    zero = None if infusion is None else day_zero(infusion)
    if infusion is not None and zero is None:
        return Finding(reason=Reason.PARTIAL_DATE, detail=Reason.PARTIAL_DATE.label)
    low, high = spec.window
    spans = [] if zero is None else [(days_of(row, zero), str(row["source_id"])) for row in administered]
    given = [(span[0], i) for span, i in spans if span[0] == span[1] and low <= span[0] <= high]
    given += [(day, i) for day, yes, i in recorded or () if yes]
    ids = tuple(i for _, i in given)
    if given:
        first = min(given)[0]
        days = len({day for day, _ in given})
        return Finding(
            event=True,
            day=float(first),
            known_on_day=float(first),
            detail=f"first on day {first}, on {days} day{'s' if days > 1 else ''}",
            source_ids=ids,
        )
    undated = [(span, i) for span, i in spans if span[0] != span[1] and span[0] <= high and span[1] >= low]
    within = [i for span, i in undated if low <= span[0] and span[1] <= high]
    if within:
        return Finding(event=True, known_on_day=float(high), detail="on an incomplete date", source_ids=tuple(within))
    if undated:
        return Finding(
            reason=Reason.PARTIAL_DATE, detail="given on an incomplete date", source_ids=tuple(i for _, i in undated)
        )
    if recorded is not None and not recorded and not spec.treatments:
        return Finding(reason=Reason.NOT_RECORDED, detail=f"no record on days {low} to {high}")
    seen = max((day for day, _, _ in recorded or ()), default=high)
    end = float(high if spec.treatments else seen)
    return Finding(event=False, known_on_day=end, detail=f"not given on days {low} to {end:g}")


def _unmatched(name: str, spec: TreatmentGiven, exposure: pl.DataFrame, mine: pl.DataFrame) -> list[Check]:
    if not spec.treatments or not mine.is_empty():
        return []
    known = [str(t) for t in exposure["treatment"].unique(maintain_order=True)][:20]
    return [
        check(
            scope="source",
            item="exposure",
            target=name,
            rule="no-treatment-counts",
            found=f"treatments {', '.join(known)}" if known else "no treatments",
            required=f"an administration of {', '.join(spec.treatments)}",
            action="not given for all treated subjects",
        )
    ]
