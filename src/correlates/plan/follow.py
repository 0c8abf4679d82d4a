"""Following a name of a plan: what it may be a name of, and the problem of one that nobody defines."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase

from correlates.endpoints.settings import (
    BestResponse,
    DurableClass,
)
from correlates.endpoints.words import categories
from correlates.errors import InputError, Problem, unknown
from correlates.parameters.settings import (
    Profile,
    Window,
)
from correlates.plan.document import Path_
from correlates.plan.load import PlanFile
from correlates.plan.model import SdtmSource
from correlates.readers.settings import Records
from correlates.terms import Durability, Response
from correlates.units import factor, unit

CLINICAL_SOURCES = (SdtmSource, Records)
"""Sources of clinical records."""
ALL = "all"
"""The population of every treated subject; always there."""


def biomarker_groups(file: PlanFile) -> dict[str, tuple[tuple[str, ...], bool]]:
    """Group name: (codes and patterns, whether prespecified), in the order of the plan."""
    declared = file.plan.biomarkers
    groups = {name: (codes, True) for name, codes in declared.prespecified.items()}
    groups.update({name: (codes, False) for name, codes in declared.exploratory.items()})
    return groups


def expand(patterns: Collection[str], codes: Collection[str]) -> list[str]:
    """Codes that the names and patterns stand for, in the order of the patterns, none twice."""
    chosen: dict[str, None] = {}
    for pattern in patterns:
        hits = [pattern] if pattern in codes else [code for code in codes if fnmatchcase(code, pattern)]
        chosen.update(dict.fromkeys(hits))
    return list(chosen)


def reference(file: PlanFile, kind: str, name: str, known: Collection[str], path: Path_) -> Iterator[Problem]:
    """The problem of a name that is not among the known ones."""
    if name not in known:
        code = f"unknown-{kind.replace(' ', '-')}"
        yield unknown(kind, name, sorted(known), where=file.document.where(path), code=code)


def sources(file: PlanFile, kind: type | tuple[type, ...]) -> list[str]:
    """The names of the sources of a kind."""
    return [name for name, source in file.plan.sources.items() if isinstance(source, kind)]


def needs(file: PlanFile, kind: type | tuple[type, ...], word: str, path: Path_) -> Iterator[Problem]:
    """The problem of a part of the plan that rests on a kind of source the plan has none of."""
    if not sources(file, kind):
        yield Problem(
            code="missing-source",
            what=f"{'.'.join(str(p) for p in path)} needs a source of kind {word}, and the plan has none",
            where=file.document.where(path, key=True),
            do=f"Add one under 'sources' with kind: {word}",
        )


def units(file: PlanFile, name: str | None, path: Path_, *, like: str | None = None) -> Iterator[Problem]:
    """The problem of a unit that nobody knows, or that does not convert to another."""
    if name is None:
        return
    where = file.document.where(path)
    try:
        unit(name, where=where)
        if like is not None:
            factor(name, like, where=where)
    except InputError as error:
        yield from error.problems


def families(file: PlanFile) -> set[str]:
    """Codes of parameters that become one per analyte."""
    return {code for code, p in file.plan.parameters.items() if isinstance(p, Profile | Window) and p.each}


def known_code(file: PlanFile, name: str, path: Path_) -> Iterator[Problem]:
    """The problem of a code, or of a pattern over a family, that no parameter has."""
    head, dot, _ = name.partition(".")
    plain = set(file.plan.parameters) - families(file)
    if dot and head in families(file):
        return
    if not dot and any(fnmatchcase(code, name) for code in plain):
        return
    known = sorted(plain | {f"{code}.*" for code in families(file)})
    yield unknown("parameter", name, known, where=file.document.where(path), code="unknown-parameter")


def classes_of(file: PlanFile, name: str) -> tuple[str, ...] | None:
    """Classes of a class endpoint; None where they come from the data."""
    endpoint = file.plan.endpoints[name]
    if isinstance(endpoint, DurableClass):
        return tuple(d.value for d in Durability if d is not Durability.UNDETERMINED)
    if isinstance(endpoint, BestResponse):
        return tuple(r.value for r in (*categories(endpoint.criteria), Response.NE))
    return None
