"""Names that endpoints refer to, and the rules each of them needs."""

from __future__ import annotations

from collections.abc import Iterator

from correlates.endpoints.settings import (
    AtLeast,
    BestResponse,
    ClassIs,
    DurableClass,
    MaxGrade,
    Recorded,
)
from correlates.endpoints.time_settings import PRESETS, TimeToEvent, in_force
from correlates.endpoints.toxicity_settings import (
    COMPONENTS,
    CrsGrade,
    Cytopenia,
    DailyGrade,
    Duration,
    Icaht,
    IcansGrade,
    Onset,
    TreatmentGiven,
)
from correlates.errors import Problem
from correlates.plan.document import Path_
from correlates.plan.follow import (
    CLINICAL_SOURCES,
    classes_of,
    needs,
    reference,
    sources,
    units,
)
from correlates.plan.load import PlanFile
from correlates.plan.model import DailySource, TableSource
from correlates.terms import Scale


def endpoint_names(file: PlanFile) -> Iterator[Problem]:
    """What is wrong with the names of the endpoints, and with their rules."""
    plan = file.plan
    with_days = (MaxGrade, DailyGrade, CrsGrade, IcansGrade)
    kinds: dict[type, tuple[type, ...]] = {
        ClassIs: (BestResponse, DurableClass, Recorded),
        AtLeast: (*with_days, Icaht),
        Onset: with_days,
        Duration: with_days,
    }
    for name, endpoint in plan.endpoints.items():
        path: Path_ = ("endpoints", name)
        if isinstance(endpoint, ClassIs | AtLeast | Onset | Duration):
            known = [n for n, e in plan.endpoints.items() if isinstance(e, kinds[type(endpoint)]) and n != name]
            yield from reference(file, "endpoint", endpoint.of, known, (*path, "of"))
            if isinstance(endpoint, ClassIs) and endpoint.of in known and (classes := classes_of(file, endpoint.of)):
                for word in ("yes", "no"):
                    for index, value in enumerate(getattr(endpoint, word) or ()):
                        yield from reference(file, "class", value, classes, (*path, word, index))
        elif isinstance(endpoint, Recorded):
            yield from reference(file, "table source", endpoint.source, sources(file, TableSource), (*path, "source"))
        elif isinstance(endpoint, DailyGrade | CrsGrade | IcansGrade):
            yield from _daily(file, endpoint, path)
        else:
            if not isinstance(endpoint, TreatmentGiven) or endpoint.treatments:
                yield from needs(file, CLINICAL_SOURCES, "sdtm or records", path)
            if isinstance(endpoint, TreatmentGiven):
                yield from _given(file, endpoint, path)
            if isinstance(endpoint, Icaht | Cytopenia):
                yield from units(file, endpoint.unit, (*path, "unit"))
            if isinstance(endpoint, TimeToEvent):
                yield from _rules(file, endpoint, path)


def _daily(file: PlanFile, endpoint: DailyGrade | CrsGrade | IcansGrade, path: Path_) -> Iterator[Problem]:
    """The source and the items of an endpoint of daily records."""
    yield from reference(file, "daily source", endpoint.source, sources(file, DailySource), (*path, "source"))
    source = file.plan.sources.get(endpoint.source)
    if isinstance(endpoint, DailyGrade):
        named = {"item": endpoint.item}
    else:
        words = ("recorded", *COMPONENTS[type(endpoint)])
        named = {word: item for word in words if (item := getattr(endpoint, word)) is not None}
        if not named:
            yield Problem(
                code="no-components",
                what=f"Endpoint {path[-1]!r} names no component and no recorded grade",
                where=file.document.where(path, key=True),
                expected=f"at least one of {', '.join(words)}",
            )
    if isinstance(endpoint, CrsGrade) and endpoint.scale is Scale.ASTCT_2019 and set(named) - {"recorded"}:
        if endpoint.fever is None:
            yield Problem(
                code="no-fever",
                what=f"Endpoint {path[-1]!r}: without fever there is no CRS by ASTCT 2019, and no item of it is named",
                where=file.document.where(path, key=True),
                expected="fever: the item of the temperature",
                do="Name it, or take the recorded grade alone",
            )
        for word in ("fio2", "organ", "transaminases"):
            if word in named:
                yield Problem(
                    code="not-of-the-scale",
                    what=f"Endpoint {path[-1]!r}: {word} is no part of ASTCT 2019",
                    where=file.document.where((*path, word)),
                    do="Leave it out, or grade by lee_2014",
                )
    if isinstance(source, DailySource):
        for word, item in named.items():
            yield from reference(file, "item", item, source.items, (*path, word))
        for index, item in enumerate(getattr(endpoint, "therapy", ())):
            yield from reference(file, "item", item, source.items, (*path, "therapy", index))


def _given(file: PlanFile, endpoint: TreatmentGiven, path: Path_) -> Iterator[Problem]:
    if not endpoint.treatments and not endpoint.items:
        yield Problem(
            code="no-treatment",
            what=f"Endpoint {path[-1]!r} names no treatment and no item",
            where=file.document.where(path, key=True),
            expected="treatments of the exposure records, or items of a daily source",
        )
    if endpoint.items:
        known = sources(file, DailySource)
        yield from reference(file, "daily source", endpoint.source or "", known, (*path, "source"))
        source = file.plan.sources.get(endpoint.source or "")
        for index, item in enumerate(endpoint.items if isinstance(source, DailySource) else ()):
            yield from reference(file, "item", item, getattr(source, "items", ()), (*path, "items", index))


def _rules(file: PlanFile, endpoint: TimeToEvent, path: Path_) -> Iterator[Problem]:
    """Every rule that decides a time is given, by the plan or by a preset."""
    rules = in_force(endpoint)
    if isinstance(rules, list):
        yield Problem(
            code="missing-rule",
            what=f"Endpoint {path[-1]!r}: neither the plan nor a preset gives {', '.join(rules)}",
            where=file.document.where(path, key=True),
            expected=f"rules: {' or '.join(PRESETS)}, or every rule",
            do="Set rules of the endpoint",
        )
    elif rules.missed_visits and endpoint.measure != "os" and not endpoint.visits:
        yield Problem(
            code="no-schedule",
            what=f"Endpoint {path[-1]!r}: missed visits are counted, and the scheduled assessments are not given",
            where=file.document.where(path, key=True),
            expected="visits: days of the scheduled assessments",
            do="Set visits, or missed_visits: 0",
        )
